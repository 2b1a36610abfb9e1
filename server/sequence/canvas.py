"""The canvas that a sequence is drawn on: it lies on the surfaces and moves with them. numpy only.

A field (H, W, 2) of positions in pixels says for every pixel of a frame which place of the canvas it shows. In the
first frame it is the pixel's own place. From then on it is carried along the motion (Neyret 2003, "Advected Textures"),
so that paper, brush and noise that are drawn by canvas place stay on what they were drawn on. What comes into sight
continues the canvas of the same object beside it; where the canvas is stretched or squeezed too much, it is laid anew.
"""

from __future__ import annotations

import numpy as np

from ..filters.fields import gaussian
from .motion import smooth_field

STRETCH = (0.3, 3.0)
"""Area of canvas in a pixel, below and above which it is laid anew."""
_REACH_PX = 64


def fresh(shape: tuple[int, int]) -> np.ndarray:
    """(H, W, 2) float32: every pixel's own place."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.stack([x, y], axis=-1)


def advanced(
    before: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    kept: np.ndarray,
    here: np.ndarray | None,
    there: np.ndarray | None,
) -> np.ndarray:
    """The canvas one frame on. before (H, W, 2); x, y, kept as in motion.py; here, there: object ids of the frames."""
    own = fresh(before.shape[:2])
    shift = smooth_field(before, x, y, there) - own  # how far the canvas has moved: smooth where the surface is
    kept = kept & ~_torn(shift, kept)
    shift[~kept] = 0
    _continue(shift, kept, here)
    return own + shift


def area(canvas: np.ndarray) -> np.ndarray:
    """(H, W) float32: canvas pixels per pixel; nonsense along borders of objects."""
    dy, dx = np.gradient(canvas, axis=(0, 1)) if min(canvas.shape[:2]) > 1 else (np.zeros_like(canvas),) * 2
    return dx[..., 0] * dy[..., 1] - dx[..., 1] * dy[..., 0]


def _torn(shift: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(H, W) bool: patches, not single pixels or borders, that are stretched or squeezed too much."""
    if min(shift.shape[:2]) < 4:
        return np.zeros(shift.shape[:2], bool)
    here = area(fresh(shift.shape[:2]) + shift)
    bad = kept & ((here < STRETCH[0]) | (here > STRETCH[1]))
    if not bad.any():
        return bad
    return bad & (gaussian(bad.astype(np.float32), 3.0) > 0.5)


def _continue(shift: np.ndarray, known: np.ndarray, objects: np.ndarray | None) -> None:
    """Fill the unknown of `shift` in place from the nearest known pixels of the same object, at most so far away."""
    height, width = known.shape
    known = known.copy()
    flat, seen = shift.reshape(-1, 2), known.ravel()
    ids = None if objects is None else objects.ravel()
    todo = np.flatnonzero(~seen)
    for _ in range(_REACH_PX):
        if not len(todo):
            return
        row, column = todo // width, todo % width
        found = np.full(len(todo), -1, np.int64)
        for down, right in ((0, -1), (0, 1), (-1, 0), (1, 0)):
            r, c = row + down, column + right
            there = np.clip(r, 0, height - 1) * width + np.clip(c, 0, width - 1)
            fits = seen[there] & (there != todo)
            if ids is not None:
                fits &= ids[there] == ids[todo]
            found = np.where((found < 0) & fits, there, found)
        hit = found >= 0
        if not hit.any():
            return
        flat[todo[hit]] = flat[found[hit]]
        seen[todo[hit]] = True
        todo = todo[~hit]
