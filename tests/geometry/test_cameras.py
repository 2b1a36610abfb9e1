"""Sets of cameras, and how much they see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from painted_meshes import ball, joined, real  # noqa: E402

from blender_aigc.protocol import Fault  # noqa: E402
from server.geometry import cameras, coverage, raster  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402


def box(size=(2.0, 1.0, 0.5)) -> Triangles:
    x, y, z = np.array(size) / 2
    points = np.array([[a, b, c] for a in (-x, x) for b in (-y, y) for c in (-z, z)], np.float32)
    faces = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6]]
    faces += [[0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
    flat = np.cross(
        points[np.array(faces)][:, 1] - points[np.array(faces)][:, 0],
        points[np.array(faces)][:, 2] - points[np.array(faces)][:, 0],
    )
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    return Triangles(points, np.array(faces), corner_normals=np.repeat(flat[:, None], 3, 1).astype(np.float32))


@pytest.mark.parametrize("fov", [None, 20.0, 60.0])
@pytest.mark.parametrize("way", [(0, 1, 0), (1, 1, -0.4), (0, 0, -1), (0.2, -0.1, 1)])
def test_framing_fills_nine_tenths_of_the_picture(fov, way) -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(500, 3)) * (3, 1, 0.4) + (100, -40, 7)
    camera = cameras.framing(points, way, 200, fov_deg=fov)
    seen = camera.rows(np.zeros(3)) @ np.concatenate([points.T, np.ones((1, 500))])
    place = seen[:2] if fov is None else seen[:2] / seen[2]
    assert (seen[2] > camera.near_m).all()
    margins = np.array([place.min(axis=1), 200 - place.max(axis=1)])
    assert margins.min() == pytest.approx(10, abs=0.1)
    assert margins[0] == pytest.approx(margins[1], abs=4)


def test_names_say_which_side_is_seen() -> None:
    names = [cameras.view_name(cameras.towards(angle, 0)) for angle in (0, 90, 180, 270)]
    assert names == ["front", "left", "back", "right"]
    assert cameras.view_name(cameras.towards(0, 80)) == "top"
    assert cameras.view_name(cameras.towards(40, 10)) == "front left"
    assert [camera.name for camera in cameras.room(np.zeros(3), 64)][:2] == ["back wall", "right wall"]


def test_the_front_view_sees_the_front() -> None:
    nose = joined(ball(8, 16), ball(8, 16, centre=(0, -1.2, 0), radius=0.3))
    hat = joined(nose, ball(8, 16, centre=(0, 0, 1.2), radius=0.2))
    hat.face_object[:] = np.repeat([0, 1, 2], [len(hat.faces) // 3] * 3)
    front, left, back, _, top, _ = raster.render_maps(hat, cameras.six_axes(hat.positions, 96))
    assert (front.object == 1).any() and not (back.object == 1).any()
    rows = torch.nonzero(front.object == 2)[:, 0].float().mean()
    assert rows < 30, "the hat is at the top of the picture"
    columns = torch.nonzero(left.object == 1)[:, 1].float().mean()
    assert columns < 48, "seen from its left, the object looks to the left of the picture"
    assert torch.nonzero(top.object == 1)[:, 0].float().mean() > 48, "from above, the front is at the bottom"


def test_a_page_of_passes_becomes_a_camera_and_back() -> None:
    camera = cameras.ring(ball().positions, 5, 320)[3]
    again = cameras.from_meta(camera.meta())
    assert np.array_equal(again.world_from_camera, camera.world_from_camera)
    assert (again.focal_px, again.centre_px, again.size_px) == (camera.focal_px, camera.centre_px, camera.size_px)
    for change in ({"camera": "PANO"}, {"intrinsics_px": {}}, {"world_from_camera": np.diag([2, 2, 2, 1]).tolist()}):
        with pytest.raises(Fault) as caught:
            cameras.from_meta(camera.meta() | change)
        assert caught.value.code == "bad_input"


def test_a_box_is_covered_by_its_six_axes_and_less_by_a_ring() -> None:
    mesh = box()
    found = coverage.coverage(mesh, cameras.six_axes(mesh.positions, 256))
    assert found.covered > 0.995 and np.allclose(found.added, found.alone, atol=0.01)
    areas = np.array([1.0, 0.5, 1.0, 0.5, 2.0, 2.0]) / 7
    assert np.allclose(found.alone, areas, atol=0.01)
    sides = coverage.coverage(mesh, cameras.ring(mesh.positions, 4, 256)).covered
    assert sides == pytest.approx(3 / 7, abs=0.02)


def wound(mesh: Triangles, every: int) -> Triangles:
    """Every such face wound the other way, with its normals, as importers leave them; 0: none."""
    which = (np.arange(len(mesh.faces)) % every == 0 if every else np.zeros(len(mesh.faces), bool))[:, None]
    normals = np.where(which[..., None], -mesh.corner_normals[:, ::-1], mesh.corner_normals)
    return Triangles(mesh.positions, np.where(which, mesh.faces[:, ::-1], mesh.faces), corner_normals=normals)


@pytest.mark.parametrize("every", [1, 2])
def test_either_side_of_a_face_counts(every: int) -> None:
    """What is wound the wrong way is looked at from outside all the same, and is painted there."""
    mesh = box()
    looks = cameras.six_axes(mesh.positions, 256)
    right, other = coverage.coverage(mesh, looks), coverage.coverage(wound(mesh, every), looks)
    assert other.covered > 0.995 and np.allclose(other.alone, right.alone, atol=0.01)


def test_what_lies_beside_the_picture_is_not_covered() -> None:
    mesh = box()
    front = cameras.six_axes(mesh.positions, 256)[0]
    closer = replace(front, focal_px=tuple(2.5 * length for length in front.focal_px))
    whole, part = (coverage.coverage(mesh, [camera]).covered for camera in (front, closer))
    assert whole == pytest.approx(1 / 7, abs=0.005)
    assert part == pytest.approx(0.8 / 0.9 * whole / 2, rel=0.1), "of two metres, 0.89 are in the picture"


def test_greedy_cameras_beat_as_many_in_a_ring() -> None:
    mesh = real("chair_model.obj")
    scene = raster.Scene(mesh)
    chosen = coverage.greedy(scene, 512, most=6)
    assert 3 <= len(chosen) <= 6 and chosen[0].name == "front"
    own = coverage.coverage(scene, chosen).covered
    assert own > coverage.coverage(scene, cameras.ring(mesh.positions, 6, 512)).covered + 0.02


def test_greedy_is_not_drawn_by_what_is_hidden() -> None:
    """A ball within a closed ball is no gain, and what only hides (here a wall in front) hides from it, too."""
    mesh = joined(ball(), ball(radius=0.5))
    ways = np.concatenate([[(0.0, -1.0, 0.0)], cameras.directions(30)])
    for wall in (False, True):
        scene = raster.Scene(mesh)
        if wall:
            plate = box((4.0, 0.01, 4.0))
            plate = replace(plate, positions=plate.positions + np.float32([0, -1.5, 0]))
            blank = np.zeros((len(plate.faces), 3, 2), np.float32)
            whole = joined(mesh, replace(plate, corner_uvs=blank))
            whole.target[len(mesh.faces) :] = False  # of two triangles a side
            scene = raster.Scene(Triangles(**{f: getattr(whole, f) for f in ("positions", "faces", "corner_uvs",
                                 "corner_normals", "face_object", "target")}))  # fmt: skip
        quality = coverage._quality(scene, ways, None)
        position = coverage.surface_samples(scene, quality.shape[1])[0].T + torch.tensor(scene.origin).float()
        inner = position.norm(dim=1) < 0.6
        assert inner.sum() > 1000 and (quality[:, inner] > 0).float().mean() < 0.01
        assert (quality[:, ~inner] > 0).any(0).float().mean() > 0.9
        front = ~inner & (position[:, 1] < -0.7)
        assert ((quality[0, front] > 0).float().mean() > 0.95) != wall


def test_a_ring_begins_in_front_at_its_height_and_the_same_view_adds_nothing() -> None:
    looks = cameras.ring(box().positions, 4, 128, elevation_deg=20)
    assert looks[0].forward == pytest.approx([0, np.cos(np.radians(20)), -np.sin(np.radians(20))])
    assert looks[1].forward[0] < -0.9 and looks[1].forward[2] == pytest.approx(-np.sin(np.radians(20)))
    found = coverage.coverage(box(), [looks[0], looks[0], looks[2]])
    assert found.added[1] == 0 and found.alone[1] == found.alone[0] > 0
    assert found.added.sum() == pytest.approx(found.covered)


def test_six_axes_have_no_perspective_and_one_scale() -> None:
    """As MV-Adapter wants them: a thing is as large in each of its views."""
    looks = cameras.six_axes(box().positions, 128)
    assert all(camera.orthographic for camera in looks) and len({camera.focal_px for camera in looks}) == 1
    assert [camera.name for camera in looks] == ["front", "left", "back", "right", "top", "bottom"]


@pytest.mark.parametrize("every", [0, 1, 2])
def test_greedy_cameras_see_what_they_were_chosen_for(every: int) -> None:
    """From as near as they stand, which makes the far end of a side more slanted; faces may be wound either way."""
    mesh = wound(box(), every)
    chosen = coverage.greedy(mesh, 128)
    assert coverage.coverage(mesh, chosen).covered > 0.99 and len(chosen) <= 4


def test_greedy_stops_when_a_view_adds_nothing() -> None:
    mesh = box((2, 0.01, 2))  # a plate: two views see nearly all of it
    assert len(coverage.greedy(mesh, 128, most=10, least_gain=0.02)) == 2


def test_a_room_is_seen_from_inside() -> None:
    mesh = box((4, 3, 2.5))
    mesh = Triangles(mesh.positions, mesh.faces[:, ::-1])
    looks = cameras.room(mesh.centre, 128)
    assert all(maps.mask.all() for maps in raster.render_maps(mesh, looks))
    assert coverage.coverage(mesh, looks).covered > 0.99


@pytest.mark.parametrize(
    "change",
    [
        {"faces": np.zeros((0, 3), np.int32)},
        {"faces": np.array([[0, 1, 99999]])},
        {"positions": np.full((1225, 3), np.nan, np.float32)},
        {"corner_uvs": np.zeros((3, 3, 2), np.float32)},
        {"target": np.zeros(2256, bool)},
    ],
)
def test_meshes_that_cannot_be_textured_are_refused(change) -> None:
    mesh = ball()
    values = {"positions": mesh.positions, "faces": mesh.faces, "corner_uvs": mesh.corner_uvs} | change
    if "target" in change:
        values["target"] = np.zeros(len(mesh.faces), bool)
    with pytest.raises(Fault) as caught:
        Triangles(**values)
    assert caught.value.code == "bad_input"
