"""Bowls, plates and pots."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.piece import assembled
from .shapes.solids import tubes
from .shapes.vessels import silhouette, walled

# kind: width m, height / width, wall, look; outside as shares of radius and height
KINDS = {
    "bowl": (0.17, 0.42, 0.004, Look(srgb("#d9dfe2"), roughness=0.2)),
    "plate": (0.26, 0.09, 0.005, Look(srgb("#f0efe9"), roughness=0.15)),
    "wok": (0.34, 0.3, 0.003, Look(srgb("#3a3a3c"), roughness=0.4, metallic=1.0)),
    "pot": (0.24, 0.6, 0.003, Look(srgb("#b9bcc0"), roughness=0.25, metallic=1.0)),
    "flowerpot": (0.2, 0.9, 0.008, Look(srgb("#b0603a"), srgb("#9c5232"), "noise", 0.02, 0.0005, 0.85)),
    "bucket": (0.3, 0.95, 0.003, Look(srgb("#9aa1a6"), srgb("#858c92"), "noise", 0.03, 0.0, 0.35, metallic=1.0)),
}
_OUTSIDES = {
    "bowl": [(0.42, 0), (0.43, 0.07), (0.72, 0.3), (0.93, 0.68), (1, 1)],
    "plate": [(0.6, 0), (0.62, 0.22), (0.7, 0.5), (0.84, 0.7), (1, 1)],
    "wok": [(0.3, 0), (0.5, 0.09), (0.78, 0.4), (0.94, 0.76), (1, 1)],
    "pot": [(0.9, 0), (0.97, 0.04), (1, 0.12), (1, 0.5), (1, 1)],
    "flowerpot": [(0.62, 0), (0.64, 0.02), (0.87, 0.76), (0.88, 0.79), (1, 0.8), (1, 1)],
    "bucket": [(0.7, 0), (0.72, 0.03), (0.85, 0.5), (1, 1)],
}

INFO = GeneratorInfo(
    "bowl",
    "Bowl",
    "A bowl, plate, pot or bucket with closed walls",
    "vessels",
    (
        choice("kind", "Kind", "Shape and size", *((kind, kind.capitalize()) for kind in KINDS)),
        metres("width_m", "Width", "0 takes the usual width", 0.0, 0.0, 20.0),
        share("depth", "Depth", "Height in shares of the usual one", 1.0, 0.3, 3.0),
        DETAIL,
    ),
    (
        Variant(("bowl",), {}, mass_kg=0.45, bounce=0.2),
        Variant(("plate", "dish"), {"kind": "plate"}, mass_kg=0.6, bounce=0.2),
        Variant(("wok",), {"kind": "wok"}, mass_kg=1.4, bounce=0.2),
        Variant(("pot", "cooking pot", "saucepan"), {"kind": "pot"}, mass_kg=1.5, bounce=0.2),
        Variant(("flowerpot", "flower pot", "planter"), {"kind": "flowerpot"}, mass_kg=1.6, bounce=0.1),
        Variant(("bucket", "pail"), {"kind": "bucket"}, mass_kg=1.2, bounce=0.3),
    ),
    holds=True,
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    usual, proportion, wall, look = KINDS[kind]
    width = float(values["width_m"]) or usual
    radius, wall = width / 2, wall * width / usual
    height = width * proportion * float(values["depth"])
    outline = np.array(_OUTSIDES[kind]) * (radius, height)
    outside = outline if kind == "flowerpot" else silhouette(outline, detail)
    body = walled(outside, wall, 1.5 * wall, segments(56, detail, 8))
    layers = [(body, kind)]
    looks = {kind: look}
    if kind == "pot":
        for side in (-1, 1):
            grip = [(0.96, -0.3), (1.12, -0.28), (1.22, -0.12), (1.22, 0.12), (1.12, 0.28), (0.96, 0.3)]
            line = np.array([(side * x * radius, y * radius, 0.84 * height) for x, y in grip])
            layers.append((tubes(line, 0.03 * radius, segments(10, detail, 6)), kind))
    if kind == "bucket":
        angle = np.linspace(0, np.pi, segments(28, detail, 8))
        bail = np.column_stack([1.0 * radius * np.cos(angle), 0.55 * np.sin(angle) * radius, 0.93 * height + 0 * angle])
        bail[:, 2] += 0.55 * np.sin(angle) * radius
        layers.append((tubes(bail, 0.02 * radius, segments(8, detail, 5)), kind))
    return Parts((assembled(kind.capitalize(), layers, closed=True, crease_deg=50),), looks)
