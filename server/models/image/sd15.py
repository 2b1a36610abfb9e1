"""Stable Diffusion 1.5: as SDXL, for small graphics cards and the widest choice of ControlNets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...diffusion.families import SD15
from ...diffusion.family_model import FamilyModel
from ...diffusion.knobs import QUALITIES, SHARED
from ...sequence.params import SEQUENCE_PARAMS
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context

REPOSITORY = "stable-diffusion-v1-5/stable-diffusion-v1-5"
REVISION = "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"
LICENCE = "CreativeML OpenRAIL-M"


class Sd15(FamilyModel):
    family = SD15
    info = ModelInfo(
        id="sd15",
        task="render_image",
        also=("text_to_image", "render_sequence"),
        label="Stable Diffusion 1.5",
        help="Draws the render anew by a prompt, on small cards, with the widest choice of ControlNets",
        params=(*SHARED, *SEQUENCE_PARAMS),
        qualities=QUALITIES,
        source="Rombach et al. 2022, arXiv:2112.10752; ControlNet, Zhang et al. 2023, arXiv:2302.05543",
        requires=("torch", "diffusers", "transformers", "safetensors", "PIL"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        memory_gb=4.0,
    )
    weights: Weights | None = Weights(
        REPOSITORY,
        REVISION,
        licence=LICENCE,
        bytes=4_270_000_000,
        one_of=("model_index.json", "*/model_index.json", "*.safetensors"),
    )

    @staticmethod
    def tiny(folder: Path) -> None:
        """base/, a depth ControlNet and an IP-Adapter, some 150,000 weights."""
        from ...diffusion.tiny import write_sd15

        write_sd15(folder)

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...diffusion.drawing import draw

        draw(job, context, self.studio)


MODEL = Sd15
