"""Trees of several species and seasons, after Weber and Penn (SIGGRAPH 1995); palms after their fronds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.branching import Level, at, bark, branches, leaves, trunk, unit
from .shapes.piece import Piece, assembled, merged, of_faces
from .shapes.solids import ball

INFO = GeneratorInfo(
    "tree",
    "Tree",
    "A tree with trunk, branches and leaves; every seed grows another one",
    "plants",
    (
        choice(
            "species",
            "Species",
            "What tree it is",
            ("oak", "Oak"),
            ("birch", "Birch"),
            ("pine", "Pine"),
            ("fir", "Fir"),
            ("willow", "Willow"),
            ("poplar", "Poplar"),
            ("cherry", "Cherry"),
            ("palm", "Palm"),
        ),
        metres("height_m", "Height", "0 takes the usual height of the species", 0.0, 0.0, 80.0),
        share("leaf_density", "Leaves", "How dense the leaves are; 0 is bare", 1.0, 0.0, 2.0),
        choice(
            "season",
            "Season",
            "Colours of the leaves",
            ("summer", "Summer"),
            ("spring", "Spring"),
            ("autumn", "Autumn"),
            ("winter", "Winter"),
        ),
        share("crooked", "Crooked", "How bent trunk and branches are", 0.5, 0.0, 2.0),
        DETAIL,
    ),
    (
        Variant(("tree", "oak", "oak tree"), {}, mass_kg=8000.0, bounce=0.1),
        Variant(("birch", "birch tree"), {"species": "birch"}, mass_kg=1500.0, bounce=0.1),
        Variant(("pine", "pine tree"), {"species": "pine"}, mass_kg=2500.0, bounce=0.1),
        Variant(
            ("fir", "fir tree", "spruce", "christmas tree", "conifer"), {"species": "fir"}, mass_kg=900.0, bounce=0.1
        ),
        Variant(("willow", "willow tree", "weeping willow"), {"species": "willow"}, mass_kg=3000.0, bounce=0.1),
        Variant(("poplar", "poplar tree", "cypress"), {"species": "poplar"}, mass_kg=2500.0, bounce=0.1),
        Variant(
            ("cherry tree", "blossoming tree", "fruit tree"),
            {"species": "cherry", "season": "spring"},
            mass_kg=900.0,
            bounce=0.1,
        ),
        Variant(("palm", "palm tree", "coconut palm"), {"species": "palm"}, mass_kg=1200.0, bounce=0.1),
        Variant(("dead tree", "bare tree"), {"season": "winter", "crooked": 1.0}, mass_kg=5000.0, bounce=0.1),
        Variant(("autumn tree", "maple", "maple tree"), {"season": "autumn"}, mass_kg=6000.0, bounce=0.1),
    ),
    source="Weber and Penn, Creation and Rendering of Realistic Trees, SIGGRAPH 1995",
)


def _round(t):
    return 0.35 + 0.65 * np.sin(np.pi * (0.12 + 0.8 * t))


def _cone(t):
    return 1.05 - 0.95 * t


def _tall(t):
    return 0.55 + 0.45 * np.sin(np.pi * (0.15 + 0.75 * t))


def _flat(t):
    return 0.55 + 0.45 * t


@dataclass(frozen=True)
class Species:
    """What makes an oak an oak.

    height_m: usual. girth: radius of the trunk in shares of the height. lean: how far it may tilt. crown: length of a
    main branch by its place, 0 lowest. leaves: on one twig. leaf_m: length of one. droop: how they hang. width: of a
    leaf in shares of its length.
    """

    height_m: float
    girth: float
    lean: float
    levels: tuple[Level, ...]
    crown: Callable[[np.ndarray], np.ndarray]
    leaves: int
    leaf_m: float
    droop: float
    width: float


_OAK = (
    Level(22, 0.24, 0.98, (72, 34), 0.5, 0.05, 0.13, 8, 7, 0.6),
    Level(9, 0.25, 1.0, (55, 40), 0.42, 0.04, 0.16, 5, 5),
    Level(6, 0.2, 1.0, (50, 40), 0.5, 0.02, 0.2, 3, 3),
)
_BIRCH = (
    Level(28, 0.28, 0.99, (52, 30), 0.31, 0.02, 0.1, 7, 6, 0.5),
    Level(10, 0.2, 1.0, (50, 35), 0.42, -0.06, 0.14, 5, 4),
    Level(5, 0.2, 1.0, (45, 30), 0.45, -0.12, 0.16, 3, 3),
)
_CHERRY = (
    Level(13, 0.26, 0.96, (62, 28), 0.6, 0.07, 0.14, 7, 7, 0.65),
    Level(10, 0.2, 1.0, (48, 35), 0.45, 0.04, 0.18, 5, 5),
    Level(6, 0.2, 1.0, (45, 35), 0.45, 0.0, 0.2, 3, 3),
)
_WILLOW = (
    Level(14, 0.3, 0.97, (58, 25), 0.5, 0.05, 0.12, 7, 7, 0.6),
    Level(8, 0.35, 1.0, (50, 45), 0.5, -0.05, 0.12, 5, 4),
    Level(7, 0.25, 1.0, (40, 30), 1.3, -0.42, 0.06, 7, 3),
)
_POPLAR = (
    Level(52, 0.06, 0.99, (28, 16), 0.2, 0.06, 0.06, 6, 5, 0.5),
    Level(6, 0.2, 1.0, (30, 22), 0.5, 0.05, 0.1, 4, 4),
    Level(4, 0.2, 1.0, (35, 25), 0.5, 0.04, 0.14, 3, 3),
)
_PINE = (
    Level(30, 0.4, 0.99, (92, 45), 0.3, 0.05, 0.08, 6, 5, 0.45),
    Level(9, 0.3, 1.0, (55, 35), 0.36, 0.05, 0.1, 4, 4),
    Level(4, 0.35, 1.0, (45, 30), 0.42, 0.04, 0.1, 3, 3),
)
_FIR = (
    Level(95, 0.05, 0.985, (96, 62), 0.32, 0.014, 0.04, 6, 4, 0.4),
    Level(12, 0.15, 1.0, (58, 48), 0.36, -0.02, 0.06, 4, 3),
)
_SPECIES = {
    "oak": Species(11.0, 0.032, 0.05, _OAK, _round, leaves=13, leaf_m=0.27, droop=0.25, width=0.65),
    "birch": Species(12.0, 0.013, 0.02, _BIRCH, _round, leaves=9, leaf_m=0.19, droop=0.7, width=0.75),
    "cherry": Species(5.0, 0.03, 0.06, _CHERRY, _flat, leaves=15, leaf_m=0.13, droop=0.1, width=0.85),
    "willow": Species(9.0, 0.035, 0.05, _WILLOW, _round, leaves=20, leaf_m=0.24, droop=0.9, width=0.25),
    "poplar": Species(16.0, 0.014, 0.01, _POPLAR, _tall, leaves=11, leaf_m=0.26, droop=0.1, width=0.75),
    "pine": Species(14.0, 0.017, 0.03, _PINE, _flat, leaves=22, leaf_m=0.26, droop=-0.3, width=0.12),
    "fir": Species(9.0, 0.014, 0.0, _FIR, _cone, leaves=30, leaf_m=0.2, droop=0.1, width=0.16),
}
_GREENS = {
    "oak": ("#4c6b26", "#6b8233"),
    "birch": ("#6f8f33", "#94a845"),
    "cherry": ("#55762f", "#7b9440"),
    "willow": ("#76903f", "#94a856"),
    "poplar": ("#4e7030", "#6f8c3d"),
    "pine": ("#2f4b2c", "#466336"),
    "fir": ("#244529", "#37592f"),
    "palm": ("#4f7a2c", "#7b9a3c"),
}
_BARKS = {"birch": ("#e4e1da", "#3b3833"), "pine": ("#7d4c31", "#4d3324"), "palm": ("#8d7759", "#5f4d38")}


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    species, detail = str(values["species"]), float(values["detail"])
    looks = _looks(species, str(values["season"]))
    full = float(values["leaf_density"])
    evergreen = species in ("pine", "fir", "palm")
    if values["season"] == "winter" and not evergreen:
        full = 0.0
    if species == "palm":
        layers = _palm(float(values["height_m"]) or 8.0, float(values["crooked"]), full, detail, rng)
    else:
        layers = _grown(species, values, full, detail, rng)
    return Parts((assembled("Tree", layers, crease_deg=80),), looks)


def _grown(species: str, values: dict[str, Value], full: float, detail: float, rng) -> list[tuple[Piece, str]]:
    kind = _SPECIES[species]
    usual = kind.height_m
    height, crooked = float(values["height_m"]) or usual, float(values["crooked"])
    tilt = rng.normal(0, kind.lean, 2)
    paths, radii = trunk(height, kind.girth * height, 0.16 * crooked * (1 if kind.lean else 0.2), rng, 14, tilt)
    layers = [(bark(paths, radii, segments(12, detail, 5)), "bark")]
    for depth, level in enumerate(kind.levels):
        thinned = max(2, round(level.number * min(1.0, detail**0.5))) if depth else level.number
        grown = replace(level, number=thinned, bend=level.bend * (0.4 + 1.2 * crooked))
        paths, radii = branches(paths, radii, grown, rng, kind.crown if depth == 0 else None)
        radii = radii * (height / usual) ** 0.3
        if depth < 2 or detail >= 0.5 or full == 0:
            layers.append((bark(paths, radii, segments(level.sides, detail, 3)), "bark"))
    each = round(kind.leaves * full * min(detail, 2.0) ** 0.8)
    if each:
        leaf = kind.leaf_m * (height / usual) ** 0.7 * min(2.0, 1 / min(1.0, detail) ** 0.5)
        layers.append((leaves(paths, each, leaf, rng, kind.droop, kind.width, 0.1), "leaves"))
    return layers


def _looks(species: str, season: str) -> dict[str, Look]:
    low, high = _GREENS[species]
    if species not in ("pine", "fir", "palm"):
        if season == "autumn":
            low, high = ("#b5461a", "#d89a25") if species != "birch" else ("#d8a01f", "#e6c34a")
        elif season == "spring":
            low, high = ("#f2c9d6", "#f8e6ea") if species == "cherry" else ("#83a83c", "#a8c454")
    dark, light = _BARKS.get(species, ("#5d4a39", "#3f3026"))
    return {
        "bark": Look(srgb(dark), srgb(light), "noise", 0.12, 0.01, 0.95),
        "leaves": Look(srgb(low), srgb(high), "noise", 0.7, 0.0, 0.65, leaf=True),
        "nuts": Look(srgb("#6b4a2a"), roughness=0.7),
    }


def _palm(height: float, crooked: float, full: float, detail: float, rng) -> list[tuple[Piece, str]]:
    """A ringed, leaning trunk and a crown of fronds."""
    angle, lean = rng.uniform(0, 2 * np.pi), 0.22 * crooked * height
    t = np.linspace(0, 1, segments(26, detail, 10))
    out = lean * t**1.7
    path = np.column_stack([out * np.cos(angle), out * np.sin(angle), t * height])
    radius = 0.02 * height * (1 - 0.35 * t) * (1 + 0.9 * np.exp(-t * 14))
    radius *= 1 + 0.06 * (np.arange(len(t)) % 2)
    layers = [(bark(path[None], radius[None], segments(12, detail, 6)), "bark")]
    top = path[-1]
    number = max(5, round(22 * min(1.0, detail**0.5)))
    spread = np.arange(number) * np.radians(137.5) + rng.normal(0, 0.12, number)
    rise = np.radians(np.linspace(80, -12, number) + rng.normal(0, 6, number))
    length = 0.38 * height * rng.uniform(0.85, 1.1, number)
    way = np.column_stack([np.cos(spread) * np.cos(rise), np.sin(spread) * np.cos(rise), np.sin(rise)])
    points = max(6, round(12 * min(detail, 2.0)))
    fronds = [np.tile(top, (number, 1))]
    for _ in range(points - 1):
        way = way.copy()
        way[:, 2] -= 2.3 / points
        way = unit(way)
        fronds.append(fronds[-1] + way * (length / (points - 1))[:, None])
    fronds = np.stack(fronds, 1)
    taper = np.linspace(1, 0.15, points) * 0.0045 * height
    layers.append((bark(fronds, np.tile(taper, (number, 1)), 4), "bark"))
    if full > 0:
        layers.append((_leaflets(fronds, max(8, round(46 * full * min(1.5, detail))), 0.085 * height), "leaves"))
    for turn in np.radians((20, 140, 260)):
        nut = ball(0.014 * height, segments(5, detail, 2)).scaled(1, 1, 1.2)
        layers.append((nut.moved(*(top + 0.028 * height * np.array([np.cos(turn), np.sin(turn), -0.9]))), "nuts"))
    return layers


def _leaflets(fronds: np.ndarray, number: int, size: float) -> Piece:
    """Two rows of narrow blades along each frond, hanging a little."""
    t = np.tile(np.linspace(0.12, 0.99, number), (len(fronds), 1))
    base = at(fronds, fronds, t)
    along = unit(at(fronds, np.gradient(fronds, axis=1), t))
    side = unit(np.cross(along, [0.0, 0.0, 1.0]))
    length = size * np.sin(np.pi * (0.1 + 0.85 * t))[..., None] ** 0.7
    pieces = []
    for sign in (-1, 1):
        way = unit(side * sign + along * 0.6 - np.array([0, 0, 0.35]))
        tip, middle = base + way * length, base + way * length * 0.4
        wide = along * length * 0.06
        quad = np.stack([base, middle - wide, tip, middle + wide], -2).reshape(-1, 3)
        faces = np.arange(len(quad)).reshape(-1, 4)
        pieces.append(of_faces(quad, faces if sign > 0 else faces[:, ::-1]))
    both = merged(pieces)
    return both.with_uvs(np.tile([(0.5, 0), (0, 0.4), (0.5, 1), (1, 0.4)], (len(both.sizes), 1)))
