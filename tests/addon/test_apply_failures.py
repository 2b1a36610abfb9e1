"""When a result cannot be applied, the file before equals the file after, in every mode and however it goes wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from made_files import CUBE, CUBE_FACES, PROVENANCE, cube_uvs, grid, picture, written
from scene_state import differences, scene_state

from blender_aigc.apply import mesh as apply_mesh_module
from blender_aigc.apply.glb import read_glb
from blender_aigc.apply.image import apply_image
from blender_aigc.apply.mesh import Placement, apply_mesh
from blender_aigc.apply.result import apply_result, take_away
from blender_aigc.apply.text import apply_text
from blender_aigc.protocol import Artefact, Fault, Job, Result
from server.artefacts import write_image, write_text
from server.geometry.mesh import Mesh

TEXTURED = Mesh(CUBE, CUBE_FACES, cube_uvs(), base_colour=picture(), quads=6)
JOB_ID = "00000000-0000-0000-0000-000000000001"


def furnish(mode: str = "OBJECT") -> None:
    """A file with two meshes, an armature and an Empty; the first mesh (in POSE the armature) is active, in `mode`."""
    scene = bpy.context.scene.collection
    mesh = bpy.data.meshes.new("Mine")
    mesh.from_pydata(CUBE.tolist(), [], CUBE_FACES.tolist())
    box, other = bpy.data.objects.new("Box", mesh), bpy.data.objects.new("Other", mesh.copy())
    armature, empty = bpy.data.objects.new("Bones", bpy.data.armatures.new("Bones")), bpy.data.objects.new("Here", None)
    for obj in (box, other, armature, empty):
        scene.objects.link(obj)
    active = armature if mode == "POSE" else box
    bpy.context.view_layer.update()
    active.select_set(True)
    bpy.context.view_layer.objects.active = active
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode=mode)
    if mode == "OBJECT":
        other.select_set(True)


def whole(path: Path, artefact: Artefact) -> Artefact:
    """`artefact` for the file as it is now, so that the hash does not give the damage away."""
    data = path.read_bytes()
    return dataclasses.replace(artefact, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("length", [0, 4, 12, 20, 0.5, -4, -1])
def test_a_truncated_file(tmp_path: Path, length: float, checked: bool) -> None:
    path, artefact = written(tmp_path, [TEXTURED])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * length) if 0 < length < 1 else int(length)])
    furnish()
    before = scene_state()
    with pytest.raises(Fault) as caught:
        apply_mesh(bpy.context, path, artefact if checked else whole(path, artefact))
    assert caught.value.code == "bad_input" and "damaged" in caught.value.message and caught.value.hint
    assert differences(before, scene_state()) == []


def _patch(find: bytes, put: bytes) -> Callable[[bytes], bytes]:
    assert len(find) == len(put)

    def change(data: bytes) -> bytes:
        assert find in data
        return data.replace(find, put, 1)

    return change


def _overwrite(attribute: str, value: bytes) -> Callable[[bytes], bytes]:
    """Puts `value` at the start of a vertex attribute, or of the "indices"."""

    def change(data: bytes) -> bytes:
        size = struct.unpack_from("<I", data, 12)[0]
        doc = json.loads(data[20 : 20 + size])
        primitive = doc["meshes"][0]["primitives"][0]
        accessor = doc["accessors"][{**primitive["attributes"], "indices": primitive["indices"]}[attribute]]
        at = 28 + size + doc["bufferViews"][accessor["bufferView"]]["byteOffset"]
        return data[:at] + value + data[at + len(value) :]

    return change


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "random": lambda data: np.random.default_rng(0).bytes(len(data)),
    "json": _patch(b'{"asset"', b'{"ass}t"'),
    "not json": _patch(b'{"asset"', b"\xff\xfe\xfd\xfc\xff\xff\xff\xff"),
    "NaN position": _overwrite("POSITION", struct.pack("<f", math.nan)),
    "infinite position": _overwrite("POSITION", struct.pack("<f", math.inf)),
    "NaN texture coordinate": _overwrite("TEXCOORD_0", struct.pack("<f", math.nan)),
    "index out of range": _overwrite("indices", struct.pack("<H", 60000)),
    "degenerate face": _overwrite("indices", struct.pack("<HH", 3, 3)),
    "other program": _patch(b"AIGC Studio", b"AIGC Studia"),
    "view outside": _patch(b'"byteOffset":0', b'"byteOffset":9'),
    "negative index": _patch(b'"POSITION":0', b'"POSITION":-'),
    "missing attribute": _patch(b'"POSITION"', b'"POSITIOM"'),
    "quads": _patch(b'"quads":6', b'"quads":9'),
    "vertices": _patch(b'"vertices":8', b'"vertices":0'),
    "texture": _patch(b"\x89PNG", b"\x89PNK"),
    "texture end": _patch(b"IEND", b"IENX"),
    "counts": _patch(b'"count":36', b'"count":35'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_contradicts_itself(tmp_path: Path, damage: str) -> None:
    path, artefact = written(tmp_path, [TEXTURED])
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    furnish()
    before = scene_state()
    with pytest.raises(Fault) as caught:
        apply_mesh(bpy.context, path, whole(path, artefact))
    assert caught.value.code == "bad_input"
    assert differences(before, scene_state()) == []


def test_random_damage_is_refused_or_harmless(tmp_path: Path) -> None:
    """Whatever four bytes are overwritten, the reader answers with surfaces or with a Fault, never otherwise."""
    mesh = grid(3)
    mesh.corner_uvs[:6] *= 0.5
    path, _ = written(tmp_path, [dataclasses.replace(mesh, base_colour=picture(2, 2))])
    data, random, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(600):
        at = int(random.integers(0, len(data) - 4))
        path.write_bytes(data[:at] + random.bytes(4) + data[at + 4 :])
        try:
            surfaces, _ = read_glb(path)
        except Fault as fault:
            assert fault.code == "bad_input"
            refused += 1
        else:
            for surface in surfaces:
                assert surface.corner_vertex.min() >= 0 and surface.corner_vertex.max() < len(surface.vertices_m)
                assert np.isfinite(surface.vertices_m).all()
    assert refused > 200


def test_a_missing_file_and_one_that_was_exchanged(tmp_path: Path) -> None:
    path, artefact = written(tmp_path, [TEXTURED])
    with pytest.raises(Fault, match="cannot be read"):
        apply_mesh(bpy.context, tmp_path / "gone.glb", artefact)
    other, _ = written(tmp_path, [grid(2)])
    with pytest.raises(Fault, match="damaged"):
        apply_mesh(bpy.context, other, artefact)
    assert path.exists()


@pytest.mark.parametrize("mode", ["OBJECT", "EDIT", "SCULPT", "VERTEX_PAINT", "WEIGHT_PAINT", "TEXTURE_PAINT", "POSE"])
def test_a_failure_in_the_middle_takes_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Blender gives up while the last part is placed: by then nearly everything is in the file."""
    furnish(mode)
    path, artefact = written(tmp_path, [TEXTURED, Mesh(CUBE + 2, CUBE_FACES, vertex_colours=CUBE)])
    before, calls = scene_state(), []

    def give_up(context: object, objects: object) -> None:
        calls.append({obj.mode for obj in bpy.data.objects})
        raise MemoryError

    monkeypatch.setattr(apply_mesh_module, "show_in_local_view", give_up)
    placement = Placement(replace=bpy.data.objects["Here"])
    for _ in range(2):  # again, because a first restoration may hide a loss of the second
        with pytest.raises(MemoryError):
            apply_mesh(bpy.context, path, artefact, placement=placement)
        assert differences(before, scene_state()) == []
    assert calls == [{"OBJECT"}, {"OBJECT"}]


def test_all_objects_that_were_edited_together_are_so_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish()
    bpy.ops.object.mode_set(mode="EDIT")
    together = {"Box", "Other"}
    assert {o.name for o in bpy.context.objects_in_mode} == together
    bpy.data.objects["Other"].select_set(False)  # one may be edited without being selected
    path, artefact = written(tmp_path, [TEXTURED])
    before = scene_state()
    monkeypatch.setattr(apply_mesh_module, "show_in_local_view", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        apply_mesh(bpy.context, path, artefact)
    assert {o.name for o in bpy.context.objects_in_mode} == together
    assert differences(before, scene_state()) == []


@pytest.mark.parametrize("mode", ["EDIT", "SCULPT", "POSE"])
def test_success_from_another_mode_ends_in_object_mode(tmp_path: Path, mode: str) -> None:
    furnish(mode)
    (cube,) = apply_mesh(bpy.context, *written(tmp_path, [TEXTURED]))
    assert bpy.context.mode == "OBJECT" and {obj.mode for obj in bpy.data.objects} == {"OBJECT"}
    assert bpy.context.view_layer.objects.active == cube
    assert [o for o in bpy.context.view_layer.objects if o.select_get()] == [cube]


# --------------------------------------------------------------------------------------------- pictures and texts


def test_a_picture_becomes_a_packed_image(tmp_path: Path) -> None:
    pixels = np.dstack((picture(), np.full((8, 16), 128, np.uint8)))
    artefact = write_image(pixels, tmp_path / "a.png", "Himmel")
    image = apply_image(bpy.context, tmp_path / "a.png", artefact, PROVENANCE)
    (tmp_path / "a.png").unlink()
    assert image.name == "Himmel" and image.packed_file and image.use_fake_user and "inflate" in image["aigc"]
    found = np.empty(16 * 8 * 4, np.float32)
    image.pixels.foreach_get(found)
    assert (np.round(found.reshape(8, 16, 4)[::-1] * 255) == pixels).all()


def test_a_text_becomes_a_text(tmp_path: Path) -> None:
    artefact = write_text("Gr\u00fc\u00dfe\n\u6905\u5b50", tmp_path / "a.txt", "Echo")
    text = apply_text(bpy.context, tmp_path / "a.txt", artefact, PROVENANCE)
    assert text.name == "Echo" and text.as_string() == "Gr\u00fc\u00dfe\n\u6905\u5b50"


def test_damaged_pictures_and_texts_leave_nothing(tmp_path: Path) -> None:
    before = scene_state()
    image = write_image(picture(), tmp_path / "a.png", "a")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:30])
    for artefact in (image, whole(tmp_path / "a.png", image)):
        with pytest.raises(Fault, match="damaged"):
            apply_image(bpy.context, tmp_path / "a.png", artefact)
    text = write_text("x", tmp_path / "a.txt", "a")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(Fault, match="damaged"):
        apply_text(bpy.context, tmp_path / "a.txt", whole(tmp_path / "a.txt", text))
    assert differences(before, scene_state()) == []


# ------------------------------------------------------------------------------------------------------- whole results


def a_result(folder: Path) -> Result:
    artefacts = (
        write_text("hello", folder / "a.txt", "robot"),
        write_image(picture(), folder / "a.png", "robot"),
        written(folder, [TEXTURED, grid(3)], "robot")[1],
    )
    return Result(Job(JOB_ID, "echo", "echo", name="robot"), artefacts, PROVENANCE)


def test_a_result_comes_and_goes_as_one(tmp_path: Path) -> None:
    furnish()
    result, before = a_result(tmp_path), scene_state()
    blocks = apply_result(bpy.context, tmp_path, result)
    assert [type(block).__name__ for block in blocks] == ["Object", "Object", "Image", "Text"]
    assert all(block["aigc_job"] == JOB_ID for block in blocks)
    blocks[0].name = "renamed"
    assert take_away(JOB_ID) and not take_away(JOB_ID) and not take_away("")
    left = differences(before, scene_state())
    assert [line for line in left if "active" not in line and "selected" not in line] == []


def test_one_damaged_artefact_keeps_the_whole_result_out(tmp_path: Path) -> None:
    furnish("EDIT")
    result, before = a_result(tmp_path), scene_state()
    (tmp_path / "a.txt").write_text("another")
    with pytest.raises(Fault, match="damaged"):
        apply_result(bpy.context, tmp_path, result)
    assert differences(before, scene_state()) == []
    outside = dataclasses.replace(result, artefacts=(dataclasses.replace(result.artefacts[1], file="../a.png"),))
    with pytest.raises(Fault, match="outside"):
        apply_result(bpy.context, tmp_path, outside)
    assert differences(before, scene_state()) == []


def test_taking_away_spares_what_the_user_made_with_it(tmp_path: Path) -> None:
    furnish()
    objects = apply_result(bpy.context, tmp_path, a_result(tmp_path))[:2]
    material = objects[0].data.materials[0]
    bpy.data.objects["Box"].data.materials.append(material)
    bpy.data.collections["robot"].objects.link(bpy.data.objects["Other"])
    assert take_away(JOB_ID)
    assert material.name in bpy.data.materials and bpy.data.images["robot 1"].packed_file
    assert [o.name for o in bpy.data.collections["robot"].objects] == ["Other"]
