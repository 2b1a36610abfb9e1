"""What rays find out about a placed object: the height of its top, its inner floor, the room under it."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from .arrange import Group, Surroundings

_FAR_M = 1e4


def look(group: Group, mesh: bpy.types.Mesh) -> Surroundings:
    """Questions about the first copy of `group`, whose mesh is `mesh`, at its place."""
    from .build import points_of, rotation

    turned = points_of(mesh) @ np.array(rotation(group.thing).to_matrix()).T
    points = turned + group.origins[0]
    tree = BVHTree.FromPolygons(points.tolist(), [list(face.vertices) for face in mesh.polygons])
    low, high = points.min(0), points.max(0)
    middle = (low + high) / 2

    def down(x: float, y: float, from_z: float) -> float | None:
        hit = tree.ray_cast(Vector((x, y, from_z)), Vector((0, 0, -1)), _FAR_M)[0]
        return None if hit is None else hit.z

    def top(low_xy: np.ndarray, high_xy: np.ndarray) -> float | None:
        """The highest hit of a 7 x 7 grid of rays from above."""
        found = [down(x, y, high[2] + 1.0) for x in np.linspace(low_xy[0], high_xy[0], 7)
                 for y in np.linspace(low_xy[1], high_xy[1], 7)]  # fmt: skip
        heights = [z for z in found if z is not None]
        return max(heights) if heights else None

    def floor() -> tuple[float, float]:
        """Inner floor under the middle, and the smallest inner radius between a tenth above it and the rim."""
        ground = down(middle[0], middle[1], high[2] + 1.0)
        ground = low[2] if ground is None else ground
        radii = []
        for share in (0.15, 0.5, 0.9):
            z = ground + (high[2] - ground) * share
            for turn in np.linspace(0, 2 * np.pi, 13)[:-1]:
                way = Vector((np.cos(turn), np.sin(turn), 0))
                distance = tree.ray_cast(Vector((middle[0], middle[1], z)), way, _FAR_M)[3]
                radii.append(0.0 if distance is None else distance)
        return ground, min(radii)

    def headroom() -> float:
        start = Vector((middle[0], middle[1], low[2] - 1e-4))
        hit = tree.ray_cast(start, Vector((0, 0, 1)), _FAR_M)[0]
        return (hit.z - low[2]) if hit is not None else 0.0

    return Surroundings(top, floor, headroom)
