"""Arithmetic on whole pictures for the non-photorealistic filters: smoothing, directions, noise. numpy only.

Fields are (H, W) or (H, W, C) float32; row 0 is on top, x points right and y down. Everything is centred on the pixel:
mirroring the input mirrors the output, so no filter moves the picture. Edges are continued by reflection.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

_BAND_ROWS = 48
_LARGE_SIGMA_PX = 10.0


def gaussian(field: np.ndarray, sigma_px: float) -> np.ndarray:
    """`field` smoothed; float32. Large sigmas by three box filters (Kovesi 2010, "Fast almost-Gaussian filtering")."""
    field = np.asarray(field, np.float32)
    if sigma_px < 0.2:
        return field
    if sigma_px > _LARGE_SIGMA_PX:
        for radius in _box_radii(sigma_px):
            field = _box(_box(field, radius, 0), radius, 1)
        return field
    radius = max(1, int(np.ceil(2.6 * sigma_px)))
    kernel = np.exp(-0.5 * (np.arange(radius + 1) / sigma_px) ** 2)
    kernel = (kernel / (kernel[0] + 2 * kernel[1:].sum())).astype(np.float32)
    return _taps(_taps(field, kernel, 0), kernel, 1)


def _taps(field: np.ndarray, kernel: np.ndarray, axis: int) -> np.ndarray:
    """Convolution with the symmetric kernel whose one half is given. Opposite taps are added first: exactly even."""
    radius, size = len(kernel) - 1, field.shape[axis]
    padded = _reflected(field, radius, axis)
    out = np.empty(field.shape, np.float32)

    def band(rows: slice) -> None:
        part = padded[rows.start : rows.stop + 2 * radius] if axis == 0 else padded[rows]
        size_here = rows.stop - rows.start if axis == 0 else size
        total = _slice(part, radius, size_here, axis) * kernel[0]
        for offset in range(1, radius + 1):
            pair = _slice(part, radius - offset, size_here, axis) + _slice(part, radius + offset, size_here, axis)
            pair *= kernel[offset]
            total += pair
        out[rows] = total

    in_bands(field.shape[0], band)
    return out


def _box(field: np.ndarray, radius: int, axis: int) -> np.ndarray:
    size = field.shape[axis]
    padded = _reflected(field, radius, axis)
    shape = list(padded.shape)
    shape[axis] = 1
    sums = np.concatenate([np.zeros(shape), np.cumsum(padded, axis=axis, dtype=np.float64)], axis=axis)
    width = 2 * radius + 1
    return ((_slice(sums, width, size, axis) - _slice(sums, 0, size, axis)) / width).astype(np.float32)


def _box_radii(sigma_px: float) -> list[int]:
    ideal = np.sqrt(4 * sigma_px**2 + 1)  # width of each of three boxes with the same variance
    small = int(ideal) - (1 - int(ideal) % 2)
    count = round((12 * sigma_px**2 - 3 * small**2 - 12 * small - 9) / (-4 * small - 4))
    return [(small if index < count else small + 2) // 2 for index in range(3)]


def _reflected(field: np.ndarray, radius: int, axis: int) -> np.ndarray:
    widths = [(0, 0)] * field.ndim
    widths[axis] = (radius, radius)
    return np.pad(field, widths, mode="symmetric")


def _slice(array: np.ndarray, start: int, size: int, axis: int) -> np.ndarray:
    return array[start : start + size] if axis == 0 else array[:, start : start + size]


def in_bands(rows: int, work: Callable[[slice], None]) -> None:
    """`work` on bands of rows, two at a time: numpy lets go of the interpreter, and a band fits into the cache."""
    with ThreadPoolExecutor(2) as pool:
        bands = [slice(top, min(top + _BAND_ROWS, rows)) for top in range(0, rows, _BAND_ROWS)]
        for _ in pool.map(work, bands):
            pass


def gradient(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(d/dx, d/dy) per pixel by central differences, weighted over three lines after Scharr (2000)."""
    kernel = np.array([10 / 16, 3 / 16], np.float32)
    size_y, size_x = field.shape[:2]
    wide, high = _reflected(field, 1, 1), _reflected(field, 1, 0)
    dx = (wide[:, 2 : size_x + 2] - wide[:, :size_x]) * np.float32(0.5)
    dy = (high[2 : size_y + 2] - high[:size_y]) * np.float32(0.5)
    return _taps(dx, kernel, 0), _taps(dy, kernel, 1)


def structure_tensor(field: np.ndarray, sigma_px: float) -> np.ndarray:
    """(H, W, 3): smoothed products xx, yy, xy of the gradients of all channels (Di Zenzo 1986; Brox et al. 2006)."""
    dx, dy = gradient(field if field.ndim == 3 else field[..., None])
    products = np.stack([(dx * dx).sum(-1), (dy * dy).sum(-1), (dx * dy).sum(-1)], axis=-1)
    return gaussian(products, sigma_px)


def directions(tensor: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angle of the strongest change (radians), coherence 0..1, strength (larger eigenvalue) of (H, W, 3) tensors."""
    xx, yy, xy = tensor[..., 0], tensor[..., 1], tensor[..., 2]
    spread = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    total = xx + yy
    return 0.5 * np.arctan2(2 * xy, xx - yy), spread / (total + 1e-8), 0.5 * (total + spread)


def smoothstep(low: float, high: float, field: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, a smooth ramp between."""
    t = np.clip((field - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


# --------------------------------------------------------------------------------------------------------------- noise


def lattice(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Random numbers 0..1 that belong to integer places: float32 of the broadcast shape of `x` and `y`.

    A hash, not a stream: the same place has the same number whatever the size of the picture is, and at any time.
    """
    h = np.asarray(x).astype(np.int64).astype(np.uint32) * np.uint32(0x9E3779B1)
    h = (h ^ (h >> np.uint32(15))) + np.asarray(y).astype(np.int64).astype(np.uint32) * np.uint32(0x85EBCA77)
    h = h ^ np.uint32((seed * 0xC2B2AE3D + 0x27D4EB2F) & 0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):  # Wellons' "lowbias32"
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)


def noise(shape: tuple[int, ...], size_px: float, seed: int) -> np.ndarray:
    """(H, W) smooth value noise 0..1 whose grains are about `size_px` large, anchored to the picture's corner."""
    rows, columns = (np.arange(n, dtype=np.float32) / np.float32(size_px) for n in shape[:2])
    top, left = rows.astype(np.int64), columns.astype(np.int64)
    grid = lattice(np.arange(left[-1] + 2)[None], np.arange(top[-1] + 2)[:, None], seed)
    v, u = rows - top, columns - left
    v, u = (v * v * (3 - 2 * v))[:, None], (u * u * (3 - 2 * u))[None]
    lines = grid[top] * (1 - v) + grid[top + 1] * v
    return lines[:, left] * (1 - u) + lines[:, left + 1] * u


def clouds(shape: tuple[int, ...], size_px: float, seed: int, octaves: int = 4) -> np.ndarray:
    """(H, W) fractal noise around 0, within about -1..1 (Perlin 1985, sums of octaves)."""
    total = np.zeros(shape[:2], np.float32)
    for octave in range(octaves):
        total += (noise(shape, max(size_px / 2**octave, 1.0), seed + 101 * octave) - 0.5) * np.float32(0.5**octave)
    return total * np.float32(1.6)


def paper(shape: tuple[int, ...], grain_px: float, seed: int) -> np.ndarray:
    """(H, W) height of a sheet of rough paper, mean 0, deviation 1: dimples of a felt at two scales, and fibres."""
    fine = noise(shape, grain_px, seed) + noise(shape, grain_px * 0.5, seed + 1) * 0.7
    coarse = noise(shape, grain_px * 2.6, seed + 2)
    fibres = noise((shape[0], max(1, shape[1] // 4 + 1)), grain_px, seed + 3).repeat(4, axis=1)[:, : shape[1]]
    height = fine + 0.8 * coarse + 0.35 * fibres
    return ((height - height.mean()) / (height.std() + 1e-6)).astype(np.float32)


def sampled(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear values of `field` at pixel positions (0, 0 = centre of the first pixel), clamped at the edge."""
    height, width = field.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.minimum(x.astype(np.int32), max(width - 2, 0)), np.minimum(y.astype(np.int32), max(height - 2, 0))
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    u, v = (x - left).astype(np.float32), (y - top).astype(np.float32)
    if field.ndim == 3:
        u, v = u[..., None], v[..., None]
    above = field[top, left] * (1 - u) + field[top, right] * u
    return above * (1 - v) + (field[below, left] * (1 - u) + field[below, right] * u) * v
