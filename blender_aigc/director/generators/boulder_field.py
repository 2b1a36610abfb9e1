"""Many stones over an area: a few shapes, each repeated as instances that share one mesh."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, count, metres, segments, share
from .parts import Copies, Look, Part, Parts, srgb
from .shapes.piece import assembled
from .shapes.points import spread
from .shapes.stones import stone

INFO = GeneratorInfo(
    "boulder_field",
    "Boulder Field",
    "Stones of all sizes over an area, as instances; few are large, many small",
    "ground",
    (
        metres("width_m", "Width", "Of the area", 8.0, 0.5, 400.0),
        metres("depth_m", "Depth", "Of the area", 8.0, 0.5, 400.0),
        count("number", "Stones", "How many", 90, 1, 2000),
        metres("largest_m", "Largest", "Longest side of the largest stone", 1.4, 0.02, 20.0),
        metres("smallest_m", "Smallest", "Longest side of the smallest one", 0.2, 0.01, 20.0),
        share("roundness", "Round", "0 is freshly broken, 1 is from a river bed", 0.2),
        DETAIL,
    ),
    (
        Variant(("boulder field", "rubble", "scree"), {}),
        Variant(
            ("gravel",),
            {"width_m": 2.0, "depth_m": 2.0, "number": 400, "largest_m": 0.12, "smallest_m": 0.03, "roundness": 0.9},
        ),
    ),
    role="ground",
)
_SHAPES = 6


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    width, depth, number = float(values["width_m"]), float(values["depth_m"]), int(values["number"])
    small, large = sorted((float(values["smallest_m"]), float(values["largest_m"])))
    # Sizes by a power law with exponent 1.8, as of broken rock (Turcotte 1986).
    u = rng.random(number)
    sizes = np.clip(small * (1 - u * (1 - (large / small) ** -1.8)) ** (-1 / 1.8), small, large)
    sizes = np.sort(sizes)[::-1]
    sizes[0] = large
    places = spread(rng, width, depth, sizes * 0.45)
    sinks = rng.uniform(0.05, 0.35, len(places))
    parts: list[Part] = []
    copies: list[Copies] = []
    kind = np.arange(len(places)) % _SHAPES
    for shape in range(min(_SHAPES, len(places))):
        body = stone(
            rng, segments(12 if number <= 150 else 7, float(values["detail"]), 3), float(values["roundness"]), 0.3
        )
        body = body.scaled(1 / np.ptp(body.vertices, axis=0).max())
        parts.append(assembled("Stone", [(body, "stone")], closed=True, crease_deg=28))
        mine = kind == shape
        copies.append(Copies(shape, _standing(places[mine], sizes[mine], sinks[mine], body, rng)))
    look = Look(srgb("#7b766e"), srgb("#55514b"), "noise", 0.25, 0.01, 0.9)
    return Parts(tuple(parts), {"stone": look}, tuple(copies))


def _standing(places, sizes, sinks, body, rng: np.random.Generator) -> np.ndarray:
    """(N, 4, 4): tilted, turned, and sunk into the ground by a share of their height."""
    number = len(places)
    turn, tilt = rng.uniform(0, 2 * np.pi, number), rng.normal(0, 0.25, number)
    made = np.tile(np.eye(4, dtype=np.float32), (number, 1, 1))
    c, s, ct, st = np.cos(turn), np.sin(turn), np.cos(tilt), np.sin(tilt)
    rows = [[c, -s * ct, s * st], [s, c * ct, -c * st], [0 * c, st, ct]]
    made[:, :3, :3] = np.moveaxis(np.array(rows), 2, 0) * sizes[:, None, None]
    height = -float(body.vertices[:, 2].min())
    made[:, :2, 3] = places
    made[:, 2, 3] = sizes * height * (1 - 2 * sinks)
    return made
