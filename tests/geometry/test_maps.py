"""Each map of a view by itself: on a ball and on plates, perspective and orthographic, near and far from the origin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from painted_meshes import ball, joined  # noqa: E402

from server.geometry import cameras, raster  # noqa: E402
from server.geometry.project import silhouette_alpha  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402
from server.geometry.uv_raster import uv_raster  # noqa: E402

FAR = (4e5, -1e6, 2e5)
WAY = (0.3, 1.0, -0.4)


def looked_at(mesh: Triangles, way=WAY, fov=40.0, size: int = 96) -> raster.Maps:
    return raster.render_maps(mesh, [cameras.framing(mesh.positions, way, size, fov_deg=fov)])[0]


def moved(mesh: Triangles, place) -> Triangles:
    """In double precision, as an object in the map of a country is sent."""
    return replace(mesh, positions=mesh.positions.astype(np.float64) + place)


@pytest.mark.parametrize("place", [(0, 0, 0), FAR], ids=["near", "far"])
@pytest.mark.parametrize("fov", [None, 40.0])
def test_positions_lie_on_the_surface_behind_their_pixels(fov, place) -> None:
    maps = looked_at(moved(ball(), place), fov=fov)
    mask = maps.mask.numpy()
    found = maps.position.numpy().astype(np.float64)[mask]
    length = np.linalg.norm(found + maps.origin - np.array(place), axis=1)
    assert 0.99 < length.min() and length.max() < 1.0001, "chords of a ball of 1 m"
    x, y, w = maps.camera.rows(maps.origin) @ np.column_stack([found, np.ones(len(found))]).T
    row, column = np.nonzero(mask)
    pixel = np.stack([x, y]) / (1 if fov is None else w)
    assert np.abs(pixel - (np.stack([column, row]) + 0.5)).max() < 1e-3
    assert np.allclose(w, maps.depth.numpy()[mask], atol=1e-4)
    assert not maps.position[~maps.mask].any()


@pytest.mark.parametrize("turned", [False, True], ids=["outward", "inside out"])
@pytest.mark.parametrize("fov", [None, 40.0])
def test_normals_are_as_smooth_as_the_shading_and_face_the_camera(fov, turned: bool) -> None:
    """Also of a mesh whose faces are turned inside out: a network is never shown the back of a surface."""
    mesh = ball()
    if turned:
        mesh = replace(mesh, faces=mesh.faces[:, ::-1], corner_normals=-mesh.corner_normals[:, ::-1])
    maps = looked_at(mesh, fov=fov)
    outward = torch.nn.functional.normalize(maps.position + torch.tensor(maps.origin).float(), dim=-1)
    square = maps.mask & (maps.normal_camera[..., 2] > 0.2)
    assert square.float().mean() > 0.5
    assert (maps.normal * outward).sum(-1)[square].min() > 0.9995, "one direction a face would be off by degrees"
    assert not maps.normal[~maps.mask].any()


def test_normals_of_the_camera_are_right_up_and_towards_it() -> None:
    normal = looked_at(ball()).normal_camera
    assert normal[48, 48].tolist() == pytest.approx([0, 0, 1], abs=0.05)
    assert normal[48, 80, 0] > 0.5 and normal[48, 16, 0] < -0.5, "x is right"
    assert normal[16, 48, 1] > 0.5 and normal[80, 48, 1] < -0.5, "y is up"


def plate(z: float, half: float) -> Triangles:
    points = np.float32([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]])
    uv = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return Triangles(points, faces, uv[faces])


def one_object(*parts: Triangles) -> Triangles:
    mesh = joined(*parts)
    return replace(mesh, face_object=np.zeros(len(mesh.faces), np.int32), object_names=())


@pytest.mark.parametrize("fov", [None, 40.0])
def test_lines_at_steps_and_creases_and_not_on_slopes(fov) -> None:
    above = looked_at(one_object(plate(0.0, 1.0), plate(0.3, 0.4)), (0, 0, -1), fov)
    drawn = above.lines.numpy() > 0
    on_top = above.position[..., 2].numpy() + above.origin[2] > 0.2
    assert drawn[48, :].sum() == 4 and drawn[:, 48].sum() == 4, "the outline, and the step of the same object"
    assert on_top[drawn & (np.abs(np.indices(drawn.shape) - 47.5) < 30).all(0)].all(), (
        "on what is nearer, one pixel wide"
    )

    roof = np.float32([[-1, -1, 0], [1, -1, 0], [1, 0, 0.6], [-1, 0, 0.6], [1, 1, 0], [-1, 1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [3, 2, 4], [3, 4, 5]])
    flat = np.repeat(np.float32([[0, -0.51, 0.86], [0, 0.51, 0.86]]), [2, 2], axis=0)
    sharp = Triangles(roof, faces, None, np.repeat(flat[:, None], 3, axis=1))
    ridge = looked_at(sharp, (0, 0, -1), fov).lines.numpy() > 0
    assert ridge[44:52, 20:76].any(axis=0).all() and not ridge[20:40, 20:76].any(), "the ridge, and nothing on the roof"

    grazing = looked_at(plate(0.0, 1.0), (0, 1, -0.12), fov, 192)
    inside = grazing.mask.numpy().copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        inside &= np.roll(grazing.mask.numpy(), step, axis)
    assert inside.sum() > 1000 and not (grazing.lines.numpy() > 0)[inside].any(), "a slope is no step"


def test_what_only_hides_is_seen_and_is_no_target() -> None:
    mesh = joined(plate(0.0, 1.0), plate(0.3, 0.4))
    mesh = replace(mesh, target=mesh.face_object == 0)
    maps = raster.render_maps(mesh, [cameras.framing(mesh.positions, (0, 0, -1), 96)])[0]
    assert maps.mask[48, 48] and maps.object[48, 48] == 1 and not maps.target[48, 48]
    assert torch.equal(maps.target, maps.object == 0) and maps.target[48, 12]


def test_trust_is_0_at_outlines_steps_and_borders_and_rises_from_there() -> None:
    """From left to right: background, an object, a step in its depth, another object that touches it."""
    depth, objects = torch.full((60, 120), 3.0), torch.zeros(60, 120, dtype=torch.int32)
    depth[:, :20] = torch.inf
    depth[:, 50:] = 2.0
    objects[:, 80:] = 1
    camera = cameras.Camera(np.eye(4), (100, 100), (60, 30), (120, 60))
    alpha = silhouette_alpha(camera, depth, objects, 2, 3)[30].tolist()
    rise = [0, 0, 64, 128, 191, 255]
    assert alpha[:20] == [0] * 20, "the background"
    for border in (20, 50, 80):
        assert alpha[border : border + 6] == rise, border
    for border in (50, 80):
        assert alpha[border - 6 : border] == rise[::-1], border
    assert alpha[26:44] == [255] * 18
    alone = silhouette_alpha(camera, depth, None, 2, 3)[30]
    assert (alone[60:110] == 255).all(), "one object has no borders"
    sharp = silhouette_alpha(camera, depth, None, 1, 0)[30]
    assert set(sharp.tolist()) == {0, 255} and (sharp == 255).sum() == 120 - 20 - 3


def test_a_texel_shows_the_point_under_its_middle_and_charts_reach_beyond_their_border() -> None:
    """Half a texel beside it would be a texture that is moved: no picture baked and compared by itself shows that."""
    mesh = plate(0.0, 1.0)
    texels = uv_raster(raster.Scene(mesh), 16)
    row, column = np.divmod(texels.texels.numpy(), 16)
    position = texels.surface(texels.texels)[0].numpy()
    assert len(row) == 256 and np.allclose(position[0], (column + 0.5) / 8 - 1, atol=1e-5)
    assert np.allclose(position[1], 1 - (row + 0.5) / 8, atol=1e-5), "row 0 is the top, v = 1"

    for border, covered in ((8.2, 10), (8.6, 10), (8.9, 11)):  # of the chart, in texels; the last one may be touched
        mesh = replace(plate(0.0, 1.0), corner_uvs=plate(0.0, 1.0).corner_uvs * np.float32(border / 16) + 1 / 16)
        face = uv_raster(raster.Scene(mesh), 16).face.numpy()
        assert (face[8] >= 0).sum() == covered, "also texels whose middle lies up to 0.75 texels outside"
