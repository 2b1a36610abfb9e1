"""SDXL: pictures from a render and its passes, led by ControlNets, or from words alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...diffusion.families import SDXL
from ...diffusion.family_model import FamilyModel
from ...diffusion.knobs import QUALITIES, REFINER, REFINER_AT, SHARED
from ...sequence.params import SEQUENCE_PARAMS
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context

REPOSITORY = "stabilityai/stable-diffusion-xl-base-1.0"
REVISION = "462165984030d82259a11f4367a4eed129e94a7b"
LICENCE = "OpenRAIL++-M"


class Sdxl(FamilyModel):
    family = SDXL
    info = ModelInfo(
        id="sdxl",
        task="render_image",
        also=("text_to_image", "render_sequence"),
        label="SDXL",
        help="Draws the render anew by a prompt, held to its depth and lines by ControlNets",
        params=(*SHARED, REFINER, REFINER_AT, *SEQUENCE_PARAMS),
        qualities=QUALITIES,
        source="Podell et al. 2023, arXiv:2307.01952; ControlNet, Zhang et al. 2023, arXiv:2302.05543",
        requires=("torch", "diffusers", "transformers", "safetensors", "PIL"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        memory_gb=10.0,
    )
    weights: Weights | None = Weights(
        REPOSITORY,
        REVISION,
        licence=LICENCE,
        bytes=6_940_000_000,
        one_of=("model_index.json", "*/model_index.json", "*.safetensors"),
    )

    @staticmethod
    def tiny(folder: Path) -> None:
        """base/, a depth ControlNet and an IP-Adapter, some 250,000 weights."""
        from ...diffusion.tiny import write_sdxl

        write_sdxl(folder)

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...diffusion.drawing import draw

        draw(job, context, self.studio)


MODEL = Sdxl
