"""Where a result is to go, remembered across undo, redo and file load."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import bpy

from .apply.scene import PROVENANCE, UID
from .state import STATE, Target


def remember(context: bpy.types.Context, replace: bool) -> Target:
    """Mark the scene (and the active empty, when it is to be replaced) and say how to find them again."""
    scene = context.scene
    scene.aigc.uid = scene.aigc.uid or uuid.uuid4().hex
    target = Target(scene.aigc.uid, scene.session_uid, scene.name, tuple(scene.cursor.location))
    empty = context.object
    if not replace or empty is None:
        return target
    empty[UID] = empty.get(UID) or uuid.uuid4().hex
    return Target(
        scene_uid=target.scene_uid,
        scene_session_uid=target.scene_session_uid,
        scene_name=target.scene_name,
        location=target.location,
        empty_uid=empty[UID],
        empty_session_uid=empty.session_uid,
        empty_name=empty.name,
    )


def find_scene(target: Target) -> bpy.types.Scene | None:
    """The scene of `target`, or None when it was deleted or its file is closed."""
    scenes = bpy.data.scenes
    return _find(scenes, target.scene_session_uid, (s for s in scenes if s.aigc.uid == target.scene_uid))


def find_empty(target: Target) -> bpy.types.Object | None:
    """The empty to be replaced, or None when there is none (any more)."""
    if not target.empty_uid:
        return None
    objects = bpy.data.objects
    return _find(objects, target.empty_session_uid, (o for o in objects if o.get(UID) == target.empty_uid))


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
    empty = find_empty(target)
    if (
        empty is not None
        and UID in empty
        and PROVENANCE not in empty
        and not any(o.empty_uid == target.empty_uid for o in others)
    ):
        del empty[UID]
    scene = find_scene(target)
    if scene is not None and not any(o.scene_uid == target.scene_uid for o in others):
        scene.aigc.property_unset("uid")
