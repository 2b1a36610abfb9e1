"""The node tree of a textured material: alike in Solid view, Material Preview, EEVEE, Cycles and in exporters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy

from .glb import read_file
from .scene import Made


def build_material(
    made: Made, images: dict[str, bpy.types.Image], entry: dict[str, Any], layer: str
) -> bpy.types.Material:
    """One set of maps as a material. images: see `packed_images`. entry: of `material.json`, the set or its first tile.
    layer: the UV map that the maps are painted on.

    Principled BSDF; the UV map is named, so that the active one may be any other. The colour's node is the active one,
    which Solid view's Texture mode and Texture Paint look at. Ambient occlusion is there, with a slider that is at 0:
    renderers that trace light need none. Heights are there, with a Displacement node in metres, and not linked to the
    output: the normals show them already.
    """
    material = made.keep(bpy.data.materials.new(set_name(entry)))
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
        key: image_node(nodes, images[key], -820, height)
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
    if "height" in images:
        picture = image_node(nodes, images["height"], -820, -660)
        link(where.outputs["UV"], picture.inputs["Vector"])
        displacement_node(material, picture, entry["height_m"])
    nodes.active = pictures["colour"]
    return material


def displacement_node(material: bpy.types.Material, picture: bpy.types.Node, height_m: float) -> None:
    """A Displacement node for heights. height_m: their range."""
    node = _node(material.node_tree.nodes, "ShaderNodeDisplacement", picture.location.x + 320, picture.location.y)
    node.label, node.space = "Height", "WORLD"
    node.inputs["Midlevel"].default_value = 0.5
    node.inputs["Scale"].default_value = height_m
    material.node_tree.links.new(picture.outputs["Color"], node.inputs["Height"])


def repeat(material: bpy.types.Material, width_m: float, flat: bool) -> None:
    """Let the maps repeat: flat over the active UV map, one square to each unit of it; else, for what has no UVs, from
    six sides by the object's own coordinates, a square to every `width_m` metres.
    """
    nodes, link = material.node_tree.nodes, material.node_tree.links.new
    pictures = [node for node in nodes if node.type == "TEX_IMAGE"]
    nodes.remove(next(node for node in nodes if node.type == "UVMAP"))
    where = _node(nodes, "ShaderNodeTexCoord", -1280, 0)
    scale = _node(nodes, "ShaderNodeMapping", -1080, 0)
    size = 1.0 if flat else 1 / width_m
    scale.inputs["Scale"].default_value = (size, size, size)
    link(where.outputs["UV" if flat else "Object"], scale.inputs["Vector"])
    for picture in pictures:
        link(scale.outputs["Vector"], picture.inputs["Vector"])
        if not flat:
            picture.projection, picture.projection_blend = "BOX", 0.2


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


def set_name(entry: dict[str, Any]) -> str:
    """What the material is called: all tiles of a set share a name."""
    name: str = entry["name"]
    return name.removesuffix(f".{entry['tile']}") if entry["tile"] else name


def checked(folder: Path, file: str, hashes: dict[str, str]) -> tuple[Path, bytes]:
    """A map's path and content. Raises Fault("bad_input") when it is gone or damaged."""
    path = folder / Path(file).name
    return path, read_file(path, hashes.get(file, ""))


def image_node(nodes: bpy.types.Nodes, image: bpy.types.Image, x: float, y: float) -> bpy.types.Node:
    node = _node(nodes, "ShaderNodeTexImage", x, y)
    node.image = image
    return node


def packed_images(
    made: Made, folder: Path, hashes: dict[str, str], entries: list[dict[str, Any]]
) -> dict[str, bpy.types.Image]:
    """The maps of one set that a material shows, by their keys. entries: of `material.json`, the UDIM tiles of a set
    or a single one.
    """
    keys = [key for key in ("colour", "orm", "normal", "height") if all(key in one["maps"] for one in entries)]
    return {
        key: packed_image(made, [checked(folder, one["maps"][key], hashes) for one in entries], key) for key in keys
    }


def packed_image(made: Made, files: list[tuple[Path, bytes]], key: str) -> bpy.types.Image:
    """A map packed into the .blend, sRGB only for colours."""
    path, data = files[0]
    if re.search(r"\.1\d{3}$", path.stem):
        image = _tiled(made, [path for path, _ in files])
    else:
        image = made.keep(bpy.data.images.new(path.stem, 8, 8))
        image.pack(data=data, data_len=len(data))
        image.source = "FILE"
    image.colorspace_settings.name = "sRGB" if key == "colour" else "Non-Color"
    return image


def _tiled(made: Made, paths: list[Path]) -> bpy.types.Image:
    """The files of UDIM tiles as one image."""
    image = made.keep(bpy.data.images.load(str(paths[0]), check_existing=False))
    image.source = "TILED"
    numbers = [int(path.stem[-4:]) for path in paths]
    image.tiles[0].number = numbers[0]
    for number in numbers[1:]:
        image.tiles.new(tile_number=number)
    stem = paths[0].name.removesuffix(f"{numbers[0]}.png")
    image.filepath = str(paths[0].with_name(f"{stem}<UDIM>.png"))
    image.name = stem.rstrip(".")
    image.pack()
    return image
