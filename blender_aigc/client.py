"""One function per route of the server, on one keep-alive connection. No bpy, no threads.

The `ask_` functions send and return at once; the answer is taken with `Question.poll`. The others wait for it.

Every failure is a `Fault`: "server_gone" when nobody answers, "version_mismatch" when the server speaks another
protocol, and otherwise the record that the server sent.
"""

from __future__ import annotations

import json
import os
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Generic, TypeVar, cast

from .exchange import Connection, Exchange, Reader, Unanswered, strange
from .protocol import (
    PROTOCOL,
    VERSION,
    Blob,
    Fault,
    FaultRecord,
    Health,
    Hello,
    Job,
    JobStatus,
    Lease,
    Models,
    decode,
    encode,
)

__all__ = ["Client", "NotFound", "Question", "Unanswered", "WrongToken", "check_protocol", "read_hello"]

T = TypeVar("T")

REST_S = 1.0
"""How often a download looks whether the server has fallen silent."""


class NotFound(Fault):
    """The server answered that it knows no such job or file."""


class WrongToken(Fault):
    """The server at this port is not, or not any more, the one that said hello to us."""


def read_hello(text: str | bytes) -> Hello:
    """The line that a server prints when it is ready. Raises Fault("version_mismatch") when it is another version's."""
    check_protocol(text)
    return decode(Hello, text)


def check_protocol(text: str | bytes) -> None:
    """Raises Fault("version_mismatch") when `text`, a Hello or Health in JSON, names another protocol than ours.

    Looked at before the strict decoding, because a message of another version may well have other keys.
    """
    try:
        plain: Any = json.loads(text)
    except (ValueError, RecursionError):
        return
    said = cast("dict[str, Any]", plain) if isinstance(plain, dict) else {}
    if said.get("protocol", PROTOCOL) != PROTOCOL:
        raise Fault(
            "version_mismatch",
            f"A server of another version ({str(said.get('version', 'unknown'))[:20]}) is running; "
            f"this add-on is {VERSION}.",
            "Press Restart Server.",
            f"protocol {said['protocol']!r} instead of {PROTOCOL}",
        )


class Question(Generic[T]):
    """Something that was asked; the answer is a T."""

    def __init__(self, exchange: Exchange, name: str, read: Callable[[bytes], T]) -> None:
        self._exchange = exchange
        self._name = name
        self._read = read

    def poll(self) -> T | None:
        """The answer once it is there, None before. Never waits. Raises Fault, of which Unanswered is one."""
        answer = self._exchange.poll()
        return None if answer is None else self._take(answer)

    def rest(self, seconds: float) -> None:
        """Wait until it is worth polling, at most so long. For scripts."""
        self._exchange.rest(seconds)

    def wait(self) -> T:
        """The answer, waited for. For scripts. Raises as `poll` does."""
        return self._take(self._exchange.result())

    def save(self, file: IO[bytes]) -> None:
        """Write the body of the answer to `file` while it comes. Raises as `poll` does, and OSError."""
        while not self._exchange.over:
            answer = self._exchange.poll()
            if self._exchange.answer.status // 100 == 2:
                file.write(self._exchange.answer.body)
                self._exchange.answer.body.clear()
            if answer is None:
                self._exchange.rest(REST_S)
        self.wait()

    def _take(self, answer: Reader) -> T:
        body = bytes(answer.body)
        if answer.status >= 300:
            raise _refusal(answer.status, body, self._name)
        return self._read(body)


class Client:
    """The server that said `hello`.

    host: an IPv4 address. patience_s: how long the server may be silent while it is asked.
    """

    def __init__(self, hello: Hello, patience_s: float = 5.0, host: str = "127.0.0.1") -> None:
        self.hello = hello
        self.patience_s = patience_s
        self._host = f"{host}:{hello.port}"
        self._connection = Connection(host, hello.port)

    def close(self) -> None:
        self._connection.close()

    # ------------------------------------------------------------------------------------------- asked, not waited for

    def ask_health(self) -> Question[Health]:
        return self._ask("GET", "health", _read_health)

    def ask_models(self) -> Question[Models]:
        return self._ask("GET", "models", _reader(Models))

    def ask_submit(self, job: Job) -> Question[JobStatus]:
        return self._ask("POST", "jobs", _reader(JobStatus), encode(job).encode())

    def ask_status(self, job_id: str, since: int = 0) -> Question[JobStatus]:
        return self._ask("GET", f"jobs/{job_id}?since={since:d}", _reader(JobStatus))

    def ask_cancel(self, job_id: str) -> Question[JobStatus]:
        return self._ask("POST", f"jobs/{job_id}/cancel", _reader(JobStatus), b"{}")

    def ask_renew(self, lease: Lease) -> Question[Health]:
        return self._ask("PUT", "leases", _read_health, encode(lease).encode())

    def ask_shutdown(self) -> Question[bytes]:
        """End the server, of whatever version it is."""
        return self._ask("POST", "shutdown", bytes, b"{}", any_version=True)

    # ------------------------------------------------------------------------------------------------------ waited for

    def health(self) -> Health:
        return self.ask_health().wait()

    def models(self) -> Models:
        return self.ask_models().wait()

    def submit(self, job: Job) -> JobStatus:
        """Hand in `job`; once this returns, it survives a crash of the server. Sending it twice is harmless."""
        return self.ask_submit(job).wait()

    def status(self, job_id: str, since: int = 0) -> JobStatus:
        """The job with its events after number `since`. Raises NotFound when the server does not know it."""
        return self.ask_status(job_id, since).wait()

    def cancel(self, job_id: str) -> JobStatus:
        return self.ask_cancel(job_id).wait()

    def save_file(self, job_id: str, name: str, target: Path) -> None:
        """Copy one file of a job folder to `target` (only needed when the server runs on another machine)."""
        self._save(f"jobs/{job_id}/files/{name}", target)

    def put_blob(self, data: bytes | memoryview, suffix: str) -> Blob:
        """Store `data` under its hash, which the server makes: it is on its way while a hash here would still be made.

        A memoryview must be of single bytes. Raises Fault("bad_request") for a suffix that cannot be.
        """
        return self._ask("POST", f"blobs?suffix={suffix}", _reader(Blob), data, "application/octet-stream").wait()

    def save_blob(self, blob: Blob, target: Path) -> None:
        self._save(f"blobs/{blob.file_name}", target)

    def renew(self, lease: Lease) -> Health:
        """Ask the server to live on for `lease.seconds`."""
        return self.ask_renew(lease).wait()

    def release(self, client: str) -> None:
        self._ask("DELETE", f"leases/{client}", bytes).wait()

    def shutdown(self) -> None:
        """End the server, of whatever version it is."""
        self.ask_shutdown().wait()

    def _ask(
        self,
        method: str,
        route: str,
        read: Callable[[bytes], T],
        body: bytes | memoryview | None = None,
        content_type: str = "application/json",
        any_version: bool = False,
    ) -> Question[T]:
        path = urllib.parse.quote(f"/v1/{route}", safe="/?=:")
        token = urllib.parse.quote(self.hello.token, safe="")  # ours needs no quoting; no token can add a header
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", f"Authorization: Bearer {token}"]
        if not any_version:
            lines.append(f"AIGC-Protocol: {PROTOCOL}")
        if body is not None:
            lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
        request = "\r\n".join([*lines, "", ""]).encode("ascii")
        return Question(self._connection.begin(request, self.patience_s, body or b""), f"{method} {path}", read)

    def _save(self, route: str, target: Path) -> None:
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                self._ask("GET", route, bytes).save(file)
            part.replace(target)
        except OSError as error:
            raise Fault("disk_full", f"{target.name} could not be written.", "Free some space.", str(error)) from None
        finally:
            part.unlink(missing_ok=True)


def _refusal(status: int, body: bytes, name: str) -> Fault:
    """The fault behind an answer that is not a success."""
    try:
        record = decode(FaultRecord, body)
    except Fault:
        return strange(f"{name}: {status} {body[:200].decode('utf-8', 'replace')}")
    kind = Fault
    if status == 401:
        kind = WrongToken
    elif status == 404 and record.code == "bad_request":  # 404 is also for an unknown model
        kind = NotFound
    return kind(record.code, record.message, record.hint, record.detail)


def _reader(cls: type[T]) -> Callable[[bytes], T]:
    return lambda text: _read(cls, text)


def _read_health(text: bytes) -> Health:
    check_protocol(text)
    return _read(Health, text)


def _read(cls: type[T], text: bytes) -> T:
    """An answer as a message. A success that does not decode comes from a server that is not ours."""
    try:
        return decode(cls, text)
    except Fault as fault:
        raise Fault(
            "version_mismatch",
            "The server gave an answer that this version of the add-on does not understand.",
            "Press Restart Server.",
            f"{cls.__name__}: {fault.message}",
        ) from None
