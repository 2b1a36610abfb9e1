"""Cups, mugs and drinking glasses: what liquid is poured into."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, switch
from .parts import Look, Parts, srgb
from .shapes.curves import rounded
from .shapes.piece import assembled
from .shapes.vessels import handle, silhouette, walled

# kind: height, largest radius, wall, is it glass; outside as shares of radius and height
KINDS = {
    "mug": (0.095, 0.041, 0.004, False),
    "teacup": (0.062, 0.048, 0.003, False),
    "espresso": (0.058, 0.031, 0.0035, False),
    "tumbler": (0.12, 0.036, 0.003, True),
    "wine": (0.21, 0.041, 0.0018, True),
    "beaker": (0.14, 0.05, 0.0025, True),
}
_OUTSIDES = {
    "mug": [(0.93, 0), (1, 0.05), (1, 0.5), (1, 1)],
    "teacup": [(0.5, 0), (0.52, 0.06), (0.72, 0.28), (0.87, 0.6), (1, 1)],
    "espresso": [(0.62, 0), (0.72, 0.06), (0.92, 0.4), (0.98, 0.7), (1, 1)],
    "tumbler": [(0.78, 0), (0.8, 0.02), (0.88, 0.45), (1, 1)],
    "wine": [(0.42, 0.46), (0.82, 0.57), (1, 0.7), (0.93, 0.87), (0.8, 1)],
    "beaker": [(0.94, 0), (1, 0.04), (1, 0.5), (1, 1)],
}

INFO = GeneratorInfo(
    "cup",
    "Cup",
    "A cup, mug or drinking glass with closed walls, so that liquid stays in",
    "vessels",
    (
        choice("kind", "Kind", "Shape and size", *((kind, kind.capitalize()) for kind in KINDS)),
        metres("height_m", "Height", "0 takes the usual height; the width follows", 0.0, 0.0, 10.0),
        metres("wall_m", "Wall", "Thickness of the wall; 0 takes the usual one", 0.0, 0.0, 0.5),
        switch("handle", "Handle", "An ear at its right side, for those that usually have one", True),
        DETAIL,
    ),
    (
        Variant(("mug", "cup", "coffee mug", "coffee cup"), {}, mass_kg=0.33, bounce=0.2),
        Variant(("teacup", "tea cup"), {"kind": "teacup"}, mass_kg=0.15, bounce=0.2),
        Variant(("espresso cup",), {"kind": "espresso"}, mass_kg=0.12, bounce=0.2),
        Variant(("glass", "tumbler", "drinking glass", "water glass"), {"kind": "tumbler"}, mass_kg=0.25, bounce=0.3),
        Variant(("wine glass", "goblet"), {"kind": "wine"}, mass_kg=0.15, bounce=0.3),
        Variant(("beaker",), {"kind": "beaker"}, mass_kg=0.2, bounce=0.3),
    ),
    holds=True,
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    usual, radius, wall, glass = KINDS[kind]
    height = float(values["height_m"]) or usual
    radius *= height / usual
    wall = min(float(values["wall_m"]) or wall * height / usual, 0.3 * radius)
    outside = np.array(_OUTSIDES[kind]) * (radius, height)
    around = segments(48, detail, 8)
    if kind in ("mug", "tumbler", "beaker"):
        outside = rounded(outside, 0.12 * radius, 3)
    else:
        outside = silhouette(outside, detail)
    if kind == "wine":
        bowl = _on_a_stem(outside, radius, height, wall, around)
    else:
        bowl = walled(outside, wall, 1.6 * wall, around)
    layers = [(bowl, kind)]
    if values["handle"] and not glass:
        reach = {"mug": 0.7, "teacup": 0.55, "espresso": 0.6}[kind] * radius
        ear = handle(outside, 0.2 * height, 0.82 * height, reach, 0.2 * radius, wall, detail)
        layers.append((ear, kind))
    look = Look((0.97, 0.99, 0.98), roughness=0.0, transmission=1.0) if glass else _GLAZE
    return Parts((assembled(kind.capitalize(), layers, closed=True, crease_deg=50),), {kind: look})


_GLAZE = Look(srgb("#f1ece2"), roughness=0.18)


def _on_a_stem(bowl: np.ndarray, radius: float, height: float, wall: float, around: int):
    """Foot, stem and bowl in one turned piece."""
    foot = [(0.95, 0.0), (0.97, 0.008), (0.5, 0.025), (0.12, 0.05), (0.09, 0.12), (0.085, 0.3), (0.11, 0.40)]
    stem = silhouette(np.array(foot) * (radius, height), 1.0, 18)
    start = bowl[:1] * (0.5, 1) - (0, 0.02 * height)
    inside_at = bowl[0, 1] + 1.5 * wall
    return walled(np.concatenate([stem, start, bowl]), wall, inside_at, around)
