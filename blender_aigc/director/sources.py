"""The mesh of one object of a plan: a shape, a generator of the catalogue, an asset of the user or his selection."""

from __future__ import annotations

from dataclasses import replace
from math import radians

import bmesh
import bpy
import numpy as np

from ..apply.scene import Made
from ..faults import Fault
from ..plan import SHAPES, PlanObject, nearest
from .generators.parts import Part, Parts
from .shapes import solid

_SMOOTH_UNDER_DEG = 35.0
_WITH_FACES = ("MESH", "CURVE", "SURFACE", "META", "FONT")


def mesh_of(context: bpy.types.Context, thing: PlanObject, seed: int, made: Made) -> bpy.types.Mesh:
    """A new mesh in its final size, origin in the middle of its bounding box. Raises Fault("bad_input")."""
    if thing.shape in SHAPES:
        size = np.array(thing.size_m or SHAPES[thing.shape].size_m) * thing.scale
        shape = solid(thing.shape, size)
        mesh = made.keep(bpy.data.meshes.new(thing.name))
        mesh.from_pydata(shape.vertices.tolist(), [], list(shape.faces))
        if thing.soft is not None or (thing.cloth is not None and not SHAPES[thing.shape].cloth):
            _refine(mesh)
        _smooth(mesh)
        return mesh
    if thing.shape == "generator":
        mesh = _generated(thing, seed, made)
    else:
        mesh = _copied(context, thing, made)
    _centre_and_scale(mesh, thing)
    return mesh


def _refine(mesh: bpy.types.Mesh) -> None:
    """What bends needs vertices to bend at: long edges are cut until none is longer than a sixth of the whole."""
    points = np.array([vertex.co for vertex in mesh.vertices])
    longest = float((points.max(0) - points.min(0)).max()) / 6
    edit = bmesh.new()
    edit.from_mesh(mesh)
    for _ in range(4):
        edges = [edge for edge in edit.edges if edge.calc_length() > longest]
        if not edges:
            break
        bmesh.ops.subdivide_edges(edit, edges=edges, cuts=1, use_grid_fill=True)
    edit.to_mesh(mesh)
    edit.free()


def _smooth(mesh: bpy.types.Mesh) -> None:
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.set_sharp_from_angle(angle=radians(_SMOOTH_UNDER_DEG))
    mesh.update()


def _generated(thing: PlanObject, seed: int, made: Made) -> bpy.types.Mesh:
    """All parts and copies of a generator as one mesh, so that they move as one body."""
    from .generators import generate
    from .generators.build import Builder, fill

    parts = generate(thing.source, {setting.key: setting.value for setting in thing.settings}, seed)
    if not parts.parts:
        raise Fault(
            "bad_input", f"{thing.source!r} is no thing that can be placed.", "Choose it in the world settings."
        )
    whole, looks = _whole(parts)
    mesh = made.keep(bpy.data.meshes.new(thing.name))
    fill(mesh, whole)
    builder = Builder(made.keep)
    for look in looks:
        mesh.materials.append(builder.material(look, parts.looks[look]))
    return mesh


def _whole(parts: Parts) -> tuple[Part, list[str]]:
    """One part of all parts at all their places, and the names of its looks."""
    copied = {copies.part: copies.transforms for copies in parts.copies}
    looks = list(dict.fromkeys(look for part in parts.parts for look in part.looks))
    pieces: list[Part] = []
    for number, part in enumerate(parts.parts):
        slots = np.array([looks.index(look) for look in part.looks] or [0], np.int32)[part.slots]
        for place in copied.get(number, [np.eye(4)]):
            vertices = part.vertices @ place[:3, :3].T + place[:3, 3]
            pieces.append(replace(part, vertices=vertices.astype(np.float32), slots=slots))
    starts = np.cumsum([0, *(len(piece.vertices) for piece in pieces[:-1])])
    coloured = all(piece.colours is not None for piece in pieces)

    def joined(key: str) -> np.ndarray:
        return np.concatenate([getattr(piece, key) for piece in pieces])

    corners = np.concatenate([piece.corners + start for piece, start in zip(pieces, starts, strict=True)])
    whole = replace(
        pieces[0],
        vertices=joined("vertices"),
        corners=corners.astype(np.int32),
        sizes=joined("sizes"),
        uvs=joined("uvs"),
        smooth=joined("smooth"),
        slots=joined("slots").astype(np.int32),
        colours=joined("colours") if coloured else None,
        groups={},
    )
    return whole, looks


def _copied(context: bpy.types.Context, thing: PlanObject, made: Made) -> bpy.types.Mesh:
    """What the user selected, or marked as an asset, as one evaluated mesh in world scale."""
    if thing.shape == "selected" and thing.source:
        chosen = [_named(context, thing.source)]
    elif thing.shape == "selected":
        chosen = [obj for obj in context.selected_objects if obj.type in _WITH_FACES]
        if not chosen:
            raise Fault("bad_input", "The plan is about your selection, but nothing is selected.", "Select an object.")
    else:
        chosen = _marked(thing.source)
    graph = context.evaluated_depsgraph_get()
    parts, faces, materials, slots = [], [], [], []
    for obj in chosen:
        evaluated = obj.evaluated_get(graph)
        part = evaluated.to_mesh()
        points = np.empty(3 * len(part.vertices), np.float32)
        part.vertices.foreach_get("co", points)
        matrix = np.array(obj.matrix_world)
        start = sum(len(done) for done in parts)
        faces += [[vertex + start for vertex in polygon.vertices] for polygon in part.polygons]
        slots += [len(materials) + polygon.material_index for polygon in part.polygons]
        materials += [slot.material for slot in obj.material_slots] or [None]
        parts.append(points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
        evaluated.to_mesh_clear()
    if not faces:
        raise Fault("bad_input", f"{chosen[0].name!r} has no faces.", "Choose another object.")
    mesh = made.keep(bpy.data.meshes.new(thing.name))
    mesh.from_pydata(np.concatenate(parts).tolist(), [], faces)
    for material in materials:
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", np.array(slots, np.int32))
    _smooth(mesh)
    return mesh


def _named(context: bpy.types.Context, name: str) -> bpy.types.Object:
    """The object of the scene that was selected when the plan was made."""
    obj = context.scene.objects.get(name)
    if obj is None or obj.type not in _WITH_FACES:
        names = [other.name for other in context.scene.objects if other.type in _WITH_FACES]
        raise Fault("bad_input", f"The scene has no object {name!r} with faces.", nearest(name, names))
    return obj


def _marked(name: str) -> list[bpy.types.Object]:
    """The objects with faces of an object or a collection that carries the asset mark; an object goes first."""
    blocks = (*bpy.data.collections, *bpy.data.objects)
    assets = {block.name: block for block in blocks if block.asset_data is not None}
    if name not in assets:
        raise Fault("bad_input", f"There is no asset {name!r}.", nearest(name, assets))
    asset = assets[name]
    whole = asset.all_objects if isinstance(asset, bpy.types.Collection) else (asset, *asset.children_recursive)
    chosen = [obj for obj in whole if obj.type in _WITH_FACES]
    if not chosen:
        raise Fault("bad_input", f"The asset {name!r} has no faces.", "Mark another object.")
    return chosen


def _centre_and_scale(mesh: bpy.types.Mesh, thing: PlanObject) -> None:
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    low, high = points.min(0), points.max(0)
    factor = np.full(3, thing.scale)
    if thing.size_m is not None:
        extent = np.where(high - low > 1e-6, high - low, 1.0)
        factor = np.array(thing.size_m) / extent * thing.scale
    mesh.vertices.foreach_set("co", ((points - (low + high) / 2) * factor).astype(np.float32).ravel())
    mesh.update()
