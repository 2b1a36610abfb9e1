"""What models that draw with one family of checkpoints have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from blender_aigc.protocol import Fault, ModelInfo

if TYPE_CHECKING:
    from .families import Family
    from .studio import Studio


class FamilyModel:
    """A model over the folder of a family's weights. Loading takes no time: which checkpoint is meant, the job says."""

    info: ModelInfo
    family: ClassVar[Family]

    def __init__(self) -> None:
        self._studio: Studio | None = None

    def load(self, folder: Path | None, device: str) -> None:
        """Raises Fault("weights_missing") without a folder."""
        from .library import Library
        from .studio import Studio

        if folder is None:
            hint = "Name their folder in the preferences, or with --weights."
            raise Fault("weights_missing", f"{self.info.label} needs its weights.", hint)
        self._studio = Studio(self.family, Library(folder), device)

    @property
    def studio(self) -> Studio:
        assert self._studio is not None, "load comes before run"
        return self._studio
