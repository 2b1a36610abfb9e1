"""A second sentence changes a plan, says what it changed, and leaves the rest alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from blender_aigc.plan import load, plain
from blender_aigc.protocol import Fault, Result, decode
from server.__main__ import main
from server.language.changes import differences
from server.language.edits import edit
from server.language.read import plan_of

FLAG = "A white flag flaps in light wind"
BALLS = "Two balls fall on a table"
MUG = "Water flows into a mug on a table"
BASKETBALL = "A basketball falls"

TABLE = [
    (FLAG, "make the wind stronger", ["wind: speed_m_s 2.4 -> 3.6"]),
    (FLAG, "make the wind twice as strong", ["wind: speed_m_s 2.4 -> 4.8"]),
    (FLAG, "a bit more wind", ["wind: speed_m_s 2.4 -> 2.823"]),
    (FLAG, "weaker wind", ["wind: speed_m_s 2.4 -> 1.6"]),
    (FLAG, "a storm", ["wind: strength light -> storm", "wind: speed_m_s 2.4 -> 26.4"]),
    (FLAG, "no wind", ["wind: removed"]),
    (FLAG, "remove the wind", ["wind: removed"]),
    (FLAG, "let the wind blow from the right", ["wind: direction_deg 0 -> 180"]),
    (FLAG, "make the flag of silk", ["flag: cloth.fabric cotton -> silk"]),
    (FLAG, "paint the flag blue", ["flag: material.color white -> blue"]),
    (BALLS, "twice as many", ["ball: count 2 -> 4"]),
    (BALLS, "three times as many balls", ["ball: count 2 -> 6"]),
    (BALLS, "three more balls", ["ball: count 2 -> 5"]),
    (BALLS, "fewer balls", ["ball: count 2 -> 1"]),
    (BALLS, "five balls", ["ball: count 2 -> 5"]),
    (BALLS, "remove one ball", ["ball: count 2 -> 1"]),
    (BALLS, "remove the table", ["table: removed", "ball: place.target table -> "]),
    (BALLS, "add a cup on the table", ["cup: added (1 x cup on table)"]),
    (BALLS, "replace the balls with cubes", ["ball: removed", "cube: added (2 x cube above table)"]),
    (BALLS, "a cube instead of the balls", ["ball: removed", "cube: added (2 x cube above table)"]),
    (BALLS, "make the balls red and the table of glass", None),
    (BALLS, "drop them from higher", ["ball: place.distance_m 1 -> 1.5"]),
    (BALLS, "the balls fall from 5 m", ["ball: place.distance_m 1 -> 5"]),
    (BALLS, "move the table to the left by 1 m", ["table: place.offset_m (0, 0, 0) -> (-1, 0, 0)"]),
    (BALLS, "make the balls twice as big", ["ball: size_m (0.176, 0.176, 0.176) -> (0.352, 0.352, 0.352)"]),
    (BALLS, "on the moon", ["world: gravity_m_s2 9.81 -> 1.62"]),
    (BALLS, "slow motion", ["timing: speed 1 -> 0.25"]),
    (BALLS, "make it longer", ["timing: frames 100 -> 150"]),
    (BALLS, "for 8 seconds", ["timing: frames 100 -> 192"]),
    (BALLS, "from above", ["camera: view three_quarter -> top"]),
    (BALLS, "closer", ["camera: framing medium -> close"]),
    (BALLS, "at night", ["light: setup studio -> night", "world: sky plain -> night"]),
    (BALLS, "brighter light", ["light: strength 1 -> 1.6"]),
    (MUG, "use honey instead of water", ["water source: liquid.substance water -> honey"]),
    (MUG, "make it thicker", ["water source: liquid.viscosity_m2_s automatic -> 0.001"]),
    (BASKETBALL, "half as high", ["basketball: place.distance_m 1.5 -> 0.75"]),
    (BASKETBALL, "make it heavier", ["basketball: rigid.mass_kg automatic -> 1.24"]),
    (BASKETBALL, "bouncier", ["basketball: rigid.bounce automatic -> 0.98"]),
    (BASKETBALL, "rotate the basketball by 90 degrees", ["basketball: rotation_deg (0, 0, 0) -> (0, 0, 90)"]),
]


@pytest.mark.parametrize(("first", "second", "lines"), TABLE, ids=lambda value: str(value)[:50])
def test_the_table_of_changes(first: str, second: str, lines: list[str] | None) -> None:
    before = plan_of(first)
    after = edit(before, second)
    changed = differences(before, after)
    assert changed if lines is None else list(changed) == lines
    assert load(after.to_json()) == after
    assert edit(before, second) == after
    assert before == plan_of(first), "the plan that was given stays as it was"


def test_several_changes_in_one_sentence() -> None:
    before = plan_of(BALLS)
    after = edit(before, "make the balls bigger and remove the table, then twice as many. At night!")
    ball = after.objects[0]
    assert [thing.name for thing in after.objects] == ["ball"]
    assert ball.count == 4 and ball.size_m == (0.264, 0.264, 0.264) and after.light.setup == "night"


@pytest.mark.parametrize(
    ("second", "lines"),
    [
        ("twice as many balls, on the moon", ["ball: count 2 -> 4", "world: gravity_m_s2 9.81 -> 1.62"]),
        ("at night, from above, five balls", 4),
        ("add a red, shiny cube", 1),
    ],
)
def test_changes_between_commas(second: str, lines: list[str] | int) -> None:
    before = plan_of(BALLS)
    told = list(differences(before, edit(before, second)))
    assert told == lines if isinstance(lines, list) else len(told) == lines


def test_what_nobody_knows_is_said() -> None:
    before = plan_of(BALLS)
    assert "blorptastically" in edit(before, "make the balls bigger blorptastically").notes
    for _, second, _ in [row for row in TABLE if row[0] == BALLS]:
        assert "Ignored" not in edit(before, second).notes, second


def test_the_wind_of_a_second_sentence_comes_to_the_first() -> None:
    after = edit(plan_of("A white flag on a pole"), "add a strong wind")
    assert [force.speed_m_s for force in after.forces] == [18.0]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (BASKETBALL, "purple monkeys dishwasher", "means nothing"),
        (BASKETBALL, "", "empty"),
        (BASKETBALL, "remove the basketball", "nothing would be left"),
        (MUG, "remove the elephant cup", "not in the plan"),
        (BASKETBALL, "weaker wind", "no wind"),
        (BASKETBALL, "1000000 basketballs", "impossible"),
        (BALLS, "replace the cup with a ball", "not in the plan"),
        (BALLS, "move the table", "where to"),
        (BALLS, "mach den Ball größer und nicht kleiner", "not in English"),
    ],
)
def test_changes_that_mean_nothing_are_named(first: str, second: str, words: str) -> None:
    with pytest.raises(Fault) as caught:
        edit(plan_of(first), second)
    assert caught.value.code == "bad_input" and words in caught.value.message and caught.value.hint


def test_differences_miss_nothing() -> None:
    """Every field of the plan that is changed by hand is a line."""
    before = plan_of(FLAG)
    for key in ("timing", "camera", "light", "world", "domain", "render"):
        part = plain(getattr(before, key), defaults=True)
        for name, value in part.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                changed = dataclasses.replace(getattr(before, key), **{name: value + 1})
                line = differences(before, dataclasses.replace(before, **{key: changed}))
                assert len(line) == 1 and line[0].startswith(f"{key}: {name} "), (key, name)
    thing, force = before.objects[0], before.forces[0]
    for name in ("count", "scale"):
        changed = dataclasses.replace(thing, **{name: getattr(thing, name) + 1})
        assert differences(before, dataclasses.replace(before, objects=(changed,))) == (f"flag: {name} 1 -> 2",)
    changed = dataclasses.replace(thing, cloth=dataclasses.replace(thing.cloth, fabric="silk"))
    (line,) = differences(before, dataclasses.replace(before, objects=(changed,)))
    assert line.startswith("flag: cloth.fabric ") and line.endswith(" -> silk")
    stronger = dataclasses.replace(force, speed_m_s=30.0)
    (line,) = differences(before, dataclasses.replace(before, forces=(stronger,)))
    assert line.startswith("wind: speed_m_s ") and line.endswith(" -> 30")
    assert differences(before, dataclasses.replace(before, seed=5)) == ("seed: seed 0 -> 5",)
    assert differences(before, before) == ()


def run(*words: str) -> int:
    return main(["run", "text_to_physics", "--model", "rules", *words])


def test_the_command_line_writes_and_changes_plans(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--prompt", FLAG, "--seed", "3", "--name", "flag", "--out", str(tmp_path / "one")) == 0
    first = load((tmp_path / "one" / "flag.plan.json").read_text(encoding="utf-8"))
    assert first == plan_of(FLAG, 3)
    result = decode(Result, (tmp_path / "one" / "result.json").read_text(encoding="utf-8"))
    assert result.artefacts[0].kind == "plan" and result.provenance.prompt == FLAG

    plan = tmp_path / "one" / "flag.plan.json"
    assert run("--prompt", "make the wind stronger", "--plan", str(plan), "--out", str(tmp_path / "two")) == 0
    result = decode(Result, (tmp_path / "two" / "result.json").read_text(encoding="utf-8"))
    second = load((tmp_path / "two" / result.artefacts[0].file).read_text(encoding="utf-8"))
    assert second.forces[0].speed_m_s == 3.6 and second.seed == 3
    assert result.report["changes"] == "wind: speed_m_s 2.4 -> 3.6"
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "changes" not in told[0] and told[1]["changes"] == ["wind: speed_m_s 2.4 -> 3.6"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "bad_input"),
        ("{", "bad_input"),
        ('{"version": 99, "title": "from the future", "objects": []}', "version_mismatch"),
        ('{"version": 1, "title": "x", "objects": [{"name": "a", "shape": "zorble"}]}', "bad_input"),
        ("\xff\xfe", "bad_input"),
    ],
)
def test_a_file_that_is_no_plan(content: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "some.plan.json"
    path.write_bytes(content.encode("latin-1"))
    assert run("--prompt", "more wind", "--plan", str(path), "--out", str(tmp_path / "out")) == 1
    fault = json.loads(capsys.readouterr().out)
    assert fault["code"] == code and fault["message"]
    assert not (tmp_path / "out").exists()
