"""One Blender's dealings with the server, moved forward by `pump`. No bpy, no threads, no waiting.

Three drivers call the same pump: a Blender timer, the blocking loop of a script (`wait`), and the tests. Whatever the
panel shows lies in plain attributes, so that drawing asks nobody.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .environment import Environment
from .protocol import Blob, Fault, Health, Job, JobStatus, ModelInfo, Models
from .tracking import TrackedJob, artefact_path

__all__ = ["Session", "TrackedJob", "artefact_path"]

if TYPE_CHECKING:
    from .conversation import Conversation
    from .launcher import ServerProcess

SessionState = Literal["off", "starting", "ready", "silent", "failed"]

FAREWELL_S = 0.25
"""How long one answer may hold up the closing of Blender."""

PROMPT_S = 0.3
"""So long after a question, its answer is worth a look before the usual time."""

SILENT_S = 10.0
RESPAWNS, RESPAWN_WINDOW_S = 3, 60.0


class Session:
    """data: the data folder. client_name: a word that no other Blender uses, made up when empty (A-Z a-z 0-9 _ . : -).
    private: do not share the server. server_arguments: further words for `serve`, like ("--weights", FOLDER).

    state, sentence, fault: for the status strip. models: by id. broken: model files that could not be read, with the
    reason. jobs: by id, oldest first. generation: counts the servers that this session has seen.
    """

    def __init__(
        self,
        data: Path,
        environment: Environment,
        client_name: str = "",
        private: bool = False,
        server_arguments: tuple[str, ...] = (),
    ) -> None:
        self.data = data
        self.environment = environment
        self.private = private
        self.server_arguments = server_arguments
        self.client_id = client_name or f"blender-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.state: SessionState = "off"
        self.sentence = "The server is not running."
        self.fault: Fault | None = None
        self.models: dict[str, ModelInfo] = {}
        self.broken: dict[str, str] = {}
        self.health: Health | None = None
        self.jobs: dict[str, TrackedJob] = {}
        self.generation = 0
        self._server: ServerProcess | None = None
        self._talk: Conversation | None = None
        self._finished: list[JobStatus] = []
        self._listing: Models | None = None
        self._starts: list[float] = []

    @property
    def awaiting(self) -> bool:
        """Has the server just been asked something? Then the answer is a matter of milliseconds."""
        return self._talk is not None and self._talk.awaiting and self._talk.silence_s(time.monotonic()) < PROMPT_S

    # ------------------------------------------------------------------------------------------------- what users press

    def ensure_started(self) -> None:
        """Start the server or find the running one, unless that is done or under way. Returns at once.

        After a failure this starts afresh: it is what the Start and Try Again buttons call.
        """
        if self.state in ("off", "failed"):
            self._starts.clear()
            self._start()

    def restart(self) -> None:
        """Replace the server, also one of another version or one that does not answer. Its queue is kept."""
        self._starts.clear()
        self._disconnect()
        self._start(replace=True)

    def put_blob(self, data: bytes | memoryview, suffix: str) -> Blob:
        """Store an input where the server finds it. Raises Fault("disk_full")."""
        self.ensure_started()  # a private server has its own folder, known from here on
        blob = Blob(hashlib.sha256(data).hexdigest(), suffix)
        target = self.blob_folder() / blob.file_name
        part = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            if target.is_file() and target.stat().st_size == len(data):
                os.utime(target)  # it is in use again: the server clears away the oldest first
                return blob
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_bytes(data)
            part.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise Fault(
                "disk_full",
                "The picture could not be written into the data folder.",
                "Free some space, or choose another data folder in the preferences.",
                str(error),
            ) from None
        return blob

    def drop_blob(self, blob: Blob) -> None:
        """Remove an input that no job will ask for again; the server would keep it for days."""
        with contextlib.suppress(OSError):
            (self.blob_folder() / blob.file_name).unlink()

    def submit(self, job: Job) -> TrackedJob:
        """Queue `job`; the next pump sends it. Starts the server when it is not running."""
        tracked = self.jobs.get(job.id)
        if tracked is None:
            tracked = self.jobs[job.id] = TrackedJob(job)
        self.ensure_started()
        return tracked

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a job; the next pump sends it. Harmless for one that has ended."""
        tracked = self.jobs.get(job_id)
        if tracked is None or tracked.finished:
            return
        tracked.cancelling = True
        tracked.message = "Cancelling"
        if not tracked.sent:
            self._finished.append(tracked.end("cancelled"))

    def forget(self, job_id: str) -> None:
        """Drop a finished job from the list; its files stay."""
        if job_id in self.jobs and self.jobs[job_id].finished:
            del self.jobs[job_id]

    def refresh_models(self) -> None:
        """Ask for the models again at the next pump, for example after weights were installed."""
        if self._talk is not None:
            self._talk.refresh_models()

    def close(self, stop_idle: bool = False) -> None:
        """Leave the server; it ends by itself once nobody needs it. Takes at most about a second.

        A private server is stopped; with `stop_idle`, so is one that we started and that nobody else uses.
        """
        talk, server = self._talk, self._server
        stop = self.private
        if talk is not None:
            client = talk.client
            client.patience_s = FAREWELL_S
            with contextlib.suppress(Fault):
                client.release(self.client_id)
                health = client.health()
                stop |= stop_idle and server is not None and server.owned and not (health.leases + health.running)
        elif server is not None and server.owned:
            stop = True  # it was still starting: nobody has it yet
        if server is not None and stop:
            server.stop()
        self._disconnect()
        self._say("off", "The server is not running.")

    def log_tail(self, lines: int = 20) -> str:
        """The end of the server's log; reads a file, so not for draw()."""
        return self._server.log_tail(lines) if self._server else ""

    # ------------------------------------------------------------------------------------------------------- the pump

    def pump(self) -> list[JobStatus]:
        """Move everything forward without waiting. Returns the jobs that have finished since the last call, once each.

        Takes the answer to what an earlier call has asked, if it is there, and asks the next thing: about 0.1 ms each.
        """
        now = time.monotonic()
        try:
            if self.state == "starting" and not self._await_hello():
                return self._take_finished()
            if self.state in ("ready", "silent"):
                self._converse(now)
        except Fault as fault:
            self._lost(fault)
        return self._take_finished()

    def _take_finished(self) -> list[JobStatus]:
        finished, self._finished = self._finished, []
        return finished

    def wait(
        self,
        job_id: str,
        progress: Callable[[TrackedJob], None] | None = None,
        pause_s: float = 0.05,
    ) -> JobStatus:
        """Pump until the job has ended, for scripts. Ctrl+C cancels the job before it raises.

        Other jobs that end meanwhile are returned by the next pump.
        """
        tracked = self.jobs[job_id]
        others: list[JobStatus] = []
        try:
            while not tracked.finished:
                others += self.pump()
                if progress is not None:
                    progress(tracked)
                if not tracked.finished:
                    self.rest(pause_s)
        finally:
            if not tracked.finished:
                self.cancel(job_id)
                others += self._send_cancel(tracked)
            self.give_back([status for status in others if status.id != job_id])
        return tracked.status

    def rest(self, seconds: float) -> None:
        """Between two pumps of a script: until the answer is there, or so long when there is nothing to wait for."""
        if self._talk is None or not self._talk.rest(seconds):
            time.sleep(seconds)

    def _send_cancel(self, tracked: TrackedJob) -> list[JobStatus]:
        finished = self.pump()
        give_up = time.monotonic() + FAREWELL_S
        while not (tracked.cancel_sent or tracked.finished) and self._talk is not None and time.monotonic() < give_up:
            self.rest(FAREWELL_S / 10)
            finished += self.pump()
        return finished

    def give_back(self, finished: list[JobStatus]) -> None:
        """Let the next pump return `finished` again: a loop that pumps for itself has no use for others' jobs."""
        self._finished = [*finished, *self._finished]

    def _await_hello(self) -> bool:
        """Is the server ready? A server that says why it cannot start is not started again."""
        from .client import Client
        from .conversation import Conversation

        assert self._server is not None
        try:
            hello = self._server.poll()
        except Fault as fault:
            if fault.code == "server_gone":
                raise
            self._fail(fault)
            return False
        if hello is None:
            return False
        self._talk = Conversation(Client(hello), self.client_id, self.jobs)
        self.generation += 1
        for tracked in self.jobs.values():
            tracked.sent = tracked.acknowledged  # what was not acknowledged is sent again
            tracked.cancel_sent = False
        self._say("ready", "Ready.")
        return True

    def _converse(self, now: float) -> None:
        assert self._talk is not None and self._server is not None
        self._server.poll()
        self._finished += self._talk.advance(now)
        self.health = self._talk.health or self.health
        if self._talk.models is not None and self._talk.models is not self._listing:
            self._listing = self._talk.models
            self.models = {model.id: model for model in self._listing.models}
            self.broken = dict(self._listing.broken)
        if self._talk.silence_s(now) > SILENT_S:  # left alone: it may be busy, and the job may be nearly done
            fault = Fault("server_gone", "The server does not answer.", "Wait, or press Restart Server.")
            self._say("silent", fault.message, fault)
        elif self.state != "ready" or self.sentence != self._ready_sentence():
            self._say("ready", self._ready_sentence())

    # ------------------------------------------------------------------------------------------- starting and losing it

    def _start(self, replace: bool = False) -> None:
        from .launcher import ServerProcess

        if self._server is None or self._server.environment != self.environment:
            self._server = ServerProcess(self.environment, self.data, self.private, self.server_arguments)
        self._starts.append(time.monotonic())
        self._say("starting", "Starting the server ...")
        try:
            self._server.start(replace)
        except Fault as fault:
            self._fail(fault)

    def _ready_sentence(self) -> str:
        device = self.health.device if self.health else ""
        return f"Ready ({device})." if device else "Ready."

    def _lost(self, fault: Fault) -> None:
        """The server is gone: start another one and go on, unless that was tried too often already."""
        self._disconnect()
        now = time.monotonic()
        self._starts = [start for start in self._starts if now - start < RESPAWN_WINDOW_S]
        if fault.code == "version_mismatch" or len(self._starts) > RESPAWNS:
            self._fail(fault)
            return
        for tracked in self.jobs.values():
            if not tracked.finished:
                tracked.message = "The server stopped unexpectedly and is started again"
                tracked.seconds_left = None
        self._start()
        if self.state == "starting":
            self.sentence = "The server stopped unexpectedly; starting it again ..."

    def _fail(self, fault: Fault) -> None:
        for tracked in self.jobs.values():
            if not tracked.finished:
                self._finished.append(tracked.end("failed", fault))
        self._say("failed", fault.message, fault)

    def _disconnect(self) -> None:
        if self._talk is not None:
            self._talk.client.close()
        self._talk = None

    def _say(self, state: SessionState, sentence: str, fault: Fault | None = None) -> None:
        self.state, self.sentence, self.fault = state, sentence, fault

    def blob_folder(self) -> Path:
        """Where inputs are stored; a private server has a folder of its own."""
        return (self._server.data if self._server else self.data) / "blobs"
