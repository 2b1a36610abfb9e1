"""What can be done with a finished result: remove it, find its files, read where it came from."""

from __future__ import annotations

import textwrap
from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from . import place, preferences, properties, thumbnails
from .polls import OBJECT_MODE, RESULTS, Polled
from .protocol import Fault, encode
from .state import STATE, Record


def _chosen(job_id: str, context: bpy.types.Context) -> Record | None:
    """The named result, or without a name the one that is selected in the list."""
    group = context.window_manager.aigc
    if not job_id and 0 <= group.result_index < len(group.results):
        job_id = group.results[group.result_index].job_id
    return STATE.record(job_id)


class AIGC_OT_remove_result(Polled, bpy.types.Operator):
    bl_idname = "aigc.remove_result"
    bl_label = "Remove Result"
    bl_description = "Take the objects of this result out of the scene, or the line out of the list when there are none"
    bl_options = {"REGISTER", "UNDO"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    needs = (RESULTS, OBJECT_MODE)

    def execute(self, context) -> set[str]:
        record = _chosen(self.job_id, context)
        if record is None:
            return {"CANCELLED"}
        if not place.take_away(record.job_id):
            STATE.results.remove(record)
            thumbnails.forget(record.job_id)
            properties.list_results(context.window_manager)
        return {"FINISHED"}


class AIGC_OT_reveal(bpy.types.Operator):
    bl_idname = "aigc.reveal"
    bl_label = "Show AIGC Files"
    bl_description = "Open the folder with the files of this result"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    what: EnumProperty(
        name="What",
        description="Which folder to open",
        items=(
            ("RESULT", "Result", "The folder of the chosen result"),
            ("DATA", "Data Folder", "The folder of all results and logs"),
        ),
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def execute(self, context) -> set[str]:
        record = _chosen(self.job_id, context) if self.what == "RESULT" else None
        try:
            folder = Path(record.status.folder) if record else preferences.data_path()
        except Fault as fault:
            self.report({"ERROR"}, str(fault))
            return {"CANCELLED"}
        if not folder.is_dir():
            self.report({"ERROR"}, "The folder is gone.")
            return {"CANCELLED"}
        if not bpy.app.background:
            bpy.ops.wm.path_open(filepath=str(folder))
        return {"FINISHED"}


class AIGC_OT_show_provenance(Polled, bpy.types.Operator):
    bl_idname = "aigc.show_provenance"
    bl_label = "Where This Came From"
    bl_description = "Model, seed, settings and licence of this result"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    needs = (RESULTS,)

    def invoke(self, context, _event) -> set[str]:
        return context.window_manager.invoke_popup(self, width=320)

    def execute(self, context) -> set[str]:
        record = _chosen(self.job_id, context)
        for name, value in facts(record) if record else ():
            self.report({"INFO"}, f"{name}: {value}")
        return {"FINISHED"}

    def draw(self, context) -> None:
        record = _chosen(self.job_id, context)
        if record is None:
            return
        column = self.layout.column(align=True)
        column.label(text=record.label, icon="OBJECT_DATA", translate=False)
        for name, value in facts(record):
            split = column.split(factor=0.35)
            split.label(text=name)
            split.label(text=textwrap.shorten(value, 36, placeholder="..."), translate=False)
        self.layout.operator("aigc.copy_provenance", text="Copy", icon="COPYDOWN").job_id = record.job_id


class AIGC_OT_copy_provenance(Polled, bpy.types.Operator):
    bl_idname = "aigc.copy_provenance"
    bl_label = "Copy Provenance"
    bl_description = "Copy everything that is needed to make this result again to the clipboard, as JSON"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    needs = (RESULTS,)

    def execute(self, context) -> set[str]:
        record = _chosen(self.job_id, context)
        if record is None or record.status.result is None:
            return {"CANCELLED"}
        context.window_manager.clipboard = encode(record.status.result.provenance)
        self.report({"INFO"}, "The provenance is on the clipboard")
        return {"FINISHED"}


def facts(record: Record) -> list[tuple[str, str]]:
    """(name, value) lines about a result, for people."""
    made = record.status.result.provenance
    lines = [("Model", f"{made.model} {made.revision}".strip()), ("Seed", str(made.seed))]
    for key, value in made.params.items():
        lines.append((key.replace("_", " ").capitalize(), f"{value:g}" if isinstance(value, float) else str(value)))
    lines += [("Licence", made.licence)] if made.licence else []
    lines += [("Made", made.created), ("Version", made.product_version)]
    return lines


CLASSES = (
    AIGC_OT_remove_result,
    AIGC_OT_reveal,
    AIGC_OT_show_provenance,
    AIGC_OT_copy_provenance,
)
