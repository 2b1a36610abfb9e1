"""Jugs, pitchers and teapots: a body with a spout at -X and an ear at +X."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments
from .parts import Look, Parts, srgb
from .shapes.curves import evenly, smooth
from .shapes.piece import assembled
from .shapes.solids import ball, lathe, tubes
from .shapes.vessels import handle, silhouette, walled

# kind: height, radius, look; outside as shares of radius and height
KINDS = {
    "jug": (0.24, 0.075, Look(srgb("#d8d2c2"), srgb("#c7bfa9"), "noise", 0.05, 0.0, 0.3)),
    "pitcher": (0.28, 0.065, Look((0.95, 0.98, 0.98), roughness=0.0, transmission=1.0)),
    "teapot": (0.15, 0.085, Look(srgb("#3d5a80"), roughness=0.15)),
}
_OUTSIDES = {
    "jug": [(0.72, 0), (0.75, 0.03), (1, 0.33), (0.86, 0.66), (0.62, 0.84), (0.72, 1)],
    "pitcher": [(0.86, 0), (0.88, 0.02), (1, 0.3), (0.94, 0.7), (0.92, 1)],
    "teapot": [(0.55, 0), (0.6, 0.05), (0.95, 0.32), (1, 0.5), (0.8, 0.8), (0.5, 0.95), (0.42, 1)],
}

INFO = GeneratorInfo(
    "jug",
    "Jug",
    "A jug, pitcher or teapot with spout and ear; the spout is at its left",
    "vessels",
    (
        choice("kind", "Kind", "Shape and size", *((kind, kind.capitalize()) for kind in KINDS)),
        metres("height_m", "Height", "Of the body; 0 takes the usual one, the width follows", 0.0, 0.0, 10.0),
        DETAIL,
    ),
    (
        Variant(("jug", "milk jug", "water jug"), {}, mass_kg=1.0, bounce=0.2),
        Variant(("pitcher", "carafe"), {"kind": "pitcher"}, mass_kg=0.9, bounce=0.2),
        Variant(("teapot", "tea pot"), {"kind": "teapot"}, mass_kg=0.9, bounce=0.2),
    ),
    holds=True,
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    usual, radius, look = KINDS[kind]
    height = float(values["height_m"]) or usual
    radius *= height / usual
    wall = 0.018 * height
    outside = silhouette(np.array(_OUTSIDES[kind]) * (radius, height), detail, 32)
    body = walled(outside, wall, 1.5 * wall, segments(56, detail, 8, even=True))
    around = segments(12, detail, 6)
    if kind != "teapot":
        body = _lipped(body, radius, height)
        ear = handle(outside, 0.28 * height, 0.88 * height, 0.65 * radius, 0.2 * radius, wall, detail)
        layers = [(body, kind), (ear, kind)]
    else:
        ear = handle(outside, 0.25 * height, 0.78 * height, 0.75 * radius, 0.16 * radius, wall, detail)
        points = [(-0.86, 0.38), (-1.25, 0.46), (-1.5, 0.7), (-1.62, 0.92), (-1.8, 1.0)]
        line = np.array([(x * radius, 0, z * height) for x, z in points])
        line = evenly(smooth(line, 40), segments(14, detail, 6))
        spout = tubes(line, np.linspace(0.24, 0.1, len(line)) * radius, around)
        profile = [(0.44, 0.975), (0.45, 1.0), (0.3, 1.08), (0.08, 1.12), (0.06, 1.14)]
        lid = np.array([(0, 0.975), *profile, (0, 1.14)]) * (radius, height)
        knob = ball(0.11 * radius, segments(5, detail, 3)).moved(z=1.17 * height)
        layers = [(body, kind), (ear, kind), (spout, kind), (lathe(lid, around * 3), kind), (knob, kind)]
    return Parts((assembled(kind.capitalize(), layers, closed=True, crease_deg=50),), {kind: look})


def _lipped(body, radius: float, height: float):
    """The rim drawn out at -X and pinched beside it, as a potter's finger does."""
    x, y, z = body.vertices.T
    top = np.clip((z / height - 0.8) / 0.2, 0, 1) ** 1.5
    angle = np.arctan2(y, -x)
    out = np.exp(-((angle / 0.28) ** 2)) * 0.42 - np.exp(-(((np.abs(angle) - 0.75) / 0.3) ** 2)) * 0.08
    factor = 1 + out * top
    return body.warped(np.column_stack([x * factor, y * factor, z + 0.03 * height * np.maximum(out, 0) * top]))
