"""What the tab shows of a sequence: its range and folder, how far it is, and what can be done with it."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import fixit
from .drawing import time_left, wrapped
from .properties import chosen_model
from .state import STATE

TASK = "render_sequence"


def draw_range(column, context, settings) -> None:
    """Instead of the choice of a render: the frames of the timeline, and where they go."""
    scene = context.scene
    row = column.row(align=True)
    row.prop(scene, "frame_start", text="Start")
    row.prop(scene, "frame_end", text="End")
    column.prop(settings, "longest_px")
    column.prop(settings, "frames_folder", text="")
    column.prop(settings, "frames_anew")


def draw(layout, context, settings) -> bool:
    """Progress or the button of a sequence; False when the tab is about something else."""
    running = STATE.running_sequence()
    if running is not None:
        _draw_progress(layout, context, running)
        return True
    if settings.task != TASK or STATE.running_job() is not None:
        return False
    problem = _problem(context, settings)
    if problem is None:
        row = layout.row()
        row.scale_y = 2.0
        count = context.scene.frame_end - context.scene.frame_start + 1
        text = iface_("Render {number} Frames").format(number=count)
        row.operator("aigc.render_sequence", text=text, icon="RENDER_ANIMATION", translate=False)
        row.operator("aigc.copy_command", text="", icon="COPYDOWN")
    else:
        box = layout.box()
        wrapped(box, context, problem.sentence, "INFO")
        if problem.hint:
            wrapped(box, context, problem.hint, "BLANK1")
        if problem.operator:
            box.operator(problem.operator, text=problem.button)
    if STATE.sequence is not None and STATE.sequence.done:
        _draw_result(layout, context, STATE.sequence)
    return True


def _problem(context, settings) -> fixit.Problem | None:
    if context.scene.camera is None:
        return fixit.Problem("The scene has no camera.", "", "object.camera_add", "Add Camera")
    if settings.frames_folder.startswith("//") and not bpy.data.filepath:
        hint = "Save the file, or choose another folder."
        return fixit.Problem("The frames go beside the Blender file.", hint, "wm.save_mainfile", "Save")
    return fixit.problem(settings, chosen_model(settings), context.object, STATE)


def _draw_progress(layout, context, run) -> None:
    box = layout.box()
    wrapped(box, context, run.sentence or "Waiting for the server")
    share = run.done / run.total
    count = iface_("{done} of {total} frames").format(done=run.done, total=run.total)
    box.progress(factor=share, text=count, type="BAR")
    left = time_left(run.seconds_left)
    if left:
        box.label(text=left, translate=False)
    row = box.row()
    row.scale_y = 1.6
    row.operator("aigc.stop_sequence", text="Stop", icon="CANCEL")


def _draw_result(layout, context, run) -> None:
    box = layout.box()
    count = iface_("{done} of {total} frames").format(done=run.done, total=run.total)
    box.label(text=count, icon="CHECKMARK" if run.done == run.total else "INFO", translate=False)
    figures = run.folder.flicker()
    if "flicker_single" in figures and figures["flicker_single"] > 0:
        share = figures["flicker_of_same"] / figures["flicker_single"]
        text = iface_("Flicker: {percent} % of single frames").format(percent=round(100 * share))
        wrapped(box, context, text)
    column = box.column(align=True)
    column.operator("aigc.place_sequence", text="Show", icon="IMAGE_DATA").where = "IMAGE"
    column.operator("aigc.place_sequence", text="Behind Camera", icon="CAMERA_DATA").where = "CAMERA"
    column.operator("aigc.place_sequence", text="Strip", icon="SEQUENCE").where = "STRIP"
