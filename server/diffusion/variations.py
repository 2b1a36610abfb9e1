"""Which seeds a job draws with, and pictures that are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from blender_aigc.protocol import Fault

if TYPE_CHECKING:
    from torch import Tensor

    from blender_aigc.protocol import Job

    from .sizes import Fit


def variation(job: Job, seed: int) -> Callable[[Tensor], Tensor] | None:
    """What takes noise some way towards that of `seed`, for pictures that are alike. None without variation."""
    import torch

    amount = float(job.params.get("variation", 0))
    if amount == 0 or seed == job.seed:
        return None

    def vary(noise: Tensor) -> Tensor:
        other = torch.randn(noise.shape, generator=torch.Generator("cpu").manual_seed(seed))
        return slerp(noise, other.to(noise.device, noise.dtype), amount)

    return vary


def latent_shape(pipeline: Any, fitted: Fit) -> tuple[int, int, int, int]:
    scale = pipeline.vae_scale_factor
    return 1, pipeline.vae.config.latent_channels, fitted.padded[1] // scale, fitted.padded[0] // scale


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """From `first` (share 0) to `second` (1) along the sphere, which keeps the variance of noise (Shoemake 1985)."""
    import torch

    cosine = torch.nn.functional.cosine_similarity(first.flatten(), second.flatten(), dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if angle < 1e-4:
        return first
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second) / torch.sin(angle)


def seeds_of(job: Job) -> list[int]:
    """Of the pictures: those listed, else the job's seed and the following. Raises Fault("bad_request")."""
    text = str(job.params.get("seeds", "")).strip()
    if not text:
        return [(job.seed + number) % 2**31 for number in range(int(job.params["images"]))]
    try:
        seeds = [int(part) for part in text.replace(",", " ").split()]
    except ValueError:
        seeds = [-1]
    if not all(0 <= seed < 2**31 for seed in seeds) or len(seeds) > 64:
        raise Fault("bad_request", f"The seeds {text[:80]!r} cannot be read.", "Write numbers, such as 3, 17, 40.")
    return seeds
