"""One mechanism for all pipelines: whatever they are, they call `scheduler.step` once a step.

Wrapping it on the instance gives progress, previews, cancelling within a step, stopping early (base and refiner), and
with `scheduler.add_noise` noise of our own. What the pipelines compute stays the same, bit for bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .packing import packed, unpacked

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from .families import Family

PREVIEW_PX = 512

Told = Callable[[int, "np.ndarray | None"], None]
"""Called after each step with its number from 1, and a preview (h, w, 3) uint8 or None."""


class Enough(BaseException):  # noqa: N818 not an error, and nobody's `except Exception` shall catch it
    """The latents after the last wanted step, raised out of the pipeline."""

    def __init__(self, latents: Tensor) -> None:
        super().__init__()
        self.latents = latents


@contextmanager
def watched(
    scheduler: Any,
    told: Told,
    preview: Callable[[Tensor], np.ndarray] | None = None,
    stop_at: float = 1.0,
) -> Iterator[None]:
    """While inside, `told` hears of every step of `scheduler`; what it raises ends the pipeline.

    preview: turns predicted latents (B, C, h, w) into a picture. stop_at: raise `Enough` when this share of the noise
    schedule is done, exactly where `denoising_end` would end and `denoising_start` begins; 1 never.
    """
    plain = scheduler.step
    count = 0

    @functools.wraps(plain)  # pipelines look at its signature
    def step(model_output: Tensor, timestep: Any, sample: Tensor, *rest: Any, **options: Any) -> Any:
        nonlocal count
        wants_dict = options.pop("return_dict", True)
        result = plain(model_output, timestep, sample, *rest, return_dict=True, **options)
        count += 1
        told(count, preview(_predicted(scheduler, result, sample, model_output)) if preview is not None else None)
        if stop_at < 1 and _is_last(scheduler, timestep, stop_at):
            raise Enough(result.prev_sample)
        return result if wants_dict else (result.prev_sample,)

    with _replaced(scheduler, "step", step):
        yield


@contextmanager
def with_noise(
    scheduler: Any, noise: Callable[[Tensor], Tensor] | None, size: tuple[int, int] = (0, 0)
) -> Iterator[None]:
    """While inside, pictures are noised with what `noise` makes of the pipeline's own (B, C, h, w), unit variance.

    size: (width, height) of the picture in pixels, for families whose latents come as rows of 2 x 2 (FLUX).
    """
    name = next((name for name in ("add_noise", "scale_noise") if hasattr(scheduler, name)), "")
    if noise is None or not name:
        yield
        return
    plain = getattr(scheduler, name)

    def ours(theirs: Tensor) -> Tensor:
        return noise(theirs) if theirs.ndim == 4 else packed(noise(unpacked(theirs, size)))

    @functools.wraps(plain)
    def add(original: Tensor, theirs: Tensor, timesteps: Tensor) -> Tensor:
        return plain(original, ours(theirs), timesteps)

    @functools.wraps(plain)
    def scale(sample: Tensor, timestep: Any, noise: Tensor) -> Tensor:  # of those that go straight
        return plain(sample, timestep, ours(noise))

    with _replaced(scheduler, name, add if name == "add_noise" else scale):
        yield


def rgb_preview(family: Family, size: tuple[int, int] = (0, 0)) -> Callable[[Tensor], np.ndarray]:
    """Latents as a small picture (h, w, 3) uint8 through the family's linear map: free, and good enough to judge.

    size: (width, height) of the picture in pixels, for families whose latents come as rows of 2 x 2 (FLUX).
    """

    def preview(latents: Tensor) -> np.ndarray:
        import torch

        first = latents[:1].detach().float()
        first = (first if first.ndim == 4 else unpacked(first, size))[0]
        stride = max(1, -(-max(first.shape[-2:]) // PREVIEW_PX))
        matrix = torch.tensor(family.latent_rgb, device=first.device)
        bias = torch.tensor(family.latent_bias, device=first.device)
        colours = torch.einsum("chw,cr->hwr", first[:, ::stride, ::stride], matrix) + bias
        return ((colours / 2 + 0.5).clamp(0, 1) * 255).round().byte().cpu().numpy()

    return preview


def _is_last(scheduler: Any, timestep: Any, stop_at: float) -> bool:
    """Does the step after `timestep` belong to the part of the schedule behind `stop_at`?"""
    trained = scheduler.config.num_train_timesteps
    later = scheduler.timesteps[scheduler.timesteps < timestep]
    return len(later) > 0 and float(later.max()) < round(trained - stop_at * trained)


def _predicted(scheduler: Any, result: Any, sample: Tensor, model_output: Tensor) -> Tensor:
    """What the finished latents will be as far as the scheduler knows, else the latents as they are now."""
    clean = getattr(result, "pred_original_sample", None)
    if clean is not None:
        return clean
    if type(scheduler).__name__.startswith("FlowMatch"):  # a straight line from noise to picture
        return sample - scheduler.sigmas[scheduler.step_index - 1] * model_output
    kept = [output for output in getattr(scheduler, "model_outputs", None) or () if output is not None]
    of_data = getattr(scheduler.config, "algorithm_type", "").startswith("dpmsolver++") or getattr(
        scheduler.config, "predict_x0", False
    )
    return kept[-1] if kept and of_data else result.prev_sample


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """`owner.name` is `value` while inside, for this instance only."""
    setattr(owner, name, value)
    try:
        yield
    finally:
        delattr(owner, name)
