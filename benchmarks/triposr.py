"""TripoSR at its published size with random weights: peak memory, and what is not the network's own forward pass.

    python benchmarks/triposr.py [--image FILE] [--device cpu] [--param key=value ...]

A checkpoint of 1.7 GB in the published layout is made in a temporary folder by one child process and used by another,
through the same runner as a real job, so that memory and times are those of the product. A random network has no object
in it, so each density query runs the network at full cost and then answers with a figure given by a formula; colours
are the network's own. `--field network` meshes the network's field itself (smooth: `nets.triposr.random_checkpoint`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

CONFIG = """\
cond_image_size: 512
image_tokenizer: {pretrained_model_name_or_path: facebook/dino-vitb16}
tokenizer: {plane_size: 32, num_channels: 1024}
backbone: {in_channels: "${tokenizer.num_channels}", num_attention_heads: 16, attention_head_dim: 64, num_layers: 16,
  cross_attention_dim: 768}
post_processor: {in_channels: 1024, out_channels: 40}
decoder: {in_channels: 120, n_neurons: 64, n_hidden_layers: 9, activation: silu}
renderer: {radius: 0.87, feature_reduction: concat, density_activation: exp, density_bias: -1.0,
  num_samples_per_ray: 128}
"""

FORWARD = "Imagining the object"


def make(folder: Path) -> None:
    """config.yaml and model.ckpt of the published size."""
    import torch

    from server.nets.triposr import TripoSRConfig, random_checkpoint

    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    torch.save(random_checkpoint(TripoSRConfig(), seed=1), folder / "model.ckpt")


def figure(points: np.ndarray) -> np.ndarray:
    """(N, 3) -> (N,) density of a standing figure with arms and legs; 25 on the surface."""
    rods = [((0, 0, -0.15), (0, 0, 0.2), 0.3), ((0, 0, 0.55), (0.05, 0, 0.55), 0.25)]
    for side in (-1, 1):
        rods += [
            ((0, 0.2 * side, -0.3), (0, 0.25 * side, -0.75), 0.1),
            ((0, 0.3 * side, 0.2), (0.2, 0.7 * side, 0), 0.08),
        ]
    distance = np.full(len(points), np.inf, np.float32)
    for start, end, radius in rods:
        start, along = np.float32(start), np.float32(end) - np.float32(start)
        share = np.clip((points - start) @ along / (along @ along), 0, 1)
        distance = np.minimum(distance, np.linalg.norm(points - start - share[:, None] * along, axis=1) - radius)
    return 25 * np.exp(np.clip(-20 * distance, -20, 20))


SPENT = {"figure": 0.0, "queries": 0.0}
"""Seconds in the figure's formula (only this benchmark has it: taken off) and in the network's answers to queries."""


def time_the_queries(with_figure: bool) -> None:
    """Density queries cost what they cost, but answer with `figure` if asked to; both are timed."""
    from server.models.mesh.triposr import Reconstruction

    ask = Reconstruction._ask

    def timed(self: Reconstruction, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        start = time.perf_counter()
        density, colour = ask(self, points)
        middle = time.perf_counter()
        if with_figure:
            density = figure(points)
        SPENT["queries"] += middle - start
        SPENT["figure"] += time.perf_counter() - middle
        return density, colour

    Reconstruction._ask = timed


def measure(folder: Path, image: Path, device: str, params: list[str]) -> dict[str, object]:
    """One job through the runner: seconds by phase, peak memory of the process, the job's report."""
    from blender_aigc.protocol import Blob, Job
    from server.pipe import Report
    from server.registry import Registry
    from server.weights import Shelf
    from server.worker import Runner

    registry = Registry(shelf=Shelf([folder]))
    known = {param.key: param for param in registry.models["triposr"].info.params}
    values = {key: known[key].parse(text) for key, _, text in (param.partition("=") for param in params)}
    job = Job(str(uuid.uuid4()), "image_to_mesh", "triposr", {"image": Blob("0" * 64, ".png")}, values)
    begun: list[tuple[float, str]] = []

    def note(report: Report) -> None:
        if not begun or begun[-1][1] != report.phase:
            begun.append((time.perf_counter(), report.phase))

    out = folder / "out"
    out.mkdir()
    ending = Runner(registry, device).run(job, out, {"image": image}, note, lambda: False)
    if ending.result is None:
        raise SystemExit(str(ending.fault))
    begun.append((time.perf_counter(), ""))
    seconds: dict[str, float] = {}
    for (start, phase), (end, _) in zip(begun, begun[1:], strict=False):
        seconds[phase] = seconds.get(phase, 0) + end - start
    seconds["surface"] -= SPENT["figure"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    seen = {"seconds": seconds, "queries_s": SPENT["queries"], "report": ending.result.report}
    return seen | {"peak_bytes": peak, "load": os.getloadavg()[0]}


def table(found: dict[str, object]) -> str:
    seconds: dict[str, float] = found["seconds"]  # type: ignore[assignment]
    job = {phase: value for phase, value in seconds.items() if phase != "Loading"}
    total = sum(job.values())
    lines = ["| phase | seconds | share |", "|---|---|---|"]
    lines += [f"| {phase} | {value:.2f} | {value / total:.1%} |" for phase, value in job.items()]
    outside = 1 - job[FORWARD] / total
    ours = outside - found["queries_s"] / total  # type: ignore[operator]
    report = found["report"]
    queries, samples = report["field_queries"], report["lattice_samples"]  # type: ignore[index]
    lines += [
        f"| total | {total:.2f} | |",
        "",
        f"Loading (once per worker, mostly the check sum): {seconds['Loading']:.2f} s",
        f"Peak memory: {found['peak_bytes'] / 1e9:.2f} GB (limit 4)",  # type: ignore[operator]
        f"Outside the network's forward: {outside:.1%} of the job (limit 25 %)",
        f"The same without the network's answers to queries: {ours:.1%}",
        f"Field queries: {queries} of {samples} samples, {samples / queries:.1f} times fewer than dense",
        f"Machine load at the end: {found['load']:.1f}; {report}",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", type=Path, default=ROOT / "blender_aigc" / "samples" / "duck.png")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--field", choices=("figure", "network"), default="figure")
    parser.add_argument("--param", action="append", default=[])
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(options.make)
    elif options.measure:
        time_the_queries(options.field == "figure")
        found = measure(options.measure, options.image, options.device, options.param)
        (options.measure / "found.json").write_text(json.dumps(found), encoding="utf-8")
    else:
        with tempfile.TemporaryDirectory() as folder:
            script = [sys.executable, str(Path(__file__).resolve())]
            passed = ["--image", str(options.image.resolve()), "--device", options.device, "--field", options.field]
            passed += [text for param in options.param for text in ("--param", param)]
            subprocess.run([*script, "--make", folder], check=True)
            subprocess.run([*script, "--measure", folder, *passed], check=True)
            found = json.loads((Path(folder) / "found.json").read_text(encoding="utf-8"))
        sys.stdout.write(table(found))


if __name__ == "__main__":
    main()
