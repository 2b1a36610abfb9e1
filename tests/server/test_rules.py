"""The planner by rules: the table of prompts, what it names instead of guessing, the same each time."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blender_aigc.plan import Plan, load, plain
from blender_aigc.protocol import Fault
from server.language.lexicon import lexicon
from server.language.read import plan_of
from server.language.tokens import tokenize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "prompts"))
from prompts import PAPER, PROMPTS, Prompt  # noqa: E402


def sketch(plan: Plan) -> dict[str, str]:
    """Each object as the table writes it: "3 x cube @above table"; a place on the bare ground is left out."""
    found = {}
    for thing in plan.objects:
        count = f"{thing.count} x " if thing.count > 1 else ""
        place = thing.place
        where = f" @{place.relation} {place.target}".rstrip() if (place.relation, place.target) != ("on", "") else ""
        found[thing.name] = count + (thing.source or thing.shape) + where
    return found


def at(plan: Plan, path: str) -> Any:
    """What stands at a path of the table: "ball.rigid.bounce", "camera.view", "wind.speed_m_s"."""
    data: Any = plain(plan, defaults=True)
    names = sorted((thing.name for thing in plan.objects), key=len, reverse=True)
    owner = next((name for name in names if path.startswith(f"{name}.")), "")
    if owner:
        data, path = next(item for item in data["objects"] if item["name"] == owner), path[len(owner) + 1 :]
    elif path.startswith("wind."):
        data, path = next(item for item in data["forces"] if item["type"] == "wind"), path[5:]
    for key in path.split("."):
        data = data[int(key)] if key.isdigit() else data[key] if data is not None else None
    return data


@pytest.mark.parametrize("row", PROMPTS, ids=lambda row: row.text[:60])
def test_the_table(row: Prompt) -> None:
    plan = plan_of(row.text, 7, row.task == "text_to_physics")
    assert sketch(plan) == row.objects
    for path, wanted in row.has.items():
        found = at(plan, path)
        assert wanted(found) if isinstance(wanted, Callable) else found == wanted, (path, found)
    assert load(plan.to_json()) == plan, "what is shown as text is the plan"
    assert plan_of(row.text, 7, row.task == "text_to_physics").to_json() == plan.to_json()


def test_the_table_is_long_enough() -> None:
    assert len(PAPER) == 13 and len(PROMPTS) >= 60
    assert len({row.text for row in PROMPTS}) == len(PROMPTS)


def test_stronger_words_are_stronger_winds() -> None:
    said = ["no", "a very light", "light", "a gentle", "a moderate", "a strong", "a very strong"]
    speeds = [sum(f.speed_m_s for f in plan_of(f"a flag in {word} wind").forces) for word in said]
    assert speeds == sorted(speeds) and len(set(speeds)) == len(speeds)
    named = ["calm", "a light breeze", "a gentle breeze", "a moderate breeze", "a fresh breeze", "a strong breeze"]
    named += ["a gale", "a strong gale", "a storm", "a hurricane"]
    speeds = [plan_of(f"a flag in {word}").forces[0].speed_m_s for word in named[1:]]
    assert speeds == sorted(speeds)
    assert [plan_of(f"a flag in force {n} wind").forces[0].speed_m_s for n in (2, 5, 8, 12)] == [2.4, 9.3, 18.9, 35.0]


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("a cube of 30 cm", 0.3),
        ("a 30-cm cube", 0.3),
        ("a cube, 12 inches wide, 12 inches deep, 12 inches tall", 0.3048),
        ("a cube of half a metre", 0.5),
        ("a cube with a size of 2 ft", 0.6096),
        ("a cube of 1/2 m", 0.5),
        ("a cube of ½ m", 0.5),
        ("a cube of 1.5e1 cm", 0.15),
        ("a cube of 1,500 mm", 1.5),
        ("a 2 x 1 x 0.5 m cube", 2.0),
    ],
)
def test_sizes_in_any_unit(text: str, metres: float) -> None:
    assert plan_of(text).objects[0].size_m[0] == pytest.approx(metres, rel=1e-4)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a cube", 1),
        ("seven cubes", 7),
        ("a dozen cubes", 12),
        ("two dozen cubes", 24),
        ("half a dozen cubes", 6),
        ("two hundred and fifty cubes", 250),
        ("a hundred cubes", 100),
        ("one thousand cubes", 1000),
        ("a couple of cubes", 2),
        ("several cubes", 5),
        ("twenty-five cubes", 25),
        ("a row of nine cubes", 9),
    ],
)
def test_counts(text: str, count: int) -> None:
    assert plan_of(text).objects[0].count == count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("...!?", "no words"),
        ("Ein roter Ball fällt auf den Boden", "not in English"),
        ("Un ballon rouge tombe sur la table", "not in English"),
        ("Una pelota roja cae sobre la mesa con el viento", "not in English"),
        ("一个篮球从空中落下", "not in English"),
        ("Красный мяч падает на стол", "not in English"),
        ("ball " * 10_000, "10,000 words"),
        ("a heavy weightless ball", "heavy and weightless"),
        ("a tiny huge cube", "tiny and huge"),
        ("a hard jelly that is a soft hard ball", "soft and hard"),
        ("thick runny honey flows into a cup", "thick and runny"),
        ("a zorble falls onto a table", "'zorble'"),
        ("0 balls fall", "at least one"),
        ("-3 balls", "at least one"),
        ("2.5 balls", "whole things"),
        ("a ball of -3 cm falls", "less than zero"),
        ("a ball of 0 m", "zero"),
        ("1e9 balls", "too many"),
        ("1,000,000,000 cubes fall", "too many"),
        ("a million balls fall", "too many"),
        ("a cube of 90 km", "large"),
        ("a ball falls from -2 m", "impossible"),
        ("a ball falls from 40 km", "impossible"),
        ("a ball is thrown at 9000 m/s", "impossible"),
        ("a ball falls at 9000 fps", "impossible"),
        ("a ball falls for 9 hours and 9000 seconds", "impossible"),
        ("suddenly beautifully", "nothing in this sentence"),
        ("a marble inside a cube", "no inside"),
        ("a red cube and a sphere. " * 40, "different things"),
    ],
)
def test_bad_input_is_named(text: str, words: str) -> None:
    with pytest.raises(Fault) as caught:
        plan_of(text)
    assert caught.value.code == "bad_input" and caught.value.hint
    assert words in caught.value.message, caught.value.message


def test_an_unknown_thing_gets_the_nearest_offered() -> None:
    for said, offered in (("a domimo", "domino"), ("three spheers", "sphere"), ("a basketbal", "basketball")):
        with pytest.raises(Fault) as caught:
            plan_of(f"{said} falls")
        assert offered in caught.value.hint
        assert "Picture to Mesh" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("A white flag flaps in light wind", "low"),
        ("A white T-shirt flutters in light wind", "front"),
        ("A row of twelve dominoes topples", "side"),
        ("A stack of six crates collapses", "three_quarter"),
        ("A row of twelve dominoes topples, seen from the front", "front"),
        ("A white flag flaps in light wind, top-down view", "top"),
    ],
)
def test_things_are_seen_from_where_they_show_most(text: str, view: str) -> None:
    assert plan_of(text).camera.view == view


def test_a_close_up_follows_what_falls() -> None:
    falling = plan_of("A basketball is dropped onto a table, close-up").camera
    assert (falling.framing, falling.target, falling.move) == ("close", "basketball", "follow")
    assert plan_of("A close-up of a mug on a table").camera.move == "static"
    assert plan_of("A basketball falls, close-up, the camera orbits").camera.move == "orbit"


def test_ignored_words_are_said() -> None:
    plan = plan_of("A melancholic basketball falls onto the floor philosophically")
    assert "melancholic" in plan.notes and "philosophically" in plan.notes
    assert plan_of("A basketball falls onto the floor").notes == ""


def test_no_word_of_the_prompt_is_lost() -> None:
    """Whatever is neither understood nor silent is in the notes: an unknown word in any gap of a known sentence."""
    words = "three red cubes fall onto a wooden table in a strong wind".split()
    for place in range(len(words) + 1):
        text = " ".join([*words[:place], "blorptastically", *words[place:]])
        try:
            assert "blorptastically" in plan_of(text).notes, text
        except Fault as fault:
            assert "blorptastically" in fault.message, text


CODE = (
    "import os; os.system('touch hacked')",
    "__import__('os').remove('a')",
    "a ball named '); bpy.ops.wm.quit_blender() #",
    "{{7*7}} ${jndi:ldap://x} <script>alert(1)</script> a ball",
    "a ball\x00\x07falls",
    "eval exec compile a cube",
)


@pytest.mark.parametrize("text", CODE)
def test_code_in_a_prompt_is_only_words(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        plan = plan_of(text)
    except Fault as fault:
        assert fault.code == "bad_input"
    else:
        assert json.loads(plan.to_json())["title"].isprintable()
    assert not list(tmp_path.iterdir())


def test_tokens_know_where_they_stand() -> None:
    text = "A T-shirt’s 2.5 m, 1,000 balls; -3°"
    for token in tokenize(text):
        assert text[token.start : token.end] == token.text or "'" in token.text
    assert [t.value for t in tokenize(text) if t.kind == "number"] == [2.5, 1000, -3]


def test_the_lexicon_speaks_the_plan() -> None:
    """Every shape, material, colour, liquid and fabric of the plan is a word; and everything in the catalogue."""
    from blender_aigc.catalogue import catalogue
    from blender_aigc.plan import COLORS, LIQUIDS, MATERIALS, SHAPES

    words = lexicon()
    for name in (*SHAPES, *COLORS, *LIQUIDS, *(m for m in MATERIALS if m not in ("basketball", "lamp"))):
        assert words.match(tokenize(name.replace("_", " ")), 0)[1] == len(re.split("_", name)), name
    for info in catalogue().generators:
        for variant in info.variants:
            if info.id == "sky" or variant.words[0] in (
                "water",
                "grass",
                "meadow",
            ):  # words of the light and the ground
                continue
            plan = plan_of(f"a {variant.words[0]}", moving=False)
            assert plan.objects[0].source == info.id or info.id == "ball", variant.words


@pytest.mark.parametrize(
    ("text", "objects", "has"),
    [
        (
            "a red cloth falls over a sphere in the wind",
            {"cloth": "tablecloth @above sphere", "sphere": "sphere"},
            {"cloth.cloth.pin": "none", "cloth.rotation_deg.0": 0.0, "sphere.rigid": None, "wind.speed_m_s": 6.7},
        ),
        ("a tower of ten blocks falls over", {"cube": "10 x cube", "push": "sphere @left_of cube"}, {}),
        (
            "a red cloth lies on a table in the wind",
            {"cloth": "tablecloth @on table", "table": "table"},
            {"cloth.cloth.pin": "none", "cloth.rotation_deg.0": 0.0},
        ),
        ("a blanket in the wind", {"blanket": "blanket @above"}, {"blanket.cloth.pin": "top_corners"}),
        ("a blanket is blown away by the wind", {"blanket": "blanket @above"}, {"blanket.cloth.pin": "none"}),
        ("a t-shirt hangs on a clothesline", {"shirt": "shirt @above"}, {"shirt.cloth.pin": "shoulders"}),
        (
            "five wooden crates tumble down the stairs",
            {"crate": "5 x crate @on stairs", "stairs": "stairs"},
            {"crate.rigid.velocity_m_s.1": -1.0},
        ),
        (
            "a glass marble rolls down a ramp into a bucket",
            {"marble": "ball @on ramp", "ramp": "ramp", "bucket": "bucket @in_front_of ramp"},
            {},
        ),
        (
            "an apple falls from a tree",
            {"apple": "sphere @right_of tree", "tree": "tree"},
            {"apple.rigid.velocity_m_s.0": 0.0, "apple.place.offset_m.2": lambda up: 3 < up < 14},
        ),
        (
            "a ball falls off a table",
            {"ball": "sphere @on table", "table": "table"},
            {"ball.rigid.velocity_m_s.0": lambda speed: 1 < speed < 3},
        ),
        (
            "an ice cube slides across a table and falls off the edge",
            {"cube": "cube @on table", "table": "table"},
            {"cube.rigid.velocity_m_s.0": 2.5},
        ),
        (
            "a red ball hits a blue ball which hits a green ball",
            {"ball": "sphere @left_of blue ball", "blue ball": "sphere @left_of green ball", "green ball": "sphere"},
            {"ball.rigid.velocity_m_s.0": 4.0, "blue ball.rigid.velocity_m_s.0": 0.0},
        ),
        (
            "two cars collide head on at 10 m/s",
            {"car": "car @left_of second car", "second car": "car"},
            {
                "car.rigid.velocity_m_s.0": 10.0,
                "car.rotation_deg.2": 90.0,
                "second car.rigid.velocity_m_s.0": -10.0,
                "second car.rotation_deg.2": 270.0,
            },
        ),
        (
            "a car drives down a ramp",
            {"car": "car @on ramp", "ramp": "ramp"},
            {"car.size_m": None, "ramp.size_m.1": lambda long: long > 8},
        ),
        (
            "a balloon rises into the sky",
            {"balloon": "balloon @above"},
            {"balloon.rigid.velocity_m_s.2": 0.6, "camera.move": "follow", "camera.target": "balloon"},
        ),
        (
            "three balloons float above a table",
            {"balloon": "3 x balloon @above table", "table": "table"},
            {"world.gravity_m_s2": 0.0},
        ),
        (
            "a balloon floats above a table and a cube falls",
            {"balloon": "balloon @above table", "table": "table", "cube": "cube @above"},
            {"world.gravity_m_s2": 9.81, "balloon.rigid": None},
        ),
        (
            "ten spheres fall into a box",
            {"sphere": "10 x sphere @above box", "box": "crate"},
            {"sphere.rigid.type": "active"},
        ),
        ("crates fall", {"crate": "3 x crate @above"}, {}),
        ("dominoes topple", {"domino": "12 x domino", "push": "sphere @in_front_of domino"}, {}),
        ("twenty dominoes in a circle", {"domino": "20 x domino"}, {"domino.arrange": "circle"}),
        (
            "a row of dominoes falls",
            {"domino": "8 x domino", "push": "sphere @in_front_of domino"},
            {"push.rigid.velocity_m_s.1": lambda speed: speed > 0},
        ),
        ("a wave of water crashes into a wall", {"wall": "wall", "water source": "sphere @above wall"}, {"forces": []}),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_artists_type(text: str, objects: dict[str, str], has: dict[str, Any]) -> None:
    plan = plan_of(text, 7)
    assert sketch(plan) == objects
    for path, wanted in has.items():
        found = at(plan, path)
        assert wanted(found) if isinstance(wanted, Callable) else found == wanted, (path, found)


def test_a_tornado_turns_and_what_stands_for_a_thing_is_named() -> None:
    assert [force.type for force in plan_of("balls fall in a tornado").forces] == ["vortex"]
    for text in ("a rubber zorble floats", "a ball falls on a soft zorble", "honey drips onto a stack of zorble"):
        with pytest.raises(Fault, match="'zorble' is not among"):
            plan_of(text)
    assert "spinning top" in plan_of("a spinning top spins on a table").notes
