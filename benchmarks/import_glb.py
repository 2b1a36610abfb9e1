"""A million-face GLB into Blender: our reader against Blender's own importer, alternating in one process.

    python benchmarks/import_glb.py [--faces N] [--rounds N] [--limit 1.2]     (a Python that has bpy)

The importer runs with three sets of options: the cheapest (no custom normals, texture seams left open), the same result
as ours (seams welded), and what File > Import does by itself. Ours also checks the hash, welds exactly, makes quads and
signs the objects. Exit code 1 when the median ratio to the cheapest is above the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from blender_aigc.apply.mesh import apply_mesh  # noqa: E402
from blender_aigc.protocol import Artefact  # noqa: E402
from server.artefacts import write_glb  # noqa: E402
from server.geometry.frames import BLENDER  # noqa: E402
from server.geometry.mesh import Mesh  # noqa: E402

IMPORTS = {
    "cheapest": {"import_shading": "SMOOTH", "merge_vertices": False},
    "same result": {"import_shading": "SMOOTH", "merge_vertices": True},
    "defaults": {},
}
CHARTS = 16


def torus(faces: int) -> Mesh:
    """A closed quad mesh of about `faces` triangles, its texture cut into CHARTS x CHARTS charts, with a texture."""
    n = round((faces / 4) ** 0.5)
    i, j = np.mgrid[0 : 2 * n, 0:n]
    u, v = i / (2 * n) * 2 * np.pi, j / n * 2 * np.pi
    ring = 1 + 0.4 * np.cos(v)
    vertices = np.stack((ring * np.cos(u), ring * np.sin(u), 0.4 * np.sin(v)), -1).reshape(-1, 3).astype(np.float32)
    ii, jj = (i + 1) % (2 * n), (j + 1) % n
    a, b, c, d = (x.reshape(-1) for x in (i * n + j, ii * n + j, ii * n + jj, i * n + jj))
    quads = np.stack((a, b, c, d), 1)
    corner = np.stack([np.stack(((i + x) / (2 * n), (j + y) / n), -1) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))], 2)
    chart = (i * CHARTS // (2 * n)) * CHARTS + j * CHARTS // n
    uvs = (corner * 0.9 + (chart % 7 / 70)[..., None, None]).reshape(-1, 4, 2).astype(np.float32)
    order = [0, 1, 2, 0, 2, 3]
    texture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    return Mesh(
        vertices,
        quads[:, order].reshape(-1, 3).astype(np.int32),
        uvs[:, order].reshape(-1, 3, 2),
        base_colour=texture,
        quads=len(quads),
    )


def seconds(run: Callable[[], object]) -> float:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(path: Path, artefact: Artefact, rounds: int) -> dict[str, float]:
    """Median seconds of every way, the ways alternating."""
    ways: dict[str, Callable[[], object]] = {"ours": lambda: apply_mesh(bpy.context, path, artefact)}
    for name, options in IMPORTS.items():
        ways[name] = lambda options=options: bpy.ops.import_scene.gltf(filepath=str(path), loglevel=50, **options)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            times[name].append(seconds(way))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=1.2)
    options = parser.parse_args()
    report: dict[str, object] = {"blender": bpy.app.version_string, "faces": options.faces}
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name in ("triangles", "quads"):
            mesh = torus(options.faces)
            mesh.quads = mesh.quads if name == "quads" else 0
            path = Path(folder) / f"{name}.glb"
            medians = measure(path, write_glb([mesh], path, None, BLENDER), options.rounds)
            ratios = {way: round(medians["ours"] / medians[way], 2) for way in IMPORTS}
            report[name] = {"seconds": {k: round(v, 3) for k, v in medians.items()}, "ours to theirs": ratios}
            worst = max(worst, ratios["cheapest"])
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    sys.stdout.flush()
    return int(worst > options.limit)


if __name__ == "__main__":
    os._exit(main())  # bpy 4.2 crashes at exit after glTF use
