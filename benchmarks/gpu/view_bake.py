"""The bake of benchmarks/view_bake.py on a graphics card: 252k triangles, 16 views of 1024, into 4096.

    python benchmarks/gpu/view_bake.py MESH.npz [--size 4096] [--rounds 5] [--limit 150]

MESH.npz: positions, faces, corner_uvs, corner_normals, as benchmarks/baseline/cycles_bake.py writes it. Milliseconds
from triangles on the card to the texture in main memory; the aim is 150 ms at 4096. Also compares the texture with the
processor's. Exit code 1 when the median is above the limit or the textures differ by more than one grey level in more
than one texel of a thousand.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from server.geometry import cameras as sets  # noqa: E402
from server.geometry import raster, view_bake  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mesh", type=Path)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=150)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("There is no CUDA device here.")
    mesh = Triangles(**np.load(options.mesh))
    looks = [sets.framing(mesh.positions, -way, 1024) for way in sets.directions(16)]
    views = [
        (np.clip(maps.normal.numpy() * 0.5 + 0.5, 0, 1) * 255).astype(np.uint8)
        for maps in raster.render_maps(mesh, looks)
    ]
    scene, taken, baked = raster.Scene(mesh, "cuda"), [], None
    for _ in range(options.rounds + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        baked = view_bake.bake_views(scene, looks, views, options.size)
        torch.cuda.synchronize()
        taken.append((time.perf_counter() - start) * 1e3)
    judge = view_bake.bake_views(mesh, looks, views, options.size)
    apart = np.abs(baked.texture.astype(int) - judge.texture).max(axis=2)[judge.weight > 0]
    median, differ = float(np.median(taken[1:])), float((apart > 1).mean())
    print(
        f"{options.size}: {median:.0f} ms (first {taken[0]:.0f}), texels that differ from the processor's {differ:.2%}"
    )
    return int(median > options.limit or differ > 1e-3)


if __name__ == "__main__":
    sys.exit(main())
