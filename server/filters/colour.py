"""sRGB and Oklab, as floats. numpy only."""

from __future__ import annotations

import numpy as np

# Bjoern Ottosson, "A perceptual color space for image processing" (2020)
_LMS_FROM_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_LAB_FROM_LMS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_LMS_FROM_LAB = np.linalg.inv(_LAB_FROM_LMS.astype(np.float64)).astype(np.float32)
_RGB_FROM_LMS = np.linalg.inv(_LMS_FROM_RGB.astype(np.float64)).astype(np.float32)
_TABLE_SIZE = 4096
_STEPS = np.arange(_TABLE_SIZE + 1) / _TABLE_SIZE
_LINEAR_TABLE = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def oklab_from_srgb(colour: np.ndarray) -> np.ndarray:
    """(..., 3) sRGB 0..1 -> (..., 3) float32 Oklab: lightness 0..1, green-red, blue-yellow."""
    index = np.rint(np.clip(colour, 0, 1) * np.float32(_TABLE_SIZE)).astype(np.int32)
    return np.cbrt(_LINEAR_TABLE[index] @ _LMS_FROM_RGB.T) @ _LAB_FROM_LMS.T


def srgb_from_oklab(lab: np.ndarray) -> np.ndarray:
    """(..., 3) Oklab -> (..., 3) float32 sRGB; what the screen cannot show is clipped to 0..1."""
    lms = np.asarray(lab, np.float32) @ _LMS_FROM_LAB.T
    linear = np.clip((lms * lms * lms) @ _RGB_FROM_LMS.T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.power(linear, np.float32(1 / 2.4)) - 0.055)


def lightness(colour: np.ndarray) -> np.ndarray:
    """(H, W) perceived lightness 0..1 of (H, W, 3) sRGB."""
    return oklab_from_srgb(colour)[..., 0]
