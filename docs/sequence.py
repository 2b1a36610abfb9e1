"""Draws docs/images/sequence.jpg and sequence.gif: things on a table, filmed, in the styles of `stylise`.

python docs/sequence.py --render   with a Python that has bpy: the passes of the frames, into out/sequence
python docs/sequence.py            with that of the server: both pictures
"""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_aigc.protocol import Blob, Job  # noqa: E402

OUT = ROOT / "out" / "sequence"
IMAGES = ROOT / "docs" / "images"
SIZE_PX = (480, 270)
FRAMES = range(1, 15)
SHOWN = (2, 8, 14)
STYLES = ("painting", "pencil", "ink", "watercolour", "cel")
SHOWN_PX = (320, 180)
GIF_STYLE, GIF_PX = "pencil", (240, 135)
THINGS: tuple[tuple[str, dict, tuple[float, float, float], float, tuple[float, float, float]], ...] = (
    ("jug", {"kind": "teapot"}, (-0.16, 0.02, 0), 20, (0.10, 0.22, 0.45)),
    ("vase", {"height_m": 0.34}, (0.06, 0.16, 0), 0, (0.62, 0.10, 0.05)),
    ("bowl", {"width_m": 0.2}, (0.24, 0.0, 0), 0, (0.75, 0.55, 0.16)),
    ("cup", {}, (0.06, -0.12, 0), 200, (0.72, 0.70, 0.62)),
)
"""Generator, values, place in metres, turn in degrees, colour."""


if "--render" not in sys.argv:
    from PIL import Image


def render() -> None:
    from blender_aigc.gather.frames import Frames
    from blender_aigc.gather.sources import Render

    OUT.mkdir(parents=True, exist_ok=True)
    frames = Frames(scene(), Render(), keep=True)
    for frame in FRAMES:
        (OUT / f"{frame:04d}.npz").write_bytes(frames.blob(frame)[0])
    frames.close()


def scene():  # noqa: ANN201 (bpy is there for --render only)
    """The table, a ball that rolls over it, and a camera that goes around it."""
    import bpy
    from mathutils import Matrix, Vector

    from blender_aigc.director.generators import generate
    from blender_aigc.director.generators.build import Builder

    bpy.ops.wm.read_factory_settings(use_empty=True)
    here = bpy.context.scene
    here.world = bpy.data.worlds.new("Sky")
    here.world.use_nodes = True
    here.world.node_tree.nodes["Background"].inputs[0].default_value = (0.75, 0.85, 1.0, 1)
    here.world.node_tree.nodes["Background"].inputs[1].default_value = 0.45
    builder = Builder()
    for name, values, place, turn, colour in THINGS:
        world = Matrix.Translation(Vector(place)) @ Matrix.Rotation(math.radians(turn), 4, "Z")
        parts = generate(name, values, 1)
        builder.build(parts, name.capitalize(), here.collection, world, main=_material(name, colour))
    bpy.ops.object.empty_add()
    middle = bpy.context.object
    ball = builder.build(generate("ball", {"kind": "beach", "diameter_m": 0.1}), "Ball", here.collection).root
    ball.parent, ball.location = middle, (0, 0, -0.05)
    bpy.ops.mesh.primitive_cylinder_add(radius=0.55, depth=0.04, location=(0, 0, -0.0205), vertices=128)
    bpy.context.object.data.materials.append(_material("Table", (0.30, 0.15, 0.07)))
    bpy.ops.mesh.primitive_plane_add(size=400, location=(0, 0, -0.75))
    bpy.context.object.data.materials.append(_material("Floor", (0.32, 0.38, 0.33)))
    bpy.ops.object.light_add(type="SUN", rotation=(0.75, 0.1, 0.7))
    bpy.context.object.data.energy, bpy.context.object.data.angle = 3.6, 0.05
    bpy.ops.object.empty_add(location=(0.03, 0, 0.13))
    pivot = bpy.context.object
    bpy.ops.object.camera_add(location=(0, -1.15, 0.34), rotation=(math.radians(73.5), 0, 0))
    here.camera = camera = bpy.context.object
    camera.parent, camera.data.lens, camera.data.clip_start = pivot, 42, 0.01
    for frame, way in ((FRAMES[0], 0.0), (FRAMES[-1], 1.0)):
        pivot.rotation_euler.z = math.radians(-12 + 24 * way)
        middle.location, middle.rotation_euler = (-0.34 + 0.24 * way, -0.2, 0.05), (0.3, 4.8 * way, 0)
        for thing, path in ((pivot, "rotation_euler"), (middle, "location"), (middle, "rotation_euler")):
            thing.keyframe_insert(path, frame=frame)
    here.render.engine, here.cycles.samples, here.cycles.use_denoising = "CYCLES", 32, True
    here.render.resolution_x, here.render.resolution_y = SIZE_PX
    here.view_settings.view_transform = "Standard"
    return here


def _material(name: str, colour: tuple[float, float, float]):  # noqa: ANN202
    import bpy

    material = bpy.data.materials.new(name)
    material.use_nodes = True
    inputs = material.node_tree.nodes["Principled BSDF"].inputs
    inputs["Base Color"].default_value, inputs["Roughness"].default_value = (*colour, 1), 0.5
    return material


def drawn(style: str, single: bool = False) -> list[Image.Image]:
    """The frames in one style, as jobs of `render_sequence` draw them; single: each by itself."""
    from server.registry import Registry
    from server.worker import Runner

    runner, before, pictures = Runner(Registry(), "cpu"), None, []
    for frame in FRAMES:
        out = OUT / (f"{style}_single" if single else style) / f"{frame:04d}"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        inputs = {"passes": OUT / f"{frame:04d}.npz"} | ({"before": before} if before is not None else {})
        blobs = {key: Blob("0" * 64, ".npz") for key in inputs}
        task = "render_image" if single else "render_sequence"
        job = Job(f"00000000-0000-0000-0000-{frame:012d}", task, "stylise", blobs, {"style": style}, seed=3)
        ending = runner.run(job, out, inputs, lambda _: None, lambda: False)
        if ending.result is None:
            raise SystemExit(str(ending.fault))
        made = {artefact.kind: out / artefact.file for artefact in ending.result.artefacts}
        before = made.get("state")
        pictures.append(Image.open(made["image"]).convert("RGB"))
    return pictures


def main() -> None:
    wide, high = SHOWN_PX
    sheet = Image.new("RGB", (wide * len(SHOWN), high * len(STYLES)))
    for row, style in enumerate(STYLES):
        pictures = drawn(style)
        for column, frame in enumerate(SHOWN):
            small = pictures[FRAMES.index(frame)].resize(SHOWN_PX, Image.Resampling.LANCZOS)
            sheet.paste(small, (column * wide, row * high))
        if style == GIF_STYLE:
            gif(drawn(style, single=True), pictures)
    sheet.save(IMAGES / "sequence.jpg", quality=75)


def gif(left: list[Image.Image], right: list[Image.Image]) -> None:
    frames, (wide, high) = [], GIF_PX
    for pair in zip(left, right, strict=True):
        whole = Image.new("L", (2 * wide + 4, high), 255)
        for number, picture in enumerate(pair):
            whole.paste(picture.convert("L").resize(GIF_PX, Image.Resampling.LANCZOS), (number * (wide + 4), 0))
        frames.append(whole.quantize(8, dither=Image.Dither.NONE))
    frames[0].save(IMAGES / "sequence.gif", save_all=True, append_images=frames[1:], duration=90, loop=0)


if __name__ == "__main__":
    render() if "--render" in sys.argv else main()
