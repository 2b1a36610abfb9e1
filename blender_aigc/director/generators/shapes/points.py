"""Points that keep their distance, and points on surfaces. numpy only."""

from __future__ import annotations

import numpy as np

from .piece import Piece, face_normals


def spread(rng: np.random.Generator, width: float, depth: float, radii: np.ndarray, tries: int = 12) -> np.ndarray:
    """(N, 2) places in a rectangle around the origin for discs of radii (N,), largest first, as far apart as `tries`
    candidates allow (Mitchell's best candidate, 1991, with the discs' own sizes)."""
    radii = np.asarray(radii, float)
    half = np.array([width, depth]) / 2
    made = np.zeros((len(radii), 2))
    for number, radius in enumerate(radii):
        room = np.maximum(half - radius, 0.02 * half)
        candidates = rng.uniform(-1, 1, (tries, 2)) * room
        if number:
            gap = np.linalg.norm(candidates[:, None] - made[None, :number], axis=2) - radii[:number] - radius
            candidates = candidates[[int(np.argmax(np.minimum(gap.min(1), 0.5 * width)))]]
        made[number] = candidates[0]
    return made


def on_surface(piece: Piece, number: int, rng: np.random.Generator, steepest_deg: float = 180.0) -> tuple:
    """Points (N, 3) and unit normals (N, 3) spread evenly over the area of a surface, none on steeper faces.

    Fewer than `number` when no face is flat enough: none.
    """
    first = np.repeat(piece.corners[piece.starts], piece.sizes)
    following = np.arange(len(piece.corners)) + 1
    following[piece.starts + piece.sizes - 1] = piece.starts
    a, b, c = (piece.vertices[i] for i in (first, piece.corners, piece.corners[following]))
    cross = np.cross(b - a, c - a)
    area = np.linalg.norm(cross, axis=1) / 2
    normals = np.repeat(face_normals(piece), piece.sizes, axis=0)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    area = np.where(normals[:, 2] >= np.cos(np.radians(steepest_deg)) - 1e-9, area, 0.0)
    total = area.sum()
    if total <= 0 or number < 1:
        return np.zeros((0, 3)), np.zeros((0, 3))
    place = (np.arange(number) + rng.random(number)) / number * total
    rng.shuffle(place)
    chosen = np.minimum(np.searchsorted(np.cumsum(area), place), len(area) - 1)
    u, v = rng.random((2, number, 1))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    return a[chosen] + u * (b - a)[chosen] + v * (c - a)[chosen], normals[chosen]
