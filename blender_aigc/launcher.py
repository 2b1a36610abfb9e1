"""Start the server, or find the one that already runs; watch it and stop it. No bpy, no threads; nothing waits.

The server's standard output goes to a file, in which `poll` looks for the one Hello line: a pipe would need a thread
to be read without blocking, and would break the server when Blender dies.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .client import Client, Question, read_hello
from .environment import (
    Environment,
    builtin_environment,
    data_folder,
    folder_environment,
    scrubbed_environment,
    server_module,
)
from .protocol import Fault, FaultRecord, Health, Hello, decode

__all__ = ["Environment", "ServerProcess", "builtin_environment", "data_folder", "folder_environment"]

HELLO_FILE = "server.json"
LOCK_FILE = "server.lock"

START_S = 60.0
"""How long a server may take to say hello; about 1 s is normal, a virus scanner on its first visit takes longest."""

STOP_S = 1.0
"""How long `stop` may keep Blender waiting."""

PATIENCE_S = 0.3
LOGS_KEPT = 5
_LOCKED_BYTE = 1 << 30
"""On Windows, where a lock covers bytes and not a file; the server's lock.py takes the same one."""

_BOOTSTRAP = """\
import json, runpy, sys
folders, module = json.loads(sys.argv[1]), sys.argv[2]
sys.argv[1:3] = []
sys.path += [folder for folder in folders if folder not in sys.path]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


class ServerProcess:
    """One server, seen from one Blender.

    private: a server of our own in a subfolder of `data`, which stops with us, instead of the one that all Blenders of
    this user share. arguments: further words for `serve`, for example ("--weights", FOLDER).

    `hello` is None until the server is ready. `process` is None when somebody else started it.
    """

    def __init__(
        self, environment: Environment, data: Path, private: bool = False, arguments: tuple[str, ...] = ()
    ) -> None:
        self.environment = environment
        self.private = private
        self.data = data
        self.arguments = arguments
        self.hello: Hello | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self._shared_data = data
        self._log: Path | None = None
        self._deadline = 0.0
        self._replacing = False
        self._farewell: Question[bytes] | None = None
        self._inquiry: Inquiry | None = None

    @property
    def owned(self) -> bool:
        """Did we start the server that answers?"""
        return self.process is not None

    def start(self, replace: bool = False) -> None:
        """Take up the running server, or start one; `poll` then tells when it is ready. Returns at once.

        replace: stop a running one first, also one of another version.
        Raises Fault("version_mismatch") when a server of another version runs, Fault("not_installed") when the
        environment cannot be started.
        """
        self._replacing = False
        self._inquiry = self.hello = None
        if self.private:
            self._take_private_folder()
        elif replace:
            self._dismiss()
            return
        written = self._written_hello()
        if written is not None:
            self._inquiry = Inquiry(written)
            self._continue_inquiry()
        else:
            self._spawn()

    def poll(self) -> Hello | None:
        """The server's Hello once it is ready, None before.

        Raises Fault("server_gone") when it could not start or has ended; the detail is the end of its log.
        """
        if self._replacing:
            self._continue_dismissal()
            return None
        if self._inquiry is not None:
            self._continue_inquiry()
            return self.hello
        if self.process is None:
            return self.hello
        code = self.process.poll()
        if self.hello is None:
            self.hello = self._read_first_line()
        if code is not None:
            self._settle(code)
        elif self.hello is None and time.monotonic() > self._deadline:
            self._kill()
            tail = self.log_tail()
            raise Fault("server_gone", "The server did not get ready.", "Press Show Log, then Restart Server.", tail)
        return self.hello

    def stop(self) -> None:
        """End the server, politely first; takes at most about a second."""
        hello, self.hello, self._inquiry = self.hello, None, None
        if hello is not None:
            _ask_to_shut_down(hello)
        if self.process is None:
            return
        for end in (None, self.process.terminate, self.process.kill):
            if end is not None and self.process.poll() is None:
                end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_S / 3)
                break
        self.process = None

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of the server's log and of what it said when it crashed; "" when there is nothing."""
        crash = self._log or max(self._log_folder().glob("server-*.log"), default=None)
        logs = [self._log_folder() / "server.log", *([crash] if crash else [])]
        return "\n".join(text for log in logs if (text := _tail(log, lines)))

    # -------------------------------------------------------------------------------------- a server that already runs

    def _take_private_folder(self) -> None:
        """A folder for a server of our own that no other private server uses; the one we have, if we have one."""
        self._kill()
        folders = (self._shared_data / "private" / str(number) for number in itertools.count(1))
        self.data = next(folder for folder in folders if lock_is_free(folder))

    def _continue_inquiry(self) -> None:
        """Does the server of the hello file answer? Otherwise one is started. Raises Fault("version_mismatch")."""
        inquiry = self._inquiry
        assert inquiry is not None
        try:
            answered = inquiry.poll()
        except Fault as fault:
            self._inquiry = None
            if fault.code == "version_mismatch":
                raise
            if inquiry.ended is not None:
                raise inquiry.ended from None
            self._spawn()  # a stale file, perhaps of a port that somebody else has now
            return
        if not answered:
            return
        self._inquiry = None
        if self.process is not None and self.process.poll() is not None:
            self.process = None  # ours has ended, but somebody else's answers
        if self.private and inquiry.ended is not None:
            self.start()
        else:
            self.hello = inquiry.hello

    def _written_hello(self) -> Hello | None:
        try:
            return read_hello((self.data / HELLO_FILE).read_bytes())
        except OSError:
            return None
        except Fault as fault:
            if fault.code == "version_mismatch" and not lock_is_free(self.data):
                raise
            return None

    def _dismiss(self) -> None:
        self.hello, self.process = None, None
        if lock_is_free(self.data):
            self._spawn()
            return
        hello = _any_hello(self.data / HELLO_FILE)
        self._farewell = None if hello is None else Client(hello, PATIENCE_S).ask_shutdown()
        self._replacing = True
        self._deadline = time.monotonic() + STOP_S * 3

    def _continue_dismissal(self) -> None:
        with contextlib.suppress(Fault):
            if self._farewell is not None:
                self._farewell.poll()
        if lock_is_free(self.data):
            self._replacing, self._farewell = False, None
            self._spawn()
        elif time.monotonic() > self._deadline:
            self._deadline = time.monotonic() + STOP_S
            with contextlib.suppress(OSError, ValueError):  # the holder of the lock wrote its process id into it
                pid = int((self.data / LOCK_FILE).read_text())
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def _settle(self, code: int) -> None:
        """Our child has ended. Perhaps it found a server that was faster, and passed on its hello; else it failed."""
        if self.hello is None or code != 0 or self._written_hello() != self.hello:
            raise self._ended(code)
        self._inquiry = Inquiry(self.hello, self._ended(code))
        self.hello = None

    # ------------------------------------------------------------------------------------------------ one of our own

    def _spawn(self) -> None:
        self._kill()  # one of ours that does not listen any more
        module, folder = server_module()
        folders = [str(path) for path in (*self.environment.paths, folder)]
        command = [str(self.environment.python), "-I", "-X", "utf8", "-c", _BOOTSTRAP]
        command += [json.dumps(folders), module, "serve", "--data", str(self.data), *self.arguments]
        try:
            self._log_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sweep_logs()
            with self._open_log() as (log, hello):
                self.process = subprocess.Popen(
                    command,
                    cwd=self.data,
                    env=scrubbed_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=hello,
                    stderr=log,
                    close_fds=True,
                    **_detached(),
                )
        except (OSError, ValueError) as error:
            raise Fault(
                "not_installed",
                f"The server could not be started with {self.environment.label}.",
                "Choose another environment in the preferences.",
                f"{self.environment.python}: {error}",
            ) from None
        self._deadline = time.monotonic() + START_S

    def _log_folder(self) -> Path:
        return self.data / "logs"

    @contextlib.contextmanager
    def _open_log(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        stem = f"server-{time.time_ns()}-{os.getpid()}"  # sorts by age; never shared, so Windows has nothing to rename
        self._log = self._log_folder() / f"{stem}.log"
        with self._log.open("xb") as log, _private_file(self._log.with_suffix(".out")) as hello:
            yield log, hello

    def _sweep_logs(self) -> None:
        for log in sorted(self._log_folder().glob("server-*.log"))[: -(LOGS_KEPT - 1) or None]:
            for path in (log, log.with_suffix(".out")):
                with contextlib.suppress(OSError):  # Windows: still open in a running server
                    path.unlink(missing_ok=True)

    def _read_first_line(self) -> Hello | None:
        """The Hello from the child's output, or None while there is none. Raises the Fault that it says instead."""
        assert self._log is not None
        try:
            line, newline, _ = self._log.with_suffix(".out").read_bytes().partition(b"\n")
        except OSError:
            return None
        if not newline:
            return None
        refusal = _refusal(line)
        if refusal is not None:
            raise refusal
        try:
            return read_hello(line)
        except Fault as fault:
            if fault.code == "version_mismatch":
                raise
        self._kill()
        raise Fault(
            "not_installed",
            "The server's first words were not understood.",
            "Choose another environment in the preferences.",
            line[:500].decode("utf-8", "replace"),
        )

    def _ended(self, code: int) -> Fault:
        how = f"signal {-code}" if code < 0 else f"code {code}"
        if self.hello is None and shutil.disk_usage(self.data).free < 1 << 20:  # not even for its first files
            return Fault("disk_full", f"The disk of {self.data} is full.", "Free some space there.", how)
        message = "The server stopped unexpectedly." if self.hello else "The server could not start."
        return Fault("server_gone", message, "Press Show Log, then Restart Server.", f"{how}\n{self.log_tail()}")

    def _kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_S)


class Inquiry:
    """Is the server that said `hello` alive? ended: the Fault when it is not, of the child that told us about it."""

    def __init__(self, hello: Hello, ended: Fault | None = None) -> None:
        self.hello = hello
        self.ended = ended
        self._client = Client(hello, PATIENCE_S)
        self._question: Question[Health] = self._client.ask_health()

    def poll(self) -> bool:
        """True once it has answered. Never waits. Raises Fault when it does not answer as our server does."""
        try:
            answered = self._question.poll() is not None
        except Fault:
            self._client.close()
            raise
        if answered:
            self._client.close()
        return answered


def _tail(path: Path, lines: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 16384))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""


def _refusal(line: bytes) -> Fault | None:
    """The reason for not starting, when `line` is one."""
    try:
        record = decode(FaultRecord, line)
    except Fault:
        return None
    hint = "Press Restart Server." if record.code == "server_gone" else record.hint
    return Fault(record.code, record.message, hint, record.detail)


def _ask_to_shut_down(hello: Hello) -> None:
    client = Client(hello, PATIENCE_S)
    with contextlib.suppress(Fault):
        client.shutdown()
    client.close()


def _any_hello(path: Path) -> Hello | None:
    """What a server of any version wrote about itself, as far as stopping it needs it."""
    try:
        plain = json.loads(path.read_bytes())
        port, token = int(plain["port"]), str(plain["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Hello(port, token, version="", protocol=0, pid=0, data="")


def _private_file(path: Path) -> IO[bytes]:
    """A new file that only this user may read: the Hello line holds the token."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _detached() -> dict[str, int | bool]:
    """No console window, and Ctrl+C in Blender's terminal does not reach the server."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def lock_is_free(data: Path) -> bool:
    """Does nobody hold the data folder? Takes the lock for an instant, so it is asked only when there is a doubt."""
    try:
        with (data / LOCK_FILE).open("r+b") as file:
            if sys.platform == "win32":
                import msvcrt

                file.seek(_LOCKED_BYTE)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_UN)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
