"""Z-Image view by view, each continuing what the earlier ones left on the surface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...diffusion import knobs as diffusion
from ...diffusion.families import Z_IMAGE
from ...diffusion.family_model import FamilyModel
from ...texturing import knobs
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context

REPOSITORY = "Tongyi-MAI/Z-Image-Turbo"
REVISION = "f332072aa78be7aecdf3ee76d5c247082da564a6"
LICENCE = "Apache-2.0"


class SequentialZImage(FamilyModel):
    family = Z_IMAGE
    info = ModelInfo(
        id="sequential_z_image",
        task="texture_mesh",
        label="Z-Image, View by View",
        help="Draws one side after the other in nine steps each, freely licensed",
        params=(*knobs.VIEW_BY_VIEW, diffusion.MEMORY),
        source="TEXTure, Richardson et al. 2023, arXiv:2302.01721; Z-Image-Turbo (2025) through diffusers 0.42.1",
        requires=("torch", "diffusers", "transformers", "safetensors", "PIL"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        ignores=("reference", "picture"),
        memory_gb=24.0,
    )
    weights: Weights | None = Weights(
        REPOSITORY,
        REVISION,
        licence=LICENCE,
        bytes=20_500_000_000,
        one_of=("model_index.json", "*/model_index.json", "*.safetensors"),
        folder="z_image",
    )

    @staticmethod
    def tiny(folder: Path) -> None:
        """Z-Image's own, with its ControlNet."""
        from ...diffusion.tiny import write_z_image

        write_z_image(folder)

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...texturing.view_by_view import texture_view_by_view

        texture_view_by_view(job, context, self.studio)


MODEL = SequentialZImage
