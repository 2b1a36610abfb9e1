"""Clouds as closed meshes: a heap of balls, joined smoothly, roughened, flat below (after Gardner 1985 in spirit)."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.isosurface import surface
from .shapes.noise import Noise
from .shapes.piece import assembled

INFO = GeneratorInfo(
    "cloud",
    "Cloud",
    "A cloud of cotton wool; every seed is another one",
    "sky",
    (
        choice("kind", "Kind", "Its shape", ("cumulus", "Heap"), ("flat", "Flat layer"), ("storm", "Tower")),
        metres("width_m", "Width", "Of the whole cloud", 40.0, 0.5, 2000.0),
        metres("height_m", "Height Above Ground", "Of its lower side", 60.0, 0.0, 10000.0),
        share("puffs", "Puffs", "How lumpy it is", 0.6),
        choice(
            "colour", "Colour", "Of the cloud", ("white", "White"), ("grey", "Grey"), ("pink", "Pink, of the evening")
        ),
        DETAIL,
    ),
    (
        Variant(("cloud", "cumulus"), {}),
        Variant(("flat cloud", "stratus"), {"kind": "flat", "width_m": 80.0}),
        Variant(("storm cloud", "thundercloud", "rain cloud"), {"kind": "storm", "colour": "grey", "width_m": 60.0}),
    ),
    role="sky",
    source="Gibson, Constrained Elastic Surface Nets, 1998",
)
_COLOURS = {"white": "#f5f6f8", "grey": "#8d939c", "pink": "#f0c3b5"}
_SIZES = {"cumulus": (1.0, 0.6, 0.42), "flat": (1.0, 0.7, 0.14), "storm": (1.0, 0.8, 1.05)}


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, width, puffs = str(values["kind"]), float(values["width_m"]), float(values["puffs"])
    size = np.array(_SIZES[kind])
    cell = 1.0 / segments(64, float(values["detail"]), 14)
    low, high = -size * (0.62, 0.66, 0.0) - (0, 0, 0.12), size * (0.62, 0.66, 1.1) + (0, 0, 0.08)
    axes = [np.arange(a, b + cell, cell) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    field = _heap(kind, points, size, rng)
    noise = Noise(rng)
    field = (
        field + 0.05 * puffs * (np.abs(noise(points * 6.0)) * -1.6 + 0.4) + 0.03 * puffs * noise.fbm(points * 12.0, 2)
    )
    field = np.maximum(field, 0.03 - points[..., 2] + 0.02 * noise(points * (5, 5, 0)))  # flat below
    for axis in range(3):
        edge = [slice(None)] * 3
        for end in (0, -1):
            edge[axis] = end
            field[tuple(edge)] = np.maximum(field[tuple(edge)], cell)
    cloud = surface(field, np.array([a[0] for a in axes]), cell)
    span = np.ptp(cloud.vertices[:, 0])
    cloud = cloud.moved(z=-cloud.vertices[:, 2].min()).scaled(width / span).moved(z=float(values["height_m"]))
    look = Look(srgb(_COLOURS[str(values["colour"])]), roughness=1.0)
    return Parts((assembled("Cloud", [(cloud, "cloud")], crease_deg=180),), {"cloud": look})


def _heap(kind: str, points: np.ndarray, size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Smooth union of balls that lie within the size, larger in the middle."""
    number = {"cumulus": 16, "flat": 22, "storm": 26}[kind]
    field = np.full(points.shape[:3], 1.0)
    for k in range(number):
        x, y, t = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.random()
        middle = 1 - 0.6 * abs(x)
        radius = (0.16 + 0.1 * rng.random()) * middle if kind != "flat" else 0.11
        height = 0.02 + t**1.5 * max(size[2] * middle - radius, 0.0)
        if kind == "storm":
            x, y, radius = x * (0.45 + 0.5 * (t > 0.8)), y * 0.5, 0.15 + 0.1 * rng.random()
            height = t * 0.85
        centre = np.array([x * (0.5 - radius), y * (0.5 * size[1] - 0.5 * radius), height])
        if k == 0:
            centre, radius = np.array([0, 0, 0.05]), 0.24 if kind != "flat" else 0.15
        away = np.linalg.norm((points - centre) * (1, 1, 1.0 if kind != "flat" else 1.8), axis=-1) - radius
        mix = np.clip(0.5 + 0.5 * (field - away) / 0.05, 0, 1)
        field = field * (1 - mix) + away * mix - 0.05 * mix * (1 - mix)
    return field
