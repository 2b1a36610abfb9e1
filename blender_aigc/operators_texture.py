"""What can be done with textures that were made: hand the maps on as files, take the textures off again."""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from . import views_check
from .ask import Ask, ask_from_scene
from .gather.sources import Shape, objects_of
from .polls import NO_JOB, OBJECT_MODE, RESULTS, SELECTED, Polled
from .protocol import Fault
from .state import STATE

LOOK = "view_coverage"
"""The task and the model that says how much the chosen views see."""


class AIGC_OT_export_maps(Polled, bpy.types.Operator):
    bl_idname = "aigc.export_maps"
    bl_label = "Export Maps"
    bl_description = "Copy the maps of this result (base colour, ORM, normal, height) into a folder, for game engines"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(
        name="Folder", description="Where the maps are written", subtype="DIR_PATH", options={"SKIP_SAVE"}
    )

    needs = (RESULTS,)

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


class AIGC_OT_original_materials(Polled, bpy.types.Operator):
    bl_idname = "aigc.original_materials"
    bl_label = "Original Materials"
    bl_description = "Take the made textures off the selected objects: their own materials come back"
    bl_options = {"REGISTER", "UNDO"}

    needs = (OBJECT_MODE, SELECTED)

    def execute(self, context) -> set[str]:
        from .apply.material import restore

        count = sum(restore(obj) for obj in context.selected_objects)
        if not count:
            self.report({"INFO"}, "None of the selected objects has textures of ours.")
            return {"CANCELLED"}
        return {"FINISHED"}


class AIGC_OT_debug_view(Polled, bpy.types.Operator):
    bl_idname = "aigc.debug_view"
    bl_label = "Debug View"
    bl_description = "Show on the objects how their texture came about; nothing else of them changes"
    bl_options = {"REGISTER", "UNDO"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    view: EnumProperty(
        name="Show",
        description="The colours, or what led to them",
        items=(
            ("COLOURS", "Colours", "The texture itself"),
            ("COVERAGE", "Coverage", "Green: seen squarely, red: at a slant, magenta: seen by no view, so filled"),
            ("WINNER", "Views", "A colour for the view that counts most at each place"),
            ("SEAMS", "Seams", "Cyan: another view takes over, orange: a chart of the UV map ends"),
        ),
    )

    needs = (RESULTS,)

    @classmethod
    def description(cls, _context, properties) -> str:
        """What the colours mean, at the line of the menu that shows them."""
        return properties.bl_rna.properties["view"].enum_items[properties.view].description

    def execute(self, context) -> set[str]:
        from .apply.debug_view import show_debug
        from .operators import refuse

        record = STATE.record(self.job_id)
        if record is None or record.status.result is None:
            return refuse(self, Fault("bad_request", "This result is not in the list any more."))
        folder, artefacts = Path(record.status.folder), record.status.result.artefacts
        view = "" if self.view == "COLOURS" else self.view.lower()
        try:
            if not show_debug(context, folder, artefacts, self.job_id, view) and view:
                raise Fault("bad_request", "No material of this result is in the file.", "Press Place first.")
        except Fault as fault:
            return refuse(self, fault, self.job_id)
        return {"FINISHED"}


class AIGC_MT_debug_view(bpy.types.Menu):
    """How the texture of the chosen result came about."""

    bl_label = "Debug View"
    bl_idname = "AIGC_MT_debug_view"

    def draw(self, context) -> None:
        group = context.window_manager.aigc
        if not 0 <= group.result_index < len(group.results):
            return
        for view, label in (("COLOURS", "Colours"), ("COVERAGE", "Coverage"), ("WINNER", "Views"), ("SEAMS", "Seams")):
            made = self.layout.operator("aigc.debug_view", text=label)
            made.job_id, made.view = group.results[group.result_index].job_id, view


class AIGC_OT_check_views(Polled, bpy.types.Operator):
    bl_idname = "aigc.check_views"
    bl_label = "Check Views"
    bl_description = "Say how much of the selected objects the chosen views see; nothing is drawn yet"

    needs = (NO_JOB,)

    def execute(self, context) -> set[str]:
        from .operators import carry_out, refuse

        STATE.seen, STATE.seen_of = "", None
        try:
            carry_out(context, look_at_views(context), lambda: views_check.begin(context))
        except Fault as fault:
            return refuse(self, fault)
        if STATE.seen:  # in the background it is known by now
            self.report({"INFO"}, STATE.seen)
        return {"FINISHED"}


def look_at_views(context: bpy.types.Context) -> Ask:
    """The job that only looks, with the views that the tab says. Raises Fault("bad_input")."""
    ask = ask_from_scene(context)
    values = {key: value for key, value in ask.params.items() if key in views_check.KEYS}
    inputs = {key: given for key, given in ask.inputs.items() if key in ("mesh", "cameras")}
    inputs["mesh"] = Shape(objects_of(inputs))  # whole, even where only a part of them is to change
    return Ask(LOOK, LOOK, inputs, params=values, name=ask.name)


CLASSES = (AIGC_OT_check_views, AIGC_OT_debug_view, AIGC_MT_debug_view, AIGC_OT_export_maps, AIGC_OT_original_materials)
