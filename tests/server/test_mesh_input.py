"""Meshes that come in: what files and Blender say, and what is refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from made_meshes import cube, packed_sides, saved

from blender_aigc.protocol import MOST_TRIANGLES, Fault
from server.geometry.mesh_input import MeshInput, checked, read_mesh
from server.geometry.normals import face_areas

MESHES = Path(__file__).resolve().parents[3] / "shared" / "data" / "meshes"
PER_FACE = ("faces", "corner_normals", "corner_uvs", "face_object", "face_slot")
needs_data = pytest.mark.skipif(not MESHES.is_dir(), reason="the folder with real meshes is not there")


@needs_data
@pytest.mark.parametrize("name", ["CesiumMilkTruck.glb", "fuze.obj", "rabbit.obj", "chair_model.obj"])
def test_real_files_are_read_as_trimesh_reads_them(name: str) -> None:
    trimesh = pytest.importorskip("trimesh")
    mesh = read_mesh(MESHES / name)
    other = trimesh.load(MESHES / name, force="scene").to_geometry()
    turned = np.stack([other.vertices[:, 0], -other.vertices[:, 2], other.vertices[:, 1]], axis=1)  # Y up -> Z up
    assert np.allclose(mesh.vertices.min(axis=0), turned.min(axis=0), atol=1e-4)
    assert np.allclose(mesh.vertices.max(axis=0), turned.max(axis=0), atol=1e-4)
    assert face_areas(mesh.vertices, mesh.faces).sum() == pytest.approx(other.area, rel=1e-3)
    assert np.allclose(np.linalg.norm(mesh.corner_normals, axis=2), 1, atol=1e-3)


@needs_data
def test_the_truck_has_its_objects_slots_and_uvs() -> None:
    mesh = read_mesh(MESHES / "CesiumMilkTruck.glb")
    assert [(thing.name, thing.slots) for thing in mesh.objects] == [
        ("Cesium_Milk_Truck", ("truck", "glass", "window_trim")),
        ("Wheels", ("wheels",)),
        ("Wheels.001", ("wheels",)),
    ]
    assert np.isfinite(mesh.corner_uvs[mesh.faces_of(1)]).all()


def glb(doc: dict, binary: bytes = b"") -> bytes:
    text = json.dumps(doc).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    total = 28 + len(text) + len(binary)
    head = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", len(text), b"JSON") + text
    return head + struct.pack("<I4s", len(binary), b"BIN\0") + binary


def test_strips_strides_and_mirrored_nodes(tmp_path: Path) -> None:
    """A strip of two triangles in an interleaved buffer, on a node that is mirrored and lies in another."""
    rows = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], "<f4")
    interleaved = np.concatenate([rows, np.full((4, 1), 7, "<f4")], axis=1).tobytes()
    doc = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"translation": [5, 0, 0], "children": [1]}, {"mesh": 0, "scale": [-1, 1, 1], "name": "m"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": 5}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": len(interleaved), "byteStride": 16}],
        "buffers": [{"byteLength": len(interleaved)}],
    }
    (tmp_path / "s.glb").write_bytes(glb(doc, interleaved))
    mesh = read_mesh(tmp_path / "s.glb")
    assert mesh.vertices.min(axis=0).tolist() == [4, 0, 0] and mesh.vertices.max(axis=0).tolist() == [5, 0, 1]
    cross = np.cross(*(mesh.vertices[mesh.faces[:, n]] - mesh.vertices[mesh.faces[:, 0]] for n in (1, 2)))
    assert (cross[:, 1] < 0).all(), "glTF's front is Blender's -Y, also after mirroring"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: setattr(m, "faces", m.faces + 100), "damaged"),
        (lambda m: m.vertices.__setitem__((0, 0), np.nan), "not finite"),
        (lambda m: m.vertices.__imul__(0), "no area"),
        (lambda m: setattr(m, "face_object", m.face_object + 3), "damaged"),
        (lambda m: setattr(m, "corner_uvs", m.corner_uvs[:3]), "damaged"),
        (lambda m: [setattr(m, key, getattr(m, key)[:0]) for key in PER_FACE], "no faces"),
    ],
)  # fmt: skip
def test_what_cannot_be_textured_is_explained(tmp_path: Path, change, words: str) -> None:
    mesh = cube(packed_sides())
    change(mesh)
    with pytest.raises(Fault, match=words) as caught:
        read_mesh(saved(mesh, tmp_path / "m.npz"))
    assert caught.value.code == "bad_input" and caught.value.hint


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("m.glb", b"glTF\2\0\0\0\xff\xff\0\0JSON", "damaged"),
        ("m.glb", glb({"asset": {}, "extensionsRequired": ["KHR_draco_mesh_compression"]}), "compressed"),
        ("m.glb", glb({"asset": {"version": "2.0"}, "nodes": [], "scenes": [{"nodes": []}]}), "no faces"),
        ("m.obj", b"v 0 0 0\nv 1 0 0\nf 1 2 9\n", "damaged"),
        ("m.obj", b"v 0 0 nan\nv 1 0 0\nv 1 1 0\nf 1 2 3\n", "damaged"),
        ("m.obj", b"# nothing\n", "no faces"),
        ("m.png", b"\x89PNG\r\n", "not a mesh"),
        ("m.npz", b"PK\3\4 not really", "damaged"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, file: str, content: bytes, words: str) -> None:
    (tmp_path / file).write_bytes(content)
    with pytest.raises(Fault, match=words) as caught:
        read_mesh(tmp_path / file)
    assert caught.value.code == "bad_input" and caught.value.hint


def test_faces_without_area_and_normals_without_length_are_mended(tmp_path: Path) -> None:
    mesh = cube(packed_sides())
    mesh.faces[3] = (0, 0, 1)
    mesh.corner_normals[5] = np.nan
    mesh.corner_normals[6] = 0
    read: MeshInput = read_mesh(saved(mesh, tmp_path / "m.npz"))
    assert len(read.faces) == 11
    cross = np.cross(*(read.vertices[read.faces[:, n]] - read.vertices[read.faces[:, 0]] for n in (1, 2)))
    assert (np.einsum("fcx,fx->fc", read.corner_normals, cross) > 0).all()


def test_more_triangles_than_both_sides_allow_are_refused() -> None:
    """As the add-on does, of a file as well; one fewer would be looked at, and is damaged."""
    for more, words in ((1, "20,000,001 triangles; 20,000,000 is the limit"), (0, "damaged")):
        faces = np.broadcast_to(np.int32(0), (MOST_TRIANGLES + more, 3))
        nothing = np.zeros((0, 3, 3), np.float32)
        mesh = MeshInput(np.zeros((1, 3), np.float32), faces, nothing, nothing, faces[:, 0], faces[:, 0], [])
        with pytest.raises(Fault, match=words):
            checked(mesh, "A file")
