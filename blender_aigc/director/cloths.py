"""Sheets and garments as regular meshes for the cloth solver, in numpy. No bpy.

Garments are welded from a front and a back panel, so that they hang as closed tubes with openings for neck, arms and
hem. The grid is made of quads of nearly equal sides: the solver's springs assume that.
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
    elif shape == "shirt":
        vertices, faces = _garment(x, y, z, _shirt, 44)
    elif shape == "dress":
        vertices, faces = _garment(x, y, z, _dress, 40)
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


# --------------------------------------------------------------------------------------------------------- garments


def _shirt(u: float, v: float) -> bool:
    """Is (u, v) in [-1, 1] x [0, 1] inside the outline of a T-shirt?"""
    side = abs(u)
    if v < 0.02 or v > 0.99:
        return False
    if side <= 0.54:
        return not (v > 0.9 and side < 0.2)
    return 0.66 + 0.12 * (1 - side) - 0.16 * (side - 0.54) < v < 1.0 - 0.42 * (side - 0.3)


def _dress(u: float, v: float) -> bool:
    side = abs(u)
    if v < 0.01 or v > 0.99:
        return False
    if v > 0.86:
        return 0.22 < side < 0.48
    width = 0.52 + 0.1 * (v - 0.6) / 0.26 if v > 0.6 else 0.5 + 0.5 * (0.6 - v) / 0.6
    return side < width and not (v > 0.74 and side > 0.5)


def _garment(x: float, y: float, z: float, inside: Callable[[float, float], bool], cells: int) -> Mesh:
    """Front and back panel with one outline, bulged apart and welded where the outline is a seam."""
    step = max(x, z) / cells
    columns, rows = round(x / step), round(z / step)
    kept = np.array(
        [[inside((2 * (i + 0.5) / columns) - 1, (j + 0.5) / rows) for i in range(columns)] for j in range(rows)]
    )
    corner_count = np.zeros((rows + 1, columns + 1), int)
    for dj in (0, 1):
        for di in (0, 1):
            corner_count[dj : dj + rows, di : di + columns] += kept
    used = corner_count > 0
    seam = used & (corner_count < 4) & ~_openings(kept, used)
    depth = _depth(used & ~(used & (corner_count < 4)), used)
    bulge = y / 2 * np.sqrt(np.clip(depth / max(depth.max(), 1), 0, 1))
    vertices: list[tuple[float, float, float]] = []
    number = {}
    for panel in (-1, 1):
        for j, i in zip(*np.nonzero(used), strict=True):
            if panel == 1 and seam[j, i]:
                number[panel, j, i] = number[-1, j, i]
                continue
            number[panel, j, i] = len(vertices)
            apart = 0.0 if seam[j, i] else max(bulge[j, i], 0.25 * step)
            vertices.append((i * step - x / 2, panel * apart, j * step))
    faces: list[tuple[int, ...]] = []
    for panel in (-1, 1):
        for j, i in zip(*np.nonzero(kept), strict=True):
            corners = [number[panel, *at] for at in ((j, i), (j, i + 1), (j + 1, i + 1), (j + 1, i))]
            faces.append(tuple(corners if panel == -1 else reversed(corners)))
    found = np.array(vertices, float)
    extent = found.max(0) - found.min(0)
    return found * (np.array([x, y, z]) / np.where(extent > 0, extent, 1)), tuple(faces)


def _openings(kept: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Corners of the outline that stay open: the hem, the neck and the ends of the sleeves."""
    rows, columns = kept.shape
    open_ = np.zeros_like(used)
    for i in range(columns):
        column = np.nonzero(kept[:, i])[0]
        if not len(column):
            continue
        if column[0] <= 0.03 * rows:
            open_[column[0], i : i + 2] = True
        if abs(2 * (i + 0.5) / columns - 1) < 0.21:
            open_[column[-1] + 1, i : i + 2] = True
    widest = np.nonzero(kept.any(0))[0]
    for edge, corner in ((widest[0], widest[0]), (widest[-1], widest[-1] + 1)):
        rows_there = np.nonzero(kept[:, edge])[0]
        if rows_there[0] > 0.3 * rows:  # a sleeve; a skirt's side is a seam
            open_[rows_there[0] + 1 : rows_there[-1] + 1, corner] = True
    return open_ & used


def _depth(core: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Steps from the outline inwards, for every corner of the grid."""
    depth, layer = np.zeros(used.shape), core
    while layer.any():
        depth += layer
        grown = np.zeros_like(layer)
        grown[1:-1, 1:-1] = layer[1:-1, 1:-1] & layer[:-2, 1:-1] & layer[2:, 1:-1] & layer[1:-1, :-2] & layer[1:-1, 2:]
        layer = grown
    return depth
