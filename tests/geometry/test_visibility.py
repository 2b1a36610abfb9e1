"""What a camera sees, judged by ray casting (Embree), and by hand for simple solids."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import trimesh  # noqa: E402
from painted_meshes import ball, joined, real  # noqa: E402

from server.geometry import cameras, coverage, raster  # noqa: E402
from server.geometry.project import ask, eye, point_rows, unhidden  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402
from server.geometry.uv_raster import uv_raster  # noqa: E402


def inner_texels(scene: raster.Scene, size: int, most: int):
    """Texel map and the texels whose centres lie inside their faces: on an edge, a ray is a matter of rounding."""
    texels = uv_raster(scene, size)
    face = texels.face.view(-1)[texels.texels].long()
    (x0, x1, x2), (y0, y1, y2) = scene.uvs[0][:, face] * size, (1 - scene.uvs[1][:, face]) * size
    x, y = texels.texels % size + 0.5, texels.texels // size + 0.5
    sides = torch.stack(
        [
            (xb - xa) * (y - ya) - (yb - ya) * (x - xa)
            for xa, ya, xb, yb in ((x0, y0, x1, y1), (x1, y1, x2, y2), (x2, y2, x0, y0))
        ]
    )
    inside = (sides > 1e-3).all(0) | (sides < -1e-3).all(0)
    chosen = texels.texels[inside]
    return texels, chosen[:: max(1, len(chosen) // most)]


def rays_agree(triangles: Triangles, looks, texture_px: int = 256, most: int = 4_000) -> tuple[float, float, int]:
    """(share of texel-view pairs on which depth test and rays agree, share left out, number of pairs).

    Left out: pairs hidden only by something that touches the texel, closer than a pixel is wide (one surface on top of
    another); what is right there depends on where one lets the ray start.
    """
    scene = raster.Scene(triangles)
    texels, chosen = inner_texels(scene, texture_px, most)
    position, normal, flat, _ = texels.surface(chosen)
    solid = trimesh.Trimesh(triangles.positions - triangles.centre, triangles.faces, process=False)
    caster = trimesh.ray.ray_pyembree.RayMeshIntersector(solid, scale_to_box=False)
    same = touching = pairs = 0
    for camera in looks:
        found = eye(scene, camera)
        found.depth = raster.visible(scene, camera)[0][None, None]
        place, depth, _, cosine = ask(found, point_rows(position, normal, flat))
        asked = (cosine > np.cos(np.radians(78))).numpy() & (place.abs() < 1).all(0).numpy()
        seen = unhidden(found, place, depth, cosine).numpy()[asked]
        points = position.T.numpy().astype(np.float64)[asked]
        towards = -np.broadcast_to(camera.forward, points.shape)
        if not camera.orthographic:
            towards = camera.position - triangles.centre - points
        towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
        lift = flat.T.numpy()[asked] + towards
        pixel = camera.footprint() * (1 if camera.orthographic else depth.numpy()[asked]) / cosine.numpy()[asked]
        free = ~caster.intersects_any(points + lift * 1e-4 * triangles.radius, towards)
        free_later = ~caster.intersects_any(points + towards * pixel[:, None], towards)
        clear = free == free_later
        same += int((free == seen)[clear].sum())
        touching += int((~clear).sum())
        pairs += int(clear.sum())
    return same / pairs, touching / (touching + pairs), pairs


@pytest.mark.parametrize("name", ["CesiumMilkTruck.glb", "chair_model.obj", "rabbit.obj", "fuze.obj"])
def test_rays_agree_on_real_meshes(name: str) -> None:
    mesh = real(name)
    looks = [*coverage.greedy(mesh, 1024, most=3), cameras.six_axes(mesh.positions, 1024)[1]]
    share, touching, pairs = rays_agree(mesh, looks)
    assert pairs > 2_000 and touching < 0.01
    assert share >= 0.995


def test_rays_agree_on_two_balls_that_hide_each_other() -> None:
    mesh = joined(ball(corner=(0.0, 0.0), extent=0.45), ball(centre=(0.4, -2.2, 0.3), corner=(0.5, 0.5), extent=0.45))
    share, _, _ = rays_agree(mesh, cameras.ring(mesh.positions, 3, 1024))
    assert share >= 0.995


def plane(z: float, half: float = 1.0) -> Triangles:
    points = np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]], np.float32)
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return Triangles(points, faces, uv[faces])


@pytest.mark.parametrize("fov", [None, 40.0])
def test_depth_position_normal_and_uv_of_a_plane(fov) -> None:
    mesh = plane(0.25)
    camera = cameras.framing(mesh.positions, (0, 0, -1), 64, fov_deg=fov)
    (maps,) = raster.render_maps(mesh, [camera])
    height = camera.position[2] - 0.25
    inside = maps.mask
    assert 0.78 < inside.float().mean() < 0.84  # 0.9 squared
    assert np.allclose(maps.depth[inside], height, rtol=1e-5)
    assert torch.isinf(maps.depth[~inside]).all() and (maps.face[~inside] == -1).all()
    position = maps.position.numpy() + maps.origin
    assert np.allclose(position[inside][:, 2], 0.25, atol=1e-5)
    assert position[10, 32, 1] > 0 > position[54, 32, 1], "the top of the picture is +Y"
    assert np.allclose(maps.uv()[inside], position[inside][:, :2] / 2 + 0.5, atol=1e-4)
    assert np.allclose(maps.normal[inside], (0, 0, 1)) and np.allclose(maps.normal_camera[inside], (0, 0, 1))


def test_a_slanted_view_has_the_depth_of_geometry_not_of_interpolated_screen_space() -> None:
    mesh = plane(0.0, 50.0)  # the floor, seen from above it towards the horizon; most of it is behind the camera
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cameras.looking((0, 1, -0.3)), (0, 0, 2)
    camera = cameras.Camera(pose, (200, 200), (100, 100), (200, 200), near_m=0.1)
    (maps,) = raster.render_maps(mesh, [camera])
    position = maps.position.numpy() + maps.origin
    assert maps.mask[150:].all() and not maps.mask[:20].any()
    assert np.abs(position[maps.mask.numpy()][:, 2]).max() < 2e-3


def test_the_nearer_wins_whatever_the_order_and_objects_are_told_apart() -> None:
    for order in (1, -1):
        mesh = joined(*[plane(0.0), plane(1.0, 0.5)][::order])
        (maps,) = raster.render_maps(mesh, [cameras.framing(mesh.positions, (0, 0, -1), 128, fov_deg=None)])
        near = 1 if order == 1 else 0
        assert maps.object[64, 64] == near and maps.object[20, 20] == 1 - near and maps.object[0, 0] == -1
        border = maps.lines.numpy() > 0
        assert border[64, 20:50].any() and not border[60:68, 60:68].any()


@pytest.mark.parametrize("size", [3, 17, 130])
def test_neighbouring_triangles_leave_no_crack_and_odd_sizes_work(size: int) -> None:
    rng = np.random.default_rng(size)
    steps = np.linspace(-1, 1, 12)
    x, y = np.meshgrid(steps, steps)
    inner = (np.abs(x) < 1) & (np.abs(y) < 1)
    x, y = x + inner * rng.normal(0, 0.03, x.shape), y + inner * rng.normal(0, 0.03, y.shape)
    points = np.stack([x, y, 0 * x], -1).reshape(-1, 3).astype(np.float32)
    index = np.arange(144).reshape(12, 12)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cameras.looking((0, 0, -1)), (0, 0, 3)
    camera = cameras.Camera(pose, (size / 2, size / 2), (size / 2, size / 2), (size, size), True)
    (maps,) = raster.render_maps(Triangles(points, faces), [camera])
    assert maps.mask.all()


def test_a_model_far_from_the_origin_keeps_its_detail() -> None:
    near, far = ball(), ball(centre=(1e6, -2e6, 5e5))
    far.positions = ball().positions.astype(np.float64) + (1e6, -2e6, 5e5)
    maps = [raster.render_maps(m, cameras.ring(m.positions, 1, 128))[0] for m in (near, far)]
    assert (maps[0].face != maps[1].face).float().mean() < 0.002
    assert float((maps[0].depth - maps[1].depth)[maps[0].mask & maps[1].mask].abs().max()) < 1e-4


def test_faces_without_area_are_never_seen() -> None:
    mesh = ball(6, 12)
    faces = np.concatenate([mesh.faces, [[0, 0, 5], [3, 3, 3]]])
    (maps,) = raster.render_maps(Triangles(mesh.positions, faces), cameras.ring(mesh.positions, 1, 64))
    assert int(maps.face.max()) < len(mesh.faces)


def test_a_cancel_ends_the_rendering() -> None:
    class Cancel(Exception):
        pass

    def progress(phase, step=0, total=0):
        raise Cancel

    with pytest.raises(Cancel):
        raster.render_maps(ball(), cameras.ring(ball().positions, 4, 64), progress=progress)
