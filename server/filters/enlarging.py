"""A picture two or four times larger, without a network: sharp, without halos and stairs. numpy only.

Lanczos' interpolation (Duchon 1979) blurs; what it lost is brought back by asking that the result, made small again, be
the source (iterative back-projection, Irani and Peleg 1991). Each pixel stays within what its neighbours in the source
span, so nothing rings; between the rounds, edges are smoothed along themselves, which takes the stairs off (coherence-
enhancing diffusion, Weickert 1999).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from blender_aigc.protocol import Fault

SCALES = (2, 4)
LARGEST_RESULT_PX = 16384 * 16384
"""Pixels; 1 GiB as bytes, and about as much as Blender shows."""

ROUNDS = 3
REACH = 3
"""Of Lanczos' kernel, in pixels of the source."""

STEP = 0.45
"""Of the diffusion in time; stable below 0.5."""

NOISE = 4.0
"""Squared grey levels of gradient below which nothing counts as an edge."""

MARGIN = ROUNDS * (REACH + 1) + REACH + 4
"""Pixels of the source around a tile on which its pixels depend: each round looks `REACH` px far and diffuses over one,
the directions of the edges are those of pixels `REACH` + 3 px away."""

_TILE_PX = 512
_FILL = 4
"""Pixels around the opaque part that get its colours, as far as the kernel matters."""

Tick = Callable[[int, int], None]


@dataclass(frozen=True)
class _Edges:
    """Where the tile has edges, and which way they run: xx, xy, yy (H, W, 1), 0 without, else a projector."""

    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray


def check_result(width: int, height: int, scale: int) -> None:
    """Raises Fault("bad_input") when a picture of `width` x `height` px would become more than anybody can use."""
    if width * height * scale * scale > LARGEST_RESULT_PX:
        smaller = next((str(s) for s in reversed(SCALES) if width * height * s * s <= LARGEST_RESULT_PX), "")
        raise Fault(
            "bad_input",
            f"The result would have {width * scale} x {height * scale} px; 16384 x 16384 is the limit.",
            f"Set Scale to {smaller}." if smaller else "Choose a smaller picture, or enlarge a part of it.",
        )


def enlarged(picture: np.ndarray, scale: int, sharpness: float = 1.0, tick: Tick | None = None) -> np.ndarray:
    """(H, W, C) uint8 or uint16 -> (H * scale, W * scale, C) of the same; pixel areas aligned at the corners.

    C: 3 colours, or with straight alpha behind them 4; 1 or 2 channels of data will do as well. What is transparent
    lends no colour to what is not. sharpness: 0 Lanczos' own, 1 made small again it is the source.
    tick: called as tick(done, total) between the tiles; what it raises ends the work.
    """
    height, width, channels = picture.shape
    out = np.empty((height * scale, width * scale, channels), picture.dtype)
    side = max(16, _TILE_PX // scale)
    boxes = [(top, left) for top in range(0, height, side) for left in range(0, width, side)]

    def work(box: tuple[int, int]) -> None:
        top, left = box
        bottom, right = min(height, top + side), min(width, left + side)
        above, before = min(MARGIN + _FILL, top), min(MARGIN + _FILL, left)
        around = picture[top - above : bottom + MARGIN + _FILL, left - before : right + MARGIN + _FILL]
        made = _tile(around, scale, sharpness)
        rows = slice(above * scale, (above + bottom - top) * scale)
        columns = slice(before * scale, (before + right - left) * scale)
        out[top * scale : bottom * scale, left * scale : right * scale] = made[rows, columns]

    for done, _ in enumerate(_in_threads(work, boxes), 1):
        if tick is not None:
            tick(done, len(boxes))
    return out


def _in_threads(work: Callable[[tuple[int, int]], None], boxes: list[tuple[int, int]]) -> Iterator[None]:
    """numpy lets go of the interpreter, so two threads are nearly twice as fast; what stands in line can be dropped."""
    if len(boxes) < 2:
        yield from map(work, boxes)
        return
    pool = ThreadPoolExecutor(max_workers=4)
    try:
        yield from pool.map(work, boxes)
    finally:
        pool.shutdown(cancel_futures=True)


def _tile(picture: np.ndarray, scale: int, sharpness: float) -> np.ndarray:
    """(h, w, C) uint8 -> (h * scale, w * scale, C) uint8."""
    if picture.shape[2] == 4 and (picture[..., 3] < 255).any():
        colour = _channels(_spread(picture), scale, sharpness)
        alpha = _channels(picture[..., 3:].astype(np.float32), scale, sharpness)
        made = np.concatenate([colour, alpha], axis=2)
        hidden = made[..., 3] == 0  # there the colour of the source stays, whatever it is for
        made[hidden] = picture.repeat(scale, 0).repeat(scale, 1)[hidden]
        made[hidden, 3] = 0
        return made
    opaque = picture.shape[2] == 4
    made = _channels(picture[..., :3].astype(np.float32), scale, sharpness, picture.dtype)
    return np.concatenate([made, np.full_like(made[..., :1], 255)], axis=2) if opaque else made


def _spread(picture: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32: the colours, continued a few pixels into what is transparent."""
    colour = picture[..., :3].astype(np.float32)
    known = (picture[..., 3:] > 0).astype(np.float32)
    height, width = picture.shape[:2]
    for _ in range(_FILL):
        total, count = np.zeros_like(colour), np.zeros_like(known)
        padded, there = (np.pad(part, ((1, 1), (1, 1), (0, 0))) for part in (colour * known, known))
        for y in range(3):
            for x in range(3):
                total += padded[y : y + height, x : x + width]
                count += there[y : y + height, x : x + width]
        new = (known == 0) & (count > 0)
        colour = np.where(new, total / np.maximum(count, 1), colour)
        known = np.where(new, np.float32(1), known)
    return colour


def _channels(source: np.ndarray, scale: int, sharpness: float, kind: np.typing.DTypeLike = np.uint8) -> np.ndarray:
    """(h, w, C) float32 -> (h * scale, w * scale, C) of `kind`."""
    low, high = _span(source, scale)
    made = np.clip(interpolated(source, scale), low, high)
    if sharpness > 0 and (low < high).any():  # a plain tile needs nothing
        edges = _edges(source, scale)
        for _ in range(ROUNDS):
            for _ in range(scale):
                made = _along(made, edges)
            made += np.float32(sharpness) * interpolated(source - reduced(made, scale), scale)
            np.clip(made, low, high, out=made)
    return np.rint(made).astype(kind)


def interpolated(source: np.ndarray, scale: int) -> np.ndarray:
    """(h, w, C) float32 -> (h * scale, w * scale, C) by Lanczos' kernel; borders continued."""
    return _interpolated_rows(_interpolated_rows(source, scale).swapaxes(0, 1), scale).swapaxes(0, 1)


def reduced(picture: np.ndarray, scale: int) -> np.ndarray:
    """(h * scale, w * scale, C) -> (h, w, C): the mean of each pixel's area."""
    height, width, channels = picture.shape
    rows = picture.reshape(height // scale, scale, width, channels)
    total = rows[:, 0].copy()
    for number in range(1, scale):
        total += rows[:, number]
    columns = total.reshape(height // scale, width // scale, scale, channels)
    mean = columns[:, :, 0].copy()
    for number in range(1, scale):
        mean += columns[:, :, number]
    return mean / np.float32(scale * scale)


def _interpolated_rows(source: np.ndarray, scale: int) -> np.ndarray:
    """Each new row is a sum of old ones whose weights depend only on its place between them."""
    padded = np.pad(source, ((REACH, REACH), (0, 0), (0, 0)), mode="edge")
    out = np.zeros((len(source), scale, *source.shape[1:]), np.float32)
    taps = np.arange(-REACH, REACH + 1)
    for phase in range(scale):
        away = taps - ((phase + 0.5) / scale - 0.5)
        weights = np.where(np.abs(away) < REACH, np.sinc(away) * np.sinc(away / REACH), 0.0)
        for tap, weight in zip(taps, weights / weights.sum(), strict=True):
            if weight:
                out[:, phase] += np.float32(weight) * padded[REACH + tap : REACH + tap + len(source)]
    return out.reshape(len(source) * scale, *source.shape[1:])


def _span(source: np.ndarray, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest of each pixel of the source and its eight neighbours, at the size of the result."""
    low, high = source, source
    for axis in (0, 1):
        lows, highs = _neighbours(low, axis, 1), _neighbours(high, axis, 1)
        low = np.minimum(np.minimum(lows[0], lows[1]), lows[2])
        high = np.maximum(np.maximum(highs[0], highs[1]), highs[2])
    return low.repeat(scale, 0).repeat(scale, 1), high.repeat(scale, 0).repeat(scale, 1)


def _edges(source: np.ndarray, scale: int) -> _Edges:
    """From the structure tensor of the source, smoothed over a pixel (Foerstner 1986)."""
    padded = np.pad(source, ((1, 1), (1, 1), (0, 0)), mode="edge")
    across = (padded[:, 2:] - padded[:, :-2]) / 2
    down = (padded[2:] - padded[:-2]) / 2
    across = (3 * across[:-2] + 10 * across[1:-1] + 3 * across[2:]) / 16  # Scharr's weights: true directions
    down = (3 * down[:, :-2] + 10 * down[:, 1:-1] + 3 * down[:, 2:]) / 16
    products = (across * across).sum(-1), (across * down).sum(-1), (down * down).sum(-1)
    tensor = interpolated(_smoothed(np.stack(products, axis=-1)), scale)
    xx, xy, yy = tensor[..., :1], tensor[..., 1:2], tensor[..., 2:]
    spread = np.sqrt((xx - yy) ** 2 + 4 * xy * xy)
    share = np.clip(spread / (xx + yy + np.float32(NOISE)).clip(NOISE), 0, 1)
    spread = np.maximum(spread, np.float32(1e-6))
    return _Edges(
        share * (1 - (xx - yy) / spread) / 2,
        -2 * share * xy / spread / 2,
        share * (1 + (xx - yy) / spread) / 2,
    )


def _smoothed(field: np.ndarray) -> np.ndarray:
    """By the binomial 1 4 6 4 1, which is nearly a Gaussian of sigma 1."""
    for axis in (0, 1):
        far, near, middle, near_2, far_2 = _neighbours(field, axis, 2)
        field = (far + far_2 + 4 * (near + near_2) + 6 * middle) / np.float32(16)
    return field


def _neighbours(field: np.ndarray, axis: int, reach: int) -> list[np.ndarray]:
    """`field` moved by -reach .. reach pixels along `axis`, its border continued."""
    pad = [(reach, reach) if axis == side else (0, 0) for side in range(field.ndim)]
    padded, length = np.pad(field, pad, mode="edge"), field.shape[axis]
    every = slice(None)
    starts = range(2 * reach + 1)
    return [padded[tuple(slice(n, n + length) if axis == side else every for side in (0, 1))] for n in starts]


def _along(picture: np.ndarray, edges: _Edges) -> np.ndarray:
    """One step of diffusion along the edges: the second derivative in their direction is added."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    middle = padded[1:-1, 1:-1]
    xx = padded[1:-1, 2:] + padded[1:-1, :-2] - 2 * middle
    yy = padded[2:, 1:-1] + padded[:-2, 1:-1] - 2 * middle
    xy = (padded[2:, 2:] - padded[2:, :-2] - padded[:-2, 2:] + padded[:-2, :-2]) / 4
    xx *= edges.xx
    xy *= 2 * edges.xy
    yy *= edges.yy
    xx += xy
    xx += yy
    xx *= np.float32(STEP)
    xx += picture
    return xx
