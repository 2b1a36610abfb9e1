"""Picture arithmetic for the procedural models: filters, hole filling, labels, colour distance. numpy only.

Continuous picture coordinates: x to the right, y downwards, pixel (row i, column j) covers [j, j + 1) x [i, i + 1).
"""

from __future__ import annotations

import numpy as np

_LINEAR_OF_BYTE = np.array(
    [(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4) for v in np.arange(256) / 255.0], np.float32
)
# Bjoern Ottosson, "A perceptual color space for image processing" (2020): linear sRGB -> LMS, LMS^(1/3) -> Lab.
LMS_FROM_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
LAB_FROM_LMS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)


def oklab(colour: np.ndarray) -> np.ndarray:
    """(..., 3) sRGB 0..255, any dtype -> (..., 3) float32 Oklab, L in 0..1. Euclidean distance is perceptual."""
    linear = _LINEAR_OF_BYTE[np.clip(np.rint(colour), 0, 255).astype(np.uint8)]
    return np.cbrt(linear @ LMS_FROM_RGB.T) @ LAB_FROM_LMS.T


def sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear values of a (H, W) or (H, W, C) float image at (N,) continuous coordinates, clamped at the edge."""
    height, width = image.shape[:2]
    x = np.clip(np.asarray(x, np.float32) - 0.5, 0, width - 1)
    y = np.clip(np.asarray(y, np.float32) - 0.5, 0, height - 1)
    left, top = np.minimum(x.astype(np.int32), max(width - 2, 0)), np.minimum(y.astype(np.int32), max(height - 2, 0))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    u, v = x - left, y - top
    if image.ndim == 3:
        u, v = u[..., None], v[..., None]
    upper = image[top, left] * (1 - u) + image[top, right] * u
    lower = image[bottom, left] * (1 - u) + image[bottom, right] * u
    return upper * (1 - v) + lower * v


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a (H, W) or (H, W, C) float image; the edge is repeated outwards."""
    radius = int(np.ceil(3 * sigma))
    if sigma <= 0 or radius == 0:
        return image
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(0, 0)] * image.ndim
        pad[axis] = (radius, radius)
        wide = np.pad(image, pad, mode="edge")
        size = image.shape[axis]
        lead = (slice(None),) * axis
        image = sum(weight * wide[(*lead, slice(i, i + size))] for i, weight in enumerate(kernel))
    return image


def shrink(image: np.ndarray, factor: int) -> np.ndarray:
    """Mean over factor x factor blocks, float32; a last partial block is completed by repeating the edge.

    Works through bands of rows, so that a very large picture is never held in floating point as a whole.
    """
    if factor == 1:
        return image.astype(np.float32)
    height, width = image.shape[:2]
    rows, columns = -(-height // factor), -(-width // factor)
    out = np.empty((rows, columns, *image.shape[2:]), np.float32)
    tail = [(0, 0)] * (image.ndim - 2)
    band = max(1, 2**21 // (factor * width))
    for start in range(0, rows, band):
        stop = min(start + band, rows)
        piece = image[start * factor : stop * factor]
        pad = [(0, (stop - start) * factor - len(piece)), (0, columns * factor - width), *tail]
        piece = np.pad(piece, pad, mode="edge")
        blocks = piece.reshape(stop - start, factor, columns, factor, *image.shape[2:])
        out[start:stop] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return out


def resize_area(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W, C) -> (height, width, C) float32 by exact box filter; meant for making pictures smaller."""
    return _resize_rows(_resize_rows(image, height).swapaxes(0, 1), width).swapaxes(0, 1)


def _resize_rows(image: np.ndarray, count: int) -> np.ndarray:
    size = image.shape[0]
    if size == count:
        return image.astype(np.float32)
    edges = np.linspace(0, size, count + 1)
    whole = np.minimum(edges.astype(int), size - 1)
    part = (edges - whole).reshape(-1, *[1] * (image.ndim - 1))
    out = np.empty((count, *image.shape[1:]), np.float32)
    band = max(1, 2**20 // max(size, 1))
    for start in range(0, image.shape[1], band):
        piece = image[:, start : start + band].astype(np.float64)
        total = np.concatenate([np.zeros_like(piece[:1]), np.cumsum(piece, axis=0)])
        at_edges = total[whole] + part * piece[whole]
        out[:, start : start + band] = np.diff(at_edges, axis=0) * (count / size)
    return out


def pull_push(colour: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fill the unknown of a picture smoothly from its known pixels.

    Gortler, Grzeszczuk, Szeliski, Cohen: "The Lumigraph" (SIGGRAPH 1996), section 3.4.2.
    colour (H, W, C) float32; weight (H, W) float32 in 0..1, 1 keeps the pixel as it is. Returns (H, W, C) float32.
    A picture of no weight at all comes back unchanged.
    """
    height, width = weight.shape
    if max(height, width) <= 1 or not np.any(weight < 1):
        return colour
    pad = ((0, height % 2), (0, width % 2))
    even_weight = np.pad(weight, pad)
    heavy = np.pad(colour * weight[..., None], (*pad, (0, 0)))
    sums = heavy[0::2, 0::2] + heavy[1::2, 0::2] + heavy[0::2, 1::2] + heavy[1::2, 1::2]
    total = even_weight[0::2, 0::2] + even_weight[1::2, 0::2] + even_weight[0::2, 1::2] + even_weight[1::2, 1::2]
    del heavy
    coarse = pull_push(sums / np.maximum(total, 1e-12)[..., None], np.minimum(total, 1))
    fine = _double(_double(coarse).swapaxes(0, 1)).swapaxes(0, 1)[:height, :width]
    return fine + (colour - fine) * weight[..., None]


def _double(image: np.ndarray) -> np.ndarray:
    """Linear interpolation to twice the rows."""
    before = np.concatenate([image[:1], image[:-1]])
    after = np.concatenate([image[1:], image[-1:]])
    out = np.empty((2 * len(image), *image.shape[1:]), image.dtype)
    out[0::2] = 0.75 * image + 0.25 * before
    out[1::2] = 0.75 * image + 0.25 * after
    return out


def widest(image: np.ndarray, radius: int) -> np.ndarray:
    """Maximum over the (2 * radius + 1) square around each pixel; of a bool mask: dilation."""
    for axis in (0, 1):
        for _ in range(radius):
            grown = image.copy()
            lead = (slice(None),) * axis
            low, high = (*lead, slice(None, -1)), (*lead, slice(1, None))
            np.maximum(grown[low], image[high], out=grown[low])
            np.maximum(grown[high], image[low], out=grown[high])
            image = grown
    return image


def erode(mask: np.ndarray, radius: int) -> np.ndarray:
    """Bool mask without the pixels that have an unset pixel within the (2 * radius + 1) square; outside is set."""
    return ~widest(~mask, radius)


def components(mask: np.ndarray, diagonal: bool = False) -> tuple[np.ndarray, int]:
    """Connected parts of a bool (H, W) mask: labels (H, W) int32, 0 outside and 1..count in scan order, and count.

    Joins the horizontal runs of set pixels that touch those of the next row; everything vectorised.
    """
    stride = mask.shape[1] + 1
    flat = np.zeros(mask.shape[0] * stride + 2, np.int8)
    flat[1:-1].reshape(mask.shape[0], stride)[:, :-1] = mask
    change = np.diff(flat)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    reach = int(diagonal)
    first = np.searchsorted(ends, starts + stride - reach, side="right")
    last = np.searchsorted(starts, ends + stride + reach, side="left")
    count = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(starts)), count)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    roots, label = np.unique(_join(len(starts), upper, lower), return_inverse=True)
    labels = np.zeros(mask.shape, np.int32)
    labels[mask] = np.repeat(label.astype(np.int32) + 1, ends - starts)
    return labels, len(roots)


def _join(count: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(count,) smallest index of each element's group, when first[i] and second[i] belong together."""
    parent = np.arange(count)
    while True:
        a, b = parent[first], parent[second]
        apart = a != b
        if not apart.any():
            return parent
        first, second, a, b = first[apart], second[apart], a[apart], b[apart]
        np.minimum.at(parent, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(parent, jumped := parent[parent]):
            parent = jumped


def touching_border(mask: np.ndarray) -> np.ndarray:
    """The part of a bool mask that is connected (4 neighbours) to the picture's border: a flood fill from outside."""
    labels, count = components(mask)
    keep = np.zeros(count + 1, bool)
    keep[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    keep[0] = False
    return keep[labels]


def without_specks(mask: np.ndarray, smallest_px: float) -> np.ndarray:
    """The bool mask without connected parts of fewer than `smallest_px` pixels."""
    labels, count = components(mask)
    keep = np.bincount(labels.ravel(), minlength=count + 1) >= smallest_px
    keep[0] = False
    return keep[labels]


def reached_from(start: np.ndarray, through: np.ndarray) -> np.ndarray:
    """The part of the bool mask `through` that is connected (4 neighbours) to the bool mask `start`."""
    labels, count = components(start | through)
    keep = np.zeros(count + 1, bool)
    keep[labels[start]] = True
    keep[0] = False
    return keep[labels] & through
