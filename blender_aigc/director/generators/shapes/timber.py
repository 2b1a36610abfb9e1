"""Boards and bars of wood, with the grain of their UVs along their length. numpy only."""

from __future__ import annotations

import numpy as np

from .piece import Piece, face_normals
from .solids import beam, box, slab, tubes


def grained(piece: Piece, along: str | None = None) -> Piece:
    """UVs in metres whose V runs along the piece: its longest side, or the axis named.

    Which part of the pattern a board shows depends on where it stands, so that neighbours differ.
    """
    low, high = piece.bounds()
    axis = "xyz".index(along) if along else int(np.argmax(high - low))
    others = [a for a in range(3) if a != axis]
    normal = np.abs(face_normals(piece))
    across = np.where(normal[:, others[0]] > normal[:, others[1]], others[1], others[0])
    end = normal[:, axis] > np.maximum(normal[:, others[0]], normal[:, others[1]])
    points = piece.vertices[piece.corners]
    u_axis = np.repeat(np.where(end, others[0], across), piece.sizes)
    v_axis = np.repeat(np.where(end, others[1], axis), piece.sizes)
    shift = np.abs(np.sin((low + high) @ (12.9898, 78.233, 37.719)) * 43.7) % 7
    rows = np.arange(len(points))
    return piece.with_uvs(np.column_stack([points[rows, u_axis] + shift, points[rows, v_axis] + 3 * shift]))


def board(low, high, bevel: float = 0.004, along: str | None = None) -> Piece:
    """A board from its lowest to its highest corner."""
    return grained(slab(low, high, bevel), along)


def post(start, end, width: float, depth: float | None = None, bevel: float = 0.004) -> Piece:
    """A square bar between two points, in any direction; the grain runs along it. A steep one is cut off level."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    depth = width if depth is None else depth
    length = float(np.linalg.norm(b - a))
    straight = grained(box(width, depth, length, bevel), "z")
    bar = beam(a, b, width, depth, bevel)
    way = (b - a) / length
    if abs(way[2]) > 0.5:
        out = bar.vertices - (a + b) / 2
        off_axis = out - np.outer(out @ way, way)
        bar = bar.warped(bar.vertices - np.outer(off_axis[:, 2] / way[2], way))
    return bar.with_uvs(straight.uvs + np.abs(np.sin(a @ (12.9, 78.2, 37.7))) * 5)


def turned_leg(x: float, y: float, height: float, radius: float, sides: int = 12, splay=(0.0, 0.0)) -> Piece:
    """A round leg that tapers to its foot; splay: how far the foot stands out in x and y."""
    t = np.linspace(0, 1, 6)[:, None]
    path = np.array([x, y, height]) * (1 - t) + np.array([x + splay[0], y + splay[1], 0.0]) * t
    return tubes(path[::-1], np.linspace(0.6, 1.0, 6) * radius, sides)
