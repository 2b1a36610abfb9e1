"""A colour for every point near a coloured surface, from the colours of its vertices. numpy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .isosurface import CORNERS


def colour_field(vertices: np.ndarray, colours: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """`colour_at` for baking: (N, 3) positions -> (N, 3) float32, for a mesh whose own vertices were too many to keep.

    Vertices are averaged in cells of about their own spacing; between cells, colours blend linearly. Where no vertex is
    near, coarser cells answer.
    """
    points = vertices.astype(np.float64)
    low = points.min(axis=0)
    size = float(np.ptp(points, axis=0).max()) or 1.0
    finest = int(np.clip(round(np.log2(np.sqrt(max(len(points), 1) / 3))), 1, 12))
    levels = [_Cells((points - low) / size, colours, 2**n) for n in range(finest, -1, -1)]

    def colour_at(positions: np.ndarray) -> np.ndarray:
        where = (np.asarray(positions, np.float64) - low) / size
        result = np.empty((len(where), 3), np.float32)
        left = np.arange(len(where))
        for level in levels:
            values, weight = level.blend(where[left])
            found = weight > 1e-3
            result[left[found]] = values[found] / weight[found, None]
            left = left[~found]
            if not len(left):
                return result
        result[left] = colours.mean(axis=0)
        return result

    return colour_at


class _Cells:
    """Mean colours of the occupied cells of a grid with `count` cells along the longest side."""

    def __init__(self, points: np.ndarray, colours: np.ndarray, count: int) -> None:
        self.count, self.stride = count, count + 4
        keys, number = np.unique(self._key(np.floor(points * count).astype(np.int64)), return_inverse=True)
        number = number.reshape(-1)
        size = np.bincount(number)
        self.keys = keys
        self.means = np.stack([np.bincount(number, column) / size for column in colours.T], axis=1)

    def _key(self, cells: np.ndarray) -> np.ndarray:
        cells = np.clip(cells + 1, 0, self.stride - 1)
        return (cells[..., 0] * self.stride + cells[..., 1]) * self.stride + cells[..., 2]

    def blend(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, 3) sums of colour times weight and (N,) sums of weight over the eight cells around each point."""
        position = points * self.count - 0.5
        base = np.floor(position).astype(np.int64)
        share = position - base
        total, weight = np.zeros((len(points), 3)), np.zeros(len(points))
        for corner in CORNERS:
            key = self._key(base + corner)
            slot = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
            part = np.prod(np.where(corner, share, 1 - share), axis=1) * (self.keys[slot] == key)
            total += part[:, None] * self.means[slot]
            weight += part
        return total, weight
