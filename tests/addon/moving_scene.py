"""A small scene in which things and the camera move; also a script: `python moving_scene.py FILE WORD ...` opens FILE
and obeys the words of the command line, in a process that a test can kill.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bpy

SIZE = (72, 48)


def build(frames: int = 24) -> bpy.types.Scene:
    """A ball rolls, a cube turns, the camera drifts; one sample of Cycles is the picture."""
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_plane_add(size=16)
    _paint(bpy.context.object, (0.5, 0.55, 0.6, 1))
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.8, location=(-1, 0, 0.8))
    ball = bpy.context.object
    _paint(ball, (0.8, 0.2, 0.1, 1))
    bpy.ops.mesh.primitive_cube_add(size=1.2, location=(1.3, 0.6, 0.6))
    cube = bpy.context.object
    _paint(cube, (0.1, 0.3, 0.8, 1))
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0.2))
    bpy.context.object.data.energy = 3
    bpy.ops.object.camera_add(location=(0, -7, 2.6), rotation=(1.25, 0, 0))
    scene.camera = bpy.context.object
    for frame, way in ((1, 0.0), (frames, 1.0)):
        ball.location.x, cube.rotation_euler.z, scene.camera.location.x = -1 + 0.8 * way, way, 0.4 * way
        ball.keyframe_insert("location", frame=frame)
        cube.keyframe_insert("rotation_euler", frame=frame)
        scene.camera.keyframe_insert("location", frame=frame)
    scene.frame_start, scene.frame_end = 1, frames
    scene.frame_set(1)
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.view_settings.view_transform = "Standard"
    return scene


def _paint(obj: bpy.types.Object, colour: tuple[float, float, float, float]) -> None:
    material = bpy.data.materials.new(obj.name)
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = colour
    obj.data.materials.append(material)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from blender_aigc import register
    from blender_aigc.cli import main

    bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
    register()
    code = main(sys.argv[2:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
