"""SDXL at its published size with random weights on a graphics card: plain diffusers, and what makes it faster.

python benchmarks/gpu/sdxl.py [--size 1024] [--steps 30] [--rounds 3]      (needs a CUDA card with 16 GB)

NOT RUN YET: there was no card. Every row is measured in the same run, after a warm-up, as the median of `rounds` calls;
compiling is told apart. Random weights are as fast as trained ones; the pictures are noise.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

UNET = {
    "sample_size": 128,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "scaling_factor": 0.13025,
}


def published(device: str) -> Any:
    """SDXL's networks with random weights in half precision; prompts are given as embeddings, so no text encoders."""
    import torch
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

    torch.manual_seed(0)
    with torch.device(device):
        unet, vae = UNet2DConditionModel(**UNET).half(), AutoencoderKL(**VAE).half()
    scheduler = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    pipeline = StableDiffusionXLPipeline(vae, None, None, None, None, unet, scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def main() -> None:
    import torch

    from server.diffusion.families import SDXL
    from server.diffusion.steps import rgb_preview, watched

    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("This benchmark needs a CUDA card.")
    device = "cuda"
    pipeline = published(device)
    half = {"device": device, "dtype": torch.float16}
    call = {
        "prompt_embeds": torch.randn(1, 77, 2048, **half),
        "negative_prompt_embeds": torch.randn(1, 77, 2048, **half),
        "pooled_prompt_embeds": torch.randn(1, 1280, **half),
        "negative_pooled_prompt_embeds": torch.randn(1, 1280, **half),
        "width": options.size,
        "height": options.size,
        "num_inference_steps": options.steps,
    }

    def plain() -> None:
        pipeline(**call, generator=torch.Generator("cpu").manual_seed(1))

    def ours() -> None:
        with watched(pipeline.scheduler, lambda step, preview: None, rgb_preview(SDXL)):
            plain()

    def timed(name: str, run: Callable[[], None]) -> None:
        began = time.perf_counter()
        run()
        torch.cuda.synchronize()
        warm = time.perf_counter() - began
        seconds = []
        for _ in range(options.rounds):
            began = time.perf_counter()
            run()
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
        peak = torch.cuda.max_memory_allocated() / 1e9
        torch.cuda.reset_peak_memory_stats()
        median = statistics.median(seconds)
        rows.append((name, median, warm, peak))
        print(f"| {name} | {median:.2f} | {rows[0][1] / median:.2f} | {warm:.1f} | {peak:.1f} |", flush=True)

    rows: list[tuple[str, float, float, float]] = []
    print(f"{torch.cuda.get_device_name()}, {options.size} x {options.size} px, {options.steps} steps")
    print("| | s | times as fast | first call, s | peak, GB |\n|---|---:|---:|---:|---:|")
    timed("plain diffusers, half precision", plain)
    timed("ours: watched, with previews", ours)
    pipeline.unet.to(memory_format=torch.channels_last)
    pipeline.vae.to(memory_format=torch.channels_last)
    timed("channels last", ours)
    pipeline.fuse_qkv_projections()
    timed("fused projections", ours)
    for backend in ("_native_flash", "_native_cudnn"):
        # one way only: what is set stays set in this process
        try:
            pipeline.unet.set_attention_backend(backend)
            timed(f"attention {backend}", ours)
        except (RuntimeError, ValueError, AttributeError) as error:
            print(f"| attention {backend} | not possible: {str(error)[:60]} | | | |")
    pipeline.unet.compile_repeated_blocks(fullgraph=True)
    timed("compiled blocks", ours)


if __name__ == "__main__":
    main()
