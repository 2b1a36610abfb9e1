"""Line art from geometry passes: borders, silhouettes and creases as the camera sees them. numpy only, no bpy."""

from __future__ import annotations

import numpy as np

CREASE_DEG = (25.0, 45.0)
"""Angle between the normals of neighbouring pixels at which a line begins to show, and from which it is full."""
STEP = (0.01, 0.03)
"""Jump of depth beyond the plane through the neighbours, as a part of the depth, likewise."""


def line_art(
    depth: np.ndarray,
    normal: np.ndarray,
    object_id: np.ndarray,
    material_id: np.ndarray,
    perspective: bool = True,
) -> np.ndarray:
    """Lines one pixel wide, drawn on the nearer of the two pixels that they separate.

    depth (H, W) float32 metres along the view axis, inf = background; normal (H, W, 3) float32 unit, 0 = background;
    object_id, material_id (H, W) int32. Returns (H, W) uint8, 255 = line; grey where a crease or step is faint.
    The depth test takes the second difference of 1 / depth, which vanishes on planes however steeply they are seen
    (in perspective; of depth itself in orthographic views), so that floors towards the horizon stay clean.
    """
    inverse = np.zeros_like(depth)
    np.divide(1.0, depth, out=inverse, where=np.isfinite(depth) & (depth > 0))
    near = inverse if perspective else np.where(np.isfinite(depth), -depth, -np.inf)
    strength = np.zeros(depth.shape, np.float32)
    low, high = (np.cos(np.radians(a)) for a in CREASE_DEG)
    for axis in (0, 1):
        first = tuple(slice(None, -1) if i == axis else slice(None) for i in (0, 1))
        second = tuple(slice(1, None) if i == axis else slice(None) for i in (0, 1))
        border = (object_id[first] != object_id[second]) | (material_id[first] != material_id[second])
        both = (object_id[first] != 0) & (object_id[second] != 0)
        cosine = np.einsum("hwc,hwc->hw", normal[first], normal[second])
        crease = np.clip((low - cosine) / (low - high), 0.0, 1.0) * both
        edge = np.maximum(border, crease)
        first_is_nearer = near[first] >= near[second]
        np.maximum(strength[first], edge * first_is_nearer, out=strength[first])
        np.maximum(strength[second], edge * ~first_is_nearer, out=strength[second])
        _add_steps(strength, inverse if perspective else depth, axis, perspective)
    return (strength * 255 + 0.5).astype(np.uint8)


def _add_steps(strength: np.ndarray, values: np.ndarray, axis: int, perspective: bool) -> None:
    """Where one surface of an object hides another of the same object. `values` is 1 / depth, or depth."""
    if values.shape[axis] < 3:
        return
    before, here, after = (
        tuple(part if i == axis else slice(None) for i in (0, 1))
        for part in (slice(None, -2), slice(1, -1), slice(2, None))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        bend = (2 * values[here] - values[before] - values[after]) / values[here]
    # the nearer pixel of a step bends outwards: 1 / depth above, depth below its neighbours' mean
    bend = np.nan_to_num(bend if perspective else -bend, nan=0.0, posinf=0.0, neginf=0.0)
    step = np.clip((bend - STEP[0]) / (STEP[1] - STEP[0]), 0.0, 1.0)
    np.maximum(strength[here], step, out=strength[here])
