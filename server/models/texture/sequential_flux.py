"""FLUX.1 view by view, each continuing what the earlier ones left on the surface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...diffusion import knobs as diffusion
from ...diffusion.families import FLUX
from ...diffusion.family_model import FamilyModel
from ...texturing import knobs
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context

REPOSITORY = "black-forest-labs/FLUX.1-schnell"
REVISION = "741f7c3ce8b383c54771c7003378a50191e9efe9"
LICENCE = "Apache-2.0 (schnell), FLUX.1 [dev] Non-Commercial (dev, Control, Fill)"


class SequentialFlux(FamilyModel):
    family = FLUX
    info = ModelInfo(
        id="sequential_flux",
        task="texture_mesh",
        label="FLUX.1, View by View",
        help="Draws one side after the other with FLUX.1, which reads whole sentences",
        params=(*knobs.VIEW_BY_VIEW, diffusion.AVOID_SCALE, diffusion.MEMORY),
        source="TEXTure, Richardson et al. 2023, arXiv:2302.01721; FLUX.1 (2024) through diffusers 0.42.1",
        requires=("torch", "diffusers", "transformers", "safetensors", "PIL"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        ignores=("reference", "picture"),
        memory_gb=34.0,
    )
    weights: Weights | None = Weights(
        REPOSITORY,
        REVISION,
        licence=LICENCE,
        bytes=33_700_000_000,
        one_of=("model_index.json", "*/model_index.json", "*.safetensors"),
        folder="flux",
    )

    @staticmethod
    def tiny(folder: Path) -> None:
        """FLUX.1's own, with its ControlNet."""
        from ...diffusion.tiny_flux import write_flux

        write_flux(folder)

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...texturing.view_by_view import texture_view_by_view

        texture_view_by_view(job, context, self.studio)


MODEL = SequentialFlux
