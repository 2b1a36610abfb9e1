"""The front process: takes the data folder, listens on loopback, says hello, lives as long as somebody wants it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import logging.handlers
import os
import secrets
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from blender_aigc.protocol import PROTOCOL, VERSION, Fault, Hello, Lease, decode, encode

from .blobs import sweep_parts
from .jobs import Jobs
from .leases import STARTER, Leases
from .lock import FileLock
from .registry import Registry
from .routes import Routes, build_app
from .store import Store
from .supervisor import WorkerSettings
from .weights import Shelf

STARTER_S = 120.0
NEIGHBOUR_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    port: 0 = a free one. forever: live on without leases. leave_s: how long after the last lease the server ends.
    grace_s: how long a cancelled job may ignore it. keep: ended jobs to remember. largest_blob: bytes of one upload.
    """

    data: Path
    port: int = 0
    weights: tuple[Path, ...] = ()
    models: tuple[Path, ...] = ()
    forever: bool = False
    leave_s: float = 3.0
    grace_s: float = 3.0
    keep: int = 200
    largest_blob: int = 2 << 30


def serve(settings: Settings) -> None:
    """Serve until nobody wants it any more. Raises Fault when the server cannot start.

    When another server holds the data folder already, its hello line is printed instead and that is all.
    """
    try:
        for name in ("jobs", "blobs", "logs"):
            (settings.data / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(settings.data / "server.lock")
        held = lock.acquire()
    except OSError as error:
        raise Fault(
            "disk_full", f"The data folder {settings.data} cannot be written to.", "Choose another one.", str(error)
        ) from error
    if not held:
        _say(_neighbour(settings.data))
        return
    with contextlib.ExitStack() as stack:
        stack.callback(lock.release)
        _log_to(settings.data / "logs" / "server.log")
        listener = _listen(settings.port)
        stack.callback(listener.close)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after an orderly end by Ctrl+C
            _Front(settings, listener).run()


class _Front(uvicorn.Server):
    """uvicorn, with our hello line and our reasons to end."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        data = settings.data
        self._settings = settings
        self._listener = listener
        self._hello = Hello(
            listener.getsockname()[1], secrets.token_urlsafe(32), VERSION, PROTOCOL, os.getpid(), str(data)
        )
        sweep_parts(data / "blobs")
        registry = Registry(settings.models, Shelf(settings.weights))
        self._store = Store(data / "jobs.sqlite")
        workers = WorkerSettings(data, settings.weights, settings.models)
        self._jobs = Jobs(self._store, registry, workers, settings.keep, settings.grace_s)
        self._leases = Leases()
        routes = Routes(self._jobs, registry, self._leases, self._end, settings.largest_blob)
        super().__init__(
            uvicorn.Config(
                build_app(routes, self._hello.token, self._hello.port),
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=2,
            )
        )

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        if not self._settings.forever:
            self._leases.renew(Lease(STARTER, STARTER_S))
        super().run([self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Settle the old jobs, listen, and only then say where."""
        await self._jobs.start()
        await super().startup(sockets)
        if not self.should_exit:
            _write_private(self._settings.data / "server.json", encode(self._hello))
            _say(self._hello)
            self._watch = asyncio.create_task(self._watch_leases())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        (self._settings.data / "server.json").unlink(missing_ok=True)
        await super().shutdown(sockets)
        await self._jobs.stop()
        self._store.close()
        _log.info("ended")

    def _end(self) -> None:
        self.should_exit = True

    async def _watch_leases(self) -> None:
        """Without leases no new job starts, the running one goes on, and then the server ends."""
        lonely_since_s: float | None = None
        while not self._settings.forever and not self.should_exit:
            wanted = self._leases.count() > 0
            self._jobs.paused = not wanted
            now_s = time.monotonic()
            if wanted or self._jobs.busy():
                lonely_since_s = None
            elif lonely_since_s is None:
                lonely_since_s = now_s
            elif now_s - lonely_since_s >= self._settings.leave_s:
                _log.info("nobody holds a lease")
                self.should_exit = True
            await asyncio.sleep(0.5)


def _listen(port: int) -> socket.socket:
    """A listening socket on loopback. Raises Fault("bad_request") when the port is taken, or none."""
    if not 0 <= port < 1 << 16:
        raise Fault("bad_request", f"There is no port {port}.", "Choose one up to 65535, or 0 for any that is free.")
    # asyncio turns Nagle's delay off only where the protocol is named; otherwise every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform == "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise Fault(
            "bad_request", f"Port {port} is used by another program.", "Choose another port, or 0.", str(error)
        ) from error
    return listener


def _neighbour(data: Path) -> Hello:
    """The hello of the server that holds the data folder; waits for one that is just starting. Raises Fault."""
    until_s = time.monotonic() + NEIGHBOUR_S
    while True:
        try:
            text = (data / "server.json").read_text(encoding="utf-8")
            hello = decode(Hello, text)
            if _is_well(hello):
                return hello
        except (OSError, Fault):
            pass
        if time.monotonic() > until_s:
            raise Fault(
                "server_gone",
                "Another server holds the data folder, but does not answer.",
                "End it, then try again.",
                f"process {FileLock(data / 'server.lock').holder()}",
            )
        time.sleep(0.1)


def _is_well(hello: Hello) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", hello.port, timeout=2.0)
    try:
        connection.request("GET", "/v1/health", headers={"Authorization": f"Bearer {hello.token}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _say(hello: Hello) -> None:
    """The hello line; whoever started us may have closed the pipe already."""
    with contextlib.suppress(OSError):
        sys.stdout.write(encode(hello) + "\n")
        sys.stdout.flush()


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, and readable for this user only: it holds the token."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _log_to(path: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=4 << 20, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
