"""A range of frames from the tab: begin or go on, stop, and put the frames into the file.

Rendering a frame blocks Blender for as long as that frame takes, and no longer: one frame a heartbeat, none while
a tool of Blender is in use. Blender's own animation render would own the window until its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import bpy
from bpy.props import EnumProperty

from . import watch
from .ask import whole_prompt_of
from .place import show_sequence
from .polls import NO_JOB, NO_SEQUENCE, Polled
from .properties import chosen_model
from .protocol import Fault
from .state import STATE

if TYPE_CHECKING:
    from .gather.sources import Render
    from .sequence.run import Run

TASK = "render_sequence"


def begin(
    context: bpy.types.Context,
    prompt: str | None = None,
    values: Mapping[str, bool | int | float | str] | None = None,
    render: Render | None = None,
) -> None:
    """Start the sequence that the tab describes. In the background wait for its end. Raises Fault.

    prompt, render: instead of the tab's. values: of parameters, over the tab's.
    """
    from .gather.sources import Render
    from .sequence.make import make, order_of, output_folder
    from .sequence.run import Run

    scene, settings = context.scene, context.scene.aigc
    folder = output_folder(settings.frames_folder)
    watch.know_models()
    model = chosen_model(settings) if settings.task == TASK else STATE.default_model(TASK)
    model = model or watch.first_model(TASK)
    info, session = STATE.models[model], watch.session()
    order = order_of(
        scene,
        session,
        info,
        params=values,
        reference=settings.reference,
        prompt=whole_prompt_of(scene) if prompt is None else prompt,
        name=settings.result_name,
        render=render or Render(longest_px=settings.longest_px),
        as_in_tab=True,
    )
    STATE.fault = None
    STATE.sequence = Run(session, scene, order, folder, settings.frames_anew)
    settings.frames_anew = False
    if bpy.app.background:
        make(session, STATE.sequence)
        _tell(STATE.sequence)
    else:
        watch.wake()


def advance() -> None:
    """Called by the timer: the next frame, when nobody is in the middle of something."""
    run = STATE.sequence
    if run is None or run.told or bpy.app.is_job_running("RENDER"):
        return
    windows = bpy.context.window_manager.windows
    window = next((w for w in windows if w.scene.name == run.scene_name), None) or next(iter(windows), None)
    if window is None or any(watch.modal_tool(one) for one in windows):
        return
    with bpy.context.temp_override(window=window):
        run.step()
        if run.finished:
            _tell(run)
    watch.redraw()


def _tell(run: Run) -> None:
    """The end: the frames enter the file, or the fault is shown."""
    run.told = True
    if run.fault is None:
        bpy.ops.aigc.place_sequence("EXEC_DEFAULT", True, where="IMAGE")
    elif run.fault.code != "cancelled":
        STATE.show(run.fault.record())


class AIGC_OT_render_sequence(Polled, bpy.types.Operator):
    bl_idname = "aigc.render_sequence"
    bl_label = "Render Sequence"
    bl_description = "Render the frames of the timeline and draw each; goes on after those that are done in the folder"

    needs = (NO_JOB, NO_SEQUENCE)

    def execute(self, context) -> set[str]:
        from .operators import refuse

        try:
            begin(context)
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_stop_sequence(bpy.types.Operator):
    bl_idname = "aigc.stop_sequence"
    bl_label = "Stop Sequence"
    bl_description = "Stop after this frame; what is done stays, and rendering again goes on after it"

    @classmethod
    def poll(cls, _context) -> bool:
        return STATE.running_sequence() is not None

    def execute(self, _context) -> set[str]:
        STATE.sequence.cancel()
        watch.wake()
        watch.redraw()
        return {"FINISHED"}


class AIGC_OT_place_sequence(bpy.types.Operator):
    bl_idname = "aigc.place_sequence"
    bl_label = "Place Sequence"
    bl_description = "Put the frames that are done into the file"
    bl_options = {"REGISTER", "UNDO"}

    where: EnumProperty(
        name="Where",
        items=(
            ("IMAGE", "Image", "As an image that plays"),
            ("CAMERA", "Behind Camera", "As a background of the camera"),
            ("STRIP", "Strip", "As a strip in a scene of its own, for the sequencer"),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context) -> bool:
        return STATE.sequence is not None and STATE.sequence.done > 0

    def execute(self, context) -> set[str]:
        from .operators import refuse

        try:
            show_sequence(context, STATE.sequence, self.where)
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


_CLASSES = (AIGC_OT_render_sequence, AIGC_OT_stop_sequence, AIGC_OT_place_sequence)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    watch.EVERY_TICK.append(advance)


def unregister() -> None:
    if advance in watch.EVERY_TICK:
        watch.EVERY_TICK.remove(advance)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
