"""Passes of the frames of a moving 250k-triangle scene: copies of the scene kept from frame to frame against made anew.

    python benchmarks/sequence.py [--size PX] [--frames N] [--limit 1.0]     (a Python that has bpy)

Both in one process, frame by frame in turn, after a frame that warms up; the picture among the passes is the
scene's own render with one sample of Cycles, so that what is compared is the getting ready and not the light. "own" is
Blender's animation render of that picture alone, with persistent data, as an artist would do it. Exit code 1
when kept copies take more than `limit` of the time of new ones.
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

import bpy

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from passes import build, triangles  # noqa: E402

from blender_aigc.gather.frames import Frames  # noqa: E402
from blender_aigc.gather.sources import Render  # noqa: E402


def moving(size_px: int, frames: int) -> bpy.types.Scene:
    """The scene of passes.py, in which two balls and the camera move."""
    scene = build(size_px)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.cycles.device = "CPU"
    for obj in [*[o for o in scene.objects if o.type == "MESH"][-2:], scene.camera]:
        for frame, shift in ((1, 0.0), (frames + 1, 0.5)):
            obj.location.x += shift
            obj.keyframe_insert("location", frame=frame)
    return scene


def timed(scene: bpy.types.Scene, frames: int) -> tuple[list[float], list[float]]:
    """Seconds a frame with new copies and with kept ones, alternating."""
    sources = Frames(scene, Render(), keep=False), Frames(scene, Render(), keep=True)
    seconds: tuple[list[float], list[float]] = [], []
    for frame in range(1, frames + 2):
        for source, spent in zip(sources, seconds, strict=True):
            start = time.perf_counter()
            source.blob(frame)
            spent.append(time.perf_counter() - start)
    for source in sources:
        source.close()
    return seconds[0][1:], seconds[1][1:]


def own(scene: bpy.types.Scene, frames: int) -> float:
    """Seconds a frame of Blender's animation render of the picture alone."""
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "own_")
        scene.render.use_persistent_data = True
        scene.frame_start, scene.frame_end = 1, frames + 1
        start = time.perf_counter()
        bpy.ops.render.render(animation=True)
        seconds = time.perf_counter() - start
    scene.render.use_persistent_data = False
    return seconds / (frames + 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--limit", type=float, default=1.0)
    options = parser.parse_args()
    scene = moving(options.size, options.frames)
    count = triangles()
    both = timed(scene, options.frames)
    ratio = statistics.median(kept / anew for anew, kept in zip(*both, strict=True))
    anew, kept = (statistics.median(spent) for spent in both)
    alone = own(scene, options.frames)
    report = {
        "blender": bpy.app.version_string,
        "triangles": count,
        "size_px": options.size,
        "anew_s": round(anew, 3),
        "kept_s": round(kept, 3),
        "own_s": round(alone, 3),
        "ratio": round(ratio, 3),
        "to_own": round(kept / alone, 2),
        "limit": options.limit,
    }
    sys.stdout.write("\n" + json.dumps(report) + "\n")
    return int(ratio > options.limit)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender 4.2 as a module does not always end well
