"""Small random checkpoints of Marigold in the published layout; see tiny.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .tiny import _UNET, _UP, CONTEXT, _noise, autoencoder, text_config, tokenizer

_ASIDE = {"prediction_space": "linear"}
TARGETS: dict[str, dict[str, Any]] = {
    "appearance": {
        "target_names": ["albedo", "material"],
        "albedo": {"prediction_space": "srgb"},
        "material": {"prediction_space": "stack", "sub_target_names": ["roughness", "metallicity", None]},
        "roughness": _ASIDE,
        "metallicity": _ASIDE,
    },
    "lighting": {
        "target_names": ["albedo", "shading", "residual"],
        "albedo": {"prediction_space": "linear", "up_to_scale": False},
        "shading": {"prediction_space": "linear", "up_to_scale": True},
        "residual": {"prediction_space": "linear", "up_to_scale": True},
    },
}
"""What the published checkpoints' model_index.json says of their answers."""
NAMES = {
    "appearance": "marigold-iid-appearance-v1-1",
    "lighting": "marigold-iid-lighting-v1-1",
    "normals": "marigold-normals-v1-1",
}


def write_marigold(folder: Path, seed: int = 0) -> None:
    """All three below `folder`, each under its published name."""
    for number, (kind, name) in enumerate(NAMES.items()):
        marigold_pipeline(kind, seed + number).save_pretrained(str(folder / name))


def marigold_pipeline(kind: str, seed: int = 0) -> Any:
    """A MarigoldIntrinsicsPipeline or MarigoldNormalsPipeline with random weights, 64 px, two steps."""
    import diffusers
    import torch
    from diffusers import DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextModel

    answers = len(TARGETS[kind]["target_names"]) if kind in TARGETS else 1
    own = {"prediction_type": "intrinsics", "target_properties": TARGETS[kind]} if kind in TARGETS else {}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = diffusers.MarigoldIntrinsicsPipeline if own else diffusers.MarigoldNormalsPipeline
        return made(
            unet=UNet2DConditionModel(
                **{**_UNET, **_UP, "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D")},
                attention_head_dim=2,
                cross_attention_dim=CONTEXT,
                in_channels=4 * (1 + answers),
                out_channels=4 * answers,
            ),
            vae=autoencoder(0.18215),
            scheduler=DDIMScheduler(
                **_noise(),
                clip_sample=False,
                prediction_type="v_prediction",
                rescale_betas_zero_snr=True,
                set_alpha_to_one=False,
                steps_offset=1,
                timestep_spacing="trailing",
            ),
            text_encoder=CLIPTextModel(text_config()),
            tokenizer=tokenizer(),
            **(own or {"prediction_type": "normals", "use_full_z_range": True}),
            default_denoising_steps=2,
            default_processing_resolution=64,
        )
