"""Rigid bodies of plans, judged by the keyframes that come back: falls, bounces, spins, hits, stacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from plans import G, baked, path, plan, tops  # noqa: E402

from blender_aigc.director import keys, rigid  # noqa: E402
from blender_aigc.director.build import carry_out, world_points  # noqa: E402
from blender_aigc.plan import SHAPES, validate  # noqa: E402

FPS = 24
BALL = {"shape": "basketball", "rigid": {}}
pytestmark = pytest.mark.usefixtures("empty_file")


def seconds(frames: int) -> np.ndarray:
    return np.arange(frames) / FPS


def test_a_basketball_falls_by_half_g_t_squared_and_bounces_lower_each_time(tmp_path: Path) -> None:
    ball = {**BALL, "place": {"relation": "above", "distance_m": 2.0}}
    built = baked(plan(ball, frames=84), tmp_path)
    (obj,) = built.objects["basketball"]
    heights = path(obj, 84)[:, 2] - 0.12
    falling = seconds(15)
    fallen = heights[0] - heights[:15]
    assert heights[0] == pytest.approx(2.0, abs=1e-3)
    assert np.allclose(fallen, G * falling**2 / 2, rtol=0.02, atol=1e-4)
    found = [2.0, *tops(heights)]
    assert len(found) >= 4 and all(b < a for a, b in zip(found, found[1:], strict=False))
    assert found[1] / found[0] == pytest.approx(0.8**2, abs=0.05), "the restitution of a basketball is about 0.8"
    assert found[2] / found[1] == pytest.approx(0.8**2, abs=0.05)
    assert heights.min() > -0.002


def test_bounce_of_the_plan_decides_how_high(tmp_path: Path) -> None:
    """Five balls side by side; gold hardly bounces, a hard rubber ball nearly comes back."""
    asked = [0.1, 0.3, 0.5, 0.7, 0.9]
    balls = [
        {"name": f"b{e}", "shape": "sphere", "size_m": [0.3] * 3, "rigid": {"bounce": e},
         "place": {"relation": "at", "offset_m": [i, 0, 1.5]}}
        for i, e in enumerate(asked)
    ]  # fmt: skip
    built = baked(plan(*balls, frames=40), tmp_path)
    highest = []
    for e in asked:
        heights = path(built.objects[f"b{e}"][0], 40)[:, 2] - 0.15
        highest.append(heights[16:].max())
    assert all(a < b for a, b in zip(highest, highest[1:], strict=False))
    assert highest[4] == pytest.approx(1.5 * 0.81, abs=0.12)


def test_what_is_thrown_flies_the_parabola_from_its_frame_on(tmp_path: Path) -> None:
    thrown = {"name": "thrown", **BALL, "place": {"relation": "at", "offset_m": [0, 0, 1]}}
    thrown["rigid"] = {"velocity_m_s": [2, -1, 3], "spin_deg_s": [0, 0, 720], "start_frame": 7}
    built = baked(plan(thrown, frames=24), tmp_path)
    (obj,) = built.objects["thrown"]
    found = path(obj, 24)
    t = seconds(17)[:, None]
    expected = np.array([0, 0, 1.12]) + t * [2, -1, 3] - [0, 0, G / 2] * t**2
    assert np.allclose(found[:7], found[0], atol=1e-5), "it is held until its frame"
    assert np.allclose(found[6:23], expected, atol=0.01)
    turned = []
    for frame in (7, 8, 9, 10):
        bpy.context.scene.frame_set(frame)
        turned.append(obj.matrix_world.to_quaternion())
    steps = [np.degrees(a.rotation_difference(b).angle) for a, b in zip(turned, turned[1:], strict=False)]
    assert np.allclose(steps, 720 / FPS, rtol=0.03)


def test_a_fast_spin_is_not_seen_the_wrong_way_round(tmp_path: Path) -> None:
    """300 degrees a frame: the keys must be those of a body that was computed in smaller steps."""
    spun = {**BALL, "place": {"relation": "above", "distance_m": 1}, "rigid": {"spin_deg_s": [0, 0, 3600]}}
    built = baked(plan(spun, frames=8), tmp_path)
    (obj,) = built.objects["basketball"]
    angles = []
    for frame in range(1, 9):
        bpy.context.scene.frame_set(frame)
        angles.append(obj.matrix_world.to_euler().z)
    steps = np.degrees(np.diff(angles)) % 360
    assert np.allclose(steps, 3600 / FPS % 360, atol=4)


def test_four_balls_spin_differently_and_do_not_reach_into_each_other(tmp_path: Path) -> None:
    balls = {**BALL, "count": 4, "arrange": "heap", "place": {"relation": "above", "distance_m": 1}}
    balls["rigid"] = {"random_spin_deg_s": 400}
    built = baked(plan(balls, frames=60, seed=3), tmp_path)
    found = np.array([path(obj, 60) for obj in built.objects["basketball"]])
    for a in range(4):
        for b in range(a):
            apart = np.linalg.norm(found[a] - found[b], axis=1)
            assert apart.min() > 0.24 - 0.02, "they may sink into each other by 2 cm at most, for one step"
    assert found[:, :, 2].min() > 0.118
    spins = []
    for obj in built.objects["basketball"]:
        bpy.context.scene.frame_set(1)
        first = obj.matrix_world.to_quaternion()
        bpy.context.scene.frame_set(3)
        spins.append(round(np.degrees(first.rotation_difference(obj.matrix_world.to_quaternion()).angle), 1))
    assert len(set(spins)) == 4 and max(spins) <= 400 * 2 / FPS + 1


def test_a_wall_stands_until_a_ball_hits_it(tmp_path: Path) -> None:
    wall = {"name": "wall", "shape": "brick", "count": 15, "arrange": "wall", "rigid": {}}
    still = baked(plan(wall, frames=30), tmp_path / "still")
    moved = [np.abs(path(obj, 30) - path(obj, 1)).max() for obj in still.objects["wall"]]
    assert max(moved) < 0.004
    bpy.ops.wm.read_factory_settings(use_empty=True)
    ball = {"shape": "bowling_ball", "place": {"relation": "at", "offset_m": [0, -1.5, 0.05]}}
    ball["rigid"] = {"velocity_m_s": [0, 8, 0]}
    hit = baked(plan(wall, ball, frames=30), tmp_path / "hit")
    moved = [np.linalg.norm(path(obj, 30)[-1] - path(obj, 30)[0]) for obj in hit.objects["wall"]]
    assert max(moved) > 0.3 and np.median(moved) > 0.02


def test_dominoes_fall_one_after_the_other(tmp_path: Path) -> None:
    tiles = {"name": "tiles", "shape": "domino", "count": 6, "rigid": {}}
    marble = {"shape": "marble", "place": {"relation": "in_front_of", "target": "tiles", "distance_m": 0.03}}
    marble |= {"place": {"relation": "in_front_of", "target": "tiles", "distance_m": 0.03, "offset_m": [0, 0, 0.03]}}
    marble["rigid"] = {"velocity_m_s": [0, 0.8, 0], "mass_kg": 0.03}
    built = baked(plan(tiles, marble, frames=40), tmp_path)
    fell = []
    for obj in built.objects["tiles"]:
        heights = path(obj, 40)[:, 2]
        assert heights[-1] < 0.9 * heights[0], f"{obj.name} still stands"
        fell.append(int(np.argmax(heights < 0.95 * heights[0])))
    assert fell == sorted(fell) and fell[-1] > fell[0]


def test_marbles_stay_in_the_bowl(tmp_path: Path) -> None:
    bowl = {"shape": "bowl"}
    marbles = {"shape": "marble", "count": 12, "place": {"relation": "inside", "target": "bowl"}, "rigid": {}}
    built = baked(plan(bowl, marbles, frames=30), tmp_path)
    for obj in built.objects["marble"]:
        end = path(obj, 30)[-1]
        assert np.hypot(*end[:2]) < 0.15 and 0.0 < end[2] < 0.13


def test_the_same_plan_has_the_same_motion(tmp_path: Path) -> None:
    balls = {**BALL, "count": 3, "arrange": "heap", "place": {"relation": "above", "distance_m": 0.5}}
    balls["rigid"] = {"random_spin_deg_s": 300}
    runs = []
    for run in ("a", "b"):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        built = baked(plan(balls, frames=20, seed=5), tmp_path / run)
        runs.append([path(obj, 20) for obj in built.objects["basketball"]])
    assert np.array_equal(runs[0], runs[1])


def test_gravity_and_slow_motion_are_the_plans(tmp_path: Path) -> None:
    ball = {**BALL, "place": {"relation": "above", "distance_m": 3.0}}
    moon = baked(plan(ball, frames=20, world={"gravity_m_s2": 1.62}), tmp_path / "moon")
    fallen = 3.12 - path(moon.objects["basketball"][0], 20)[:, 2]
    assert np.allclose(fallen, 1.62 * seconds(20) ** 2 / 2, rtol=0.02, atol=2e-3)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    slow = plan(ball)
    slow["timing"] = {"frames": 20, "speed": 0.25, "fps": 30}
    built = baked(slow, tmp_path / "slow")
    fallen = 3.12 - path(built.objects["basketball"][0], 20)[:, 2]
    assert np.allclose(fallen, G * (np.arange(20) / 30 / 4) ** 2 / 2, rtol=0.02, atol=2e-3)


def test_a_ball_rolls_down_a_ramp_and_does_not_sink_into_it(tmp_path: Path) -> None:
    ramp = {"shape": "ramp"}
    ball = {
        "name": "ball",
        "shape": "sphere",
        "size_m": [0.3] * 3,
        "place": {"relation": "on", "target": "ramp"},
        "rigid": {},
    }
    built = baked(plan(ramp, ball, frames=40), tmp_path)
    found = path(built.objects["ball"][0], 40)
    assert found[-1][1] < found[0][1] - 1.0, "towards the front, where the ramp is low"
    corners = world_points(built.objects["ramp"][0])
    low, high = corners.min(0), corners.max(0)
    slope = (high[2] - low[2]) / (high[1] - low[1])
    on_it = (found[:, 1] > low[1] + 0.2) & (found[:, 1] < high[1] - 0.2)
    surface = low[2] + (found[on_it, 1] - low[1]) * slope
    distance = (found[on_it, 2] - surface) / np.sqrt(1 + slope**2)
    assert on_it.sum() > 3 and distance.min() > 0.15 - 0.02


def test_poses_that_are_read_at_once_are_those_of_each_matrix() -> None:
    """Half turns too, where the w of the quaternion is nothing to divide by."""
    from mathutils import Matrix, Quaternion, Vector

    rng = np.random.default_rng(2)
    turns = [*np.eye(4), [0, 0, 0.6, 0.8], [1e-4, 0.8, 0, 0.6], *rng.normal(size=(40, 4))]
    objects = [bpy.data.objects.new(str(i), None) for i in range(len(turns))]
    for obj, turn in zip(objects, turns, strict=True):
        bpy.context.scene.collection.objects.link(obj)
        obj.rotation_mode = "QUATERNION"
        obj.matrix_world = Matrix.LocRotScale(
            Vector(rng.normal(size=3)), Quaternion(turn).normalized(), Vector([20] * 3)
        )
    bpy.context.view_layer.update()
    flat = np.empty(16 * len(objects), np.float32)
    bpy.context.scene.collection.objects.foreach_get("matrix_world", flat)
    for obj, found in zip(objects, keys.poses(flat.reshape(-1, 4, 4)), strict=True):
        location, turned, scale = obj.matrix_world.decompose()
        assert np.allclose(found[:3], location, atol=1e-6) and scale.x == pytest.approx(20, rel=1e-5)
        assert abs(np.dot(found[3:], turned)) == pytest.approx(1.0, abs=1e-6)
        assert found[3] >= 0 and np.linalg.norm(found[3:]) == pytest.approx(1.0)


@pytest.mark.parametrize("made", ["cube", "uv_sphere", "cone", "torus"])
def test_volumes_are_those_of_closed_meshes_wherever_they_are(made: str) -> None:
    import bmesh

    edit = bmesh.new()
    getattr(bpy.ops.mesh, f"primitive_{made}_add")()
    mesh = bpy.context.object.data
    for vertex in mesh.vertices:
        vertex.co.x += 3
    edit.from_mesh(mesh)
    assert rigid.volume_m3(mesh) == pytest.approx(edit.calc_volume(), rel=1e-4)
    edit.free()


def test_copies_weigh_the_same(tmp_path: Path) -> None:
    """Each its own mass, and not Blender's default of a kilogram."""
    bricks = {"name": "b", "shape": "brick", "count": 3, "arrange": "row", "rigid": {}}
    cubes = {"name": "c", "shape": "cube", "size_m": [0.1] * 3, "count": 2, "material": {"name": "wood"}, "rigid": {}}
    asked = validate(plan(bricks, cubes, frames=2))
    built = carry_out(bpy.context, asked)
    rigid.add_bodies(bpy.context.scene, asked, built.objects, built.ground, rigid.clock(asked, FPS))
    weights = {name: {obj.rigid_body.mass for obj in copies} for name, copies in built.objects.items()}
    assert all(len(found) == 1 for found in weights.values())
    assert weights["b"].pop() == pytest.approx(SHAPES["brick"].mass_kg, rel=1e-3)
    assert 0.3 < weights["c"].pop() < 1.0, "a litre of wood"
