"""A closed surface of quads around the inside of a field (Gibson's surface nets, 1998, with averaged crossings).

numpy only. The field is negative inside and must be positive on its border.
"""

from __future__ import annotations

import numpy as np

from .piece import Piece

_CORNERS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
_EDGES = [(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1]


def surface(field: np.ndarray, low: np.ndarray, cell: float) -> Piece:
    """field (X, Y, Z) at points low + cell * index; vertices in the same units, one in each cell that is crossed."""
    shape = np.array(field.shape) - 1
    values = np.stack([field[i : i + shape[0], j : j + shape[1], k : k + shape[2]] for i, j, k in _CORNERS], -1)
    inside = values < 0
    crossed = inside.any(-1) & ~inside.all(-1)
    where = np.argwhere(crossed)
    number = np.full(crossed.shape, -1)
    number[crossed] = np.arange(len(where))
    mine = values[crossed]
    total, count = np.zeros((len(where), 3)), np.zeros((len(where), 1))
    for a, b in _EDGES:
        cut = (mine[:, a] < 0) != (mine[:, b] < 0)
        t = np.where(cut, mine[:, a] / np.where(cut, mine[:, a] - mine[:, b], 1), 0)[:, None]
        total += np.where(cut[:, None], _CORNERS[a] + t * (_CORNERS[b] - _CORNERS[a]), 0)
        count += cut[:, None]
    vertices = low + cell * (where + total / count)
    quads = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        a = [slice(1, -1)] * 3
        b = [slice(1, -1)] * 3
        a[axis], b[axis] = slice(0, -1), slice(1, None)
        first, second = field[tuple(a)] < 0, field[tuple(b)] < 0
        for out, sign in ((first & ~second, 1), (~first & second, -1)):
            place = np.argwhere(out)
            place[:, u] += 1
            place[:, v] += 1
            ring = []
            for du, dv in ((-1, -1), (0, -1), (0, 0), (-1, 0)):
                near = place.copy()
                near[:, u] += du
                near[:, v] += dv
                ring.append(number[tuple(near.T)])
            quad = np.stack(ring, 1)
            quads.append(quad if sign > 0 else quad[:, ::-1])
    corners = np.concatenate(quads)
    return Piece(vertices, corners.reshape(-1), np.full(len(corners), 4), None, np.ones(len(corners), bool))
