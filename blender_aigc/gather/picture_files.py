"""What the first bytes of a picture file say: its size, and whether its end is there. Decodes nothing. No bpy.

Sources: PNG (W3C Recommendation, 5 and 11.2.2), JPEG (ITU-T T.81, Annex B), Exif 2.32 (4.6), WebP (RFC 9649), GIF89a,
TIFF 6.0, and Microsoft's description of the bitmap header.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class PictureFile:
    """width_px, height_px: 0 when this kind of file keeps them elsewhere. whole: False when its end is missing.

    orientation: how a camera was held, 1 to 8 as in the Exif standard (tag 0x0112); 1 is upright.
    """

    width_px: int = 0
    height_px: int = 0
    whole: bool = True
    orientation: int = 1


def inspect(file: BinaryIO) -> PictureFile:
    """Size and completeness of the picture in `file`, whose position is lost. Unknown kinds give `PictureFile()`."""
    head = file.read(32)
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(file)
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg(file)
        if head.startswith((b"GIF87a", b"GIF89a")):
            return PictureFile(*struct.unpack_from("<HH", head, 6))
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp(file, head)
        if head.startswith(b"BM"):
            return _bmp(head)
        if head.startswith((b"II*\0", b"MM\0*")):
            return _tiff(file, head)
    except struct.error:  # ends in the middle of its header
        return PictureFile(whole=False)
    return PictureFile()


def _png(file: BinaryIO) -> PictureFile:
    width = height = 0
    end = file.seek(0, 2)
    position = 8
    while True:
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"IHDR":
            width, height = struct.unpack(">II", file.read(8))
        position += 12 + length
        if position > end:
            return PictureFile(width, height, whole=False)
        if kind == b"IEND":
            return PictureFile(width, height)


def _jpeg(file: BinaryIO) -> PictureFile:
    width = height = 0
    orientation = 1
    for marker, length in _jpeg_segments(file):
        if marker == 0xE1 and orientation == 1:
            orientation = _exif_orientation(file.read(length - 2))
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header, not a table
            _, height, width = struct.unpack(">BHH", file.read(5))
        elif marker == 0xDA:  # the scan: from here on 0xFFD9 can only be the end of the picture
            file.seek(length - 2, 1)
            return PictureFile(width, height, b"\xff\xd9" in file.read(), orientation)
    return PictureFile(width, height, whole=False)


def _exif_orientation(segment: bytes) -> int:
    """The orientation tag of the first image directory, 1 when there is none or the segment is damaged."""
    if not segment.startswith(b"Exif\0\0"):
        return 1
    tiff = segment[6:]
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
            if tag == 0x0112 and 1 <= value <= 8:
                return value
    except struct.error:
        return 1
    return 1


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """(marker, length) of each segment up to the scan; the file stands behind the length when it is yielded."""
    position = 2
    while True:
        file.seek(position)
        pad, marker = struct.unpack(">BB", file.read(2))
        if pad != 0xFF:
            return
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD7:  # fill byte, or a marker without a length
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack(">H", file.read(2))
        yield marker, length
        position += 2 + length


def _webp(file: BinaryIO, head: bytes) -> PictureFile:
    (length,) = struct.unpack_from("<I", head, 4)
    whole = file.seek(0, 2) >= length + 8
    kind = head[12:16]
    if kind == b"VP8X":
        low = struct.unpack_from("<HBHB", head, 24)
        return PictureFile(1 + low[0] + (low[1] << 16), 1 + low[2] + (low[3] << 16), whole)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return PictureFile(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), whole)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return PictureFile(width & 0x3FFF, height & 0x3FFF, whole)
    return PictureFile(whole=whole)


def _bmp(head: bytes) -> PictureFile:
    (header,) = struct.unpack_from("<I", head, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", head, 18)
    return PictureFile(abs(width), abs(height))


def _tiff(file: BinaryIO, head: bytes) -> PictureFile:
    order = "<" if head.startswith(b"II") else ">"
    (start,) = struct.unpack_from(f"{order}I", head, 4)
    file.seek(start)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    found = {256: 0, 257: 0}  # ImageWidth, ImageLength
    for _ in range(count):
        tag, kind, _, value = struct.unpack(f"{order}HHI4s", file.read(12))
        if tag in found:
            (found[tag],) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", value)
    return PictureFile(found[256], found[257])
