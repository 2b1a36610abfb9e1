"""Coarse-to-fine meshing against the whole lattice: queries, time with a field that costs like a small network, memory.

Run: python3 dev.py bench meshing
"""

from __future__ import annotations

import sys
import time
import tracemalloc

import numpy as np

from server.geometry.mesher import extract

CUBE = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


def toy(points: np.ndarray) -> np.ndarray:
    """A ball, a box and thin legs: positive inside."""
    ball = 0.45 - np.linalg.norm(points - np.array((0.15, -0.1, 0.35), np.float32), axis=1)
    box = 0.05 - np.maximum(np.abs(points[:, :2]).max(axis=1) - 0.55, np.abs(points[:, 2]))
    legs = np.abs(np.abs(points[:, :2]) - 0.5).max(axis=1)
    return np.maximum(np.maximum(ball, box), np.minimum(0.02 - legs, 0.9 - np.abs(points[:, 2] - 0.05) - 0.2))


_LAYERS = [np.random.default_rng(n).standard_normal((64, 64)).astype(np.float32) / 8 for n in range(4)]


def costly(points: np.ndarray) -> np.ndarray:
    """The same field, at the price of a network of four layers with 64 units."""
    hidden = np.repeat(points, 22, axis=1)[:, :64]
    for layer in _LAYERS:
        hidden = np.maximum(hidden @ layer, 0)
    return toy(points) + 0 * hidden[:, 0]


def timed(work) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main() -> None:
    say = sys.stdout.write
    extract(toy, CUBE, 33)  # the case table is made once
    say(
        "samples/axis | queries, whole | coarse to fine | ratio | same mesh | seconds, whole | coarse to fine | ratio\n"
    )
    for samples in (64, 128, 256):
        whole_s, whole = timed(lambda: extract(costly, CUBE, samples, coarse_to_fine=False))  # noqa: B023
        fine_s, fine = timed(lambda: extract(costly, CUBE, samples))  # noqa: B023
        same = np.array_equal(whole.vertices, fine.vertices) and np.array_equal(whole.faces, fine.faces)
        asked, few = whole.report["field_queries"], fine.report["field_queries"]
        say(f"{samples:12} | {asked:14,} | {few:14,} | {asked / few:5.1f} | {same!s:9} | ")
        say(f"{whole_s:14.2f} | {fine_s:14.2f} | {whole_s / fine_s:5.1f}\n")
    try:
        from skimage.measure import marching_cubes
    except ImportError:
        say("scikit-image is not installed: no comparison with its marching cubes\n")
    else:
        axis = np.linspace(-1, 1, 256, dtype=np.float32)
        volume = toy(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)).reshape((256,) * 3)
        theirs, _ = timed(lambda: marching_cubes(volume, 0.0))
        ours, _ = timed(lambda: extract(toy, CUBE, 256))
        say(f"256, field for free: scikit-image on the ready volume {theirs:.2f} s, ours with queries {ours:.2f} s\n")
    for samples in (256, 512):
        tracemalloc.start()
        seconds, mesh = timed(lambda: extract(toy, CUBE, samples))  # noqa: B023
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        share = peak / (4 * samples**3)
        say(
            f"{samples}: {len(mesh.faces):,} faces, {seconds:.1f} s, "
            f"peak {peak / 1e6:.0f} MB = {share:.2f} of one float32 volume\n"
        )


if __name__ == "__main__":
    main()
