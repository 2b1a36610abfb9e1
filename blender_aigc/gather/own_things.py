"""What the user marked in his file for the catalogue: objects and collections that carry Blender's asset mark.

The mark's tags are the words by which planners know the thing, its description is the help.
"""

from __future__ import annotations

import bpy
from mathutils import Vector

from ..catalogue import Asset


def own_things() -> tuple[Asset, ...]:
    """The marked objects and collections of this file, by name; those of linked libraries too."""
    marked = [("object", obj) for obj in bpy.data.objects if obj.asset_data is not None]
    marked += [("collection", group) for group in bpy.data.collections if group.asset_data is not None]
    things = (_asset(kind, block) for kind, block in marked)
    return tuple(sorted(things, key=lambda asset: (asset.name, asset.kind)))


def _asset(kind: str, block: bpy.types.ID) -> Asset:
    words = tuple(dict.fromkeys(tag.name.strip().lower() for tag in block.asset_data.tags if tag.name.strip()))
    return Asset(block.name, kind, words, block.asset_data.description, size_of(block))


def size_of(block: bpy.types.ID) -> tuple[float, ...]:
    """x, y, z of the bounding box in metres of an object with its children, or of all objects of a collection."""
    if isinstance(block, bpy.types.Collection):
        objects = list(block.all_objects)
    else:
        objects = [block, *block.children_recursive]
    corners = [obj.matrix_world @ Vector(corner) for obj in objects for corner in obj.bound_box if obj.type != "EMPTY"]
    if not corners:
        return (0.0, 0.0, 0.0)
    metre = bpy.context.scene.unit_settings.scale_length
    spans = (max(axis) - min(axis) for axis in zip(*corners, strict=True))
    return tuple(round(span * metre, 4) for span in spans)
