"""What the artist presses to make something: choose, generate, cancel, place, do it again.

Every operator also works from a script: in the background Generate blocks until the result is in the file.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from . import (
    after_render,
    operators_pictures,
    operators_results,
    operators_server,
    operators_texture,
    operators_views,
    params,
    preflight,
    watch,
)
from .ask import Ask, ask_from_scene, submit
from .busy import busy
from .place import place
from .polls import JOB, NO_JOB, NO_RENDER, OBJECT_MODE, Polled
from .protocol import TASKS, Fault
from .state import STATE

PICTURES = "*.png;*.jpg;*.jpeg;*.webp;*.tif;*.tiff;*.bmp;*.tga;*.exr;*.gif"
SAMPLE = Path(__file__).parent / "samples" / "duck.png"


def refuse(operator: bpy.types.Operator, fault: Fault, job_id: str = "") -> set[str]:
    """Tell the person (panel) and the script (report) what went wrong."""
    STATE.show(fault.record(), job_id)
    operator.report({"ERROR"}, str(fault))
    watch.redraw()
    return {"CANCELLED"}


def carry_out(context: bpy.types.Context, ask: Ask, sent: Callable[[], None] | None = None) -> None:
    """Submit `ask`. In the background wait until the result is in the file. Raises Fault. sent: called in between."""
    job_id = submit(context, ask)
    if sent is not None:
        sent()
    if not bpy.app.background:
        watch.wake()
        return
    status = watch.session().wait(job_id)
    watch.finished(status)
    if status.state != "done":
        raise status.fault.fault() if status.fault else Fault("cancelled", "The job was cancelled.")
    if not TASKS[ask.task].only_looks:
        watch.place_now(job_id)


class AIGC_OT_generate(Polled, bpy.types.Operator):
    bl_idname = "aigc.generate"
    bl_label = "Generate"
    bl_description = "Make it now, with the settings of the AIGC tab; Blender stays usable meanwhile"

    needs = (NO_JOB, NO_RENDER)

    def execute(self, context) -> set[str]:
        try:
            if context.scene.aigc.task == after_render.TASK and after_render.blender_renders(context):
                after_render.render_then_draw(context)
                return {"FINISHED"}
            with busy(context.window):
                carry_out(context, ask_from_scene(context))
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_try_now(Polled, bpy.types.Operator):
    bl_idname = "aigc.try_now"
    bl_label = "Try It Now"
    bl_description = "Make a mesh from a small sample picture, with Blender's own Python: no download, no installation"

    needs = (NO_JOB,)

    def execute(self, context) -> set[str]:
        try:
            watch.session(builtin=True)
            carry_out(context, Ask("image_to_mesh", "inflate", {"image": SAMPLE}, name="Duck"))
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_cancel(Polled, bpy.types.Operator):
    bl_idname = "aigc.cancel"
    bl_label = "Cancel Generating"
    bl_description = "Stop the running job; the scene stays as it is"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    needs = (JOB,)

    def execute(self, _context) -> set[str]:
        job_id = self.job_id or STATE.current_job
        STATE.session.cancel(job_id)
        if STATE.waiting.pop(job_id, None) is not None:
            watch.keep_for_later(job_id, "You did not want it in the scene. Place puts it there after all.")
        watch.wake()
        return {"FINISHED"}


class AIGC_OT_apply(Polled, bpy.types.Operator):
    bl_idname = "aigc.apply"
    bl_label = "Place Result"
    bl_description = "Put this result into the scene, as one undo step"
    bl_options = {"REGISTER", "UNDO"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    as_asked: BoolProperty(
        name="Where It Was Asked For",
        description="Where the 3D cursor was when Generate was pressed (or the empty), instead of where it is now",
        options={"SKIP_SAVE"},
    )

    needs = (OBJECT_MODE,)

    def execute(self, context) -> set[str]:
        record = STATE.record(self.job_id)
        if record is None:
            return refuse(self, Fault("bad_request", "This result is not in the list any more."))
        try:
            place(context, record, record.target if self.as_asked else None)
        except Fault as fault:
            return refuse(self, fault, self.job_id)
        return {"FINISHED"}


class AIGC_OT_choose_picture(bpy.types.Operator):
    bl_idname = "aigc.choose_picture"
    bl_label = "Choose Picture"
    bl_description = "Choose the picture to work from; transparency marks the background"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    key: StringProperty(
        name="Input", description="Which input takes it", default="image", options={"HIDDEN", "SKIP_SAVE"}
    )
    filter_glob: StringProperty(default=PICTURES, options={"HIDDEN"})
    # Read by the file browser by number: 3 is thumbnails.
    display_type: EnumProperty(items=(("THUMBNAIL", "Thumbnails", "", 3),), options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, _event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context) -> set[str]:
        try:
            setattr(context.scene.aigc, self.key, bpy.data.images.load(self.filepath, check_existing=True))
        except RuntimeError as error:
            fault = Fault("bad_input", "This file cannot be opened as a picture.", "Choose another one.", str(error))
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_choose_model(bpy.types.Operator):
    bl_idname = "aigc.choose_model"
    bl_label = "Choose Model"
    bl_description = "Let this model do the work"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    model_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context, properties) -> str:
        info = STATE.models.get(properties.model_id)
        return info.help if info is not None else cls.bl_description

    def execute(self, context) -> set[str]:
        context.scene.aigc.model_id = self.model_id
        return {"FINISHED"}


class AIGC_OT_roll_seed(bpy.types.Operator):
    bl_idname = "aigc.roll_seed"
    bl_label = "New Seed"
    bl_description = "Another number, another variation"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context) -> set[str]:
        context.scene.aigc.seed = random.randrange(2**31)
        return {"FINISHED"}


class AIGC_OT_run_again(Polled, bpy.types.Operator):
    bl_idname = "aigc.run_again"
    bl_label = "Run Again"
    bl_description = "Make this result once more: same picture, same settings, same seed"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    needs = (NO_JOB,)

    def execute(self, context) -> set[str]:
        job = STATE.job(self.job_id)
        if job is None:
            return refuse(self, Fault("bad_request", "This result is not in the list any more."))
        try:
            carry_out(context, Ask.of(job))
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_run_smaller(Polled, bpy.types.Operator):
    bl_idname = "aigc.run_smaller"
    bl_label = "Try with Less Memory"
    bl_description = "The same once more, in the next way that takes less memory; slower, or less detailed"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    needs = (NO_JOB,)

    def execute(self, context) -> set[str]:
        job = STATE.job(self.job_id)
        info = STATE.models.get(job.model) if job is not None else None
        if job is None or info is None:
            return refuse(self, Fault("bad_request", "This job is not in the list any more."))
        health = STATE.session.health if STATE.session is not None else None
        less = preflight.smaller(info, job.params, health.device if health is not None else "")
        if less is None:
            hint = "Lower the resolution, or close other programs."
            return refuse(self, Fault("out_of_memory", "There is no way that takes less memory.", hint))
        params.assign(context.scene.aigc.params, info, less)
        try:
            carry_out(context, dataclasses.replace(Ask.of(job), params=less))
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


_CLASSES = (
    AIGC_OT_generate,
    AIGC_OT_try_now,
    AIGC_OT_cancel,
    AIGC_OT_apply,
    AIGC_OT_choose_picture,
    AIGC_OT_choose_model,
    AIGC_OT_roll_seed,
    AIGC_OT_run_again,
    AIGC_OT_run_smaller,
    *operators_server.CLASSES,
    *operators_results.CLASSES,
    *operators_pictures.CLASSES,
    *operators_texture.CLASSES,
    *operators_views.CLASSES,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
