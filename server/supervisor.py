"""One worker process as the front sees it: started, talked to, watched, and ended when it does not listen."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .pipe import Order, Report, pack, read_report

_LOG_BYTES = 4 << 20
_NO_WINDOW = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerSettings:
    """How workers are started. weights, models: folders, as on the command line."""

    data: Path
    weights: tuple[Path, ...] = ()
    models: tuple[Path, ...] = ()


@dataclass
class Worker:
    """A worker process and what is known about it.

    generation counts its starts. job_id: what it is busy with. alive_s: monotonic time of its last sign of life.
    """

    settings: WorkerSettings
    index: int
    device: str
    on_report: Callable[[Worker, Report], None]
    on_gone: Callable[[Worker, int], None]
    generation: int = 0
    ready: bool = False
    job_id: str = ""
    step_s: float = 0.0
    alive_s: float = field(default_factory=time.monotonic)
    gone: bool = False
    _process: asyncio.subprocess.Process | None = None
    _watch: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return self.ready and not self.job_id

    async def start(self) -> None:
        """Start the process; `on_report` hears "ready" when it is. Raises OSError when it cannot be started."""
        log = self.log_path
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        self.generation += 1
        self.gone = False
        self.alive_s = time.monotonic()
        with log.open("ab") as log_file:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                cwd=self.settings.data,
                env=_environment(),
                creationflags=_NO_WINDOW,
            )
        self._watch = asyncio.create_task(self._listen(self._process))

    def send(self, order: Order) -> None:
        """Hand `order` over; a dead worker shows in `on_gone`, not here."""
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(pack(order))

    def kill(self) -> None:
        """End the process now; `on_gone` follows."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self) -> None:
        """End the process and wait until it is gone, without `on_gone`."""
        process, watch = self._process, self._watch
        self._process = self._watch = None
        if watch is not None:
            watch.cancel()
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    @property
    def log_path(self) -> Path:
        return self.settings.data / "logs" / f"worker_{self.index}.log"

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of the worker's log."""
        try:
            with self.log_path.open("rb") as file:
                file.seek(max(0, self.log_path.stat().st_size - 8192))
                return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while (report := await read_report(process.stdout)) is not None:
                self.alive_s = time.monotonic()
                self.ready |= report.say == "ready"
                self.on_report(self, report)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()  # its pipe is closed or out of step: it is of no use any more
        code = await process.wait()
        self._process = self._watch = None
        self.ready = False
        self.gone = True
        self.on_gone(self, code)

    def _command(self) -> list[str]:
        """Isolated from the user's site and variables, with our module search path and nothing else."""
        package = __name__.rpartition(".")[0]
        paths = [str(Path(entry or ".").resolve()) for entry in sys.path]
        boot = (
            "import runpy, sys; count = int(sys.argv[1]);"
            " sys.path += [path for path in sys.argv[2:2 + count] if path not in sys.path];"
            f" sys.argv[1:] = sys.argv[2 + count:]; runpy.run_module({package + '.worker'!r}, run_name='__main__')"
        )
        options = ["--data", str(self.settings.data), "--index", str(self.index), "--device", self.device]
        for name, folders in (("--weights", self.settings.weights), ("--models", self.settings.models)):
            for folder in folders:
                options += [name, str(folder)]
        return [sys.executable, "-I", "-X", "utf8", "-c", boot, str(len(paths)), *paths, *options]


def _environment() -> dict[str, str]:
    """Ours, with the libraries kept from the network and from running code of others."""
    return os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "USE_HUB_KERNELS": "0",
        "PYTHONUNBUFFERED": "1",
    }
