"""The plan: strict reading, faults with a path, a schema that agrees with the reader."""

from __future__ import annotations

import copy
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from blender_aigc.plan import (
    COLORS,
    LIQUIDS,
    MATERIALS,
    PLAN_VERSION,
    SHAPES,
    Plan,
    PlanObject,
    json_schema,
    load,
    plain,
    validate,
)
from blender_aigc.protocol import Choice, Fault, Param

jsonschema = pytest.importorskip("jsonschema_rs", reason="the second reader comes with schemathesis")

BALL = {"name": "ball", "shape": "basketball", "place": {"relation": "above", "distance_m": 2.0}, "rigid": {}}
CUP = {"name": "cup", "shape": "cup"}
PLAN: dict[str, Any] = {"version": 1, "title": "A ball falls", "objects": [BALL, CUP]}


def edited(path: str, new: object) -> dict[str, Any]:
    """PLAN with `new` at `path`, such as "objects.0.size_m"; the steps in between are made."""
    plan: Any = copy.deepcopy(PLAN)
    step, keys = plan, path.split(".")
    for key, following in zip(keys, keys[1:], strict=False):
        if isinstance(step, list):
            step = step[int(key)]
        else:
            step = step.setdefault(key, [] if following.isdigit() else {})
    if isinstance(step, list):
        step.insert(int(keys[-1]), new)
    else:
        step[keys[-1]] = new
    return plan


def test_what_is_left_out_has_its_default_and_the_text_is_short() -> None:
    plan = validate(PLAN)
    assert plan.timing.frames == 100 and plan.objects[0].rigid is not None and plan.objects[1].rigid is None
    assert json.loads(plan.to_json()) == PLAN
    assert validate(plain(plan, defaults=True)) == plan == load(plan.to_json()) == validate(plan)


WRONG = [
    ("objects.0.shap", "ball", r"\$\.objects\[0\]\.shap: this word is not known here", "Did you mean shape"),
    ("objects.0.shape", "basketbal", r"\$\.objects\[0\]\.shape: 'basketbal'", "basketball"),
    ("objects.0.shape", 4, r"\$\.objects\[0\]\.shape: .*a word is wanted", ""),
    ("objects.0.size_m", [1, 1], r"size_m: the list has 2 items", ""),
    ("objects.0.size_m", [1, 1, -1], r"size_m\[2\]: -1 m is impossible", "Between 0 and 1000 m"),
    ("objects.0.size_m", [0, 0, 0], r"size_m: .*two extents", ""),
    ("objects.0.size_m", [1, 1, 0], r"size_m: a basketball cannot be flat", ""),
    ("objects.0.count", 1_000_000_000, r"count: 1e\+09 is impossible", "Between 1 and 1000"),
    ("objects.0.count", True, r"count: .*a number is wanted", ""),
    ("objects.0.count", 2.5, r"count: .*whole number", ""),
    ("objects.0.count", "3", r"count: .*a number is wanted", ""),
    ("objects.0.rigid.mass_kg", 0, r"rigid\.mass_kg: 0 kg is impossible", ""),
    ("objects.0.rigid.bounce", 1.5, r"rigid\.bounce: 1\.5 is impossible", ""),
    ("objects.0.rigid.start_frame", 400, r"rigid\.start_frame: frame 400 is after the end", "frame 100"),
    ("objects.0.cloth", {}, r"\$\.objects\[0\]: 'ball' cannot be cloth and rigid at once", ""),
    ("objects.1.rigid", {"type": "passive", "velocity_m_s": [1, 0, 0]}, r"passive cannot have a velocity", ""),
    ("objects.1.cloth", {"release_frame": 10}, r"nothing is pinned", ""),
    ("objects.1.liquid", {"start_frame": 20, "stop_frame": 10}, r"liquid\.stop_frame: it stops before", ""),
    ("objects.1.name", "ball", r"\$\.objects\[1\]\.name: 'ball' is the name of another object", ""),
    ("objects.1.name", " ", r"name: the name is empty", ""),
    ("objects.1.name", "a\nb", r"control character", ""),
    ("objects.1.name", "\ud800", r"broken letter", ""),
    ("objects.0.place.target", "cub", r"place\.target: there is no object 'cub'", "cup"),
    ("objects.0.place", {"relation": "inside", "target": "ball"}, r"is a circle|nothing fits inside", ""),
    ("objects.0.place", {"relation": "inside"}, r"'inside' needs a target", ""),
    ("objects.0.place", {"relation": "at", "target": "cup"}, r"'at' is a place in the world", ""),
    ("objects.0.material", {"name": "woood"}, r"material\.name: 'woood' is no known material", "wood"),
    ("objects.0.material", {"color": "#12345"}, r"material\.color: '#12345' is no known colour", ""),
    ("objects.0.source", "tree", r"source: a basketball has no source", ""),
    ("objects.0.shape", "generator", r"source: the catalogue's name is missing", ""),
    ("objects.0.settings", [{"key": "a", "value": 1}], r"settings: a basketball has no settings", ""),
    ("forces", [{"type": "wind", "strength": "hurricane"}], r"forces\[0\]\.strength: 'hurricane'", "Known are: none"),
    ("camera", {"target": "bal"}, r"\$\.camera\.target", "ball"),
    ("world", {"color": "blu"}, r"\$\.world\.color", "blue"),
    ("timing", {"fps": 0}, r"\$\.timing\.fps: 0 1/s is impossible", ""),
    ("timing", None, r"\$\.timing: here stands nothing", ""),
    ("version", 0, r"\$\.version", ""),
    ("objects", [], r"\$\.objects: there is nothing in the scene", ""),
    ("objects", "none", r"\$\.objects: .*a list is wanted", ""),
]  # fmt: skip


@pytest.mark.parametrize(("path", "new", "message", "hint"), WRONG, ids=lambda item: str(item)[:40])
def test_mistakes_are_named_with_their_place(path: str, new: object, message: str, hint: str) -> None:
    with pytest.raises(Fault) as caught:
        validate(edited(path, new))
    assert caught.value.code == "bad_input"
    assert re.search(message, caught.value.message) and hint in caught.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"version":1', "[" * 100_000, '{"version":1,"version":1}',
                                  '{"version":NaN}', "import os", "```json\n{}\n```", " " * 500_000])  # fmt: skip
def test_what_is_no_plan_is_a_fault(text: str) -> None:
    with pytest.raises(Fault) as caught:
        load(text)
    assert caught.value.code == "bad_input"


def test_a_plan_of_a_newer_version_is_told_from_a_wrong_one() -> None:
    with pytest.raises(Fault) as caught:
        validate({"version": PLAN_VERSION + 1, "a key of the future": 1})
    assert caught.value.code == "version_mismatch" and "Update" in caught.value.hint


def test_relations_in_a_ring_are_refused() -> None:
    ring = [{"name": a, "shape": "cube", "place": {"relation": "on", "target": b}} for a, b in ("ab", "bc", "ca")]
    with pytest.raises(Fault, match="circle"):
        validate({"version": 1, "title": "ring", "objects": ring})


def test_the_settings_of_a_generator_are_those_of_the_catalogue() -> None:
    params = (
        Param("height_m", "float", "Height", "Height", 3.0, 0.5, 30.0, unit="m"),
        Param("rings", "int", "Rings", "Rings", 3, 1, 9),
        Param("kind", "enum", "Kind", "Kind", "oak", choices=(Choice("oak", "Oak"), Choice("fir", "Fir"))),
    )

    def ask(source: str, **settings: object) -> Plan:
        given = [{"key": key, "value": value} for key, value in settings.items()]
        thing = {"name": "tree", "shape": "generator", "source": source, "settings": given}
        return validate({"version": 1, "title": "t", "objects": [thing]}, {"tree": params}, [])

    assert ask("tree", height_m=4, rings=2, kind="fir").objects[0].settings[0].value == 4
    for source, settings, said in (
        ("treee", {}, "not in the catalogue"),
        ("tree", {"height": 3}, "has no 'height'"),
        ("tree", {"height_m": 300}, "between 0.5 and 30"),
        ("tree", {"kind": "palm"}, "cannot be 'palm'"),
        ("tree", {"rings": 2.5}, "must be int"),
    ):
        with pytest.raises(Fault, match=said):
            ask(source, **settings)


def groups(schema: Any) -> list[dict[str, Any]]:
    """Every object schema inside `schema`."""
    if isinstance(schema, list):
        return [found for item in schema for found in groups(item)]
    if not isinstance(schema, dict):
        return []
    here = [schema] if schema.get("type") == "object" else []
    return here + [found for item in schema.values() for found in groups(item)]


@pytest.mark.parametrize("strict", [False, True])
def test_the_schema_is_closed_described_and_not_recursive(strict: bool) -> None:
    schema = json_schema(strict)
    jsonschema.meta.validate(schema)
    assert "$ref" not in json.dumps(schema)
    for group in groups(schema):
        assert group["additionalProperties"] is False
        assert all(item["description"] for item in group["properties"].values())
        if strict:
            assert group["required"] == list(group["properties"])
            assert not {"default", "maxLength", "minLength"} & {k for p in group["properties"].values() for k in p}


def test_the_schema_agrees_with_the_reader() -> None:
    """Whatever the schema refuses the reader refuses, and the reader's own plans fit the schema."""
    judge = jsonschema.Draft202012Validator(json_schema())
    assert judge.is_valid(PLAN)
    assert jsonschema.Draft202012Validator(json_schema(strict=True)).is_valid(plain(validate(PLAN), defaults=True))
    refused = [path for path, new, _, _ in WRONG if not judge.is_valid(edited(path, new))]
    assert len(refused) >= 15
    catalogue = json_schema(most_objects=2, generators=["tree"], assets=["car"])["properties"]["objects"]
    assert catalogue["maxItems"] == 2 and catalogue["items"]["properties"]["source"]["enum"] == ["", "car", "tree"]


def test_a_small_model_can_be_held_to_the_schema() -> None:
    llguidance = pytest.importorskip("llguidance", reason="the server's environment has it")
    for strict in (False, True):
        grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(json_schema(strict, most_objects=4)))
        error = llguidance.LLMatcher.validate_grammar(grammar, None)
        assert not error, error


def test_code_in_every_text_stays_text() -> None:
    code = "__import__('os').system('x')"
    plan = validate({"version": 1, "title": code, "notes": code, "objects": [{"name": code, "shape": "cube"}]})
    assert plan.title == plan.notes == plan.objects[0].name == code


def test_the_words_have_possible_numbers() -> None:
    for color in (*COLORS.values(), *(m.color for m in MATERIALS.values()), *(q.color for q in LIQUIDS.values())):
        assert re.fullmatch("#[0-9a-f]{6}", color)
    for name, shape in SHAPES.items():
        assert shape.material in MATERIALS, name
        assert sum(extent > 0 for extent in shape.size_m) >= 2, name
    for material in MATERIALS.values():
        assert 0 <= material.bounce <= 1 and 0 <= material.friction <= 2 and 10 <= material.density <= 20_000
    assert PlanObject("a", "basketball").count == 1


def test_the_published_page_and_schema_are_fresh() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    made = runpy.run_path(str(docs / "plan.py"))
    assert (docs / "plan.md").read_text(encoding="utf-8") == made["page"](), "run: python docs/plan.py"
    assert (docs / "plan.schema.json").read_text(encoding="utf-8") == made["schema"](), "run: python docs/plan.py"
