"""A finished mesh becomes objects in the user's scene: whole or not at all, within the calling operator's undo step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..protocol import Artefact, Fault, Provenance
from .glb import Surface, read_glb
from .scene import (
    Made,
    home_collection,
    provenance_text,
    result_name,
    select_only,
    show_in_local_view,
    sign,
    whole_or_nothing,
)


@dataclass(frozen=True)
class Placement:
    """Where a result goes. Without anything, objects go to the 3D cursor, as it is when the result arrives.

    location: in world coordinates; up stays +Z, whatever the rotation of the cursor.
    replace:  an Empty whose place, rotation, scale, parent and collections the result takes. The Empty is hidden, not
              removed: its animation, children and constraints stay, and Alt+H brings it back.
    objects:  that the result was made from and belongs to, for results that are put onto them.
    """

    location: tuple[float, float, float] | None = None
    replace: bpy.types.Object | None = None
    objects: tuple[bpy.types.Object, ...] = ()


def apply_mesh(
    context: bpy.types.Context,
    path: Path,
    artefact: Artefact,
    provenance: Provenance | None = None,
    placement: Placement | None = None,
    job_id: str = "",
    outer: Made | None = None,
) -> list[bpy.types.Object]:
    """Puts the GLB at `path` into the scene of `context`; returns its objects, selected, the first one active.

    A new collection named after the result holds one object per part, each with its origin in the middle of its base,
    its own material, quads where the file has them, and its provenance. One metre in the file is one metre in the
    scene, whatever its unit scale. Raises Fault and leaves everything as it was: bad_input for a file that is missing,
    damaged or not ours, bad_request for a scene or an Empty that cannot be used.
    """
    placement = placement or Placement()
    surfaces, own_provenance = read_glb(Path(path), artefact.sha256)
    homes, world = _destination(context, placement)
    signature = provenance_text(provenance, own_provenance)
    with whole_or_nothing(context, outer) as made:
        collection = made.keep(bpy.data.collections.new(result_name(artefact)))
        sign(collection, signature, job_id)
        metre = 1 / context.scene.unit_settings.scale_length
        objects = [_object(made, surface, metre) for surface in surfaces]
        for obj, surface in zip(objects, surfaces, strict=True):
            sign(obj, signature, job_id)
            collection.objects.link(obj)
            _place(obj, world @ Matrix.Translation(Vector(surface.origin_m * metre)), placement.replace)
        for home in homes:
            home.children.link(collection)
        if placement.replace is not None:
            made.hide(placement.replace, context.view_layer)
        context.view_layer.update()  # only now do the objects count as visible, and only visible ones are selected
        select_only(context.view_layer, objects)
        context.view_layer.objects.active = objects[0]
        show_in_local_view(context, objects)
    return objects


def _destination(context: bpy.types.Context, placement: Placement) -> tuple[list[bpy.types.Collection], Matrix]:
    """The collections that take the result, and its world matrix. Raises Fault("bad_request")."""
    home = home_collection(context)
    empty = placement.replace
    if empty is None:
        location = placement.location if placement.location is not None else context.scene.cursor.location
        return [home], Matrix.Translation(location)
    if empty.type != "EMPTY":
        raise Fault("bad_request", f"{empty.name} is not an Empty.", "Select an Empty, or nothing.")
    if empty.name_full not in context.view_layer.objects:
        raise Fault("bad_request", f"{empty.name} is not in this scene any more.", "Apply at the 3D cursor instead.")
    context.view_layer.update()  # else the matrix may be that of before the last change
    local = {c for c in [context.scene.collection, *context.scene.collection.children_recursive] if c.library is None}
    homes = [c for c in empty.users_collection if c in local and c.override_library is None]
    return homes or [home], empty.matrix_world.copy()


def _place(obj: bpy.types.Object, world: Matrix, empty: bpy.types.Object | None) -> None:
    if empty is not None and empty.parent is not None:
        obj.parent, obj.parent_type, obj.parent_bone = empty.parent, empty.parent_type, empty.parent_bone
        obj.matrix_parent_inverse = empty.matrix_parent_inverse.copy()
    obj.matrix_world = world


def _object(made: Made, surface: Surface, metre: float) -> bpy.types.Object:
    mesh = made.keep(bpy.data.meshes.new(surface.name))
    _fill(mesh, surface, metre)
    mesh.materials.append(_material(made, surface))
    return made.keep(bpy.data.objects.new(surface.name, mesh))


def _fill(mesh: bpy.types.Mesh, surface: Surface, metre: float) -> None:
    """Geometry by whole arrays: a million faces in a few tenths of a second. `metre` is in scene units."""
    vertices = surface.vertices_m if metre == 1 else surface.vertices_m * np.float32(metre)
    mesh.vertices.add(len(vertices))
    mesh.attributes["position"].data.foreach_set("vector", vertices.reshape(-1))
    mesh.loops.add(len(surface.corner_vertex))
    mesh.attributes[".corner_vert"].data.foreach_set("value", surface.corner_vertex)
    mesh.polygons.add(len(surface.loop_start))
    mesh.polygons.foreach_set("loop_start", surface.loop_start)
    if surface.corner_uvs is not None:
        layer = mesh.uv_layers.new(name="UVMap", do_init=False)
        layer.uv.foreach_set("vector", surface.corner_uvs.reshape(-1))
    if surface.colours_linear is not None:
        colours = mesh.color_attributes.new("Color", "FLOAT_COLOR", "POINT")
        colours.data.foreach_set("color", surface.colours_linear.reshape(-1))
        mesh.color_attributes.active_color_index = mesh.color_attributes.render_color_index = 0
    mesh.update(calc_edges=True)  # no validate(): the reader and the writer have seen to it, and it costs as much again
    if surface.normals is not None:
        mesh.normals_split_custom_set_from_vertices(surface.normals)


def _material(made: Made, surface: Surface) -> bpy.types.Material:
    """Principled BSDF with the texture (or the vertex colours) as its base colour.

    The texture node is the active one, which Solid view's Texture mode and Texture Paint look at; Solid view's
    Material mode shows the mean colour.
    """
    material = made.keep(bpy.data.materials.new(surface.name))
    if material.node_tree is None:
        material.use_nodes = True  # always so from 5.0 on, where setting it only warns
    material.use_backface_culling = True
    material.diffuse_color = (*surface.viewport, 1)
    material.roughness, material.metallic = surface.roughness, surface.metallic
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    output, shader = nodes.new("ShaderNodeOutputMaterial"), nodes.new("ShaderNodeBsdfPrincipled")
    output.location, shader.location = (300, 300), (0, 300)
    shader.inputs["Roughness"].default_value = surface.roughness
    shader.inputs["Metallic"].default_value = surface.metallic
    links.new(shader.outputs["BSDF"], output.inputs["Surface"])
    if surface.png is not None:
        colour = nodes.new("ShaderNodeTexImage")
        colour.image = packed_image(made, surface.name, surface.png)
    elif surface.colours_linear is not None:
        colour = nodes.new("ShaderNodeVertexColor")
        colour.layer_name = "Color"
    else:
        return material
    colour.location = (-320, 300)
    links.new(colour.outputs["Color"], shader.inputs["Base Color"])
    nodes.active = colour
    return material


def packed_image(made: Made, name: str, png: bytes) -> bpy.types.Image:
    """An image datablock that lives inside the .blend: the job folder may be cleared, the file sent to a colleague."""
    image = made.keep(bpy.data.images.new(name, 8, 8))  # the size is that of the packed file as soon as it is read
    image.pack(data=png, data_len=len(png))
    image.source = "FILE"
    return image
