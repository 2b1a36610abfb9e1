"""Camera of a plan: where it stands so that everything asked for is in the picture, and how it moves."""

from __future__ import annotations

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
_MARGIN = {"wide": 2.0, "medium": 1.25, "close": 0.8}
_SENSOR_MM = 36.0
_LOWEST_M = 0.02


def add_camera(plan: Plan, made: Made, low: np.ndarray, high: np.ndarray) -> bpy.types.Object:
    """A camera that sees the box from `low` to `high` (world, metres) the way the plan asks."""
    data = made.keep(bpy.data.cameras.new("Plan Camera"))
    data.lens, data.sensor_width, data.sensor_fit = plan.camera.lens_mm, _SENSOR_MM, "HORIZONTAL"
    camera = made.keep(bpy.data.objects.new("Plan Camera", data))
    frame(camera, plan, low, high)
    return camera


def frame(camera: bpy.types.Object, plan: Plan, low: np.ndarray, high: np.ndarray, start: int = 1) -> None:
    """(Re)place `camera` and its movement for what lies between `low` and `high`. start: its first frame."""
    asked = plan.camera
    centre = np.asarray(asked.look_at_m if asked.look_at_m is not None else (low + high) / 2, float)
    ground = min(float(low[2]), centre[2])
    if asked.position_m is not None:
        position = np.asarray(asked.position_m, float)
    else:
        position = _stand(plan, low, high, centre)
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


def _stand(plan: Plan, low: np.ndarray, high: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The nearest point in the direction of the view from which all eight corners are inside the picture."""
    towards = np.array(_TOWARDS[plan.camera.view])
    towards /= np.linalg.norm(towards)
    look = np.array(_look(centre + towards, centre).to_matrix())  # columns: right, up, back
    corners = np.array([[(low, high)[i >> k & 1][k] for k in range(3)] for i in range(8)]) - centre
    seen = corners @ look
    wide = _SENSOR_MM / 2 / plan.camera.lens_mm
    tall = wide * plan.render.height_px / plan.render.width_px
    margin = _MARGIN[plan.camera.framing]
    needed = np.maximum(np.abs(seen[:, 0]) / wide, np.abs(seen[:, 1]) / tall) * margin + seen[:, 2]
    return centre + towards * max(float(needed.max()), 0.05)


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
