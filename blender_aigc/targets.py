"""Where a result is to go, remembered across undo, redo and file load."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import bpy

from .apply.scene import PROVENANCE, UID
from .state import STATE, Mark, Target


def remember(context: bpy.types.Context, replace: bool, objects: Sequence[bpy.types.Object] = ()) -> Target:
    """Mark the scene, the active empty when it is to be replaced, and the objects that the result belongs to."""
    scene = context.scene
    scene.aigc.uid = scene.aigc.uid or uuid.uuid4().hex
    empty = context.object if replace else None
    return Target(
        scene_uid=scene.aigc.uid,
        scene_session_uid=scene.session_uid,
        scene_name=scene.name,
        location=tuple(scene.cursor.location),
        empty=_marked(empty) if empty is not None else None,
        objects=tuple(_marked(obj) for obj in objects),
    )


def _marked(obj: bpy.types.Object) -> Mark:
    obj[UID] = obj.get(UID) or uuid.uuid4().hex
    return Mark(obj[UID], obj.session_uid)


def find_scene(target: Target) -> bpy.types.Scene | None:
    """The scene of `target`, or None when it was deleted or its file is closed."""
    scenes = bpy.data.scenes
    return _find(scenes, target.scene_session_uid, (s for s in scenes if s.aigc.uid == target.scene_uid))


def find_empty(target: Target) -> bpy.types.Object | None:
    """The empty to be replaced, or None when there is none (any more)."""
    return _find_object(target.empty) if target.empty is not None else None


def find_objects(target: Target) -> tuple[bpy.types.Object, ...]:
    """The objects that the result belongs to, without those that were deleted."""
    found = (_find_object(mark) for mark in target.objects)
    return tuple(obj for obj in found if obj is not None)


def _find_object(mark: Mark) -> bpy.types.Object | None:
    objects = bpy.data.objects
    return _find(objects, mark.session_uid, (o for o in objects if o.get(UID) == mark.uid))


def _find(candidates: Iterable[Any], session_uid: int, marked: Iterable[Any]) -> Any | None:
    """A duplicate carries the same mark as its original, so of several marked ones the original is preferred."""
    found = list(marked)
    same = [item for item in (found or candidates) if item.session_uid == session_uid]
    return (same or found or [None])[0]


def forget(job_id: str) -> None:
    """The job has ended: take the marks off again, unless another job needs them."""
    target = STATE.targets.pop(job_id, None)
    if target is None:
        return
    others = STATE.targets.values()
    needed = {mark.uid for other in others for mark in other.marks}
    for mark in target.marks:
        obj = _find_object(mark)
        if obj is not None and UID in obj and PROVENANCE not in obj and mark.uid not in needed:
            del obj[UID]
    scene = find_scene(target)
    if scene is not None and not any(o.scene_uid == target.scene_uid for o in others):
        scene.aigc.property_unset("uid")
