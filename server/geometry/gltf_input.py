"""Reads the triangles of a glTF 2.0 binary file from anywhere, for texturing. numpy only.

All nodes of the default scene with a mesh become objects, each primitive a material slot; transforms are applied.
Animation, skins and morph targets are not read. Compressed geometry is refused with the reason.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from blender_aigc.protocol import Fault

from .frames import GLTF
from .gltf_looks import Look, look_of
from .mesh_input import InputObject, MeshInput
from .normals import vertex_normals

_DTYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6


def read_gltf_mesh(path: Path) -> MeshInput:
    """Raises Fault("bad_input") for a file that is damaged, compressed, refers to other files, or has no triangles."""
    try:
        reader = _Reader(path.read_bytes())
        found = [piece for node, world in reader.nodes() for piece in reader.pieces(node, world)]
    except (KeyError, IndexError, TypeError, ValueError, struct.error, RecursionError, OSError) as error:
        raise Fault(
            "bad_input", f"The file {path.name} is damaged.", "Export it again.", f"{type(error).__name__}: {error}"
        ) from error
    return joined(found, path.stem)


class Piece:
    """Triangles of one material slot of one object, in Blender's frame.

    vertices (V, 3) float32; faces (F, 3) int; normals (F, 3, 3); uvs (F, 3, 2), NaN for none.
    """

    def __init__(
        self,
        thing: str,
        slot: str,
        vertices: np.ndarray,
        faces: np.ndarray,
        normals: np.ndarray | None,
        uvs: np.ndarray | None,
        world: np.ndarray | None = None,
        look: Look | None = None,
    ) -> None:
        self.look = look
        self.thing, self.slot, self.vertices, self.faces = thing, slot, vertices, faces
        self.normals = vertex_normals(vertices, faces)[faces] if normals is None else normals
        self.uvs = np.full((len(faces), 3, 2), np.nan, np.float32) if uvs is None else uvs
        self.world = np.eye(4) if world is None else world


def joined(pieces: list[Piece], name: str) -> MeshInput:
    """Pieces of one object stand together in `pieces` and carry the same name. Raises Fault("bad_input") for none."""
    pieces = [piece for piece in pieces if len(piece.faces)]
    if not pieces:
        raise Fault("bad_input", f"{name} has no faces.", "Choose a file with a surface.")
    objects: list[InputObject] = []
    looks: dict[tuple[int, int], Look] = {}
    numbers, slots, faces, first = [], [], [], 0
    for piece in pieces:
        if not objects or objects[-1].facts["key"] != piece.thing:
            shown = _free_name(piece.thing.split("\0")[0] or name, [thing.name for thing in objects])
            objects.append(InputObject(shown, (), facts={"key": piece.thing}, world_from_object=piece.world))
        thing = objects[-1]
        numbers.append(np.full(len(piece.faces), len(objects) - 1, np.int32))
        slots.append(np.full(len(piece.faces), len(thing.slots), np.int32))
        faces.append(piece.faces.astype(np.int32) + first)
        if piece.look is not None:
            looks[len(objects) - 1, len(thing.slots)] = piece.look
        thing.slots = (*thing.slots, piece.slot)
        first += len(piece.vertices)
    mesh = MeshInput(
        np.concatenate([piece.vertices for piece in pieces]).astype(np.float32),
        np.concatenate(faces),
        np.concatenate([piece.normals for piece in pieces]).astype(np.float32),
        np.concatenate([piece.uvs for piece in pieces]).astype(np.float32),
        np.concatenate(numbers),
        np.concatenate(slots),
        objects,
        of_file=True,
        looks=looks,
    )
    for number, thing in enumerate(objects):
        there = np.isfinite(mesh.corner_uvs[mesh.faces_of(number)]).all()
        thing.uv = "own" if there else "none"
    return mesh


def _free_name(name: str, taken: list[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        candidate, number = f"{name}.{number:03}", number + 1
    return candidate


class _Reader:
    """Accessors of one file; every method raises one of the exceptions that `read_gltf_mesh` translates."""

    def __init__(self, data: bytes) -> None:
        _, version, length = struct.unpack_from("<4sII", data)
        size, kind = struct.unpack_from("<I4s", data, 12)
        if version != 2 or kind != b"JSON" or length > len(data):
            raise ValueError(f"glTF version {version}, {length} of {len(data)} bytes")
        self.doc: dict[str, Any] = json.loads(data[20 : 20 + size])
        self.binary = b""
        if 28 + size <= length:
            (binary_size,) = struct.unpack_from("<I", data, 20 + size)
            self.binary = data[28 + size : 28 + size + binary_size]
        refused = set(self.doc.get("extensionsRequired", [])) & {
            "KHR_draco_mesh_compression",
            "EXT_meshopt_compression",
        }
        if refused:
            raise Fault("bad_input", "The geometry in this file is compressed.", "Export it without compression.")

    def nodes(self) -> list[tuple[dict[str, Any], np.ndarray]]:
        """(node, world matrix (4, 4)) of everything with a mesh in the default scene, parents before children."""
        doc, out = self.doc, []
        scene = doc.get("scenes", [{}])[doc.get("scene", 0)] if doc.get("scenes") else {}
        stack = [(index, np.eye(4), 0) for index in reversed(scene.get("nodes", range(len(doc.get("nodes", [])))))]
        while stack:
            index, parent, depth = stack.pop()
            if depth > 500:
                raise ValueError("nodes contain each other")
            node = doc["nodes"][index]
            world = parent @ _matrix(node)
            if "mesh" in node:
                out.append((node | {"index": index}, world))
            stack += [(child, world, depth + 1) for child in reversed(node.get("children", []))]
        return out

    def pieces(self, node: dict[str, Any], world: np.ndarray) -> list[Piece]:
        mesh = self.doc["meshes"][node["mesh"]]
        name = node.get("name") or mesh.get("name") or ""
        out = []
        blender = GLTF.blender_from_native
        place = np.eye(4)
        place[:3, :3] = blender @ world[:3, :3] @ blender.T
        place[:3, 3] = blender @ world[:3, 3]
        linear = place[:3, :3]
        for primitive in mesh["primitives"]:
            faces = self.triangles(primitive)
            if not len(faces):
                continue
            attributes = primitive["attributes"]
            position = self.array(attributes["POSITION"])[:, :3].astype(np.float64) @ blender.T
            vertices = (position @ linear.T + place[:3, 3]).astype(np.float32)
            normals = None
            if "NORMAL" in attributes:
                turned = self.array(attributes["NORMAL"]).astype(np.float64) @ blender.T @ np.linalg.pinv(linear)
                normals = turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-30)
            if np.linalg.det(linear) < 0:
                faces = faces[:, ::-1]
            uvs = None
            if "TEXCOORD_0" in attributes:
                uvs = self.array(attributes["TEXCOORD_0"])[faces].astype(np.float32)
                uvs[..., 1] = 1 - uvs[..., 1]
            slot = self._slot(primitive)
            out.append(
                Piece(
                    f"{name}\0{node['index']}",
                    slot,
                    vertices,
                    faces,
                    None if normals is None else normals[faces],
                    uvs,
                    place,
                    look_of(self.doc, primitive.get("material"), self.view),
                )
            )
        return out

    def _slot(self, primitive: dict[str, Any]) -> str:
        return str(self.doc["materials"][primitive["material"]].get("name", "")) if "material" in primitive else ""

    def view(self, number: int) -> bytes:
        """The bytes of a buffer view."""
        view = self.doc["bufferViews"][number]
        start = view.get("byteOffset", 0)
        if view["buffer"] != 0 or start + view["byteLength"] > len(self.binary):
            raise ValueError(f"buffer view {number} lies outside of the file")
        return self.binary[start : start + view["byteLength"]]

    def triangles(self, primitive: dict[str, Any]) -> np.ndarray:
        """(F, 3) int64; nothing for points and lines."""
        mode = primitive.get("mode", _TRIANGLES)
        count = self.doc["accessors"][primitive["attributes"]["POSITION"]]["count"]
        index = self.array(primitive["indices"])[:, 0] if "indices" in primitive else np.arange(count)
        index = index.astype(np.int64)
        if len(index) and index.max() >= count:
            raise IndexError("a triangle uses a vertex that does not exist")
        if mode == _TRIANGLES:
            return index[: len(index) // 3 * 3].reshape(-1, 3)
        if len(index) < 3 or mode not in (_STRIP, _FAN):
            return np.zeros((0, 3), np.int64)
        if mode == _FAN:
            return np.stack([np.full(len(index) - 2, index[0]), index[1:-1], index[2:]], axis=1)
        strip = np.stack([index[:-2], index[1:-1], index[2:]], axis=1)
        strip[1::2] = strip[1::2][:, [1, 0, 2]]
        return strip

    def array(self, number: int) -> np.ndarray:
        """(N, width) of an accessor; normalised integers as floats."""
        accessor = self.doc["accessors"][number]
        dtype, width = np.dtype(_DTYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]]
        if "sparse" in accessor:
            raise ValueError("sparse accessors")
        if "bufferView" not in accessor:
            return np.zeros((accessor["count"], width), dtype)
        view = self.doc["bufferViews"][accessor["bufferView"]]
        if view["buffer"] != 0 or "uri" in self.doc["buffers"][0]:
            raise Fault("bad_input", "This file keeps its geometry in other files.", "Export it as one GLB.")
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        stride = view.get("byteStride", dtype.itemsize * width)
        end = start + stride * (accessor["count"] - 1) + dtype.itemsize * width
        if start < 0 or end > len(self.binary):
            raise ValueError(f"accessor {number} lies outside of the file")
        array = np.ndarray((accessor["count"], width), dtype, self.binary, start, (stride, dtype.itemsize))
        if accessor.get("normalized"):
            return np.maximum(array / np.float32(np.iinfo(dtype).max), -1).astype(np.float32)
        return np.ascontiguousarray(array)


def _matrix(node: dict[str, Any]) -> np.ndarray:
    """(4, 4) of a node, column vectors (glTF 2.0, section 3.5.3)."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    out = np.eye(4)
    x, y, z, w = np.array(node.get("rotation", (0, 0, 0, 1)), np.float64)
    out[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    out[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), np.float64)
    out[:3, 3] = node.get("translation", (0, 0, 0))
    return out
