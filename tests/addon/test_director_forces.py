"""Force fields on what moves: the same push at every frame rate, to the right side, and none on what is still held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from measured import baked_motion  # noqa: E402
from plans import plan  # noqa: E402

from blender_aigc.plan import validate  # noqa: E402

SIDE_M, MASS_KG, HIGH_M = 0.24, 0.1, 5.0
WIND_M_S = 10.0


def ball(x: float, **rigid: Any) -> dict[str, Any]:
    place = {"relation": "at", "offset_m": [x, 0, HIGH_M]}
    return {"name": f"ball {x}", "shape": "sphere", "size_m": [SIDE_M] * 3, "place": place,
            "rigid": {"mass_kg": MASS_KG, **rigid}}  # fmt: skip


def flown(home: Path, thing: dict[str, Any], force: dict[str, Any], fps: int = 24, speed: float = 1.0) -> np.ndarray:
    """(F, 3) way of the only body in weightlessness over one simulated second."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    frames = round(fps / speed) + 1
    force = {"speed_m_s": WIND_M_S, "gusts": 0, "position_m": [0, 0, HIGH_M + SIDE_M / 2], **force}
    data = plan(
        thing, forces=[force], world={"gravity_m_s2": 0.0}, timing={"frames": frames, "fps": fps, "speed": speed}
    )
    path = baked_motion(validate(data), home, frames).paths(thing["name"])[0]
    return path - path[0]


def carried(seconds: float) -> float:
    """Way of a ball that the wind pushes with 1/2 rho c A v2 until it is as fast: m dv/dt = k (w - v)."""
    push = 0.5 * 1.2 * 0.5 * SIDE_M**2 * WIND_M_S**2
    tau = MASS_KG * WIND_M_S / push
    return WIND_M_S * (seconds - tau * (1 - np.exp(-seconds / tau)))


def test_a_wind_carries_a_ball_by_its_drag_whatever_the_frame_rate(tmp_path: Path) -> None:
    for number, (fps, speed) in enumerate(((24, 1.0), (60, 1.0), (24, 0.25))):
        way = flown(tmp_path / str(number), ball(2), {"type": "wind"}, fps, speed)
        assert way[-1, 0] == pytest.approx(carried(1.0), rel=0.10), (fps, speed)
        assert np.abs(way[:, 1:]).max() < 0.01


def test_boxes_are_carried_as_balls_are(tmp_path: Path) -> None:
    """Scenes of balls are computed enlarged, others are not."""
    box = {**ball(2), "shape": "cube"}
    assert flown(tmp_path, box, {"type": "wind"})[-1, 0] == pytest.approx(carried(1.0), rel=0.10)


def test_what_is_held_gathers_no_push(tmp_path: Path) -> None:
    free = flown(tmp_path / "free", ball(2), {"type": "wind"})
    held = flown(tmp_path / "held", ball(2, start_frame=13), {"type": "wind"})
    assert np.abs(held[:13]).max() < 1e-4
    assert np.allclose(held[12:], free[:13], atol=0.02)


@pytest.mark.parametrize(
    ("kind", "axis", "sign"), [("attract", 0, -1), ("repel", 0, 1), ("vortex", 1, 1), ("blast", 0, 1)]
)
def test_every_field_pushes_to_its_side(kind: str, axis: int, sign: int, tmp_path: Path) -> None:
    way = flown(tmp_path, ball(2), {"type": kind})[8]
    assert sign * way[axis] > 0.3 and np.argmax(np.abs(way)) == axis


def test_a_blast_is_over_at_once_and_flings_light_things_far_and_heavy_ones_not(tmp_path: Path) -> None:
    light = flown(tmp_path / "light", ball(2), {"type": "blast", "start_frame": 6})
    heavy = flown(tmp_path / "heavy", ball(2, mass_kg=10.0), {"type": "blast", "start_frame": 6})
    assert np.abs(light[:5]).max() < 1e-4
    steps = np.diff(light[9:, 0])
    assert np.allclose(steps, steps[0], rtol=1e-3), "nothing pushes any more"
    assert light[-1, 0] == pytest.approx(100 * heavy[-1, 0], rel=0.02)


def test_turbulence_blows_neighbours_different_ways_and_the_seed_decides_which(tmp_path: Path) -> None:
    ways = [
        flown(tmp_path / str(number), ball(x), {"type": "turbulence"})[12] for number, x in enumerate((0.3, 2.7, 0.3))
    ]
    assert np.linalg.norm(ways[0]) > 0.05 and np.linalg.norm(ways[0] - ways[1]) > 0.05
    assert np.array_equal(ways[0], ways[2])


@pytest.mark.parametrize(("kind", "sign"), [("attract", -1), ("repel", 1)])
def test_cloth_is_drawn_to_a_centre_and_pushed_from_it(kind: str, sign: int, tmp_path: Path) -> None:
    flag = {"shape": "flag", "size_m": [0.3, 0, 0.2], "cloth": {}, "rotation_deg": [0, 0, 90],
            "place": {"relation": "at", "offset_m": [2, 0, HIGH_M]}}  # fmt: skip
    bpy.ops.wm.read_factory_settings(use_empty=True)
    force = {"type": kind, "speed_m_s": 5.0, "position_m": [0, 0, HIGH_M + 0.1]}
    data = plan(flag, forces=[force], world={"gravity_m_s2": 0.0})
    path = baked_motion(validate(data), tmp_path, 10).paths("flag")[0]
    assert sign * (path[-1, 0] - path[0, 0]) > 0.1
