"""SDXL with MV-Adapter: six views that were trained to agree, from words or from words and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Choice, Fault, Job, ModelInfo, Param

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
    from ...texturing.six_together import Worn
    from ...texturing.subject import Subject

REPOSITORY = "stabilityai/stable-diffusion-xl-base-1.0"
REVISION = "462165984030d82259a11f4367a4eed129e94a7b"
LICENCE = "OpenRAIL++-M (SDXL), Apache-2.0 (MV-Adapter)"

VIEW_PX = Param(
    "view_px",
    "enum",
    "View Size",
    "Pixels of each side of the pictures that are drawn; it was trained on 768",
    "768",
    choices=tuple(Choice(str(px), f"{px} px") for px in (64, 512, 768, 1024)),
    advanced=True,
)


class MvAdapter(FamilyModel):
    family = SDXL
    info = ModelInfo(
        id="mv_adapter",
        task="texture_mesh",
        label="MV-Adapter",
        help="Six sides that were trained to agree, by a prompt or like a reference picture",
        params=(
            knobs.TEXTURE_PX,
            knobs.OBJECTS,
            diffusion.NEGATIVE,
            diffusion.STEPS,
            diffusion.GUIDANCE,
            *knobs.MATERIAL,
            *knobs.ESTIMATED,
            VIEW_PX,
            diffusion.CHECKPOINT,
            diffusion.LORAS,
            diffusion.SAMPLER,
            diffusion.MEMORY,
        ),
        source="Huang et al. 2025, arXiv:2412.03632; huanngzh/MV-Adapter at 4277e00",
        requires=("torch", "diffusers", "transformers", "safetensors", "PIL"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        ignores=("picture",),
        memory_gb=14.0,
    )
    weights: Weights | None = Weights(
        REPOSITORY,
        REVISION,
        licence=LICENCE,
        bytes=10_200_000_000,
        one_of=("mv_adapter/*.safetensors",),
        folder="sdxl",
    )

    def __init__(self) -> None:
        super().__init__()
        self.worn: Worn | None = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """SDXL's own, and both of the adapter's files beside it."""
        from ...diffusion.tiny import write_sdxl
        from ...texturing.six_together import write_tiny

        write_sdxl(folder)
        write_tiny(folder / "mv_adapter")

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
        from ...nets.mv_adapter import six_views
        from ...texturing.estimates import read_views
        from ...texturing.from_views import deliver_views
        from ...texturing.in_turn import draw_in_turn
        from ...texturing.six_together import FILES, draw_six, load_adapter
        from ...texturing.subject import subject_of

        reference = context.has_input("reference")
        subject = subject_of(job, context)
        told = job.prompt.strip() or any(thing.prompt for thing in subject.mesh.objects)
        if not told and not reference and job.params["objects"] != "each":
            raise Fault("bad_input", "There is neither a prompt nor a reference picture.", "Give one of them.")
        context.progress("Loading")
        checkpoint = self.studio.open(str(job.params["checkpoint"]))
        worn = self.worn
        if worn is None or worn.checkpoint is not checkpoint or worn.path.name != FILES[reference]:
            self.worn = None
            self.worn = worn = load_adapter(
                self.studio.library.folder / "mv_adapter", self.studio, checkpoint, reference
            )
        studio, size = self.studio, int(job.params["view_px"])

        def draw(order: Job, part: Subject, cameras: Sequence[Camera], _look: np.ndarray | None) -> list[np.ndarray]:
            return draw_six(order, context, studio, worn, part, cameras)

        drawn = draw_in_turn(job, subject, lambda _order, part: six_views(part.points, size), draw, style=False)
        estimates = read_views(job, context, studio, drawn.subject, drawn.cameras, drawn.views)
        deliver_views(job, context, drawn.subject, drawn.cameras, drawn.views, studio.device, estimates)


MODEL = MvAdapter
