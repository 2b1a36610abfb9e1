"""Which text of the file holds the plan that is meant."""

from __future__ import annotations

import bpy


def newest_plan(settings) -> bpy.types.Text | None:
    """The plan that is chosen in the panel (`settings` is `Scene.aigc`), else a text that looks like one, else None."""
    if settings.plan is not None:
        return settings.plan
    return next((text for text in reversed(bpy.data.texts) if is_plan(text)), None)


def is_plan(text: bpy.types.Text) -> bool:
    head = "".join(line.body for line in text.lines[:6])
    return head.lstrip().startswith("{") and '"version"' in head
