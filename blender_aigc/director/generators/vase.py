"""Vases and amphorae; their outline is drawn by chance around a few proportions."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.piece import assembled
from .shapes.vessels import handle, silhouette, walled

_GLAZES = ("#28536b", "#7a2f2a", "#cfc7b2", "#3f6150", "#1f1f24", "#b98a3a")

INFO = GeneratorInfo(
    "vase",
    "Vase",
    "A turned vase; every seed has another outline",
    "vessels",
    (
        choice(
            "kind",
            "Kind",
            "Vase, amphora with two ears, or urn",
            *[(k, k.capitalize()) for k in ("vase", "amphora", "urn")],
        ),
        metres("height_m", "Height", "From foot to rim", 0.32, 0.02, 10.0),
        share("belly", "Belly", "Largest width in shares of the height", 0.55, 0.15, 1.5),
        share("neck", "Neck", "Narrowest width in shares of the belly", 0.4, 0.15, 0.95),
        share("twist", "Flutes", "Depth of the flutes around the body", 0.0),
        DETAIL,
    ),
    (
        Variant(("vase", "flower vase"), {}, mass_kg=1.2, bounce=0.1),
        Variant(("amphora",), {"kind": "amphora", "height_m": 0.6, "belly": 0.5, "neck": 0.3}, mass_kg=4.0, bounce=0.1),
        Variant(
            ("urn",),
            {"kind": "urn", "height_m": 0.5, "belly": 0.75, "neck": 0.7, "twist": 0.5},
            mass_kg=8.0,
            bounce=0.1,
        ),
    ),
    holds=True,
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail, height = str(values["kind"]), float(values["detail"]), float(values["height_m"])
    belly = float(values["belly"]) * height / 2
    neck = belly * float(values["neck"])
    shift = rng.uniform(-1, 1, 4)
    at = 0.45 + 0.12 * shift[0]
    neck_at = 0.84 + 0.05 * shift[1]
    foot = belly * (0.5 + 0.15 * shift[2])
    rim = neck * (1.35 + 0.3 * shift[3]) if kind != "urn" else neck * 1.15
    points = [
        (foot, 0),
        (foot * 1.02, 0.015 * height),
        (foot + 0.62 * (belly - foot), 0.5 * at * height),
        (belly, at * height),
        (neck + 0.45 * (belly - neck), 0.5 * (at + neck_at) * height + 0.05 * height),
        (neck, neck_at * height),
        (rim, height),
    ]
    outside = silhouette(points, detail, 36)
    wall = 0.018 * height + 0.002
    wall = min(wall, 0.35 * neck)
    body = walled(outside, wall, 1.6 * wall, segments(64, detail, 8))
    depth = float(values["twist"])
    if depth > 0:
        angle = np.arctan2(body.vertices[:, 1], body.vertices[:, 0])
        rise = np.clip(body.vertices[:, 2] / height, 0, 1)
        ripple = 1 - 0.06 * depth * (0.5 - 0.5 * np.cos(16 * angle)) * np.sin(np.pi * rise) ** 2
        body = body.warped(body.vertices * np.column_stack([ripple, ripple, np.ones_like(ripple)]))
    layers = [(body, "glaze")]
    if kind == "amphora":
        ear = handle(outside, 0.62 * height, 0.93 * height, 0.5 * belly, 0.16 * belly, wall, detail)
        layers += [(ear, "glaze"), (ear.turned("z", 180), "glaze")]
    colour = srgb("#a8623c") if kind == "amphora" else srgb(_GLAZES[int(rng.integers(len(_GLAZES)))])
    dark = (colour[0] * 0.75, colour[1] * 0.75, colour[2] * 0.75)
    look = Look(colour, dark, "noise", 0.12 * height, 0.0, 0.75 if kind != "vase" else 0.22)
    return Parts((assembled(kind.capitalize(), layers, closed=True, crease_deg=50),), {"glaze": look})
