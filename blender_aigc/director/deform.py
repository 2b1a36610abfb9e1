"""Cloth and soft bodies of a plan in Blender's own solvers, set up in the scene of the background Blender."""

from __future__ import annotations

import bpy
import numpy as np

from ..faults import Fault
from ..plan import FABRICS, SHAPES, Plan, PlanObject
from .rigid import Clock, is_active, is_obstacle, mass_kg

Objects = dict[str, list[bpy.types.Object]]
"""The copies of each thing of a plan, by its name."""
PINNED = "Pinned"
"""Vertex group of what is held fast."""
_REFERENCE_VERTICES = 1600
_REFERENCE_M2 = 3.0
_PRESSURE = 0.02
"""Share of its own weight, spread over its skin, with which a pressure of 1 blows up a cloth; 3 holds a balloon up
(measured for silk and rubber, whose weights are as 1 to 20)."""


def add_deformed(plan: Plan, objects: Objects, ground: bpy.types.Object | None, clock: Clock) -> list[bpy.types.Object]:
    """What is cloth or soft in `plan`, made so, and everything that it bumps into."""
    found: list[bpy.types.Object] = []
    for thing in plan.objects:
        for obj in objects[thing.name] if thing.cloth or thing.soft else ():
            if thing.cloth is not None:
                add_cloth(obj, thing, plan, clock)
            else:
                add_soft(obj, thing, plan, clock)
            found.append(obj)
    if found:
        for thing in plan.objects:
            if is_obstacle(thing) or is_active(thing):
                for obj in objects[thing.name]:
                    add_collider(obj, thing)
        if ground is not None:
            add_collider(ground, None)
    return found


def remove_deformed(objects: Objects, ground: bpy.types.Object | None) -> None:
    """All that `add_deformed` added goes."""
    for obj in [*(obj for copies in objects.values() for obj in copies), *([ground] if ground is not None else [])]:
        for modifier in [m for m in obj.modifiers if m.type in ("CLOTH", "SOFT_BODY", "COLLISION")]:
            obj.modifiers.remove(modifier)
        if PINNED in obj.vertex_groups:
            obj.vertex_groups.remove(obj.vertex_groups[PINNED])


def add_cloth(obj: bpy.types.Object, thing: PlanObject, plan: Plan, clock: Clock) -> None:
    """The cloth modifier on `obj`, described by its fabric; pins as a vertex group."""
    fabric, asked = FABRICS[thing.cloth.fabric], thing.cloth
    _crease(obj.data)
    modifier = obj.modifiers.new("Cloth", "CLOTH")
    settings, collisions = modifier.settings, modifier.collision_settings
    settings.quality = fabric.quality
    settings.mass = fabric.mass * _REFERENCE_VERTICES / max(len(obj.data.vertices), 1) * _area_share(obj)
    settings.air_damping = 0.6
    settings.tension_stiffness = settings.compression_stiffness = fabric.tension
    settings.shear_stiffness, settings.bending_stiffness = fabric.shear, fabric.bending
    settings.tension_damping = settings.compression_damping = fabric.damping
    settings.shear_damping, settings.bending_damping = fabric.damping, 0.5
    settings.time_scale = plan.timing.speed
    cell = _cell(obj)
    collisions.distance_min = float(np.clip(0.3 * cell, 0.001, 0.015))
    collisions.collision_quality = 4
    collisions.friction = fabric.friction
    collisions.use_self_collision = asked.self_collision
    collisions.self_distance_min = float(np.clip(0.25 * cell, 0.001, 0.01))
    if asked.pressure > 0:
        weight = settings.mass * len(obj.data.vertices) * 9.81
        area = sum(face.area for face in obj.data.polygons)
        settings.use_pressure = True
        settings.uniform_pressure_force = min(asked.pressure * _PRESSURE * weight / area, 10_000.0)
    if asked.pin != "none":
        group = obj.vertex_groups.new(name=PINNED)
        group.add(pinned(obj, asked.pin).tolist(), 1.0, "REPLACE")
        settings.vertex_group_mass = group.name
        settings.pin_stiffness = 1.0
        if asked.release_frame is not None:
            _release(obj, group, clock.solver(asked.release_frame))
    modifier.point_cache.frame_start = clock.solver(1) - clock.lead
    modifier.point_cache.frame_end = clock.solver(plan.timing.frames)


def _crease(mesh: bpy.types.Mesh) -> None:
    """A sheet that is perfectly flat carries its weight like a board, as nothing makes it bend: bend it a little."""
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    extent = points.max(0) - points.min(0)
    flat = int(np.argmin(extent))
    if extent[flat] < 1e-4:
        across, along = (points[:, axis] for axis in range(3) if axis != flat)
        size = float(extent.max())
        points[:, flat] += 0.004 * size * np.sin(9.0 * across / size + 5.0 * along / size)
        mesh.vertices.foreach_set("co", points.ravel())
        mesh.update()


def _area_share(obj: bpy.types.Object) -> float:
    """Area against that at which the fabrics' masses are given: the same cloth is heavier when it is larger."""
    return sum(face.area for face in obj.data.polygons) / _REFERENCE_M2


def _cell(obj: bpy.types.Object) -> float:
    """Typical side of a face, metres."""
    return float(np.sqrt(np.median([face.area for face in obj.data.polygons])))


def pinned(obj: bpy.types.Object, pin: str) -> np.ndarray:
    """Numbers of the vertices that are held. Left, right and top as seen from the front (-y), before rotation."""
    points = np.empty(3 * len(obj.data.vertices), np.float32)
    obj.data.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    low, high = points.min(0), points.max(0)
    extent = high - low
    upright = extent[2] > 1e-5
    across, up = points[:, 0], points[:, 2 if upright else 1]
    u = (across - low[0]) / max(extent[0], 1e-9)
    v = (up - low[2 if upright else 1]) / max(extent[2 if upright else 1], 1e-9)
    near = 1.2 * _cell(obj)
    du, dv = near / max(extent[0], 1e-9), near / max(extent[2 if upright else 1], 1e-9)
    edge = 0.5 * du, 0.5 * dv
    corner = {(x, y): (np.abs(u - x) < du) & (np.abs(v - y) < dv) for x in (0, 1) for y in (0, 1)}
    chosen = {
        "left": u < edge[0],
        "right": u > 1 - edge[0],
        "top": v > 1 - edge[1],
        "bottom": v < edge[1],
        "top_corners": corner[0, 1] | corner[1, 1],
        "left_corners": corner[0, 0] | corner[0, 1],
        "all_corners": corner[0, 0] | corner[0, 1] | corner[1, 0] | corner[1, 1],
        "shoulders": (v > 0.9) & (np.abs(u - 0.5) > 0.08) & (np.abs(u - 0.5) < 0.3),
        "centre": np.hypot(u - 0.5, v - 0.5) < 0.06,
    }[pin]
    found = np.nonzero(chosen)[0]
    if not len(found):
        raise Fault(
            "bad_input", f"{obj.name!r} has nothing at its {pin.replace('_', ' ')} to pin.", "Choose another pin."
        )
    return found


def _release(obj: bpy.types.Object, group: bpy.types.VertexGroup, frame: int) -> None:
    """Pins let go: their weight is taken away by a modifier whose influence jumps from 0 to 1 at `frame`."""
    edit = obj.modifiers.new("Release", "VERTEX_WEIGHT_MIX")
    edit.vertex_group_a, edit.default_weight_b, edit.mix_set, edit.mix_mode = group.name, 0.0, "ALL", "SET"
    obj.modifiers.move(len(obj.modifiers) - 1, 0)
    for at, mask in ((frame - 1, 0.0), (frame, 1.0)):
        edit.mask_constant = mask
        edit.keyframe_insert("mask_constant", frame=at)


def add_soft(obj: bpy.types.Object, thing: PlanObject, plan: Plan, clock: Clock) -> None:
    """The soft body modifier on `obj`: springs along edges and across faces keep its shape."""
    stiff = thing.soft.stiffness
    modifier = obj.modifiers.new("Softbody", "SOFT_BODY")
    settings = modifier.settings
    settings.mass = mass_kg(thing, obj) / max(len(obj.data.vertices), 1) * 100
    settings.use_goal = False
    settings.use_edges = True
    settings.pull = settings.push = 0.5 + 0.49 * stiff
    settings.damping = 5.0
    settings.bend = 2.0 + 8.0 * stiff
    settings.use_stiff_quads, settings.shear = True, 0.9
    settings.speed = plan.timing.speed
    settings.step_min, settings.step_max = 20, 300
    modifier.point_cache.frame_start = clock.solver(1) - clock.lead
    modifier.point_cache.frame_end = clock.solver(plan.timing.frames)


def add_collider(obj: bpy.types.Object, thing: PlanObject | None) -> None:
    """Cloth and soft bodies bump into `obj`."""
    obj.modifiers.new("Collision", "COLLISION")
    collision = obj.collision
    collision.thickness_outer = 0.002
    collision.thickness_inner = 0.5 if thing is None else 0.05  # the ground is a slab of 1 m
    collision.cloth_friction = 10.0
    # Blender takes the speed of the collider it comes to last, also when the point touches another one, and it comes to
    # them in the order of their addresses: another one in each process. Where nothing is damped no speed is asked for.
    moves = thing is not None and is_active(thing)
    collision.damping = 0.0 if moves else 0.2
    shape = SHAPES.get(thing.shape) if thing is not None else None
    collision.use_culling = shape is None or not shape.hollow
