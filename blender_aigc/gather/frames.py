"""The passes of many frames of one scene, one after the other."""

from __future__ import annotations

import dataclasses

import bpy

from .passes import passes_blob
from .rendered import rendered
from .sources import Render


class Frames:
    """The frames of `scene`, each rendered as `how` says. Call `close` at the end."""

    def __init__(self, scene: bpy.types.Scene, how: Render) -> None:
        self._scene = scene
        self._how = how

    def serves(self, scene: bpy.types.Scene) -> bool:
        return self._scene == scene

    def blob(self, frame: int) -> tuple[bytes, str]:
        """The passes of one frame as the bytes of a file, and its suffix. Raises Fault."""
        return passes_blob(rendered(dataclasses.replace(self._how, frame=frame), self._scene))

    def close(self) -> None:
        """Nothing is kept yet."""
