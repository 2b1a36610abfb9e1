"""Small random checkpoints of FLUX.1 in the published layout: [schnell], [dev], Control and Fill, and ControlNets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .tiny import CONTEXT, autoencoder, text_config, tokenizer, wake

T5_WIDTH = 24
_NETWORK = {
    "num_layers": 2,
    "num_single_layers": 2,
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "joint_attention_dim": T5_WIDTH,
    "pooled_projection_dim": CONTEXT,
    "axes_dims_rope": (4, 4, 8),
}
_VAE = {"latent_channels": 16, "shift_factor": 0.1159, "use_quant_conv": False, "use_post_quant_conv": False}
LATENT = 64
"""Numbers for each place of a picture: 16 channels, 2 x 2."""


def write_flux(folder: Path, seed: int = 0, guided: bool = False) -> None:
    """base/ of [schnell], or with `guided` of [dev], and a woken depth ControlNet."""
    flux_pipeline(seed, guided=guided).save_pretrained(str(folder / "base"))
    flux_controlnet(seed + 1).save_pretrained(str(folder / "controlnets" / "depth"))


def flux_pipeline(seed: int = 0, kind: str = "FluxPipeline", guided: bool = False, **network: Any) -> Any:
    """A pipeline of FLUX.1 with random weights, some 150,000.

    kind: FluxPipeline, FluxControlPipeline or FluxFillPipeline. network: options of the transformer to change.
    """
    import diffusers
    import torch
    from transformers import CLIPTextModel, T5Config, T5EncoderModel

    inputs = {"FluxPipeline": LATENT, "FluxControlPipeline": 2 * LATENT, "FluxFillPipeline": 2 * LATENT + 256}[kind]
    text = {"d_model": T5_WIDTH, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 3, "vocab_size": 259}
    options = {**_NETWORK, "in_channels": inputs, "out_channels": LATENT, "guidance_embeds": guided, **network}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return getattr(diffusers, kind)(
            scheduler=diffusers.FlowMatchEulerDiscreteScheduler(
                use_dynamic_shifting=guided, shift=3.0 if guided else 1.0
            ),
            vae=_sure(autoencoder(0.3611, **_VAE)),
            text_encoder=CLIPTextModel(text_config()),
            tokenizer=tokenizer(),
            text_encoder_2=T5EncoderModel(T5Config(**text, feed_forward_proj="gated-gelu", is_encoder_decoder=False)),
            tokenizer_2=_t5_tokenizer(),
            transformer=diffusers.FluxTransformer2DModel(**options),
        )


def flux_controlnet(seed: int = 1, modes: int | None = None, **changed: Any) -> Any:
    """A woken ControlNet that fits `flux_pipeline`. modes: number of kinds that one for everything knows."""
    import torch
    from diffusers import FluxControlNetModel

    options = {**_NETWORK, "in_channels": LATENT, "num_layers": 1, "num_single_layers": 1, "num_mode": modes, **changed}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return wake(FluxControlNetModel(**options))


def _sure(vae: Any, channels: int = 16) -> Any:
    """`vae` with next to no spread around its latents, as a trained one; else it would drown what it encodes."""
    last = vae.encoder.conv_out
    last.weight.data[channels:] = 0
    last.bias.data[channels:] = -30
    return vae


def _t5_tokenizer() -> Any:
    """Over single letters of Latin-1; others are unknown to it."""
    from transformers import T5Tokenizer

    letters = [chr(code) for code in (*range(32, 127), *range(161, 256)) if chr(code) != "▁"]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in letters)]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=512)
