"""The model `solid`: its maps, its files, its ways out."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path

import numpy as np
import pytest
from gltf_reader import Glb, khronos_issues
from made_meshes import CORNERS, QUADS, cube, packed_sides, saved, textured
from PIL import Image

from server.geometry.gltf_input import Piece, joined
from server.geometry.texels import Sheet
from server.geometry.texture_sets import texture_sets
from server.texturing import delivery
from server.texturing.wishes import parted

MESHES = Path(__file__).resolve().parents[3] / "shared" / "data" / "meshes"
OBJ = "".join(f"v {x} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1)) + (
    "f 1 2 4 3\nf 5 7 8 6\nf 1 5 6 2\nf 3 4 8 7\nf 1 3 7 5\nf 2 6 8 4\n"
)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("box") / "box.obj"
    path.write_text(OBJ)
    return path


@pytest.fixture(scope="module")
def made(box: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A finished job, and its description."""
    out = tmp_path_factory.mktemp("made")
    ending = textured(box, out, "old rusty red metal with scratches and glitter", separate=True)
    assert ending.say == "done", ending.fault
    return out, {"result": ending.result, **json.loads((out / "material.json").read_text())}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_all_maps_have_the_names_that_engines_like(made) -> None:
    out, facts = made
    endings = {"BaseColor": "RGB", "ORM": "RGB", "Normal": "RGB", "Height": "I;16"}
    endings |= {"AO": "L", "Roughness": "L", "Metallic": "L"}
    for ending, mode in endings.items():
        image = Image.open(out / f"box_{ending}.png")
        assert image.size == (256, 256) and image.mode in (mode, "I"), ending
    orm = pixels(out / "box_ORM.png")
    for channel, ending in enumerate(("AO", "Roughness", "Metallic")):
        assert np.array_equal(orm[..., channel], pixels(out / f"box_{ending}.png"))
    assert {artefact.kind for artefact in facts["result"].artefacts} == {"map", "material", "file"}


def test_the_maps_say_something(made, box: Path, tmp_path: Path) -> None:
    """Rust and bare metal differ in all of them; the normals of bricks are unit vectors that point mostly outwards."""
    out, _ = made
    orm = pixels(out / "box_ORM.png").astype(float)
    assert orm[..., 1].std() > 10 and orm[..., 2].max() > 200 and orm[..., 2].min() < 20
    assert textured(box, tmp_path, "brick").say == "done"
    normal = pixels(tmp_path / "box_Normal.png") / 127.5 - 1
    assert np.abs(np.linalg.norm(normal, axis=-1) - 1).mean() < 0.02
    assert normal[..., 2].min() > -0.05 and 0.004 < 1 - normal[..., 2].mean() < 0.4
    height = pixels(tmp_path / "box_Height.png")
    assert int(height.max()) - int(height.min()) > 15000


def of_box(
    tmp_path: Path, prompt: str, size: float = 1.0, **params: object
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Maps of a cube of 2 m, and which of their texels (S, S) lie at its edges and in the middle of its sides."""
    mesh = cube(packed_sides(), size=size)
    out = tmp_path / str(uuid.uuid4())
    ending = textured(saved(mesh, tmp_path / "cube.npz"), out, prompt, **params)
    assert ending.say == "done", ending.fault
    (group,), _ = texture_sets(mesh, 256)
    sheet = Sheet(mesh, group, 256)
    index = np.flatnonzero(sheet.covered.reshape(-1))
    inner = np.sort(np.abs(sheet.texels(index).position), axis=1)[:, 1] / size  # 1 on an edge
    edge, middle = np.zeros((2, 256 * 256), bool)
    edge[index[inner > 0.985]] = middle[index[inner < 0.8]] = True
    maps = {path.stem.split("_")[-1]: pixels(path).astype(int) for path in out.glob("cube_*.png")}
    return maps, edge.reshape(256, 256), middle.reshape(256, 256)


def test_wear_and_dirt_are_as_much_as_was_asked_for(tmp_path: Path) -> None:
    """Wear on the edges alone; dirt everywhere, as a cube has no hollows."""
    new, edge, middle = of_box(tmp_path, "oak", wear=0.0, dirt=0.0)
    worn, _, _ = of_box(tmp_path, "oak", wear=1.0, dirt=0.0)
    apart = np.abs(worn["BaseColor"] - new["BaseColor"]).max(axis=2)
    assert apart[edge].mean() > 3 and apart[middle].max() == 0
    dirty, _, _ = of_box(tmp_path, "oak", wear=0.0, dirt=1.0)
    assert (dirty["BaseColor"] != new["BaseColor"]).any(axis=2)[middle].mean() > 0.1


def test_size_unit_relief_seed_and_material_are_obeyed(tmp_path: Path) -> None:
    plain, _, _ = of_box(tmp_path, "brick")
    for params in ({"scale": 2.0}, {"seed": 7}, {"relief": 0.0}, {"material": "marble"}):
        other, _, _ = of_box(tmp_path, "brick", **params)
        changed = {name for name in plain if (plain[name] != other[name]).any()}
        assert changed >= ({"Normal"} if "relief" in params else {"BaseColor", "Normal", "Height"}), params
        assert "relief" not in params or (changed == {"Normal"} and (other["Normal"] == (128, 128, 255)).all())
    small, _, _ = of_box(tmp_path, "brick", size=0.01)
    assert (np.abs(small["BaseColor"] - plain["BaseColor"]) < 8).mean() > 0.9, "2 cm are taken for 2 m"


def test_patterns_lie_on_the_surface_and_joints_lie_deep(tmp_path: Path) -> None:
    """Courses of bricks run around the sides of a cube, by its normals; red bricks stand before grey joints."""
    maps, _, middle = of_box(tmp_path, "red brick", dirt=0.0, wear=0.0)
    mesh = cube(packed_sides())
    sheet = Sheet(mesh, texture_sets(mesh, 256)[0][0], 256)
    index = np.flatnonzero(middle.reshape(-1))
    texels = sheet.texels(index)
    height, colour = maps["Height"].reshape(-1)[index], maps["BaseColor"].reshape(-1, 3)[index]
    for axis in (0, 1):
        side = np.abs(texels.normal[:, axis]) > 0.9
        _, row = np.unique(texels.position[side, 2].round(3), return_inverse=True)
        means = np.bincount(row, height[side]) / np.bincount(row)
        assert means.std() > 0.4 * height[side].std(), "most of the relief is that of the courses"
    red = colour[:, 0] - colour[:, 2]
    assert np.corrcoef(red, height)[0, 1] > 0.3


def test_what_stands_on_a_floor_darkens_it_and_dirties_it(tmp_path: Path) -> None:
    """Occlusion is the red of ORM, and where dirt gathers."""
    one = cube(packed_sides())
    floor = one.vertices * np.float32([2, 2, 0.1]) - np.float32([0, 0, 0.4])
    wall = one.vertices * np.float32([0.1, 2, 1]) + np.float32([0, 0, 0.7])
    pieces = [Piece(n, "", v, one.faces, one.corner_normals, one.corner_uvs) for n, v in (("f", floor), ("w", wall))]
    mesh = joined(pieces, "both")
    maps = []
    for dirt in (0.0, 1.0):
        ending = textured(saved(mesh, tmp_path / "both.npz"), tmp_path / str(dirt), "ceramic", dirt=dirt, wear=0.0)
        assert ending.say == "done", ending.fault
        maps.append({end: pixels(tmp_path / str(dirt) / f"f_{end}.png").astype(int) for end in ("ORM", "BaseColor")})
    sheet = Sheet(mesh, texture_sets(mesh, 256)[0][0], 256)
    index = np.flatnonzero(sheet.covered.reshape(-1))
    texels = sheet.texels(index)
    away = np.abs(texels.position[:, 0])
    top = texels.normal[:, 2] > 0.9
    near, far = (index[top & where] for where in ((away > 0.15) & (away < 0.35), away > 1.5))
    sky = maps[0]["ORM"].reshape(-1, 3)[:, 0]
    assert sky[near].mean() < 0.8 * sky[far].mean() and sky[far].mean() > 200
    dirt = np.abs(maps[1]["BaseColor"] - maps[0]["BaseColor"]).sum(axis=2).reshape(-1)
    assert dirt[near].mean() > 1.5 * dirt[far].mean()


def test_words_that_changed_nothing_are_reported(made) -> None:
    report = made[1]["result"].report
    assert report["ignored"] == "glitter" and "Not understood: glitter" in report["notes"]
    assert report["material"] == "Metal" and report["new_uvs"] == "box"


def test_the_glb_is_accepted_and_has_all_pictures(made) -> None:
    path = made[0] / "thing.glb"
    issues = khronos_issues(path)[path]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues
    glb = Glb(path)
    material = glb.doc["materials"][0]
    assert (
        material["occlusionTexture"]["index"] == material["pbrMetallicRoughness"]["metallicRoughnessTexture"]["index"]
    )
    assert len(glb.doc["images"]) == 4 and len(glb.triangles()) == 12
    stored = glb.view(glb.doc["images"][0]["bufferView"])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(stored))), pixels(made[0] / "box_BaseColor.png"))
    assert glb.doc["asset"]["extras"]["aigc"]["model"] == "solid"


def test_each_corner_of_the_glb_has_its_place_and_its_uv(tmp_path: Path) -> None:
    """An OBJ has its y up as glTF has, and its v runs upwards, which glTF's does not."""
    uvs = packed_sides()
    lines = [f"v {x} {y} {z}" for x, y, z in CORNERS] + [f"vt {u} {v}" for u, v in uvs.reshape(-1, 2)]
    lines += [
        "f " + " ".join(f"{corner + 1}/{4 * n + m + 1}" for m, corner in enumerate(q)) for n, q in enumerate(QUADS)
    ]
    (tmp_path / "cube.obj").write_text("\n".join(lines))
    ending = textured(tmp_path / "cube.obj", tmp_path / "out")
    assert ending.say == "done" and not ending.result.report.get("new_uvs"), ending
    glb = Glb(tmp_path / "out" / "thing.glb")
    found = np.concatenate([glb.attribute("POSITION"), glb.attribute("TEXCOORD_0")], axis=1)
    wanted = np.concatenate([CORNERS[QUADS].reshape(-1, 3), uvs.reshape(-1, 2) * (1, -1) + (0, 1)], axis=1)
    first, second = ({tuple(row) for row in np.rint(rows * 1000).tolist()} for rows in (found, wanted))
    assert first == second and len(first) == 24


@pytest.mark.skipif(not MESHES.is_dir(), reason="the folder with real meshes is not there")
def test_the_truck_keeps_its_parts(tmp_path: Path) -> None:
    prompt = "red painted metal; glass: glass; wheel*: black rubber"
    ending = textured(MESHES / "CesiumMilkTruck.glb", tmp_path, prompt)
    assert ending.say == "done", ending.fault
    assert ending.result.report["material"] == "Metal, Glass, Rubber"
    path = tmp_path / "thing.glb"
    issues = khronos_issues(path)[path]
    assert issues["numErrors"] == 0, issues
    assert {node["name"] for node in Glb(path).doc["nodes"]} == {"Cesium_Milk_Truck", "Wheels", "Wheels.001"}


def test_the_same_job_gives_the_same_files(box: Path, made, tmp_path: Path) -> None:
    again = textured(box, tmp_path, "old rusty red metal with scratches and glitter", separate=True)
    first = {a.file: a.sha256 for a in made[1]["result"].artefacts if a.kind == "map"}
    assert {a.file: a.sha256 for a in again.result.artefacts if a.kind == "map"} == first


def test_seams_do_not_show(made) -> None:
    """Places on both sides of an edge between charts have nearly the same colour."""
    out, _ = made
    from server.geometry.mesh_input import read_mesh

    path = out / "again.obj"
    path.write_text(OBJ)
    mesh = read_mesh(path)
    (group,), _ = texture_sets(mesh, 256)
    colour = pixels(out / "box_BaseColor.png").astype(float) / 255
    corners = {}
    for face, row in enumerate(mesh.faces):
        for n in range(3):
            pair = (row[n], row[(n + 1) % 3])
            corners.setdefault(tuple(sorted(map(int, pair))), []).append(
                (group.uvs[face, n], group.uvs[face, (n + 1) % 3], pair[0] > pair[1])
            )
    differences = []
    for sides in corners.values():
        looked = []
        for a, b, turned in sides:
            t = np.linspace(0.05, 0.95, 40)[:, None]
            line = (a + (b - a) * t)[:: -1 if turned else 1] * 256
            looked.append(
                colour[np.clip((256 - line[:, 1]).astype(int), 0, 255), np.clip(line[:, 0].astype(int), 0, 255)]
            )
        if len(looked) == 2:
            differences.append(np.abs(looked[0] - looked[1]).mean())
    assert np.mean(differences) < 0.06  # a texel here is four of a texture of 1024


def slope_normal(mirrored: bool) -> np.ndarray:
    """Mean tangent-space normal of a plane whose height grows by 0.3 per metre of x."""
    from server.geometry.texels import slopes, tangent_normals

    uvs = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32)
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    if mirrored:
        uvs[..., 0] = 1 - uvs[..., 0]
    up = np.tile(np.float32([0, 0, 1]), (2, 3, 1))
    mesh = joined([Piece("plane", "", points, np.array([[0, 1, 2], [0, 2, 3]]), up, uvs)], "plane")
    (group,), _ = texture_sets(mesh, 64)
    sheet = Sheet(mesh, group, 64)
    index = np.arange(64 * 64)
    texels = sheet.texels(index)
    right, upward = sheet.axes(texels.face)
    grid = [a.reshape(64, 64, 3) for a in (texels.position, right, upward)]
    slope = slopes(0.3 * grid[0][..., 0], grid[0], sheet.covered, grid[1], grid[2]).reshape(-1, 3)
    return tangent_normals(texels.normal, slope, right, upward).mean(axis=0)


def test_normals_lean_away_from_the_rise() -> None:
    """OpenGL's convention: red is the texture's right, whichever way that runs on the surface."""
    wanted = np.array([-0.3, 0, 1]) / np.sqrt(1.09)
    assert np.allclose(slope_normal(False), wanted, atol=1e-3)
    assert np.allclose(slope_normal(True), wanted * (-1, 1, 1), atol=1e-3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_normal_map_is_that_of_the_heights(tmp_path: Path, mirrored: bool) -> None:
    """Red falls where it rises to the texture's right, green where it rises to its top, with mirrored UVs, too."""
    uvs = packed_sides()
    uvs[..., 0] = 1 - uvs[..., 0] if mirrored else uvs[..., 0]
    mesh = cube(uvs)
    assert textured(saved(mesh, tmp_path / "m.npz"), tmp_path / "out", "brick", dirt=0.0, wear=0.0).say == "done"
    normal, height = (pixels(tmp_path / "out" / f"cube_{name}.png").astype(float) for name in ("Normal", "Height"))
    covered = Sheet(mesh, texture_sets(mesh, 256)[0][0], 256).covered
    inner = covered & np.all([np.roll(covered, n, axis) for n in (-2, 2) for axis in (0, 1)], axis=0)
    down, right = np.gradient(height)
    for channel, rise in ((0, right), (1, -down)):
        assert np.corrcoef(normal[..., channel][inner], rise[inner])[0, 1] < -0.8


def test_own_words_of_objects_and_parts(tmp_path: Path) -> None:
    assert parted("oak; glass: blue glass; wheel*: rubber") == ("oak", [("glass", "blue glass"), ("wheel*", "rubber")])
    mesh = cube(packed_sides(), slots=("body", "iron bars"))
    mesh.of_file = False
    mesh.objects[0].prompt = "white marble; iron: rust"
    ending = textured(saved(mesh, tmp_path / "m.npz"), tmp_path / "out", "oak")
    assert ending.result.report["material"] == "Marble, Rust"


def test_names_speak_where_no_words_are_given(tmp_path: Path) -> None:
    ending = textured(saved(cube(packed_sides(), slots=("Brick_Wall",)), tmp_path / "m.npz"), tmp_path / "out", "")
    assert ending.result.report["material"] == "Brick"


@pytest.mark.parametrize("after", [1, 3, 5, 8, 14, 30])
def test_cancelling_leaves_nothing(box: Path, tmp_path: Path, after: int) -> None:
    """In every phase: `after` questions whether to stop are answered with no."""
    asked = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > after

    ending = textured(box, tmp_path / "out", cancelled=cancelled)
    assert ending.say == "cancelled"
    assert [path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".npy"] == []


def test_textures_beyond_memory_offer_the_next_smaller(box: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(delivery, "free_bytes", lambda: 700_000_000)
    ending = textured(box, tmp_path / "out", texture_px="8192")
    assert ending.fault is not None and ending.fault.code == "out_of_memory"
    assert "8192 px need" in ending.fault.message and "2048 px" in ending.fault.hint
