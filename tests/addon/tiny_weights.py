"""Writes small random checkpoints of every image model that needs weights; run by a Python that has torch.

    python tiny_weights.py FOLDER [TASK]  writes FOLDER/<model>/... as users lay them out, and FOLDER/tiny.json

tiny.json: {"models": the ids, those of the registry that do the task (render_image) and cannot run without weights}.
For render_image SDXL's folder also gets a second ControlNet, a union, the refiner and a LoRA, all of them woken, and a
ControlNet and a LoRA of another base model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from server.diffusion import tiny
from server.registry import Registry

ATTENTION = "unet.mid_block.attentions.0.transformer_blocks.0.attn1"


def write(folder: Path, task: str) -> None:
    found = Registry().models
    models = [name for name, model in found.items() if model.info.does(task) and model.weights is not None]
    for name in models:
        home = folder / (found[name].weights.folder or name)
        home.mkdir(parents=True, exist_ok=True)
        found[name].tiny(home)
    (folder / "tiny.json").write_text(json.dumps({"models": models}))
    if task == "render_image":
        _more_of_sdxl(folder)


def _more_of_sdxl(folder: Path) -> None:
    sdxl = folder / "sdxl"
    tiny.sdxl_controlnet(20).save_pretrained(str(sdxl / "controlnets" / "normal"))
    tiny.sdxl_controlnet(30, union=True).save_pretrained(str(sdxl / "controlnets" / "union"))
    tiny.sdxl_refiner().save_pretrained(str(sdxl / "refiner"))
    (sdxl / "loras").mkdir()
    draw = torch.Generator().manual_seed(0)
    lora = {}
    for part in ("to_q", "to_k", "to_v"):
        lora[f"{ATTENTION}.{part}.lora_A.weight"] = torch.randn(2, 16, generator=draw)
        lora[f"{ATTENTION}.{part}.lora_B.weight"] = torch.randn(16, 2, generator=draw)
    save_file(lora, sdxl / "loras" / "ink.safetensors")
    wider = {name: torch.cat([tensor, tensor], int(".lora_A." in name)) for name, tensor in lora.items()}
    save_file(wider, sdxl / "loras" / "of_sd15.safetensors")
    tiny.sd15_controlnet().save_pretrained(str(sdxl / "controlnets" / "tile_of_sd15"))


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "render_image")
