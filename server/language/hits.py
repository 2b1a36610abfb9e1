"""Rigid motion towards something: what rolls, slides, is thrown, collides and topples."""

from __future__ import annotations

import math

from blender_aigc.plan import SHAPES, Place
from blender_aigc.protocol import Fault

from .bodies import Body, group_height
from .cloths import is_cloth
from .meaning import Happening
from .motions import G, aimed_at, bodies_of, fall, going, measure, on_the_slope, rigid, said_height, spin
from .stage import Stage

_SPEED = {"roll": 2.0, "slide": 2.5, "throw": 6.0, "collide": 4.0}
HEAVY = {"wall", "table", "ramp", "stairs", "pole", "shelf", "chair"}
_LOOSE = {"ball", "barrel", "bottle", "car", "crate", "lamp", "rock"}
"""Generators."""


def _speed_of(happening: Happening) -> float:
    said = measure(happening, "speed")
    if said is not None and not 0 < said <= 100:
        raise Fault("bad_input", f"A speed of {said:g} m/s is impossible here.", "Between 0 and 100 m/s it works.")
    return said if said is not None else min(100.0, _SPEED.get(happening.action, 4.0) * happening.pace)


def _heading(stage: Stage, happening: Happening) -> tuple[float, float, float]:
    if happening.direction is not None:
        return happening.direction
    for way in happening.ways:
        if way.kind in ("towards", "beside") and any(ground.noun.role == "camera" for ground in way.grounds):
            return 0.0, -1.0, 0.0
    return 1.0, 0.0, 0.0


def roll(stage: Stage, happening: Happening) -> None:
    speed, heading = _speed_of(happening), _heading(stage, happening)
    slope = aimed_at(stage, happening.ways, ("down", "on", "from", "above"))[1]
    aim = aimed_at(stage, happening.ways, ("towards", "inside", "against"))[1]
    for made in bodies_of(stage, happening.actors or happening.patients):
        if slope is not None and slope.fields["shape"] in ("ramp", "stairs"):
            on_the_slope(stage, made, slope)
            rigid(stage, made)
            if aim is not None and "place" not in aim.fields:  # at its foot
                aim.fields["place"] = Place("in_front_of", slope.name, round(0.5 * aim.size_m[1], 3))
        elif aim is not None:
            _send(stage, made, aim, speed)
        else:
            if slope is not None and "place" not in made.fields:
                made.fields["place"] = Place("on", slope.name)
            rigid(stage, made, **going(made, heading, speed, happening.action == "roll"))
        stage.lasts(4.0)


def throw(stage: Stage, happening: Happening) -> None:
    speed, heading = _speed_of(happening), _heading(stage, happening)
    aim = aimed_at(stage, happening.ways, ("towards", "on", "inside", "against", "beside", "down"))[1]
    aim = aim or next(iter(bodies_of(stage, happening.patients if happening.actors else [])), None)
    over = aimed_at(stage, happening.ways, ("above",))[1]
    for made in bodies_of(stage, happening.actors or happening.patients):
        if made in (aim, over):
            continue
        if aim is not None:
            _send(stage, made, aim, speed, thrown=True)
            continue
        if over is not None:
            _over(stage, made, over)
            continue
        stage.hang(made, 1.2)
        up = 0.35 * speed if not heading[2] else 0.0
        velocity = tuple(round(speed * part, 4) for part in heading[:2]) + (round(speed * heading[2] + up, 4),)
        rigid(stage, made, velocity_m_s=velocity, **spin(happening))
        stage.lasts(4.0)


def _over(stage: Stage, made: Body, wall: Body) -> None:
    """In an arc over `wall`, from its left side."""
    rise = wall.height_m + 3 * max(made.size_m)
    distance = max(1.0, wall.size_m[0] / 2)
    up = math.sqrt(2 * G * rise)
    along = (distance + wall.size_m[0] / 2) / (up / G)
    made.fields["place"] = Place("left_of", wall.name, round(distance, 4))
    rigid(stage, made, velocity_m_s=(round(min(along, 100.0), 4), 0.0, round(min(up, 100.0), 4)))
    stage.lasts(2 * up / G + 2.0)


# ------------------------------------------------------------------------------------------------------------ hitting


def _send(stage: Stage, made: Body, target: Body, speed: float, thrown: bool = False) -> None:
    """Into `target`: from its left, or from the front into a row of thin things, which stands away from the viewer."""
    deep = target.fields.get("count", 1) > 1 and target.size_m[1] < 0.5 * target.size_m[0]
    deep = deep and target.fields.get("arrange", "row") == "row"
    heading, side = ((0.0, 1.0, 0.0), "in_front_of") if deep else ((1.0, 0.0, 0.0), "left_of")
    gap = max(1.5 * max(made.size_m), 0.5 * target.size_m[0], min(0.4, 4.0 * max(target.size_m)))
    if not is_cloth(target):
        made.fields["place"] = Place(side, target.name, round(gap, 4))
    tall = group_height(target)
    flies = thrown or tall > 1.5 * target.height_m
    rolls = not flies and made.size_m[0] == made.size_m[2] and made.thing.noun.shape != "cube"
    sent = going(made, heading, speed, rolls)
    if flies:  # from the height where it is to hit, upwards as much as it will sink on the way
        lift = max(0.0, (0.5 if tall == target.height_m else 0.65) * tall - made.height_m / 2)
        sent["velocity_m_s"] = (*sent["velocity_m_s"][:2], round(min(50.0, G * gap / speed / 2), 4))
        if not is_cloth(target):
            made.fields["place"] = Place(side, target.name, round(gap, 4), (0.0, 0.0, round(lift, 4)))
    rigid(stage, made, **sent)
    if is_loose(target):
        rigid(stage, target)
    stage.lasts(gap / speed + 3.0)


def is_loose(made: Body) -> bool:
    """Does it move when something hits it? Furniture, walls, and what holds a liquid stand fast."""
    built = made.fields["shape"] == "generator" and made.thing.noun.source not in _LOOSE
    fast = made.fields["shape"] in HEAVY or built or "fixed" in made.thing.qualities
    return not (fast or is_cloth(made) or made.fields.get("liquid"))


def collide(stage: Stage, happening: Happening) -> None:
    actors = bodies_of(stage, happening.actors)
    others = bodies_of(stage, happening.patients)
    for way in happening.ways:
        if way.kind in ("inside", "on", "with", "against", "towards", "above", "down"):
            others += [stage.by_thing[g] for g in way.grounds if g in stage.by_thing]
    speed = _speed_of(happening)
    if not actors and others:
        actors, others = others[:1], others[1:]
    if not actors:
        return
    first = actors[0]
    if not others and len(actors) > 1:
        others = actors[1:]
    if not others and first.fields.get("count", 1) > 1:
        others = [_split(stage, first)]
    if not others:
        if not first.fields.get("rigid"):
            fall(stage, happening)
        return
    target = others[0]
    falling = first.fields.get("place") and first.fields["place"].relation == "above"
    if first.fields.get("rigid") is not None and falling:
        first.fields["place"] = Place("above", target.name, first.fields["place"].distance_m)
    elif first in stage.stands_on and stage.stands_on[first].fields["shape"] in ("ramp", "stairs"):
        slope = stage.stands_on[first]
        target.fields.setdefault("place", Place("in_front_of", slope.name, round(max(0.3, target.size_m[1]), 4)))
    elif any(other.fields.get("place") and other.fields["place"].target == first.name for other in stage.hitting):
        first.fields["place"] = Place("left_of", target.name, round(max(first.size_m), 4))  # as fast as it is hit
    else:
        stage.hitting.append(first)
        piled = group_height(target) > 1.5 * target.height_m and measure(happening, "speed") is None
        _send(stage, first, target, max(speed, 12.0) if piled else speed)
    if is_loose(target):
        mutual = target in actors or len(happening.patients) == 0 and not happening.ways
        rigid(stage, target, **(going(target, (-1.0, 0.0, 0.0), speed, False) if mutual else {}))


def _split(stage: Stage, made: Body) -> Body:
    """Take one of several copies away and make it an object of its own."""
    count = made.fields.pop("count") - 1
    made.fields.pop("arrange", None)
    fields = dict(made.fields)
    if count > 1:
        fields["count"] = count
    other = Body(made.thing, stage.free_name(f"second {made.name}"), made.size_m, made.sized, fields)
    stage.bodies.insert(stage.bodies.index(made) + 1, other)
    return other


def topple(stage: Stage, happening: Happening) -> None:
    actors, patients = bodies_of(stage, happening.actors), bodies_of(stage, happening.patients)
    if actors and patients:
        collide(stage, happening)
        return
    for made in actors or patients:
        count = made.fields.get("count", 1)
        if count < 2:
            rigid(stage, made, spin_deg_s=(0.0, 120.0, 0.0))
            continue
        rigid(stage, made)
        size = round(0.5 * made.height_m, 5)
        push = Body(made.thing, stage.free_name("push"), (size, size, size), True, {"shape": "sphere"})
        push.fields["size_m"] = push.size_m
        stage.bodies.append(push)
        piled = group_height(made) > 1.5 * made.height_m
        stage.view = stage.view or ("" if piled else "side")  # a row along the line of sight is short
        _send(stage, push, made, 8.0 if piled else max(0.5, 5.0 * math.sqrt(made.height_m)), thrown=True)
        rigid(stage, push, mass_kg=round(min(1e6, _push_mass(made) * (3.0 if piled else 1.0)), 5))
        stage.note("a small ball gives the first push")


def _push_mass(made: Body) -> float:
    shape = SHAPES.get(made.fields["shape"])
    return shape.mass_kg if shape and shape.mass_kg else round(max(1e-3, 500.0 * math.prod(made.size_m)), 5)


def is_a_row_of_dominoes(stage: Stage, happening: Happening) -> bool:
    """They stand, and fall one after the other."""
    made = bodies_of(stage, happening.actors or happening.patients)
    said = said_height(happening) is not None or any(way.kind == "from" for way in happening.ways)
    return (
        not said
        and bool(made)
        and all(
            each.fields["shape"] == "domino"
            and each.fields.get("count", 1) > 1
            and each.thing.arrange in ("row", "circle")
            for each in made
        )
    )
