"""Depth, normal, id and line passes of a 250k-triangle scene: ours against Blender's own render of the same passes.

    python benchmarks/passes.py [--size PX] [--rounds N] [--limit 1.3]     (a Python that has bpy)

Both in one process, alternating. Blender's: one Cycles sample without denoising of the user's scene itself, the four
passes (depth, normal, Cryptomatte object and material) written to a multilayer EXR and left there. Ours: the call that
the add-on makes, to arrays in memory, the lines drawn and the copy of the scene gone again. "lean" is Blender's render
once more without bounces and sky, which nobody who looks for the passes would think of: the difference to ours is what
our own steps cost. Exit code 1 when the median ratio to Blender's own is above the limit.
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

from blender_aigc.gather.passes import passes_blob, render_passes  # noqa: E402

WANTED = frozenset({"depth", "normal", "object_id", "line"})


def build(size_px: int) -> bpy.types.Scene:
    """A floor, a subdivided monkey and some balls: 250,000 triangles in 11 objects, with a sky and a lamp."""
    bpy.ops.wm.read_factory_settings()
    scene = bpy.context.scene
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.mesh.primitive_plane_add(size=40, location=(0, 0, -1))
    bpy.ops.mesh.primitive_monkey_add(location=(0, 0, 0.5))
    smooth = bpy.context.object.modifiers.new("Smooth", "SUBSURF")
    smooth.render_levels = smooth.levels = 3
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=6, radius=0.6)
    first = bpy.context.object
    for number in range(1, 9):
        copy = first.copy()
        copy.data = first.data.copy()
        copy.location = ((number % 3 - 1) * 2.2, (number // 3 - 1) * 2.2 + 1, -0.4)
        scene.collection.objects.link(copy)
    scene.render.resolution_x = scene.render.resolution_y = size_px
    scene.render.resolution_percentage = 100
    return scene


def triangles() -> int:
    graph = bpy.context.evaluated_depsgraph_get()
    count = 0
    for instance in graph.object_instances:
        if instance.object.type == "MESH":
            mesh = instance.object.to_mesh()
            mesh.calc_loop_triangles()
            count += len(mesh.loop_triangles)
            instance.object.to_mesh_clear()
    return count


def prepare_own(scene: bpy.types.Scene, path: Path) -> None:
    """Blender's side: the user's own settings for the same passes."""
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.cycles.device = "CPU"
    layer = scene.view_layers[0]
    for name in ("z", "normal", "cryptomatte_object", "cryptomatte_material"):
        setattr(layer, f"use_pass_{name}", True)
    layer.pass_cryptomatte_depth = 2
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR_MULTILAYER", "32", "NONE"
    scene.render.filepath = str(path)


def render_lean(scene: bpy.types.Scene) -> float:
    """Seconds of Blender's render without light transport."""
    bounces, world = scene.cycles.max_bounces, scene.world
    scene.cycles.max_bounces, scene.world = 0, None
    start = time.perf_counter()
    bpy.ops.render.render(write_still=True)
    seconds = time.perf_counter() - start
    scene.cycles.max_bounces, scene.world = bounces, world
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=1.3)
    options = parser.parse_args()
    own_s: list[float] = []
    ours_s: list[float] = []
    lean_s: list[float] = []
    blob_s: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        scene = build(options.size)
        count = triangles()
        prepare_own(scene, Path(folder) / "own.exr")
        for number in range(options.rounds + 1):  # the first warms both up
            start = time.perf_counter()
            bpy.ops.render.render(write_still=True)
            middle = time.perf_counter()
            passes = render_passes(scene, WANTED)
            end = time.perf_counter()
            passes_blob(passes)
            if number:
                own_s.append(middle - start)
                ours_s.append(end - middle)
                blob_s.append(time.perf_counter() - end)
                lean_s.append(render_lean(scene))
    ratio = statistics.median(ours / own for ours, own in zip(ours_s, own_s, strict=True))
    report = {
        "blender": bpy.app.version_string,
        "triangles": count,
        "size_px": options.size,
        "own_s": round(statistics.median(own_s), 3),
        "ours_s": round(statistics.median(ours_s), 3),
        "lean_s": round(statistics.median(lean_s), 3),
        "blob_s": round(statistics.median(blob_s), 3),
        "ratio": round(ratio, 3),
        "limit": options.limit,
    }
    sys.stdout.write("\n" + json.dumps(report) + "\n")
    return int(ratio > options.limit)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender 4.2 as a module does not always end well
