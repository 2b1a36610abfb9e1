"""Z-Image: few steps, a licence without conditions, and one ControlNet for depth, lines, contours and pose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...diffusion.families import Z_IMAGE
from ...diffusion.family_model import FamilyModel
from ...diffusion.knobs import FLOW, QUALITIES
from ...sequence.params import SEQUENCE_PARAMS
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context

REPOSITORY = "Tongyi-MAI/Z-Image-Turbo"
REVISION = "f332072aa78be7aecdf3ee76d5c247082da564a6"
LICENCE = "Apache-2.0"


class ZImage(FamilyModel):
    family = Z_IMAGE
    info = ModelInfo(
        id="z_image",
        task="render_image",
        also=("text_to_image", "render_sequence"),
        label="Z-Image Turbo",
        help="Draws the render anew in nine steps, freely licensed, held to one pass by its ControlNet",
        params=(*FLOW, *SEQUENCE_PARAMS),
        qualities=QUALITIES,
        source="Z-Image-Turbo (Tongyi-MAI 2025) through diffusers 0.42.1, pipelines/z_image",
        requires=("torch", "diffusers", "transformers", "safetensors", "PIL"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        memory_gb=24.0,
    )
    weights: Weights | None = Weights(
        REPOSITORY,
        REVISION,
        licence=LICENCE,
        bytes=20_500_000_000,
        one_of=("model_index.json", "*/model_index.json", "*.safetensors"),
    )

    @staticmethod
    def tiny(folder: Path) -> None:
        """base/ and a ControlNet for everything, some 700,000 weights."""
        from ...diffusion.tiny import write_z_image

        write_z_image(folder)

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...diffusion.drawing import draw

        draw(job, context, self.studio)


MODEL = ZImage
