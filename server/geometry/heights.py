"""Heights of a surface as pictures of 16 bits: the middle level is the surface itself. numpy only."""

from __future__ import annotations

import numpy as np

MIDDLE = 32768
LEAST_M = 1e-6
_FIT = 1 + 2e-5
"""Half a level more than the range is rounding."""


def in_metres(levels: np.ndarray, range_m: float) -> np.ndarray:
    """uint16 levels of any shape -> float32 metres above the surface."""
    return (levels.astype(np.float32) / np.float32(65535) - np.float32(0.5)) * np.float32(range_m)


def as_levels(metres: np.ndarray, range_m: float) -> np.ndarray:
    """The inverse of `in_metres`; what lies beyond the range is cut off."""
    return np.rint(np.clip(metres / np.float32(max(range_m, LEAST_M)) + 0.5, 0, 1) * 65535).astype(np.uint16)


def ranged(levels: np.ndarray, range_m: float, wanted_m: float) -> np.ndarray:
    """The same heights with another range; bit for bit where that is the same."""
    return levels if wanted_m == range_m else as_levels(in_metres(levels, range_m), wanted_m)


def joint_range(old_m: float, new: np.ndarray, new_m: float, changes: np.ndarray) -> float:
    """The range for heights of which some change: the old one while the new heights fit into it, so that those that
    stay keep their bytes; else as much as the new ones need.

    new, changes: of one shape, the levels (range `new_m`) and whether they are to be seen.
    """
    seen = new[changes]
    reach = 2 * float(np.abs(in_metres(seen, new_m)).max(initial=0))
    return max(reach, LEAST_M) if reach > old_m * _FIT else old_m
