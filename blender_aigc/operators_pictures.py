"""What can be done with a finished picture: show, compare, put behind the camera, into the compositor, onto objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import FloatProperty, StringProperty

from . import before, watch
from .apply.show import flipped, image_of, show
from .polls import OBJECT_MODE, Polled
from .protocol import Fault
from .state import STATE, Record

if TYPE_CHECKING:
    import numpy as np


def picture_of(job_id: str) -> bpy.types.Image:
    """The picture of a job in this file. Raises Fault("bad_request")."""
    image = image_of(job_id)
    if image is None:
        raise Fault("bad_request", "The picture is not in this file.", "Press Place first.")
    return image


def record_of(job_id: str, image: bpy.types.Image) -> Record:
    """The line of the results list that `image` came from. Raises Fault("bad_request")."""
    record = STATE.record(job_id or image.get("aigc_job", ""))
    if record is None or record.status.result is None:
        raise Fault("bad_request", "This result is not in the list any more.", "Make it again.")
    return record


def _passes_of(job_id: str, image: bpy.types.Image) -> dict[str, np.ndarray]:
    return before.given_passes(record_of(job_id, image), before.stored_inputs())


class _PictureOperator:
    """Reports a Fault in the panel and to scripts."""

    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context) -> set[str]:
        try:
            self.carry_out(context, picture_of(self.job_id))
        except Fault as fault:
            STATE.show(fault.record())
            self.report({"ERROR"}, str(fault))
            watch.redraw()
            return {"CANCELLED"}
        return {"FINISHED"}


class AIGC_OT_show_image(_PictureOperator, bpy.types.Operator):
    bl_idname = "aigc.show_image"
    bl_label = "Show Picture"
    bl_description = "Show this result in an Image Editor, in a new window when none is open"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def carry_out(self, context, image: bpy.types.Image) -> None:
        if not show(context.window_manager, image) and not bpy.app.background:
            bpy.ops.wm.window_new()
            area = context.window_manager.windows[-1].screen.areas[0]
            area.type = "IMAGE_EDITOR"
            area.spaces.active.image = image


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


class AIGC_OT_compare(_PictureOperator, bpy.types.Operator):
    bl_idname = "aigc.compare"
    bl_label = "Compare"
    bl_description = "Show the render and this result side by side, split where the pointer is; click to leave it there"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    share: FloatProperty(
        name="Split",
        description="How much of the width shows the render",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )

    def carry_out(self, context, image: bpy.types.Image) -> None:
        from .apply.compare import split_picture

        passes = _passes_of(self.job_id, image)
        compared = split_picture(passes["combined"], image, self.share)
        show(context.window_manager, compared, instead_of=image)

    def invoke(self, context, _event) -> set[str]:
        outcome = self.execute(context)
        area = context.area
        if outcome != {"FINISHED"} or area is None or area.type != "IMAGE_EDITOR":
            return outcome
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event) -> set[str]:
        if event.type == "MOUSEMOVE":
            region = next(region for region in context.area.regions if region.type == "WINDOW")
            share, _ = region.view2d.region_to_view(event.mouse_x - region.x, event.mouse_y - region.y)
            self.share = min(1.0, max(0.0, share))
            return {"RUNNING_MODAL"} if self.execute(context) == {"FINISHED"} else {"CANCELLED"}
        if event.type in ("LEFTMOUSE", "RET", "ESC", "RIGHTMOUSE"):
            return {"FINISHED"}
        return {"RUNNING_MODAL"}


class AIGC_OT_behind_camera(_PictureOperator, bpy.types.Operator):
    bl_idname = "aigc.behind_camera"
    bl_label = "Show in Camera View"
    bl_description = "Lay this result over the camera's view in the 3D viewport"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def carry_out(self, context, image: bpy.types.Image) -> None:
        from .apply.compare import behind_camera

        if context.scene.camera is None or context.scene.camera.type != "CAMERA":
            raise Fault("bad_input", "The scene has no camera.", "Add one (Add > Camera).")
        behind_camera(context.scene.camera, image)


class AIGC_OT_to_compositor(_PictureOperator, bpy.types.Operator):
    bl_idname = "aigc.to_compositor"
    bl_label = "To Compositor"
    bl_description = "Make a node group of this result for the compositor, beside what is there; nothing is linked"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def carry_out(self, context, image: bpy.types.Image) -> None:
        from .apply.compositor import node_group

        group = node_group(context, image)
        self.report({"INFO"}, f"The node group {group.name} is in the compositor's Add > Group menu.")


class AIGC_OT_project(Polled, _PictureOperator, bpy.types.Operator):
    bl_idname = "aigc.project"
    bl_label = "Project onto Selected"
    bl_description = (
        "Put this result onto the selected objects where its camera saw them; what it did not see keeps its material"
    )

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    needs = (OBJECT_MODE,)

    def carry_out(self, context, image: bpy.types.Image) -> None:
        from .apply.projection import Shot, project

        passes = _passes_of(self.job_id, image)
        project(context, image, Shot.of(before.camera_of(passes), passes), context.selected_objects)


CLASSES = (
    AIGC_OT_show_image,
    AIGC_OT_flip,
    AIGC_OT_compare,
    AIGC_OT_behind_camera,
    AIGC_OT_to_compositor,
    AIGC_OT_project,
)
