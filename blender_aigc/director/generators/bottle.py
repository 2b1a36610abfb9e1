"""Bottles, from a wine bottle to a jam jar."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, switch
from .parts import Look, Parts, srgb
from .shapes.curves import rounded
from .shapes.piece import assembled
from .shapes.solids import cylinder
from .shapes.vessels import walled

# kind: height, radius, wall, glass colour, stopper colour; outside as shares of radius and height
KINDS = {
    "wine": (0.30, 0.0375, 0.003, "#6f9a5a", "#a9835a"),
    "beer": (0.23, 0.0305, 0.003, "#a8662e", "#c9a227"),
    "milk": (0.24, 0.042, 0.003, "#f4f7f6", "#d9dadb"),
    "potion": (0.14, 0.05, 0.003, "#5fb0a6", "#8a6a45"),
    "jar": (0.13, 0.04, 0.003, "#f4f7f6", "#c0262b"),
}
_OUTSIDES = {
    "wine": [(0.96, 0), (1, 0.02), (1, 0.6), (0.4, 0.74), (0.37, 0.94), (0.41, 0.945), (0.41, 1)],
    "beer": [(0.96, 0), (1, 0.02), (1, 0.55), (0.46, 0.78), (0.41, 0.95), (0.46, 0.955), (0.46, 1)],
    "milk": [(0.94, 0), (1, 0.03), (1, 0.5), (0.52, 0.78), (0.5, 0.92), (0.6, 0.94), (0.6, 1)],
    "potion": [(0.55, 0), (0.95, 0.1), (1, 0.3), (0.8, 0.52), (0.3, 0.68), (0.27, 0.92), (0.4, 0.94), (0.4, 1)],
    "jar": [(0.94, 0), (1, 0.04), (1, 0.78), (0.84, 0.86), (0.84, 1)],
}

INFO = GeneratorInfo(
    "bottle",
    "Bottle",
    "A bottle or jar of glass with closed walls, open or with its stopper",
    "vessels",
    (
        choice("kind", "Kind", "Shape and size", *((kind, kind.capitalize()) for kind in KINDS)),
        metres("height_m", "Height", "0 takes the usual height; the width follows", 0.0, 0.0, 10.0),
        switch("closed", "Closed", "With its cork or lid", False),
        DETAIL,
    ),
    (
        Variant(("bottle", "wine bottle"), {}, mass_kg=0.5, bounce=0.3),
        Variant(("beer bottle",), {"kind": "beer"}, mass_kg=0.3, bounce=0.3),
        Variant(("milk bottle",), {"kind": "milk"}, mass_kg=0.4, bounce=0.3),
        Variant(("potion", "potion bottle", "flask"), {"kind": "potion", "closed": True}, mass_kg=0.3, bounce=0.3),
        Variant(("jar", "jam jar"), {"kind": "jar", "closed": True}, mass_kg=0.25, bounce=0.3),
    ),
    holds=True,
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    usual, radius, wall, glass, stopper = KINDS[kind]
    height = float(values["height_m"]) or usual
    radius, wall = radius * height / usual, wall * height / usual
    outside = rounded(np.array(_OUTSIDES[kind]) * (radius, height), 0.45 * radius, max(2, round(5 * detail)))
    around = segments(40, detail, 8)
    layers = [(walled(outside, wall, 2 * wall, around), "glass")]
    looks = {"glass": Look(srgb(glass), roughness=0.02, transmission=1.0)}
    if values["closed"]:
        mouth = _OUTSIDES[kind][-1][0] * radius
        if kind == "jar":
            lid = cylinder(mouth + 0.1 * radius, 0.14 * height, around, bevel=0.04 * radius).moved(z=0.89 * height)
        else:
            cork = 0.09 * height
            lid = cylinder(mouth - 1.1 * wall, cork, around, mouth - 0.7 * wall, bevel=0.2 * wall)
            lid = lid.moved(z=height - 0.6 * cork)
        layers.append((lid, "stopper"))
        looks["stopper"] = Look(srgb(stopper), roughness=0.7 if kind != "jar" else 0.3)
    return Parts((assembled("Bottle", layers, closed=True, crease_deg=50),), looks)
