"""Several views denoised as one: what they predict is made to agree inside the scheduler's step.

Every sampler first turns the network's output into a prediction of the clean latents, which is linear in the output.
So the output is changed by just as much as moves the prediction to the agreed one, and the sampler itself, whichever
it is, stays as it is. A prediction that is not moved leaves the output bit for bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from blender_aigc.protocol import Fault

if TYPE_CHECKING:
    from torch import Tensor

Agree = Callable[["Tensor", int, int], "Tensor"]
"""(predicted clean latents (N, C, h, w), steps taken before, steps of the schedule) -> what the views agree on."""


@contextmanager
def synchronised(scheduler: Any, agree: Agree) -> Iterator[None]:
    """While inside, each step of `scheduler` first lets `agree` change the predicted clean latents.

    Raises Fault("bad_request") for a sampler whose prediction is not known.
    """
    plain = scheduler.step
    known = predicts(scheduler)
    number = -1

    @functools.wraps(plain)  # pipelines look at its signature
    def step(model_output: Tensor, timestep: Any, sample: Tensor, *rest: Any, **options: Any) -> Any:
        nonlocal number
        number += 1  # counted here: not every scheduler knows with which of its steps the pipeline began
        if getattr(scheduler, "step_index", None) is None and hasattr(scheduler, "_init_step_index"):
            scheduler._init_step_index(timestep)
        share, slope = known(timestep)
        clean = share * sample.double() + slope * model_output.double()
        moved = agree(clean.to(sample.dtype), number, len(scheduler.timesteps))
        moved = moved.double() - clean.to(sample.dtype).double()
        model_output = (model_output.double() + moved / slope).to(model_output.dtype)
        return plain(model_output, timestep, sample, *rest, **options)

    outer = vars(scheduler).get("step")  # somebody else may watch the steps, too
    scheduler.step = step
    try:
        yield
    finally:
        del scheduler.step
        if outer is not None:
            scheduler.step = outer


def predicts(scheduler: Any) -> Callable[[Any], tuple[float, float]]:
    """A function from the timestep to (a, b): the sampler's clean latents are a * sample + b * output.

    Karras et al. 2022 (arXiv:2206.00364), table 1, for samplers whose samples grow with sigma (Euler and its kin); Lu
    et al. 2022 (arXiv:2211.01095), eq. 9, for those that keep variance; Salimans and Ho 2022 for v-prediction.
    """
    kind = scheduler.config.get("prediction_type", "epsilon")
    name = type(scheduler).__name__

    def growing(timestep: Any) -> tuple[float, float]:
        sigma = float(scheduler.sigmas[scheduler.step_index])
        size = sigma**2 + 1
        return {"epsilon": (1.0, -sigma), "v_prediction": (1 / size, -sigma / size**0.5), "sample": (0.0, 1.0)}[kind]

    def keeping(alpha: float, sigma: float) -> tuple[float, float]:
        return {
            "epsilon": (1 / alpha, -sigma / alpha),
            "v_prediction": (alpha, -sigma),
            "flow_prediction": (1.0, -sigma),
            "sample": (0.0, 1.0),
        }[kind]

    def multistep(timestep: Any) -> tuple[float, float]:
        alpha, sigma = scheduler._sigma_to_alpha_sigma_t(scheduler.sigmas[scheduler.step_index])
        return keeping(float(alpha), float(sigma))

    def cumulative(timestep: Any) -> tuple[float, float]:
        product = float(scheduler.alphas_cumprod[int(timestep)])
        return keeping(product**0.5, (1 - product) ** 0.5)

    if kind in ("epsilon", "v_prediction", "sample", "flow_prediction"):
        if name in ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler") and kind != "flow_prediction":
            return growing
        if name in ("DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "UniPCMultistepScheduler"):
            return multistep
        if name in ("DDIMScheduler", "DDPMScheduler", "LCMScheduler") and kind != "flow_prediction":
            return cumulative
    raise Fault(
        "bad_request",
        "Views cannot be drawn together with this sampler.",
        "Choose Euler, DPM++ or UniPC.",
        f"{name}, prediction_type {kind}",
    )
