"""From what was understood to a plan: objects with their places, what moves them, and the whole around them."""

from __future__ import annotations

import dataclasses
from typing import Any

from blender_aigc.plan import (
    GROUNDS,
    MOST_OBJECTS,
    PLAN_VERSION,
    SHAPES,
    Camera,
    Force,
    Light,
    Place,
    Plan,
    Timing,
    World,
)
from blender_aigc.protocol import Fault

from .bodies import Body, body
from .events import carry_out
from .lexicon import Lexicon
from .meaning import Relation, Scene, Thing
from .phrases import is_vessel
from .stage import Stage
from .tables.nouns import BUILT

_GROUNDS = {
    "marble": "marble",
    "stone": "concrete",
    "metal": "concrete",
    "brick": "concrete",
    "ice": "snow",
    "cement": "concrete",
}
_A_FEW = 3
_SINGLE = {"", "stairs", "selected", "selection", "glass"}
_NOT_BUILT = {"particles": "rain, snow and other weather"}


def compose(scene: Scene, title: str, seed: int, lexicon: Lexicon, moving: bool) -> Plan:
    """The plan of `scene`. moving: things may fall and blow, else it stands still. Raises Fault("bad_input")."""
    _check_known(scene, lexicon)
    stage = Stage(scene, [], {})
    for thing in scene.things:
        _several(stage, thing)
        if thing.noun.role == "parts" and not thing.counted and not thing.arrange:  # a brick wall: made of bricks
            thing.count, thing.arrange = 24, "wall"
        if thing.noun.role in BUILT and thing.noun.shape:
            stage.add(body(thing, _name(thing, stage)))
        elif thing.noun.role == "particles":
            scene.ignored.append(thing.words)
            stage.note(f"{_NOT_BUILT['particles']} cannot be made yet")
    _relations(stage)
    _onto_the_land(stage)
    _fit(stage)
    carry_out(stage, moving)
    if not stage.bodies:
        raise _nothing(scene, lexicon)
    _fit(stage)
    if len(stage.bodies) > MOST_OBJECTS:
        raise Fault(
            "bad_input",
            f"{len(stage.bodies)} different things are too many; up to {MOST_OBJECTS} are possible.",
            "Say less, or several times the same.",
        )
    plan = Plan(
        version=PLAN_VERSION,
        title=title[:100],
        objects=tuple(made.built() for made in stage.bodies),
        forces=tuple(_forces(stage)),
        timing=_timing(stage),
        camera=_camera(stage),
        light=Light(**{key: value for key, value in scene.light.items() if key != "sky"}),
        world=_world(stage),
        seed=seed,
        notes=_notes(stage),
    )
    return plan


def _several(stage: Stage, thing: Thing) -> None:
    """ "Crates fall": a plural of which no number is said."""
    word = thing.words.split()[-1]
    plural = word.endswith("s") and not word.endswith(("ss", "us"))
    open_ = thing.count == 1 and not (thing.counted or thing.vague or thing.definite or thing.arrange)
    if not (plural and open_ and thing.noun.role in ("object", "cloth")) or thing.noun.shape in _SINGLE:
        return
    thing.vague = True
    thing.count, thing.arrange = (12, "row") if thing.noun.shape == "domino" else (_A_FEW, "")
    stage.note(f"{thing.words}: {int(thing.count)} of them")


def _check_known(scene: Scene, lexicon: Lexicon) -> None:
    for word in scene.unknown:
        near = lexicon.nearest_things(word)
        offer = f"Did you mean {' or '.join(near)}? Else make" if near else "Make"
        raise Fault(
            "bad_input",
            f"A {word!r} is not among the things that can be built from words.",
            f"{offer} it with Picture to Mesh, mark it for the catalogue, and name it again.",
            f"{len(lexicon.things)} things are known",
        )


def _nothing(scene: Scene, lexicon: Lexicon) -> Fault:
    words = ", ".join(dict.fromkeys(scene.ignored)) or "the words"
    return Fault(
        "bad_input",
        f"There is nothing in this sentence that can be put into a scene; not understood: {words[:200]}.",
        "Name a thing, as in: a basketball falls onto a wooden floor.",
    )


def _name(thing: Thing, stage: Stage) -> str:
    base = thing.noun.name
    if any(made.name == base for made in stage.bodies):
        words = [thing.colour if not thing.colour.startswith("#") else "", thing.material, base]
        base = " ".join(word for word in words if word)
    name, number = base, 2
    while any(made.name == name for made in stage.bodies):
        name, number = f"{base} {number}", number + 1
    return name[:60]


# ---------------------------------------------------------------------------------------------------------- relations


def _relations(stage: Stage) -> None:
    for made in list(stage.bodies):
        done = "place" in made.fields  # it stands beside what is between it and another
        for relation in made.thing.relations if not done else ():
            if done:
                stage.note(f"only one place is kept for {made.name}")
                break
            done = place(stage, made, relation)


def _onto_the_land(stage: Stage) -> None:
    """Where there is a terrain, what has no place of its own stands on it."""
    land = next((made for made in stage.bodies if made.thing.noun.role == "land"), None)
    for made in stage.bodies:
        if land is not None and made is not land and "place" not in made.fields:
            high = made.thing.noun.role == "cloud"
            made.fields["place"] = Place("above", "", 60.0) if high else Place("on", land.name)


def place(stage: Stage, made: Body, relation: Relation) -> bool:
    """Put `made` where `relation` says; False when that says nothing (a relation to the ground or the air)."""
    grounds = [stage.by_thing[ground] for ground in relation.grounds if ground in stage.by_thing]
    gap = relation.gap.value if relation.gap is not None else None
    if gap is not None and gap < 0:
        raise Fault("bad_input", f"{made.name.capitalize()}: a distance cannot be less than zero.", "Change it.")
    if relation.kind == "between":
        return _between(stage, made, grounds)
    if not grounds:
        surface = any(ground.noun.role == "surface" for ground in relation.grounds)
        airborne = any(ground.noun.name == "air" for ground in relation.grounds)
        if relation.kind == "above" and (surface or gap is not None):
            made.fields["place"] = Place("above", "", gap if gap is not None else 1.0)
        elif airborne:
            stage.airborne.add(made)
        elif any(ground.noun.name == "side" for ground in relation.grounds):
            return False
        return surface
    target = grounds[0]
    if target is made:
        return False
    kind = relation.kind
    if kind == "inside" and not is_vessel(target.thing.noun):
        if target.fields["shape"] == "box":
            target.fields["shape"] = "crate"
        elif target.thing.count > 1 or target.thing.noun.shape == "generator":
            kind = "beside" if target.thing.count == 1 else "at"
        elif target.fields["shape"] in SHAPES:
            raise Fault(
                "bad_input",
                f"A {target.thing.noun.name} has no inside that a {made.thing.noun.name} could be in.",
                "Use a bowl, a bucket, a crate or a glass, or write on instead of in.",
            )
    if kind == "at":
        target.fields.setdefault("arrange", "scatter")
        made.fields["place"] = Place("on", "")
        return True
    if kind == "around":
        made.fields["arrange"] = "circle"
    made.fields["place"] = Place(kind, target.name, gap)
    stage.stands_on[made] = target
    return True


def _between(stage: Stage, made: Body, grounds: list[Body]) -> bool:
    """The one in the middle stays; those beside it are placed to its left and right."""
    if len(grounds) == 1 and grounds[0].thing.count >= 2:
        left = grounds[0]
        count = int(left.thing.count)
        right = dataclasses.replace(left, fields=dict(left.fields))
        halves = {"count": count - count // 2}, {"count": count // 2}
        base = left.name
        left.name, right.name = f"left {base}", f"right {base}"
        for half, share in zip((left, right), halves, strict=True):
            half.fields.update(share)
            if half.fields["count"] == 1:
                half.fields.pop("count")
                half.fields.pop("arrange", None)
        stage.bodies.insert(stage.bodies.index(left) + 1, right)
        grounds = [left, right]
    if len(grounds) != 2 or made in grounds:
        stage.note(f"between needs two other things for {made.name}")
        return False
    under = next((relation for ground in grounds for relation in ground.thing.relations if relation.kind == "on"), None)
    if under is not None and "place" not in made.fields:
        place(stage, made, under)
    gap = max(0.1, 0.5 * max(made.size_m[0], grounds[0].size_m[0] * 0.3))
    for ground, side in zip(grounds, ("left_of", "right_of"), strict=True):
        ground.fields["place"] = Place(side, made.name, round(gap, 3))
        stage.stands_on[ground] = made
    return True


def _fit(stage: Stage) -> None:
    """Mere forms without a size of their own become small enough for what they stand on or in."""
    for made in stage.bodies:
        at = made.fields.get("place")
        if made.sized or at is None or not at.target or at.relation not in ("on", "inside", "above"):
            continue
        ground = next(other for other in stage.bodies if other.name == at.target)
        share = (
            0.4
            if at.relation == "inside"
            else 0.5
            if "liquid" in made.fields
            else 0.35
            if ground.thing.noun.generic
            else 0.22
        )
        room = share * min(extent for extent in ground.size_m[:2] if extent > 0) if any(ground.size_m[:2]) else 1.0
        largest = max(made.size_m)
        small = made.thing.noun.generic or at.relation == "inside"
        if small and largest > room and made.thing.noun.role == "object":
            factor = room / largest
            made.size_m = tuple(extent * factor for extent in made.size_m)
            made.fields["size_m"] = tuple(round(extent, 5) for extent in made.size_m)
            made.fields.pop("scale", None)


# -------------------------------------------------------------------------------------------------------- the whole


def _forces(stage: Stage) -> list[Force]:
    scene = stage.scene
    forces = list(stage.forces)
    if scene.wind_m_s:
        speed = min(60.0, max(0.1, scene.wind_m_s))
        word = min(
            (abs(speed - at), name)
            for name, at in (("light", 2.0), ("moderate", 10.0), ("strong", 20.0), ("storm", 30.0))
        )[1]
        if scene.vortex:
            forces.append(Force(type="vortex", strength=word, speed_m_s=round(speed, 3)))
        else:
            forces.insert(0, Force("wind", word, round(speed, 3), stage.wind_direction_deg()))
    return forces[:16]


def _timing(stage: Stage) -> Timing:
    scene = stage.scene
    fps = round(scene.fps) if scene.fps is not None else 24
    if not 1 <= fps <= 240:
        raise Fault("bad_input", f"{fps} frames a second are impossible.", "Between 1 and 240 it works.")
    frames = scene.frames if scene.frames is not None else None
    if frames is None and scene.seconds is not None:
        frames = round(scene.seconds * fps)
    if frames is None:
        frames = max(stage.frames, round(100 * fps / 24))
    if not 1 <= frames <= 5000:
        raise Fault("bad_input", f"A scene of {frames} frames is impossible.", "Between 1 and 5000 frames it works.")
    return Timing(frames, fps, float(scene.view.get("speed", 1.0)))


def _camera(stage: Stage) -> Camera:
    view = stage.scene.view
    fields: dict[str, Any] = {key: view[key] for key in ("view", "framing", "move") if key in view}
    if "lens" in view:
        fields["lens_mm"] = min(300.0, max(8.0, float(view["lens"])))
    if view.get("move") == "orbit":
        fields["turn_deg"] = 360.0 if stage.frames >= 200 else 180.0
    leading = stage.leading()
    if "move" not in view and leading in stage.moving and any(h.action == "rise" for h in stage.scene.happenings):
        if leading is not None and "rigid" in leading.fields:  # it would leave the picture
            fields["target"], fields["move"] = leading.name, "follow"
    if view.get("move") == "follow" or view.get("framing") == "close":
        fields["target"] = leading.name if leading else ""
        if leading is not None and leading in stage.moving and "rigid" in leading.fields and "move" not in fields:
            fields["move"] = "follow"  # what falls would leave the close-up at once
    vessel = _filled(stage)
    if "target" not in fields and vessel is not None:  # which beside the table that it stands on would be a dot
        fields["target"], fields["framing"] = vessel.name, fields.get("framing", "wide")
    if stage.view and "view" not in view:
        fields["view"] = stage.view
    return Camera(**fields)


def _filled(stage: Stage) -> Body | None:
    """The vessel that liquid is in or comes into."""
    for made in stage.bodies:
        place = made.fields.get("place")
        if "liquid" in made.fields and place is not None:
            for other in stage.bodies:
                if other.name == place.target and is_vessel(other.thing.noun):
                    return other
    return None


def _world(stage: Stage) -> World:
    scene = stage.scene
    ground = scene.ground or "floor"
    if ground not in GROUNDS:
        known = _GROUNDS.get(ground, "floor")
        stage.note(f"a ground of {ground} is made as {known}")
        ground = known
    gravity = scene.gravity_m_s2 if scene.gravity_m_s2 is not None else 9.81
    return World(ground=ground, sky=str(scene.light.get("sky", "plain")), gravity_m_s2=gravity)


def _notes(stage: Stage) -> str:
    scene = stage.scene
    lines = []
    if scene.ignored:
        lines.append("Ignored: " + ", ".join(dict.fromkeys(scene.ignored)) + ".")
    if scene.assumed:
        lines.append("Assumed: " + "; ".join(dict.fromkeys(scene.assumed)) + ".")
    return " ".join(lines)[:2000]
