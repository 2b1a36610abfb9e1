"""A small, quick PNG encoder, and a decoder of what it writes: numpy and zlib only, so that they run in Blender's own
Python (W3C PNG, 2nd edition).
"""

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


def size_of_png(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels, from the header. Raises ValueError for what is no PNG."""
    if len(data) < 33 or not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR":
        raise ValueError("not a PNG")
    return struct.unpack(">II", data[16:24])


def decode_png(data: bytes) -> np.ndarray:
    """A file of `encode_png` -> (H, W), (H, W, 3) or (H, W, 4) uint8, or (H, W) uint16: what it was made from.

    Raises ValueError or zlib.error for a damaged file, NotImplementedError for a PNG of another kind than ours
    (palettes, interlacing, further filters).
    """
    width, height = size_of_png(data)
    depth, colour, _, _, interlaced = data[24:29]
    channels = {kind: number for number, kind in _COLOUR_TYPE.items()}.get(colour, 0)
    if not channels or interlaced or (depth, channels) not in ((8, 1), (8, 3), (8, 4), (16, 1)):
        raise NotImplementedError(f"depth {depth}, colour type {colour}")
    step = channels * depth // 8
    raw = zlib.decompress(b"".join(_chunks_of(data, b"IDAT")))
    if len(raw) != height * (1 + width * step):
        raise ValueError("the PNG is cut short")
    lines = np.frombuffer(raw, np.uint8).reshape(height, 1 + width * step)
    filters = lines[:, 0]
    if filters.max() > _UP:
        raise NotImplementedError("a filter that we do not write")
    out = lines[:, 1:].reshape(height, width, step).copy()
    for row in np.flatnonzero(filters):
        if filters[row] == _SUB:
            np.add.accumulate(out[row], axis=0, out=out[row])  # uint8 wraps as PNG wants
        elif row:
            out[row] += out[row - 1]
    if depth == 16:
        return out.reshape(height, width * 2).view(">u2").astype(np.uint16)
    return out[..., 0] if channels == 1 else out


def _chunks_of(data: bytes, kind: bytes) -> list[bytes]:
    found, place = [], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        if data[place + 4 : place + 8] == kind:
            found.append(data[place + 8 : place + 8 + length])
        place += 12 + length
    return found


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
