"""Noise in space: gradient noise, its sums, and cells. numpy only; everything is float32 and vectorised over points.

Sources: K. Perlin, "An Image Synthesizer" (SIGGRAPH 1985) and "Improving Noise" (2002); S. Worley, "A Cellular Texture
Basis Function" (SIGGRAPH 1996); D. Peachey, "Solid Texturing of Complex Surfaces" (SIGGRAPH 1985); fading of octaves
near the sampling limit after A. Norton, A. Rockwood, P. Skolmoski, "Clamping" (SIGGRAPH 1982).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SIZE = 1024
"""Cells after which the lattice repeats; tables of this size stay in the processor's first cache."""


def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Permutation (2 * _SIZE,), unit gradients (3, 2 * _SIZE) and uniform numbers (3, 2 * _SIZE) behind it."""
    rng = np.random.default_rng(20251)
    order = rng.permutation(_SIZE)
    order = np.concatenate((order, order)).astype(np.intp)
    directions = rng.normal(size=(3, _SIZE))
    directions /= np.linalg.norm(directions, axis=0)
    return order, directions[:, order].astype(np.float32), rng.random((3, _SIZE))[:, order].astype(np.float32)


_ORDER, _GRADIENTS, _UNIFORM = _tables()


@dataclass(frozen=True)
class Space:
    """Points of the pattern: x, y, z (N,) float32 in metres, and the distance between neighbouring samples (metres).

    Every noise below leaves out the octaves that the samples are too far apart for.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    spacing_m: float = 0.0

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Space:
        """The same points in other units. `spacing_m` follows the largest factor."""
        y, z = x if y is None else y, x if z is None else z
        return Space(
            self.x * np.float32(x), self.y * np.float32(y), self.z * np.float32(z), self.spacing_m * max(x, y, z)
        )

    def moved(self, x: np.ndarray | float, y: np.ndarray | float, z: np.ndarray | float) -> Space:
        return Space(self.x + _f(x), self.y + _f(y), self.z + _f(z), self.spacing_m)


def _f(value: np.ndarray | float) -> np.ndarray | np.float32:
    return value if isinstance(value, np.ndarray) else np.float32(value)


def _shift(seed: int) -> tuple[float, float, float]:
    """Another place of the lattice for each seed; multiples of a fraction, so that zeros of noise do not coincide."""
    a = (seed * 0x9E3779B1 + 0x7F4A7C15) & 0xFFFFFFFF
    return (a % 977) * 0.731 + 0.37, (a // 977 % 991) * 0.677 + 0.61, (a // 968207 % 997) * 0.713 + 0.17


def _cell(values: np.ndarray, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Integer cell modulo the period, and the place within it 0..1."""
    moved = values + np.float32(shift)
    low = np.floor(moved)
    return low.astype(np.intp) & (_SIZE - 1), moved - low


def _fade(t: np.ndarray) -> np.ndarray:
    return t * t * t * (t * (t * np.float32(6) - np.float32(15)) + np.float32(10))


def perlin(space: Space, seed: int) -> np.ndarray:
    """(N,) gradient noise, about -1..1, mean 0, features one unit wide (Perlin 2002)."""
    sx, sy, sz = _shift(seed)
    (xi, fx), (yi, fy), (zi, fz) = _cell(space.x, sx), _cell(space.y, sy), _cell(space.z, sz)
    u, v, w = _fade(fx), _fade(fy), _fade(fz)
    gx, gy, gz = _GRADIENTS
    planes = []
    for dx in (0, 1):
        column = _ORDER.take(xi + dx) + yi
        lines = []
        for dy in (0, 1):
            row = _ORDER.take(column + dy) + zi
            ends = []
            for dz in (0, 1):
                index = row + dz
                ends.append(gx.take(index) * (fx - dx) + gy.take(index) * (fy - dy) + gz.take(index) * (fz - dz))
            lines.append(ends[0] + (ends[1] - ends[0]) * w)
        planes.append(lines[0] + (lines[1] - lines[0]) * v)
    return (planes[0] + (planes[1] - planes[0]) * u) * np.float32(1.5)


def _octaves(space: Space, octaves: int, gain: float) -> list[tuple[float, float]]:
    """(frequency, weight) of the octaves that the samples can carry; the last one fades."""
    out = []
    for octave in range(octaves):
        frequency = 2.03**octave
        samples = 1.0 / max(space.spacing_m * frequency, 1e-9)  # for one feature; two are the limit
        fade = min(max((samples - 1.6) / 1.6, 0.0), 1.0)
        if fade > 0:
            out.append((frequency, gain**octave * fade))
    return out


def fbm(space: Space, seed: int, octaves: int = 5, gain: float = 0.5) -> np.ndarray:
    """(N,) sum of octaves of gradient noise, about -1..1; the largest features are one unit wide."""
    total = np.zeros(len(space.x), np.float32)
    norm = sum(gain**octave for octave in range(octaves))
    for number, (frequency, weight) in enumerate(_octaves(space, octaves, gain)):
        total += perlin(space.scaled(frequency), seed + 31 * number) * np.float32(weight * 1.6 / norm)
    return total


def ridged(space: Space, seed: int, octaves: int = 4, gain: float = 0.5) -> np.ndarray:
    """(N,) 0..1, 1 along thin crests (Musgrave, in "Texturing and Modeling: A Procedural Approach", chapter 16)."""
    total = np.zeros(len(space.x), np.float32)
    norm = sum(gain**octave for octave in range(octaves))
    for number, (frequency, weight) in enumerate(_octaves(space, octaves, gain)):
        crest = 1 - np.abs(perlin(space.scaled(frequency), seed + 37 * number))
        total += crest * crest * np.float32(weight / norm)
    return total


def warped(space: Space, seed: int, amount: float, octaves: int = 3) -> Space:
    """The points pushed around by noise of unit size, by up to about `amount` (Perlin 1985: turbulence)."""
    a = np.float32(amount)
    pushes = (fbm(space, seed + offset, octaves) * a for offset in (101, 211, 307))
    return space.moved(*pushes)


@dataclass(frozen=True)
class Cells:
    """Worley's cells around each point. nearest, second: distances (N,) in units of a cell. number: (N,) 0..1, the same
    for all points of a cell; other: a second such number. offset: (3, N) from the cell's centre to the point.
    """

    nearest: np.ndarray
    second: np.ndarray
    number: np.ndarray
    other: np.ndarray
    offset: np.ndarray

    @property
    def border(self) -> np.ndarray:
        """(N,) 0 on the border between two cells, growing inwards."""
        return self.second - self.nearest


def cells(space: Space, seed: int, jitter: float = 0.9) -> Cells:
    """Cells about one unit wide. jitter: 0 is a cubic grid, 1 is random."""
    sx, sy, sz = _shift(seed)
    (xi, fx), (yi, fy), (zi, fz) = _cell(space.x, sx), _cell(space.y, sy), _cell(space.z, sz)
    ux, uy, uz = (table * np.float32(jitter) + np.float32(0.5 - jitter / 2) for table in _UNIFORM)
    nearest = np.full(len(fx), 9.0, np.float32)
    second = nearest.copy()
    which = np.zeros(len(fx), np.intp)
    offset = np.zeros((3, len(fx)), np.float32)
    for dx in (-1, 0, 1):
        column = _ORDER.take((xi + dx) & (_SIZE - 1)) + (yi & (_SIZE - 1))
        for dy in (-1, 0, 1):
            row = _ORDER.take((column + dy) & (_SIZE - 1)) + zi
            for dz in (-1, 0, 1):
                index = (row + dz) & (_SIZE - 1)
                px = fx - (ux.take(index) + dx)
                py = fy - (uy.take(index) + dy)
                pz = fz - (uz.take(index) + dz)
                distance = px * px + py * py + pz * pz
                closer = distance < nearest
                np.minimum(second, np.maximum(distance, nearest), out=second)
                np.copyto(nearest, distance, where=closer)
                np.copyto(which, index, where=closer)
                for axis, part in enumerate((px, py, pz)):
                    np.copyto(offset[axis], part, where=closer)
    number, other = _UNIFORM[0].take(which), _UNIFORM[1].take(which)
    return Cells(np.sqrt(nearest), np.sqrt(second), number, other, offset)


def chance(a: np.ndarray, seed: int, b: np.ndarray | int = 0) -> np.ndarray:
    """(N,) numbers 0..1 that belong to integers: bricks, planks, threads."""
    column = _ORDER.take((np.asarray(a).astype(np.intp) + seed * 7) & (_SIZE - 1))
    return _UNIFORM[2].take((column + np.asarray(b).astype(np.intp) + seed) & (_SIZE - 1))


def step(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between; the other way round when low > high."""
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)
