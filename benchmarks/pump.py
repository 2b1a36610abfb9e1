"""What the session's pump costs its caller, Blender's main thread: while jobs run, and while the server is stopped.

    python benchmarks/pump.py

Milliseconds by the clock, and the highest of the processor's own work. `timer_tick.py` measures the whole heartbeat.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from blender_aigc.environment import builtin_environment
from blender_aigc.protocol import Job
from blender_aigc.session import Session

PAUSE_S = 0.1
CALLS = 100


def picture(session: Session) -> object:
    """A disc before nothing, as Blender hands it in."""
    y, x = np.mgrid[:768, :768] / 384 - 1
    rgba = np.zeros((768, 768, 4), np.uint8)
    rgba[..., :3] = 200
    rgba[..., 3] = np.where(np.hypot(x, y) < 0.8, 255, 0)
    with tempfile.TemporaryFile() as file:
        np.save(file, rgba)
        file.seek(0)
        return session.put_blob(file.read(), ".npy")


def measured(name: str, step: Callable[[], object], going: Callable[[], bool], calls: int = CALLS) -> None:
    """Call `step` at its pace while `going`, at most `calls` times, and write what the calls took."""
    spent, worked = [], []
    while len(spent) < calls and going():
        start, used = time.perf_counter(), time.thread_time()
        step()
        worked.append(1e3 * (time.thread_time() - used))
        spent.append(1e3 * (time.perf_counter() - start))
        time.sleep(PAUSE_S)
    if spent:
        p50, p99 = np.percentile(spent, [50, 99])
        sys.stdout.write(
            f"{name:34} | {len(spent):5} | {p50:7.3f} | {p99:7.3f} | {max(spent):8.3f} | {max(worked):7.3f}\n"
        )


def compare(kind: str, session: Session, step: Callable[[], object]) -> None:
    while not session.models:
        session.pump()
        time.sleep(0.02)
    measured(f"{kind}, nothing to do", step, lambda: True, 30)
    echo = session.submit(Job(str(uuid.uuid4()), "echo", "echo", params={"steps": 1000, "step_s": 0.05}))
    measured(f"{kind}, echo runs", step, lambda: not echo.finished)
    session.cancel(echo.job.id)
    while not echo.finished:
        session.pump()
        time.sleep(0.02)
    for _ in range(3):
        inputs = {"image": picture(session)}
        job = session.submit(Job(str(uuid.uuid4()), "image_to_mesh", "inflate", inputs=inputs))
        measured(f"{kind}, inflate runs", step, lambda job=job: not job.finished)
    if hasattr(signal, "SIGSTOP"):
        late = session.submit(Job(str(uuid.uuid4()), "echo", "echo", params={"steps": 1000, "step_s": 0.05}))
        measured(f"{kind}, echo runs", step, lambda: late.state == "queued")
        server = session._server.hello.pid
        os.kill(server, signal.SIGSTOP)
        try:
            measured(f"{kind}, the server is stopped", step, lambda: True)
            other = session.submit(Job(str(uuid.uuid4()), "echo", "echo"))
            measured(f"{kind}, stopped, and Generate", step, lambda: not other.acknowledged, 50)
        finally:
            os.kill(server, signal.SIGCONT)
        session.cancel(late.job.id)


def main() -> None:
    sys.stdout.write(f"{'what':34} | calls |  p50 ms |  p99 ms |   max ms | cpu max\n")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ends:
        session = Session(Path(folder), builtin_environment())
        ends.callback(session.close, stop_idle=True)
        session.ensure_started()
        compare("pump", session, session.pump)


main()
