"""What is soft holds rigid bodies up: a cast of it, at rest, stands among them.

Blender's rigid bodies know nothing of cloth and soft bodies, and would fall through. So what is soft is first computed
alone until it rests; its shape, pressed in as far as the bodies weigh, stands still among them; then it is computed
again and meets them where they have been. It is dented by what lies on it, but does not throw it back by itself: that
is the restitution of its material.

How far it is pressed in follows from how far it sinks under its own weight in the same solver: a soft body by Hertz'
law (Johnson, Contact Mechanics, 1985, eq. 4.23) with the modulus that this sinking shows, a stretched cloth by the
cube root of the load (large deflections of membranes; Timoshenko, Theory of Plates and Shells, 1959, section 101).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, sqrt

import bpy
import numpy as np
from mathutils import Vector

from ..plan import Plan, PlanObject, Rigid
from . import deform, forces, materials, rigid
from .build import points_of, world_points
from .deform import Objects

Loads = list[tuple[float, float]]
"""Mass in kg and radius in metres of each kind of body."""
_REST_S = 1.5
"""After this time what has fallen rests, but for a wobble."""
_CLOCK = rigid.Clock(1, 0, 1 / rigid.SOLVER_FPS)
_MOST_PRESSED, _MOST_SAG = 0.12, 3.0
"""Share of its height by which a soft body is pressed in at most (where it is deeper, its points slip into the body:
measured), and how many times as deep as under its own weight a cloth hangs at most."""
_CLOTH_KG_M2 = 0.2
"""Of a cotton sheet. In the solver, fabrics weigh a thousand times as much, as they are only stable so."""
_FLAT = 0.3
"""A cloth whose height is below this share of its width lies flat."""


def holding(plan: Plan, objects: Objects) -> set[str]:
    """Names of what others can lie on: soft bodies, and cloth that is stretched out flat like a trampoline."""
    found = set()
    for thing in plan.objects:
        if thing.collides and (thing.soft or (rigid.hangs(thing) and _lies_flat(objects[thing.name][0]))):
            found.add(thing.name)
    return found


def _lies_flat(cloth: bpy.types.Object) -> bool:
    width, depth, height = np.ptp(world_points(cloth), axis=0)
    return bool(height < _FLAT * min(width, depth))


def frames(plan: Plan, objects: Objects) -> int:
    """How many it takes until all that holds bodies rests; 0 where nothing does."""
    lowest = [world_points(obj)[:, 2].min() for name in holding(plan, objects) for obj in objects[name]]
    if not lowest:
        return 0
    fall_s = sqrt(2 * max(float(max(lowest)), 0.0) / max(plan.world.gravity_m_s2, 0.1))
    return ceil((fall_s + _REST_S) * rigid.SOLVER_FPS)


def casts(
    scene: bpy.types.Scene,
    plan: Plan,
    objects: Objects,
    ground: bpy.types.Object | None,
    report: Callable[[int], None],
) -> tuple[Plan, Objects]:
    """The plan and the objects as rigid bodies know them: casts, which stand still, instead of what holds bodies up.

    report(frame) is called for each of `frames`. `remove` takes the casts away; all else is as it was. The same plan
    and objects where nothing holds anything.
    """
    soft = holding(plan, objects)
    if not soft:
        return plan, objects
    settled = _settled(scene, plan, objects, ground, soft, report)
    moving = [thing for thing in plan.objects if rigid.is_active(thing)]
    first = [(thing, objects[thing.name][0]) for thing in moving]  # copies of a thing have one mesh
    loads = [(rigid.mass_kg(thing, obj), float(min(rigid.extents(obj))) / 2) for thing, obj in first]
    things, known = [], dict(objects)
    for thing in plan.objects:
        if thing.name not in soft:
            things.append(thing)
            continue
        known[thing.name] = [
            _cast(scene, obj, _pressed(thing, obj, settled[obj], loads)) for obj in objects[thing.name]
        ]
        bounce = materials.substance(thing)[1].bounce
        things.append(replace(thing, cloth=None, soft=None, rigid=Rigid("passive", "mesh", bounce=bounce)))
    return replace(plan, objects=tuple(things)), known


def remove(objects: Objects, known: Objects) -> None:
    """The casts among `known` go."""
    for name, copies in known.items():
        if copies is not objects[name]:
            for cast in copies:
                bpy.data.meshes.remove(cast.data)  # and so its object


def _settled(
    scene: bpy.types.Scene,
    plan: Plan,
    objects: Objects,
    ground: bpy.types.Object | None,
    soft: set[str],
    report: Callable[[int], None],
) -> dict[bpy.types.Object, np.ndarray]:
    """(V, 3) world points of each of `soft` when it rests, without wind and rigid bodies, in real time."""
    rate = scene.render.fps, scene.render.fps_base
    scene.render.fps, scene.render.fps_base = rigid.SOLVER_FPS, 1.0
    many = frames(plan, objects)
    alone = replace(
        plan,
        objects=tuple(thing for thing in plan.objects if thing.name in soft or rigid.is_obstacle(thing)),
        timing=replace(plan.timing, speed=1.0, frames=many),
    )
    resting = [obj for thing in alone.objects if thing.name in soft for obj in objects[thing.name]]
    found = {obj: np.zeros((len(obj.data.vertices), 3)) for obj in resting}
    deform.add_deformed(alone, objects, ground, _CLOCK)
    drag = forces.add_drag(scene)
    for frame in range(1, many + 1):
        scene.frame_set(frame)
        report(frame)
        if frame > many - rigid.SOLVER_FPS:  # the mean of the last second, as it may still wobble
            graph = bpy.context.evaluated_depsgraph_get()
            for obj, points in found.items():
                points += points_of(obj.evaluated_get(graph).data) / rigid.SOLVER_FPS
    bpy.data.objects.remove(drag)
    deform.remove_deformed(objects, ground)
    scene.render.fps, scene.render.fps_base = rate
    for obj, points in found.items():
        matrix = np.array(obj.matrix_world)
        points[:] = points @ matrix[:3, :3].T + matrix[:3, 3]
        if ground is not None:
            np.maximum(points[:, 2], world_points(ground)[:, 2].max(), out=points[:, 2])
    return found


def _pressed(thing: PlanObject, obj: bpy.types.Object, points: np.ndarray, loads: Loads) -> np.ndarray:
    """(V, 3) `points` as deep as the body presses them that presses least, so that none floats or sinks too far."""
    heights = points[:, 2]
    if thing.cloth is not None:
        level = heights.max()
        own_kg = _CLOTH_KG_M2 * sum(face.area for face in obj.data.polygons)
        factor = min([_MOST_SAG, *(((own_kg + kg) / own_kg) ** (1 / 3) for kg, _ in loads)])
    else:
        level, height = heights.min(), float(np.ptp(heights))
        sunk = max(1 - height / float(np.ptp(world_points(obj)[:, 2])), 1e-4)
        area = float(np.prod(np.ptp(points[:, :2], axis=0)))
        modulus = rigid.mass_kg(thing, obj) / area / 2 / sunk  # per gravity, which pulls at both
        depths = [(0.75 * kg / (modulus * sqrt(max(radius, 1e-3)))) ** (2 / 3) for kg, radius in loads]
        factor = 1 - min([_MOST_PRESSED, *(depth / height for depth in depths)])
    return np.column_stack([points[:, :2], level + (heights - level) * factor])


def _cast(scene: bpy.types.Scene, obj: bpy.types.Object, points: np.ndarray) -> bpy.types.Object:
    """An object of the shape of `obj` whose vertices are at the world `points`."""
    mesh, place = obj.data.copy(), Vector(obj.location)
    mesh.vertices.foreach_set("co", (points - np.array(place)).astype(np.float32).ravel())
    mesh.update()
    cast = bpy.data.objects.new(f"{obj.name} cast", mesh)
    cast.rotation_mode, cast.location = "QUATERNION", place
    scene.collection.objects.link(cast)
    return cast
