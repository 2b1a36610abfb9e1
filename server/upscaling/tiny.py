"""Small random checkpoints of what makes pictures larger, in the published layouts; see diffusion/tiny.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..diffusion.tiny import CONTEXT, autoencoder, sdxl_controlnet, sdxl_pipeline, text_config, tokenizer

_NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
_UNET: dict[str, Any] = {
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "norm_num_groups": 2,
    "sample_size": 32,
    "attention_head_dim": 4,
    "cross_attention_dim": CONTEXT,
}


def write_upscalers(folder: Path, seed: int = 0) -> None:
    """sdxl/base and its woken tile ControlNet, upscale/x4 and upscale/x2, in `folder`."""
    sdxl_pipeline(seed).save_pretrained(str(folder / "sdxl" / "base"))
    sdxl_controlnet(seed + 1).save_pretrained(str(folder / "sdxl" / "controlnets" / "tile"))
    x4_upscaler(seed).save_pretrained(str(folder / "upscale" / "x4"))
    x2_upscaler(seed).save_pretrained(str(folder / "upscale" / "x2"))


def x4_upscaler(seed: int = 0) -> Any:
    """A StableDiffusionUpscalePipeline: the noised small picture is the network's further input."""
    import torch
    from diffusers import DDIMScheduler, DDPMScheduler, StableDiffusionUpscalePipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return StableDiffusionUpscalePipeline(
            vae=autoencoder(0.08333, block_out_channels=(4, 8, 8)),
            text_encoder=CLIPTextModel(text_config()),
            tokenizer=tokenizer(),
            unet=UNet2DConditionModel(
                **_UNET,
                in_channels=7,
                out_channels=4,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                num_class_embeds=1000,
            ),
            low_res_scheduler=DDPMScheduler(**_NOISE),
            scheduler=DDIMScheduler(**_NOISE, prediction_type="v_prediction"),
            max_noise_level=350,
        )


def x2_upscaler(seed: int = 0) -> Any:
    """A StableDiffusionLatentUpscalePipeline: the small latents, doubled, are the network's further input."""
    import torch
    from diffusers import EulerDiscreteScheduler, StableDiffusionLatentUpscalePipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return StableDiffusionLatentUpscalePipeline(
            vae=autoencoder(0.18215),
            text_encoder=CLIPTextModel(text_config()),
            tokenizer=tokenizer(),
            unet=UNet2DConditionModel(
                block_out_channels=(32, 32, 64, 64),  # its norms look at 32 channels at a time
                norm_num_groups=None,
                attention_head_dim=8,
                cross_attention_dim=CONTEXT,
                in_channels=8,
                out_channels=5,
                down_block_types=("KDownBlock2D", *("KCrossAttnDownBlock2D",) * 3),
                mid_block_type=None,
                up_block_types=(*("KCrossAttnUpBlock2D",) * 3, "KUpBlock2D"),
                time_embedding_type="fourier",
                time_cond_proj_dim=128 + CONTEXT,
                timestep_post_act="gelu",
                resnet_time_scale_shift="scale_shift",
                act_fn="gelu",
                conv_in_kernel=1,
                conv_out_kernel=1,
            ),
            scheduler=EulerDiscreteScheduler(prediction_type="sample"),
        )
