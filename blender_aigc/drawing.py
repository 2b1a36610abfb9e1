"""What all parts of the tab share: lines as long as the sidebar is wide."""

from __future__ import annotations

import textwrap

from bpy.app.translations import pgettext_iface as iface_

CATEGORY = "AIGC"

_CHARACTER_PX = 6.4
_MARGIN_PX = 62


class InTab:
    """Mixed into every panel of the tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


def characters(context) -> int:
    """How many letters one line of the sidebar holds."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 in the background
    width = context.region.width if context.region else 220
    return max(16, int((width / scale - _MARGIN_PX) / _CHARACTER_PX))


def wrapped(layout, context, text: str, icon: str = "NONE", translate: bool = True) -> None:
    """`text` in as many lines as the width of the sidebar asks for."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(iface_(text) if translate else text, characters(context))):
        column.label(text=line, translate=False, icon=icon if number == 0 else ("NONE" if icon == "NONE" else "BLANK1"))


def time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 90:
        return iface_("about {seconds} s left").format(seconds=max(1, round(seconds)))
    return iface_("about {minutes} min left").format(minutes=round(seconds / 60))
