"""Winds and other fields, with gusts from a seed: the same plan has the same gusts.

A constant wind makes a stiff board of a flag, the stiffer the stronger it is; real wind changes its direction and speed
several times a second, from the side, from above and below, the quicker the stronger it is. Gusts are two sines of
irrational ratio with seeded phases, so that a short scene has them too. A strong wind also carries eddies along that
are smaller than a flag and run through it as ripples; gusts alone push it to and fro in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import bpy
import numpy as np
from mathutils import Vector

from ..plan import SHAPES, WINDS, Force, Plan
from . import keys
from .rigid import SOLVER_FPS, Clock

BLENDER_PER_M_S = 250.0
"""Strength of Blender's wind field on cloth for a wind of 1 m/s, after the 500, 2500 and 5000 of GPT4Motion."""
_AS_SAID_M_S, _SHARPER = 6.0, (0.5, 1.8)
"""Drag grows with the square of the speed, and so does the strength about this speed; far from it a breeze would do
nothing, and a storm tear the cloth."""
_KINDS = {"turbulence": "TURBULENCE", "vortex": "VORTEX", "attract": "FORCE", "repel": "FORCE", "blast": "FORCE"}
_SWAY_RAD, _HEAVE_RAD, _GUST_HZ, _GUSTS_AT_M_S = 0.8, 0.25, (1.3, 3.1), 8.0
_ROUGH_M_S, _RIPPLES = (5.0, 15.0), 5.0
"""Between these speeds the eddies of a wind come up, to this share of its strength; noise is seldom near its peak."""
_RIPPLE, _CARRIED, _SEEN = 0.2, 0.6, 0.3
"""Size of those eddies, as a share of the longest cloth; their speed, as a share of the wind's; how much of their size
they go at most in a step, so that they are seen to go the right way."""
_BLAST_S, _BLAST_SPEED = 0.08, 15.0
_EDDY_M, _EDDY_SPEED = 0.4, 4.0
"""Size of the eddies of a turbulence; its noise is seldom near its peak, so it is given this much more."""
_SETTLING_DRAG = 0.3
_AIR_KG_M3, _DRAG = 1.2, 0.5


@dataclass(frozen=True)
class Bodies:
    """The rigid bodies that a field is to push: what they show the wind, and how much their scene is enlarged."""

    area_m2: float
    enlarged: float


@dataclass(frozen=True)
class Flowing:
    """What air does to a fluid: Blender's strength of its field is linear * speed + square * speed2, and flow is how
    much the field gives way to what moves with it.
    """

    linear: float
    square: float
    flow: float
    enlarged: float = 1.0


FLUID_M_PER_FRAME2 = 0.0088
"""What a field of strength 1 adds to a fluid in each frame of normal speed, whatever the cells, the frame rate and the
domain are (measured in 4.2 and 5.2, where the scene has SOLVER_FPS / fps_base). Beyond 5 Blender cuts off."""
_FLUID_UNITS_PER_FRAME = 2.5 / SOLVER_FPS
"""Of the solver's own time; its velocities, from which a field's flow is taken, are cells per unit."""
_CARRIED_S = 0.15
"""In this time smoke has most of the wind's speed. Blender holds up what rises as it holds up what is blown: the
quicker, the less smoke rises in the wind."""
_LIQUID_KG_M3 = 1000.0


def on_gas(clock: Clock, speed: float, cell_m: float) -> Flowing:
    """Smoke is carried along until it is as fast as the air. speed: of the plan's time, 1 is real."""
    share = min(clock.step_s / _CARRIED_S, 0.5)  # of the missing speed, in each frame
    linear = share * clock.step_s / (FLUID_M_PER_FRAME2 * speed)
    seen = clock.step_s / (speed * _FLUID_UNITS_PER_FRAME * cell_m)
    return Flowing(linear, 0.0, linear / seen)


def on_liquid(clock: Clock, speed: float, thick_m: float) -> Flowing:
    """It is pushed by the drag of drops as thick as this: a jet is bent, and a tub of water hardly cares."""
    per_m = 0.5 * _AIR_KG_M3 * _DRAG * 1.5 / (_LIQUID_KG_M3 * thick_m)
    return Flowing(0.0, per_m * clock.step_s**2 / (FLUID_M_PER_FRAME2 * speed), 0.0)


def speed_m_s(force: Force) -> float:
    return force.speed_m_s if force.speed_m_s is not None else WINDS[force.strength]


def blown_to(plan: Plan) -> np.ndarray:
    """(3,) direction of all winds together, no longer than 1."""
    ways = [(radians(f.direction_deg), radians(f.rise_deg)) for f in plan.forces if f.type == "wind" and speed_m_s(f)]
    whole = np.sum([(cos(turn) * cos(rise), sin(turn) * cos(rise), sin(rise)) for turn, rise in ways] or [(0, 0, 0)], 0)
    return whole / max(1.0, float(np.linalg.norm(whole)))


def add_forces(
    scene: bpy.types.Scene, plan: Plan, clock: Clock, origin: Vector, bodies: Bodies | Flowing | None = None
) -> list[bpy.types.Object]:
    """One field object for each force of the plan, keyed over the whole length.

    Every force is moving air: a wind that blows one way, to or from a centre, about an axis (at its full speed 1 m from
    it), or every way at once. bodies: fields for rigid bodies, which are pushed by their drag, 1/2 rho c A v2, until
    they are as fast as the air; or what they do to a fluid; None: for cloth and soft bodies, whose solver knows wind.
    """
    fields: list[bpy.types.Object] = []
    rng = np.random.default_rng([plan.seed, 11])
    for force in plan.forces:
        phases = rng.uniform(0, 2 * np.pi, 4)
        field = _field(scene, force.type, "WIND" if force.type == "wind" else _KINDS[force.type])
        enlarged = bodies.enlarged if bodies is not None else 1.0
        field.location = (origin + Vector(force.position_m)) * enlarged
        field.field.seed = plan.seed % 128 + 1
        field.field.noise = 0.0
        if force.type == "turbulence":
            field.field.size = _EDDY_M * enlarged
        field.field.flow = _flow(force, bodies)
        _key(field, force, plan, clock, phases, bodies)
        fields.append(field)
        if bodies is None and force.type == "wind" and _rough(force):
            fields.append(_eddies(scene, force, plan, clock, field))
    return fields


def _rough(force: Force) -> float:
    """Strength of the eddies in a wind as a share of its own; nothing in a breeze."""
    low, high = _ROUGH_M_S
    return _RIPPLES * force.gusts / 0.35 * float(np.clip((speed_m_s(force) - low) / (high - low), 0.0, 1.0))


def _longest_m(plan: Plan) -> float:
    """Of all cloths, as far as the plan says it."""
    flag = SHAPES["flag"].size_m
    sizes = [
        thing.scale * max(thing.size_m or (SHAPES[thing.shape].size_m if thing.shape in SHAPES else flag))
        for thing in plan.objects
        if thing.cloth
    ]
    return max(sizes, default=max(flag))


def _eddies(scene: bpy.types.Scene, force: Force, plan: Plan, clock: Clock, wind: bpy.types.Object) -> bpy.types.Object:
    """What a strong wind carries along, and what runs through a flag as ripples: noise that moves with it."""
    eddies = _field(scene, "eddies", "TURBULENCE")
    size = _RIPPLE * _longest_m(plan)
    eddies.field.size, eddies.field.seed = size, (wind.field.seed + 63) % 128 + 1
    eddies.field.noise = eddies.field.flow = 0.0
    frames = np.arange(clock.solver(1) - clock.lead, clock.solver(plan.timing.frames) + 1)
    seconds = (frames - 1) * clock.step_s
    turn, rise = radians(force.direction_deg), radians(force.rise_deg)
    way = np.array([cos(turn) * cos(rise), sin(turn) * cos(rise), sin(rise)])
    travels = min(_CARRIED * speed_m_s(force), _SEEN * size / clock.step_s)
    places = np.array(wind.location) + travels * seconds[:, None] * way
    keys.write_pose(eddies, frames, np.hstack([places, np.tile([1.0, 0.0, 0.0, 0.0], (len(frames), 1))]))
    curve = next(curve for curve in keys.curves(wind) if curve.data_path == "field.strength")
    strength = _rough(force) * np.array([curve.evaluate(frame) for frame in frames])
    keys.write(eddies.animation_data.action, eddies, "field.strength", frames, strength)
    return eddies


def _strength(speeds: np.ndarray, bodies: Bodies | Flowing | None) -> np.ndarray:
    """Blender's strength of a field for air of these speeds, m/s."""
    if bodies is None:
        return BLENDER_PER_M_S * speeds * np.clip(np.abs(speeds) / _AS_SAID_M_S, *_SHARPER)
    if isinstance(bodies, Flowing):
        return bodies.linear * speeds + bodies.square * speeds * np.abs(speeds)
    return 0.5 * _AIR_KG_M3 * _DRAG * bodies.area_m2 * speeds * np.abs(speeds) * SOLVER_FPS * bodies.enlarged


def _flow(force: Force, bodies: Bodies | Flowing | None) -> float:
    """How much a field gives way to what moves with it already."""
    speed = speed_m_s(force)
    if isinstance(bodies, Flowing):  # a calm, or a blast that is over, holds nothing up
        return bodies.flow if speed and force.type != "blast" else 0.0
    if bodies is None or not speed:
        return 1.0 if force.type == "wind" else 0.0
    if force.type == "blast":  # over before anything is fast
        return 0.0
    return float(_strength(np.array(speed), bodies)) / (SOLVER_FPS * bodies.enlarged * speed)


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


def add_drag(scene: bpy.types.Scene) -> bpy.types.Object:
    """A field in which what hangs or wobbles comes to rest."""
    drag = _field(scene, "settling", "DRAG")
    drag.field.linear_drag = _SETTLING_DRAG
    return drag


def add_settling(scene: bpy.types.Scene, clock: Clock) -> None:
    """Drag before frame 1: what hangs stops swinging, then the air is itself again."""
    drag = add_drag(scene)
    frames = np.array([clock.solver(1) - clock.lead, clock.solver(1) - 8 * clock.every, clock.solver(1)])
    action = keys.keep_place(drag)
    keys.write(action, drag, "field.linear_drag", frames, np.array([_SETTLING_DRAG, _SETTLING_DRAG, 0.0]))


def _key(
    field: bpy.types.Object,
    force: Force,
    plan: Plan,
    clock: Clock,
    phases: np.ndarray,
    bodies: Bodies | Flowing | None,
) -> None:
    frames = np.arange(clock.solver(1) - clock.lead, clock.solver(plan.timing.frames) + 1)
    seconds = (frames - 1) * clock.step_s
    speeds = np.full(len(frames), speed_m_s(force))
    if force.type == "wind":
        swell, ways = _gusts(force, seconds, phases)
        speeds = speeds * swell
        poses = np.array([[*field.location, *way.to_track_quat("Z", "Y")] for way in ways])
        keys.write_pose(field, frames, poses)
    strength = _strength(speeds * {"blast": _BLAST_SPEED, "turbulence": _EDDY_SPEED}.get(force.type, 1.0), bodies)
    if force.type == "vortex" and bodies is not None:  # it grows with the distance from its axis
        strength = strength / bodies.enlarged
    stop = clock.solver(force.stop_frame if force.stop_frame is not None else plan.timing.frames + 1)
    blew_before = bodies is None and force.start_frame == 1 and force.type != "blast"
    start = frames[0] if blew_before else clock.solver(force.start_frame)
    if force.type == "blast":
        stop = min(stop, start + max(1, round(_BLAST_S / clock.step_s)))
    blows = (frames >= start) & (frames < stop)
    action = keys.keep_place(field)
    sign = -1.0 if force.type == "attract" else 1.0
    keys.write(action, field, "field.strength", frames, np.where(blows, sign * strength, 0.0))
    if isinstance(bodies, Flowing) and not blows.all():  # else smoke would stand when the wind has gone
        keys.write(action, field, "field.flow", frames, np.where(blows, field.field.flow, 0.0))


def _gusts(
    force: Force, seconds: np.ndarray, phases: np.ndarray
) -> tuple[np.ndarray, list[tuple[float, float, float]]]:
    """Speed as a share of the mean, and direction, for every moment."""
    quick = float(np.clip(np.sqrt(speed_m_s(force) / _GUSTS_AT_M_S), 0.8, 2.0))
    first, second = (2 * np.pi * hz * quick * seconds for hz in _GUST_HZ)
    share = force.gusts / 0.35
    swell = 1.0 + force.gusts * (0.6 * np.sin(first + phases[0]) + 0.4 * np.sin(second + phases[1]))
    sway = share * _SWAY_RAD * (0.6 * np.sin(first + phases[2]) + 0.4 * np.sin(second + phases[3]))
    turns = radians(force.direction_deg) + sway
    rises = radians(force.rise_deg) + share * _HEAVE_RAD * np.sin(second + phases[1])
    ways = [
        Vector((cos(turn) * cos(rise), sin(turn) * cos(rise), sin(rise)))
        for turn, rise in zip(turns, rises, strict=True)
    ]
    return swell, ways
