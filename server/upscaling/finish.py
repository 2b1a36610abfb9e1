"""Before and after the networks: what they see, and what of the picture must stay. numpy; Pillow imported late."""

from __future__ import annotations

import math

import numpy as np

_ROWS = 512


def seen(picture: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 -> (H, W, 3): its colours, grey where it is fully transparent."""
    return np.where(picture[..., 3:] > 0, picture[..., :3], np.uint8(128))


def padded(picture: np.ndarray, multiple: int, smallest: int) -> np.ndarray:
    """(H, W, 3), its border continued to the right and below until both sides are multiples, and large enough."""
    height, width = (max(smallest, math.ceil(side / multiple) * multiple) for side in picture.shape[:2])
    below, right = height - picture.shape[0], width - picture.shape[1]
    return np.pad(picture, ((0, below), (0, right), (0, 0)), mode="edge") if below or right else picture


def reduced_by(picture: np.ndarray, times: int) -> np.ndarray:
    """(H, W, 3) uint8, made smaller by the mean of areas."""
    from PIL import Image

    return picture if times == 1 else np.array(Image.fromarray(picture).reduce(times))


def with_colours_of(made: np.ndarray, base: np.ndarray, size_px: int) -> np.ndarray:
    """`made` with the colours that `base` has at large, both (H, W, 3) uint8; changed in place.

    size_px: whatever is smaller is detail and stays. Networks drift in colour and brightness (Wang et al. 2023,
    arXiv:2305.07015, section 3.4, replace the low bands in the same way).
    """
    from PIL import Image

    height, width = made.shape[:2]
    coarse = max(1, round(width / size_px)), max(1, round(height / size_px))
    for channel in range(3):
        two = [Image.fromarray(np.ascontiguousarray(part[..., channel])) for part in (base, made)]
        wanted, given = (np.asarray(part.resize(coarse, Image.Resampling.BOX), dtype=np.float32) for part in two)
        away = Image.fromarray(_smoothed(wanted - given)).resize((width, height), Image.Resampling.BICUBIC)
        difference = np.asarray(away)
        for top in range(0, height, _ROWS):
            rows = slice(top, top + _ROWS)
            made[rows, :, channel] = np.rint(np.clip(made[rows, :, channel] + difference[rows], 0, 255))
    return made


def _smoothed(grid: np.ndarray) -> np.ndarray:
    """By the binomial 1 2 1 in both directions."""
    for axis in (0, 1):
        pad = [(1, 1) if axis == side else (0, 0) for side in (0, 1)]
        around, length = np.pad(grid, pad, mode="edge"), grid.shape[axis]
        before, middle, after = (np.take(around, range(n, n + length), axis) for n in range(3))
        grid = (before + 2 * middle + after) / np.float32(4)
    return grid


def with_transparency(drawn: np.ndarray, base: np.ndarray) -> np.ndarray:
    """(H, W, 3) drawn, (H, W, 4) enlarged, both uint8 -> (H, W, 4): where nothing is seen, nothing was drawn."""
    hidden = base[..., 3] == 0
    made = np.concatenate([drawn, base[..., 3:]], axis=2)
    made[hidden] = base[hidden]
    return made
