"""The simulation of everything solid (rigid bodies, cloth, soft bodies) in one pass, in the background Blender."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from ..plan import Plan, PlanObject
from . import bounces, contact, deform, forces, held, keys, order, rigid
from .deform import Objects
from .order import Order


def moves(plan: Plan) -> bool:
    """Is there anything solid to simulate?"""
    return any(rigid.is_active(thing) or thing.cloth or thing.soft for thing in plan.objects)


def simulate(
    scene: bpy.types.Scene,
    plan: Plan,
    order_: Order,
    objects: Objects,
    ground: bpy.types.Object | None,
    folder: Path,
    report: Callable[[int, int], None],
) -> None:
    """Steps through all frames and writes solids.npz and the .pc2 files. report(frame, of) is called for each."""
    clock = rigid.clock(plan, order_.fps)
    scene.render.fps, scene.render.fps_base = rigid.SOLVER_FPS, rigid.SOLVER_FPS / (order_.fps * clock.every)
    scene.gravity = (0.0, 0.0, -plan.world.gravity_m_s2)
    rigid_ones = [obj for thing in plan.objects if rigid.is_active(thing) for obj in objects[thing.name]]
    both = bool(rigid_ones and any(thing.cloth or thing.soft for thing in plan.objects))
    frames, ahead = plan.timing.frames, held.frames(plan, objects) if both else 0
    total = ahead + (1 + both) * frames
    world = _World(scene, plan, objects, ground, clock, order_)
    poses = np.zeros((len(rigid_ones), frames, 7))
    if rigid_ones:
        known, bodies = held.casts(scene, plan, objects, ground, lambda frame: report(frame, total))
        poses = _rigid(replace(world, plan=known, objects=bodies), lambda i: report(ahead + i + 1, total), both)
        held.remove(objects, bodies)
    if both:  # cloth and soft bodies meet what has moved
        numbers = np.array([clock.solver(1 + i) for i in range(frames)])
        for obj, found in zip(rigid_ones, poses, strict=True):
            keys.write_pose(obj, numbers, found)
    shapes = _shapes(world, lambda i: report(total - frames + i + 1, total))
    contact.push_out(shapes, rigid_ones, poses)
    if ground is not None:
        contact.lift(shapes, order_.origin_m[2])
    _write(folder, plan, objects, rigid_ones, poses, shapes)


@dataclass(frozen=True)
class _World:
    """What is simulated, and when."""

    scene: bpy.types.Scene
    plan: Plan
    objects: Objects
    ground: bpy.types.Object | None
    clock: rigid.Clock
    order: Order


def _shapes(world: _World, report: Callable[[int], None]) -> dict[bpy.types.Object, np.ndarray]:
    """(F, V, 3) float32 points of all cloth and soft bodies, each in its own frame."""
    scene, plan, clock = world.scene, world.plan, world.clock
    deformed = deform.add_deformed(plan, world.objects, world.ground, clock)
    if not deformed:
        return {}
    shapes = {obj: np.zeros((plan.timing.frames, len(obj.data.vertices), 3), np.float32) for obj in deformed}
    forces.add_forces(scene, plan, clock, Vector(world.order.origin_m))
    if any(rigid.hangs(thing) for thing in plan.objects):
        forces.add_settling(scene, clock)
    for frame in _frames(scene, plan, clock):
        graph = bpy.context.evaluated_depsgraph_get()
        for obj, points in shapes.items():
            mesh = obj.evaluated_get(graph).data
            flat = np.empty(3 * len(mesh.vertices), np.float32)
            mesh.vertices.foreach_get("co", flat)
            points[frame] = flat.reshape(-1, 3)
        report(frame)
    return shapes


def _rigid(world: _World, report: Callable[[int], None], more_follows: bool) -> np.ndarray:
    """(B, F, 7) poses of all bodies. With bouncing balls a few step lengths are tried: see bounces.py.

    The scene gets rid of its bodies only where more_follows: that takes Blender 1 % of a bake, and a scene that is
    done is thrown away.
    """
    scene, plan, objects, ground, clock = world.scene, world.plan, world.objects, world.ground, world.clock
    bodies = [(thing, obj) for thing in plan.objects if rigid.is_active(thing) for obj in objects[thing.name]]
    starts = [(tuple(obj.location), tuple(obj.rotation_quaternion)) for _, obj in bodies]
    expected = bounces.expected(plan, objects)
    best, least = np.zeros(0), np.inf
    tries = bounces.TRIES if expected else (0,)
    for extra in tries:
        for (_, obj), (location, turned) in zip(bodies, starts, strict=True):
            obj.location, obj.rotation_quaternion = location, turned
        enlarged = rigid.add_bodies(scene, plan, objects, ground, clock, extra)
        air = forces.Bodies(rigid.wind_area_m2(plan, objects), enlarged)
        fields = forces.add_forces(scene, plan, clock, Vector(world.order.origin_m), air)
        poses = _poses(scene, plan, clock, [obj for _, obj in bodies], report)
        poses[:, :, :3] /= enlarged
        lost = bounces.lost(plan, expected, poses, world.order)
        if lost < least:
            best, least = poses, lost
        done = least < bounces.ENOUGH or extra == tries[-1]
        if more_follows or not done:
            rigid.remove_bodies(scene, objects, ground, fields, enlarged)
        if done:
            break
    _hold_still([thing for thing, _ in bodies], best)
    if ground is not None:
        contact.keep_above([obj for _, obj in bodies], best, world.order.origin_m[2])
    return best


def _poses(
    scene: bpy.types.Scene,
    plan: Plan,
    clock: rigid.Clock,
    bodies: list[bpy.types.Object],
    report: Callable[[int], None],
) -> np.ndarray:
    """(B, F, 7) where `bodies` are in the plan's frames, in the enlarged world. All are read at once in each frame."""
    everything = scene.rigidbody_world.collection.objects
    matrices = np.zeros((plan.timing.frames, len(everything), 4, 4), np.float32)
    for frame in _frames(scene, plan, clock):
        everything.foreach_get("matrix_world", matrices[frame].reshape(-1))
        report(frame)
    row = {obj: i for i, obj in enumerate(everything)}
    matrices = matrices[:, [row[obj] for obj in bodies]].transpose(1, 0, 2, 3)
    return keys.poses(matrices.reshape(-1, 4, 4)).reshape(len(bodies), -1, 7)


def _frames(scene: bpy.types.Scene, plan: Plan, clock: rigid.Clock) -> Iterator[int]:
    """Steps through all frames of the solver; yields the plan's frames, counted from 0."""
    for number in range(clock.solver(1) - clock.lead, clock.solver(plan.timing.frames) + 1):
        scene.frame_set(number)
        frame, between = divmod(number - 1, clock.every)
        if number >= 1 and not between:
            yield frame


def _hold_still(things: list[PlanObject], poses: np.ndarray) -> None:
    """Before it is let go a body is where it will be let go, not where the solver took its run-up."""
    for thing, row in zip(things, poses, strict=True):
        row[: thing.rigid.start_frame - 1] = row[thing.rigid.start_frame - 1]


def _write(
    folder: Path,
    plan: Plan,
    objects: Objects,
    active: list[bpy.types.Object],
    poses: np.ndarray,
    shapes: dict[bpy.types.Object, np.ndarray],
) -> None:
    rows: list[str] = []
    for thing in plan.objects:
        for copy, obj in enumerate(objects[thing.name]):
            if obj in active:
                rows.append(f"{copy}:{thing.name}")
            elif obj in shapes:
                order.write_pc2(folder / order.pc2_name(thing.name, copy), shapes[obj])
    part = folder / "solids.part.npz"
    np.savez(part, rows=np.array(rows, dtype=str), poses=poses.astype(np.float32))
    part.replace(folder / order.SOLIDS)
