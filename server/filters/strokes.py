"""Marks of a hand: thin strokes traced along a direction field, and brush marks laid over each other. numpy only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .fields import lattice, sampled

_CHUNK = 1 << 21


@dataclass(frozen=True)
class Seeds:
    """Starting points of N strokes: x, y in pixels; `key` (N, 2) integer places that own them, for more randomness."""

    x: np.ndarray
    y: np.ndarray
    key: np.ndarray

    def random(self, seed: int) -> np.ndarray:
        """(N,) numbers 0..1 that stay with each stroke."""
        return lattice(self.key[:, 0], self.key[:, 1], seed)

    def where(self, keep: np.ndarray) -> Seeds:
        return Seeds(self.x[keep], self.y[keep], self.key[keep])


def seeds(shape: tuple[int, int], spacing_px: float, seed: int, margin_px: float = 0.0) -> Seeds:
    """One point in each cell of a grid, anywhere in it (stratified: no clumps); anchored to the corner."""
    low = -int(np.ceil(margin_px / spacing_px))
    rows = np.arange(low, int(np.ceil((shape[0] + margin_px) / spacing_px)))
    columns = np.arange(low, int(np.ceil((shape[1] + margin_px) / spacing_px)))
    key = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    x = (key[:, 0] + lattice(key[:, 0], key[:, 1], seed)) * spacing_px
    y = (key[:, 1] + lattice(key[:, 0], key[:, 1], seed + 1)) * spacing_px
    return Seeds(x.astype(np.float32) - 0.5, y.astype(np.float32) - 0.5, key)


def traced(
    shape: tuple[int, int],
    start: Seeds,
    angle: np.ndarray,
    length_px: np.ndarray,
    width_px: float,
    pressure: np.ndarray,
    regions: np.ndarray | None,
    check: Callable[[], None],
    seed: int = 0,
) -> np.ndarray:
    """(H, W) float32 coverage: strokes that follow the field `angle` (H, W, radians, of lines: no arrow).

    Streamlines from the middle both ways (Jobard and Lefer 1997), one pixel a step, splatted bilinearly; the pressure
    (N,) fades towards both ends, as a hand lifts the pencil. A stroke ends where it leaves the region it started in.
    """
    height, width = shape
    splats = _Splats(height, width)
    field = np.stack([np.cos(2 * angle), np.sin(2 * angle)], axis=-1).astype(np.float32)  # doubled: lines, not arrows
    sides = _across(width_px)
    half = np.asarray(length_px, np.float32) * np.float32(0.5)
    bow = ((start.random(seed + 11) - 0.5) * 0.012).astype(np.float32)
    home = np.zeros(len(half), np.int32) if regions is None else _at(regions, start.x, start.y)
    pressure = np.asarray(pressure, np.float32) / len(sides)
    for way in (1.0, -1.0):
        # x, y, half length, bow, home, pressure, direction of the step before; strokes that have ended are left out
        state = [start.x, start.y, half, bow, home, pressure, np.zeros_like(half), np.zeros_like(half)]
        for step in range(int(np.ceil(float(half.max(initial=0.0)))) + 1):
            check()
            x, y = state[0], state[1]
            alive = (step <= state[2]) & (x > -1) & (y > -1) & (x < width) & (y < height)
            if regions is not None:
                alive &= _at(regions, x, y) == state[4]
            if not alive.all():
                state = [part[alive] for part in state]
            x, y, reach, bend, _, force, last_x, last_y = state
            doubled = field[_index(y, height), _index(x, width)]
            theta = np.float32(0.5) * np.arctan2(doubled[:, 1], doubled[:, 0]) + bend * np.float32(step)
            dx, dy = np.cos(theta) * np.float32(way), np.sin(theta) * np.float32(way)
            turn = np.where(dx * last_x + dy * last_y < 0, np.float32(-1), np.float32(1))
            dx, dy = dx * turn, dy * turn
            taper = np.clip(1 - (step / np.maximum(reach, 1)) ** 2, 0, 1) * np.float32(0.5 if step == 0 else 1.0)
            for side in sides:
                splats.add(x - dy * np.float32(side), y + dx * np.float32(side), force * taper)
            state[0], state[1], state[6], state[7] = x + dx, y + dy, dx, dy
    return splats.picture()


def _across(width_px: float) -> tuple[float, ...]:
    count = max(1, round(width_px))
    return tuple((index - (count - 1) / 2) * (width_px / count) for index in range(count))


def _index(position: np.ndarray, size: int) -> np.ndarray:
    return np.clip(np.rint(position), 0, size - 1).astype(np.int32)


def _at(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return field[_index(y, field.shape[0]), _index(x, field.shape[1])]


class _Splats:
    """Points to be added to a picture, many at a time: one pass over the picture for millions of points."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.total = np.zeros(height * width, np.float64)
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._count = 0

    def add(self, x: np.ndarray, y: np.ndarray, force: np.ndarray) -> None:
        """Each point is shared by the four pixels around it."""
        left, top = np.floor(x), np.floor(y)
        seen = (force > 0) & (left >= 0) & (top >= 0) & (left < self.width - 1) & (top < self.height - 1)
        u, v = (x - left)[seen], (y - top)[seen]
        base = top[seen].astype(np.int32) * np.int32(self.width) + left[seen].astype(np.int32)
        right = u * force[seen]
        near = force[seen] - right
        shares = ((0, near * (1 - v)), (1, right * (1 - v)), (self.width, near * v), (self.width + 1, right * v))
        self._waiting += [(base + np.int32(offset), share) for offset, share in shares]
        self._count += 4 * len(base)
        if self._count > _CHUNK:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            places = np.concatenate([place for place, _ in self._waiting])
            shares = np.concatenate([share for _, share in self._waiting])
            self.total += np.bincount(places, weights=shares, minlength=len(self.total))
            self._waiting, self._count = [], 0

    def picture(self) -> np.ndarray:
        """(H, W) float32."""
        self._flush()
        return self.total.reshape(self.height, self.width).astype(np.float32)


# -------------------------------------------------------------------------------------------------------- brush marks

ATLAS, ATLAS_LONG, ATLAS_WIDE = 16, 96, 32


def brushes(seed: int) -> np.ndarray:
    """(16, 32, 96, 2) float32: opacity and thickness of paint of bristle strokes, along the last but one axis."""
    along = np.linspace(-1, 1, ATLAS_LONG, dtype=np.float32)[None]
    across = np.linspace(-1, 1, ATLAS_WIDE, dtype=np.float32)[:, None]
    rows = np.arange(ATLAS_WIDE)
    made = []
    for number in range(ATLAS):
        fine, broad = lattice(rows, number + 0 * rows, seed), lattice(rows // 3, number + 0 * rows, seed + 1)
        bristle = (0.6 * fine + 0.4 * broad)[:, None]
        start = -0.92 + 0.12 * lattice(rows // 2, number + 0 * rows, seed + 2)[:, None]
        end = 0.62 + 0.38 * bristle - 0.25 * across**2
        edge = 0.93 - 0.16 * lattice(np.arange(ATLAS_LONG) // 6, number + np.zeros(ATLAS_LONG), seed + 3)[None]
        body = _ramp(along - start, 0.1) * _ramp(end - along, 0.22) * _ramp(edge - np.abs(across), 0.14)
        dry = np.clip(1 - np.clip(along, 0, 1) * (1.3 - 1.6 * bristle), 0, 1)
        relief = body * (0.35 + 0.65 * bristle) * (1 - 0.35 * (along + 1) / 2)
        made.append(np.stack([body * np.clip(dry * 1.4, 0, 1), relief + 0.35 * body * np.abs(across) ** 3], axis=-1))
    return np.stack(made).astype(np.float32)


def _ramp(distance: np.ndarray, soft: float) -> np.ndarray:
    return np.clip(distance / soft + 0.5, 0, 1)


@dataclass(frozen=True)
class Marks:
    """Brush marks, one in each cell of a grid of `cell_px`: (rows, columns) arrays that start one cell outside.

    x, y: middle in pixels. cosine, sine: of the direction. long_px, wide_px: half the extents.
    colour: (rows, columns, 3). region: id on which it may paint. brush: which of the atlas; -1 draws nothing.
    """

    cell_px: float
    table: np.ndarray
    region: np.ndarray | None
    brush: np.ndarray


def lay(
    canvas: np.ndarray,
    relief: np.ndarray,
    marks: Marks,
    atlas: np.ndarray,
    regions: np.ndarray | None,
    order: np.ndarray,
    top: int,
) -> None:
    """Paint `marks` over rows top.. of the picture, in place; canvas (h, W, 3), relief (h, W), regions (h, W).

    A mark reaches one cell beyond its own, so each pixel meets nine of them, one of each class (row mod 3, column
    mod 3). The classes are laid one after the other in `order`, with true "over" compositing.
    """
    height, width = relief.shape
    ys = np.arange(top, top + height, dtype=np.float32)[:, None]
    xs = np.arange(width, dtype=np.float32)[None]
    rows = np.floor((ys[:, 0] + 0.5) / marks.cell_px).astype(np.int32) + 1
    columns = np.floor((xs[0] + 0.5) / marks.cell_px).astype(np.int32) + 1
    flat = atlas.reshape(-1, 2)
    for kind in order:
        r = rows - 1 + (kind // 3 - (rows - 1)) % 3  # of the three around, the one of this class
        c = columns - 1 + (kind % 3 - (columns - 1)) % 3
        cell = np.ix_(r, c)
        t = marks.table[cell]
        dx, dy = xs - t[..., 0], ys - t[..., 1]
        u = (dx * t[..., 2] + dy * t[..., 3]) * t[..., 4]
        v = (dy * t[..., 2] - dx * t[..., 3]) * t[..., 5]
        brush = marks.brush[cell]
        inside = (np.abs(u) < 1) & (np.abs(v) < 1) & (brush >= 0)
        if regions is not None:
            inside &= regions == marks.region[cell]
        where = np.flatnonzero(inside)
        if not len(where):
            continue
        a = ((u.ravel()[where] + 1) * (ATLAS_LONG / 2)).astype(np.int32)
        b = ((v.ravel()[where] + 1) * (ATLAS_WIDE / 2)).astype(np.int32)
        texel = flat[(brush.ravel()[where] * ATLAS_WIDE + b) * ATLAS_LONG + a]
        alpha = texel[:, :1]
        colours = t.reshape(-1, t.shape[-1])[where, 6:9]
        paint, high = canvas.reshape(-1, 3), relief.reshape(-1)
        paint[where] += (colours - paint[where]) * alpha
        high[where] += (texel[:, 1] - high[where] * 0.6) * alpha[:, 0]


@dataclass(frozen=True)
class LooseMarks:
    """N brush marks anywhere. table (N, 9), region (N,), brush (N,): as of Marks. reach_px: half of the longest mark.

    kind: (N,) 0..8, the class of the mark; marks of one class hardly meet.
    """

    reach_px: float
    table: np.ndarray
    region: np.ndarray | None
    brush: np.ndarray
    kind: np.ndarray


def scatter(
    canvas: np.ndarray,
    relief: np.ndarray,
    marks: LooseMarks,
    atlas: np.ndarray,
    regions: np.ndarray | None,
    order: np.ndarray,
    check: Callable[[], None],
) -> None:
    """Paint `marks` over the whole picture, in place: `lay` for marks that have left their cells."""
    side = np.arange(-int(np.ceil(marks.reach_px)), int(np.ceil(marks.reach_px)) + 1)
    away_x, away_y = (part.ravel().astype(np.int32) for part in np.meshgrid(side, side))
    at_once = max(1, _CHUNK // len(away_x))
    for kind in order:
        those = np.flatnonzero(marks.kind == kind)
        for first in range(0, len(those), at_once):
            check()
            _dab(canvas, relief, marks, those[first : first + at_once], atlas, regions, away_x, away_y)


def _dab(
    canvas: np.ndarray,
    relief: np.ndarray,
    marks: LooseMarks,
    those: np.ndarray,
    atlas: np.ndarray,
    regions: np.ndarray | None,
    away_x: np.ndarray,
    away_y: np.ndarray,
) -> None:
    """Some marks of one class, each over a square of pixels around its middle."""
    height, width = relief.shape
    table = marks.table[those]
    x0, y0 = np.rint(table[:, 0]).astype(np.int32), np.rint(table[:, 1]).astype(np.int32)
    x, y = x0[:, None] + away_x, y0[:, None] + away_y
    dx, dy = away_x + (x0 - table[:, 0])[:, None], away_y + (y0 - table[:, 1])[:, None]
    u = (dx * table[:, 2, None] + dy * table[:, 3, None]) * table[:, 4, None]
    v = (dy * table[:, 2, None] - dx * table[:, 3, None]) * table[:, 5, None]
    inside = (np.abs(u) < 1) & (np.abs(v) < 1) & (x >= 0) & (y >= 0) & (x < width) & (y < height)
    which, place = np.nonzero(inside)
    where = y[which, place] * np.int32(width) + x[which, place]
    if regions is not None and marks.region is not None:
        own = regions.ravel()[where] == marks.region[those][which]
        which, place, where = which[own], place[own], where[own]
    a = ((u[which, place] + 1) * (ATLAS_LONG / 2)).astype(np.int32)
    b = ((v[which, place] + 1) * (ATLAS_WIDE / 2)).astype(np.int32)
    texel = atlas.reshape(-1, 2)[(marks.brush[those][which] * ATLAS_WIDE + b) * ATLAS_LONG + a]
    paint, high = canvas.reshape(-1, 3), relief.reshape(-1)
    paint[where] += (table[which, 6:9] - paint[where]) * texel[:, :1]
    high[where] += (texel[:, 1] - high[where] * 0.6) * texel[:, 0]


def local_mean(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`field` at places that may lie outside of the picture."""
    return sampled(field, x, y)
