"""Draws docs/images/texture_before_after.jpg: a truck, a chair and Suzanne before and after, by Cycles and by EEVEE.

    export AIGC_ENVIRONMENT=.venvs/server
    python docs/texture.py -- MESHES CYCLES                  with a Python that has bpy
    blender -b --python docs/texture.py -- MESHES EEVEE      a Blender that finds a screen

MESHES: a folder with CesiumMilkTruck.glb and chair_model.obj. The renders are kept under out/texture; the second call
puts all four together. No download: the model is `solid`.
"""

from __future__ import annotations

import math
import os
import sys
import traceback
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Vector

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_aigc import batch, register  # noqa: E402

OUT = ROOT / "out" / "texture"
SIZE_PX = (700, 250)
GAP_PX = 4
SAMPLES = {"CYCLES": 128, "EEVEE": 32}
WORDS = {
    "Truck": "rusty red painted metal; glass: dark glass; wheels: black rubber",
    "Chair": "brown leather",
    "Suzanne": "mossy stone",
}


def stage(meshes: Path) -> dict[str, list[bpy.types.Object]]:
    """The three things on a floor, lit; the objects of each."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(meshes / "CesiumMilkTruck.glb"))
    things = {"Truck": stand("Truck", 3.2, -2.6, math.radians(32))}
    bpy.ops.wm.obj_import(filepath=str(meshes / "chair_model.obj"))
    things["Chair"] = stand("Chair", 2.0, 0.5, math.radians(-20))
    bpy.ops.mesh.primitive_monkey_add()
    bpy.ops.object.shade_smooth()
    bpy.context.object.modifiers.new("Subdivision", "SUBSURF").levels = 3
    things["Suzanne"] = stand("Suzanne", 2.1, 3.1, math.radians(20))
    bpy.ops.mesh.primitive_plane_add(size=60)
    floor = bpy.data.materials.new("Floor")
    floor.use_nodes = True
    floor.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.32, 0.33, 0.35, 1)
    floor.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.8
    bpy.context.object.data.materials.append(floor)
    return things


def stand(name: str, width: float, x: float, turn: float) -> list[bpy.types.Object]:
    """Stands what is selected at x on the floor, `width` metres wide, under an empty; its meshes."""
    things = [obj for obj in bpy.context.view_layer.objects.selected if obj.type == "MESH"]
    for obj in list(bpy.context.view_layer.objects.selected):
        if obj.type != "MESH":
            obj.select_set(False)
    pivot = bpy.data.objects.new(name, None)
    bpy.context.collection.objects.link(pivot)
    roots = {top(obj) for obj in things}
    for root in roots - {pivot}:
        root.parent = pivot
    pivot.rotation_euler.z = turn
    low, high = bounds(things)
    pivot.scale = Vector((1, 1, 1)) * (width / max(high.x - low.x, 1e-6))
    low, high = bounds(things)
    pivot.location = Vector((x - (low.x + high.x) / 2, -(low.y + high.y) / 2, -low.z))
    bpy.context.view_layer.update()
    return things


def top(obj: bpy.types.Object) -> bpy.types.Object:
    while obj.parent is not None:
        obj = obj.parent
    return obj


def bounds(things: list[bpy.types.Object]) -> tuple[Vector, Vector]:
    """Lowest and highest corner in the world, m."""
    bpy.context.view_layer.update()
    corners = np.array([obj.matrix_world @ Vector(corner) for obj in things for corner in obj.bound_box])
    return Vector(corners.min(0)), Vector(corners.max(0))


def light_and_camera() -> None:
    scene = bpy.context.scene
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle = 3.2, 0.05
    sun.rotation_euler = Euler((math.radians(48), math.radians(8), math.radians(38)))
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.lens = 70
    camera.location = (0, -15.5, 4.2)
    camera.rotation_euler = (math.radians(78), 0, 0)
    for obj in (sun, camera):
        scene.collection.objects.link(obj)
    scene.camera = camera
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.62, 0.7, 0.8, 1)
    scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.6
    scene.render.resolution_x, scene.render.resolution_y = SIZE_PX
    scene.render.resolution_percentage = 100


def render(engine: str, moment: str) -> None:
    scene = bpy.context.scene
    names = [item.identifier for item in scene.render.bl_rna.properties["engine"].enum_items]
    scene.render.engine = next((name for name in names if engine in name), engine)
    scene.cycles.samples, scene.cycles.use_denoising = SAMPLES["CYCLES"], False
    scene.eevee.taa_render_samples = SAMPLES["EEVEE"]
    scene.render.filepath = str(OUT / f"{engine}_{moment}.png")
    scene.render.image_settings.file_format = "PNG"
    bpy.ops.render.render(write_still=True)


def pixels(file: Path) -> np.ndarray:
    """(H, W, 3) float32 sRGB, row 0 below, as Blender keeps pixels."""
    image = bpy.data.images.load(str(file))
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(*reversed(image.size), -1)[..., :3]


def sheet(target: Path) -> None:
    """Cycles above EEVEE, before on the left; nothing while a render is missing."""
    shots = [OUT / f"{engine}_{moment}.png" for engine in SAMPLES for moment in ("before", "after")]
    if not all(shot.is_file() for shot in shots):
        return
    width, height = SIZE_PX
    whole = np.ones((2 * height + GAP_PX, 2 * width + GAP_PX, 4), np.float32)
    for number, shot in enumerate(shots):
        bottom, left = (1 - number // 2) * (height + GAP_PX), number % 2 * (width + GAP_PX)
        whole[bottom : bottom + height, left : left + width, :3] = pixels(shot)
    image = bpy.data.images.new("sheet", whole.shape[1], whole.shape[0])
    image.pixels.foreach_set(whole.ravel())
    image.file_format, image.filepath_raw = "JPEG", str(target)
    image.save(quality=82)


def main(meshes: Path, engine: str) -> None:
    register()
    things = stage(meshes)
    light_and_camera()
    render(engine, "before")
    for thing, objects in things.items():
        texture_px = {"texture_px": "1024"}
        batch.generate("texture_mesh", "solid", inputs={"mesh": objects}, prompt=WORDS[thing], params=texture_px)
    batch.close()
    render(engine, "after")
    sheet(ROOT / "docs" / "images" / "texture_before_after.jpg")


if __name__ == "__main__":
    folder, engine = sys.argv[sys.argv.index("--") + 1 :]
    failed = 1
    try:
        main(Path(folder), engine)
        failed = 0
    finally:
        if failed:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(failed)
