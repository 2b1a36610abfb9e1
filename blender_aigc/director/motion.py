"""What a bake found out, put into the scene: keyframes, mesh caches, volumes. No undo step of its own."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np

from ..faults import Fault
from ..plan import Plan
from . import camera, keys, order
from .build import Built, box_corners, own_box, seen_points

REST = "aigc_rest"
"""Custom property of a moving object: its pose (7,) before it moved, for the next bake."""
FOLDER = "aigc_bake"
"""Custom property of the collection: the folder of its bake."""

_EVERY = 3
"""Frame that the camera looks at when it finds out where things move."""
_FARTHEST = 2.0
_STRAY_PERCENT = 1.0
"""Of all moments of all things, what lies farthest out on each side does not widen the picture."""


def apply_motion(context: bpy.types.Context, built: Built, folder: Path, start: int | None = None) -> None:
    """Writes the bake in `folder` onto the objects. start: scene frame of the plan's frame 1; None: the scene's first.

    Raises Fault("bad_input") when the files do not fit the objects.
    """
    first = context.scene.frame_start if start is None else start
    solids_file = folder / order.SOLIDS
    bodies: list[np.ndarray] = []
    whole: list[np.ndarray] = []
    if solids_file.exists():
        bodies = _rigid(built, solids_file, first)
        whole = _caches(built, folder, first)
    built.collection[FOLDER] = str(folder)
    from . import fluids_in

    fluids_in.bring_in(context, built, folder, first)
    smoke = _smoke(folder)
    whole += [smoke] if smoke is not None else []
    if built.camera is not None and (bodies or whole):
        _reframe(built, bodies, whole, first)
    context.scene.frame_set(context.scene.frame_current)


def _rigid(built: Built, path: Path, first: int) -> list[np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        rows, poses = [str(row).partition(":") for row in stored["rows"]], stored["poses"].astype(float)
    frames = np.arange(first, first + poses.shape[1]) if len(rows) else np.zeros(0)
    swept: list[np.ndarray] = []
    known: dict[str, np.ndarray] = {}
    for (copy, _, name), found in zip(rows, poses, strict=True):
        obj = _object(built, name, int(copy))
        if obj.animation_data is None:
            obj[REST] = [*obj.location, *obj.rotation_quaternion]
        else:
            _drop_action(obj)
        keys.write_pose(obj, frames, found, f"{obj.name} physics")
        swept.append(_swept(own_box(obj.data, known), found[::_EVERY]))
    return swept


def _swept(box: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """(F, 8, 3) where the corners (8, 3) of an object's own box are in each of its poses (F, 7)."""
    w, axis = poses[:, None, 3:4], poses[:, None, 4:]
    across = np.cross(axis, box)
    return poses[:, None, :3] + box + 2 * (w * across + np.cross(axis, across))


def _smoke(folder: Path) -> np.ndarray | None:
    """(2, 3) where smoke is seen: the middle of its domain, nearly up to its top."""
    path = folder / order.domain_name("gas")
    if not path.exists():
        return None
    domain = json.loads(path.read_text(encoding="utf-8"))
    low, size = np.array(domain["corner_m"]), np.array(domain["size_m"])
    return np.array([low + [0.3, 0.3, 0.0] * size, low + [0.7, 0.7, 0.9] * size])


def _drop_action(obj: bpy.types.Object) -> None:
    action = obj.animation_data.action
    obj.animation_data_clear()
    if action is not None and not action.users:
        bpy.data.actions.remove(action)


def _object(built: Built, name: str, copy: int) -> bpy.types.Object:
    copies = built.objects.get(name, [])
    if copy >= len(copies):
        raise Fault("bad_input", f"{name!r} is not in the scene any more.", "Run the plan again.")
    return copies[copy]


def _caches(built: Built, folder: Path, first: int) -> list[np.ndarray]:
    spans: list[np.ndarray] = []
    for name, copies in built.objects.items():
        for copy, obj in enumerate(copies):
            path = folder / order.pc2_name(name, copy)
            if not path.exists():
                continue
            points = order.read_pc2(path)
            if points.shape[1] != len(obj.data.vertices):
                raise Fault("bad_input", f"{obj.name!r} has changed since it was baked.", "Bake again.")
            for modifier in [m for m in obj.modifiers if m.type == "MESH_CACHE"]:
                obj.modifiers.remove(modifier)
            modifier = obj.modifiers.new("Physics", "MESH_CACHE")
            modifier.cache_format, modifier.filepath = "PC2", str(path)
            modifier.frame_start = float(first)
            matrix = np.array(obj.matrix_basis)
            points = points[::4].reshape(-1, 3)
            spans.append(box_corners(points.min(0), points.max(0)) @ matrix[:3, :3].T + matrix[:3, 3])
    return spans


def _reframe(built: Built, bodies: list[np.ndarray], whole: list[np.ndarray], first: int) -> None:
    """The camera sees the motion, too: of `bodies` as far as they stay near the scene (what rolls away is let go), of
    `whole`, which cannot go far, all.
    """
    plan: Plan = built.plan
    if plan.camera.target or plan.camera.position_m is not None or plan.camera.move == "follow":
        return
    ground = built.ground.location.z + 0.5 if built.ground is not None else 0.0
    first_seen = seen_points(built, ground)
    low, high = first_seen.min(0), first_seen.max(0)
    size = np.maximum(high - low, 0.3 * float((high - low).max()))
    seen = [first_seen, *whole]
    if bodies:
        boxes, reach = np.concatenate(bodies), (_FARTHEST - 1) / 2 * size
        middles = boxes.mean(1)
        near = np.all((middles > low - reach) & (middles < high + reach), axis=1)
        points = (boxes[near] if near.any() else boxes).reshape(-1, 3)
        seen.append(np.clip(points, *np.percentile(points, [_STRAY_PERCENT, 100 - _STRAY_PERCENT], axis=0)))
    camera.frame(built.camera, plan, np.concatenate(seen), first)
