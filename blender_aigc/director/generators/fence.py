"""Fences: pickets, rails, wire, iron bars."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments
from .parts import Look, Parts, srgb
from .shapes.piece import Piece, assembled
from .shapes.solids import ball, cylinder, prism, rod
from .shapes.timber import board, grained, post

_HEIGHTS = {"picket": 1.0, "rail": 1.2, "panel": 1.8, "iron": 1.5, "wire": 1.4}
INFO = GeneratorInfo(
    "fence",
    "Fence",
    "A straight piece of fence between posts",
    "architecture",
    (
        choice(
            "kind",
            "Kind",
            "What it is made of",
            ("picket", "Pickets"),
            ("rail", "Rails"),
            ("panel", "Boards"),
            ("iron", "Iron bars"),
            ("wire", "Wire"),
        ),
        metres("length_m", "Length", "Of the whole fence", 6.0, 0.5, 200.0),
        metres("height_m", "Height", "0 takes the usual height", 0.0, 0.0, 6.0),
        metres("spacing_m", "Spacing", "Between posts", 2.0, 0.3, 6.0),
        DETAIL,
    ),
    (
        Variant(("fence", "picket fence", "garden fence"), {}, mass_kg=90.0),
        Variant(("rail fence", "ranch fence"), {"kind": "rail"}, mass_kg=110.0),
        Variant(("wooden fence", "board fence", "palisade"), {"kind": "panel"}, mass_kg=200.0),
        Variant(("iron fence", "railing", "metal fence"), {"kind": "iron"}, mass_kg=180.0),
        Variant(("wire fence", "barbed wire"), {"kind": "wire"}, mass_kg=60.0),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, length = str(values["kind"]), float(values["length_m"])
    height = float(values["height_m"]) or _HEIGHTS[kind]
    number = max(1, round(length / float(values["spacing_m"])))
    places = np.linspace(-length / 2, length / 2, number + 1)
    build = {"picket": _picket, "rail": _rail, "panel": _panel, "iron": _iron, "wire": _wire}[kind]
    layers = build(places, length, height, segments(10, float(values["detail"]), 4), rng)
    looks = {
        "white": Look(srgb("#eeece5"), roughness=0.6),
        "wood": Look(srgb("#8b6b47"), srgb("#6d5033"), "wood", 0.03, 0.001, 0.85),
        "iron": Look(srgb("#2b2c2f"), roughness=0.45, metallic=1.0),
        "wire": Look(srgb("#8f9296"), roughness=0.4, metallic=1.0),
    }
    return Parts((assembled("Fence", layers, closed=True),), looks)


def _picket(places, length, height, sides, rng) -> list[tuple[Piece, str]]:
    layers = [(board((x - 0.045, -0.01, 0), (x + 0.045, 0.08, 0.95 * height), 0.004), "white") for x in places]
    for z in (0.25, 0.75):
        layers.append(
            (board((-length / 2, -0.035, z * height - 0.04), (length / 2, -0.0101, z * height + 0.04), 0.003), "white")
        )
    wide = 0.075
    number = max(2, round(length / 0.13))
    for x in (np.arange(number) + 0.5) / number * length - length / 2:
        low, high = 0.06 * height, height
        tip = min(0.05, 0.1 * height)
        outline = np.array(
            [(-wide / 2, low), (wide / 2, low), (wide / 2, high - tip), (0, high), (-wide / 2, high - tip)]
        )
        layers.append((grained(prism(outline, 0, 0.02).turned("x", 90).moved(x, -0.035), "z"), "white"))
    return layers


def _rail(places, length, height, sides, rng) -> list[tuple[Piece, str]]:
    layers = [(cylinder(0.07, height, 2 * sides, 0.062, bevel=0.01).moved(x), "wood") for x in places]
    for a, b in zip(places[:-1], places[1:], strict=True):
        for z in (0.3, 0.6, 0.88):
            ends = rng.normal(0, 0.012, 2) + z * height
            layers.append((rod((a - 0.04, 0, ends[0]), (b + 0.04, 0, ends[1]), 0.045, sides, 0.04), "wood"))
    return layers


def _panel(places, length, height, sides, rng) -> list[tuple[Piece, str]]:
    layers = [(board((x - 0.05, 0.0, 0), (x + 0.05, 0.1, height + 0.05), 0.006), "wood") for x in places]
    for z in (0.15, 0.85):
        layers.append(
            (board((-length / 2, -0.04, z * height - 0.05), (length / 2, -0.0001, z * height + 0.05), 0.003), "wood")
        )
    edges = np.linspace(-length / 2, length / 2, max(2, round(length / 0.14)) + 1)
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        top = height + rng.normal(0, 0.006)
        layers.append((board((a + 0.003, -0.062, 0.04), (b - 0.003, -0.0401, top), 0.003, "z"), "wood"))
    return layers


def _iron(places, length, height, sides, rng) -> list[tuple[Piece, str]]:
    layers: list[tuple[Piece, str]] = []
    for x in places:
        layers.append((post((x, 0, 0), (x, 0, 1.05 * height), 0.06), "iron"))
        layers.append((ball(0.055, max(3, sides // 3)).moved(x, 0, 1.05 * height + 0.04), "iron"))
    for z in (0.12, 0.86):
        layers.append((post((-length / 2, 0, z * height), (length / 2, 0, z * height), 0.025, 0.04), "iron"))
    number = max(2, round(length / 0.13))
    for x in (np.arange(number) + 0.5) / number * length - length / 2:
        layers.append((rod((x, 0, 0.05 * height), (x, 0, 0.95 * height), 0.01, max(4, sides // 2)), "iron"))
        layers.append((cylinder(0.022, 0.06 * height, max(4, sides // 2), 0.002).moved(x, 0, 0.94 * height), "iron"))
    return layers


def _wire(places, length, height, sides, rng) -> list[tuple[Piece, str]]:
    layers = [(cylinder(0.05, height, 2 * sides, 0.045, bevel=0.006).moved(x), "wood") for x in places]
    for z in np.linspace(0.2, 0.93, 5):
        layers.append((rod((-length / 2, -0.052, z * height), (length / 2, -0.052, z * height), 0.004, 5), "wire"))
        for x in np.arange(-length / 2 + 0.1, length / 2, 0.22):
            barb = rod((x, -0.07, z * height - 0.02), (x, -0.034, z * height + 0.02), 0.0025, 4)
            layers.append((barb, "wire"))
    return layers
