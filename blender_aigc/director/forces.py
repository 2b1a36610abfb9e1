"""Winds and other fields, with gusts from a seed: the same plan has the same gusts.

A constant wind makes a stiff board of a flag, the stiffer the stronger it is; real wind changes its direction and speed
several times a second. Gusts are two sines of irrational ratio with seeded phases, so that a short scene has them too.
"""

from __future__ import annotations

from math import cos, radians, sin

import bpy
import numpy as np
from mathutils import Vector

from ..plan import WINDS, Force, Plan
from . import keys
from .rigid import Clock

BLENDER_PER_M_S = 250.0
"""Strength of Blender's wind field for a wind of 1 m/s: 2, 10 and 20 m/s are the 500, 2500 and 5000 of GPT4Motion."""

_KINDS = {"turbulence": "TURBULENCE", "vortex": "VORTEX", "attract": "FORCE", "repel": "FORCE", "blast": "FORCE"}
_SWAY_RAD, _GUST_HZ = 0.55, (1.3, 2.7)
_BLAST_FRAMES = 2
_SETTLING_DRAG = 0.3


def speed_m_s(force: Force) -> float:
    return force.speed_m_s if force.speed_m_s is not None else WINDS[force.strength]


def add_forces(
    scene: bpy.types.Scene, plan: Plan, clock: Clock, origin: Vector, enlarged: float = 1.0
) -> list[bpy.types.Object]:
    """One field object for each force of the plan, keyed over the whole length."""
    fields: list[bpy.types.Object] = []
    rng = np.random.default_rng([plan.seed, 11])
    for force in plan.forces:
        phases = rng.uniform(0, 2 * np.pi, 4)
        field = _field(scene, force.type, "WIND" if force.type == "wind" else _KINDS[force.type])
        field.location = (origin + Vector(force.position_m)) * enlarged
        field.field.seed = plan.seed % 128 + 1
        field.field.flow = 1.0 if force.type == "wind" else 0.0
        field.field.noise = 0.0
        _key(field, force, plan, clock, phases)
        fields.append(field)
    return fields


def _field(scene: bpy.types.Scene, name: str, kind: str) -> bpy.types.Object:
    """An empty in `scene` with a force field."""
    field = bpy.data.objects.new(f"Force {name}", None)
    scene.collection.objects.link(field)
    field.rotation_mode = "QUATERNION"
    with bpy.context.temp_override(object=field, active_object=field, selected_objects=[field]):
        if field.field is None or field.field.type == "NONE":
            bpy.ops.object.forcefield_toggle()
    field.field.type = kind
    return field


def add_settling(scene: bpy.types.Scene, clock: Clock) -> None:
    """Drag before frame 1: what hangs stops swinging, then the air is itself again."""
    drag = _field(scene, "settling", "DRAG")
    frames = np.array([clock.solver(1) - clock.lead, clock.solver(1) - 8 * clock.every, clock.solver(1)])
    action = keys.action_of(drag, drag.name)
    keys.write(action, drag, "field.linear_drag", frames, np.array([_SETTLING_DRAG, _SETTLING_DRAG, 0.0]))


def _key(field: bpy.types.Object, force: Force, plan: Plan, clock: Clock, phases: np.ndarray) -> None:
    frames = np.arange(clock.solver(1) - clock.lead, clock.solver(plan.timing.frames) + 1)
    seconds = (frames - 1) * clock.step_s
    strength = np.full(len(frames), _strength(force))
    if force.type == "wind":
        strength, ways = _gusts(force, seconds, phases)
        poses = np.array([[*field.location, *way.to_track_quat("Z", "Y")] for way in ways])
        keys.write_pose(field, frames, poses)
    stop = force.stop_frame if force.stop_frame is not None else plan.timing.frames + 1
    if force.type == "blast":
        stop = min(stop, force.start_frame + _BLAST_FRAMES)
    blew_before = force.start_frame == 1 and force.type != "blast"
    start = frames[0] if blew_before else clock.solver(force.start_frame)
    blows = (frames >= start) & (frames < clock.solver(stop))
    action = field.animation_data.action if field.animation_data else keys.action_of(field, field.name)
    keys.write(action, field, "field.strength", frames, np.where(blows, strength, 0.0))


def _strength(force: Force) -> float:
    speed = speed_m_s(force)
    return {"turbulence": 0.5, "vortex": 0.5, "attract": -1.0, "repel": 1.0, "blast": 60.0}.get(force.type, 0.0) * speed


def _gusts(
    force: Force, seconds: np.ndarray, phases: np.ndarray
) -> tuple[np.ndarray, list[tuple[float, float, float]]]:
    """Strength in Blender's units and direction for every moment."""
    first, second = (2 * np.pi * hz * seconds for hz in _GUST_HZ)
    share = force.gusts / 0.35
    swell = 1.0 + force.gusts * (0.6 * np.sin(first + phases[0]) + 0.4 * np.sin(second + phases[1]))
    sway = share * _SWAY_RAD * (0.6 * np.sin(first + phases[2]) + 0.4 * np.sin(second + phases[3]))
    rise = radians(force.rise_deg)
    turns = radians(force.direction_deg) + sway
    ways = [Vector((cos(turn) * cos(rise), sin(turn) * cos(rise), sin(rise))) for turn in turns]
    return speed_m_s(force) * BLENDER_PER_M_S * swell, ways
