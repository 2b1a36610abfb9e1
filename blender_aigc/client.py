"""One function per route of the server, on one keep-alive connection. No bpy, no threads.

Every failure is a `Fault`: "server_gone" when nobody answers, "version_mismatch" when the server speaks another
protocol, and otherwise the record that the server sent.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypeVar

import requests

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

CONNECT_S = 1.0
"""Loopback answers a connection at once or refuses it; more than this means that the machine is stuck."""

T = TypeVar("T")


class Unanswered(Fault):
    """The server took the connection but did not answer in time: busy or stopped, not necessarily gone."""


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
        plain = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(plain, dict) and plain.get("protocol", PROTOCOL) != PROTOCOL:
        raise Fault(
            "version_mismatch",
            f"A server of another version ({str(plain.get('version', 'unknown'))[:20]}) is running; "
            f"this add-on is {VERSION}.",
            "Press Restart Server.",
            f"protocol {plain['protocol']!r} instead of {PROTOCOL}",
        )


class Client:
    """The server that said `hello`.

    patience_s: how long one answer may take. The pump runs on Blender's main thread and therefore keeps it short.
    """

    def __init__(self, hello: Hello, patience_s: float = 5.0, host: str = "127.0.0.1") -> None:
        self.hello = hello
        self.patience_s = patience_s
        self._root = f"http://{host}:{hello.port}/v1/"
        self._session = requests.Session()
        self._session.trust_env = False  # else HTTP_PROXY catches loopback too, and .netrc replaces the token
        self._session.headers["Authorization"] = f"Bearer {hello.token}"
        self._session.headers["AIGC-Protocol"] = str(PROTOCOL)

    def close(self) -> None:
        self._session.close()

    def health(self) -> Health:
        answer = self._send("GET", "health")
        check_protocol(answer)
        return _read(Health, answer)

    def models(self) -> Models:
        return _read(Models, self._send("GET", "models"))

    def submit(self, job: Job) -> JobStatus:
        """Hand in `job`; once this returns, it survives a crash of the server. Sending it twice is harmless."""
        return _read(JobStatus, self._send("POST", "jobs", json_text=encode(job)))

    def status(self, job_id: str, since: int = 0) -> JobStatus:
        """The job with its events after number `since`. Raises NotFound when the server does not know it."""
        return _read(JobStatus, self._send("GET", f"jobs/{job_id}?since={since:d}"))

    def cancel(self, job_id: str) -> JobStatus:
        return _read(JobStatus, self._send("POST", f"jobs/{job_id}/cancel", json_text="{}"))

    def save_file(self, job_id: str, name: str, target: Path) -> None:
        """Copy one file of a job folder to `target` (only needed when the server runs on another machine)."""
        self._save(f"jobs/{job_id}/files/{name}", target)

    def put_blob(self, data: bytes, suffix: str) -> Blob:
        """Store `data` under its hash."""
        blob = Blob(hashlib.sha256(data).hexdigest(), suffix)
        self._send("PUT", f"blobs/{blob.file_name}", data=data)
        return blob

    def save_blob(self, blob: Blob, target: Path) -> None:
        self._save(f"blobs/{blob.file_name}", target)

    def renew(self, lease: Lease) -> Health:
        """Ask the server to live on for `lease.seconds`."""
        answer = self._send("PUT", "leases", json_text=encode(lease))
        check_protocol(answer)
        return _read(Health, answer)

    def release(self, client: str) -> None:
        self._send("DELETE", f"leases/{client}")

    def shutdown(self) -> None:
        """End the server, of whatever version it is."""
        headers = {"Content-Type": "application/json", "AIGC-Protocol": None}  # None: leave it out of this request
        self._request("POST", "shutdown", data=b"{}", headers=headers)

    def _send(self, method: str, route: str, json_text: str | None = None, data: bytes | None = None) -> bytes:
        headers = {}
        if json_text is not None:
            data, headers = json_text.encode(), {"Content-Type": "application/json"}
        elif data is not None:
            headers = {"Content-Type": "application/octet-stream"}
        return self._request(method, route, data=data, headers=headers).content

    def _save(self, route: str, target: Path) -> None:
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            with self._request("GET", route, stream=True) as answer, part.open("wb") as file:
                for chunk in answer.iter_content(1 << 20):
                    file.write(chunk)
            part.replace(target)
        except requests.RequestException as error:
            raise _gone(error) from None
        except OSError as error:
            raise Fault("disk_full", f"{target.name} could not be written.", "Free some space.", str(error)) from None
        finally:
            part.unlink(missing_ok=True)

    def _request(self, method: str, route: str, **options: Any) -> requests.Response:
        timeout = (min(CONNECT_S, self.patience_s), self.patience_s)
        options |= {"timeout": timeout, "allow_redirects": False}
        try:
            try:
                answer = self._session.request(method, self._root + route, **options)
            except requests.ConnectTimeout:
                raise
            except requests.ConnectionError:
                # The server closes idle connections, perhaps just now. Every route may safely be called twice.
                answer = self._session.request(method, self._root + route, **options)
        except requests.Timeout as error:
            raise Unanswered(
                "server_gone", "The server does not answer.", "Press Restart Server.", f"{error}"
            ) from None
        except requests.RequestException as error:
            raise _gone(error) from None
        if answer.status_code >= 300:
            raise _refusal(answer)
        return answer


def _gone(error: Exception) -> Fault:
    return Fault("server_gone", "The server is not running any more.", "Press Restart Server.", str(error))


def _refusal(answer: requests.Response) -> Fault:
    """The fault behind an answer that is not a success."""
    try:
        record = decode(FaultRecord, answer.content)
    except Fault:
        return Fault(
            "server_gone",
            "Something else answers at the server's address.",
            "Press Restart Server.",
            f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {answer.text[:200]}",
        )
    kind = Fault
    if answer.status_code == 401:
        kind = WrongToken
    elif answer.status_code == 404 and record.code == "bad_request":  # 404 is also for an unknown model
        kind = NotFound
    return kind(record.code, record.message, record.hint, record.detail)


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
