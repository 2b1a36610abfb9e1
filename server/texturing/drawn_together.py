"""The engine `sdxl_sync`: all views of an object denoised as one, held to its geometry by ControlNets.

Inside every step the views' predictions are blended on the surface (geometry/between_views.py and
diffusion/synchronise.py), with weights that sharpen from all alike to the squarest view, for most of the run; then each
view finishes its own details. For the first `LOOK_UNTIL` the views also read each other's self-attention. They start
from one noise on the surface, before backgrounds of changing colour, so that none of them bleeds onto the object. The
plan and its numbers are SyncMVD's (Liu et al., SIGGRAPH Asia 2024; source at commit 04d7c4e), carried over to SDXL.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_aigc.protocol import Fault

from ..diffusion import memory
from ..diffusion.attention import Sight, looking_around
from ..diffusion.controls import KINDS as CONTROL_KINDS
from ..diffusion.controls import Unit, parse_controls
from ..diffusion.drawing import add, files_of
from ..diffusion.portions import in_portions
from ..diffusion.prompts import encode
from ..diffusion.samplers import habit_of, scheduler_for
from ..diffusion.steps import rgb_preview, watched
from ..diffusion.synchronise import synchronised
from .from_present import Start, beginnings, start_from
from .reference import on_plain_ground
from .subject import Subject, avoided_for, words_for
from .view_controls import AUTO, KINDS, control_view

if TYPE_CHECKING:
    from torch import Tensor

    from blender_aigc.protocol import Job

    from ..context import Context
    from ..diffusion.loading import Checkpoint
    from ..diffusion.studio import Studio
    from ..geometry.between_views import ViewLinks
    from ..geometry.cameras import Camera
    from ..geometry.raster import Maps

LOOK_UNTIL, COLOURED_UNTIL = 0.2, 0.4
SHARPEST = 6.0
"""Exponent of the cosine at the end of the run; it begins with 0."""


@dataclass
class Agreement:
    """What the views agree on at each step; called by `synchronised`.

    backgrounds: (K, C) latents of plain colours, the first mid grey. until: which part of the run they agree in.
    start: a texture that is there, which stays where it may not change.
    """

    links: ViewLinks
    sight: Sight
    backgrounds: Tensor
    rng: np.random.Generator
    until: float
    start: Start | None = None

    def __call__(self, clean: Tensor, step: int, steps: int) -> Tensor:
        step += self.start.first if self.start is not None else 0
        share = step / steps
        self.sight.active = (step + 1) / steps < min(LOOK_UNTIL, self.until)
        agreed = clean
        if share < self.until:
            agreed = self.links.blend(clean.float(), SHARPEST * share).to(clean.dtype)
            rows = [0] * len(clean)
            if share < COLOURED_UNTIL:
                rows = list(self.rng.integers(0, len(self.backgrounds), len(clean)))
            plain = self.backgrounds[rows].to(clean)[:, :, None, None]
            agreed = agreed.where(self.links.mask[:, None], plain.expand_as(agreed))
        if self.start is not None:
            free = self.start.free | ~self.links.mask
            agreed = agreed.where(free[:, None], self.start.clean.to(agreed))
        return agreed


def draw_together(
    job: Job,
    context: Context,
    studio: Studio,
    subject: Subject,
    cameras: Sequence[Camera],
    reference: np.ndarray | None = None,
) -> list[np.ndarray]:
    """One (H, W, 3) uint8 picture for each camera. Raises Fault; the pipeline is diffusers' own.

    reference: (H, W, 4) uint8, whose look to take by an IP-Adapter.
    """
    import torch
    from PIL import Image

    from ..geometry.between_views import link_views
    from ..geometry.raster import Scene, render_maps

    words, avoided = (
        words_for(job.prompt, cameras, str(job.params["view_prompts"]), not str(job.params["only_views"])),
        avoided_for(str(job.params["negative"]), cameras),
    )
    context.progress("Loading")
    checkpoint = studio.open(str(job.params["checkpoint"]))
    used = [*checkpoint.files, *add(job, checkpoint, studio, reference)]
    habit = habit_of([checkpoint.path.stem, *(path.stem for path, _ in checkpoint.loras)], studio.family.habit)
    units = parse_controls(str(job.params["controls"]), studio.library.controlnets(), KINDS, AUTO)
    nets = studio.nets(units)
    scheduler = scheduler_for(checkpoint.scheduler, str(job.params["sampler"]), habit)
    pipeline = checkpoint.pipeline("text" if subject.part is None else "image", nets, scheduler=scheduler)
    context.used_weights([*used, *(file for unit in units for file in files_of(unit.path))])

    context.progress("Looking from all sides")
    scene = Scene(subject.triangles, studio.device)
    seen = render_maps(
        scene, cameras, progress=lambda _phase, step=0, total=0: context.progress("Looking from all sides", step, total)
    )
    small = tuple(side // pipeline.vae_scale_factor for side in cameras[0].size_px)
    links = link_views(scene, cameras, (small[0], small[1]))

    guidance = float(job.params["guidance"]) or habit.guidance
    steps = int(job.params["steps"]) or habit.steps
    _place(job, pipeline, studio, cameras)
    embedded = _embedded(checkpoint, words, avoided, guidance > 1)
    sight = Sight.ring(len(cameras))
    until = float(job.params["agreement"])
    backgrounds = _backgrounds(pipeline, context)
    noise = torch.randn(
        (len(cameras), pipeline.unet.config.in_channels, small[1], small[0]),
        generator=torch.Generator("cpu").manual_seed(job.seed),
    )
    noise = noise.to(studio.device)
    noise = (links.carry_noise(noise) if until > 0 else noise).to(pipeline.unet.dtype)
    there, start = beginnings(subject, seen), None
    if there is not None:
        start = start_from(pipeline, there, noise, steps, float(job.params["strength"]))
    sight.active = (start.first if start is not None else 0) / steps < min(LOOK_UNTIL, until)
    agreement = Agreement(links, sight, backgrounds, context.rng, until, start)
    call = {
        **embedded,
        "latents": noise,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "generator": torch.Generator("cpu").manual_seed(job.seed),
        "width": cameras[0].size_px[0],
        "height": cameras[0].size_px[1],
        "output_type": "np",
        **_controls(units, seen, "image" if start is None else "control_image"),
        **(start.call if start is not None else {}),
    }
    known = inspect.signature(pipeline.__call__).parameters  # not all of them take a size
    call = {name: value for name, value in call.items() if name in known}
    if reference is not None:
        call["ip_adapter_image"] = Image.fromarray(on_plain_ground(reference))

    def told(step: int, preview: np.ndarray | None) -> None:
        context.progress("Drawing all views", step, steps, preview=preview)

    portion = int(job.params["at_once"])
    with ExitStack() as around:
        around.enter_context(watched(scheduler, told, all_views(studio)))
        around.enter_context(synchronised(scheduler, agreement))
        around.enter_context(looking_around(pipeline.unet, sight))
        around.enter_context(in_portions(pipeline.unet, lambda: portion, lambda: sight.active))
        for net in nets:
            around.enter_context(in_portions(net, lambda: portion))
        made = pipeline(**call).images
    return finished(made)


def finished(made: np.ndarray) -> list[np.ndarray]:
    """(N, H, W, 3) in 0..1 -> uint8 pictures. Raises Fault("weights_damaged") for what is not numbers."""
    if not np.isfinite(made).all():
        raise Fault(
            "weights_damaged",
            "The network answered with values that are not numbers.",
            "Choose another checkpoint; if it is a half-precision one, use its fixed VAE.",
        )
    return [(view * 255).round().astype(np.uint8) for view in made]


def _place(job: Job, pipeline: Any, studio: Studio, cameras: Sequence[Camera]) -> None:
    width, height = cameras[0].size_px
    pixels = width * height * max(1, int(job.params["at_once"]) or len(cameras))
    need = memory.need_of({} if studio.device == "cpu" else pipeline.components, pixels, studio.precision.itemsize == 2)
    plan = memory.choose(str(job.params["memory"]), need, memory.free_bytes(studio.device), studio.device)
    pipeline.vae.enable_slicing()  # one view after the other is decoded
    memory.place(pipeline, plan, studio.device)


def _embedded(checkpoint: Checkpoint, words: Sequence[str], avoided: Sequence[str], guided: bool) -> dict[str, Tensor]:
    """The words of all views, one row each, as long as the longest of them."""
    import torch

    zero = bool(checkpoint.options.get("force_zeros_for_empty_prompt"))
    rows = [encode(checkpoint.parts, *pair, 0, guided, zero) for pair in zip(words, avoided, strict=True)]
    longest = max(row["prompt_embeds"].shape[1] for row in rows)
    if any(row["prompt_embeds"].shape[1] != longest for row in rows):
        raise Fault("bad_request", "The words of single views are too long.", "Shorten Words for Views.")
    return {key: torch.cat([row[key] for row in rows]) for key in rows[0]}


def _controls(units: Sequence[Unit], seen: Sequence[Maps], key: str) -> dict[str, Any]:
    """key: what the pipelines without a union call the control's pictures.

    The arguments of diffusers' ControlNet pipelines; each control's pictures are one tensor (N, 3, H, W) in 0..1."""
    import torch

    if not units:
        return {}
    pictures = [
        torch.from_numpy(np.stack([control_view(maps, unit.kind) for maps in seen])).permute(0, 3, 1, 2) / 255.0
        for unit in units
    ]
    lists: dict[str, list[Any]] = {
        "controlnet_conditioning_scale": [unit.weight for unit in units],
        "control_guidance_start": [unit.start for unit in units],
        "control_guidance_end": [unit.end for unit in units],
    }
    union, several = any(unit.union for unit in units), len(units) > 1
    if union:
        lists["control_mode"] = [CONTROL_KINDS[unit.kind][1] for unit in units]
    lists["control_image" if union else key] = pictures
    return {name: values if several or union else values[0] for name, values in lists.items()}


def _backgrounds(pipeline: Any, context: Context) -> Tensor:
    """(9, C) latents of plain pictures, mid grey and eight colours."""
    import torch

    colours = np.concatenate([np.full((1, 3), 0.5), context.rng.uniform(0, 1, (8, 3))])
    side = 8 * pipeline.vae_scale_factor
    vae = pipeline.vae
    given = torch.from_numpy(colours * 2 - 1).to(pipeline._execution_device, vae.dtype)
    with torch.no_grad():
        latents = vae.encode(given[:, :, None, None].expand(-1, -1, side, side).contiguous()).latent_dist.mode()
    return latents.float().mean((2, 3)) * vae.config.scaling_factor


def all_views(studio: Studio) -> Any:
    """A preview of all views side by side, in two rows."""
    import torch

    one = rgb_preview(studio.family)

    def preview(latents: Tensor) -> np.ndarray:
        latents = latents[:, :, :: max(1, latents.shape[2] // 64), :: max(1, latents.shape[3] // 64)]
        if len(latents) % 2:
            latents = torch.cat([latents, latents[:1]])
        rows = [torch.cat(list(part), dim=-1) for part in latents.chunk(2)]
        return one(torch.cat(rows, dim=-2)[None])

    return preview
