"""The table of prompts carried out: what the sentence says must be seen on the baked motion, not only in the plan.

All of them take minutes, so by default only one of each kind is run; AIGC_ALL_PROMPTS=1 runs all.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from measured import PROPERTIES, baked_motion, sway  # noqa: E402

from server.language.read import plan_of  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "prompts"))
from prompts import PROMPTS, Prompt  # noqa: E402

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
    *("A gold coin", "A box slides", "There is a cup", "A basketball, made of", "A black cape"),
)
"""What is run by default."""
LONG = {"ends_inside", "topples", "passes", "bounces_lower"}


def motions(row: Prompt) -> list[tuple[str, ...]]:
    """What is measured here; liquids are measured where they are baked."""
    return [tuple(words) for said in row.motion if (words := said.split(":"))[0] in PROPERTIES]


def bends(row: Prompt) -> bool:
    return any(thing.cloth or thing.soft for thing in plan_of(row.text, 7).objects)


def frames_for(row: Prompt) -> int:
    words = {said.split(":")[0] for said in row.motion}
    return 30 if bends(row) else 110 if words & LONG else 60


ROWS = [row for row in PROMPTS if motions(row)]


@pytest.mark.parametrize("row", [r for r in ROWS if ALL or r.text.startswith(QUICK)], ids=lambda r: r.text[:50])
def test_what_is_said_is_what_happens(row: Prompt, tmp_path: Path) -> None:
    motion = baked_motion(plan_of(row.text, 7), tmp_path, frames_for(row))
    for property_, *names in motions(row):
        PROPERTIES[property_](motion, *names)


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
    from blender_aigc.director.build import carry_out
    from blender_aigc.plan import load, plain, validate
    from blender_aigc.protocol import Fault

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
