"""The mesh pipeline: what decimating before unwrapping saves, what each step costs, and a million faces.

Run: python3 dev.py bench mesh_pipeline
"""

from __future__ import annotations

import sys
import time

import numpy as np

from server.geometry.asset import AssetOptions, finish
from server.geometry.clean import topology
from server.geometry.decimate import decimate
from server.geometry.mesher import extract
from server.geometry.normals import vertex_normals
from server.geometry.unwrap import unwrap

CUBE = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
say = sys.stdout.write


def lumps(points: np.ndarray) -> np.ndarray:
    """A ball with a rough skin: positive inside."""
    return 0.75 - np.linalg.norm(points, axis=1) + 0.06 * np.sin(9 * points).prod(axis=1) * 3


def colours(points: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.sin(9 * points)


def seconds(work, *arguments):
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, result


def unwrapping() -> None:
    say("raw faces | unwrap raw, s | decimate to 20k + unwrap, s | ratio\n")
    for samples in (64, 96, 128):
        raw = extract(lumps, CUBE, samples)
        direct, _ = seconds(unwrap, raw, 1024, "charts")
        first, light = seconds(decimate, raw, 20_000)
        then, _ = seconds(unwrap, light, 1024, "charts")
        say(
            f"{len(raw.faces):9,} | {direct:13.2f} | {first:.2f} + {then:.2f}{'':16} | {direct / (first + then):5.1f}\n"
        )


def steps() -> None:
    raw = extract(lumps, CUBE, 256)
    say(f"\nfinish() of {len(raw.faces):,} faces to 20,000, seconds by phase\n")
    for unwrap_by in ("charts", "boxes"):
        for texture_px in (1024, 2048, 4096):
            spent: dict[str, float] = {}
            last = ["", time.perf_counter()]

            def watch(phase: str, step: int = 0, total: int = 0, spent=spent, last=last) -> None:
                now = time.perf_counter()
                spent[last[0]] = spent.get(last[0], 0) + now - last[1]
                last[:] = phase, now

            options = AssetOptions(texture_px=texture_px, unwrap=unwrap_by)
            total, mesh = seconds(finish, raw, options, colours, watch)
            watch("")
            parts = ", ".join(f"{phase} {value:.2f}" for phase, value in spent.items() if phase)
            say(f"{unwrap_by}, {texture_px} px: {total:5.2f} ({parts}), coverage {mesh.report['uv_coverage']}\n")


def million() -> None:
    mesh = extract(lumps, CUBE, 480)
    bare = AssetOptions(faces=0, texture_px=0)
    say(f"\n{len(mesh.faces):,} faces: clean + normals {seconds(finish, mesh, bare)[0]:.2f} s")
    say(f", normals alone {seconds(vertex_normals, mesh.vertices, mesh.faces)[0]:.2f} s")
    took, light = seconds(decimate, mesh, 20_000)
    say(f", decimate to 20,000 {took:.2f} s, still watertight: {topology(light.faces).watertight}\n")


if __name__ == "__main__":
    unwrapping()
    steps()
    million()
