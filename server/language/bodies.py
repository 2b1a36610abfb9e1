"""Things become objects of the plan: name, number, size, mass, looks. What cannot be is a Fault, not a guess."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from blender_aigc.plan import ARRANGEMENTS, COLORS, MATERIALS, MOST_COPIES, SHAPES, Material, PlanObject, Setting
from blender_aigc.protocol import Fault

from .meaning import Thing
from .tables import qualities

Size = tuple[float, float, float]
_LARGEST_M, _SMALLEST_M = 500.0, 0.0005
_ROUND = {"sphere", "basketball", "football", "tennis_ball", "ping_pong_ball", "bowling_ball", "beach_ball", "marble"}


@dataclass(eq=False)
class Body:
    """An object of the plan in the making. fields: of PlanObject. size_m: its extents, natural ones too.

    sized: the prompt itself says how large it is.
    """

    thing: Thing
    name: str
    size_m: Size
    sized: bool
    fields: dict[str, Any] = field(default_factory=dict)

    def built(self) -> PlanObject:
        return PlanObject(name=self.name, **{key: value for key, value in self.fields.items() if key[0] != "_"})

    @property
    def height_m(self) -> float:
        return self.size_m[2]

    @property
    def radius_m(self) -> float:
        return max(self.size_m) / 2


def body(thing: Thing, name: str) -> Body:
    """`thing` with everything that does not depend on the others. Raises Fault("bad_input")."""
    check_contradictions(thing)
    noun = thing.noun
    made = Body(thing, name, natural_size(thing), False)
    made.fields["shape"] = noun.shape
    if noun.source:
        made.fields["source"] = noun.source
    if noun.settings:
        made.fields["settings"] = tuple(
            Setting(key, float(value) if isinstance(value, int) and not isinstance(value, bool) else value)
            for key, value in noun.settings
        )
    _count(made)
    _size(made)
    _looks(made)
    return made


def natural_size(thing: Thing) -> Size:
    """Extents in metres before any word about size."""
    noun = thing.noun
    if any(noun.size_m):
        return noun.size_m
    shape = SHAPES.get(noun.shape)
    return shape.size_m if shape else (1.0, 1.0, 1.0)


def check_contradictions(thing: Thing) -> None:
    """Raises Fault("bad_input") for a heavy weightless ball and the like."""
    said = set(thing.qualities)
    sizes = set(thing.sizes)
    pairs = [(one, other) for one, other in qualities.CONTRADICTIONS if {one, other} <= said]
    for ones, others in (qualities.SIZE_CONTRADICTIONS, qualities.TALL_SHORT, qualities.WIDE_NARROW):
        if sizes & ones and sizes & others:
            pairs.append((min(sizes & ones), min(sizes & others)))
    if pairs:
        one, other = pairs[0]
        raise Fault(
            "bad_input",
            f"{thing.words.capitalize()}: nothing is {one} and {other} at the same time.",
            f"Leave out {one} or {other}.",
        )


def _count(made: Body) -> None:
    thing = made.thing
    count = thing.count
    if count <= 0:
        raise Fault(
            "bad_input", f"{_number(count)} {thing.noun.name}: there must be at least one.", "Change the number."
        )
    if count != int(count):
        raise Fault(
            "bad_input", f"{_number(count)} {thing.noun.name}: only whole things can be made.", "Round the number."
        )
    if count > MOST_COPIES:
        raise Fault(
            "bad_input",
            f"{_number(count)} copies of {thing.noun.name} are too many; up to {MOST_COPIES} are possible.",
            f"Ask for {MOST_COPIES} or fewer.",
        )
    if count > 1:
        made.fields["count"] = int(count)
    if count > 1 and not thing.arrange and thing.noun.shape == "bowling_pin":
        made.fields["arrange"] = "grid"
    if count > 1 and thing.arrange:
        arrange = {"pile": "heap", "triangle": "pyramid"}.get(thing.arrange, thing.arrange)
        made.fields["arrange"] = arrange if arrange in ARRANGEMENTS else "grid"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:g}"


def _size(made: Body) -> None:
    thing, size = made.thing, list(made.size_m)
    for word in thing.sizes:
        factors = _factors(word, thing)
        size = [extent * factor for extent, factor in zip(size, factors, strict=True)]
    for what, quantity in thing.measures:
        if quantity.dimension == "length":
            _check_length(thing, quantity.value, quantity.unit)
            size = _measured(thing, size, what, quantity.value)
            made.sized = True
        elif quantity.dimension == "mass":
            if quantity.value <= 0:
                raise Fault("bad_input", f"{thing.words.capitalize()}: a mass must be above zero.", "Change the mass.")
            made.fields["_mass_kg"] = min(1e6, max(1e-4, quantity.value))
    made.size_m = (size[0], size[1], size[2])
    if made.sized or thing.sizes or (any(thing.noun.size_m) and thing.noun.shape in SHAPES):
        if max(size) > _LARGEST_M or max(size) < _SMALLEST_M:
            raise Fault(
                "bad_input",
                f"{thing.words.capitalize()} would be {max(size):g} m large; between 0.5 mm and 500 m is possible.",
                "Change its size.",
            )
        if thing.noun.shape == "asset" or (thing.noun.shape == "generator" and not made.sized):
            natural = natural_size(thing)
            scale = max(size) / max(natural)
            made.fields["scale"] = round(min(100.0, max(0.01, scale)), 4)
        else:
            made.fields["size_m"] = tuple(round(extent, 5) for extent in size)


def _factors(word: str, thing: Thing) -> Size:
    """Size words on round things are about all of it: a "tall ball" is no egg."""
    factors = qualities.SIZES[word]
    if thing.noun.shape in _ROUND and len(set(factors)) > 1:
        factor = max(factors) if max(factors) > 1 else min(factors)
        return factor, factor, factor
    return factors


def _check_length(thing: Thing, value: float, unit: str) -> None:
    if value <= 0:
        raise Fault(
            "bad_input",
            f"{thing.words.capitalize()}: a size of {'zero' if value == 0 else 'less than zero'} is impossible.",
            "Give a size above zero.",
            f"{value} from {unit}",
        )


def _measured(thing: Thing, size: list[float], what: str, value: float) -> list[float]:
    if what == "radius":
        value, what = 2 * value, "across"
    if what == "across" and thing.noun.shape not in _ROUND:
        factor = value / max(size[0], size[1])
        return [size[0] * factor, size[1] * factor, size[2]]
    if what in ("x", "y", "z") and thing.noun.shape not in _ROUND:
        size = list(size)
        size["xyz".index(what)] = value
        return size
    factor = value / max(size)
    return [extent * factor for extent in size]


def _looks(made: Body) -> None:
    thing, noun = made.thing, made.thing.noun
    name = thing.material or noun.material
    if name not in MATERIALS:
        name = ""
    color = thing.colour or (noun.color if not thing.material else "")
    glow = 20.0 if "glowing" in thing.qualities else 0.0
    if name or color or glow:
        made.fields["material"] = Material(
            name=name, color=color if color in COLORS or color.startswith("#") else "", glow=glow
        )


def group_height(made: Body) -> float:
    """Height of all copies together, as they are arranged, in metres."""
    count, height = made.fields.get("count", 1), made.height_m
    arrange = made.fields.get("arrange", "row")
    if arrange == "stack":
        return count * height
    if arrange == "pyramid":
        return height * math.ceil((math.sqrt(8 * count + 1) - 1) / 2)
    if arrange == "wall":
        columns = math.ceil(math.sqrt(1.6 * count * height / max(made.size_m[0], 1e-6)))
        return height * math.ceil(count / columns)
    return height


def mass_of(made: Body) -> float | None:
    """Mass of one copy in kg where the prompt says something about it, else None (the director computes it)."""
    said = made.fields.pop("_mass_kg", None)
    thing = made.thing
    if said is not None:
        return said
    shape = SHAPES.get(thing.noun.shape)
    natural = thing.noun.mass_kg or (shape.mass_kg if shape and not made.fields.get("size_m") else None)
    heavy = thing.qualities.count("heavy") - thing.qualities.count("light")
    if not heavy:
        return thing.noun.mass_kg or None
    if natural is None:
        fill = 0.52 if thing.noun.shape in _ROUND else 0.8
        density = MATERIALS[made.fields["material"].name].density if _named(made) else 1000.0
        natural = fill * density * math.prod(max(extent, 0.002) for extent in made.size_m)
    return round(min(1e6, max(1e-4, natural * 4.0**heavy)), 6)


def _named(made: Body) -> bool:
    material = made.fields.get("material")
    return material is not None and material.name in MATERIALS
