"""What one session says to its server: one question at a time, and never waiting for the answer. No bpy, no threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .client import Client, NotFound, Question, Unanswered, WrongToken
from .protocol import Fault, Health, JobStatus, Lease, Models
from .tracking import TrackedJob

PATIENCE_S = 30.0
"""When a question is given up and asked again on a new connection. Long, because waiting costs nothing."""

POLL_S = 0.05
"""A job's state is not asked for more often."""

LEASE_S = 10.0


@dataclass(frozen=True)
class _Asked:
    question: Question[Any]
    take: Callable[[Any], None]
    job: TrackedJob | None = None


class Conversation:
    """jobs: shared with the session. health, models: what was heard last.

    When there is more than one thing to ask: new jobs, what is cancelled, the lease, the models, then the unfinished
    job that has waited longest.
    """

    def __init__(self, client: Client, client_id: str, jobs: dict[str, TrackedJob]) -> None:
        client.patience_s = PATIENCE_S
        self.client = client
        self.health: Health | None = None
        self.models: Models | None = None
        self._client_id = client_id
        self._jobs = jobs
        self._asked: _Asked | None = None
        self._waiting_since: float | None = None
        self._lease_due = 0.0
        self._models_wanted, self._models_heard = 1, 0

    def refresh_models(self) -> None:
        self._models_wanted += 1

    @property
    def awaiting(self) -> bool:
        return self._asked is not None

    def silence_s(self, now: float) -> float:
        """For how long the server has owed an answer; 0 when it owes none."""
        return 0.0 if self._asked is None or self._waiting_since is None else now - self._waiting_since

    def advance(self, now: float) -> list[JobStatus]:
        """Take the answer if it is there, and ask the next thing if there is one. Returns the jobs that have ended.

        Raises the Fault with which the server was lost.
        """
        ended = self._hear()
        if self._asked is None:
            self._asked = self._next(now)
            if self._asked is None:
                self._waiting_since = None
            elif self._waiting_since is None:
                self._waiting_since = now
        return ended

    def rest(self, seconds: float) -> bool:
        """Wait for the answer, at most so long, for scripts. False, at once, when nothing was asked."""
        if self._asked is None:
            return False
        self._asked.question.rest(seconds)
        return True

    def _hear(self) -> list[JobStatus]:
        asked = self._asked
        if asked is None:
            return []
        try:
            answer = asked.question.poll()
            if answer is None:
                return []
            ended_here = asked.job is not None and asked.job.finished
            if not ended_here:
                asked.take(answer)
        except Unanswered:
            self._asked = None  # asked again, but that is no sign of life: the silence goes on
            return []
        except Fault as fault:
            self._asked = self._waiting_since = None
            return _refused(asked.job, fault)
        self._asked = self._waiting_since = None
        return [asked.job.status] if asked.job is not None and asked.job.finished and not ended_here else []

    def _next(self, now: float) -> _Asked | None:
        client = self.client
        jobs = [job for job in self._jobs.values() if not job.finished]
        for job in jobs:
            if not job.acknowledged:
                job.sent, job.asked_at = True, now
                return _Asked(client.ask_submit(job.job), job.acknowledge, job)
        for job in jobs:
            if job.cancelling and not job.cancel_sent:
                return _Asked(client.ask_cancel(job.job.id), job.cancel_heard, job)
        if now >= self._lease_due:
            return _Asked(client.ask_renew(Lease(self._client_id, pid=os.getpid())), lambda h: self._renewed(h, now))
        if self._models_heard != self._models_wanted:
            wanted = self._models_wanted
            return _Asked(client.ask_models(), lambda models: self._listed(models, wanted))
        job = min(jobs, key=lambda job: job.asked_at, default=None)
        if job is None or now < job.asked_at + POLL_S:
            return None
        job.asked_at = now
        return _Asked(client.ask_status(job.job.id, job.events[-1].seq if job.events else 0), job.take, job)

    def _renewed(self, health: Health, asked_at: float) -> None:
        self.health = health
        self._lease_due = asked_at + LEASE_S

    def _listed(self, models: Models, wanted: int) -> None:
        self.models = models
        self._models_heard = wanted


def _refused(job: TrackedJob | None, fault: Fault) -> list[JobStatus]:
    """What the server refuses about a job ends that job, not the session. Raises any other fault."""
    if job is None or fault.code == "server_gone" or isinstance(fault, WrongToken):
        raise fault
    if job.finished:
        return []
    if isinstance(fault, NotFound):
        fault = Fault("server_gone", "The server has lost this job.", "Press Generate again.", fault.detail)
        return [job.end("cancelled") if job.cancelling else job.end("failed", fault)]
    return [job.end("failed", fault)]
