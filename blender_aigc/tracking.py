"""A job as this Blender sees it, and where its files lie. No bpy, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .protocol import FINAL_STATES, Artefact, Event, Fault, FaultRecord, Job, JobState, JobStatus

EVENTS_KEPT = 200


@dataclass
class TrackedJob:
    """A job of this Blender, as the panel shows it.

    fraction: of the phase, 0..1, or None when its length is unknown. preview: newest picture, or None.
    result_folder: None until the server knows the job.
    """

    job: Job
    state: JobState = "queued"
    phase: str = "Sending"
    step: int = 0
    total: int = 0
    message: str = ""
    preview: Path | None = None
    seconds_left: float | None = None
    queue_position: int = 0
    attempt: int = 0
    status: JobStatus | None = None
    fault: FaultRecord | None = None
    folder: Path | None = None
    events: list[Event] = field(default_factory=list)
    sent: bool = False
    acknowledged: bool = False
    cancelling: bool = False
    cancel_sent: bool = False

    @property
    def finished(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def fraction(self) -> float | None:
        return min(1.0, self.step / self.total) if self.total > 0 else None

    def take(self, status: JobStatus) -> None:
        """Take over what the server says."""
        self.state, self.status, self.fault = status.state, status, status.fault
        self.queue_position, self.attempt = status.queue_position, status.attempt
        self.folder = Path(status.folder) if status.folder else None
        for event in status.events:
            self.events.append(event)
            self.phase, self.step, self.total = event.phase, event.step, event.total
            self.message, self.seconds_left = event.message, event.seconds_left
            if event.preview and self.folder:
                self.preview = confined(self.folder, event.preview)
        del self.events[:-EVENTS_KEPT]

    def end(self, state: JobState, fault: Fault | None = None) -> JobStatus:
        """Finish the job on our side, when there is no server to finish it."""
        record = fault.record() if fault else None
        self.take(JobStatus(self.job.id, state, self.attempt, str(self.folder or ""), fault=record))
        assert self.status is not None
        return self.status


def confined(folder: Path, name: str) -> Path:
    """`folder / name`. Raises Fault("bad_request") for a name that would lead out of the folder."""
    if not name or name in (".", "..") or any(mark in name for mark in "/\\:\0"):
        raise Fault("bad_request", "The server named a file outside of its job folder.", detail=name[:200])
    return folder / name


def artefact_path(status: JobStatus, artefact: Artefact) -> Path:
    """Where a finished file lies on this machine. Raises Fault("bad_request") when it is not inside the job folder."""
    return confined(Path(status.folder), artefact.file)
