"""A thing of the library, and many of them over a surface, into the user's scene: whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping

import bpy
import numpy as np
from mathutils import Matrix

from ...apply.scene import Made, home_collection, select_only, show_in_local_view, whole_or_nothing
from ...catalogue import Value, catalogue
from ...protocol import Fault
from . import generate
from .build import Builder, Built
from .shapes.piece import Piece, aimed
from .shapes.points import on_surface

MADE_BY = "aigc_generator"
"""Custom property with generator, parameters and seed as JSON: what is needed to make the thing again."""


def add(
    context: bpy.types.Context,
    generator_id: str,
    values: Mapping[str, Value] | None = None,
    seed: int = 0,
    name: str = "",
    outer: Made | None = None,
) -> Built:
    """Puts the thing at the 3D cursor, upright and selected; a sky becomes the scene's world. Raises Fault.

    One metre is one metre in the scene, whatever its unit scale. The caller's operator has UNDO: one step.
    """
    info = catalogue().generator(generator_id)
    parts = generate(generator_id, values, seed)
    recipe = json.dumps({"generator": generator_id, "values": info.check_params(values or {}), "seed": seed})
    scene, home = context.scene, home_collection(context)
    metre = 1 / scene.unit_settings.scale_length
    with whole_or_nothing(context, outer) as made:
        place = Matrix.Translation(scene.cursor.location)
        built = Builder(made.keep, metre).build(parts, name or info.label, home, place)
        if built.world is not None:
            built.world[MADE_BY] = recipe
            scene.world = built.world
        if built.root is not None:
            built.root[MADE_BY] = recipe
            context.view_layer.update()
            select_only(context.view_layer, [built.root])
            context.view_layer.objects.active = built.root
            show_in_local_view(context, list(built.objects))
    return built


def scatter(
    context: bpy.types.Context,
    surface: bpy.types.Object,
    things: list[bpy.types.Object],
    number: int,
    seed: int = 0,
    sizes: tuple[float, float] = (0.8, 1.2),
    steepest_deg: float = 50.0,
    upright: float = 1.0,
) -> bpy.types.Collection:
    """Copies of `things` (with their children) all over `surface`, as objects that share their meshes. Raises Fault.

    number: of copies. sizes: smallest and largest factor. steepest_deg: nothing stands on steeper ground. upright: 1
    stands up straight, 0 leans with the ground. Gives the new collection that holds them.
    """
    things = [thing for thing in things if thing != surface and thing.parent not in things]
    if not things:
        raise Fault("bad_input", "Nothing is selected to be scattered.", "Select the things first, the ground last.")
    rng = np.random.default_rng(seed)
    points, normals = on_surface(_piece(context, surface), number, rng, steepest_deg)
    if not len(points):
        raise Fault("bad_input", f"{surface.name} is nowhere flat enough.", "Raise Steepest.")
    way = normals * (1 - upright) + np.array([0.0, 0.0, 1.0]) * upright
    low, high = sorted(sizes)
    matrices = aimed(points, way, rng.uniform(0, 360, len(points)), rng.uniform(low, high, len(points)))
    chosen = rng.integers(0, len(things), len(points))
    home = home_collection(context)
    with whole_or_nothing(context) as made:
        collection = made.keep(bpy.data.collections.new(f"{things[0].name} on {surface.name}"))
        for matrix, index in zip(matrices, chosen, strict=True):
            thing = things[int(index)]
            _, turn, scale = thing.matrix_world.decompose()
            own = turn.to_matrix().to_4x4() @ Matrix.Diagonal((*scale, 1.0))
            _copy(thing, made, collection, None).matrix_world = Matrix(matrix.tolist()) @ own
        home.children.link(collection)
    return collection


def _copy(thing: bpy.types.Object, made: Made, collection: bpy.types.Collection, parent) -> bpy.types.Object:
    """A linked copy of the thing and of its children."""
    copy = made.keep(thing.copy())
    copy.parent = parent
    if parent is not None:
        copy.matrix_parent_inverse = thing.matrix_parent_inverse.copy()
    collection.objects.link(copy)
    for child in thing.children:
        _copy(child, made, collection, copy)
    return copy


def _piece(context: bpy.types.Context, surface: bpy.types.Object) -> Piece:
    """The evaluated surface in world coordinates. Raises Fault("bad_input") when it has no faces."""
    if surface is None or surface.type not in ("MESH", "CURVE", "SURFACE", "META", "FONT"):
        raise Fault("bad_input", "The active object has no surface.", "Click the ground last.")
    evaluated = surface.evaluated_get(context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    vertices = np.empty(3 * len(mesh.vertices), np.float32)
    corners, starts = np.empty(len(mesh.loops), np.int32), np.empty(len(mesh.polygons), np.int32)
    mesh.vertices.foreach_get("co", vertices)
    mesh.loops.foreach_get("vertex_index", corners)
    mesh.polygons.foreach_get("loop_start", starts)
    evaluated.to_mesh_clear()
    if not len(starts):
        raise Fault("bad_input", f"{surface.name} has no faces.", "Choose another ground.")
    matrix = np.array(surface.matrix_world)
    points = vertices.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    piece = Piece(points, corners.astype(int), np.diff(np.append(starts, len(corners))))
    return piece if np.linalg.det(matrix[:3, :3]) > 0 else piece.flipped()
