"""Any camera's resolution in and out, though networks want multiples of 8 and the number of pixels of their training.

A picture is scaled, then padded at the right and at the bottom. Both keep the left upper corner where it is, so nothing
moves: what is drawn at a fraction of the picture is found at the same fraction afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault

if TYPE_CHECKING:
    import numpy as np

LONGEST_TIMES = 4
"""A strip is worked on at most this many times longer than the side of a square of the trained area."""


@dataclass(frozen=True)
class Fit:
    """How a picture of `size` is worked on: scaled to `scaled`, padded to `padded`. All (width, height), pixels."""

    size: tuple[int, int]
    scaled: tuple[int, int]
    padded: tuple[int, int]

    def into(self, picture: np.ndarray, smooth: bool = True) -> np.ndarray:
        """(H, W[, C]) uint8 of the camera -> the same of the network; the border is continued into the padding.

        smooth: for pictures (Lanczos). Maps of ids or masks with hard values take the nearest pixel.
        """
        import numpy as np

        scaled = resized(picture, self.scaled, smooth)
        right, below = self.padded[0] - self.scaled[0], self.padded[1] - self.scaled[1]
        if not right and not below:
            return scaled
        return np.pad(scaled, ((0, below), (0, right), *((0, 0),) * (picture.ndim - 2)), mode="edge")

    def back(self, picture: np.ndarray, smooth: bool = True) -> np.ndarray:
        """What the network made -> (H, W[, C]) of the camera."""
        return resized(picture[: self.scaled[1], : self.scaled[0]], self.size, smooth)


def fit(width: int, height: int, area_px: int = 0, multiple: int = 8) -> Fit:
    """How to work on a picture of `width` x `height`. area_px: about how many pixels; 0 as many as it has.

    Raises Fault("bad_input") for a size that is none.
    """
    if width < 1 or height < 1:
        raise Fault("bad_input", f"A picture of {width} x {height} px cannot be made.", "Set a larger resolution.")
    scaled = width, height
    if area_px:
        scale = math.sqrt(area_px / (width * height))
        scale = min(scale, LONGEST_TIMES * math.sqrt(area_px) / max(width, height))
        scaled = max(1, round(width * scale)), max(1, round(height * scale))
        if abs(scale - 1) < 0.02:  # so near that resampling would only blur
            scaled = width, height
    smallest = max(64, multiple)  # below, the innermost layer of a network has nothing to look at
    padded = tuple(max(smallest, math.ceil(side / multiple) * multiple) for side in scaled)
    return Fit((width, height), scaled, (padded[0], padded[1]))


def resized(picture: np.ndarray, size: tuple[int, int], smooth: bool = True) -> np.ndarray:
    """(H, W[, C]) uint8 at `size` (width, height), pixel areas aligned at the corners."""
    import numpy as np
    from PIL import Image

    if (picture.shape[1], picture.shape[0]) == tuple(size):
        return picture
    kind = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize(size, kind))
