"""From the panel of a plan to a film: Stylise, and control frames as files. One frame a heartbeat, like sequences."""

from __future__ import annotations

import bpy

from . import physics, watch
from .operators_plan import refuse
from .operators_sequence import TASK, begin
from .polls import NO_BAKE, NO_CONTROL, NO_JOB, NO_SEQUENCE, Polled
from .protocol import Fault
from .state import STATE


class AIGC_OT_stylise_plan(Polled, bpy.types.Operator):
    bl_idname = "aigc.stylise_plan"
    bl_label = "Stylise"
    bl_description = (
        "Render the frames of the scene and draw each in the look, without flicker; goes on where it stopped"
    )

    needs = (NO_JOB, NO_SEQUENCE, NO_BAKE)

    def execute(self, context) -> set[str]:
        from . import film

        scene, settings = context.scene, context.scene.aigc
        try:
            collection = physics.collection_of(context)
            watch.know_models()
            model = settings.model_id if settings.task == TASK else ""
            info = STATE.models.get(STATE.model_for(TASK, model))
            prompt, style = film.look_of(settings.look, physics.about(collection))
            values = film.params_of(style, info) if info is not None else {}
            render = film.render_of(scene, collection, scene.frame_start, scene.frame_end, settings.longest_px)
            begin(context, prompt, values, render)
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_control_frames(Polled, bpy.types.Operator):
    bl_idname = "aigc.control_frames"
    bl_label = "Control Frames"
    bl_description = "Write depth, lines and a mask of what moves for every frame, as pictures for any video model"

    needs = (NO_CONTROL, NO_BAKE)

    def execute(self, context) -> set[str]:
        from . import film
        from .sequence.make import output_folder

        scene, settings = context.scene, context.scene.aigc
        try:
            folder = output_folder(settings.frames_folder) / film.CONTROL
            frames = film.control_frames(scene, physics.collection_of(context), folder, scene.frame_start,
                                         scene.frame_end, settings.longest_px)  # fmt: skip
            STATE.fault = None
            if bpy.app.background:
                while not frames.finished:
                    frames.step()
                if frames.fault is not None:
                    raise frames.fault
        except Fault as fault:
            return refuse(self, fault)
        STATE.control = frames
        watch.wake()
        return {"FINISHED"}


class AIGC_OT_stop_control(bpy.types.Operator):
    bl_idname = "aigc.stop_control"
    bl_label = "Stop Control Frames"
    bl_description = "Stop after this frame"

    @classmethod
    def poll(cls, _context) -> bool:
        return STATE.running_control() is not None

    def execute(self, _context) -> set[str]:
        STATE.control.cancel()
        STATE.control = None
        watch.redraw()
        return {"FINISHED"}


def look() -> None:
    """Called by the timer: the next control frame, when nobody is in the middle of something."""
    frames = STATE.running_control()
    if frames is None or bpy.app.is_job_running("RENDER"):
        return
    if any(watch.modal_tool(window) for window in bpy.context.window_manager.windows):
        return
    frames.step()
    watch.redraw()
    if frames.fault is not None:
        STATE.control = None
        STATE.show(frames.fault.record())


_CLASSES = (AIGC_OT_stylise_plan, AIGC_OT_control_frames, AIGC_OT_stop_control)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    watch.EVERY_TICK.append(look)


def unregister() -> None:
    if STATE.control is not None:
        STATE.control.cancel()
        STATE.control = None
    if look in watch.EVERY_TICK:
        watch.EVERY_TICK.remove(look)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
