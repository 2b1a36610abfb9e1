"""Five million triangles textured from end to end, each job in a process of its own: seconds and peak memory.

    python benchmarks/large_mesh.py [--faces N] [--size PX] [--models solid single_view view_coverage sdxl_sync]

The mesh is a bumpy ball with UVs of its own, as Blender would send it; single_view gets a grey picture of its front.
sdxl_sync draws with tiny random networks, woken: all is as in a real job, but what the networks themselves would need.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from server.geometry.cameras import framing, towards  # noqa: E402

VIEW_PX = 1024


def write_ball(path: Path, faces: int) -> np.ndarray:
    """About that many triangles; returns (N, 3) of its points."""
    around = int((faces / 2) ** 0.5)
    rings = faces // 2 // around
    u, v = np.meshgrid(np.linspace(0, 1, around + 1), np.linspace(0, 1, rings + 1))
    angle, height = 2 * np.pi * u, np.pi * (v - 0.5)
    unit = np.stack([np.cos(angle) * np.cos(height), np.sin(angle) * np.cos(height), np.sin(height)], -1)
    points = (unit * (1 + 0.1 * np.sin(8 * angle) * np.cos(6 * height))[..., None]).reshape(-1, 3).astype(np.float32)
    index = np.arange((rings + 1) * (around + 1), dtype=np.int32).reshape(rings + 1, -1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    corners = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    uvs = (np.stack([u, v], -1).reshape(-1, 2) * 0.9 + 0.05).astype(np.float32)
    thing = {"name": "ball", "slots": ["clay"], "uv": "own", "target": "slots", "loops": 0}
    np.savez(
        path,
        vertices=points,
        faces=corners,
        corner_normals=unit.reshape(-1, 3).astype(np.float32)[corners],
        corner_uvs=uvs[corners],
        face_object=np.zeros(len(corners), np.int32),
        face_slot=np.zeros(len(corners), np.int32),
        facts=np.frombuffer(json.dumps({"objects": [thing]}).encode(), np.uint8),
    )
    return points


def write_tiny(folder: Path) -> None:
    """SDXL with a depth ControlNet, a few thousand numbers each; in a process of its own, whose memory is not ours."""
    words = "import sys, pathlib; from server.diffusion.tiny import write_sdxl; write_sdxl(pathlib.Path(sys.argv[1]))"
    folder.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", words, str(folder)], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=5_000_000)
    parser.add_argument("--size", default="2048")
    parser.add_argument("--models", nargs="+", default=["solid", "single_view", "view_coverage", "sdxl_sync"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        points = write_ball(folder / "ball.npz", options.faces)
        camera = framing(points, towards(0, 10), VIEW_PX, name="front")
        (folder / "cameras.json").write_text(json.dumps({"active": camera.meta()}))
        Image.new("RGB", (VIEW_PX, VIEW_PX), (150, 120, 90)).save(folder / "picture.png")
        print(f"{options.faces:,} triangles into {options.size}")
        for model in options.models:
            task = "view_coverage" if model == "view_coverage" else "texture_mesh"
            words = [sys.executable, "-m", "server", "run", task, "--model", model, "--mesh", folder / "ball.npz"]
            words += ["--out", folder / model]
            if task == "texture_mesh":
                words += ["--prompt", "clay", "--param", f"texture_px={options.size}"]
            if model == "sdxl_sync":
                write_tiny(folder / "weights" / "sdxl")
                words += ["--weights", folder / "weights", "--param", f"view_px={VIEW_PX}", "--param", "steps=2"]
            if model == "single_view":
                words += ["--cameras", folder / "cameras.json", "--picture", folder / "picture.png"]
            began = time.perf_counter()
            process = subprocess.Popen(
                list(map(str, words)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            said = process.stdout.read().decode()
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            print(f"{model}: {seconds:.0f} s, peak {used.ru_maxrss / 2**20:.1f} GB{'' if not status else ', ' + said}")


if __name__ == "__main__":
    main()
