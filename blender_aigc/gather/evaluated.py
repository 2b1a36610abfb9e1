"""The surfaces of objects as their modifiers leave them, and whether they are too many triangles for a job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import bpy

from ..faults import Fault
from ..protocol import MOST_TRIANGLES

_CURES = {
    "MESH": "Give it faces, or select another object. Instances count after Realize Instances.",
    "CURVE": "Give the curve a bevel depth or extrude it.",
    "FONT": "Type some letters, or choose a font.",
    "META": "Raise its resolution.",
}
"""What helps an object of this type that has no faces."""


@contextmanager
def evaluated_mesh(obj: bpy.types.Object, all_layers: bool = True) -> Iterator[bpy.types.Mesh]:
    """The mesh with all modifiers, for reading. all_layers: for these, Blender computes the modifiers once more.

    Raises Fault("bad_input").
    """
    depsgraph = bpy.context.evaluated_depsgraph_get()
    evaluated = obj.evaluated_get(depsgraph)
    if all_layers:
        mesh = evaluated.to_mesh(preserve_all_data_layers=True, depsgraph=depsgraph)
    else:
        mesh = evaluated.to_mesh()
    if mesh is None:
        raise Fault("bad_input", f"{obj.name} has no surface.", "Select another object.")
    try:
        yield mesh
    finally:
        evaluated.to_mesh_clear()


def count_triangles(mesh: bpy.types.Mesh) -> int:
    """Without making them: a polygon of n corners is cut into n - 2."""
    return len(mesh.loops) - 2 * len(mesh.polygons)


def check_surfaces(objects: Iterable[bpy.types.Object]) -> int:
    """How many triangles `objects` have together; reads none of them.

    Raises Fault("bad_input") when one has no faces, when there is none at all, and for too many triangles.
    """
    total = 0
    for obj in objects:
        if obj.mode == "EDIT":
            obj.update_from_editmode()
        with evaluated_mesh(obj, all_layers=False) as mesh:
            if not len(mesh.polygons):
                raise Fault("bad_input", f"{obj.name} has no faces.", _CURES.get(obj.type, "Select another object."))
            total += count_triangles(mesh)
    if total > MOST_TRIANGLES:
        raise Fault(
            "bad_input",
            f"The objects have {total:,} triangles; {MOST_TRIANGLES:,} is the limit.",
            "Lower the subdivision, or select fewer objects.",
        )
    if not total:
        raise Fault("bad_input", "Nothing that is selected has faces.", "Select an object with a surface.")
    return total
