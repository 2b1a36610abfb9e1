"""Where the positions that are sent are counted from: the world's origin, or a point nearer to objects far away."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np

FAR_M = 1000.0
"""A float32 resolves 0.06 mm there, and 8 mm at 100 km; about its own origin an object has all its detail there."""


def origin_of(objects: Iterable[bpy.types.Object], scene: bpy.types.Scene) -> np.ndarray:
    """(3,) float64 in metres: 0 unless one of `objects` stands further away than `FAR_M`, else whole metres near them.

    Mesh and cameras of one job are sent relative to it; patterns in space begin there.
    """
    depsgraph = bpy.context.evaluated_depsgraph_get()
    places = [obj.evaluated_get(depsgraph).matrix_world.translation for obj in objects if obj.type != "EMPTY"]
    if not places:
        return np.zeros(3)
    metres = np.array(places, np.float64) * scene.unit_settings.scale_length
    return np.round(metres.mean(axis=0)) if np.abs(metres).max() > FAR_M else np.zeros(3)
