"""What Marigold reads out of the drawn views (diffusion/marigold.py), baked with the same weights as their colours.

It was trained on rooms full of things, so a view stands on mid grey instead of nothing. Of its normals only the detail
counts: what they differ from the object's own normals by, without the wide part, which the object knows better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..diffusion import memory
from ..diffusion.marigold import KINDS, channels_of, find
from ..diffusion.steps import rgb_preview, watched
from .stored_views import READ

if TYPE_CHECKING:
    from torch import Tensor

    from blender_aigc.protocol import Job

    from ..context import Context
    from ..diffusion.studio import Studio
    from ..geometry.blend import BakeOptions
    from ..geometry.cameras import Camera
    from ..geometry.raster import Maps
    from ..geometry.triangles import Triangles
    from ..geometry.view_bake import Baked
    from .subject import Subject

DETAIL = 1 / 24
"""Structures of the normals wider than this share of a picture are left to the object."""


@dataclass
class Estimates:
    """One picture a view, or None where nobody asked: albedo (H, W, 3) uint8 sRGB; material (H, W, 3) uint8, red
    roughness, green metal; bend (H, W, 3) uint8, 127.5 + 127.5 times the change of the normal, in the world's axes.
    A fourth channel says how far a pixel may be used, as the view's does.
    """

    albedo: list[np.ndarray] | None = None
    material: list[np.ndarray] | None = None
    bend: list[np.ndarray] | None = None

    def stored(self) -> dict[str, list[np.ndarray]]:
        """For `StoredViews.read`."""
        return {name: pictures for name in READ if (pictures := getattr(self, name)) is not None}


@dataclass
class Found:
    """The same, baked: (S, S, 3) uint8 of one texture."""

    albedo: np.ndarray | None = None
    material: np.ndarray | None = None
    bend: np.ndarray | None = None


def read_views(
    job: Job,
    context: Context,
    studio: Studio,
    subject: Subject,
    cameras: Sequence[Camera],
    views: Sequence[np.ndarray],
) -> Estimates | None:
    """As the job's parameters `maps` and `bumps` want; None when they want nothing.

    Raises Fault: weights_missing, weights_damaged, out_of_memory.
    """
    from ..geometry.raster import Scene, render_maps

    wanted, bumps = str(job.params["maps"]), str(job.params["bumps"]) == "marigold"
    if wanted == "numbers" and not bumps:
        return None
    kinds = [*({"marigold": ["appearance"], "lighting": ["lighting"]}.get(wanted, ())), *(["normals"] * bumps)]
    paths = {kind: find(kind, studio.library.folder) for kind in kinds}
    seen = render_maps(Scene(subject.triangles, studio.device), cameras)
    pictures = [_on_grey(view, maps) for view, maps in zip(views, seen, strict=True)]
    result = Estimates()
    for kind in kinds:
        answers, reader = _answers(job, context, studio, kind, paths[kind], pictures)
        if kind == "normals":
            result.bend = [_bend(answer[0], maps) for answer, maps in zip(answers, seen, strict=True)]
            continue
        number, _, linear = reader["albedo"]
        result.albedo = [_bytes(_encoded(answer[number]) if linear else answer[number]) for answer in answers]
        if kind == "appearance":
            result.material = [_material(answer, reader) for answer in answers]
    for name in READ:
        setattr(result, name, _as_far_as(getattr(result, name), views))
    return result


def _as_far_as(pictures: list[np.ndarray] | None, views: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """`pictures` with the fourth channel of their views, where these have one."""
    if pictures is None:
        return None
    return [np.dstack([own, view[..., 3:]]) for own, view in zip(pictures, views, strict=True)]


def _answers(
    job: Job, context: Context, studio: Studio, kind: str, path: Any, pictures: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], dict[str, tuple[int, int | None, bool]]]:
    """Of each picture (T, H, W, 3) float32, and where what stands. The network is let go afterwards."""
    import torch
    from PIL import Image

    from ..diffusion.loading import load_checkpoint

    context.progress("Loading")
    checkpoint = load_checkpoint(path, KINDS[kind], studio.precision)
    context.used_weights_too(checkpoint.files)
    wanted = {"appearance": ["albedo", "roughness", "metallicity"], "lighting": ["albedo"]}.get(kind, [])
    reader = channels_of(checkpoint, wanted)
    scheduler = type(checkpoint.scheduler).from_config(checkpoint.scheduler.config)
    pipeline = checkpoint.pipeline("text", scheduler=scheduler)
    pixels = int(checkpoint.options.get("default_processing_resolution") or 768) ** 2
    need = memory.need_of({} if studio.device == "cpu" else pipeline.components, pixels, studio.precision.itemsize == 2)
    free = memory.free_bytes(studio.device)
    if free is not None and need.under("device") > free:
        studio.step_aside()
        free = memory.free_bytes(studio.device)
    plan = memory.choose(str(job.params.get("memory", "auto")), need, free, studio.device)
    memory.place(pipeline, plan, studio.device)
    one = rgb_preview(KINDS[kind])
    done = 0
    members = int(job.params["estimates"])
    steps = int(checkpoint.options.get("default_denoising_steps") or 4)

    def told(_step: int, preview: np.ndarray | None) -> None:
        nonlocal done
        done += 1
        total = len(pictures) * members * steps
        context.progress(f"Reading the {kind}", done, max(done, total), preview=preview)

    found = []
    with watched(scheduler, told, lambda latents: one(latents[:, :4])), torch.inference_mode():
        for picture in pictures:
            generator = torch.Generator("cpu").manual_seed(job.seed)
            answer = pipeline(
                image=Image.fromarray(picture), ensemble_size=members, generator=generator, output_type="np"
            ).prediction
            found.append(_checked(np.asarray(answer, np.float32), checkpoint.path.name))
    return found, reader


def _checked(answer: np.ndarray, name: str) -> np.ndarray:
    from blender_aigc.protocol import Fault

    if not np.isfinite(answer).all():
        raise Fault(
            "weights_damaged", f"{name} answered with values that are not numbers.", "Set Maps From to Numbers."
        )
    return answer


def _on_grey(view: np.ndarray, maps: Maps) -> np.ndarray:
    """(H, W, 3) uint8: the objects of a view before mid grey."""
    return np.where(maps.mask.cpu().numpy()[..., None], view[..., :3], np.uint8(128)).astype(np.uint8)


def _material(answer: np.ndarray, reader: dict[str, tuple[int, int | None, bool]]) -> np.ndarray:
    planes = []
    for name in ("roughness", "metallicity"):
        number, channel, _ = reader[name]
        planes.append(answer[number][..., channel or 0])
    return _bytes(np.stack([*planes, np.zeros_like(planes[0])], axis=-1))


def _bend(normal: np.ndarray, maps: Maps) -> np.ndarray:
    """(H, W, 3) predicted camera normals, x right, y up, z to the viewer -> `Estimates.bend`."""
    import torch
    from torch.nn.functional import normalize

    device = maps.depth.device
    mask = maps.mask[..., None].float()
    change = (normalize(torch.from_numpy(normal).to(device), dim=-1) - maps.normal_camera) * mask
    change = (change - _wide(change, mask)) * mask
    axes = torch.tensor(maps.camera.world_from_camera[:3, :3] * (1, -1, -1), device=device).float()
    world = change @ axes.T
    return (127.5 + 127.5 * world.clamp(-1, 1)).round().byte().cpu().numpy()


def _wide(values: Tensor, mask: Tensor) -> Tensor:
    """(H, W, 3) smoothed twice by a box of `DETAIL`, within (H, W, 1) `mask`."""
    import torch
    from torch.nn.functional import avg_pool2d

    reach = max(1, round(values.shape[0] * DETAIL / 2))
    both = torch.cat([values * mask, mask], dim=-1).permute(2, 0, 1)[None]
    for _ in range(2):
        both = avg_pool2d(both, 2 * reach + 1, 1, reach)
    both = both[0].permute(1, 2, 0)
    return both[..., :3] / both[..., 3:].clamp_min(1e-6)


def _encoded(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def baked_estimates(
    estimates: Estimates | None,
    triangles: Triangles,
    cameras: Sequence[Camera],
    baked: Baked,
    options: BakeOptions,
    context: Context,
    device: str,
) -> dict[int, Found]:
    """What was read, by the number of its texture; visibility and weights are those of `baked`."""
    from ..geometry.view_bake import reblend

    found = {sheet.sheet.tile - 1001: Found() for sheet in baked.sheets}
    if estimates is None:
        return found
    data = replace(options, encoding="data", gains=False)  # roughness has no brightness to bring together
    for name, how in (("albedo", options), ("material", data), ("bend", data)):
        pictures = getattr(estimates, name)
        if pictures is None:
            continue

        def tick(_phase: str, step: int = 0, total: int = 0, name: str = name) -> None:
            context.progress(f"Baking the {name}", step, total)

        for sheet in reblend(triangles, cameras, pictures, baked, how, tick, device=device).sheets:
            setattr(found[sheet.sheet.tile - 1001], name, sheet.texture)
    return found
