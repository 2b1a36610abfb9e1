"""Happenings become physics: who moves and how, what gives off smoke, what blows; the rest stands where it is said."""

from __future__ import annotations

import math
from collections.abc import Callable

from blender_aigc.plan import Force, Gas, Place, Rigid

from .bodies import Body
from .cloths import dress, is_cloth
from .hits import HEAVY, collide, is_a_row_of_dominoes, roll, throw, topple
from .liquids import fill, pour, turn_to_liquid
from .meaning import Happening, Thing
from .motions import DROP_M, bodies_of, bounce, fall, properties, rigid, soften, spread, turn
from .stage import Stage

_TOWARDS = {"towards", "from", "down", "with", "of", "against", "for"}
"""Prepositions that say where something goes, not where it is."""


def carry_out(stage: Stage, moving: bool) -> None:
    """Give the bodies of `stage` the physics that its happenings ask for. Raises Fault("bad_input")."""
    for thing in stage.scene.things:
        if thing.noun.role == "gas":
            _gas(stage, thing)
    for happening in stage.scene.happenings:
        stage.scene.ignored += [thing.words for thing in happening.actors if thing.noun.name == "side"]
        rule = _RULES.get(happening.action)
        if rule is not None and (moving or happening.action in _STILL):
            rule(stage, happening)
        if happening.action not in _PLACED_BY_RULE:
            _rest(stage, happening)
    if not moving:
        return
    for thing in list(stage.scene.things):
        if thing.noun.role == "liquid" and thing not in stage.by_thing:
            pour(stage, Happening("pour", "", [thing], ways=thing.relations))
    for made in list(stage.bodies):
        fill(stage, made)
        turn_to_liquid(stage, made)
        dress(stage, made)
        _by_nature(stage, made)
    _struck(stage)
    for made in stage.bodies:
        _surface(made)
        _face_ahead(made)


def _surface(made: Body) -> None:
    """A slippery ramp, a rough table: what stands still is felt by what moves on it."""
    said = {key: value for key, value in properties(made).items() if key in ("friction", "bounce")}
    moves = any(made.fields.get(key) for key in ("rigid", "cloth", "soft", "liquid"))
    if not moves and {"slippery", "rough", "bouncy"} & set(made.thing.qualities):
        made.fields["rigid"] = Rigid(type="passive", **said)


def _face_ahead(made: Body) -> None:
    """What has a front, which looks towards the viewer, looks where it goes."""
    moves = made.fields.get("rigid")
    if made.thing.noun.source == "car" and moves is not None and any(moves.velocity_m_s[:2]):
        heading = math.degrees(math.atan2(moves.velocity_m_s[1], moves.velocity_m_s[0]))
        made.fields.setdefault("rotation_deg", (0.0, 0.0, round(heading + 90.0, 3)))


def _struck(stage: Stage) -> None:
    """What lies where something falls on it and is loose by nature, is pushed away."""
    for made in stage.bodies:
        at = made.fields.get("place")
        if made.fields.get("rigid") is None or at is None or at.relation != "above" or not at.target:
            continue
        target = next(other for other in stage.bodies if other.name == at.target)
        loose = target.thing.arrange in ("pyramid", "stack", "pile", "wall", "grid", "triangle")
        if loose and not target.fields.get("rigid") and target.fields["shape"] not in HEAVY:
            rigid(stage, target)


# ---------------------------------------------------------------------------------------- staying, gas, soft, forces


def _rest(stage: Stage, happening: Happening) -> None:
    from .compose import place

    for made in bodies_of(stage, happening.actors or happening.patients):
        for way in happening.ways:
            if way.kind not in _TOWARDS and "place" not in made.fields and place(stage, made, way):
                break
        for way in made.thing.relations:
            if "place" not in made.fields and place(stage, made, way):
                break


def _around(stage: Stage, happening: Happening) -> None:
    for made in bodies_of(stage, happening.actors):
        for target in bodies_of(stage, happening.patients)[:1]:
            made.fields["arrange"] = "circle"
            made.fields["place"] = Place("around", target.name)
        for way in happening.ways:
            _rest(stage, Happening("rest", "", [made.thing], ways=[way]))


def _arranged(kind: str) -> Callable[[Stage, Happening], None]:
    def arrange(stage: Stage, happening: Happening) -> None:
        for made in bodies_of(stage, happening.actors or happening.patients):
            if made.fields.get("count", 1) > 1:
                made.fields["arrange"] = kind
        _rest(stage, happening)

    return arrange


def _fall(stage: Stage, happening: Happening) -> None:
    """What falls; of dominoes in a row one after the other."""
    (topple if is_a_row_of_dominoes(stage, happening) else fall)(stage, happening)


def _topple(stage: Stage, happening: Happening) -> None:
    """What topples; "a cloth falls over a sphere" does not: it falls, and onto the sphere."""
    falls = happening.word.split()[0] in ("fall", "falls", "fell", "falling", "fallen")
    (fall if falls and happening.actors and happening.patients else topple)(stage, happening)


def _wobble(stage: Stage, happening: Happening) -> None:
    for made in bodies_of(stage, happening.actors or happening.patients):
        if not is_cloth(made):
            soften(stage, made)


def _float(stage: Stage, happening: Happening) -> None:
    """It hovers, drifting, or rises; without its weight, which everything loses, unless something else falls."""
    rises = happening.action == "rise"
    falls = {"fall", "bounce", "roll", "slide", "throw", "topple", "pour", "drape"}
    others = any(h.action in falls for h in stage.scene.happenings)
    for made in bodies_of(stage, happening.actors or happening.patients):
        _rest(stage, happening)
        stage.hang(made, 0.3 if rises else DROP_M)
        if others and stage.scene.gravity_m_s2 != 0 and "weightless" not in made.thing.qualities:
            stage.note(f"{made.name} stays where it is, as other things fall")
            continue
        if stage.scene.gravity_m_s2 is None:
            stage.note("no gravity, so that things float")
        stage.scene.gravity_m_s2 = 0.0
        up = round(min(3.0, 0.6 * happening.pace), 3) if rises else 0.05
        rigid(stage, made, velocity_m_s=(0.0 if rises else 0.1, 0.0, up), random_spin_deg_s=15.0 if rises else 30.0)


def _gas(stage: Stage, thing: Thing) -> None:
    """ "smoke", "a fire": attached to what it comes from or burns on, else from a spot on the ground."""
    kind = "smoke_and_fire" if thing.noun.name == "fire" and "smoke" in thing.words else thing.noun.name
    for happening in stage.scene.happenings:
        for way in happening.ways:
            for ground in way.grounds:
                if (
                    thing in happening.actors
                    and way.kind in ("from", "on", "above", "inside")
                    and ground in stage.by_thing
                ):
                    stage.by_thing[ground].fields["gas"] = Gas(type=kind)
                    stage.moves(stage.by_thing[ground])
                    return
                if ground is thing and way.kind in ("on", "inside"):
                    for made in bodies_of(stage, happening.actors):
                        made.fields["gas"] = Gas(type=kind)
                    return
    for relation in thing.relations:
        for ground in relation.grounds:
            if ground in stage.by_thing and relation.kind in ("on", "inside", "above"):
                stage.by_thing[ground].fields["gas"] = Gas(type=kind)
                return
    size = (0.4, 0.4, 0.1)
    spot = Body(
        thing,
        stage.free_name(thing.noun.name),
        size,
        True,
        {"shape": "cylinder", "size_m": size, "gas": Gas(type=kind)},
    )
    stage.add(spot)
    stage.moves(spot)
    stage.lasts(4.0)


def _gives_off(kind: str) -> Callable[[Stage, Happening], None]:
    def give_off(stage: Stage, happening: Happening) -> None:
        for made in bodies_of(stage, happening.actors or happening.patients):
            if made.fields.get("gas") is None and not is_cloth(made):
                made.fields["gas"] = Gas(type=kind)
                stage.moves(made)

    return give_off


def _explode(stage: Stage, happening: Happening) -> None:
    for made in bodies_of(stage, happening.actors or happening.patients) or stage.bodies[:1]:
        stage.forces.append(Force(type="blast", strength="storm", start_frame=12, stop_frame=18))
        if made.fields.get("count", 1) > 1:
            made.fields.setdefault("arrange", "heap")
        for other in stage.bodies:
            if other.fields["shape"] not in HEAVY:
                rigid(stage, other)


def _field(kind: str) -> Callable[[Stage, Happening], None]:
    def act(stage: Stage, happening: Happening) -> None:
        stage.forces.append(Force(type=kind, position_m=(0.0, 0.0, 1.0), gusts=0.0))
        for made in bodies_of(stage, happening.patients or happening.actors):
            rigid(stage, made)

    return act


def _blown(stage: Stage, happening: Happening) -> None:
    """ "the wind blows": how hard and where to; "the ball blows away": it is carried."""
    scene = stage.scene
    if happening.action == "flutter" and all(t.noun.role == "liquid" for t in happening.actors or happening.patients):
        return  # a wave of water
    winds = [thing for thing in happening.actors if thing.noun.role == "wind"]
    if scene.wind_m_s is None:
        scene.wind_m_s = 8.0
    if winds or not happening.actors:
        scene.wind_m_s = min(60.0, scene.wind_m_s * (1.0 if happening.pace == 1 else happening.pace))
    if happening.direction is not None:
        scene.wind_to = happening.direction
    for made in bodies_of(stage, [*happening.actors, *happening.patients]):
        if not is_cloth(made) and made.fields["shape"] not in HEAVY and made.fields["shape"] != "generator":
            rigid(stage, made)


def _by_nature(stage: Stage, made: Body) -> None:
    """Jelly wobbles, balloons are cloth, what is airborne and held by nothing falls."""
    jelly = "jelly" in (made.thing.material, made.thing.noun.material) or "soft" in made.thing.qualities
    if jelly and not is_cloth(made) and not made.fields.get("liquid"):
        soften(stage, made)
    if "burning" in made.thing.qualities and not made.fields.get("gas"):
        made.fields["gas"] = Gas(type="fire")
    if made.fields.get("rigid") or made.fields.get("cloth") or made.fields.get("liquid"):
        return
    if made in stage.airborne and not made.fields.get("soft"):
        stage.hang(made, DROP_M)
        rigid(stage, made)
        spread(made)


_RULES: dict[str, Callable[[Stage, Happening], None]] = {
    "fall": _fall,
    "bounce": bounce,
    "spin": turn,
    "roll": roll,
    "slide": roll,
    "throw": throw,
    "collide": collide,
    "topple": _topple,
    "pour": pour,
    "fill": pour,
    "melt": pour,
    "flutter": _blown,
    "blow": _blown,
    "rest": _rest,
    "surround": _around,
    "orbit": _around,
    "scatter": _arranged("scatter"),
    "stack": _arranged("stack"),
    "wobble": _wobble,
    "float": _float,
    "rise": _float,
    "burn": _gives_off("fire"),
    "smoke": _gives_off("smoke"),
    "explode": _explode,
    "attract": _field("attract"),
    "repel": _field("repel"),
    "swirl": _field("vortex"),
    "drape": fall,
    "hang": _rest,
    "hold": _rest,
}
_PLACED_BY_RULE = {"fall", "pour", "fill", "melt", "drape", "throw", "collide", "surround", "orbit"}
_STILL = {"rest", "surround", "scatter", "stack", "hang", "hold"}
