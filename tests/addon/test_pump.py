"""The pump stands on Blender's main thread: it must wait for no server, working or stopped."""

from __future__ import annotations

import dataclasses
import io
import os
import selectors
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from live_server import ODD_FOLDER, echo_job, end_all, endless_job, new_session, posix_only, pump_until, ready, until

from blender_aigc import session as session_module
from blender_aigc.protocol import Job, JobStatus
from blender_aigc.session import Session
from blender_aigc.tracking import TrackedJob


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / ODD_FOLDER
    end_all()


@pytest.fixture
def session(data: Path) -> Session:
    return ready(new_session(data))


@pytest.fixture
def nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, whoever sleeps, selects or turns a socket into one that waits fails the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this waits")

    for kind in {selectors.DefaultSelector, selectors.SelectSelector}:
        monkeypatch.setattr(kind, "select", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "settimeout", refuse)
    monkeypatch.setattr(subprocess.Popen, "wait", refuse)
    monkeypatch.setattr(session_module, "time", SimpleNamespace(monotonic=time.monotonic, sleep=refuse))


def pump(session: Session) -> None:
    session.pump()
    open_socket = session._talk.client._connection.socket if session._talk else None
    assert open_socket is None or open_socket.getblocking() is False


def stopped(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "T"


@pytest.fixture
def silent(session: Session) -> Iterator[Session]:
    """A session whose server has been stopped; it goes on afterwards."""
    assert session._server is not None and session._server.hello is not None
    pid = session._server.hello.pid
    os.kill(pid, signal.SIGSTOP)
    until(lambda: stopped(pid))
    yield session
    assert stopped(pid), "it has not answered in between"
    os.kill(pid, signal.SIGCONT)


@posix_only
def test_a_stopped_server_holds_up_no_pump(silent: Session, nothing_waits: None) -> None:
    """Each pump returns although the server cannot answer: no question, job or cancel is waited for."""
    tracked = silent.submit(echo_job())
    for _ in range(100):
        pump(silent)
    assert tracked.sent and not tracked.acknowledged and silent._talk.awaiting
    silent.cancel(tracked.job.id)
    silent.refresh_models()
    for _ in range(100):
        pump(silent)
    assert silent.generation == 1 and not tracked.finished and not tracked.cancel_sent


@posix_only
def test_what_was_asked_of_a_stopped_server_is_answered_when_it_goes_on(session: Session) -> None:
    pid = session._server.hello.pid
    os.kill(pid, signal.SIGSTOP)
    tracked = session.submit(echo_job())
    for _ in range(10):
        pump(session)
    os.kill(pid, signal.SIGCONT)
    pump_until(session, lambda: tracked.finished)
    assert tracked.state == "done" and session.generation == 1 and session.state == "ready"


@posix_only
def test_silence_goes_on_over_new_connections(silent: Session, nothing_waits: None) -> None:
    """A question is given up and asked anew: that it went out again is no sign of life. The clock is the test's own."""
    talk = silent._talk
    talk.client.patience_s = 0.0
    silent.submit(echo_job())
    start = time.monotonic()
    exchanges = set()
    for second in range(20):
        assert talk.advance(start + second) == []
        assert talk.silence_s(start + second) == pytest.approx(second)
        if talk._asked is not None:
            exchanges.add(talk._asked.question._exchange)
    assert len(exchanges) > 10


@posix_only
def test_a_stopped_server_holds_up_neither_another_blender_nor_a_restart(
    silent: Session, data: Path, nothing_waits: None
) -> None:
    other = new_session(data)
    other.ensure_started()
    pump(other)
    assert other.state == "starting" and other._server.hello is None
    silent.restart()
    pump(silent)
    assert silent.state == "starting"


def picture_job(session: Session) -> Job:
    y, x = np.mgrid[:256, :256] / 128 - 1
    rgba = np.full((256, 256, 4), 200, np.uint8)
    rgba[..., 3] = np.where(np.hypot(x, y) < 0.8, 255, 0)
    buffer = io.BytesIO()
    np.save(buffer, rgba)
    inputs = {"image": session.put_blob(buffer.getvalue(), ".npy")}
    return Job(str(uuid.uuid4()), "image_to_mesh", "inflate", inputs, {"faces": 1500, "texture_px": "512"})


def test_pumps_while_a_picture_becomes_a_mesh(session: Session, nothing_waits: None) -> None:
    """At least a hundred pumps, and the job arrives with all that it told on the way."""
    tracked = session.submit(picture_job(session))
    slow = session.submit(echo_job(steps=100, step_s=0.02))
    pumps = 0
    give_up = time.monotonic() + 60
    while not (tracked.finished and slow.finished):
        pump(session)
        pumps += 1
        time.sleep(0.005)
        assert time.monotonic() < give_up
    assert pumps >= 100 and tracked.state == slow.state == "done"
    assert len({event.phase for event in tracked.events}) > 2 and tracked.status.result.artefacts
    assert [event.step for event in slow.events if event.phase == "Echoing"][-1] == 100


def test_every_job_is_asked_about_in_turn(session: Session) -> None:
    """A question at a time for many jobs: none of them is forgotten, and what is new goes first."""
    jobs = [session.submit(endless_job()) for _ in range(4)]
    for number in range(1, 5):
        pump(session)
        assert [job.sent for job in jobs] == [True] * number + [False] * (4 - number)
        until(lambda number=number: jobs[number - 1].acknowledged or pump_quietly(session, jobs[number - 1]))
    pump_until(session, lambda: all(job.asked_at > 0 for job in jobs))
    before = [job.asked_at for job in jobs]
    pump_until(session, lambda: all(job.asked_at > then for job, then in zip(jobs, before, strict=True)))
    for job in jobs:
        session.cancel(job.job.id)
    pump_until(session, lambda: all(job.finished for job in jobs))
    assert {job.state for job in jobs} == {"cancelled"}


def pump_quietly(session: Session, job: TrackedJob) -> bool:
    """Take the answer to what was asked, without asking the next thing."""
    session._talk._hear()
    return job.acknowledged


def test_an_answer_about_a_job_that_has_ended_here_changes_nothing(session: Session) -> None:
    tracked = session.submit(endless_job())
    pump_until(session, lambda: tracked.acknowledged)
    pump_until(session, lambda: session._talk._asked is not None and session._talk._asked.job is tracked)
    tracked.end("failed")
    told: list[JobStatus] = []
    until(lambda: told.extend(session._talk._hear()) or session._talk._asked is None)
    assert tracked.state == "failed" and told == [] and session.pump() == []
    session._talk.client.cancel(tracked.job.id)


def test_models_asked_for_while_they_are_being_listed_are_listed_again(session: Session) -> None:
    session.refresh_models()
    pump_until(session, lambda: session._talk._asked is not None)
    first = session._talk.models
    session.refresh_models()
    pump_until(session, lambda: session._talk.models is not first)
    second = session._talk.models
    pump_until(session, lambda: session._talk.models is not second)
    assert dataclasses.asdict(first) == dataclasses.asdict(session._talk.models)
