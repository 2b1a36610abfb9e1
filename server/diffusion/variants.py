"""Which variant of a family some files belong to, and the settings of networks that come as one file without any.

Everything is told by headers and configs alone; the libraries would load the wrong classes, or leave weights out.
Names of tensors: as the converters and networks of diffusers 0.42.1 know them (loaders/single_file_utils.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from blender_aigc.protocol import Fault

from .families import Family
from .headers import AGAIN, Header, read_config, read_header

_PREFIX = "model.diffusion_model."
_PACKED = (".absmax", ".quant_map", ".scale_weight", ".weight_scale", ".scale_input", "scaled_fp8", ".qweight")
"""Ends of names that tell of numbers in a form that the libraries would take at face value."""


def variant_of(folder: Path, family: Family) -> Family:
    """`family` or that of its variants whose network lies in `folder` (published layout).

    Raises Fault: weights_missing, weights_damaged (a config that cannot be read, a network of no known variant).
    """
    if not family.variants:
        return family
    path = folder / family.network / "config.json"
    return _with_inputs(read_config(path).get("in_channels"), family, folder.name)


def _with_inputs(inputs: Any, family: Family, name: str) -> Family:
    for known in (family, *family.variants):
        if known.inputs == inputs:
            return known
    hint = f"{family.label} has them with {', '.join(str(known.inputs) for known in (family, *family.variants))}."
    raise Fault("weights_damaged", f"{name} is no {family.label} checkpoint: its network reads {inputs} numbers.", hint)


def network_of(header: Header, family: Family, path: Path) -> tuple[Family, dict[str, Any]]:
    """Of a single file with a transformer: the variant, and the settings in which it differs from the published base.

    Raises Fault("weights_damaged") for packed numbers and for a network of no known variant.
    """
    if any(name.endswith(_PACKED) for name in header):
        hint = "Take the one in bf16, fp16 or plain fp8."
        raise Fault("weights_damaged", f"The numbers in {path.name} are packed in a way that is not read.", hint)
    if not family.inputs:
        return family, {}
    shapes = {name.removeprefix(_PREFIX): shape for name, shape in header.items()}
    first, last = ("x_embedder", "proj_out") if "x_embedder.weight" in shapes else ("img_in", "final_layer.linear")
    try:
        inputs, outputs = shapes[f"{first}.weight"][1], shapes[f"{last}.weight"][0]
    except LookupError:
        raise Fault("weights_damaged", f"{path.name} lacks weights of its network.", AGAIN, str(path)) from None
    options = {
        "in_channels": inputs,
        "out_channels": outputs,
        "guidance_embeds": any("guidance_in." in name or "guidance_embedder." in name for name in shapes),
        "num_layers": max(_count(shapes, "double_blocks."), _count(shapes, "transformer_blocks.")),
        "num_single_layers": max(_count(shapes, "single_blocks."), _count(shapes, "single_transformer_blocks.")),
    }
    return _with_inputs(inputs, family, path.name), options


def sees_masks(path: Path) -> bool:
    """Can the ControlNet at `path` be told what a mask lets change? Z-Image's can since 2.0, all others leave it to
    the pipeline."""
    if path.is_dir():
        inputs = read_config(path / "config.json").get("control_in_dim")
    else:
        first = read_header(path).get("control_all_x_embedder.2-1.weight")
        inputs = None if first is None else first[1] // 4
    return inputs is None or inputs > 16


def controlnet_of(header: Header, base: Any, path: Path) -> dict[str, Any]:
    """The settings of a ControlNet for FLUX.1 or Z-Image that is one file. base: the config of its base's network.

    Raises Fault("weights_damaged") for something else, or another author's layout.
    """
    try:
        if "control_all_x_embedder.2-1.weight" in header:
            return _z_image(header, base)
        return _flux(header, base)
    except (LookupError, ZeroDivisionError):
        hint = "Take the one that diffusers can read: a folder with config.json."
        raise Fault("weights_damaged", f"{path.name} has no layout of a ControlNet.", hint, str(path)) from None


def _flux(header: Header, base: Any) -> dict[str, Any]:
    width, inputs = header["controlnet_x_embedder.weight"]
    blocks = _count(header, "transformer_blocks."), _count(header, "single_transformer_blocks.")
    head = header[f"{'transformer_blocks' if blocks[0] else 'single_transformer_blocks'}.0.attn.norm_q.weight"][0]
    modes = header.get("controlnet_mode_embedder.weight", (None,))[0]
    return {
        "in_channels": inputs,
        "num_layers": blocks[0],
        "num_single_layers": blocks[1],
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": header["context_embedder.weight"][1],
        "pooled_projection_dim": header["time_text_embed.text_embedder.linear_1.weight"][1],
        "guidance_embeds": "time_text_embed.guidance_embedder.linear_1.weight" in header,
        "num_mode": modes,
        "axes_dims_rope": base["axes_dims_rope"],
    }


def _z_image(header: Header, base: Any) -> dict[str, Any]:
    width, inputs = header["control_all_x_embedder.2-1.weight"]
    heads = width // header["control_layers.0.attention.norm_q.weight"][0]
    layers, refiners = _count(header, "control_layers."), int(base["n_refiner_layers"])
    apart = int(base["n_layers"]) // layers
    return {
        "dim": width,
        "n_heads": heads,
        "n_kv_heads": heads,
        "n_refiner_layers": refiners,
        "control_in_dim": inputs // 4,
        "control_layers_places": list(range(0, layers * apart, apart)),
        "control_refiner_layers_places": list(range(refiners)),
        "add_control_noise_refiner": _refiner(header, inputs // 4),
    }


def _refiner(header: Header, inputs: int) -> str | None:
    """1.0 has a refiner of its own, 2.0 none, 2.1 one that is fed like the layers."""
    if "control_noise_refiner.0.before_proj.weight" in header:
        return "control_noise_refiner"
    return None if inputs == 16 and _count(header, "control_noise_refiner.") else "control_layers"


def _count(names: Any, prefix: str) -> int:
    numbers = [name.removeprefix(prefix).partition(".")[0] for name in names if name.startswith(prefix)]
    return len({number for number in numbers if number.isdigit()})
