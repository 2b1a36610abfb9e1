"""A language model that is held to forms: whatever its weights are, the plan can be carried out."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

import torch  # noqa: E402

from blender_aigc.catalogue import catalogue  # noqa: E402
from blender_aigc.plan import SHAPES, load  # noqa: E402
from blender_aigc.protocol import Blob, Fault, Job  # noqa: E402
from server.context import Cancelled  # noqa: E402
from server.dialogue import held  # noqa: E402
from server.dialogue.answers import NoPlan  # noqa: E402
from server.dialogue.filling import plan_by_forms  # noqa: E402
from server.dialogue.forms import Chosen, chosen_things, dispatch_form, parameter_form  # noqa: E402
from server.dialogue.held import HeldModel  # noqa: E402
from server.dialogue.tiny import write_qwen3, write_smollm3  # noqa: E402
from server.language.read import plan_of  # noqa: E402
from server.pipe import Report  # noqa: E402
from server.registry import Registry  # noqa: E402
from server.weights import Shelf  # noqa: E402
from server.worker import Runner  # noqa: E402


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qwen")
    write_qwen3(folder)
    return folder


@pytest.fixture(scope="module")
def model(weights: Path) -> HeldModel:
    return HeldModel(weights, "cpu")


def wild(model: HeldModel, seed: int) -> HeldModel:
    """The same weights, saying something else each time: as good as other weights."""
    model.temperature, model.seed, model.answer_tokens = 1.5, seed, 8192
    model.wait = lambda _step, _total: None
    return model


@pytest.mark.parametrize("seed", range(6))
def test_any_weights_give_a_plan(seed: int, model: HeldModel) -> None:
    moving = seed % 2 == 0
    plan, talk = plan_by_forms(wild(model, seed), "A ball falls onto a table", seed, moving, retries=0)
    assert talk.questions == 3 and talk.mistakes == []
    assert plan.objects and plan.seed == seed and plan.title == "A ball falls onto a table"
    assert load(plan.to_json(), {info.id: info.params for info in catalogue().generators}, ()) == plan
    if not moving:
        assert not any(thing.rigid or thing.cloth or thing.soft or thing.liquid or thing.gas for thing in plan.objects)


def test_another_family_of_models_gives_a_plan(tmp_path: Path) -> None:
    write_smollm3(tmp_path)
    plan, talk = plan_by_forms(wild(HeldModel(tmp_path, "cpu"), 4), "A ball falls onto a table", 4, True, retries=0)
    assert talk.questions == 3 and talk.mistakes == [] and plan.objects
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "smollm3"


def test_other_weights_say_other_things(tmp_path: Path, weights: Path) -> None:
    write_qwen3(tmp_path, seed=1)
    plans = []
    for folder in (weights, tmp_path):
        mild = HeldModel(folder, "cpu")
        mild.answer_tokens = 8192
        plans.append(plan_by_forms(mild, "a ball", 0, True, retries=0, most_objects=2)[0])
    assert plans[0].objects != plans[1].objects


def test_without_the_mask_it_is_nonsense(model: HeldModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes the plan valid is the mask, not luck."""
    monkeypatch.setattr("llguidance.torch.apply_token_bitmask_inplace", lambda _logits, _mask: None)
    with pytest.raises((NoPlan, Fault)):
        plan_by_forms(wild(model, 0), "a ball", 0, True, retries=0)


@pytest.mark.parametrize("seed", range(4))
def test_any_weights_change_a_plan(seed: int, model: HeldModel) -> None:
    before = plan_of("Three red cubes and a ball fall onto a table in a strong wind")
    try:
        plan, talk = plan_by_forms(wild(model, seed), "make it bigger", 0, True, before, retries=2)
    except NoPlan as failure:  # it may want to keep nothing at all, which is the only thing that it can do wrong
        assert all("nothing in the scene" in mistake for mistake in failure.talk.mistakes)
        return
    assert talk.questions >= 1 and {t.name for t in plan.objects} <= {t.name for t in before.objects}
    assert load(plan.to_json()) == plan


def test_the_same_seed_says_the_same(model: HeldModel) -> None:
    plans = [plan_by_forms(wild(model, 3), "a ball", 0, True, retries=0, most_objects=2)[0] for _ in range(2)]
    assert plans[0] == plans[1]


def test_cancel_takes_effect_within_a_token(model: HeldModel) -> None:
    steps: list[int] = []

    def stop(step: int, _total: int) -> None:
        steps.append(step)
        if len(steps) == 5:
            raise Cancelled

    wild(model, 0).wait = stop
    with pytest.raises(Cancelled):
        plan_by_forms(model, "a ball", 0, True)
    assert len(steps) == 5


def test_what_is_forced_is_not_asked_for(model: HeldModel) -> None:
    """Keys, braces and single choices cost no step of the network."""
    steps: list[int] = []
    wild(model, 2).wait = lambda step, _total: steps.append(step)
    model.written_tokens = 0
    plan_by_forms(model, "a ball", 0, True, retries=0, most_objects=2)
    assert len(steps) < 0.6 * model.written_tokens


def test_an_answer_that_is_cut_off_is_no_plan(model: HeldModel) -> None:
    wild(model, 0).answer_tokens = 12
    with pytest.raises(NoPlan):
        plan_by_forms(model, "a ball", 0, True, retries=0)


def test_thinking_is_switched_off(model: HeldModel) -> None:
    tokens = model._question([{"role": "user", "content": "hello"}])
    assert "</think>" in model._tokenizer.decode(tokens)


def test_a_question_without_end(model: HeldModel) -> None:
    with pytest.raises(Fault, match="tokens"):
        model.ask([{"role": "user", "content": "word " * held._LONGEST_QUESTION}], {"type": "boolean"}, "x")


@pytest.mark.parametrize("damage", ["config", "tokenizer", "weights", "pickle", "layout"])
def test_files_that_are_no_language_model(damage: str, weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(weights, folder)
    if damage == "config":
        (folder / "config.json").write_text("{")
    elif damage == "tokenizer":
        (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    elif damage == "weights":
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    elif damage == "pickle":
        (folder / "model.safetensors").unlink()
        torch.save({"weight": torch.zeros(2)}, folder / "pytorch_model.bin")
    else:
        (folder / "config.json").write_text('{"model_type": "no_such_model"}')
    with pytest.raises(Fault) as caught:
        HeldModel(folder, "cpu")
    assert caught.value.code == "weights_damaged" and "model.safetensors" in caught.value.hint


def test_a_job_from_end_to_end(weights: Path, tmp_path: Path) -> None:
    plan = tmp_path / "before.json"
    plan.write_text(plan_of("Two balls fall onto a table").to_json(), encoding="utf-8")
    runner = Runner(Registry(shelf=Shelf([weights], hub_cache=tmp_path / "none")), "cpu")
    reports: list[Report] = []
    for inputs in ({}, {"plan": plan}):
        out = tmp_path / f"out{len(inputs)}"
        out.mkdir()
        blobs = {key: Blob("0" * 64, ".json") for key in inputs}
        params = {"most_objects": 2, "temperature": 1.0, "answer_tokens": 8192}
        job = Job(str(uuid.uuid4()), "text_to_physics", "local_llm", blobs, params, "a ball falls", 7, "made")
        ending = runner.run(job, out, inputs, reports.append, lambda: False)
        assert ending.say == "done", ending.fault
        assert load((out / "made.plan.json").read_text(encoding="utf-8")).objects
        assert ending.result.provenance.weights_sha256 and ending.result.report["answer_tokens"] > 50
    assert any(report.phase == "Writing the plan" and report.total == 8192 for report in reports)


# ------------------------------------------------------------------------------------------------------------- forms


def test_names_become_different_and_printable() -> None:
    said = {"things": [{"name": "a\x07b", "kind": "cube", "count": 1}] * 3 + [{"name": "", "kind": "cube", "count": 1}]}
    assert [thing.name for thing in chosen_things(said, ("cube",), 8)] == ["a b", "a b 2", "a b 3", "cube"]
    for wrong in ({}, {"things": []}, {"things": [{"name": "a", "kind": "zorble", "count": 1}]}, [1]):
        with pytest.raises(Fault):
            chosen_things(wrong, ("cube",), 8)


def test_a_place_refers_only_to_what_came_before() -> None:
    things = (Chosen("bowl", "bowl"), Chosen("ball", "sphere"), Chosen("table", "table"))
    form = parameter_form(things, True, catalogue())
    items = form["properties"]["things"]["prefixItems"]
    assert items[0]["properties"]["place"]["properties"]["target"]["enum"] == [""]
    inside = items[1]["properties"]["place"]["anyOf"][1]["properties"]
    assert inside == {"relation": {"enum": ["inside"]}, "target": {"enum": ["bowl"]}}
    assert items[2]["properties"]["name"]["enum"] == ["table"]
    assert SHAPES["bowl"].hollow and not SHAPES["table"].hollow


def test_the_forms_are_schemas(model: HeldModel) -> None:
    from llguidance import LLMatcher

    entries = catalogue()
    kinds = (*SHAPES, *(info.id for info in entries.generators))
    things = tuple(Chosen(kind, kind, 2) for kind in kinds)
    for form in (dispatch_form(kinds, 8), parameter_form(things, True, entries)):
        grammar = LLMatcher.grammar_from_json_schema(json.dumps(form))
        assert LLMatcher.validate_grammar(grammar, model._vocabulary) == ""
