"""Properties > Render > AIGC Studio: where artists look for what happens to a render. Draws only, like panels.py."""

from __future__ import annotations

import bpy

from . import slots
from .panels import (
    draw_advanced,
    draw_fault,
    draw_inputs,
    draw_model,
    draw_models,
    draw_preflight,
    draw_progress,
    draw_render,
)
from .state import STATE

TASK = "render_image"


class AIGC_PT_render(bpy.types.Panel):
    """The check box in the header is all that is needed: every F12 is then followed by the picture."""

    bl_label = "AIGC Studio"
    bl_idname = "AIGC_PT_render"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header(self, context) -> None:
        self.layout.prop(context.scene.aigc, "after_render", text="")

    def draw(self, context) -> None:
        layout = self.layout
        settings = context.scene.aigc
        if STATE.fault is not None:
            draw_fault(layout, context, STATE.fault)
        draw_inputs(layout, context, settings, TASK)
        info = draw_model(layout, context, settings, TASK, "AIGC_MT_render_model")
        if info is not None:
            draw_advanced(layout, context, settings, info)
        running = STATE.running_job()
        if running is not None:
            draw_progress(layout, context, running)
        elif not draw_render(layout, context):
            draw_preflight(layout, context, settings, TASK)
            row = layout.row()
            row.scale_y = 2.0
            row.enabled = slots.problem(context, TASK) is None
            row.operator("aigc.render_picture", icon="SHADERFX")


class AIGC_MT_render_model(bpy.types.Menu):
    """The models that turn renders into pictures."""

    bl_label = "Model"
    bl_idname = "AIGC_MT_render_model"

    def draw(self, _context) -> None:
        draw_models(self.layout, TASK)


_CLASSES = (AIGC_PT_render, AIGC_MT_render_model)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
