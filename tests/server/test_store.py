"""The job table under random histories: each job ends exactly once, whatever dies in between."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from blender_aigc.protocol import (
    FINAL_STATES,
    Artefact,
    Event,
    Fault,
    FaultRecord,
    Job,
    JobState,
    Provenance,
    Result,
)
from server.store import ATTEMPTS, EVENTS_KEPT, STALE_S, Store

REASON = FaultRecord("internal", "It died.")


def new_job(prompt: str = "") -> Job:
    return Job(str(uuid.uuid4()), "echo", "echo", prompt=prompt)


def result_of(job: Job) -> Result:
    origin = Provenance("0", job.task, job.model, "", "", job.prompt, job.seed, {}, {}, "")
    return Result(job, (Artefact("text", "a.txt", "0" * 64, 1, "a"),), origin)


class History(RuleBasedStateMachine):
    """The store beside a model of plain dictionaries. A crash is what it is in life: the store is opened again."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store(self.folder / "jobs.sqlite")
        self.known: dict[str, Job] = {}
        self.state: dict[str, JobState] = {}
        self.attempts: dict[str, int] = {}
        self.cancelled: set[str] = set()
        self.order: list[str] = []
        self.counts: dict[str, int] = {}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(target=jobs, prompt=st.text(max_size=5))
    def submit(self, prompt: str) -> str:
        job = new_job(prompt)
        assert self.store.submit(job)
        self.known[job.id], self.state[job.id] = job, "queued"
        self.attempts[job.id] = self.counts[job.id] = 0
        self.order.append(job.id)
        return job.id

    @rule(job_id=jobs)
    def submit_again(self, job_id: str) -> None:
        assert not self.store.submit(self.known[job_id])
        with pytest.raises(Fault):
            self.store.submit(Job(job_id, "echo", "echo", prompt=self.known[job_id].prompt + "!"))

    @rule()
    def start(self) -> None:
        waiting = [job_id for job_id in self.order if self.state[job_id] == "queued"]
        row = self.store.start_next()
        assert (row.job.id if row else None) == (waiting[0] if waiting else None)
        if row:
            self.state[row.job.id] = "running"
            self.attempts[row.job.id] += 1
            assert row.attempt == self.attempts[row.job.id] <= ATTEMPTS

    @rule(job_id=jobs)
    def step(self, job_id: str) -> None:
        self.store.add_event(job_id, Event(0, 0.0, "Working"))
        self.counts[job_id] += self.state[job_id] == "running"

    @rule(job_id=jobs, state=st.sampled_from(["done", "failed", "cancelled"]))
    def finish(self, job_id: str, state: str) -> None:
        result = result_of(self.known[job_id]) if state == "done" else None
        fault = REASON if state == "failed" else None
        ended = self.store.finish(job_id, state, result, fault)  # type: ignore[arg-type]
        assert ended == (self.state[job_id] == "running")
        if ended:
            self.state[job_id] = "cancelled" if job_id in self.cancelled else state  # type: ignore[assignment]

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        answer = self.store.request_cancel(job_id)
        if self.state[job_id] == "queued":
            self.state[job_id] = "cancelled"
        elif self.state[job_id] == "running":
            self.cancelled.add(job_id)
        assert answer == self.state[job_id]

    def interrupt(self, job_id: str, counts: bool) -> None:
        answer = self.store.interrupt(job_id, REASON, counts)
        if self.state[job_id] != "running":
            assert answer is None
            return
        if job_id in self.cancelled:
            self.state[job_id] = "cancelled"
        elif counts and self.attempts[job_id] >= ATTEMPTS:
            self.state[job_id] = "failed"
        else:
            self.state[job_id] = "queued"
        self.attempts[job_id] -= not counts
        assert answer == self.state[job_id]

    @rule(job_id=jobs, counts=st.booleans())
    def worker_dies(self, job_id: str, counts: bool) -> None:
        self.interrupt(job_id, counts)

    @rule()
    def front_dies(self) -> None:
        self.store = Store(self.folder / "jobs.sqlite")  # the old connection is never closed, as in a kill
        left = [row.job.id for row in self.store.running()]
        assert sorted(left) == sorted(job_id for job_id, state in self.state.items() if state == "running")
        for job_id in left:
            self.interrupt(job_id, True)

    @rule(keep=st.integers(0, 5))
    def forget(self, keep: int) -> None:
        ended = [job_id for job_id in self.order if self.state.get(job_id) in FINAL_STATES]
        gone = ended[: max(0, len(ended) - keep)]
        assert sorted(self.store.forget(keep)) == sorted(gone)
        for job_id in gone:  # submitted again it would be a new job; the history does not do that
            self.store.submit(self.known[job_id])
            self.state[job_id], self.attempts[job_id], self.counts[job_id] = "queued", 0, 0
            self.cancelled.discard(job_id)
            self.order.remove(job_id)
            self.order.append(job_id)

    @invariant()
    def the_store_agrees(self) -> None:
        for job_id, state in self.state.items():
            row = self.store.get(job_id)
            assert row is not None and row.job == self.known[job_id]
            assert (row.state, row.attempt) == (state, self.attempts[job_id])
            assert (row.result is not None) == (state == "done")
            assert (row.fault is not None) == (state == "failed")
            numbers = [event.seq for event in self.store.events(row.number, 0)]
            assert numbers == list(range(1, self.counts[job_id] + 1))
        assert self.store.count("queued") == list(self.state.values()).count("queued")


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "jobs.sqlite")


def test_an_acknowledged_submit_survives_kill_9(tmp_path: Path) -> None:
    """The child is killed right after it says that a job is kept, again and again; none is missing."""
    code = (
        "import sys; from pathlib import Path; from server.store import Store; from blender_aigc.protocol import Job;"
        "store = Store(Path(sys.argv[1]));"
        "[(store.submit(Job(line.strip(), 'echo', 'echo')), sys.stdout.write(line), sys.stdout.flush())"
        " for line in sys.stdin]"
    )
    kept: list[str] = []
    root = Path(__file__).resolve().parents[2]
    for round_ in range(5):
        line = [sys.executable, "-c", code, str(tmp_path / "jobs.sqlite")]
        with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as child:
            assert child.stdin and child.stdout
            for _ in range(1 + 3 * round_):
                child.stdin.write(f"{uuid.uuid4()}\n")
                child.stdin.flush()
                kept.append(child.stdout.readline().strip())
            child.stdin.write(f"{uuid.uuid4()}\n")  # and one that may or may not have been kept
            child.stdin.flush()
            os.kill(child.pid, signal.SIGKILL)
    assert set(kept) <= Store(tmp_path / "jobs.sqlite").ids()


def test_what_must_last_is_synced(store: Store) -> None:
    """Submit, start, cancel and ending run with synchronous = FULL, progress with NORMAL."""
    modes: list[tuple[str, int]] = []
    job = new_job()
    for name, call in (
        ("submit", lambda: store.submit(job)),
        ("start", store.start_next),
        ("event", lambda: store.add_event(job.id, Event(0, 0.0, "x"))),
        ("cancel", lambda: store.request_cancel(job.id)),
        ("finish", lambda: store.finish(job.id, "cancelled")),
    ):
        call()
        modes.append((name, store._db.execute("PRAGMA synchronous").fetchone()[0]))
    assert modes == [("submit", 2), ("start", 2), ("event", 1), ("cancel", 2), ("finish", 2)]
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_only_the_newest_events_are_kept_and_the_numbers_go_on(store: Store) -> None:
    store.submit(job := new_job())
    row = store.start_next()
    assert row is not None
    total = EVENTS_KEPT + 300
    for step in range(total):
        store.add_event(job.id, Event(0, 0.0, "Working", step))
    events = store.events(row.number, 0)
    assert EVENTS_KEPT <= len(events) <= EVENTS_KEPT + 100
    assert [event.seq for event in events] == list(range(events[0].seq, total + 1))
    assert events[-1].step == total - 1


def test_positions_in_the_queue(store: Store) -> None:
    numbers = []
    for _ in range(3):
        store.submit(job := new_job())
        row = store.get(job.id)
        assert row is not None
        numbers.append(row.number)
    assert [store.position(number) for number in numbers] == [1, 2, 3]
    store.start_next()
    assert [store.position(number) for number in numbers[1:]] == [1, 2]


def test_yesterdays_queue_is_not_worked_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    today = time.time()
    monkeypatch.setattr("server.store.time.time", lambda: today - STALE_S - 1)
    store.submit(old := new_job())
    monkeypatch.setattr("server.store.time.time", lambda: today)
    store.submit(new := new_job())
    assert store.cancel_stale() == 1
    states = [row.state for row in map(store.get, (old.id, new.id)) if row]
    assert states == ["cancelled", "queued"]


def test_another_versions_store_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert Store(path).ids() == set()
    assert list(tmp_path.glob("jobs.sqlite.damaged-*"))


def test_a_full_disk_is_a_fault_and_loses_nothing(tmp_path: Path) -> None:
    """In a child, whose files may not grow beyond a limit: every refused submit is refused whole."""
    code = (
        "import sys, uuid; from pathlib import Path; from server.store import Store;"
        "from blender_aigc.protocol import Fault, Job\n"
        "store, kept = Store(Path(sys.argv[1])), []\n"
        "for _ in range(1000):\n"
        "    job = Job(str(uuid.uuid4()), 'echo', 'echo', prompt='x' * 5000)\n"
        "    try:\n"
        "        store.submit(job); kept.append(job.id)\n"
        "    except Fault as fault:\n"
        "        assert fault.code == 'disk_full', fault; break\n"
        "assert store.ids() == set(kept)\n"
        "sys.stdout.write(' '.join(kept))\n"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    line = [sys.executable, "-c", code, str(tmp_path / "jobs.sqlite")]
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run(line, cwd=root, capture_output=True, text=True, preexec_fn=limit)
    assert ended.returncode == 0, ended.stderr
    kept = set(ended.stdout.split())
    assert 0 < len(kept) < 1000
    assert Store(tmp_path / "jobs.sqlite").ids() == kept


def test_two_connections_do_not_lose_each_others_jobs(tmp_path: Path) -> None:
    """Not how the server works (one writer), but a tool may look in at the same time."""
    one, two = Store(tmp_path / "jobs.sqlite"), Store(tmp_path / "jobs.sqlite")
    jobs = [new_job() for _ in range(6)]
    for store, job in zip(itertools.cycle((one, two)), jobs, strict=False):
        store.submit(job)
    assert one.ids() == two.ids() == {job.id for job in jobs}
