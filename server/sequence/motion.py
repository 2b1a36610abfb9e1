"""Where each pixel of a frame was one frame ago, whether it was seen there, and pictures carried along. numpy only.

Motion is Blender's vector pass as `gather/passes.py` stores it: (H, W, 4) float32 pixels, y down, x and y to where the
point that is seen here was one frame ago, then x and y to where it will be. Positions are in pixels, (0, 0) = centre of
the first pixel; row 0 on top.
"""

from __future__ import annotations

import numpy as np

from ..filters.fields import in_bands, sampled
from ..filters.lines import borders

FAULT_PX = 0.6
"""How far a point may come to lie from where it started, there and back, and still count as the same."""
FAULT_SHARE = 0.02
"""Added to it, as a part of the motion: vectors are straight, paths are not."""
DEPTH_SHARE = 0.2
"""Change of depth from one frame to the next that makes another surface, as a part of the depth."""
_STILL_PX = 1e-3


def source(vector: np.ndarray, ahead: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(x, y), each (H, W) float32: where what each pixel shows was one frame ago; with `ahead`, where it will be."""
    height, width = vector.shape[:2]
    first = 2 if ahead else 0
    x = np.arange(width, dtype=np.float32)[None] + vector[..., first]
    y = np.arange(height, dtype=np.float32)[:, None] + vector[..., first + 1]
    return x, y


def nearest(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(row, column) int32 of the pixels at `x`, `y`, clamped, and whether they are inside of the picture."""
    column, row = np.rint(x), np.rint(y)
    inside = (column >= 0) & (row >= 0) & (column < shape[1]) & (row < shape[0])
    return (
        np.clip(row, 0, shape[0] - 1).astype(np.int32),
        np.clip(column, 0, shape[1] - 1).astype(np.int32),
        inside,
    )


def same_surface(
    x: np.ndarray,
    y: np.ndarray,
    there: np.ndarray,
    back: np.ndarray,
    here_facts: tuple[np.ndarray | None, np.ndarray | None],
    there_facts: tuple[np.ndarray | None, np.ndarray | None],
) -> np.ndarray:
    """(H, W) bool: is the point that is seen at each pixel also seen in the other frame, at `x`, `y`?

    there (H, W, 2): motion of this frame to the other one. back (H, W, 2): of the other frame to this one.
    here_facts, there_facts: (object ids, depth) of the two frames, None where not known; ids must mean the same.
    The point must be inside of the picture, come back to where it started (consistency of forward and backward motion:
    Sundaram, Brox and Keutzer 2010, "Dense point trajectories by GPU-accelerated large displacement optical flow",
    eq. 5, with tighter constants, for these vectors are exact), on the same object at about the same depth.
    """
    row, column, inside = nearest(x, y, back.shape[:2])
    returned = there + back[row, column]
    # the nearest pixel's motion, corrected for nothing: neighbours on one surface move nearly alike
    allowed = FAULT_PX + FAULT_SHARE * (np.abs(there).sum(-1) + np.abs(back[row, column]).sum(-1))
    good = inside & ((returned * returned).sum(-1) <= allowed * allowed)
    if here_facts[0] is not None and there_facts[0] is not None:
        good &= here_facts[0] == there_facts[0][row, column]
    if here_facts[1] is not None and there_facts[1] is not None:
        depth, other = here_facts[1], there_facts[1][row, column]
        with np.errstate(invalid="ignore"):
            near = np.abs(depth - other) <= DEPTH_SHARE * np.maximum(depth, other)
        far = np.isinf(depth), np.isinf(other)
        good &= np.where(far[0] | far[1], far[0] & far[1], near)
    return good


def carried(picture: np.ndarray, x: np.ndarray, y: np.ndarray, regions: np.ndarray | None = None) -> np.ndarray:
    """`picture` (H, W, C) as seen from where `x`, `y` point to: (H, W, C) float32.

    Cubic convolution (Keys 1981, a = -1/2), which keeps what linear interpolation blurs away over many frames, without
    its overshoot: values stay between those of the four nearest pixels. Near borders between regions the nearest pixel
    is taken, so that nothing bleeds over an outline; where nothing moves, every pixel keeps its value exactly.
    """
    height, width = picture.shape[:2]
    flat = np.ascontiguousarray(picture, np.float32).reshape(height * width, -1)
    row, column, _ = nearest(x, y, (height, width))
    out = flat[row * np.int32(width) + column]
    moving = (np.abs(x - column) > _STILL_PX) | (np.abs(y - row) > _STILL_PX)
    if regions is not None:
        edge = borders(regions) > 0
        moving &= ~edge[row, column]

    def band(rows: slice) -> None:
        where = np.flatnonzero(moving[rows]) + rows.start * width
        out[where] = _cubic(flat, x.ravel()[where], y.ravel()[where], height, width)

    out = out.reshape(height * width, -1)
    in_bands(height, band)
    return out.reshape(height, width, -1)


def _cubic(flat: np.ndarray, x: np.ndarray, y: np.ndarray, height: int, width: int) -> np.ndarray:
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    along, across = _weights(x - left), _weights(y - top)
    low = np.full((len(x), flat.shape[1]), np.inf, np.float32)
    high = -low
    total = np.zeros_like(low)
    for j in range(4):
        rows = np.clip(top + (j - 1), 0, height - 1) * np.int32(width)
        line = np.zeros_like(low)
        for i in range(4):
            values = flat[rows + np.clip(left + (i - 1), 0, width - 1)]
            line += values * along[i][:, None]
            if i in (1, 2) and j in (1, 2):
                np.minimum(low, values, out=low)
                np.maximum(high, values, out=high)
        total += line * across[j][:, None]
    return np.clip(total, low, high)


def _weights(t: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of the pixels at -1, 0, 1 and 2, for a place at 0 <= t < 1."""
    t = t.astype(np.float32)
    return (
        ((2 - t) * t - 1) * t * np.float32(0.5),
        ((3 * t - 5) * t * t + 2) * np.float32(0.5),
        ((4 - 3 * t) * t + 1) * t * np.float32(0.5),
        (t - 1) * t * t * np.float32(0.5),
    )


def smooth_field(field: np.ndarray, x: np.ndarray, y: np.ndarray, regions: np.ndarray | None) -> np.ndarray:
    """A slowly changing (H, W, 2) field of positions, carried along: linear, and near borders of regions the nearest
    pixel's value moved on by the rest of the way.
    """
    height, width = field.shape[:2]
    out = sampled(field, x, y)
    if regions is not None:
        row, column, _ = nearest(x, y, (height, width))
        edge = borders(regions)[row, column] > 0
        rest = np.stack([x - column, y - row], axis=-1)[edge]
        out[edge] = field[row[edge], column[edge]] + rest
    return out
