"""Camera of a plan: where it stands so that everything asked for is in the picture, and how it moves."""

from __future__ import annotations

from math import radians

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..apply.scene import Made
from ..plan import Plan
from . import keys

_TOWARDS = {
    "front": (0.0, -1.0, 0.12),
    "three_quarter": (0.55, -1.0, 0.42),
    "side": (1.0, -0.02, 0.12),
    "back": (0.0, 1.0, 0.15),
    "top": (0.0, -0.02, 1.0),
    "low": (0.25, -1.0, 0.0),
    "high": (0.3, -1.0, 0.95),
}
_MARGIN = {"wide": 1.8, "medium": 1.15, "close": 0.8}
_SENSOR_MM = 36.0
_LOWEST_M = 0.02
_ORBIT_STEPS = 25
_HALVINGS = 24


def add_camera(plan: Plan, made: Made, points: np.ndarray) -> bpy.types.Object:
    """A camera that sees `points` ((N, 3), world, metres) the way the plan asks."""
    data = made.keep(bpy.data.cameras.new("Plan Camera"))
    data.lens, data.sensor_width, data.sensor_fit = plan.camera.lens_mm, _SENSOR_MM, "HORIZONTAL"
    camera = made.keep(bpy.data.objects.new("Plan Camera", data))
    frame(camera, plan, points)
    return camera


def frame(camera: bpy.types.Object, plan: Plan, points: np.ndarray, start: int = 1) -> None:
    """(Re)place `camera` and its movement so that it sees `points` ((N, 3), metres). start: its first frame."""
    asked = plan.camera
    low, high = points.min(0), points.max(0)
    position, centre = _stand(plan, points)
    if asked.position_m is not None:
        position, centre = np.asarray(asked.position_m, float), (low + high) / 2
    if asked.look_at_m is not None:
        centre = np.asarray(asked.look_at_m, float)
    if asked.position_m is None:
        ground = min(float(low[2]), centre[2])
        position[2] = max(position[2], ground + _LOWEST_M + 0.01 * float(np.linalg.norm(position - centre)))
    size = float(np.linalg.norm(high - low))
    reach = float(np.linalg.norm(position - centre))
    camera.data.clip_start = max(0.001, min(0.1, 0.01 * reach))
    camera.data.clip_end = max(200.0, 20 * (reach + size))
    frames = np.arange(start, start + plan.timing.frames)
    poses = np.array([_at(plan, position, centre, t) for t in np.linspace(0, 1, len(frames))])
    if camera.animation_data is not None:
        camera.animation_data_clear()
    camera.rotation_mode = "QUATERNION"
    camera.location, camera.rotation_quaternion = poses[0, :3], poses[0, 3:]
    if asked.move in ("orbit", "dolly_in", "dolly_out", "rise", "pan"):
        keys.write_pose(camera, frames, poses)


def follow(camera: bpy.types.Object, target: bpy.types.Object) -> None:
    """The camera keeps looking at `target`."""
    constraint = camera.constraints.new("TRACK_TO")
    constraint.target, constraint.track_axis, constraint.up_axis = target, "TRACK_NEGATIVE_Z", "UP_Y"


def _stand(plan: Plan, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the camera stands and what it looks at, (3,) each: the nearest place in the direction of the view from
    which all points (N, 3) are in the picture, as far from its left as from its right, from its top as from its
    bottom. What the plan says to look at is in the middle itself; what is circled, too, and stays in the picture all
    the way round.
    """
    asked = plan.camera
    towards = np.array(_TOWARDS[asked.view])
    towards /= np.linalg.norm(towards)
    look = np.array(_look(towards, np.zeros(3)).to_matrix())  # columns: right, up, back
    middle = (points.min(0) + points.max(0)) / 2 if asked.look_at_m is None else np.asarray(asked.look_at_m, float)
    points = points - middle
    if asked.move == "orbit":
        turns = [Matrix.Rotation(-radians(asked.turn_deg) * t, 3, "Z") for t in np.linspace(0, 1, _ORBIT_STEPS)]
        points = np.concatenate([points @ np.array(turn).T for turn in turns])
    seen = points @ look
    half = np.array([1.0, plan.render.height_px / plan.render.width_px]) * _SENSOR_MM / 2 / asked.lens_mm
    half /= _MARGIN[asked.framing]
    fixed = asked.look_at_m is not None or asked.move == "orbit"
    # a point is in the picture when |across - shift| <= (away - depth) * half
    right = (seen[:, :2] + seen[:, 2:] * half).max(0)
    left = (-seen[:, :2] + seen[:, 2:] * half).max(0)
    needed = np.maximum(left, right) if fixed else (left + right) / 2
    away = max(float((needed / half).max()), 0.05)
    shift = np.zeros(2) if fixed else _middle(seen, away)
    centre = middle + look[:, :2] @ shift
    return centre + towards * away, centre


def _middle(seen: np.ndarray, away: float) -> np.ndarray:
    """(2,) where a camera stands across, and upwards, for the points (N, 3; across, up, back) to be in the middle of
    its picture, when it is `away` from where they are counted from.
    """
    low, high = seen[:, :2].min(0), seen[:, :2].max(0)
    for _ in range(_HALVINGS):
        half_way = (low + high) / 2
        at = (seen[:, :2] - half_way) / (away - seen[:, 2:])
        too_far_left = at.max(0) + at.min(0) > 0
        low, high = np.where(too_far_left, half_way, low), np.where(too_far_left, high, half_way)
    return (low + high) / 2


def _look(position: np.ndarray, at: np.ndarray):
    """Quaternion of a camera at `position` that looks at `at`, upright."""
    return (Vector(at) - Vector(position)).to_track_quat("-Z", "Y")


def _at(plan: Plan, position: np.ndarray, centre: np.ndarray, t: float) -> list[float]:
    """Pose (7,) at the share `t` of the whole length."""
    move, turn = plan.camera.move, np.radians(plan.camera.turn_deg)
    away = position - centre
    if move == "orbit":
        away = np.array(Matrix.Rotation(turn * t, 3, "Z") @ Vector(away))
    elif move in ("dolly_in", "dolly_out"):
        away = away * (1.0 - 0.4 * (t if move == "dolly_in" else 1 - t))
    elif move == "rise":
        away = away + [0.0, 0.0, 0.6 * t * float(np.linalg.norm(away))]
    place = centre + away
    rotation = _look(place, centre)
    if move == "pan":
        rotation = Matrix.Rotation(-turn * (t - 0.5), 3, "Z").to_quaternion() @ rotation
    return [*place, *rotation]
