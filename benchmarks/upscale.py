"""Time and memory of making pictures larger: `enlarge`, and what the tiles of `upscale` cost beside the networks.

    python benchmarks/upscale.py

Each line is a process of its own. Peak memory is the process's, above what it had before it began; "result" is the
size of the finished picture in memory.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

ENLARGE = """
import resource, sys, time
import numpy as np
from server.filters.enlarging import enlarged
side, scale = int(sys.argv[1]), int(sys.argv[2])
y, x = np.mgrid[:side, :side].astype(np.float32)
wave = np.sin(x / 7) * np.cos(y / 11) + 0.3 * np.sin(x * y / 900)
picture = np.stack([128 + 60 * wave, 128 - 50 * wave, 90 + 30 * wave, 255 + 0 * wave], -1).clip(0, 255).astype(np.uint8)
del x, y, wave
enlarged(picture[:64, :64], scale)
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
start = time.perf_counter()
made = enlarged(picture, scale)
"""
DRAWN = """
import resource, sys, tempfile, time, uuid
from pathlib import Path
import numpy as np
from blender_aigc.protocol import Blob, Job
from server.models.image.upscale import Upscale
from server.registry import Registry
from server.weights import Shelf
from server.worker import Runner
side, scale = int(sys.argv[1]), int(sys.argv[2])
folder = Path(tempfile.mkdtemp())
Upscale.tiny(folder)
runner = Runner(Registry(shelf=Shelf([folder], hub_cache=folder / "none")), "cpu")
def run(side):
    y, x = np.mgrid[:side, :side]
    np.save(folder / "given.npy", np.stack([x % 256, y % 256, (x + y) % 256, 255 + 0 * x], -1).astype(np.uint8))
    params = {"scale": str(scale), "steps": 2, "strength": 0.9, "engine": "sdxl"}
    job = Job(str(uuid.uuid4()), "upscale_image", "upscale", {"image": Blob("0" * 64, ".npy")}, params, name="x")
    ending = runner.run(job, folder, {"image": folder / "given.npy"}, lambda _: None, lambda: False)
    assert ending.say == "done", ending.fault
run(64)
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
start = time.perf_counter()
run(side)
"""
END = """
spent = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(f"{spent:.1f} s, peak {(peak - before) / 1e6:.0f} MB above {before / 1e6:.0f} MB")
"""


def main() -> None:
    for name, script, rows in (
        ("enlarge", ENLARGE, ((1024, 2), (1024, 4), (4096, 2))),
        ("upscale, tiny SDXL", DRAWN, ((512, 2), (1024, 4))),
    ):
        for side, scale in rows:
            line = [sys.executable, "-c", script + END, str(side), str(scale)]
            done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
            told = (done.stdout or done.stderr).strip().splitlines()[-1]
            result = (side * scale) ** 2 * 4 / 1e6
            sys.stdout.write(f"{name}, {side} px to {side * scale} px (result {result:.0f} MB): {told}\n")
            sys.stdout.flush()


main()
