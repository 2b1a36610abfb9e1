"""What can be done with the views of a finished texture: blend them again, draw one of them again."""

from __future__ import annotations

import random
from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, IntProperty, StringProperty

from . import targets, watch
from .ask import Ask
from .gather.sources import Part
from .polls import NO_JOB, RESULTS, Polled
from .protocol import Artefact, Fault
from .state import STATE, Record


class AIGC_PG_view_weight(bpy.types.PropertyGroup):
    """How much one view counts when views are blended again."""

    weight: FloatProperty(name="Weight", description="0 leaves the view out", default=1.0, min=0.0, soft_max=4, max=100)


class AIGC_OT_blend_again(Polled, bpy.types.Operator):
    bl_idname = "aigc.blend_again"
    bl_label = "Blend Again"
    bl_description = "Put the views of this texture together anew, with other weights and borders; nothing is drawn"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    sharpness: IntProperty(
        name="Sharpness", description="How much the squarest view counts for details", default=8, min=1, max=32
    )
    border_px: IntProperty(
        name="Border",
        description="Pixels at the outlines of the views that are not used; more, where background bleeds in",
        default=6,
        min=0,
        max=64,
        subtype="PIXEL",
    )
    even_out: BoolProperty(name="Even Out Light", description="Bring all views to one brightness", default=True)
    fill: BoolProperty(name="Fill", description="Colour what no view sees, from the surface nearby", default=True)
    views: CollectionProperty(
        name="Views",
        description="How much each view counts; those that are not named count as they are",
        type=AIGC_PG_view_weight,
        options={"SKIP_SAVE"},
    )

    needs = (RESULTS, NO_JOB)

    def invoke(self, context, _event) -> set[str]:
        for name in view_names(STATE.record(self.job_id)):
            self.views.add().name = name
        return context.window_manager.invoke_props_dialog(self, width=260)

    def draw(self, _context) -> None:
        layout = self.layout
        for name in ("sharpness", "border_px", "even_out", "fill"):
            layout.prop(self, name)
        column = layout.column(align=True)
        for view in self.views:
            column.prop(view, "weight", text=view.name, slider=True, translate=False)

    def execute(self, context) -> set[str]:
        from .operators import carry_out, refuse  # late: it imports this file

        job, record = STATE.job(self.job_id), STATE.record(self.job_id)
        state = _state_of(record)
        try:
            if job is None or state is None:
                raise Fault("bad_request", "This result has no views to blend.", "Texture the object again.")
            watch.know_models()
            known = STATE.models.get("blend_again")
            taken = {param.key for param in known.params} if known is not None else set()
            params = {key: value for key, value in job.params.items() if key in taken}
            params |= {"sharpness": self.sharpness, "border_px": self.border_px, "even_out": self.even_out}
            params["fill"] = "surface" if self.fill else "none"
            params["view_weights"] = ", ".join(f"{view.name}: {view.weight:g}" for view in self.views)
            inputs = {"mesh": job.inputs["mesh"], "views": Path(record.status.folder) / state.file}
            inputs |= {key: job.inputs[key] for key in ("mask", "cameras") if key in job.inputs}
            ask = Ask("blend_texture", "blend_again", inputs, job.prompt, params, job.seed, job.name)
            carry_out(context, ask)
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_draw_view_again(Polled, bpy.types.Operator):
    bl_idname = "aigc.draw_view_again"
    bl_label = "Draw Again"
    bl_description = "Draw one view of this texture once more, over the present one; what it does not see stays"

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    view: StringProperty(name="View", description="Which view", options={"SKIP_SAVE"})

    needs = (RESULTS, NO_JOB)

    def execute(self, context) -> set[str]:
        from .operators import carry_out, refuse  # late: it imports this file

        job, record = STATE.job(self.job_id), STATE.record(self.job_id)
        try:
            objects = found_objects(record)
            if job is None or not objects:
                raise Fault("bad_request", "The objects of this result are gone.", "Undo, or texture them again.")
            view = self.view
            atlas = job.params.get("textures") == "atlas"  # all of it, so that it stays one
            for obj in objects:  # of several objects that were drawn in turn, each has views of its own
                if view.startswith(f"{obj.name} ") and not atlas:
                    objects, view = (obj,), view.removeprefix(f"{obj.name} ")
                    break
            params = {**job.params, "only_views": view}
            inputs = {key: blob for key, blob in job.inputs.items() if key not in ("mesh", "mask")}
            inputs["mesh"] = Part(objects)
            seed = random.randrange(2**31)
            carry_out(context, Ask(job.task, job.model, inputs, job.prompt, params, seed, job.name))
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_MT_views(bpy.types.Menu):
    """The views of the chosen texture."""

    bl_label = "Draw Again"
    bl_idname = "AIGC_MT_views"

    def draw(self, context) -> None:
        group = context.window_manager.aigc
        record = STATE.record(group.results[group.result_index].job_id) if group.results else None
        for name in view_names(record):
            made = self.layout.operator("aigc.draw_view_again", text=name, translate=False)
            made.job_id, made.view = record.job_id, name


def draws_views(record: Record | None) -> bool:
    """Can single views of this result be drawn again?"""
    result = record.status.result if record is not None else None
    return result is not None and "only_views" in result.job.params and bool(view_names(record))


def view_names(record: Record | None) -> list[str]:
    """Of the views that a texture's result keeps; none for other results."""
    state = _state_of(record)
    return [name for name in str(state.meta["names"]).split(", ") if name] if state is not None else []


def _state_of(record: Record | None) -> Artefact | None:
    result = record.status.result if record is not None else None
    kept = [a for a in result.artefacts if a.kind == "state" and "names" in a.meta] if result is not None else []
    return kept[0] if kept else None


def found_objects(record: Record | None) -> tuple[bpy.types.Object, ...]:
    """Those that a result was made for, as far as they are still there."""
    return targets.find_objects(record.target) if record is not None and record.target is not None else ()


CLASSES = (
    AIGC_PG_view_weight,
    AIGC_OT_blend_again,
    AIGC_OT_draw_view_again,
    AIGC_MT_views,
)
