"""The node tree of a textured material: alike in Solid view, Material Preview, EEVEE, Cycles and in exporters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from .glb import read_file
from .scene import Made


def build_material(
    made: Made, folder: Path, hashes: dict[str, str], entry: dict[str, Any], layer: str
) -> bpy.types.Material:
    """One set of maps as a material. entry: of `material.json`. layer: the UV map that the maps are painted on.

    Principled BSDF; the UV map is named, so that the active one may be any other. The colour's node is the active one,
    which Solid view's Texture mode and Texture Paint look at. Ambient occlusion is there, with a slider that is at 0:
    renderers that trace light need none.
    """
    material = made.keep(bpy.data.materials.new(entry["name"]))
    if material.node_tree is None:
        material.use_nodes = True
    material.diffuse_color = (*entry["viewport"], 1)
    material.roughness, material.metallic = entry["roughness"], entry["metallic"]
    nodes = material.node_tree.nodes
    nodes.clear()
    output = _node(nodes, "ShaderNodeOutputMaterial", 620, 200)
    shader = _node(nodes, "ShaderNodeBsdfPrincipled", 300, 200)
    where = _node(nodes, "ShaderNodeUVMap", -1060, 0)
    where.uv_map = layer
    link = material.node_tree.links.new
    link(shader.outputs["BSDF"], output.inputs["Surface"])
    pictures = {
        key: _picture(made, nodes, folder, entry["maps"][key], hashes, key == "colour", height)
        for key, height in (("colour", 420), ("orm", 60), ("normal", -300))
    }
    for picture in pictures.values():
        link(where.outputs["UV"], picture.inputs["Vector"])
    channels = _node(nodes, "ShaderNodeSeparateColor", -420, 40)
    link(pictures["orm"].outputs["Color"], channels.inputs["Color"])
    link(channels.outputs["Green"], shader.inputs["Roughness"])
    link(channels.outputs["Blue"], shader.inputs["Metallic"])
    shade = _node(nodes, "ShaderNodeMix", -120, 420)
    shade.data_type, shade.blend_type, shade.label = "RGBA", "MULTIPLY", "Ambient Occlusion"
    factor, a, b, result = _mix_sockets(shade)
    factor.default_value = 0.0
    link(pictures["colour"].outputs["Color"], a)
    link(channels.outputs["Red"], b)
    link(result, shader.inputs["Base Color"])
    bump = _node(nodes, "ShaderNodeNormalMap", -120, -260)
    bump.uv_map = layer
    link(pictures["normal"].outputs["Color"], bump.inputs["Color"])
    link(bump.outputs["Normal"], shader.inputs["Normal"])
    nodes.active = pictures["colour"]
    return material


def _node(nodes: bpy.types.Nodes, kind: str, x: float, y: float) -> bpy.types.Node:
    node = nodes.new(kind)
    node.location = (x, y)
    return node


def _mix_sockets(node: bpy.types.Node) -> tuple[Any, Any, Any, Any]:
    """Factor, A, B and Result of a Mix node that mixes colours: several sockets share these names."""
    inputs = [socket for socket in node.inputs if socket.enabled]
    outputs = [socket for socket in node.outputs if socket.enabled]
    by_name = {socket.name: socket for socket in inputs}
    return by_name["Factor"], by_name["A"], by_name["B"], outputs[0]


def _picture(
    made: Made,
    nodes: bpy.types.Nodes,
    folder: Path,
    file: str,
    hashes: dict[str, str],
    colour: bool,
    height: float,
) -> bpy.types.Node:
    """An image node with the map packed into the .blend, sRGB only for colours."""
    node = _node(nodes, "ShaderNodeTexImage", -820, height)
    path = folder / Path(file).name
    data = read_file(path, hashes.get(file, ""))
    image = made.keep(bpy.data.images.new(path.stem, 8, 8))
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image.colorspace_settings.name = "sRGB" if colour else "Non-Color"
    node.image = image
    return node
