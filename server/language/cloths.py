"""Cloth: which things are it, how they are pinned, what they hang on."""

from __future__ import annotations

from blender_aigc.plan import FABRICS, SHAPES, Cloth, Material, Place

from .bodies import Body
from .meaning import Happening
from .stage import Stage

_PINS = {"flag": "left", "shirt": "shoulders", "dress": "shoulders", "cape": "shoulders", "curtain": "top"}
_UPRIGHT = {"flag", "shirt", "dress", "cape", "curtain"}
_LEG_M = (0.05, 0.05, 0.8)
"""Of a trampoline."""
_STIFF = {"cotton": "denim", "silk": "cotton", "wool": "denim"}


def is_cloth(made: Body) -> bool:
    return made.thing.noun.role == "cloth"


def dress(stage: Stage, made: Body) -> None:
    """Give a sheet or garment its fabric, pins and place."""
    if "inflated" in made.thing.qualities or (
        made.thing.noun.shape == "balloon" and _does(stage, made, "inflate", "wobble")
    ):
        made.fields["cloth"] = Cloth("rubber", "none", pressure=5.0)
        made.fields.pop("rigid", None)
        return
    if not is_cloth(made):
        return
    made.fields.pop("rigid", None)
    shape = made.fields["shape"]
    falls = made.fields.pop("_falls", False) or _does(stage, made, "fall", "drape")
    pin = (
        "none"
        if falls or "loose" in made.thing.qualities
        else _PINS.get(shape, "top" if _does(stage, made, "hang") else "none")
    )
    if made.thing.noun.name == "trampoline":
        pin = "all_corners"
        _put_on_legs(stage, made)
    elif _does(stage, made, "hang") and shape in ("tablecloth", "blanket"):
        pin = "top_corners"
        made.fields["rotation_deg"] = (90.0, 0.0, 0.0)
    elif _only_blows(stage, made, pin, falls) and shape in ("tablecloth", "blanket"):  # as if on a line
        pin = "top_corners"
        made.fields["rotation_deg"] = (90.0, 0.0, 0.0)
    fabric = made.thing.fabric if made.thing.fabric in FABRICS else "cotton"
    if "stiff" in made.thing.qualities:
        fabric = _STIFF.get(fabric, fabric)
    made.fields["cloth"] = Cloth(fabric, pin, self_collision=shape in ("shirt", "dress", "flag") or falls)
    _put(stage, made, shape, pin, falls)
    stage.moves(made)
    if pin not in ("none", "all_corners"):
        stage.view = "low" if shape == "flag" else "front"  # from a little aside the waves of a flag are seen
        stage.wind_default_deg = 0.0 if shape == "flag" else 60.0


def _only_blows(stage: Stage, made: Body, pin: str, falls: bool) -> bool:
    """Is it in the wind, and nothing else said of it? Wind alone pins nothing that lies, falls or is carried off."""
    carried = any(h.direction is not None and made.thing in (*h.actors, *h.patients) for h in stage.scene.happenings)
    return pin == "none" and not falls and bool(stage.scene.wind_m_s) and "place" not in made.fields and not carried


def _put(stage: Stage, made: Body, shape: str, pin: str, falls: bool) -> None:
    at = made.fields.get("place")
    if falls and (at is None or at.relation == "on"):
        made.fields["place"] = Place("above", at.target if at else "", 0.6)
    elif (
        pin != "none"
        and (at is None or (at.relation == "on" and not at.target))
        and shape in _UPRIGHT | {"tablecloth", "blanket"}
    ):
        made.fields["place"] = Place("above", "", {"flag": 1.6, "curtain": 0.05}.get(shape, 0.5))
    elif pin == "none" and at is None and stage.scene.wind_m_s:  # carried off
        made.fields["place"] = Place("above", "", 0.6)
    elif shape == "flag" and at is not None and at.target:
        pole = next(other for other in stage.bodies if other.name == at.target)
        if pole.fields["shape"] == "pole":
            up = round(max(0.0, pole.height_m - made.height_m), 4)
            made.fields["place"] = Place("right_of", pole.name, 0.0, (0.0, 0.0, up))


def _put_on_legs(stage: Stage, made: Body) -> None:
    """Four legs stand where the trampoline was said to, and it lies on them."""
    width, depth, _ = made.size_m
    size, name = (width, depth, _LEG_M[2]), stage.free_name("trampoline leg")
    legs = {"shape": "cylinder", "size_m": _LEG_M, "count": 4, "arrange": "grid", "material": Material("steel")}
    legs["spacing_m"] = round(min(width, depth) - 2 * _LEG_M[0], 4)
    if "place" in made.fields:
        legs["place"] = made.fields["place"]
    stage.bodies.insert(stage.bodies.index(made), Body(made.thing, name, size, True, legs))
    made.fields["place"] = Place("on", name)


def _does(stage: Stage, made: Body, *actions: str) -> bool:
    happenings: list[Happening] = stage.scene.happenings
    return any(
        made.thing in h.actors or (not h.actors and made.thing in h.patients) for h in happenings if h.action in actions
    )


def natural_height(shape: str) -> float:
    return SHAPES[shape].size_m[2]
