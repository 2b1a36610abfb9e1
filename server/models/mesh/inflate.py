"""Inflate: blows the silhouette of a picture up into a round, textured, closed mesh. No network, no download."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Choice, Job, ModelInfo, Param

from ...geometry.asset_params import ASSET_PARAMS

if TYPE_CHECKING:
    from ...context import Context

_SHAPE_PARAMS = (
    Param("thickness", "float", "Thickness", "1 makes limbs as deep as they are wide, less is flatter", 1.0, 0.05, 2.0),
    Param("roundness", "float", "Roundness", "1 is a balloon, 0 a flat face with a rounded edge", 1.0, 0.0, 1.0),
    Param(
        "symmetry",
        "enum",
        "Sides",
        "What the object has behind",
        "both",
        choices=(
            Choice("both", "Both Sides", "The back is as round as the front"),
            Choice("flat", "Flat Back", "Round in front, flat behind: for reliefs and prints"),
            Choice("half", "Front Only", "An open shell without a back"),
        ),
    ),
    Param(
        "back",
        "enum",
        "Back Colours",
        "What the texture shows on the back",
        "mirror",
        choices=(
            Choice("mirror", "Mirrored Picture", "The picture again, seen from behind"),
            Choice("soft", "Soft", "Only the colours of the outline, without the face"),
        ),
    ),
    Param(
        "parts",
        "enum",
        "Parts",
        "What becomes of a picture that shows several separate things",
        "joined",
        choices=(
            Choice("joined", "One Object", "All parts in one object"),
            Choice("separate", "An Object Each", "Every part is an object of its own"),
            Choice("largest", "Largest Only", "All but the largest part are left out"),
        ),
    ),
    Param("smoothing", "float", "Smooth Outline", "How far bumps of the outline are evened out", 0.1, 0.0, 1.0),
    Param(
        "tolerance",
        "float",
        "Background Tolerance",
        "How much the background's colour may vary; only for pictures without transparency",
        0.5,
        0.0,
        1.0,
    ),
    Param(
        "open_holes",
        "bool",
        "Open Holes",
        "Enclosed areas of the background's colour are see-through; only for pictures without transparency",
        True,
        advanced=True,
    ),
)


_OWN_DEFAULTS: dict[str, float | str] = {
    # Small parts are drawn on purpose here; they are no floaters of a noisy field.
    "floaters_percent": 0.1,
    # An upper limit: the texture is never larger than the picture gives.
    "texture_px": "2048",
}


def _own(param: Param) -> Param:
    return dataclasses.replace(param, default=_OWN_DEFAULTS.get(param.key, param.default))


class Inflate:
    info = ModelInfo(
        id="inflate",
        task="image_to_mesh",
        label="Inflate",
        help="Blows the outline of the object up like a balloon and paints it with the picture, in seconds",
        params=(*_SHAPE_PARAMS, *(_own(param) for param in ASSET_PARAMS)),
        procedural=True,
        source="Poisson inflation after Repousse (Joshi and Carr 2008) and Ink-and-Ray (Sykora et al. 2014)",
        memory_gb=0.7,
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """numpy is all it needs, and `run` has it."""

    def run(self, job: Job, context: Context) -> None:
        """Cut out, mesh, inflate, paint, save. Raises Fault("bad_input") when the picture shows no object."""
        from ...geometry.frames import BLENDER
        from ...geometry.inflated_picture import Look, painted, raised
        from ...geometry.silhouette import cut_out

        look = Look.from_params(job.params)
        context.progress("Reading the picture", 0, 5)
        rgba = context.input_image()
        context.progress("Cutting out", 1, 5)
        cutout = cut_out(rgba, look.tolerance, look.open_holes, look.smallest_share, context.check_cancelled)
        context.progress("Meshing the silhouette", 2, 5, preview=cutout.preview(rgba))
        shell = raised(cutout, look, context.check_cancelled)
        context.progress("Painting", 3, 5)
        meshes = painted(rgba, cutout, shell, look, job.name or "inflated", context.check_cancelled)
        context.progress("Saving", 4, 5)
        context.save_mesh(meshes, BLENDER, height_m=float(job.params["height_m"]))
        context.progress("Saving", 5, 5)
        texture = meshes[0].base_colour
        context.report(
            silhouette=cutout.source,
            faces=sum(len(mesh.faces) for mesh in meshes),
            parts=shell.parts,
            texture=f"{texture.shape[1]} x {texture.shape[0]}" if texture is not None else "none",
        )


MODEL = Inflate
