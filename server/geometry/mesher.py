"""From a field to a closed mesh, with queries near the surface only. numpy only.

The field is sampled on a coarse lattice first. Cells that the surface crosses are halved until the wanted resolution is
reached; wherever the surface leaves the refined region through a face, the refinement follows it, so a leg thinner than
a coarse cell is found as long as it is connected to something that the coarse lattice saw. What can be missed is a
separate part (or a hollow) that hides between the samples of the coarse lattice: smaller than 1/24 of the volume.
Samples live in small blocks, so memory grows with the surface, not with the volume.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from blender_aigc.protocol import Fault

from .isosurface import CORNERS, polygonise
from .mesh import Mesh

_COARSE_INTERVALS = 24
"""The coarsest lattice has at least this many intervals along an axis (when the resolution allows it)."""
_LOST_INTERVALS = 128
"""When the coarsest lattice sees no surface, finer ones are tried up to this many intervals."""
_CHILDREN = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
_HALVES = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)

Field = Callable[[np.ndarray], np.ndarray]


class Progress(Protocol):
    """`Context.progress`, or anything like it; raises to cancel."""

    def __call__(self, phase: str, step: int = 0, total: int = 0) -> None: ...


def extract(
    field: Field,
    bounds: np.ndarray | tuple[tuple[float, float, float], tuple[float, float, float]],
    resolution: int,
    level: float = 0.0,
    *,
    inside_larger: bool = True,
    chunk: int = 1 << 17,
    coarse_to_fine: bool = True,
    progress: Progress | None = None,
) -> Mesh:
    """The surface where `field` equals `level`, closed at the faces of the volume, wound to face outwards.

    field:      (N, 3) float32 positions, N <= chunk -> (N,) values; never asked twice for the same sample.
    bounds:     lowest and highest corner of the volume; the outermost samples lie exactly on them.
    resolution: samples along each axis, both ends included, 2..1024.
    inside_larger: True for densities and occupancies, False for distances that are negative inside.
    coarse_to_fine: False samples the whole lattice (the judge in tests and benchmarks).
    progress:   called as progress("surface", step, total) after each chunk; what it raises ends the work.

    The mesh is in the field's own coordinates. `report` has field_queries and lattice_samples.
    Raises Fault("bad_input") when the field returns NaN, Fault("empty_result") when nothing lies inside.
    """
    low, high = np.asarray(bounds, np.float64)
    if not (np.isfinite([low, high]).all() and (high > low).all() and 2 <= resolution <= 1024):
        raise Fault("bad_request", f"A mesh cannot be made in the volume {low} to {high} at resolution {resolution}.")
    meter = _Meter(progress)
    source = _Source(field, level, inside_larger, low, (high - low) / (resolution - 1), chunk, meter)
    lattice, crossing = _base(source, resolution, coarse_to_fine)
    while lattice.stride > 1:
        lattice, crossing = _refine(lattice, crossing)
    cells = np.concatenate([crossing, _cap_cells(lattice)])
    if not len(cells):
        raise Fault(
            "empty_result",
            "The model found no surface in this picture.",
            "Use a picture with one clear object, or change the seed.",
            f"{source.queries} samples, none of them inside at level {level:g}",
        )
    vertices, faces = polygonise(cells, (resolution,) * 3, lattice.read, meter.tick)
    vertices = (low + vertices * source.step).astype(np.float32)
    report = {"field_queries": source.queries, "lattice_samples": resolution**3}
    return Mesh(vertices, faces, report=report)


class _Meter:
    """Turns work done on lattices, each about four times as long as the one before, into one rising number."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.begun, self.width = 0.0, 1.0
        self.shown = 0

    def lattice(self, stride: int) -> None:
        """Work starts on the lattice of this stride (a power of two)."""
        self.begun, self.width = 0.95 / (2 * stride - 1) ** 2 if stride > 1 else 0.2, 0.75 / stride**2

    def tick(self, share: float = 1.0) -> None:
        self.shown = max(self.shown, round(1000 * min(1.0, self.begun + self.width * share)))
        if self.progress:
            self.progress("surface", self.shown, 1000)


class _Source:
    """The field as signed values (positive inside) at integer positions of the finest lattice."""

    def __init__(self, field, level, inside_larger, low, step, chunk, meter) -> None:
        self.field, self.level, self.sign = field, level, 1.0 if inside_larger else -1.0
        self.low, self.step, self.chunk, self.meter = low, step, chunk, meter
        self.queries = 0

    def values(self, positions: np.ndarray) -> np.ndarray:
        """(N, 3) lattice positions -> (N,) float32."""
        result = np.empty(len(positions), np.float32)
        for first in range(0, len(positions), self.chunk):
            part = positions[first : first + self.chunk]
            values = np.asarray(self.field((self.low + part * self.step).astype(np.float32)))
            if values.shape != (len(part),):
                raise ValueError(f"the field returned {values.shape} for {part.shape} positions")
            if np.isnan(values).any():
                raise Fault(
                    "bad_input",
                    "The model returned invalid numbers (NaN) instead of a shape.",
                    "Try another picture; if it stays so, download the model's weights again.",
                    f"{int(np.isnan(values).sum())} of {len(part)} samples are NaN",
                )
            signed = self.sign * (values.astype(np.float64) - self.level)
            result[first : first + self.chunk] = np.clip(signed, -1e30, 1e30)
            self.queries += len(part)
            self.meter.tick((first + len(part)) / len(positions))
        return result


class _Lattice:
    """Every stride-th sample of the finest lattice (and the last one), in blocks of 8 x 8 x 8 made as they are met."""

    def __init__(self, source: _Source, resolution: int, stride: int, parent: _Lattice | None) -> None:
        self.source, self.resolution, self.stride, self.parent = source, resolution, stride, parent
        self.last = -(-(resolution - 1) // stride)  # index of the last sample along each axis
        self.blocks = self.last // 8 + 1
        self.table = np.zeros(self.blocks**3, np.int32)  # block -> its place in the pool; 0: none yet
        self.pool = np.full((1, 512), np.nan, np.float32)  # NaN: not asked yet
        self.used = 1

    def _block(self, samples: np.ndarray) -> np.ndarray:
        block = samples >> 3
        return (block[:, 0] * self.blocks + block[:, 1]) * self.blocks + block[:, 2]

    def _slots(self, samples: np.ndarray) -> np.ndarray:
        return self.table[self._block(samples)] * np.int64(512) + _within(samples)

    def ask(self, samples: np.ndarray) -> None:
        """Queries the field at those (N, 3) samples that are not known yet."""
        blocks = self._block(samples)
        met = np.zeros(len(self.table), bool)
        met[blocks] = True
        fresh = np.flatnonzero(met & (self.table == 0))
        if self.used + len(fresh) > len(self.pool):
            grown = np.full((max(2 * len(self.pool), self.used + len(fresh)), 512), np.nan, np.float32)
            grown[: self.used] = self.pool[: self.used]
            self.pool = grown
        self.table[fresh] = np.arange(self.used, self.used + len(fresh))
        self.used += len(fresh)
        slots, samples = self._unknown(samples, blocks, np.flatnonzero(met))
        flat = self.pool.reshape(-1)
        if self.parent:
            same, above = self._above(samples)
            flat[slots[same]] = self.parent.known(above[same])
            unknown = np.isnan(flat[slots])
            slots, samples = slots[unknown], samples[unknown]
        flat[slots] = self.source.values(np.minimum(samples * self.stride, self.resolution - 1))

    def _unknown(self, samples: np.ndarray, blocks: np.ndarray, met: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The slots and the (M, 3) samples, each once and in order, of those that have no value yet.

        Marked in the blocks instead of sorted: a sample is asked for by up to eight cells, and sorting was a quarter
        of the mesher's time. blocks: of each sample. met: (B,) the different ones among them.
        """
        place = np.zeros(len(self.table), np.int64)
        place[met] = np.arange(len(met))
        wanted = np.zeros((len(met), 512), bool)
        wanted.reshape(-1)[place[blocks] * 512 + _within(samples)] = True
        wanted &= np.isnan(self.pool[self.table[met]])
        number, within = np.nonzero(wanted)
        block = np.stack(np.unravel_index(met[number], (self.blocks,) * 3), axis=1)
        offset = np.stack([within >> 6, within >> 3 & 7, within & 7], axis=1)
        return self.table[met[number]] * np.int64(512) + within, block * 8 + offset

    def _above(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether each sample is one of the parent's, and the parent's sample at or below it."""
        ends = samples == self.last
        above = np.where(ends, self.parent.last, samples >> 1)
        kept = ends | (samples & 1 == 0)
        return kept[:, 0] & kept[:, 1] & kept[:, 2], above

    def known(self, samples: np.ndarray) -> np.ndarray:
        """(N,) values, NaN where the field was not asked."""
        return self.pool.reshape(-1)[self._slots(samples)]

    def read(self, samples: np.ndarray) -> np.ndarray:
        """(N,) values; where the field was not asked, a value of the right sign."""
        values = self.known(samples)
        missing = np.flatnonzero(np.isnan(values))
        if len(missing):
            values[missing] = self.parent.read(self._above(samples[missing])[1])
        return values


def _within(samples: np.ndarray) -> np.ndarray:
    """(N,) place of each sample in its block."""
    within = samples & 7
    return within[:, 0] << 6 | within[:, 1] << 3 | within[:, 2]


def _base(source: _Source, resolution: int, coarse_to_fine: bool) -> tuple[_Lattice, np.ndarray]:
    """The coarsest lattice, fully sampled, and the cells that the surface crosses."""
    stride = 1
    while coarse_to_fine and (resolution - 1) // (2 * stride) >= _COARSE_INTERVALS:
        stride *= 2
    lattice = None
    while True:
        source.meter.lattice(stride)
        lattice = _Lattice(source, resolution, stride, lattice)
        side = np.arange(lattice.last + 1)
        inside = np.zeros((lattice.last + 1,) * 3, bool)
        for first in range(0, lattice.last + 1, 8):  # by layers of blocks: the dense judge needs little memory, too
            layers = np.stack(np.meshgrid(side[first : first + 8], side, side, indexing="ij"), axis=-1)
            lattice.ask(layers.reshape(-1, 3))
            inside[first : first + 8] = lattice.known(layers.reshape(-1, 3)).reshape(layers.shape[:3]) > 0
        if stride == 1 or inside.any() or 2 * (resolution - 1) // stride > _LOST_INTERVALS:
            break
        stride //= 2
    count = np.zeros((lattice.last,) * 3, np.int8)
    for x, y, z in CORNERS:
        count += inside[x : x + lattice.last, y : y + lattice.last, z : z + lattice.last]
    return lattice, np.argwhere((count > 0) & (count < 8))


def _refine(parent: _Lattice, crossing: np.ndarray) -> tuple[_Lattice, np.ndarray]:
    """The lattice of half the stride and its crossing cells, given the parent's crossing cells."""
    lattice = _Lattice(parent.source, parent.resolution, parent.stride // 2, parent)
    parent.source.meter.lattice(lattice.stride)
    done = np.zeros((parent.last + 2,) * 3, bool)  # cells, with a ring so that neighbours need no test
    done[[0, -1]] = done[:, [0, -1]] = done[:, :, [0, -1]] = True
    front = np.zeros_like(done)
    front[tuple(crossing.T + 1)] = True
    if lattice.stride > 2:  # a margin catches small parts beside the surface; on the last lattice it would only cost
        for axis in range(3):
            near = np.moveaxis(front, axis, 0)
            near[1:-1] |= near[:-2] | near[2:]
    front &= ~done
    found = []
    while front.any():
        done |= front
        cells = np.argwhere(front) - 1
        front[:] = False
        for first in range(0, len(cells), 1 << 16):
            part = cells[first : first + (1 << 16)]
            samples = np.minimum(2 * part[:, None] + _CHILDREN, lattice.last)
            lattice.ask(samples.reshape(-1, 3))
            inside = (lattice.known(samples.reshape(-1, 3)) > 0).reshape(-1, 3, 3, 3)
            found.append(_crossing_children(part, inside, lattice.last))
            _follow(front, part, inside)
        front &= ~done
    return lattice, np.concatenate(found) if found else np.zeros((0, 3), np.int64)


def _crossing_children(cells: np.ndarray, inside: np.ndarray, last: int) -> np.ndarray:
    """(N, 3) child cells that the surface crosses. inside: (M, 3, 3, 3) of the samples of each parent cell."""
    count = inside.astype(np.int8)
    for axis in (1, 2, 3):  # of the eight corners of each child, in three additions
        first, second = (np.take(count, steps, axis=axis) for steps in ((0, 1), (1, 2)))
        count = first + second
    crossed = (count > 0) & (count < 8)
    found = []
    for x, y, z in _HALVES:
        child = 2 * cells[crossed[:, x, y, z]] + (x, y, z)
        found.append(child[child.max(axis=1, initial=-1) < last])
    return np.concatenate(found)


def _follow(front: np.ndarray, cells: np.ndarray, inside: np.ndarray) -> None:
    """Marks in `front` the neighbours into which the surface runs: those behind a face with samples of both signs."""
    ones = np.ones(9, np.float32)  # a product with ones is many times as fast as any() over nine
    inside = inside.astype(np.float32)
    for axis in range(3):
        for side in (0, 2):
            count = np.take(inside, side, axis=axis + 1).reshape(-1, 9) @ ones
            leaving = cells[(count > 0) & (count < 9)] + 1
            leaving[:, axis] += side - 1
            front[tuple(leaving.T)] = True


def _cap_cells(lattice: _Lattice) -> np.ndarray:
    """(N, 3) cells outside the volume that touch an inside sample on one of its faces."""
    last = lattice.last
    u, v = np.meshgrid(np.arange(last + 1), np.arange(last + 1), indexing="ij")
    found = []
    for axis in range(3):
        for at, beyond in ((0, -1), (last, last)):
            samples = np.insert(np.stack([u.ravel(), v.ravel()], axis=1), axis, at, axis=1)
            inside = np.zeros((last + 3, last + 3), bool)
            inside[1:-1, 1:-1] = (lattice.read(samples) > 0).reshape(last + 1, last + 1)
            touched = inside[:-1, :-1] | inside[1:, :-1] | inside[:-1, 1:] | inside[1:, 1:]
            found.append(np.insert(np.argwhere(touched) - 1, axis, beyond, axis=1))
    return np.unique(np.concatenate(found), axis=0)
