"""Comparatives and descriptions of an edit, applied to the objects of a plan."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from blender_aigc.plan import COLORS, LIQUIDS, MATERIALS, MOST_COPIES, SHAPES, WINDS, Force, Material, Plan, PlanObject
from blender_aigc.protocol import Fault

from .items import Item
from .tables.qualities import COLOURS

_FRAMINGS = ("wide", "medium", "close")


def adjust(plan: Plan, targets: Sequence[int], subject: str, what: str, factor: float) -> Plan:
    """`plan` with `what` of the targets (or of wind, camera, light, time) times `factor`. Raises Fault("bad_input")."""
    if what == "strength" or (subject == "wind" and what in ("number", "speed", "size")):
        return _wind(plan, factor)
    if what == "near":
        at = min(2, max(0, _FRAMINGS.index(plan.camera.framing) + (1 if factor > 0 else -1)))
        return dataclasses.replace(plan, camera=dataclasses.replace(plan.camera, framing=_FRAMINGS[at]))
    if what == "light" or (subject == "light" and what in ("mass", "strength", "number")):
        strength = min(100.0, plan.light.strength * factor)
        return dataclasses.replace(plan, light=dataclasses.replace(plan.light, strength=round(strength, 4)))
    if what == "length" and not targets:
        frames = min(5000, max(1, round(plan.timing.frames * factor)))
        return dataclasses.replace(plan, timing=dataclasses.replace(plan.timing, frames=frames))
    if what == "speed" and subject == "video":
        speed = min(10.0, max(0.01, plan.timing.speed * factor))
        return dataclasses.replace(plan, timing=dataclasses.replace(plan.timing, speed=round(speed, 4)))
    rule = _RULES.get("wide" if what == "length" else what)
    chosen = list(targets) or _likely(plan, what)
    if rule is None or not chosen:
        raise Fault(
            "bad_input",
            "It is not clear what that change is about.",
            f"Name the thing: {', '.join(thing.name for thing in plan.objects)}.",
        )
    objects = tuple(rule(thing, factor) if n in chosen else thing for n, thing in enumerate(plan.objects))
    return dataclasses.replace(plan, objects=objects)


def _likely(plan: Plan, what: str) -> list[int]:
    """Whom a change without a name is about: those that it can apply to."""
    tests: dict[str, Callable[[PlanObject], object]] = {
        "number": lambda t: t.count > 1 or t.rigid,
        "speed": lambda t: t.rigid or t.liquid,
        "height": lambda t: t.place.relation == "above",
        "viscosity": lambda t: t.liquid,
        "bounce": lambda t: t.rigid,
        "mass": lambda t: t.rigid,
    }
    test = tests.get(what, lambda t: t.rigid or t.cloth or t.soft)
    many = [n for n, thing in enumerate(plan.objects) if test(thing)]
    several = [n for n in many if plan.objects[n].count > 1]
    return several if what == "number" and several else many


def _wind(plan: Plan, factor: float) -> Plan:
    winds = [force for force in plan.forces if force.type in ("wind", "vortex", "turbulence")]
    if not winds:
        if factor <= 1:
            raise Fault("bad_input", "There is no wind in the plan.", "Say: add a light breeze.")
        return dataclasses.replace(plan, forces=(Force(), *plan.forces)[:16])
    changed = []
    for force in plan.forces:
        if force in winds:
            before = force.speed_m_s if force.speed_m_s is not None else WINDS[force.strength]
            speed = round(min(60.0, before * factor), 3)
            word = min(WINDS, key=lambda name: abs(WINDS[name] - speed))
            force = dataclasses.replace(force, speed_m_s=speed, strength=word)
        changed.append(force)
    return dataclasses.replace(plan, forces=tuple(changed))


def _scaled(thing: PlanObject, factors: Sequence[float]) -> PlanObject:
    size = thing.size_m
    if size is None and thing.shape in SHAPES:
        size = SHAPES[thing.shape].size_m
    if size is None:
        return dataclasses.replace(thing, scale=round(min(100.0, max(0.01, thing.scale * max(factors, key=abs))), 4))
    scaled = tuple(round(min(1000.0, extent * factor), 5) for extent, factor in zip(size, factors, strict=True))
    rigid = thing.rigid
    if rigid is not None and rigid.mass_kg is not None:
        mass = min(1e6, max(1e-4, rigid.mass_kg * math.prod(factors)))
        rigid = dataclasses.replace(rigid, mass_kg=round(mass, 6))
    return dataclasses.replace(thing, size_m=scaled, rigid=rigid)


def _number(thing: PlanObject, factor: float) -> PlanObject:
    count = round(thing.count * factor)
    if count == thing.count:
        count += 1 if factor > 1 else -1
    if not 1 <= count <= MOST_COPIES:
        raise Fault("bad_input", f"{count} of {thing.name} are impossible.", f"Between 1 and {MOST_COPIES} it works.")
    arrange = thing.arrange
    if count > 1 and thing.count == 1 and thing.rigid is not None and arrange == "row":
        arrange = "scatter" if count <= 6 else "heap"
    return dataclasses.replace(thing, count=count, arrange=arrange)


def _mass(thing: PlanObject, factor: float) -> PlanObject:
    shape = SHAPES.get(thing.shape)
    rigid = thing.rigid
    if rigid is None:
        return thing
    before = rigid.mass_kg or (shape.mass_kg if shape else None)
    if before is None:
        size = thing.size_m or (shape.size_m if shape else (1.0, 1.0, 1.0))
        name = (thing.material.name if thing.material else "") or (shape.material if shape else "plastic")
        before = 0.6 * MATERIALS[name].density * math.prod(max(extent, 0.002) for extent in size)
    return dataclasses.replace(thing, rigid=dataclasses.replace(rigid, mass_kg=round(min(1e6, before * factor), 6)))


def _bounce(thing: PlanObject, factor: float) -> PlanObject:
    if thing.rigid is None:
        return thing
    before = thing.rigid.bounce
    if before is None:
        name = thing.material.name if thing.material else ""
        shape = SHAPES.get(thing.shape)
        before = MATERIALS[name or (shape.material if shape else "plastic")].bounce
    return dataclasses.replace(
        thing, rigid=dataclasses.replace(thing.rigid, bounce=round(min(0.98, before * factor), 4))
    )


def _speed(thing: PlanObject, factor: float) -> PlanObject:
    if thing.rigid is not None:
        rigid = thing.rigid
        velocity = tuple(max(-100.0, min(100.0, round(part * factor, 4))) for part in rigid.velocity_m_s)
        spin = tuple(max(-7200.0, min(7200.0, round(part * factor, 3))) for part in rigid.spin_deg_s)
        loose = min(7200.0, round(rigid.random_spin_deg_s * factor, 3))
        changed = dataclasses.replace(rigid, velocity_m_s=velocity, spin_deg_s=spin, random_spin_deg_s=loose)
        return dataclasses.replace(thing, rigid=changed)
    if thing.liquid is not None:
        velocity = tuple(max(-50.0, min(50.0, round(part * factor, 4))) for part in thing.liquid.velocity_m_s)
        return dataclasses.replace(thing, liquid=dataclasses.replace(thing.liquid, velocity_m_s=velocity))
    return thing


def _height(thing: PlanObject, factor: float) -> PlanObject:
    place = thing.place
    if place.relation != "above":
        return thing
    before = place.distance_m if place.distance_m is not None else 2.0
    return dataclasses.replace(
        thing, place=dataclasses.replace(place, distance_m=round(min(500.0, before * factor), 4))
    )


def _viscosity(thing: PlanObject, factor: float) -> PlanObject:
    liquid = thing.liquid
    if liquid is None:
        return thing
    before = liquid.viscosity_m2_s if liquid.viscosity_m2_s is not None else LIQUIDS[liquid.substance].viscosity
    after = min(1.0, max(before, 1e-4 if factor > 1 else 0.0) * factor)
    return dataclasses.replace(thing, liquid=dataclasses.replace(liquid, viscosity_m2_s=round(after, 9)))


_RULES: dict[str, Callable[[PlanObject, float], PlanObject]] = {
    "size": lambda thing, factor: _scaled(thing, (factor, factor, factor)),
    "tall": lambda thing, factor: _scaled(thing, (1.0, 1.0, factor)),
    "wide": lambda thing, factor: _scaled(thing, (factor, 1.0, 1.0)),
    "number": _number,
    "mass": _mass,
    "bounce": _bounce,
    "speed": _speed,
    "height": _height,
    "viscosity": _viscosity,
}


def describe_as(plan: Plan, targets: Sequence[int], items: Sequence[Item]) -> Plan:
    """ "make the ball red", "the table of glass", "five balls": colour, material, number of what is there."""
    colour = next((item.get("colour") for item in items if item.has("colour")), "")
    material = next((item.get("material") for item in items if item.has("material") and not item.has("noun")), "")
    material = material or next(
        (
            i.get("material")
            for n, i in enumerate(items)
            if n and i.has("material") and items[n - 1].words in ("of", "from", "into")
        ),
        "",
    )
    number = next((int(item.value) for item in items if item.kind == "number" and item.value >= 1), 0)
    fabric = next((item.get("fabric") for item in items if item.has("fabric")), "")
    if colour and colour not in COLORS:
        colour = COLOURS.get(colour, colour if colour.startswith("#") else "")
    objects = list(plan.objects)
    for n in targets:
        thing = objects[n]
        if colour and not any(item.has("colour") and item.has("material") for item in items):
            thing = dataclasses.replace(thing, material=dataclasses.replace(thing.material or Material(), color=colour))
        if material:
            thing = dataclasses.replace(
                thing, material=dataclasses.replace(thing.material or Material(), name=material)
            )
        if fabric and thing.cloth is not None:
            thing = dataclasses.replace(thing, cloth=dataclasses.replace(thing.cloth, fabric=fabric))
        if number and number != thing.count:
            thing = _number(thing, number / thing.count)
        objects[n] = thing
    return dataclasses.replace(plan, objects=tuple(objects))
