"""Opens the ordered objects in an empty file and simulates one part of the plan. Runs in the background Blender."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy

from ..faults import Fault
from ..plan import load
from . import order, solids
from .build import COPY, OBJECT
from .deform import Objects
from .motion import REST


def simulate(folder: Path, part: str, report: Callable[[int, int], None]) -> None:
    """Does `part` ("solids", "liquid" or "gas") of the order in `folder`. Raises Fault."""
    given = order.read_order(folder)
    plan = load(given.plan)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    objects, ground = opened(folder / order.SCENE, given)
    if part == "solids":
        solids.simulate(scene, plan, given, objects, ground, folder, report)
    else:
        from . import fluids

        fluids.simulate(scene, plan, given, objects, folder, part, report)
    (folder / f"{part}.done").touch()


def opened(path: Path, given: order.Order) -> tuple[Objects, bpy.types.Object | None]:
    """The objects of the plan by name, in the order of their copies, and the ground."""
    try:
        with bpy.data.libraries.load(str(path)) as (stored, wanted):
            wanted.collections = [name for name in stored.collections if name == given.collection]
    except OSError as error:
        raise Fault("internal", "The scene to be simulated could not be read.", "Bake again.", str(error)) from None
    collection = wanted.collections[0]
    bpy.context.scene.collection.children.link(collection)
    objects: Objects = {}
    for obj in sorted(collection.objects, key=lambda obj: obj.get(COPY, 0)):
        if obj.animation_data is not None and REST in obj:  # an earlier bake
            obj.animation_data_clear()
            obj.location, obj.rotation_quaternion = obj[REST][:3], obj[REST][3:]
        for modifier in [m for m in obj.modifiers if m.type in ("MESH_CACHE", "MESH_SEQUENCE_CACHE")]:
            obj.modifiers.remove(modifier)
        if OBJECT in obj:
            objects.setdefault(obj[OBJECT], []).append(obj)
    return objects, collection.objects.get(given.ground) if given.ground else None
