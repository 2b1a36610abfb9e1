"""How a material looks now: the pictures and numbers of its shader, and where in the node tree they stand.

What is found is what Principled BSDF is given. Of longer chains of nodes the first picture upstream counts; what lies
between is applied to the new picture as it was to the old one, since only the picture is exchanged (apply/repaint.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..faults import Fault
from .image import image_levels, image_pixels

_OURS = "aigc_job"
_TO_FLAT = "Bake it into an image on a UV map first, or texture the whole object anew."


@dataclass
class Present:
    """A material as it is. maps: "colour", "orm", "normal" -> UDIM tile ("0" without) -> (h, w, 3 or 4) uint8;
    "height" -> (h, w, 1) uint16, whose range is `height_m`.

    nodes: of these maps, the name of the image node whose picture a new one replaces. keep: maps that nodes make in
    a way that cannot be taken over; they stay as they are. layer: the UV map, "" for the one that renders.
    """

    material: str = ""
    layer: str = ""
    height_m: float = 0.0
    ours: bool = False
    maps: dict[str, dict[str, np.ndarray]] = field(default_factory=dict[str, Any])
    nodes: dict[str, str] = field(default_factory=dict[str, str])
    keep: list[str] = field(default_factory=list[str])
    plain: dict[str, Any] = field(default_factory=dict[str, Any])


def present_material(material: bpy.types.Material | None, whole: bool) -> Present:
    """Reads a material. whole: all maps, not only the colour. Raises Fault("bad_input") for what no UV map places."""
    if material is None:
        return Present()
    found = Present(material.name_full, ours=_OURS in material)
    shader = _shader(material)
    if shader is None:
        found.plain["colour"] = _bytes(material.diffuse_color)
        found.keep = ["orm", "normal", "height"]
        return found
    colour = shader.inputs["Base Color"]
    node = _picture_above(colour)
    if node is not None:
        found.layer = _layer_of(node, material)
        found.nodes["colour"] = node.name
        found.maps["colour"] = _tiles(node.image)
    elif colour.is_linked:
        raise Fault(
            "bad_input", f"The colour of the material {material.name} comes from nodes without a picture.", _TO_FLAT
        )
    else:
        found.plain["colour"] = _bytes(colour.default_value)
    _read_orm(found, shader, whole)
    _read_normal(found, shader, whole)
    _read_height(found, material, whole)
    return found


def layer_of(material: bpy.types.Material) -> str | None:
    """The UV map of the picture that gives a material its colour ("": the one that renders); None without a picture."""
    shader = _shader(material)
    node = _picture_above(shader.inputs["Base Color"]) if shader is not None else None
    return None if node is None else _layer_of(node, material)


def _shader(material: bpy.types.Material) -> bpy.types.Node | None:
    """The Principled BSDF next to the output."""
    if material.node_tree is None:
        return None
    outputs = [node for node in material.node_tree.nodes if node.type == "OUTPUT_MATERIAL"]
    for output in sorted(outputs, key=lambda node: not node.is_active_output):
        for node in _above(output.inputs["Surface"]):
            if node.type == "BSDF_PRINCIPLED":
                return node
    return None


def _above(socket: bpy.types.NodeSocket) -> Iterator[bpy.types.Node]:
    """All nodes that a socket depends on, the nearest first."""
    seen: set[str] = set()
    waiting = [link.from_node for link in socket.links]
    while waiting:
        node = waiting.pop(0)
        if node.name in seen:
            continue
        seen.add(node.name)
        yield node
        waiting += [link.from_node for entry in node.inputs for link in entry.links]


def _picture_above(socket: bpy.types.NodeSocket) -> bpy.types.Node | None:
    return next((node for node in _above(socket) if node.type == "TEX_IMAGE" and node.image is not None), None)


def _layer_of(node: bpy.types.Node, material: bpy.types.Material) -> str:
    """The UV map that places an image node's picture."""
    vector = node.inputs["Vector"]
    if node.projection == "FLAT" and not vector.is_linked:
        return ""
    source = vector.links[0].from_node if vector.is_linked else None
    if node.projection == "FLAT" and source is not None:
        if source.type == "UVMAP":
            return str(source.uv_map)
        if source.type == "TEX_COORD" and vector.links[0].from_socket.identifier == "UV":
            return ""
    raise Fault("bad_input", f"The picture of the material {material.name} is not placed by a UV map alone.", _TO_FLAT)


def _read_orm(found: Present, shader: bpy.types.Node, whole: bool) -> None:
    """Roughness and metal: numbers, one picture with both in its channels, or pictures of their own."""
    sources = {}
    for name, channel in (("Roughness", 1), ("Metallic", 2)):
        socket = shader.inputs[name]
        if not socket.is_linked:
            found.plain[name.lower()] = float(socket.default_value)
            continue
        node = _picture_above(socket)
        if node is None or node.image.source == "TILED" and "colour" not in found.maps:
            found.keep.append("orm")
            return
        sources[channel] = node, _channel(socket)
    if not sources or not whole:
        return
    nodes = {node.name for node, _ in sources.values()}
    if len(nodes) == 1 and all(channel == taken for channel, (_, taken) in sources.items()) and len(sources) == 2:
        node = sources[1][0]
        found.nodes["orm"], found.maps["orm"] = node.name, _tiles(node.image)
        return
    tiles: dict[str, np.ndarray] = {}
    for channel, (node, taken) in sources.items():
        for tile, picture in _tiles(node.image).items():
            usual = (255, *(round(255 * found.plain.get(key, 0.5)) for key in ("roughness", "metallic")))
            joint = tiles.setdefault(tile, np.tile(np.uint8(usual), (*picture.shape[:2], 1)))
            rows = np.arange(joint.shape[0]) * picture.shape[0] // joint.shape[0]
            columns = np.arange(joint.shape[1]) * picture.shape[1] // joint.shape[1]
            joint[..., channel] = picture[rows][:, columns, taken]
    found.maps["orm"] = tiles


def _channel(socket: bpy.types.NodeSocket) -> int:
    """Which channel of a picture a socket is fed with: what a Separate node says, else the first."""
    link = socket.links[0]
    names = {"Red": 0, "R": 0, "Green": 1, "G": 1, "Blue": 2, "B": 2}
    return names.get(link.from_socket.name, 0) if link.from_node.type != "TEX_IMAGE" else 0


def _read_normal(found: Present, shader: bpy.types.Node, whole: bool) -> None:
    socket = shader.inputs["Normal"]
    if not socket.is_linked:
        return
    bump = socket.links[0].from_node
    node = _picture_above(bump.inputs["Color"]) if bump.type == "NORMAL_MAP" and bump.space == "TANGENT" else None
    if node is None:
        found.keep.append("normal")
    elif whole:
        found.nodes["normal"], found.maps["normal"] = node.name, _tiles(node.image)


def _read_height(found: Present, material: bpy.types.Material, whole: bool) -> None:
    """Heights are what a Displacement node takes from a picture that lies as the colours do, linked or for later."""
    nodes = material.node_tree.nodes
    outputs = [node.inputs["Displacement"] for node in nodes if node.type == "OUTPUT_MATERIAL"]
    linked = [link.from_node for socket in outputs for link in socket.links]
    node = next((node for node in linked or nodes if node.type == "DISPLACEMENT"), None)
    picture = _heights_under(node, found, material) if node is not None else None
    if picture is None:
        if linked or node is not None:
            found.keep.append("height")
    elif whole:
        found.nodes["height"], found.maps["height"] = picture.name, _tiles(picture.image, image_levels)
        found.height_m = float(node.inputs["Scale"].default_value)


def _heights_under(node: bpy.types.Node, found: Present, material: bpy.types.Material) -> bpy.types.Node | None:
    """The image node of a Displacement node, where another picture can take its place."""
    height, middle, scale = (node.inputs[name] for name in ("Height", "Midlevel", "Scale"))
    picture = height.links[0].from_node if height.is_linked else None
    if picture is None or picture.type != "TEX_IMAGE" or picture.image is None:
        return None
    plain = not (middle.is_linked or scale.is_linked) and abs(middle.default_value - 0.5) < 1e-3
    if not plain or scale.default_value <= 0 or not picture.image.colorspace_settings.is_data:
        return None
    try:
        return picture if _layer_of(picture, material) == found.layer else None
    except Fault:
        return None


def _tiles(
    image: bpy.types.Image, read: Callable[[bpy.types.Image | Path], np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """The pixels of an image, or of each of its UDIM tiles. read: how one is read; as colours without it."""
    read = read or _colours
    if image.source == "MOVIE":
        raise Fault("bad_input", f"{image.name} is a movie.", "Choose a still picture for the material.")
    if image.source != "TILED":
        return {"0": read(image)}
    if image.is_dirty:
        raise Fault("bad_input", f"{image.name} has tiles that are not saved.", "Save the image, then try again.")
    numbers = [tile.number for tile in image.tiles]
    files = {packed.tile_number: packed.packed_file for packed in image.packed_files}
    tiles = {}
    for number in numbers:
        if files.get(number) is not None:
            tiles[str(number)] = _of_bytes(files[number].data, image.name, read)
            continue
        path = bpy.path.abspath(image.filepath_from_user(), library=image.library).replace("<UDIM>", str(number))
        tiles[str(number)] = read(Path(path))
    return tiles


def _colours(source: bpy.types.Image | Path) -> np.ndarray:
    return _slim(image_pixels(source))


def _of_bytes(data: bytes, name: str, read: Callable[[bpy.types.Image | Path], np.ndarray]) -> np.ndarray:
    """Pixels of a packed file."""
    image = bpy.data.images.new(name, 8, 8)
    try:
        image.pack(data=data, data_len=len(data))
        image.source = "FILE"
        return read(image)
    finally:
        bpy.data.images.remove(image)


def _slim(pixels: np.ndarray) -> np.ndarray:
    """Without an alpha that says nothing."""
    return pixels if (pixels[..., 3] < 255).any() else np.ascontiguousarray(pixels[..., :3])


def _bytes(linear: Any) -> list[int]:
    """A colour of Blender's as sRGB bytes."""
    value = np.clip(np.array(list(linear)[:3]), 0, 1)
    encoded = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return [round(float(channel) * 255) for channel in encoded]
