"""Rigid bodies on what is soft: they lie on it and dent it, and it is as it was where nothing lies on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from plans import baked, build, path, plan, sheet  # noqa: E402

from blender_aigc.director.bake import Bake  # noqa: E402
from blender_aigc.director.simulate import simulate  # noqa: E402

pytestmark = pytest.mark.usefixtures("empty_file")
JELLY = {"name": "jelly", "shape": "cube", "size_m": [0.4] * 3, "material": {"name": "jelly"}, "soft": {}}
FRAMES = 30


def ball(**place: Any) -> dict[str, Any]:
    return {"name": "ball", "shape": "sphere", "size_m": [0.2] * 3, "rigid": {"mass_kg": 5.0}, "place": place}


def test_a_ball_lies_in_its_dent_on_a_jelly_the_heavier_the_deeper(tmp_path: Path) -> None:
    lows = []
    for kg in (0.2, 5.0):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        thing = {**ball(relation="above", target="jelly", distance_m=0.3), "rigid": {"mass_kg": kg}}
        built = baked(plan(JELLY, thing, frames=FRAMES), tmp_path / str(kg))
        points, middles = sheet(built.objects["jelly"][0], FRAMES), path(built.objects["ball"][0], FRAMES)
        inside = 0.1 - np.linalg.norm(points - middles[:, None], axis=2).min(1)
        assert inside.max() < 0.002, "it gives way to the ball, even in the frame of the impact"
        low, top = middles[:, 2] - 0.1, points[:, :, 2].max(1)
        assert abs(low[-1] - low[-6]) < 0.01, "it has come to rest"
        assert 0.75 * top[-1] < low[-1] < top[-1] - 0.01, "in a dent"
        lows.append(low[-1])
    assert lows[1] < lows[0] - 0.01


def test_a_stretched_sheet_catches_a_ball_and_a_hanging_one_does_not(tmp_path: Path) -> None:
    stretched = {"name": "sheet", "shape": "tablecloth", "size_m": [1.2, 1.2, 0], "cloth": {"pin": "all_corners"},
                 "place": {"relation": "at", "offset_m": [0, 0, 0.7]}}  # fmt: skip
    built = baked(plan(stretched, ball(relation="above", target="sheet", distance_m=0.3), frames=36), tmp_path / "a")
    points, middle = sheet(built.objects["sheet"][0], 36)[-1], path(built.objects["ball"][0], 36)[-1]
    beneath = points[np.linalg.norm(points[:, :2] - middle[:2], axis=1) < 0.1, 2]
    assert middle[2] > 0.45 and beneath.max() < middle[2], "on the sheet, not on the floor"
    assert beneath.min() > middle[2] - 0.14, "and it does not hover over it"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    curtain = {"name": "sheet", "shape": "flag", "size_m": [0.6, 0, 0.6], "cloth": {"pin": "top"},
               "place": {"relation": "at", "offset_m": [0.05, 0, 1]}}  # fmt: skip
    thrown = {**ball(relation="at", offset_m=[0, 0.5, 1.1]), "rigid": {"velocity_m_s": [0, -4, 0]}}
    built = baked(plan(curtain, thrown, frames=12), tmp_path / "b")
    assert path(built.objects["ball"][0], 12)[-1, 1] < -0.5, "a curtain is no wall"


def test_settling_leaves_no_trace(tmp_path: Path) -> None:
    """With a body that could fall on it, a jelly that nothing touches moves as it does beside something fixed."""
    found = []
    for kind in ("passive", "active"):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        thing = {**ball(relation="right_of", target="jelly", distance_m=2.0), "rigid": {"type": kind}}
        built = baked(plan(JELLY, thing, frames=12), tmp_path / kind)
        found.append(sheet(built.objects["jelly"][0], 12))
    assert found[0][-1, :, 2].max() < found[0][0, :, 2].max() - 0.01, "it sinks a little"
    assert np.abs(found[0] - found[1]).max() < 1e-5


@pytest.mark.parametrize(("base_m", "end_m"), [(0.15, 0.1), (0.25, 0.4)], ids=["inside", "half out"])
def test_a_ball_in_a_jelly_is_not_shot_out_of_it(base_m: float, end_m: float, tmp_path: Path) -> None:
    """It falls to the bottom, or is lifted onto the top."""
    jelly = {**JELLY, "place": {"relation": "at"}}
    built = baked(plan(jelly, ball(relation="at", offset_m=[0.03, 0, base_m]), frames=16), tmp_path)
    ways = path(built.objects["ball"][0], 16)
    assert np.allclose(sheet(built.objects["jelly"][0], 1)[0, :, :2].mean(0), 0, atol=0.01)
    assert ways[:, 2].max() < 0.5 and np.abs(ways[:, :2]).max() < 0.1
    assert abs(ways[-1, 2] - end_m) < 0.03


def test_progress_counts_the_settling_and_both_solvers(tmp_path: Path) -> None:
    box = {"name": "box", "shape": "box", "size_m": [0.2] * 3, "rigid": {},
           "place": {"relation": "right_of", "target": "jelly", "distance_m": 1.0}}  # fmt: skip
    said: list[tuple[int, int]] = []
    bake = Bake(bpy.context, build(plan(JELLY, box, frames=3)), tmp_path)
    simulate(bake.folder, bake.part, lambda done, total: said.append((done, total)))
    total = said[0][1]
    assert said == [(done, total) for done in range(1, total + 1)] and total > 2 * 3


def test_a_ball_on_a_jelly_moves_it_the_same_each_time(tmp_path: Path) -> None:
    """Processes differ in the order in which Blender comes to ball and ground: without care two in five differ."""
    found = []
    for number in range(4):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        thing = ball(relation="above", target="jelly", distance_m=0.3)
        built = baked(plan(JELLY, thing, frames=10), tmp_path / str(number))
        found.append(sheet(built.objects["jelly"][0], 10))
    assert all((found[0] == other).all() for other in found[1:])
