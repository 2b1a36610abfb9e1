"""Cloth and soft bodies of plans, judged by the caches that come back: wind, pins, drape, jelly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from plans import baked, build, plan, sheet  # noqa: E402

from blender_aigc.director import order  # noqa: E402
from blender_aigc.plan import WINDS  # noqa: E402

pytestmark = pytest.mark.usefixtures("empty_file")
FLAG = {"shape": "flag", "size_m": [0.4, 0, 0.27], "cloth": {"pin": "left"},
        "place": {"relation": "at", "offset_m": [0, 0, 1]}}  # fmt: skip
FRAMES = 36


def test_stronger_wind_moves_the_flag_more_over_five_strengths(tmp_path: Path) -> None:
    """Mean way of all points from frame to frame; a constant wind would make a still board of it."""
    moved, lift = [], []
    for word in WINDS:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        forces = [{"type": "wind", "strength": word}]
        built = baked(plan(FLAG, frames=FRAMES, forces=forces), tmp_path / word)
        (obj,) = built.objects["flag"]
        found = sheet(obj, FRAMES)
        assert np.isfinite(found).all()
        base = np.array([vertex.co.x for vertex in obj.data.vertices])
        held = found[:, base < base.min() + 1e-4]
        assert held.shape[1] >= 3 and np.abs(held - held[0]).max() < 0.005, "the pinned side stays where it is"
        moved.append(float(np.linalg.norm(np.diff(found, axis=0), axis=2).mean()))
        lift.append(float(found[:, :, 0].mean()))
    assert all(b > 1.15 * a for a, b in zip(moved, moved[1:], strict=False)), moved
    assert lift[3] > lift[1] + 0.1, "a strong wind holds it up, a light one lets it hang"


def test_a_strong_wind_runs_through_a_flag_as_ripples_and_holds_it_out(tmp_path: Path) -> None:
    """Bends along the rows of its points; gusts without eddies push it to and fro in one piece (half as bent)."""
    flag = {"shape": "flag", "cloth": {"pin": "left"}, "place": {"relation": "at", "offset_m": [0, 0, 1]}}
    built = baked(plan(flag, frames=FRAMES, forces=[{"type": "wind", "speed_m_s": 18}]), tmp_path)
    found = sheet(built.objects["flag"][0], FRAMES)
    across = len(np.unique(np.round([vertex.co.x for vertex in built.objects["flag"][0].data.vertices], 5)))
    rows = found[FRAMES // 3 :].reshape(FRAMES - FRAMES // 3, -1, across, 3)
    bends = np.linalg.norm(np.diff(rows, 2, axis=2), axis=-1).mean()
    cell = np.linalg.norm(np.diff(rows, axis=2), axis=-1).mean()
    assert bends > 0.06 * cell, bends / cell
    span = np.linalg.norm(rows[:, :, -1] - rows[:, :, 0], axis=-1).mean()
    assert span > 0.8 * cell * (across - 1), "it stands out, rippled and not crumpled"


def test_a_tablecloth_lies_on_the_table_and_hangs_over_its_edge(tmp_path: Path) -> None:
    table = {"shape": "cube", "size_m": [0.4, 0.4, 0.4]}
    cloth = {"shape": "tablecloth", "size_m": [0.7, 0.7, 0], "cloth": {"fabric": "cotton"},
             "place": {"relation": "above", "target": "cube", "distance_m": 0.05}}  # fmt: skip
    built = baked(plan(table, cloth, frames=30), tmp_path)
    (obj,) = built.objects["tablecloth"]
    points = sheet(obj, 30)[-1]
    inside = np.all(np.abs(points[:, :2]) < 0.195, axis=1)
    assert inside.sum() > 50 and points[inside, 2].min() > 0.4 - 0.01, "it reaches at most 1 cm into the table"
    assert points[:, 2].min() < 0.36, "its corners hang down"
    assert points[:, 2].min() > -0.002
    assert np.allclose(obj.matrix_world.translation, [0, 0, 0.45], atol=1e-3), "the cache is in the object's frame"


def test_cloth_lies_on_a_ball_that_has_landed(tmp_path: Path) -> None:
    """Bodies are computed in an enlarged world, and cloth after them in the true one."""
    ball = {"shape": "sphere", "size_m": [0.3] * 3, "rigid": {}}
    cloth = {"shape": "tablecloth", "size_m": [0.7, 0.7, 0], "cloth": {"fabric": "cotton"},
             "place": {"relation": "above", "target": "sphere", "distance_m": 0.1}}  # fmt: skip
    built = baked(plan(ball, cloth, frames=30), tmp_path)
    last = sheet(built.objects["tablecloth"][0], 30)[-1]
    out = np.linalg.norm(last[:, :2], axis=1)
    assert 0.28 < last[out < 0.05, 2].mean() < 0.34, "its middle is on top of the ball"
    assert 0 <= last[out > 0.2, 2].mean() < 0.2, "and it hangs down around it"
    assert (np.linalg.norm(last - [0, 0, 0.15], axis=1) > 0.14).all(), "nowhere inside the ball"


def test_released_pins_let_the_cloth_fall(tmp_path: Path) -> None:
    curtain = {**FLAG, "cloth": {"pin": "top_corners", "release_frame": 8}}
    built = baked(plan(curtain, frames=20), tmp_path)
    found = sheet(built.objects["flag"][0], 20)
    top = found[0][:, 2].argmax()
    assert abs(found[6, top, 2] - found[0, top, 2]) < 0.01
    assert found[19, top, 2] < found[0, top, 2] - 0.3


def test_jelly_wobbles_stays_whole_and_stays_above_the_floor(tmp_path: Path) -> None:
    jelly = {"shape": "cube", "size_m": [0.3] * 3, "material": {"name": "jelly"}, "soft": {"stiffness": 0.5},
             "place": {"relation": "above", "distance_m": 0.15}}  # fmt: skip
    built = baked(plan(jelly, frames=30), tmp_path)
    found = sheet(built.objects["cube"][0], 30)
    extent = found.max(1) - found.min(1)
    assert found[:, :, 2].min() > -0.002
    assert found[0, :, 2].min() - found[-1, :, 2].min() > 0.1, "it fell"
    assert extent[:, 2].min() < 0.995 * extent[0, 2], "it is squeezed when it lands"
    assert extent.min() > 0.1 and extent.max() < 0.6, "and is neither crushed nor torn"


def test_a_balloon_keeps_its_air(tmp_path: Path) -> None:
    """Pressure holds it up, whatever the skin weighs; without it the same skin sinks into itself."""
    high = {}
    for fabric, pressure in (("rubber", 0.0), ("rubber", 5.0), ("silk", 5.0)):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        balloon = {"shape": "balloon", "cloth": {"fabric": fabric, "pressure": pressure}}
        built = baked(plan(balloon, frames=20), tmp_path / f"{fabric}{pressure}")
        points = sheet(built.objects["balloon"][0], 20)[-1]
        high[fabric, pressure] = float(np.ptp(points[:, 2]))
        assert points[:, 2].min() > -0.005
    assert min(high["rubber", 5.0], high["silk", 5.0]) > 0.8 * 0.36, high
    assert high["rubber", 0.0] < 0.5 * 0.36, high


def test_pc2_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    points = np.random.default_rng(1).normal(size=(4, 7, 3)).astype(np.float32)
    order.write_pc2(tmp_path / "a.pc2", points)
    assert np.array_equal(order.read_pc2(tmp_path / "a.pc2"), points)
    (tmp_path / "b.pc2").write_bytes(b"nothing of the kind, but long enough")
    with pytest.raises(ValueError, match="point cache"):
        order.read_pc2(tmp_path / "b.pc2")


@pytest.mark.parametrize("shape", ["shirt", "dress", "cape", "curtain"])
def test_garments_are_of_even_quads_and_can_be_pinned(shape: str) -> None:
    from blender_aigc.director.deform import pinned

    built = build(plan({"shape": shape, "cloth": {}}))
    (obj,) = built.objects[shape]
    sides = np.array([(obj.data.vertices[a].co - obj.data.vertices[b].co).length for a, b in obj.data.edge_keys])
    assert sides.max() < 8 * np.median(sides)
    for pin in ("top", "shoulders", "left"):
        assert 1 <= len(pinned(obj, pin)) < len(obj.data.vertices) / 3
