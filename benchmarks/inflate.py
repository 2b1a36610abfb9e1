"""Time and memory of the model `inflate`, phase by phase, on drawn pictures (or on the picture that is named).

    python benchmarks/inflate.py [PICTURE]

Seconds are for orientation; the peak is that of numpy's own allocations (tracemalloc), in a run of its own.
"""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from blender_aigc.protocol import Provenance
from server.artefacts import write_glb
from server.geometry.frames import BLENDER
from server.geometry.inflated_picture import Look, painted, raised
from server.geometry.silhouette import cut_out
from server.images import load_image

PHASES = ("read", "cut out", "mesh and inflate", "paint", "write the GLB")


def drawn(size: int, alpha: bool) -> np.ndarray:
    """(size, size, 4) uint8: a textured pot with a handle, before transparency or before grey with a little noise."""
    y, x = ((np.mgrid[:size, :size] + 0.5) / size).astype(np.float32)
    body, ring = np.hypot(x - 0.45, y - 0.55) - 0.3, np.abs(np.hypot(x - 0.8, y - 0.5) - 0.12) - 0.035
    coverage = np.clip(0.5 - np.minimum(body, ring) * size, 0, 1)[..., None]
    waves = 30 * np.sin(40 * x) * np.sin(30 * y)
    rgb = np.stack([180 + waves, 90 - waves, 60 + 100 * x], axis=-1)
    rng = np.random.default_rng(0)
    rgb = coverage * rgb + (1 - coverage) * 128 + rng.integers(-2, 3, rgb.shape)
    last = 255 * coverage if alpha else np.full_like(coverage, 255)
    return np.clip(np.rint(np.concatenate([rgb, last], axis=2)), 0, 255).astype(np.uint8)


def whole_job(path: Path, look: Look, out: Path) -> tuple[list[float], int, int]:
    """Seconds of each phase, number of faces, bytes of the GLB."""
    at = [time.perf_counter()]
    rgba = load_image(path)
    at.append(time.perf_counter())
    cutout = cut_out(rgba, look.tolerance, look.open_holes, look.smallest_share)
    at.append(time.perf_counter())
    shell = raised(cutout, look)
    at.append(time.perf_counter())
    meshes = painted(rgba, cutout, shell, look)
    at.append(time.perf_counter())
    provenance = Provenance("0", "image_to_mesh", "inflate", "", "", "", 0, {}, {}, "")
    glb = write_glb(meshes, out, provenance, BLENDER, 1.0, "bench")
    at.append(time.perf_counter())
    return list(np.diff(at)), sum(len(mesh.faces) for mesh in meshes), glb.bytes


def peak_mib(path: Path, look: Look, out: Path) -> float:
    tracemalloc.start()
    whole_job(path, look, out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cases: list[tuple[str, Path, Look]] = []
        if arguments:
            cases.append((Path(arguments[0]).name, Path(arguments[0]), Look()))
        else:
            for size, alpha, look in (
                (512, True, Look()),
                (512, True, Look(quads=True)),
                (512, False, Look()),
                (1024, False, Look(texture_px=2048)),
                (4096, False, Look(texture_px=4096)),
                (512, True, Look(faces=200_000)),
            ):
                path = Path(folder) / f"{size}{'a' if alpha else 'b'}.npy"
                np.save(path, drawn(size, alpha))
                kind = "alpha" if alpha else "plain background"
                cases.append((f"{size} px, {kind}, {'quads' if look.quads else 'triangles'}", path, look))
        print("| picture | faces | texture px | " + " | ".join(PHASES) + " | total s | peak MiB |")
        print("|---|---:|---:|" + "---:|" * (len(PHASES) + 2))
        for label, path, look in cases:
            runs = [whole_job(path, look, Path(folder) / "out.glb") for _ in range(3)]
            seconds, faces, _ = min(runs, key=lambda run: sum(run[0]))
            each = " | ".join(f"{value:.2f}" for value in seconds)
            peak = peak_mib(path, look, Path(folder) / "out.glb")
            print(f"| {label} | {faces} | {look.texture_px} | {each} | {sum(seconds):.2f} | {peak:.0f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
