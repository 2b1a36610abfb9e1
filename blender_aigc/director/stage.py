"""Ground, lamps, sky and the settings of the scene."""

from __future__ import annotations

import contextlib
from math import radians

import bpy
import numpy as np
from mathutils import Vector

from ..apply.scene import Made
from ..plan import Plan
from . import materials

GROUND = "Ground"
GROUND_THICK_M = 1.0

_SKY = {"clear": "#8fbbe8", "sunset": "#f0a878", "night": "#0a1024"}
_SUN = {"sun": ("#fff4e0", 4.0), "sunset": ("#ff9a50", 3.0), "overcast": ("#e8eef5", 1.0), "night": ("#9ab4ff", 0.3)}
# lamps about the middle: direction, share of the power, size
_LAMPS = {
    "studio": (((1.3, -0.9, 1.0), 0.2, 1.2), ((0.2, 1.4, 1.5), 0.3, 0.8)),
    "three_point": (((-1.1, -1.1, 1.2), 1.0, 0.6), ((1.4, -0.8, 0.7), 0.25, 1.0), ((0.5, 1.5, 1.3), 0.8, 0.4)),
}
_STUDIO_KEY = (-1.0, -1.2, 1.8), 3.4, 20.0
"""Direction, W/m2 and angle in degrees of the sun that is the studio's main lamp: it lights floor and things alike,
where an area lamp would leave the floor dark behind them."""


def add_ground(plan: Plan, made: Made, low: np.ndarray, high: np.ndarray, height_m: float) -> bpy.types.Object | None:
    """A slab whose top is at `height_m`, wide enough for the box from `low` to `high`."""
    if plan.world.ground == "none":
        return None
    half = float(max(30.0, 8 * np.abs(np.concatenate([low[:2], high[:2]])).max()))
    mesh = made.keep(bpy.data.meshes.new(GROUND))
    from .shapes import block

    slab = block((-half, -half, -GROUND_THICK_M / 2), (half, half, GROUND_THICK_M / 2))
    mesh.from_pydata(slab.vertices.tolist(), [], list(slab.faces))
    mesh.materials.append(materials.ground_material(plan.world.ground, made))
    ground = made.keep(bpy.data.objects.new(GROUND, mesh))
    middle = (low + high) / 2
    ground.location = (middle[0], middle[1], height_m - GROUND_THICK_M / 2)
    return ground


def add_lights(plan: Plan, made: Made, low: np.ndarray, high: np.ndarray) -> list[bpy.types.Object]:
    """Lamps about the box from `low` to `high`, as strong as its size asks for."""
    asked = plan.light
    if asked.setup == "none":
        return []
    if asked.setup in _SUN:
        return [_sun(plan, made)]
    centre, size = (low + high) / 2, max(float(np.linalg.norm(high - low)), 0.2)
    lamps = []
    for number, (way, share, width) in enumerate(_LAMPS[asked.setup]):
        data = made.keep(bpy.data.lights.new(f"Plan Light {number + 1}", "AREA"))
        far = 1.3 * size * float(np.linalg.norm(way))
        data.energy = 14.0 * far * far * share * asked.strength
        data.size = 1.1 * size * width
        lamp = made.keep(bpy.data.objects.new(data.name, data))
        lamp.location = Vector(centre) + Vector(way) * 1.3 * size
        lamp.rotation_mode = "QUATERNION"
        lamp.rotation_quaternion = (Vector(centre) - lamp.location).to_track_quat("-Z", "Y")
        lamps.append(lamp)
    if asked.setup == "studio":
        lamps.append(_sun_from(made, Vector(_STUDIO_KEY[0]), _STUDIO_KEY[1] * asked.strength, _STUDIO_KEY[2]))
    return lamps


def _sun(plan: Plan, made: Made) -> bpy.types.Object:
    color, energy = _SUN[plan.light.setup]
    height = min(plan.light.elevation_deg, 12.0) if plan.light.setup == "sunset" else plan.light.elevation_deg
    turn, rise = radians(plan.light.azimuth_deg), radians(height)
    towards = Vector((np.cos(turn) * np.cos(rise), np.sin(turn) * np.cos(rise), np.sin(rise)))
    sun = _sun_from(made, towards, energy * plan.light.strength, 40 if plan.light.setup == "overcast" else 1)
    sun.data.color = materials.linear(color)[:3]
    return sun


def _sun_from(made: Made, towards: Vector, energy: float, angle_deg: float) -> bpy.types.Object:
    """A sun that stands where `towards` points; energy: W/m2."""
    data = made.keep(bpy.data.lights.new("Plan Sun", "SUN"))
    data.energy, data.angle = energy, radians(angle_deg)
    sun = made.keep(bpy.data.objects.new("Plan Sun", data))
    sun.rotation_mode = "QUATERNION"
    sun.rotation_quaternion = (-towards).to_track_quat("-Z", "Y")
    return sun


def add_world(plan: Plan, made: Made) -> bpy.types.World:
    """A plain background in the colour of the sky."""
    world = made.keep(bpy.data.worlds.new("Plan World"))
    if bpy.app.version < (5, 0):
        world.use_nodes = True
    color = plan.world.color or _SKY.get(plan.world.sky, "#aebccb")
    strength = {"night": 0.15, "sunset": 0.6, "overcast": 1.2, "none": 0.2, "sun": 0.7}.get(plan.light.setup, 0.5)
    shade = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    shade.inputs["Color"].default_value = materials.linear(color)
    shade.inputs["Strength"].default_value = strength
    world.color = materials.linear(color)[:3]
    return world


def set_scene(scene: bpy.types.Scene, plan: Plan, camera: bpy.types.Object, world: bpy.types.World) -> None:
    """Camera, sky, length and render settings of the plan become those of the scene (undo brings the old ones back)."""
    scene.camera, scene.world = camera, world
    scene.frame_start, scene.frame_end = 1, plan.timing.frames
    scene.frame_set(1)
    render = scene.render
    render.fps, render.fps_base = plan.timing.fps, 1.0
    render.resolution_x, render.resolution_y = plan.render.width_px, plan.render.height_px
    render.resolution_percentage = 100
    if plan.render.engine == "eevee":
        for engine in ("BLENDER_EEVEE_NEXT", "BLENDER_EEVEE"):
            with contextlib.suppress(TypeError):
                render.engine = engine
    else:
        render.engine = {"cycles": "CYCLES", "workbench": "BLENDER_WORKBENCH"}[plan.render.engine]
    if render.engine == "CYCLES":
        scene.cycles.samples = plan.render.samples
        scene.cycles.use_denoising = _denoises(scene)
    scene.display.shading.color_type = "MATERIAL"
    scene.display.shading.show_cavity = True
    scene.display.shading.show_shadows = True


def _denoises(scene: bpy.types.Scene) -> bool:
    """Builds of some Linux distributions have no denoiser, and cannot render what asks for it."""
    try:
        scene.cycles.denoiser = "OPENIMAGEDENOISE"
    except TypeError:
        return False
    return True
