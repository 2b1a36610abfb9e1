"""Which text of the file holds the plan that is meant."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
from bpy.app.translations import pgettext_iface as iface_


def newest_plan(settings) -> bpy.types.Text | None:
    """The plan that is chosen in the panel (`settings` is `Scene.aigc`), else a text that looks like one, else None."""
    if settings.plan is not None:
        return settings.plan
    return next((text for text in reversed(bpy.data.texts) if is_plan(text)), None)


def spent(report: Mapping[str, object]) -> str:
    """What a language model took for a plan, from its job's report: tokens and, where prices are set, the cost."""
    asked, answered = report.get("prompt_tokens"), report.get("answer_tokens")
    if not asked and not answered:
        return ""
    line = iface_("{asked} + {answered} tokens").format(asked=asked or 0, answered=answered or 0)
    cost = report.get("cost")
    return f"{line}, {cost:.4g}" if isinstance(cost, (int, float)) and cost > 0 else line


def is_plan(text: bpy.types.Text) -> bool:
    head = "".join(line.body for line in text.lines[:6])
    return head.lstrip().startswith("{") and '"version"' in head
