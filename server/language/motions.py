"""Rigid motion: what falls, bounces and spins, and what a rigid body is; what goes somewhere is in hits."""

from __future__ import annotations

import math

from blender_aigc.plan import Place, Rigid, Soft
from blender_aigc.protocol import Fault

from .bodies import Body, mass_of
from .cloths import is_cloth
from .liquids import pour
from .meaning import Happening, Relation, Thing
from .phrases import is_vessel
from .stage import Stage

DROP_M = 1.5
G = 9.81
_PLANTS = {"tree", "conifer", "palm"}
_NEAR_THE_EDGE_M = 1.2


def bodies_of(stage: Stage, things: list[Thing]) -> list[Body]:
    """The bodies of `things`; those of a count that was split are all of them."""
    return [made for made in stage.bodies if made.thing in things]


def aimed_at(stage: Stage, ways: list[Relation], kinds: tuple[str, ...]) -> tuple[Relation | None, Body | None]:
    """The first of `ways` of one of `kinds` and what it leads to; no body where that is the ground or the air."""
    for way in ways:
        if way.kind in kinds:
            for ground in way.grounds:
                if ground in stage.by_thing:
                    return way, stage.by_thing[ground]
                if ground.noun.role in ("surface", "abstract", "camera"):
                    return way, None
    return None, None


def measure(happening: Happening, dimension: str, made: Body | None = None) -> float | None:
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
    if thing.noun.source == "car":  # on wheels
        said["friction"] = 0.05
    if "rough" in thing.qualities:
        said["friction"] = 1.0
    return said


# ------------------------------------------------------------------------------------------------------------- falling


def fall(stage: Stage, happening: Happening) -> None:
    things = happening.actors or happening.patients
    way, target = aimed_at(stage, happening.ways, ("on", "inside", "towards", "above", "against", "beside"))
    if target is None and happening.actors and happening.patients:
        target = next(iter(bodies_of(stage, happening.patients)), None)
    if way is not None and way.kind == "inside" and target is not None and target.fields["shape"] == "box":
        target.fields["shape"] = "crate"  # a box is closed
    slope = aimed_at(stage, happening.ways, ("down",))[1]
    if slope is not None and slope.fields["shape"] in ("ramp", "stairs"):
        _down(stage, happening, slope)
        return
    liquid = [thing for thing in things if thing.noun.role == "liquid"]
    if liquid and not bodies_of(stage, things):
        pour(stage, happening)
        return
    for made in bodies_of(stage, things):
        if made is target:
            continue
        start = made.fields.get("place")
        off, source = aimed_at(stage, happening.ways, ("from",))
        if off is not None and source is None and off.grounds[0].noun.role == "abstract" and made in stage.moving:
            continue  # "slides across the table and falls off the edge": it is on its way
        if source is not None and start is None:
            _off_the_edge(stage, made, source)
            continue
        height = _drop_height(happening, made, target)
        if is_cloth(made) and said_height(happening) is None:
            height = 0.3
        if target is not None:
            made.fields["place"] = Place("above", target.name, height)
            _over_the_opening(made, target)
        elif start is None or start.relation in ("above", "on"):
            over = start.target if start and not (way and way.grounds[0].noun.role == "surface") else ""
            gap = start.distance_m if start and start.relation == "above" and said_height(happening) is None else height
            made.fields["place"] = Place("above", over, gap if gap is not None else height)
        spread(made)
        stage.lasts(math.sqrt(2 * height / G) + 2.0)
        if is_cloth(made):
            made.fields["_falls"] = True
        elif "soft" in made.thing.qualities or made.thing.material == "jelly" or made.thing.noun.material == "jelly":
            soften(stage, made)
        else:
            rigid(stage, made, **spin(happening))


def said_height(happening: Happening) -> float | None:
    return next((q.value for _, q in happening.measures if q.dimension == "length"), None)


def _drop_height(happening: Happening, made: Body, target: Body | None) -> float:
    said = said_height(happening)
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


def spin(happening: Happening) -> dict[str, object]:
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
    """ "falls off the table": on its top, with a push over the edge. Off what is wide, from near its edge; from a tree,
    from among its branches.
    """
    wide, _, high = source.size_m
    if source.thing.noun.source in _PLANTS:
        made.fields["place"] = Place("right_of", source.name, 0.0, (round(-0.2 * wide, 3), 0.0, round(0.55 * high, 3)))
        rigid(stage, made)
        stage.lasts(math.sqrt(1.1 * high / G) + 2.0)
        return
    aside = max(0.0, wide / 2 - _NEAR_THE_EDGE_M) if wide > 2 * _NEAR_THE_EDGE_M else 0.0
    made.fields["place"] = Place("on", source.name, None, (round(aside, 3), 0.0, 0.0))
    reach = wide / 2 - aside + max(made.size_m)
    rigid(stage, made, velocity_m_s=(round(max(1.5, 2.0 * reach), 3), 0.0, 0.0))
    stage.lasts(math.sqrt(2 * high / G) + 2.5)


def _down(stage: Stage, happening: Happening, slope: Body) -> None:
    """ "tumbles down the stairs": from above their upper end, with a push towards the lower one."""
    for made in bodies_of(stage, happening.actors or happening.patients):
        on_the_slope(stage, made, slope)
        if made.fields.get("count", 1) > 1:
            made.fields["arrange"] = "heap"
            made.fields["spread_m"] = round(0.3 * slope.size_m[0], 4)
        rigid(stage, made, velocity_m_s=(0.0, -1.0, 0.0), random_spin_deg_s=180.0)
        stage.lasts(4.0)


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
    said = measure(happening, "spin")
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


def on_the_slope(stage: Stage, made: Body, slope: Body) -> None:
    """At the upper end, where the director puts what stands on a ramp (low in front, high at the back)."""
    made.fields["place"] = Place("on", slope.name)
    stage.stands_on[made] = slope
    if not made.thing.noun.generic and not slope.sized and max(made.size_m) > 0.4 * max(slope.size_m):
        factor = max(made.size_m) / (0.3 * max(slope.size_m))  # a car is as large as it is
        slope.size_m = tuple(round(extent * factor, 3) for extent in slope.size_m)
        slope.fields["size_m"] = slope.size_m
    elif not made.sized and max(made.size_m) > 0.4 * max(slope.size_m):
        factor = 0.3 * slope.size_m[0] / max(made.size_m)
        made.size_m = tuple(round(extent * factor, 4) for extent in made.size_m)
        made.fields["size_m"] = made.size_m
    if made.thing.noun.shape == "cylinder":
        made.fields["rotation_deg"] = (0.0, 90.0, 0.0)


def going(made: Body, heading: tuple[float, float, float], speed: float, rolls: bool) -> dict[str, object]:
    """Velocity, and the spin of what rolls without slipping: w = n x v / r."""
    velocity = tuple(round(speed * part, 4) for part in heading)
    if not rolls:
        return {"velocity_m_s": velocity}
    turn = math.degrees(speed / max(made.radius_m, 1e-3))
    turn = min(turn, 7200.0)
    spin = (round(0.0 - heading[1] * turn, 3), round(heading[0] * turn, 3), 0.0)
    return {"velocity_m_s": velocity, "spin_deg_s": spin}


def soften(stage: Stage, made: Body) -> None:
    made.fields.pop("rigid", None)
    said = made.fields.pop("_mass_kg", None)
    made.fields["soft"] = Soft(0.25 if "soft" in made.thing.qualities else 0.4, said)
    stage.moves(made)
    stage.lasts(4.0)
