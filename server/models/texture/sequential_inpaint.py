"""SDXL view by view, each continuing what the earlier ones left on the surface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...diffusion import knobs as diffusion
from ...diffusion.families import SDXL
from ...diffusion.family_model import FamilyModel
from ...texturing import knobs
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context

REPOSITORY = "stabilityai/stable-diffusion-xl-base-1.0"
REVISION = "462165984030d82259a11f4367a4eed129e94a7b"
LICENCE = "OpenRAIL++-M"


class SequentialInpaint(FamilyModel):
    family = SDXL
    info = ModelInfo(
        id="sequential_inpaint",
        task="texture_mesh",
        label="SDXL, View by View",
        help="Draws one side after the other and keeps what is there; needs the least memory",
        params=(*knobs.VIEW_BY_VIEW, diffusion.REFERENCE, diffusion.SAMPLER, diffusion.MEMORY),
        source="TEXTure, Richardson et al. 2023, arXiv:2302.01721; SDXL, Podell et al. 2023, arXiv:2307.01952",
        requires=("torch", "diffusers", "transformers", "safetensors", "PIL"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        ignores=("picture",),
        memory_gb=12.0,
    )
    weights: Weights | None = Weights(
        REPOSITORY,
        REVISION,
        licence=LICENCE,
        bytes=6_940_000_000,
        one_of=("model_index.json", "*/model_index.json", "*.safetensors"),
        folder="sdxl",
    )

    @staticmethod
    def tiny(folder: Path) -> None:
        """SDXL's own, with a depth ControlNet."""
        from ...diffusion.tiny import write_sdxl

        write_sdxl(folder)

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...texturing.view_by_view import texture_view_by_view

        texture_view_by_view(job, context, self.studio)


MODEL = SequentialInpaint
