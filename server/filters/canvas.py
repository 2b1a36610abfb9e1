"""What paper, clouds and strokes lie on: the picture's own plane, or a canvas that moves with what is seen. numpy only.

Source of the moving one: strokes and paper that stick to the surfaces of an animation (Meier 1996, "Painterly Rendering
for Animation"), by the motion of the picture (Litwinowicz 1997, "Processing Images and Video for an Impressionist
Effect") instead of by particles in the scene, so that whatever has motion vectors will do.
"""

from __future__ import annotations

import functools

import numpy as np

from . import fields, strokes
from .fields import lattice
from .strokes import Seeds


class Canvas:
    """The picture's own plane, from its upper left corner: the same place of it is always the same."""

    moves = False

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape

    def clouds(self, size_px: float, seed: int, octaves: int = 4) -> np.ndarray:
        return fields.clouds(self.shape, size_px, seed, octaves)

    def paper(self, grain_px: float, seed: int) -> np.ndarray:
        return fields.paper(self.shape, grain_px, seed)

    def seeds(self, spacing_px: float, seed: int, margin_px: float = 0.0) -> Seeds:
        return strokes.seeds(self.shape, spacing_px, seed, margin_px)


class MovingCanvas(Canvas):
    """A canvas of which every pixel shows another place. places: (H, W, 2) float32 pixels; regions: (H, W) or None."""

    moves = True

    def __init__(self, places: np.ndarray, regions: np.ndarray | None) -> None:
        super().__init__((places.shape[0], places.shape[1]))
        self._x = np.ascontiguousarray(places[..., 0])
        self._y = np.ascontiguousarray(places[..., 1])
        self._regions = regions

    def clouds(self, size_px: float, seed: int, octaves: int = 4) -> np.ndarray:
        total = np.zeros(self.shape, np.float32)
        for octave in range(octaves):
            part = self._noise(max(size_px / 2**octave, 1.0), seed + 101 * octave)
            total += (part - np.float32(0.5)) * np.float32(0.5**octave)
        return total * np.float32(1.6)

    def paper(self, grain_px: float, seed: int) -> np.ndarray:
        """As fields.paper, but with the mean and deviation of a large sheet: those of one frame would pump."""
        fine = self._noise(grain_px, seed) + self._noise(grain_px * 0.5, seed + 1) * np.float32(0.7)
        coarse = self._noise(grain_px * 2.6, seed + 2)
        fibres = self._noise(grain_px, seed + 3, across=0.25)
        height = fine + np.float32(0.8) * coarse + np.float32(0.35) * fibres
        mean, deviation = _sheet(round(grain_px, 3), seed)
        return (height - np.float32(mean)) / np.float32(deviation)

    def seeds(self, spacing_px: float, seed: int, margin_px: float = 0.0) -> Seeds:
        """The points of strokes.seeds where the canvas shows them now, each in at most one place of a region."""
        margin = int(np.ceil(margin_px))
        x, y = _extended(self._x, margin, 1), _extended(self._y, margin, 0)
        step = np.float32(spacing_px)
        cell_x = np.floor((x + np.float32(0.5)) / step).astype(np.int32)
        cell_y = np.floor((y + np.float32(0.5)) / step).astype(np.int32)
        away_x = (cell_x + lattice(cell_x, cell_y, seed)) * step - np.float32(0.5) - x
        away_y = (cell_y + lattice(cell_x, cell_y, seed + 1)) * step - np.float32(0.5) - y
        row, column = np.nonzero(np.maximum(np.abs(away_x), np.abs(away_y)) < 3)  # only these can hold a point
        along, across = _solved(x, y, row, column, away_x[row, column], away_y[row, column])
        far = np.maximum(np.abs(along), np.abs(across))
        order = np.flatnonzero(far <= 1)  # the pixel that is nearest to a point may show the cell beside it
        order = order[np.argsort(far[order], kind="stable")]
        row, column, along, across = row[order], column[order], along[order], across[order]
        key = np.stack([cell_x[row, column], cell_y[row, column]], axis=-1).astype(np.int64)
        home = np.zeros(len(row), np.int64)
        if self._regions is not None:
            home += np.pad(self._regions, margin, mode="edge")[row, column]
        _, first = np.unique(((key[:, 0] << 40) + (key[:, 1] << 20)) ^ home, return_index=True)
        x, y = (column + along - margin)[first], (row + across - margin)[first]
        return Seeds(x.astype(np.float32), y.astype(np.float32), key[first])

    def _noise(self, size_px: float, seed: int, across: float = 1.0) -> np.ndarray:
        """As fields.noise at the places of the canvas; across: part of the horizontal distance that counts."""
        size = np.float32(size_px)
        x, y = (np.floor(self._x * np.float32(across)) if across != 1.0 else self._x) / size, self._y / size
        left, top = np.floor(x), np.floor(y)
        u, v = x - left, y - top
        left, top = left.astype(np.int32), top.astype(np.int32)
        u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
        low_x, low_y = int(left.min()), int(top.min())
        wide, high = int(left.max()) - low_x + 2, int(top.max()) - low_y + 2
        if wide * high > 8 * left.size + 1024:  # a canvas that reaches far: hash each corner
            above = lattice(left, top, seed) * (1 - u) + lattice(left + 1, top, seed) * u
            below = lattice(left, top + 1, seed) * (1 - u) + lattice(left + 1, top + 1, seed) * u
            return above + (below - above) * v
        grid = lattice(np.arange(low_x, low_x + wide)[None], np.arange(low_y, low_y + high)[:, None], seed).ravel()
        place = (top - low_y) * np.int32(wide) + (left - low_x)
        above = grid[place] * (1 - u) + grid[place + 1] * u
        place += np.int32(wide)
        return above + (grid[place] * (1 - u) + grid[place + 1] * u - above) * v


@functools.lru_cache(maxsize=32)
def _sheet(grain_px: float, seed: int) -> tuple[float, float]:
    """Mean and deviation of the height of paper before it is normalised, of a sheet of 256 grains or so."""
    side = int(min(1024, max(128, 64 * grain_px)))
    y, x = np.mgrid[:side, :side].astype(np.float32)
    blank = MovingCanvas(np.stack([x, y], axis=-1), None)
    parts = (1.0, blank._noise(grain_px, seed)), (0.7, blank._noise(grain_px * 0.5, seed + 1))
    parts += (0.8, blank._noise(grain_px * 2.6, seed + 2)), (0.35, blank._noise(grain_px, seed + 3, across=0.25))
    height = sum(np.float32(weight) * part for weight, part in parts)
    return float(height.mean()), float(height.std()) + 1e-6


def _extended(part: np.ndarray, margin: int, axis: int) -> np.ndarray:
    """One coordinate of the canvas, going on outside of the picture as it is at its edge; axis: which it counts."""
    if not margin:
        return part
    rows, columns = (np.arange(-margin, size + margin) for size in part.shape)
    row, column = np.clip(rows, 0, part.shape[0] - 1), np.clip(columns, 0, part.shape[1] - 1)
    beyond = (columns - column)[None] if axis else (rows - row)[:, None]
    return part[row][:, column] + beyond.astype(np.float32)


def _solved(
    x: np.ndarray, y: np.ndarray, row: np.ndarray, column: np.ndarray, away_x: np.ndarray, away_y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far from each pixel (row, column) the canvas shows the place that is `away` on it: one step of Newton's.

    The slope of the canvas is taken from the two neighbours; where that cannot be (borders), it counts as unbent.
    """
    height, width = x.shape
    before, after = np.maximum(column - 1, 0), np.minimum(column + 1, width - 1)
    above, below = np.maximum(row - 1, 0), np.minimum(row + 1, height - 1)
    run, fall = np.maximum(after - before, 1), np.maximum(below - above, 1)
    xx, yx = (x[row, after] - x[row, before]) / run, (y[row, after] - y[row, before]) / run
    xy, yy = (x[below, column] - x[above, column]) / fall, (y[below, column] - y[above, column]) / fall
    area = xx * yy - xy * yx
    odd = ~((area > 0.2) & (area < 5.0))
    xx, yy = np.where(odd, np.float32(1), xx), np.where(odd, np.float32(1), yy)
    xy, yx, area = (
        np.where(odd, np.float32(0), xy),
        np.where(odd, np.float32(0), yx),
        np.where(odd, np.float32(1), area),
    )
    return (away_x * yy - away_y * xy) / area, (away_y * xx - away_x * yx) / area
