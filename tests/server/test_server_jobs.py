"""What becomes of jobs: models that misbehave in every way, cancel in every phase. One real server and worker."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from server_process import ServerProcess, echo_job, trouble_job, until

from blender_aigc.protocol import Blob, Result, decode


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("data"), "--forever") as server:
        yield server


def generation(server: ServerProcess) -> int:
    return server.json("/health")["worker_generation"]


def test_echo_sends_everything_back(server: ServerProcess, tmp_path: Path) -> None:
    import numpy as np

    picture = np.random.default_rng(0).integers(0, 256, (16, 24, 4)).astype(np.uint8)
    np.save(tmp_path / "picture.npy", picture)
    blob = decode(Blob, server.put_blob((tmp_path / "picture.npy").read_bytes(), ".npy").content)
    done = server.run(echo_job(inputs={"image": blob}, prompt="Grüße", name="Größe 1", seed=7))
    assert done.state == "done" and done.fault is None and done.result is not None
    assert {artefact.kind for artefact in done.result.artefacts} == {"text", "image", "mesh"}
    assert decode(Result, (Path(done.folder) / "result.json").read_bytes()) == done.result
    assert done.result.job.params == {"steps": 4, "step_s": 0.02}
    origin = done.result.provenance
    assert (origin.model, origin.prompt, origin.seed) == ("echo", "Grüße", 7)
    assert origin.inputs == {"image": blob.sha256}
    for artefact in done.result.artefacts:
        path = Path(done.folder) / artefact.file
        assert path.stat().st_size == artefact.bytes
        assert artefact.file.isascii()
    assert (Path(done.folder) / "groe_1.glb").read_bytes()[:4] == b"glTF"
    assert (Path(done.folder) / "picture.png").read_bytes()[:4] == b"\x89PNG"
    assert (Path(done.folder) / "message.txt").read_text(encoding="utf-8") == "Grüße"


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("fault", "bad_input", "The picture shows nothing."),
        ("error", "internal", "ZeroDivisionError"),
        ("memory", "out_of_memory", "memory"),
        ("disk", "disk_full", "room"),
        ("nothing", "empty_result", "nothing"),
        ("nan_mesh", "internal", "not all numbers"),
        ("empty_mesh", "empty_result", "no surface"),
    ],
)
def test_a_model_that_fails_gives_one_sentence_and_no_files(
    server: ServerProcess, what: str, code: str, words: str
) -> None:
    before = generation(server)
    ended = server.run(trouble_job(what))
    assert ended.state == "failed" and ended.result is None and ended.fault is not None
    assert ended.fault.code == code and words in ended.fault.message
    assert ended.attempt == 1, "a model's own mistake is not tried again"
    assert server.files(ended.id) == set()
    assert generation(server) == before, "the worker lives on"


def test_what_libraries_print_does_not_reach_the_pipe(server: ServerProcess) -> None:
    before = generation(server)
    ended = server.run(trouble_job("noise"))
    assert ended.state == "done", ended.fault
    assert generation(server) == before
    log = (server.data / "logs" / "worker_0.log").read_text(errors="replace")
    assert "printed by a library" in log and "from a child" in log


@pytest.mark.parametrize("what", ["crash", "segfault"])
def test_a_model_that_kills_its_worker_is_tried_twice(server: ServerProcess, what: str) -> None:
    before = generation(server)
    ended = server.run(trouble_job(what))
    assert ended.state == "failed" and ended.attempt == 2 and ended.fault is not None
    assert "twice" in ended.fault.message and ended.fault.hint
    first, second = [event.message for event in ended.events if event.phase == "Interrupted"]
    assert "once more" in first and "twice" not in first, "after the first time there is hope"
    assert second == ended.fault.message
    assert server.files(ended.id) == set()
    assert server.run(echo_job()).state == "done"
    assert generation(server) == before + 2


# ------------------------------------------------------------------------------------------------------------ cancel


def test_cancel_while_it_waits(server: ServerProcess) -> None:
    first = server.submit(trouble_job("hang"))
    second, third = server.submit(trouble_job("steps")), server.submit(trouble_job("steps"))
    server.wait_phase(first, "Hanging")
    assert server.status(second).queue_position == 1 and server.status(third).queue_position == 2
    assert server.cancel(second).state == "cancelled"
    assert server.status(third).queue_position == 1
    server.cancel(first)
    assert server.wait(third).state == "done"
    ended = server.status(second)
    assert ended.attempt == 0 and ended.events == ()


def test_cancel_while_it_runs_takes_effect_at_the_next_step(server: ServerProcess) -> None:
    before = generation(server)
    job_id = server.submit(trouble_job("steps", steps=100000, step_s=0.01))
    server.wait_phase(job_id, "Working")
    server.cancel(job_id)
    ended = server.wait(job_id)
    assert ended.state == "cancelled" and ended.result is None and ended.fault is None
    assert server.files(job_id) == set()
    assert generation(server) == before, "a model that listens costs no worker"


def test_cancel_is_not_swallowed_by_careless_models(server: ServerProcess) -> None:
    before = generation(server)
    job_id = server.submit(trouble_job("swallow"))
    server.wait_phase(job_id, "Swallowing")
    server.cancel(job_id)
    assert server.wait(job_id).state == "cancelled"
    assert generation(server) == before


@pytest.mark.parametrize(("model", "phase"), [("trouble", "Deaf"), ("slow_load", "Loading")])
def test_a_model_that_does_not_listen_is_killed(server: ServerProcess, model: str, phase: str) -> None:
    before = generation(server)
    job_id = server.submit(trouble_job("deaf") if model == "trouble" else echo_job(model))
    server.wait_phase(job_id, phase)
    server.cancel(job_id)
    ended = server.wait(job_id)
    assert ended.state == "cancelled" and ended.attempt == 1
    assert server.files(job_id) == set()
    assert server.run(echo_job()).state == "done"
    assert generation(server) == before + 1


def test_cancel_after_the_end_changes_nothing(server: ServerProcess) -> None:
    done = server.run(echo_job())
    assert server.cancel(done.id) == done
    failed = server.run(trouble_job("fault"))
    assert server.cancel(failed.id) == failed
    assert server.cancel(server.cancel(failed.id).id).state == "failed"


def test_cancel_just_before_the_end_means_cancelled(server: ServerProcess) -> None:
    """Whatever the race, a job whose cancelling was acknowledged while it ran gives no result."""
    for _ in range(8):
        job_id = server.submit(trouble_job("steps", steps=1, step_s=0.03))
        until(lambda job_id=job_id: server.status(job_id).events or None, "its start")
        acknowledged = server.cancel(job_id)
        ended = server.wait(job_id)
        assert (ended.state == "done") == (acknowledged.state == "done")
        assert (ended.result is None) == (ended.state == "cancelled")
        assert bool(server.files(job_id)) == (ended.state == "done")


# --------------------------------------------------------------------------------------------------------- progress


def test_previews_are_pictures_and_few(server: ServerProcess) -> None:
    job_id = server.submit(trouble_job("preview"))
    newest = server.wait_event(job_id, lambda event: event.preview).preview
    answer = server.ask("GET", f"/jobs/{job_id}/files/{newest}")
    assert answer.status_code == 200 and answer.content.startswith(b"\x89PNG")
    ended = server.wait(job_id)
    assert ended.state == "done"
    assert len({event.preview for event in ended.events if event.preview}) >= 4
    assert len([name for name in server.files(job_id) if name.startswith("preview")]) <= 2


def test_fast_steps_are_thinned_out_but_the_last_one_arrives(server: ServerProcess) -> None:
    ended = server.run(trouble_job("steps", steps=3000, step_s=0.0001))
    steps = [event.step for event in ended.events if event.phase == "Working"]
    assert steps == sorted(set(steps)) and steps[-1] == 3000
    assert len(steps) < 300
    times = [event.seconds_left for event in ended.events if event.phase == "Working" and event.step > 1]
    assert all(left is not None and left >= 0 for left in times) and times[-1] == 0


# ------------------------------------------------------------------------------------------------------------- disk


def test_a_full_disk_fails_the_job_and_the_upload_but_not_the_server(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk: the system refuses the same write."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    with ServerProcess(tmp_path / "data", "--forever", before=limit) as server:
        answer = server.put_blob(bytes(2 << 20))
        assert answer.status_code == 507 and answer.json()["code"] == "disk_full"
        assert list((server.data / "blobs").iterdir()) == []
        ended = server.run(trouble_job("big_file"))
        assert ended.fault is not None and ended.fault.code == "disk_full", ended
        assert server.files(ended.id) == set()
        assert server.run(echo_job()).state == "done"


def test_a_worker_that_cannot_start_fails_the_jobs_with_its_log(tmp_path: Path) -> None:
    """Three starts without success, then waiting jobs get the reason; the front stays up."""
    data = tmp_path / "data"
    (data / "worker_0.lock").mkdir(parents=True)  # the worker cannot take its place
    with ServerProcess(data, "--forever") as server:
        ended = server.run(echo_job())
        assert ended.state == "failed" and ended.fault is not None
        assert "cannot start" in ended.fault.message and "worker_0.lock" in ended.fault.detail
        (data / "worker_0.lock").rmdir()
        assert server.run(echo_job()).state == "done"


def test_the_front_imports_nothing_heavy() -> None:
    code = (
        "import sys; import server.serve, server.__main__; from server.registry import Registry; Registry();"
        " heavy = {'torch', 'numpy', 'PIL', 'skimage', 'scipy', 'diffusers', 'transformers', 'trimesh', 'pydantic'};"
        " sys.stdout.write(' '.join(sorted(heavy & set(sys.modules))))"
    )
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout == ""


def test_the_worker_sees_none_of_the_users_python(server: ServerProcess) -> None:
    server.wait_ready()
    (worker,) = server.workers()
    assert "-I" in worker.cmdline()
    assert psutil.Process(worker.pid).environ()["HF_HUB_OFFLINE"] == "1"
