"""The GLB writer: what the file says, what the Khronos validator says about it, and what is refused."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from gltf_reader import Glb, khronos_issues

from blender_aigc.protocol import Fault, Provenance
from server.artefacts import write_glb
from server.geometry.frames import BLENDER
from server.geometry.mesh import Mesh
from server.glb import linear_from_srgb, split_at_seams

PROVENANCE = Provenance(
    "0.1.0", "image_to_mesh", "inflate", "", "", "ein Stuhl \u2013 \u6905\u5b50", 7, {"a": 1.5}, {}, "now"
)

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
CUBE_QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
CUBE_FACES = CUBE_QUADS[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int32)


def cube_uvs() -> np.ndarray:
    """Each side of the cube is the whole texture: every vertex lies on a seam. (12, 3, 2) float32."""
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    return np.tile(square[[0, 1, 2, 0, 2, 3]].reshape(2, 3, 2), (6, 1, 1))


def grid(n: int) -> Mesh:
    """A bumpy sheet of n x n quads with continuous UVs, in Blender's frame."""
    y, x = np.mgrid[0 : n + 1, 0 : n + 1] / n
    vertices = np.stack((x, y, np.sin(6 * x) * 0.2), -1).reshape(-1, 3).astype(np.float32)
    a = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).reshape(-1)
    faces = np.stack((a, a + 1, a + n + 2, a, a + n + 2, a + n + 1), 1).reshape(-1, 3).astype(np.int32)
    return Mesh(vertices, faces, corner_uvs=vertices[faces][..., :2].copy(), quads=n * n)


def picture(height: int = 8, width: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_header_names_and_provenance(tmp_path: Path) -> None:
    artefact = write_glb([Mesh(CUBE, CUBE_FACES, name="chair")], tmp_path / "0.glb", PROVENANCE, BLENDER, 2.0)
    glb = Glb(tmp_path / "0.glb")
    assert glb.doc["asset"]["version"] == "2.0"
    assert glb.doc["asset"]["extras"]["aigc"]["prompt"] == PROVENANCE.prompt
    assert glb.doc["nodes"] == [{"name": "chair", "mesh": 0}]
    assert (artefact.kind, artefact.file, artefact.name) == ("mesh", "0.glb", "chair")
    assert artefact.bytes == (tmp_path / "0.glb").stat().st_size
    assert artefact.meta["faces"] == 12 and artefact.meta["height_m"] == pytest.approx(2.0)


def test_a_vertex_is_doubled_only_where_its_uvs_differ(tmp_path: Path) -> None:
    mesh = grid(20)
    vertices, source = split_at_seams(mesh)
    assert len(source.vertex) == len(mesh.vertices) and (vertices == mesh.faces.reshape(-1)).all()
    mesh.corner_uvs[: len(mesh.faces) // 2] += (0.5, 0)  # the lower half is an island of its own
    vertices, source = split_at_seams(mesh)
    assert len(source.vertex) == len(mesh.vertices) + 21
    assert (source.vertex[vertices] == mesh.faces.reshape(-1)).all()
    assert (mesh.corner_uvs.reshape(-1, 2)[source.corner][vertices] == mesh.corner_uvs.reshape(-1, 2)).all()


def test_the_cube_whose_every_vertex_is_a_seam(tmp_path: Path) -> None:
    texture = picture()
    mesh = Mesh(CUBE, CUBE_FACES, corner_uvs=cube_uvs(), base_colour=texture, quads=6, roughness=0.25, metallic=0.5)
    write_glb([mesh], tmp_path / "0.glb", None, BLENDER, 1.0)
    glb = Glb(tmp_path / "0.glb")
    written = glb.attribute("POSITION")[glb.triangles()]
    blender = np.stack((written[..., 0], -written[..., 2], written[..., 1]), -1) + (0.5, 0.5, 0)
    assert np.allclose(blender, CUBE[CUBE_FACES], atol=1e-6)
    uvs = glb.attribute("TEXCOORD_0")[glb.triangles()]
    assert np.allclose(uvs * (1, -1) + (0, 1), cube_uvs())
    material = glb.doc["materials"][0]
    assert material["doubleSided"] is False
    assert material["pbrMetallicRoughness"] == {
        "metallicFactor": 0.5,
        "roughnessFactor": 0.25,
        "baseColorTexture": {"index": 0},
    }
    image = pytest.importorskip("PIL.Image")
    png = glb.view(glb.doc["images"][0]["bufferView"])
    assert (np.asarray(image.open(io.BytesIO(png))) == texture).all()


def test_vertex_colours_are_linear_and_give_way_to_a_texture(tmp_path: Path) -> None:
    colours = np.linspace(0, 1, 24, dtype=np.float32).reshape(8, 3)
    write_glb([Mesh(CUBE, CUBE_FACES, vertex_colours=colours)], tmp_path / "a.glb", None, BLENDER)
    written = Glb(tmp_path / "a.glb").attribute("COLOR_0")
    assert np.allclose(written, np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4))
    assert linear_from_srgb(np.array([188 / 255]))[0] == pytest.approx(0.5029, abs=1e-4)
    textured = Mesh(CUBE, CUBE_FACES, cube_uvs(), vertex_colours=colours, base_colour=picture())
    write_glb([textured], tmp_path / "b.glb", None, BLENDER)
    assert "COLOR_0" not in Glb(tmp_path / "b.glb").doc["meshes"][0]["primitives"][0]["attributes"]


def test_normals_are_made_when_missing_and_kept_when_given(tmp_path: Path) -> None:
    write_glb([Mesh(CUBE, CUBE_FACES)], tmp_path / "a.glb", None, BLENDER)
    glb = Glb(tmp_path / "a.glb")
    outward = glb.attribute("POSITION") - (0, 0.5, 0)
    assert np.allclose(glb.attribute("NORMAL"), outward / np.linalg.norm(outward, axis=1, keepdims=True), atol=1e-6)
    given = np.tile(np.array([[0.6, 0, 0.8]], np.float32), (8, 1))
    given[3] = 0  # no direction: made from the faces instead
    write_glb([Mesh(CUBE, CUBE_FACES, normals=given)], tmp_path / "b.glb", None, BLENDER)
    normals = Glb(tmp_path / "b.glb").attribute("NORMAL")
    assert np.allclose(normals[0], (0.6, 0.8, 0), atol=1e-6)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)


def test_index_type_follows_the_number_of_vertices(tmp_path: Path) -> None:
    for n, component in ((254, 5123), (256, 5125)):
        write_glb([grid(n)], tmp_path / "0.glb", None, BLENDER)
        glb = Glb(tmp_path / "0.glb")
        assert glb.doc["accessors"][glb.doc["meshes"][0]["primitives"][0]["indices"]]["componentType"] == component


def test_degenerate_triangles_and_unused_vertices_are_left_out(tmp_path: Path) -> None:
    mesh = grid(4)
    faces = mesh.faces.copy()
    faces[5] = faces[5, 0]  # the second half of quad 2 collapses
    stray = np.concatenate((mesh.vertices, [[9, 9, 9]])).astype(np.float32)
    artefact = write_glb(
        [Mesh(stray, faces, corner_uvs=mesh.corner_uvs, quads=16)], tmp_path / "0.glb", None, BLENDER, 1.0
    )
    glb = Glb(tmp_path / "0.glb")
    assert glb.doc["meshes"][0]["extras"]["aigc"]["quads"] == 15
    triangles = glb.triangles()
    assert len(triangles) == 31 and artefact.meta["faces"] == 16
    pairs = triangles[:30].reshape(15, 2, 3)
    assert (pairs[:, 0, 0] == pairs[:, 1, 0]).all() and (pairs[:, 0, 2] == pairs[:, 1, 1]).all()
    assert glb.attribute("POSITION")[:, 1].max() == pytest.approx(1.0)


def test_a_face_that_is_there_twice_is_written_once(tmp_path: Path) -> None:
    mesh = grid(4)
    faces = np.concatenate((mesh.faces, mesh.faces[[3]], mesh.faces[[7], ::-1], mesh.faces[[9]][:, [1, 2, 0]]))
    uvs = np.concatenate((mesh.corner_uvs, mesh.corner_uvs[:3]))
    write_glb([Mesh(mesh.vertices, faces, uvs, quads=16)], tmp_path / "0.glb", None, BLENDER)
    glb = Glb(tmp_path / "0.glb")
    assert glb.triangles().tolist() == mesh.faces.tolist()
    assert glb.doc["meshes"][0]["extras"]["aigc"]["quads"] == 16


def test_names_are_cleaned_and_told_apart(tmp_path: Path) -> None:
    def written(names: list[str], result: str) -> list[str]:
        artefact = write_glb(
            [Mesh(CUBE, CUBE_FACES, name=n) for n in names], tmp_path / "0.glb", None, BLENDER, 1, result
        )
        out = [node["name"] for node in Glb(tmp_path / "0.glb").doc["nodes"]]
        assert all(len(name.encode()) <= 63 for name in [*out, artefact.name])
        return [*out, "|", artefact.name]

    long = "\u6905" * 40
    assert written(["mesh"], "chair") == ["chair", "|", "chair"]
    assert written(["seat"], "chair") == ["seat", "|", "chair"]
    assert written(["seat"], "") == ["seat", "|", "seat"]
    assert written(["mesh", "mesh", "seat", "seat"], "a\tb\x00\n c ") == [
        "a b c 1",
        "a b c 2",
        "seat",
        "seat 2",
        "|",
        "a b c",
    ]
    assert written(["mesh", ""], long) == ["\u6905" * 20 + " 1", "\u6905" * 20 + " 2", "|", "\u6905" * 21]


def test_what_our_reader_wants_to_know(tmp_path: Path) -> None:
    mesh = grid(20)
    mesh.corner_uvs[: len(mesh.faces) // 2] *= 0.5
    texture = np.full((4, 4, 3), 188, np.uint8)
    write_glb([dataclasses.replace(mesh, base_colour=texture)], tmp_path / "0.glb", None, BLENDER)
    glb = Glb(tmp_path / "0.glb")
    facts = glb.doc["meshes"][0]["extras"]["aigc"]
    assert (facts["vertices"], facts["quads"], facts["smooth"]) == (21 * 21, 400, True)
    position = glb.attribute("POSITION")
    seams = np.frombuffer(glb.view(facts["seams"]), "<u4")
    assert len(seams) == len(position) - 21 * 21 > 0
    assert (position[21 * 21 :] == position[seams]).all()
    assert glb.doc["materials"][0]["extras"]["aigc"]["viewport"] == pytest.approx([0.5029] * 3, abs=1e-3)
    write_glb([Mesh(CUBE, CUBE_FACES, normals=np.tile([[1.0, 0, 0]], (8, 1)))], tmp_path / "0.glb", None, BLENDER)
    assert Glb(tmp_path / "0.glb").doc["meshes"][0]["extras"]["aigc"] == {"vertices": 8, "quads": 0, "smooth": False}


def variants(folder: Path) -> list[Path]:
    """One file of every kind the writer can make."""
    colours = np.random.default_rng(1).random((8, 3)).astype(np.float32)
    flat = grid(3)
    flat.vertices[:, 2] = 0
    sets = {
        "plain": [Mesh(CUBE, CUBE_FACES)],
        "colours": [Mesh(CUBE, CUBE_FACES, vertex_colours=colours, name='q"uo\\te \u6905')],
        "texture": [Mesh(CUBE, CUBE_FACES, cube_uvs(), base_colour=picture(), quads=6)],
        "uvs_only": [grid(5)],
        "parts": [Mesh(CUBE + i, CUBE_FACES, cube_uvs(), base_colour=picture(5, 3)) for i in range(3)],
        "big": [grid(300)],
        "flat": [flat],
    }
    for name, meshes in sets.items():
        write_glb(meshes, folder / f"{name}.glb", PROVENANCE, BLENDER, 1.7)
    return [folder / f"{name}.glb" for name in sets]


def test_khronos_validator_finds_neither_errors_nor_warnings(tmp_path: Path) -> None:
    for path, issues in khronos_issues(*variants(tmp_path)).items():
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), (
            path.name,
            json.dumps(issues["messages"])[:2000],
        )


def test_khronos_validator_is_really_asked(tmp_path: Path) -> None:
    write_glb([Mesh(CUBE, CUBE_FACES)], tmp_path / "0.glb", None, BLENDER)
    data = (tmp_path / "0.glb").read_bytes()
    (tmp_path / "0.glb").write_bytes(data.replace(b'"max":[7]', b'"max":[6]'))
    assert khronos_issues(tmp_path / "0.glb")[tmp_path / "0.glb"]["numErrors"] > 0


NAN = np.where(np.arange(24).reshape(8, 3) == 4, np.nan, CUBE).astype(np.float32)


@pytest.mark.parametrize(
    ("mesh", "code"),
    [
        (Mesh(NAN, CUBE_FACES), "internal"),
        (Mesh(np.where(np.isnan(NAN), np.inf, CUBE), CUBE_FACES), "internal"),
        (Mesh(CUBE, CUBE_FACES + 1), "internal"),
        (Mesh(CUBE, CUBE_FACES - 1), "internal"),
        (Mesh(CUBE, CUBE_FACES.astype(np.float32)), "internal"),
        (Mesh(CUBE, CUBE_FACES, corner_uvs=cube_uvs()[:3]), "internal"),
        (Mesh(CUBE, CUBE_FACES, corner_uvs=cube_uvs() * np.nan), "internal"),
        (Mesh(CUBE, CUBE_FACES, vertex_colours=CUBE[:4]), "internal"),
        (Mesh(CUBE, CUBE_FACES, normals=CUBE * np.nan), "internal"),
        (Mesh(CUBE, CUBE_FACES, base_colour=picture()), "internal"),
        (Mesh(CUBE, CUBE_FACES, cube_uvs(), base_colour=picture().astype(np.float32)), "internal"),
        (Mesh(CUBE, CUBE_FACES, quads=7), "internal"),
        (Mesh(CUBE[:0], CUBE_FACES[:0]), "empty_result"),
        (Mesh(CUBE, CUBE_FACES[:0]), "empty_result"),
        (Mesh(CUBE, np.zeros((5, 3), np.int32)), "empty_result"),
        (Mesh(np.zeros((8, 3), np.float32), CUBE_FACES), "empty_result"),
    ],
)
def test_a_damaged_mesh_is_refused_before_anything_is_written(tmp_path: Path, mesh: Mesh, code: str) -> None:
    with pytest.raises(Fault) as caught:
        write_glb([Mesh(CUBE, CUBE_FACES), mesh] if code == "internal" else [mesh], tmp_path / "0.glb", None, BLENDER)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_no_mesh_and_no_height_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="no surface"):
        write_glb([], tmp_path / "0.glb", None, BLENDER)
    for height in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(Fault, match="height"):
            write_glb([Mesh(CUBE, CUBE_FACES)], tmp_path / "0.glb", None, BLENDER, height)
