"""Colours for texels that nobody painted: smooth filling of the plane, nearest neighbours on the surface. torch."""

from __future__ import annotations

import torch
from torch import Tensor

from .scan import Check
from .threads import in_threads
from .uv_raster import indices

_CELLS_AT_ONCE = 512


def pull_push(colour: Tensor, known: Tensor, check: Check | None = None) -> Tensor:
    """Fills (H, W, C) uint8 `colour` where (H, W) bool `known` is False; in place; returns it.

    Gortler, Grzeszczuk, Szeliski, Cohen: "The Lumigraph" (SIGGRAPH 1996), section 3.4.2, with the mean of the known
    texels at each level, so that mipmaps of the texture see no background. Known texels keep their value.
    """
    if not known.any() or known.all():
        return colour
    levels = [_halved(colour, known)]
    while max(levels[-1][1].shape) > 1:
        levels.append(_halved(*levels[-1]))
        if check:
            check()
    filled = levels.pop()[0]
    while levels:
        mean, there = levels.pop()
        up = filled.repeat_interleave(2, 0)[: mean.shape[0]].repeat_interleave(2, 1)[:, : mean.shape[1]]
        filled = torch.where(there[..., None], mean, up)
    height, width = known.shape
    unknown = indices(~known.reshape(-1))
    rows = torch.arange(height, dtype=torch.int32, device=known.device)[:, None] // 2 * filled.shape[1]
    above = rows + torch.arange(width, dtype=torch.int32, device=known.device) // 2
    above = above.view(-1).index_select(0, unknown)
    colour.view(-1, colour.shape[2])[unknown] = (filled + 0.5).to(torch.uint8).view(-1, colour.shape[2])[above]
    return colour


def _halved(colour: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Half the size, float32: the mean of the known ones among each four, and where there is one."""
    height, width = known.shape
    if height % 2 or width % 2:
        colour = torch.nn.functional.pad(colour, (0, 0, 0, width % 2, 0, height % 2))
        known = torch.nn.functional.pad(known, (0, width % 2, 0, height % 2))
    count = _by_fours(known.to(torch.uint8)[..., None])
    total = _by_fours(colour * known[..., None])
    return total / count.clamp_min(1), count[..., 0] > 0


def _by_fours(values: Tensor) -> Tensor:
    """(H, W, C) uint8 or float32 -> (H / 2, W / 2, C) int16 or float32 sums of each two by two."""
    height, width, channels = values.shape
    kind = torch.int16 if values.dtype == torch.uint8 else values.dtype
    lines = values.view(height // 2, 2, width * channels)
    lines = torch.add(lines[:, 0].to(kind), lines[:, 1]).view(height // 2, width // 2, 2, channels)
    return lines[:, :, 0] + lines[:, :, 1]


def nearest_on_surface(
    seen: tuple[Tensor, Tensor, Tensor],
    hidden: tuple[Tensor, Tensor],
    radius: float,
    *,
    normal_share: float = 0.05,
    neighbours: int = 8,
    check: Check | None = None,
) -> Tensor:
    """(M, C) float32 colours of hidden surface points from the seen ones nearest in position and direction.

    seen: position (3, N), normal (3, N), colour (N, C); hidden: position (3, M), normal (3, M).
    radius: of the object; a unit of normal counts as much as `normal_share` of it. Hidden points are gathered in cells
    of the six-dimensional space, the neighbours are found for a cell, and weighted for each point by distance.
    """
    position, normal, colour = seen
    keys = torch.cat([position / radius, normal * normal_share]).T
    queries = torch.cat([hidden[0] / radius, hidden[1] * normal_share]).T
    samples, values = _means(keys, colour, 10_000)
    centres, cell = _cells(queries, 5_000)
    found = torch.empty(len(centres), min(neighbours, len(samples)), dtype=torch.int64, device=keys.device)

    def find(first: int) -> None:
        part = slice(first, first + _CELLS_AT_ONCE)
        distance = torch.cdist(centres[part], samples)
        found[part] = distance.topk(found.shape[1], dim=1, largest=False, sorted=False).indices

    in_threads(find, range(0, len(centres), _CELLS_AT_ONCE), keys.device, lambda *_: check() if check else None)
    result = torch.empty(len(queries), colour.shape[1], device=keys.device)
    for first in range(0, len(queries), 1 << 16):
        part = slice(first, first + (1 << 16))
        near = found[cell[part]]
        distance = (samples[near] - queries[part, None]).square_().sum(-1)
        weight = 1 / (distance + 1e-8)
        result[part] = (values[near] * weight[..., None]).sum(1) / weight.sum(1, keepdim=True)
        if check:
            check()
    return result


def _cells(points: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """(C, D) means of the (N, D) points of each cell of a lattice, C <= about `most`, and (N,) the cell of each."""
    span = float((points.amax(0) - points.amin(0)).max().clamp_min(1e-9))
    side = span / 96
    while True:
        key = ((points - points.amin(0)) / side).long()
        flat = torch.zeros(len(points), dtype=torch.int64, device=points.device)
        for axis in range(points.shape[1]):
            flat = flat * (int(key[:, axis].max()) + 1) + key[:, axis]
        _, cell = torch.unique(flat, return_inverse=True)
        count = int(cell.max()) + 1
        if count <= most:
            return _mean_by(points, cell, count), cell
        side *= 1.3


def _means(points: Tensor, values: Tensor, most: int) -> tuple[Tensor, Tensor]:
    centres, cell = _cells(points, most)
    return centres, _mean_by(values, cell, len(centres))


def _mean_by(values: Tensor, cell: Tensor, count: int) -> Tensor:
    total = torch.zeros(count, values.shape[1], device=values.device).index_add_(0, cell, values.float())
    return total / torch.bincount(cell, minlength=count).clamp_min(1)[:, None]
