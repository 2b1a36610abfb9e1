"""A material as a square that repeats without a seam: solid materials cut through, and joined along a cut. numpy only.

The square is painted a quarter too large. What is too much at the right continues the square's own end, so it takes the
place of its beginning up to a line along which the two differ least (Efros and Freeman 2001, "Image Quilting", the
minimum error boundary cut); then the same from top to bottom. All maps are cut along the same lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .painter import Body, Maps, look_at, srgb_bytes
from .words import Reading

BAND = 4
"""The part of the square, one in so many, in which the cut may lie."""

NEAR = 0.08
"""How far from the asked width the square may be, so that rows of bricks fit in."""

_COARSE = 256
_CHUNK = 1 << 15

Check = Callable[[], None]


@dataclass
class Layers:
    """Pictures of one surface, all (H, W): colour (.., 3) uint8 sRGB, roughness and metallic float32, height metres."""

    colour: np.ndarray
    roughness: np.ndarray
    metallic: np.ndarray
    height: np.ndarray

    def parts(self) -> list[np.ndarray]:
        return [self.colour, self.roughness, self.metallic, self.height]


def repeats(reading: Reading, width_m: float, check: Check) -> tuple[float, float]:
    """How much of the world a square of about `width_m` should cover, across and down, in metres.

    Rows of bricks, planks and threads only join where a whole number of them fits in; so, of the lengths near
    `width_m`, the one after which the surface is most like its beginning.
    """
    coarse = plane(reading, round(_COARSE * (1 + NEAR + 1 / BAND)), (width_m / _COARSE,) * 2, check, lambda _: None)
    band = _COARSE // BAND
    height = coarse.height / max(float(coarse.height.std()), 1e-6)
    values = np.concatenate([coarse.colour / max(float(coarse.colour.std()), 1.0), height[..., None]], -1)
    found = []
    for picture in (values.swapaxes(0, 1), values):
        lengths = range(round(_COARSE * (1 - NEAR)), round(_COARSE * (1 + NEAR)) + 1)
        apart = [float(((picture[n : n + band] - picture[:band]) ** 2).mean()) for n in lengths]
        found.append(lengths[int(np.argmin(apart))] * width_m / _COARSE)
    return found[0], found[1]


def plane(
    reading: Reading, side: int, texel_m: tuple[float, float], check: Check, advance: Callable[[float], None]
) -> Layers:
    """(side, side) of the material on a floor that looks up, its left upper corner at the origin.

    texel_m: how far it is from texel to texel, across and down.
    """
    body = Body(np.zeros(3), np.eye(3, dtype=np.float32), 1.0, -1.0, 1.0, 0)
    colour = np.empty((side * side, 3), np.uint8)
    flat = [np.empty(side * side, np.float32) for _ in range(3)]
    for first in range(0, side * side, _CHUNK):
        check()
        index = np.arange(first, min(first + _CHUNK, side * side))
        place = np.zeros((len(index), 3), np.float32)
        place[:, 0] = (index % side + 0.5) * texel_m[0]
        place[:, 1] = -(index // side + 0.5) * texel_m[1]
        facing = np.broadcast_to(np.float32([0, 0, 1]), place.shape)
        flat_bend, open_sky = np.zeros(len(index), np.float32), np.ones(len(index), np.float32)
        look = look_at(place, facing, flat_bend, open_sky, body, reading, max(texel_m))
        colour[index] = srgb_bytes(look.colour)
        for target, values in zip(flat, (look.roughness, look.metallic, look.height), strict=True):
            target[index] = values
        advance(index[-1] / (side * side))
    roughness, metallic, height = (values.reshape(side, side) for values in flat)
    return Layers(colour.reshape(side, side, 3), roughness, metallic, height)


def joined(layers: Layers, size: int) -> Layers:
    """(size + band, size + band) -> (size, size) that repeats in both directions."""
    return _wrapped_down(_turned(_wrapped_down(_turned(layers), size, closed=False)), size, closed=True)


def _turned(layers: Layers) -> Layers:
    return Layers(*(part.swapaxes(0, 1) for part in layers.parts()))


def _wrapped_down(layers: Layers, size: int, closed: bool) -> Layers:
    """The rows beyond `size` laid over the first ones, down to the best cut. closed: left and right are neighbours."""
    band = layers.colour.shape[0] - size
    after, before = layers.colour[size:].astype(np.float32), layers.colour[:band].astype(np.float32)
    apart = ((after - before) ** 2).sum(-1)
    spread = float(np.ptp(layers.height)) or 1.0
    apart += 3 * (255 * (layers.height[size:] - layers.height[:band]) / spread) ** 2
    soft = max(1, band // 16)
    cut = best_cut(apart[soft : band - soft], closed) + soft
    share = np.clip((cut - np.arange(band)[:, None]) / (2 * soft) + 0.5, 0, 1).astype(np.float32)
    share = share * share * (3 - 2 * share)
    made = []
    for part in layers.parts():
        own = part[:size].copy()
        weights = share if part.ndim == 2 else share[..., None]
        mixed = part[size:] * weights + part[:band] * (1 - weights)
        own[:band] = np.rint(mixed) if part.dtype == np.uint8 else mixed
        made.append(own)
    return Layers(*made)


def best_cut(apart: np.ndarray, closed: bool) -> np.ndarray:
    """(W,) row of the cheapest way from left to right through (H, W) costs, one row up or down at each step.

    closed: it ends in the row in which it begins.
    """
    way = _cheapest(apart, None)
    return _cheapest(apart, int(way[0])) if closed else way


def _cheapest(apart: np.ndarray, begin: int | None) -> np.ndarray:
    height, width = apart.shape
    total = apart[:, 0].astype(np.float64)
    if begin is not None:
        total = np.where(np.arange(height) == begin, total, np.inf)
    came = np.zeros((width, height), np.int8)
    for column in range(1, width):
        around = np.pad(total, 1, constant_values=np.inf)
        three = np.stack([around[:-2], around[1:-1], around[2:]])
        choice = three.argmin(0)
        came[column] = choice - 1
        total = three[choice, np.arange(height)] + apart[:, column]
    way = np.empty(width, np.intp)
    way[-1] = total.argmin() if begin is None else begin
    for column in range(width - 1, 0, -1):
        way[column - 1] = way[column] + came[column, way[column]]
    return way


def maps_of(layers: Layers, texel_m: tuple[float, float], relief: float, check: Check = lambda: None) -> Maps:
    """All maps of a square that repeats. relief: factor on the height in the normals."""
    height = layers.height - layers.height.mean()
    across = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / (2 * texel_m[0])
    down = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) / (2 * texel_m[1])
    normal = np.stack([-across * relief, down * relief, np.ones_like(height)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    sky = _open_sky(height, max(texel_m) * max(relief, 0.1), check)
    orm = np.stack([sky, layers.roughness, layers.metallic], -1)
    check()
    span = float(2 * np.abs(height).max()) or 1e-6
    return Maps(
        layers.colour,
        (np.clip(orm, 0, 1) * 255 + 0.5).astype(np.uint8),
        (np.clip(normal * 0.5 + 0.5, 0, 1) * 255 + 0.5).astype(np.uint8),
        np.clip((height / span + 0.5) * 65535, 0, 65535).astype(np.uint16),
        span,
        np.ones(height.shape, bool),
    )


def _open_sky(height: np.ndarray, scale_m: float, check: Check) -> np.ndarray:
    """(H, W) 0..1: darker where the surroundings are higher, near and far; the square repeats."""
    hidden = np.zeros(height.shape, np.float32)
    for radius in (2, 6, 18):
        check()
        smooth = height
        for axis in (0, 1):
            smooth = _windowed(smooth, radius, axis)
        hidden += np.clip((smooth - height) / (radius * scale_m), 0, 1)
    return 1 - hidden / 3


def _windowed(picture: np.ndarray, radius: int, axis: int) -> np.ndarray:
    """The mean of 2 * radius + 1 neighbours along `axis`, from running sums of the picture, which repeats."""
    length = picture.shape[axis]
    around = np.arange(-radius - 1, length + radius) % length
    sums = np.cumsum(picture.take(around, axis), axis, dtype=np.float64)
    upper = sums.take(range(2 * radius + 1, 2 * radius + 1 + length), axis)
    return ((upper - sums.take(range(length), axis)) / (2 * radius + 1)).astype(np.float32)
