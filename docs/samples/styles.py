"""Makes the pictures of the style gallery: a small still life, drawn by `stylise` as each style says.

python docs/samples/styles.py            (a Python with the bpy module)
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import bpy  # noqa: E402
import numpy as np  # noqa: E402

from blender_aigc.gather.passes import render_passes  # noqa: E402
from blender_aigc.gather.rendered import PASSES  # noqa: E402
from blender_aigc.styles import read_styles  # noqa: E402
from server.filters.look import Look  # noqa: E402
from server.filters.passes import Passes  # noqa: E402
from server.filters.stylised import stylised  # noqa: E402
from server.png import encode_png  # noqa: E402
from server.registry import Registry  # noqa: E402

LIBRARY = ROOT / "blender_aigc" / "styles_library"
SIDE_PX, ENLARGED = 96, 3


def still_life() -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    things = (
        (bpy.ops.mesh.primitive_uv_sphere_add, {"radius": 0.9, "location": (-0.9, 0, 0.9)}, (0.75, 0.12, 0.06)),
        (
            bpy.ops.mesh.primitive_cone_add,
            {"radius1": 0.8, "depth": 2.2, "location": (0.9, 0.5, 1.1)},
            (0.1, 0.35, 0.6),
        ),
        (bpy.ops.mesh.primitive_torus_add, {"location": (0.6, -1.3, 0.25), "major_radius": 0.6}, (0.9, 0.6, 0.1)),
        (bpy.ops.mesh.primitive_plane_add, {"size": 30}, (0.55, 0.6, 0.45)),
    )
    for add, options, colour in things:
        add(**options)
        bpy.ops.object.shade_smooth()
        material = bpy.data.materials.new("m")
        material.use_nodes = True
        material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*colour, 1)
        bpy.context.object.data.materials.append(material)
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.5, 0))
    bpy.context.object.data.energy = 2.2
    world = scene.world = bpy.data.worlds.new("w")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.5, 0.65, 0.9, 1)
    bpy.ops.object.camera_add(location=(0, -6.5, 3.2), rotation=(1.22, 0, 0))
    scene.camera = bpy.context.object
    scene.camera.data.lens = 55
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 64, False
    scene.render.resolution_x = scene.render.resolution_y = SIDE_PX * ENLARGED
    scene.view_settings.view_transform = "Standard"
    return scene


def main() -> None:
    passes = {key: value for key, value in render_passes(still_life(), PASSES).items() if key != "meta"}
    info = Registry().models["stylise"].info
    styles, _ = read_styles([LIBRARY])
    for style in styles.values():
        look = info.check_params(dict(style.values_for("stylise")))
        drawn = stylised(
            Passes(**passes), Look.from_params(look, 1), float(look["strength"]), None, lambda *_: None, lambda: None
        )
        small = drawn.reshape(SIDE_PX, ENLARGED, SIDE_PX, ENLARGED, 4).mean((1, 3))
        (LIBRARY / f"{style.id}.png").write_bytes(encode_png(np.rint(small[..., :3]).astype(np.uint8)))


if __name__ == "__main__":
    main()
