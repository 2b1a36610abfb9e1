"""Mushrooms with gills: fly agaric, bolete, toadstools in a group."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, count, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.curves import evenly, smooth
from .shapes.noise import Noise
from .shapes.piece import Piece, assembled
from .shapes.solids import ball, lathe

_CAPS = {"agaric": "#b3211d", "bolete": "#7a4a26", "champignon": "#e9e3d6", "glowing": "#4fb3c9"}
INFO = GeneratorInfo(
    "mushroom",
    "Mushroom",
    "A mushroom, or a group of them",
    "plants",
    (
        choice(
            "kind",
            "Kind",
            "Which mushroom",
            ("agaric", "Fly agaric"),
            ("bolete", "Bolete"),
            ("champignon", "Champignon"),
            ("glowing", "Glowing"),
        ),
        metres("height_m", "Height", "Of the tallest", 0.16, 0.01, 10.0),
        share("cap", "Cap", "Its width in shares of the height", 0.85, 0.3, 2.0),
        count("number", "Number", "How many grow together", 1, 1, 30),
        DETAIL,
    ),
    (
        Variant(("mushroom", "fly agaric", "toadstool"), {}, mass_kg=0.1, bounce=0.0),
        Variant(("bolete", "porcini"), {"kind": "bolete"}, mass_kg=0.2, bounce=0.0),
        Variant(("champignon", "button mushroom"), {"kind": "champignon", "height_m": 0.07}, mass_kg=0.03, bounce=0.0),
        Variant(
            ("glowing mushroom", "magic mushroom", "giant mushroom"),
            {"kind": "glowing", "number": 5, "height_m": 0.4},
            mass_kg=0.5,
            bounce=0.0,
        ),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, number, height = str(values["kind"]), int(values["number"]), float(values["height_m"])
    layers: list[tuple[Piece, str]] = []
    for k in range(number):
        tall = height if k == 0 else height * rng.uniform(0.35, 0.85)
        angle, out = 2.4 * k, (0.0 if k == 0 else height * (0.35 + 0.22 * np.sqrt(k)))
        lean = 0.0 if number == 1 else rng.uniform(4, 16)
        for piece, look in _one(kind, tall, float(values["cap"]), float(values["detail"]), rng):
            if lean:
                piece = piece.warped(
                    np.column_stack(
                        [piece.vertices[:, 0] + np.tan(np.radians(lean)) * piece.vertices[:, 2], piece.vertices[:, 1:]]
                    )
                )
            layers.append((piece.turned("z", np.degrees(angle)).moved(out * np.cos(angle), out * np.sin(angle)), look))
    cap = srgb(_CAPS[kind])
    glow = 1.5 if kind == "glowing" else 0.0
    looks = {
        "cap": Look(cap, (cap[0] * 0.7, cap[1] * 0.7, cap[2] * 0.7), "noise", 0.03, 0.0, 0.35, emission=glow),
        "stem": Look(srgb("#ece4d2"), srgb("#d6cbb3"), "noise", 0.01, 0.0003, 0.8),
        "dots": Look(srgb("#f4f0e4"), roughness=0.8, emission=2 * glow),
    }
    return Parts((assembled("Mushroom", layers, closed=True, crease_deg=60),), looks)


def _one(kind: str, height: float, cap: float, detail: float, rng) -> list[tuple[Piece, str]]:
    radius, around = cap * height / 2, segments(36, detail, 10)
    thin = {"agaric": 0.13, "bolete": 0.26, "champignon": 0.24, "glowing": 0.09}[kind] * radius * 1.6
    foot = [
        (1.25 * thin, 0),
        (1.45 * thin, 0.06 * height),
        (thin, 0.25 * height),
        (0.85 * thin, 0.6 * height),
        (0.8 * thin, 0.78 * height),
    ]
    stem = np.concatenate([[(0, 0)], evenly(smooth(foot, 40), segments(14, detail, 5)), [(0, 0.78 * height)]])
    low = 0.68 * height
    if kind == "glowing":
        top = [
            (radius, low),
            (0.9 * radius, low + 0.1 * height),
            (0.45 * radius, low + 0.24 * height),
            (0.12 * radius, height),
        ]
    else:
        top = [
            (radius, low),
            (0.97 * radius, low + 0.1 * height),
            (0.7 * radius, low + 0.24 * height),
            (0.25 * radius, height - 0.008 * height),
        ]
    dome = evenly(smooth(top, 60), segments(16, detail, 6))
    under = [(0, low + 0.09 * height), (0.25 * radius, low + 0.085 * height), (0.85 * radius, low + 0.02 * height)]
    crown = lathe(np.array([*under, *dome, (0, height)]), around * 2)
    x, y, z = crown.vertices.T
    inside = np.clip(1 - np.abs(z - low - 0.05 * height) / (0.06 * height), 0, 1) * (np.hypot(x, y) < 0.93 * radius)
    gills = 0.02 * height * inside * (np.arange(len(x)) % 2)
    bumps = 1 + 0.03 * Noise(rng)(crown.vertices / radius * 1.5)
    layers = [(lathe(stem, around), "stem"), (crown.warped(np.column_stack([x * bumps, y * bumps, z - gills])), "cap")]
    if kind in ("agaric", "glowing"):
        for k in range(segments(26, min(detail, 1.5), 8)):
            at = np.sqrt((k + 0.5) / 28)
            row = dome[int(np.clip((1 - at) * len(dome), 0, len(dome) - 1))]
            turn = 137.5 * k
            size = radius * rng.uniform(0.05, 0.1)
            dot = ball(size, 2).scaled(1, 1, 0.6).moved(row[0] * 0.985, 0, row[1] - 0.1 * size).turned("z", turn)
            layers.append((dot, "dots"))
        ring = np.array(
            [
                (0.8 * thin, 0.6 * height),
                (1.9 * thin, 0.55 * height),
                (1.85 * thin, 0.54 * height),
                (0.8 * thin, 0.585 * height),
                (0.8 * thin, 0.6 * height),
            ]
        )
        layers.append((lathe(ring[::-1], around), "stem"))
    return layers
