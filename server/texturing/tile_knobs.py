"""The parameters that the models of `tile_texture` share. The contract only."""

from __future__ import annotations

from blender_aigc.protocol import Choice, Param

SIZES = ("512", "1024", "2048", "4096")
SIZE = Param(
    "texture_px",
    "enum",
    "Texture Size",
    "Width and height of the maps",
    "1024",
    choices=tuple(Choice(px, f"{px} px") for px in SIZES),
)
WIDTH = Param(
    "width_m", "float", "Width", "How much of the world the square covers before it repeats", 2.0, 0.01, 100.0, unit="m"
)
RELIEF = Param("relief", "float", "Relief", "How strongly the normals show the height", 1.0, 0.0, 4.0)
