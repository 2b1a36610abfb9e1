"""A texture of which a part was made anew: a copy of the user's material with other pictures in it.

All that the material does besides (transparency, emission, nodes between picture and shader) stays, in the copy as in
the original, which is still there. What has no picture yet gets one, with a node.
"""

from __future__ import annotations

from typing import Any

import bpy

from .material_nodes import displacement_node, image_node
from .scene import Made


def repainted(
    made: Made,
    present: dict[str, Any],
    images: dict[str, bpy.types.Image],
    entry: dict[str, Any],
    layer: str,
    moved: bool,
) -> bpy.types.Material | None:
    """A copy of the material that `present` names, with these images; None when there is no such material any more.

    present: what gather/part.py wrote about it. images: "colour", "orm", "normal", "height". entry: of `material.json`,
    the set or its first tile. layer: the UV map they lie on.
    moved: that is not the one on which the pictures lay before.
    """
    source = next((m for m in bpy.data.materials if m.name_full == present.get("material")), None)
    if source is None or source.node_tree is None:
        return None
    material = made.keep(source.copy())
    nodes, link = material.node_tree.nodes, material.node_tree.links.new
    shader = next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)
    for key, image in images.items():
        node = nodes.get(present.get("nodes", {}).get(key, ""))
        if node is None and (shader is None or key in present.get("keep", ())):
            continue
        if node is None:
            node = image_node(nodes, image, shader.location.x - 900, shader.location.y - _ROWS[key])
            _connect(material, shader, node, key, layer)
            moved_here = True
            if key == "height":
                displacement_node(material, node, entry["height_m"])
        else:
            node.image, moved_here = image, moved
            if key == "height":  # more of it may be needed than before
                node.outputs["Color"].links[0].to_node.inputs["Scale"].default_value = entry["height_m"]
        if moved_here:
            where = nodes.new("ShaderNodeUVMap")
            where.location = (node.location.x - 240, node.location.y)
            where.uv_map = layer
            link(where.outputs["UV"], node.inputs["Vector"])
            for bump in nodes:
                if bump.type == "NORMAL_MAP" and key == "normal":
                    bump.uv_map = layer
        if key == "colour":
            nodes.active = node
    return material


_ROWS = {"colour": 0, "orm": 300, "normal": 600, "height": 900}


def _connect(material: bpy.types.Material, shader: bpy.types.Node, node: bpy.types.Node, key: str, layer: str) -> None:
    """Links a picture into the shader where only a number was."""
    nodes, link = material.node_tree.nodes, material.node_tree.links.new
    if key == "colour":
        link(node.outputs["Color"], shader.inputs["Base Color"])
    if key in ("colour", "height"):
        return
    between = nodes.new("ShaderNodeSeparateColor" if key == "orm" else "ShaderNodeNormalMap")
    between.location = (node.location.x + 320, node.location.y)
    link(node.outputs["Color"], between.inputs["Color"])
    if key == "normal":
        between.uv_map = layer
        link(between.outputs["Normal"], shader.inputs["Normal"])
        return
    link(between.outputs["Green"], shader.inputs["Roughness"])
    link(between.outputs["Blue"], shader.inputs["Metallic"])
