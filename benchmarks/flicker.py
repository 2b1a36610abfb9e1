"""How much steadier a sequence is than its frames one by one: the warping error of every style of `stylise`.

    python benchmarks/flicker.py [--width PX] [--first N --last N] [--limit 1.0]     (a Python that has bpy)

A turning monkey, a rolling torus and a drifting camera over a chequered floor, 24 frames, rendered with eight samples;
each frame is drawn twice from the same passes, as the model does it in a job of `render_sequence` with compare=all.
Exit code 1 when a style is not steadier than `limit` times its single frames.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parents[1]))

from blender_aigc.gather.frames import Frames  # noqa: E402
from blender_aigc.gather.sources import Render  # noqa: E402
from blender_aigc.protocol import Blob, Job  # noqa: E402
from server.registry import Registry  # noqa: E402
from server.worker import Runner  # noqa: E402

STYLES = ("pencil", "ink", "painting", "watercolour", "cel")


def build(width_px: int) -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_plane_add(size=20)
    nodes = _painted(bpy.context.object, (1, 1, 1, 1))
    chequers = nodes.nodes.new("ShaderNodeTexChecker")
    chequers.inputs["Scale"].default_value = 14
    nodes.links.new(chequers.outputs["Color"], nodes.nodes["Principled BSDF"].inputs["Base Color"])
    bpy.ops.mesh.primitive_monkey_add(location=(-1.2, 0, 1))
    monkey = bpy.context.object
    smooth = monkey.modifiers.new("Smooth", "SUBSURF")
    smooth.levels = smooth.render_levels = 2
    monkey.data.shade_smooth()
    _painted(monkey, (0.8, 0.15, 0.08, 1))
    bpy.ops.mesh.primitive_torus_add(location=(1.4, 0.8, 0.8))
    torus = bpy.context.object
    _painted(torus, (0.1, 0.25, 0.8, 1))
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0.2))
    bpy.context.object.data.energy = 4
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.4, 0.55, 0.8, 1)
    bpy.ops.object.camera_add(location=(0, -7, 3), rotation=(1.2, 0, 0))
    camera = scene.camera = bpy.context.object
    for frame, way in ((1, 0.0), (24, 1.0)):
        monkey.location.x, monkey.rotation_euler.z = -1.6 + 1.4 * way, 0.9 * way
        torus.rotation_euler = (0.4, 0.9 * way, 0)
        camera.location.x = 0.8 * way
        for obj, path in ((monkey, "location"), (monkey, "rotation_euler"), (torus, "rotation_euler")):
            obj.keyframe_insert(path, frame=frame)
        camera.keyframe_insert("location", frame=frame)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 8, False
    scene.render.resolution_x, scene.render.resolution_y = width_px, width_px * 9 // 16
    scene.view_settings.view_transform = "Standard"
    return scene


def _painted(obj: bpy.types.Object, colour: tuple[float, float, float, float]) -> bpy.types.NodeTree:
    material = bpy.data.materials.new(obj.name)
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = colour
    obj.data.materials.append(material)
    return material.node_tree


def figures(style: str, passes: list[Path], folder: Path) -> dict[str, float]:
    """Mean warping errors of the sequence and of single frames, over the pairs."""
    runner, before, reports = Runner(Registry(), "cpu"), None, []
    for number, path in enumerate(passes):
        out = folder / f"{style}_{number}"
        out.mkdir()
        inputs = {"passes": path} | ({"before": before} if before is not None else {})
        blobs = {key: Blob("0" * 64, ".npz") for key in inputs}
        job_id = f"00000000-0000-0000-0000-{number:012d}"
        job = Job(job_id, "render_sequence", "stylise", blobs, {"style": style, "compare": "all"}, seed=3)
        ending = runner.run(job, out, inputs, lambda _: None, lambda: False)
        if ending.result is None:
            raise SystemExit(str(ending.fault))
        before = next(out / artefact.file for artefact in ending.result.artefacts if artefact.kind == "state")
        reports.append(ending.result.report)
    return {key: statistics.fmean(report[key] for report in reports[1:]) for key in ("flicker", "flicker_single")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--first", type=int, default=7)
    parser.add_argument("--last", type=int, default=18)
    parser.add_argument("--limit", type=float, default=1.0)
    options = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder, passes = Path(name), []
        frames = Frames(build(options.width), Render(), keep=True)
        for frame in range(options.first, options.last + 1):
            passes.append(folder / f"{frame}.npz")
            passes[-1].write_bytes(frames.blob(frame)[0])
        frames.close()
        for style in STYLES:
            found = figures(style, passes, folder)
            share = found["flicker"] / found["flicker_single"]
            worst = max(worst, share)
            rounded = {key: round(value, 5) for key, value in found.items()}
            sys.stdout.write(json.dumps({"style": style, **rounded, "share": round(share, 3)}) + "\n")
            sys.stdout.flush()
    return int(worst > options.limit)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender 4.2 as a module does not always end well
