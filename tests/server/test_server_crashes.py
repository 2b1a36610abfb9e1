"""kill -9 of every process at every point: nothing acknowledged is lost, and each job ends exactly once."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import psutil
import pytest
import requests
from server_process import ServerProcess, echo_job, trouble_job, until

from blender_aigc.protocol import Job, JobStatus, encode


def submit_though_it_may_die(server: ServerProcess, job: Job) -> bool:
    """True when the submit was acknowledged."""
    try:
        return server.post("/jobs", encode(job)).status_code == 200
    except requests.ConnectionError:
        return False


def check_the_books(data: Path, ended: JobStatus) -> None:
    """The store is sound, and the job's folder holds its result and nothing else."""
    with sqlite3.connect(data / "jobs.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT COUNT(*) FROM jobs WHERE id = ?", (ended.id,)).fetchone() == (1,)
    assert ended.result is not None
    wanted = {artefact.file for artefact in ended.result.artefacts} | {"result.json"}
    assert {path.name for path in (data / "jobs" / ended.id).iterdir()} == wanted
    assert [event.seq for event in ended.events] == list(range(1, len(ended.events) + 1))


@pytest.mark.parametrize(
    ("point", "attempts"),
    [
        ("front:submitted", 1),
        ("front:started", 2),
        ("front:ending", 1),  # its result was complete, so it is not made again
        ("front:ended", 1),
        ("worker:loading", 2),
        ("worker:step_2", 2),
        ("worker:written", 2),
        ("worker:result", 1),  # likewise
        ("worker:sent", 1),
    ],
)
def test_killed_once_at(point: str, attempts: int, tmp_path: Path) -> None:
    data, marker = tmp_path / "data", tmp_path / "marker"
    job = echo_job(prompt=point)
    server = ServerProcess(data, "--forever", crash_at=f"{point}@{marker}")
    try:
        acknowledged = submit_though_it_may_die(server, job)
        until(marker.exists, f"the crash at {point}")
        if point.startswith("front"):
            assert server.wait_end() == -signal.SIGKILL
            server.close()
            server = ServerProcess(data, "--forever")
        if not acknowledged:  # the client does what it does then: it sends the same job again
            server.submit(job)
        ended = server.wait(job.id)
        assert (ended.state, ended.attempt) == ("done", attempts), ended
        assert server.run(echo_job()).state == "done"
        assert server.status(job.id) == ended, "an ending is final"
    finally:
        server.close()
    check_the_books(data, ended)


def test_a_worker_killed_at_every_attempt_ends_the_job_with_a_reason(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--forever", crash_at="worker:step_2") as server:
        ended = server.run(echo_job())
        assert ended.state == "failed" and ended.attempt == 2 and ended.fault is not None
        assert "twice" in ended.fault.message
        assert server.files(ended.id) == set()


def test_a_front_killed_at_every_attempt_ends_the_job_with_a_reason(tmp_path: Path) -> None:
    data, job = tmp_path / "data", trouble_job("hang")
    for attempt in (1, 2):
        with ServerProcess(data, "--forever") as server:
            server.submit(job)
            until(lambda server=server, a=attempt: server.status(job.id).attempt == a, "the attempt")
            server.kill()
    with ServerProcess(data, "--forever") as server:
        ended = server.status(job.id)
        assert ended.state == "failed" and ended.fault is not None and "twice" in ended.fault.message
        assert server.files(job.id) == set()


def test_everything_killed_at_once(tmp_path: Path) -> None:
    """Front and worker die while one job runs, one was cancelled while running, one waits and one is done."""
    data = tmp_path / "data"
    with ServerProcess(data, "--forever", "--grace", "1000") as server:
        done = server.run(echo_job())
        running = server.submit(trouble_job("deaf"))
        waiting = server.submit(echo_job())
        server.wait_phase(running, "Deaf")
        server.cancel(running)
        workers = server.workers()
        server.kill()
        for worker in workers:
            worker.kill()
    with ServerProcess(data, "--forever") as server:
        assert server.status(running).state == "cancelled", "a cancelled job is not tried again"
        assert server.files(running) == set()
        assert server.wait(waiting).state == "done"
        assert server.status(done.id) == done


def test_the_worker_ends_with_the_front(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--forever") as server:
        job_id = server.submit(trouble_job("deaf"))
        server.wait_phase(job_id, "Deaf")
        (worker,) = server.workers()
        server.kill()
        until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, "the worker's end")


def test_a_worker_that_is_stuck_cannot_write_into_the_next_servers_job(tmp_path: Path) -> None:
    """A stopped worker notices nothing. The next one waits for it, then ends it, and only then works."""
    data, job = tmp_path / "data", trouble_job("hang")
    with ServerProcess(data, "--forever") as server:
        server.submit(job)
        server.wait_phase(job.id, "Hanging")
        (worker,) = server.workers()
        os.kill(worker.pid, signal.SIGSTOP)
        server.kill()
    try:
        with ServerProcess(data, "--forever") as server:
            server.cancel(job.id)
            assert server.run(echo_job()).state == "done"
            assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    finally:
        if worker.is_running():
            worker.kill()


def test_a_killed_worker_is_replaced_while_nothing_runs(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--forever") as server:
        server.wait_ready()
        server.workers()[0].kill()
        until(lambda: server.json("/health")["worker_generation"] == 2, "another worker")
        assert server.run(echo_job()).attempt == 1


def test_a_damaged_store_is_set_aside(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "jobs.sqlite").write_bytes(b"this is no database" * 1000)
    with ServerProcess(data, "--forever") as server:
        assert server.run(echo_job()).state == "done"
    (kept,) = data.glob("jobs.sqlite.damaged-*")
    assert kept.read_bytes().startswith(b"this is no database")
