"""Gaussian noise that lies on the canvas of a sequence, for diffusion models. numpy only.

Source: Chang, Tang, Gross and Azevedo 2024, "How I Warped Your Noise: a Temporally-Correlated Noise Prior for
Diffusion Models" (ICLR), section 3.2: the noise of a pixel is the integral of a white noise field over the piece of the
canvas that it shows, over the root of that piece's area. Pieces do not overlap, so that the values stay independent
with mean 0 and variance 1, which interpolation of noise would not keep; a shift by a part of a pixel changes a part of
the sum. Here the field is white noise per canvas pixel; the pieces are made of the picture's pixels in each latent.
"""

from __future__ import annotations

import numpy as np

from ..filters.fields import lattice


def white(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """(...) float32: a normal number that belongs to each integer place (Box and Muller 1958)."""
    first = np.maximum(lattice(x, y, seed), np.float32(2**-25))
    angle = lattice(x, y, seed + 0x5BD1) * np.float32(2 * np.pi)
    return np.sqrt(np.float32(-2) * np.log(first)) * np.cos(angle)


def canvas_noise(canvas: np.ndarray, size: tuple[int, int], channels: int, seed: int) -> np.ndarray:
    """(channels, h, w) float32 independent normal numbers, moving with the canvas.

    canvas: (H, W, 2) float32 (see canvas.py), of the picture. size: (h, w) of the latents, H >= h and W >= w; the
    picture is spread over them evenly, whatever the ratio. The same seed and canvas give the same noise.
    """
    height, width = canvas.shape[:2]
    rows = np.arange(height) * size[0] // height
    columns = np.arange(width) * size[1] // width
    cell = (rows[:, None] * size[1] + columns[None]).ravel()
    place = np.rint(canvas).astype(np.int64).reshape(-1, 2)
    key = (place[:, 1] << 32) + place[:, 0]
    # where the canvas is stretched, several pixels show one place of it: the first keeps it, no number is used twice
    _, first = np.unique(key, return_index=True)
    cell, place = cell[first], place[first]
    cells = size[0] * size[1]
    count = np.bincount(cell, minlength=cells)
    empty = np.flatnonzero(count == 0)
    out = np.empty((channels, cells), np.float32)
    for channel in range(channels):
        own = seed + 7919 * channel
        total = np.bincount(cell, weights=white(place[:, 0], place[:, 1], own), minlength=cells)
        out[channel] = total / np.sqrt(np.maximum(count, 1))
        if len(empty):
            out[channel, empty] = white(empty % size[1], empty // size[1], own + 0x3C6E)
    return out.reshape(channels, *size)
