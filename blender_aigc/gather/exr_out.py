"""Passes as one multilayer EXR file, for compositors. No bpy.

Blender's Python has no OpenEXR module, and its own writer takes renders only. Format: "OpenEXR File Layout"
(openexr.com); scan lines, one part, no compression, 32-bit floats: what exr.py reads.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

FAR = 1e10
"""What Blender writes for the depth of the background; compositors dislike infinity."""

_MAGIC, _VERSION, _LONG_NAMES = 20000630, 2, 0x400
_FLOAT, _INCREASING_Y = 2, 0
_LAYER = "AIGC"
_CHANNELS = {
    "linear": ("Combined", "RGBA"),
    "depth": ("Depth", "Z"),
    "normal": ("Normal", "XYZ"),
    "position": ("Position", "XYZ"),
    "uv": ("UV", "UVA"),
    "vector": ("Vector", "XYZW"),
    "ao": ("AO", "X"),
    "object_id": ("IndexOB", "X"),
    "material_id": ("IndexMA", "X"),
}
"""Our pass -> Blender's name for it in such files, and its channels."""


def channels_of(passes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of `passes` that are numbers rather than pictures: channel name -> (H, W) float32."""
    channels: dict[str, np.ndarray] = {}
    for name, (title, letters) in _CHANNELS.items():
        if name not in passes:
            continue
        values = np.asarray(passes[name], np.float32)
        values = values[..., None] if values.ndim == 2 else values
        if name == "depth":
            values = np.where(np.isfinite(values), values, np.float32(FAR))
        for index, letter in enumerate(letters):
            plane = values[..., index] if index < values.shape[-1] else np.zeros(values.shape[:2], np.float32)
            channels[f"{_LAYER}.{title}.{letter}"] = plane
    return channels


def write_exr(path: Path, channels: Mapping[str, np.ndarray], texts: Mapping[str, str] | None = None) -> None:
    """channels: name -> (H, W) float32, row 0 on top. texts: string attributes. Raises OSError."""
    names = sorted(channels)
    height, width = channels[names[0]].shape
    box = struct.pack("<4i", 0, 0, width - 1, height - 1)
    listing = b"".join(name.encode() + b"\0" + struct.pack("<iIii", _FLOAT, 0, 1, 1) for name in names) + b"\0"
    attributes = [
        ("channels", "chlist", listing),
        ("compression", "compression", b"\0"),
        ("dataWindow", "box2i", box),
        ("displayWindow", "box2i", box),
        ("lineOrder", "lineOrder", bytes([_INCREASING_Y])),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
        ("BlenderMultiChannel", "string", b"Blender V2.55.1 and newer"),
        *((name, "string", text.encode()) for name, text in (texts or {}).items()),
    ]
    header = struct.pack("<II", _MAGIC, _VERSION | _LONG_NAMES)
    for name, kind, value in attributes:
        header += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
    header += b"\0"
    line = 8 + 4 * len(names) * width
    rows = np.empty((height, line // 4), "<f4")
    rows[:, 0] = np.arange(height, dtype="<i4").view("<f4")
    rows[:, 1] = np.full(height, line - 8, "<i4").view("<f4")
    for index, name in enumerate(names):
        rows[:, 2 + index * width : 2 + (index + 1) * width] = channels[name]
    offsets = len(header) + 8 * height + line * np.arange(height, dtype="<u8")
    with path.open("wb") as file:
        file.write(header)
        file.write(offsets.tobytes())
        file.write(rows.tobytes())
