"""A model that needs a library which nobody has. Only tests load it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from blender_aigc.protocol import Job, ModelInfo


class NeedsMore:
    info = ModelInfo(
        id="needs_more", task="echo", label="Needs More", help="Cannot run", requires=("json", "no_such_lib")
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """Nothing."""

    def load(self, folder: Path | None, device: str) -> None:
        raise AssertionError("never reached")

    def run(self, job: Job, context: Any) -> None:
        raise AssertionError("never reached")


MODEL = NeedsMore
