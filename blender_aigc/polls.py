"""When an operator may run, and what to say when it may not: the tooltip of its grey button, and a script's error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bpy.app.translations import pgettext_iface as iface_

from .state import STATE


@dataclass(frozen=True)
class Condition:
    """otherwise: what to do about it, without a full stop, as Blender writes such lines."""

    holds: Callable[[Any], bool]
    otherwise: str


NO_JOB = Condition(lambda _: STATE.running_job() is None, "A job is running: wait for it, or cancel it")
NO_RENDER = Condition(lambda _: not STATE.rendering and not STATE.rendered, "Blender is rendering: wait for it")
NO_SEQUENCE = Condition(lambda _: STATE.running_sequence() is None, "A sequence is being made: wait for it, or stop it")
NO_BAKE = Condition(lambda _: STATE.bake is None, "A bake is running: wait for it, or cancel it")
NO_CONTROL = Condition(
    lambda _: STATE.running_control() is None, "Control frames are being written: wait for them, or stop them"
)
JOB = Condition(lambda _: STATE.running_job() is not None, "No job is running")
RESULTS = Condition(lambda _: bool(STATE.results), "Nothing has been made yet in this Blender session")
SERVER = Condition(lambda _: STATE.session is not None, "The server has not been started")
OBJECT_MODE = Condition(lambda context: context.mode == "OBJECT", "Go back to Object Mode")
SELECTED = Condition(lambda context: bool(context.selected_objects), "Select an object")
SEVERAL = Condition(
    lambda context: context.active_object is not None and len(context.selected_objects) > 1,
    "Select what is to be scattered, and last the surface for it",
)
ACTIVE = Condition(lambda context: context.active_object is not None, "Select an object")
OWN_DATA = Condition(
    lambda context: context.active_object.library is None, "The object is linked from another file: mark it there"
)
MARKED = Condition(lambda context: context.active_object.asset_data is not None, "The object is not marked")


class Polled:
    """Mixed into operators. needs: in this order; the first that does not hold is what the person is told."""

    needs: tuple[Condition, ...] = ()

    @classmethod
    def poll(cls, context) -> bool:
        for condition in cls.needs:
            if not condition.holds(context):
                cls.poll_message_set(iface_(condition.otherwise))
                return False
        return True
