"""FLUX.1: [schnell] in four steps, [dev] guided; Control, which always looks at a pass, and Fill, which fills masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...diffusion.families import FLUX
from ...diffusion.family_model import FamilyModel
from ...diffusion.knobs import AVOID_SCALE, FLOW, QUALITIES
from ...sequence.params import SEQUENCE_PARAMS
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context

REPOSITORY = "black-forest-labs/FLUX.1-schnell"
REVISION = "741f7c3ce8b383c54771c7003378a50191e9efe9"
LICENCE = "Apache-2.0 (schnell), FLUX.1 [dev] Non-Commercial (dev, Control, Fill)"


class Flux(FamilyModel):
    family = FLUX
    info = ModelInfo(
        id="flux",
        task="render_image",
        also=("text_to_image", "render_sequence"),
        label="FLUX.1",
        help="Draws the render anew by a prompt in whole sentences, held to its passes by ControlNets",
        params=(*FLOW, AVOID_SCALE, *SEQUENCE_PARAMS),
        qualities=QUALITIES,
        source="FLUX.1 (Black Forest Labs 2024) through diffusers 0.42.1, pipelines/flux",
        requires=("torch", "diffusers", "transformers", "safetensors", "PIL"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        memory_gb=34.0,
    )
    weights: Weights | None = Weights(
        REPOSITORY,
        REVISION,
        licence=LICENCE,
        bytes=33_700_000_000,
        one_of=("model_index.json", "*/model_index.json", "*.safetensors"),
    )

    @staticmethod
    def tiny(folder: Path) -> None:
        """base/ of [schnell] and a depth ControlNet, some 250,000 weights."""
        from ...diffusion.tiny_flux import write_flux

        write_flux(folder)

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...diffusion.drawing import draw

        draw(job, context, self.studio)


MODEL = Flux
