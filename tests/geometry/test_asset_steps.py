"""Decimation, quads, unwrapping, baking and colour transfer, each against an independent measure."""

import builtins

import numpy as np
import pytest
from analytic import CUBE, judge, union
from scipy.ndimage import distance_transform_edt
from shapes import blobs, cube, gyroid, moved, sheet, sphere, stripes

from blender_aigc.protocol import Fault
from server.geometry.bake import bake, fill_around, texel_faces
from server.geometry.clean import topology
from server.geometry.colours import colour_field
from server.geometry.decimate import decimate
from server.geometry.mesher import extract
from server.geometry.normals import face_areas
from server.geometry.quads import pair_triangles
from server.geometry.unwrap import CHARTS_UP_TO, padding_px, unwrap

# ----------------------------------------------------------------------------------------------- decimation


@pytest.mark.parametrize("faces", [10_000, 2000, 300])
@pytest.mark.parametrize("field", [union, blobs, gyroid])
def test_fewer_faces_and_still_closed(field, faces):
    mesh = extract(field, CUBE, 96)
    light = decimate(mesh, faces)
    assert len(light.faces) < len(mesh.faces)
    if faces > 300:
        assert 0.95 * faces <= len(light.faces) <= faces
    solid, before = judge(light), judge(mesh)
    assert solid.is_watertight and topology(light.faces).watertight and solid.is_winding_consistent
    assert solid.volume == pytest.approx(before.volume, rel=0.2 if faces < 10_000 else 0.03)
    if field is union:
        np.testing.assert_allclose(solid.bounds, before.bounds, atol=0.05)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_decimation_does_not_depend_on_the_unit(scale):
    mesh = sphere(48)
    one, other = decimate(mesh, 1000), decimate(moved(mesh, scale, (3 * scale, 0, 0)), 1000)
    assert len(one.faces) == len(other.faces) == 1000 and topology(other.faces).watertight
    assert judge(moved(other, 1 / scale)).volume == pytest.approx(judge(one).volume, rel=1e-3)


def test_an_open_sheet_keeps_its_border_open():
    light = decimate(sheet(40), 500)
    assert topology(light.faces).boundary_edges > 3 and len(light.faces) <= 520
    np.testing.assert_allclose(judge(light).area, 1, rtol=0.02)


def test_colours_are_averaged_where_vertices_merge():
    mesh = sphere(64)
    mesh.vertex_colours = stripes(mesh.vertices).astype(np.float32)
    light = decimate(mesh, 2000)
    assert light.vertex_colours.shape == light.vertices.shape
    assert np.abs(light.vertex_colours - stripes(light.vertices)).mean() < 0.05


def test_small_meshes_pass_untouched():
    mesh = cube()
    assert decimate(mesh, 100) is mesh


# ---------------------------------------------------------------------------------------------------- quads


def _quad_corners(mesh):
    first, second = mesh.faces[0 : 2 * mesh.quads : 2], mesh.faces[1 : 2 * mesh.quads : 2]
    np.testing.assert_array_equal(first[:, 0], second[:, 0])
    np.testing.assert_array_equal(first[:, 2], second[:, 1])
    return np.concatenate([first, second[:, 2:]], axis=1)


@pytest.mark.parametrize("mesh", [cube(), sheet(20)])
def test_grids_become_quads_completely(mesh):
    paired = pair_triangles(mesh)
    assert 2 * paired.quads == len(mesh.faces)
    points = paired.vertices[_quad_corners(paired)]
    sides = np.roll(points, -1, axis=1) - points
    assert np.abs(np.einsum("nij,nij->ni", sides, np.roll(sides, -1, axis=1))).max() < 1e-6  # right angles
    np.testing.assert_array_equal(
        np.sort(np.sort(paired.faces, axis=1), axis=0), np.sort(np.sort(mesh.faces, axis=1), axis=0)
    )


def test_pairing_keeps_surface_winding_and_uvs():
    mesh, _ = unwrap(decimate(extract(blobs, CUBE, 64), 5000), 512)
    paired = pair_triangles(mesh)
    assert paired.quads > 0.25 * len(mesh.faces)
    assert judge(paired).is_watertight and judge(paired).is_winding_consistent
    assert judge(paired).volume == pytest.approx(judge(mesh).volume, rel=1e-6)
    uv_at = {
        tuple(sorted(face)): dict(zip(face, map(tuple, uv), strict=True))
        for face, uv in zip(mesh.faces.tolist(), mesh.corner_uvs.tolist(), strict=True)
    }
    for face, uv in zip(paired.faces.tolist(), paired.corner_uvs.tolist(), strict=True):
        assert uv_at[tuple(sorted(face))] == dict(zip(face, map(tuple, uv), strict=True))
    one, two = paired.corner_uvs[0 : 2 * paired.quads : 2], paired.corner_uvs[1 : 2 * paired.quads : 2]
    np.testing.assert_array_equal(one[:, [0, 2]], two[:, [0, 1]])  # no quad lies across a seam
    assert len(np.unique(np.sort(_quad_corners(paired), axis=1), axis=0)) == paired.quads


def test_sharp_ridges_are_not_bridged():
    roof = sheet(10)
    roof.vertices[:, 2] = -3 * np.abs(roof.vertices[:, 0] - 0.5)
    paired = pair_triangles(roof)
    corners = paired.vertices[_quad_corners(paired)][..., 0] - 0.5
    assert not ((corners.min(axis=1) < -1e-6) & (corners.max(axis=1) > 1e-6)).any()


# --------------------------------------------------------------------------------------------------- unwrap


def _uv_areas(uvs):
    a, b = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


@pytest.mark.parametrize("method", ["charts", "boxes"])
@pytest.mark.parametrize("field", [union, blobs])
def test_layouts_are_inside_apart_unmirrored_and_even(field, method):
    mesh = decimate(extract(field, CUBE, 64), 3000)
    laid, layout = unwrap(mesh, 1024, method)
    assert layout.method == method and layout.charts > 1 and 0.2 < layout.coverage <= 1
    assert laid.faces is mesh.faces and laid.vertices is mesh.vertices  # topology unsplit
    uvs = laid.corner_uvs.astype(np.float64)
    assert uvs.min() >= 0 and uvs.max() <= 1
    area = _uv_areas(uvs)
    real = face_areas(mesh.vertices, mesh.faces)
    assert (area > -1e-9).all() and real[area < 1e-9].sum() < 1e-4 * real.sum()
    assert area.sum() == pytest.approx(layout.coverage, rel=1e-6)
    owned = np.bincount(texel_faces(uvs, 1024)[_centres_only(uvs, 1024)], minlength=len(uvs))
    # Without overlaps, each face owns as many texels as its area is worth.
    assert owned.sum() / 1024**2 == pytest.approx(area.sum(), rel=0.01)
    usual = real > np.quantile(real, 0.2)
    density = np.sqrt(area[usual] / real[usual])
    assert np.quantile(density, 0.95) < 2.5 * np.quantile(density, 0.05)


def _centres_only(uvs, size):
    """(size, size) bool, texel centres inside some triangle, by trimesh, one triangle at a time."""
    from trimesh.triangles import points_to_barycentric

    inside = np.zeros((size, size), bool)
    for triangle in uvs:
        if abs(_uv_areas(triangle[None])[0]) < 1e-9:
            continue
        low = np.floor(triangle.min(axis=0) * size - 0.5).astype(int)
        high = np.ceil(triangle.max(axis=0) * size + 0.5).astype(int)
        x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        points = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / size
        flat = np.pad(np.broadcast_to(triangle, (len(points), 3, 2)), ((0, 0), (0, 0), (0, 1)))
        weights = points_to_barycentric(flat, np.pad(points, ((0, 0), (0, 1))))
        hit = (weights >= -1e-9).all(axis=1) & (points > 0).all(axis=1) & (points < 1).all(axis=1)
        inside[size - 1 - y.reshape(-1)[hit], x.reshape(-1)[hit]] = True
    return inside


@pytest.mark.parametrize("method", ["charts", "boxes"])
def test_charts_keep_their_distance(method):
    size = 1024
    mesh, _ = unwrap(decimate(extract(blobs, CUBE, 64), 3000), size, method)
    owner = texel_faces(mesh.corner_uvs, size)
    chart = _chart_of_faces(mesh.corner_uvs)
    where = np.where(owner >= 0, chart[owner], -1)
    closest = []
    for one in np.argsort(-np.bincount(chart))[:10]:
        away = distance_transform_edt(where != one)
        closest.append(away[(where >= 0) & (where != one)].min())
    assert min(closest) >= padding_px(size)  # free texels between the painted ones, plus one


def _chart_of_faces(uvs):
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    _, corner = np.unique(uvs.reshape(-1, 2), axis=0, return_inverse=True)
    corner = corner.reshape(-1, 3)
    a, b = np.concatenate([corner[:, 0], corner[:, 1]]), np.concatenate([corner[:, 1], corner[:, 2]])
    label = connected_components(coo_matrix((np.ones(len(a)), (a, b)), (corner.max() + 1,) * 2))[1]
    return np.unique(label[corner[:, 0]], return_inverse=True)[1]


def test_slivers_that_xatlas_leaves_out_take_their_neighbours_place():
    mesh = decimate(extract(gyroid, CUBE, 128), 20_000)
    uvs = unwrap(mesh, 1024, "charts")[0].corner_uvs
    slivers = np.flatnonzero(np.abs(_uv_areas(uvs.astype(np.float64))) < 1e-9)
    assert len(slivers)  # else this proves nothing
    on_chart = {tuple(uv) for uv in np.delete(uvs, slivers, axis=0).reshape(-1, 2).tolist()}
    assert all(tuple(uv) in on_chart for uv in uvs[slivers].reshape(-1, 2).tolist())


@pytest.mark.parametrize("method", ["charts", "boxes"])
def test_unwrapping_twice_gives_the_same(method):
    mesh = decimate(extract(blobs, CUBE, 48), 2000)
    np.testing.assert_array_equal(unwrap(mesh, 512, method)[0].corner_uvs, unwrap(mesh, 512, method)[0].corner_uvs)


def test_without_xatlas_boxes_are_used_and_the_report_says_so(monkeypatch):
    monkeypatch.setattr("server.geometry.unwrap.charts_available", lambda: False)
    original = builtins.__import__

    def refuse(name, *rest):
        if name in ("xatlas", "fast_simplification", "scipy", "skimage"):
            raise ModuleNotFoundError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    _, layout = unwrap(sphere(24), 512)
    assert layout.method == "boxes" and "xatlas" in layout.reason


def test_huge_meshes_do_not_go_to_xatlas():
    mesh = sphere(200)
    assert len(mesh.faces) > CHARTS_UP_TO
    _, layout = unwrap(mesh, 1024)
    assert layout.method == "boxes" and str(CHARTS_UP_TO) in layout.reason


@pytest.mark.parametrize("method", ["charts", "boxes", "auto"])
@pytest.mark.parametrize("kind", ["point", "line", "single", "confetti"])
def test_degenerate_meshes_are_laid_out_without_a_crash(kind, method):
    rng = np.random.default_rng(0)
    mesh = cube()
    mesh.vertices = {
        "point": np.zeros((8, 3)),
        "line": np.outer(np.arange(8), (1, 1, 0)),
        "single": mesh.vertices,
        "confetti": mesh.vertices,
    }[kind].astype(np.float32)
    if kind == "single":
        mesh.faces = mesh.faces[:1]
    if kind == "confetti":  # thousands of loose triangles, more than there is room for padding
        mesh.vertices = rng.random((3 * 4000, 3)).astype(np.float32)
        mesh.faces = np.arange(3 * 4000, dtype=np.int32).reshape(-1, 3)
    laid, _ = unwrap(mesh, 128, method)
    assert laid.corner_uvs.shape == (len(mesh.faces), 3, 2)
    assert np.isfinite(laid.corner_uvs).all() and laid.corner_uvs.min() >= 0 and laid.corner_uvs.max() <= 1


# ----------------------------------------------------------------------------------------------------- bake


def test_the_raster_covers_what_brute_force_covers():
    uvs = np.random.default_rng(5).random((60, 3, 2))
    uvs[:20] = uvs[:20, :1] + 0.02 * uvs[:20]  # tiny ones
    uvs[20:30, 2] = uvs[20:30, 1] + 1e-4  # needles
    owner = texel_faces(uvs, 128)
    distance = _distance_px(uvs, 128)
    assert (owner[distance < 1e-9] >= 0).all() and (owner[distance < 0.5] >= 0).all()
    assert distance[owner >= 0].max() < 1.5


def _distance_px(uvs, size):
    """(size, size) distance of each texel's centre from the nearest triangle, by trimesh."""
    from trimesh.triangles import closest_point

    x, y = np.meshgrid(np.arange(size) + 0.5, size - np.arange(size) - 0.5)
    points = np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3)
    nearest = np.full(len(points), np.inf)
    for triangle in np.pad(uvs * size, ((0, 0), (0, 0), (0, 1))):
        found = closest_point(np.broadcast_to(triangle, (len(points), 3, 3)), points)
        nearest = np.minimum(nearest, np.linalg.norm(found - points, axis=1))
    return nearest.reshape(size, size)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_full_square_is_covered_once_and_the_right_way_up(mirror):
    mesh = sheet(1)
    mesh.corner_uvs = mesh.vertices[mesh.faces][..., :2].copy()
    if mirror:
        mesh.corner_uvs[..., 0] = 1 - mesh.corner_uvs[..., 0]
    texture = bake(mesh, 64, lambda points: points)
    x, y = np.meshgrid((np.arange(64) + 0.5) / 64, 1 - (np.arange(64) + 0.5) / 64)
    expected = np.stack([1 - x if mirror else x, y, 0 * x], axis=-1) * 255 + 0.5
    assert np.abs(texture.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize(("size", "method"), [(256, "charts"), (1024, "charts"), (1024, "boxes")])
def test_the_baked_colour_is_the_fields_colour_everywhere(size, method):
    mesh, _ = unwrap(decimate(extract(blobs, CUBE, 64), 3000), size, method)
    texture = bake(mesh, size, stripes)
    assert texture.shape == (size, size, 3) and texture.dtype == np.uint8
    weights = np.random.default_rng(0).dirichlet((0.3, 0.3, 0.3), len(mesh.faces))  # many near the borders
    points = np.einsum("fk,fkd->fd", weights, mesh.vertices[mesh.faces])
    uvs = np.einsum("fk,fkd->fd", weights, mesh.corner_uvs)
    error = np.abs(_bilinear(texture, uvs) - stripes(points))
    assert error.mean() < 0.02 * 512 / size and np.quantile(error, 0.999) < 0.15 * max(1, 512 / size)


def _bilinear(texture, uvs):
    size = len(texture)
    x, y = uvs[:, 0] * size - 0.5, (1 - uvs[:, 1]) * size - 0.5
    total = 0
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = np.floor(x).astype(int) + dx, np.floor(y).astype(int) + dy
            weight = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
            total = total + weight[:, None] * texture[np.clip(row, 0, size - 1), np.clip(column, 0, size - 1)]
    return total / 255


def test_no_seam_shows_through_mipmaps():
    """A sphere of one colour on a texture that starts black: three mip levels down nothing dark may appear."""
    mesh, _ = unwrap(sphere(40), 512)
    texture = bake(mesh, 512, lambda points: np.full_like(points, 0.8))
    mip = texture.reshape(64, 8, 64, 8, 3).mean(axis=(1, 3))
    assert texture.min() == texture.max() == 204 and np.abs(mip - 204).max() < 1


def test_filling_keeps_what_is_covered_and_takes_the_nearest_colour():
    texture, covered = np.zeros((37, 50, 3), np.uint8), np.zeros((37, 50), bool)
    texture[5:9, 5:9], texture[30:33, 40:44] = (255, 0, 0), (0, 0, 255)
    covered[5:9, 5:9] = covered[30:33, 40:44] = True
    filled = fill_around(texture, covered)
    np.testing.assert_array_equal(filled[covered], texture[covered])
    assert filled[3:11, 3:11, 0].min() > 200 and filled[29:34, 38:46, 2].min() > 200
    assert filled.sum(axis=2).min() >= 250
    np.testing.assert_array_equal(fill_around(texture, np.zeros_like(covered)), texture)
    measured = np.where(covered[..., None], np.float32(1), np.float32(0))
    np.testing.assert_array_equal(fill_around(measured, covered), np.ones_like(measured))


def test_vertex_colours_are_baked_without_a_field_and_nan_is_refused():
    mesh, _ = unwrap(sphere(40), 256)
    mesh.vertex_colours = stripes(mesh.vertices).astype(np.float32)
    difference = bake(mesh, 256).astype(int) - bake(mesh, 256, stripes).astype(int)
    assert np.abs(difference).mean() < 3
    with pytest.raises(Fault, match="NaN") as caught:
        bake(mesh, 256, lambda points: np.full_like(points, np.nan))
    assert caught.value.code == "bad_input"


def test_baking_reports_progress_in_chunks():
    mesh, _ = unwrap(sphere(24), 256)
    asked, seen = [], []
    bake(mesh, 256, lambda p: asked.append(len(p)) or p, lambda *step: seen.append(step), chunk=4000)
    assert max(asked) <= 4000 and len(seen) == len(asked) > 3
    assert seen[-1][0] == "bake" and seen[-1][1] == sum(asked) <= seen[-1][2]


def test_a_smooth_colour_is_asked_for_at_half_of_the_texels_only():
    mesh, _ = unwrap(sphere(24), 256)
    covered = int((texel_faces(mesh.corner_uvs, 256) >= 0).sum())
    asked = []

    def ramp(points):  # linear, so that vertex colours give the exact texture
        asked.append(len(points))
        return 0.5 + 0.2 * points

    texture = bake(mesh, 256, ramp)
    assert sum(asked) < 0.7 * covered
    mesh.vertex_colours = (0.5 + 0.2 * mesh.vertices).astype(np.float32)
    error = np.abs(texture.astype(int) - bake(mesh, 256))
    assert error.max() <= 4 and error.mean() < 0.1
    asked.clear()
    bake(mesh, 256, lambda points: (ramp(points), np.random.default_rng(1).random(points.shape))[1])
    assert sum(asked) == covered, "neighbours that do not agree tell nothing"


def test_colours_move_from_a_dense_mesh_to_any_point_near_it():
    mesh = extract(blobs, CUBE, 128)
    colour_at = colour_field(mesh.vertices, stripes(mesh.vertices).astype(np.float32))
    points = decimate(mesh, 5000).vertices
    error = np.abs(colour_at(points) - stripes(points))
    assert error.mean() < 0.02 and np.quantile(error, 0.99) < 0.08
    assert np.isfinite(colour_at(np.array([(50.0, 0, 0), (-3, 9, 1)]))).all()  # far away: something, not a crash
