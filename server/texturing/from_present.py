"""Views that begin with a texture that is there: what the cameras see of it, and where they may change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_aigc.protocol import Fault

if TYPE_CHECKING:
    from torch import Tensor

    from ..geometry.raster import Maps
    from .subject import Subject

_GREY = 128


@dataclass
class Beginning:
    """What one camera sees of the present texture.

    picture: (H, W, 3) uint8 sRGB, grey where there is none. free: (H, W) uint8, how far each pixel may change.
    """

    picture: np.ndarray
    free: np.ndarray


def beginnings(subject: Subject, seen: Sequence[Maps]) -> list[Beginning] | None:
    """One for each camera; None where the job makes new textures. Raises Fault("empty_result") for a part unseen."""
    part = subject.part
    if part is None:
        return None
    textures = {
        (number % 10, number // 10): np.dstack([part.colour(number), part.alpha(number)])
        for number in range(len(subject.sets))
    }
    result = []
    for maps in seen:
        found, there = looked_at(maps, textures)
        picture = np.where(there[..., None], found[..., :3], _GREY).astype(np.uint8)
        result.append(Beginning(picture, np.where(there, found[..., 3], 0).astype(np.uint8)))
    if not any(view.free.any() for view in result):
        raise Fault(
            "empty_result",
            "None of the views sees the part that may change.",
            "Choose other views, or let more of the texture change.",
        )
    return result


def looked_at(maps: Maps, textures: Mapping[tuple[int, int], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """((H, W, C) uint8, (H, W) bool where one is): textures by the UDIM place of their set, as a camera sees them.

    textures: (S, S, C) uint8 each. Larger ones than the view needs are first made smaller, so that they do not sparkle.
    """
    import torch
    from torch.nn.functional import grid_sample

    height, width = maps.mask.shape
    channels = next(iter(textures.values())).shape[2]
    result, there = np.zeros((height, width, channels), np.uint8), np.zeros((height, width), bool)
    uv = maps.uv()
    for (column, row), texture in textures.items():
        inside = maps.target & (uv[..., 0].floor() == column) & (uv[..., 1].floor() == row)
        place = torch.stack([uv[..., 0] - column, 1 - (uv[..., 1] - row)], dim=-1)[inside] * 2 - 1
        if not len(place):
            continue
        table = torch.from_numpy(texture).permute(2, 0, 1)[None].float().to(place.device)
        while table.shape[2] >= 4 * max(height, width):
            table = torch.nn.functional.avg_pool2d(table, 2)
        found = grid_sample(table, place[None, None], align_corners=False, padding_mode="border")[0, :, 0].T
        mine = inside.cpu().numpy()
        result[mine] = found.round().byte().cpu().numpy()
        there |= mine
    return result, there


@dataclass
class Start:
    """Latents to begin with. call: what the pipeline is told. clean (N, C, h, w): of the pictures; free (N, h, w) bool:
    where they may be left. first: number of the first step that is taken.
    """

    call: dict[str, Any]
    clean: Tensor
    free: Tensor
    first: int


def start_from(pipeline: Any, views: Sequence[Beginning], noise: Tensor, steps: int, strength: float) -> Start:
    """The call of an image-to-image pipeline of diffusers that begins with `views` under (N, C, h, w) `noise`.

    strength: the share of the steps that are taken. The noise is ours, since the views share it on the surface.
    """
    import torch

    strength = min(1.0, max(strength, 1.01 / steps))
    device, vae = pipeline._execution_device, pipeline.vae
    pictures = torch.from_numpy(np.stack([view.picture for view in views])).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        clean = torch.cat(
            [vae.encode((one[None] * 2 - 1).to(device, vae.dtype)).latent_dist.mode() for one in pictures]
        )
    clean = (clean * vae.config.scaling_factor).to(noise)
    first = max(steps - int(steps * strength), 0)
    scheduler = pipeline.scheduler
    scheduler.set_timesteps(steps, device=device)
    time = scheduler.timesteps[first * scheduler.order]
    latents = scheduler.add_noise(clean, noise, time.repeat(len(clean)))
    free = torch.from_numpy(np.stack([view.free for view in views]) > 0).float()[:, None]
    free = torch.nn.functional.adaptive_max_pool2d(free, clean.shape[2:])[:, 0] > 0
    call = {"image": pictures, "latents": latents, "strength": strength}
    return Start(call, clean, free.to(clean.device), first)
