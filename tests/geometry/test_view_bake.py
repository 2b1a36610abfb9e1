"""Pictures baked onto a mesh: what comes back, what may not change, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from painted_meshes import ball, joined, paint, pictures, psnr, real  # noqa: E402

from blender_aigc.protocol import Fault  # noqa: E402
from server.geometry import cameras, raster, view_bake  # noqa: E402
from server.geometry.blend import NONE, BakeOptions  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402
from server.geometry.uv_raster import uv_raster  # noqa: E402


def sphere_views(mesh: Triangles, count: int, size: int):
    return [
        cameras.framing(mesh.positions, -way, size, name=cameras.view_name(-way)) for way in cameras.directions(count)
    ]


def truth_of(mesh: Triangles, size: int, colour=paint) -> tuple[np.ndarray, np.ndarray]:
    """((N,) texels, (N, 3) colours 0..255 of the surface there)."""
    scene = raster.Scene(mesh)
    texels = uv_raster(scene, size)
    position, _, _, _ = texels.surface(texels.texels)
    return texels.texels.numpy(), colour(position.T.numpy() + scene.origin) * 255


@pytest.fixture(scope="module")
def painted():
    """A ball, eight views of 256 pixels and their bake at 256."""
    mesh = ball(32, 64)
    looks = sphere_views(mesh, 8, 256)
    views = pictures(mesh, looks)
    return mesh, looks, views, view_bake.bake_views(mesh, looks, views, 256)


def seam_difference(mesh: Triangles, texture: np.ndarray) -> tuple[float, int]:
    """(mean difference 0..1 between bilinear values on both sides of every UV seam, number of seam edges)."""
    edges: dict[tuple[int, int], list[np.ndarray]] = {}
    for face, uv in zip(mesh.faces.tolist(), mesh.corner_uvs, strict=True):
        for n in range(3):
            a, b = face[n], face[(n + 1) % 3]
            ends = uv[[n, (n + 1) % 3]] if a < b else uv[[(n + 1) % 3, n]]
            edges.setdefault((min(a, b), max(a, b)), []).append(ends)
    pairs = [sides for sides in edges.values() if len(sides) == 2 and np.abs(sides[0] - sides[1]).max() > 1e-4]
    share = np.linspace(0.1, 0.9, 5)[:, None]
    sides = np.array([[ends[0] * (1 - share) + ends[1] * share for ends in pair] for pair in pairs])
    grid = torch.tensor(sides.reshape(1, 1, -1, 2) * (2, -2) + (-1, 1)).float()
    picture = torch.tensor(texture).permute(2, 0, 1)[None].float() / 255
    value = torch.nn.functional.grid_sample(picture, grid, align_corners=False, padding_mode="border")
    value = value.reshape(3, len(pairs), 2, -1)
    return float((value[:, :, 0] - value[:, :, 1]).abs().mean()), len(pairs)


def test_a_painted_ball_comes_back(painted) -> None:
    mesh, _, _, baked = painted
    texels, truth = truth_of(mesh, 256)
    assert baked.coverage > 0.95
    assert psnr(baked.texture.reshape(-1, 3)[texels], truth) >= 40
    assert np.abs(baked.gains - 1).max() < 0.01


def test_a_real_mesh_comes_back_within_55_db_and_without_seams() -> None:
    mesh = real("rabbit.obj")

    def colour(points):
        return paint(points - mesh.centre, mesh.radius)

    looks = sphere_views(mesh, 10, 1024)
    baked = view_bake.bake_views(mesh, looks, pictures(mesh, looks, colour), 1024)
    texels, truth = truth_of(mesh, 1024, colour)
    seen = baked.weight.reshape(-1)[texels] > 0
    assert seen.mean() > 0.9
    assert psnr(baked.texture.reshape(-1, 3)[texels][seen], truth[seen]) >= 55
    difference, edges = seam_difference(mesh, baked.texture)
    assert edges > 50 and difference < 0.03


def test_the_squarest_view_wins_and_slanted_ones_do_not_count(painted) -> None:
    mesh, looks, views, baked = painted
    scene = raster.Scene(mesh)
    texels = uv_raster(scene, 256)
    position, normal, _, _ = texels.surface(texels.texels)
    place, normal = position.T.numpy() + scene.origin, normal.T.numpy()
    ways = np.stack([look.position - place for look in looks])
    cosine = (ways * normal).sum(-1) / np.linalg.norm(ways, axis=-1)
    index = texels.texels.numpy()
    winner = baked.winner.reshape(-1)[index]
    seen = winner != NONE
    assert seen.mean() > 0.95 and (winner[seen] == cosine.argmax(axis=0)[seen]).mean() > 0.97
    for cut in (50.0, 70.0):
        options = BakeOptions(cut_deg=cut, fill="none", erosion_px=1, feather_px=0)
        weight = view_bake.bake_views(mesh, looks[:1], views[:1], 256, options).weight.reshape(-1)[index]
        angle = np.degrees(np.arccos(cosine[0].clip(-1, 1)))
        faces = np.abs(place[:, 2]) < 0.99  # at the poles the ball has some without area
        assert (weight[faces & (angle < cut - 1)] > 0).mean() > 0.99 and not weight[angle > cut + 1].any()


def test_views_count_by_their_weights_and_by_their_own_alpha() -> None:
    """Two pictures from one place, black and white, mixed where both show the same: as numbers, not as colours."""
    mesh = ball(32, 64)
    look = cameras.framing(mesh.positions, (0, 1, 0), 128)
    black, white = np.zeros((128, 128, 4), np.uint8), np.full((128, 128, 4), 255, np.uint8)
    black[..., 3] = 255

    def mixed(alpha: int, weights: tuple[float, float]) -> float:
        white[..., 3] = alpha
        options = BakeOptions(gains=False, fill="none", encoding="data", view_weights=weights)
        baked = view_bake.bake_views(mesh, [look, look], [black, white], 128, options)
        return float(np.median(baked.texture[baked.weight > 0.2])) / 255

    assert mixed(255, (1, 1)) == pytest.approx(1 / 2, abs=0.01)
    assert mixed(255, (1, 3)) == pytest.approx(3 / 4, abs=0.01)
    assert mixed(85, (1, 1)) == pytest.approx(1 / 4, abs=0.01)


def test_nothing_behind_a_camera_is_painted() -> None:
    """A camera within a ball: the wall behind it faces it too, and lies in its picture by the numbers."""
    mesh = ball()
    mesh = replace(mesh, faces=mesh.faces[:, ::-1], corner_uvs=mesh.corner_uvs[:, ::-1], corner_normals=None)
    look = cameras.room(np.zeros(3), 256)[0]
    picture = np.full((256, 256, 3), 200, np.uint8)
    baked = view_bake.bake_views(mesh, [look], [picture], 128, BakeOptions(fill="none"))
    texels = uv_raster(raster.Scene(mesh), 128)
    ahead = texels.surface(texels.texels)[0].T.numpy() @ look.forward
    weight = baked.weight.reshape(-1)[texels.texels.numpy()]
    assert (weight[ahead > 0.8] > 0).all() and not weight[ahead < 0].any()


def test_the_same_again_from_stored_visibility_is_bit_equal(painted) -> None:
    mesh, looks, views, baked = painted
    again = view_bake.reblend(mesh, looks, views, baked)
    for name in ("texture", "weight", "winner"):
        assert np.array_equal(getattr(again, name), getattr(baked, name)), name
    assert np.array_equal(again.gains, baked.gains)


def test_reblending_without_a_view_uses_the_others_there(painted) -> None:
    mesh, looks, views, baked = painted
    weights = tuple(0.0 if number == 3 else 1.0 for number in range(len(looks)))
    without = view_bake.reblend(mesh, looks, views, baked, BakeOptions(view_weights=weights))
    assert (baked.winner == 3).any() and not (without.winner == 3).any()
    direct = view_bake.bake_views(mesh, looks, views, 256, BakeOptions(view_weights=weights))
    assert np.array_equal(without.texture, direct.texture)


def test_a_repainted_view_changes_what_it_shows_and_nothing_else(painted) -> None:
    mesh, looks, views, baked = painted
    changed = [view if number else 255 - view for number, view in enumerate(views)]
    again = view_bake.reblend(mesh, looks, changed, baked, BakeOptions(gains=False))
    before = view_bake.reblend(mesh, looks, views, baked, BakeOptions(gains=False))
    sheet = baked.sheets[0]
    used = np.zeros(256 * 256, bool)
    used[sheet.texels] = sheet.alpha[0] > 0
    different = (again.texture != before.texture).any(axis=2).reshape(-1) & (sheet.weight > 0).reshape(-1)
    assert different.sum() > 1000 and not (different & ~used).any()


def test_nothing_of_a_hidden_object_takes_the_colour_of_what_hides_it() -> None:
    behind = ball(corner=(0.0, 0.0), extent=0.45)
    front = ball(centre=(0.3, -2.6, 0.2), radius=0.8, corner=(0.5, 0.5), extent=0.45)
    mesh = joined(behind, front)
    looks = cameras.ring(mesh.positions, 6, 384, elevation_deg=10)
    red, blue = np.uint8([255, 0, 0]), np.uint8([0, 0, 255])
    views = []
    for maps in raster.render_maps(mesh, looks):
        objects = maps.object.numpy()[..., None]
        views.append(np.where(objects == 0, blue, np.where(objects == 1, red, np.uint8([0, 255, 0]))))
    for layout in ("shared", "object"):
        baked = view_bake.bake_views(mesh, looks, views, 384, BakeOptions(gains=False, fill="none", layout=layout))
        face = np.concatenate([uv_raster(raster.Scene(mesh), 384).face.numpy()])
        owner = np.where(face >= 0, mesh.face_object[face], -1)
        for number, colour in ((0, blue), (1, red)):
            sheet = baked.sheets[0 if layout == "shared" else number]
            mine = (owner == number) & (sheet.weight > 0)
            assert mine.sum() > 3000
            assert (sheet.texture[mine] == colour).all(), "not one texel of another's or the background's colour"


def test_an_occluder_gets_no_texels_and_still_hides() -> None:
    mesh = joined(ball(corner=(0.0, 0.0)), ball(centre=(0, -2.5, 0), radius=1.5, corner=(0.0, 0.0)))
    mesh = replace(mesh, target=mesh.face_object == 0)
    camera = cameras.framing(mesh.positions, (0, 1, 0), 256)
    with pytest.raises(Fault) as caught:
        view_bake.bake_views(mesh, [camera], pictures(mesh, [camera]), 128)
    assert caught.value.code == "empty_result"


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_flipped_normals_change_nothing(painted, share) -> None:
    mesh, looks, views, baked = painted
    flip = np.random.default_rng(0).random(len(mesh.faces)) < share
    faces, uvs, normals = mesh.faces.copy(), mesh.corner_uvs.copy(), mesh.corner_normals.copy()
    faces[flip], uvs[flip], normals[flip] = faces[flip][:, ::-1], uvs[flip][:, ::-1], -normals[flip][:, ::-1]
    turned = view_bake.bake_views(Triangles(mesh.positions, faces, uvs, normals), looks, views, 256)
    assert (turned.signs[flip] < 0).mean() > 0.95 and (turned.signs[~flip] > 0).all()
    assert psnr(turned.texture, baked.texture) > 45


def test_faces_that_nobody_sees_are_flipped_as_most_of_their_object(painted) -> None:
    """They are filled by direction: the wrong one would be that of the other side."""
    mesh, looks, views, _ = painted
    around, normals = mesh.corner_uvs[:, ::-1], -mesh.corner_normals[:, ::-1]
    flipped = Triangles(mesh.positions, mesh.faces[:, ::-1], around, normals)
    found = view_bake.bake_views(flipped, looks[:1], views[:1], 64)
    assert (found.signs == -1).all() and 0 < found.coverage < 0.6


def test_gains_bring_views_of_different_brightness_together(painted) -> None:
    mesh, looks, views, baked = painted
    factors = np.linspace(0.85, 1.15, len(views))
    table = view_bake.linear_table("srgb", torch.device("cpu")).numpy()
    uneven = []
    for view, factor in zip(views, factors, strict=True):
        uneven.append(view_bake.as_bytes(torch.tensor(table[view] * factor), "srgb").numpy())
    on = view_bake.bake_views(mesh, looks, uneven, 256)
    off = view_bake.bake_views(mesh, looks, uneven, 256, BakeOptions(gains=False))
    levelled = (on.gains * factors[:, None]).mean(axis=1)
    assert levelled.std() / levelled.mean() < 0.2 * factors.std()
    assert psnr(on.texture, baked.texture) > psnr(off.texture, baked.texture)
    tinted = [
        view if n % 2 else view_bake.as_bytes(torch.tensor(table[view]) * torch.tensor([0.85, 1, 0.9]), "srgb").numpy()
        for n, view in enumerate(views)
    ]
    warm, cold = (view_bake.bake_views(mesh, looks, tinted, 256).gains[first::2].mean(axis=0) for first in (0, 1))
    assert warm / cold == pytest.approx([1 / 0.85, 1, 1 / 0.9], rel=0.03), "each channel by itself"
    dark = [view if number else view // 4 for number, view in enumerate(views)]
    assert view_bake.bake_views(mesh, looks, dark, 256).gains.max() <= 1.5001, "night is not made day"
    for level in (0, 255):
        burnt = [view.copy() for view in views]
        burnt[0][100:156] = level
        assert np.abs(view_bake.bake_views(mesh, looks, burnt, 256).gains - baked.gains).max() < 0.05, "it has no tone"


def test_udim_tiles_get_a_texture_each() -> None:
    """Also where charts reach to the very border of their tile, which is the first one of the next."""
    mesh = joined(ball(12, 24, corner=(0, 0), extent=1.0), ball(12, 24, centre=(2.5, 0, 0), corner=(1.05, 1.05)))
    looks = cameras.ring(mesh.positions, 4, 128)
    baked = view_bake.bake_views(mesh, looks, pictures(mesh, looks), 64)
    assert [sheet.sheet.tile for sheet in baked.sheets] == [1001, 1012]
    assert all(sheet.covered.mean() > 0.7 and sheet.seen > 0.3 for sheet in baked.sheets)


def test_what_no_camera_sees_takes_the_colour_next_to_it_on_the_surface() -> None:
    mesh = ball()
    looks = [cameras.framing(mesh.positions, (0, 1, 0), 256)]
    front = np.full((256, 256, 3), (200, 40, 10), np.uint8)
    baked = view_bake.bake_views(mesh, looks, [front], 128, BakeOptions(gains=False))
    sheet = baked.sheets[0]
    assert 0.15 < sheet.seen < 0.5
    assert np.abs(sheet.texture.astype(int) - (200, 40, 10)).max() <= 1, "also beyond the chart"
    bare = view_bake.bake_views(mesh, looks, [front], 128, BakeOptions(gains=False, fill="none"))
    assert not bare.texture[(bare.winner == NONE) & bare.sheets[0].covered].any()


def test_a_view_s_own_alpha_is_obeyed(painted) -> None:
    mesh, looks, views, _ = painted
    masked = [
        np.concatenate([view, np.full((256, 256, 1), 255 * (n != 2), np.uint8)], 2) for n, view in enumerate(views)
    ]
    baked = view_bake.bake_views(mesh, looks, masked, 256)
    assert not (baked.winner == 2).any() and (baked.winner == 1).any()


def test_threads_do_not_change_the_result(painted) -> None:
    mesh, looks, views, baked = painted
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        again = view_bake.bake_views(mesh, looks, views, 256)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(again.texture, baked.texture) and np.array_equal(again.winner, baked.winner)


def test_a_thousand_kilometres_from_the_origin_nothing_is_different(painted) -> None:
    mesh, looks, views, baked = painted
    away = np.array([4e5, -1e6, 2e5])
    far = Triangles(mesh.positions.astype(np.float64) + away, mesh.faces, mesh.corner_uvs, mesh.corner_normals)
    moved = []
    for look in looks:
        pose = look.world_from_camera.copy()
        pose[:3, 3] += away
        moved.append(replace(look, world_from_camera=pose))
    again = view_bake.bake_views(far, moved, views, 256)
    assert psnr(again.texture, baked.texture) > 50
    assert np.median(np.abs(again.weight - baked.weight)) < 1e-4


class Cancel(Exception):
    pass


@pytest.mark.parametrize("phase", ["depth", "bake", "fill"])
def test_a_cancel_ends_each_phase(phase: str) -> None:
    mesh = ball()
    looks = cameras.ring(mesh.positions, 2, 64)
    asked = []

    def progress(name, step=0, total=0):
        asked.append(name)
        if name == phase:
            raise Cancel

    with pytest.raises(Cancel):
        view_bake.bake_views(mesh, looks, pictures(mesh, looks), 64, progress=progress)
    assert asked.count(phase) == 1


def test_filling_asks_whether_to_go_on_in_between() -> None:
    """It takes seconds on a large texture."""
    mesh = ball()
    looks, asked = [cameras.framing(mesh.positions, (0, 1, 0), 64)], []
    view_bake.bake_views(mesh, looks, pictures(mesh, looks), 128, progress=lambda name, *_: asked.append(name))
    assert asked.count("fill") > 5


def test_what_cannot_be_baked_is_explained(painted) -> None:
    mesh, looks, views, _ = painted
    bad = views[0].astype(np.float32) / 255
    bad[3, 3] = np.nan
    away = cameras.framing(mesh.positions + 100, (0, 1, 0), 64)
    blank = np.zeros((64, 64, 3), np.uint8)
    cases = [
        ("bad_input", lambda: view_bake.bake_views(mesh, looks[:1], [bad], 64)),
        ("bad_request", lambda: view_bake.bake_views(mesh, looks[:2], views[:1], 64)),
        ("bad_request", lambda: view_bake.bake_views(mesh, looks[:1], [blank], 64)),
        ("bad_request", lambda: view_bake.bake_views(mesh, [], [], 64)),
        ("empty_result", lambda: view_bake.bake_views(mesh, [away], [blank], 64)),
        ("bad_input", lambda: view_bake.bake_views(Triangles(mesh.positions, mesh.faces), looks[:1], views[:1], 64)),
    ]
    for code, call in cases:
        with pytest.raises(Fault) as caught:
            call()
        assert caught.value.code == code
