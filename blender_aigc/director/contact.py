"""What the solvers leave inside of each other for the step of an impact, taken apart in the frames that are kept."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
from mathutils import Quaternion, Vector
from mathutils.bvhtree import BVHTree

from .build import points_of


def keep_above(bodies: list[bpy.types.Object], poses: np.ndarray, top: float) -> None:
    """A frame that shows the one step in which a fast body has sunk into the ground shows it on the ground instead."""
    for obj, found in zip(bodies, poses, strict=True):
        points = np.empty(3 * len(obj.data.vertices), np.float32)
        obj.data.vertices.foreach_get("co", points)
        points = points.reshape(-1, 3)
        w, x, y, z = found[:, 3:].T
        third_row = np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], 1)
        lowest = (third_row @ points.T).min(1) + found[:, 2]
        found[:, 2] += np.maximum(top - lowest, 0.0)


def lift(shapes: dict[bpy.types.Object, np.ndarray], top: float) -> None:
    """Points that a hard landing pushed into the ground for a frame or two lie on it."""
    for obj, points in shapes.items():
        matrix = np.array(obj.matrix_world)
        depth = np.maximum(top - (points @ matrix[2, :3] + matrix[2, 3]), 0.0)
        points += depth[:, :, None] * np.linalg.inv(matrix[:3, :3])[:, 2].astype(np.float32)


def push_out(shapes: dict[bpy.types.Object, np.ndarray], bodies: list[bpy.types.Object], poses: np.ndarray) -> None:
    """Points of cloth and soft bodies that a quick body has run over lie on its skin. In place.

    shapes: (F, V, 3) in each object's own frame. poses: (B, F, 7) world locations and quaternions of `bodies`. The
    solver of what is soft gives way a step late: a ball that falls from 30 cm is 3 cm deep in a jelly for a frame.
    """
    skins = {body.data.name: _Skin(body.data) for body in bodies} if shapes else {}
    for soft, sheets in shapes.items():
        matrix = np.array(soft.matrix_world)
        to_world, origin, back = matrix[:3, :3].T, matrix[:3, 3], np.linalg.inv(matrix[:3, :3]).T
        low, high = sheets.min(1), sheets.max(1)
        middles = (low + high) / 2 @ to_world + origin
        reach = np.linalg.norm((high - low) @ to_world, axis=1) / 2
        for body, found in zip(bodies, poses, strict=True):
            skin = skins[body.data.name]
            near = np.linalg.norm(found[:, :3] - middles, axis=1) < reach + skin.reach
            for frame in np.nonzero(near)[0]:
                place, turned = found[frame, :3], np.array(Quaternion(found[frame, 3:]).to_matrix())
                local = (sheets[frame] @ to_world + origin - place) @ turned
                for number, point in skin.pushed(local):
                    sheets[frame, number] = (turned @ point + place - origin) @ back


class _Skin:
    """The surface of a body in its own frame. reach: of its farthest point from its origin, metres."""

    def __init__(self, mesh: bpy.types.Mesh) -> None:
        points = points_of(mesh)
        self.low, self.high = points.min(0), points.max(0)
        self.reach = float(np.linalg.norm(points, axis=1).max())
        self._tree = BVHTree.FromPolygons(points.tolist(), [list(face.vertices) for face in mesh.polygons])

    def pushed(self, points: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Number and nearest place on the surface of each of (V, 3) `points` that is inside."""
        for number in np.nonzero(np.all((points > self.low) & (points < self.high), axis=1))[0]:
            point = Vector(points[number])
            place, normal, _, _ = self._tree.find_nearest(point)
            if (point - place).dot(normal) < 0:
                yield int(number), np.array(place)
