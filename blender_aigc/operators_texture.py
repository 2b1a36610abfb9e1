"""What can be done with textures that were made: hand the maps on as files, take the textures off again."""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy
from bpy.props import StringProperty

from .state import STATE


class AIGC_OT_export_maps(bpy.types.Operator):
    bl_idname = "aigc.export_maps"
    bl_label = "Export Maps"
    bl_description = "Copy the maps of this result (base colour, ORM, normal, height) into a folder, for game engines"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(
        name="Folder", description="Where the maps are written", subtype="DIR_PATH", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, _context) -> bool:
        return bool(STATE.results)

    def invoke(self, context, _event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, _context) -> set[str]:
        record = STATE.record(self.job_id)
        result = record.status.result if record is not None else None
        maps = [a for a in result.artefacts if a.kind == "map"] if result is not None else []
        if not maps:
            self.report({"ERROR"}, "This result has no maps.")
            return {"CANCELLED"}
        target = Path(bpy.path.abspath(self.directory))
        try:
            target.mkdir(parents=True, exist_ok=True)
            for artefact in maps:
                shutil.copyfile(Path(record.status.folder) / artefact.file, target / artefact.file)
        except OSError as error:
            self.report({"ERROR"}, f"The maps could not be written: {error}")
            return {"CANCELLED"}
        self.report({"INFO"}, f"{len(maps)} maps written to {target}")
        return {"FINISHED"}


class AIGC_OT_original_materials(bpy.types.Operator):
    bl_idname = "aigc.original_materials"
    bl_label = "Original Materials"
    bl_description = "Take the made textures off the selected objects: their own materials come back"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context) -> bool:
        return bool(context.selected_objects) and context.mode == "OBJECT"

    def execute(self, context) -> set[str]:
        from .apply.material import restore

        count = sum(restore(obj) for obj in context.selected_objects)
        if not count:
            self.report({"INFO"}, "None of the selected objects has textures of ours.")
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (AIGC_OT_export_maps, AIGC_OT_original_materials)
