"""How much a sequence flickers: the warping error, over what is seen in both frames.

Source: Lai, Huang, Wang, Shechtman, Yumer and Yang 2018, "Learning Blind Video Temporal Consistency" (ECCV), section 4:
E_warp(V_t, V_t+1) is the mean, over the pixels that are not occluded, of the squared distance between the colour (RGB,
0..1, summed over the channels) of a frame and that of its neighbour warped onto it; of a sequence, the mean over its
pairs. They estimate flow and occlusion; ours are Blender's. The warp is linear, as theirs.
"""

from __future__ import annotations

import numpy as np

from ..filters.fields import sampled


def warping_error(now: np.ndarray, before: np.ndarray, x: np.ndarray, y: np.ndarray, kept: np.ndarray) -> float | None:
    """Of a pair of frames, (H, W, 3 or 4) uint8; `x`, `y`, `kept` as in motion.py. None when nothing is seen twice."""
    count = int(np.count_nonzero(kept))
    if count == 0:
        return None
    warped = sampled(before[..., :3].astype(np.float32), x, y)
    difference = (now[..., :3].astype(np.float32) - warped)[kept] / np.float32(255)
    return float(np.einsum("nc,nc->", difference, difference, dtype=np.float64) / count)
