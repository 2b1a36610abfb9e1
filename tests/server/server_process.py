"""A real server process for tests, spoken to over real HTTP."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import requests

from blender_aigc.protocol import FINAL_STATES, Event, Fault, FaultRecord, Hello, Job, JobStatus, decode, encode

ROOT = Path(__file__).resolve().parents[2]
TEST_MODELS = Path(__file__).resolve().parent / "models_for_tests"
PATIENCE_S = 60.0
"""Only ends a test that would hang; nothing is judged by it."""


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "server", *map(str, arguments)]


def until(condition: Callable[[], Any], what: str) -> Any:
    """The first truthy value of `condition`."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


def echo_job(model: str = "echo", **fields: Any) -> Job:
    return Job(str(uuid.uuid4()), "echo", model, **fields)


def trouble_job(what: str, **params: Any) -> Job:
    return echo_job("trouble", params={"what": what, **params})


class ServerProcess:
    """`python -m server serve`, with the test models, started and greeted."""

    def __init__(self, data: Path, *options: str, crash_at: str = "", before: Callable[[], None] | None = None) -> None:
        self.data = data
        environment = {**os.environ, "AIGC_CRASH_AT": crash_at}
        self.process = subprocess.Popen(
            command("serve", "--data", data, "--models", TEST_MODELS, "--grace", "0.3", *options),
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
            preexec_fn=before,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        try:
            self.hello = decode(Hello, line)
        except Fault:
            self.process.wait(PATIENCE_S)
            raise decode(FaultRecord, line).fault() from None
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {self.hello.token}"

    # -------------------------------------------------------------------------------------------------------- talking

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.hello.port}/v1"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=PATIENCE_S, **options)

    def json(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def submit(self, job: Job) -> str:
        answer = self.post("/jobs", encode(job))
        assert answer.status_code == 200, answer.text
        return job.id

    def post(self, path: str, text: str = "{}") -> requests.Response:
        return self.ask("POST", path, data=text.encode(), headers={"Content-Type": "application/json"})

    def put_blob(self, data: bytes, suffix: str = ".bin") -> requests.Response:
        name = hashlib.sha256(data).hexdigest() + suffix
        return self.ask("PUT", f"/blobs/{name}", data=data, headers={"Content-Type": "application/octet-stream"})

    def status(self, job_id: str, since: int = 0) -> JobStatus:
        answer = self.ask("GET", f"/jobs/{job_id}?since={since}")
        assert answer.status_code == 200, answer.text
        return decode(JobStatus, answer.content)

    def cancel(self, job_id: str) -> JobStatus:
        answer = self.post(f"/jobs/{job_id}/cancel")
        assert answer.status_code == 200, answer.text
        return decode(JobStatus, answer.content)

    def wait(self, job_id: str) -> JobStatus:
        """The job when it has ended."""
        return until(
            lambda: status if (status := self.status(job_id)).state in FINAL_STATES else None, f"the end of {job_id}"
        )

    def wait_event(self, job_id: str, wanted: Callable[[Event], Any]) -> Event:
        """The first event of the job for which `wanted` is true."""
        return until(lambda: next(filter(wanted, self.status(job_id).events), None), f"an event of {job_id}")

    def wait_phase(self, job_id: str, phase: str) -> Event:
        return self.wait_event(job_id, lambda event: event.phase == phase)

    def run(self, job: Job) -> JobStatus:
        return self.wait(self.submit(job))

    def files(self, job_id: str) -> set[str]:
        folder = self.data / "jobs" / job_id
        return {path.name for path in folder.iterdir()} if folder.exists() else set()

    # ---------------------------------------------------------------------------------------------------------- dying

    def wait_ready(self) -> None:
        until(lambda: self.json("/health")["worker"] in ("idle", "busy"), "the worker")

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def kill(self) -> None:
        """kill -9 of the front alone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def wait_end(self) -> int:
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """Leave no process behind, whatever state they are in."""
        family: list[psutil.Process] = []
        if self.process.poll() is None:
            family = [*self.workers(), psutil.Process(self.process.pid)]
        for process in family:
            process.kill()
        self.process.wait(PATIENCE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
