"""Camera, lamps, sky, ground and render settings of a plan, as they stand in the scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Vector  # noqa: E402
from plans import baked, boxes, build, plan  # noqa: E402

from blender_aigc.director.build import Built, carry_out, points_of  # noqa: E402
from blender_aigc.plan import GROUNDS, LIGHTS  # noqa: E402

pytestmark = pytest.mark.usefixtures("empty_file")
FRAMES = 25
CUBE = {"shape": "cube"}


def seen(built: Built) -> tuple[np.ndarray, np.ndarray]:
    """(F, 3) places and (F, 3) viewing directions of the plan's camera."""
    places, ways = [], []
    for frame in range(1, FRAMES + 1):
        bpy.context.scene.frame_set(frame)
        matrix = built.camera.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world
        places.append(matrix.translation[:])
        ways.append((matrix.to_quaternion() @ Vector((0, 0, -1)))[:])
    return np.array(places), np.array(ways)


def filmed(**camera: object) -> tuple[np.ndarray, np.ndarray]:
    return seen(build(plan(CUBE, frames=FRAMES, camera=camera)))


def test_a_still_camera_stands_still() -> None:
    places, ways = filmed()
    assert np.ptp(places, 0).max() == 0 and np.ptp(ways, 0).max() == 0


def test_an_orbit_goes_round_at_one_distance_and_keeps_looking_at_the_middle() -> None:
    places, ways = filmed(move="orbit", turn_deg=180)
    middle = np.array([0, 0, 0.5])
    away = places - middle
    assert np.allclose(np.linalg.norm(away, axis=1), np.linalg.norm(away[0]), rtol=1e-3)
    assert np.allclose(away[-1, :2], -away[0, :2], atol=1e-3), "half a turn"
    assert np.allclose(ways, -away / np.linalg.norm(away, axis=1)[:, None], atol=0.02)


@pytest.mark.parametrize(("move", "nearer"), [("dolly_in", True), ("dolly_out", False)])
def test_a_dolly_comes_nearer_or_goes_away(move: str, nearer: bool) -> None:
    far = np.linalg.norm(filmed(move=move)[0] - [0, 0, 0.5], axis=1)
    assert np.all(np.diff(far) < 0 if nearer else np.diff(far) > 0)
    assert min(far) == pytest.approx(0.6 * max(far), rel=0.05)


def test_a_crane_rises_and_a_pan_turns_on_the_spot() -> None:
    assert np.all(np.diff(filmed(move="rise")[0][:, 2]) > 0)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    places, ways = filmed(move="pan", turn_deg=60)
    assert np.ptp(places, 0).max() < 1e-6
    flat = ways[:, :2] / np.linalg.norm(ways[:, :2], axis=1)[:, None]
    assert np.degrees(np.arccos(flat[0] @ flat[-1])) == pytest.approx(60, abs=1)


def test_follow_keeps_a_moving_thing_in_the_middle() -> None:
    built = build(plan(CUBE, frames=FRAMES, camera={"move": "follow", "target": "cube"}))
    built.objects["cube"][0].location.x = 3.0
    bpy.context.view_layer.update()
    places, ways = seen(built)
    wanted = np.array(built.objects["cube"][0].location) - places[0]
    assert np.allclose(ways[0], wanted / np.linalg.norm(wanted), atol=1e-3)


def test_place_target_lens_and_view_are_the_plans() -> None:
    places, ways = filmed(position_m=[3, -4, 1], look_at_m=[0, 0, 1])
    assert np.allclose(places[0], [3, -4, 1], atol=1e-5) and np.allclose(ways[0], [-0.6, 0.8, 0], atol=1e-4)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    far = {}
    for framing in ("wide", "medium", "close"):
        built = build(plan(CUBE, camera={"framing": framing, "view": "front", "lens_mm": 85}))
        far[framing] = -built.camera.location.y
        assert built.camera.data.lens == 85 and built.camera.data.sensor_width == 36
        bpy.ops.wm.read_factory_settings(use_empty=True)
    assert far["wide"] > far["medium"] > far["close"]


@pytest.mark.parametrize("setup", LIGHTS)
def test_lamps_are_those_of_the_setup(setup: str) -> None:
    light = {"setup": setup, "strength": 2.0, "elevation_deg": 30, "azimuth_deg": 0}
    built = build(plan(CUBE, light=light))
    lamps = [obj for obj in built.collection.objects if obj.type == "LIGHT"]
    count = {"none": 0, "studio": 3, "three_point": 3}.get(setup, 1)
    assert len(lamps) == count
    if count == 1:
        towards = lamps[0].rotation_quaternion @ Vector((0, 0, 1))
        height = 12 if setup == "sunset" else 30
        assert np.degrees(np.arcsin(towards.z)) == pytest.approx(height, abs=0.1) and towards.x > 0.8
    energies = [lamp.data.energy for lamp in lamps]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    weaker = build(plan(CUBE, light={**light, "strength": 1.0}))
    once = [obj.data.energy for obj in weaker.collection.objects if obj.type == "LIGHT"]
    assert np.allclose(energies, 2 * np.array(once)) and all(energy > 0 for energy in once)


@pytest.mark.parametrize("ground", GROUNDS)
def test_the_ground_is_a_slab_whose_top_is_zero(ground: str) -> None:
    built = build(plan(CUBE, world={"ground": ground}))
    if ground == "none":
        assert built.ground is None
        return
    top = built.ground.location.z + max(corner[2] for corner in built.ground.bound_box)
    assert top == pytest.approx(0.0, abs=1e-6) and built.ground.data.materials[0].name.startswith(ground)
    assert boxes(built)["cube"][0][0, 2] == pytest.approx(0.0005, abs=2e-4)


def test_render_settings_length_and_sky_are_the_plans() -> None:
    data = plan(CUBE, timing={"frames": 33, "fps": 30}, world={"sky": "night", "color": "#ff0000"},
                render={"engine": "eevee", "width_px": 200, "height_px": 100, "samples": 3})  # fmt: skip
    scene = bpy.context.scene
    scene.render.resolution_percentage = 50
    build(data)
    assert (scene.frame_start, scene.frame_end, scene.render.fps) == (1, 33, 30)
    assert scene.render.resolution_percentage == 100
    assert (scene.render.resolution_x, scene.render.resolution_y) == (200, 100) and "EEVEE" in scene.render.engine
    shade = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    assert tuple(shade.inputs["Color"].default_value) == pytest.approx((1, 0, 0, 1), abs=1e-3)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    build(plan(CUBE, render={"engine": "cycles", "samples": 3}))
    assert bpy.context.scene.render.engine == "CYCLES" and bpy.context.scene.cycles.samples == 3


def test_a_scene_that_is_kept_keeps_its_camera_length_and_sky() -> None:
    scene = bpy.context.scene
    before = scene.camera, scene.world, scene.frame_end, scene.render.resolution_x
    build(plan(CUBE, frames=7, render={"width_px": 64}), staged=False)
    assert (scene.camera, scene.world, scene.frame_end, scene.render.resolution_x) == before


def in_picture(built: Built, corners: np.ndarray) -> np.ndarray:
    """(N, 2) where points (N, 3) are seen: 0 to 1 from left to right and from the bottom to the top."""
    from bpy_extras.object_utils import world_to_camera_view

    bpy.context.view_layer.update()
    seen_at = [world_to_camera_view(bpy.context.scene, built.camera, Vector(corner))[:2] for corner in corners]
    return np.array(seen_at)


def corners_of(box: np.ndarray) -> np.ndarray:
    """(8, 3) of a box (2, 3)."""
    return np.array([[box[i][0], box[j][1], box[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])


def test_from_above_the_picture_is_about_what_lies_on_the_table() -> None:
    things = {"shape": "table"}, {"shape": "dice", "place": {"relation": "on", "target": "table"}}
    large = {}
    for view in ("top", "high"):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        built = build(plan(*things, camera={"view": view}))
        at = in_picture(built, corners_of(boxes(built)["dice"][0]))
        assert at.min() > 0 and at.max() < 1
        large[view] = np.ptp(at[:, 1])
    assert large["top"] > 0.4 and large["high"] < 0.1, large
    bpy.ops.wm.read_factory_settings(use_empty=True)
    built = build(plan({"shape": "table"}, camera={"view": "top"}))
    assert np.ptp(in_picture(built, corners_of(boxes(built)["table"][0]))[:, 1]) > 0.4, "alone, it is the subject"


@pytest.mark.parametrize("view", ["three_quarter", "high", "side", "top"])
def test_things_fill_the_picture_and_are_in_its_middle(view: str) -> None:
    small = {"name": "small", "shape": "cube", "size_m": [0.2] * 3, "place": {"relation": "at", "offset_m": [3, 1, 2]}}
    built = build(plan({"name": "large", "shape": "cube"}, small, camera={"view": view}))
    at = in_picture(built, np.concatenate([corners_of(box) for found in boxes(built).values() for box in found]))
    left, right = at.min(0), 1 - at.max(0)
    assert np.allclose(left, right, atol=0.003), "as far from one edge as from the other"
    assert min(left) == pytest.approx((1 - 1 / 1.15) / 2, abs=0.005)


def test_what_is_circled_stays_in_the_picture() -> None:
    built = build(plan({"name": "bar", "shape": "cube", "size_m": [4, 0.2, 0.2]}, frames=9,
                       camera={"view": "side", "move": "orbit", "turn_deg": 180}))  # fmt: skip
    corners = corners_of(boxes(built)["bar"][0])
    for frame in range(1, 10):
        bpy.context.scene.frame_set(frame)
        at = in_picture(built, corners)
        assert at.min() > 0 and at.max() < 1, f"frame {frame}"


def test_what_falls_over_is_in_the_picture_to_its_tip(tmp_path: Path) -> None:
    post = {"name": "post", "shape": "cube", "size_m": [0.1, 0.1, 1.5], "rigid": {"spin_deg_s": [0, 60, 0]}}
    built = baked(plan(post, frames=60, camera={"view": "front"}), tmp_path)
    bpy.context.scene.frame_set(60)
    bpy.context.view_layer.update()
    obj = built.objects["post"][0]
    points = points_of(obj.data) @ np.array(obj.matrix_world)[:3, :3].T + np.array(obj.matrix_world)[:3, 3]
    assert np.ptp(points[:, 0]) > 1.4, "it lies"
    at = in_picture(built, points)
    assert at.min() > 0.02 and at.max() < 0.98


def test_cloth_stays_in_the_picture_whole_and_what_rolls_away_is_let_go(tmp_path: Path) -> None:
    flag = {"shape": "flag", "size_m": [0.9, 0, 0.6], "cloth": {"pin": "left"},
            "place": {"relation": "at", "offset_m": [0, 0, 1.5]}}  # fmt: skip
    built = baked(plan(flag, frames=8, camera={"view": "low"}), tmp_path / "flag")  # it hangs below where it was built
    bpy.context.scene.frame_set(8)
    mesh = built.objects["flag"][0].evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = points_of(mesh.data) @ np.array(mesh.matrix_world)[:3, :3].T + np.array(mesh.matrix_world)[:3, 3]
    assert points[:, 2].min() < 1.5 - 0.35
    at = in_picture(built, points)
    assert at.min() > 0.02 and at.max() < 0.98
    bpy.ops.wm.read_factory_settings(use_empty=True)
    far = {"shape": "sphere", "size_m": [0.1] * 3, "rigid": {"velocity_m_s": [8, 0, 0], "friction": 0}}
    stays = {"name": "stays", "shape": "cube", "size_m": [0.3] * 3}
    built = baked(plan(stays, far, frames=40, camera={"view": "front"}), tmp_path / "far")
    bpy.context.scene.frame_set(1)
    cube = in_picture(built, corners_of(boxes(built)["stays"][0]))
    assert np.ptp(cube[:, 1]) > 0.25 and 0 < cube.min() and cube.max() < 1


@pytest.mark.parametrize("view", ["", ", top-down view"])
def test_water_for_a_mug_on_a_table_shows_the_mug_large(view: str) -> None:
    """And not a table with a dot in its middle."""
    from server.language.read import plan_of

    built = carry_out(bpy.context, plan_of(f"Water flows into a white mug on a table{view}", 7))
    at = in_picture(built, corners_of(boxes(built)["mug"][0]))
    assert at.min() > 0.05 and at.max() < 0.95, "all of it is in the picture"
    assert np.ptp(at[:, 1]) > 0.35, "it takes a third of the picture's height"
