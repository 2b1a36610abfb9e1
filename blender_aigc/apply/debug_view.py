"""Pictures of how a texture came about, on the objects in the place of its colours; and the colours back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ..protocol import Artefact, Fault
from .glb import damaged, read_file
from .material_nodes import checked, packed_image, set_name
from .scene import JOB, whole_or_nothing

COLOURS = "aigc_colours"
"""Custom property of the image node whose picture was changed: its own picture."""
VIEWS = ("coverage", "winner", "seams")


def show_debug(context: bpy.types.Context, folder: Path, artefacts: Sequence[Artefact], job_id: str, view: str) -> int:
    """Shows `view` (of `VIEWS`, or "" for the colours) on all materials of a job; how many there were.

    Raises Fault("bad_input") when the pictures are gone or damaged; then nothing has changed.
    """
    materials = [material for material in bpy.data.materials if material.get(JOB) == job_id and material.node_tree]
    if not view:
        return sum(_colours_back(material) for material in materials)
    hashes = {artefact.file: artefact.sha256 for artefact in artefacts}
    description = next((artefact for artefact in artefacts if artefact.kind == "material"), None)
    if description is None:
        raise Fault("bad_request", "This result has no textures.", "Choose another one.")
    groups = _groups(Path(folder) / description.file, description.sha256)
    count = 0
    with whole_or_nothing(context) as made:
        for material in materials:
            tiles = groups.get(re.sub(r"\.\d{3}$", "", material.name)) or groups.get(material.name, [])
            node = _colour_node(material)
            if node is None or not tiles or not all(view in tile.get("debug", {}) for tile in tiles):
                continue
            files = [checked(Path(folder), tile["debug"][view], hashes) for tile in tiles]
            image = packed_image(made, files, "colour")
            image[JOB] = job_id  # goes when the result goes
            before, own = node.image, node.get(COLOURS)
            made.undo(lambda node=node, before=before, own=own: _set(node, before, own))
            _set(node, image, own or before)
            count += 1
    _forget_unused(job_id)
    return count


def shown(job_id: str) -> bool:
    """Is a picture in the place of the colours of some material of the job?"""
    materials = (material for material in bpy.data.materials if material.get(JOB) == job_id and material.node_tree)
    return any(node.get(COLOURS) is not None for material in materials for node in material.node_tree.nodes)


def _groups(path: Path, sha256: str) -> dict[str, list[dict[str, Any]]]:
    """The sets of a result by the names of their materials: the UDIM tiles of one material together."""
    try:
        document = json.loads(read_file(path, sha256))
        groups: dict[str, list[dict[str, Any]]] = {}
        for entry in document["objects"]:
            for one in entry["sets"]:
                tiles = groups.setdefault(set_name(one), [])
                if one["maps"] not in [other["maps"] for other in tiles]:  # objects of an atlas all name it
                    tiles.append(one)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"{type(error).__name__}: {error}") from error
    return groups


def _colour_node(material: bpy.types.Material) -> bpy.types.Node | None:
    """The image node of the base colour: the one that is changed already, or the one with an sRGB picture of ours."""
    nodes = [node for node in material.node_tree.nodes if node.type == "TEX_IMAGE" and node.image is not None]
    mine = [node for node in nodes if node.get(COLOURS) is not None]
    mine += [node for node in nodes if "_BaseColor" in node.image.name]
    return mine[0] if mine else None


def _colours_back(material: bpy.types.Material) -> bool:
    changed = [node for node in material.node_tree.nodes if node.get(COLOURS) is not None]
    for node in changed:
        _set(node, node[COLOURS], None)
    _forget_unused(str(material.get(JOB)))
    return bool(changed)


def _set(node: bpy.types.Node, image: bpy.types.Image | None, own: bpy.types.Image | None) -> None:
    node.image = image
    if own is not None:
        node[COLOURS] = own
    elif COLOURS in node:
        del node[COLOURS]


def _forget_unused(job_id: str) -> None:
    """Pictures that are not shown any more leave the file."""
    bpy.data.batch_remove([image for image in bpy.data.images if image.get(JOB) == job_id and not image.users])
