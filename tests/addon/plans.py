"""Plans for the tests of the director, and the measuring of what moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from blender_aigc.director.bake import Bake
from blender_aigc.director.build import Built, carry_out, world_points
from blender_aigc.director.motion import apply_motion
from blender_aigc.plan import validate

G = 9.81


def plan(*objects: dict[str, Any], frames: int = 48, **more: Any) -> dict[str, Any]:
    """A plan with `objects`, whose names follow from their shapes when they have none."""
    named = [{"name": thing.get("shape", "thing"), **thing} for thing in objects]
    return {"version": 1, "title": "Test", "objects": named, "timing": {"frames": frames}, **more}


def build(data: dict[str, Any], **options: Any) -> Built:
    return carry_out(bpy.context, validate(data), **options)


def baked(data: dict[str, Any], home: Path) -> Built:
    """Built, simulated by a Blender of its own, and brought back."""
    built = build(data)
    bake = Bake(bpy.context, built, home)
    bake.wait()
    apply_motion(bpy.context, built, bake.folder)
    return built


def path(obj: bpy.types.Object, frames: int) -> np.ndarray:
    """(F, 3) world positions of the object's origin, as its keyframes say."""
    scene, found = bpy.context.scene, []
    for frame in range(scene.frame_start, scene.frame_start + frames):
        scene.frame_set(frame)
        found.append(list(obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.translation))
    return np.array(found)


def sheet(obj: bpy.types.Object, frames: int, every: int = 1) -> np.ndarray:
    """(F, V, 3) world positions of the vertices of something that deforms."""
    scene, found = bpy.context.scene, []
    for frame in range(scene.frame_start, scene.frame_start + frames, every):
        scene.frame_set(frame)
        evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
        points = np.empty(3 * len(evaluated.data.vertices), np.float32)
        evaluated.data.vertices.foreach_get("co", points)
        matrix = np.array(evaluated.matrix_world)
        found.append(points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.array(found)


def tops(heights: np.ndarray) -> list[float]:
    """Heights of the turning points, between the frames by a parabola through three of them."""
    found = []
    for i in range(1, len(heights) - 1):
        before, here, after = heights[i - 1 : i + 2]
        if here >= before and here > after:
            bend, slope = (before - 2 * here + after) / 2, (after - before) / 2
            found.append(float(here - slope * slope / (4 * bend)))
    return found


def boxes(built: Built) -> dict[str, np.ndarray]:
    """Name -> (copies, 2, 3) corners of the world bounding boxes, as built."""
    return {
        name: np.array([[world_points(obj).min(0), world_points(obj).max(0)] for obj in copies])
        for name, copies in built.objects.items()
    }
