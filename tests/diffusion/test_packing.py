"""FLUX's rows of 2 x 2 are those of its pipelines, and noise of our own reaches them in either form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline

from server.diffusion.families import FLUX, Z_IMAGE
from server.diffusion.packing import packed, unpacked
from server.diffusion.steps import rgb_preview, with_noise

LATENTS = torch.arange(2 * 16 * 6 * 10).float().view(2, 16, 6, 10)
SIZE = (80, 48)


def test_packing_is_the_pipelines_and_comes_back() -> None:
    rows = packed(LATENTS)
    assert torch.equal(rows, FluxPipeline._pack_latents(LATENTS, 2, 16, 6, 10))
    assert torch.equal(unpacked(rows, SIZE), LATENTS)
    assert torch.equal(unpacked(rows, SIZE), FluxPipeline._unpack_latents(rows, SIZE[1], SIZE[0], 8))


@pytest.mark.parametrize("rows", [False, True])
def test_noise_of_our_own_is_the_same_packed_or_not(rows: bool) -> None:
    """Inpainting adds it to whole latents first, and at each step to rows."""
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(4)
    ours = torch.randn(LATENTS.shape, generator=torch.Generator().manual_seed(1))
    form = packed if rows else lambda latents: latents
    theirs = torch.zeros_like(LATENTS)
    with with_noise(scheduler, lambda noise: ours + noise, SIZE):
        made = scheduler.scale_noise(form(LATENTS), scheduler.timesteps[1:2], form(theirs))
    assert torch.equal(made, scheduler.scale_noise(form(LATENTS), scheduler.timesteps[1:2], form(ours)))
    assert "scale_noise" not in vars(scheduler), "and nothing of it stays"


def test_previews_are_the_same_packed_or_not() -> None:
    latents = torch.randn(1, 16, 6, 10, generator=torch.Generator().manual_seed(2))
    one, other = rgb_preview(FLUX, SIZE)(packed(latents)), rgb_preview(Z_IMAGE)(latents)
    assert one.shape == (6, 10, 3) and np.array_equal(one, other)
