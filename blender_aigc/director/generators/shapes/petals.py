"""Petals, leaves and fronds: thin sheets bent along their length. numpy only."""

from __future__ import annotations

import numpy as np

from .piece import Piece
from .solids import sheet


def blade(
    length: float, width: float, curl_deg: float, cup: float = 0.2, tip: float = 1.0, rows: int = 7, columns: int = 4
) -> Piece:
    """A petal or leaf from the origin along +X, faces up: bent by curl_deg (above 0 upwards) over its length, cupped
    across by `cup` of its width; tip: 0.5 round and wide at its end, 1 like a lens, 2 pointed."""
    flat = sheet(rows, columns, 1, 1)
    t, s = flat.vertices[:, 0] + 0.5, 2 * flat.vertices[:, 1]
    outline = np.sin(np.pi * np.clip(0.06 + 0.9 * t**tip, 0, 1)) ** 0.75
    outline = np.maximum(outline, 0.04)
    angle = np.radians(curl_deg) * t
    bend = np.radians(curl_deg)
    x, z = (
        (length * t, 0 * t)
        if abs(bend) < 1e-3
        else (length * np.sin(angle) / bend, length * (1 - np.cos(angle)) / bend)
    )
    out = s * outline * width / 2
    rise = cup * width * (np.abs(s) * outline) ** 2
    return flat.warped(np.column_stack([x - rise * np.sin(angle), out, z + rise * np.cos(angle)]))


def whorl(
    petal: Piece, number: int, raise_deg: float, radius: float, rng: np.random.Generator, scatter: float = 6.0
) -> list[Piece]:
    """Petals around the origin, each tilted up by raise_deg, starting `radius` from the middle."""
    made = []
    for k in range(number):
        tilt, turn = raise_deg + rng.normal(0, scatter), 360 * k / number + rng.normal(0, scatter * 0.6)
        made.append(petal.turned("y", -tilt).moved(radius, 0, 0).turned("z", turn))
    return made
