"""A picture from one camera becomes a texture: what it shows gets it, what it does not show does not; debug views."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_meshes import cube, packed_sides, saved  # noqa: E402
from PIL import Image  # noqa: E402

from blender_aigc.protocol import Blob, Job, Result  # noqa: E402
from server.geometry.cameras import Camera, framing, towards  # noqa: E402
from server.geometry.gltf_input import Piece, joined  # noqa: E402
from server.geometry.mesh_input import read_mesh  # noqa: E402
from server.geometry.sheets import Sheet as Sheets  # noqa: E402
from server.geometry.texels import Sheet  # noqa: E402
from server.geometry.texture_sets import texture_sets  # noqa: E402
from server.geometry.view_bake import BakedSheet  # noqa: E402
from server.registry import Registry  # noqa: E402
from server.texturing import delivery  # noqa: E402
from server.texturing.debug_views import UNSEEN, debug_views, view_colour  # noqa: E402
from server.worker import Runner  # noqa: E402

RUNNER = Runner(Registry(), "cpu")
SIZE = (480, 360)
QUICK = {"texture_px": "256", "delight": 0.0}
WALL = {
    "vertices": np.float32([[-9, -2, -9], [0, -2, -9], [0, -2, 9], [-9, -2, 9]]),
    "faces": np.int32([[0, 1, 2], [0, 2, 3]]),
}
"""Before the left half of what the camera sees."""


def camera() -> Camera:
    """From the front, a little from above, through a shifted lens."""
    square = framing(np.array([[-1, -1, -1], [1, 1, 1.0]]), towards(0, 25), SIZE[1], fill=0.8)
    centre = (SIZE[0] / 2 + 30, SIZE[1] / 2 - 12)
    return Camera(square.world_from_camera, square.focal_px, centre, SIZE, name="Camera")


def gradient() -> np.ndarray:
    """(H, W, 3) uint8: every pixel says where it is."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    return np.stack([x * 255 // SIZE[0], y * 255 // SIZE[1], np.full_like(x, 40)], -1).astype(np.uint8)


def ending(
    folder: Path, mesh: Path, picture: np.ndarray | None = None, cameras: Path | None = None, cancel_in="", **params
):
    """One job; its ending, what it reported, and its folder."""
    inputs = {"mesh": mesh, "cameras": cameras or written(folder / "cameras.json")}
    if picture is not None:
        Image.fromarray(picture).save(folder / "picture.png")
        inputs["picture"] = folder / "picture.png"
    blobs = {key: Blob("0" * 64, path.suffix) for key, path in inputs.items()}
    out = folder / str(uuid.uuid4())
    out.mkdir()
    sent: list = []
    job = Job(str(uuid.uuid4()), "texture_mesh", "single_view", blobs, {**QUICK, **params}, name="thing")
    return RUNNER.run(job, out, inputs, sent.append, lambda: cancel_in in [report.phase for report in sent]), sent, out


def written(path: Path, **arrays: np.ndarray) -> Path:
    text = json.dumps({"selected": [], "active": camera().meta(), "view": None}).encode()
    if arrays:
        np.savez(path, meta=np.frombuffer(text, np.uint8), **arrays)
    else:
        path.write_bytes(text)
    return path


def done(*args, **params) -> tuple[Result, Path]:
    made, _, out = ending(*args, **params)
    assert made.say == "done", made.fault
    return made.result, out


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return saved(cube(packed_sides()), tmp_path / "box.npz")


def texels(mesh: Path, size: int = 256) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((N,) index, (N, 3) place, (N, 3) normal) of the texels of the only set."""
    read = read_mesh(mesh)
    (group,), _ = texture_sets(read, size)
    sheet = Sheet(read, group, size, lambda: None)
    index = np.flatnonzero(sheet.covered.reshape(-1))
    found = sheet.texels(index)
    return index, found.position, found.normal


def expected(position: np.ndarray) -> np.ndarray:
    """(N, 3) colours of the gradient where the camera shows these places."""
    x, y, w = camera().rows(np.zeros(3)) @ np.column_stack([position, np.ones(len(position))]).T
    return np.column_stack([x / w * 255 / SIZE[0], y / w * 255 / SIZE[1], np.full(len(x), 40)])


def test_what_the_camera_sees_takes_the_pictures_colours(box: Path, tmp_path: Path) -> None:
    result, out = done(tmp_path, box, gradient())
    colours = np.asarray(Image.open(out / "cube_BaseColor.png")).reshape(-1, 3)
    index, position, normal = texels(box)
    front = (normal[:, 1] < -0.9) & (np.abs(position[:, [0, 2]]) < 0.9).all(axis=1)
    assert front.sum() > 500
    assert np.abs(colours[index[front]] - expected(position[front])).mean() < 1.5
    assert 20 < float(str(result.report["seen"]).rstrip("%")) < 40  # front and top of six sides


def test_dark_lines_of_the_picture_are_grooves_as_deep_as_relief_says(box: Path, tmp_path: Path) -> None:
    picture = gradient()
    picture[:, ::24] = picture[:, 1::24] = picture[:, 2::24] = 0
    normal, height = {}, {}
    for relief in (0.0, 0.5, 2.0):
        _, out = done(tmp_path, box, picture, relief=relief)
        normal[relief], height[relief] = (np.asarray(Image.open(out / f"cube_{n}.png")) for n in ("Normal", "Height"))
    assert (normal[0.0] == (128, 128, 255)).all()
    assert normal[2.0][..., 0].std() > 1.5 * normal[0.5][..., 0].std() > 5
    rise = np.gradient(height[0.5].astype(float))[1]
    assert np.corrcoef(normal[0.5][..., 0].ravel(), rise.ravel())[0, 1] < -0.9


def test_what_stands_in_the_way_keeps_the_picture_off(box: Path, tmp_path: Path) -> None:
    walled = written(tmp_path / "walled.npz", **WALL)
    _, out = done(tmp_path, box, gradient(), walled)
    index, position, normal = texels(box)
    coverage = np.asarray(Image.open(out / "cube_Coverage.png")).reshape(-1, 3)[index]
    unseen = (coverage == UNSEEN).all(axis=1)
    front = normal[:, 1] < -0.9
    assert unseen[front & (position[:, 0] < -0.1)].all()
    assert not unseen[front & (position[:, 0] > 0.2) & (np.abs(position) < 0.85)[:, [0, 2]].all(axis=1)].any()


def test_an_object_that_is_hidden_stays_as_it_is(tmp_path: Path) -> None:
    """And its neighbour gets its texture."""
    mesh = cube(packed_sides())
    pieces = [
        Piece(
            name,
            "",
            mesh.vertices * np.float32(scale) + np.float32([0, y, 0]),
            mesh.faces,
            mesh.corner_normals,
            mesh.corner_uvs,
        )
        for name, scale, y in (("near", 1.0, 0.0), ("far", 0.3, 3.0))
    ]
    result, out = done(tmp_path, saved(joined(pieces, "two"), tmp_path / "two.npz"), gradient())
    assert (out / "near_BaseColor.png").exists() and not (out / "far_BaseColor.png").exists()
    assert "No view sees far" in str(result.report["notes"])
    sets = {entry["name"]: entry["sets"] for entry in json.loads((out / "material.json").read_text())["objects"]}
    assert len(sets["near"]) == 1 and sets["far"] == []


def test_debug_views_tell_what_happened(box: Path, tmp_path: Path) -> None:
    result, out = done(tmp_path, box, gradient())
    shown = {artefact.meta["debug"]: artefact.file for artefact in result.artefacts if "debug" in artefact.meta}
    assert set(shown) == {"coverage", "winner", "seams"}
    index, position, normal = texels(box)
    winner = np.asarray(Image.open(out / shown["winner"])).reshape(-1, 3)[index]
    back = normal[:, 1] > 0.9
    assert (winner[back] == UNSEEN).all()
    assert (winner[normal[:, 1] < -0.9] == view_colour(0)).all(axis=1).mean() > 0.8
    coverage = np.asarray(Image.open(out / shown["coverage"])).reshape(-1, 3)[index].astype(int)
    assert (coverage[back] == UNSEEN).all()
    some = ~(coverage == UNSEEN).all(axis=1)
    front, top = ((coverage[some & (normal @ axis > 0.9)]) for axis in (np.array([0, -1, 0]), np.array([0, 0, 1])))
    assert np.median(front[:, 1] - front[:, 0]) > np.median(top[:, 1] - top[:, 0])  # greener: seen more squarely
    seams = np.asarray(Image.open(out / shown["seams"])).reshape(-1, 3)[index]
    assert 0.02 < (seams == (255, 150, 0)).all(axis=1).mean() < 0.2, "the charts end"
    inside = (normal[:, 1] < -0.9) & (np.abs(position[:, [0, 2]]) < 0.8).all(axis=1)
    assert (np.ptp(seams[inside], axis=1) == 0).all(), "within one that a single view sees all is grey"


def test_seams_are_cyan_where_another_view_takes_over_and_orange_where_a_chart_ends() -> None:
    """Two views that meet in the middle of a chart; the rest is grey, half as bright as the texture."""
    covered, winner = np.zeros((32, 32), bool), np.full((32, 32), 255, np.uint8)
    covered[4:28, 4:28] = True
    winner[4:28, 4:16], winner[4:28, 16:28] = 0, 1
    texture = np.where(covered[..., None], np.uint8([100, 100, 100]), 0).astype(np.uint8)
    baked = BakedSheet(Sheets(None), texture, covered * np.float32(0.5), winner, covered, np.flatnonzero(covered), None)
    picture = debug_views(baked)["seams"]
    assert (picture[5:27, [15, 16]] == (0, 230, 255)).all()
    ends = covered.copy()
    ends[5:27, 5:27] = False
    assert (picture[ends] == (255, 150, 0)).all()
    assert (picture[5:27, np.r_[5:15, 17:27]] == 64 + 50).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"picture": None}, "no picture"),
        ({"picture": np.zeros((300, 300, 3), np.uint8)}, "has the shape of 480 x 360"),
        ({"unseen": "keep"}, "no present texture"),
    ],
)
def test_what_cannot_be_put_on_is_explained(box: Path, tmp_path: Path, change: dict, words: str) -> None:
    made, _, out = ending(tmp_path, box, **{"picture": gradient(), **change})
    assert words in made.fault.message and made.fault.hint and not list(out.iterdir())


def test_a_texture_beyond_memory_offers_the_next_smaller(box: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(delivery, "free_bytes", lambda: 1_500_000_000)
    made, _, out = ending(tmp_path, box, gradient(), texture_px="8192")
    assert made.fault.code == "out_of_memory" and "2048 px" in made.fault.hint and not list(out.iterdir())


def test_a_camera_that_sees_nothing_is_said(box: Path, tmp_path: Path) -> None:
    wall = np.float32([[-9, -2, -9], [9, -2, -9], [9, -2, 9], [-9, -2, 9]])
    made, _, _ = ending(tmp_path, box, gradient(), written(tmp_path / "wall.npz", vertices=wall, faces=WALL["faces"]))
    assert made.fault.code == "empty_result" and "No camera sees" in made.fault.message


def test_cancelled_in_every_phase_it_leaves_nothing(box: Path, tmp_path: Path) -> None:
    _, sent, _ = ending(tmp_path, box, gradient())
    phases = [report.phase for report in sent]
    assert {"Reading the mesh", "Looking from all sides", "Baking", "Saving"} <= set(phases)
    for phase in dict.fromkeys(phases):
        made, _, out = ending(tmp_path, box, gradient(), cancel_in=phase)
        assert made.say == "cancelled" and not list(out.iterdir()), phase


def test_cameras_forty_kilometres_away(tmp_path: Path) -> None:
    """The mesh lies far from the origin, as in a map of a town; its texture is the same."""
    near = saved(cube(packed_sides()), tmp_path / "near.npz")
    _, out = done(tmp_path, near, gradient())
    first = np.asarray(Image.open(out / "cube_BaseColor.png")).astype(int)
    away = np.array([40_000.0, -16_384.0, 1024.0])
    mesh = cube(packed_sides())
    mesh.vertices = (mesh.vertices + away).astype(np.float32)
    page = camera().meta()
    for axis in range(3):
        page["world_from_camera"][axis][3] += away[axis]
    cameras = tmp_path / "far.json"
    cameras.write_text(json.dumps({"active": page}))
    _, out = done(tmp_path, saved(mesh, tmp_path / "far.npz"), gradient(), cameras)
    assert np.abs(np.asarray(Image.open(out / "cube_BaseColor.png")).astype(int) - first).mean() < 2
