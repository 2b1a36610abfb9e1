"""The model `inflate`: real pictures, every parameter, the whole way to the GLB, cancel and repeatability."""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gltf_reader import Glb, khronos_issues
from inflate_judges import assert_closed_manifold, edge_uses, front_view, overlap, psnr, ssim

from blender_aigc.protocol import Fault
from server.foreground import Order, run
from server.geometry.inflated_picture import Look, painted, raised
from server.geometry.mesh import Mesh
from server.geometry.silhouette import cut_out
from server.images import load_image
from server.models.mesh.inflate import MODEL
from server.registry import Registry

trimesh = pytest.importorskip("trimesh", reason="trimesh judges the meshes; it is not installed here")

PICTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "images"
NAMES = ("chair", "hamburger", "poly_fox", "robot", "teapot")


def mesh_of(rgba: np.ndarray, look: Look) -> Mesh:
    cutout = cut_out(rgba, look.tolerance, look.open_holes, look.smallest_share)
    (mesh,) = painted(rgba, cutout, raised(cutout, look), look)
    return mesh


def real(name: str) -> np.ndarray:
    path = PICTURES / f"{name}.png"
    if not path.is_file():
        pytest.skip(f"{path.name} of the shared data is not there")
    return load_image(path)


def true_mask(rgba: np.ndarray) -> np.ndarray:
    """Where the object is, by nothing of the product: half its alpha, or a clear difference from the grey of the
    corner, with enclosed areas filled unless they have exactly the background's grey."""
    if (rgba[..., 3] < 128).any():
        return rgba[..., 3] >= 128
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy fills the holes of the judge's mask")
    difference = np.abs(rgba[..., :3].astype(int) - rgba[0, 0, :3]).max(axis=-1)
    labels, count = ndimage.label(difference < 24)
    median = ndimage.median(difference, labels, np.arange(count + 1))
    outside = (median <= 2) & (np.bincount(labels.ravel()) > 100)
    outside[0] = False
    return ~outside[labels]


# ------------------------------------------------------------------------------------------------------- real pictures


@pytest.mark.parametrize("quads", [False, True], ids=["triangles", "quads"])
@pytest.mark.parametrize("name", NAMES)
def test_real_picture_becomes_a_closed_mesh_that_looks_like_it(name: str, quads: bool, record_property) -> None:
    """Measures over the silhouette, front view against picture: IoU, PSNR of the colours, SSIM of the grey values."""
    rgba = real(name)
    mesh = mesh_of(rgba, Look(quads=quads, texture_px=2048))
    assert_closed_manifold(mesh, trimesh)
    assert abs(len(mesh.faces) / 20_000 - 1) < 0.05
    assert mesh.quads == (len(mesh.faces) // 2 if quads else 0)
    height, width = rgba.shape[:2]
    view, mask = front_view(mesh, height, width), true_mask(rgba)
    both = view.covered & mask
    wanted = np.where(mask[..., None], rgba[..., :3], 0).astype(float)
    grey = np.array([0.299, 0.587, 0.114])
    measured = {
        "iou": overlap(mask, view.covered),
        "psnr": psnr(view.colour, wanted, both),
        "ssim": ssim(view.colour @ grey, wanted @ grey, both),
    }
    for key, value in measured.items():
        record_property(key, round(value, 4))
    assert measured["iou"] >= 0.97
    assert measured["psnr"] >= 30
    assert measured["ssim"] >= 0.93


def test_opening_and_thin_parts_of_real_pictures_survive() -> None:
    robot = real("robot")
    view = front_view(mesh_of(robot, Look()), *robot.shape[:2])
    assert view.covered[142, 92], "the ball on the robot's antenna, two pixels of wire away from its head"
    assert view.covered[155, 106], "the wire itself"
    teapot = real("teapot")
    view = front_view(mesh_of(teapot, Look()), *teapot.shape[:2])
    assert not view.covered[430, 715], "one can see through the handle"
    chair = mesh_of(real("chair"), Look())
    genus = 1 - trimesh.Trimesh(chair.vertices, chair.faces, process=False).euler_number // 2
    assert genus == 2, "under the backrest, and between the right legs"


# ------------------------------------------------------------------------------------------------------ drawn pictures


def drawn(size: int = 200) -> np.ndarray:
    """A ring and two discs, (size, size, 4) uint8 with soft alpha; colours differ left and right."""
    y, x = np.mgrid[:size, :size] + 0.5
    s = size / 200
    ring = np.abs(np.hypot(x - 70 * s, y - 70 * s) - 40 * s) - 14 * s
    big, small = np.hypot(x - 150 * s, y - 150 * s) - 30 * s, np.hypot(x - 50 * s, y - 160 * s) - 12 * s
    alpha = np.clip(0.5 - np.minimum(np.minimum(ring, big), small), 0, 1)
    rgba = np.zeros((size, size, 4), np.uint8)
    rgba[..., 0], rgba[..., 1], rgba[..., 2] = 40 + 200 * x / size, 200 - 150 * y / size, 90
    rgba[..., 3] = np.rint(255 * alpha)
    rgba[rgba[..., 3] == 0] = 0
    return rgba


@pytest.mark.parametrize(("faces", "within"), [(100, 1.0), (1000, 0.15), (60_000, 0.02)])
@pytest.mark.parametrize("quads", [False, True])
def test_face_count(faces: int, within: float, quads: bool) -> None:
    mesh = mesh_of(drawn(), Look(faces=faces, quads=quads))
    assert_closed_manifold(mesh, trimesh)
    assert abs(len(mesh.faces) / faces - 1) < within


def test_holes_make_the_genus() -> None:
    solid = trimesh.Trimesh(*(lambda m: (m.vertices, m.faces))(mesh_of(drawn(), Look())), process=False)
    assert solid.body_count == 3
    assert solid.euler_number == 0 + 2 + 2, "a torus and two spheres"


def test_quads_are_quads() -> None:
    """Pairs share the edge from corner 0 to corner 2, agree in their UVs there, and are convex in the picture."""
    mesh = mesh_of(drawn(), Look(quads=True))
    pairs = mesh.faces.reshape(-1, 2, 3)
    assert mesh.quads == len(pairs)
    assert np.array_equal(pairs[:, 0, 0], pairs[:, 1, 0]) and np.array_equal(pairs[:, 0, 2], pairs[:, 1, 1])
    uvs = mesh.corner_uvs.reshape(-1, 2, 3, 2)
    assert np.array_equal(uvs[:, 0, 0], uvs[:, 1, 0]) and np.array_equal(uvs[:, 0, 2], uvs[:, 1, 1])


def test_front_and_back_are_mirror_images_and_share_the_contour() -> None:
    mesh = mesh_of(drawn(), Look())
    points = mesh.vertices
    rim = points[:, 1] == 0
    assert rim.sum() > 200
    front, back = points[points[:, 1] < 0], points[points[:, 1] > 0]
    key = lambda p: p[np.lexsort((p[:, 2], p[:, 0]))]  # noqa: E731
    assert np.allclose(key(front) * [1, -1, 1], key(back), atol=1e-5)


def test_a_disc_becomes_the_ellipsoid_of_the_equation() -> None:
    """-laplace(u) = 2 on a disc has u = (R^2 - r^2) / 2; the mesh must follow its square root to a percent of R."""
    y, x = np.mgrid[:256, :256] + 0.5
    radius = 100.0
    alpha = np.clip(radius + 0.5 - np.hypot(x - 128, y - 128), 0, 1)
    rgba = np.dstack([np.full((256, 256, 3), 120), 255 * alpha]).astype(np.uint8)
    points = mesh_of(rgba, Look(smoothing=0)).vertices.astype(float)
    r = np.hypot(points[:, 0] - 128, points[:, 2] + 128)
    exact = np.sqrt(np.maximum(radius**2 - r**2, 0) / 2)
    assert np.abs(np.abs(points[:, 1]) - exact).max() < 0.03 * radius
    assert np.abs(np.abs(points[:, 1]) - exact)[r < 95].max() < 0.005 * radius
    rim = points[:, 1] == 0
    assert np.abs(r[rim] - radius).max() < 0.1, "no staircase: the contour is found to a tenth of a pixel"


def test_a_long_strip_becomes_a_round_tube() -> None:
    rgba = np.zeros((80, 400, 4), np.uint8)
    rgba[25:55, 20:380] = 255
    points = mesh_of(rgba, Look(smoothing=0)).vertices
    middle = points[np.abs(points[:, 0] - 200) < 40]
    radius = np.hypot(middle[:, 1], middle[:, 2] + 40)
    assert np.abs(radius - 15).max() < 0.6


def test_thickness_and_roundness() -> None:
    depth = {}
    for thickness, roundness in ((1.0, 1.0), (2.0, 1.0), (0.05, 1.0), (1.0, 0.5), (1.0, 0.0)):
        mesh = mesh_of(drawn(), Look(thickness=thickness, roundness=roundness))
        assert_closed_manifold(mesh, trimesh)
        depth[thickness, roundness] = float(np.ptp(mesh.vertices[:, 1]))
    assert math.isclose(depth[2.0, 1.0], 2 * depth[1.0, 1.0], rel_tol=1e-4)
    assert math.isclose(depth[0.05, 1.0], 0.05 * depth[1.0, 1.0], rel_tol=1e-4)
    assert depth[1.0, 1.0] > depth[1.0, 0.5] > depth[1.0, 0.0] > 0


def test_flat_back_and_front_only() -> None:
    flat = mesh_of(drawn(), Look(symmetry="flat"))
    assert_closed_manifold(flat, trimesh)
    assert flat.vertices[:, 1].max() == 0
    half = mesh_of(drawn(), Look(symmetry="half"))
    undirected, directed = edge_uses(half.faces)
    assert set(undirected) == {1, 2} and (directed == 1).all()
    assert abs(len(half.faces) / 20_000 - 1) < 0.05, "the face count is that of the whole object"


def test_parts() -> None:
    rgba, look = drawn(), Look(parts="separate")
    cutout = cut_out(rgba)
    meshes = painted(rgba, cutout, raised(cutout, look), look, "Toy")
    assert [mesh.name for mesh in meshes] == ["Toy 1", "Toy 2", "Toy 3"]
    assert all(mesh.base_colour is meshes[0].base_colour for mesh in meshes)
    areas = []
    for mesh in meshes:
        assert_closed_manifold(mesh, trimesh)
        assert trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).body_count == 1
        areas.append(np.ptp(mesh.vertices[:, 0]))
    assert areas == sorted(areas, reverse=True), "the largest first"
    largest = mesh_of(rgba, Look(parts="largest"))
    assert_closed_manifold(largest, trimesh)
    assert trimesh.Trimesh(largest.vertices, largest.faces, process=False).euler_number == 0, "the ring"


def test_specks_go_by_their_share() -> None:
    rgba = drawn()
    assert trimesh.Trimesh(*_soup(mesh_of(rgba, Look(smallest_share=0.2))), process=False).body_count == 2
    assert trimesh.Trimesh(*_soup(mesh_of(rgba, Look(smallest_share=0.001))), process=False).body_count == 3


def _soup(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    return mesh.vertices, mesh.faces


def test_smoothing_evens_the_outline_out() -> None:
    y, x = np.mgrid[:256, :256] + 0.5
    angle = np.arctan2(y - 128, x - 128)
    wavy = np.hypot(x - 128, y - 128) < 90 + 4 * np.sin(30 * angle)
    rgba = np.dstack([np.full((256, 256, 3), 99), 255 * wavy]).astype(np.uint8)

    def waves(smoothing: float) -> float:
        points = mesh_of(rgba, Look(smoothing=smoothing)).vertices
        rim = points[points[:, 1] == 0]
        return float(np.std(np.hypot(rim[:, 0] - 128, rim[:, 2] + 128)))

    assert waves(0.0) > 2 > 0.7 > waves(1.0)


# ------------------------------------------------------------------------------------------------------------- texture


def test_no_background_on_the_rim() -> None:
    """A red disc cut out with a soft edge whose pixels still carry the green background: no green anywhere."""
    y, x = np.mgrid[:300, :300] + 0.5
    alpha = np.clip((120 - np.hypot(x - 150, y - 150)) / 3 + 0.5, 0, 1)[..., None]
    mixed = alpha * [220, 30, 30] + (1 - alpha) * [0, 255, 0]
    rgba = np.dstack([mixed, 255 * alpha[..., 0]]).astype(np.uint8)
    for source in (rgba, np.dstack([mixed, np.full((300, 300), 255)]).astype(np.uint8)):
        for back in ("mirror", "soft"):
            mesh = mesh_of(source, Look(back=back))
            wrong = np.abs(mesh.base_colour.astype(int) - [220, 30, 30]).max()
            assert wrong <= 3, "nowhere in the texture, padding included"


def test_no_seam_between_front_and_back() -> None:
    """Along the contour, both islands show the same colour."""
    from inflate_judges import texture_at

    for back in ("mirror", "soft"):
        mesh = mesh_of(drawn(), Look(back=back))
        flat_uvs, flat_faces = mesh.corner_uvs.reshape(-1, 2), mesh.faces.ravel()
        rim = mesh.vertices[flat_faces, 1] == 0
        order = np.argsort(flat_faces[rim], kind="stable")
        vertex, colour = flat_faces[rim][order], texture_at(mesh.base_colour, flat_uvs[rim][order])
        starts = np.flatnonzero(np.r_[True, vertex[1:] != vertex[:-1]])
        spread = np.maximum.reduceat(colour, starts) - np.minimum.reduceat(colour, starts)
        assert len(starts) > 200 and spread.max() < 8


@pytest.mark.parametrize("texture_px", [512, 1024])
def test_texture_is_the_picture_at_its_own_size(texture_px: int) -> None:
    rgba = drawn(200)
    mesh = mesh_of(rgba, Look(texture_px=texture_px))
    assert max(mesh.base_colour.shape) <= texture_px and max(mesh.base_colour.shape) < 420, "never enlarged"
    assert mesh.corner_uvs.min() > 0 and mesh.corner_uvs.max() < 1
    inside = rgba[70, 30, :3].astype(int)
    view = front_view(mesh, 200, 200)
    assert np.abs(view.colour[70, 30] - inside).max() <= 1, "texel on pixel, not shifted by half of one"


def test_large_picture_fits_the_texture_limit() -> None:
    rgba = drawn(1500)
    mesh = mesh_of(rgba, Look(texture_px=512))
    assert max(mesh.base_colour.shape) <= 512
    view = front_view(mesh, 1500, 1500, cut_out(rgba).factor)
    assert overlap(rgba[..., 3] >= 128, view.covered) > 0.985


# -------------------------------------------------------------------------------------------------------- the whole way


def order_for(tmp_path: Path, rgba: np.ndarray, *params: str, out: str = "out") -> Order:
    path = tmp_path / "Stuhl \u6905\u5b50.npy"
    np.save(path, rgba)
    return Order("image_to_mesh", "inflate", tmp_path / out, {"image": path}, params, seed=5)


def test_the_whole_way_to_a_valid_glb(tmp_path: Path) -> None:
    result = json.loads(run(order_for(tmp_path, drawn(), "height_m=2.5", "faces=3000"), Registry()).read_text("utf-8"))
    (artefact,) = result["artefacts"]
    path = tmp_path / "out" / artefact["file"]
    glb = Glb(path)
    points, faces = glb.attribute("POSITION"), glb.triangles()
    up = points[:, 1] + glb.doc["nodes"][0].get("translation", [0, 0, 0])[1]
    assert math.isclose(up.min(), 0, abs_tol=1e-5) and math.isclose(np.ptp(up), 2.5, rel_tol=1e-4)
    assert abs(len(faces) / 3000 - 1) < 0.1
    assert result["report"]["parts"] == 3 and result["report"]["silhouette"] == "alpha"
    merged = trimesh.Trimesh(points, faces, process=True, merge_tex=True, merge_norm=True)
    assert merged.is_watertight, "after welding the texture seam"
    (issues,) = khronos_issues(path).values()
    assert issues["numErrors"] == 0


def test_separate_parts_share_one_texture_in_the_file(tmp_path: Path) -> None:
    path = run(order_for(tmp_path, drawn(), "parts=separate"), Registry())
    glb = Glb(next(path.parent.glob("*.glb")))
    assert len(glb.doc["nodes"]) == len(glb.doc["materials"]) == 3
    assert len(glb.doc["images"]) == len(glb.doc["textures"]) == 1


def test_same_input_same_bytes(tmp_path: Path) -> None:
    """All of the file but the time in its provenance."""

    def glb(out: str) -> bytes:
        path = run(order_for(tmp_path, drawn(), "faces=2000", "parts=separate", out=out), Registry())
        data = next(path.parent.glob("*.glb")).read_bytes()
        stamp = re.search(rb'"created":"[^"]+"', data)
        assert stamp, "the provenance says when"
        return data.replace(stamp[0], b"")

    assert glb("first") == glb("second")


@pytest.mark.parametrize("param", ["thickness=9", "symmetry=left", "faces=many", "smoke=1"])
def test_bad_parameters_are_refused(tmp_path: Path, param: str) -> None:
    with pytest.raises(Fault) as caught:
        run(order_for(tmp_path, drawn(), param), Registry())
    assert caught.value.code == "bad_request"
    assert not (tmp_path / "out").exists()


def test_no_foreground_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        run(order_for(tmp_path, np.full((64, 64, 4), 255, np.uint8)), Registry())
    assert caught.value.code == "bad_input" and "foreground" in caught.value.message and caught.value.hint
    assert not (tmp_path / "out").exists()


class _Stop(BaseException):
    pass


def test_cancel_is_obeyed_in_every_phase() -> None:
    """A check that raises after so many calls ends the work there; there are calls in every phase."""
    rgba = np.dstack([drawn()[..., :3], np.full((200, 200), 255, np.uint8)])
    look = replace(Look(), roundness=0.5)

    def work(allowed: int) -> list[str]:
        calls: list[str] = []

        def check() -> None:
            if len(calls) == allowed:
                raise _Stop
            calls.append(sys._getframe(1).f_code.co_filename)

        cutout = cut_out(rgba, check=check)
        painted(rgba, cutout, raised(cutout, look, check), look, check=check)
        return calls

    calls = work(allowed=-1)
    phases = {Path(file).stem for file in calls}
    assert phases == {"silhouette", "planar", "inflation", "picture_atlas"}
    for allowed in range(len(calls)):
        with pytest.raises(_Stop):
            work(allowed)


def test_the_model_describes_itself() -> None:
    info = MODEL.info
    assert info.procedural and not info.requires and info.task == "image_to_mesh"
    defaults = Look.from_params(info.check_params({}))
    assert defaults == Look(texture_px=2048)
