"""Eight synchronised SDXL views of 1024 pixels against eight plain ones, published size, random weights, one card.

python benchmarks/gpu/sdxl_sync.py [--size 1024] [--steps 30] [--rounds 3] [--at-once 2] [--limit 1.1]   (CUDA, 16 GB)
python benchmarks/gpu/sdxl_sync.py --tiny       (a small network on the processor: only shows that the script runs)

NOT RUN ON A CARD YET: there was none. Both rows are measured in the same run, after a warm-up, as the median of
`rounds` calls, with as many views going through the network at once. Synchronised means all that `sdxl_sync` does:
blended predictions in every step until 80 %, attention between the views for the first 20 %, changing backgrounds.
Links between the views are made once a job and are told apart. Exit code 1 above the limit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

VIEWS = 8


def ball() -> Any:
    """About 80,000 triangles around the origin."""
    import torch

    from server.geometry.triangles import Triangles

    rows, columns = 200, 200
    angle = np.stack(np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij"), -1)
    sine = np.sin(angle[..., 0])
    points = np.stack([sine * np.cos(angle[..., 1]), sine * np.sin(angle[..., 1]), np.cos(angle[..., 0])], axis=-1)
    corner = torch.arange(rows * columns).view(rows, columns)
    a, b, c, d = (part.reshape(-1) for part in (corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]))
    faces = torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)]).numpy()
    return Triangles(points.reshape(-1, 3).astype(np.float32), faces.astype(np.int32))


def main() -> int:
    import torch
    from sdxl import published

    from server.diffusion import tiny
    from server.diffusion.attention import Sight, looking_around
    from server.diffusion.portions import in_portions
    from server.diffusion.synchronise import synchronised
    from server.geometry.between_views import link_views
    from server.geometry.cameras import ring
    from server.geometry.raster import Scene
    from server.texturing.drawn_together import Agreement

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("size", 1024), ("steps", 30), ("rounds", 3), ("at-once", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--limit", type=float, default=1.1)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    device = "cpu" if options.tiny else "cuda"
    if not options.tiny and not torch.cuda.is_available():
        raise SystemExit("This benchmark needs a CUDA card.")
    pipeline = tiny.sdxl_pipeline() if options.tiny else published(device)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.vae.enable_slicing()
    size, steps = (64, 6) if options.tiny else (options.size, options.steps)
    latent = size // pipeline.vae_scale_factor
    config, kind = pipeline.unet.config, {"device": device, "dtype": pipeline.unet.dtype}
    pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
    call = {
        "prompt_embeds": torch.randn(VIEWS, 77, config.cross_attention_dim, **kind),
        "negative_prompt_embeds": torch.randn(VIEWS, 77, config.cross_attention_dim, **kind),
        "pooled_prompt_embeds": torch.randn(VIEWS, pooled, **kind),
        "negative_pooled_prompt_embeds": torch.randn(VIEWS, pooled, **kind),
        "latents": torch.randn(VIEWS, 4, latent, latent, **kind),
        "width": size,
        "height": size,
        "num_inference_steps": steps,
        "output_type": "np",
    }
    began = time.perf_counter()
    triangles = ball()
    links = link_views(Scene(triangles, device), ring(triangles.positions, VIEWS, size), (latent, latent))
    print(f"links between the views: {time.perf_counter() - began:.2f} s")
    backgrounds = torch.randn(9, 4, device=device)

    def plain() -> None:
        with in_portions(pipeline.unet, lambda: options.at_once):
            pipeline(**call)

    def together() -> None:
        sight = Sight.ring(VIEWS)
        agreement = Agreement(links, sight, backgrounds, np.random.default_rng(1), 0.8)
        with ExitStack() as around:
            around.enter_context(synchronised(pipeline.scheduler, agreement))
            around.enter_context(looking_around(pipeline.unet, sight))
            around.enter_context(in_portions(pipeline.unet, lambda: options.at_once, lambda: sight.active))
            pipeline(**call)

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def timed(name: str, run: Callable[[], None]) -> float:
        run()
        seconds = []
        for _ in range(options.rounds):
            wait()
            began = time.perf_counter()
            run()
            wait()
            seconds.append(time.perf_counter() - began)
        peak = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else 0.0
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        print(f"| {name} | {statistics.median(seconds):.2f} | {peak:.1f} |", flush=True)
        return statistics.median(seconds)

    print(f"{VIEWS} views of {size} px, {steps} steps, {options.at_once} at once\n| | s | peak, GB |\n|---|---:|---:|")
    ratio = 1 / (timed("plain", plain) / timed("synchronised", together))
    print(f"synchronised / plain: {ratio:.3f} (limit {options.limit})")
    return int(ratio > options.limit and not options.tiny)


if __name__ == "__main__":
    raise SystemExit(main())
