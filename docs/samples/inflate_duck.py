"""Renders `docs/images/inflate_duck.jpg`: what `inflate` makes of the sample picture, from three sides.

First   python -m server run image_to_mesh --model inflate --image blender_aigc/samples/duck.png --out OUT
then, with a Python that has bpy:   python docs/samples/inflate_duck.py OUT/duck.glb
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import bpy

OUT = Path(__file__).resolve().parents[1] / "images" / "inflate_duck.jpg"
TURNS = ((0.0, 0), (1.35, 38), (2.35, 90))  # x in metres, degrees about the vertical


def three_views(duck: bpy.types.Object) -> None:
    for x, degrees in TURNS:
        turntable = bpy.data.objects.new("turntable", None)
        copy = duck.copy()
        copy.parent = turntable
        turntable.location, turntable.rotation_euler = (x, 0, 0), (0, 0, math.radians(degrees))
        for item in (turntable, copy):
            bpy.context.scene.collection.objects.link(item)
    bpy.data.objects.remove(duck)


def studio(scene: bpy.types.Scene) -> None:
    bpy.ops.mesh.primitive_plane_add(size=60)
    grey = bpy.data.materials.new("grey")
    grey.use_nodes = True
    shader = grey.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (0.62, 0.66, 0.72, 1)
    shader.inputs["Roughness"].default_value = 1
    bpy.context.object.data.materials.append(grey)
    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.angle = 2.6, 0.35
    lamp = bpy.data.objects.new("sun", sun)
    lamp.rotation_euler = (math.radians(48), 0, math.radians(-35))
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.lens = 85
    above, away = math.radians(10), 10.5
    camera.location = (1.15, -away * math.cos(above), 0.45 + away * math.sin(above))
    camera.rotation_euler = (math.pi / 2 - above, 0, 0)
    for item in (lamp, camera):
        scene.collection.objects.link(item)
    scene.camera = camera
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    sky = scene.world.node_tree.nodes["Background"]
    sky.inputs["Color"].default_value, sky.inputs["Strength"].default_value = (0.75, 0.8, 0.88, 1), 0.7


def main(glb: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=glb)
    scene = bpy.context.scene
    three_views(next(item for item in scene.objects if item.type == "MESH"))
    studio(scene)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 32, True
    scene.render.resolution_x, scene.render.resolution_y = 1200, 480
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format, scene.render.image_settings.quality = "JPEG", 88
    scene.render.filepath = str(OUT)
    bpy.ops.render.render(write_still=True)


main(sys.argv[-1])
