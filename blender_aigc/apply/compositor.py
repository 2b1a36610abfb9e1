"""A result as a compositor node group, beside the user's nodes: nothing that is linked changes."""

from __future__ import annotations

import math

import bpy

from .as_light import as_light
from .scene import whole_or_nothing

GAP = 60.0


def node_group(context: bpy.types.Context, image: bpy.types.Image) -> bpy.types.NodeTree:
    """A group with a render going in and, out of it, the render mixed with the result, the result alone and its alpha.

    It is kept in the file; where the scene has a compositor, an unlinked node of it stands to the right of all others.
    """
    with whole_or_nothing(context) as made:
        tree = made.keep(bpy.data.node_groups.new(f"AIGC {image.name}", "CompositorNodeTree"))
        tree.use_fake_user = True
        _fill(tree, *as_light(image, context.scene, made))
        users = compositor_of(context.scene)
        if users is not None and users.library is None:
            _stand_beside(users, tree)
    return tree


def compositor_of(scene: bpy.types.Scene) -> bpy.types.NodeTree | None:
    """The scene's compositor, or None: `node_tree` up to Blender 4.5, a node group of the file from 5.0 on."""
    if hasattr(scene, "compositing_node_group"):
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def _fill(tree: bpy.types.NodeTree, image: bpy.types.Image, factor: float) -> None:
    socket = tree.interface.new_socket
    socket("Image", in_out="INPUT", socket_type="NodeSocketColor")
    share = socket("Factor", in_out="INPUT", socket_type="NodeSocketFloat")
    share.min_value, share.max_value, share.default_value = 0.0, 1.0, 1.0
    share.subtype = "FACTOR"
    for name, kind in (("Image", "NodeSocketColor"), ("Result", "NodeSocketColor"), ("Alpha", "NodeSocketFloat")):
        socket(name, in_out="OUTPUT", socket_type=kind)
    nodes, links = tree.nodes, tree.links
    entry, leave = nodes.new("NodeGroupInput"), nodes.new("NodeGroupOutput")
    picture, exposure, mix = nodes.new("CompositorNodeImage"), nodes.new("CompositorNodeExposure"), _mix(nodes)
    picture.image = image
    exposure.inputs["Exposure"].default_value = math.log2(factor)
    links.new(picture.outputs["Image"], exposure.inputs["Image"])
    factor_in, first, second, mixed = mix
    links.new(entry.outputs["Factor"], factor_in)
    links.new(entry.outputs["Image"], first)
    links.new(exposure.outputs["Image"], second)
    links.new(mixed, leave.inputs["Image"])
    links.new(exposure.outputs["Image"], leave.inputs["Result"])
    links.new(picture.outputs["Alpha"], leave.inputs["Alpha"])
    for column, node in enumerate((entry, picture, exposure, mixed.node, leave)):
        node.location = (column * 220.0, -180.0 * (node in (picture, exposure)))


def _mix(nodes: bpy.types.Nodes) -> tuple[bpy.types.NodeSocket, ...]:
    """(factor, first, second, output) of a node that mixes two colours; its name has changed with Blender 5."""
    if bpy.app.version < (5, 0, 0):
        node = nodes.new("CompositorNodeMixRGB")
        return (*node.inputs[:3], node.outputs[0])
    node = nodes.new("ShaderNodeMix")
    node.data_type = "RGBA"
    colours = [socket for socket in (*node.inputs, *node.outputs) if socket.type == "RGBA"]
    return (node.inputs[0], *colours)


def _stand_beside(users: bpy.types.NodeTree, tree: bpy.types.NodeTree) -> None:
    right = max((node.location.x + node.width for node in users.nodes), default=0.0)
    node = users.nodes.new("CompositorNodeGroup")
    node.node_tree = tree
    node.location = (right + GAP, 0.0)
    node.label = tree.name
    for other in users.nodes:
        other.select = other == node
    users.nodes.active = node
