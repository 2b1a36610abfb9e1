"""One View: a picture of the objects, seen from one camera, becomes their texture. No weights.

To draw the picture as well, take `sdxl_sync` with the views "Current View" or "Scene Camera".
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...texturing import knobs

if TYPE_CHECKING:
    from ...context import Context


class SingleView:
    info = ModelInfo(
        id="single_view",
        task="texture_mesh",
        label="View from a Picture",
        help="Puts a picture, such as a finished render, onto what its camera sees of the objects",
        params=(knobs.TEXTURE_PX, knobs.ONE_CAMERA, knobs.UNSEEN, *knobs.MATERIAL),
        procedural=True,
        source="Projection with a depth test; the baker is ours",
        requires=("torch",),
        ignores=("reference", "prompt"),
        needs=("picture",),
        memory_gb=1.5,
    )
    weights = None

    def __init__(self) -> None:
        self.device = "cpu"

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """One view is quick anywhere."""
        self.device = device

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input for a picture, a mesh or a camera that cannot be used."""
        from ...texturing.from_views import deliver_views
        from ...texturing.one_view import given_picture, one_view
        from ...texturing.subject import subject_of

        picture = given_picture(context)
        subject = subject_of(job, context)
        camera = one_view(job, context, subject, picture)
        deliver_views(job, context, subject, [camera], [picture], self.device)


MODEL = SingleView
