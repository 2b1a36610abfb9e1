"""The engine `mv_adapter`: six orthographic views by SDXL with MV-Adapter's trained attention between them.

The pipeline is diffusers' own for T2I-Adapters; the adapter's encoder takes the place of a T2I-Adapter, and its layers
that of the UNet's self-attention (nets/mv_adapter.py). A reference picture is read once, at time 0, before the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_aigc.protocol import Fault

from ..checkpoints import fill
from ..diffusion import adapters, memory
from ..diffusion.headers import read_header
from ..diffusion.loading import Checkpoint
from ..diffusion.prompts import encode
from ..diffusion.samplers import habit_of, scheduler_for
from ..diffusion.steps import watched
from .drawn_together import all_views, finished
from .reference import on_plain_ground

if TYPE_CHECKING:
    from torch import Tensor

    from blender_aigc.protocol import Job

    from ..context import Context
    from ..diffusion.studio import Studio
    from ..geometry.cameras import Camera
    from ..nets.mv_adapter import MVAdapter
    from .subject import Subject

FILES = {False: "mvadapter_tg2mv_sdxl.safetensors", True: "mvadapter_ig2mv_sdxl.safetensors"}
"""With a reference picture or without -> the published file."""
PUBLISHED = "huanngzh/mv-adapter"
STEPS = 50


@dataclass
class Worn:
    """The adapter that is loaded, and for which checkpoint."""

    path: Path
    checkpoint: Checkpoint
    adapter: MVAdapter


def load_adapter(folder: Path, studio: Studio, checkpoint: Checkpoint, reference: bool) -> Worn:
    """The published file for text, or for text and a reference, in `folder`. Raises Fault."""
    from safetensors.torch import load_file

    from ..nets.mv_adapter import MVAdapter

    path = folder / FILES[reference]
    if not path.is_file():
        raise Fault(
            "weights_missing",
            f"The file {path.name} is not there.",
            f"Put it into the folder mv_adapter; it is published as {PUBLISHED}.",
            str(path),
        )
    read_header(path)
    adapter = MVAdapter(checkpoint.parts["unet"], reference)
    fill(adapter, load_file(str(path)), adapter.published(), "cpu", path)
    return Worn(path, checkpoint, adapter.to(studio.precision).eval())


def draw_six(
    job: Job, context: Context, studio: Studio, worn: Worn, subject: Subject, cameras: Sequence[Camera]
) -> list[np.ndarray]:
    """One (H, W, 3) uint8 picture for each of `six_views`. Raises Fault."""
    import diffusers
    import torch

    from ..geometry.raster import render_maps
    from ..nets.mv_adapter import VIEWS, geometry, shifted_betas

    checkpoint, adapter = worn.checkpoint, worn.adapter
    adapters.set_loras(checkpoint, adapters.parse_loras(str(job.params["loras"]), studio.library.loras()))
    habit = habit_of([checkpoint.path.stem, *(path.stem for path, _ in checkpoint.loras)], studio.family.habit)
    scheduler = scheduler_for(checkpoint.scheduler, str(job.params["sampler"]), habit)
    betas = shifted_betas(scheduler.alphas_cumprod)
    scheduler = type(scheduler).from_config(scheduler.config, trained_betas=betas)
    taken = ("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet")
    pipeline = diffusers.StableDiffusionXLAdapterPipeline(
        **{name: checkpoint.parts[name] for name in taken}, adapter=adapter.encoder, scheduler=scheduler
    )
    pipeline.set_progress_bar_config(disable=True)
    context.used_weights([*checkpoint.files, worn.path, *(path for path, _ in checkpoint.loras)])
    steps = int(job.params["steps"]) or (habit.steps if habit.few_steps else STEPS)
    guidance = float(job.params["guidance"]) or (
        habit.guidance if habit.few_steps else 3.0 if adapter.reference else 7.0
    )
    seen = render_maps(subject.triangles, cameras)
    words = encode(checkpoint.parts, job.prompt or "high quality", str(job.params["negative"]), 0, guidance > 1, False)
    call = {key: rows.expand(VIEWS, *rows.shape[1:]) for key, rows in words.items()} | {
        "image": geometry(seen, subject.points).to(studio.precision),
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "generator": torch.Generator("cpu").manual_seed(job.seed),
        "width": cameras[0].size_px[0],
        "height": cameras[0].size_px[1],
        "output_type": "np",
    }
    _place(job, pipeline, adapter, studio, cameras[0].size_px)

    def told(step: int, preview: np.ndarray | None) -> None:
        context.progress("Drawing six views", step, steps, preview=preview)

    with torch.inference_mode(), adapter.worn_by(pipeline.unet), watched(scheduler, told, all_views(studio)):
        if adapter.reference:
            _look_at(context.input_image("reference"), pipeline, adapter, words, cameras[0].size_px)
        made = pipeline(**call).images
    return finished(made)


def _place(job: Job, pipeline: Any, adapter: MVAdapter, studio: Studio, size: tuple[int, int]) -> None:
    """All six views go through the network together: that is what makes them agree."""
    need = memory.need_of(
        {} if studio.device == "cpu" else pipeline.components, 6 * size[0] * size[1], studio.precision.itemsize == 2
    )
    plan = memory.choose(str(job.params["memory"]), need, memory.free_bytes(studio.device), studio.device)
    pipeline.vae.enable_slicing()
    memory.place(pipeline, plan, studio.device)
    adapter.to(studio.device)


def _look_at(
    rgba: np.ndarray, pipeline: Any, adapter: MVAdapter, words: dict[str, Tensor], size: tuple[int, int]
) -> None:
    """What the layers see of the reference, object centred on mid grey at 9/10 of the picture, kept for the run."""
    import torch

    from ..diffusion.sizes import resized

    picture = resized(on_plain_ground(rgba), size)
    device, kind = pipeline._execution_device, pipeline.unet.dtype
    given = torch.from_numpy(picture).permute(2, 0, 1)[None].to(device, torch.float32) / 127.5 - 1
    latents = pipeline.vae.encode(given.to(pipeline.vae.dtype)).latent_dist.mode() * pipeline.vae.config.scaling_factor
    ids = torch.tensor([[*size[::-1], 0, 0, *size[::-1]]], device=device, dtype=kind)
    adapter.looking.keep = True
    try:
        pipeline.unet(
            latents.to(kind),
            torch.tensor(0, device=device),
            encoder_hidden_states=words["prompt_embeds"].to(device, kind),
            added_cond_kwargs={"text_embeds": words["pooled_prompt_embeds"].to(device, kind), "time_ids": ids},
        )
    finally:
        adapter.looking.keep = False


def write_tiny(folder: Path, seed: int = 5) -> None:
    """MV-Adapter's two files for the small SDXL of diffusion/tiny.py. None of its layers begins with zeros."""
    import torch
    from safetensors.torch import save_file

    from ..diffusion.tiny import sdxl_pipeline
    from ..nets.mv_adapter import MVAdapter

    folder.mkdir(parents=True, exist_ok=True)
    unet = sdxl_pipeline().unet
    for reference, name in FILES.items():
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            made = MVAdapter(unet, reference)
        tensors = made.state_dict()
        published = {key: tensors[ours].contiguous() for ours, key, _ in made.published()}
        save_file(published, str(folder / name))
