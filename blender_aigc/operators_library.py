"""The procedural library in Blender: one Add operator a generator, scatter, and marks on the user's own things."""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty, IntProperty, StringProperty

from . import params
from .catalogue import GeneratorInfo, Value, catalogue
from .operators import refuse
from .polls import ACTIVE, MARKED, OBJECT_MODE, OWN_DATA, SEVERAL, Polled
from .protocol import Fault


def operator_id(generator_id: str) -> str:
    return f"aigc.add_{generator_id}"


class _Add(Polled):
    """What the Add operators share. Their properties are the generator's parameters, so that Adjust Last Operation
    (F9) shows them all; one undo step."""

    bl_options = {"REGISTER", "UNDO"}
    info: GeneratorInfo

    needs = (OBJECT_MODE,)

    def execute(self, context) -> set[str]:
        from .director.generators.add import add  # late: numpy

        values: dict[str, Value] = {param.key: params.value_of(self, param) for param in self.info.params}
        try:
            add(context, self.info.id, values, self.seed, self.label)
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


def _add_operator(info: GeneratorInfo) -> type:
    annotations = {param.key: params.property_for(f"add_{info.id}", param) for param in info.params}
    annotations["seed"] = IntProperty(name="Seed", description="Another number, another one of its kind", min=0)
    annotations["label"] = StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    members = {
        "bl_idname": operator_id(info.id),
        "bl_label": f"Add {info.label}",
        "bl_description": info.help,
        "info": info,
        "__annotations__": annotations,
    }
    return type(f"AIGC_OT_add_{info.id}", (_Add, bpy.types.Operator), members)


class AIGC_OT_scatter(Polled, bpy.types.Operator):
    bl_idname = "aigc.scatter"
    bl_label = "Scatter on Active"
    bl_description = "Put copies of the selected things all over the active one; they share their meshes"
    bl_options = {"REGISTER", "UNDO"}

    number: IntProperty(name="Number", default=200, min=1, max=20000)
    seed: IntProperty(name="Seed", min=0)
    smallest: FloatProperty(
        name="Smallest", description="Size in shares of the original", default=0.8, min=0.01, max=10
    )
    largest: FloatProperty(name="Largest", description="Size in shares of the original", default=1.2, min=0.01, max=10)
    steepest_deg: FloatProperty(
        name="Steepest (deg)", description="Nothing stands on steeper ground", default=50, min=0, max=180
    )
    upright: FloatProperty(name="Upright", description="0 leans with the ground", default=1, min=0, max=1)

    needs = (OBJECT_MODE, SEVERAL)

    def execute(self, context) -> set[str]:
        from .director.generators.add import scatter

        things, sizes = list(context.selected_objects), (self.smallest, self.largest)
        ground = context.active_object
        try:
            scatter(context, ground, things, self.number, self.seed, sizes, self.steepest_deg, self.upright)
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


class AIGC_OT_mark_own(Polled, bpy.types.Operator):
    bl_idname = "aigc.mark_own"
    bl_label = "Add to Catalogue"
    bl_description = "Let sentences name the active object: it becomes an asset whose tags are its words"
    bl_options = {"REGISTER", "UNDO"}

    words: StringProperty(name="Words", description="What it may be called, with commas between", options={"SKIP_SAVE"})
    about: StringProperty(name="Description", description="What it is, in a sentence", options={"SKIP_SAVE"})

    needs = (ACTIVE, OWN_DATA)

    def invoke(self, context, _event) -> set[str]:
        self.words = self.words or context.active_object.name.lower()
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context) -> set[str]:
        thing = context.active_object
        thing.asset_mark()
        wanted = dict.fromkeys(word.strip().lower() for word in self.words.split(",") if word.strip())
        for tag in list(thing.asset_data.tags):
            thing.asset_data.tags.remove(tag)
        for word in wanted:
            thing.asset_data.tags.new(word[:60])
        thing.asset_data.description = self.about
        return {"FINISHED"}


class AIGC_OT_unmark_own(Polled, bpy.types.Operator):
    bl_idname = "aigc.unmark_own"
    bl_label = "Remove from Catalogue"
    bl_description = "The active object stays, but sentences cannot name it any more"
    bl_options = {"REGISTER", "UNDO"}

    needs = (ACTIVE, MARKED)

    def execute(self, context) -> set[str]:
        context.active_object.asset_clear()
        return {"FINISHED"}


_CLASSES = (AIGC_OT_scatter, AIGC_OT_mark_own, AIGC_OT_unmark_own)
_built: list[type] = []


def register() -> None:
    _built.extend(_add_operator(info) for info in catalogue().generators)
    for cls in (*_CLASSES, *_built):
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed((*_CLASSES, *_built)):
        bpy.utils.unregister_class(cls)
    _built.clear()
