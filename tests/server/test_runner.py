"""One job in this process: what the worker and the command line have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from server_process import TEST_MODELS, echo_job, trouble_job

from blender_aigc.protocol import Job, Result, decode
from server.context import Context
from server.pipe import Report
from server.registry import Registry
from server.worker import Runner


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(Registry([TEST_MODELS]), "cpu")


def run(runner: Runner, job: Job, folder: Path, cancel_at: int = 10**9) -> tuple[Report, list[Report]]:
    folder.mkdir(exist_ok=True)
    sent: list[Report] = []
    return runner.run(job, folder, {}, sent.append, lambda: len(sent) >= cancel_at), sent


def test_a_finished_job_leaves_its_result(runner: Runner, tmp_path: Path) -> None:
    job = echo_job(prompt="Hi")
    ending, sent = run(runner, job, tmp_path)
    assert ending.say == "done" and ending.result is not None
    assert decode(Result, (tmp_path / "result.json").read_bytes()) == ending.result
    assert [report.phase for report in sent][0] == "Loading"
    assert all(report.job_id == job.id for report in sent)


@pytest.mark.parametrize("what", ["fault", "error", "disk", "nan_mesh"])
def test_a_failed_job_leaves_nothing(runner: Runner, what: str, tmp_path: Path) -> None:
    ending, _ = run(runner, trouble_job(what), tmp_path)
    assert ending.say == "failed" and ending.fault is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cancel_at", [0, 1, 2, 3])
def test_a_cancelled_job_leaves_nothing_wherever_it_was(runner: Runner, cancel_at: int, tmp_path: Path) -> None:
    ending, sent = run(runner, trouble_job("preview"), tmp_path, cancel_at)
    assert ending.say == "cancelled" and ending.result is None
    assert len(sent) <= cancel_at
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_was_queued_with_wrong_parameters_fails_with_a_sentence(runner: Runner, tmp_path: Path) -> None:
    ending, _ = run(runner, echo_job(params={"steps": 10**9}), tmp_path)
    assert ending.fault is not None and ending.fault.code == "bad_request"


def test_a_loaded_model_is_kept_until_memory_runs_out(runner: Runner, tmp_path: Path) -> None:
    def instance() -> object:
        return runner._loaded["trouble"][0]

    run(runner, trouble_job("steps"), tmp_path / "a")
    first = instance()
    run(runner, trouble_job("fault"), tmp_path / "b")
    assert instance() is first
    ending, _ = run(runner, trouble_job("memory"), tmp_path / "c")
    assert ending.fault is not None and ending.fault.code == "out_of_memory"
    assert runner._loaded == {}


def test_two_runs_of_one_job_are_equal_but_for_the_date(runner: Runner, tmp_path: Path) -> None:
    job = echo_job(prompt="Hi", seed=3)
    files: list[dict[str, bytes]] = []
    for name in ("a", "b"):
        ending, _ = run(runner, job, tmp_path / name)
        assert ending.result is not None
        files.append({a.kind: (tmp_path / name / a.file).read_bytes() for a in ending.result.artefacts})
    assert files[0]["text"] == files[1]["text"]
    assert len(files[0]["mesh"]) == len(files[1]["mesh"])


def context(job: Job, folder: Path) -> Context:
    runner = Runner(Registry([TEST_MODELS]), "cpu")
    from server.worker import provenance

    model = runner.registry.find(job.task, job.model)()
    return Context(job, folder, "cpu", {}, provenance(job, model, None), lambda report: None, lambda: False)


def test_chance_comes_from_the_seed(tmp_path: Path) -> None:
    draws = [context(echo_job(seed=seed), tmp_path).rng.random(4).tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Red Chair", "red_chair.png"),
        ("con", "con_.png"),
        ("preview_1", "preview_1_.png"),
        ("../../x", "x.png"),
        ("椅子", "echo.png"),
        ("a" * 200, "a" * 60 + ".png"),
        ("", "echo.png"),
    ],
)
def test_names_become_files_that_every_system_takes(name: str, file: str, tmp_path: Path) -> None:
    place = context(echo_job(name=name), tmp_path)
    picture = np.zeros((8, 8, 3), np.uint8)
    assert place.save_image(picture).file == file
    second = place.save_image(picture).file
    assert second != file and (tmp_path / second).exists()
