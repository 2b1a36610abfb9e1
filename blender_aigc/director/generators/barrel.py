"""Barrels: staves of wood with iron hoops, or a steel drum of 200 litres (ISO 15750)."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, count, metres, segments
from .parts import Look, Parts, srgb
from .shapes.piece import Piece, assembled, merged
from .shapes.solids import cylinder, lathe, loft

INFO = GeneratorInfo(
    "barrel",
    "Barrel",
    "A wooden barrel with iron hoops, or a steel drum",
    "props",
    (
        choice("kind", "Kind", "What it is made of", ("wood", "Wood"), ("drum", "Steel drum")),
        metres("height_m", "Height", "Its width follows", 0.88, 0.05, 10.0),
        count("staves", "Staves", "Boards around", 22, 8, 60),
        DETAIL,
    ),
    (
        Variant(("barrel", "wooden barrel", "cask", "keg"), {}, mass_kg=55.0, bounce=0.15),
        Variant(("oil drum", "oil barrel", "steel drum", "metal barrel"), {"kind": "drum"}, mass_kg=20.0, bounce=0.25),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    height, detail = float(values["height_m"]), float(values["detail"])
    looks = {
        "wood": Look(srgb("#8a5c33"), srgb("#65401f"), "wood", 0.02, 0.0006, 0.6),
        "iron": Look(srgb("#57524c"), srgb("#453a31"), "noise", 0.03, 0.0003, 0.5, metallic=1.0),
        "paint": Look(srgb("#235c8c"), srgb("#1d4c74"), "noise", 0.2, 0.0, 0.35),
    }
    if values["kind"] == "drum":
        return Parts((assembled("Drum", _drum(height, detail), closed=True, crease_deg=35),), looks)
    layers = [(_staves(height, int(values["staves"]), segments(12, detail, 4), rng), "wood")]
    for low, high in ((0.01, 0.075), (0.2, 0.25), (0.75, 0.8), (0.925, 0.99)):
        layers.append((_hoop(height, low, high, segments(44, detail, 12)), "iron"))
    for z in (0.045, 0.955):
        plate = cylinder(_radius(height, z) * 0.97, 0.024 * height, segments(44, detail, 12))
        layers.append((plate.moved(z=(z - 0.012) * height), "wood"))
    return Parts((assembled("Barrel", layers, closed=True, crease_deg=35),), looks)


def _radius(height: float, at) -> float | np.ndarray:
    """Half the width: 0.34 of the height in the middle, 0.27 at the ends."""
    return height * (0.27 + 0.075 * (1 - (2 * np.asarray(at) - 1) ** 2))


def _staves(height: float, number: int, rows: int, rng: np.random.Generator) -> Piece:
    """Bent boards; each stands out a little, by chance."""
    at = np.linspace(0, 1, rows + 1)
    step = 2 * np.pi / number
    pieces = []
    for stave in range(number):
        out = 1 + rng.uniform(-0.006, 0.006)
        edges = stave * step + np.array([0.03, 0.28, 0.72, 0.97]) * step
        outer, inner = _radius(height, at)[:, None] * out, _radius(height, at)[:, None] * 0.93
        bow = np.array([1 - 0.006, 1, 1, 1 - 0.006])
        ring_out = np.stack([outer * bow * np.cos(edges), outer * bow * np.sin(edges)], 2)
        ring_in = np.stack([inner * np.cos(edges[[3, 0]]), inner * np.sin(edges[[3, 0]])], 2)
        ring = np.concatenate([ring_out, ring_in], axis=1)
        rings = np.concatenate([ring, np.repeat((at * height)[:, None, None], 6, 1)], axis=2)
        piece = loft(rings, smooth=True)
        pieces.append(piece.with_uvs(piece.uvs + rng.uniform(0, 9, 2)))
    return merged(pieces)


def _hoop(height: float, low: float, high: float, around: int) -> Piece:
    at = np.linspace(low, high, 4)
    outer = np.column_stack([_radius(height, at) * 1.014, at * height])
    inner = np.column_stack([_radius(height, at[::-1]) * 0.99, at[::-1] * height])
    return lathe(np.concatenate([outer, inner, outer[:1]]), around)


def _drum(height: float, detail: float) -> list[tuple[Piece, str]]:
    radius = 0.325 * height
    rows = [(0, 0.016), (0.96, 0.016), (0.965, 0), (1, 0), (1.01, 0.012), (0.985, 0.025)]
    for middle in (0.335, 0.665):
        t = np.linspace(0, 2 * np.pi, 9)
        rows += [(0.985 + 0.0125 * (1 - np.cos(a)), middle - 0.022 + 0.044 * a / (2 * np.pi)) for a in t]
    rows += [(0.985, 0.975), (1.01, 0.988), (1, 1), (0.965, 1), (0.96, 0.984), (0, 0.984)]
    body = lathe(np.array(rows) * (radius, height), segments(56, detail, 12))
    bung = cylinder(0.09 * radius, 0.014 * height, segments(16, detail, 8), bevel=0.01 * radius)
    return [(body, "paint"), (bung.moved(0.55 * radius, 0, 0.983 * height), "iron")]
