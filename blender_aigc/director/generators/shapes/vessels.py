"""Hollow things turned on a lathe: an outside becomes a wall with an inside. numpy only."""

from __future__ import annotations

import numpy as np

from .curves import evenly, smooth
from .piece import Piece
from .solids import lathe, tubes


def offset(line: np.ndarray, distance: float) -> np.ndarray:
    """An open line (N, 2) of radius and height moved to its left side (inwards for one that goes up)."""
    along = np.diff(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    before, after = np.concatenate([along[:1], along]), np.concatenate([along, along[-1:]])
    middle = before + after
    middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-12)
    stretch = np.clip(np.sum(middle * before, 1), 0.5, 1)[:, None]
    return line + distance * np.column_stack([-middle[:, 1], middle[:, 0]]) / stretch


def walled(outside: np.ndarray, wall: float, base: float, segments: int, lip: int = 3) -> Piece:
    """A closed vessel: outside (N, 2) from the edge of its foot to its rim, walls `wall` thick, `base` at the bottom.

    The foot is closed by a disc, the rim is round. Liquid can stand on the inside above z = base.
    """
    inside = offset(outside, wall)
    inside = inside[(inside[:, 1] > base + 0.2 * wall) & (inside[:, 0] > 0.3 * wall)]
    bottom = [(max(inside[0, 0] - 0.5 * wall, 0.5 * inside[0, 0]), base)]
    rim_out, rim_in = outside[-1], inside[-1]
    middle, half = (rim_out + rim_in) / 2, np.linalg.norm(rim_out - rim_in) / 2
    across = (rim_out - rim_in) / max(2 * half, 1e-12)
    up = np.array([-across[1], across[0]])
    angle = np.linspace(0, np.pi, lip + 2)[1:-1, None]
    rim = middle + half * (np.cos(angle) * across + np.sin(angle) * up)
    rows = [(0, outside[0, 1]), *outside, *rim, *inside[::-1], *bottom, (0, base)]
    return lathe(np.array(rows, float), segments)


def silhouette(points, detail: float, rows: int = 24) -> np.ndarray:
    """A smooth outside (N, 2) through points of radius and height."""
    return evenly(smooth(points, 12 * len(points)), max(6, round(rows * detail)))


def radius_at(outside: np.ndarray, height: float) -> float:
    """Radius of the outside at a height."""
    order = np.argsort(outside[:, 1], kind="stable")
    return float(np.interp(height, outside[order, 1], outside[order, 0]))


def handle(
    outside: np.ndarray, low: float, high: float, reach: float, girth: float, wall: float, detail: float
) -> Piece:
    """An ear at +X between two heights of the outside; its ends stop inside the wall."""
    inner = [(radius_at(outside, z) - 0.6 * wall, 0.0, z) for z in (high, low)]
    out = max(inner[0][0], inner[1][0]) + reach
    span = high - low
    path = [
        inner[0],
        (inner[0][0] + 0.55 * reach, 0, high + 0.04 * span),
        (out, 0, high - 0.22 * span),
        (out - 0.12 * reach, 0, low + 0.38 * span),
        (inner[1][0] + 0.45 * reach, 0, low + 0.06 * span),
        inner[1],
    ]
    line = evenly(smooth(path, 60), max(8, round(18 * detail)))
    bar = tubes(line, girth / 2, sides=max(6, round(10 * detail)))
    stretched = bar.vertices * (1.0, 1.5, 1.0)  # flat, as a finger likes it
    return bar.warped(stretched)
