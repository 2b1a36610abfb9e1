"""Frames of a sequence by diffusion models: noise that lies on the surfaces, see server/sequence/."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault

if TYPE_CHECKING:
    from torch import Tensor

    from ..filters.passes import Passes
    from ..sequence.past import Past
    from .canvas import Canvas
    from .sizes import Fit


def noise_on_surfaces(past: Past, fitted: Fit, seed: int) -> Callable[[Tensor], Tensor]:
    """What puts the noise of this frame in the place of the pipeline's own, (B, C, h, w); the padding keeps its own."""
    import torch

    def vary(noise: Tensor) -> Tensor:
        height, width = noise.shape[-2:]
        rows = -(-height * fitted.scaled[1] // fitted.padded[1])
        columns = -(-width * fitted.scaled[0] // fitted.padded[0])
        made = torch.from_numpy(past.noise((rows, columns), noise.shape[1], seed))
        out = noise.clone()
        out[..., :rows, :columns] = made.to(noise.device, noise.dtype)
        return out

    return vary


def check_canvas(canvas: Canvas | None, passes: Passes) -> None:
    """Raises Fault("bad_request") when the picture grows beyond the render, whose motion is all that is known."""
    if canvas is not None and canvas.size != (passes.shape[1], passes.shape[0]):
        raise Fault("bad_request", "A sequence cannot be extended beyond its frame.", "Leave Extend empty.")
