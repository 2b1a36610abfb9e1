"""ControlNets that count only in a part of the denoising, for pipelines that know no such thing: Z-Image's."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .orders import takes

if TYPE_CHECKING:
    from .controls import Unit


@contextmanager
def counting_in_part(pipeline: Any, units: tuple[Unit, ...]) -> Iterator[None]:
    """While inside, the ControlNet of `pipeline` has no weight before `Unit.start` and after `Unit.end` of the steps.

    A weight of nothing adds zeros, which changes nothing. Pipelines that take start and end themselves are left alone.
    """
    if not units or takes(pipeline, "control_guidance_end") or (units[0].start, units[0].end) == (0.0, 1.0):
        yield
        return
    network, unit = pipeline.controlnet, units[0]
    plain, outer = network.forward, vars(network).get("forward")
    step = 0

    @functools.wraps(plain)
    def forward(*given: Any, conditioning_scale: float = 1.0, **options: Any) -> Any:
        nonlocal step
        total = len(pipeline.scheduler.timesteps)
        counts = step / total >= unit.start and (step + 1) / total <= unit.end  # as diffusers counts
        step += 1
        return plain(*given, conditioning_scale=conditioning_scale if counts else 0.0, **options)

    network.forward = forward
    try:
        yield
    finally:
        del network.forward
        if outer is not None:
            network.forward = outer
