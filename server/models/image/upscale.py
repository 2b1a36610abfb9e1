"""Upscale: pictures two or four times larger with new detail, drawn by tiles that leave no seams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault, Job, ModelInfo

from ...upscaling.knobs import DRAWN
from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context
    from ...diffusion.studio import Studio


class Upscale:
    info = ModelInfo(
        id="upscale",
        task="upscale_image",
        also=("upscale_texture",),
        label="Upscale",
        help="Makes a picture larger and draws the detail that it lacks, held to it by a tile ControlNet",
        params=DRAWN,
        source="ControlNet tile (Zhang et al. 2023, arXiv:2302.05543), MultiDiffusion (Bar-Tal et al. 2023, "
        "arXiv:2302.08113), latent diffusion upscalers (Rombach et al. 2022, arXiv:2112.10752)",
        requires=("torch", "diffusers", "transformers", "safetensors", "PIL"),
        repository="stabilityai/stable-diffusion-x4-upscaler",
        revision="572c99286543a273bfd17fac263db5a77be12c4c",
        licence="OpenRAIL++-M",
        memory_gb=10.0,
    )
    weights: Weights | None = Weights(
        info.repository,
        info.revision,
        licence=info.licence,
        one_of=(
            *("sdxl/*/model_index.json", "sdxl/*.safetensors", "sd15/*/model_index.json", "sd15/*.safetensors"),
            *("upscale/*/model_index.json", "model_index.json"),
        ),
        folder=".",
    )

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.device = "cpu"
        self.studio: Studio | None = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """sdxl/ with a tile ControlNet, and both published upscalers in upscale/; random weights."""
        from ...upscaling.tiny import write_upscalers

        write_upscalers(folder)

    def load(self, folder: Path | None, device: str) -> None:
        """Which of the folder's weights, the job says."""
        self.folder, self.device, self.studio = folder, device, None

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...diffusion.studio import Studio
        from ...upscaling.drawn import larger, upscale
        from ...upscaling.engines import choose
        from ...upscaling.maps import upscale_maps

        if self.folder is None:
            raise Fault(
                "weights_missing", "Upscale needs weights.", "Name their folder in the preferences, or with --weights."
            )
        engine = choose(self.folder, str(job.params["engine"]))
        if self.studio is None or self.studio.library != engine.library:
            self.studio = None  # its memory is wanted first
            self.studio = Studio(engine.family, engine.library, self.device)
        if job.task == "upscale_texture":
            given = job, context, engine, self.studio
            upscale_maps(job, context, lambda picture: larger(*given, picture)[0])
            return
        upscale(job, context, engine, self.studio)


MODEL = Upscale
