"""Perlin's gradient noise and what is made of it. numpy only; the same seed gives the same field everywhere."""

from __future__ import annotations

import numpy as np


class Noise:
    """Improved noise (Perlin 2002), in three dimensions, with gradients from a table of 256 unit vectors."""

    def __init__(self, rng: np.random.Generator) -> None:
        table = rng.permutation(256)
        self._table = np.concatenate([table, table, table])
        gradients = rng.normal(size=(256, 3))
        self._gradients = gradients / np.linalg.norm(gradients, axis=1, keepdims=True)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values (...) of about -0.8 .. 0.8 at points (..., 3); one cell is one unit."""
        points = np.asarray(points, float)
        cell = np.floor(points).astype(np.int64)
        inside = points - cell
        x, y, z = np.moveaxis(cell & 255, -1, 0)
        u, v, w = np.moveaxis(inside**3 * (inside * (inside * 6 - 15) + 10), -1, 0)
        value = 0.0
        for a in (0, 1):
            ax, bx = self._table[x + a], u if a else 1 - u
            for b in (0, 1):
                ay, by = self._table[ax + y + b], v if b else 1 - v
                for c in (0, 1):
                    gradient = self._gradients[self._table[ay + z + c]]
                    dot = np.einsum("...k,...k->...", gradient, inside - (a, b, c))
                    value = value + bx * by * (w if c else 1 - w) * dot
        return value * 1.6

    def fbm(self, points: np.ndarray, octaves: int = 5, gain: float = 0.5, lacunarity: float = 2.03) -> np.ndarray:
        """Sum of octaves (Musgrave et al. 1989), about -1 .. 1."""
        total, weight, scale = 0.0, 1.0, 1.0
        for octave in range(octaves):
            total = total + weight * self(np.asarray(points) * scale + 17.3 * octave)
            weight, scale = weight * gain, scale * lacunarity
        return total

    def ridged(self, points: np.ndarray, octaves: int = 5, gain: float = 0.5, lacunarity: float = 2.03) -> np.ndarray:
        """Ridged multifractal (Musgrave, Texturing and Modeling 1998), 0 .. about 1.3: sharp crests, wide valleys."""
        total, weight, scale, carried = 0.0, 0.5, 1.0, 1.0
        for octave in range(octaves):
            signal = (1 - np.abs(self(np.asarray(points) * scale + 17.3 * octave))) ** 2 * carried
            total = total + weight * signal
            carried = np.clip(signal * 1.6, 0, 1)
            weight, scale = weight * gain, scale * lacunarity
        return total


def cells(points: np.ndarray, rng: np.random.Generator, count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Worley's cellular noise over points (N, 3): distance to the nearest of `count` random centres, and its number."""
    low, high = points.min(0), points.max(0)
    centres = rng.uniform(low, high, (count, 3))
    best, number = np.full(len(points), np.inf), np.zeros(len(points), int)
    for index, centre in enumerate(centres):
        distance = np.linalg.norm(points - centre, axis=1)
        nearer = distance < best
        best[nearer], number[nearer] = distance[nearer], index
    return best, number
