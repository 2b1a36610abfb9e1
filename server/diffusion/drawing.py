"""One job of a diffusion model: from parameters and passes to pictures of the render's own size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blender_aigc.protocol import Fault

from . import adapters, memory
from .canvas import Canvas, canvas_of
from .controls import Unit, available_kinds, control_picture
from .from_picture import begun, must_begin
from .library import named, pick
from .orders import Order, arguments, guidance_for, prompt_arguments, takes
from .packing import packed
from .part_time import counting_in_part
from .prompts import encode
from .samplers import Habit, habit_of, scheduler_for
from .sequences import check_canvas, noise_on_surfaces
from .sizes import Fit, fit
from .steps import Enough, rgb_preview, watched, with_noise
from .variations import latent_shape, seeds_of, variation

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from blender_aigc.protocol import Job

    from ..context import Context
    from ..filters.passes import Passes
    from ..sequence.past import Past
    from .families import Control, Family, Mode
    from .loading import Checkpoint
    from .studio import Studio

PASSES_OF = ("render_image", "render_sequence")
"""Tasks that start from a render."""


def draw(job: Job, context: Context, studio: Studio) -> None:
    """Do `job`; saves its pictures through `context`. Raises Fault."""
    from ..sequence.between import carry_between
    from ..sequence.past import begin

    passes, reference = _read(job, context)
    past = begin(context, passes) if passes is not None else None
    if past is not None and past.between:
        carry_between(past)
        return
    if not job.prompt.strip() and reference is None:
        raise Fault("bad_input", "The prompt is empty.", "Say in words what you want.")
    context.progress("Loading")
    checkpoint = studio.open(_text(job, "checkpoint"))
    used = add(job, checkpoint, studio, reference)
    context.check_cancelled()
    family = checkpoint.family
    names = [named(path) for path in (checkpoint.path, *(path for path, _ in checkpoint.loras))]
    habit = habit_of(names, checkpoint.habit, family.distilled)
    order = _understood(job, studio, checkpoint, habit, passes)
    if past is not None:
        check_canvas(order.canvas, passes)
    order = replace(order, reference=reference if checkpoint.ip_adapter is not None else None)
    if passes is not None and order.strength == 0:
        still = order.canvas.rgba if order.canvas is not None else passes.combined
        context.save_image(still if past is None else past.finish(still, single=lambda: still), job.name)
        context.report(notes="Nothing may change, so this is the render")
        return
    nets = studio.nets(order.units)
    scheduler = scheduler_for(checkpoint.scheduler, _text(job, "sampler"), habit)
    pipeline = checkpoint.pipeline(order.mode, nets, scheduler=scheduler)
    refiner = studio.refiner() if job.params.get("refiner") else None
    used += [*checkpoint.files, *(file for unit in order.units for file in files_of(unit.path))]
    context.used_weights([*used, *(refiner.files if refiner is not None else ())], checkpoint.licence)
    plan = _plan(job, studio, pipeline, order)
    seeds = seeds_of(job)[: 1 if past is not None else None]
    with _memory_faults(plan, studio.device):
        memory.place(pipeline, plan, studio.device)
        words = prompt_arguments(checkpoint, order)
        for number, seed in enumerate(seeds):
            phase = "Denoising" if len(seeds) == 1 else f"Picture {number + 1} of {len(seeds)}"
            given = (job, context, studio, checkpoint, pipeline, order, words, seed, phase, refiner)
            made = _finished(_one(*given, past), order)
            if past is not None:
                made = past.finish(made, single=lambda given=given: _finished(_one(*given), order))
            context.save_image(made, job.name)
    context.report(
        size=f"{order.fitted.size[0]} x {order.fitted.size[1]}",
        worked_at=f"{order.fitted.padded[0]} x {order.fitted.padded[1]}",
        steps=order.steps,
        seeds=", ".join(map(str, seeds)),
        controls=", ".join(f"{unit.name} ({unit.kind}): {unit.weight:g}" for unit in order.units) or "none",
        notes="; ".join(_notes(passes, order, checkpoint, pipeline)),
        **({"licence": checkpoint.licence} if checkpoint.licence else {}),
    )


def _read(job: Job, context: Context) -> tuple[Passes | None, np.ndarray | None]:
    """The render's passes, and the reference picture; None for what was not given."""
    from ..filters.passes import read_passes

    context.progress("Reading the passes")
    passes = read_passes(context.input_path("passes")) if job.task in PASSES_OF else None
    wanted = context.has_input("reference") and float(job.params.get("reference_weight", 0)) > 0
    return passes, context.input_image("reference") if wanted else None


def add(job: Job, checkpoint: Checkpoint, studio: Studio, reference: np.ndarray | None) -> list[Path]:
    """LoRAs, learnt words and the IP-Adapter of `job`; the files that they are read from."""
    library = studio.library
    adapters.set_loras(checkpoint, adapters.parse_loras(_text(job, "loras"), library.loras()))
    words = library.embeddings() if checkpoint.family.encodes else {}
    taught = adapters.set_words(checkpoint, f"{job.prompt} {_text(job, 'negative')}", words)
    adapter = None
    if reference is not None:
        adapter = pick(library.ip_adapters(), "", "IP-Adapter", str(library.folder / "ip_adapter"))
    adapters.set_reference(checkpoint, adapter, float(job.params.get("reference_weight", 0)))
    used = [*(path for path, _ in checkpoint.loras), *(words[word] for word in taught)]
    if adapter is not None:
        used += [adapter, *files_of(adapter.parent / "image_encoder")]
    return used


def _understood(job: Job, studio: Studio, checkpoint: Checkpoint, habit: Habit, passes: Passes | None) -> Order:
    """`job` as an order. Raises Fault for what it asks wrongly."""
    family, params = checkpoint.family, job.params
    canvas = None
    units: list[Unit] = []
    if passes is not None:
        canvas = canvas_of(passes, float(params["soft_px"]), _text(job, "extend"))
        masked = canvas.change is not None
        units = studio.units(_text(job, "controls"), available_kinds(passes), masked)
    pictures = [canvas.around(control_picture(passes, u.kind), u.kind) for u in units] if canvas and passes else []
    strength = float(params["strength"]) if canvas is not None else 1.0
    mode: Mode = "text" if canvas is None else "inpaint" if canvas.change is not None else "image"
    _check_needs(mode, units, family)
    control: Control = "controlnet" if units and not family.needs else ""
    if mode == "image" and (strength == 1 or ("image", control) not in family.pipelines):
        mode = "text"
    steps = int(params["steps"]) or habit.steps
    scheduled = steps
    if mode != "text" and strength > 0 and (habit.few_steps or int(steps * strength) < 1):
        scheduled = math.ceil((steps if habit.few_steps else 1) / strength - 1e-9)
    return Order(
        mode=mode,
        fitted=_fit(job, canvas, family),
        canvas=canvas,
        units=tuple(units),
        pictures=tuple(pictures),
        prompt=job.prompt,
        negative=_text(job, "negative"),
        steps=scheduled,
        strength=strength,
        guidance=guidance_for(float(params["guidance"]) or habit.guidance, family),
        clip_skip=int(params.get("clip_skip", 0)),
        modes=family.modes,
        avoid_scale=float(params.get("avoid_scale", 1.0)),
    )


def _check_needs(mode: Mode, units: list[Unit], family: Family) -> None:
    if mode == "text" and family.needs:
        hint = "Take another checkpoint, or draw a render."
        raise Fault("bad_request", f"{family.label} does not draw from words alone.", hint)
    if family.needs == "mask" and mode != "inpaint":
        hint = "Choose what may change (selected objects, a painted mask), set Extend, or take another checkpoint."
        raise Fault("bad_request", f"{family.label} only fills what a mask lets change.", hint)
    if family.needs == "mask" and units:
        raise Fault("bad_request", f"{family.label} takes no ControlNet.", "Leave Controls empty.")


def _notes(passes: Passes | None, order: Order, checkpoint: Checkpoint, pipeline: Any) -> list[str]:
    family = checkpoint.family
    notes = list(passes.notes) if passes is not None else []
    if order.negative and family.guidance_inside and order.avoid_scale <= 1:
        notes.append(f"{family.label} reads what to avoid only with an Avoid Strength above 1")
    elif order.negative and not takes(pipeline, "negative_prompt"):
        notes.append(f"{family.label} does not read what to avoid in this way of drawing")
    return notes


def _fit(job: Job, canvas: Canvas | None, family: Family) -> Fit:
    if canvas is None:
        return fit(int(job.params["width"]), int(job.params["height"]), 0, family.multiple)
    area = {"draft": family.area_px // 4, "model": family.area_px, "camera": 0}[_text(job, "size")]
    return fit(*canvas.size, area, family.multiple)


def _one(
    job: Job,
    context: Context,
    studio: Studio,
    checkpoint: Checkpoint,
    pipeline: Any,
    order: Order,
    words: dict[str, Any],
    seed: int,
    phase: str,
    refiner: Checkpoint | None,
    past: Past | None = None,
) -> np.ndarray:
    """(h, w, 3) uint8 at the working size. past: of a frame of a sequence, whose noise lies on the surfaces."""
    import torch

    vary = variation(job, seed) if past is None else noise_on_surfaces(past, order.fitted, seed)
    # a variation has nothing of its own but the noise that it begins with
    generator = torch.Generator("cpu").manual_seed(seed if vary is None else job.seed)
    call = arguments(pipeline, order, words, generator)
    pictured = must_begin(pipeline, order)
    if vary is not None and not pictured and not takes(pipeline, "strength"):  # it begins from noise alone
        noise = vary(torch.randn(latent_shape(pipeline, order.fitted), generator=generator))
        call["latents"] = packed(noise) if checkpoint.family.packed else noise

    def told(step: int, preview: np.ndarray | None) -> None:
        total = getattr(pipeline, "num_timesteps", 0) or order.steps
        context.progress(phase, step, max(step, total), preview=preview)

    share = float(job.params["refiner_at"]) if refiner is not None else 1.0
    try:
        with (
            watched(pipeline.scheduler, told, rgb_preview(checkpoint.family, order.fitted.padded), stop_at=share),
            with_noise(pipeline.scheduler, vary, order.fitted.padded),
            counting_in_part(pipeline, order.units),
        ):
            if pictured:
                call |= begun(checkpoint, pipeline, order, generator)
            made = pipeline(**call).images[0]
    except Enough as enough:
        assert refiner is not None
        made = _refined(job, context, studio, refiner, order, enough.latents, seed, share)
    return _bytes(made)


def _refined(
    job: Job,
    context: Context,
    studio: Studio,
    refiner: Checkpoint,
    order: Order,
    latents: Tensor,
    seed: int,
    share: float,
) -> np.ndarray:
    """The last part of the denoising by the refiner: the ensemble of experts (Podell et al. 2023, section 2.5)."""
    import torch

    scheduler = scheduler_for(refiner.scheduler, _text(job, "sampler"), Habit())
    pipeline = refiner.pipeline("image", scheduler=scheduler)
    memory.place(pipeline, "device" if studio.device == "cpu" else "parts", studio.device)
    words = encode(refiner.parts, order.prompt, order.negative, 0, order.guidance > 1, False)

    def told(step: int, preview: np.ndarray | None) -> None:
        context.progress("Refining", step, max(step, pipeline.num_timesteps), preview=preview)

    with watched(scheduler, told, rgb_preview(studio.family)):
        return pipeline(
            **words,
            image=latents,
            denoising_start=share,
            num_inference_steps=order.steps,
            guidance_scale=order.guidance,
            generator=torch.Generator("cpu").manual_seed(seed),
            output_type="np",
        ).images[0]


def _plan(job: Job, studio: Studio, pipeline: Any, order: Order) -> memory.Plan:
    pixels = order.fitted.padded[0] * order.fitted.padded[1]
    networks = {} if studio.device == "cpu" else pipeline.components  # there they are loaded already
    need = memory.need_of(networks, pixels, studio.precision.itemsize == 2)
    plan = memory.choose(_text(job, "memory"), need, memory.free_bytes(studio.device), studio.device)
    if pixels > memory.TILED_PIXELS:
        pipeline.vae.enable_tiling()
    else:
        pipeline.vae.disable_tiling()
    return plan


@contextmanager
def _memory_faults(plan: memory.Plan, device: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if memory.is_out_of_memory(error):
            raise memory.smaller(plan, device, error) from None
        raise


def _finished(made: np.ndarray, order: Order) -> np.ndarray:
    """What the model made at the working size -> the result at the canvas's."""
    back = order.fitted.back(made)
    return back if order.canvas is None else order.canvas.finish(back)


def _bytes(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) 0..1 -> uint8, rounded as diffusers does. Raises Fault for what is not numbers."""
    import numpy as np

    if not np.isfinite(picture).all():
        hint = "Choose another checkpoint; if it is a half-precision one, use its fixed VAE."
        raise Fault("weights_damaged", "The network answered with values that are not numbers.", hint)
    return (picture * 255).round().astype("uint8")


def files_of(path: Path) -> list[Path]:
    """The weight files of a folder, or the file itself."""
    return sorted(path.glob("*.safetensors")) if path.is_dir() else [path]


def _text(job: Job, key: str) -> str:
    return str(job.params.get(key, ""))
