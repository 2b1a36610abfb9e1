"""Garments: two equal panels of quads, sewn along their outline except at the openings, and filled out. numpy only."""

from __future__ import annotations

import numpy as np

from .piece import Piece


def panel(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lattice points and quads of the set cells (rows, columns) of a pattern; row 0 is the lowest.

    Returns points (V, 2) as column and row numbers, and quads (F, 4), against the clock.
    """
    rows, columns = cells.shape
    i, j = np.nonzero(cells)
    first = i * (columns + 1) + j
    quads = np.stack([first, first + 1, first + columns + 2, first + columns + 1], 1)
    used, quads = np.unique(quads, return_inverse=True)
    return np.column_stack([used % (columns + 1), used // (columns + 1)]).astype(float), quads.reshape(-1, 4)


def outline(quads: np.ndarray) -> np.ndarray:
    """(E, 2) the directed edges of quads (F, 4) that have one quad only."""
    a = quads.reshape(-1)
    b = np.roll(quads, -1, axis=1).reshape(-1)
    most = int(quads.max()) + 1
    return np.column_stack([a, b])[~np.isin(a * most + b, b * most + a)]


def sewn(points: np.ndarray, quads: np.ndarray, flat: np.ndarray, seam: np.ndarray, front, back) -> Piece:
    """Front and back of a garment that hangs in the plane y = 0.

    points (V, 2): pattern in cells, for UVs. flat (V, 2): x and z in metres. seam (V,): is the point on a seam, where
    front and back are one. front, back (V,): distance from the plane in metres (seams are put to 0).
    """
    count = len(points)
    twin = np.where(seam, np.arange(count), count + np.cumsum(~seam) - 1)
    far = np.where(seam, 0.0, back)
    near = np.where(seam, 0.0, front)
    vertices = np.column_stack([flat[:, 0], -near, flat[:, 1]])
    behind = np.column_stack([flat[:, 0], far, flat[:, 1]])[~seam]
    corners = np.concatenate([quads.reshape(-1), twin[quads[:, ::-1]].reshape(-1)])
    low, high = points.min(0), points.max(0)
    pattern = (points - low) / (high - low) * (0.49, 1.0)
    uvs = np.concatenate([pattern[quads.reshape(-1)], pattern[quads[:, ::-1].reshape(-1)] + (0.51, 0)])
    sizes = np.full(2 * len(quads), 4)
    return Piece(np.concatenate([vertices, behind]), corners, sizes, uvs, np.ones(len(sizes), bool))


def fullness(flat: np.ndarray, seam: np.ndarray, roundness: float) -> np.ndarray:
    """(V,) 0 on the seams, rising like a quarter circle to 1 at `roundness` metres from them."""
    border = flat[seam]
    distance = np.full(len(flat), np.inf)
    for start in range(0, len(border), 64):
        some = border[start : start + 64]
        gap = np.linalg.norm(flat[:, None] - some[None], axis=2).min(1)
        distance = np.minimum(distance, gap)
    inside = np.clip(distance / roundness, 0, 1)
    return np.sqrt(1 - (1 - inside) ** 2)
