"""Selected objects as one .npz of evaluated triangles, and UVs for those that have none that serve.

What the arrays mean is said in server/geometry/mesh_input.py. The user's data is only read: modifiers are evaluated by
the dependency graph, and new UVs are made on private copies. They enter the user's mesh, as a layer of their own, only
together with the result.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..faults import Fault
from ..state import THIS_RUN
from .evaluated import check_surfaces, evaluated_mesh
from .origin import origin_of
from .part import PartArrays, layer_of_present
from .sources import Part
from .unwrapping import smart_projected
from .uv_check import unusable

PROMPT = "aigc_prompt"
"""Custom property of an object with words of its own."""
LAYER = "AIGC UV"


@dataclass
class _Part:
    """One object: world-space vertices (V, 3) float64, faces (F, 3), normals (F, 3, 3), uvs (F, 3, 2), slots (F,)."""

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    uvs: np.ndarray
    slots: np.ndarray
    facts: dict[str, Any]
    new_uvs: np.ndarray | None


def mesh_blob(
    objects: Sequence[bpy.types.Object], scene: bpy.types.Scene, part_of: Part | None = None, atlas: bool = False
) -> tuple[bytes, str]:
    """`objects` as the bytes of an .npz, and their suffix. part_of: work on the present texture of a part of them.
    atlas: each brings a UV map that may be moved to its place in a texture of all.

    Raises Fault("bad_input") for what has no surface, and for too many triangles, before anything is read.
    """
    objects = [obj for obj in objects if obj.type != "EMPTY"]
    check_surfaces(objects)
    if atlas and len(objects) > 1:
        _check_room_for_layers(objects)
        parts = [_movable(obj, scene, len(objects)) for obj in objects]
    else:
        parts = [_part(obj, scene, part_of is not None) for obj in objects]
    arrays = _joined(parts, objects, scene)
    arrays["corner_uvs"] = np.concatenate([part.uvs for part in parts])
    if part_of is not None:
        collected = PartArrays()
        for obj, part in zip(objects, parts, strict=True):
            collected.add(obj, scene, part_of, len(part.facts["slots"]))
        for part, present in zip(parts, collected.present(), strict=True):
            part.facts["present"] = present
        arrays |= collected.arrays()
    for number, part in enumerate(parts):
        if part.new_uvs is not None:
            arrays[f"new_uvs_{number}"] = part.new_uvs
    return _stored(arrays, parts), ".npz"


def shape_blob(objects: Sequence[bpy.types.Object], scene: bpy.types.Scene) -> tuple[bytes, str]:
    """The same without UVs, for tasks that only look: no layer is judged, and none is made."""
    objects = [obj for obj in objects if obj.type != "EMPTY"]
    check_surfaces(objects)
    parts = []
    for obj in objects:
        with evaluated_mesh(obj) as mesh:
            part = _read(obj, mesh, "", scene)
        parts.append(_with_facts(part, obj, "none", "none", "", 0, ""))
    return _stored(_joined(parts, objects, scene), parts), ".npz"


def _joined(
    parts: Sequence[_Part], objects: Sequence[bpy.types.Object], scene: bpy.types.Scene
) -> dict[str, np.ndarray]:
    """All but the UVs."""
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts])
    origin = origin_of(objects, scene)
    return {
        "vertices": np.concatenate([(part.vertices - origin).astype(np.float32) for part in parts]),
        "faces": np.concatenate([part.faces + np.int32(at) for part, at in zip(parts, offsets, strict=False)]),
        "corner_normals": np.concatenate([part.normals for part in parts]),
        "face_object": np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.faces) for part in parts]),
        "face_slot": np.concatenate([part.slots for part in parts]),
    }


def _stored(arrays: dict[str, np.ndarray], parts: Sequence[_Part]) -> bytes:
    facts = json.dumps({"objects": [part.facts for part in parts]}, ensure_ascii=False)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, facts=np.frombuffer(facts.encode(), np.uint8))
    return buffer.getvalue()


def _part(obj: bpy.types.Object, scene: bpy.types.Scene, again: bool, wider: float = 1.0) -> _Part:
    """One object with UVs that serve: its own, or new ones. again: those of its present texture, even where they lie
    over each other, since what is there stays there. wider: see `smart_projected`.
    """
    target = "copy" if needs_copy(obj) else "slots"
    layer = obj.data.uv_layers.active if obj.type == "MESH" else None
    if again and layer is not None:
        layer = obj.data.uv_layers.get(layer_of_present(obj)) or layer
    with evaluated_mesh(obj) as mesh:
        part = _read(obj, mesh, layer.name if layer is not None else "", scene)
        loops = len(mesh.loops)
    reason = "it has no UV map"
    if part.uvs is not None:
        reason = unusable(part.uvs, part.vertices[part.faces], shared=again)
    if reason and target == "slots" and layer is not None and _serves_by_itself(obj, layer.name, scene):
        reason = ""
    if not reason and target == "slots":
        return _with_facts(part, obj, target, "own", layer.name, len(obj.data.loops), "")
    if not reason and layer is not None:
        return _with_facts(part, obj, target, "own", layer.name, loops, "")
    if target == "slots" and obj.data.library is None and obj.data.override_library is None:
        renewed = _on_a_new_layer(obj, scene, wider=wider)
        if renewed is not None:
            return _with_facts(renewed, obj, target, "new", LAYER, len(obj.data.loops), reason)
    return _as_copy(obj, scene, reason, wider=wider)


def _movable(obj: bpy.types.Object, scene: bpy.types.Scene, cells: int) -> _Part:
    """One object of an atlas: its UVs, or new ones, as a layer of ours that the server moves to its cell.

    Where modifiers would not follow such a move (a Mirror that flips UVs), a copy of their result is textured.
    """
    wider = min(cells**0.5, 5.0)
    part = _part(obj, scene, again=False, wider=wider)
    layer = part.facts["layer"]
    if part.facts["uv"] == "own" and part.facts["target"] == "slots":
        part.new_uvs = _layer(obj.data, layer)
    elif part.facts["uv"] == "own":
        with evaluated_mesh(obj) as mesh:
            part.new_uvs = _layer(mesh, layer)
    part.facts |= {"uv": "new", "layer": LAYER}
    if part.facts["target"] == "copy" or not obj.modifiers:
        return part
    assert part.new_uvs is not None and part.uvs is not None
    half = np.float32(0.5)
    moved = _on_a_new_layer(obj, scene, part.new_uvs * half)
    if moved is not None and moved.uvs.shape == part.uvs.shape and np.abs(moved.uvs - part.uvs * half).max() < 1e-4:
        return part
    return _as_copy(obj, scene, "its modifiers move UV maps themselves", layer, wider)


def _check_room_for_layers(objects: Sequence[bpy.types.Object]) -> None:
    """Each object of an atlas has a layer of its own, also where several share a mesh. Raises Fault("bad_input")."""
    meshes = [obj.data for obj in objects if not needs_copy(obj)]
    for mesh in dict.fromkeys(meshes):
        count = meshes.count(mesh)
        free = 8 - sum(layer.name.split(".")[0] != LAYER for layer in mesh.uv_layers)
        if count > free:
            raise Fault(
                "bad_input",
                f"{count} objects share the mesh {mesh.name}, which has room for {free} more UV maps; in an atlas each "
                "object needs its own.",
                "Press Object > Relations > Make Single User > Object & Data, or set Textures to One per Object.",
            )


def _serves_by_itself(obj: bpy.types.Object, layer: str, scene: bpy.types.Scene) -> bool:
    """Does only a modifier repeat the layer (Mirror, Array)? A new one would be repeated, too, so this one serves."""
    if not obj.modifiers or not len(obj.data.polygons):
        return False
    mesh = obj.data.copy()
    try:
        own = _read(obj, mesh, layer, scene)
    finally:
        bpy.data.meshes.remove(mesh)
    return own.uvs is not None and not unusable(own.uvs, own.vertices[own.faces])


def needs_copy(obj: bpy.types.Object) -> bool:
    """Nothing can be put onto it: no mesh of its own, or it belongs to another file."""
    return obj.type != "MESH" or obj.library is not None or obj.override_library is not None


def _read(obj: bpy.types.Object, mesh: bpy.types.Mesh, layer: str, scene: bpy.types.Scene) -> _Part:
    """Triangles by whole arrays. A mirrored object (negative scale) keeps its outside outside."""
    mesh.calc_loop_triangles()
    count, loops = len(mesh.loop_triangles), len(mesh.loops)
    corners = np.empty(count * 3, np.int32)
    mesh.loop_triangles.foreach_get("loops", corners)
    slots = np.empty(count, np.int32)
    mesh.loop_triangles.foreach_get("material_index", slots)
    vertex_of = np.empty(loops, np.int32)
    mesh.loops.foreach_get("vertex_index", vertex_of)
    co = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", co)
    normals = np.empty(loops * 3, np.float32)
    mesh.corner_normals.foreach_get("vector", normals)
    world = np.array(obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world, np.float64)
    world[:3] *= scene.unit_settings.scale_length
    linear = world[:3, :3]
    corners = corners.reshape(-1, 3)
    if np.linalg.det(linear) < 0:
        corners = corners[:, ::-1]
    turned = (normals.reshape(-1, 3) @ np.linalg.pinv(linear).astype(np.float32))[corners]
    turned /= np.maximum(np.linalg.norm(turned, axis=2, keepdims=True), 1e-30)
    vertices = co.reshape(-1, 3).astype(np.float64) @ linear.T + world[:3, 3]
    facts = {"world_from_object": world.tolist()}
    uvs = _layer(mesh, layer)
    part_uvs = None if uvs is None else uvs[corners]
    return _Part(vertices, vertex_of[corners], turned, part_uvs, slots, facts, None)


def _layer(mesh: bpy.types.Mesh, name: str) -> np.ndarray | None:
    """(L, 2) float32 of a UV layer, or None when the mesh has none of that name (any more)."""
    layer = mesh.uv_layers.get(name) if name else None
    if layer is None:
        return None
    uvs = np.empty(len(mesh.loops) * 2, np.float32)
    layer.uv.foreach_get("vector", uvs)
    return uvs.reshape(-1, 2)


def _with_facts(part: _Part, obj: bpy.types.Object, target: str, uv: str, layer: str, loops: int, reason: str) -> _Part:
    """`part` with what the result has to know about its object."""
    slots = [slot.material.name if slot.material else "" for slot in obj.material_slots] or [""]
    part.slots = np.clip(part.slots, 0, len(slots) - 1)
    part.facts |= {
        "name": obj.name,
        "session_uid": obj.session_uid,
        "session": THIS_RUN,
        "slots": slots,
        "prompt": str(obj.get(PROMPT, "")),
        "target": target,
        "uv": uv,
        "layer": layer,
        "loops": loops,
        "reason": reason,
    }
    return part


def _on_a_new_layer(
    obj: bpy.types.Object, scene: bpy.types.Scene, uvs: np.ndarray | None = None, wider: float = 1.0
) -> _Part | None:
    """The object as it would be with a UV layer of ours, which its modifiers carry along; None when they lose it.

    uvs: (L, 2) of its corners; None: made here, see `smart_projected`.
    """
    mesh = obj.data.copy()
    copy = obj.copy()
    try:
        copy.data = mesh
        copy.animation_data_clear()
        copy.matrix_world = obj.matrix_world
        uvs = smart_projected(mesh, wider) if uvs is None else uvs
        layer = mesh.uv_layers.get(LAYER) or _new_layer(mesh)
        layer.uv.foreach_set("vector", uvs.reshape(-1))
        with _linked(copy, scene), evaluated_mesh(copy) as evaluated:
            part = _read(obj, evaluated, layer.name, scene)
        part.new_uvs = uvs
        return part if part.uvs is not None else None
    finally:
        bpy.data.objects.remove(copy)
        bpy.data.meshes.remove(mesh)


def _new_layer(mesh: bpy.types.Mesh) -> bpy.types.MeshUVLoopLayer:
    """Blender allows eight; a private copy gives its last one up for judging how ours would be carried along."""
    if len(mesh.uv_layers) >= 8:
        mesh.uv_layers.remove(mesh.uv_layers[-1])
    return mesh.uv_layers.new(name=LAYER, do_init=False)


@contextmanager
def _linked(obj: bpy.types.Object, scene: bpy.types.Scene) -> Iterator[None]:
    """`obj` in the scene for a moment, hidden from nobody but gone before anything is drawn."""
    scene.collection.objects.link(obj)
    try:
        bpy.context.view_layer.update()
        yield
    finally:
        scene.collection.objects.unlink(obj)


def _as_copy(obj: bpy.types.Object, scene: bpy.types.Scene, reason: str, own: str = "", wider: float = 1.0) -> _Part:
    """The evaluated surface as a mesh of its own, which the result will become. own: the UV layer to take, if it is
    there; else new ones are made, see `smart_projected`.
    """
    depsgraph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(
        obj.evaluated_get(depsgraph), preserve_all_data_layers=True, depsgraph=depsgraph
    )
    try:
        uvs = _layer(mesh, own)
        uvs = smart_projected(mesh, wider) if uvs is None else uvs
        layer = mesh.uv_layers.get(LAYER) or _new_layer(mesh)
        layer.uv.foreach_set("vector", uvs.reshape(-1))
        part = _read(obj, mesh, layer.name, scene)
        part.new_uvs = uvs
        loops = len(mesh.loops)
    finally:
        bpy.data.meshes.remove(mesh)
    return _with_facts(part, obj, "copy", "new", LAYER, loops, reason)
