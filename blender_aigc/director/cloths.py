"""Sheets of cloth as regular meshes for the solver, in numpy. No bpy.

The grid is made of quads of nearly equal sides: the solver's springs assume that. Garments come from the generators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

CELLS = (16, 40)
CELL_M = 0.025
"""Side of a cell, as far as the longer side of a sheet then has between 16 and 40 of them."""

Mesh = tuple[np.ndarray, tuple[tuple[int, ...], ...]]


def sheet(shape: str, size_m: Sequence[float]) -> Mesh:
    """Vertices (V, 3) in metres about the middle of the bounding box, and faces."""
    x, y, z = (float(extent) for extent in size_m)
    if shape in ("tablecloth", "blanket"):
        vertices, faces = _grid(x, y, lambda u, v: (u, v, 0.0))
    elif shape == "curtain":
        vertices, faces = _grid(x, z, lambda u, v: (u, 0.5 * y * np.cos(u / x * 14 * np.pi), v))
    elif shape == "cape":
        vertices, faces = _grid(x, z, lambda u, v: _cape(u, v, x, y, z))
    else:
        vertices, faces = _grid(x, z, lambda u, v: (u, 0.0, v))
    vertices -= (vertices.min(0) + vertices.max(0)) / 2
    return vertices, faces


def _grid(width: float, height: float, place: Callable[[float, float], tuple[float, float, float]]) -> Mesh:
    """A rectangle about the origin; `place` puts (u, v) into space."""
    step = max(width, height) / float(np.clip(max(width, height) / CELL_M, *CELLS))
    columns, rows = max(2, round(width / step)), max(2, round(height / step))
    u, v = np.linspace(-width / 2, width / 2, columns + 1), np.linspace(-height / 2, height / 2, rows + 1)
    vertices = np.array([place(a, b) for b in v for a in u], float)
    at = np.arange((columns + 1) * (rows + 1)).reshape(rows + 1, columns + 1)
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], -1).reshape(-1, 4)
    return vertices, tuple(map(tuple, quads.tolist()))


def _cape(u: float, v: float, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Narrow at the shoulders, wide at the hem, bent about the back."""
    down = 0.5 - v / z
    width = 0.45 + 0.55 * down
    bent = (2 * u / x) ** 2
    return u * width, y * (0.5 - bent) * (1 - 0.3 * down), v
