"""The object of a picture, framed as single-view networks were trained to see it. numpy only."""

from __future__ import annotations

import numpy as np

from blender_aigc.protocol import Fault


def square_cut_out(rgba: np.ndarray, foreground_ratio: float) -> np.ndarray:
    """The object alone in a square. rgba (H, W, 4) uint8, straight alpha -> (S, S, 4) uint8, transparent around it.

    foreground_ratio: share of the square's side that the object's longer side takes.
    The box of alpha > 0 is taken without its last row and column, as the reference does (TripoSR, tsr/utils.py).
    Raises Fault("bad_input") when nothing is left.
    """
    rows, columns = np.nonzero(rgba[..., 3])
    if not len(rows) or rows.max() == rows.min() or columns.max() == columns.min():
        raise Fault(
            "bad_input",
            "There is no object in the picture: it is fully transparent, or thinner than two pixels.",
            "Use a picture in which the object is larger.",
        )
    cut = rgba[rows.min() : rows.max(), columns.min() : columns.max()]
    side = max(cut.shape[:2])
    return _centred(_centred(cut, side), int(side / foreground_ratio))


def _centred(rgba: np.ndarray, side: int) -> np.ndarray:
    """`rgba` in the middle of a transparent square; an odd pixel goes to the bottom and to the right."""
    square = np.zeros((side, side, 4), np.uint8)
    height, width = rgba.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = rgba
    return square


def over_grey(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8, straight alpha -> (H, W, 3) uint8 on mid grey, truncated (not rounded) as in the reference."""
    picture = rgba.astype(np.float32) / 255
    colour, alpha = picture[..., :3], picture[..., 3:]
    return ((colour * alpha + (1 - alpha) * np.float32(0.5)) * 255).astype(np.uint8)
