"""Keyframes written as whole curves, in every Blender from 4.2 on."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

LINEAR = 1
"""Number of the interpolation in `Keyframe.interpolation` (0 constant, 1 linear, 2 Bezier)."""


def action_of(block: bpy.types.ID, name: str) -> bpy.types.Action:
    """A new action, assigned to `block`."""
    data = block.animation_data or block.animation_data_create()
    data.action = bpy.data.actions.new(name)
    return data.action


def curve(action: bpy.types.Action, block: bpy.types.ID, path: str, index: int) -> bpy.types.FCurve:
    """The curve of one channel of `block`. Actions have slots since Blender 4.4, and nothing else since 5.0."""
    if hasattr(action, "fcurve_ensure_for_datablock"):
        return action.fcurve_ensure_for_datablock(block, path, index=index)
    return action.fcurves.find(path, index=index) or action.fcurves.new(path, index=index)


def curves(block: bpy.types.ID) -> list[bpy.types.FCurve]:
    """All curves of the action that `block` plays."""
    action = block.animation_data.action if block.animation_data is not None else None
    if action is None:
        return []
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    return [
        made for layer in action.layers for strip in layer.strips for bag in strip.channelbags for made in bag.fcurves
    ]


def write(
    action: bpy.types.Action,
    block: bpy.types.ID,
    path: str,
    frames: np.ndarray,
    values: np.ndarray,
    interpolation: int = LINEAR,
) -> None:
    """Keys of the channels of `path`: frames (F,), values (F, C) or (F,) for a single number."""
    values = np.asarray(values, np.float32).reshape(len(frames), -1)
    for index in range(values.shape[1]):
        made = curve(action, block, path, index)
        made.keyframe_points.clear()
        made.keyframe_points.add(len(frames))
        points = np.stack([np.asarray(frames, np.float32), values[:, index]], 1)
        made.keyframe_points.foreach_set("co", points.ravel())
        made.keyframe_points.foreach_set("interpolation", np.full(len(frames), interpolation, np.int32))
        made.update()


def write_pose(obj: bpy.types.Object, frames: np.ndarray, poses: np.ndarray, name: str = "") -> bpy.types.Action:
    """Location and rotation of `obj` at `frames`; poses: (F, 7) x, y, z, then the quaternion w, x, y, z."""
    obj.rotation_mode = "QUATERNION"
    action = action_of(obj, name or obj.name)
    write(action, obj, "location", frames, poses[:, :3])
    write(action, obj, "rotation_quaternion", frames, continuous(poses[:, 3:]))
    return action


def continuous(quaternions: np.ndarray) -> np.ndarray:
    """(F, 4) without jumps of sign, so that the interpolation between two keys takes the short way."""
    signs = np.where(np.sum(quaternions[1:] * quaternions[:-1], 1) < 0, -1.0, 1.0)
    return quaternions * np.concatenate([[1.0], np.cumprod(signs)])[:, None]


def pose(matrix: Sequence[Sequence[float]]) -> list[float]:
    """(7,) location and quaternion of a 4x4 world matrix."""
    location, rotation, _ = matrix.decompose()  # type: ignore[attr-defined]  # a mathutils.Matrix
    return [*location, *rotation]
