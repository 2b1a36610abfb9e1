"""UVs made by Blender's Smart UV Project, on a copy in a scene of its own."""

from __future__ import annotations

import bpy
import numpy as np

_ANGLE_RAD = 1.15
_MARGINS = (0.004, 0.001, 0.0)
"""Between charts, as a share of the texture; a smaller one where there are so many that the margins eat it up."""
_ENOUGH = 0.3
"""Share of the texture that charts should cover."""


def smart_projected(mesh: bpy.types.Mesh, wider: float = 1.0) -> np.ndarray:
    """(L, 2) float32, one UV per face corner in 0..1, charts apart. `mesh` is not changed.

    wider: factor on the space between charts, for a texture of which they will get only a part.

    Vertices at the same place are joined for it: imported files often have a vertex for each face corner, and every
    face would become a chart of its own.
    """
    best, covered = None, -1.0
    for margin in _MARGINS:
        margin *= wider
        uvs = _projected(mesh, margin, weld=True)
        if uvs is None:  # joining lost a face
            uvs = _projected(mesh, margin, weld=False)
        assert uvs is not None
        share = _covered(mesh, uvs)
        if share > covered:
            best, covered = uvs, share
        if covered >= _ENOUGH:
            break
    assert best is not None
    return best


def _projected(mesh: bpy.types.Mesh, margin: float, weld: bool) -> np.ndarray | None:
    scene = bpy.data.scenes.new("AIGC Unwrap")
    copy = _bare(mesh, weld)
    obj = bpy.data.objects.new("AIGC Unwrap", copy)
    try:
        scene.collection.objects.link(obj)
        layer = scene.view_layers[0]
        layer.objects.active = obj
        obj.select_set(True, view_layer=layer)
        around = {"scene": scene, "view_layer": layer, "active_object": obj, "object": obj, "edit_object": obj}
        with bpy.context.temp_override(**around, selected_objects=[obj], objects_in_mode=[obj]):
            bpy.ops.object.mode_set(mode="EDIT")
            try:
                bpy.ops.mesh.select_all(action="SELECT")
                bpy.ops.uv.smart_project(angle_limit=_ANGLE_RAD, island_margin=margin, correct_aspect=False)
            finally:
                bpy.ops.object.mode_set(mode="OBJECT")
        if len(copy.loops) != len(mesh.loops):
            return None
        uvs = np.empty(len(copy.loops) * 2, np.float32)
        copy.uv_layers[0].uv.foreach_get("vector", uvs)
        return np.clip(uvs, 0, 1).reshape(-1, 2)
    finally:
        bpy.data.objects.remove(obj)
        bpy.data.meshes.remove(copy)
        bpy.data.scenes.remove(scene)


def _bare(mesh: bpy.types.Mesh, weld: bool) -> bpy.types.Mesh:
    """The faces alone, with an empty UV layer."""
    co = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", co)
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    starts = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    copy = bpy.data.meshes.new("AIGC Unwrap")
    copy.vertices.add(len(mesh.vertices))
    copy.attributes["position"].data.foreach_set("vector", co)
    copy.loops.add(len(corners))
    if weld:
        corners = _welded(co.reshape(-1, 3), corners, starts)
    copy.attributes[".corner_vert"].data.foreach_set("value", corners)
    copy.polygons.add(len(starts))
    copy.polygons.foreach_set("loop_start", starts)
    copy.uv_layers.new(name="UV")
    copy.update(calc_edges=True)
    return copy


def _welded(co: np.ndarray, corners: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(L,) int32 vertices with one for each place; faces that would touch one twice keep their own."""
    extent = float(np.ptp(co, axis=0).max()) or 1.0
    places = np.round((co - co.min(axis=0)) / np.float32(extent * 1e-5)).astype(np.int64)
    _, first, same = np.unique(places, axis=0, return_index=True, return_inverse=True)
    joined = first[same.reshape(-1)][corners].astype(np.int32)
    face = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(corners))))
    order = np.lexsort((joined, face))
    twice = (joined[order][1:] == joined[order][:-1]) & (face[order][1:] == face[order][:-1])
    keeps = np.zeros(len(starts), bool)
    keeps[face[order][1:][twice]] = True
    return np.where(keeps[face], corners, joined).astype(np.int32)


def _covered(mesh: bpy.types.Mesh, uvs: np.ndarray) -> float:
    """Sum of the charts' areas."""
    mesh.calc_loop_triangles()
    loops = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("loops", loops)
    a, b, c = (uvs[loops[n::3]].astype(np.float64) for n in range(3))
    return float(np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum() / 2)
