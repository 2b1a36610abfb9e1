"""Passes in the encodings that control networks were trained on. numpy only: used in workers and by the add-on's tests.

Row 0 is on top everywhere.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

NormalConvention = Literal["camera", "scannet"]


def control_depth(
    depth: np.ndarray,
    range_m: tuple[float, float] | None = None,
    percentiles: tuple[float, float] = (1.0, 99.0),
) -> np.ndarray:
    """Depth as depth estimators draw it: near white, background black, linear in 1 / depth (as MiDaS, Ranftl et al.
    2020, section 4: prediction in disparity space).

    depth (H, W) float, metres along the view axis; inf, NaN and values <= 0 are background.
    range_m (near, far): fixed for a whole sequence, so that brightness does not pump. Without it, the percentiles of
    this view. The farthest surface keeps 1 grey level above the background. Returns (H, W) uint8.
    """
    depth = np.asarray(depth, np.float32)
    seen = np.isfinite(depth) & (depth > 0)
    result = np.zeros(depth.shape, np.uint8)
    if not seen.any():
        return result
    nearness = 1.0 / depth[seen].astype(np.float64)
    if range_m is None:
        low, high = np.percentile(nearness, percentiles)
    else:
        near, far = range_m
        if not 0 < near < far:
            raise ValueError(f"the range of depth must be 0 < near < far, not {range_m}")
        low, high = 1.0 / far, 1.0 / near
    span = high - low
    # a wall seen head-on has no range: all of it is as near as can be
    level = np.clip((nearness - low) / span, 0.0, 1.0) if span > 1e-9 * abs(high) else np.ones_like(nearness)
    result[seen] = np.rint(1.0 + 254.0 * level).astype(np.uint8)
    return result


def control_normal(normal: np.ndarray, convention: NormalConvention = "scannet") -> np.ndarray:
    """Camera-space normals as colours: 0.5 + 0.5 n in 8 bits.

    normal (H, W, 3) float, unit, x right, y up, z towards the camera, 0 = background.
    "scannet" is what the normal ControlNets (SD 1.5 normalbae and its successors) read: red = facing left, green = up,
    blue = towards the viewer, background black. "camera" keeps red = facing right, background (128, 128, 255), as
    tangent-space viewers and most renderers draw them. Returns (H, W, 3) uint8 RGB.
    """
    normal = np.nan_to_num(np.asarray(normal, np.float32))
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    unit = np.divide(normal, length, out=np.zeros_like(normal), where=length > 1e-6)
    if convention == "scannet":
        unit = unit * np.float32([-1, 1, 1])
    colour = np.rint(127.5 + 127.5 * unit).astype(np.uint8)
    background = (0, 0, 0) if convention == "scannet" else (128, 128, 255)
    return np.where(length > 1e-6, colour, np.uint8(background))
