"""What a generator returns: meshes as arrays, how they look, where they are repeated. numpy only, no bpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Colour = tuple[float, float, float]
"""Linear sRGB primaries, 0 .. 1."""

Pattern = Literal["plain", "noise", "wood", "bricks", "weave", "colours"]


def srgb(text: str) -> Colour:
    """ "#rrggbb", as artists write colours, in linear values (IEC 61966-2-1)."""
    values = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue


@dataclass(frozen=True)
class Look:
    """A material in the terms of Blender's Principled BSDF.

    pattern:  what varies the colour between `colour` and `second`: nothing, noise, wood grain (along the longest UV
              direction), bricks with mortar in `second`, woven threads, or the mesh's own colours ("Color" attribute,
              which multiply `colour`).
    scale_m:  size of one cell of the pattern. bump_m: height of its relief.
    leaf:     thin and seen from both sides, lets light through.
    """

    colour: Colour
    second: Colour | None = None
    pattern: Pattern = "plain"
    scale_m: float = 0.1
    bump_m: float = 0.0
    roughness: float = 0.6
    metallic: float = 0.0
    transmission: float = 0.0
    emission: float = 0.0
    leaf: bool = False


@dataclass(frozen=True)
class Part:
    """One mesh.

    vertices (V, 3) float32 metres; corners (C,) int32, the vertices of all faces one after another; sizes (F,) int32
    corners of each face; uvs (C, 2) float32, one unit is one metre unless the generator says otherwise; smooth (F,)
    bool; slots (F,) int32 into `looks`; looks: names in `Parts.looks`; colours (V, 3) float32 linear or None; groups:
    vertex group name -> (V,) float32 weights 0 .. 1.
    closed: promises that every edge has exactly two faces, which run along it in opposite directions.
    crease_deg: edges of smooth faces that are sharper than this are drawn as edges.
    """

    name: str
    vertices: np.ndarray
    corners: np.ndarray
    sizes: np.ndarray
    uvs: np.ndarray
    smooth: np.ndarray
    slots: np.ndarray
    looks: tuple[str, ...]
    colours: np.ndarray | None = None
    groups: dict[str, np.ndarray] = field(default_factory=dict)
    closed: bool = False
    crease_deg: float = 40.0

    @property
    def faces(self) -> int:
        return len(self.sizes)


@dataclass(frozen=True)
class Copies:
    """`Parts.parts[part]` at each of transforms (N, 4, 4) float32 instead of once at the origin; one mesh for all."""

    part: int
    transforms: np.ndarray


@dataclass(frozen=True)
class Sky:
    """The world instead of a mesh: sun and air after Hosek and Wilkie's or Blender's own physical sky."""

    sun_elevation_deg: float
    sun_rotation_deg: float
    sun_intensity: float
    strength: float
    air: float
    dust: float
    ozone: float


@dataclass(frozen=True)
class Parts:
    """The result of a generator: the first part is the thing itself, the others belong to it."""

    parts: tuple[Part, ...]
    looks: dict[str, Look]
    copies: tuple[Copies, ...] = ()
    sky: Sky | None = None

    def bounds(self) -> np.ndarray:
        """(2, 3) smallest and largest coordinates in metres, copies included; zeros for a sky."""
        copied = {c.part: c.transforms for c in self.copies}
        corners = []
        for number, part in enumerate(self.parts):
            points = part.vertices
            if number in copied:
                places = copied[number]
                points = np.einsum("nij,vj->nvi", places[:, :3, :3], points) + places[:, None, :3, 3]
                points = points.reshape(-1, 3)
            if len(points):
                corners += [points.min(0), points.max(0)]
        return np.array([np.min(corners, 0), np.max(corners, 0)]) if corners else np.zeros((2, 3))

    def faces(self) -> int:
        """Faces that will be seen, copies counted."""
        copied = {c.part: len(c.transforms) for c in self.copies}
        return sum(part.faces * copied.get(number, 1) for number, part in enumerate(self.parts))
