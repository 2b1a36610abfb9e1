"""Paints the maps of one texture set with a material: band by band, in threads, in bounded memory. numpy only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.bake import fill_around
from ..geometry.heights import MIDDLE, as_levels
from ..geometry.texels import Sheet, slopes, tangent_normals
from .core import Look, Points
from .noise import Space, fbm, step
from .weathering import weathered
from .words import Reading

if TYPE_CHECKING:
    from ..texturing.wishes import Order

Check = Callable[[], None]
Advance = Callable[[float, np.ndarray | None], None]
_CHUNK = 1 << 15
_BAND_TEXELS = 1 << 19
BYTES_PER_TEXEL = 30
"""Of all maps and what is needed to make them, measured; a band and its chunks come on top (about 200 MB)."""


@dataclass(frozen=True)
class Exposure:
    """Small pictures of a set (size, size): how the surface bends, how much sky it sees, and -1 where its normals look
    into the body, else 1; float32, filled around.
    """

    bend: np.ndarray
    sky: np.ndarray
    side: np.ndarray

    def at(self, index: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Values at flat indices of a texture of `size`, bilinear, the side of the nearest."""
        own = self.bend.shape[0]
        scale = np.float32(own / size)
        x = np.clip((index % size + np.float32(0.5)) * scale - np.float32(0.5), 0, own - 1)
        y = np.clip((index // size + np.float32(0.5)) * scale - np.float32(0.5), 0, own - 1)
        left, top = np.minimum(x.astype(np.intp), own - 2), np.minimum(y.astype(np.intp), own - 2)
        u, v = x - left, y - top
        corner = top * own + left
        out = []
        for field in (self.bend.reshape(-1), self.sky.reshape(-1)):
            above = field[corner] * (1 - u) + field[corner + 1] * u
            below = field[corner + own] * (1 - u) + field[corner + own + 1] * u
            out.append((above * (1 - v) + below * v).astype(np.float32))
        nearest = np.rint(y).astype(np.intp) * own + np.rint(x).astype(np.intp)
        return out[0], out[1], self.side.reshape(-1)[nearest]


@dataclass(frozen=True)
class Body:
    """The object that a set belongs to, as the materials see it.

    origin (3,), axes (3, 3): world -> the object's own unit axes (rows). unit: metres of the pattern per metre.
    low_m, high_m: its lowest and highest point. grain: the longest of its own axes.
    """

    origin: np.ndarray
    axes: np.ndarray
    unit: float
    low_m: float
    high_m: float
    grain: int

    @classmethod
    def of(cls, vertices: np.ndarray, world_from_object: np.ndarray, scale: float) -> Body:
        """vertices: (V, 3) of this object, world. scale: > 1 makes patterns larger."""
        linear = world_from_object[:3, :3].astype(np.float64)
        axes = linear / np.maximum(np.linalg.norm(linear, axis=0, keepdims=True), 1e-12)
        if abs(np.linalg.det(axes)) < 0.5 or not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
            axes = np.eye(3)
        own = vertices @ axes
        grain = int(np.ptp(own, axis=0).argmax())
        return cls(
            vertices.mean(axis=0, dtype=np.float64),
            axes.T.astype(np.float32),
            1 / scale,
            float(vertices[:, 2].min()),
            float(vertices[:, 2].max()),
            grain,
        )


@dataclass
class Maps:
    """Finished pictures of one set, row 0 on top. colour (H, W, 3), orm (H, W, 3: occlusion, roughness, metal),
    normal (H, W, 3) uint8; height (H, W) uint16, 0.5 is the surface itself, the range is `height_m`; None where it is
    not known everywhere. covered (H, W) bool, of colour's size.
    """

    colour: np.ndarray
    orm: np.ndarray
    normal: np.ndarray
    height: np.ndarray | None
    height_m: float
    covered: np.ndarray


def paint(
    sheet: Sheet,
    exposure: Exposure,
    bodies: Mapping[int, Body],
    order: Order,
    relief: float,
    check: Check,
    advance: Advance,
) -> Maps:
    """All maps of a set. bodies: by the numbers of the objects. relief: factor on the height in the normals.

    advance: called with the share that is done and the colours so far. `check` is called between chunks of 32k texels.
    """
    size = sheet.size
    colour = np.zeros((size, size, 3), np.uint8)
    orm, normal = np.zeros_like(colour), np.zeros_like(colour)
    height = np.zeros((size, size), np.float16)
    rows = max(8, _BAND_TEXELS // size)
    spacing = sheet.texel_m()
    with ThreadPoolExecutor(max(1, min(8, os.cpu_count() or 1))) as pool:
        for top in range(0, size, rows):
            _paint_band(
                sheet,
                exposure,
                bodies,
                order,
                relief,
                (top, min(top + rows, size)),
                spacing,
                pool,
                check,
                (colour, orm, normal, height),
            )
            advance(min(top + rows, size) / size, colour)
    check()
    return _finished(sheet.covered, colour, orm, normal, height, check)


def _finished(
    covered: np.ndarray, colour: np.ndarray, orm: np.ndarray, normal: np.ndarray, height: np.ndarray, check: Check
) -> Maps:
    """Colours spread beyond the charts; the height as 16 bits around its mean."""
    colour, orm = fill_around(colour, covered), fill_around(orm, covered)
    check()
    normal[~covered] = (128, 128, 255)
    normal = fill_around(normal, covered)
    values = height[covered].astype(np.float32)
    span = float(2 * np.abs(values).max(initial=0)) or 1e-6
    levels = np.full(height.shape, MIDDLE, np.uint16)
    levels[covered] = as_levels(values, span)
    levels = fill_around(levels[..., None], covered)[..., 0]
    check()
    return Maps(colour, orm, normal, levels, span, covered)


def _paint_band(
    sheet: Sheet,
    exposure: Exposure,
    bodies: Mapping[int, Body],
    order: Order,
    relief: float,
    band: tuple[int, int],
    spacing: float,
    pool: ThreadPoolExecutor,
    check: Check,
    out: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """The rows from band[0] to band[1], with one more on either side for the slopes."""
    size = sheet.size
    top, bottom = max(band[0] - 1, 0), min(band[1] + 1, size)
    owner = sheet.owner[top:bottom]
    covered = owner >= 0
    index = np.flatnonzero(covered.reshape(-1))
    if not len(index):
        return
    flat = index + top * size
    count = covered.size
    position, normal = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    right, up = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    height = np.zeros(count, np.float32)
    colour, orm, bumps, heights = (array.reshape(size * size, -1) for array in out)

    def chunk(part: slice) -> None:
        check()
        here = index[part]
        texels = sheet.texels(flat[part])
        position[here], normal[here] = texels.position, texels.normal
        right[here], up[here] = sheet.axes(texels.face)
        bend, sky, side = exposure.at(flat[part], size)
        outward = texels.normal * side[:, None]
        which = order.which[texels.face]
        for number in np.unique(which):
            mine = np.flatnonzero(which == number) if len(order.readings) > 1 else slice(None)
            place = (texels.position[mine], outward[mine], bend[mine], sky[mine])
            look = look_at(*place, bodies[order.owners[number]], order.readings[number], spacing)
            at = flat[part][mine]
            height[here[mine]] = look.height
            colour[at] = srgb_bytes(look.colour)
            packed = np.stack([place[3], look.roughness, look.metallic], axis=1)
            orm[at] = (np.clip(packed, 0, 1) * 255 + 0.5).astype(np.uint8)

    for _ in _watched(pool.map(chunk, _slices(len(index))), check):
        pass
    check()
    shape = covered.shape
    grids = [array.reshape(*shape, 3) for array in (position, right, up)]
    slope = slopes(height.reshape(shape), grids[0], covered, grids[1], grids[2]).reshape(-1, 3)
    inside = index[(index >= (band[0] - top) * size) & (index < (band[1] - top) * size)]

    def tilt(part: slice) -> None:
        here = inside[part]
        tangent = tangent_normals(normal[here], slope[here] * np.float32(relief), right[here], up[here])
        bumps[here + top * size] = (np.clip(tangent * 0.5 + 0.5, 0, 1) * 255 + 0.5).astype(np.uint8)
        heights[here + top * size, 0] = height[here]

    for _ in _watched(pool.map(tilt, _slices(len(inside))), check):
        pass


def _slices(count: int) -> Iterator[slice]:
    return (slice(first, min(first + _CHUNK, count)) for first in range(0, count, _CHUNK))


def _watched(results: Iterator[None], check: Check) -> Iterator[None]:
    """`results`, looking for a cancel between them from this thread too."""
    for result in results:
        check()
        yield result


def look_at(
    position: np.ndarray,
    normal: np.ndarray,
    bend: np.ndarray,
    sky: np.ndarray,
    body: Body,
    reading: Reading,
    spacing: float,
) -> Look:
    """The material at (N, 3) places of the surface; heights in metres of the world."""
    own = ((position - body.origin) @ body.axes.T).astype(np.float32)
    facing = (normal @ body.axes.T).astype(np.float32)
    level = np.clip((position[:, 2] - body.low_m) / max(body.high_m - body.low_m, 1e-9), 0, 1).astype(np.float32)

    def points(size: float) -> Points:
        factor = body.unit / size
        place = own * np.float32(factor)
        space = Space(*np.ascontiguousarray(place.T), spacing * factor)
        return Points(space, facing, np.ascontiguousarray(normal[:, 2]), level, bend, sky, body.grain)

    def made(material, recipe) -> Look:  # noqa: ANN001
        p = points(recipe.size)
        look = weathered(p, recipe, material, material.make(p, recipe))
        look.height = look.height * np.float32(recipe.size / body.unit)
        return look

    look = made(reading.material, reading.recipe)
    if reading.second is None:
        return look
    p = points(reading.recipe.size)
    share = two_tone(p, reading.recipe.seed)
    return look.under(made(*reading.second), share, 0.0)


def two_tone(p: Points, seed: int) -> np.ndarray:
    """(N,) where the second tone is: the lower part, parted from the upper by a crisp, slightly uneven line."""
    wobble = 0.01 * fbm(p.space.scaled(8), seed + 77, 3)
    return step(0.452, 0.448, p.level + wobble)


def srgb_bytes(linear: np.ndarray) -> np.ndarray:
    """(N, 3) linear -> uint8 sRGB (IEC 61966-2-1)."""
    value = np.clip(linear, 0, 1)
    curve = np.where(value <= 0.0031308, value * 12.92, 1.055 * np.power(np.maximum(value, 1e-9), 1 / 2.4) - 0.055)
    return (curve * 255 + 0.5).astype(np.uint8)
