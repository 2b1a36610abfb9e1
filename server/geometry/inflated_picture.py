"""From a picture and its cut-out to textured meshes: the two halves of the model `inflate`. numpy only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .inflation import Shell, close, inflate, triangulated
from .mesh import Mesh
from .picture_atlas import Atlas, paint_atlas
from .planar import fill_silhouette
from .silhouette import Cutout

FINEST_FACES = 200_000
"""What "keep every triangle" means here: beyond it the picture has no more to tell."""


@dataclass(frozen=True)
class Look:
    """What the user may choose; the model's parameters explain each. faces 0: as many as the picture deserves."""

    thickness: float = 1.0
    roundness: float = 1.0
    symmetry: str = "both"
    back: str = "mirror"
    parts: str = "joined"
    smoothing: float = 0.1
    tolerance: float = 0.5
    open_holes: bool = True
    smallest_share: float = 0.001
    faces: int = 20_000
    texture_px: int = 1024
    quads: bool = False

    @classmethod
    def from_params(cls, params: Mapping[str, bool | int | float | str]) -> Look:
        """From a job's checked parameters."""
        return cls(
            thickness=float(params["thickness"]),
            roundness=float(params["roundness"]),
            symmetry=str(params["symmetry"]),
            back=str(params["back"]),
            parts=str(params["parts"]),
            smoothing=float(params["smoothing"]),
            tolerance=float(params["tolerance"]),
            open_holes=bool(params["open_holes"]),
            smallest_share=float(params["floaters_percent"]) / 100,
            faces=int(params["faces"]),
            texture_px=int(params["texture_px"]),
            quads=params["topology"] == "quads",
        )


def raised(cutout: Cutout, look: Look, check: Callable[[], None] = lambda: None) -> Shell:
    """The surface, in working pixels. check raises when the job is cancelled. Raises Fault("empty_result")."""
    sides = 1 if look.symmetry == "half" else 2
    size_px = float(np.sqrt(cutout.coverage.sum()))
    mesh = fill_silhouette(
        cutout.coverage,
        (look.faces or FINEST_FACES) // sides,
        graded=not look.quads,
        smallest_share=look.smallest_share,
        smooth_px=0.8 + 0.03 * look.smoothing**2 * size_px,
        check=check,
    )
    if look.parts == "largest":
        mesh = mesh.only(0)
    triangles = triangulated(mesh)
    height = look.thickness * inflate(mesh, triangles, look.roundness, check)
    back = {"both": height, "flat": np.zeros_like(height), "half": None}[look.symmetry]
    return close(mesh, triangles, height, back)


def painted(
    rgba: np.ndarray,
    cutout: Cutout,
    shell: Shell,
    look: Look,
    name: str = "inflated",
    check: Callable[[], None] = lambda: None,
) -> list[Mesh]:
    """Textured meshes in Blender's frame, in working pixels: one, or one per part. They share one texture.

    rgba (H, W, 4) uint8 is the picture that `cutout` was made from.
    """
    flat_px = shell.vertices[:, [0, 2]] * np.array([1, -1]) * cutout.factor
    (left, top), (right, bottom) = flat_px.min(axis=0), flat_px.max(axis=0)
    atlas = paint_atlas(rgba, cutout, (left, top, right, bottom), look.texture_px, look.back, check)
    if look.parts != "separate" or shell.parts == 1:
        return [_mesh(shell, np.ones(len(shell.faces), bool), flat_px, atlas, look, name)]
    return [_mesh(shell, shell.part == part, flat_px, atlas, look, f"{name} {part + 1}") for part in range(shell.parts)]


def _mesh(shell: Shell, chosen: np.ndarray, flat_px: np.ndarray, atlas: Atlas, look: Look, name: str) -> Mesh:
    corners = shell.faces[chosen]
    used, faces = np.unique(corners, return_inverse=True)
    back = np.repeat(shell.back[chosen][:, None], 3, axis=1)
    return Mesh(
        vertices=shell.vertices[used].astype(np.float32),
        faces=faces.reshape(-1, 3).astype(np.int32),
        corner_uvs=atlas.uvs(flat_px[corners], back),
        base_colour=atlas.image,
        quads=int(chosen[: 2 * shell.quads].sum()) // 2 if look.quads else 0,
        name=name,
        roughness=0.6,
    )
