"""Can a texture be painted on these UVs? Judged from samples, so that five million triangles take a second. No bpy."""

from __future__ import annotations

import numpy as np

OVERLAP_SHARE = 0.03
"""Share of samples over another place of the surface from which UVs do not serve; chart borders make up less."""
_SAMPLES = 300_000
_CELLS = 1024


def unusable(uvs: np.ndarray, corners: np.ndarray, shared: bool = False) -> str:
    """Why UVs cannot hold a texture of their own, as the end of a sentence; "" when they can.

    uvs: (T, 3, 2) float32. corners: (T, 3, 3) float32 positions. UDIM tiles are fine, faces across them are not.
    shared: places may lie over each other.
    """
    if not np.isfinite(uvs).all():
        return "its UV map holds numbers that are not finite"
    flat, surface = _areas(uvs), _areas3(corners)
    if surface[flat <= 1e-12].sum() > 0.02 * max(surface.sum(), 1e-30):
        return "faces have no area in its UV map"
    middle = np.floor(uvs.mean(axis=1))
    across = (np.floor(uvs + np.float32(1e-3)) < middle[:, None]) | (np.floor(uvs - np.float32(1e-3)) > middle[:, None])
    if surface[across.any(axis=(1, 2))].sum() > 0.001 * surface.sum() or middle.min() < 0 or middle.max() > 9:
        return "its UV map goes beyond the texture, as for repeated tiles"
    if shared:
        return ""
    share = overlap(uvs, corners, flat, surface)
    return f"its UV map lies over itself ({share:.0%})" if share > OVERLAP_SHARE else ""


def overlap(uvs: np.ndarray, corners: np.ndarray, flat: np.ndarray, surface: np.ndarray) -> float:
    """Share of the sampled places of the texture where different places of the surface meet."""
    total = np.cumsum(flat, dtype=np.float64)
    if not len(total) or total[-1] <= 0:
        return 0.0
    rng = np.random.default_rng(1)
    wanted = (np.arange(_SAMPLES) + rng.random(_SAMPLES)) / _SAMPLES * total[-1]
    face = np.minimum(np.searchsorted(total, wanted), len(flat) - 1)
    a, b = rng.random((2, _SAMPLES), np.float32)
    turned = a + b > 1
    a[turned], b[turned] = 1 - a[turned], 1 - b[turned]
    weights = np.stack([1 - a - b, a, b], axis=1)
    place = np.einsum("nk,nkd->nd", weights, uvs[face])
    point = np.einsum("nk,nkd->nd", weights, corners[face])
    cell = np.floor(place * _CELLS).astype(np.int64)
    key = cell[:, 1] * (64 * _CELLS) + cell[:, 0]
    order = np.argsort(key, kind="stable")
    key, point, face = key[order], point[order], face[order]
    starts = np.r_[True, key[1:] != key[:-1]]
    first = np.flatnonzero(starts)[np.cumsum(starts) - 1]
    shared = first != np.arange(len(key))
    texel = np.sqrt(surface[face] / np.maximum(flat[face], 1e-20)) / _CELLS
    apart = np.linalg.norm(point - point[first], axis=1) > 6 * np.maximum(texel, texel[first])
    return float((apart & shared).sum() / max(shared.sum(), 1)) if shared.sum() > 50 else 0.0


def _areas(uvs: np.ndarray) -> np.ndarray:
    a, b = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    return np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def _areas3(corners: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
