"""The plan in the sidebar: what it says as a tree, Run, Bake, Cancel. Draws what is there and decides nothing."""

from __future__ import annotations

import functools
import json

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import physics
from .state import STATE

_MOVING = {
    "rigid": "RIGID_BODY",
    "cloth": "MOD_CLOTH",
    "soft": "MOD_SOFT",
    "liquid": "MOD_FLUIDSIM",
    "gas": "MOD_FLUID",
}
_LINES = 24


class AIGC_PT_plan(bpy.types.Panel):
    """Below the results: the plan that a sentence became."""

    bl_label = "Plan"
    bl_idname = "AIGC_PT_plan"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "AIGC"

    @classmethod
    def poll(cls, context) -> bool:
        return context.scene.aigc.plan is not None or physics.newest_plan() is not None

    def draw(self, context) -> None:
        layout, settings = self.layout, context.scene.aigc
        text = settings.plan or physics.newest_plan()
        row = layout.row(align=True)
        row.prop(settings, "plan", text="")
        row.operator("aigc.show_plan", text="", icon="TEXT")
        column = layout.column(align=True)
        column.scale_y = 0.8
        for depth, icon, line in tree(text.as_string())[:_LINES]:
            row = column.row()
            row.separator(factor=0.01 + 2.0 * depth)
            row.label(text=line, icon=icon, translate=False)
        layout.prop(settings, "set_up_scene")
        row = layout.row(align=True)
        row.scale_y = 1.6
        if STATE.bake is None:
            row.operator("aigc.run_plan", text="Run", icon="PLAY")
            row.operator("aigc.bake", text="Bake", icon="PHYSICS")
            return
        bake = STATE.bake
        row.progress(
            factor=bake.fraction, text=f"{iface_(bake.part.capitalize())} {bake.done}/{bake.total}", type="BAR"
        )
        row.operator("aigc.bake_cancel", text="", icon="CANCEL")


@functools.lru_cache(maxsize=4)
def tree(text: str) -> list[tuple[int, str, str]]:
    """(depth, icon, line) of a plan; one line that says so when the text is no JSON (Run says where it is wrong)."""
    try:
        data = json.loads(text)
        things = data["objects"]
        lines = [(0, "SCENE_DATA", str(data.get("title", "")))]
        for thing in things:
            many = f"{thing.get('count', 1)} x " if thing.get("count", 1) != 1 else ""
            lines.append((1, "OBJECT_DATA", f"{many}{thing['name']} ({thing.get('source') or thing['shape']})"))
            place = thing.get("place", {})
            if place:
                lines.append((2, "EMPTY_AXIS", f"{place.get('relation', 'on')} {place.get('target', '')}".strip()))
            lines += [(2, _MOVING[key], _brief(key, thing[key])) for key in _MOVING if thing.get(key) is not None]
        lines += [(1, "FORCE_WIND", _brief(force["type"], force)) for force in data.get("forces", ())]
        if data.get("notes"):
            lines.append((1, "INFO", str(data["notes"])[:120]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [(0, "ERROR", iface_("This text is no plan that can be read"))]
    return lines


def _brief(word: str, values: dict) -> str:
    told = [f"{key} {value}" for key, value in values.items() if not isinstance(value, (dict, list)) and key != "type"]
    return ": ".join(filter(None, (word, ", ".join(told))))


def register() -> None:
    bpy.utils.register_class(AIGC_PT_plan)


def unregister() -> None:
    bpy.utils.unregister_class(AIGC_PT_plan)
    tree.cache_clear()
