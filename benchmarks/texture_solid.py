"""What `solid` costs: a sphere of 252 thousand triangles in 1024, 2048 and 4096; CPU seconds and peak of memory.

All of it in one run: the ratios are what counts. CPU seconds of all threads, so that other work on the machine matters
little. Each size runs in a process of its own, so that its peak is its own.

    python benchmarks/texture_solid.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SIZES = (1024, 2048, 4096)


def sphere(rings: int = 355) -> str:
    """An OBJ with UVs: rings * rings quads."""
    v, u = np.meshgrid(np.linspace(0.02, 0.98, rings + 1), np.linspace(0, 1, rings + 1), indexing="ij")
    around, down = u * 2 * np.pi, v * np.pi
    bump = 1 + 0.05 * np.sin(9 * around) * np.sin(7 * down)
    points = (
        np.stack([np.sin(down) * np.cos(around), np.cos(down), np.sin(down) * np.sin(around)], axis=-1)
        * bump[..., None]
    )
    lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in points.reshape(-1, 3)]
    lines += [f"vt {s:.5f} {1 - t:.5f}" for s, t in zip(u.ravel(), v.ravel(), strict=True)]
    first = (np.arange(rings)[:, None] * (rings + 1) + np.arange(rings) + 1).ravel()
    for a in first:
        corners = (a, a + 1, a + rings + 2, a + rings + 1)
        lines.append("f " + " ".join(f"{c}/{c}" for c in corners))
    return "\n".join(lines)


def one(size: int, path: Path, out: Path) -> None:
    from blender_aigc.protocol import Blob, Job
    from server.registry import Registry
    from server.worker import Runner

    params = {"texture_px": str(size)}
    job = Job(str(uuid.uuid4()), "texture_mesh", "solid", {"mesh": Blob("0" * 64, ".obj")}, params, "oak", name="ball")
    begun: dict[str, float] = {}
    start = time.process_time()

    def note(report: object) -> None:
        begun.setdefault(getattr(report, "phase", ""), time.process_time() - start)

    ending = Runner(Registry(), "cpu").run(job, out, {"mesh": path}, note, lambda: False)
    total = time.process_time() - start
    assert ending.say == "done", ending.fault
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    phases = [*begun.items(), ("", total)]
    parts = ", ".join(f"{a} {phases[n + 1][1] - at:.1f}" for n, (a, at) in enumerate(phases[:-1]))
    sys.stdout.write(f"{size}: {total:.1f} CPU s, peak {peak:.2f} GB ({parts})\n")


def main() -> None:
    if len(sys.argv) > 1:
        one(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ball.obj"
        path.write_text(sphere())
        for size in SIZES:
            out = Path(folder) / str(size)
            out.mkdir()
            subprocess.run([sys.executable, __file__, str(size), str(path), str(out)], check=True)


if __name__ == "__main__":
    main()
