"""What the user marked and selected reaches the planners with the job, and plans name it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from language_model import Asked, Reply, language_model

from blender_aigc.catalogue import Asset, Catalogue, OwnThings, Selected, catalogue
from blender_aigc.plan import Plan, load
from blender_aigc.protocol import Blob, Fault, Job, encode
from server.dialogue.questions import MOST_OWN, fitting
from server.language.edits import edit
from server.language.lexicon import lexicon
from server.language.own import entries_of, words_of
from server.language.read import plan_of
from server.pipe import Report
from server.registry import Registry
from server.weights import Shelf
from server.worker import Runner

OWN = OwnThings(
    (
        Asset("SM_HeroRobot_v02", "object", ("bot", "wood"), "A walking toaster", (1.0, 0.5, 1.8)),
        Asset("Oma's Vase", "object", ("heirloom",), "From grandmother", (0.2, 0.2, 0.5)),
        Asset("Statue of Liberty", "collection", (), "", (3.0, 3.0, 46.0)),
        Asset("Ball", "object", (), "", (0.5, 0.5, 0.5)),
    ),
    (Selected("Cube.001", (1.0, 1.0, 1.0), (2.0, 0.0, 0.0)), Selected("Cone", (1.0, 1.0, 2.0), (4.0, 1.0, 0.5))),
)


@pytest.fixture(scope="module")
def own() -> Catalogue:
    return catalogue().with_own(OWN)


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "own.json"
    path.write_text(encode(OWN))
    return path


@pytest.mark.parametrize(
    ("text", "source", "count"),
    [
        ("Three hero robots fall onto a wooden table", "SM_HeroRobot_v02", 3),
        ("two robots fall", "SM_HeroRobot_v02", 2),  # the head of the name, in the plural
        ("a bot is thrown towards the camera", "SM_HeroRobot_v02", 1),  # a tag
        ("a toaster spins and falls", "SM_HeroRobot_v02", 1),  # the head of the description
        ("five heirlooms fall", "Oma's Vase", 5),
        ("Oma's vase stands on a table", "Oma's Vase", 1),
        ("the Statue of Liberty falls", "Statue of Liberty", 1),
        ("a statue falls", "Statue of Liberty", 1),
        ("a ball bounces", "Ball", 1),  # before the shape of that name
    ],
)
def test_the_grammar_knows_names_plurals_tags_and_descriptions(
    text: str, source: str, count: int, own: Catalogue
) -> None:
    thing = plan_of(text, entries=own).objects[0]
    assert (thing.shape, thing.source, thing.count) == ("asset", source, count)


def test_a_vase_that_is_called_so_goes_before_the_head_of_a_name(own: Catalogue) -> None:
    assert plan_of("a vase stands on a table", entries=own).objects[0].source == "vase"


def test_a_tag_that_is_an_adjective_stays_one(own: Catalogue) -> None:
    table = plan_of("a wood table", entries=own).objects[0]
    assert table.shape == "table" and table.material is not None and table.material.name == "wood"


def readings(node: Any, path: str = "") -> dict[str, list[tuple[str, str]]]:
    """All phrases below `node` and what each may be: (tag, what it stands for), nouns first."""
    found = {path: [(reading.tag, str(reading.value)) for reading in node.readings]} if node.readings else {}
    for word, below in node.below.items():
        found |= readings(below, f"{path} {word}".strip())
    return found


def test_own_words_go_on_top_of_the_lexicon_and_leave_it_as_it_is(own: Catalogue) -> None:
    plain = lexicon()
    before = readings(plain._root)
    wide = readings(words_of(own, False)._root)
    assert readings(plain._root) == before, "the words of the product have changed"
    touched = {phrase for phrase in wide if wide[phrase] != before.get(phrase)}
    assert {"hero robot", "robot", "bot", "toaster", "heirloom", "ball"} <= touched and "vase" not in touched
    assert all(phrase in wide for phrase in before)
    for phrase in touched:  # the own noun first, then what else the phrase was, in the same order
        (tag, value), *others = wide[phrase]
        assert tag == "noun" and "'asset'" in value
        assert others == [reading for reading in before.get(phrase, []) if reading[0] != "noun"]


def test_five_hundred_assets_copy_only_what_they_touch() -> None:
    many = OwnThings(tuple(Asset(f"SM_Prop{n}_Zorb", "object", (f"tag{n}",)) for n in range(500)))
    wide, plain = words_of(catalogue().with_own(many), False)._root, lexicon()._root
    assert sum(wide.below[word] is node for word, node in plain.below.items()) > 0.95 * len(plain.below)
    assert {"prop", "zorb"} & {*wide.below} and "zorb" not in plain.below


def test_without_own_things_the_words_are_as_before() -> None:
    assert words_of(catalogue(), False) is words_of(catalogue(), False)
    with pytest.raises(Fault, match="heirloom"):
        plan_of("five heirlooms fall", entries=catalogue())


def test_a_misspelt_asset_is_offered(own: Catalogue) -> None:
    with pytest.raises(Fault) as told:
        plan_of("a heirlom falls", entries=own)
    assert "heirloom" in told.value.hint


def test_a_second_sentence_names_own_things(own: Catalogue) -> None:
    before = plan_of("a robot stands on a table", entries=own)
    assert edit(before, "three more robots", own).objects[0].count == 4
    added = edit(before, "add an heirloom on the table", own).objects[-1]
    assert (added.shape, added.source, added.place.target) == ("asset", "Oma's Vase", "table")


# ------------------------------------------------------------------------------------------------------ the selection


def test_selected_objects_fall_from_where_they_are(own: Catalogue) -> None:
    cube, cone = plan_of("drop the selected objects", entries=own).objects
    assert (cube.shape, cube.source, cone.source) == ("selected", "Cube.001", "Cone")
    assert cube.rigid is not None and cone.rigid is not None
    assert cube.place.relation == cone.place.relation == "at"
    assert cube.place.offset_m[:2] == (2.0, 0.0) and cone.place.offset_m[:2] == (4.0, 1.0)
    assert cube.place.offset_m[2] > 0.5, "what stands on the ground is lifted to fall"
    assert cone.place.offset_m[2] - cube.place.offset_m[2] == pytest.approx(0.5), "all by the same"


def test_what_hangs_in_the_air_falls_from_there() -> None:
    high = catalogue().with_own(
        OwnThings((), (Selected("A", (1, 1, 1), (0, 0, 3.0)), Selected("B", (1, 1, 1), (0, 0, 5))))
    )
    assert [thing.place.offset_m[2] for thing in plan_of("the selection falls", entries=high).objects] == [3.0, 5.0]


def test_things_fall_onto_the_largest_of_the_selection(own: Catalogue) -> None:
    ball, cube, cone = plan_of("Three beach balls fall onto the selection", entries=own).objects
    assert ball.place.target == cone.name and cube.place.offset_m == (2.0, 0.0, 0.0) and cube.rigid is None


def test_the_selection_keeps_its_arrangement_on_something_else(own: Catalogue) -> None:
    things = {t.source or t.name: t for t in plan_of("drop the selected objects onto a table", entries=own).objects}
    cube, cone = things["Cube.001"].place, things["Cone"].place
    assert cube.target == cone.target == "table"
    assert [b - a for a, b in zip(cube.offset_m, cone.offset_m, strict=True)] == pytest.approx([2.0, 1.0, 0.5])


def test_too_much_is_selected() -> None:
    many = catalogue().with_own(
        OwnThings((), tuple(Selected(f"Cube.{n:03d}", (1, 1, 1), (n, 0, 0)) for n in range(100)))
    )
    with pytest.raises(Fault, match="64"):
        plan_of("drop the selected objects", entries=many)


# ------------------------------------------------------------------------------------------------------ by a job


def run(model: str, prompt: str, folder: Path, own_file: Path, **params: object) -> Report:
    job = Job(str(uuid.uuid4()), "text_to_physics", model, {"own": Blob("0" * 64, ".json")}, params, prompt, 5, "scene")
    return Runner(Registry(shelf=Shelf([])), "cpu").run(job, folder, {"own": own_file}, lambda _: None, lambda: False)


def plan_in(folder: Path) -> Plan:
    return load((folder / "scene.plan.json").read_text(encoding="utf-8"))


def test_the_rules_read_the_jobs_own_things(own_file: Path, tmp_path: Path) -> None:
    assert run("rules", "two robots fall", tmp_path, own_file).say == "done"
    assert plan_in(tmp_path).objects[0].source == "SM_HeroRobot_v02"


@pytest.mark.parametrize("content", [b"{", b'{"assets": [{"name": 3}]}', b'{"generators": []}', b"\xff\xfe"])
def test_a_list_that_cannot_be_read_is_a_fault(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_bytes(content)
    with pytest.raises(Fault, match="cannot be read") as told:
        entries_of(path)
    assert told.value.code == "bad_input"


def _answer(shape: str, source: str) -> str:
    thing = {"name": "it", "shape": shape, "source": source, "rigid": {}}
    return json.dumps({"version": 1, "title": "x", "objects": [thing]})


def test_a_language_model_sees_them_and_may_name_them_only(own_file: Path, tmp_path: Path) -> None:
    replies = [Reply(_answer("asset", "Robby")), Reply(_answer("selected", "Sphere")), Reply(_answer("asset", "Ball"))]
    with language_model(*replies) as model:
        params = {"endpoint": model.address, "model_name": "small", "retries": 2}
        ending = run("openai_compatible", "a robot falls", tmp_path, own_file, **params)
    assert ending.say == "done", ending.fault
    system = model.asked[0].body["messages"][0]["content"]
    assert "SM_HeroRobot_v02 (bot, wood): the user's own object, 1 x 0.5 x 1.8 m. A walking toaster" in system
    assert "Cone: selected by the user, 1 x 1 x 2 m, base at (4, 1, 0.5) m" in system
    assert "'Robby' is not in the catalogue" in model.asked[1].body["messages"][-1]["content"]
    assert "'Sphere' is not selected" in model.asked[2].body["messages"][-1]["content"]
    assert plan_in(tmp_path).objects[0].source == "Ball"


def test_the_three_roles_choose_among_them(own_file: Path, tmp_path: Path) -> None:
    def dispatch(asked: Asked) -> Reply:
        kinds = asked.body["response_format"]["json_schema"]["schema"]["properties"]["things"]["items"]["properties"]
        assert {"own:Ball", "selected:Cone"} <= set(kinds["kind"]["enum"])
        return Reply(json.dumps({"things": [{"name": "robot", "kind": "own:SM_HeroRobot_v02", "count": 1}]}))

    said = [dispatch, Reply(json.dumps({"robot": "shiny", "what happens": "it falls"}))]
    with language_model(*said, Reply(_answer("asset", "SM_HeroRobot_v02"))) as model:
        params = {"endpoint": model.address, "model_name": "small", "roles": True}
        ending = run("openai_compatible", "a robot falls", tmp_path, own_file, **params)
    assert ending.say == "done", ending.fault
    last = model.asked[2].body["messages"][0]["content"]
    assert "SM_HeroRobot_v02" in last and "Oma's Vase" not in last, "only what was chosen"
    assert plan_in(tmp_path).objects[0].shape == "asset"


def test_a_library_of_assets_does_not_fill_the_question() -> None:
    many = tuple(Asset(f"Thing {n}", "object", (f"word{n}",), "", (1, 1, 1)) for n in range(400))
    entries = fitting(catalogue().with_own(OwnThings((*many, Asset("Zebra", "object", ())))), "two zebras fall")
    assert len(entries.assets) == MOST_OWN and entries.assets[0].name == "Zebra"
    selected = tuple(Selected(f"Cube {n}", (1, 1, 1), (n, 0, 0)) for n in range(400))
    assert len(fitting(catalogue().with_own(OwnThings((), selected)), "they fall").selection) == MOST_OWN


def test_a_held_model_fills_in_forms_about_them(own: Catalogue, tmp_path: Path) -> None:
    pytest.importorskip("llguidance")
    pytest.importorskip("torch")
    from server.dialogue.forms import Chosen, chosen_things, dispatch_form, filled_in, parameter_form
    from server.dialogue.held import HeldModel
    from server.dialogue.questions import own_kinds, vocabulary
    from server.dialogue.tiny import write_qwen3

    write_qwen3(tmp_path)
    model = HeldModel(tmp_path, "cpu")
    model.temperature, model.seed, model.answer_tokens = 1.5, 3, 8192
    kinds = tuple(own_kinds(own))
    said = json.loads(model.ask([{"role": "user", "content": "?"}], dispatch_form(kinds, 4), "dispatch"))
    assert {thing.kind for thing in chosen_things(said, kinds, 4)} <= set(kinds)
    things = (Chosen("robot", "own:SM_HeroRobot_v02", 2), Chosen("cone", "selected:Cone"))
    said = json.loads(model.ask([{"role": "user", "content": "?"}], parameter_form(things, True, own), "plan"))
    plan = vocabulary(own).check(filled_in(said, things, "x", 0, True, own))
    assert [(t.shape, t.source) for t in plan.objects] == [("asset", "SM_HeroRobot_v02"), ("selected", "Cone")]
