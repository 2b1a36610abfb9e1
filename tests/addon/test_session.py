"""The session with real servers: jobs through crashes, silence, refusals, two Blenders and one that is killed."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from live_server import (
    ODD_FOLDER,
    ROOT,
    copy_of_the_source,
    echo_job,
    end_all,
    endless_job,
    idle_server,
    kill,
    new_session,
    posix_only,
    pump_until,
    ready,
    until,
)

from blender_aigc import launcher
from blender_aigc import session as session_module
from blender_aigc.environment import Environment, builtin_environment
from blender_aigc.launcher import lock_is_free
from blender_aigc.protocol import Artefact, Event, Fault, JobStatus
from blender_aigc.session import Session, TrackedJob, artefact_path


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / ODD_FOLDER
    end_all()


@pytest.fixture
def session(data: Path) -> Session:
    return ready(new_session(data))


def server_pid(session: Session) -> int:
    assert session._talk is not None
    return session._talk.client.hello.pid


def running(session: Session, tracked: TrackedJob) -> None:
    pump_until(session, lambda: tracked.state == "running" and tracked.events)


# ------------------------------------------------------------------------------------------------------ the plain way


def test_from_nothing_to_a_result(data: Path) -> None:
    session = new_session(data)
    assert session.state == "off"
    pixels = np.full((12, 9, 4), 200, np.uint8)
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    blob = session.put_blob(buffer.getvalue(), ".npy")
    job = dataclasses.replace(echo_job("grüß dich"), inputs={"image": blob})
    session.submit(job)
    assert session.state == "starting", "submitting starts the server"
    seen: list[TrackedJob] = []
    status = session.wait(job.id, lambda tracked: seen.append(dataclasses.replace(tracked)))
    assert status.state == "done" and status.result is not None
    files = {artefact.kind: artefact_path(status, artefact) for artefact in status.result.artefacts}
    assert files["text"].read_text(encoding="utf-8").strip() == "grüß dich"
    assert files["mesh"].is_file() and files["image"].is_file()
    tracked = session.jobs[job.id]
    assert tracked.fraction == 1.0 and tracked.preview is not None and tracked.preview.is_file()
    assert "echo" in session.models and session.models["echo"].procedural
    assert session.state == "ready" and session.fault is None and session.generation == 1


def test_every_finished_job_is_returned_once(session: Session) -> None:
    jobs = [echo_job(str(number), steps=2) for number in range(5)]
    finished: list[str] = []
    for job in jobs:
        session.submit(job)
    session.submit(jobs[0])  # pressed twice
    until(lambda: finished.extend(s.id for s in session.pump()) or all(t.finished for t in session.jobs.values()))
    finished.extend(status.id for status in session.pump())
    assert sorted(finished) == sorted(job.id for job in jobs)
    session.forget(jobs[0].id)
    assert jobs[0].id not in session.jobs


def test_progress_is_numbered_and_not_repeated(session: Session) -> None:
    job = echo_job(steps=30, step_s=0.01)
    tracked = session.submit(job)
    session.wait(job.id)
    numbers = [event.seq for event in tracked.events]
    assert numbers == sorted(set(numbers))
    assert [event.step for event in tracked.events if event.phase == "Echoing"][-1] == 30


# ------------------------------------------------------------------------------------------------------------ cancel


def test_cancel_before_it_is_sent(data: Path) -> None:
    session = new_session(data)
    tracked = session.submit(endless_job())
    session.cancel(tracked.job.id)
    assert tracked.state == "cancelled"
    assert [status.id for status in session.pump()] == [tracked.job.id]
    assert session.pump() == []


def test_cancel_in_the_queue_and_while_running(session: Session) -> None:
    first, second = session.submit(endless_job()), session.submit(endless_job())
    running(session, first)
    pump_until(session, lambda: second.acknowledged)
    assert second.state == "queued" and second.status.queue_position >= 0
    for tracked in (second, first):
        session.cancel(tracked.job.id)
        assert tracked.message == "Cancelling"
        pump_until(session, lambda tracked=tracked: tracked.finished)
        assert tracked.state == "cancelled"
        session.cancel(tracked.job.id)
    assert session.wait(session.submit(echo_job()).job.id).state == "done"


def test_ctrl_c_in_a_script_cancels_the_job(session: Session) -> None:
    tracked = session.submit(endless_job())
    running(session, tracked)

    def press(_: TrackedJob) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.wait(tracked.job.id, press)
    assert tracked.cancel_sent, "a script may end here, without another pump"
    pump_until(session, lambda: tracked.finished)
    assert tracked.state == "cancelled"


# ---------------------------------------------------------------------------------------------------------- refusals


def test_a_refused_job_fails_and_the_session_goes_on(session: Session) -> None:
    bad = [
        dataclasses.replace(echo_job(), model="nobody"),
        echo_job(steps=0),
        echo_job(unheard_of=1),
        dataclasses.replace(echo_job(), inputs={"image": session_module.Blob("0" * 64, ".npy")}),
    ]
    for job, code in zip(bad, ("unknown_model", "bad_request", "bad_request", "bad_"), strict=True):
        session.submit(job)
        status = session.wait(job.id)
        assert status.state == "failed" and status.fault is not None and status.fault.code.startswith(code)
    assert session.wait(session.submit(echo_job()).job.id).state == "done"
    assert session.generation == 1


def test_an_input_that_cannot_be_stored(session: Session, data: Path) -> None:
    assert session._server is not None
    blobs = data / "blobs"
    for file in blobs.iterdir():
        file.unlink()
    blobs.rmdir()
    blobs.touch()
    with pytest.raises(Fault) as caught:
        session.put_blob(b"x", ".npy")
    assert caught.value.code == "disk_full" and caught.value.hint
    blobs.unlink()
    blob = session.put_blob(b"x", ".npy")
    assert [path.name for path in blobs.iterdir()] == [blob.file_name]
    assert session.put_blob(b"x", ".npy") == blob


def test_a_path_out_of_the_job_folder_is_refused(tmp_path: Path) -> None:
    status = JobStatus(str(uuid.uuid4()), "done", 1, str(tmp_path))
    for name in ("../secret", "a/b", "a\\b", "C:x", "..", ".", "", "a\0b"):
        with pytest.raises(Fault):
            artefact_path(status, Artefact("text", name, "", 0, ""))
    assert artefact_path(status, Artefact("text", "fine.txt", "", 0, "")) == tmp_path / "fine.txt"
    tracked = TrackedJob(echo_job())
    with pytest.raises(Fault):
        tracked.take(dataclasses.replace(status, events=(Event(1, 0.0, "x", preview="../../secret.png"),)))


# ------------------------------------------------------------------------------------------------ crashes and silence


@posix_only
def test_a_job_survives_the_death_of_its_server(session: Session) -> None:
    tracked = session.submit(echo_job("still here", steps=40, step_s=0.05))
    running(session, tracked)
    kill(server_pid(session))
    sentences: set[str] = set()
    pump_until(session, lambda: sentences.add(tracked.message + session.sentence) or session.generation == 2)
    assert any("stopped unexpectedly" in sentence for sentence in sentences), "the person is told"
    status = session.wait(tracked.job.id)
    assert status.state == "done" and status.attempt == 2
    assert session.state == "ready" and session.fault is None


@posix_only
def test_a_job_that_the_new_server_does_not_know_has_failed(session: Session, data: Path) -> None:
    tracked = session.submit(endless_job())
    running(session, tracked)
    kill(server_pid(session))
    until(lambda: lock_is_free(data))
    for file in data.glob("jobs.sqlite*"):
        file.unlink()
    status = session.wait(tracked.job.id)
    assert status.state == "failed" and status.fault is not None and status.fault.code == "server_gone"
    assert session.wait(session.submit(echo_job()).job.id).state == "done"


@posix_only
@pytest.mark.parametrize("arrived", [False, True])
def test_what_was_not_acknowledged_is_sent_again(data: Path, arrived: bool) -> None:
    """The server dies before the job reaches it, or after that but before its answer reaches us."""
    session = new_session(data)
    tracked = session.submit(echo_job())
    until(session._await_hello)
    assert session._talk is not None
    if arrived:
        session._talk.client.submit(tracked.job)
    tracked.sent = True
    kill(server_pid(session))
    assert session.wait(tracked.job.id).state == "done"
    assert session.generation == 2
    assert len(list((data / "jobs").iterdir())) == 1, "and it is one job, not two"


@posix_only
def test_a_server_that_keeps_dying_is_given_up_after_three_more(data: Path, tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho it broke again >&2\nexit 1\n")
    python.chmod(0o755)
    session = new_session(data, Environment(python, (), "broken"))
    tracked = session.submit(echo_job())
    pump_until(session, lambda: session.state == "failed")
    assert len(list((data / "logs").glob("server-*.log"))) == 1 + session_module.RESPAWNS
    assert session.fault is not None and session.fault.code == "server_gone"
    assert "it broke again" in session.fault.detail and "it broke again" in session.log_tail()
    assert tracked.state == "failed" and tracked.fault is not None and tracked.fault.code == "server_gone"
    session.environment = builtin_environment()
    session.ensure_started()  # what Try Again does, here after another environment was chosen
    pump_until(session, lambda: session.state == "ready")


@posix_only
def test_deaths_far_apart_are_forgiven(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "RESPAWN_WINDOW_S", 0.0)
    for generation in range(2, 3 + session_module.RESPAWNS):
        kill(server_pid(session))
        pump_until(session, lambda generation=generation: session.generation == generation and session.state == "ready")


@posix_only
def test_a_silent_server_is_left_alone_and_found_again(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "SILENT_S", 0.0)
    assert session._talk is not None
    session._talk.client.patience_s = 0.01  # asked again and again, not only left waiting
    tracked = session.submit(echo_job(steps=20, step_s=0.02))
    running(session, tracked)
    pid = server_pid(session)
    os.kill(pid, signal.SIGSTOP)
    try:
        pump_until(session, lambda: session.state == "silent")
        assert session.fault is not None and "Restart Server" in session.fault.hint
    finally:
        os.kill(pid, signal.SIGCONT)
    assert session.wait(tracked.job.id).state == "done"
    assert session.state == "ready" and session.fault is None and session.generation == 1


@posix_only
def test_restart_replaces_a_silent_server_and_keeps_the_queue(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "STOP_S", 0.1)
    tracked = session.submit(echo_job(steps=40, step_s=0.05))
    running(session, tracked)
    pid = server_pid(session)
    os.kill(pid, signal.SIGSTOP)
    session.restart()
    assert session.wait(tracked.job.id).state == "done"
    assert server_pid(session) != pid


def test_a_server_of_another_version_is_explained_and_replaced(data: Path, tmp_path: Path) -> None:
    package = copy_of_the_source(tmp_path / "other")
    protocol = package / "protocol.py"
    protocol.write_text(protocol.read_text(encoding="utf-8").replace("PROTOCOL = 1\n", "PROTOCOL = 999\n"))
    data.mkdir(parents=True)
    paths = os.pathsep.join(str(path) for path in (package.parent, *builtin_environment().paths))
    command = [sys.executable, "-m", "blender_aigc.server", "serve", "--data", str(data)]
    environment = os.environ | {"PYTHONPATH": paths}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL) as other:
        try:
            until((data / "server.json").is_file)
            session = new_session(data)
            tracked = session.submit(echo_job())
            assert session.state == "failed" and session.fault is not None
            assert session.fault.code == "version_mismatch" and tracked.state == "failed"
            assert [status.id for status in session.pump()] == [tracked.job.id]
            session.restart()
            assert session.wait(session.submit(echo_job()).job.id).state == "done"
            assert other.wait(30) == 0
        finally:
            other.kill()


def test_a_wrong_token_leads_back_to_the_right_one(session: Session) -> None:
    """Another Blender has restarted the server, and the port happens to be the same."""
    assert session._talk is not None
    session._talk.client.hello = dataclasses.replace(session._talk.client.hello, token="wrong")
    assert session.wait(session.submit(echo_job()).job.id).state == "done"
    assert session.generation == 2 and session.state == "ready"


# ------------------------------------------------------------------------------------------- several Blenders, and none


def test_two_blenders_share_one_server(session: Session, data: Path) -> None:
    other = ready(new_session(data))
    assert server_pid(other) == server_pid(session)
    jobs = [(s, s.submit(echo_job(s.client_id, steps=5))) for s in (session, other)]
    for owner, tracked in jobs:
        status = owner.wait(tracked.job.id)
        assert status.result is not None and status.result.job.prompt == owner.client_id
    session.close(stop_idle=True)
    assert session.state == "off"
    assert other.wait(other.submit(echo_job()).job.id).state == "done", "the first to leave takes nothing away"
    assert other.generation == 1


def test_the_last_one_to_leave_ends_the_server(session: Session, data: Path) -> None:
    session.close()
    until(lambda: lock_is_free(data))
    assert session.wait(session.submit(echo_job()).job.id).state == "done", "and it can be started again"


def test_a_script_leaves_no_server_behind(session: Session, data: Path) -> None:
    session.wait(session.submit(echo_job()).job.id)
    session.close(stop_idle=True)
    assert lock_is_free(data)


def test_a_private_server_ends_with_its_blender(data: Path) -> None:
    session = ready(new_session(data, private=True))
    assert session.wait(session.submit(echo_job()).job.id).state == "done"
    folder = session._server.data
    assert folder != data and list((folder / "jobs").iterdir())
    session.close()
    assert lock_is_free(folder)


def test_closing_while_it_starts_leaves_nothing(data: Path) -> None:
    session = new_session(data)
    session.ensure_started()
    process = session._server.process
    session.close()
    assert process.poll() is not None and lock_is_free(data)


@posix_only
def test_a_killed_blender_takes_its_server_along(data: Path, tmp_path: Path) -> None:
    script = tmp_path / "blender.py"
    script.write_text(
        "import sys, time\nfrom pathlib import Path\n"
        "from blender_aigc.session import Session\nfrom blender_aigc.environment import builtin_environment\n"
        "session = Session(Path(sys.argv[1]), builtin_environment()); session.ensure_started()\n"
        "while not session.models: session.pump(); time.sleep(0.02)\n"
        "print('ready', flush=True)\ntime.sleep(600)\n"
    )
    data.mkdir(parents=True)
    idle_server(data)  # for the clean-up
    command = [sys.executable, script, data]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as blender:
        assert blender.stdout is not None and blender.stdout.readline() == b"ready\n"
        assert not lock_is_free(data)
        blender.kill()
    until(lambda: lock_is_free(data))
    with contextlib.suppress(FileNotFoundError):
        assert not (data / "server.json").read_text()
