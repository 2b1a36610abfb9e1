"""Which objects of the scene a task works on: the selected ones, all in view, or those that are named. No numpy."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import TYPE_CHECKING

import bpy

from .protocol import Fault

if TYPE_CHECKING:
    from bpy.types import Context

MESH_TYPES = frozenset({"MESH", "CURVE", "SURFACE", "FONT", "META"})
"""Objects that have a surface, after their modifiers."""
WHOLE_SCENES = frozenset({"texture_mesh"})
"""Tasks that take all objects in view, too."""
MOST_COUNTED = 2000


def selected_surfaces(context: Context) -> list[bpy.types.Object]:
    return [obj for obj in context.selected_objects if obj.type in MESH_TYPES]


def all_in_view(context: Context) -> bool:
    settings = context.scene.aigc
    return settings.task in WHOLE_SCENES and settings.mesh_of != "SELECTED"


def chosen(context: Context) -> list[bpy.types.Object]:
    """Selected, or in view, as the tab says."""
    if all_in_view(context):
        from .gather.in_view import objects_in_view  # imports numpy

        return objects_in_view(context, context.scene.aigc.mesh_of, MESH_TYPES)
    return selected_surfaces(context)


def named_objects(patterns: Sequence[str], word: str) -> tuple[bpy.types.Object, ...]:
    """The scene's objects with a surface whose names fit one of the patterns. Raises Fault("bad_input")."""
    surfaces = [obj for obj in bpy.context.scene.objects if obj.type in MESH_TYPES]
    found = tuple(obj for obj in surfaces if any(fnmatch.fnmatchcase(obj.name, pattern) for pattern in patterns))
    if not found:
        raise Fault("bad_input", f"No mesh is called {' or '.join(patterns)}.", f"Check the names behind {word}.")
    return found
