"""Bakes a colour field onto a texture, and spreads colours beyond the charts so that no seam shows. numpy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from blender_aigc.protocol import Fault

from .mesh import Mesh
from .mesher import Progress

ColourAt = Callable[[np.ndarray], np.ndarray]

_ALIKE = 4
"""Levels of 256: what lies between colours that differ by no more is near their mean."""
_SPANS = 1 << 20
"""Texels that one step of the rasteriser handles: bounds its memory."""


def texel_faces(
    corner_uvs: np.ndarray, size: int, reach: float = 0.75, check: Callable[[], None] | None = None
) -> np.ndarray:
    """(size, size) int32: the face under each texel's centre, row 0 at v = 1; -1 where there is none.

    check: called between steps of the work, to be cancelled by an exception.

    Texels that a chart only touches (comes within `reach` texels of) get the face that touches them, so that bilinear
    filtering at a chart's border finds its own colours. No texel whose centre lies in a chart stays empty.
    """
    owner = np.full(size * size, -1, np.int32)
    corners = np.asarray(corner_uvs, np.float64) * size
    corners[..., 1] = size - corners[..., 1]
    # Shared borders: a hair of growth closes rounding gaps.
    for faces, rows in _scan_rows(corners, size, 1e-6):
        if check:
            check()
        _fill_spans(owner, corners, faces, rows, size, 1e-6, False)
    if reach:  # whatever lies within a texel's reach: only faces near an empty texel have any
        near = _near_empty(owner.reshape(size, size), corners, reach)
        some = corners[near]
        for faces, rows in _scan_rows(some, size, reach):
            if check:
                check()
            _fill_spans(owner, some, faces, rows, size, reach, True, near)
    return owner.reshape(size, size)


def _near_empty(owner: np.ndarray, corners: np.ndarray, reach: float) -> np.ndarray:
    """(K,) numbers of the faces in whose box, grown by `reach`, some texel is empty; a summed-area table tells."""
    size = len(owner)
    table = np.zeros((size + 1, size + 1), np.int64)
    table[1:, 1:] = np.cumsum(np.cumsum(owner < 0, axis=0), axis=1)
    low = np.clip(np.floor(corners.min(axis=1) - reach - 0.5), 0, size).astype(np.int64)
    high = np.clip(np.ceil(corners.max(axis=1) + reach + 0.5), 0, size).astype(np.int64)
    empty = table[high[:, 1], high[:, 0]] - table[low[:, 1], high[:, 0]] - table[high[:, 1], low[:, 0]]
    return np.flatnonzero(empty + table[low[:, 1], low[:, 0]] > 0)


def _scan_rows(corners: np.ndarray, size: int, growth: float):
    """Yields (faces, rows): every row of texels that each triangle, grown by `growth` pixels, can touch."""
    top = np.clip(np.ceil(corners[..., 1].min(axis=1) - growth - 0.5), 0, size).astype(np.int64)
    bottom = np.clip(np.floor(corners[..., 1].max(axis=1) + growth - 0.5), -1, size - 1).astype(np.int64)
    heights = np.maximum(bottom - top + 1, 0)
    ends = np.cumsum(heights)
    first = 0
    while first < len(heights):
        begun = ends[first] - heights[first]
        last = max(int(np.searchsorted(ends, begun + _SPANS // 4, side="right")), first + 1)
        count = heights[first:last]
        faces = np.repeat(np.arange(first, last), count)
        rows = np.arange(len(faces)) - np.repeat(np.cumsum(count) - count, count) + top[faces]
        first = last
        if len(faces):
            yield faces, rows


def _fill_spans(owner, corners, faces, rows, size, growth, only_empty, numbers=None) -> None:
    """Writes each face's number on the texels whose centres lie in it (grown by `growth`) on the given rows.

    numbers: what is written instead of the faces' places in `corners`.
    """
    triangle = corners[faces]
    a, b = triangle, np.roll(triangle, -1, axis=1)
    side = b - a
    area = side[:, 0, 0] * side[:, 1, 1] - side[:, 0, 1] * side[:, 1, 0]
    side = side * np.where(area < 0, -1.0, 1.0)[:, None, None]
    length = np.linalg.norm(side, axis=2)
    y = rows[:, None] + 0.5
    # Inside: side.x * (y - a.y) - side.y * (x - a.x) >= -growth * length, for each side; solved for x.
    room = side[..., 0] * (y - a[..., 1]) + side[..., 1] * a[..., 0] + growth * length
    slope = side[..., 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = room / slope
    left = np.max(np.where(slope < 0, bound, -np.inf), axis=1)
    right = np.min(np.where(slope > 0, bound, np.inf), axis=1)
    missed = ((slope == 0) & (room < 0)).any(axis=1)
    left = np.maximum(left, triangle[..., 0].min(axis=1) - growth)
    right = np.minimum(right, triangle[..., 0].max(axis=1) + growth)
    left = np.clip(np.ceil(left - 0.5), 0, size).astype(np.int64)
    right = np.clip(np.floor(right - 0.5), -1, size - 1).astype(np.int64)
    width = np.where(missed, 0, np.maximum(right - left + 1, 0))
    ends = np.cumsum(width)
    first = 0
    while first < len(width):
        begun = ends[first] - width[first]
        last = max(int(np.searchsorted(ends, begun + _SPANS, side="right")), first + 1)
        count = width[first:last]
        span = np.repeat(np.arange(first, last), count)
        texels = rows[span] * size + left[span] + np.arange(len(span)) - np.repeat(np.cumsum(count) - count, count)
        if only_empty:
            empty = owner[texels] < 0
            span, texels = span[empty], texels[empty]
        owner[texels] = faces[span] if numbers is None else numbers[faces[span]]
        first = last


def weights_in(corners: np.ndarray, texels: np.ndarray) -> np.ndarray:
    """(N, 3) barycentric weights of (N, 2) texel centres in (N, 3, 2) triangles, moved into the triangle."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, texels - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    area = np.where(np.abs(area) < 1e-12, np.inf, area)
    beta = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / area
    gamma = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / area
    weights = np.clip(np.stack([1 - beta - gamma, beta, gamma], axis=1), 0, None)
    return weights / weights.sum(axis=1, keepdims=True)


def bake(
    mesh: Mesh, size: int, colour_at: ColourAt | None = None, progress: Progress | None = None, chunk: int = 1 << 17
) -> np.ndarray:
    """(size, size, 3) uint8 sRGB texture for `mesh.corner_uvs`, row 0 on top, filled to its borders.

    colour_at: (N, 3) float32 positions in the mesh's frame -> (N, 3) sRGB 0..1, N <= chunk; without it, the vertex
    colours are used. progress: called as progress("bake", step, total) after each chunk.
    Raises Fault("bad_input") when colours are NaN.
    """
    if mesh.corner_uvs is None or (colour_at is None and mesh.vertex_colours is None):
        raise ValueError("baking needs UVs and colours")
    owner = texel_faces(mesh.corner_uvs, size).reshape(-1)
    covered = np.flatnonzero(owner >= 0)
    corners = mesh.corner_uvs.astype(np.float64) * size
    corners[..., 1] = size - corners[..., 1]
    texture = np.zeros((size * size, 3), np.uint8)
    done = 0

    def ask(texels: np.ndarray) -> None:
        nonlocal done
        for first in range(0, len(texels), chunk):
            part = texels[first : first + chunk]
            faces = owner[part]
            weights = weights_in(corners[faces], np.stack([part % size, part // size], axis=1) + 0.5)
            source = mesh.vertices if colour_at else mesh.vertex_colours
            values = np.einsum("nk,nkd->nd", weights, source[mesh.faces[faces]]).astype(np.float32)
            texture[part] = as_bytes(colour_at(values) if colour_at else values)
            done += len(part)
            if progress:
                progress("bake", done, len(covered))

    if colour_at is None:
        ask(covered)
    else:  # asking costs: every other texel first, as on a chessboard
        light = (covered % size + covered // size) % 2 == 0
        ask(covered[light])
        ask(_not_between(texture, owner >= 0, covered[~light], size))
    return fill_around(texture.reshape(size, size, 3), (owner >= 0).reshape(size, size))


def _not_between(texture: np.ndarray, covered: np.ndarray, texels: np.ndarray, size: int) -> np.ndarray:
    """Those of `texels` whose four neighbours do not tell their colour; the others become the neighbours' mean.

    texture: (size * size, 3) uint8, known at all covered neighbours of `texels`, which are never of another chart
    (charts stand further apart). Neighbours tell it when they are all there and differ by `_ALIKE` levels at most.
    """
    column, row = texels % size, texels // size
    inner = (column > 0) & (column < size - 1) & (row > 0) & (row < size - 1)
    around = np.where(inner, texels, size + 1)[:, None] + np.array([-1, 1, -size, size])
    inner &= covered[around].all(axis=1)
    told = np.flatnonzero(inner)
    colours = texture[around[told]].astype(np.int16)
    alike = ((colours.max(axis=1) - colours.min(axis=1)) <= _ALIKE).all(axis=1)
    texture[texels[told[alike]]] = (colours[alike].sum(axis=1) + 2) // 4
    inner[told[~alike]] = False
    return texels[~inner]


def as_bytes(colours: np.ndarray) -> np.ndarray:
    """0..1 -> uint8, rounded. Raises Fault("bad_input") for NaN."""
    colours = np.asarray(colours)
    if np.isnan(colours).any():
        raise Fault(
            "bad_input",
            "The model returned invalid numbers (NaN) instead of colours.",
            "Try another picture; if it stays so, download the model's weights again.",
        )
    return (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)


def fill_around(texture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Colours for the texels that are not `covered`, by pull-push (Gortler et al., SIGGRAPH 1996, section 3.4).

    texture: (H, W, C) integers or floats, covered: (H, W) bool -> the same; covered texels keep their value. Each level
    of the pyramid holds the mean of the covered texels below it, so mipmaps see no background.
    """
    if covered.all() or not covered.any():
        return texture
    rounding = 0.5 if texture.dtype.kind in "iu" else 0
    levels = [(texture, covered)]
    while max(levels[-1][1].shape) > 1:
        levels.append(_pulled(*levels[-1]))
    filled = levels.pop()[0]
    while levels:
        colour, known = levels.pop()
        y, x = np.nonzero(~known)
        pushed = colour.copy() if levels else texture.copy()
        pushed[y, x] = filled[y // 2, x // 2] + (0 if levels else rounding)
        filled = pushed
    return filled


def _pulled(colour: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the size: the mean of the known ones among each four, and where there is one. By bands, to save memory."""
    height, width = (-(-n // 2) for n in known.shape)
    half = np.zeros((height, width, colour.shape[2]), np.float32)
    any_known = np.zeros((height, width), bool)
    for top in range(0, height, 256):
        band = slice(2 * top, 2 * top + 512)
        total = np.zeros((min(256, height - top), width, 1), np.float32)
        target = half[top : top + 256]
        for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = known[band][y::2, x::2, None].astype(np.float32)
            rows, columns = weight.shape[:2]
            target[:rows, :columns] += colour[band][y::2, x::2] * weight
            total[:rows, :columns] += weight
        target /= np.maximum(total, 1)
        any_known[top : top + 256] = total[..., 0] > 0
    return half, any_known
