"""A part of objects whose present texture is worked on: which faces, and what their materials look like now.

What the arrays mean is said in server/geometry/part_input.py. The user's data is only read: what is chosen is marked on
a private copy of the mesh, so that modifiers carry the mark to what they make.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np

from ..faults import Fault
from .present import Present, layer_of, present_material
from .sources import SELECTED, Part

_MARK = "aigc_part"


@dataclass
class PartArrays:
    """Collects the parts of several objects; each picture is kept once."""

    change: list[np.ndarray] = field(default_factory=list[np.ndarray])
    uvs: list[np.ndarray] = field(default_factory=list[np.ndarray])
    pictures: list[np.ndarray] = field(default_factory=list[np.ndarray])
    _objects: list[bpy.types.Object] = field(default_factory=list[Any])
    _materials: list[dict[int, bpy.types.Material | None]] = field(default_factory=list[Any])
    _touched: set[bpy.types.Material | None] = field(default_factory=set[Any])
    _numbers: dict[tuple[str, str, bool], int] = field(default_factory=dict[Any, int])

    def add(self, obj: bpy.types.Object, scene: bpy.types.Scene, part: Part, slots: int) -> None:
        """Reads which faces of an object may change. slots: how many it has.

        Raises Fault("bad_input") for what is not there, and for materials that cannot be worked on.
        """
        materials = [slot.material for slot in obj.material_slots] or [None]
        with _marked(obj, scene, part) as (mesh, flip):
            triangles = _Triangles(mesh, flip)
            number = np.clip(triangles.slots, 0, slots - 1)
            change = triangles.amounts(mesh, obj, part, number)
            here = {slot: materials[slot] for slot in np.unique(number).tolist()}
            layers = {slot: material and layer_of(material) or "" for slot, material in here.items()}
            self.uvs.append(triangles.uvs(mesh, layers, number))
        self.change.append(change)
        self._objects.append(obj)
        self._materials.append(here)
        self._touched |= {materials[slot] for slot in np.unique(number[change.any(axis=1)])}

    def present(self) -> list[dict[str, dict[str, Any]]]:
        """What the facts of each object have to say about the material of each slot. One that changes on some object is
        read whole on all, since what shares its pictures goes on sharing them. Raises Fault("bad_input").
        """
        known: dict[bpy.types.Material | None, dict[str, Any]] = {}
        for material in dict.fromkeys(one for here in self._materials for one in here.values()):
            found = present_material(material, material in self._touched)
            found.ours = found.ours and not self._used_elsewhere(material)
            known[material] = self._facts(found, material)
        return [{str(slot): known[material] for slot, material in here.items()} for here in self._materials]

    def _used_elsewhere(self, material: bpy.types.Material | None) -> bool:
        """Is a material of ours also on an object that has no part in this?"""
        mine = set(self._objects)
        others = (obj for obj in bpy.data.objects if obj not in mine)
        return any(slot.material == material for obj in others for slot in obj.material_slots)

    def arrays(self) -> dict[str, np.ndarray]:
        """What joins the arrays of the mesh. Raises Fault("bad_input") when nothing is chosen."""
        change = np.concatenate(self.change)
        if not change.any():
            raise Fault("bad_input", "No face is chosen that may change.", "Select faces in Edit Mode, or choose all.")
        return {
            "change": change,
            "present_uvs": np.concatenate(self.uvs),
            **{f"picture_{number}": picture for number, picture in enumerate(self.pictures)},
        }

    def _facts(self, found: Present, material: bpy.types.Material | None) -> dict[str, Any]:
        maps: dict[str, dict[str, int]] = {}
        for name, tiles in found.maps.items():
            node = material and material.node_tree.nodes.get(found.nodes.get(name, ""))
            image = node.image.name_full if node is not None else f"{name} of {found.material}"
            for tile, picture in tiles.items():
                key = image, tile, name == "height"
                if key not in self._numbers:
                    self._numbers[key] = len(self.pictures)
                    self.pictures.append(picture)
                maps.setdefault(name, {})[tile] = self._numbers[key]
        return {
            "material": found.material,
            "layer": found.layer,
            "ours": found.ours,
            "nodes": found.nodes,
            "keep": found.keep,
            "maps": maps,
            "height_m": found.height_m,
            "plain": found.plain,
        }


def layer_of_present(obj: bpy.types.Object) -> str:
    """The UV map that the present texture of an object lies on; the one that renders where it does not say."""
    layers = getattr(obj.data, "uv_layers", None)
    if not layers:
        return ""
    rendered = next((layer.name for layer in layers if layer.active_render), layers[0].name)
    names = [layer_of(slot.material) for slot in obj.material_slots if slot.material is not None]
    names = [name or rendered for name in names if name is not None]
    return max(names, key=names.count) if names else rendered


class _Triangles:
    """The triangles of an evaluated mesh in the order in which gather/mesh.py sends them."""

    def __init__(self, mesh: bpy.types.Mesh, flip: bool) -> None:
        mesh.calc_loop_triangles()
        count = len(mesh.loop_triangles)
        corners, polygons, slots = (np.empty(count * n, np.int32) for n in (3, 1, 1))
        mesh.loop_triangles.foreach_get("loops", corners)
        mesh.loop_triangles.foreach_get("polygon_index", polygons)
        mesh.loop_triangles.foreach_get("material_index", slots)
        corners = corners.reshape(-1, 3)
        self.corners = corners[:, ::-1] if flip else corners
        self.polygons, self.slots = polygons, slots

    def amounts(self, mesh: bpy.types.Mesh, obj: bpy.types.Object, part: Part, slots: np.ndarray) -> np.ndarray:
        """(F, 3) uint8: how far the texture may change at each corner."""
        result = np.ones(self.corners.shape, np.float32)
        if part.faces:
            named = [n for n, slot in enumerate(obj.material_slots) if slot.name == part.faces]
            attribute = mesh.attributes.get(_MARK)
            if attribute is not None:
                result = self._read(mesh, attribute)
            elif part.faces in mesh.attributes:
                result = self._read(mesh, mesh.attributes[part.faces])
            elif named:
                result = np.repeat(np.isin(slots, named)[:, None], 3, axis=1).astype(np.float32)
            else:
                raise Fault(
                    "bad_input",
                    f"{obj.name} has no vertex group, attribute or material slot called {part.faces}.",
                    "Choose another name, or Selected Faces.",
                )
        if part.inverted:
            result = 1 - result
        return np.rint(255 * np.clip(np.nan_to_num(result), 0, 1)).astype(np.uint8)

    def _read(self, mesh: bpy.types.Mesh, attribute: bpy.types.Attribute) -> np.ndarray:
        """(F, 3) float32 of an attribute on points, faces or corners; of a colour its brightness."""
        key, width = _READING.get(attribute.data_type, ("", 0))
        if not width or attribute.domain not in ("POINT", "FACE", "CORNER"):
            raise Fault(
                "bad_input",
                f"The attribute {attribute.name} is no number on points, faces or corners.",
                "Choose a vertex group, a colour attribute or a number.",
            )
        values = np.empty(len(attribute.data) * width, _TYPES.get(attribute.data_type, np.float32))
        attribute.data.foreach_get(key, values)
        values = values.astype(np.float32).reshape(-1, width)
        grey = values[:, :3] @ np.float32([0.2126, 0.7152, 0.0722]) if width == 4 else values[:, 0]
        if attribute.domain == "FACE":
            return np.repeat(grey[self.polygons][:, None], 3, axis=1)
        if attribute.domain == "POINT":
            vertices = np.empty(len(mesh.loops), np.int32)
            mesh.loops.foreach_get("vertex_index", vertices)
            grey = grey[vertices]
        return grey[self.corners]

    def uvs(self, mesh: bpy.types.Mesh, layers: dict[int, str], slots: np.ndarray) -> np.ndarray:
        """(F, 3, 2) float32: where each face lies in the picture of its material."""
        result = np.zeros((*self.corners.shape, 2), np.float32)
        rendered = next((layer.name for layer in mesh.uv_layers if layer.active_render), "")
        for slot, name in layers.items():
            layer = mesh.uv_layers.get(name or rendered)
            if layer is None:
                continue
            values = np.empty(len(mesh.loops) * 2, np.float32)
            layer.uv.foreach_get("vector", values)
            mine = slots == slot
            result[mine] = np.nan_to_num(values.reshape(-1, 2))[self.corners[mine]]
        return result


_READING = {
    "FLOAT": ("value", 1),
    "INT": ("value", 1),
    "INT8": ("value", 1),
    "BOOLEAN": ("value", 1),
    "FLOAT_COLOR": ("color", 4),
    "BYTE_COLOR": ("color", 4),
}
_TYPES = {"INT": np.int32, "INT8": np.int8, "BOOLEAN": bool}


@contextmanager
def _marked(obj: bpy.types.Object, scene: bpy.types.Scene, part: Part) -> Iterator[tuple[bpy.types.Mesh, bool]]:
    """The evaluated mesh of `obj` with the mark on what is chosen, and whether its triangles are turned."""
    flip = np.linalg.det(np.array(obj.matrix_world.to_3x3())) < 0
    groups = obj.vertex_groups if obj.type == "MESH" else ()
    if obj.type != "MESH" or (part.faces != SELECTED and part.faces not in groups):
        if part.faces == SELECTED:
            raise Fault("bad_input", f"{obj.name} has no faces that can be selected.", "Choose the whole object.")
        with _evaluated(obj) as mesh:
            yield mesh, flip
        return
    mesh, copy = obj.data.copy(), obj.copy()
    try:
        copy.data = mesh
        copy.animation_data_clear()
        copy.matrix_world = obj.matrix_world
        if part.faces == SELECTED:
            values = np.empty(len(mesh.polygons), bool)
            mesh.polygons.foreach_get("select", values)
            _write(mesh, "FACE", values.astype(np.float32))
        else:
            _write(mesh, "POINT", _weights(mesh, obj.vertex_groups[part.faces].index))
        scene.collection.objects.link(copy)
        try:
            bpy.context.view_layer.update()
            with _evaluated(copy) as evaluated:
                if evaluated.attributes.get(_MARK) is None:
                    raise Fault(
                        "bad_input",
                        f"The modifiers of {obj.name} lose which faces are chosen.",
                        "Choose an attribute that they keep, or paint a mask.",
                    )
                yield evaluated, flip
        finally:
            scene.collection.objects.unlink(copy)
    finally:
        bpy.data.objects.remove(copy)
        bpy.data.meshes.remove(mesh)


def _write(mesh: bpy.types.Mesh, domain: str, values: np.ndarray) -> None:
    old = mesh.attributes.get(_MARK)
    if old is not None:
        mesh.attributes.remove(old)
    mesh.attributes.new(_MARK, "FLOAT", domain).data.foreach_set("value", values)


def _weights(mesh: bpy.types.Mesh, group: int) -> np.ndarray:
    """(V,) float32 of a vertex group."""
    values = np.zeros(len(mesh.vertices), np.float32)
    for number, vertex in enumerate(mesh.vertices):
        for entry in vertex.groups:
            if entry.group == group:
                values[number] = entry.weight
    return values


@contextmanager
def _evaluated(obj: bpy.types.Object) -> Iterator[bpy.types.Mesh]:
    depsgraph = bpy.context.evaluated_depsgraph_get()
    evaluated = obj.evaluated_get(depsgraph)
    try:
        yield evaluated.to_mesh(preserve_all_data_layers=True, depsgraph=depsgraph)
    finally:
        evaluated.to_mesh_clear()
