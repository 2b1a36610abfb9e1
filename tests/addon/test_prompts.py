"""The table of prompts carried out: what the sentence says must be seen on the baked motion, not only in the plan.

All of them take minutes, so by default only one of each kind is run; AIGC_ALL_PROMPTS=1 runs all.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from measured import PROPERTIES, baked_motion, deepest_m, deepest_soft_m, sway  # noqa: E402
from measured_fluids import FLUID_PROPERTIES, baked_fluid  # noqa: E402
from plans import boxes  # noqa: E402

from blender_aigc.director.build import carry_out  # noqa: E402
from blender_aigc.plan import load, plain, validate  # noqa: E402
from blender_aigc.protocol import Fault  # noqa: E402
from server.language.read import plan_of  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "prompts"))
from prompts import LAND, PROMPTS, Prompt  # noqa: E402

ALL = bool(os.environ.get("AIGC_ALL_PROMPTS"))
QUICK = (
    *(
        "A basketball free falls",
        "Four basketballs",
        "A basketball is thrown",
        "A tennis ball, a basketball",
        "Three red",
    ),
    *(
        "A heavy steel ball",
        "A row of twelve",
        "Two balls collide",
        "A stack of six",
        "The moon",
        "A ball is thrown over",
    ),
    *("A gold coin", "A box slides", "There is a cup", "A basketball, made of", "A black cape", "Drop a bowling"),
)
"""What is run by default."""
TRAP = Path(__file__).parent / "fluid_trap"
FLUID_FRAMES, SLOW_FLUID_FRAMES = 48, 84
"""Lava takes its time."""
DEEPEST_M = 0.025
"""Stated distance: nothing is deeper in anything else than this, rigid or soft, not even for the step of an impact."""
LONG = {"ends_inside", "topples", "passes", "bounces_lower"}


def motions(row: Prompt, known: Mapping[str, object]) -> list[tuple[str, ...]]:
    """The properties of `row` that are among `known`."""
    return [tuple(words) for said in row.motion if (words := said.split(":"))[0] in known]


def bends(row: Prompt) -> bool:
    return any(thing.cloth or thing.soft for thing in plan_of(row.text, 7).objects)


def frames_for(row: Prompt) -> int:
    words = {said.split(":")[0] for said in row.motion}
    if "waves_more" in words:  # long enough for some gusts
        return 72
    return 30 if bends(row) else 110 if words & LONG else 60


ROWS = [row for row in PROMPTS if row.motion]


@pytest.mark.parametrize("row", [r for r in ROWS if ALL or r.text.startswith(QUICK)], ids=lambda r: r.text[:50])
def test_what_is_said_is_what_happens(row: Prompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(row.text, 7)
    solid, fluid = motions(row, PROPERTIES), motions(row, FLUID_PROPERTIES)
    assert len(solid) + len(fluid) == len(row.motion)
    if solid:
        motion = baked_motion(plan, tmp_path, frames_for(row))
        for property_, *names in solid:
            PROPERTIES[property_](motion, *names)
        for measured in (deepest_m, deepest_soft_m):
            depth, where = measured(motion)
            assert depth < DEEPEST_M, where
    if fluid:
        monkeypatch.setenv("PYTHONPATH", str(TRAP))
        bpy.ops.wm.read_factory_settings(use_empty=True)
        slow = any(property_ == "flows_down" for property_, *_ in fluid)
        found = baked_fluid(plan, tmp_path / "fluid", SLOW_FLUID_FRAMES if slow else FLUID_FRAMES)
        for property_, *names in fluid:
            FLUID_PROPERTIES[property_](found, *names)


def stands(relation: str, mine: np.ndarray, target: np.ndarray) -> bool:
    """Does a box (2, 3) stand to `target` as the word says? The target of nothing is the ground."""
    middle = mine.mean(0)[:2]
    over = bool(np.all(middle > target[0, :2]) and np.all(middle < target[1, :2]))
    slack = 2e-3
    return {
        "on": over and target[0, 2] - slack <= mine[0, 2] <= target[1, 2] + slack,
        "above": over and mine[0, 2] > target[1, 2] + slack,
        "inside": over and mine[0, 2] >= target[0, 2] and mine[0, 2] < target[1, 2],
        "under": over and mine[1, 2] <= target[1, 2],
        "beside": not over and abs(mine[0, 2] - target[0, 2]) < 0.01,
        "around": not over,
        "left_of": mine[1, 0] <= target[0, 0] + slack,
        "right_of": mine[0, 0] >= target[1, 0] - slack,
        "in_front_of": mine[1, 1] <= target[0, 1] + slack,
        "behind": mine[0, 1] >= target[1, 1] - slack,
    }[relation]


GROUND = np.array([[-1e3, -1e3, -1.0], [1e3, 1e3, 0.0]])


def test_every_sentence_is_built_as_it_says() -> None:
    """Counts and relations of the whole table, on the meshes as they stand at the first frame."""
    for row in PROMPTS if ALL else [row for row in PROMPTS if row not in LAND]:  # forests take their time
        bpy.ops.wm.read_factory_settings(use_empty=True)
        built = carry_out(bpy.context, plan_of(row.text, 7, row.task == "text_to_physics"), staged=False)
        found = boxes(built)
        for name, said in row.objects.items():
            what, _, place = said.partition(" @")
            count = int(what.partition(" x ")[0]) if " x " in what else 1
            assert len(found[name]) == count, (row.text, name)
            relation, _, target = place.partition(" ")
            for box in found[name] if relation else ():
                whole = np.array([found[target][:, 0].min(0), found[target][:, 1].max(0)]) if target else GROUND
                assert stands(relation, box, whole), (row.text, name, place, box, whole)


def test_the_quick_ones_are_in_the_table() -> None:
    assert len([row for row in ROWS if row.text.startswith(QUICK)]) == len(QUICK)


@pytest.mark.skipif(not ALL, reason="five bakes of cloth: AIGC_ALL_PROMPTS=1")
def test_stronger_wind_moves_the_flag_more(tmp_path: Path) -> None:
    found = []
    for wind in ("light", "gentle", "normal", "strong", "violent"):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        found.append(sway(baked_motion(plan_of(f"A white flag flaps in {wind} wind", 7), tmp_path / wind, 72), "flag"))
    assert all(weaker < stronger for weaker, stronger in zip(found, found[1:], strict=False)), found


def test_the_same_sentence_gives_the_same_motion(tmp_path: Path) -> None:
    found = []
    for number in range(2):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        found.append(baked_motion(plan_of("Four basketballs spin randomly and fall", 7), tmp_path / str(number), 20))
    assert (found[0].poses["basketball"] == found[1].poses["basketball"]).all()


CODE = "__import__('os').mkdir('hacked') #"


def test_code_in_every_text_of_a_plan_is_only_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, notes and titles may say anything; where a word is looked up, it is not found. Nothing is run."""
    monkeypatch.chdir(tmp_path)
    whole = plain(
        plan_of("Three red cubes and a flag on a table in a strong wind, water flows into a mug"), defaults=True
    )

    def texts(part: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
        if isinstance(part, dict):
            return [found for key, inner in part.items() for found in texts(inner, (*path, key))]
        if isinstance(part, list):
            return [found for number, inner in enumerate(part) for found in texts(inner, (*path, number))]
        return [path] if isinstance(part, str) else []

    built = 0
    for path in texts(whole):
        data = json.loads(json.dumps(whole))
        here = data
        for key in path[:-1]:
            here = here[key]
        here[path[-1]] = CODE
        try:
            plan = load(json.dumps(data))
        except Fault as fault:
            known = str(path[-1]) in fault.message or path[-1] == "name"  # another object refers to the old name
            assert fault.code == "bad_input" and known, path
            continue
        built += 1
        assert path[-1] in ("title", "notes", "name"), path
        bpy.ops.wm.read_factory_settings(use_empty=True)
        carry_out(bpy.context, validate(plan))
        assert not (tmp_path / "hacked").exists(), path
    assert built >= 2 and not list(tmp_path.iterdir())
