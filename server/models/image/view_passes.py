"""View Passes: a render's passes as pictures, as ControlNets see them; to look at, or to take elsewhere. No download.

Its name comes after `stylise`, which is what a first render should become: of the models without a download the first
one is taken when nobody has chosen.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Choice, Fault, Job, ModelInfo, Param

if TYPE_CHECKING:
    from ...context import Context

_PARAMS = (
    Param(
        "kind",
        "enum",
        "Show",
        "Which picture",
        "depth",
        choices=(
            Choice("depth", "Depth", "Near is white; linear in the inverse of the distance, as ControlNets expect it"),
            Choice(
                "normal",
                "Normals",
                "Red to the left, green up, blue towards the camera, as normal ControlNets read it",
            ),
            Choice("line", "Line Art", "Silhouettes, creases, borders of objects and materials, from the geometry"),
            Choice("canny", "Canny Edges", "Thin edges of brightness in the picture, shadows and textures included"),
            Choice("pose", "Pose", "The bodies of armatures as OpenPose figures"),
            Choice("segment", "Objects", "A colour for each object"),
        ),
    ),
    Param("low", "float", "Weak Edges", "Canny: weaker ones are left out", 40.0, 1.0, 500.0, advanced=True),
    Param("high", "float", "Strong Edges", "Canny: these begin a line", 90.0, 1.0, 500.0, advanced=True),
)


class ViewPasses:
    info = ModelInfo(
        id="view_passes",
        task="render_image",
        label="View Passes",
        help="Shows the depth, normals, lines, edges, pose or objects of the render, as ControlNets see them",
        params=_PARAMS,
        procedural=True,
        source="Conventions of ControlNet 1.1 (Zhang et al. 2023, arXiv:2302.05543); Canny 1986",
        memory_gb=0.5,
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """numpy is all it needs, and `run` has it."""

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault("bad_input") when the render has no such pass, or the passes are damaged."""
        import numpy as np

        from ...diffusion.controls import available_kinds, contours, control_picture
        from ...filters.passes import read_passes

        context.progress("Reading the passes", 0, 2)
        passes = read_passes(context.input_path("passes"))
        kind = str(job.params["kind"])
        if kind not in available_kinds(passes):
            hint = "A picture has no passes: render the scene." if kind != "pose" else "It shows armatures at work."
            raise Fault("bad_input", f"There is nothing to show for {kind}.", hint)
        if kind == "canny":
            grey = contours(passes.combined, float(job.params["low"]), float(job.params["high"]))
            picture = np.repeat(grey[..., None], 3, axis=2)
        else:
            picture = control_picture(passes, kind)
        context.progress("Saving", 1, 2, preview=picture)
        context.save_image(picture, f"{job.name} {kind}".strip())
        context.progress("Saving", 2, 2)
        context.report(kind=kind, size=f"{picture.shape[1]} x {picture.shape[0]}")


MODEL = ViewPasses
