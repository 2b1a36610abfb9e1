"""Enlarge: a picture two or four times larger, sharp and without halos. No network, no download."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo, Param

from ...upscaling.knobs import SCALE, larger_name

if TYPE_CHECKING:
    import numpy as np

    from ...context import Context


class Enlarge:
    info = ModelInfo(
        id="enlarge",
        task="upscale_image",
        also=("upscale_texture",),
        label="Enlarge",
        help="Makes a picture larger with clean, sharp edges, without any download; it invents no detail",
        params=(
            SCALE,
            Param(
                "sharpness",
                "float",
                "Sharpness",
                "How much of what blurred is brought back; at 1 the result, made small again, is the picture",
                1.0,
                0.0,
                1.0,
            ),
        ),
        procedural=True,
        source="Lanczos (Duchon 1979), iterative back-projection (Irani and Peleg 1991), coherence-enhancing diffusion "
        "(Weickert 1999)",
        ignores=("prompt",),
        memory_gb=0.5,
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """numpy is all it needs, and `run` has it."""

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault("bad_input") when the result would be too large."""
        from ...filters.enlarging import check_result, enlarged
        from ...upscaling.maps import upscale_maps

        scale, sharpness = int(job.params["scale"]), float(job.params["sharpness"])

        def larger(picture: np.ndarray) -> np.ndarray:
            tick = functools.partial(context.progress, "Enlarging")
            return enlarged(picture, scale, sharpness, tick)

        if job.task == "upscale_texture":
            upscale_maps(job, context, larger)
            return
        picture = context.input_image()
        height, width = picture.shape[:2]
        check_result(width, height, scale)
        context.progress("Enlarging", preview=picture[:: max(1, height // 512), :: max(1, width // 512)])
        made = larger(picture)
        context.progress("Saving")
        context.save_image(made, larger_name(job))
        context.report(size=f"{made.shape[1]} x {made.shape[0]}", scale=scale)


MODEL = Enlarge
