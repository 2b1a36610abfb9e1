"""Grey pictures as PNG files of 8 or 16 bits. numpy only, no bpy: Blender's own writing goes through colour management.

Source: PNG, W3C Recommendation (third edition), 5.2, 7.4 (filter Up) and 11.2.2.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np


def grey_png(values: np.ndarray) -> bytes:
    """(H, W) uint8 or uint16, row 0 on top, as the bytes of a greyscale PNG of that depth."""
    height, width = values.shape
    depth = 8 * values.dtype.itemsize
    rows = np.ascontiguousarray(values.astype(values.dtype.newbyteorder(">"))).view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    filtered[1:, 1:] = rows[1:] - rows[:-1]
    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(filtered, 3)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
              for kind, body in parts)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
