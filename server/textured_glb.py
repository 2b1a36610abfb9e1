"""Writes the meshes of a texturing job as a glTF 2.0 binary: objects with several materials, each with all its maps.

numpy only. Positions come in Blender's frame and leave in glTF's; nodes stand at the world's origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .geometry.frames import GLTF
from .geometry.gltf_looks import EXTRA
from .geometry.mesh_input import MeshInput
from .glb import Buffer, file_pieces

_GLTF_FROM_BLENDER = GLTF.blender_from_native.T.astype(np.float32)


@dataclass
class Surface:
    """Faces with one material. faces: indices into the mesh's; uvs: (N, 3, 2), (0, 0) lower left."""

    faces: np.ndarray
    uvs: np.ndarray
    material: int


@dataclass
class Pictures:
    """The maps of a material as PNG files; see materials/painter.py for what they hold.

    height, height_m: 16 bits and their range in metres; empty without. keeps, glow: what else the material says, and
    the PNG or JPEG of its own light (see geometry/gltf_looks.py).
    """

    name: str
    colour: bytes
    orm: bytes
    normal: bytes
    height: bytes = b""
    height_m: float = 0.0
    keeps: dict[str, Any] = field(default_factory=dict[str, Any])
    glow: bytes = b""


@dataclass
class Thing:
    name: str
    surfaces: list[Surface] = field(default_factory=list[Surface])


def build_textured_glb(
    mesh: MeshInput, things: Sequence[Thing], pictures: Sequence[Pictures], provenance: dict[str, Any] | None
) -> list[bytes]:
    """The file as consecutive pieces of bytes."""
    buffer = Buffer()
    doc: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "AIGC Studio"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(things)))}],
        "nodes": [{"name": thing.name, "mesh": number} for number, thing in enumerate(things)],
        "meshes": [
            {"name": thing.name, "primitives": [_primitive(buffer, mesh, surface) for surface in thing.surfaces]}
            for thing in things
        ],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 10497}],
    }
    if provenance is not None:
        doc["asset"]["extras"] = {"aigc": provenance}
    images: list[dict[str, Any]] = []
    doc["materials"] = [_material(buffer, images, one) for one in pictures]
    doc["images"] = images
    extensions = sorted({name for one in doc["materials"] for name in one.get("extensions", {})})
    doc |= {"extensionsUsed": extensions} if extensions else {}
    doc["textures"] = [{"sampler": 0, "source": number} for number in range(len(images))]
    doc["accessors"], doc["bufferViews"] = buffer.accessors, buffer.views
    doc["buffers"] = [{"byteLength": buffer.length}]
    return file_pieces(doc, buffer)


def _material(buffer: Buffer, images: list[dict[str, Any]], one: Pictures) -> dict[str, Any]:
    first = len(images)
    for data, ending in ((one.colour, "BaseColor"), (one.orm, "ORM"), (one.normal, "Normal")):
        images.append({"name": f"{one.name}_{ending}", "mimeType": "image/png", "bufferView": buffer.view(data)})
    glow = {}
    if one.glow:
        kind = "image/png" if one.glow.startswith(b"\x89PNG") else "image/jpeg"
        images.append({"name": f"{one.name}_Emission", "mimeType": kind, "bufferView": buffer.view(one.glow)})
        glow = {"emissiveTexture": {"index": len(images) - 1}}
    extras = {}
    if one.height:  # no part of glTF: readers that do not know it pass over it
        images.append({"name": f"{one.name}_Height", "mimeType": "image/png", "bufferView": buffer.view(one.height)})
        extras = {"extras": {EXTRA: {"index": len(images) - 1, "range_m": one.height_m}}}
    return {
        **one.keeps,
        **glow,
        **extras,
        "name": one.name,
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": first},
            "metallicRoughnessTexture": {"index": first + 1},
        },
        "occlusionTexture": {"index": first + 1},
        "normalTexture": {"index": first + 2},
    }


def _primitive(buffer: Buffer, mesh: MeshInput, surface: Surface) -> dict[str, Any]:
    vertex = mesh.faces[surface.faces].reshape(-1)
    normals = np.ascontiguousarray(mesh.corner_normals[surface.faces].reshape(-1, 3), np.float32)
    uvs = np.ascontiguousarray(surface.uvs.reshape(-1, 2), np.float32)
    tangents, sides = _face_tangents(mesh, surface)
    first, index = _distinct(vertex, normals, uvs, np.repeat(sides, 3))
    normal = _unit(normals[first])
    attributes = {
        "POSITION": buffer.vectors(mesh.vertices[vertex[first]] @ _GLTF_FROM_BLENDER.T, bounds=True),
        "NORMAL": buffer.vectors(normal @ _GLTF_FROM_BLENDER.T),
        "TANGENT": buffer.vectors(_vertex_tangents(tangents, sides, index, normal, first)),
        "TEXCOORD_0": buffer.vectors(np.stack((uvs[first, 0], 1 - uvs[first, 1]), axis=1)),
    }
    indices = buffer.indices(index, len(first))
    return {"attributes": attributes, "indices": indices, "material": surface.material, "mode": 4}


def _face_tangents(mesh: MeshInput, surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) float32: where the texture's right runs on each face; (N,) int32: 1, or -1 where UVs are mirrored."""
    points = mesh.vertices[mesh.faces[surface.faces]].astype(np.float64)
    p, q = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    a, b = (surface.uvs[:, n].astype(np.float64) - surface.uvs[:, 0] for n in (1, 2))
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    side = np.where(area < 0, -1, 1)
    return _unit((p * b[:, 1:] - q * a[:, 1:]) * side[:, None]).astype(np.float32), side.astype(np.int32)


def _vertex_tangents(
    tangents: np.ndarray, sides: np.ndarray, index: np.ndarray, normal: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """(W, 4) float32 in glTF's frame: the mean of the faces around, perpendicular to the normal, and its side."""
    total = np.stack([np.bincount(index, np.repeat(tangents[:, n], 3), len(first)) for n in range(3)], axis=1)
    flat = total - normal * np.einsum("wd,wd->w", total, normal)[:, None]
    lost = np.linalg.norm(flat, axis=1) < 1e-6  # no direction: any that is perpendicular
    other = np.cross(normal, np.where(np.abs(normal[:, :1]) < 0.9, (1.0, 0, 0), (0, 1.0, 0)))
    flat = _unit(np.where(lost[:, None], other, flat)).astype(np.float32)
    return np.concatenate([flat @ _GLTF_FROM_BLENDER.T, np.repeat(sides, 3)[first, None].astype(np.float32)], axis=1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _distinct(
    vertex: np.ndarray, normals: np.ndarray, uvs: np.ndarray, sides: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Corners alike in vertex, normal, UV and side: (W,) the first corner of each, (C,) which of them each corner is.

    Found by a 64-bit mix of all bits; corners that only share the number (never seen) would stay apart.
    """
    words = np.concatenate(
        [
            vertex.astype(np.uint32)[:, None],
            sides.view(np.uint32)[:, None],
            (normals + 0).view(np.uint32),
            (uvs + 0).view(np.uint32),
        ],
        axis=1,
    )
    mixed = np.zeros(len(words), np.uint64)
    for column in range(words.shape[1]):
        mixed = (mixed ^ words[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    _, first, index = np.unique(mixed, return_index=True, return_inverse=True)
    index = index.reshape(-1)
    if not np.array_equal(words[first][index], words):
        return np.arange(len(words)), np.arange(len(words))
    return first, index
