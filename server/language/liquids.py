"""Liquids: what flows, from where into what, and how long so that a vessel is not flooded."""

from __future__ import annotations

import math

from blender_aigc.plan import LIQUIDS, Liquid, Place
from blender_aigc.protocol import Fault

from .bodies import Body
from .meaning import Happening, Relation, Thing
from .phrases import is_vessel
from .stage import Stage

_ROUND_FILL = 0.55
"""Capacity of a vessel as a share of its bounding box: round, with walls and a bottom."""
_SOURCE_AREA = 1.3
"""By how much the solver's cells make a source wider than it is."""
_SHORTEST_S = 0.8
_VISCOUS_WORDS = {"liquid", "fluid"}


def pour(stage: Stage, happening: Happening) -> None:
    """A source of each liquid named, over what it is poured into."""
    things = [*happening.actors, *happening.patients]
    for way in happening.ways:
        if way.kind in ("with", "of"):
            things += way.grounds
    liquids = [thing for thing in things if thing.noun.role == "liquid"]
    vessel = _vessel(stage, happening)
    for made in stage.bodies:
        if (
            made.thing in happening.actors
            and made.thing.holds
            and not is_vessel(made.thing.noun)
            and vessel is not None
        ):
            made.fields["place"] = Place("above", vessel.name, round(0.5 * vessel.height_m, 4))
            return
    for thing in liquids:
        if thing not in stage.by_thing:
            _source(stage, thing, vessel or _of(stage, thing.relations), happening)
    if not liquids:
        for made in stage.bodies:
            if made.thing in things and made.thing.holds and vessel is not None and vessel is not made:
                _source(stage, made.thing, vessel, happening)
                made.thing.holds = ""


def _vessel(stage: Stage, happening: Happening) -> Body | None:
    for kinds in (("inside", "on", "above", "towards"), ("down", "beside", "against")):
        found = _of(stage, [way for way in happening.ways if way.kind in kinds])
        if found is not None:
            return found
    for thing in (*happening.patients, *happening.actors):
        if thing in stage.by_thing and thing.noun.role != "liquid":
            return stage.by_thing[thing]
    return None


def _of(stage: Stage, relations: list[Relation]) -> Body | None:
    for relation in relations:
        for ground in relation.grounds:
            if ground in stage.by_thing:
                return stage.by_thing[ground]
    return None


def substance(thing: Thing) -> dict[str, object]:
    """The plan's words for what flows. Raises Fault("bad_input") for a liquid that is thick and runny at once."""
    name = thing.substance or thing.holds or "water"
    fields: dict[str, object] = {"substance": name if name in LIQUIDS else "water"}
    if thing.viscosity is not None:
        fields["viscosity_m2_s"] = thing.viscosity
    if {"thick", "runny"} <= set(thing.words.split()) or {"viscous", "watery"} <= set(thing.words.split()):
        raise Fault("bad_input", "A liquid cannot be thick and runny at the same time.", "Leave one of them out.")
    return fields


def _flow_m3_s(size_m: float, speed_m_s: float) -> float:
    """What a round source of this width gives; it falls within its source, too."""
    leaves = math.hypot(speed_m_s, math.sqrt(2 * 9.81 * size_m))
    return _SOURCE_AREA * math.pi * (size_m / 2) ** 2 * leaves


def _width(wide_m: float, wanted_m3: float) -> float:
    """A third of the vessel's width, or less, so that it takes its time to fill."""
    size = min(0.3, 0.35 * wide_m)
    while wanted_m3 / _flow_m3_s(size, _speed_m_s(size)) < _SHORTEST_S:
        size *= 0.95
    return round(size, 5)


def _speed_m_s(size_m: float) -> float:
    return round(max(0.3, min(2.0, 4.0 * size_m)), 4)


def _source(stage: Stage, thing: Thing, vessel: Body | None, happening: Happening) -> None:
    wide = min(vessel.size_m[:2]) if vessel is not None and is_vessel(vessel.thing.noun) else 0.0
    size = _width(wide, 0.6 * _ROUND_FILL * math.prod(vessel.size_m)) if wide and vessel else 0.1
    runs_down = vessel is not None and vessel.fields["shape"] in ("stairs", "ramp")
    if runs_down:  # wide enough for the cells of a domain that holds all of it
        size = round(0.2 * vessel.size_m[0], 4)
    gap = next((q.value for _, q in happening.measures if q.dimension == "length"), None)
    gap = gap or next((w.gap.value for w in happening.ways if w.gap is not None), None)
    if gap is None:
        gap = round(max(0.5 * vessel.height_m, 2.0 * size), 4) if wide and vessel else 0.5
    speed = _speed_m_s(size) * max(0.5, min(2.0, happening.pace))
    fields: dict[str, object] = {
        "shape": "sphere",
        "size_m": (size, size, size),
        "place": Place("above", vessel.name if vessel else "", gap),
    }
    if runs_down:  # at the upper end
        fields["place"] = Place("above", vessel.name, 0.15, (0.0, round(0.35 * vessel.size_m[1], 4), 0.0))
    stop = None
    if vessel is not None and wide:
        seconds = 0.6 * _ROUND_FILL * math.prod(vessel.size_m) / _flow_m3_s(size, speed)
        stop = 1 + max(1, round(seconds * (stage.scene.fps or 24)))
        stage.lasts(seconds + 1.5)
        if not is_fixed(vessel):
            vessel.fields.pop("rigid", None)
    fields["liquid"] = Liquid(
        role="inflow", velocity_m_s=(0.0, 0.0, -round(speed, 4)), stop_frame=stop, **substance(thing)
    )
    name = stage.free_name(f"{thing.substance or thing.holds or 'water'} source")
    made = stage.add(Body(thing, name, (size, size, size), True, fields))
    made.fields["collides"] = False
    stage.moves(made)
    stage.lasts(4.0)


def is_fixed(made: Body) -> bool:
    return "fixed" in made.thing.qualities


def fill(stage: Stage, made: Body) -> None:
    """ "a glass of water": the liquid stands in it from the beginning."""
    thing = made.thing
    if not thing.holds or not is_vessel(thing.noun):
        return
    size = tuple(round(extent * share, 5) for extent, share in zip(made.size_m, (0.62, 0.62, 0.55), strict=True))
    name = stage.free_name(f"{thing.holds} in {made.name}")
    body = Body(thing, name, size, True, {"shape": "cylinder", "size_m": size, "place": Place("inside", made.name)})
    body.fields["liquid"] = Liquid(role="volume", **substance(thing))
    body.fields["collides"] = False
    thing.holds = ""
    stage.bodies.append(body)
    stage.moves(body)


def turn_to_liquid(stage: Stage, made: Body) -> None:
    """ "a cube of honey": the shape itself becomes liquid."""
    thing = made.thing
    name = thing.substance or ("" if is_vessel(thing.noun) else thing.holds)
    if (
        not name
        or made.fields.get("liquid")
        or thing.noun.role != "object"
        or thing.noun.shape not in ("cube", "sphere", "cylinder", "box")
    ):
        return
    made.fields.pop("rigid", None)
    made.fields.pop("material", None)
    made.fields["liquid"] = Liquid(role="volume", **{**substance(thing), "substance": name})
    made.fields["collides"] = False
    stage.moves(made)
