"""A part of a texture is made anew: what stays keeps its bytes, borders are soft, and nothing is asked in vain."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path

import numpy as np
import pytest
from gltf_reader import Glb, khronos_issues
from made_meshes import NOISE, REGISTRY, cube, packed_sides, saved, with_part
from PIL import Image

from blender_aigc.protocol import Blob, Fault, Job
from server.geometry.gltf_looks import STRENGTH, look_of
from server.geometry.mesh_input import read_mesh
from server.geometry.texture_sets import texture_sets
from server.texturing.part import PartWork, mixed, resized, sampled
from server.texturing.part_of_file import _present
from server.worker import Runner

WITHIN = (slice(171, 256), slice(86, 171))


def run(out: Path, mesh: Path, mask: np.ndarray | None = None, prompt: str = "brick", **params: object):
    """One job of `solid`."""
    out.mkdir(exist_ok=True)
    inputs = {"mesh": mesh}
    if mask is not None:
        np.save(out / "mask.npy", mask)
        inputs["mask"] = out / "mask.npy"
    blobs = {key: Blob("0" * 64, path.suffix) for key, path in inputs.items()}
    job = Job(str(uuid.uuid4()), "texture_mesh", "solid", blobs, {"texture_px": "512", **params}, prompt, name="x")
    return Runner(REGISTRY, "cpu").run(job, out, inputs, lambda report: None, lambda: False)


def done(out: Path, mesh: Path, mask: np.ndarray | None = None, **params: object) -> dict[str, np.ndarray]:
    ending = run(out, mesh, mask, **params)
    assert ending.say == "done", ending.fault
    return {path.stem.rpartition("_")[2]: np.asarray(Image.open(path)) for path in out.glob("cube_*.png")}


def work(path: Path, **options: object) -> PartWork:
    mesh = read_mesh(path)
    sets, _ = texture_sets(mesh, 256)
    return PartWork(mesh, sets, 256, **options)


def test_what_is_not_chosen_keeps_its_bytes(tmp_path: Path) -> None:
    maps = done(tmp_path / "out", with_part(tmp_path / "cube.npz"))
    assert set(maps) == {"BaseColor", "ORM", "Normal", "Height"}
    colour = maps["BaseColor"]
    assert colour.shape == NOISE.shape, "the size of the present texture, not that of the panel"
    changed = (colour != NOISE).any(axis=2)
    assert changed[WITHIN].mean() > 0.7
    outside = changed.copy()
    outside[WITHIN] = False
    assert not outside.any()
    assert (maps["ORM"][:100] == (255, 64, 0)).all(), "roughness of the present material"
    assert (maps["Normal"][:100] == (128, 128, 255)).all()
    assert (maps["Height"][:100] == 32768).all() and np.ptp(maps["Height"][WITHIN]) > 20000, "flat but for the part"


def test_all_maps_are_kept_each_in_its_own_size(tmp_path: Path) -> None:
    orm, normal = np.ascontiguousarray(NOISE[::2, ::2]), NOISE[::-1].copy()
    present = {"maps": {"colour": {"0": 0}, "orm": {"0": 1}, "normal": {"0": 2}}}
    maps = done(tmp_path / "out", with_part(tmp_path / "cube.npz", pictures=(NOISE, orm, normal), **present))
    for name, old in (("BaseColor", NOISE), ("ORM", orm), ("Normal", normal)):
        changed = (maps[name] != old).any(axis=2)
        scale = 256 // len(old)
        assert changed[150 // scale :].any() and not changed[: 150 // scale].any(), name


def test_the_border_is_soft_within_and_over_seams(tmp_path: Path) -> None:
    """The side's neighbours on the cube are not chosen, though its chart stands alone in the texture."""
    alpha = work(with_part(tmp_path / "cube.npz"), soft_px=10).alpha(0)
    row = alpha[213, 86:171].astype(int)
    rise = row[np.argmax(row > 0) - 1 :][:12]
    assert row.max() == 255 and rise[0] == 0 and (np.diff(rise) >= 0).all() and 0 < rise[5] < 255
    hard = work(with_part(tmp_path / "cube.npz"), soft_px=0).alpha(0)
    assert set(np.unique(hard)) <= {0, 255}
    assert hard.any() and not hard[:165].any()


def test_all_of_an_object_has_no_border(tmp_path: Path) -> None:
    whole = work(with_part(tmp_path / "cube.npz", np.ones(12, bool)), soft_px=10)
    assert set(np.unique(whole.alpha(0))) == {0, 255}


def test_a_painted_mask_is_obeyed_as_it_is_painted(tmp_path: Path) -> None:
    mask = np.zeros((64, 64, 4), np.uint8)
    mask[..., 3] = 255
    mask[:, :16, :3] = 255
    mask[:, 16:32, :3] = 128
    path = with_part(tmp_path / "cube.npz", np.ones(12, bool))
    colour = done(tmp_path / "out", path, mask, soft_px=0)["BaseColor"]
    changed = (colour != NOISE).any(axis=2)
    assert changed[:, :50].mean() > 0.6 and not changed[:, 140:].any()
    alpha = work(path, mask=mask[..., 0], soft_px=0).alpha(0)
    covered = alpha[:, 70:120]
    assert set(np.unique(covered)) <= {0, 128}


def test_a_texture_that_repeats_is_carried_over(tmp_path: Path) -> None:
    """The new texture lies elsewhere; the present colours come along, so that the rest looks as before."""
    uvs = cube(packed_sides()).corner_uvs * 3 - 1
    smooth = np.zeros((256, 256, 3), np.uint8)
    smooth[..., 0] = np.arange(256)
    smooth[..., 1] = np.arange(256)[:, None]
    job = work(with_part(tmp_path / "cube.npz", pictures=(smooth,), uvs=uvs))
    colour = job.colour(0)
    # the middle of the first side lies at (1/6, 1/6) here and at 3 * that - 1 there
    at = sampled(smooth, np.float32([[3 / 6 - 1, 3 / 6 - 1]]))[0]
    assert np.abs(colour[int(256 * 5 / 6), 256 // 6].astype(int) - at).max() <= 3
    assert job.size == 256 and job.changes(0)


def test_objects_and_slots_without_a_change_are_left_alone(tmp_path: Path) -> None:
    mesh = cube(packed_sides(3), ("paint", "glass"))
    chosen = mesh.face_slot == 1
    out = tmp_path / "out"
    ending = run(out, with_part(tmp_path / "cube.npz", chosen, mesh=mesh))
    assert ending.say == "done", ending.fault
    (thing,) = json.loads((out / "material.json").read_text())["objects"]
    assert [one["slots"] for one in thing["sets"]] == [[1]]
    assert thing["present"]["0"]["plain"] == {"roughness": 0.25}, "facts come back"


def test_pictures_that_are_not_square_keep_their_shape(tmp_path: Path) -> None:
    wide = np.ascontiguousarray(NOISE[:128])
    colour = done(tmp_path / "out", with_part(tmp_path / "cube.npz", pictures=(wide,)))["BaseColor"]
    assert colour.shape == wide.shape
    changed = (colour != wide).any(axis=2)
    assert changed[90:].any() and not changed[:80].any()


@pytest.mark.parametrize(
    ("mask", "chosen", "words"),
    [
        (np.zeros((64, 64, 4), np.uint8) + np.uint8([0, 0, 0, 255]), np.ones(12, bool), "Nothing of the texture may"),
        (None, np.zeros(12, bool), "Nothing of the texture may"),
    ],
)
def test_nothing_to_change_is_said(tmp_path: Path, mask, chosen: np.ndarray, words: str) -> None:
    ending = run(tmp_path / "out", with_part(tmp_path / "cube.npz", chosen), mask)
    assert ending.say == "failed" and words in ending.fault.message and not list((tmp_path / "out").glob("*.png"))


def test_a_mask_without_a_texture_is_explained(tmp_path: Path) -> None:
    path = saved(cube(packed_sides()), tmp_path / "cube.npz")
    ending = run(tmp_path / "out", path, np.full((64, 64, 4), 255, np.uint8))
    assert ending.say == "failed" and "no texture that it could keep" in ending.fault.message


@pytest.mark.parametrize(
    "damage",
    [
        {"change": np.zeros((5, 3), np.uint8)},
        {"change": np.zeros((12, 3), np.float32)},
        {"present_uvs": np.full((12, 3, 2), np.nan, np.float32)},
        {"picture_0": np.zeros((4, 4), np.uint8)},
    ],
)
def test_damaged_parts_are_refused(tmp_path: Path, damage: dict[str, np.ndarray]) -> None:
    path = with_part(tmp_path / "cube.npz")
    np.savez(path, **(dict(np.load(path)) | damage))
    with pytest.raises(Fault, match="damaged"):
        read_mesh(path)
    stored = dict(np.load(with_part(path)))
    del stored["picture_0"]
    np.savez(path, **stored)
    with pytest.raises(Fault, match="damaged"):
        read_mesh(path)


def test_mixing_and_resizing_change_no_byte_that_they_need_not() -> None:
    alpha = np.zeros((256, 256), np.uint8)
    alpha[:, 128:] = 255
    result = mixed(NOISE, NOISE[::-1], alpha)
    assert (result[:, :128] == NOISE[:, :128]).all() and (result[:, 128:] == NOISE[::-1, 128:]).all()
    assert resized(NOISE, (256, 256)) is NOISE
    assert resized(NOISE, (128, 64)).shape == (128, 64, 3) and resized(NOISE, (100, 300)).shape == (100, 300, 3)
    flat = np.full((256, 256, 3), 77, np.uint8)
    assert (resized(flat, (64, 128)) == 77).all()


def test_slots_that_share_a_texture_keep_their_material_when_only_another_changes(tmp_path: Path) -> None:
    mesh = cube(packed_sides(), ("paint", "glass"))
    out = tmp_path / "out"
    assert run(out, with_part(tmp_path / "cube.npz", mesh.face_slot == 1, mesh=mesh)).say == "done"
    (thing,) = json.loads((out / "material.json").read_text())["objects"]
    assert [one["slots"] for one in thing["sets"]] == [[1]]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GLB of two boxes with textures of ours."""
    folder = tmp_path_factory.mktemp("file")
    lines, first = [], 1
    for name, at in (("Chest", 0), ("Lid", 3)):
        corners = [(x + at, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
        sides = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
        lines += [f"o {name}", f"usemtl {name} wood", *(f"v {x} {y} {z}" for x, y, z in corners)]
        lines += ["f " + " ".join(str(first + corner) for corner in side) for side in sides]
        first += 8
    (folder / "boxes.obj").write_text("\n".join(lines) + "\n")
    assert run(folder / "out", folder / "boxes.obj", prompt="oak", texture_px="256").say == "done"
    return folder / "out" / "x.glb"


def pictures_of(path: Path) -> dict[str, np.ndarray]:
    glb = Glb(path)
    return {
        image["name"]: np.asarray(Image.open(io.BytesIO(glb.view(image["bufferView"])))) for image in glb.doc["images"]
    }


def test_of_a_file_only_the_named_slots_change(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ending = run(out, file, faces="lid*")
    assert ending.say == "done", ending.fault
    before, after = pictures_of(file), pictures_of(out / "x.glb")
    assert before.keys() == after.keys() and len(before) == 8
    for name, old in before.items():
        same = after[name].shape == old.shape and np.array_equal(after[name], old)
        assert same == name.startswith("Chest"), name
    ending = run(tmp_path / "bad", file, faces="nobody")
    assert ending.say == "failed" and "Nothing in the file is called nobody" in ending.fault.message


def test_such_a_file_is_accepted(file: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "out", file, faces="lid*").say == "done"
    path = tmp_path / "out" / "x.glb"
    issues = khronos_issues(path)[path]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues


def test_of_a_file_only_what_is_white_in_the_mask_changes(file: Path, tmp_path: Path) -> None:
    mask = np.zeros((256, 256, 4), np.uint8)
    mask[..., 3] = 255
    mask[:128, :, :3] = 255
    out = tmp_path / "out"
    assert run(out, file, mask, soft_px=0).say == "done"
    before, after = pictures_of(file), pictures_of(out / "x.glb")
    changed = (before["Chest_BaseColor"] != after["Chest_BaseColor"]).any(axis=2)
    assert not changed[132:].any() and changed[:124].any()


def glowing(file: Path, path: Path, **changed: object) -> Path:
    """`file` whose lid shines by a picture of its own, has holes and two sides."""
    data = file.read_bytes()
    size = int.from_bytes(data[12:16], "little")
    doc, rest = json.loads(data[20 : 20 + size]), data[20 + size :]
    lid = next(material for material in doc["materials"] if material["name"].startswith("Lid"))
    colour = lid["pbrMetallicRoughness"]["baseColorTexture"]["index"]
    lid |= {"emissiveTexture": {"index": colour, **changed}, "emissiveFactor": [1, 0.5, 0.25], "doubleSided": True}
    lid |= {"alphaMode": "MASK", "alphaCutoff": 0.25, "extensions": {STRENGTH: {"emissiveStrength": 4.0}}}
    doc["extensionsUsed"] = [STRENGTH]
    text = json.dumps(doc).encode()
    text += b" " * (-len(text) % 4)
    parts = [len(text).to_bytes(4, "little"), b"JSON", text, rest]
    length = 12 + sum(map(len, parts))
    path.write_bytes(b"glTF" + (2).to_bytes(4, "little") + length.to_bytes(4, "little") + b"".join(parts))
    return path


def test_light_holes_and_sides_of_a_file_stay(file: Path, tmp_path: Path) -> None:
    """Also on the slot that gets another colour; the file is still valid."""
    given = glowing(file, tmp_path / "glowing.glb")
    assert run(tmp_path / "out", given, faces="lid*").say == "done"
    path = tmp_path / "out" / "x.glb"
    glb = Glb(path)
    materials = {material["name"]: material for material in glb.doc["materials"]}
    (chest,), (lid,) = ([m for name, m in materials.items() if name.startswith(word)] for word in ("Chest", "Lid"))
    assert (lid["alphaMode"], lid["alphaCutoff"], lid["doubleSided"]) == ("MASK", 0.25, True)
    assert lid["emissiveFactor"] == [1, 0.5, 0.25] and lid["extensions"][STRENGTH] == {"emissiveStrength": 4.0}
    shining = glb.doc["images"][glb.doc["textures"][lid["emissiveTexture"]["index"]]["source"]]
    assert np.array_equal(pictures_of(path)[shining["name"]], pictures_of(file)["Lid_BaseColor"])
    assert "emissiveTexture" not in chest and "alphaMode" not in chest
    issues = khronos_issues(path)[path]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues


def test_light_whose_picture_lies_elsewhere_is_left_out(file: Path, tmp_path: Path) -> None:
    """Else all of the lid would shine."""
    glb = Glb(glowing(file, tmp_path / "glowing.glb", texCoord=1))
    number = next(n for n, material in enumerate(glb.doc["materials"]) if material["name"].startswith("Lid"))
    look = look_of(glb.doc, number, glb.view)
    assert not look.glow and "emissiveFactor" not in look.keeps and look.keeps["alphaMode"] == "MASK"


def test_factors_of_a_file_are_in_its_pictures_and_other_places_are_refused(file: Path) -> None:
    glb = Glb(file)
    material = glb.doc["materials"][0]
    material["pbrMetallicRoughness"]["baseColorFactor"] = [0.5, 1, 1, 1]
    look = look_of(glb.doc, 0, glb.view)
    (old,) = [p for name, p in pictures_of(file).items() if name == "Chest_BaseColor"]
    pictures: list[np.ndarray] = []
    present = _present(look, pictures, {})
    new = pictures[present.maps["colour"][0]]
    assert np.array_equal(new[..., 1:], old[..., 1:])
    bright = old[..., 0] > 60
    assert np.allclose((new[..., 0][bright] / 255) ** 2.2, 0.5 * (old[..., 0][bright] / 255) ** 2.2, atol=0.03)
    material["pbrMetallicRoughness"]["baseColorTexture"]["texCoord"] = 1
    assert "second UV map" in look_of(glb.doc, 0, glb.view).reason
