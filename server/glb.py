"""Writes glTF 2.0 binary files. numpy only, so that it runs in Blender's own Python. No Draco: Blender may not have it.

Everything here is in glTF's own frame (+Y up, front +Z, metres); `artefacts.py` takes the models' meshes there.

What glTF cannot say, and our reader in Blender wants to know, stands in `extras.aigc`, where other programs ignore it:

    asset     the provenance
    mesh      vertices: how many there were before the split at texture seams; seams: the buffer view (uint32) with the
              original vertex of each of the doubles that follow them; quads: the first 2 * quads triangles are pairs;
              smooth: the normals are what smooth shading gives anyway
    material  viewport: the mean colour (linear), for views without textures
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from blender_aigc.protocol import Fault

from .geometry.mesh import Mesh
from .png import encode_png

_FLOAT, _USHORT, _UINT = 5126, 5123, 5125
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_LINEAR, _LINEAR_MIPMAP, _REPEAT = 9729, 9987, 10497
_MAX_BYTES = 2**32 - 2**20


class Buffer:
    """The binary chunk under construction, with the JSON objects that point into it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.length = 0
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.texture_of: dict[int, int] = {}  # id of a picture's array -> texture: parts of one object share theirs

    def view(self, data: bytes, target: int | None = None) -> int:
        """Appends `data`, 4-byte aligned; returns the index of its buffer view."""
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        padding = b"\0" * (-len(data) % 4)
        self.parts += [data, padding]
        self.length += len(data) + len(padding)
        if self.length > _MAX_BYTES:
            raise Fault("internal", "The mesh is too big for a GLB file (4 GB).", "Ask for fewer faces.")
        self.views.append(view)
        return len(self.views) - 1

    def vectors(self, array: np.ndarray, bounds: bool = False) -> int:
        """Accessor of (N, 2 to 4) float32 per-vertex data; returns its index."""
        array = np.ascontiguousarray(array, "<f4")
        accessor: dict[str, Any] = {
            "bufferView": self.view(array.tobytes(), _ARRAY_BUFFER),
            "componentType": _FLOAT,
            "count": len(array),
            "type": f"VEC{array.shape[1]}",
        }
        if bounds:
            accessor["min"] = array.min(axis=0).tolist()
            accessor["max"] = array.max(axis=0).tolist()
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def indices(self, array: np.ndarray, vertices: int) -> int:
        """Accessor of flat triangle indices, two bytes each where they suffice (65535 itself is reserved)."""
        small = vertices <= 0xFFFF
        data = np.ascontiguousarray(array.reshape(-1), "<u2" if small else "<u4")
        self.accessors.append(
            {
                "bufferView": self.view(data.tobytes(), _ELEMENT_ARRAY_BUFFER),
                "componentType": _USHORT if small else _UINT,
                "count": len(data),
                "type": "SCALAR",
                "min": [int(data.min())],
                "max": [int(data.max())],
            }
        )
        return len(self.accessors) - 1


def build_glb(
    meshes: Sequence[Mesh],
    origins_m: np.ndarray,
    names: Sequence[str],
    smooth: Sequence[bool],
    provenance: dict[str, Any] | None,
) -> list[bytes]:
    """A GLB file as consecutive pieces of bytes: one node and one mesh per `Mesh`, each with its own material.

    meshes:    checked (see artefacts.py), in glTF's frame, in metres, relative to their origin; with normals.
    origins_m: (N, 3) positions of the nodes. names: N non-empty names, used for node, mesh, material and picture.
    smooth:    N times: the normals are what smooth shading gives anyway.
    """
    buffer = Buffer()
    doc: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "AIGC Studio"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(meshes)))}],
        "nodes": [],
        "meshes": [],
        "materials": [],
    }
    if provenance is not None:
        doc["asset"]["extras"] = {"aigc": provenance}
    for index, (mesh, origin, name) in enumerate(zip(meshes, origins_m, names, strict=True)):
        node: dict[str, Any] = {"name": name, "mesh": index}
        if np.any(origin):
            node["translation"] = [float(x) for x in origin]
        doc["nodes"].append(node)
        doc["materials"].append(_material(doc, buffer, mesh, name))
        doc["meshes"].append({"name": name, **_surface(buffer, mesh, index, smooth[index])})
    doc["accessors"], doc["bufferViews"] = buffer.accessors, buffer.views
    doc["buffers"] = [{"byteLength": buffer.length}]
    return file_pieces(doc, buffer)


def _surface(buffer: Buffer, mesh: Mesh, material: int, smooth: bool) -> dict[str, Any]:
    """The primitives and extras of a glTF mesh."""
    corner_vertex, source = split_at_seams(mesh)
    assert mesh.normals is not None
    attributes = {
        "POSITION": buffer.vectors(mesh.vertices[source.vertex], bounds=True),
        "NORMAL": buffer.vectors(mesh.normals[source.vertex]),
    }
    if mesh.corner_uvs is not None:
        uvs = mesh.corner_uvs.reshape(-1, 2)[source.corner]
        attributes["TEXCOORD_0"] = buffer.vectors(np.stack((uvs[:, 0], 1 - uvs[:, 1]), axis=1))
    if mesh.vertex_colours is not None and mesh.base_colour is None:
        attributes["COLOR_0"] = buffer.vectors(linear_from_srgb(mesh.vertex_colours[source.vertex]))
    indices = buffer.indices(corner_vertex, len(source.vertex))
    vertices = len(mesh.vertices)
    facts: dict[str, Any] = {"vertices": vertices, "quads": int(mesh.quads), "smooth": bool(smooth)}
    if len(source.vertex) > vertices:
        facts["seams"] = buffer.view(source.vertex[vertices:].astype("<u4").tobytes())
    primitive = {"attributes": attributes, "indices": indices, "material": material, "mode": 4}
    return {"primitives": [primitive], "extras": {"aigc": facts}}


def _material(doc: dict[str, Any], buffer: Buffer, mesh: Mesh, name: str) -> dict[str, Any]:
    """A single-sided metal/roughness material. The alpha of `base_colour` is dropped: generated surfaces are solid.

    Meshes that hold the same array as their picture share one texture in the file.
    """
    pbr: dict[str, Any] = {"metallicFactor": float(mesh.metallic), "roughnessFactor": float(mesh.roughness)}
    if mesh.base_colour is not None:
        doc.setdefault(
            "samplers", [{"magFilter": _LINEAR, "minFilter": _LINEAR_MIPMAP, "wrapS": _REPEAT, "wrapT": _REPEAT}]
        )
        images, textures = doc.setdefault("images", []), doc.setdefault("textures", [])
        if id(mesh.base_colour) not in buffer.texture_of:
            png = encode_png(mesh.base_colour[..., :3])
            images.append({"name": name, "mimeType": "image/png", "bufferView": buffer.view(png)})
            textures.append({"sampler": 0, "source": len(images) - 1})
            buffer.texture_of[id(mesh.base_colour)] = len(textures) - 1
        pbr["baseColorTexture"] = {"index": buffer.texture_of[id(mesh.base_colour)]}
    extras = {"aigc": {"viewport": mean_colour_linear(mesh)}}
    return {"name": name, "pbrMetallicRoughness": pbr, "doubleSided": False, "extras": extras}


def mean_colour_linear(mesh: Mesh) -> list[float]:
    """Mean colour of the surface's corners, linear; light grey for a surface without colours."""
    if mesh.base_colour is not None and mesh.corner_uvs is not None:
        height, width = mesh.base_colour.shape[:2]
        uvs = mesh.corner_uvs[:: 1 + len(mesh.corner_uvs) // 50000].reshape(-1, 2)
        column = np.clip((uvs[:, 0] * width).astype(int), 0, width - 1)
        row = np.clip(((1 - uvs[:, 1]) * height).astype(int), 0, height - 1)
        colours = mesh.base_colour[row, column, :3] / np.float32(255)
    elif mesh.vertex_colours is not None:
        colours = mesh.vertex_colours
    else:
        return [0.8, 0.8, 0.8]
    return [round(float(x), 4) for x in linear_from_srgb(colours).mean(axis=0)]


def file_pieces(doc: dict[str, Any], buffer: Buffer) -> list[bytes]:
    text = json.dumps(doc, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + buffer.length
    header = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", len(text), b"JSON")
    return [header, text, struct.pack("<I4s", buffer.length, b"BIN\0"), *buffer.parts]


class _Source:
    """Where each written vertex comes from: vertex (W,) and one of its face corners (W,), int64."""

    def __init__(self, vertex: np.ndarray, corner: np.ndarray) -> None:
        self.vertex = vertex
        self.corner = corner


def split_at_seams(mesh: Mesh) -> tuple[np.ndarray, _Source]:
    """Vertices for a format with one UV per vertex: (3F,) int64 written vertex of each corner, and their `_Source`.

    A vertex is doubled only where its corners disagree about the UV. Written vertices 0..V-1 are the mesh's own, so
    that neighbours stay close in memory; the doubles follow. Every vertex must be used by a face.
    """
    vertex = mesh.faces.reshape(-1).astype(np.int64)
    corners = np.arange(len(vertex))
    first = np.empty(len(mesh.vertices), np.int64)
    first[vertex[::-1]] = corners[::-1]  # the last assignment wins: the first corner of each vertex
    own = _Source(np.arange(len(first)), first)
    if mesh.corner_uvs is None:
        return vertex, own
    uvs = mesh.corner_uvs.reshape(-1, 2)
    odd = np.flatnonzero((uvs != uvs[first[vertex]]).any(axis=1))
    if not len(odd):
        return vertex, own
    order = odd[np.lexsort((uvs[odd, 1], uvs[odd, 0], vertex[odd]))]
    here, before = order[1:], order[:-1]
    starts = np.ones(len(order), bool)
    starts[1:] = (vertex[here] != vertex[before]) | (uvs[here] != uvs[before]).any(axis=1)
    written = vertex.copy()
    written[order] = len(first) + np.cumsum(starts) - 1
    return written, _Source(np.concatenate((own.vertex, vertex[order[starts]])), np.concatenate((first, order[starts])))


def linear_from_srgb(colours: np.ndarray) -> np.ndarray:
    """sRGB-encoded values, clipped to 0..1, as linear ones (IEC 61966-2-1)."""
    colours = np.clip(np.asarray(colours, np.float32), 0, 1)
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4).astype(np.float32)
