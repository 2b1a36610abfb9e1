"""Keyframes written as whole curves, in every Blender from 4.2 on."""

from __future__ import annotations

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


def keep_place(obj: bpy.types.Object) -> bpy.types.Action:
    """Keys `obj` where it is, unless keys move it already. Whatever is keyed of a field or a source needs that.

    Blender's solvers wait for the place of what they look at, and for nothing else that is keyed of it: a thread that
    comes late leaves them the strength of the frame before. All keys of an object are evaluated in one go.
    """
    data = obj.animation_data
    action = data.action if data is not None and data.action is not None else action_of(obj, obj.name)
    if not any(made.data_path == "location" for made in curves(obj)):
        write(action, obj, "location", np.array([1]), np.array([obj.location]))
    return action


def continuous(quaternions: np.ndarray) -> np.ndarray:
    """(F, 4) without jumps of sign, so that the interpolation between two keys takes the short way."""
    signs = np.where(np.sum(quaternions[1:] * quaternions[:-1], 1) < 0, -1.0, 1.0)
    return quaternions * np.concatenate([[1.0], np.cumprod(signs)])[:, None]


def poses(matrices: np.ndarray) -> np.ndarray:
    """(N, 7) location and quaternion (its w not negative) of (N, 4, 4) world matrices without shear and mirroring.

    matrices: column by column, as `foreach_get("matrix_world")` gives them.
    """
    axes = matrices[:, :3, :3].astype(float)
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (axes / np.linalg.norm(axes, axis=2, keepdims=True)).transpose(1, 2, 0)
    w, x, y, z = 1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz
    products = np.array([  # 4 q qT; its longest row is the one to trust
        [w, yz - zy, zx - xz, xy - yx],
        [yz - zy, x, xy + yx, zx + xz],
        [zx - xz, xy + yx, y, yz + zy],
        [xy - yx, zx + xz, yz + zy, z],
    ])  # fmt: skip
    found = products[np.argmax([w, x, y, z], axis=0), :, np.arange(len(axes))]
    found *= np.where(found[:, :1] < 0, -1.0, 1.0) / np.linalg.norm(found, axis=1, keepdims=True)
    return np.concatenate([matrices[:, 3, :3], found], 1)
