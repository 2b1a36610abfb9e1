"""A flat mesh that fills a silhouette and follows its contour. numpy only.

Our own combination of known parts: a grid (or 2:1 balanced quadtree) of square cells inside the silhouette, a layer
of quads around it ("pillowing": Mitchell and Tautges, 1995) whose outer vertices are moved onto the sub-pixel contour,
and Laplacian smoothing of what lies behind. So there is no staircase, an edge loop follows the silhouette everywhere,
and no inner edge joins two contour vertices: glued to its mirror image along the contour, the mesh is a 2-manifold.

Coordinates are those of pixels.py: x right, y down. Faces are counter-clockwise as seen on the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blender_aigc.protocol import Fault

from . import pixels

_LEVELS = 2  # the largest quadtree cell is 2 ** _LEVELS fine cells wide
_MARGIN = 2 + 2**_LEVELS


@dataclass
class PlanarMesh:
    """points (N, 2) float64 px; quads (Q, 4) and triangles (T, 3) int64; rim (R,) ids of the contour's vertices,
    after (R,) the position in `rim` of the next contour vertex; part (N,) int32, 0, 1, ... by falling area."""

    points: np.ndarray
    quads: np.ndarray
    triangles: np.ndarray
    rim: np.ndarray
    after: np.ndarray
    part: np.ndarray

    def edges(self) -> np.ndarray:
        """(E, 2) undirected edges, each once."""
        pairs = [np.stack([self.quads, np.roll(self.quads, -1, axis=1)], axis=-1).reshape(-1, 2)]
        pairs.append(np.stack([self.triangles, np.roll(self.triangles, -1, axis=1)], axis=-1).reshape(-1, 2))
        pairs = np.sort(np.concatenate(pairs), axis=1)
        key = np.unique(pairs[:, 0] * len(self.points) + pairs[:, 1])
        return np.stack([key // len(self.points), key % len(self.points)], axis=1)

    def only(self, part: int) -> PlanarMesh:
        """One part of the mesh, as a mesh of its own."""
        keep = self.part == part
        index = np.cumsum(keep) - 1
        rim_kept = keep[self.rim]
        return PlanarMesh(
            points=self.points[keep],
            quads=index[self.quads[keep[self.quads[:, 0]]]],
            triangles=index[self.triangles[keep[self.triangles[:, 0]]]],
            rim=index[self.rim[rim_kept]],
            after=(np.cumsum(rim_kept) - 1)[self.after[rim_kept]],
            part=np.zeros(int(keep.sum()), np.int32),
        )


@dataclass
class _Cells:
    """Fine cells inside the silhouette: mask (h, w); leaf[k] (h >> k, w >> k) the quadtree's leaves of size 2 ** k;
    used (h + 1, w + 1) lattice nodes that are corners of a leaf; origin_px (x, y) of node (0, 0); step_px cell size."""

    mask: np.ndarray
    leaf: list[np.ndarray]
    used: np.ndarray
    origin_px: tuple[float, float]
    step_px: float


def fill_silhouette(
    coverage: np.ndarray,
    faces: int,
    graded: bool = True,
    smallest_share: float = 0.001,
    smooth_px: float = 0.8,
    check: Callable[[], None] = lambda: None,
) -> PlanarMesh:
    """Mesh the area where `coverage` (h, w) float32 exceeds 0.5 with about `faces` triangles (a quad counts two).

    graded: larger cells inside, finer ones at the contour; else one size and quads only. smallest_share: parts below
    this share of the area are dropped. smooth_px: Gaussian blur of the contour. check is called now and then, to
    raise when the job is cancelled. Raises Fault("empty_result").
    """
    pad = int(np.ceil(3 * smooth_px)) + 2  # so that an object ends where its picture ends
    smooth = pixels.blur(np.pad(coverage, pad), smooth_px)
    cells = _fitting_cells(smooth, faces, graded, smallest_share, check)
    mesh = _assemble(cells)
    check()
    _settle(mesh, smooth - 0.5, cells.step_px)
    mesh.points -= pad
    return mesh


def _fitting_cells(
    coverage: np.ndarray, faces: int, graded: bool, smallest_share: float, check: Callable[[], None]
) -> _Cells:
    """The cells whose mesh has about the wanted number of triangles; secant steps on log(count) over log(step)."""
    table = np.zeros((coverage.shape[0] + 1, coverage.shape[1] + 1))
    table[1:, 1:] = np.cumsum(np.cumsum(coverage, axis=0, dtype=np.float64), axis=1)
    smallest, largest = 0.3, max(coverage.shape) / 6
    step = float(np.clip(np.sqrt(2 * coverage.sum() / faces), smallest, largest))
    best, best_error, power = None, np.inf, -1.7
    for _ in range(6):
        check()
        cells = _cells(table, step, graded, smallest_share)
        error = np.log(max(_triangle_count(cells), 1) / faces)
        if cells.mask.any() and abs(error) < best_error:
            best, best_error = cells, abs(error)
        if abs(error) < 0.01:
            break
        step = float(np.clip(step * np.exp(-error / power), smallest, largest))
    if best is None:
        raise Fault("empty_result", "The object in this picture is too small to make a mesh of.", "Crop the picture.")
    return best


def _cells(table: np.ndarray, step: float, graded: bool, smallest_share: float) -> _Cells:
    height, width = table.shape[0] - 1, table.shape[1] - 1
    unit = 2**_LEVELS
    rows, columns = (-(-int(np.ceil(size / step) + 2 * _MARGIN) // unit) * unit for size in (height, width))
    x0, y0 = (width - columns * step) / 2, (height - rows * step) / 2
    sums = _interpolated(_interpolated(table, y0 + step * np.arange(rows + 1)).T, x0 + step * np.arange(columns + 1)).T
    share = (sums[1:, 1:] - sums[1:, :-1] - sums[:-1, 1:] + sums[:-1, :-1]) / step**2
    # In this order: what is removed or filled afterwards is a whole connected part, which makes no new pinches.
    mask = _unpinched(_with_thin_parts(share), share)
    mask = ~pixels.without_specks(~mask, 3)
    mask = pixels.without_specks(mask, max(3, smallest_share * mask.sum()))
    leaf, used = _quadtree(mask, _LEVELS if graded else 0)
    return _Cells(mask, leaf, used, (x0, y0), step)


def _with_thin_parts(share: np.ndarray) -> np.ndarray:
    """Cells that are mostly inside, and those touched by lines too thin to fill a cell: antennas, stems, string."""
    mostly, touched = share >= 0.5, share >= 0.22
    body = pixels.widest(pixels.erode(mostly, 1), 1)
    thin = pixels.without_specks(touched & ~pixels.widest(body, 1), 3)
    return mostly | (touched & pixels.widest(thin, 2))


def _interpolated(table: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Rows of a summed-area table at fractional positions, clamped: exact sums over fractional boxes."""
    at = np.clip(at, 0, len(table) - 1)
    low = np.minimum(at.astype(int), len(table) - 2)
    part = (at - low)[:, None]
    return table[low] * (1 - part) + table[low + 1] * part


def _unpinched(mask: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The mask with cells added where two parts touch in a corner only, which would be a non-manifold vertex."""
    mask = mask.copy()
    while True:
        a, b, c, d = mask[:-1, :-1], mask[:-1, 1:], mask[1:, :-1], mask[1:, 1:]
        falling, rising = a & d & ~b & ~c, b & c & ~a & ~d
        if not (falling.any() or rising.any()):
            return mask
        rows, columns = np.nonzero(falling)
        right = share[rows, columns + 1] >= share[rows + 1, columns]
        mask[np.where(right, rows, rows + 1), np.where(right, columns + 1, columns)] = True
        rows, columns = np.nonzero(rising)
        left = share[rows, columns] >= share[rows + 1, columns + 1]
        mask[np.where(left, rows, rows + 1), np.where(left, columns, columns + 1)] = True


def _quadtree(mask: np.ndarray, levels: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Leaves by level, neighbours at most one level apart, and the lattice nodes that are corners of leaves."""
    whole = [mask]
    for level in range(levels):
        inner = pixels.erode(np.pad(whole[-1], 1), 2 if level == 0 else 1)[1:-1, 1:-1]
        whole.append(inner[0::2, 0::2] & inner[1::2, 0::2] & inner[0::2, 1::2] & inner[1::2, 1::2])
    leaf = [
        fine & ~np.repeat(np.repeat(coarse, 2, 0), 2, 1) for fine, coarse in zip(whole, whole[1:], strict=False)
    ] + [whole[-1]]
    used = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), bool)
    for level, cells in enumerate(leaf):
        size = 1 << level
        rows, columns = np.nonzero(cells)
        for down in (0, size):
            for right in (0, size):
                used[rows * size + down, columns * size + right] = True
    return leaf, used


def _boundary(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directed edges (start, end) between lattice nodes (flat ids) that have a set cell on their left side only."""
    stride = mask.shape[1] + 1
    wide = np.pad(mask, 1)
    starts, ends = [], []
    for down, right, start, end in (
        (0, -1, (0, 0), (1, 0)),
        (1, 0, (1, 0), (1, 1)),
        (0, 1, (1, 1), (0, 1)),
        (-1, 0, (0, 1), (0, 0)),
    ):
        beside = wide[1 + down : wide.shape[0] - 1 + down, 1 + right : wide.shape[1] - 1 + right]
        rows, columns = np.nonzero(mask & ~beside)
        starts.append((rows + start[0]) * stride + columns + start[1])
        ends.append((rows + end[0]) * stride + columns + end[1])
    return np.concatenate(starts), np.concatenate(ends)


def _hanging(cells: _Cells, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns (lattice) of the leaves of a level, and (n, 4) whether left, bottom, right, top has a mid node."""
    size, half = 1 << level, (1 << level) // 2
    rows, columns = (index * size for index in np.nonzero(cells.leaf[level]))
    if level == 0:
        return rows, columns, np.zeros((len(rows), 4), bool)
    mids = [(half, 0), (size, half), (half, size), (0, half)]
    return rows, columns, np.stack([cells.used[rows + down, columns + right] for down, right in mids], axis=1)


def _triangle_count(cells: _Cells) -> int:
    count = 2 * len(_boundary(cells.mask)[0])
    for level in range(len(cells.leaf)):
        sides = _hanging(cells, level)[2].sum(axis=1)
        count += int(np.where(sides == 0, 2, 4 + sides).sum())
    return count


def _assemble(cells: _Cells) -> PlanarMesh:
    """Leaves and the layer of quads around them; the contour's vertices still lie on the staircase."""
    stride = cells.used.shape[1]
    quads, fans = [], []
    for level in range(len(cells.leaf)):
        size, half = 1 << level, (1 << level) // 2
        rows, columns, sides = _hanging(cells, level)
        top_left = rows * stride + columns
        corner = np.stack([top_left, top_left + size * stride, top_left + size * (stride + 1), top_left + size], axis=1)
        plain = ~sides.any(axis=1)
        quads.append(corner[plain])
        corner, sides = corner[~plain], sides[~plain]
        centre = (top_left[~plain] + half * (stride + 1))[:, None].repeat(4, axis=1)
        following = np.roll(corner, -1, axis=1)
        middle = (corner + following) // 2
        for start, end, where in ((corner, middle, sides), (middle, following, sides), (corner, following, ~sides)):
            fans.append(np.stack([centre[where], start[where], end[where]], axis=1))
    start, end = _boundary(cells.mask)
    quads, fans = np.concatenate(quads), np.concatenate(fans)
    nodes, flat = np.unique(np.concatenate([quads.ravel(), fans.ravel(), start, end]), return_inverse=True)
    quads_at, fans_at = quads.size, quads.size + fans.size
    quads, fans = flat[:quads_at].reshape(-1, 4), flat[quads_at:fans_at].reshape(-1, 3)
    start, end = flat[fans_at : fans_at + len(start)], flat[fans_at + len(start) :]
    outer = np.full(len(nodes), -1)
    outer[start] = np.arange(len(start))
    layer = np.stack([end, start, len(nodes) + outer[start], len(nodes) + outer[end]], axis=1)
    points = np.stack([nodes % stride, nodes // stride], axis=1) * cells.step_px + np.array(cells.origin_px)
    labels = _parts(cells.mask)
    # A node belongs to the part of any set cell around it; parts never share a node (no pinches).
    row, column = nodes // stride, nodes % stride
    wide = np.pad(labels, 1)
    part = np.maximum.reduce([wide[row + down, column + right] for down in (0, 1) for right in (0, 1)]) - 1
    return PlanarMesh(
        points=np.concatenate([points, points[start]]),
        quads=np.concatenate([quads, layer]),
        triangles=fans,
        rim=len(nodes) + np.arange(len(start)),
        after=outer[end],
        part=np.concatenate([part, part[start]]),
    )


def _parts(mask: np.ndarray) -> np.ndarray:
    """Labels 1, 2, ... of the connected parts, the largest first; 0 outside."""
    labels, count = pixels.components(mask)
    size = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    rank = np.empty(count + 1, np.int32)
    rank[0] = 0
    rank[1 + np.argsort(-size, kind="stable")] = np.arange(1, count + 1)
    return rank[labels]


def _settle(mesh: PlanarMesh, level: np.ndarray, step: float) -> None:
    """Move the contour's vertices onto the zero line of `level` (h, w), evenly spaced, and smooth what lies behind."""
    before = np.empty_like(mesh.after)
    before[mesh.after] = np.arange(len(mesh.after))
    line = mesh.points[mesh.rim]
    for _ in range(3):
        line = 0.5 * line + 0.25 * (line[before] + line[mesh.after])
    for reach in (1.5, 1.0, 0.75, 0.5, 0.5, 0.5):
        chord = line[mesh.after] - line[before]
        tangent = chord / np.maximum(np.linalg.norm(chord, axis=1, keepdims=True), 1e-9)
        slack = ((line[before] + line[mesh.after]) / 2 - line) * tangent
        line = line + 0.5 * slack.sum(axis=1, keepdims=True) * tangent
        outward = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
        line = line + _crossing(level, line, outward, reach * step)[:, None] * outward
    mesh.points[mesh.rim] = _even(line, before, mesh.after, step)
    _relax(mesh, sweeps=12)
    _untangle(mesh, before, step)


def _even(line: np.ndarray, before: np.ndarray, after: np.ndarray, step: float) -> np.ndarray:
    """The contour (n, 2) without the staircase of its pixels: smoothed along itself, but by half a pixel at most.

    An edge that is nearly upright has steps many pixels apart, which no blur of the picture reaches; on the inflated
    surface, which stands upright there, each of them would be a wrinkle. step: length of the contour's edges, px.
    """
    sweeps = int(min(600, 120 / step**2 + 4))

    def smoothed(values: np.ndarray, sweeps: int) -> np.ndarray:
        for _ in range(sweeps):
            values = 0.5 * values + 0.25 * (values[before] + values[after])
        return values

    chord = line[after] - line[before]
    outward = np.stack([-chord[:, 1], chord[:, 0]], axis=1) / np.maximum(np.hypot(*chord.T), 1e-9)[:, None]
    moved = ((smoothed(line, sweeps) - line) * outward).sum(axis=1)
    moved *= np.clip(3 - 2 * np.abs(moved), 0, 1)  # more than a pixel and a half: a corner, which stays
    moved -= smoothed(moved, 2 * sweeps)  # what a whole stretch would shrink by stays: a disc keeps its radius
    return line + np.clip(moved, -0.5, 0.5)[:, None] * outward


def _crossing(level: np.ndarray, at: np.ndarray, outward: np.ndarray, reach: float) -> np.ndarray:
    """(n,) signed way along `outward` to the nearest point where `level` falls through zero; 0 where there is none."""
    ways = np.linspace(-reach, reach, 17)
    x = at[:, 0, None] + outward[:, 0, None] * ways
    y = at[:, 1, None] + outward[:, 1, None] * ways
    values = pixels.sample(level, x, y)
    falls = (values[:, :-1] > 0) & (values[:, 1:] <= 0)
    drop = np.where(falls, values[:, :-1] - values[:, 1:], 1)
    where = ways[:-1] + np.where(falls, values[:, :-1], 0) / drop * (ways[1] - ways[0])
    where = np.where(falls, where, np.inf)
    nearest = np.take_along_axis(where, np.argmin(np.abs(where), axis=1)[:, None], axis=1)[:, 0]
    return np.where(np.isfinite(nearest), nearest, 0)


def _relax(mesh: PlanarMesh, sweeps: int) -> None:
    """Laplacian smoothing of the inner vertices up to four edges behind the contour."""
    edges = mesh.edges()
    count = len(mesh.points)
    ends, others = np.concatenate([edges[:, 0], edges[:, 1]]), np.concatenate([edges[:, 1], edges[:, 0]])
    near = np.zeros(count)
    near[mesh.rim] = 1
    weight = np.zeros(count)
    for strength in (1.0, 0.8, 0.5, 0.2):
        near = np.bincount(ends, near[others], count) + near > 0
        weight = np.where(near & (weight == 0), strength, weight)
        near = near.astype(float)
    weight[mesh.rim] = 0
    move = np.flatnonzero(weight)
    used = np.isin(ends, move)
    ends, others = ends[used], others[used]
    degree = np.bincount(ends, minlength=count)[move]
    for _ in range(sweeps):
        mean = np.stack([np.bincount(ends, mesh.points[others, axis], count)[move] / degree for axis in (0, 1)], axis=1)
        mesh.points[move] += 0.7 * weight[move, None] * (mean - mesh.points[move])


def _untangle(mesh: PlanarMesh, before: np.ndarray, step: float) -> None:
    """Pull apart what lies folded or flat, where a part is thinner than the cells."""
    edges = mesh.edges()
    ends, others = np.concatenate([edges[:, 0], edges[:, 1]]), np.concatenate([edges[:, 1], edges[:, 0]])
    count = len(mesh.points)
    degree = np.bincount(ends, minlength=count)[:, None]
    for _ in range(60):
        bad = np.zeros(count, bool)
        for faces in (mesh.quads, mesh.triangles):
            size = faces.shape[1]
            for corner in range(size):
                three = faces[:, [corner, (corner + 1) % size, (corner + size - 1) % size]]
                bad[three[doubled_area(mesh.points, three) < 1e-3 * step**2]] = True
        if not bad.any():
            return
        mean = np.stack([np.bincount(ends, mesh.points[others, axis], count) for axis in (0, 1)], axis=1) / degree
        line = mesh.points[mesh.rim]
        mean[mesh.rim] = (line[before] + line[mesh.after]) / 2
        mesh.points[bad] += 0.5 * (mean - mesh.points)[bad]


def doubled_area(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(n,) twice the signed areas; positive is counter-clockwise on the screen, where y points down."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) - (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1])
