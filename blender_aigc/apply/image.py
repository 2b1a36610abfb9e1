"""A finished picture becomes a packed image datablock."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..protocol import Artefact, Provenance
from .glb import damaged, read_file
from .mesh import packed_image
from .scene import Made, provenance_text, result_name, sign, whole_or_nothing


def apply_image(
    context: bpy.types.Context,
    path: Path,
    artefact: Artefact,
    provenance: Provenance | None = None,
    job_id: str = "",
    outer: Made | None = None,
) -> bpy.types.Image:
    """The PNG at `path` as an image named after the result, kept in the .blend though nothing uses it yet.

    Raises Fault("bad_input") for a file that is missing, damaged or no picture, and leaves everything as it was.
    """
    path = Path(path)
    data = read_file(path, artefact.sha256)
    with whole_or_nothing(context, outer) as made:
        image = packed_image(made, result_name(artefact), data)
        if not all(image.size):
            raise damaged(path, "Blender cannot read it as a picture")
        image.use_fake_user = True
        sign(image, provenance_text(provenance), job_id)
    return image
