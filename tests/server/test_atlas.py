"""Several objects share one texture: each has a cell of its own, and nothing of one gets into that of another."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path

import numpy as np
import pytest
from gltf_reader import Glb, khronos_issues
from made_meshes import NOISE, REGISTRY, cube, packed_sides, saved, textured, with_part
from PIL import Image

from blender_aigc.protocol import Blob, Fault, Job
from server.geometry.atlas import GAP, LEAST, atlas_sets, cell_places, skyline, together_on
from server.geometry.bake import texel_faces
from server.geometry.gltf_input import Piece, joined
from server.geometry.mesh_input import MeshInput, read_mesh
from server.geometry.normals import face_areas
from server.geometry.texture_sets import TextureSet, texture_sets, uv_areas
from server.worker import Runner

MESHES = Path(__file__).resolve().parents[3] / "shared" / "data" / "meshes"
SIZES = (1.0, 0.4, 0.7)
NAMES = ("crate", "dice", "plinth")
WORDS = "oak; dice: white marble; plinth: brick"


def boxes(uvs: np.ndarray | None = None, sizes: tuple[float, ...] = SIZES, apart: float = 3.0) -> MeshInput:
    """Cubes in a row, as Blender would send them."""
    one = cube(packed_sides() if uvs is None else uvs)
    pieces = [
        Piece(
            name, "", one.vertices * size + np.float32([n * apart, 0, 0]), one.faces, one.corner_normals, one.corner_uvs
        )
        for n, (name, size) in enumerate(zip([*NAMES, *map(str, range(999))], np.float32(sizes), strict=False))
    ]
    mesh = joined(pieces, "row")
    mesh.of_file = False
    for thing in mesh.objects:
        thing.uv, thing.new_uvs = "new", one.corner_uvs.reshape(-1, 2).copy()
    return mesh


def owners(mesh: MeshInput, group: TextureSet, size: int) -> np.ndarray:
    """(size, size): the number of the object under each texel, -1 without."""
    face = texel_faces(group.uvs, size)
    return np.where(face >= 0, mesh.face_object[group.faces[face]], -1)


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


# ------------------------------------------------------------------------------------------------------------- cells


@pytest.mark.parametrize("count", [2, 3, 17, 120])
def test_cells_are_apart_and_as_dense_as_each_other(count: int) -> None:
    rng = np.random.default_rng(count)
    mesh = boxes(sizes=tuple(rng.uniform(0.5, 2, count)))
    (group,), _ = atlas_sets(mesh, 1024)
    assert list(group.owners) == list(range(count)) and len(group.faces) == 12 * count
    assert 0 <= group.uvs.min() and group.uvs.max() <= 1
    owner = mesh.face_object[group.faces]
    low = np.array([group.uvs[owner == n].min(axis=(0, 1)) for n in range(count)])
    high = np.array([group.uvs[owner == n].max(axis=(0, 1)) for n in range(count)])
    between = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
    np.fill_diagonal(between, 1)
    assert between.min() >= GAP - 1e-6
    surface = face_areas(mesh.vertices, mesh.faces[group.faces])
    density = [uv_areas(group.uvs[owner == n]).sum() / surface[owner == n].sum() for n in range(count)]
    assert np.allclose(density, density[0], rtol=1e-3)


@pytest.mark.parametrize("size", [256, 1024])
def test_no_texel_belongs_to_two(size: int) -> None:
    """With all texels that filtering at a border looks at."""
    mesh = boxes()
    (group,), _ = atlas_sets(mesh, size)
    owner = mesh.face_object[group.faces]
    seen = np.zeros((size, size), int)
    for number in range(3):
        seen += texel_faces(group.uvs[owner == number], size) >= 0
    assert seen.max() == 1


def test_rectangles_never_touch_and_fill_the_square_well() -> None:
    rng = np.random.default_rng(4)
    for count in (1, 2, 5, 40):
        extent, density = rng.uniform(0.3, 1, (count, 2)), rng.lognormal(0, 0.7, count)
        scale, place = cell_places(extent, density)
        size = extent * scale[:, None]
        assert place.min() >= GAP / 2 - 1e-9 and (place + size).max() <= 1 - GAP / 2 + 1e-9
        apart = np.maximum(place[:, None] - (place + size)[None], place[None] - (place + size)[:, None]).max(axis=2)
        np.fill_diagonal(apart, 1)
        assert apart.min() >= GAP - 1e-9
        assert count < 5 or size.prod(axis=1).sum() > 0.55
    assert skyline(np.full((5, 2), 0.45)) is None and skyline(np.full((4, 2), 0.5)) is not None


def test_a_screw_beside_a_house_keeps_some_texels() -> None:
    mesh = boxes(sizes=(100.0, 0.01))
    (group,), _ = atlas_sets(mesh, 2048)
    mine = group.uvs[mesh.face_object[group.faces] == 1]
    assert float(np.ptp(mine.reshape(-1, 2), axis=0).max()) == pytest.approx(LEAST, rel=1e-3)


def test_the_uvs_of_the_users_corners_move_along() -> None:
    mesh = boxes()
    (group,), _ = atlas_sets(mesh, 512)
    for number, thing in enumerate(mesh.objects):
        corners = group.uvs[mesh.face_object[group.faces] == number].reshape(-1, 2)
        assert np.allclose(thing.new_uvs, corners, atol=1e-6)


def test_tiles_are_refused_with_a_way_out_and_a_single_one_is_fine() -> None:
    uvs = packed_sides()
    uvs[3:] += (4, 2)
    with pytest.raises(Fault, match="crate lies on 2 UDIM tiles") as caught:
        atlas_sets(boxes(uvs), 256)
    assert caught.value.code == "bad_input" and "One per Object" in caught.value.hint
    assert len(atlas_sets(boxes(packed_sides() + np.float32([2, 0])), 256)[0]) == 1


def test_too_many_objects_are_refused() -> None:
    with pytest.raises(Fault, match="2500 objects are too many"):
        cell_places(np.ones((2500, 2)), np.ones(2500))


def test_an_object_alone_is_left_as_it_is() -> None:
    mesh = cube(packed_sides())
    (group,), _ = atlas_sets(mesh, 256)
    assert np.array_equal(group.uvs, texture_sets(mesh, 256)[0][0].uvs)


# ------------------------------------------------------------------------------------------------------------- solid


def test_each_object_has_its_own_words_and_nobody_writes_into_its_cell(tmp_path: Path) -> None:
    path = saved(boxes(), tmp_path / "row.npz")
    ending = textured(path, tmp_path / "a", WORDS, textures="atlas")
    assert ending.say == "done", ending.fault
    assert ending.result.report["material"] == "Wood, Marble, Brick" and ending.result.report["textures"] == 1
    assert textured(path, tmp_path / "b", WORDS.replace("white marble", "rust"), textures="atlas").say == "done"
    mesh = read_mesh(path)
    (group,), _ = atlas_sets(mesh, 256)
    owner = owners(mesh, group, 256)
    for ending_ in ("BaseColor", "ORM", "Normal"):
        first, second = (picture(tmp_path / out / f"crate_Atlas_{ending_}.png") for out in "ab")
        different = (first != second).any(axis=2)
        assert different[owner == 1].mean() > 0.5, ending_
        assert not different[(owner == 0) | (owner == 2)].any(), ending_


def test_patterns_follow_the_height_of_each_object(tmp_path: Path) -> None:
    """Two tones part every object in its own middle, however high it stands."""
    mesh = boxes()
    mesh.vertices[np.unique(mesh.faces[mesh.face_object == 1])] += np.float32([0, 0, 5])
    path = saved(mesh, tmp_path / "row.npz")
    assert textured(path, tmp_path / "out", "new clean two-tone iron and white plastic", textures="atlas").say == "done"
    mesh = read_mesh(path)
    (group,), _ = atlas_sets(mesh, 256)
    owner = owners(mesh, group, 256)
    colour = picture(tmp_path / "out" / "crate_Atlas_BaseColor.png").astype(int)
    white = colour.min(axis=2) > 150
    for number in range(3):
        assert 0.3 < white[owner == number].mean() < 0.7, number


def test_all_objects_name_the_same_files(tmp_path: Path) -> None:
    assert textured(saved(boxes(), tmp_path / "row.npz"), tmp_path / "out", WORDS, textures="atlas").say == "done"
    things = json.loads((tmp_path / "out" / "material.json").read_text())["objects"]
    maps = [one["maps"] for thing in things for one in thing["sets"]]
    assert len(maps) == 3 and maps[0] == maps[1] == maps[2]
    assert len(list((tmp_path / "out").glob("*_BaseColor.png"))) == 1


def test_patterns_look_as_on_textures_of_their_own(tmp_path: Path) -> None:
    """The material is a function of the place: both show the same where they show the same place."""
    path, words = saved(boxes(), tmp_path / "row.npz"), WORDS.replace("brick", "rust")
    textured(path, tmp_path / "atlas", words, textures="atlas", texture_px="512")
    textured(path, tmp_path / "each", words, texture_px="256")
    mesh = read_mesh(path)
    (group,), _ = atlas_sets(mesh, 512)
    both = picture(tmp_path / "atlas" / "crate_Atlas_BaseColor.png").astype(float)
    weights = np.random.default_rng(0).dirichlet((2, 2, 2), (12, 60)).astype(np.float32)
    for number, name in enumerate(NAMES):
        own = picture(tmp_path / "each" / f"{name}_BaseColor.png").astype(float)
        mine = group.uvs[mesh.face_object[group.faces] == number]
        looked = [
            shown[(size - uv[:, 1] * size).astype(int), (uv[:, 0] * size).astype(int)]
            for shown, uv, size in (
                (both, np.einsum("fnk,fkd->fnd", weights, mine).reshape(-1, 2), 512),
                (own, np.einsum("fnk,fkd->fnd", weights, mesh.corner_uvs[:12]).reshape(-1, 2), 256),
            )
        ]
        assert np.corrcoef(looked[0].ravel(), looked[1].ravel())[0, 1] > 0.7, name


# -------------------------------------------------------------------------------------------------------------- files


def test_a_file_of_several_objects_becomes_one_material(tmp_path: Path) -> None:
    """One of them has no UVs, one overlapping ones."""
    lines = []
    for number in range(3):
        lines += [f"o box{number}"]
        lines += [f"v {x + 3 * number} {y} {z}" for x in (0, 1) for y in (0, 1) for z in (0, 1)]
        sides = ((1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4))
        if number == 1:
            lines += ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"]
        for side in sides:
            corners = [f"{8 * number + corner}" + (f"/{n + 1}" if number == 1 else "") for n, corner in enumerate(side)]
            lines += ["f " + " ".join(corners)]
    (tmp_path / "row.obj").write_text("\n".join(lines))
    ending = textured(tmp_path / "row.obj", tmp_path / "out", "oak; box1: rust", textures="atlas")
    assert ending.say == "done", ending.fault
    path = tmp_path / "out" / "thing.glb"
    issues = khronos_issues(path)[path]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues
    glb = Glb(path)
    assert len(glb.doc["materials"]) == 1 and len(glb.doc["images"]) == 4 and len(glb.doc["meshes"]) == 3
    assert [len(glb.triangles(number)) for number in range(3)] == [12, 12, 12]
    stored = glb.view(glb.doc["images"][0]["bufferView"])
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(stored))), picture(next((tmp_path / "out").glob("*Color.png")))
    )


@pytest.mark.skipif(not MESHES.is_dir(), reason="the folder with real meshes is not there")
def test_all_parts_of_the_truck_share_one_atlas(tmp_path: Path) -> None:
    prompt = "red painted metal; glass: glass; wheel*: black rubber"
    ending = textured(MESHES / "CesiumMilkTruck.glb", tmp_path, prompt, textures="atlas", texture_px="512")
    assert ending.say == "done", ending.fault
    assert ending.result.report["material"] == "Metal, Glass, Rubber"
    path = tmp_path / "thing.glb"
    issues = khronos_issues(path)[path]
    assert issues["numErrors"] == 0, issues
    glb = Glb(path)
    assert len(glb.doc["materials"]) == 1 and len(glb.doc["nodes"]) == 3


# ------------------------------------------------------------------------------------------------------ views, baked


def seen_from_around(mesh: MeshInput, group: TextureSet):  # noqa: ANN201
    from server.geometry.cameras import six_axes
    from server.geometry.raster import render_maps
    from server.texturing.subject import as_scene

    triangles = as_scene(mesh, [group])
    cameras = six_axes(triangles.positions, 256)
    return triangles, cameras, render_maps(triangles, cameras)


@pytest.mark.parametrize("fill", ["surface", "plane"])
def test_no_colour_of_one_object_lies_on_another(fill: str) -> None:
    """Neither where views see it nor where nobody sees it: the boxes stand so close that they hide sides."""
    pytest.importorskip("torch")
    from server.geometry.blend import BakeOptions
    from server.geometry.view_bake import bake_views

    mesh = boxes(sizes=(1.0, 1.0, 1.0), apart=2.02)
    (group,), _ = atlas_sets(mesh, 256)
    triangles, cameras, seen = seen_from_around(mesh, group)
    colours = np.uint8([[255, 0, 0], [0, 255, 0], [0, 0, 255]])
    views = [
        np.where(maps.mask.numpy()[..., None], colours[maps.object.numpy()], 128).astype(np.uint8) for maps in seen
    ]
    baked = bake_views(triangles, cameras, views, 256, BakeOptions(gains=False, fill=fill, erosion_px=2, feather_px=1))
    owner = owners(mesh, group, 256)
    hidden = (owner >= 0) & (baked.weight == 0)
    assert hidden.sum() > 1500
    for number, colour in enumerate(colours):
        assert (baked.texture[owner == number] == colour).all(), number


def test_colours_come_back_as_well_as_on_textures_of_their_own() -> None:
    """At the same number of texels to a metre."""
    pytest.importorskip("torch")
    from server.geometry.texels import Sheet
    from server.geometry.view_bake import bake_views
    from server.texturing.subject import as_scene

    mesh = boxes(sizes=(1.0, 0.6, 0.8))
    (group,), _ = atlas_sets(mesh, 512)
    _, cameras, seen = seen_from_around(mesh, group)
    views = [(255 * paint(m.position.numpy() + m.origin) * m.mask.numpy()[..., None]).astype(np.uint8) for m in seen]
    noise = {}
    for what, sets in (("atlas", [group]), ("each", texture_sets(mesh, 256)[0])):
        size = 512 if what == "atlas" else 256
        wrong, count = 0.0, 0
        for sheet, one in zip(bake_views(as_scene(mesh, sets), cameras, views, size).sheets, sets, strict=True):
            texels = Sheet(mesh, one, size)
            index = np.flatnonzero(((sheet.weight > 0) & texels.covered).reshape(-1))
            truth = 255 * paint(texels.texels(index).position)
            wrong += float(((sheet.texture.reshape(-1, 3)[index] - truth) ** 2).sum())
            count += 3 * len(index)
        noise[what] = 10 * np.log10(255**2 * count / wrong)
    assert noise["atlas"] > 40 and noise["atlas"] > noise["each"] - 0.5, noise


def test_light_is_taken_out_of_each_object_by_itself() -> None:
    """A flat dark one beside a bright one that is lit from above keeps its bits."""
    from server.geometry.texels import Sheet
    from server.texturing.delight import delit

    mesh = boxes()
    (group,), _ = atlas_sets(mesh, 256)
    sheet = Sheet(mesh, group, 256)
    index = np.flatnonzero(sheet.covered.reshape(-1))
    texels = sheet.texels(index)
    owner = sheet.objects(texels.face)
    texture = np.full((256, 256, 3), 40, np.uint8)
    lit = (150 + 80 * texels.normal[:, 2:]).astype(np.uint8)
    texture.reshape(-1, 3)[index] = np.where(owner[:, None] == 0, lit, 40)
    result = delit(texture, sheet, 1.0).reshape(-1, 3)[index].astype(int)
    assert np.ptp(result[owner == 0]) < np.ptp(lit) / 2
    assert np.abs(result[owner != 0] - 40).max() <= 1


def paint(points: np.ndarray) -> np.ndarray:
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack(
        [0.5 + 0.35 * np.sin(2 * x + y), 0.5 + 0.35 * np.sin(3 * y + z), 0.5 + 0.35 * np.cos(2 * z - x)], -1
    )


def run(out: Path, task: str, model: str, inputs: dict[str, Path], **params: object):  # noqa: ANN201
    out.mkdir(exist_ok=True)
    blobs = {key: Blob("0" * 64, path.suffix) for key, path in inputs.items()}
    job = Job(str(uuid.uuid4()), task, model, blobs, {"delight": 0.0, "texture_px": "256", **params}, name="x")
    ending = Runner(REGISTRY, "cpu").run(job, out, inputs, lambda report: None, lambda: False)
    assert ending.say == "done", ending.fault
    return ending.result


def one_look(folder: Path) -> dict[str, Path]:
    """A picture in which each pixel says where it is, and the camera that sees the row from the front."""
    from server.geometry.cameras import framing, towards

    camera = framing(np.array([[-1, -1, -1], [7, 1, 1.0]]), towards(0, 15), 256)
    page = json.dumps({"selected": [], "active": camera.meta(), "view": None})
    (folder / "cameras.json").write_text(page)
    Image.fromarray(NOISE).save(folder / "picture.png")
    return {"cameras": folder / "cameras.json", "picture": folder / "picture.png"}


def test_views_of_an_atlas_are_blended_again_to_the_same_bits(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    inputs = {"mesh": saved(boxes(), tmp_path / "row.npz"), **one_look(tmp_path)}
    result = run(tmp_path / "first", "texture_mesh", "single_view", inputs, textures="atlas", cameras="camera")
    shown = {artefact.meta["debug"] for artefact in result.artefacts if "debug" in artefact.meta}
    assert shown == {"coverage", "winner", "seams"}
    again = {"mesh": inputs["mesh"], "views": tmp_path / "first" / "views.npz"}
    run(tmp_path / "again", "blend_texture", "blend_again", again, textures="atlas", border_px=6)
    first, second = (picture(tmp_path / out / "crate_Atlas_BaseColor.png") for out in ("first", "again"))
    assert np.array_equal(first, second)


def test_an_object_of_an_atlas_that_no_view_sees_stays_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    mesh = boxes(sizes=(1.0, 0.3, 0.7))
    some = np.unique(mesh.faces[mesh.face_object == 1])
    mesh.vertices[some] += np.float32([-3, 4, -0.3])  # behind the first
    inputs = {"mesh": saved(mesh, tmp_path / "row.npz"), **one_look(tmp_path)}
    result = run(tmp_path / "out", "texture_mesh", "single_view", inputs, textures="atlas", cameras="camera")
    assert "No view sees dice: it stays as it is" in str(result.report["notes"])
    things = json.loads((tmp_path / "out" / "material.json").read_text())["objects"]
    assert [len(thing["sets"]) for thing in things] == [1, 0, 1]


# --------------------------------------------------------------------------------------------------------------- part


def on_an_atlas(path: Path, chosen: np.ndarray, **present: object) -> tuple[MeshInput, TextureSet]:
    """The row with a picture of noise on its atlas, of which some faces may change."""
    mesh = boxes()
    (group,), _ = atlas_sets(mesh, 256)
    mesh.corner_uvs = group.uvs
    with_part(path, chosen, mesh=mesh, **present)
    return mesh, group


def test_a_part_of_one_object_changes_and_the_atlas_stays_one(tmp_path: Path) -> None:
    chosen = np.arange(36) // 12 == 1
    mesh, group = on_an_atlas(tmp_path / "row.npz", chosen, ours=True)
    out = tmp_path / "out"
    ending = textured(tmp_path / "row.npz", out, "rust", textures="atlas", soft_px=0)
    assert ending.say == "done", ending.fault
    things = json.loads((out / "material.json").read_text())["objects"]
    maps = [one["maps"] for thing in things for one in thing["sets"]]
    assert len(maps) == 3 and maps[0] == maps[1] == maps[2], "all of them go on sharing it"
    colour = picture(out / maps[0]["colour"])
    owner = owners(mesh, group, 256)
    changed = (colour != NOISE).any(axis=2)
    assert changed[owner == 1].mean() > 0.9
    assert not changed[(owner == 0) | (owner == 2)].any(), "not a byte of the others"


def test_what_lies_on_each_other_does_not_share(tmp_path: Path) -> None:
    """Copies of one object on the same place of one picture: each goes its own way, as before."""
    mesh = boxes()
    with_part(tmp_path / "row.npz", np.ones(36, bool), mesh=mesh)
    read = read_mesh(tmp_path / "row.npz")
    sets = together_on(read, texture_sets(read, 256)[0])
    assert [list(group.owners) for group in sets] == [[0], [1], [2]]
    ending = textured(tmp_path / "row.npz", tmp_path / "out", "rust", textures="atlas")
    assert "Present textures stay where they are" in ending.result.report["notes"]


def test_larger_maps_of_an_atlas_are_made_once(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    textured(saved(boxes(), tmp_path / "row.npz"), tmp_path / "out", WORDS, textures="atlas")
    given = {"maps": tmp_path / "out" / "material.json"}
    (tmp_path / "large").mkdir()
    job = Job(
        str(uuid.uuid4()), "upscale_texture", "enlarge", {"maps": Blob("0" * 64, ".json")}, {"scale": "2"}, name="x"
    )
    ending = Runner(REGISTRY, "cpu").run(job, tmp_path / "large", given, lambda report: None, lambda: False)
    assert ending.say == "done", ending.fault
    assert ending.result.report["maps"] == 4
    things = json.loads((tmp_path / "large" / "material.json").read_text())["objects"]
    files = {one["maps"]["colour"] for thing in things for one in thing["sets"]}
    assert [picture(tmp_path / "large" / file).shape for file in files] == [(512, 512, 3)]
