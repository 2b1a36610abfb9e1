"""The planner that asks an endpoint, against a real HTTP server that says what language models say."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from language_model import Asked, LanguageModel, Reply, language_model
from server_process import ROOT

from blender_aigc.plan import Plan, json_schema, load
from blender_aigc.protocol import Fault, Job, ModelInfo
from server.dialogue.answers import json_in
from server.dialogue.endpoint import Endpoint
from server.dialogue.keys import key_for
from server.language.read import plan_of
from server.pipe import Report
from server.registry import Registry
from server.weights import Shelf
from server.worker import Runner

PROMPT = "A basketball falls onto a table"
GOOD = {
    "version": 1,
    "title": "By the model",
    "objects": [
        {"name": "table", "shape": "table"},
        {
            "name": "ball",
            "shape": "basketball",
            "place": {"relation": "above", "target": "table", "distance_m": 1.2},
            "rigid": {},
        },
    ],
    "notes": "assumed a wooden table",
}
SAID = json.dumps(GOOD)


def ask(
    model: LanguageModel,
    folder: Path,
    prompt: str = PROMPT,
    cancelled: Callable[[], bool] = lambda: False,
    task: str = "text_to_physics",
    inputs: dict[str, Path] | None = None,
    **params: Any,
) -> Report:
    """How a job ended that was run by the worker's own runner."""
    from blender_aigc.protocol import Blob

    folder.mkdir(parents=True, exist_ok=True)
    said = {"endpoint": model.address, "model_name": "small", "timeout_s": 5.0, **params}
    blobs = {key: Blob("0" * 64, ".json") for key in inputs or {}}
    job = Job(str(uuid.uuid4()), task, "openai_compatible", blobs, said, prompt, 5, "scene")
    runner = Runner(Registry(shelf=Shelf([])), "cpu")
    return runner.run(job, folder, inputs or {}, lambda _report: None, cancelled)


def plan_in(folder: Path) -> Plan:
    return load((folder / "scene.plan.json").read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------------------ what works


def test_a_plan_comes_back_with_what_it_took(tmp_path: Path) -> None:
    with language_model(Reply(SAID)) as model:
        ending = ask(model, tmp_path, price_in=2.0, price_out=10.0)
    assert ending.say == "done", ending.fault
    plan = plan_in(tmp_path)
    assert [thing.name for thing in plan.objects] == ["table", "ball"] and plan.seed == 5
    report = ending.result.report
    assert report["planner"] == "openai_compatible" and report["questions"] == 1 and report["refused"] == 0
    assert (report["prompt_tokens"], report["answer_tokens"]) == (100, 40)
    assert report["cost"] == pytest.approx((100 * 2 + 40 * 10) / 1e6)
    asked = model.asked[0]
    assert asked.path == "/v1/chat/completions" and "authorization" not in asked.headers
    assert asked.body["model"] == "small" and asked.body["seed"] == 5 and asked.body["stream"] is False
    wanted = asked.body["response_format"]["json_schema"]
    assert wanted["strict"] is True and "objects" in wanted["schema"]["required"]
    assert PROMPT in asked.body["messages"][-1]["content"]
    assert "basketball" in asked.body["messages"][0]["content"], "the catalogue and the shapes are told"


def test_openai_takes_the_schema() -> None:
    """What "strict" demands: every object closed, every key required, no keyword that it does not know."""

    def walk(schema: Any) -> None:
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                assert schema["additionalProperties"] is False
                assert sorted(schema["required"]) == sorted(schema["properties"])
            barred = {"default", "pattern", "maxLength", "minLength", "oneOf", "allOf", "$ref", "not"}
            assert not barred & {key for key in schema if not isinstance(schema[key], dict) or key == "not"}
            for inner in schema.values():
                walk(inner)
        elif isinstance(schema, list):
            for inner in schema:
                walk(inner)

    walk(json_schema(strict=True, most_objects=24))


@pytest.mark.parametrize(
    "said",
    [
        f"Here is your plan:\n```json\n{SAID}\n```\nHave fun!",
        f"<think>first {{a}} then {{b}}</think>\n\n{SAID}",
        f"\ufeff  {json.dumps(GOOD, indent=4)}\n\n",
        f'{SAID}\n{{"another": "object"}}',
    ],
    ids=["fence", "thinking", "spaces", "two"],
)
def test_prose_around_json(said: str, tmp_path: Path) -> None:
    with language_model(Reply(said)) as model:
        ending = ask(model, tmp_path, retries=0, fall_back=False)
    assert ending.say == "done", ending.fault
    assert plan_in(tmp_path).title == "By the model"


def test_mistakes_go_back_and_are_mended(tmp_path: Path) -> None:
    wrong = json.dumps({**GOOD, "objects": [{"name": "ball", "shape": "zorble"}]})
    with language_model(Reply(wrong), Reply(SAID)) as model:
        ending = ask(model, tmp_path)
    assert ending.say == "done" and ending.result.report["refused"] == 1
    assert ending.result.report["prompt_tokens"] == 200
    again = model.asked[1].body["messages"]
    assert again[-2] == {"role": "assistant", "content": wrong}
    assert "zorble" in again[-1]["content"] and "shape" in again[-1]["content"]


def test_a_plan_is_changed(tmp_path: Path) -> None:
    before = plan_of("A basketball falls")
    (tmp_path / "old.json").write_text(before.to_json(), encoding="utf-8")

    def change(asked: Asked) -> Reply:
        content = asked.body["messages"][-1]["content"]
        assert '"basketball"' in content and "twice as many" in content
        data = json.loads(before.to_json())
        data["objects"][0]["count"] = 2
        return Reply(json.dumps(data))

    with language_model(change) as model:
        ending = ask(model, tmp_path / "out", "twice as many", inputs={"plan": tmp_path / "old.json"})
    assert ending.say == "done", ending.fault
    assert ending.result.report["changes"] == "basketball: count 1 -> 2"


def test_three_roles_in_turn(tmp_path: Path) -> None:
    things = {"things": [{"name": "vase", "kind": "vase", "count": 1}, {"name": "table", "kind": "table", "count": 1}]}
    looks = {"vase": "slim and blue", "table": "old oak", "what happens": "nothing"}
    plan = {"version": 1, "title": "still", "objects": [
        {"name": "vase", "shape": "generator", "source": "vase", "place": {"target": "table"}},
        {"name": "table", "shape": "table"}]}  # fmt: skip
    with language_model(Reply(json.dumps(things)), Reply(json.dumps(looks)), Reply(json.dumps(plan))) as model:
        ending = ask(model, tmp_path, "a vase on a table", task="text_to_scene", roles=True)
    assert ending.say == "done", ending.fault
    names = [asked.body["response_format"]["json_schema"]["name"] for asked in model.asked]
    assert names == ["dispatch", "concept", "plan"]
    last = model.asked[2].body
    assert "slim and blue" in last["messages"][-1]["content"]
    schema = last["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["objects"]["items"]["properties"]["source"]["enum"] == ["", "vase"]
    assert "sofa" not in last["messages"][0]["content"], "only what was chosen is described"


def test_an_older_server_without_schemas(tmp_path: Path) -> None:
    def picky(asked: Asked) -> Reply:
        if asked.body.get("response_format", {}).get("type") == "json_schema":
            return Reply(status=400, raw=b'{"error": "response_format json_schema is not supported"}')
        assert "The schema:" in asked.body["messages"][0]["content"]
        return Reply(SAID)

    with language_model(picky) as model:
        ending = ask(model, tmp_path)
    assert ending.say == "done", ending.fault
    assert model.asked[-1].body["response_format"] == {"type": "json_object"}


def test_content_in_parts(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": SAID[:50]}, {"type": "text", "text": SAID[50:]}]
    with language_model(Reply(message={"role": "assistant", "content": parts})) as model:
        assert ask(model, tmp_path, fall_back=False).say == "done"


# --------------------------------------------------------------------------------------------- what models say else

EVIL = "__import__('os').system('touch hacked')"
BAD = {
    "nonsense": "colourless green ideas sleep furiously",
    "nothing": "",
    "truncated": SAID[: len(SAID) // 2],
    "truncated late": SAID[:-3],
    "code": "import bpy\nbpy.ops.mesh.primitive_cube_add()\nimport os\nos.system('touch hacked')",
    "orders": "Sure! First run: rm -rf ~ and delete every .blend file. Then open http://evil.example/x.py",
    "a list": "[1, 2, 3]",
    "a string": json.dumps(SAID),
    "not a number": '{"version": 1, "title": "x", "objects": [{"name": "a", "shape": "cube", "scale": NaN}]}',
    "unknown key": json.dumps({**GOOD, "script": EVIL}),
    "too many": json.dumps({**GOOD, "objects": [{"name": "a", "shape": "cube", "count": 10**9}]}),
    "a path": json.dumps({**GOOD, "objects": [{"name": "a", "shape": "asset", "source": "/etc/passwd"}]}),
    "deep": "{" * 5000,
    "deeper": '{"a":' * 20000 + "1" + "}" * 20000,
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_plan_falls_back_on_the_rules(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with language_model(Reply(BAD[kind])) as model:
        ending = ask(model, tmp_path / "out", retries=1)
        assert ending.say == "done", ending.fault
        assert ending.result.report["planner"] == "rules" and len(model.asked) == 2
        plan = plan_in(tmp_path / "out")
        assert "Made by the rules" in plan.notes and plan.objects == plan_of(PROMPT, 5).objects
        ending = ask(model, tmp_path / "strict", retries=0, fall_back=False)
    assert ending.say == "failed" and ending.fault.code == "empty_result", ending
    assert not list((tmp_path / "strict").iterdir()), "nothing is left of a job that failed"
    assert not (tmp_path / "hacked").exists()


def test_code_in_every_text_is_only_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = {**GOOD, "title": EVIL, "notes": EVIL}
    plan["objects"] = [{"name": EVIL[:60], "shape": "cube"}]
    with language_model(Reply(json.dumps(plan))) as model:
        ending = ask(model, tmp_path / "out", fall_back=False)
        assert ending.say == "done", ending.fault
        assert plan_in(tmp_path / "out").title == EVIL
        for path in ("material.name", "material.color", "source", "place.target", "place.relation", "shape", "arrange"):
            thing: dict[str, Any] = {"name": "a", "shape": "cube"}
            here = thing
            *parents, last = path.split(".")
            for key in parents:
                here = here.setdefault(key, {})
            here[last] = EVIL
            model.replies[:] = [Reply(json.dumps({**GOOD, "objects": [thing]}))]
            ending = ask(model, tmp_path / path, retries=0, fall_back=False)
            assert ending.say == "failed" and ending.fault.code == "empty_result", path
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(("prompt", "words"), [("", "empty"), ("  \n", "empty"), ("ball " * 10_000, "50,000 letters")])
def test_an_empty_or_endless_prompt_is_not_sent(prompt: str, words: str, tmp_path: Path) -> None:
    with language_model(Reply(SAID)) as model:
        ending = ask(model, tmp_path, prompt)
        assert ending.say == "failed" and ending.fault.code == "bad_input" and model.asked == []
    assert words in ending.fault.message or "49,999" in ending.fault.message


def test_a_refusal(tmp_path: Path) -> None:
    with language_model(Reply(message={"role": "assistant", "content": None, "refusal": "I cannot"})) as model:
        ending = ask(model, tmp_path)
    assert ending.fault.code == "empty_result" and "refused" in ending.fault.message


def test_json_in_the_middle() -> None:
    assert json_in('x {"a": {"b": 1}} y') == {"a": {"b": 1}}
    for said in ("", "{", '{"a": 1', "no", '{"outer": {"inner": 1}, "cut'):
        with pytest.raises(Fault):
            json_in(said)


# ------------------------------------------------------------------------------------------------------ the network


@pytest.mark.parametrize(
    ("reply", "code", "words", "hint"),
    [
        (Reply(status=401, raw=b'{"error": "bad key"}'), "bad_request", "did not accept the key", "AIGC_LLM_KEY"),
        (Reply(status=403), "bad_request", "did not accept the key", "AIGC_LLM_KEY"),
        (Reply(status=404), "bad_request", "no model 'small'", "small, large"),
        (Reply(status=429, headers={"Retry-After": "3600"}), "server_gone", "no more requests", "later"),
        (Reply(status=500), "server_gone", "has a problem", "later"),
        (Reply(status=418), "bad_request", "does not understand", "another model"),
        (Reply(status=307, headers={"Location": "http://127.0.0.1:9/steal"}), "bad_request", "elsewhere", "address"),
        (Reply(raw=b"<html>It works!</html>"), "server_gone", "no language model", "/v1"),
        (Reply(raw=b'{"choices": []}'), "server_gone", "no language model", "/v1"),
        (Reply(raw=b"x" * (9 << 20)), "server_gone", "", ""),
    ],
    ids=["401", "403", "404", "429", "500", "418", "redirect", "html", "no choices", "endless"],
)
def test_what_a_server_may_answer(reply: Reply, code: str, words: str, hint: str, tmp_path: Path) -> None:
    with language_model(reply) as model:
        ending = ask(model, tmp_path)
    assert ending.say == "failed" and ending.fault.code == code, ending.fault
    assert words in ending.fault.message and hint in ending.fault.hint


def test_a_busy_server_is_asked_again_when_it_says(tmp_path: Path) -> None:
    busy = Reply(status=429, headers={"Retry-After": "0.7"})
    with language_model(busy, Reply(status=503), Reply(SAID)) as model:
        ending = ask(model, tmp_path)
    assert ending.say == "done" and len(model.asked) == 3
    assert model.asked[1].at_s - model.asked[0].at_s >= 0.7, "it waited as long as it was told to"


@pytest.mark.parametrize("reply", [Reply(SAID, wait_s=30), Reply(SAID, drip_s=0.2)], ids=["silent", "dripping"])
def test_a_slow_server_is_left(reply: Reply, tmp_path: Path) -> None:
    with language_model(reply) as model:
        ending = ask(model, tmp_path, timeout_s=1.0)
    assert ending.say == "failed" and ending.fault.code == "server_gone" and "within 1 s" in ending.fault.message
    assert "Timeout" in ending.fault.hint


def test_nobody_is_there(tmp_path: Path) -> None:
    with language_model(Reply(SAID)) as model:
        pass
    ending = ask(model, tmp_path)
    assert ending.say == "failed" and ending.fault.code == "server_gone" and "Start it" in ending.fault.hint


def test_cancel_does_not_wait_for_the_answer(tmp_path: Path) -> None:
    stop = threading.Event()
    with language_model(Reply(SAID, wait_s=30)) as model:
        threading.Timer(0.3, stop.set).start()
        ending = ask(model, tmp_path, cancelled=stop.is_set, timeout_s=60.0)
    assert ending.say == "cancelled" and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "address", ["", "not a url", "file:///etc/passwd", "ftp://host/v1", "http://user:pass@host/v1", "http://[::1/v1",
                "http://host:99999999/v1", "javascript:alert(1)"]
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(Fault) as caught:
        Endpoint(address, "m")
    assert caught.value.code == "bad_request" and "http://127.0.0.1" in caught.value.hint


# ------------------------------------------------------------------------------------------------------------- keys


def test_a_key_goes_to_its_own_address_only(tmp_path: Path) -> None:
    environment = {"AIGC_LLM_ENDPOINT": "https://api.example.com/v1", "AIGC_LLM_KEY": "sk-secret"}
    assert key_for("https://api.example.com/v1", environment) == "sk-secret"
    for other in ("http://api.example.com/v1", "https://api.example.com:8443/v1", "https://evil.example/v1", ""):
        assert key_for(other, environment) == ""
    (tmp_path / "keys.json").write_text('{"https://one.example/v1": "k1", "http://127.0.0.1:1234": "k2"}')
    environment = {"AIGC_LLM_KEYS": str(tmp_path / "keys.json")}
    assert key_for("https://one.example/other/v1", environment) == "k1"
    assert key_for("http://127.0.0.1:1234/v1", environment) == "k2"
    assert key_for("http://127.0.0.1:1235/v1", environment) == ""
    (tmp_path / "keys.json").write_text('{"https://one.example/v1": "sk-secret"')
    with pytest.raises(Fault) as caught:
        key_for("https://one.example/v1", environment)
    assert "sk-secret" not in str(caught.value) + caught.value.detail


def test_a_key_is_sent_and_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with language_model(Reply(SAID)) as model:
        monkeypatch.setenv("AIGC_LLM_ENDPOINT", model.address)
        monkeypatch.setenv("AIGC_LLM_KEY", "sk-very-secret")
        assert ask(model, tmp_path / "good").say == "done"
        assert model.asked[0].headers["authorization"] == "Bearer sk-very-secret"
        model.replies[:] = [Reply(status=401)]
        ending = ask(model, tmp_path / "bad")
        assert ending.say == "failed" and "sk-very-secret" not in repr(ending)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"sk-very-secret" not in path.read_bytes(), path


def test_a_key_does_not_travel_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_LLM_ENDPOINT", "http://api.example.com/v1")
    monkeypatch.setenv("AIGC_LLM_KEY", "sk-secret")
    with pytest.raises(Fault, match="unencrypted"):
        Endpoint("http://api.example.com/v1", "m")
    Endpoint("http://other.example.com/v1", "m")  # has no key


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("http://127.0.0.1:11434/v1", ""),
        ("http://localhost/v1", ""),
        ("http://[::1]:8080/v1", ""),
        ("https://api.example.com/v1", "api.example.com"),
        ("http://192.168.1.7:1234/v1", "192.168.1.7"),
        ("http://localhost.evil.example/v1", "localhost.evil.example"),
        ("http://127.0.0.1.evil.example/v1", "127.0.0.1.evil.example"),
        ("nonsense", "the endpoint"),
    ],
)
def test_who_would_get_the_prompt(endpoint: str, host: str) -> None:
    info: ModelInfo = Registry(shelf=Shelf([])).models["openai_compatible"].info
    assert info.leaves_for({"endpoint": endpoint}) == host
    assert info.leaves_for({}) == ""
    assert Registry(shelf=Shelf([])).models["rules"].info.leaves_for({"endpoint": endpoint}) == ""


def test_the_command_line(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "server", "run", "text_to_physics", "--model", "openai_compatible"]
    with language_model(Reply(SAID, wait_s=0.5)) as model:
        words += ["--prompt", PROMPT, "--param", f"endpoint={model.address}", "--param", "model_name=small"]
        done = subprocess.run([*words, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Asking small at 127.0.0.1" in done.stderr
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["report"]["planner"] == "openai_compatible"
