"""What stands between the artist and the result, and the one button that removes it. No bpy; computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .faults import FaultCode
from .protocol import TASKS
from .state import State


@dataclass(frozen=True)
class Problem:
    """A sentence, what to do about it, and the operator (with its button text) that does it; "" when none can.

    values: properties of the operator.
    """

    sentence: str
    hint: str = ""
    operator: str = ""
    button: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


BUTTONS: dict[FaultCode, tuple[str, str]] = {
    "server_gone": ("aigc.restart", "Restart Server"),
    "version_mismatch": ("aigc.restart", "Restart Server"),
    "bad_input": ("aigc.choose_picture", "Choose Picture"),
    "not_installed": ("aigc.preferences", "Open Preferences"),
    "weights_missing": ("aigc.preferences", "Open Preferences"),
    "weights_damaged": ("aigc.preferences", "Open Preferences"),
    "licence_not_accepted": ("aigc.preferences", "Open Preferences"),
    "disk_full": ("aigc.preferences", "Open Preferences"),
    "unknown_model": ("aigc.restart", "Restart Server"),
    "internal": ("aigc.run_again", "Try Again"),
    "out_of_memory": ("aigc.run_smaller", "Try with Less Memory"),
}
"""The fix button of a fault; codes that are not listed are cured by changing a setting, as their hint says."""


def button_for(code: FaultCode, settings: Any) -> tuple[str, str]:
    """Operator and text of the button that cures a fault of `code`; ("", "") when there is none.

    A bad input is cured by another picture only where the task takes one. `settings` is `Scene.aigc`.
    """
    if code == "bad_input" and not _takes_picture(settings):
        return "", ""
    return BUTTONS.get(code, ("", ""))


def _takes_picture(settings: Any) -> bool:
    inputs = TASKS[settings.task].inputs if settings.task in TASKS else ()
    if any(wanted.kind == "passes" for wanted in inputs):
        return settings.source == "PICTURE"
    return any(wanted.kind == "image" and wanted.required for wanted in inputs)


def unsaid(settings: Any, ignored: tuple[str, ...]) -> Problem | None:
    """Nothing is said of what only words can say. ignored: what the model does not read."""
    task = TASKS.get(settings.task)
    said = settings.prompt_text is not None or settings.prompt.strip()
    if task is None or not task.from_words or said or "prompt" in ignored:
        return None
    return Problem("Nothing is said yet.", "Write in the Prompt what to make.")


def problem(settings: Any, model_id: str, active_object: Any, state: State) -> Problem | None:
    """What stands in the way once the inputs are chosen (see slots.py), or None. `settings` is `Scene.aigc`."""
    return _server_problem(state) or _model_problem(model_id, state) or _placement_problem(settings, active_object)


def _server_problem(state: State) -> Problem | None:
    if state.session is None or state.session.state in ("off", "failed"):
        return Problem("The AI server is not running.", "", "aigc.start", "Start Server")
    if state.session.state == "starting":
        return Problem("The AI server is starting.")
    return None


def _model_problem(model_id: str, state: State) -> Problem | None:
    info = state.models.get(model_id)
    if info is None:
        return Problem("The server does not offer this model.", "Choose another model.")
    if info.unavailable is not None:
        operator, button = BUTTONS.get(info.unavailable.code, ("", ""))
        return Problem(info.unavailable.message, info.unavailable.hint, operator, button)
    return None


def _placement_problem(settings: Any, active_object: Any) -> Problem | None:
    if settings.placement != "REPLACE" or "mesh" not in TASKS[settings.task].outputs:
        return None
    if active_object is None or active_object.type != "EMPTY":
        return Problem("No empty is selected to be replaced.", "Select one, or place at the 3D cursor.")
    return None
