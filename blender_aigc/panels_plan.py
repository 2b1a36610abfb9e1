"""The plan in the sidebar: what it says as a tree, Run, Bake, Cancel. Draws what is there and decides nothing."""

from __future__ import annotations

import functools
import json
import re

import bpy
from bpy.app.translations import pgettext_iface as iface_

from .drawing import wrapped
from .plan_text import newest_plan
from .state import STATE

_MOVING = {
    "rigid": "RIGID_BODY",
    "cloth": "MOD_CLOTH",
    "soft": "MOD_SOFT",
    "liquid": "MOD_FLUIDSIM",
    "gas": "MOD_FLUID",
}
_LINES = 24
_KINDS = {": removed": "REMOVE", ": added": "ADD"}
_UNITS = {"m_s2": "m/s²", "m2_s": "m²/s", "m_s": "m/s", "deg_s": "°/s", "deg": "°", "kg": "kg", "mm": "mm", "px": "px",
          "m": "m"}  # fmt: skip
_UNIT = re.compile(rf"(?<=[a-z])_({'|'.join(_UNITS)})\b")
"""The unit at the end of a field's name, longest first."""


class AIGC_PT_plan(bpy.types.Panel):
    """Below the results: the plan that a sentence became."""

    bl_label = "Plan"
    bl_idname = "AIGC_PT_plan"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "AIGC"

    @classmethod
    def poll(cls, context) -> bool:
        return bool(STATE.proposal) or newest_plan(context.scene.aigc) is not None

    def draw(self, context) -> None:
        layout, settings = self.layout, context.scene.aigc
        record = STATE.record(STATE.proposal)
        if record is not None:
            draw_changes(layout, context, str(record.status.result.report.get("changes", "")))
        text = newest_plan(settings)
        if text is None:
            return
        row = layout.row(align=True)
        row.prop(settings, "plan", text="")
        row.operator("aigc.show_plan", text="", icon="TEXT")
        column = layout.column(align=True)
        column.scale_y = 0.8
        for depth, icon, line in tree(text.as_string())[:_LINES]:
            row = column.row()
            row.separator(factor=0.01 + 2.0 * depth)
            row.label(text=line, icon=icon, translate=False)
        column = layout.column(align=True)
        column.prop(settings, "set_up_scene")
        column.prop(settings, "replace_run")
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


def draw_changes(layout, context, changes: str) -> None:
    """What a second sentence would change, line by line, and the two buttons that decide."""
    box = layout.box()
    box.label(text="These changes are proposed", icon="QUESTION")
    column = box.column(align=True)
    lines = changes.splitlines()
    for line in lines[:_LINES]:
        icon = next((icon for word, icon in _KINDS.items() if word in line), "DOT")
        wrapped(column, context, said(line), icon)
    if len(lines) > _LINES:
        column.label(text=iface_("{number} more").format(number=len(lines) - _LINES), icon="BLANK1", translate=False)
    if not lines:
        wrapped(column, context, "Nothing would change.", "INFO")
    row = box.row(align=True)
    row.scale_y = 1.4
    row.operator("aigc.plan_apply", text="Apply", icon="CHECKMARK")
    row.operator("aigc.plan_discard", text="Discard", icon="X")


def said(line: str) -> str:
    """A line of a diff for the eye: "wind: speed_m_s 2.4 -> 3.6" becomes "wind: speed (m/s) 2.4 → 3.6"."""
    line = _UNIT.sub(lambda match: f" ({_UNITS[match[1]]})", line)
    return re.sub(r"(?<=\w)[._](?=[a-z])", " ", line).replace("->", "→")


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
