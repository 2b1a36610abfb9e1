"""A job as this Blender sees it, and where its files lie. No bpy, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from .protocol import FINAL_STATES, Artefact, Event, Fault, FaultRecord, Job, JobState, JobStatus

EVENTS_KEPT = 200


@dataclass
class TrackedJob:
    """A job of this Blender, as the panel shows it.

    status: what the server said last; before it said anything, a queued job without a folder.
    phase, step, total, message, seconds_left: of the newest event. preview: newest picture, or None.
    sent: perhaps on its way. acknowledged: the server has it. asked_at: when we asked for its state, monotonic.
    """

    job: Job
    status: JobStatus = field(init=False)
    phase: str = "Sending"
    step: int = 0
    total: int = 0
    message: str = ""
    preview: Path | None = None
    seconds_left: float | None = None
    events: list[Event] = field(default_factory=list)
    sent: bool = False
    acknowledged: bool = False
    cancelling: bool = False
    cancel_sent: bool = False
    asked_at: float = 0.0

    def __post_init__(self) -> None:
        self.status = JobStatus(self.job.id, "queued", 0, "")

    @property
    def state(self) -> JobState:
        return self.status.state

    @property
    def fault(self) -> FaultRecord | None:
        return self.status.fault

    @property
    def finished(self) -> bool:
        return self.status.state in FINAL_STATES

    @property
    def fraction(self) -> float | None:
        """How much of the phase is done, 0..1; None when its length is unknown."""
        return min(1.0, self.step / self.total) if self.total > 0 else None

    def take(self, status: JobStatus) -> None:
        """Take over what the server says. Raises Fault("bad_request") for a preview outside of the job folder."""
        for event in status.events:
            self.events.append(event)
            self.phase, self.step, self.total = event.phase, event.step, event.total
            self.message, self.seconds_left = event.message, event.seconds_left
            if event.preview and status.folder:
                self.preview = confined(Path(status.folder), event.preview)
        del self.events[:-EVENTS_KEPT]
        self.status = status
        if self.cancelling and not self.finished:
            self.message = "Cancelling"

    def acknowledge(self, status: JobStatus) -> None:
        """The server has got the job."""
        self.acknowledged = True
        self.take(status)

    def cancel_heard(self, _status: JobStatus) -> None:
        """The server knows that it is to be cancelled. Its events come with the next state, without those we have."""
        self.cancel_sent = True
        self.asked_at = 0.0

    def end(self, state: JobState, fault: Fault | None = None) -> JobStatus:
        """Finish the job on our side, when there is no server to finish it."""
        record = fault.record() if fault else None
        self.status = replace(self.status, state=state, events=(), fault=record)
        return self.status


def confined(folder: Path, name: str) -> Path:
    """`folder / name`. Raises Fault("bad_request") for a name that would lead out of the folder."""
    if not name or name in (".", "..") or any(mark in name for mark in "/\\:\0"):
        raise Fault("bad_request", "The server named a file outside of its job folder.", detail=name[:200])
    return folder / name


def artefact_path(status: JobStatus, artefact: Artefact) -> Path:
    """Where a finished file lies on this machine. Raises Fault("bad_request") when it is not inside the job folder."""
    return confined(Path(status.folder), artefact.file)
