"""A job, understood, and the call of a pipeline that does it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blender_aigc.protocol import Fault

from .controls import KINDS, Unit
from .prompts import encode

if TYPE_CHECKING:
    import numpy as np
    from torch import Generator

    from .canvas import Canvas
    from .families import Family, Mode
    from .loading import Checkpoint
    from .sizes import Fit


@dataclass(frozen=True)
class Order:
    """A job, understood: everything that a pipeline's call needs, except the seed.

    canvas: None for words alone. pictures: one for each unit, (H, W, 3) uint8 at the canvas's size.
    modes: kind of picture -> its number in a ControlNet for everything; empty for ControlNet-Union's own.
    avoid_scale: how strongly to leave out `negative`, where guidance is an input of the network.
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
    modes: Mapping[str, int] = field(default_factory=dict)
    avoid_scale: float = 1.0


def prompt_arguments(checkpoint: Checkpoint, order: Order) -> dict[str, Any]:
    """The arguments of a call that stand for what to draw and what to avoid: text, or embeddings.

    Raises Fault("bad_request") for a prompt that is longer than what is read.
    """
    family = checkpoint.family
    if family.encodes:
        network = checkpoint.parts["unet"]
        guided = order.guidance > 1 and getattr(network.config, "time_cond_proj_dim", None) is None
        zero = bool(checkpoint.options.get("force_zeros_for_empty_prompt"))
        return encode(checkpoint.parts, order.prompt, order.negative, order.clip_skip, guided, zero)
    count = max(_tokens(checkpoint, text) for text in (order.prompt, order.negative))
    if count > family.longest:
        hint = f"Shorten it to {family.longest}."
        raise Fault("bad_request", f"The prompt is too long: {count} tokens.", hint)
    short = family.plain_longest if checkpoint.habit == family.plain else 0
    call: dict[str, Any] = {"prompt": order.prompt, "max_sequence_length": short if count <= short else family.longest}
    if order.negative and (order.avoid_scale if family.guidance_inside else order.guidance) > 1:
        call |= {"negative_prompt": order.negative, "true_cfg_scale": order.avoid_scale}
    return call


def _tokens(checkpoint: Checkpoint, text: str) -> int:
    """As the pipelines count: of Z-Image with what a chat puts around it."""
    tokenizer = checkpoint.parts[checkpoint.family.reader]
    if getattr(tokenizer, "chat_template", None):
        message = [{"role": "user", "content": text}]
        options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": True}
        text = tokenizer.apply_chat_template(message, **options)
    return len(tokenizer(text, truncation=False).input_ids)


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
    return {name: value for name, value in call.items() if takes(pipeline, name)}


def guidance_for(wanted: float, family: Family) -> float:
    return wanted if wanted > 1 else family.unguided


def takes(pipeline: Any, name: str) -> bool:
    """Has the call of `pipeline` an argument of that name? Not all of them take a size, or a strength."""
    return name in inspect.signature(pipeline.__call__).parameters


def _control_arguments(pipeline: Any, order: Order) -> dict[str, Any]:
    """One value for one unit, lists for several; a union also hears what each picture shows. Raises Fault."""
    from PIL import Image

    units, several = order.units, len(order.units) > 1
    pictures = [Image.fromarray(order.fitted.into(picture)) for picture in order.pictures]
    lists: dict[str, list[Any]] = {
        "controlnet_conditioning_scale": [unit.weight for unit in units],
        "control_guidance_start": [unit.start for unit in units],
        "control_guidance_end": [unit.end for unit in units],
    }
    net = getattr(pipeline, "controlnet", None)
    union = type(net).__name__ == "ControlNetUnionModel"
    nets = [net] * len(units) if union else list(getattr(net, "nets", [net]))
    lists["control_mode"] = [
        _mode(order, unit) if union or getattr(one, "union", False) else None
        for unit, one in zip(units, nets, strict=False)
    ]
    # Stable Diffusion's pipelines from words call the control picture "image"
    name = "control_image"
    lists[name if takes(pipeline, name) else "image"] = pictures
    return {name: values if several or union else values[0] for name, values in lists.items() if values}


def _mode(order: Order, unit: Unit) -> int:
    modes = order.modes or {kind: number for kind, (_, number) in KINDS.items()}
    if unit.kind not in modes:
        hint = f"It knows: {', '.join(modes)}."
        raise Fault("bad_request", f"The ControlNet {unit.name} was not trained on {unit.kind} pictures.", hint)
    return modes[unit.kind]
