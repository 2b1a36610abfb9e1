"""Draws the generators: small pictures for the panel, and a sheet of all of them to look at.

python docs/thumbnails.py [ID ...]                           with a Python that has bpy; the pictures of the panel
python docs/thumbnails.py --sheet FILE --size 256 [ID ...]   a sheet of all (or these), every variant
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Vector

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "blender_aigc" / "director" / "generators" / "pictures"
sys.path.insert(0, str(ROOT))
GROUND = (0.24, 0.25, 0.27, 1.0)


def draw(generator_id: str, values: dict, path: Path, size_px: int, samples: int, seed: int = 0) -> None:
    """One thing on an even ground, seen from its front right, as a JPEG."""
    from blender_aigc.director.generators import generate
    from blender_aigc.director.generators.build import Builder

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    parts = generate(generator_id, values, seed)
    built = Builder().build(parts, "Thing", scene.collection)
    low, high = parts.bounds()
    _light(scene, built.world)
    if built.root is not None:
        _stand(scene, low, high, flat=parts.parts[0].name in ("Terrain", "Water", "Road"))
    scene.render.resolution_x = scene.render.resolution_y = size_px  # before the camera looks for its distance
    _camera(scene, low, high)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", samples, False
    scene.cycles.max_bounces = 8
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.quality = "JPEG", 82
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def _light(scene: bpy.types.Scene, own_world: bpy.types.World | None) -> None:
    sun_data = bpy.data.lights.new("Sun", "SUN")
    sun_data.energy, sun_data.angle = 3.2, math.radians(6)
    sun = bpy.data.objects.new("Sun", sun_data)
    sun.rotation_euler = Euler((math.radians(42), 0, math.radians(-38)))
    scene.collection.objects.link(sun)
    if own_world is not None:
        scene.world = own_world
        sun.hide_render = True
        return
    world = bpy.data.worlds.new("Even")
    if world.node_tree is None:
        world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value, background.inputs["Strength"].default_value = (0.75, 0.85, 1.0, 1), 0.7
    scene.world = world


def _stand(scene: bpy.types.Scene, low: np.ndarray, high: np.ndarray, flat: bool) -> None:
    reach = float(np.linalg.norm(high - low)) * 30
    if flat:
        return
    mesh = bpy.data.meshes.new("Ground")
    z = min(0.0, float(low[2])) - 1e-3 * float(np.linalg.norm(high - low))
    mesh.from_pydata(
        [(-reach, -reach, z), (reach, -reach, z), (reach, reach, z), (-reach, reach, z)], [], [(0, 1, 2, 3)]
    )
    material = bpy.data.materials.new("Ground")
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = GROUND
    mesh.materials.append(material)
    scene.collection.objects.link(bpy.data.objects.new("Ground", mesh))


def _camera(scene: bpy.types.Scene, low: np.ndarray, high: np.ndarray) -> None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.data.lens = 60
    camera.rotation_euler = Euler((math.radians(67), 0, math.radians(30)))
    scene.view_layers[0].update()
    if np.allclose(low, high):  # a sky
        camera.rotation_euler, camera.data.lens = Euler((math.radians(103), 0, 0)), 20
        return
    corners = [Vector((x, y, z)) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    place, _ = camera.camera_fit_coords(
        bpy.context.evaluated_depsgraph_get(), [c for corner in corners for c in corner]
    )
    middle = Vector((low + high) / 2)
    camera.location = place + (place - middle).normalized() * (place - middle).length * 0.04
    reach = float(np.linalg.norm(high - low))
    camera.data.clip_start, camera.data.clip_end = reach / 200, reach * 100


def sheet(files: list[Path], target: Path, columns: int) -> None:
    """The square pictures `files` side by side in one JPEG."""
    tiles = []
    for file in files:
        image = bpy.data.images.load(str(file))
        width, height = image.size
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
        tiles.append(pixels.reshape(height, width, 4))
    rows = -(-len(tiles) // columns)
    size = tiles[0].shape[0]
    whole = np.ones((rows * size, columns * size, 4), np.float32)
    for number, tile in enumerate(tiles):
        row, column = rows - 1 - number // columns, number % columns
        whole[row * size : (row + 1) * size, column * size : (column + 1) * size] = tile
    image = bpy.data.images.new("Sheet", columns * size, rows * size)
    image.pixels.foreach_set(whole.reshape(-1))
    image.file_format, image.filepath_raw = "JPEG", str(target)
    bpy.context.scene.render.image_settings.quality = 75
    image.save()


def main() -> None:
    from blender_aigc.director.generators import declared

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--samples", type=int, default=48)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = [info for info in declared() if not options.ids or info.id in options.ids]
    if options.sheet is None:
        PICTURES.mkdir(exist_ok=True)
        for info in chosen:
            draw(info.id, {}, PICTURES / f"{info.id}.jpg", options.size, options.samples)
        sheet(sorted(PICTURES.glob("*.jpg")), ROOT / "docs" / "images" / "generators.jpg", 10)
        return
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for info in chosen:
            for number, variant in enumerate(info.variants):
                files.append(Path(folder) / f"{info.id}{number}.jpg")
                draw(info.id, variant.params, files[-1], options.size, options.samples, options.seed)
        sheet(files, options.sheet.absolute(), min(options.columns, len(files)))


if __name__ == "__main__":
    main()
