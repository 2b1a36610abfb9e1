"""Soft borders of what may change in a texture, and how far it grows beyond a chart. numpy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Check = Callable[[], None]


def mark_edges(border: np.ndarray, uvs: np.ndarray, edges: tuple[np.ndarray, np.ndarray]) -> None:
    """Sets the texels under these edges of the faces with (N, 3, 2) `uvs`; just inside of the face."""
    face, side = edges
    if not len(face):
        return
    size = len(border)
    middle = uvs[face].mean(axis=1)
    ends = [uvs[face, (side + n) % 3] for n in (0, 1)]
    ends = [end + (middle - end) * np.float32(1e-3) for end in ends]
    count = np.ceil(np.abs(ends[1] - ends[0]).max(axis=1) * size).astype(np.int64) + 2
    edge = np.repeat(np.arange(len(face)), count)
    share = (np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)) / np.repeat(count - 1, count)
    points = ends[0][edge] + (ends[1] - ends[0])[edge] * share[:, None].astype(np.float32)
    column = np.clip((points[:, 0] * size).astype(np.int64), 0, size - 1)
    row = np.clip(((1 - points[:, 1]) * size).astype(np.int64), 0, size - 1)
    border[row, column] = True


def ramp(border: np.ndarray, covered: np.ndarray, width: int, check: Check) -> np.ndarray:
    """(S, S) uint8: 0 on the border, rising to 255 over `width` texels; distances are those of an octagon."""
    result = np.full(border.shape, 255, np.uint8)
    if not border.any():
        return result
    reached = border
    result[border] = 0
    for step in range(1, width + 1):
        check()
        grown = _grown(reached, step % 2 == 0) & covered
        result[grown & ~reached] = round(255 * step / (width + 1))
        reached = grown | reached
    return result


def _grown(mask: np.ndarray, corners: bool) -> np.ndarray:
    wide = mask.copy()
    wide[:, 1:] |= mask[:, :-1]
    wide[:, :-1] |= mask[:, 1:]
    high = wide.copy()
    source = wide if corners else mask
    high[1:] |= source[:-1]
    high[:-1] |= source[1:]
    return high


def largest(values: np.ndarray) -> np.ndarray:
    """The largest value of each place and its eight neighbours."""
    wide = values.copy()
    np.maximum(wide[:, 1:], values[:, :-1], out=wide[:, 1:])
    np.maximum(wide[:, :-1], values[:, 1:], out=wide[:, :-1])
    high = wide.copy()
    np.maximum(high[1:], wide[:-1], out=high[1:])
    np.maximum(high[:-1], wide[1:], out=high[:-1])
    return high
