"""What a user may choose about a finished mesh. Standard library only: the front process lists models without numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blender_aigc.protocol import Choice, Param

SMALLEST_FACES = 100

ASSET_PARAMS: tuple[Param, ...] = (
    Param(
        "faces",
        "int",
        "Faces",
        "Triangles of the finished mesh; 0 keeps every triangle the model made",
        20_000,
        0,
        2_000_000,
        unit="faces",
    ),
    Param(
        "texture_px",
        "enum",
        "Texture",
        "Width and height of the baked texture",
        "1024",
        choices=tuple(Choice(str(px), f"{px} px") for px in (512, 1024, 2048, 4096)),
    ),
    Param(
        "topology",
        "enum",
        "Topology",
        "What the surface is made of",
        "triangles",
        choices=(
            Choice("triangles", "Triangles", "As the model made it"),
            Choice("quads", "Quads", "Pairs of flat neighbours become quads; what fits nowhere stays a triangle"),
        ),
    ),
    Param("height_m", "float", "Height", "How tall the object stands in the scene", 1.0, 0.001, 1000.0, unit="m"),
    Param(
        "floaters_percent",
        "float",
        "Remove Floaters",
        "Loose parts with less than this share of the largest part's surface are removed; 0 keeps them all",
        1.0,
        0.0,
        100.0,
        advanced=True,
        unit="percent",
    ),
)


@dataclass(frozen=True)
class AssetOptions:
    """How `asset.finish` treats a mesh.

    faces:         wanted number of triangles; 0 keeps them all.
    texture_px:    side of the baked texture in pixels; 0 makes neither UVs nor a texture.
    quads:         pair triangles to quads.
    floater_share: parts with less than this share of the largest part's area are removed.
    fill_holes:    close boundary loops that are small against the surface.
    unwrap:        "charts" (xatlas), "boxes" (numpy only) or "auto": charts when possible.
    """

    faces: int = 20_000
    texture_px: int = 1024
    quads: bool = False
    floater_share: float = 0.01
    fill_holes: bool = True
    unwrap: str = "auto"

    @classmethod
    def from_params(cls, params: Mapping[str, bool | int | float | str]) -> AssetOptions:
        """From a job's checked params; keys of ASSET_PARAMS that a model leaves out take their defaults."""
        chosen = {param.key: params.get(param.key, param.default) for param in ASSET_PARAMS}
        faces = int(chosen["faces"])
        return cls(
            faces=max(faces, SMALLEST_FACES) if faces else 0,
            texture_px=int(chosen["texture_px"]),
            quads=chosen["topology"] == "quads",
            floater_share=float(chosen["floaters_percent"]) / 100,
        )
