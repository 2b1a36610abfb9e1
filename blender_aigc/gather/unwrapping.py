"""UVs made by Blender's Smart UV Project, on a copy in a scene of its own."""

from __future__ import annotations

import bpy
import numpy as np

_ANGLE_RAD = 1.15
_MARGIN = 0.004


def smart_projected(mesh: bpy.types.Mesh) -> np.ndarray:
    """(L, 2) float32, one UV per face corner, charts apart by 0.4 percent of the texture. `mesh` is not changed."""
    scene = bpy.data.scenes.new("AIGC Unwrap")
    copy = mesh.copy()
    obj = bpy.data.objects.new("AIGC Unwrap", copy)
    try:
        while copy.uv_layers:
            copy.uv_layers.remove(copy.uv_layers[0])
        copy.uv_layers.new(name="UV")
        copy.shape_key_clear() if hasattr(copy, "shape_key_clear") else None
        scene.collection.objects.link(obj)
        layer = scene.view_layers[0]
        layer.objects.active = obj
        obj.select_set(True, view_layer=layer)
        around = {"scene": scene, "view_layer": layer, "active_object": obj, "object": obj, "edit_object": obj}
        with bpy.context.temp_override(**around, selected_objects=[obj], objects_in_mode=[obj]):
            bpy.ops.object.mode_set(mode="EDIT")
            try:
                bpy.ops.mesh.reveal(select=True)
                bpy.ops.mesh.select_all(action="SELECT")
                bpy.ops.uv.smart_project(angle_limit=_ANGLE_RAD, island_margin=_MARGIN, correct_aspect=False)
            finally:
                bpy.ops.object.mode_set(mode="OBJECT")
        uvs = np.empty(len(copy.loops) * 2, np.float32)
        copy.uv_layers[0].uv.foreach_get("vector", uvs)
        return np.clip(uvs, 0, 1).reshape(-1, 2)
    finally:
        bpy.data.objects.remove(obj)
        bpy.data.meshes.remove(copy)
        bpy.data.scenes.remove(scene)
