"""A job, understood, and the call of a pipeline that does it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .controls import KINDS, Unit

if TYPE_CHECKING:
    import numpy as np
    from torch import Generator

    from .canvas import Canvas
    from .families import Mode
    from .sizes import Fit


@dataclass(frozen=True)
class Order:
    """A job, understood: everything that a pipeline's call needs, except the seed.

    canvas: None for words alone. pictures: one for each unit, (H, W, 3) uint8 at the canvas's size.
    steps: of the whole schedule, of which the share `strength` is taken; 1 starts from noise alone.
    """

    mode: Mode
    fitted: Fit
    canvas: Canvas | None
    units: tuple[Unit, ...]
    pictures: tuple[np.ndarray, ...]
    prompt: str
    negative: str
    steps: int
    strength: float
    guidance: float
    clip_skip: int
    reference: np.ndarray | None = None


def arguments(pipeline: Any, order: Order, words: dict[str, Any], generator: Generator) -> dict[str, Any]:
    """The call of `pipeline`. Bit for bit what a person would write who calls diffusers by hand.

    words: the prompt as text, or as the embeddings of `prompts.encode`.
    """
    from PIL import Image

    fitted, canvas = order.fitted, order.canvas
    call: dict[str, Any] = {
        **words,
        "num_inference_steps": order.steps,
        "guidance_scale": order.guidance,
        "generator": generator,
        "output_type": "np",
        "width": fitted.padded[0],
        "height": fitted.padded[1],
    }
    if order.mode != "text" and canvas is not None:
        call |= {"image": Image.fromarray(fitted.into(canvas.picture())), "strength": order.strength}
    if order.mode == "inpaint" and canvas is not None and canvas.change is not None:
        whole = ((canvas.change > 0) * 255).astype("uint8")
        call["mask_image"] = Image.fromarray(fitted.into(whole, smooth=False))
    if order.reference is not None:
        call["ip_adapter_image"] = Image.fromarray(order.reference[..., :3])
    if order.units:
        call |= _control_arguments(pipeline, order)
    known = inspect.signature(pipeline.__call__).parameters  # not all of them take a size, or a strength
    return {name: value for name, value in call.items() if name in known}


def _control_arguments(pipeline: Any, order: Order) -> dict[str, Any]:
    """One value for one unit, lists for several; a union also hears what each picture shows."""
    from PIL import Image

    units, several = order.units, len(order.units) > 1
    pictures = [Image.fromarray(order.fitted.into(picture)) for picture in order.pictures]
    lists: dict[str, list[Any]] = {
        "controlnet_conditioning_scale": [unit.weight for unit in units],
        "control_guidance_start": [unit.start for unit in units],
        "control_guidance_end": [unit.end for unit in units],
    }
    union = type(getattr(pipeline, "controlnet", None)).__name__ == "ControlNetUnionModel"
    if union:
        lists["control_mode"] = [KINDS[unit.kind][1] for unit in units]
    # Stable Diffusion's pipelines from words call the control picture "image"
    name = "control_image"
    lists[name if name in inspect.signature(pipeline.__call__).parameters else "image"] = pictures
    return {name: values if several or union else values[0] for name, values in lists.items()}
