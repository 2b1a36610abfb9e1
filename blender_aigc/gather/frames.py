"""The passes of many frames of one scene, one after the other."""

from __future__ import annotations

import bpy

from .passes import passes_blob, render_passes
from .rendered import PASSES


class Frames:
    """The frames of `scene`. Call `close` at the end."""

    def __init__(self, scene: bpy.types.Scene) -> None:
        self._scene = scene

    def serves(self, scene: bpy.types.Scene) -> bool:
        return self._scene == scene

    def blob(self, frame: int) -> tuple[bytes, str]:
        """The passes of one frame as the bytes of a file, and its suffix. Raises Fault."""
        return passes_blob(render_passes(self._scene, PASSES, frame=frame))

    def close(self) -> None:
        """Nothing is kept yet."""
