"""A tiny pipeline as one file in the layout of the original authors, which community checkpoints have.

The names are those of the original code's modules (CompVis/stable-diffusion, Stability-AI/generative-models); written
from them, not from a converter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}


def write_single_file(pipeline: Any, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """`pipeline` of SDXL or SD 1.5 as one .safetensors file."""
    table: dict[str, torch.Tensor] = {}
    deep = pipeline.unet.config.layers_per_block
    for key, value in pipeline.unet.state_dict().items():
        table[f"model.diffusion_model.{_unet(key, deep)}"] = value
    for key, value in pipeline.vae.state_dict().items():
        name = _vae(key, len(pipeline.vae.config.block_out_channels))
        linear = re.search(r"attn_1\.(q|k|v|proj_out)\.weight", name)
        table[f"first_stage_model.{name}"] = value[..., None, None] if linear else value
    first = {
        f"text_model.{key.removeprefix('text_model.')}": v for key, v in pipeline.text_encoder.state_dict().items()
    }
    if getattr(pipeline, "text_encoder_2", None) is None:
        table |= {f"cond_stage_model.transformer.{key}": value for key, value in first.items()}
    else:
        table |= {f"conditioner.embedders.0.transformer.{key}": value for key, value in first.items()}
        second = _open_clip(pipeline.text_encoder_2.state_dict())
        table |= {f"conditioner.embedders.1.model.{key}": value for key, value in second.items()}
    save_file({key: value.to(dtype).contiguous().clone() for key, value in table.items()}, path)


def _unet(key: str, deep: int) -> str:
    def inner(text: str) -> str:
        for ours, theirs in _RESNET.items():
            text = text.replace(f".{ours}.", f".{theirs}.")
        return text

    for ours, theirs in _UNET.items():
        if key.startswith(f"{ours}."):
            rest = key.removeprefix(ours)
            return theirs + (inner(rest) if "resnets" in ours else rest)
    match = re.fullmatch(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", key)
    assert match is not None, key
    way, block, kind, layer, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
    if way == "down":
        if kind == "downsamplers":
            return f"input_blocks.{(block + 1) * (deep + 1)}.0.op.{rest.removeprefix('conv.')}"
        place = f"input_blocks.{block * (deep + 1) + layer + 1}"
    else:
        place = f"output_blocks.{block * (deep + 1) + (deep if kind == 'upsamplers' else layer)}"
        if kind == "upsamplers":
            return f"{place}.{2 if block == 0 else 1}.{rest}"  # the first block attends, the second does not
    return f"{place}.{0 if kind == 'resnets' else 1}" + (inner(f".{rest}") if kind == "resnets" else f".{rest}")


def _vae(key: str, levels: int) -> str:
    key = re.sub(r"(encoder|decoder)\.mid_block\.resnets\.(\d)", lambda m: f"{m[1]}.mid.block_{int(m[2]) + 1}", key)
    key = key.replace("mid_block.attentions.0.", "mid.attn_1.").replace("group_norm", "norm")
    for ours, theirs in (("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
        key = key.replace(f"attn_1.{ours}.", f"attn_1.{theirs}.")
    key = re.sub(r"down_blocks\.(\d+)\.resnets\.(\d+)", r"down.\1.block.\2", key)
    key = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", key)
    key = re.sub(r"up_blocks\.(\d+)\.resnets\.(\d+)", lambda m: f"up.{levels - 1 - int(m[1])}.block.{m[2]}", key)
    key = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", key)
    return key.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")


def _open_clip(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    table: dict[str, torch.Tensor] = {}
    joined: dict[str, dict[str, torch.Tensor]] = {}
    for full, value in state.items():
        key = full.removeprefix("text_model.")
        layer = re.fullmatch(r"encoder\.layers\.(\d+)\.(.*)", key)
        if layer is None:
            name = {
                "embeddings.token_embedding.weight": "token_embedding.weight",
                "embeddings.position_embedding.weight": "positional_embedding",
                "final_layer_norm.weight": "ln_final.weight",
                "final_layer_norm.bias": "ln_final.bias",
                "text_projection.weight": "text_projection",
            }.get(key)
            if name is not None:
                table[name] = value.T if name == "text_projection" else value
            continue
        place, rest = f"transformer.resblocks.{layer[1]}", layer[2]
        parts = re.fullmatch(r"self_attn\.([qkv])_proj\.(weight|bias)", rest)
        if parts:
            joined.setdefault(f"{place}.attn.in_proj_{parts[2]}", {})[parts[1]] = value
            continue
        for ours, theirs in (
            ("layer_norm1", "ln_1"),
            ("layer_norm2", "ln_2"),
            ("self_attn.out_proj", "attn.out_proj"),
            ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"),
        ):
            rest = rest.replace(ours, theirs)
        table[f"{place}.{rest}"] = value
    return table | {key: torch.cat([parts["q"], parts["k"], parts["v"]]) for key, parts in joined.items()}
