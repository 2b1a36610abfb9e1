"""F12, and then the picture: the hook on finished renders, and the operators that show before and after."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent
from bpy.props import StringProperty

from . import watch
from .apply.show import flipped, image_of, show
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


class AIGC_OT_show_image(bpy.types.Operator):
    bl_idname = "aigc.show_image"
    bl_label = "Show Picture"
    bl_description = "Show this result in an Image Editor, in a new window when none is open"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context) -> set[str]:
        image = image_of(self.job_id)
        if image is None:
            self.report({"ERROR"}, "The picture is not in this file. Press Place first.")
            return {"CANCELLED"}
        if not show(context.window_manager, image) and not bpy.app.background:
            bpy.ops.wm.window_new()
            area = context.window_manager.windows[-1].screen.areas[0]
            area.type = "IMAGE_EDITOR"
            area.spaces.active.image = image
        return {"FINISHED"}


class AIGC_OT_flip(bpy.types.Operator):
    bl_idname = "aigc.flip"
    bl_label = "Before / After"
    bl_description = "Show the render instead of this result in the Image Editors, and the other way round"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context) -> set[str]:
        image = image_of(self.job_id)
        if image is None or not flipped(context.window_manager, image):
            self.report({"WARNING"}, "No Image Editor shows this result or its render.")
            return {"CANCELLED"}
        return {"FINISHED"}


_CLASSES = (AIGC_OT_show_image, AIGC_OT_flip)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.app.handlers.render_complete.append(_render_done)
    watch.EVERY_TICK.append(due)


def unregister() -> None:
    if due in watch.EVERY_TICK:
        watch.EVERY_TICK.remove(due)
    if _render_done in bpy.app.handlers.render_complete:
        bpy.app.handlers.render_complete.remove(_render_done)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
