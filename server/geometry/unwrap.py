"""UV layouts: charts by xatlas where it is installed, boxes by numpy alone elsewhere. Vertices are never split."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .clean import edge_pairs, half_edges, labels_of_links
from .mesh import Mesh
from .normals import face_cross, unit

CHARTS_UP_TO = 80_000
"""Faces; xatlas needs more than linear time and cannot be stopped: 66k took 10 s, 118k took 90 s on 2 cores."""
_PACKED_AT_MOST_PX = 1024
"""Charts are packed on a raster of this size; finer ones cost seconds and gain a percent."""


@dataclass(frozen=True)
class Layout:
    """How a mesh was unwrapped. method: "charts" or "boxes". coverage: share of the texture's area that charts use."""

    method: str
    charts: int
    coverage: float
    reason: str = ""


def charts_available() -> bool:
    """Whether xatlas can be imported (it is not in Blender's own Python)."""
    try:
        import xatlas  # noqa: F401
    except ImportError:
        return False
    return True


def padding_px(texture_px: int) -> int:
    """Free pixels around a chart: enough for the filter of mip level 1/256th of the texture's width."""
    return max(2, texture_px // 256)


def unwrap(mesh: Mesh, texture_px: int, method: str = "auto") -> tuple[Mesh, Layout]:
    """The mesh with `corner_uvs` in 0..1 for a square texture, charts apart by `padding_px`; deterministic.

    method: "charts", "boxes", or "auto": charts unless xatlas is missing, the mesh is too large or xatlas fails on it.
    """
    reason = ""
    if method == "auto":
        if not charts_available():
            reason = "xatlas is not installed"
        elif len(mesh.faces) > CHARTS_UP_TO:
            reason = f"more than {CHARTS_UP_TO} faces"
    if method != "boxes" and not reason:
        uvs, count = _charts(mesh, texture_px)
        if uvs is not None:
            return replace(mesh, corner_uvs=uvs), Layout("charts", count, _coverage(uvs))
        reason = "xatlas could not lay out this mesh"
    uvs, count = _boxes(mesh, texture_px)
    return replace(mesh, corner_uvs=uvs), Layout("boxes", count, _coverage(uvs), reason)


def _coverage(uvs: np.ndarray) -> float:
    a, b = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    return float(np.abs(a[:, 0].astype(np.float64) * b[:, 1] - a[:, 1].astype(np.float64) * b[:, 0]).sum() / 2)


def _boxed(vertices: np.ndarray) -> np.ndarray:
    """(V, 3) float64 in a unit box: the methods below have absolute thresholds."""
    points = vertices.astype(np.float64)
    return (points - points.min(axis=0)) / (float(np.ptp(points, axis=0).max()) or 1.0)


def _charts(mesh: Mesh, texture_px: int) -> tuple[np.ndarray | None, int]:
    """(F, 3, 2) float32 and the number of charts; (None, 0) when the result does not belong to the mesh."""
    import xatlas

    atlas, points = xatlas.Atlas(), _boxed(mesh.vertices)
    halves = _front_and_back(points, mesh.faces)
    for half in halves:
        used, faces = np.unique(mesh.faces[half], return_inverse=True)
        atlas.add_mesh(points[used].astype(np.float32), faces.reshape(-1, 3).astype(np.uint32))
    charting, packing = xatlas.ChartOptions(), xatlas.PackOptions()
    charting.fix_winding = True  # no mirrored charts
    charting.straightness_weight = 0.0  # measured: half the time, under half the charts, less stretch, better filled
    charting.roundness_weight, charting.max_cost = 0.0, 1.0  # a fifth of the time less, and again fewer charts
    packing.resolution = min(texture_px, _PACKED_AT_MOST_PX)
    packing.padding = padding_px(packing.resolution)
    packing.bilinear = True
    packing.rotate_charts = False
    atlas.generate(charting, packing)
    if atlas.atlas_count != 1 or atlas.chart_count == 0:
        return None, 0
    side = max(atlas.width, atlas.height)  # one scale for both directions
    corner_uvs = np.zeros((len(mesh.faces), 3, 2), np.float32)
    for number, half in enumerate(halves):
        used, faces = np.unique(mesh.faces[half], return_inverse=True)
        source, indices, uvs = atlas[number]
        if not np.array_equal(source[indices], faces.reshape(-1, 3)):
            return None, 0
        corner_uvs[half] = uvs[indices] * (atlas.width / side, atlas.height / side)
    return _adopted(corner_uvs, mesh.faces), atlas.chart_count


def _front_and_back(points: np.ndarray, faces: np.ndarray) -> list[np.ndarray]:
    """Numbers of the faces in two halves, cut across the thinnest side of a large mesh; all of a small one.

    xatlas charts each on a core of its own: 1.35 s become 0.9 s at 20,000 faces, for half as many charts again.
    """
    if len(faces) < 8000:
        return [np.arange(len(faces))]
    middle = points[faces].mean(axis=1)[:, np.argmin(np.ptp(points, axis=0))]
    order = np.argsort(middle, kind="stable")
    return [np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])]


def _adopted(corner_uvs: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Slivers that xatlas leaves out (all their UVs are 0) get a line along a neighbour's side, so its colour."""
    flat = corner_uvs.copy().reshape(-1, 2)
    pairs = edge_pairs(faces)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    start, _ = half_edges(faces)
    for _ in range(8):  # slivers come in rows
        lost = (flat == 0).reshape(len(faces), 6).all(axis=1)
        giver, taker = pairs[~lost[pairs[:, 0] // 3] & lost[pairs[:, 1] // 3]].T
        if not len(taker):
            break
        _, first = np.unique(taker // 3, return_index=True)
        giver, taker = giver[first], taker[first]
        begin, end = flat[giver], flat[_following(giver)]
        same = (start[giver] == start[taker])[:, None]
        flat[taker] = np.where(same, begin, end)
        flat[_following(taker)] = flat[_following(_following(taker))] = np.where(same, end, begin)
    return flat.reshape(-1, 3, 2)


def _following(halves: np.ndarray) -> np.ndarray:
    return halves - halves % 3 + (halves + 1) % 3


# --------------------------------------------------------------------------------------------------------------- boxes


def _boxes(mesh: Mesh, texture_px: int) -> tuple[np.ndarray, int]:
    """Each face projected along the axis it looks along; connected faces of one direction make a chart."""
    points = _boxed(mesh.vertices)
    pairs = edge_pairs(mesh.faces) // 3
    direction = _smoothed_directions(unit(face_cross(points, mesh.faces)), pairs)
    alike = pairs[direction[pairs[:, 0]] == direction[pairs[:, 1]]]
    _, chart = np.unique(labels_of_links(len(mesh.faces), alike[:, 0], alike[:, 1]), return_inverse=True)
    chart = chart.reshape(-1)
    corners = points[mesh.faces]
    axis = direction // 2
    across, up = (axis + 1) % 3, (axis + 2) % 3
    flat = np.stack(
        [np.take_along_axis(corners, which[:, None, None], axis=2)[:, :, 0] for which in (across, up)], axis=2
    )
    flat[direction % 2 == 1, :, 0] *= -1  # seen from its own side, so that nothing is mirrored
    count = int(chart.max(initial=-1)) + 1
    low = np.full((count, 2), np.inf)
    high = np.full((count, 2), -np.inf)
    for corner in range(3):
        np.minimum.at(low, chart, flat[:, corner])
        np.maximum.at(high, chart, flat[:, corner])
    size = high - low
    scale, place = _shelves(size, texture_px, padding_px(texture_px))
    gap = (padding_px(texture_px) / 2 + 0.5) / texture_px
    uvs = (flat - low[chart][:, None]) * scale + place[chart][:, None] + gap
    return np.clip(uvs, 0, 1).astype(np.float32), count


def _smoothed_directions(normals: np.ndarray, pairs: np.ndarray, rounds: int = 4) -> np.ndarray:
    """(F,) 0..5 (+X, -X, +Y, -Y, +Z, -Z): the direction each face looks in, with little islands voted away.

    A face may take its neighbours' direction only while it still looks that way by 60 degrees or less.
    """
    facing = np.stack([normals, -normals], axis=2).reshape(-1, 6)
    direction = np.argmax(facing, axis=1)
    for _ in range(rounds):
        votes = np.zeros((len(normals), 6))
        np.add.at(votes, (pairs[:, 0], direction[pairs[:, 1]]), 1.0)
        np.add.at(votes, (pairs[:, 1], direction[pairs[:, 0]]), 1.0)
        direction = np.argmax(np.where(facing >= 0.5, votes + 1.2 * facing, facing - 2), axis=1)
    return direction


def _shelves(size: np.ndarray, texture_px: int, padding: int) -> tuple[float, np.ndarray]:
    """The largest common scale at which (N, 2) rectangles fit a unit square on shelves, and their (N, 2) places."""
    gap = (padding + 1) / texture_px
    order = np.lexsort((-size[:, 0], -size[:, 1]))

    def places(scale: float) -> np.ndarray | None:
        result = np.zeros_like(size)
        x = y = shelf = 0.0
        for n, (width, height) in zip(order, (size[order] * scale + gap).tolist(), strict=True):
            if x + width > 1:
                x, y, shelf = 0.0, y + shelf, 0.0
            shelf = max(shelf, height)
            if x + width > 1 or y + shelf > 1:
                return None
            result[n] = x, y
            x += width
        return result

    low, high = 0.0, 1 / max(float(size.max(initial=0)), 1e-9)
    best = places(0.0)
    if best is None:  # more charts than the padding leaves room for: do without padding
        return (low, np.zeros_like(size)) if not gap else _shelves(size, texture_px << 4, 0)
    for _ in range(16):
        scale = (low + high) / 2
        found = places(scale)
        if found is None:
            high = scale
        else:
            low, best = scale, found
    return low, best
