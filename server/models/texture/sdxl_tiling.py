"""SDXL on a torus: words to a square that repeats without a seam."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Choice, Job, ModelInfo, Param

from ...diffusion import knobs as diffusion
from ...diffusion.families import SDXL
from ...diffusion.family_model import FamilyModel
from ...texturing.tile_knobs import RELIEF, SIZE, WIDTH
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context

REPOSITORY = "stabilityai/stable-diffusion-xl-base-1.0"
REVISION = "462165984030d82259a11f4367a4eed129e94a7b"
LICENCE = "OpenRAIL++-M"

_DRAWN = Param(
    "drawn_px",
    "enum",
    "Drawn Size",
    "Side of the picture that the network draws; larger maps are enlarged from it",
    "1024",
    choices=tuple(Choice(px, f"{px} px") for px in ("64", "512", "768", "1024", "1536")),
    advanced=True,
)
_PARAMS = (
    *(SIZE, WIDTH, RELIEF),
    Param("roughness", "float", "Roughness", "Of the surface on the whole", 0.7, 0.0, 1.0),
    Param("metallic", "float", "Metallic", "1 for bare metal", 0.0, 0.0, 1.0),
    *(diffusion.NEGATIVE, diffusion.STEPS, diffusion.GUIDANCE, diffusion.CHECKPOINT, diffusion.LORAS),
    Param("as_texture", "bool", "As Texture", "Add words that ask for a flat, evenly lit surface", True),
    *(_DRAWN, diffusion.SAMPLER, diffusion.MEMORY),
)


class SdxlTiling(FamilyModel):
    family = SDXL
    info = ModelInfo(
        id="sdxl_tiling",
        task="tile_texture",
        label="SDXL Tiling",
        help="Draws any surface as a square that repeats; relief and roughness are guessed from its colours",
        params=_PARAMS,
        source="Podell et al. 2023, arXiv:2307.01952, with circular convolutions",
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
        folder="sdxl",
    )

    @staticmethod
    def tiny(folder: Path) -> None:
        """SDXL's own."""
        from ...diffusion.tiny import write_sdxl

        write_sdxl(folder)

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...texturing.tile_drawn import draw_tile

        draw_tile(job, context, self.studio)


MODEL = SdxlTiling
