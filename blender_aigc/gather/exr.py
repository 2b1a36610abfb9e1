"""Reading the multilayer EXR files that Blender itself has just written. No bpy.

Blender's Python has no OpenEXR module, `Image.pixels` of a multilayer file gives nothing, and File Output nodes differ
between 4.x and 5.x. The file that a render with OPEN_EXR_MULTILAYER writes is the same in all of them, has every pass
under its name, float32 throughout, and the Cryptomatte manifests. Uncompressed, it is a header and an array.
Format: "OpenEXR File Layout" (openexr.com); scan lines, one part, no compression, 32-bit channels only.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_MAGIC = 20000630
_TILED, _MULTIPART, _DEEP = 0x200, 0x1000, 0x800
_FLOAT = 2
_LONGEST_HEADER = 1 << 24  # the manifests of a scene with 100,000 objects take some 3 MB


class ExrError(ValueError):
    """The file is not what Blender writes uncompressed, or it is cut short."""


def read_exr(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Channels and text attributes of an uncompressed float32 scan-line file.

    Returns ({channel name: (H, W) float32, row 0 on top}, {attribute name: text}). The channels are views of one
    read-only array that lies on the disk: copy what must outlive the file. Raises ExrError.
    """
    try:
        data = np.memmap(path, np.uint8, "r")
    except ValueError as error:  # an empty file
        raise ExrError(f"{path.name}: {error}") from None
    try:
        attributes, start = _header(data[:_LONGEST_HEADER].tobytes())
        return _channels(data, attributes, start), {
            name: value.decode("utf-8", "replace") for name, (kind, value) in attributes.items() if kind == "string"
        }
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise ExrError(f"{path.name}: {error}") from None


def _header(data: bytes) -> tuple[dict[str, tuple[str, bytes]], int]:
    """Attributes as {name: (type, bytes)} and the offset of what follows them."""
    magic, version = struct.unpack_from("<II", data)
    if magic != _MAGIC or version & (_TILED | _MULTIPART | _DEEP):
        raise ExrError("not a single-part scan-line EXR file")
    attributes: dict[str, tuple[str, bytes]] = {}
    offset = 8
    while data[offset]:
        name, offset = _text(data, offset)
        kind, offset = _text(data, offset)
        (size,) = struct.unpack_from("<i", data, offset)
        if size < 0 or offset + 4 + size > len(data):
            raise ExrError("cut short in the header")
        attributes[name] = (kind, data[offset + 4 : offset + 4 + size])
        offset += 4 + size
    return attributes, offset + 1


def _text(data: bytes, offset: int) -> tuple[str, int]:
    end = data.index(b"\0", offset)
    return data[offset:end].decode("utf-8", "replace"), end + 1


def _channels(data: np.ndarray, attributes: dict[str, tuple[str, bytes]], start: int) -> dict[str, np.ndarray]:
    if attributes["compression"][1] != b"\0":
        raise ExrError("compressed")
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"][1])
    width, height = right - left + 1, bottom - top + 1
    names = _channel_names(attributes["channels"][1])
    pixels_at = start + 8 * height  # after the table of offsets; Blender writes the lines in order, without gaps
    line = 2 + len(names) * width  # line number, byte count, then one channel after the other
    if len(data) < pixels_at + 4 * line * height:
        raise ExrError("cut short in the pixels")
    words = np.ndarray((height, line), np.dtype("<f4"), data, pixels_at, (4 * line, 4))
    numbers = np.ndarray((height,), np.dtype("<i4"), data, pixels_at, (4 * line,))
    if not np.array_equal(numbers, np.arange(top, top + height)):
        raise ExrError("lines out of order")
    return {name: words[:, 2 + i * width : 2 + (i + 1) * width] for i, name in enumerate(names)}


def _channel_names(channels: bytes) -> list[str]:
    names: list[str] = []
    offset = 0
    while channels[offset]:
        name, offset = _text(channels, offset)
        kind, _, step_x, step_y = struct.unpack_from("<iIii", channels, offset)
        if kind != _FLOAT or step_x != 1 or step_y != 1:
            raise ExrError(f"channel {name} is not 32-bit float")
        names.append(name)
        offset += 16
    return names
