"""The settings of the tab at any frame: keyframes, drivers and strips on them count, whatever frame the file shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy

from . import params
from .protocol import ModelInfo

Value = bool | int | float | str


@dataclass(frozen=True)
class Moment:
    """What is asked for at one frame. params: of the model, complete."""

    params: dict[str, Value]
    seed: int


class OverTime:
    """`Scene.aigc` of a scene at any frame, for one model. Made by `over_time`."""

    def __init__(self, scene: bpy.types.Scene, info: ModelInfo, copy: bpy.types.Scene | None) -> None:
        self._scene = scene
        self._info = info
        self._copy = copy

    @property
    def changes(self) -> bool:
        """Can the values of two frames differ?"""
        return self._copy is not None

    def at(self, frame: int) -> Moment:
        """The values at `frame`; the scene stays at its own."""
        settings = self._scene.aigc
        if self._copy is not None:
            layer = self._copy.view_layers[0]
            self._copy.frame_current = frame
            layer.update()
            settings = self._copy.evaluated_get(layer.depsgraph).aigc
        return Moment(params.values(settings.params, self._info), settings.seed)


@contextmanager
def over_time(scene: bpy.types.Scene, info: ModelInfo) -> Iterator[OverTime]:
    """The settings of `scene` at any of its frames.

    They are evaluated in a copy without the scene's objects: setting the frame of the scene itself would evaluate all
    of it, and move it before the user's eyes.
    """
    if scene.animation_data is None:
        yield OverTime(scene, info, None)
        return
    copy = scene.copy()
    try:
        for child in list(copy.collection.children):
            copy.collection.children.unlink(child)
        for obj in list(copy.collection.objects):
            copy.collection.objects.unlink(obj)
        copy.camera = None
        copy.timeline_markers.clear()
        yield OverTime(scene, info, copy)
    finally:
        bpy.data.batch_remove([copy])  # scenes.remove crashes in `blender -c`, without a window
