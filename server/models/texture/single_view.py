"""One View: a picture of the objects, seen from one camera, becomes their texture. No weights, but for Marigold's.

To draw the picture as well, take `sdxl_sync` with the views "Current View" or "Scene Camera".
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...texturing import knobs
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context

MARIGOLD = Weights(
    "prs-eth/marigold-iid-appearance-v1-1", "main", one_of=("*/model_index.json",), folder="marigold", optional=True
)
"""Any of Marigold's checkpoints, for Maps From and Bumps From (see diffusion/marigold.py)."""


class SingleView:
    info = ModelInfo(
        id="single_view",
        task="texture_mesh",
        label="View from a Picture",
        help="Puts a picture, such as a finished render, onto what its camera sees of the objects",
        params=(knobs.TEXTURE_PX, knobs.ONE_CAMERA, knobs.UNSEEN, *knobs.MATERIAL, *knobs.ESTIMATED),
        procedural=True,
        source="Projection with a depth test; the baker is ours",
        requires=("torch",),
        ignores=("reference", "prompt"),
        needs=("picture",),
        memory_gb=1.5,
    )
    weights: Weights | None = MARIGOLD

    def __init__(self) -> None:
        self.device = "cpu"
        self.folder = Path()

    @staticmethod
    def tiny(folder: Path) -> None:
        """Marigold's checkpoints, which are wanted only by some values of the parameters."""
        from ...diffusion.tiny_marigold import write_marigold

        write_marigold(folder)

    def load(self, folder: Path | None, device: str) -> None:
        """folder: with Marigold's checkpoints, if there is one. One view is quick anywhere."""
        self.device, self.folder = device, folder or Path()

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input for a picture, a mesh or a camera that cannot be used; those of `read_views`."""
        from ...texturing.from_views import deliver_views
        from ...texturing.one_view import given_picture, one_view
        from ...texturing.subject import subject_of

        picture = given_picture(context)
        subject = subject_of(job, context)
        camera = one_view(job, context, subject, picture)
        estimates = None
        if str(job.params["maps"]) != "numbers" or str(job.params["bumps"]) == "marigold":
            from ...diffusion.families import SDXL
            from ...diffusion.library import Library
            from ...diffusion.studio import Studio
            from ...texturing.estimates import read_views

            studio = Studio(SDXL, Library(self.folder), self.device)  # of which only the place and the device count
            estimates = read_views(job, context, studio, subject, [camera], [picture])
        deliver_views(job, context, subject, [camera], [picture], self.device, estimates)


MODEL = SingleView
