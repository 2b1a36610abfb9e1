"""The plan in the sidebar: what it says as a tree, Run, Bake, Cancel. Draws what is there and decides nothing."""

from __future__ import annotations

import functools
import json
import re

import bpy
from bpy.app.translations import pgettext_iface as iface_

from .drawing import wrapped
from .plan_text import newest_plan
from .protocol import TASKS
from .state import STATE

_MOVING = {
    "rigid": ("rigid body", "RIGID_BODY"),
    "cloth": ("cloth", "MOD_CLOTH"),
    "soft": ("soft body", "MOD_SOFT"),
    "liquid": ("liquid", "MOD_FLUIDSIM"),
    "gas": ("gas", "MOD_FLUID"),
}
_AROUND = {"timing": "TIME", "camera": "CAMERA_DATA", "light": "LIGHT", "world": "WORLD"}
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
        settings = context.scene.aigc
        planned = settings.task in TASKS and "plan" in TASKS[settings.task].outputs
        return bool(STATE.proposal) or STATE.bake is not None or (planned and newest_plan(settings) is not None)

    def draw(self, context) -> None:
        layout, settings = self.layout, context.scene.aigc
        record = STATE.record(STATE.proposal)
        if record is not None:
            draw_changes(layout, context, str(record.status.result.report.get("changes", "")))
        text = newest_plan(settings)
        if text is None:
            return
        layout.prop(settings, "plan", text="")
        draw_tree(layout, context, tree(text.as_string()))
        layout.operator("aigc.show_plan", text="Edit as Text", icon="TEXT")
        column = layout.column(align=True)
        column.prop(settings, "set_up_scene")
        column.prop(settings, "replace_run")
        row = layout.row(align=True)
        row.scale_y = 1.6
        if STATE.bake is None:
            row.operator("aigc.run_plan", text="Run", icon="PLAY")
            row.operator("aigc.bake", text="Bake", icon="PHYSICS")
            if settings.built is not None:
                draw_film(layout, context, settings)
            return
        bake = STATE.bake
        row.progress(
            factor=bake.fraction, text=f"{iface_(bake.part.capitalize())} {bake.done}/{bake.total}", type="BAR"
        )
        row.operator("aigc.bake_cancel", text="", icon="CANCEL")


def draw_tree(layout, context, lines: list[tuple[int, str, str]]) -> None:
    column = layout.column(align=True)
    for depth, icon, line in lines[:_LINES]:
        row = column.row()
        if depth:
            row.separator(factor=2.0 * depth)
        wrapped(row, context, line, icon, translate=False)
    if len(lines) > _LINES:
        column.label(text=iface_("{number} more").format(number=len(lines) - _LINES), icon="BLANK1", translate=False)


def draw_film(layout, context, settings) -> None:
    """What becomes of the scene's frames: drawn in a look, or written as control frames."""
    header, body = layout.panel("AIGC_film", default_closed=True)
    header.label(text="Film")
    if body is None:
        return
    body.prop(settings, "look", text="", placeholder="Look, as in: a charcoal drawing")
    body.prop(settings, "frames_folder", text="")
    sequence, control = STATE.running_sequence(), STATE.running_control()
    if sequence is not None:
        _progress(body, sequence, "aigc.stop_sequence")
    elif control is not None:
        _progress(body, control, "aigc.stop_control")
    else:
        row = body.row(align=True)
        row.scale_y = 1.4
        row.operator("aigc.stylise_plan", text="Stylise", icon="RENDER_ANIMATION")
        row.operator("aigc.control_frames", text="Control Frames", icon="IMAGE_ZDEPTH")
        _made(body)


def _made(layout) -> None:
    """What is finished, and the button that shows it."""
    if STATE.sequence is not None and STATE.sequence.done:
        row = layout.row(align=True)
        count = iface_("{done} of {total} frames").format(done=STATE.sequence.done, total=STATE.sequence.total)
        row.label(text=count, icon="CHECKMARK", translate=False)
        row.operator("aigc.place_sequence", text="Show", icon="IMAGE_DATA").where = "IMAGE"
    if STATE.control is not None:
        count = iface_("{number} control frames are written").format(number=STATE.control.total)
        layout.label(text=count, icon="CHECKMARK", translate=False)


def _progress(layout, frames, stop: str) -> None:
    row = layout.row(align=True)
    count = iface_("{done} of {total} frames").format(done=frames.done, total=frames.total)
    row.progress(factor=frames.done / frames.total, text=count, type="BAR")
    row.operator(stop, text="", icon="CANCEL")


def draw_changes(layout, context, changes: str) -> None:
    """What a second sentence would change, line by line, and the two buttons that decide."""
    box = layout.box()
    box.label(text="These changes are proposed", icon="QUESTION")
    column = box.column(align=True)
    lines = changes.splitlines()
    for line in lines[:_LINES]:
        icon = next((icon for word, icon in _KINDS.items() if word in line), "DOT")
        wrapped(column, context, said(line), icon, translate=False)
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
        lines: list[tuple[int, str, str]] = []
        for thing in data["objects"]:
            lines.append((0, "OBJECT_DATA", _thing(thing)))
            if thing.get("place"):
                lines.append((1, "EMPTY_AXIS", _where(thing["place"])))
            lines += [(1, icon, _brief(word, thing[key])) for key, (word, icon) in _MOVING.items()
                      if thing.get(key) is not None]  # fmt: skip
        lines += [(0, "FORCE_WIND", _brief(force.get("type", "wind"), force)) for force in data.get("forces", ())]
        lines += [(0, icon, _brief(key, data[key])) for key, icon in _AROUND.items() if data.get(key)]
        if data.get("notes"):
            lines.append((0, "INFO", str(data["notes"])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [(0, "ERROR", iface_("This text is no plan that can be read"))]
    return lines


def _thing(thing: dict) -> str:
    """ "3 × ball (sphere), red rubber"."""
    many = f"{thing['count']} × " if thing.get("count", 1) != 1 else ""
    kind = str(thing.get("source") or thing["shape"]).replace("_", " ")
    looks = thing.get("material") or {}
    made = " ".join(filter(None, (looks.get("color", ""), looks.get("name", ""))))
    of = f" ({kind})" if kind.lower() != str(thing["name"]).lower() else ""
    return f"{many}{thing['name']}{of}" + (f", {made}" if made else "")


def _where(place: dict) -> str:
    """ "1 m above table", "at (0, 0, 2) m"."""
    relation = str(place.get("relation", "on")).replace("_", " ")
    far = f"{place['distance_m']:g} m " if place.get("distance_m") is not None else ""
    where = f"{far}{relation} {place.get('target', '')}".strip()
    return f"{where} ({', '.join(f'{n:g}' for n in place['offset_m'])}) m" if place.get("offset_m") else where


def _brief(word: str, values: dict) -> str:
    told = [f"{key} {value}" for key, value in values.items()
            if not isinstance(value, dict) and (key != "type" or value != word)]  # fmt: skip
    return said(": ".join(filter(None, (word, ", ".join(told)))))


def register() -> None:
    bpy.utils.register_class(AIGC_PT_plan)


def unregister() -> None:
    bpy.utils.unregister_class(AIGC_PT_plan)
    tree.cache_clear()
