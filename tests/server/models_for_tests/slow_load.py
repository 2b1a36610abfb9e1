"""A model whose loading does not end. Only tests load it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from blender_aigc.protocol import Job, ModelInfo


class SlowLoad:
    info = ModelInfo(id="slow_load", task="echo", label="Slow", help="Loads for ever", procedural=True)
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """Nothing."""

    def load(self, folder: Path | None, device: str) -> None:
        time.sleep(1000)

    def run(self, job: Job, context: Any) -> None:
        raise AssertionError("never reached")


MODEL = SlowLoad
