"""How a surface lies: how much of the sky each point sees, and how sharply it bends outwards or inwards. numpy only.

Both work on samples of the surface (texel centres), so that a cube of six faces has soft edges too, and open, thin and
intersecting surfaces do no harm.

Occlusion: orthographic depth maps of the samples from directions all around; a point is lit from where it is (nearly)
the nearest one; the share of the light over its hemisphere, weighted by the cosine (the method of ambient occlusion in
Zhukov, Iones, Kronin, "An ambient light illumination model", 1998, with depth maps in place of rays).

Bend: how far the centre of the surface within a small ball lies under the tangent plane; an integral invariant, which
does not depend on how the surface is cut into faces (Pottmann et al., "Integral invariants for robust geometry
processing", CAGD 2009). Moments are kept in a grid, for six directions of the normal apart, so that the other side of a
thin wall does not count.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Check = Callable[[], None]
_DIRECTIONS = 48
_DEPTH_PX = 224
_MOST_CELLS = 1_000_000
"""Of the grid of moments: 100 MB."""
_BEND_OF_EDGE = 3.4
"""Makes the bend of a right-angled edge 1."""


def sky_share(
    position: np.ndarray, normal: np.ndarray, spacing: float, check: Check | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Two (N,) float32, 1 for a point that sees everything over it, 0 for one that sees nothing: on the side that its
    normal points to, and on the other one.

    position, normal: (N, 3) float32. spacing: distance between neighbouring samples; it decides how fine the maps are.
    """
    low, high = position.min(axis=0), position.max(axis=0)
    extent = float(np.linalg.norm(high - low)) or 1.0
    size = int(np.clip(extent / max(1.6 * spacing, 1e-12), 24, _DEPTH_PX))
    pixel = extent * 1.001 / size
    centred = position - (low + high) / 2
    seen, total = np.zeros((2, len(position)), np.float32), np.zeros(len(position), np.float32)
    for direction in _half_sphere(_DIRECTIONS):
        if check:
            check()
        across = np.cross(direction, (0, 0, 1) if abs(direction[2]) < 0.9 else (1, 0, 0))
        across /= np.linalg.norm(across)
        frame = np.stack([across, np.cross(direction, across), direction]).astype(np.float32)
        x, y, depth = frame @ centred.T
        cell = np.floor(x / pixel + size / 2).astype(np.int32) * size + np.floor(y / pixel + size / 2).astype(np.int32)
        cell = np.clip(cell, 0, size * size - 1)
        cosine = normal @ direction.astype(np.float32)
        # the surface falls away within a pixel by its slope, which the bias has to cover
        bias = pixel * (
            0.75 + 1.2 * np.minimum(np.sqrt(np.maximum(1 - cosine**2, 0)) / np.maximum(np.abs(cosine), 0.05), 6)
        )
        front, back = _extremes(cell, depth, size * size)
        above, below = depth > front[cell] - bias, depth < back[cell] + bias
        weight = np.abs(cosine)
        seen[0] += np.where(np.where(cosine > 0, above, below), weight, 0)
        seen[1] += np.where(np.where(cosine > 0, below, above), weight, 0)
        total += weight
    seen /= np.maximum(total, 1e-6)
    return seen[0], seen[1]


def turned(front: np.ndarray, back: np.ndarray, face: np.ndarray) -> np.ndarray:
    """(N,) bool: points of faces whose normals look into the body, by what both sides see of the sky (`sky_share`).

    face: (N,) the face of each point. Importers and old files leave faces wound either way in one mesh; the side that
    is shut in is not the outer one.
    """
    points = np.maximum(np.bincount(face), 1)
    outer, inner = (np.bincount(face, share) / points for share in (front, back))
    return ((outer < 0.25 * inner) & (inner > 0.2))[face]


def _extremes(cell: np.ndarray, depth: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(count,) largest and smallest depth of each cell. Sorting is as quick with every version of numpy."""
    order = np.argsort(cell, kind="stable")
    where, values = cell[order], depth[order]
    starts = np.flatnonzero(np.r_[True, where[1:] != where[:-1]])
    front, back = np.full(count, -np.inf, np.float32), np.full(count, np.inf, np.float32)
    front[where[starts]] = np.maximum.reduceat(values, starts)
    back[where[starts]] = np.minimum.reduceat(values, starts)
    return front, back


def _half_sphere(count: int) -> np.ndarray:
    """(count, 3) directions spread evenly over half of the sphere (a Fibonacci lattice)."""
    number = np.arange(count) + 0.5
    z = number / count
    angle = number * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def bend(
    position: np.ndarray, normal: np.ndarray, area: np.ndarray, radius: float, check: Check | None = None
) -> np.ndarray:
    """(N,) float32: 0 where flat, positive on ridges (a right-angled edge of a cube: about 1), negative in grooves.

    area: (N,) of each sample. radius: of the ball, in the unit of `position`; larger where the grid would not fit.
    """
    extent = np.ptp(position, axis=0).astype(np.float64)
    cell = radius / 1.5
    while np.prod(np.ceil(extent / cell) + 7) > _MOST_CELLS:
        cell *= 1.1
    low = position.min(axis=0) - np.float32(3 * cell)
    shape = tuple((np.ceil(extent / cell) + 7).astype(int))
    place = (position - low) / np.float32(cell)
    sides = np.concatenate([normal, -normal], axis=1)  # +x +y +z -x -y -z
    nearest = np.ravel_multi_index(tuple(np.rint(place).astype(np.intp).T), shape)
    mean = place.mean(axis=0)
    moments = np.empty((*shape, 24), np.float32)
    for side in range(6):
        mass = np.maximum(sides[:, side], 0) ** 2 * area  # the squares sum to 1 over the six
        for number, values in enumerate((mass, *((place - mean).T * mass))):
            moments[..., 4 * side + number] = np.bincount(nearest, values, moments[..., 0].size).reshape(shape)
        if check:
            check()
    moments = _blurred(moments, check).reshape(-1, 24)
    out = np.empty(len(place), np.float32)
    for first in range(0, len(place), 1 << 16):
        if check:
            check()
        part = slice(first, first + (1 << 16))
        weight = np.clip(sides[part] + np.float32(0.6), 0, 1)  # the side that looks away counts nothing
        around = _sampled(moments, shape, place[part]).reshape(-1, 6, 4)
        near = np.einsum("ns,nsk->nk", weight, around)
        centre = near[:, 1:] / np.maximum(near[:, :1], 1e-20)
        out[part] = -np.einsum("nd,nd->n", centre - (place[part] - mean), normal[part])
    return out * np.float32(_BEND_OF_EDGE)


def _blurred(field: np.ndarray, check: Check | None) -> np.ndarray:
    """Binomial blur (1 4 6 4 1) / 16 along the first three axes; nothing lies outside."""
    for axis in range(3):
        if check:
            check()
        total = field * np.float32(6 / 16)
        for offset, weight in ((2, 1 / 16), (1, 4 / 16)):
            ahead, behind = [slice(None)] * 4, [slice(None)] * 4
            ahead[axis], behind[axis] = slice(offset, None), slice(None, -offset)
            total[tuple(behind)] += field[tuple(ahead)] * np.float32(weight)
            total[tuple(ahead)] += field[tuple(behind)] * np.float32(weight)
        field = total
    return field


def _sampled(values: np.ndarray, shape: tuple[int, ...], place: np.ndarray) -> np.ndarray:
    """Trilinear values (N, C) of a grid (cells, C) at (N, 3) places in cells."""
    base = np.floor(place).astype(np.intp)
    part = (place - base).astype(np.float32)
    total = np.zeros((len(place), values.shape[1]), np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight = np.ones(len(place), np.float32)
        for axis, far in enumerate(corner):
            weight *= part[:, axis] if far else 1 - part[:, axis]
        total += values[np.ravel_multi_index(tuple((base + corner).T), shape)] * weight[:, None]
    return total
