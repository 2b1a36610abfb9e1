"""Rigid motion: what falls, bounces, spins, rolls, slides, is thrown, collides and topples."""

from __future__ import annotations

import math

from blender_aigc.plan import SHAPES, Place, Rigid, Soft
from blender_aigc.protocol import Fault

from .bodies import Body, group_height, mass_of
from .cloths import is_cloth
from .liquids import pour
from .meaning import Happening, Relation, Thing
from .phrases import is_vessel
from .stage import Stage

DROP_M = 1.5
_SPEED = {"roll": 2.0, "slide": 2.5, "throw": 6.0, "collide": 4.0}
_G = 9.81
HEAVY = {"wall", "table", "ramp", "stairs", "pole", "shelf", "chair"}


def bodies_of(stage: Stage, things: list[Thing]) -> list[Body]:
    """The bodies of `things`; those of a count that was split are all of them."""
    return [made for made in stage.bodies if made.thing in things]


def _target(stage: Stage, ways: list[Relation], kinds: tuple[str, ...]) -> tuple[Relation | None, Body | None]:
    for way in ways:
        if way.kind in kinds:
            for ground in way.grounds:
                if ground in stage.by_thing:
                    return way, stage.by_thing[ground]
                if ground.noun.role in ("surface", "abstract", "camera"):
                    return way, None
    return None, None


def _measure(happening: Happening, dimension: str, made: Body | None = None) -> float | None:
    """The quantity of `dimension` that the verb was given; SI."""
    return next((quantity.value for _, quantity in happening.measures if quantity.dimension == dimension), None)


def rigid(stage: Stage, made: Body, **fields: object) -> None:
    """Make `made` an active rigid body, or change the one that it is."""
    if is_cloth(made) or made.fields.get("liquid") or made.fields.get("soft"):
        return
    before = made.fields.get("rigid")
    said = {name: getattr(before, name) for name in Rigid.__dataclass_fields__} if before else properties(made)
    said.update(fields)
    made.fields["rigid"] = Rigid(**said)
    stage.moves(made)


def properties(made: Body) -> dict[str, object]:
    """What the adjectives say about a rigid body."""
    thing = made.thing
    said: dict[str, object] = {}
    if (mass := mass_of(made)) is not None:
        said["mass_kg"] = mass
    if thing.noun.bounce:
        said["bounce"] = thing.noun.bounce
    if "bouncy" in thing.qualities:
        said["bounce"] = 0.9
    if "slippery" in thing.qualities:
        said["friction"] = 0.02
    if "rough" in thing.qualities:
        said["friction"] = 1.0
    return said


# ------------------------------------------------------------------------------------------------------------- falling


def fall(stage: Stage, happening: Happening) -> None:
    things = happening.actors or happening.patients
    way, target = _target(stage, happening.ways, ("on", "inside", "towards", "above", "against", "beside"))
    if target is None and happening.actors and happening.patients:
        target = next(iter(bodies_of(stage, happening.patients)), None)
    liquid = [thing for thing in things if thing.noun.role == "liquid"]
    if liquid and not bodies_of(stage, things):
        pour(stage, happening)
        return
    for made in bodies_of(stage, things):
        if made is target:
            continue
        start = made.fields.get("place")
        source = _target(stage, happening.ways, ("from",))[1]
        if source is not None and start is None:
            _off_the_edge(stage, made, source)
            continue
        height = _drop_height(happening, made, target)
        if is_cloth(made) and _said_height(happening) is None:
            height = 0.3
        if target is not None:
            made.fields["place"] = Place("above", target.name, height)
            _over_the_opening(made, target)
        elif start is None or start.relation in ("above", "on"):
            over = start.target if start and not (way and way.grounds[0].noun.role == "surface") else ""
            gap = (
                start.distance_m if start and start.relation == "above" and _said_height(happening) is None else height
            )
            made.fields["place"] = Place("above", over, gap if gap is not None else height)
        spread(made)
        stage.lasts(math.sqrt(2 * height / _G) + 2.0)
        if is_cloth(made):
            made.fields["_falls"] = True
        elif "soft" in made.thing.qualities or made.thing.material == "jelly" or made.thing.noun.material == "jelly":
            soften(stage, made)
        else:
            rigid(stage, made, **_spin(happening))


def _said_height(happening: Happening) -> float | None:
    return next((q.value for _, q in happening.measures if q.dimension == "length"), None)


def _drop_height(happening: Happening, made: Body, target: Body | None) -> float:
    said = _said_height(happening)
    gaps = [way.gap.value for way in happening.ways if way.gap is not None]
    said = said if said is not None else next(iter(gaps), None)
    if said is not None:
        if not 0 < said <= 500:
            raise Fault("bad_input", f"A fall from {said:g} m is impossible.", "Between 0 and 500 m it works.")
        return said
    if target is not None and is_vessel(target.thing.noun):  # low, so that what bounces stays in
        return round(max(0.05, 0.5 * target.height_m), 4)
    if target is not None and max(target.size_m) < 0.5:
        return round(max(0.1, 1.5 * max(target.size_m)), 4)
    return round(max(DROP_M if target is None else 1.0, 2.0 * max(made.size_m)), 4)


def _spin(happening: Happening) -> dict[str, object]:
    return {"random_spin_deg_s": 360.0} if happening.random else {}


def spread(made: Body) -> None:
    """Several that fall begin apart from each other."""
    count = made.fields.get("count", 1)
    if count > 1 and "arrange" not in made.fields:
        made.fields["arrange"] = "scatter" if count <= 6 else "heap"


def _over_the_opening(made: Body, vessel: Body) -> None:
    """Several that fall into something begin over its opening."""
    if made.fields.get("count", 1) > 1 and is_vessel(vessel.thing.noun):
        made.fields["arrange"] = "heap"
        made.fields["spread_m"] = round(max(0.01, 0.4 * min(vessel.size_m[:2])), 4)


def _off_the_edge(stage: Stage, made: Body, source: Body) -> None:
    """ "falls off the table": on its top, with a push over the edge."""
    made.fields["place"] = Place("on", source.name)
    reach = source.size_m[0] / 2 + max(made.size_m)
    rigid(stage, made, velocity_m_s=(round(max(1.5, 2.0 * reach), 3), 0.0, 0.0))


def bounce(stage: Stage, happening: Happening) -> None:
    for made in bodies_of(stage, happening.actors or happening.patients):
        if made.fields.get("rigid") is None:
            fall(stage, happening)
        before = made.fields.get("rigid")
        if before is not None and before.bounce is None and made.thing.noun.shape not in ("basketball", "tennis_ball"):
            rigid(stage, made, bounce=0.75)
        stage.lasts(5.0)


# ------------------------------------------------------------------------------------------------- turning and going


def turn(stage: Stage, happening: Happening) -> None:
    said = _measure(happening, "spin")
    speed = said if said is not None else min(7200.0, 540.0 * happening.pace)
    for made in bodies_of(stage, happening.actors or happening.patients):
        if is_cloth(made):
            continue
        if made.height_m < 0.2 * made.size_m[0] and made not in stage.airborne:  # a coin spins on its edge
            made.fields["rotation_deg"] = (90.0, 0.0, 0.0)
        if made in stage.airborne or any(ground.noun.name == "air" for way in happening.ways for ground in way.grounds):
            stage.hang(made, DROP_M)
        spread(made)
        if happening.random or made.fields.get("count", 1) > 1:
            rigid(stage, made, random_spin_deg_s=round(abs(speed), 3))
        else:
            rigid(stage, made, spin_deg_s=(0.0, 0.0, round(max(-7200.0, min(7200.0, speed)), 3)))


def _speed_of(happening: Happening) -> float:
    said = _measure(happening, "speed")
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
    slope = _target(stage, happening.ways, ("down", "on", "from", "above"))[1]
    aim = _target(stage, happening.ways, ("towards", "inside", "against"))[1]
    for made in bodies_of(stage, happening.actors or happening.patients):
        if slope is not None and slope.fields["shape"] in ("ramp", "stairs"):
            _on_the_slope(stage, made, slope)
            rigid(stage, made)
        elif aim is not None:
            _send(stage, made, aim, speed)
        else:
            if slope is not None and "place" not in made.fields:
                made.fields["place"] = Place("on", slope.name)
            rigid(stage, made, **_going(made, heading, speed, happening.action == "roll"))
        stage.lasts(4.0)


def _on_the_slope(stage: Stage, made: Body, slope: Body) -> None:
    """At the upper end, where the director puts what stands on a ramp (low in front, high at the back)."""
    made.fields["place"] = Place("on", slope.name)
    stage.stands_on[made] = slope
    if not made.sized and max(made.size_m) > 0.4 * max(slope.size_m):
        factor = 0.3 * slope.size_m[0] / max(made.size_m)
        made.size_m = tuple(round(extent * factor, 4) for extent in made.size_m)
        made.fields["size_m"] = made.size_m
    if made.thing.noun.shape == "cylinder":
        made.fields["rotation_deg"] = (0.0, 90.0, 0.0)


def _going(made: Body, heading: tuple[float, float, float], speed: float, rolls: bool) -> dict[str, object]:
    """Velocity, and the spin of what rolls without slipping: w = n x v / r."""
    velocity = tuple(round(speed * part, 4) for part in heading)
    if not rolls:
        return {"velocity_m_s": velocity}
    turn = math.degrees(speed / max(made.radius_m, 1e-3))
    turn = min(turn, 7200.0)
    spin = (round(0.0 - heading[1] * turn, 3), round(heading[0] * turn, 3), 0.0)
    return {"velocity_m_s": velocity, "spin_deg_s": spin}


def throw(stage: Stage, happening: Happening) -> None:
    speed, heading = _speed_of(happening), _heading(stage, happening)
    aim = _target(stage, happening.ways, ("towards", "on", "inside", "against", "beside", "down"))[1]
    aim = aim or next(iter(bodies_of(stage, happening.patients if happening.actors else [])), None)
    over = _target(stage, happening.ways, ("above",))[1]
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
        rigid(stage, made, velocity_m_s=velocity, **_spin(happening))
        stage.lasts(4.0)


def _over(stage: Stage, made: Body, wall: Body) -> None:
    """In an arc over `wall`, from its left side."""
    rise = wall.height_m + 3 * max(made.size_m)
    distance = max(1.0, wall.size_m[0] / 2)
    up = math.sqrt(2 * _G * rise)
    along = (distance + wall.size_m[0] / 2) / (up / _G)
    made.fields["place"] = Place("left_of", wall.name, round(distance, 4))
    rigid(stage, made, velocity_m_s=(round(min(along, 100.0), 4), 0.0, round(min(up, 100.0), 4)))
    stage.lasts(2 * up / _G + 2.0)


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
    going = _going(made, heading, speed, rolls)
    if flies:  # from the height where it is to hit, upwards as much as it will sink on the way
        lift = max(0.0, (0.5 if tall == target.height_m else 0.65) * tall - made.height_m / 2)
        going["velocity_m_s"] = (*going["velocity_m_s"][:2], round(min(50.0, _G * gap / speed / 2), 4))
        if not is_cloth(target):
            made.fields["place"] = Place(side, target.name, round(gap, 4), (0.0, 0.0, round(lift, 4)))
    rigid(stage, made, **going)
    if is_loose(target):
        rigid(stage, target)
    stage.lasts(gap / speed + 3.0)


def is_loose(made: Body) -> bool:
    """Does it move when something hits it? Furniture, walls, and what holds a liquid stand fast."""
    fast = made.fields["shape"] in HEAVY or made.fields["shape"] == "generator" or "fixed" in made.thing.qualities
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
    else:
        piled = group_height(target) > 1.5 * target.height_m and _measure(happening, "speed") is None
        _send(stage, first, target, max(speed, 12.0) if piled else speed)
    if is_loose(target):
        mutual = target in actors or len(happening.patients) == 0 and not happening.ways
        rigid(stage, target, **(_going(target, (-1.0, 0.0, 0.0), speed, False) if mutual else {}))


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


def soften(stage: Stage, made: Body) -> None:
    made.fields.pop("rigid", None)
    said = made.fields.pop("_mass_kg", None)
    made.fields["soft"] = Soft(0.25 if "soft" in made.thing.qualities else 0.4, said)
    stage.moves(made)
    stage.lasts(4.0)
