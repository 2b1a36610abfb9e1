"""The library in the AIGC tab and in Add > AIGC Studio: pictures of the generators. Draws, and decides nothing."""

from __future__ import annotations

from pathlib import Path

import bpy

from . import thumbnails
from .catalogue import GeneratorInfo, Variant, catalogue
from .drawing import InTab
from .operators_library import operator_id

PICTURES = Path(__file__).parent / "director" / "generators" / "pictures"
CATEGORIES = (
    ("balls", "Balls"),
    ("vessels", "Vessels"),
    ("furniture", "Furniture"),
    ("fabrics", "Fabrics"),
    ("props", "Props"),
    ("vehicles", "Vehicles"),
    ("architecture", "Architecture"),
    ("plants", "Plants"),
    ("ground", "Ground"),
    ("water", "Water"),
    ("sky", "Sky"),
)


def _key(info: GeneratorInfo) -> str:
    return f"generator {info.id}"


def _button(layout, info: GeneratorInfo, variant: Variant, text: str) -> None:
    """Adds this variant: the generator's operator with the parameters that make it."""
    made = layout.operator(operator_id(info.id), text=text, translate=False)
    for param in info.params:
        setattr(made, param.key, variant.params.get(param.key, param.default))
    made.label = variant.label


class AIGC_PT_library(InTab, bpy.types.Panel):
    bl_label = "Library"
    bl_idname = "AIGC_PT_library"
    bl_order = 2
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context) -> None:
        layout = self.layout
        manager = context.window_manager
        layout.prop(manager, "aigc_category", text="")
        infos = [info for info in catalogue().generators if info.category == manager.aigc_category]
        for info in infos:
            row = layout.row(align=True)
            row.template_icon(icon_value=thumbnails.icon(_key(info)), scale=3.0)
            column = row.column(align=True)
            _button(column, info, info.variants[0], info.label)
            if len(info.variants) > 1:
                column.menu(menu_id(info), text="Kinds")
        layout.separator()
        column = layout.column(align=True)
        column.operator("aigc.scatter")
        column.operator("aigc.mark_own")
        column.operator("aigc.unmark_own")


def menu_id(info: GeneratorInfo) -> str:
    return f"AIGC_MT_kinds_{info.id}"


def _kinds_menu(info: GeneratorInfo) -> type:
    def draw(self, _context) -> None:
        for variant in info.variants:
            _button(self.layout, info, variant, variant.label)

    members = {"bl_idname": menu_id(info), "bl_label": info.label, "draw": draw}
    return type(menu_id(info), (bpy.types.Menu,), members)


class AIGC_MT_library(bpy.types.Menu):
    """Every generator, so that the search finds them. Hangs in AIGC_MT_add."""

    bl_label = "AIGC Library"
    bl_idname = "AIGC_MT_library"

    def draw(self, _context) -> None:
        layout = self.layout
        for category, label in CATEGORIES:
            layout.label(text=label)
            for info in catalogue().generators:
                if info.category == category:
                    layout.menu(menu_id(info), text=info.label, translate=False)


_CLASSES = (AIGC_PT_library, AIGC_MT_library)
_built: list[type] = []


def register() -> None:
    bpy.types.WindowManager.aigc_category = bpy.props.EnumProperty(
        name="Category", items=[(key, label, "") for key, label in CATEGORIES], default="furniture"
    )
    _built.extend(_kinds_menu(info) for info in catalogue().generators)
    for cls in (*_CLASSES, *_built):
        bpy.utils.register_class(cls)
    for info in catalogue().generators:
        thumbnails.load(_key(info), PICTURES / f"{info.id}.jpg")


def unregister() -> None:
    for cls in reversed((*_CLASSES, *_built)):
        bpy.utils.unregister_class(cls)
    _built.clear()
    del bpy.types.WindowManager.aigc_category
