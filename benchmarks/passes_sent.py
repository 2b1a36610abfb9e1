"""The way of a set of passes to the server, against bare files: what the hash, the store and the checks cost.

    python benchmarks/passes_sent.py [--size PX] [--rounds N] [--limit 2]     (a Python that has bpy)

Ours: the passes as bytes, hashed and put into the store of a real server's data folder, read and checked as models read
them. Bare: the same arrays written by numpy.savez and read again. Alternating, one process; medians of the ratios.
Exit code 1 above the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from blender_aigc.environment import builtin_environment  # noqa: E402
from blender_aigc.gather.passes import passes_blob  # noqa: E402
from blender_aigc.session import Session  # noqa: E402
from server.filters.passes import read_passes  # noqa: E402


def passes_of(size: int) -> dict[str, np.ndarray]:
    """What is sent for every picture: seven passes of noise, about 47 bytes a pixel."""
    draw = np.random.default_rng(0)
    shape = (size, size)
    return {
        "combined": draw.integers(0, 256, (*shape, 4), dtype=np.uint8),
        "depth": draw.random(shape, np.float32) + 1,
        "normal": draw.random((*shape, 3), np.float32),
        "object_id": draw.integers(0, 9, shape, dtype=np.int32),
        "material_id": draw.integers(0, 9, shape, dtype=np.int32),
        "line": draw.integers(0, 256, shape, dtype=np.uint8),
        "vector": draw.random((*shape, 4), np.float32),
        "meta": np.frombuffer(b"{}", np.uint8),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--limit", type=float, default=2.0)
    options = parser.parse_args()
    passes = passes_of(options.size)
    ours_s: list[float] = []
    bare_s: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder), builtin_environment())
        session.ensure_started()
        while not session.models:
            session.pump()
            session.rest(0.05)
        for number in range(options.rounds + 1):  # the first warms both up
            passes["depth"][0, 0] = number  # else the store has it already
            start = time.perf_counter()
            np.savez(Path(folder) / "bare.npz", **passes)
            with np.load(Path(folder) / "bare.npz") as read:
                _ = {name: read[name] for name in read.files}
            middle = time.perf_counter()
            blob = session.put_blob(*passes_blob(passes))
            read_passes(session.blob_folder() / blob.file_name)
            if number:
                bare_s.append(middle - start)
                ours_s.append(time.perf_counter() - middle)
        session.close(stop_idle=True)
    ratio = statistics.median(ours / bare for ours, bare in zip(ours_s, bare_s, strict=True))
    report = {
        "size_px": options.size,
        "bare_s": round(statistics.median(bare_s), 3),
        "ours_s": round(statistics.median(ours_s), 3),
        "ratio": round(ratio, 2),
        "limit": options.limit,
    }
    sys.stdout.write("\n" + json.dumps(report) + "\n")
    return int(ratio > options.limit)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
