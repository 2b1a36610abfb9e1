"""F12, and then the picture: the hook on finished renders."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import watch
from .ask import ask_from_scene, submit
from .protocol import Fault
from .state import STATE

TASK = "render_image"


@persistent
def _render_done(scene, *_args) -> None:
    """Only takes a note: while Blender ends its render nothing else may render. The timer does the rest."""
    if scene is not None and scene.aigc.after_render and not bpy.app.background:
        STATE.rendered = scene.session_uid
        watch.wake()


def due() -> None:
    """Called by the timer: start on a finished render as soon as nothing else renders or runs."""
    if not STATE.rendered or bpy.app.is_job_running("RENDER") or STATE.running_job() is not None:
        return
    uid, STATE.rendered = STATE.rendered, 0
    window = next((w for w in bpy.context.window_manager.windows if w.scene.session_uid == uid), None)
    if window is None:
        return
    with bpy.context.temp_override(window=window):
        try:
            submit(bpy.context, ask_from_scene(bpy.context, TASK, last_render=True))
        except Fault as fault:
            STATE.show(fault.record())


def register() -> None:
    bpy.app.handlers.render_complete.append(_render_done)
    watch.EVERY_TICK.append(due)


def unregister() -> None:
    if due in watch.EVERY_TICK:
        watch.EVERY_TICK.remove(due)
    if _render_done in bpy.app.handlers.render_complete:
        bpy.app.handlers.render_complete.remove(_render_done)
