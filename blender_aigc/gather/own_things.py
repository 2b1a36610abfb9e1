"""What the user marked in his file for the catalogue: objects and collections that carry Blender's asset mark.

The mark's tags are the words by which planners know the thing, its description is the help. With what is selected they
are sent along with a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

import bpy
from mathutils import Vector

from ..catalogue import Asset, OwnThings, Selected
from ..protocol import encode

MOST_ASSETS = 500
"""Of a file that is a library of assets: those by name."""
MOST_SELECTED = 1000
"""More than a plan can have, so that the planner says it."""
_WITH_FACES = ("MESH", "CURVE", "SURFACE", "META", "FONT")


def own_things() -> tuple[Asset, ...]:
    """The marked objects and collections of this file, by name; those of linked libraries too."""
    marked = [("object", obj) for obj in bpy.data.objects if obj.asset_data is not None]
    marked += [("collection", group) for group in bpy.data.collections if group.asset_data is not None]
    things = (_asset(kind, block) for kind, block in marked)
    return tuple(sorted(things, key=lambda asset: (asset.name, asset.kind)))


def own_blob(selected: Sequence[bpy.types.Object]) -> tuple[bytes, str] | None:
    """The marked things and the selected objects with faces as the bytes of a file, and its suffix; None for none."""
    chosen = sorted((obj for obj in selected if obj.type in _WITH_FACES), key=lambda obj: obj.name)
    own = OwnThings(own_things()[:MOST_ASSETS], tuple(map(_selected, chosen[:MOST_SELECTED])))
    return (encode(own).encode(), ".json") if own.assets or own.selection else None


def _selected(obj: bpy.types.Object) -> Selected:
    """In units of the scene, as the director copies it."""
    corners = [obj.matrix_world @ Vector(corner) for corner in obj.bound_box]
    low, high = ([pick(axis) for axis in zip(*corners, strict=True)] for pick in (min, max))
    base = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]
    size = (b - a for a, b in zip(low, high, strict=True))
    return Selected(obj.name, tuple(round(s, 4) for s in size), tuple(round(b, 4) for b in base))


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
