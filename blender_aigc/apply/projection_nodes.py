"""The shader nodes of a projection: from a point in camera space to a colour, and whether the camera sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .scene import Made

if TYPE_CHECKING:
    from .projection import Shot

TOLERANCE = 1.01
"""So much farther than the depth pass says a seen point may be; it is stored with 11 bits."""


class _Builder:
    """Nodes of a tree as a formula: each method returns the socket of its result."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def math(self, operation: str, *values: bpy.types.NodeSocket | float) -> bpy.types.NodeSocket:
        node = self.tree.nodes.new("ShaderNodeMath")
        node.operation = operation
        for socket, value in zip(node.inputs, values, strict=False):
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, socket)
            else:
                socket.default_value = value
        return node.outputs[0]

    def texture(
        self, image: bpy.types.Image, uv: bpy.types.NodeSocket, interpolation: str, extension: str
    ) -> bpy.types.ShaderNodeTexImage:
        node = self.tree.nodes.new("ShaderNodeTexImage")
        node.image, node.interpolation, node.extension = image, interpolation, extension
        self.tree.links.new(uv, node.inputs["Vector"])
        return node


def projection_group(
    made: Made, name: str, picture: bpy.types.Image, depth: bpy.types.Image, shot: Shot, factor: float
) -> bpy.types.NodeTree:
    """Position (in Blender's camera space, metres) -> Colour, Strength of the light, and Seen, 0..1."""
    tree = made.keep(bpy.data.node_groups.new(name, "ShaderNodeTree"))
    socket = tree.interface.new_socket
    socket("Position", in_out="INPUT", socket_type="NodeSocketVector")
    for title, kind in (("Color", "NodeSocketColor"), ("Strength", "NodeSocketFloat"), ("Seen", "NodeSocketFloat")):
        socket(title, in_out="OUTPUT", socket_type=kind)
    nodes, links, build = tree.nodes, tree.links, _Builder(tree)
    entry, leave = nodes.new("NodeGroupInput"), nodes.new("NodeGroupOutput")
    split, join = nodes.new("ShaderNodeSeparateXYZ"), nodes.new("ShaderNodeCombineXYZ")
    links.new(entry.outputs["Position"], split.inputs[0])
    far = build.math("MULTIPLY", split.outputs["Z"], -1.0)
    for axis, sign in (("X", 1.0), ("Y", 1.0)):
        number = "XY".index(axis)
        scale = sign * shot.focal[number] / shot.size[number]
        centre = shot.centre[number] / shot.size[number]
        value = split.outputs[axis]
        if shot.perspective:
            value = build.math("DIVIDE", value, build.math("MAXIMUM", far, 1e-6))
        value = build.math("MULTIPLY_ADD", value, scale, centre if axis == "X" else 1 - centre)
        links.new(value, join.inputs[axis])
    colour = build.texture(picture, join.outputs[0], "Linear", "CLIP")
    nearest = build.texture(depth, join.outputs[0], "Closest", "CLIP")
    limit = build.math("MULTIPLY", nearest.outputs["Color"], TOLERANCE)
    seen = build.math("LESS_THAN", far, limit)
    seen = build.math("MULTIPLY", seen, build.math("GREATER_THAN", far, 0.0))
    seen = build.math("MULTIPLY", seen, colour.outputs["Alpha"])
    links.new(colour.outputs["Color"], leave.inputs["Color"])
    links.new(seen, leave.inputs["Seen"])
    leave.inputs["Strength"].default_value = factor
    for column, node in enumerate(nodes):
        node.location = (column * 180.0, 0.0)
    return tree


def add_projection(
    material: bpy.types.Material, group: bpy.types.NodeTree, attribute: str, projector: bpy.types.Object | None
) -> None:
    """Put the projection before every surface that an output of `material` shows."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    if attribute:
        source = nodes.new("ShaderNodeAttribute")
        source.attribute_name = attribute
        position = source.outputs["Vector"]
    else:
        source = nodes.new("ShaderNodeTexCoord")
        source.object = projector
        position = source.outputs["Object"]
    inner, light = nodes.new("ShaderNodeGroup"), nodes.new("ShaderNodeEmission")
    inner.node_tree = group
    links.new(position, inner.inputs["Position"])
    links.new(inner.outputs["Color"], light.inputs["Color"])
    links.new(inner.outputs["Strength"], light.inputs["Strength"])
    outputs = [node for node in nodes if node.type == "OUTPUT_MATERIAL"] or [nodes.new("ShaderNodeOutputMaterial")]
    for row, output in enumerate(outputs):
        mix = nodes.new("ShaderNodeMixShader")
        linked = output.inputs["Surface"].links
        if linked:
            links.new(linked[0].from_socket, mix.inputs[1])
        links.new(inner.outputs["Seen"], mix.inputs[0])
        links.new(light.outputs[0], mix.inputs[2])
        links.new(mix.outputs[0], output.inputs["Surface"])
        mix.location = (output.location.x, output.location.y + 160)
        output.location.x += 200
        if row == 0:
            for column, node in enumerate((source, inner, light)):
                node.location = (mix.location.x - 600 + column * 200, mix.location.y + 220)
