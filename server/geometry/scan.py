"""Scan conversion in plain torch: which triangle is nearest at each pixel's centre. One code path for CPU and CUDA.

Triangles are sorted by the size of their pixel box. Small ones are tested at all pixels of the box at once, as one
matrix product (offsets x 3) @ (3 x triangles) for each edge; large ones are cut into blocks of 16 x 16 pixels first.
The winner is found by one scatter of packed 64 bit keys: nearness above, triangle below. Pixels outside a triangle are
not compacted away (that costs more than it saves) but get the key 0. Source of the idea of bounded boxes and packed
keys: Laine and Karras, "High-Performance Software Rasterization on GPUs" (HPG 2011); the rest is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

_BOXES = [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3), (4, 3), (3, 4), (4, 4), (5, 4), (4, 5), (5, 5)]
_BOXES += [(side, side) for side in (6, 8, 11, 16)]
"""(wide, high) boxes that a triangle is tested in as a whole, the smallest that holds it."""
_BLOCK = 16
_AT_ONCE = {"cpu": 1 << 16, "cuda": 1 << 24}
"""Pixel tests in one step: as many as stay in a core's own cache."""
_SIGN = -(1 << 31)
_GROWTH = 1e-5
"""Pixels by which triangles are grown, so that rounding opens no crack between neighbours."""

Check = Callable[[], None]


class Canvas:
    """A picture of (height, width) pixels on which triangles are drawn, the nearest winning.

    depth: the nearest triangle wins. Otherwise the one in which a pixel's centre lies deepest (for texture charts).
    check: called now and then between steps; what it raises ends the work.
    """

    def __init__(
        self,
        height: int,
        width: int,
        device: torch.device | str = "cpu",
        check: Check | None = None,
        *,
        depth: bool = True,
    ):
        self.height, self.width, self._check, self._depth = height, width, check, depth
        self._stride = width + _BLOCK  # what a box sticks out beyond the picture falls into a margin
        self._buffer = torch.zeros((height + _BLOCK) * self._stride, dtype=torch.int64, device=device)
        self._kinds = _kinds().to(device)
        self._boxes = [_offsets(box, self._stride, device) for box in _BOXES]

    def draw(self, corners: Tensor, nearness: Tensor, numbers: Tensor, growth: float = _GROWTH) -> None:
        """Draws triangles; call it with some 30,000 at a time, whose working set stays in a core's cache.

        corners:  (2, 3, F) float32, x and y in pixels of the three corners. nearness: (3, F) float32, > 0, affine in
        the picture (1 / depth of a perspective view); the largest wins, on a tie the highest number.
        numbers:  (F,) int64 below 2^31, what `read` gives for each triangle.
        Triangles with a corner that is not finite are left out: clip them first.
        Pixel (i, j) belongs to a triangle when its centre (j + 0.5, i + 0.5) does, give or take `growth` pixels.
        """
        left, top, wide, high = _boxes(corners, self.height, self.width, growth)
        seen = (wide > 0) & (high > 0)
        wide, high = wide.mul_(seen), high.mul_(seen)
        kinds = self._kinds[torch.add(wide.clamp(max=_BLOCK + 1), high.clamp(max=_BLOCK + 1), alpha=_BLOCK + 2)]
        order = torch.argsort(kinds)
        counts = torch.bincount(kinds, minlength=len(_BOXES) + 2).tolist()
        parts = order.split(counts)
        small = _setup(corners, nearness, left, top, torch.cat(parts[:-2]), self._stride, numbers, growth, self._depth)
        start = 0
        for box, count in zip(self._boxes, counts, strict=False):
            if count:
                self._test(_part(small, slice(start, start + count)), *box)
                start += count
        if counts[-2]:
            rest = parts[-2]
            self._large(
                _setup(corners, nearness, left, top, rest, self._stride, numbers, growth, self._depth),
                wide[rest],
                high[rest],
            )

    def nearness(self) -> Tensor:
        """(height, width) float32 of what is drawn so far, 0 where nothing is."""
        halves = self._buffer.view(torch.int32).view(-1, self._stride, 2)[: self.height, : self.width]
        return halves[..., 1].contiguous().view(torch.float32)

    def read(self) -> tuple[Tensor, Tensor]:
        """(nearness float32, triangle int32), (height, width); nearness 0 and triangle -1 where nothing is drawn."""
        value = self.nearness()
        halves = self._buffer.view(torch.int32).view(-1, self._stride, 2)[: self.height, : self.width]
        return value, torch.where(value > 0, halves[..., 0], -1)

    def _test(self, triangles: _Triangles, offsets: Tensor, steps: Tensor) -> None:
        """Tests the triangles at every pixel of a box (see `_offsets`) from their base on, and keeps the nearest."""
        at_once = max(_AT_ONCE[self._buffer.device.type] // len(steps), 256)
        for begin in range(0, len(triangles.face), at_once):
            part = _part(triangles, slice(begin, begin + at_once))
            _keep_nearest(self._buffer, part, offsets, steps, self._depth)
            if self._check:
                self._check()

    def _large(self, setup: _Triangles, wide: Tensor, high: Tensor) -> None:
        """Cuts triangles into blocks, drops the blocks that an edge excludes, and tests the rest."""
        across, down = (wide + _BLOCK - 1) // _BLOCK, (high + _BLOCK - 1) // _BLOCK
        count = (across * down).long()
        ends = torch.cumsum(count, 0)
        total, at_once = int(ends[-1]), _AT_ONCE[self._buffer.device.type]
        for begin in range(0, total, at_once):
            item = torch.arange(begin, min(begin + at_once, total), device=self._buffer.device)
            which = torch.searchsorted(ends, item, right=True)
            block = item - (ends - count)[which]
            x = (block % across[which]) * _BLOCK
            y = (block // across[which]) * _BLOCK
            plane = setup.plane[:, :, which]
            moved = plane[2] + plane[0] * x + plane[1] * y
            reach = moved[:3] + (_BLOCK - 1) * (plane[0, :3].clamp_min(0) + plane[1, :3].clamp_min(0))
            (kept,) = torch.nonzero((reach >= 0).all(0), as_tuple=True)
            plane = torch.stack([plane[0], plane[1], moved])[:, :, kept]
            base = setup.base[which] + y * self._stride + x
            self._test(_Triangles(plane, base[kept], setup.face[which][kept]), *self._boxes[-1])


def _kinds() -> Tensor:
    """((_BLOCK + 2)^2,) uint8, by high * (_BLOCK + 2) + wide: which of _BOXES; then "too large", then "empty"."""
    table = torch.empty(_BLOCK + 2, _BLOCK + 2, dtype=torch.uint8)
    for high in range(_BLOCK + 2):
        for wide in range(_BLOCK + 2):
            fits = [n for n, (w, h) in enumerate(_BOXES) if w >= wide and h >= high]
            table[high, wide] = (fits or [len(_BOXES)])[0] if wide and high else len(_BOXES) + 1
    return table.reshape(-1)


def _boxes(corners: Tensor, height: int, width: int, growth: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(left, top, wide, high) (F,) int32 of the pixels whose centres may be inside; wide <= 0 where none is."""
    low = torch.minimum(torch.minimum(corners[:, 0], corners[:, 1]), corners[:, 2])
    high = torch.maximum(torch.maximum(corners[:, 0], corners[:, 1]), corners[:, 2])
    finite = torch.isfinite(low.sum(0) + high.sum(0))
    low = low.sub_(0.5 + growth).ceil_()
    high = high.sub_(0.5 - growth).floor_()
    left, top = low[0].clamp_(0, width).int(), low[1].clamp_(0, height).int()
    wide = high[0].clamp_(-1, width - 1).int().sub_(left).add_(1)
    tall = high[1].clamp_(-1, height - 1).int().sub_(top).add_(1)
    return left, top, wide.mul_(finite), tall


class _Triangles(NamedTuple):
    """Edge functions and nearness as affine functions of the pixel's offset from the triangle's box.

    plane (3, 4, N) float32: factor of x, factor of y, constant; of three edges (>= 0 inside) and nearness.
    base (N,) int64: the box's first pixel. face (N,) int64: number of the triangle.
    """

    plane: Tensor
    base: Tensor
    face: Tensor


def _part(triangles: _Triangles, which: slice) -> _Triangles:
    return _Triangles(triangles.plane[:, :, which], triangles.base[which], triangles.face[which])


def _setup(
    corners: Tensor,
    nearness: Tensor,
    left: Tensor,
    top: Tensor,
    order: Tensor,
    stride: int,
    numbers: Tensor,
    growth: float,
    depth: bool,
) -> _Triangles:
    left, top = left[order], top[order]
    base = left.long() + top.long() * stride
    x = corners[0].index_select(1, order).sub_(left.float().add_(0.5))
    y = corners[1].index_select(1, order).sub_(top.float().add_(0.5))
    plane = torch.empty(3, 4 if depth else 3, len(order), device=corners.device)
    twice = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    side = torch.sign(twice)
    for n in range(3):
        a, b = (n + 1) % 3, (n + 2) % 3  # the edge across corner n
        torch.mul(y[a] - y[b], side, out=plane[0, n])
        torch.mul(x[b] - x[a], side, out=plane[1, n])
        torch.mul(x[a] * y[b] - x[b] * y[a], side, out=plane[2, n])
    area = twice.abs()
    if depth:
        near = nearness.index_select(1, order)
        scale = (area > 1e-20) / area.clamp_min_(1e-20)  # without area: nearness 0, never seen
        for n in range(3):
            torch.mul((plane[n, :3] * near).sum(0), scale, out=plane[n, 3])
        plane[2, :3] += growth * (plane[0, :3].abs() + plane[1, :3].abs())
    else:
        plane /= (plane[0].square() + plane[1].square()).sqrt_().clamp_min_(1e-20)
        plane[2] += growth
        plane[2] -= (area <= 1e-12) * 1e9
    return _Triangles(plane, base, numbers[order])


def _offsets(box: tuple[int, int], stride: int, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Of the K pixels of a box: (K, 3) float32 (x, y, 1), and (K, 1) int64 distance in the buffer."""
    y, x = torch.meshgrid(torch.arange(box[1]), torch.arange(box[0]), indexing="ij")
    x, y = x.reshape(-1), y.reshape(-1)
    offsets = torch.stack([x, y, torch.ones_like(x)], dim=1).float()
    return offsets.to(device), (y * stride + x)[:, None].to(device)


def _keep_nearest(buffer: Tensor, triangles: _Triangles, offsets: Tensor, steps: Tensor, depth: bool) -> None:
    count = len(triangles.face)
    values = (offsets @ triangles.plane.flatten(1)).view(len(steps), -1, count)
    inside = torch.minimum(torch.minimum(values[:, 0], values[:, 1]), values[:, 2])
    # A key below 0 loses against an empty pixel: negative where the centre is outside, by the sign bit of `inside`.
    bits = inside.view(torch.int32)
    if depth:
        bits = bits.bitwise_and_(_SIGN).bitwise_or_(values[:, 3].view(torch.int32))
    key = bits.long().bitwise_left_shift_(32).add_(triangles.face)
    buffer.scatter_reduce_(0, (steps + triangles.base).view(-1), key.view(-1), "amax")
