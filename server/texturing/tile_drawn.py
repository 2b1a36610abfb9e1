"""A square that repeats, drawn by SDXL as a torus; its other maps are guessed from its colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from blender_aigc.protocol import Fault

from ..diffusion import memory
from ..diffusion.circular import circular
from ..diffusion.drawing import add
from ..diffusion.prompts import encode
from ..diffusion.samplers import habit_of, scheduler_for
from ..diffusion.steps import rgb_preview, watched
from ..materials.tiling import Layers, maps_of
from .tile import deliver, wrap_difference

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context
    from ..diffusion.studio import Studio

TEMPLATE = "seamless texture of {prompt}, flat, seen straight from above, even light, full frame"
_DEEPEST = 0.02
"""Height between the darkest and the brightest place, over the width of the square."""


def draw_tile(job: Job, context: Context, studio: Studio) -> None:
    """Raises Fault: bad_input, bad_request, weights_missing, weights_damaged, out_of_memory."""
    if not job.prompt.strip():
        raise Fault("bad_input", "The prompt is empty.", "Say in words what the surface is made of.")
    size, width_m = int(job.params["texture_px"]), float(job.params["width_m"])
    picture = _drawn(job, context, studio, min(size, int(job.params["drawn_px"])))
    context.progress("Guessing the relief")
    picture = _at_size(picture, size)
    texel_m = width_m / size
    height = _relief(picture) * width_m * _DEEPEST
    rough = np.clip(float(job.params["roughness"]) + 0.2 * (0.5 - _grey(picture)), 0, 1)
    layers = Layers(picture, rough, np.full(height.shape, float(job.params["metallic"]), np.float32), height)
    maps = maps_of(layers, (texel_m, texel_m), float(job.params["relief"]), context.check_cancelled)
    context.progress("Saving", preview=picture[:: max(1, size // 512), :: max(1, size // 512)])
    deliver(context, job.name or job.prompt[:40], maps, width_m)
    context.report(seam=round(wrap_difference(picture), 3), notes="Relief and roughness are guessed from the colours")


def _drawn(job: Job, context: Context, studio: Studio, side: int) -> np.ndarray:
    """(side, side, 3) uint8."""
    import torch

    context.progress("Loading")
    checkpoint = studio.open(str(job.params["checkpoint"]))
    used = add(job, checkpoint, studio, None)
    context.used_weights([*used, *checkpoint.files])
    habit = habit_of([checkpoint.path.stem, *(path.stem for path, _ in checkpoint.loras)], studio.family.habit)
    scheduler = scheduler_for(checkpoint.scheduler, str(job.params["sampler"]), habit)
    pipeline = checkpoint.pipeline("text", scheduler=scheduler)
    networks = {} if studio.device == "cpu" else pipeline.components  # there they are loaded already
    need = memory.need_of(networks, side * side, studio.precision.itemsize == 2)
    plan = memory.choose(str(job.params["memory"]), need, memory.free_bytes(studio.device), studio.device)
    guidance = float(job.params["guidance"]) or habit.guidance
    steps = int(job.params["steps"]) or habit.steps
    prompt = TEMPLATE.replace("{prompt}", job.prompt) if job.params["as_texture"] else job.prompt

    def told(step: int, preview: np.ndarray | None) -> None:
        context.progress("Denoising", step, max(step, steps), preview=preview)

    try:
        memory.place(pipeline, plan, studio.device)
        pipeline.vae.disable_tiling()  # a tile has borders of its own
        zero = bool(checkpoint.options.get("force_zeros_for_empty_prompt"))
        words = encode(checkpoint.parts, prompt, str(job.params["negative"]), 0, guidance > 1, zero)
        call: dict[str, Any] = {**words, "width": side, "height": side, "num_inference_steps": steps}
        call |= {"guidance_scale": guidance, "output_type": "np"}
        generator = torch.Generator("cpu").manual_seed(job.seed)
        with (
            watched(scheduler, told, rgb_preview(studio.family)),
            circular(pipeline.unet, pipeline.vae),
            torch.no_grad(),
        ):
            made = pipeline(**call, generator=generator).images[0]
    except (RuntimeError, MemoryError) as error:
        if memory.is_out_of_memory(error):
            raise memory.smaller(plan, studio.device, error) from None
        raise
    if not np.isfinite(made).all():
        hint = "Choose another checkpoint; if it is a half-precision one, use its fixed VAE."
        raise Fault("weights_damaged", "The network answered with values that are not numbers.", hint)
    return (made * 255).round().astype(np.uint8)


def _at_size(picture: np.ndarray, size: int) -> np.ndarray:
    """The square at another size; its neighbours are its own other side."""
    from PIL import Image

    side = len(picture)
    if side == size:
        return picture
    wide = np.pad(picture, ((8, 8), (8, 8), (0, 0)), mode="wrap")
    box = (8, 8, 8 + side, 8 + side)
    return np.asarray(Image.fromarray(wide).resize((size, size), Image.Resampling.LANCZOS, box=box))


def _grey(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float32) @ np.float32([0.2126, 0.7152, 0.0722]) / 255


def _relief(picture: np.ndarray) -> np.ndarray:
    """(H, W) about -0.5..0.5: bright is high; what is larger than an eighth of the square is light, not relief."""
    grey = _grey(picture)
    waves = np.fft.rfft2(grey)
    down, across = np.fft.fftfreq(len(grey))[:, None], np.fft.rfftfreq(grey.shape[1])[None]
    cycles = np.hypot(down, across) * len(grey)
    made = np.fft.irfft2(waves * (1 - np.exp(-((cycles / 8) ** 2))), grey.shape)
    return (made / max(float(np.abs(made).max()) * 2, 1e-6)).astype(np.float32)
