"""Artefacts for the tests of the appliers, made by the server's own writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from test_artefacts_glb import CUBE, CUBE_FACES, PROVENANCE, cube_uvs, grid, picture

from blender_aigc.protocol import Artefact, Provenance
from server.artefacts import write_glb
from server.geometry.frames import BLENDER
from server.geometry.mesh import Mesh

__all__ = ["CUBE", "CUBE_FACES", "PROVENANCE", "cube_uvs", "grid", "picture", "written"]


def written(
    folder: Path,
    meshes: Sequence[Mesh],
    name: str = "result",
    provenance: Provenance | None = None,
    height_m: float = 1.0,
) -> tuple[Path, Artefact]:
    """A GLB of `meshes` (in Blender's frame) and its artefact, as the server would report it."""
    path = folder / f"{len(list(folder.iterdir()))}.glb"
    return path, write_glb(meshes, path, provenance, BLENDER, height_m, name)
