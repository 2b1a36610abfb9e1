"""Moving and turning things of a plan: by a distance, or to a place beside something else."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from blender_aigc.plan import RELATIONS, Place, Plan
from blender_aigc.protocol import Fault

from .items import Item
from .meaning import Scene
from .tables.actions import DIRECTIONS

_STEP_M = 0.5


def moved(plan: Plan, targets: Sequence[int], items: Sequence[Item], scene: Scene, turned: bool) -> Plan:
    """`plan` with the first target elsewhere. Raises Fault("bad_input") when it is not said where to."""
    quantities = [item.quantities[0] for item in items if item.kind == "quantity"]
    objects = list(plan.objects)
    angle = next((q.value for q in quantities if q.dimension == "angle"), None)
    if turned and angle is not None:
        for n in targets:
            x, y, z = objects[n].rotation_deg
            objects[n] = dataclasses.replace(objects[n], rotation_deg=(x, y, z + angle))
        return dataclasses.replace(plan, objects=tuple(objects))
    heading = next((item.get("direction") for item in items if item.has("direction")), None)
    relation = next((item.get("preposition") for item in items if item.get("preposition") in RELATIONS), None)
    grounds = [n for n in targets[1:]]
    first = targets[0]
    if relation is not None and grounds:
        objects[first] = dataclasses.replace(objects[first], place=Place(relation, objects[grounds[0]].name))
        return dataclasses.replace(plan, objects=tuple(objects))
    if heading is None:
        raise Fault("bad_input", "It is not said where to move it.", "Say: move the cup to the left by 20 cm.")
    far = next((q.value for q in quantities if q.dimension == "length"), _STEP_M)
    place = objects[first].place
    offset = tuple(round(a + far * b, 4) for a, b in zip(place.offset_m, heading, strict=True))
    objects[first] = dataclasses.replace(objects[first], place=dataclasses.replace(place, offset_m=offset))
    return dataclasses.replace(plan, objects=tuple(objects))


def known_directions() -> tuple[str, ...]:
    """For the documentation."""
    return tuple(DIRECTIONS)
