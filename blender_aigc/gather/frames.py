"""The passes of many frames of one scene, one after the other.

In the background the copies of the scene are kept from frame to frame, with what Blender and Cycles know of them
(persistent data): evaluating and loading the same scene again costs more than rendering these passes. With a window
they are made anew for every frame, since between two frames the user may save, undo or look at the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import bpy
import numpy as np

from .passes import passes_blob
from .render_state import Stage, camera_at, stage
from .rendered import OF_FRAMES, rendered
from .sources import Render


class Frames:
    """The frames of `scene`, each rendered as `how` says. Call `close` at the end.

    keep: the copies from one frame to the next; None: in the background only.
    """

    def __init__(self, scene: bpy.types.Scene, how: Render, keep: bool | None = None) -> None:
        self._scene = scene
        self._how = how
        self._keep = bpy.app.background if keep is None else keep
        self._undo = ExitStack()
        self._stages: list[Stage] = []
        self._calls = 0
        self._frame = scene.frame_current
        self._camera: bpy.types.Object | None = None

    def serves(self, scene: bpy.types.Scene) -> bool:
        return self._scene == scene

    def blob(self, frame: int) -> tuple[memoryview, str]:
        """The passes of one frame as the bytes of a file, and its suffix. Raises Fault."""
        return passes_blob(self.passes(frame))

    def passes(self, frame: int) -> dict[str, np.ndarray]:
        """The passes of one frame. Raises Fault."""
        how = dataclasses.replace(self._how, frame=frame)
        if not self._keep:
            return rendered(how, self._scene, usual=OF_FRAMES)
        camera = camera_at(self._scene, frame)
        if camera != self._camera:  # a marker binds another one
            self.close()
        self._camera, self._frame, self._calls = camera, frame, 0
        with ExitStack() as failing:
            failing.callback(self.close)
            made = rendered(how, self._scene, self._staged, OF_FRAMES)
            failing.pop_all()
        return made

    def close(self) -> None:
        """Remove the copies, and give the objects of the scene the values of its own frame again."""
        if self._stages:
            self._stages.clear()
            self._undo.close()
            self._scene.frame_set(self._scene.frame_current, subframe=self._scene.frame_subframe)

    @contextmanager
    def _staged(self) -> Iterator[Stage]:
        """The same copy for the same render of every frame: the first is that of the geometry, and so on."""
        number, self._calls = self._calls, self._calls + 1
        if number == len(self._stages):
            how = self._how
            self._stages.append(
                self._undo.enter_context(stage(self._scene, how.view, self._frame, how.longest_px, kept=True))
            )
        here = self._stages[number]
        here.frame = here.scene.frame_current = self._frame
        yield here
