"""A picture of finished objects, rendered in a scene of its own so that the user's scene stays as it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
from mathutils import Euler, Vector

from .protocol import Fault

SIZE_PX = 640
SAMPLES = 24
LENS_MM = 70.0
MARGIN = 0.08
AZIMUTH_DEG, ELEVATION_DEG = 25.0, 15.0
"""A little from the objects' left and from above: front, one side and the top are seen."""


def render_portrait(objects: list[bpy.types.Object], path: Path) -> None:
    """Render `objects` from their front to a PNG at `path`, on the CPU, without a screen. Raises Fault."""
    if not objects:
        raise Fault("empty_result", "There is no object to render.", "Leave out --render.")
    with _studio(objects, path) as scene:
        try:
            bpy.ops.render.render(write_still=True, scene=scene.name)
        except RuntimeError as error:
            raise _failed(path, str(error)) from None
    if not path.is_file() or path.stat().st_size == 0:
        raise _failed(path, "nothing was written")


def _failed(path: Path, why: str) -> Fault:
    return Fault("disk_full", f"The picture {path.name} could not be rendered.", "Check the folder.", why)


@contextmanager
def _studio(objects: list[bpy.types.Object], path: Path) -> Iterator[bpy.types.Scene]:
    """A scene with `objects`, a camera, a key light and an even background; removed afterwards."""
    made = [
        camera_data := bpy.data.cameras.new("AIGC Portrait"),
        light_data := bpy.data.lights.new("AIGC Portrait", "SUN"),
        camera := bpy.data.objects.new("AIGC Portrait Camera", camera_data),
        light := bpy.data.objects.new("AIGC Portrait Light", light_data),
        world := bpy.data.worlds.new("AIGC Portrait"),
    ]
    scene = bpy.data.scenes.new("AIGC Portrait")
    try:
        _settings(scene, path)  # first: the shape of the picture decides what fits into it
        for obj in (*objects, camera, light):
            scene.collection.objects.link(obj)
        scene.camera, scene.world = camera, world
        if world.node_tree is None:  # Blender 5 makes the nodes by itself
            world.use_nodes = True
        world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.6, 0.6, 0.6, 1.0)
        light_data.energy, light_data.angle = 1.5, math.radians(20)
        light.rotation_euler = Euler((math.radians(50), 0, math.radians(-35)))
        scene.view_layers[0].update()
        _aim(scene, camera, objects)
        yield scene
    finally:
        bpy.data.batch_remove([scene, *made])  # scenes.remove asks for a window, which `blender -c` has not


def _aim(scene: bpy.types.Scene, camera: bpy.types.Object, objects: list[bpy.types.Object]) -> None:
    """The whole of `objects` in view."""
    corners = [obj.matrix_world @ Vector(corner) for obj in objects for corner in obj.bound_box]
    camera.data.lens = LENS_MM
    camera.rotation_euler = Euler((math.radians(90 - ELEVATION_DEG), 0, math.radians(AZIMUTH_DEG)))
    scene.view_layers[0].update()
    location, _ = camera.camera_fit_coords(
        scene.view_layers[0].depsgraph, [value for corner in corners for value in corner]
    )
    middle = sum(corners, Vector()) / len(corners)
    backwards = camera.matrix_world.to_3x3().col[2]
    camera.location = location + backwards * (location - middle).length * MARGIN
    reach = max((corner - location).length for corner in corners)
    camera.data.clip_start, camera.data.clip_end = reach / 1000, reach * 10


def _settings(scene: bpy.types.Scene, path: Path) -> None:
    scene.render.engine = "CYCLES"  # needs neither a screen nor a graphics card
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = False  # not every build has the denoiser
    scene.render.resolution_x = scene.render.resolution_y = SIZE_PX
    scene.render.resolution_percentage = 100
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5: decides which formats there are
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode = "PNG", "RGB"
    scene.render.use_file_extension = False
    scene.render.filepath = str(path)
    scene.view_settings.view_transform = "Standard"  # the picture's own colours
