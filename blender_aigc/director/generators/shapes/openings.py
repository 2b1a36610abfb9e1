"""Walls with holes, windows and doors: the words of a facade grammar. numpy only.

A wall lies in x (along) and z (up), its outside at y = 0 looking along -Y, its inside at y = thickness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .piece import Piece, merged, of_faces
from .solids import slab, thick


@dataclass(frozen=True)
class Hole:
    """A rectangle in a wall, in metres along and up."""

    left: float
    low: float
    right: float
    high: float


def wall(width: float, height: float, thickness: float, holes: list[Hole]) -> Piece:
    """A closed wall of quads with rectangular holes, around x = 0, from z = 0 up."""
    xs = np.unique(np.round([-width / 2, width / 2, *(h.left for h in holes), *(h.right for h in holes)], 6))
    zs = np.unique(np.round([0, height, *(h.low for h in holes), *(h.high for h in holes)], 6))
    xs, zs = xs[(xs >= -width / 2 - 1e-6) & (xs <= width / 2 + 1e-6)], zs[(zs >= -1e-6) & (zs <= height + 1e-6)]
    middle_x, middle_z = (xs[:-1] + xs[1:]) / 2, (zs[:-1] + zs[1:]) / 2
    solid = np.ones((len(middle_z), len(middle_x)), bool)
    for hole in holes:
        inside = (middle_x > hole.left) & (middle_x < hole.right)
        solid[np.ix_((middle_z > hole.low) & (middle_z < hole.high), inside)] = False
    i, j = np.nonzero(solid)
    columns = len(xs)
    first = i * columns + j
    quads = np.stack([first, first + 1, first + columns + 1, first + columns], 1)
    used, quads = np.unique(quads, return_inverse=True)
    points = np.column_stack([xs[used % columns], np.zeros(len(used)), zs[used // columns]])
    face = of_faces(points, quads.reshape(-1, 4))
    closed = thick(face, thickness)
    return Piece(closed.vertices, closed.corners, closed.sizes, None, np.zeros(len(closed.sizes), bool))


def window(hole: Hole, depth: float, bars: tuple[int, int] = (2, 2), frame: float = 0.06) -> list[tuple[Piece, str]]:
    """Frame, bars and pane in a hole, `depth` behind the outside; a sill in front."""
    x0, z0, x1, z1 = hole.left, hole.low, hole.right, hole.high
    frame = min(frame, 0.2 * (x1 - x0), 0.2 * (z1 - z0))
    y0, y1 = depth, depth + 0.7 * frame
    pieces = [
        slab((x0, y0, z0), (x0 + frame, y1, z1)),
        slab((x1 - frame, y0, z0), (x1, y1, z1)),
        slab((x0 + frame, y0, z0), (x1 - frame, y1, z0 + frame)),
        slab((x0 + frame, y0, z1 - frame), (x1 - frame, y1, z1)),
    ]
    thin = 0.45 * frame
    inner = (x0 + frame, x1 - frame, z0 + frame, z1 - frame)
    for x in np.linspace(inner[0], inner[1], bars[0] + 1)[1:-1]:
        pieces.append(slab((x - thin / 2, y0 + 0.1 * frame, inner[2]), (x + thin / 2, y1 - 0.1 * frame, inner[3])))
    for z in np.linspace(inner[2], inner[3], bars[1] + 1)[1:-1]:
        pieces.append(slab((inner[0], y0 + 0.15 * frame, z - thin / 2), (inner[1], y1 - 0.15 * frame, z + thin / 2)))
    pane = slab((inner[0], (y0 + y1) / 2 - 0.004, inner[2]), (inner[1], (y0 + y1) / 2 + 0.004, inner[3]))
    sill = slab((x0 - 0.5 * frame, -0.06, z0 - 0.6 * frame), (x1 + 0.5 * frame, depth, z0 + 0.001))
    return [(merged(pieces), "frame"), (pane, "pane"), (sill, "trim")]


def windows(holes: list[Hole], depth: float, bars: tuple[int, int] = (2, 2)) -> list[tuple[Piece, str]]:
    """Windows in all holes; those of one size are made once and copied."""
    sizes: dict[tuple[float, float], list[Hole]] = {}
    for hole in holes:
        sizes.setdefault((round(hole.right - hole.left, 6), round(hole.high - hole.low, 6)), []).append(hole)
    layers = []
    for (width, height), equal in sizes.items():
        offsets = np.array([(hole.left, 0.0, hole.low) for hole in equal])
        layers += [(piece.copied(offsets), look) for piece, look in window(Hole(0, 0, width, height), depth, bars)]
    return layers


def door(hole: Hole, depth: float) -> list[tuple[Piece, str]]:
    """Frame, a door with four fields, and its knob."""
    x0, z0, x1, z1 = hole.left, hole.low, hole.right, hole.high
    frame = min(0.08, 0.15 * (x1 - x0))
    trim = [
        slab((x0, depth - 0.02, z0), (x0 + frame, depth + 0.08, z1)),
        slab((x1 - frame, depth - 0.02, z0), (x1, depth + 0.08, z1)),
        slab((x0 + frame, depth - 0.02, z1 - frame), (x1 - frame, depth + 0.08, z1)),
    ]
    a, b, c, d = x0 + frame, x1 - frame, z0, z1 - frame
    leaf = [slab((a, depth + 0.02, c), (b, depth + 0.06, d))]
    width, height = b - a, d - c
    for u in ((0.1, 0.46), (0.54, 0.9)):
        for v in ((0.08, 0.42), (0.5, 0.93)):
            low = (a + u[0] * width, depth + 0.008, c + v[0] * height)
            leaf.append(slab(low, (a + u[1] * width, depth + 0.03, c + v[1] * height), 0.008))
    knob = slab(
        (b - 0.12 * width, depth - 0.05, c + 0.45 * height), (b - 0.06 * width, depth + 0.02, c + 0.475 * height), 0.01
    )
    return [(merged(trim), "frame"), (merged(leaf), "door"), (knob, "metal")]


def turned(
    layers: list[tuple[Piece, str]], angle_deg: float, x: float, y: float, z: float = 0.0
) -> list[tuple[Piece, str]]:
    """A facade put to its side of the house."""
    return [(piece.turned("z", angle_deg).moved(x, y, z), look) for piece, look in layers]
