"""The engines `sequential_inpaint` and `single_view`: one view after the other, each continuing what is there.

Each view is first shown what the earlier ones left on the surface. Pixels are kept, refined or generated, by how
squarely the surface was seen before and is now: the trimap of TEXTure (Richardson et al., SIGGRAPH 2023, section 3.2).
What is kept stays bit for bit. Any family with an inpainting pipeline will do: SDXL, FLUX.1, Z-Image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..diffusion import memory
from ..diffusion.canvas import Canvas
from ..diffusion.drawing import add, files_of
from ..diffusion.from_picture import begun as begun_from
from ..diffusion.from_picture import must_begin
from ..diffusion.library import named
from ..diffusion.orders import Order, arguments, guidance_for, prompt_arguments
from ..diffusion.part_time import counting_in_part
from ..diffusion.samplers import habit_of, scheduler_for
from ..diffusion.sizes import fit
from ..diffusion.steps import rgb_preview, watched
from .drawn_together import finished
from .from_present import Beginning, beginnings, looked_at
from .reference import on_plain_ground
from .subject import Subject, avoided_for, words_for
from .view_controls import AUTO, KINDS, control_view

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context
    from ..diffusion.studio import Studio
    from ..geometry.cameras import Camera
    from ..geometry.raster import Maps, Scene

BETTER = 0.2
"""A view refines what it sees squarer by this difference of cosines than any view before."""
_SO_FAR_PX = 1024
_STRENGTH = 0.95
"""Of views after the first: what is refined begins from what is there."""


def draw_one_by_one(
    job: Job,
    context: Context,
    studio: Studio,
    subject: Subject,
    cameras: Sequence[Camera],
    reference: np.ndarray | None = None,
) -> list[np.ndarray]:
    """One (H, W, 4) uint8 picture for each camera; its alpha is 0 where the view adds nothing. Raises Fault.

    reference: (H, W, 4) uint8, whose look to take by an IP-Adapter.
    """
    import torch

    from ..geometry.raster import Scene, render_maps

    words = words_for(job.prompt, cameras, str(job.params["view_prompts"]), not str(job.params["only_views"]))
    avoided = avoided_for(str(job.params["negative"]), cameras)
    context.progress("Loading")
    checkpoint = studio.open(str(job.params["checkpoint"]))
    used = [*checkpoint.files, *add(job, checkpoint, studio, reference)]
    family = checkpoint.family
    names = [named(path) for path in (checkpoint.path, *(path for path, _ in checkpoint.loras))]
    habit = habit_of(names, checkpoint.habit, family.distilled)
    units = studio.units(str(job.params["controls"]), KINDS, True, AUTO)
    nets = studio.nets(units)
    context.used_weights([*used, *(file for unit in units for file in files_of(unit.path))], checkpoint.licence)
    context.progress("Looking from all sides")
    scene = Scene(subject.triangles, studio.device)
    seen = render_maps(scene, cameras)
    size = cameras[0].size_px
    order = Order(
        mode="text",
        fitted=fit(*size, 0, family.multiple),
        canvas=None,
        units=tuple(units),
        pictures=(),
        prompt="",
        negative="",
        steps=int(job.params["steps"]) or habit.steps,
        strength=1.0,
        guidance=guidance_for(float(job.params["guidance"]) or habit.guidance, family),
        clip_skip=0,
        modes=family.modes,
        avoid_scale=float(job.params.get("avoid_scale", 1.0)),
        reference=None if reference is None else on_plain_ground(reference),
    )
    views: list[np.ndarray] = []
    present, placed = beginnings(subject, seen), False
    for number, (maps, prompt, negative) in enumerate(zip(seen, words, avoided, strict=True)):
        there = _so_far(scene, cameras[:number], views, maps)
        change = _may_change(scene, cameras[: number + 1], maps, there)
        strength = _STRENGTH
        if present is not None:
            change = np.where(present[number].free > 0, change, 0).astype(np.uint8)
            there = _over(there, present[number], maps.target.cpu().numpy())
            strength = float(job.params["strength"])
        if not change.any():
            views.append(np.zeros((*change.shape, 4), np.uint8))
            continue
        rgba = there.copy()
        rgba[..., 3] = np.where(maps.mask.cpu().numpy() & (there[..., 3] > 0), 255, 0)
        filled = family.needs == "mask"  # it draws nothing else
        begun = number > 0 or present is not None or filled
        own = replace(
            order,
            mode="inpaint" if begun else "text",
            canvas=Canvas(rgba, change) if begun else None,
            # a part of less than one step would be none
            strength=max(strength, 1.01 / order.steps) if begun and order.steps > 1 and not filled else 1.0,
            pictures=tuple(control_view(maps, unit.kind) for unit in units),
            prompt=prompt,
            negative=negative,
        )
        scheduler = scheduler_for(checkpoint.scheduler, str(job.params.get("sampler", "")), habit)
        pipeline = checkpoint.pipeline(own.mode, nets, scheduler=scheduler)
        if not placed:
            _place(job, pipeline, studio, size)
            placed = True
        generator = torch.Generator("cpu").manual_seed(job.seed)
        call = arguments(pipeline, own, prompt_arguments(checkpoint, own), generator)

        def told(step: int, preview: np.ndarray | None, number: int = number) -> None:
            step += number * order.steps
            context.progress(
                f"Drawing view {number + 1} of {len(cameras)}", step, len(cameras) * order.steps, preview=preview
            )

        preview = rgb_preview(family, own.fitted.padded)
        with watched(scheduler, told, preview), counting_in_part(pipeline, own.units):
            if must_begin(pipeline, own):
                call |= begun_from(checkpoint, pipeline, own, generator)
            made = own.fitted.back(finished(pipeline(**call).images)[0])
        picture = made if own.canvas is None else own.canvas.finish(made)[..., :3]
        views.append(np.dstack([picture, change]))
    return views


def _place(job: Job, pipeline: Any, studio: Studio, size: tuple[int, int]) -> None:
    need = memory.need_of(
        {} if studio.device == "cpu" else pipeline.components, size[0] * size[1], studio.precision.itemsize == 2
    )
    memory.place(
        pipeline,
        memory.choose(str(job.params["memory"]), need, memory.free_bytes(studio.device), studio.device),
        studio.device,
    )


def _so_far(scene: Scene, cameras: Sequence[Camera], views: Sequence[np.ndarray], maps: Maps) -> np.ndarray:
    """(H, W, 4) uint8: what the earlier `views` left on the surface, as this camera sees it; alpha 0: nothing."""
    from ..geometry.blend import NONE, BakeOptions
    from ..geometry.view_bake import bake_views

    height, width = maps.mask.shape
    result = np.zeros((height, width, 4), np.uint8)
    drawn = [(camera, view) for camera, view in zip(cameras, views, strict=True) if view[..., 3].any()]
    if not drawn:
        return result
    pixels = min(_SO_FAR_PX, 2 * max(width, height))
    options = BakeOptions(erosion_px=max(1, width // 256), feather_px=max(1, width // 256), gains=False, fill="plane")
    baked = bake_views(scene, *zip(*drawn, strict=True), pixels, options, device=scene.device)
    textures = {
        sheet.sheet.place: np.dstack([sheet.texture, np.where(sheet.winner != NONE, 255, 0).astype(np.uint8)])
        for sheet in baked.sheets
    }
    result, _ = looked_at(maps, textures)
    result[..., 3] = np.where(result[..., 3] > 200, 255, 0)
    return result


def _over(there: np.ndarray, present: Beginning, target: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8: what earlier views left, over the present texture."""
    drawn = there[..., 3] > 0
    picture = np.where(drawn[..., None], there[..., :3], present.picture)
    return np.dstack([picture, np.where(target | drawn, 255, 0)]).astype(np.uint8)


def _may_change(scene: Scene, cameras: Sequence[Camera], maps: Maps, there: np.ndarray) -> np.ndarray:
    """(H, W) uint8, 255 where the last of `cameras` generates or refines; never off the objects to be textured."""
    from ..geometry.between_views import link_views

    target = maps.target.cpu().numpy()
    small = tuple(max(16, side // 8) for side in cameras[-1].size_px)
    links = link_views(scene, cameras, (small[0], small[1]))
    cosine = links.cosine[-1].view(len(cameras), small[1], small[0])
    better = (cosine[-1] - cosine[:-1].amax(0) if len(cameras) > 1 else cosine[-1]) > BETTER
    rows = np.arange(there.shape[0]) * small[1] // there.shape[0]
    columns = np.arange(there.shape[1]) * small[0] // there.shape[1]
    refine = better.cpu().numpy()[rows][:, columns]
    return np.where(target & (refine | (there[..., 3] == 0)), 255, 0).astype(np.uint8)
