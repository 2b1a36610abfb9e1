"""One job of `upscale`: the picture enlarged, then drawn anew by a network, tile by tile and without seams."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_aigc.protocol import Fault

from ..diffusion import memory
from ..diffusion.drawing import add, files_of
from ..diffusion.prompts import encode
from ..diffusion.samplers import Habit, habit_of, scheduler_for
from ..diffusion.steps import rgb_preview, watched
from ..filters.enlarging import check_result, enlarged
from .engines import Engine
from .finish import padded, reduced_by, seen, with_colours_of, with_transparency
from .knobs import larger_name
from .tiles import CELL, Span, decoded, encoded, in_phase, in_tiles, unit_of

if TYPE_CHECKING:
    from torch import Tensor

    from blender_aigc.protocol import Job

    from ..context import Context
    from ..diffusion.controls import Unit
    from ..diffusion.loading import Checkpoint
    from ..diffusion.studio import Studio

SMALLEST_PX = 64


@dataclass(frozen=True)
class _Work:
    """What every part of a job needs. tile: side of the tiles in pixels of what the network draws; overlap: share."""

    job: Job
    context: Context
    engine: Engine
    checkpoint: Checkpoint
    pipeline: Any
    habit: Habit
    units: tuple[Unit, ...]
    tile: int
    overlap: float

    def in_latents(self, side: int) -> tuple[int, int]:
        """Side and overlap of tiles of `side` pixels, in latents."""
        side = max(CELL, side // unit_of(self.pipeline.vae) // CELL * CELL)
        return side, max(1, round(side * self.overlap))

    def told(self, phase: str) -> Callable[[int, int], None]:
        return lambda done, total: self.context.progress(phase, done, total)


def upscale(job: Job, context: Context, engine: Engine, studio: Studio) -> None:
    """Do a job of `upscale_image`. Raises Fault: bad_input, and those of `larger`."""
    picture, scale = context.input_image(), int(job.params["scale"])
    check_result(picture.shape[1], picture.shape[0], scale)
    context.progress("Enlarging", preview=picture[:: max(1, len(picture) // 512), :: max(1, picture.shape[1] // 512)])
    made, notes = larger(job, context, engine, studio, picture)
    context.progress("Saving")
    context.save_image(made, larger_name(job))
    size = f"{made.shape[1]} x {made.shape[0]}"
    context.report(size=size, engine=engine.family.label, scale=scale, notes=notes)


def larger(job: Job, context: Context, engine: Engine, studio: Studio, picture: np.ndarray) -> tuple[np.ndarray, str]:
    """(H, W, 4) uint8 -> `scale` times as large, and what there is to say about it.

    Raises Fault: bad_request, weights_missing, weights_damaged, out_of_memory.
    """
    scale = int(job.params["scale"])
    base = enlarged(picture, scale, tick=lambda done, total: context.progress("Enlarging", done, total))
    if float(job.params["strength"]) == 0 and engine.times == 1:
        return base, "Nothing may be drawn anew, so this is the picture, enlarged"
    work = _prepared(job, context, engine, studio)
    drawn = _drawn(work, studio, picture, base)
    if job.params["keep_colours"]:
        context.progress("Matching colours")
        drawn = with_colours_of(drawn, base[..., :3], 8 * scale)
    held = bool(work.units) or engine.times > 1
    note = f"{engine.family.label} has no tile ControlNet here, so lower New Detail if things change"
    return with_transparency(drawn, base), "" if held else note


def _prepared(job: Job, context: Context, engine: Engine, studio: Studio) -> _Work:
    context.progress("Loading")
    checkpoint = studio.open(str(job.params["checkpoint"]))
    used = add(job, checkpoint, studio, None) if engine.times == 1 else []
    context.check_cancelled()
    units = tuple(engine.tile(float(job.params["control"]))) if float(job.params["control"]) > 0 else ()
    nets = studio.nets(units)
    context.used_weights([*used, *checkpoint.files, *(file for unit in units for file in files_of(unit.path))])
    names = [checkpoint.path.stem, *(path.stem for path, _ in checkpoint.loras)]
    habit = habit_of(names, engine.family.habit)
    scheduler = scheduler_for(checkpoint.scheduler, str(job.params["sampler"]) if engine.times == 1 else "auto", habit)
    pipeline = checkpoint.pipeline("image", nets, scheduler=scheduler)
    tile = int(job.params["tile_px"]) or int(math.sqrt(engine.family.area_px))
    return _Work(job, context, engine, checkpoint, pipeline, habit, units, tile, float(job.params["overlap"]))


def _drawn(work: _Work, studio: Studio, picture: np.ndarray, base: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 at the size of `base`. Raises Fault("out_of_memory") with what takes less."""
    job, device = work.job, studio.device
    networks = {} if device == "cpu" else work.pipeline.components  # there they are loaded already
    pixels = min(work.tile, base.shape[0]) * min(work.tile, base.shape[1])
    need = memory.need_of(networks, pixels, studio.precision.itemsize == 2)
    less = f"Set Tile to {max(256, work.tile // 2)} px, or close other programs."
    try:
        plan = memory.choose(str(job.params["memory"]), need, memory.free_bytes(device), device)
    except Fault as fault:
        raise Fault(fault.code, fault.message, less, fault.detail) from None
    try:
        memory.place(work.pipeline, plan, device)
        if work.engine.times == 1:
            return _refined(work, seen(base))
        return _by_upscaler(work, seen(picture), int(job.params["scale"]))
    except ValueError as error:
        if "not made of numbers" not in str(error):
            raise
        hint = "Choose another checkpoint; if it is a half-precision one, use its fixed VAE."
        raise Fault("weights_damaged", "The network answered with values that are not numbers.", hint) from None
    except (RuntimeError, MemoryError) as error:
        if not memory.is_out_of_memory(error):
            raise
        fault = memory.smaller(plan, device, error)
        hint = fault.hint if "Set Memory" in fault.hint else less
        raise Fault("out_of_memory", fault.message, hint, fault.detail) from None


def _refined(work: _Work, base: np.ndarray) -> np.ndarray:
    """Noise over the enlarged picture, taken away again by the family's image-to-image pipeline."""
    height, width = base.shape[:2]
    whole = padded(base, CELL * unit_of(work.pipeline.vae), SMALLEST_PX)
    latents = encoded(work.pipeline.vae, whole, *work.in_latents(512), work.told("Encoding"))
    unit = unit_of(work.pipeline.vae)

    def control(row: Span, column: Span) -> np.ndarray:
        return whole[row.start * unit : row.stop * unit, column.start * unit : column.stop * unit]

    strength = max(0.01, float(work.job.params["strength"]))
    steps = int(work.job.params["steps"]) or work.habit.steps
    if work.habit.few_steps or int(steps * strength) < 1:
        steps = math.ceil((steps if work.habit.few_steps else 1) / strength - 1e-9)
    side = min(work.in_latents(work.tile)[0], *latents.shape[-2:]) * unit
    call: dict[str, Any] = {"image": latents, "strength": strength, "num_inference_steps": steps}
    # every tile is told that it is a picture of its own size
    call |= {"height": side, "width": side, "original_size": (side, side), "target_size": (side, side)}
    if work.units:
        from PIL import Image

        # only its size is looked at: each tile gets its own
        call["control_image"] = Image.fromarray(np.zeros((side, side, 3), np.uint8))
        call["controlnet_conditioning_scale"] = work.units[0].weight
        if type(work.pipeline.controlnet).__name__ == "ControlNetUnionModel":
            call["control_image"] = [call["control_image"]]
            call["control_mode"] = [work.engine.family.modes["tile"]]
    taken = max(1, min(int(steps * strength), steps))
    latents = _denoised(work, call, tuple(latents.shape[-2:]), taken, control)
    return _decoded(work, latents)[:height, :width]


def _by_upscaler(work: _Work, picture: np.ndarray, scale: int) -> np.ndarray:
    """A published upscaler, as often as it takes; what is too large then is made smaller."""
    done, again = 1, scale > work.engine.times
    while done < scale:
        height, width = picture.shape[:2]
        whole = padded(picture, work.engine.family.multiple, SMALLEST_PX)
        phase = f"Denoising {done}x to {done * work.engine.times}x" if again else "Denoising"
        picture = _larger(work, whole, phase)[: height * work.engine.times, : width * work.engine.times]
        done *= work.engine.times
    return reduced_by(picture, done // scale)


def _larger(work: _Work, picture: np.ndarray, phase: str) -> np.ndarray:
    """(h, w, 3) uint8 -> `times` as large, by the upscaler's own pipeline."""
    from PIL import Image

    steps = int(work.job.params["steps"]) or work.habit.steps
    call: dict[str, Any] = {"num_inference_steps": steps}
    if "noise_level" in inspect.signature(work.pipeline.__call__).parameters:
        call |= {"image": Image.fromarray(picture), "noise_level": round(100 * float(work.job.params["strength"]))}
        size = picture.shape[:2]  # its latents are as large as the picture that it begins with
    else:
        call["image"] = encoded(work.pipeline.vae, picture, *work.in_latents(512), work.told("Encoding"))
        size = tuple(2 * side for side in call["image"].shape[-2:])
    return _decoded(work, _denoised(work, call, size, steps, None, phase))


def _denoised(
    work: _Work,
    call: dict[str, Any],
    size: tuple[int, ...],
    steps: int,
    control: Callable[..., np.ndarray] | None,
    phase: str = "Denoising",
) -> Tensor:
    """The pipeline's latents. size: of the latents, (h, w). steps: as far as they are known before."""
    import torch

    job, pipeline = work.job, work.pipeline
    rows, columns = (in_phase(length, *work.in_latents(work.tile)) for length in size)
    tiles, done = len(rows) * len(columns), 0
    drawn = rgb_preview(work.engine.family) if work.engine.family.latent_rgb else None

    def tile(_number: int) -> None:
        nonlocal done
        work.context.progress(phase, done, max(done + 1, steps * tiles), f"{tiles} tiles" if tiles > 1 else "")
        done += 1

    def step(count: int, preview: np.ndarray | None) -> None:
        work.context.progress(phase, done, max(done, steps * tiles, count), preview=preview)

    guidance = float(job.params["guidance"]) or work.habit.guidance
    guidance = guidance if guidance > 1 else work.engine.family.unguided
    call |= {
        **_words(work, guidance),
        "guidance_scale": guidance,
        "generator": torch.Generator("cpu").manual_seed(job.seed),
        "output_type": "latent",
    }
    known = inspect.signature(pipeline.__call__).parameters
    call = {name: value for name, value in call.items() if name in known}
    controlnet = getattr(pipeline, "controlnet", None) if work.units else None
    with (
        watched(pipeline.scheduler, step, drawn),
        in_tiles(pipeline.unet, rows, columns, tile, controlnet, control),
        torch.no_grad(),
    ):
        return pipeline(**call).images


def _words(work: _Work, guidance: float) -> dict[str, Any]:
    job, checkpoint = work.job, work.checkpoint
    negative = str(job.params["negative"])
    if not checkpoint.family.encodes:
        return {"prompt": job.prompt, **({"negative_prompt": negative} if guidance > 1 else {})}
    guided = guidance > 1 and getattr(checkpoint.parts["unet"].config, "time_cond_proj_dim", None) is None
    zero = bool(checkpoint.options.get("force_zeros_for_empty_prompt"))
    return encode(checkpoint.parts, job.prompt, negative, 0, guided, zero)


def _decoded(work: _Work, latents: Tensor) -> np.ndarray:
    return decoded(work.pipeline.vae, latents, *work.in_latents(512), work.told("Decoding"))
