"""sRGB and Oklab there and back, as floats (geometry/pixels.py has the way there from bytes). numpy only."""

from __future__ import annotations

import numpy as np

from ..geometry.pixels import LAB_FROM_LMS, LMS_FROM_RGB

_LMS_FROM_LAB = np.linalg.inv(LAB_FROM_LMS.astype(np.float64)).astype(np.float32)
_RGB_FROM_LMS = np.linalg.inv(LMS_FROM_RGB.astype(np.float64)).astype(np.float32)
_TABLE_SIZE = 4096
_STEPS = np.arange(_TABLE_SIZE + 1) / _TABLE_SIZE
_LINEAR_TABLE = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def oklab_from_srgb(colour: np.ndarray) -> np.ndarray:
    """(..., 3) sRGB 0..1 -> (..., 3) float32 Oklab: lightness 0..1, green-red, blue-yellow."""
    index = np.rint(np.clip(colour, 0, 1) * np.float32(_TABLE_SIZE)).astype(np.int32)
    return np.cbrt(_LINEAR_TABLE[index] @ LMS_FROM_RGB.T) @ LAB_FROM_LMS.T


def srgb_from_oklab(lab: np.ndarray) -> np.ndarray:
    """(..., 3) Oklab -> (..., 3) float32 sRGB; what the screen cannot show is clipped to 0..1."""
    lms = np.asarray(lab, np.float32) @ _LMS_FROM_LAB.T
    linear = np.clip((lms * lms * lms) @ _RGB_FROM_LMS.T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.power(linear, np.float32(1 / 2.4)) - 0.055)


def lightness(colour: np.ndarray) -> np.ndarray:
    """(H, W) perceived lightness 0..1 of (H, W, 3) sRGB."""
    return oklab_from_srgb(colour)[..., 0]
