"""Soft things: cushions and mattresses. numpy only."""

from __future__ import annotations

import numpy as np

from .piece import Piece
from .solids import box


def cushion(x: float, y: float, z: float, puff: float = 0.35, cells: int = 10) -> Piece:
    """A filled cushion around the origin: round edges, thicker in the middle by `puff` of its thickness."""
    edge = min(0.42 * z, 0.2 * x, 0.2 * y)
    pad = box(x, y, z, edge, 3, cells)
    u = pad.vertices / (np.array([x, y, z]) / 2)
    middle = np.clip(1 - u[:, 0] ** 4, 0, 1) * np.clip(1 - u[:, 1] ** 4, 0, 1)
    side = np.clip(u[:, 2] * 1.6, -1, 1)
    swell = puff * z / 2 * middle * side
    waist = 1 - 0.05 * np.abs(u[:, 2]) * (1 - middle)
    made = pad.vertices * np.column_stack([waist, waist, np.ones_like(waist)])
    made[:, 2] += swell
    return pad.warped(made)


def pillow(x: float, y: float, z: float, cells: int = 12) -> Piece:
    """A pillow around the origin: thin along its seam, with drawn-out corners."""
    pad = box(x, y, z, 0, 1, cells)
    u, v, w = (pad.vertices / (np.array([x, y, z]) / 2)).T
    rise = np.sqrt(np.clip((1 - np.abs(u) ** 2.5) * (1 - np.abs(v) ** 2.5), 0, 1)) * 0.9 + 0.1
    pinch = 1 - 0.10 * ((1 - u**2) * np.abs(v) ** 2 + (1 - v**2) * np.abs(u) ** 2)
    return pad.warped(np.column_stack([u * pinch * x / 2, v * pinch * y / 2, w * rise * z / 2])).shaded(True)
