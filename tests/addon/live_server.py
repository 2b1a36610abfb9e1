"""What the tests of client, launcher and session share: real servers, real processes, no stand-ins."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from blender_aigc.environment import Environment, builtin_environment
from blender_aigc.launcher import ServerProcess, lock_is_free
from blender_aigc.protocol import Hello, Job
from blender_aigc.session import Session

ROOT = Path(__file__).resolve().parents[2]
ODD_FOLDER = "Ünï çødé dir/with space"
SOON_S = 60.0
"""Not a claim about speed: how long a test waits before it gives up."""

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def until(condition: Callable[[], object]) -> None:
    """Wait for `condition`, or fail."""
    give_up = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.02)


def say_hello(server: ServerProcess) -> Hello:
    """Poll until the server is ready."""
    until(server.poll)
    assert server.hello is not None
    return server.hello


_servers: list[ServerProcess] = []
_sessions: list[Session] = []


def idle_server(data: Path, environment: Environment | None = None, **options: object) -> ServerProcess:
    """One that is not started yet, and that `end` will stop."""
    data.mkdir(parents=True, exist_ok=True)
    _servers.append(ServerProcess(environment or builtin_environment(), data, **options))  # type: ignore[arg-type]
    return _servers[-1]


def new_server(data: Path, **options: object) -> ServerProcess:
    server = idle_server(data, **options)  # type: ignore[arg-type]
    server.start()
    return server


def new_session(data: Path, environment: Environment | None = None, **options: object) -> Session:
    data.mkdir(parents=True, exist_ok=True)
    _sessions.append(Session(data, environment or builtin_environment(), **options))  # type: ignore[arg-type]
    return _sessions[-1]


def ready(session: Session) -> Session:
    """Start `session` and wait until it is connected and knows the models."""
    session.ensure_started()
    pump_until(session, lambda: session.models)
    return session


def pump_until(session: Session, condition: Callable[[], object]) -> None:
    def step() -> object:
        session.pump()
        return condition()

    until(step)


def echo_job(prompt: str = "hello", **params: bool | int | float | str) -> Job:
    return Job(str(uuid.uuid4()), "echo", "echo", params=params, prompt=prompt)


def endless_job() -> Job:
    """A job that ends only by being cancelled."""
    return echo_job(steps=1000, step_s=1.0)


def is_alive(pid: int) -> bool:
    """Is the process there and not merely a zombie?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def end_all() -> None:
    """End every server that this test has started or found, so that none is left behind."""
    _servers.extend(session._server for session in _sessions if session._server is not None)
    for server in _servers:
        server._kill()
        if not lock_is_free(server.data):
            _force((server.data / "server.lock").read_text())
            until(lambda data=server.data: lock_is_free(data))
    _servers.clear()
    _sessions.clear()


def _force(pid: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        kill(int(pid))


def copy_of_the_source(folder: Path) -> Path:
    """The add-on as Blender installs it, server inside, under `folder`; returns the package."""
    package = folder / "blender_aigc"
    ignore = shutil.ignore_patterns("__pycache__", "samples")
    shutil.copytree(ROOT / "blender_aigc", package, ignore=ignore)
    shutil.copytree(ROOT / "server", package / "server", ignore=ignore)
    return package
