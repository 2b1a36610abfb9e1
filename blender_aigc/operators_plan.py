"""What the artist presses to have a plan carried out: Run, Bake, Cancel; each also works from a script."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from . import physics, targets, watch
from .place import place
from .plan_text import newest_plan
from .polls import NO_BAKE, OBJECT_MODE, Polled
from .protocol import Fault
from .state import STATE


def refuse(operator: bpy.types.Operator, fault: Fault) -> set[str]:
    STATE.show(fault.record())
    operator.report({"ERROR"}, str(fault))
    watch.redraw()
    return {"CANCELLED"}


class AIGC_OT_run_plan(Polled, bpy.types.Operator):
    bl_idname = "aigc.run_plan"
    bl_label = "Run Plan"
    bl_description = "Build what the plan says into a collection of its own, as one undo step"
    bl_options = {"REGISTER", "UNDO"}

    text: StringProperty(name="Plan", description="Name of the text with the plan", options={"SKIP_SAVE"})

    needs = (OBJECT_MODE,)

    def execute(self, context) -> set[str]:
        settings = context.scene.aigc
        chosen = bpy.data.texts.get(self.text) if self.text else newest_plan(settings)
        try:
            built = physics.run(context, physics.plan_of(chosen), settings.set_up_scene)
        except Fault as fault:
            return refuse(self, fault)
        if settings.replace_run:
            if STATE.bake is not None:  # its motion is of what is gone now
                STATE.bake.cancel()
                STATE.bake = None
            physics.replace(settings, built.collection)
        settings.built = built.collection
        STATE.fault = None
        self.report({"INFO"}, f"{sum(map(len, built.objects.values()))} objects in {built.collection.name}")
        return {"FINISHED"}


class AIGC_OT_bake(Polled, bpy.types.Operator):
    bl_idname = "aigc.bake"
    bl_label = "Bake"
    bl_description = "Compute how everything moves, in a Blender of its own; this one stays usable meanwhile"

    needs = (NO_BAKE,)

    def execute(self, context) -> set[str]:
        try:
            collection = physics.collection_of(context)
            bake = physics.new_bake(context, collection, context.scene.aigc.set_up_scene)
            STATE.fault = None
            if bpy.app.background:
                bake.wait()
                physics.apply(context, collection, bake.folder)
                return {"FINISHED"}
            bake.start()
        except Fault as fault:
            return refuse(self, fault)
        STATE.bake = bake
        watch.wake()
        return {"FINISHED"}


class AIGC_OT_bake_cancel(bpy.types.Operator):
    bl_idname = "aigc.bake_cancel"
    bl_label = "Cancel Bake"
    bl_description = "Stop computing; the scene stays as it is"

    @classmethod
    def poll(cls, _context) -> bool:
        return STATE.bake is not None

    def execute(self, _context) -> set[str]:
        STATE.bake.cancel()
        STATE.bake = None
        watch.redraw()
        return {"FINISHED"}


class AIGC_OT_bake_apply(bpy.types.Operator):
    bl_idname = "aigc.bake_apply"
    bl_label = "Apply Bake"
    bl_description = "Put the computed motion onto the objects, as one undo step"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    folder: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    collection: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context) -> set[str]:
        collection = bpy.data.collections.get(self.collection)
        try:
            if collection is None:
                raise Fault("bad_input", "What was baked is not in the file any more.", "Press Run, then Bake.")
            physics.apply(context, collection, Path(self.folder))
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_show_plan(bpy.types.Operator):
    bl_idname = "aigc.show_plan"
    bl_label = "Edit Plan as Text"
    bl_description = "Show the plan in a Text Editor; Run takes what stands there"

    def execute(self, context) -> set[str]:
        text = newest_plan(context.scene.aigc)
        if text is None:
            return refuse(self, Fault("bad_input", "There is no plan yet.", "Write a sentence and press Generate."))
        areas = [area for window in context.window_manager.windows for area in window.screen.areas]
        shown = next((area for area in areas if area.type == "TEXT_EDITOR"), None)
        if shown is None and context.area is not None:
            bpy.ops.screen.area_split(direction="VERTICAL", factor=0.35)
            shown = context.window.screen.areas[-1]
            shown.type = "TEXT_EDITOR"
        if shown is not None:
            space = shown.spaces.active
            space.text, space.show_syntax_highlight, space.show_word_wrap = text, True, True
            text.cursor_set(0)
            space.top = 0
        return {"FINISHED"}


class AIGC_OT_plan_apply(bpy.types.Operator):
    bl_idname = "aigc.plan_apply"
    bl_label = "Apply Changes"
    bl_description = "Take the changed plan; the old one stays among the texts. One undo step"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, _context) -> bool:
        return STATE.record(STATE.proposal) is not None

    def execute(self, context) -> set[str]:
        record = STATE.record(STATE.proposal)
        try:
            place(context, record, record.target)
        except Fault as fault:
            return refuse(self, fault)
        targets.forget(record.job_id)
        return {"FINISHED"}


class AIGC_OT_plan_discard(bpy.types.Operator):
    bl_idname = "aigc.plan_discard"
    bl_label = "Discard Changes"
    bl_description = "Leave the plan as it is; Place in the list of results takes the changed one after all"

    @classmethod
    def poll(cls, _context) -> bool:
        return bool(STATE.proposal)

    def execute(self, _context) -> set[str]:
        watch.keep_for_later(STATE.proposal, "You did not want these changes. Place takes the changed plan after all.")
        STATE.proposal = ""
        watch.redraw()
        return {"FINISHED"}


_CLASSES = (
    AIGC_OT_run_plan,
    AIGC_OT_bake,
    AIGC_OT_bake_cancel,
    AIGC_OT_bake_apply,
    AIGC_OT_show_plan,
    AIGC_OT_plan_apply,
    AIGC_OT_plan_discard,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
