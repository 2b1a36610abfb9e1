"""Draws docs/images/stylise.jpg: a render of things of the library, and the five styles of `stylise` beside it.

python docs/stylise.py            with a Python that has bpy; the passes are kept in out/stylise and not rendered again
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_aigc.director.generators import generate  # noqa: E402
from blender_aigc.director.generators.build import Builder  # noqa: E402
from blender_aigc.gather.passes import render_passes  # noqa: E402
from blender_aigc.gather.rendered import PASSES  # noqa: E402
from server.filters.look import Look  # noqa: E402
from server.filters.passes import Passes  # noqa: E402
from server.filters.stylised import stylised  # noqa: E402
from server.registry import Registry  # noqa: E402

OUT = ROOT / "out" / "stylise"
SIZE_PX = (960, 640)
SHOWN = 2
"""The picture is that many times smaller on the page than it is drawn."""
STYLES = ("painting", "pencil", "ink", "watercolour", "cel")
THINGS: tuple[tuple[str, dict, tuple[float, float, float], float, int], ...] = (
    ("house", {"storeys": 1, "walls": "white", "width_m": 7.5, "depth_m": 5.5}, (1.6, 5.0, 0), -24, 1),
    ("tree", {"species": "oak", "height_m": 8.5}, (-6.4, 6.5, 0), 0, 3),
    ("tree", {"species": "birch", "height_m": 7.0}, (8.0, 9.5, 0), 40, 5),
    ("tree", {"species": "poplar", "height_m": 9.0}, (11.5, 13.0, 0), 10, 6),
    ("tree", {"species": "poplar", "height_m": 9.5}, (-15.0, 24.0, 0), 70, 7),
    ("shrub", {}, (-2.6, 2.1, 0), 30, 2),
    ("shrub", {"kind": "rose"}, (6.0, 0.8, 0), 0, 4),
    ("fence", {"length_m": 6.0}, (-5.4, -0.4, 0), 8, 0),
    ("barrel", {}, (-0.9, 1.4, 0), 0, 0),
    ("rock", {"size_m": 0.9}, (4.2, -2.4, 0), 25, 3),
    ("cloud", {"width_m": 30.0, "height_m": 33.0}, (-20, 90, 0), 0, 2),
    ("cloud", {"width_m": 26.0, "height_m": 40.0}, (34, 110, 0), 60, 5),
)
"""Generator, values, place in metres, turn in degrees, seed."""


def scene() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    here = bpy.context.scene
    builder = Builder()
    for name, values, place, turn, seed in THINGS:
        world = Matrix.Translation(Vector(place)) @ Matrix.Rotation(math.radians(turn), 4, "Z")
        built = builder.build(generate(name, values, seed), name.capitalize(), here.collection, world)
        if name == "cloud":
            _glow(built.root)
    _ground(here)
    here.world = builder.build(
        generate("sky", {"sun_elevation_deg": 32.0, "sun_rotation_deg": 215.0}), "Sky", here.collection
    ).world
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler, camera.data.lens = (0.2, -13.5, 2.3), (math.radians(93.5), 0, 0), 32
    here.collection.objects.link(camera)
    here.camera = camera
    here.render.engine, here.cycles.samples, here.cycles.use_denoising = "CYCLES", 48, True
    here.render.resolution_x, here.render.resolution_y = SIZE_PX
    here.view_settings.view_transform = "AgX"
    here.view_settings.look = "AgX - Medium High Contrast"
    return here


def _glow(cloud: bpy.types.Object) -> None:
    """Light comes through a cloud, not through cotton wool."""
    for slot in cloud.material_slots:
        inputs = slot.material.node_tree.nodes["Principled BSDF"].inputs
        inputs["Emission Color"].default_value, inputs["Emission Strength"].default_value = (0.62, 0.7, 0.85, 1), 0.6


def _ground(here: bpy.types.Scene) -> None:
    mesh = bpy.data.meshes.new("Ground")
    mesh.from_pydata([(-400, -40, 0), (400, -40, 0), (400, 400, 0), (-400, 400, 0)], [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new("Ground")
    material.use_nodes = True
    inputs = material.node_tree.nodes["Principled BSDF"].inputs
    inputs["Base Color"].default_value = (0.12, 0.22, 0.035, 1)
    inputs["Roughness"].default_value, inputs["Specular IOR Level"].default_value = 1.0, 0.0
    mesh.materials.append(material)
    ground = bpy.data.objects.new("Ground", mesh)
    ground.visible_diffuse = False  # else the clouds have green bellies
    here.collection.objects.link(ground)


def passes() -> dict[str, np.ndarray]:
    """Of the scene; rendered where they are not there yet."""
    file = OUT / "passes.npz"
    if not file.is_file():
        OUT.mkdir(parents=True, exist_ok=True)
        made = render_passes(scene(), PASSES)
        np.savez(file, **{key: value for key, value in made.items() if key != "meta"})
    with np.load(file) as stored:
        return dict(stored)


def main() -> None:
    seen = passes()
    info = Registry().models["stylise"].info
    tiles = [seen["combined"]]
    for style in STYLES:
        look = Look.from_params(info.check_params({"style": style}), 1)
        tiles.append(stylised(Passes(**seen), look, 1.0, None, lambda *_: None, lambda: None))
        save([[tiles[-1]]], OUT / f"{style}.png")
    save([[tiles[0]]], OUT / "render.png")
    small = [_smaller(tile) for tile in tiles]
    save([small[:3], small[3:]], ROOT / "docs" / "images" / "stylise.jpg")


def _smaller(tile: np.ndarray) -> np.ndarray:
    height, width = tile.shape[0] // SHOWN, tile.shape[1] // SHOWN
    return np.rint(tile.reshape(height, SHOWN, width, SHOWN, 4).mean((1, 3))).astype(np.uint8)


def save(rows: list[list[np.ndarray]], target: Path, quality: int = 58) -> None:
    """Rows of (H, W, 4) uint8 tiles as one JPEG or PNG."""
    whole = np.concatenate([np.concatenate(row, axis=1) for row in rows])[::-1].astype(np.float32) / 255
    image = bpy.data.images.new("Sheet", whole.shape[1], whole.shape[0])
    image.pixels.foreach_set(np.ascontiguousarray(whole).reshape(-1))
    image.file_format, image.filepath_raw = ("JPEG" if target.suffix == ".jpg" else "PNG"), str(target)
    bpy.context.scene.render.image_settings.quality = quality
    image.save()


if __name__ == "__main__":
    main()
