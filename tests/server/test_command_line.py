"""`python -m server run` and `models`, as a TD or a farm calls them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from server_process import PATIENCE_S, ROOT, TEST_MODELS, command

from blender_aigc.protocol import FaultRecord, Models, Result, decode

pytest.importorskip("resource", reason="limits and signals of POSIX")


def call(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    line = command(*arguments, "--models", TEST_MODELS)
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, **options)


def fault_of(ended: subprocess.CompletedProcess[str]) -> FaultRecord:
    """The one Fault on standard output."""
    assert ended.returncode == 1, ended
    (line,) = ended.stdout.splitlines()
    return decode(FaultRecord, line)


def test_run_writes_the_result_and_names_it(tmp_path: Path) -> None:
    out = tmp_path / "Ä deep" / "folder"
    ended = call(
        *("run", "echo", "--model", "echo", "--out", out, "--prompt", "Hi"), *("--param", "steps=3", "--seed", "5")
    )
    assert ended.returncode == 0, ended
    summary = json.loads(ended.stdout)
    assert summary["result"] == str(out / "result.json")
    result = decode(Result, (out / "result.json").read_bytes())
    assert [Path(file) for file in summary["files"]] == [out / artefact.file for artefact in result.artefacts]
    assert {path.name for path in out.iterdir()} == {artefact.file for artefact in result.artefacts} | {"result.json"}
    assert result.provenance.params["steps"] == 3 and result.provenance.seed == 5
    assert "Echoing 3/3" in ended.stderr


def test_what_it_says_is_utf8_in_any_locale(tmp_path: Path) -> None:
    """As on a Windows machine with another code page."""
    line = command("run", "echo", "--model", "echo", "--out", tmp_path / "椅子", "--name", "椅子")
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, timeout=PATIENCE_S, env=environment)
    assert ended.returncode == 0, ended
    assert json.loads(ended.stdout)["result"] == str(tmp_path / "椅子" / "result.json")


def test_without_a_model_the_first_that_can_run_does_it(tmp_path: Path) -> None:
    """One without a download, and not `needs_more`, which is of this task too."""
    assert call("run", "echo", "--prompt", "hi", "--out", tmp_path).returncode == 0
    result = decode(Result, (tmp_path / "result.json").read_bytes())
    assert result.job.model == result.provenance.model == "echo"


def test_help_explains_every_word() -> None:
    told = call("run", "--help", env={**os.environ, "COLUMNS": "200"})
    assert told.returncode == 0
    bare = [line for line in told.stdout.splitlines() if line.strip().startswith("--") and "  " not in line.strip()]
    assert bare == []


def test_a_port_that_is_none(tmp_path: Path) -> None:
    for port in (-1, 65536):
        ended = call("serve", "--data", tmp_path / "data", "--port", str(port))
        assert fault_of(ended).message == f"There is no port {port}."


def test_models_from_no_folder(tmp_path: Path) -> None:
    """For the server and the list too: without its models they would look like those of a good folder."""
    for words in (("models",), ("serve", "--data", tmp_path / "data")):
        assert "no/such" in fault_of(call(*words, "--models", "no/such")).message.replace("\\", "/")


@pytest.mark.parametrize(("word", "lacks"), [("run", "numpy"), ("serve", "uvicorn")])
def test_a_bare_python_says_what_it_lacks(word: str, lacks: str, tmp_path: Path) -> None:
    """-S: without site-packages. The first that a newcomer types, with the Python at hand."""
    words = ["run", "echo", "--out"] if word == "run" else ["serve", "--data"]
    line = [sys.executable, "-S", "-m", "server", *words, str(tmp_path / "folder")]
    fault = fault_of(subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S))
    assert fault.code == "not_installed" and lacks in fault.message and "dev.py env server" in fault.hint


def test_run_again_replaces_the_result(tmp_path: Path) -> None:
    for prompt in ("one", "two"):
        assert (
            call("run", "echo", "--model", "echo", "--out", tmp_path, "--prompt", prompt, "--name", "x").returncode == 0
        )
        assert (tmp_path / "message.txt").read_text() == prompt
    assert {path.name for path in tmp_path.iterdir()} == {"message.txt", "x.glb", "result.json"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "no_task", "--model", "echo"], "unknown_model", "no task"),
        (["run", "no_task"], "unknown_model", "no task"),
        (["run", "echo", "--model", "nobody"], "unknown_model", "nobody"),
        (["run", "image_to_mesh", "--model", "echo"], "unknown_model", "echo"),
        (["run", "echo", "--model", "broken_file"], "unknown_model", "broken"),
        (["run", "echo", "--models", "no/such/folder"], "bad_input", "folder"),
        (["run", "echo", "--models", "pyproject.toml"], "bad_input", "pyproject.toml"),
        (["run", "echo", "--model", "needs_more"], "not_installed", "no_such_lib"),
        (["run", "echo", "--model", "echo", "--param", "nonsense=1"], "bad_request", "nonsense"),
        (["run", "echo", "--model", "echo", "--param", "steps"], "bad_request", "no value"),
        (["run", "echo", "--model", "echo", "--param", "steps=x"], "bad_request", "steps=x"),
        (["run", "echo", "--model", "echo", "--param", "steps=0"], "bad_request", "between 1 and"),
        (["run", "echo", "--model", "echo", "--param", "step_s=nan"], "bad_request", "Step Time"),
        (["run", "echo", "--model", "echo", "--seed", "-1"], "bad_request", "seed"),
        (["run", "echo", "--model", "echo", "--image", "no/such/file.png"], "bad_input", "file.png"),
        (["run", "echo", "--model", "echo", "--image", "tests"], "bad_input", "tests"),
        (["run", "echo", "--model", "echo", "--motion", "pyproject.toml"], "bad_request", "motion"),
        (["run", "echo", "--model", "echo", "--image", "pyproject.toml"], "bad_input", "picture"),
        (["run", "echo", "--model", "trouble", "--param", "what=fault"], "bad_input", "shows nothing"),
        (["run", "echo", "--model", "trouble", "--param", "what=error"], "internal", "ZeroDivisionError"),
        (["run", "echo", "--model", "trouble", "--param", "what=nan_mesh"], "internal", "numbers"),
        (["run", "echo", "--model", "trouble", "--param", "what=nothing"], "empty_result", "nothing"),
    ],
)
def test_what_goes_wrong_is_one_fault_and_no_file(arguments: list[str], code: str, words: str, tmp_path: Path) -> None:
    fault = fault_of(call(*arguments, "--out", tmp_path / "a" / "b"))
    assert fault.code == code and words in fault.message + fault.detail
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("image_to_mesh",), "--image FILE"),
        (("render_image", "--model", "stylise"), "--passes FILE, or --image FILE"),
        (("texture_mesh", "--model", "solid"), "--mesh FILE"),
        (("texture_mesh", "--model", "single_view", "--mesh", "pyproject.toml"), "--picture FILE"),
        (("upscale_texture",), "--maps FILE"),
        (("echo", "--param", "steps=0"), "Change Steps. Steps is --param steps=VALUE (1 to 1000)."),
        (("echo", "--model", "needs_more"), "dev.py env server"),
    ],
)
def test_hints_say_what_to_type(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    """Not what the panel would offer, where there is none."""
    fault = fault_of(call("run", *words, "--out", tmp_path / "out"))
    assert says in fault.hint and "preferences" not in fault.hint, fault
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_leaves_the_last_result_alone(tmp_path: Path) -> None:
    assert call("run", "echo", "--model", "echo", "--out", tmp_path).returncode == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    fault_of(call("run", "echo", "--model", "trouble", "--param", "what=fault", "--out", tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_texture_is_not_written_over_what_it_is_made_from(tmp_path: Path) -> None:
    """Its folder as the place of its larger maps is refused before the work, any other input after it."""
    pytest.importorskip("numpy")
    (tmp_path / "box.obj").write_text("o Box\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n")
    words = ("run", "texture_mesh", "--model", "solid", "--prompt", "oak", "--param", "texture_px=256", "--name", "box")
    out = tmp_path / "out"
    assert call(*words, "--mesh", tmp_path / "box.obj", "--out", out).returncode == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    again = fault_of(call(*words, "--mesh", out / "box.glb", "--out", out))
    larger = fault_of(
        call("run", "upscale_texture", "--model", "enlarge", "--maps", out / "material.json", "--out", out)
    )
    for fault in (again, larger):
        assert fault.code == "bad_request" and "written over" in fault.message and "--out" in fault.hint
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_a_full_disk_is_a_fault_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    ended = call("run", "echo", "--model", "trouble", "--param", "what=big_file", "--out", tmp_path, preexec_fn=limit)
    assert fault_of(ended).code == "disk_full"
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_is_a_fault(tmp_path: Path) -> None:
    from test_server_life import unprivileged

    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o555)
    line = unprivileged(command("run", "echo", "--model", "echo", "--out", out))
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    fault = fault_of(ended)
    assert fault.code == "disk_full" and str(out) in fault.message
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("what", "times", "signal_"), [("hang", 1, signal.SIGINT), ("deaf", 2, signal.SIGINT), ("hang", 1, signal.SIGTERM)]
)
def test_ctrl_c_cancels(what: str, times: int, signal_: signal.Signals, tmp_path: Path) -> None:
    """Once for a model that listens, twice for one that does not."""
    line = command(
        "run", "echo", "--model", "trouble", "--param", f"what={what}", "--out", tmp_path, "--models", TEST_MODELS
    )
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout and process.stderr
        for wait_for in ("Hanging", "Stopping")[:times]:
            while not process.stderr.readline().startswith((wait_for, "Deaf")):
                assert process.poll() is None
            process.send_signal(signal_)
        out, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1
    assert decode(FaultRecord, out).code == "cancelled"
    assert list(tmp_path.iterdir()) == []


def test_models_for_programs_and_for_people() -> None:
    listing = decode(Models, call("models", "--json").stdout)
    assert {"echo", "trouble"} <= {info.id for info in listing.models}
    table = call("models")
    assert table.returncode == 0
    assert any("--param steps=4 " in line and line.endswith("(1 to 1000)") for line in table.stdout.splitlines())
    for word in ("echo", "procedural", "broken_file", "a_module_that_does_not_exist"):
        assert word in table.stdout
