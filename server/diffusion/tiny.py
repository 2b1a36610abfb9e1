"""Small random checkpoints in the published layout, for tests and for trying a set-up without a download.

Real classes, real files; only the sizes are small. A fresh ControlNet ends in layers of zeros and so has no effect at
all: `wake` fills them, or no test could tell whether it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

CONTEXT, CONTEXT_2 = 32, 48
"""Widths of the text encoders; single files are told apart by them."""

_UNET = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 2, "sample_size": 32}
_SDXL = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "attention_head_dim": (2, 4),
    "transformer_layers_per_block": (1, 2),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 8 * 6 + CONTEXT,
    "cross_attention_dim": CONTEXT + CONTEXT_2,
}
_SD15 = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "attention_head_dim": 2,
    "cross_attention_dim": CONTEXT,
}
_UP = {"up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")}


def write_sdxl(folder: Path, seed: int = 0) -> None:
    """base/, a woken depth ControlNet and an IP-Adapter, as `library` expects them, in `folder`."""
    pipeline = sdxl_pipeline(seed)
    pipeline.save_pretrained(str(folder / "base"))
    sdxl_controlnet(seed + 1).save_pretrained(str(folder / "controlnets" / "depth"))
    write_ip_adapter(pipeline.unet, folder / "ip_adapter", seed + 2)


def write_sd15(folder: Path, seed: int = 0) -> None:
    """The same for Stable Diffusion 1.5."""
    pipeline = sd15_pipeline(seed)
    pipeline.save_pretrained(str(folder / "base"))
    sd15_controlnet(seed + 1).save_pretrained(str(folder / "controlnets" / "depth"))
    write_ip_adapter(pipeline.unet, folder / "ip_adapter", seed + 2)


def sd15_pipeline(seed: int = 0, **unet: Any) -> Any:
    """A StableDiffusionPipeline with random weights, without safety checker. unet: options of the UNet to change."""
    import torch
    from diffusers import PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return StableDiffusionPipeline(
            vae=autoencoder(0.18215),
            text_encoder=CLIPTextModel(text_config()),
            tokenizer=tokenizer(),
            unet=UNet2DConditionModel(**{**_UNET, **_UP, **_SD15, **unet}),
            scheduler=PNDMScheduler(**_noise(), skip_prk_steps=True, steps_offset=1),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )


def sd15_controlnet(seed: int = 1) -> Any:
    """A woken ControlNet that fits `sd15_pipeline`."""
    import torch
    from diffusers import ControlNetModel

    options = {key: value for key, value in _UNET.items() if key != "sample_size"} | _SD15
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return wake(ControlNetModel(**options, conditioning_embedding_out_channels=(4, 8, 8, 16)))


def write_z_image(folder: Path, seed: int = 0) -> None:
    """base/ and a woken ControlNet for everything, of Z-Image's classes."""
    pipeline = z_image_pipeline(seed)
    pipeline.save_pretrained(str(folder / "base"))
    z_image_controlnet(seed + 1).save_pretrained(str(folder / "controlnets" / "union"))


def z_image_pipeline(seed: int = 0) -> Any:
    """A ZImagePipeline with random weights; its text encoder reads single bytes."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
    from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model

    heads = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8}
    words = [*_letters(), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    template = "{% for message in messages %}<|im_start|>{{ message.content }}<|im_end|>{% endfor %}"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformer = ZImageTransformer2DModel(
            **{"in_channels": 16, "cap_feat_dim": 16, "axes_dims": [8, 4, 4], "axes_lens": [512, 64, 64]},
            **{"dim": 32, "n_layers": 2, "n_refiner_layers": 1, "n_heads": 2, "n_kv_heads": 2},
        )
        for token in (transformer.x_pad_token, transformer.cap_pad_token):
            token.data.normal_()  # made without values
        return ZImagePipeline(
            FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0),
            autoencoder(
                0.3611, latent_channels=16, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False
            ),
            Qwen3Model(Qwen3Config(vocab_size=300, hidden_size=16, intermediate_size=16, **heads)),
            Qwen2Tokenizer(
                vocab={word: number for number, word in enumerate(words)}, merges=[], chat_template=template
            ),
            transformer,
        )


def z_image_controlnet(seed: int = 1, masks: bool = True, **changed: Any) -> Any:
    """A woken ControlNet that fits `z_image_pipeline`. masks: it is told what a mask lets change, as since 2.0."""
    import torch
    from diffusers import ZImageControlNetModel

    options = {
        "control_layers_places": [0],
        "control_refiner_layers_places": [0],
        "control_in_dim": 33 if masks else 16,
    }
    options |= {"add_control_noise_refiner": "control_layers", "dim": 32, "n_refiner_layers": 1, "n_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return wake(ZImageControlNetModel(**{**options, "n_kv_heads": 2, **changed}))


def write_ip_adapter(unet: nn.Module, folder: Path, seed: int = 2) -> None:
    """ip_adapter.safetensors for `unet` and image_encoder/ in `folder` (layout of h94/IP-Adapter)."""
    import torch
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    sizes = {"hidden_size": 32, "intermediate_size": 37, "projection_dim": CONTEXT, "image_size": 32, "patch_size": 8}
    context, words = unet.config.cross_attention_dim, 4
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = CLIPVisionConfig(**sizes, num_hidden_layers=2, num_attention_heads=4)
        CLIPVisionModelWithProjection(config).save_pretrained(str(folder / "image_encoder"))
        tensors = {
            "image_proj.proj.weight": torch.randn(words * context, CONTEXT),
            "image_proj.proj.bias": torch.zeros(words * context),
            "image_proj.norm.weight": torch.ones(context),
            "image_proj.norm.bias": torch.zeros(context),
        }
        across = [name for name in unet.attn_processors if "attn2" in name]
        for number, name in enumerate(across):
            width = unet.get_submodule(name.removesuffix(".processor")).to_k.weight.shape[0]
            for part in ("to_k_ip", "to_v_ip"):  # the published files count self-attention too
                tensors[f"ip_adapter.{2 * number + 1}.{part}.weight"] = torch.randn(width, context) / 4
    save_file(tensors, str(folder / "ip_adapter.safetensors"))


def sdxl_pipeline(seed: int = 0, **unet: Any) -> Any:
    """A StableDiffusionXLPipeline of about 190,000 random weights. unet: options of the UNet to change."""
    import torch
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return StableDiffusionXLPipeline(
            vae=autoencoder(0.13025),
            text_encoder=CLIPTextModel(text_config()),
            text_encoder_2=CLIPTextModelWithProjection(text_config(CONTEXT_2, projection_dim=CONTEXT)),
            tokenizer=tokenizer(),
            tokenizer_2=tokenizer(pad="!"),
            unet=UNet2DConditionModel(**{**_UNET, **_UP, **_SDXL, **unet}),
            scheduler=EulerDiscreteScheduler(**_noise(), timestep_spacing="leading", steps_offset=1),
        )


def sdxl_refiner(seed: int = 2) -> Any:
    """A StableDiffusionXLImg2ImgPipeline in the refiner's layout: one text encoder, told how beautiful it shall be."""
    import torch
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLImg2ImgPipeline, UNet2DConditionModel
    from transformers import CLIPTextModelWithProjection

    own = {"cross_attention_dim": CONTEXT_2, "projection_class_embeddings_input_dim": 8 * 5 + CONTEXT}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return StableDiffusionXLImg2ImgPipeline(
            vae=autoencoder(0.13025),
            text_encoder=None,
            text_encoder_2=CLIPTextModelWithProjection(text_config(CONTEXT_2, projection_dim=CONTEXT)),
            tokenizer=None,
            tokenizer_2=tokenizer(pad="!"),
            unet=UNet2DConditionModel(**_UNET, **_UP, **{**_SDXL, **own}),
            scheduler=EulerDiscreteScheduler(**_noise(), timestep_spacing="leading", steps_offset=1),
            requires_aesthetics_score=True,
            force_zeros_for_empty_prompt=False,
        )


def sdxl_controlnet(seed: int = 1, union: bool = False, **changed: Any) -> Any:
    """A woken ControlNet, or ControlNet-Union, that fits `sdxl_pipeline`."""
    import torch
    from diffusers import ControlNetModel, ControlNetUnionModel

    options = {key: value for key, value in _UNET.items() if key != "sample_size"} | _SDXL | changed
    options["conditioning_embedding_out_channels"] = (4, 8, 8, 16)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if union:
            return wake(
                ControlNetUnionModel(
                    **options,
                    num_control_type=8,
                    num_trans_channel=8,
                    num_trans_head=2,
                    num_trans_layer=1,
                    num_proj_channel=8,
                )
            )
        return wake(ControlNetModel(**options))


def wake(network: nn.Module, scale: float = 1.0) -> nn.Module:
    """Fill what is all zeros with random numbers, in place; uses torch's own generator.

    The small layers that look at the control picture are made louder, or little of it would arrive behind them.
    """
    import torch

    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.copy_(torch.randn_like(parameter) * scale)
        for parameter in getattr(network, "controlnet_cond_embedding", torch.nn.Identity()).parameters():
            parameter.mul_(4)
    return network


def tokenizer(pad: str = "<|endoftext|>") -> Any:
    """CLIP's tokenizer over single bytes: any text, one token a letter."""
    from transformers import CLIPTokenizer

    letters = _letters()
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77, pad_token=pad)


def _letters() -> list[str]:
    """A sign for each byte, as byte-level tokenizers write them."""
    shown = [byte for byte in range(256) if 33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte]
    return [chr(byte) for byte in shown] + [chr(256 + number) for number in range(256 - len(shown))]


def text_config(width: int = CONTEXT, **more: Any) -> Any:
    """Of CLIP's text encoder."""
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=514,
        hidden_size=width,
        intermediate_size=37,
        num_hidden_layers=3,
        num_attention_heads=4,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
        **more,
    )


def autoencoder(scaling: float, **more: Any) -> Any:
    """A picture to latents an eighth as wide, and back."""
    from diffusers import AutoencoderKL

    sizes = {"block_out_channels": (4, 8, 8, 8), "latent_channels": 4, "scaling_factor": scaling, **more}
    depth = len(sizes["block_out_channels"])
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * depth,
        up_block_types=("UpDecoderBlock2D",) * depth,
        layers_per_block=1,
        norm_num_groups=2,
        sample_size=64,
        **sizes,
    )


def _noise() -> dict[str, Any]:
    return {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
