"""The results list of the tab, and what can be done with the chosen one. Draws only, like panels.py."""

from __future__ import annotations

import bpy

from . import operators_views, thumbnails
from .drawing import InTab, wrapped
from .plan_text import spent
from .state import STATE


class AIGC_UL_results(bpy.types.UIList):
    """One line a result, newest first."""

    bl_idname = "AIGC_UL_results"

    def draw_item(self, _context, layout, _data, item, _icon, _active_data, _active_property, _index) -> None:
        record = STATE.record(item.job_id)
        if record is None:
            layout.label(text=item.name, translate=False)
            return
        picture = thumbnails.icon(item.job_id)
        shown = "IMPORT" if record.note else "OBJECT_DATA"
        if picture:
            layout.label(text=record.label, icon_value=picture, translate=False)
        else:
            layout.label(text=record.label, icon=shown, translate=False)


class AIGC_PT_results(InTab, bpy.types.Panel):
    """What was made in this session."""

    bl_label = "Results"
    bl_idname = "AIGC_PT_results"
    bl_order = 1  # below what belongs to the task, such as the plan

    @classmethod
    def poll(cls, _context) -> bool:
        return bool(STATE.results)

    def draw(self, context) -> None:
        layout = self.layout
        group = context.window_manager.aigc
        layout.template_list("AIGC_UL_results", "", group, "results", group, "result_index", rows=3)
        if not 0 <= group.result_index < len(group.results):
            return
        record = STATE.record(group.results[group.result_index].job_id)
        if record is None:
            return
        if record.note:
            wrapped(layout, context, record.note, "INFO")
        tokens = spent(record.status.result.report)
        if tokens:
            layout.label(text=tokens, icon="INFO", translate=False)
        if any(artefact.kind == "image" for artefact in record.status.result.artefacts):
            row = layout.row(align=True)
            row.operator("aigc.show_image", text="Show", icon="IMAGE_DATA").job_id = record.job_id
            row.operator("aigc.flip", text="Before / After", icon="ARROW_LEFTRIGHT").job_id = record.job_id
            row = layout.row(align=True)
            row.operator("aigc.project", text="Project", icon="MOD_UVPROJECT").job_id = record.job_id
            for operator, icon in (
                ("aigc.compare", "SPLIT_VERTICAL"),
                ("aigc.behind_camera", "CAMERA_DATA"),
                ("aigc.to_compositor", "NODE_COMPOSITING"),
            ):
                row.operator(operator, text="", icon=icon).job_id = record.job_id
            draw_upscale(layout, "aigc.upscale", record.job_id)
        if operators_views.view_names(record):
            row = layout.row(align=True)
            row.operator("aigc.blend_again", text="Blend Again", icon="NODE_COMPOSITING").job_id = record.job_id
            if operators_views.draws_views(record):
                row.menu("AIGC_MT_views", text="Draw Again", icon="CAMERA_DATA")
        if any("debug" in artefact.meta for artefact in record.status.result.artefacts):
            layout.menu("AIGC_MT_debug_view", icon="OVERLAY")
        if any(artefact.kind == "map" for artefact in record.status.result.artefacts):
            layout.operator("aigc.export_maps", text="Export Maps", icon="EXPORT").job_id = record.job_id
            draw_upscale(layout, "aigc.upscale_texture", record.job_id)
        row = layout.row(align=True)
        row.operator("aigc.apply", text="Place", icon="IMPORT").job_id = record.job_id
        row.operator("aigc.run_again", text="Again", icon="FILE_REFRESH").job_id = record.job_id
        for operator, icon in (
            ("aigc.remove_result", "TRASH"),
            ("aigc.reveal", "FILE_FOLDER"),
            ("aigc.show_provenance", "QUESTION"),
        ):
            row.operator(operator, text="", icon=icon).job_id = record.job_id


def draw_upscale(layout, operator: str, job_id: str) -> None:
    """A button for each scale."""
    row = layout.split(factor=0.45, align=True)
    row.label(text="Upscale", icon="FULLSCREEN_ENTER")
    for scale in ("2", "4"):
        made = row.operator(operator, text=f"{scale}x")
        made.job_id, made.scale = job_id, scale


CLASSES = (AIGC_UL_results, AIGC_PT_results)
