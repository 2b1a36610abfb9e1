"""The job table: what was acknowledged stays, and each job ends exactly once. SQLite, written by the front only.

A submit and an ending are synced to the disk before anyone hears of them; progress is not, because losing the last
step of it in a power cut costs nothing. Killing the process loses neither.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blender_aigc.protocol import (
    FINAL_STATES,
    Blob,
    Event,
    Fault,
    FaultRecord,
    Job,
    JobState,
    Result,
    decode,
    encode,
)

ATTEMPTS = 2
"""A job that was running when a process died is tried once more."""

EVENTS_KEPT = 500
"""Newest events of a job that are kept; their numbers go on."""

STALE_S = 24 * 3600.0
"""A job that still waits after this time when the server starts belongs to a forgotten session."""

_SCHEMA = 1
_CREATE = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    attempt INTEGER NOT NULL DEFAULT 0,
    cancel INTEGER NOT NULL DEFAULT 0,
    submitted_s REAL NOT NULL,
    events INTEGER NOT NULL DEFAULT 0,
    result TEXT,
    fault TEXT
);
CREATE INDEX waiting ON jobs (state, number);
CREATE TABLE events (
    number INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (number, seq)
) WITHOUT ROWID;
"""

_log = logging.getLogger(__name__)


class TakenId(Fault):
    """Another job has this id already."""


@dataclass(frozen=True)
class Row:
    """A job as stored. cancel: somebody asked for it to be cancelled."""

    number: int
    job: Job
    state: JobState
    attempt: int
    cancel: bool
    result: Result | None
    fault: FaultRecord | None


class Store:
    """One table of jobs in one file. Not for several threads."""

    def __init__(self, path: Path) -> None:
        """Raises Fault("disk_full") when the file cannot be made. A damaged file is set aside and a new one begun."""
        self.path = path
        with _sentences():
            try:
                self._db = _open(path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                _set_aside(path, error)
                self._db = _open(path)

    def close(self) -> None:
        self._db.close()

    # --------------------------------------------------------------------------------------------------- from outside

    def submit(self, job: Job) -> bool:
        """Keep `job`; True when it is new. The same again is harmless. Raises TakenId."""
        with self._synced() as db:
            content = _canonical(job)
            known = db.execute("SELECT job FROM jobs WHERE id = ?", (job.id,)).fetchone()
            if known is None:
                db.execute(
                    "INSERT INTO jobs (id, job, state, submitted_s) VALUES (?, ?, 'queued', ?)",
                    (job.id, content, time.time()),
                )
            elif known[0] != content:
                raise TakenId("bad_request", "Another job has this id already.", "Generate again.", job.id)
        return known is None

    def get(self, job_id: str) -> Row | None:
        with _sentences():
            found = self._db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return _row(found) if found else None

    def events(self, number: int, since: int) -> tuple[Event, ...]:
        """The events after number `since`, in order."""
        with _sentences():
            found = self._db.execute(
                "SELECT event FROM events WHERE number = ? AND seq > ? ORDER BY seq", (number, since)
            ).fetchall()
        return tuple(decode(Event, text) for (text,) in found)

    def position(self, number: int) -> int:
        """Place of a queued job in the queue, 1 = next."""
        query = "SELECT COUNT(*) FROM jobs WHERE state = 'queued' AND number <= ?"
        with _sentences():
            return self._db.execute(query, (number,)).fetchone()[0]

    def request_cancel(self, job_id: str) -> JobState | None:
        """A waiting job ends at once, a running one is marked; the state afterwards, None for an unknown id."""
        with self._synced() as db:
            db.execute("UPDATE jobs SET state = 'cancelled', cancel = 1 WHERE id = ? AND state = 'queued'", (job_id,))
            db.execute("UPDATE jobs SET cancel = 1 WHERE id = ? AND state = 'running'", (job_id,))
            found = db.execute("SELECT state FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return found[0] if found else None

    def count(self, state: JobState) -> int:
        with _sentences():
            return self._db.execute("SELECT COUNT(*) FROM jobs WHERE state = ?", (state,)).fetchone()[0]

    # ------------------------------------------------------------------------------------------------ from the runner

    def start_next(self) -> Row | None:
        """Take the job that has waited longest: it is running now, and this is one attempt more."""
        with self._synced() as db:
            found = db.execute(
                "UPDATE jobs SET state = 'running', attempt = attempt + 1 WHERE number ="
                f" (SELECT number FROM jobs WHERE state = 'queued' ORDER BY number LIMIT 1) RETURNING {_COLUMNS}"
            ).fetchone()
        return _row(found) if found else None

    def add_event(self, job_id: str, event: Event) -> None:
        """Keep `event` under the next number of its job (its own `seq` is ignored), while the job runs."""
        with self._quick() as db:
            found = db.execute(
                "UPDATE jobs SET events = events + 1 WHERE id = ? AND state = 'running' RETURNING number, events",
                (job_id,),
            ).fetchone()
            if found is None:
                return
            number, seq = found
            numbered = Event(
                seq,
                event.time_s,
                event.phase,
                event.step,
                event.total,
                event.message,
                event.preview,
                event.seconds_left,
            )
            db.execute("INSERT INTO events (number, seq, event) VALUES (?, ?, ?)", (number, seq, encode(numbered)))
            if seq % 100 == 0:
                db.execute("DELETE FROM events WHERE number = ? AND seq <= ?", (number, seq - EVENTS_KEPT))

    def finish(
        self,
        job_id: str,
        state: Literal["done", "failed", "cancelled"],
        result: Result | None = None,
        fault: FaultRecord | None = None,
    ) -> bool:
        """End a running job; False when it is not running (any more). A job marked for cancel ends as cancelled."""
        with self._synced() as db:
            changed = db.execute(
                "UPDATE jobs SET state = CASE WHEN cancel THEN 'cancelled' ELSE ? END,"
                " result = CASE WHEN cancel THEN NULL ELSE ? END, fault = CASE WHEN cancel THEN NULL ELSE ? END"
                " WHERE id = ? AND state = 'running'",
                (state, encode(result) if result else None, encode(fault) if fault else None, job_id),
            ).rowcount
        return changed == 1

    def interrupt(self, job_id: str, reason: FaultRecord, counts: bool = True) -> JobState | None:
        """The process that ran the job is gone: it waits again, or ends when it had its attempts; the new state.

        counts: False when the attempt was ended in good order and does not speak against the job.
        """
        with self._synced() as db:
            found = db.execute(
                "SELECT attempt, cancel FROM jobs WHERE id = ? AND state = 'running'", (job_id,)
            ).fetchone()
            if found is None:
                return None
            attempt, cancel = found
            state: JobState = "cancelled" if cancel else "failed" if counts and attempt >= ATTEMPTS else "queued"
            db.execute(
                "UPDATE jobs SET state = ?, fault = ?, attempt = ? WHERE id = ?",
                (state, encode(reason) if state == "failed" else None, attempt - (not counts), job_id),
            )
        return state

    def running(self) -> list[Row]:
        """The jobs marked as running: at start-up, those that a dead process left."""
        with _sentences():
            found = self._db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE state = 'running'").fetchall()
        return [_row(row) for row in found]

    def fail_waiting(self, fault: FaultRecord) -> list[str]:
        """End all waiting jobs with `fault`; their ids."""
        with self._synced() as db:
            found = db.execute(
                "UPDATE jobs SET state = 'failed', fault = ? WHERE state = 'queued' RETURNING id", (encode(fault),)
            ).fetchall()
        return [job_id for (job_id,) in found]

    def cancel_stale(self) -> int:
        """End the jobs that have been waiting since another day; how many."""
        with self._synced() as db:
            return db.execute(
                "UPDATE jobs SET state = 'cancelled' WHERE state = 'queued' AND submitted_s < ?",
                (time.time() - STALE_S,),
            ).rowcount

    # ----------------------------------------------------------------------------------------------------- house work

    def forget(self, keep: int) -> list[str]:
        """Drop all ended jobs but the newest `keep`; the ids of the dropped."""
        with self._quick() as db:
            found = db.execute(
                "DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE state IN ('done', 'failed',"
                " 'cancelled') ORDER BY number DESC LIMIT -1 OFFSET ?) RETURNING id",
                (keep,),
            ).fetchall()
        return [job_id for (job_id,) in found]

    def ids(self) -> set[str]:
        with _sentences():
            return {job_id for (job_id,) in self._db.execute("SELECT id FROM jobs")}

    def blobs(self) -> set[str]:
        """File names of all inputs of all jobs."""
        with _sentences():
            found = self._db.execute("SELECT job FROM jobs").fetchall()
        blobs: list[Blob] = [blob for (text,) in found for blob in decode(Job, text).inputs.values()]
        return {blob.file_name for blob in blobs}

    @contextlib.contextmanager
    def _synced(self) -> Generator[sqlite3.Connection]:
        """A transaction that is on the disk when it ends."""
        with self._transaction("FULL") as db:
            yield db

    @contextlib.contextmanager
    def _quick(self) -> Generator[sqlite3.Connection]:
        """A transaction that a power cut may undo, but no crash."""
        with self._transaction("NORMAL") as db:
            yield db

    @contextlib.contextmanager
    def _transaction(self, synchronous: str) -> Generator[sqlite3.Connection]:
        with _sentences():
            self._db.execute(f"PRAGMA synchronous = {synchronous}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:  # where the disk failed, SQLite has undone it already
                    self._db.execute("ROLLBACK")


_COLUMNS = "number, job, state, attempt, cancel, result, fault"


def _row(found: tuple[int, str, JobState, int, int, str | None, str | None]) -> Row:
    number, job, state, attempt, cancel, result, fault = found
    assert state in FINAL_STATES or (result is None and fault is None)
    return Row(
        number,
        decode(Job, job),
        state,
        attempt,
        bool(cancel),
        decode(Result, result) if result else None,
        decode(FaultRecord, fault) if fault else None,
    )


def _canonical(job: Job) -> str:
    """The same text for the same job, in whatever order its keys came."""
    return json.dumps(json.loads(encode(job)), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    with contextlib.ExitStack() as on_failure:
        db = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
        on_failure.callback(db.close)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA foreign_keys = ON")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in (0, _SCHEMA):
            raise sqlite3.DatabaseError(f"made by another version: schema {version}")
        if version == 0:
            db.executescript(f"BEGIN; {_CREATE} PRAGMA user_version = {_SCHEMA}; COMMIT;")
        (verdict,) = db.execute("PRAGMA quick_check").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict))
        on_failure.pop_all()
    return db


def _set_aside(path: Path, error: Exception) -> None:
    """Keep what cannot be read for whoever wants to rescue it; its journal belongs to it."""
    stamp = int(time.time())
    _log.error("%s is set aside as it cannot be used: %s", path, error)
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.replace(path.with_name(f"{path.name}.damaged-{stamp}{suffix}"))


@contextlib.contextmanager
def _sentences() -> Generator[None]:
    """Turns a failure of the disk into a Fault."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise Fault(
            "disk_full",
            "The job list cannot be written.",
            "Free some disk space, and check that the data folder may be written to.",
            str(error),
        ) from error
