"""`Parts` as Blender objects and materials: the only way from the procedural library into a scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from .materials import Keep, material
from .parts import Look, Part, Parts, Sky


@dataclass(frozen=True)
class Built:
    """What came into the scene. root: the thing itself, or an Empty over its copies; moving it moves all objects."""

    root: bpy.types.Object | None
    objects: tuple[bpy.types.Object, ...]
    world: bpy.types.World | None = None


class Builder:
    """Makes objects of parts; the same part twice shares one mesh, the same look one material.

    keep:  told of every new datablock, so that a failure can take all of them back (`Made.keep`).
    metre: length of a metre in scene units, 1 / unit_settings.scale_length.
    """

    def __init__(self, keep: Keep = lambda block: block, metre: float = 1.0) -> None:
        self._keep, self._metre = keep, metre
        self._meshes: dict[int, tuple[Part, bpy.types.Mesh]] = {}
        self._materials: dict[tuple[str, Look], bpy.types.Material] = {}

    def build(
        self,
        parts: Parts,
        name: str,
        collection: bpy.types.Collection,
        world: Matrix | None = None,
        main: bpy.types.Material | None = None,
    ) -> Built:
        """Objects of `parts` in `collection`, the first one at `world`, the others its children.

        main: a material for the first slot of the first part (what a person means by "a red chair").
        """
        if parts.sky is not None and not parts.parts:
            return Built(None, (), self.world(parts.sky, name))
        copied = {copies.part: copies.transforms for copies in parts.copies}
        objects = []
        whole = 0 not in copied
        root = None if whole else self._keep(bpy.data.objects.new(name, None))
        for number, part in enumerate(parts.parts):
            label = name if number == 0 else f"{name} {part.name}"
            mesh = self._mesh(part, parts, label, main if number == 0 else None)
            places = copied.get(number, [None])
            for place in places:
                obj = self._keep(bpy.data.objects.new(label, mesh))
                self._weights(obj, part)
                if place is not None:
                    obj.matrix_local = _scaled(place, self._metre)
                if root is None:
                    root = obj
                else:
                    obj.parent = root
                objects.append(obj)
        if not whole:
            objects.insert(0, root)
        root.matrix_world = Matrix.Identity(4) if world is None else world
        for obj in objects:
            collection.objects.link(obj)
        return Built(root, tuple(objects), self.world(parts.sky, name) if parts.sky is not None else None)

    def _mesh(self, part: Part, parts: Parts, name: str, main: bpy.types.Material | None) -> bpy.types.Mesh:
        known = self._meshes.get(id(part))
        if known is not None and main is None:
            return known[1]
        mesh = self._keep(bpy.data.meshes.new(name))
        fill(mesh, part, self._metre)
        for slot, look in enumerate(part.looks):
            mesh.materials.append(main if main is not None and slot == 0 else self.material(look, parts.looks[look]))
        if main is None:
            self._meshes[id(part)] = (part, mesh)  # the part too: else another one could get its id
        return mesh

    def material(self, name: str, look: Look) -> bpy.types.Material:
        """The material of this look; made once."""
        key = (name, look)
        if key not in self._materials:
            self._materials[key] = material(name.capitalize(), look, self._keep)
        return self._materials[key]

    def world(self, sky: Sky, name: str) -> bpy.types.World:
        """A world with a physical sky; the caller decides whether the scene takes it."""
        world = self._keep(bpy.data.worlds.new(name))
        if world.node_tree is None:
            world.use_nodes = True
        nodes, links = world.node_tree.nodes, world.node_tree.links
        background = next(node for node in nodes if node.type == "BACKGROUND")
        texture = nodes.new("ShaderNodeTexSky")
        kinds = texture.bl_rna.properties["sky_type"].enum_items.keys()
        texture.sky_type = "MULTIPLE_SCATTERING" if "MULTIPLE_SCATTERING" in kinds else "NISHITA"  # 5.0 renamed it
        texture.sun_elevation = math.radians(sky.sun_elevation_deg)
        texture.sun_rotation = math.radians(sky.sun_rotation_deg)
        texture.sun_intensity, texture.air_density = sky.sun_intensity, sky.air
        texture.ozone_density = sky.ozone
        haze = "aerosol_density" if hasattr(texture, "aerosol_density") else "dust_density"
        setattr(texture, haze, sky.dust)
        background.inputs["Strength"].default_value = sky.strength
        links.new(texture.outputs[0], background.inputs["Color"])
        return world

    def _weights(self, obj: bpy.types.Object, part: Part) -> None:
        """Vertex groups; vertices of the same weight in one call."""
        if len(obj.vertex_groups):  # another object of this mesh has brought them
            return
        for group, weights in part.groups.items():
            made = obj.vertex_groups.new(name=group)
            for weight in np.unique(weights[weights > 0]):
                made.add(np.flatnonzero(weights == weight).tolist(), float(weight), "REPLACE")


def _scaled(place: np.ndarray, metre: float) -> Matrix:
    matrix = np.array(place, float)
    matrix[:3, 3] *= metre
    return Matrix(matrix.tolist())


def fill(mesh: bpy.types.Mesh, part: Part, metre: float = 1.0) -> None:
    """Geometry, UVs, colours, slots and creases by whole arrays: a million faces take about a second."""
    starts = np.zeros(len(part.sizes), np.int32)
    np.cumsum(part.sizes[:-1], out=starts[1:])
    mesh.vertices.add(len(part.vertices))
    mesh.attributes["position"].data.foreach_set("vector", (part.vertices * np.float32(metre)).reshape(-1))
    mesh.loops.add(len(part.corners))
    mesh.attributes[".corner_vert"].data.foreach_set("value", part.corners)
    mesh.polygons.add(len(starts))
    mesh.polygons.foreach_set("loop_start", starts)
    mesh.polygons.foreach_set("material_index", part.slots)
    mesh.polygons.foreach_set("use_smooth", part.smooth)
    layer = mesh.uv_layers.new(name="UVMap", do_init=False)
    layer.uv.foreach_set("vector", part.uvs.reshape(-1))
    if part.colours is not None:
        colours = mesh.color_attributes.new("Color", "FLOAT_COLOR", "POINT")
        rgba = np.concatenate([part.colours, np.ones((len(part.colours), 1), np.float32)], 1)
        colours.data.foreach_set("color", rgba.reshape(-1))
        mesh.color_attributes.active_color_index = mesh.color_attributes.render_color_index = 0
    mesh.update(calc_edges=True)
    if part.smooth.any() and part.crease_deg < 180:
        mesh.set_sharp_from_angle(angle=math.radians(part.crease_deg))
