"""A tiny transformer of FLUX.1 as one file in the layout of its authors, which community checkpoints have.

The names are those of the original code's modules, written from them, not from a converter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders import single_file_utils
from safetensors.torch import save_file

_WHOLE = {
    "x_embedder": "img_in",
    "context_embedder": "txt_in",
    "time_text_embed.timestep_embedder.linear_": "time_in.",
    "time_text_embed.text_embedder.linear_": "vector_in.",
    "time_text_embed.guidance_embedder.linear_": "guidance_in.",
    "proj_out": "final_layer.linear",
    "norm_out.linear": "final_layer.adaLN_modulation.1",
}
_DOUBLE = {
    "norm1.linear": "img_mod.lin",
    "norm1_context.linear": "txt_mod.lin",
    "attn.norm_q.weight": "img_attn.norm.query_norm.scale",
    "attn.norm_k.weight": "img_attn.norm.key_norm.scale",
    "attn.norm_added_q.weight": "txt_attn.norm.query_norm.scale",
    "attn.norm_added_k.weight": "txt_attn.norm.key_norm.scale",
    "ff.net.0.proj": "img_mlp.0",
    "ff.net.2": "img_mlp.2",
    "ff_context.net.0.proj": "txt_mlp.0",
    "ff_context.net.2": "txt_mlp.2",
    "attn.to_out.0": "img_attn.proj",
    "attn.to_add_out": "txt_attn.proj",
}
_SINGLE = {
    "norm.linear": "modulation.lin",
    "attn.norm_q.weight": "norm.query_norm.scale",
    "attn.norm_k.weight": "norm.key_norm.scale",
    "proj_out": "linear2",
}
_JOINED = {
    ("double", "img_attn.qkv"): ("attn.to_q", "attn.to_k", "attn.to_v"),
    ("double", "txt_attn.qkv"): ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    ("single", "linear1"): ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"),
}


def write_original(network: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`network` as one .safetensors file.

    diffusers' converter takes the published width for granted; it is told the tiny one for the test's duration.
    """
    converter = single_file_utils.convert_flux_transformer_checkpoint_to_diffusers
    code, width = converter.__code__, network.inner_dim
    assert 3072 in code.co_consts
    numbers = tuple(width if number == 3072 else number for number in code.co_consts)
    monkeypatch.setattr(converter, "__code__", code.replace(co_consts=numbers))
    state, table = network.state_dict(), {}
    for key, value in state.items():
        block = re.match(r"(single_)?transformer_blocks\.(\d+)\.(.*)", key)
        if block is None:
            table[_renamed(key, _WHOLE)] = value
            continue
        kind = "single" if block[1] else "double"
        if not re.match(r"attn\.(to_[qkv]|add_[qkv]_proj)\.|proj_mlp", block[3]):
            inner = _renamed(block[3], _SINGLE if kind == "single" else _DOUBLE)
            table[f"{kind}_blocks.{block[2]}.{inner}"] = value
    for (kind, theirs), ours in _JOINED.items():
        prefix = "single_transformer_blocks" if kind == "single" else "transformer_blocks"
        for number in range(len(getattr(network, prefix))):
            for end in ("weight", "bias"):
                parts = [state[f"{prefix}.{number}.{name}.{end}"] for name in ours]
                table[f"{kind}_blocks.{number}.{theirs}.{end}"] = torch.cat(parts)
    for end in ("weight", "bias"):  # the original shifts before it scales
        key = f"final_layer.adaLN_modulation.1.{end}"
        scale, shift = table[key].chunk(2)
        table[key] = torch.cat([shift, scale])
    save_file({f"model.diffusion_model.{key}": value.contiguous().clone() for key, value in table.items()}, path)


def _renamed(key: str, names: dict[str, str]) -> str:
    for ours, theirs in names.items():
        if key.startswith(ours):
            key = theirs + key.removeprefix(ours)
            return re.sub(r"(?<=_in\.)(1|2)\.", lambda m: {"1": "in_layer.", "2": "out_layer."}[m[1]], key)
    raise KeyError(key)
