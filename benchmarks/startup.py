"""What a user waits for before anything happens: enabling the add-on, the server's hello, the first result.

    python benchmarks/startup.py        (a Python with bpy)

Enabling is set beside importing numpy in a fresh process, the server's hello beside a bare Python that starts and ends.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5

ENABLE = """
import sys, time
import bpy
sys.path.insert(0, {root!r})
start = time.perf_counter()
import blender_aigc
blender_aigc.register()
print(time.perf_counter() - start, "requests" in sys.modules, "numpy" in sys.modules)
blender_aigc.unregister()
import os
sys.stdout.flush()
os._exit(0)
"""


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - start


def enabling() -> float:
    script = ENABLE.format(root=str(ROOT))
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    return float(done.stdout.strip().splitlines()[-1].split()[0])


def hello() -> float:
    """Seconds from the start of the process to its one line."""
    with tempfile.TemporaryDirectory() as data:
        start = time.perf_counter()
        command = [sys.executable, "-m", "server", "serve", "--data", data, "--forever"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
        assert server.stdout is not None
        server.stdout.readline()
        took = time.perf_counter() - start
        server.terminate()
        server.wait(20)
        return took


def main() -> None:
    rows = {
        "a bare Python": [seconds([sys.executable, "-I", "-c", ""]) for _ in range(ROUNDS)],
        "a Python that imports numpy": [seconds([sys.executable, "-I", "-c", "import numpy"]) for _ in range(ROUNDS)],
        "enabling the add-on": [enabling() for _ in range(ROUNDS)],
        "the server's hello": [hello() for _ in range(ROUNDS)],
        "listing the models": [seconds([sys.executable, "-m", "server", "models"]) for _ in range(ROUNDS)],
    }
    baseline = statistics.median(rows["a Python that imports numpy"])
    print(f"{'':30} {'median s':>9} {'worst s':>9} {'x numpy':>8}")
    for name, times in rows.items():
        middle = statistics.median(times)
        print(f"{name:30} {middle:9.3f} {max(times):9.3f} {middle / baseline:8.2f}")


if __name__ == "__main__":
    main()
