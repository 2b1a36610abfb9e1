"""What the server adds to a call of diffusers' own pipeline: passes read, sizes fitted, steps watched, picture saved.

python benchmarks/diffusion.py [--steps N] [--size PX] [--width N]      (needs torch and diffusers)

Seconds of the processor are counted, so that other programs do not matter. Both sides run in this process on the same
loaded networks, each call of ours between two bare ones; the median of the ratios counts, and the pictures must be the
same bit for bit. The networks have random weights and a middling size: the larger they are, the smaller is our share,
so that the share shown is an upper bound for the published ones.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from blender_aigc.protocol import Blob, Job  # noqa: E402
from server.diffusion import tiny  # noqa: E402
from server.diffusion.controls import control_picture  # noqa: E402
from server.filters.passes import read_passes  # noqa: E402
from server.registry import Registry  # noqa: E402
from server.weights import Shelf  # noqa: E402
from server.worker import Runner  # noqa: E402


def passes(folder: Path, size: int) -> Path:
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    combined = np.stack([x, y, 1 - x, np.ones_like(x)], -1)
    depth = np.where(x + y > 0.4, 2 + 3 * x, np.inf).astype(np.float32)
    np.savez(folder / "passes.npz", combined=(combined * 255).astype(np.uint8), depth=depth)
    return folder / "passes.npz"


def main() -> None:
    import torch
    from PIL import Image

    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=int, default=96, help="of the UNet's first block; SDXL's is 320")
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    torch.set_num_threads(1)  # threads that wait for each other are counted as work: 1.10 instead of 1.01
    folder = Path(tempfile.mkdtemp())
    widths = (options.width, 2 * options.width)
    groups = {"block_out_channels": widths, "norm_num_groups": 8}
    tiny.sdxl_pipeline(**groups).save_pretrained(str(folder / "sdxl" / "base"))
    tiny.sdxl_controlnet(**groups).save_pretrained(str(folder / "sdxl" / "controlnets" / "depth"))
    path = passes(folder, options.size)
    runner = Runner(Registry(shelf=Shelf([folder])), "cpu")
    params = {"size": "camera", "steps": options.steps, "strength": 1.0, "controls": "depth:0.7"}

    def ours() -> np.ndarray:
        out = folder / str(uuid.uuid4())
        out.mkdir()
        job = Job(str(uuid.uuid4()), "render_image", "sdxl", {"passes": Blob("0" * 64, ".npz")}, params, "a house", 1)
        ending = runner.run(job, out, {"passes": path}, lambda report: None, lambda: False)
        assert ending.result is not None, ending.fault
        return np.asarray(Image.open(out / ending.result.artefacts[0].file))[..., :3]

    ours()  # loads the networks
    studio = runner._loaded["sdxl"][0].studio
    pipeline = studio.checkpoint.pipeline("text", list(studio.controlnets.values()))
    control = Image.fromarray(control_picture(read_passes(path), "depth"))

    def bare() -> np.ndarray:
        return np.asarray(
            pipeline(
                prompt="a house",
                image=control,
                width=options.size,
                height=options.size,
                num_inference_steps=options.steps,
                guidance_scale=5.0,
                controlnet_conditioning_scale=0.7,
                generator=torch.Generator("cpu").manual_seed(1),
            ).images[0]
        )

    assert np.array_equal(ours(), bare()), "the pictures differ"
    before, between, after = ([], [], [])
    for _ in range(
        options.rounds
    ):  # ours between two bare ones: a machine that grows slower is not taken for our share
        for call, times in ((bare, before), (ours, between), (bare, after)):
            began = time.process_time()
            call()
            times.append(time.process_time() - began)
    pairs = [(first + second) / 2 for first, second in zip(before, after, strict=True)]
    ratios = [ours / bare for ours, bare in zip(between, pairs, strict=True)]
    noise = statistics.median(abs(second / first - 1) for first, second in zip(before, after, strict=True))
    best = min(between) / min(before + after)
    print(
        f"{options.size} x {options.size} px, {options.steps} steps, UNet {widths}, {torch.get_num_threads()} threads"
    )
    print(
        f"bare {statistics.median(pairs):.3f} s, through the server's code {statistics.median(between):.3f} s, "
        f"ratio {statistics.median(ratios):.3f} (median of {options.rounds}), of the fastest {best:.3f}; "
        f"two bare ones differ by {noise:.1%}; same picture bit for bit"
    )


if __name__ == "__main__":
    main()
