"""Marching cubes over a sparse set of cells: closed, manifold, outward-wound. numpy only.

Method: marching cubes (Lorensen and Cline, SIGGRAPH 1987) with a table that is derived, not listed: on every face of
a cube, each run of inside corners is cut off by one segment (so two cells always agree on their common face), the
segments are joined to loops, and each loop is triangulated without a diagonal that lies on a face of the cube. The
last condition is what keeps every edge at exactly two triangles, also where neighbouring cells are both ambiguous.

Lattice samples are addressed by integer (i, j, k). The ring of samples around the lattice counts as outside, which
closes the surface on the faces of the volume; vertices of that cap lie on the faces themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np

CORNERS = np.array([(c & 1, c >> 1 & 1, c >> 2 & 1) for c in range(8)])
"""(8, 3) offsets of a cell's corners; corner c has its x in bit 0, y in bit 1, z in bit 2."""

EDGES = [(low, low | 1 << axis, axis) for axis in range(3) for low in range(8) if not low >> axis & 1]
"""Twelve (lower corner, upper corner, axis)."""

_EDGE_OF = {frozenset(edge[:2]): number for number, edge in enumerate(EDGES)}
_CLEARANCE = 1e-3
"""Vertices keep this share of an edge's length away from its ends, so that no triangle collapses."""


def _cube_faces() -> list[tuple[int, ...]]:
    """Six faces, each as four corners counter-clockwise seen from outside the cube."""
    faces = []
    for axis in range(3):
        u, v = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        around = (0, u, u | v, v)  # counter-clockwise seen from the positive side of the axis
        faces.append(tuple(corner | 1 << axis for corner in around))
        faces.append(around[::-1])
    return faces


def _loops(case: int) -> list[list[int]]:
    """Closed loops of edge numbers for one of the 256 sets of inside corners, counter-clockwise seen from outside."""
    following: dict[int, int] = {}
    for face in _cube_faces():
        inside = [bool(case >> corner & 1) for corner in face]
        edges = [_EDGE_OF[frozenset((face[n], face[(n + 1) % 4]))] for n in range(4)]
        for end in range(4):  # the edge on which a run of inside corners ends
            if inside[end] and not inside[(end + 1) % 4]:
                start = end
                while inside[start]:
                    start = (start - 1) % 4
                following[edges[start]] = edges[end]
    loops = []
    while following:
        first, following_edge = following.popitem()
        loop = [first]
        while following_edge != first:
            loop.append(following_edge)
            following_edge = following.pop(following_edge)
        loops.append(loop)
    return loops


def _share_face(a: int, b: int) -> bool:
    corners = (*EDGES[a][:2], *EDGES[b][:2])
    return any(len({corner >> axis & 1 for corner in corners}) == 1 for axis in range(3))


def _triangulations(loop: tuple[int, ...]) -> list[list[tuple[int, int, int]]]:
    """Every triangulation of the polygon `loop` whose diagonals stay off the faces of the cube."""
    if len(loop) < 3:
        return [[]]
    found = []
    first, last = loop[0], loop[-1]
    for middle in range(1, len(loop) - 1):
        apex = loop[middle]
        chords = [(first, apex)] * (middle > 1) + [(apex, last)] * (middle < len(loop) - 2)
        if any(_share_face(*chord) for chord in chords):
            continue
        for left in _triangulations(loop[: middle + 1]):
            found += [[*left, (first, apex, last), *right] for right in _triangulations(loop[middle:])]
    return found


def _smallest_sine(triangle: tuple[int, int, int]) -> float:
    points = [CORNERS[EDGES[edge][0]] + CORNERS[EDGES[edge][1]] for edge in triangle]
    sides = [b - a for a, b in pairwise([*points, points[0]])]
    area = float(np.linalg.norm(np.cross(sides[0], sides[1])))
    lengths = sorted(float(np.linalg.norm(side)) for side in sides)
    return area / (lengths[1] * lengths[2])


@cache
def case_table() -> tuple[np.ndarray, np.ndarray]:
    """(256,) number of triangles and (256, most, 3) int8 edge numbers of each case; bit c set = corner c inside."""
    rows: list[list[tuple[int, int, int]]] = []
    for case in range(256):
        row: list[tuple[int, int, int]] = []
        for loop in _loops(case):
            row += max(_triangulations(tuple(loop)), key=lambda way: min(map(_smallest_sine, way)))
        rows.append(row)
    table = np.zeros((256, max(map(len, rows)), 3), np.int8)
    for case, row in enumerate(rows):
        table[case, : len(row)] = np.reshape(row, (-1, 3))
    return np.array([len(row) for row in rows], np.int8), table


def polygonise(
    cells: np.ndarray,
    shape: tuple[int, int, int],
    read: Callable[[np.ndarray], np.ndarray],
    tick: Callable[[], None],
    chunk: int = 1 << 18,
) -> tuple[np.ndarray, np.ndarray]:
    """The surface between positive (inside) and other samples within `cells`.

    cells: (N, 3) int, lower corners; -1 and shape - 1 address the ring around the lattice. No duplicates.
    read:  (M, 3) lattice indices -> (M,) values, inside the lattice only.
    tick:  called after each chunk of cells (cancelling raises there).
    Returns (V, 3) float64 vertices in units of lattice indices and (F, 3) int32 faces, in an order that depends on the
    set of cells only.
    """
    padded = np.array(shape, np.int64) + 2
    weights = np.array([padded[1] * padded[2], padded[2], 1])
    cells = cells[np.argsort((cells + 1) @ weights)]
    keys = np.concatenate(
        [
            _triangle_keys(cells[first : first + chunk], shape, weights, read, tick)
            for first in range(0, len(cells), chunk)
        ]
        or [np.zeros((0, 3), np.int64)]
    )
    unique, corners = np.unique(keys, return_inverse=True)
    faces = corners.reshape(-1, 3).astype(np.int32)
    # Where two faces of the volume meet, a sample's vertices on both of them are one: triangles between them vanish.
    kept = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return _positions(unique, padded, read), faces[kept]


def _read_ringed(
    samples: np.ndarray, shape: tuple[int, int, int], read: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """(M,) values; outside the lattice -1."""
    within = (samples >= 0) & (samples < shape)
    within = within[:, 0] & within[:, 1] & within[:, 2]
    if within.all():
        return read(samples)
    values = np.full(len(samples), -1.0, np.float32)
    values[within] = read(samples[within])
    return values


def _triangle_keys(cells, shape, weights, read, tick) -> np.ndarray:
    """(T, 3) int64 vertex keys: 4 * padded sample + axis for a lattice edge, 4 * padded sample + 3 for a cap vertex."""
    corners = (cells[:, None] + CORNERS).reshape(-1, 3)
    inside = (_read_ringed(corners, shape, read) > 0).reshape(-1, 8)
    case = inside @ (1 << np.arange(8))
    counts, table = case_table()
    last = np.array(shape) - 1
    low, high, axes = np.array(EDGES).T
    edge_keys = 4 * ((cells + 1) @ weights)[:, None] + 4 * (CORNERS[low] @ weights) + axes
    ends = corners.reshape(-1, 8, 3)
    crossing = inside[:, low] != inside[:, high]
    on_ring = np.zeros_like(crossing)
    for edge in range(12):
        a, b, axis = EDGES[edge]
        on_ring[:, edge] = (ends[:, a, axis] < 0) | (ends[:, b, axis] > last[axis])
    cell, edge = np.nonzero(crossing & on_ring)
    sample = np.where(inside[cell, low[edge]][:, None], ends[cell, low[edge]], ends[cell, high[edge]])
    edge_keys[cell, edge] = 4 * ((sample + 1) @ weights) + 3
    number = np.repeat(np.arange(len(cells)), counts[case])
    starts = np.cumsum(counts[case], dtype=np.int64) - counts[case]
    slot = np.arange(len(number)) - starts[number]
    tick()
    return edge_keys[number[:, None], table[case[number], slot]]


def _positions(keys: np.ndarray, padded: np.ndarray, read: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    sample, axis = np.divmod(keys, 4)
    low = np.stack(np.unravel_index(sample, tuple(padded)), axis=1) - 1
    positions = low.astype(np.float64)
    edges = np.flatnonzero(axis < 3)
    ends = low[edges].copy()
    near = read(ends).astype(np.float64)
    ends[np.arange(len(edges)), axis[edges]] += 1
    far = read(ends).astype(np.float64)
    share = np.clip(near / (near - far), _CLEARANCE, 1 - _CLEARANCE)
    positions[edges, axis[edges]] += share
    return positions
