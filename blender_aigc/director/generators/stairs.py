"""Stairs: straight, spiral, and ladders. Two rises and one going make 0.63 m (Blondel's rule)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, switch
from .parts import Look, Parts, srgb
from .shapes.curves import helix
from .shapes.piece import Piece, assembled
from .shapes.solids import cylinder, loft, prism, rod, tubes
from .shapes.timber import board, post

INFO = GeneratorInfo(
    "stairs",
    "Stairs",
    "Stairs that a person can climb; they rise from the front to the back",
    "architecture",
    (
        choice(
            "kind",
            "Kind",
            "Their shape",
            ("straight", "Straight, of stone"),
            ("wooden", "Straight, of wood"),
            ("spiral", "Spiral"),
            ("ladder", "Ladder"),
        ),
        metres("height_m", "Height", "From floor to floor", 2.8, 0.15, 30.0),
        metres("width_m", "Width", "Of the steps", 1.1, 0.3, 20.0),
        switch("rails", "Rails", "Hand rails at the sides", True),
        DETAIL,
    ),
    (
        Variant(("stairs", "staircase", "steps", "stair"), {}, mass_kg=3000.0),
        Variant(("wooden stairs",), {"kind": "wooden"}, mass_kg=200.0),
        Variant(("spiral staircase", "spiral stairs"), {"kind": "spiral"}, mass_kg=400.0),
        Variant(("ladder",), {"kind": "ladder", "width_m": 0.45}, mass_kg=8.0, bounce=0.3),
    ),
    source="Blondel, Cours d'architecture, 1675",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    height, width = float(values["height_m"]), float(values["width_m"])
    number = max(1, round(height / 0.175))
    build = {"straight": _straight, "wooden": _wooden, "spiral": _spiral, "ladder": _ladder}[str(values["kind"])]
    layers = build(height, width, number, bool(values["rails"]), segments(12, float(values["detail"]), 5))
    looks = {
        "stone": Look(srgb("#b3aea3"), srgb("#9d988c"), "noise", 0.15, 0.001, 0.85),
        "wood": Look(srgb("#9a6f42"), srgb("#7c5530"), "wood", 0.025, 0.0003, 0.5),
        "iron": Look(srgb("#2e2f33"), roughness=0.4, metallic=1.0),
    }
    return Parts((assembled("Stairs", layers, closed=True),), looks)


def _going(height: float, number: int) -> float:
    return float(np.clip(0.63 - 2 * height / number, 0.22, 0.34))


def _straight(height, width, number, rails, sides) -> list[tuple[Piece, str]]:
    """One solid block with steps, as one outline; rails on posts."""
    rise, going = height / number, _going(height, number)
    length = number * going
    outline = [(length / 2, 0), (-length / 2, 0)]
    for k in range(number):
        outline += [(-length / 2 + k * going, (k + 1) * rise), (-length / 2 + (k + 1) * going, (k + 1) * rise)]
    rings = np.array([[(x, y, z) for y, z in outline] for x in (-width / 2, width / 2)])
    layers = [(replace(loft(rings, smooth=False).flipped(), uvs=None), "stone")]
    if rails and number > 1:
        layers += _rails(height, width - 0.1, number, going, length, sides)
    return layers


def _rails(height, width, number, going, length, sides) -> list[tuple[Piece, str]]:
    rise = height / number
    layers = []
    for s in (-1, 1):
        x = s * width / 2
        start, end = (x, -length / 2 + going / 2, rise + 0.9), (x, length / 2 - going / 2, height + 0.9)
        layers.append((rod(start, end, 0.022, sides), "iron"))
        for k in range(number):
            y = -length / 2 + (k + 0.5) * going
            layers.append(
                (rod((x, y, (k + 1) * rise - 0.01), (x, y, (k + 1) * rise + 0.9), 0.009, max(5, sides // 2)), "iron")
            )
    return layers


def _wooden(height, width, number, rails, sides) -> list[tuple[Piece, str]]:
    rise, going = height / number, _going(height, number)
    length = number * going
    layers = []
    for k in range(number):
        y = -length / 2 + k * going
        layers.append(
            (
                board(
                    (-width / 2, y - 0.03, (k + 1) * rise - 0.04), (width / 2, y + going, (k + 1) * rise), 0.006, "x"
                ),
                "wood",
            )
        )
    for s in (-1, 1):
        x = s * (width / 2 - 0.03)
        layers.append((post((x, -length / 2 + 0.06, 0.0), (x, length / 2, height - 0.14), 0.05, 0.2), "wood"))
    if rails and number > 1:
        layers += _rails(height, width - 0.06, number, going, length, sides)
    return layers


def _spiral(height, width, number, rails, sides) -> list[tuple[Piece, str]]:
    rise, core = height / number, 0.08
    step = np.radians(27)
    layers: list[tuple[Piece, str]] = [(cylinder(core, height + (1.0 if rails else 0.02), 2 * sides), "iron")]
    for k in range(number):
        angle = k * step - np.pi / 2
        arc = np.linspace(-0.55, 0.55, 7) * step + angle
        rim = np.column_stack([np.cos(arc), np.sin(arc)])
        outline = np.concatenate([(width + core) * rim, 0.6 * core * rim[::-1]])
        layers.append((prism(outline, (k + 1) * rise - 0.045, (k + 1) * rise), "wood"))
        if rails:
            x, y = (width + core - 0.04) * np.cos(angle), (width + core - 0.04) * np.sin(angle)
            layers.append(
                (rod((x, y, (k + 1) * rise - 0.02), (x, y, (k + 1) * rise + 0.95), 0.01, max(5, sides // 2)), "iron")
            )
    if rails and number > 1:
        turns = (number - 1) * step / (2 * np.pi)
        line = helix(width + core - 0.04, (number - 1) * rise, turns, 8 * number)
        rail = tubes(line, 0.022, sides).turned("z", -90).moved(z=rise + 0.95)
        layers.append((rail, "iron"))
    return layers


def _ladder(height, width, number, rails, sides) -> list[tuple[Piece, str]]:
    layers = []
    for s in (-1, 1):
        layers.append(
            (board((s * width / 2 - 0.02, -0.035, 0), (s * width / 2 + 0.02, 0.035, height), 0.008, "z"), "wood")
        )
    for k in range(max(1, round(height / 0.28))):
        z = 0.2 + k * 0.28
        if z < height:
            layers.append((rod((-width / 2, 0, z), (width / 2, 0, z), 0.017, sides), "wood"))
    return layers
