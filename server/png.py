"""A small, quick PNG encoder: numpy and zlib only, so that it runs in Blender's own Python (W3C PNG, 2nd edition)."""

from __future__ import annotations

import struct
import zlib

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}
_NONE, _SUB, _UP = 0, 1, 2
_BAND_BYTES = 4 << 20


def encode_png(array: np.ndarray, level: int = 3) -> bytes:
    """`array` as a PNG file: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) uint8, row 0 on top, straight alpha; or (H, W)
    uint16, which becomes a grey picture of 16 bits.

    Each row takes whichever of the filters none, sub and up gives the smallest sum of absolute differences. `level` is
    zlib's, 1 (quick) to 9. Raises ValueError for any other shape or type. No colour chunk is written: such a file
    counts as sRGB everywhere, and the glTF validator warns about files that say more.
    """
    deep = array.dtype == np.uint16 and array.ndim == 2
    if deep:  # its bytes, the high ones first, as two channels: what the filters below need to know
        array = array.astype(">u2").view(np.uint8).reshape(*array.shape, 2)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(f"a PNG needs a uint8 (H, W) or (H, W, C) array, not {array.dtype} {array.shape}")
    pixels = np.ascontiguousarray(array if array.ndim == 3 else array[..., None])
    height, width, channels = pixels.shape
    if channels not in _COLOUR_TYPE and not deep:
        raise ValueError(f"a PNG has 1, 3 or 4 channels, not {channels}")
    header = struct.pack(">IIBBBBB", width, height, 16 if deep else 8, 0 if deep else _COLOUR_TYPE[channels], 0, 0, 0)
    data = _deflate(pixels, level)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def _deflate(pixels: np.ndarray, level: int) -> bytes:
    """The filtered rows of (H, W, C), compressed; band by band, so that the work stays in the processor's cache."""
    height, width, channels = pixels.shape
    compressor = zlib.compressobj(level)
    band = max(1, _BAND_BYTES // (width * channels))
    out = []
    for top in range(0, height, band):
        rows = pixels[top : top + band]
        above = np.zeros((1, width, channels), np.uint8) if top == 0 else pixels[top - 1 : top]
        out.append(compressor.compress(_filtered(rows, np.concatenate((above, rows[:-1])))))
    out.append(compressor.flush())
    return b"".join(out)


def _filtered(rows: np.ndarray, above: np.ndarray) -> bytes:
    """Rows with their filter byte in front; `above` holds the row over each of them."""
    count, width, channels = rows.shape
    sub = rows.copy()
    sub[:, 1:] -= rows[:, :-1]
    candidates = np.stack((rows, sub, rows - above))  # in the order of _NONE, _SUB, _UP; uint8 wraps as PNG wants
    # |difference| as a signed byte is what the specification's heuristic sums
    cost = np.abs(candidates.view(np.int8).reshape(3, count, -1)).view(np.uint8).sum(axis=2, dtype=np.uint32)
    choice = cost.argmin(axis=0)
    out = np.empty((count, 1 + width * channels), np.uint8)
    out[:, 0] = np.array([_NONE, _SUB, _UP], np.uint8)[choice]
    out[:, 1:] = candidates.reshape(3, count, -1)[choice, np.arange(count)]
    return out.tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
