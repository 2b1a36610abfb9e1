"""One texture for the front and the back of an object cut out of a picture. numpy only.

Both islands show the object straight on, side by side or one above the other, whichever is closer to a square. Colours
near the silhouette, where picture and background mix, are replaced by colours from further inside, and these run on
over the contour (pull-push), so that no fringe, no background and no dark line shows on the rim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import pixels
from .silhouette import Cutout

_PADDING_PX = 12


@dataclass(frozen=True)
class Atlas:
    """image (H, W, 3) uint8, sRGB. Texture pixel of picture pixel p: (p - corner_px) * scale + offset_px[side],
    with side 0 the front and 1 the back; scale and corner_px are (2,) x, y, offset_px (2, 2)."""

    image: np.ndarray
    corner_px: np.ndarray
    scale: np.ndarray
    offset_px: np.ndarray

    def uvs(self, picture_px: np.ndarray, back: np.ndarray) -> np.ndarray:
        """(..., 2) float32 texture coordinates of (..., 2) picture positions; back (...) bool picks the side."""
        texel = (picture_px - self.corner_px) * self.scale + self.offset_px[back.astype(int)]
        size = np.array([self.image.shape[1], self.image.shape[0]])
        uv = texel / size
        uv[..., 1] = 1 - uv[..., 1]
        return uv.astype(np.float32)


def paint_atlas(
    rgba: np.ndarray,
    cutout: Cutout,
    box_px: tuple[float, float, float, float],
    texture_px: int,
    back: str,
    check: Callable[[], None] = lambda: None,
) -> Atlas:
    """The texture of the object within box_px (left, top, right, bottom) of the picture (H, W, 4) uint8.

    texture_px: no side of the texture exceeds this; the picture is never enlarged. back: "mirror" shows the picture
    again, "soft" only the colours of the rim, carried smoothly over the middle. check raises when the job is cancelled.
    """
    left, top = np.floor(np.array(box_px[:2])).astype(int) - 1
    right, bottom = np.ceil(np.array(box_px[2:])).astype(int) + 1
    room = texture_px - 4 * _PADDING_PX
    fits = [room / max(2 * (right - left), bottom - top), room / max(right - left, 2 * (bottom - top))]
    beside = fits[0] >= fits[1]
    scale = min(1.0, max(fits))
    width, height = (max(1, round(length * scale)) for length in (right - left, bottom - top))
    front = _painted(rgba, cutout, (left, top, right, bottom), (height, width))
    check()
    behind = front if back == "mirror" else _softened(front)
    image = np.concatenate([front[0], behind[0]], axis=1 if beside else 0)
    step = (front[0].shape[1], 0) if beside else (0, front[0].shape[0])
    offset = np.array([(_PADDING_PX, _PADDING_PX), (_PADDING_PX + step[0], _PADDING_PX + step[1])], float)
    exact = np.array([width / (right - left), height / (bottom - top)])
    return Atlas(np.clip(np.rint(image), 0, 255).astype(np.uint8), np.array([left, top], float), exact, offset)


def _painted(
    rgba: np.ndarray, cutout: Cutout, box: tuple[int, int, int, int], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (h, w, 3) float32 0..255 with padding all round, and the coverage (h, w) there."""
    left, top, right, bottom = box
    height, width = size
    inside = rgba[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0), :3]
    pad = ((max(-top, 0), max(bottom - rgba.shape[0], 0)), (max(-left, 0), max(right - rgba.shape[1], 0)), (0, 0))
    colour = pixels.resize_area(np.pad(inside, pad, mode="edge"), height, width)
    colour = np.pad(colour, ((_PADDING_PX, _PADDING_PX), (_PADDING_PX, _PADDING_PX), (0, 0)), mode="edge")
    y = top + (np.arange(-_PADDING_PX, height + _PADDING_PX) + 0.5) * (bottom - top) / height
    x = left + (np.arange(-_PADDING_PX, width + _PADDING_PX) + 0.5) * (right - left) / width
    coverage = cutout.at(x, y)
    texels_per_working = cutout.factor * width / (right - left)
    reach = max(1, round((1.5 if cutout.source == "background" else 1.0) * texels_per_working))
    return pixels.pull_push(colour, _trust(coverage, reach, 0.25 if cutout.source == "alpha" else 0.02)), coverage


def _trust(coverage: np.ndarray, reach: int, at_edge: float) -> np.ndarray:
    """(h, w) float32 in 0..1: how far each pixel's own colour is the object's and not the background's.

    at_edge: the trust in fully covered pixels that are close to the contour.
    """
    full = coverage >= 0.98
    sure = pixels.erode(full, reach)
    # Lines too thin to have an inside (antennas, stems) are trusted along their middle.
    thin = (coverage > 0.35) & ~pixels.widest(sure, 2 * reach + 2)
    middle = thin & (coverage >= 0.9 * pixels.widest(coverage, reach))
    return np.where(sure | middle, 1, np.where(full, at_edge, 0)).astype(np.float32)


def _softened(front: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The colours of the rim, fading into their own smooth continuation towards the middle."""
    colour, coverage = front
    solid = coverage >= 0.5
    step = max(1, round(0.01 * max(solid.shape)))
    weight = np.ones(solid.shape, np.float32)
    inside = solid
    for share in (0.7, 0.4, 0.2, 0.08, 0.02, 0.0):
        inside = pixels.erode(inside, step)
        weight[inside] = share
    return pixels.pull_push(pixels.blur(colour, 1.0) if step > 2 else colour, weight), coverage
