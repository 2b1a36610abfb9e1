"""SDXL with all views denoised as one: the default for texturing by words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo, Param

from ...diffusion import knobs as diffusion
from ...diffusion.families import SDXL
from ...diffusion.family_model import FamilyModel
from ...texturing import knobs
from ...weights import Weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from ...context import Context
    from ...geometry.cameras import Camera
    from ...texturing.subject import Subject

REPOSITORY = "stabilityai/stable-diffusion-xl-base-1.0"
REVISION = "462165984030d82259a11f4367a4eed129e94a7b"
LICENCE = "OpenRAIL++-M"

CONTROLS = Param(
    "controls",
    "text",
    "Controls",
    "ControlNets and their weights, such as depth:0.8, line:0.4@0-0.8; auto takes what is there",
    "auto",
    advanced=True,
)
AGREEMENT = Param(
    "agreement",
    "float",
    "Agreement",
    "For which part of the drawing the views are kept alike; 0 draws each for itself",
    0.8,
    0.0,
    1.0,
    advanced=True,
)
AT_ONCE = Param(
    "at_once",
    "int",
    "Views at Once",
    "How many go through the network together; fewer need less memory, 0 is all",
    2,
    0,
    64,
    advanced=True,
)


class SdxlSync(FamilyModel):
    family = SDXL
    info = ModelInfo(
        id="sdxl_sync",
        task="texture_mesh",
        label="SDXL, All Views as One",
        help="Draws all sides of the objects together by a prompt, so that they agree, and bakes them",
        params=(
            knobs.TEXTURE_PX,
            knobs.CAMERAS,
            knobs.VIEWS,
            knobs.UNSEEN,
            knobs.OBJECTS,
            knobs.VIEW_PROMPTS,
            knobs.STRENGTH,
            diffusion.NEGATIVE,
            diffusion.STEPS,
            diffusion.GUIDANCE,
            *knobs.MATERIAL,
            *knobs.ESTIMATED,
            knobs.VIEW_PX,
            knobs.ONLY_VIEWS,
            CONTROLS,
            AGREEMENT,
            diffusion.CHECKPOINT,
            diffusion.LORAS,
            diffusion.REFERENCE,
            diffusion.SAMPLER,
            AT_ONCE,
            diffusion.MEMORY,
        ),
        source="SyncMVD, Liu et al. 2024, arXiv:2311.12891, on SDXL, Podell et al. 2023, arXiv:2307.01952",
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
        from ...texturing.drawn_together import draw_together
        from ...texturing.estimates import read_views
        from ...texturing.from_views import deliver_views
        from ...texturing.in_turn import draw_in_turn
        from ...texturing.reference import given_reference
        from ...texturing.rigs import cameras_of
        from ...texturing.subject import subject_of

        subject = subject_of(job, context)
        studio = self.studio

        def draw(order: Job, part: Subject, cameras: Sequence[Camera], look: np.ndarray | None) -> list[np.ndarray]:
            return draw_together(order, context, studio, part, cameras, look)

        drawn = draw_in_turn(
            job,
            subject,
            lambda order, part: cameras_of(order, context, part, studio.device),
            draw,
            given_reference(job, context),
            style=bool(studio.library.ip_adapters()),
        )
        estimates = read_views(job, context, studio, drawn.subject, drawn.cameras, drawn.views)
        deliver_views(job, context, drawn.subject, drawn.cameras, drawn.views, studio.device, estimates)


MODEL = SdxlSync
