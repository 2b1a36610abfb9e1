"""Larger pictures and textures: Upscale on a result, and the quick ways to choose a picture to work from."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from . import params, watch
from .apply.show import image_of
from .ask import Ask
from .gather.sources import Given
from .operators import carry_out, refuse
from .operators_pictures import picture_of
from .polls import NO_JOB, Polled
from .protocol import TASKS, Fault
from .slots import texture_of
from .state import STATE

TASK, OF_TEXTURES = "upscale_image", "upscale_texture"
SCALES = (("2", "2x", "Twice as wide and as high"), ("4", "4x", "Four times as wide and as high"))


def upscale_of(context: bpy.types.Context, task: str, given: Given, name: str, scale: str, job_id: str = "") -> Ask:
    """What makes `given` larger: the tab's model and settings where they are for that, else the first model's own.

    given: the only input of `task`. job_id: of the job that made it; its prompt says what is seen on it.
    """
    settings = context.scene.aigc
    watch.know_models()
    model = STATE.model_for(task, settings.model_id) or watch.first_model(task)
    info = STATE.models.get(model)
    values = params.values(settings.params, info) if info else {}
    job = STATE.job(job_id)
    return Ask(
        task=task,
        model=model,
        inputs={TASKS[task].inputs[0].key: given},
        prompt=job.prompt if job is not None else "",
        params={**values, "scale": scale},
        seed=settings.seed,
        name=name,
    )


class AIGC_OT_upscale(Polled, bpy.types.Operator):
    bl_idname = "aigc.upscale"
    bl_label = "Upscale Picture"
    bl_description = "Make this picture larger, as a new picture, with the model and the settings of Upscale Picture"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    image_name: StringProperty(
        name="Picture", description="Name of the picture, instead of that of a result", options={"SKIP_SAVE"}
    )
    scale: EnumProperty(name="Scale", description="How many times as wide and as high", items=SCALES, default="2")

    needs = (NO_JOB,)

    def execute(self, context) -> set[str]:
        try:
            image = bpy.data.images.get(self.image_name) if self.image_name else picture_of(self.job_id)
            if image is None:
                raise Fault("bad_input", f"There is no picture called {self.image_name!r}.", "Choose another one.")
            job_id = self.job_id or str(image.get("aigc_job", ""))
            name = image.name.rsplit(".", 1)[0]
            carry_out(context, upscale_of(context, TASK, image, name, self.scale, job_id))
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_upscale_texture(Polled, bpy.types.Operator):
    bl_idname = "aigc.upscale_texture"
    bl_label = "Upscale Texture"
    bl_description = "Make the maps of this texture larger, as a new material; the one that is there stays in the file"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    scale: EnumProperty(name="Scale", description="How many times as wide and as high", items=SCALES, default="2")

    needs = (NO_JOB,)

    def execute(self, context) -> set[str]:
        record = STATE.record(self.job_id) if self.job_id else texture_of(context)
        try:
            if record is None:
                raise Fault("bad_input", "There is no texture among the results.", "Texture an object first.")
            file = Path(record.status.folder) / "material.json"
            carry_out(context, upscale_of(context, OF_TEXTURES, file, record.label, self.scale, record.job_id))
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_use_picture(bpy.types.Operator):
    bl_idname = "aigc.use_picture"
    bl_label = "Use Picture"
    bl_description = "Work from a picture that is there already"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    what: EnumProperty(
        name="Picture",
        description="Which picture to work from",
        items=(
            ("RENDER", "Last Render", "The render that is there"),
            ("RESULT", "Last Result", "The newest picture that was made here"),
        ),
    )

    key: StringProperty(
        name="Input", description="Which input takes it", default="image", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def description(cls, _context, properties) -> str:
        if properties.what == "RENDER":
            return "Work from the render that is there"
        return "Work from the newest picture that was made here"

    def execute(self, context) -> set[str]:
        of_renders = (image for image in bpy.data.images if image.type == "RENDER_RESULT")
        image = next(of_renders, None) if self.what == "RENDER" else image_of("")
        if image is None:
            missing = "render" if self.what == "RENDER" else "result"
            return refuse(self, Fault("bad_input", f"There is no {missing} that is a picture.", "Make one first."))
        setattr(context.scene.aigc, self.key, image)
        return {"FINISHED"}


_CLASSES = (AIGC_OT_upscale, AIGC_OT_upscale_texture, AIGC_OT_use_picture)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
