"""SDXL view by view, each continuing what the earlier ones left on the surface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault, Job, ModelInfo

from ...diffusion import knobs as diffusion
from ...texturing import knobs
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context
    from ...diffusion.studio import Studio

REPOSITORY = "stabilityai/stable-diffusion-xl-base-1.0"
REVISION = "462165984030d82259a11f4367a4eed129e94a7b"
LICENCE = "OpenRAIL++-M"


class SequentialInpaint:
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

    def __init__(self) -> None:
        self.studio: Studio | None = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """SDXL's own, with a depth ControlNet."""
        from ...diffusion.tiny import write_sdxl

        write_sdxl(folder)

    def load(self, folder: Path | None, device: str) -> None:
        """Which of the folder's checkpoints, the job says."""
        from ...diffusion.families import SDXL
        from ...diffusion.library import Library
        from ...diffusion.studio import Studio

        if folder is None:
            raise Fault("weights_missing", "SDXL needs its weights.", "Name their folder in the preferences.")
        self.studio = Studio(SDXL, Library(folder), device)

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...texturing.view_by_view import texture_view_by_view

        assert self.studio is not None
        texture_view_by_view(job, context, self.studio)


MODEL = SequentialInpaint
