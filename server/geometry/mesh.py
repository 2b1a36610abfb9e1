"""The one in-memory mesh that models hand to the artefact writer. numpy only: it must work in Blender's Python."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Mesh:
    """One closed or open triangle surface with an optional texture.

    Topology is kept clean: a vertex on a texture seam is stored once, and the seam lives in `corner_uvs`.
    Writers of formats that have one UV per vertex (glTF) split such vertices themselves.

    vertices:       (V, 3) float32, in the frame and unit that the caller names when it saves the mesh.
    faces:          (F, 3) int32, counter-clockwise seen from outside.
    corner_uvs:     (F, 3, 2) float32 or None; (0, 0) is the lower left corner of the texture.
    vertex_colours: (V, 3) float32 or None, 0..1, sRGB-encoded.
    base_colour:    (H, W, 3 or 4) uint8 or None, sRGB, row 0 on top.
    normals:        (V, 3) float32 unit vectors or None (then the writer makes angle-weighted ones).
    quads:          the first 2 * quads faces are pairs of triangles that make one quad each, sharing the edge from
                    corner 0 to corner 2 of the first: (a, b, c), (a, c, d).
    """

    vertices: np.ndarray
    faces: np.ndarray
    corner_uvs: np.ndarray | None = None
    vertex_colours: np.ndarray | None = None
    base_colour: np.ndarray | None = None
    normals: np.ndarray | None = None
    quads: int = 0
    name: str = "mesh"
    roughness: float = 0.8
    metallic: float = 0.0
    report: dict[str, float | int | bool | str] = field(default_factory=dict)
