"""Renders the sample picture that the add-on ships, `blender_aigc/samples/duck.png`: our own toy, no outside asset.

Run with a Python that has bpy:  python docs/samples/duck.py
"""

from __future__ import annotations

import math
from pathlib import Path

import bpy

OUT = Path(__file__).resolve().parents[2] / "blender_aigc" / "samples" / "duck.png"

BODY = [  # centre x, y, z and radii of the ellipsoids that are fused into the duck, in metres
    ((0.05, 0.0, 0.0), (0.62, 0.42, 0.40)),
    ((0.50, 0.0, 0.16), (0.26, 0.22, 0.20)),
    ((0.72, 0.0, 0.30), (0.13, 0.10, 0.11)),
    ((-0.40, 0.0, 0.30), (0.22, 0.22, 0.30)),
    ((-0.44, 0.0, 0.66), (0.34, 0.32, 0.33)),
]


def ellipsoid(centre: tuple[float, ...], radii: tuple[float, ...]) -> bpy.types.Object:
    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32, location=centre)
    shape = bpy.context.object
    shape.scale = radii
    bpy.ops.object.shade_smooth()
    return shape


def material(name: str, colour: tuple[float, float, float], roughness: float) -> bpy.types.Material:
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    return made


def build() -> None:
    parts = [ellipsoid(*part) for part in BODY]
    bpy.context.view_layer.objects.active = parts[0]
    for part in parts:
        part.select_set(True)
    bpy.ops.object.join()
    body = bpy.context.object
    bpy.ops.object.transform_apply(scale=True)
    remesh = body.modifiers.new("fuse", "REMESH")
    remesh.mode, remesh.voxel_size, remesh.use_smooth_shade = "VOXEL", 0.016, True
    smooth = body.modifiers.new("soften", "SMOOTH")
    smooth.factor, smooth.iterations = 0.6, 30
    body.data.materials.clear()
    body.data.materials.append(material("yellow", (0.95, 0.52, 0.035), 0.45))

    wing = ellipsoid((0.18, -0.36, 0.06), (0.33, 0.12, 0.19))
    wing.rotation_euler = (0, math.radians(-14), 0)
    wing.data.materials.append(material("wing", (0.90, 0.40, 0.02), 0.5))
    orange = material("beak", (0.85, 0.13, 0.015), 0.4)
    for centre, radii in (((-0.80, 0, 0.62), (0.19, 0.13, 0.055)), ((-0.77, 0, 0.54), (0.14, 0.10, 0.045))):
        ellipsoid(centre, radii).data.materials.append(orange)
    ellipsoid((-0.56, -0.27, 0.76), (0.065, 0.04, 0.075)).data.materials.append(
        material("eye", (0.01, 0.01, 0.012), 0.15)
    )
    ellipsoid((-0.585, -0.306, 0.79), (0.018, 0.01, 0.02)).data.materials.append(material("glint", (1, 1, 1), 0.3))


def light_and_camera() -> None:
    scene = bpy.context.scene
    for location, energy, size in (((-3, -5, 5), 420, 4.0), ((4, -4, 2), 160, 5.0), ((0, -2, -4), 60, 5.0)):
        lamp = bpy.data.lights.new("area", "AREA")
        lamp.energy, lamp.size = energy, size
        placed = bpy.data.objects.new("area", lamp)
        placed.location = location
        direction = -placed.location
        placed.rotation_euler = direction.to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(placed)
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.9, 0.95, 1.0, 1.0)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.45
    scene.world = world
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 2.05
    camera.location, camera.rotation_euler = (-0.06, -6, 0.29), (math.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera


def main() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    build()
    light_and_camera()
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.seed = 128, False, 1
    scene.render.resolution_x = scene.render.resolution_y = 640
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.image_settings.compression = 100
    scene.render.filepath = str(OUT)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.render.render(write_still=True)


main()
