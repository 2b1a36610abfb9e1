"""Jobs from the moment they are submitted to the moment they end: the queue, the workers, cancelling, crashes."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import logging
import re
import shutil
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Literal

from blender_aigc.protocol import (
    FINAL_STATES,
    PROTOCOL,
    VERSION,
    Event,
    Fault,
    FaultRecord,
    Health,
    Job,
    JobStatus,
    Result,
    decode,
)

from .crash import crash_point
from .devices import free_gb
from .pipe import Order, Report
from .registry import Registry
from .store import ATTEMPTS, Row, Store
from .supervisor import Worker, WorkerSettings

TICK_S = 0.5
STARTS_BEFORE_GIVING_UP = 3
BLOB_AGE_S = 24 * 3600.0
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Ending = tuple[str, Literal["done", "failed", "cancelled"], Result | None, FaultRecord | None]

_log = logging.getLogger(__name__)


class UnknownJob(Fault):
    """Nobody submitted a job of this id here (or it was so long ago that it is forgotten)."""


class Jobs:
    """The queue in front of the workers. Lives in the event loop of the front process.

    keep:    ended jobs that are remembered, with their folders.
    grace_s: how long a cancelled job may take to notice before its worker is killed; twice the median step if longer.
    paused:  no waiting job is started (nobody is there who wants results).
    """

    def __init__(
        self, store: Store, registry: Registry, settings: WorkerSettings, keep: int = 200, grace_s: float = 3.0
    ) -> None:
        self.paused = False
        self._store = store
        self._registry = registry
        self._settings = settings
        self._keep = keep
        self._grace_s = grace_s
        self._workers = [self._worker(0, "")]
        self._failed_starts = 0
        self._unwritten: list[Ending] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    # ----------------------------------------------------------------------------------------------------- from routes

    def submit(self, job: Job) -> JobStatus:
        """Take `job` for good. Raises Fault for what cannot run; a job that is known already is not looked at again."""
        known = self._store.get(job.id)
        if known is None:
            self._registry.check(job)
            for key, blob in job.inputs.items():
                if not (self.blob_folder / blob.file_name).is_file():
                    raise Fault("bad_request", f"The file for {key!r} has not arrived.", "Try again.", blob.file_name)
        self._store.submit(job)
        crash_point("front:submitted")
        self._soon()
        return self.status(job.id)

    def status(self, job_id: str, since: int = 0) -> JobStatus:
        """The job with its events after number `since`. Raises UnknownJob."""
        row = self._row(job_id)
        return JobStatus(
            id=job_id,
            state=row.state,
            attempt=row.attempt,
            folder=str(self.folder(job_id)),
            events=self._store.events(row.number, since),
            result=row.result,
            fault=row.fault,
            queue_position=self._store.position(row.number) if row.state == "queued" else 0,
        )

    def cancel(self, job_id: str) -> JobStatus:
        """Stop the job: at once when it waits, within a step or the grace when it runs. Raises UnknownJob."""
        self._row(job_id)
        if self._store.request_cancel(job_id) == "running":
            for worker in self._workers:
                if worker.job_id == job_id:
                    worker.send(Order("cancel", job_id))
                    self._spawn(self._kill_later(worker, worker.generation, job_id))
        return self.status(job_id)

    def health(self, leases: int) -> Health:
        first = self._workers[0]
        states = {self._state(worker) for worker in self._workers}
        return Health(
            version=VERSION,
            protocol=PROTOCOL,
            worker="busy" if "busy" in states else self._state(first),
            worker_generation=sum(worker.generation for worker in self._workers),
            heartbeat_s=max(time.monotonic() - worker.alive_s for worker in self._workers),
            device=", ".join(worker.device for worker in self._workers),
            queued=self._store.count("queued"),
            running=self._store.count("running"),
            leases=leases,
            memory_free_gb=round(free_gb(first.device), 1),
        )

    def file(self, job_id: str, name: str) -> Path:
        """A file of the job's folder. Raises UnknownJob; the file may be missing."""
        self._row(job_id)
        return self.folder(job_id) / name

    def folder(self, job_id: str) -> Path:
        return self._settings.data / "jobs" / job_id

    @property
    def blob_folder(self) -> Path:
        return self._settings.data / "blobs"

    def busy(self) -> bool:
        return bool(self._unwritten) or self._store.count("running") > 0

    # ------------------------------------------------------------------------------------------------------------ life

    async def start(self) -> None:
        """Settle what a dead server left behind, then start the worker and the queue."""
        self._loop = asyncio.get_running_loop()
        self._recover()
        self._spawn(self._start_worker(self._workers[0], 0.0))
        self._spawn(self._tick())
        self._spawn(self._clean())

    async def stop(self) -> None:
        """End the workers; a job that was running waits for the next server."""
        for task in self._tasks:
            task.cancel()
        for worker in self._workers:
            await worker.stop()
            if worker.job_id:
                reason = FaultRecord("internal", "The server was stopped.")
                self._store.interrupt(worker.job_id, reason, counts=False)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._dispatch()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a background task failed", exc_info=error)

    def _soon(self) -> None:
        if self._loop is not None:
            self._loop.call_soon(self._dispatch)

    # ----------------------------------------------------------------------------------------------------------- queue

    def _dispatch(self) -> None:
        """Write what could not be written before, then give every idle worker a job."""
        try:
            while self._unwritten:
                self._end(self._unwritten[0])
                self._unwritten.pop(0)
            for worker in self._workers:
                if worker.idle and not self.paused and (row := self._store.start_next()) is not None:
                    self._hand_over(worker, row)
        except Fault as fault:
            _log.error("the queue waits: %s %s", fault, fault.detail)

    def _hand_over(self, worker: Worker, row: Row) -> None:
        job = row.job
        worker.job_id, worker.step_s = job.id, 0.0
        crash_point("front:started")
        folder = self.folder(job.id)
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        except OSError as error:
            worker.job_id = ""
            fault = Fault("disk_full", "The result folder cannot be made.", "Free some disk space.", str(error))
            self._end((job.id, "failed", None, fault.record()))
            return
        inputs = {key: str(self.blob_folder / blob.file_name) for key, blob in job.inputs.items()}
        worker.send(Order("run", job.id, job, str(folder), inputs))

    def _end(self, ending: Ending) -> None:
        """Write how a job ended. Raises Fault when the disk does not let us."""
        job_id, state, result, fault = ending
        crash_point("front:ending")
        self._store.finish(job_id, state, result, fault)
        crash_point("front:ended")
        self._settled(job_id)

    def _settled(self, job_id: str) -> None:
        """After a job ended: only those that are done keep their files."""
        row = self._store.get(job_id)
        if row is not None and row.state in FINAL_STATES and row.state != "done":
            shutil.rmtree(self.folder(job_id), ignore_errors=True)
        self._spawn(self._forget())

    # --------------------------------------------------------------------------------------------------------- workers

    def _worker(self, index: int, device: str) -> Worker:
        return Worker(self._settings, index, device, self._on_report, self._on_gone)

    async def _start_worker(self, worker: Worker, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        try:
            await worker.start()
        except OSError as error:
            _log.error("a worker cannot be started: %s", error)
            worker.gone = True
            self._on_gone(worker, -1)

    def _on_report(self, worker: Worker, report: Report) -> None:
        if report.say == "ready":
            self._on_ready(worker, report.devices)
        elif report.job_id != worker.job_id or report.say == "alive":
            return
        elif report.say == "progress":
            worker.step_s = report.step_s
            self._note(report)
        elif report.say in ("done", "failed", "cancelled"):
            worker.job_id = ""
            self._unwritten.append((report.job_id, report.say, report.result, report.fault))
        self._dispatch()

    def _on_ready(self, worker: Worker, devices: tuple[str, ...]) -> None:
        self._failed_starts = 0
        worker.device = devices[0]
        if len(self._workers) < len(devices):
            for index, device in enumerate(devices[1:], 1):
                self._workers.append(self._worker(index, device))
                self._spawn(self._start_worker(self._workers[-1], 0.0))

    def _note(self, report: Report) -> None:
        """Keep an event; losing one to a full disk must not lose the job."""
        event = Event(
            0,
            time.time(),
            report.phase,
            report.step,
            report.total,
            report.message,
            report.preview,
            report.seconds_left,
        )
        try:
            self._store.add_event(report.job_id, event)
        except Fault as fault:
            _log.error("an event is lost: %s %s", fault, fault.detail)

    def _on_gone(self, worker: Worker, code: int) -> None:
        """The process of `worker` ended: settle its job, start it again."""
        _log.warning("worker %d ended with code %d", worker.index, code)
        job_id, worker.job_id = worker.job_id, ""
        self._failed_starts = 0 if job_id else self._failed_starts + 1
        try:
            if job_id:
                self._settle(job_id, _reason(code))
            if self._failed_starts >= STARTS_BEFORE_GIVING_UP:
                self._give_up(worker)
        except Fault as fault:
            _log.error("the ending of job %s is not written: %s", job_id, fault.detail)
        delay_s = 0.0 if self._failed_starts <= 1 else min(30.0, 2.0 ** (self._failed_starts - 2))
        self._spawn(self._start_worker(worker, delay_s))
        self._soon()

    def _give_up(self, worker: Worker) -> None:
        fault = FaultRecord(
            "internal", "The model process cannot start.", "See the log, then restart the server.", worker.log_tail()
        )
        for job_id in self._store.fail_waiting(fault):
            self._settled(job_id)

    async def _kill_later(self, worker: Worker, generation: int, job_id: str) -> None:
        await asyncio.sleep(max(self._grace_s, 2 * worker.step_s))
        if worker.job_id == job_id and worker.generation == generation:
            _log.warning("job %s does not listen; its worker is killed", job_id)
            worker.kill()

    def _state(self, worker: Worker) -> Literal["idle", "starting", "busy", "gone"]:
        if worker.gone:
            return "gone"
        return "starting" if not worker.ready else "busy" if worker.job_id else "idle"

    # --------------------------------------------------------------------------------------------- crashes and cleaning

    def _recover(self) -> None:
        reason = FaultRecord(
            "internal", "The server stopped twice while this job ran.", "Try again with smaller settings."
        )
        for row in self._store.running():
            self._settle(row.job.id, reason)
        self._store.cancel_stale()

    def _settle(self, job_id: str, reason: FaultRecord) -> None:
        """A running job lost its process: it is done if its result is complete, else it waits again or ends."""
        row = self._row(job_id)
        result = _complete_result(self.folder(job_id), row.job)
        if result is not None:
            self._end((job_id, "done", result, None))
            return
        told = reason.message if row.attempt >= ATTEMPTS else "A process ended unexpectedly; the job is tried once more"
        self._store.add_event(job_id, Event(0, time.time(), "Interrupted", message=told))
        if self._store.interrupt(job_id, reason) in FINAL_STATES:
            self._settled(job_id)

    async def _forget(self) -> None:
        for job_id in self._store.forget(self._keep):
            await asyncio.to_thread(shutil.rmtree, self.folder(job_id), ignore_errors=True)

    async def _clean(self) -> None:
        """Remove folders without a job, and inputs that no job needs and that are older than a day."""
        jobs, blobs = self._store.ids(), self._store.blobs()
        await asyncio.to_thread(self._sweep, jobs, blobs)

    def _sweep(self, jobs: set[str], blobs: set[str]) -> None:
        old = time.time() - BLOB_AGE_S
        for folder in (self._settings.data / "jobs").iterdir():
            if _UUID.fullmatch(folder.name) and folder.name not in jobs and folder.stat().st_mtime < old:
                shutil.rmtree(folder, ignore_errors=True)
        for path in self.blob_folder.iterdir():
            if path.name not in blobs and path.stat().st_mtime < old:
                path.unlink(missing_ok=True)

    def _row(self, job_id: str) -> Row:
        row = self._store.get(job_id)
        if row is None:
            raise UnknownJob("bad_request", "The server does not know this job.", "Generate again.", job_id[:80])
        return row


def _reason(code: int) -> FaultRecord:
    """Why a worker's end ends its job, from its exit code."""
    if code == -9:
        return FaultRecord(
            "out_of_memory",
            "The model's process was killed twice by the system, most likely because memory ran out.",
            "Choose a lower resolution, or close other programs.",
            "killed by signal 9",
        )
    return FaultRecord(
        "internal", "The model's process crashed twice.", "Try other settings; the log has the details.", f"exit {code}"
    )


def _complete_result(folder: Path, job: Job) -> Result | None:
    """The result that a worker wrote just before it died, if everything that it names is there."""
    try:
        result = decode(Result, (folder / "result.json").read_bytes())
        if dataclasses.replace(result.job, params=job.params) != job:
            return None
        for artefact in result.artefacts:
            with (folder / artefact.file).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != artefact.sha256:
                    return None
    except (OSError, Fault):
        return None
    return result
