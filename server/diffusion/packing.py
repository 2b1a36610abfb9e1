"""FLUX's latents as it takes them: rows of 2 x 2, one behind the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def packed(latents: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h/2 * w/2, 4 C); the four of a square lie beside each other, channel by channel."""
    batch, channels, height, width = latents.shape
    squares = latents.view(batch, channels, height // 2, 2, width // 2, 2)
    return squares.permute(0, 2, 4, 1, 3, 5).reshape(batch, height * width // 4, 4 * channels)


def unpacked(rows: Tensor, size: tuple[int, int]) -> Tensor:
    """The reverse: (B, n, 4 C) -> (B, C, h, w). size: (width, height) of the picture in pixels, eight per latent."""
    width, height = size[0] // 16, size[1] // 16
    squares = rows.view(len(rows), height, width, -1, 2, 2)
    return squares.permute(0, 3, 1, 4, 2, 5).reshape(len(rows), -1, 2 * height, 2 * width)
