"""Sixteen views of 1024 baked onto the subdivided monkey: ours against Blender's own Cycles bake of the same job.

    python benchmarks/view_bake.py [--bpy PYTHON] [--rounds N] [--level 4] [--sizes 2048 4096] [--large]

Both sides in one run, alternating, on the same triangles, UVs, cameras and pictures. Ours tests visibility, matches
gains, blends two bands, fills what no camera sees and pads; Cycles (one EMIT sample, cos^4 in nodes, margin 16) does
none of that. Seconds are of the wall clock and of the processor; on a shared machine the ratio of the latter counts.
--large: also 1,007,616 triangles, ours alone. Without --bpy, the environment that dev.py makes is used.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from server.geometry import cameras as sets  # noqa: E402
from server.geometry import coverage, raster, view_bake  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402

VIEWS, VIEW_PX = 16, 1024


def paint(points: np.ndarray) -> np.ndarray:
    """(..., 3) colours 0..1 of positions."""
    x, y, z = np.moveaxis(points, -1, 0)
    red = 0.5 + 0.35 * np.sin(7 * x + 3 * y)
    return np.stack([red, 0.5 + 0.35 * np.sin(6 * y + 2 * z), 0.5 + 0.35 * np.cos(8 * z - 3 * x)], axis=-1)


class Cycles:
    """Blender as a module in a process of its own."""

    def __init__(self, python: str, folder: Path, level: int):
        script = ROOT / "benchmarks" / "baseline" / "cycles_bake.py"
        self._process = subprocess.Popen(
            [python, script, folder, str(level)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._process.stdout.readline().strip() != "ready":
            raise SystemExit("Blender's side did not start")

    def bake(self, size: int) -> tuple[float, float]:
        self._process.stdin.write(f"bake {size}\n")
        self._process.stdin.flush()
        wall, busy = self._process.stdout.readline().split()
        return float(wall), float(busy)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def timed(work) -> tuple[float, float]:
    wall, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - busy


def prepare(folder: Path) -> tuple[Triangles, list, list[np.ndarray]]:
    """Triangles, cameras and painted views; written for Blender's side too."""
    mesh = Triangles(**np.load(folder / "mesh.npz"))
    looks = [sets.framing(mesh.positions, -way, VIEW_PX) for way in sets.directions(VIEWS)]
    views, rows = [], []
    for number, camera in enumerate(looks):
        (maps,) = raster.render_maps(mesh, [camera])
        picture = paint(maps.position.numpy() + maps.origin) * maps.mask.numpy()[..., None]
        views.append((picture * 255 + 0.5).astype(np.uint8))
        Image.fromarray(views[-1]).save(folder / f"view_{number}.png", compress_level=1)
        x, y, w = camera.rows(np.zeros(3))
        rows.append([x / VIEW_PX, w - y / VIEW_PX, w])
    np.savez(folder / "cameras.npz", rows=rows, places=[camera.position for camera in looks])
    return mesh, looks, views


def quality(mesh: Triangles, texture: np.ndarray, weight: np.ndarray) -> float:
    """PSNR in dB of the seen texels against the colour that the surface has there."""
    from server.geometry.uv_raster import uv_raster

    scene = raster.Scene(mesh)
    texels = uv_raster(scene, len(texture))
    position, _, _, _ = texels.surface(texels.texels)
    chosen = texels.texels.numpy()
    seen = weight.reshape(-1)[chosen] > 0
    error = texture.reshape(-1, 3)[chosen][seen] - paint(position.T.numpy() + scene.origin)[seen] * 255
    return float(10 * np.log10(255**2 / np.mean(error**2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bpy", default=str(ROOT / ".venvs" / "bpy-4.5" / "bin" / "python"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--level", type=int, default=4)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2048, 4096])
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cycles = Cycles(options.bpy, folder, options.level)
        mesh, looks, views = prepare(folder)
        print(f"{len(mesh.faces):,} triangles, {VIEWS} views of {VIEW_PX} px; wall / processor seconds, medians")
        base = []
        for size in options.sizes:
            ours, theirs, baked = [], [], []
            for number in range(options.rounds + 1):  # the first warms both up
                ours.append(timed(lambda s=size, to=baked: to.append(view_bake.bake_views(mesh, looks, views, s))))
                theirs.append(cycles.bake(size))
                del baked[:-1]
                if not number:
                    ours.clear(), theirs.clear()
            own, other = np.median(ours, axis=0), np.median(theirs, axis=0)
            ratios = [statistics.median(b[n] / a[n] for a, b in zip(ours, theirs, strict=True)) for n in (0, 1)]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(
                f"{size}: ours {own[0]:.2f} / {own[1]:.2f}, Cycles {other[0]:.2f} / {other[1]:.2f}, "
                f"times as fast {ratios[0]:.1f} / {ratios[1]:.1f}, "
                f"PSNR {quality(mesh, baked[-1].texture, baked[-1].weight):.1f} dB, peak so far {peak:.2f} GB"
            )
            base.append(own)
        cycles.close()
        greedy = np.median([timed(lambda: coverage.greedy(mesh, VIEW_PX)) for _ in range(options.rounds)], axis=0)
        print(f"greedy cameras {greedy[0]:.2f} / {greedy[1]:.2f}, share of the bake {greedy[1] / base[0][1]:.2f}")
    if options.large:
        with tempfile.TemporaryDirectory() as name:
            Cycles(options.bpy, Path(name), 5).close()
            mesh, looks, views = prepare(Path(name))
        large = [timed(lambda: view_bake.bake_views(mesh, looks, views, 2048)) for _ in range(options.rounds)]
        wall, busy = np.median(large, axis=0)
        print(f"{len(mesh.faces):,} triangles, 2048: {wall:.2f} / {busy:.2f}, times the first {busy / base[0][1]:.2f}")


if __name__ == "__main__":
    main()
