"""The client against real servers: every route, and every way in which an answer can fail to come."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import ODD_FOLDER, echo_job, end_all, new_server, posix_only, say_hello, until

from blender_aigc.client import Client, NotFound, Unanswered, read_hello
from blender_aigc.protocol import PROTOCOL, Blob, Fault, Hello, Lease, encode


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hello]:
    data = tmp_path_factory.mktemp("data") / ODD_FOLDER
    yield say_hello(new_server(data))
    end_all()


@pytest.fixture
def client(hello: Hello) -> Iterator[Client]:
    client = Client(hello)
    client.renew(Lease("test", pid=os.getpid()))
    yield client
    client.close()


class Stranger(http.server.BaseHTTPRequestHandler):
    """A server that is not ours. answer: (status, body); greedy: it drops the connection after every answer."""

    protocol_version = "HTTP/1.1"
    answer = (200, b"")
    drops = False
    connections = 0

    def setup(self) -> None:
        type(self).connections += 1
        super().setup()

    def do_GET(self) -> None:
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.drops

    do_PUT = do_POST = do_GET

    def log_message(self, *_: object) -> None: ...


def stranger(status: int, body: bytes, drops: bool = False) -> Iterator[tuple[Hello, type[Stranger]]]:
    handler = type("Handler", (Stranger,), {"answer": (status, body), "drops": drops, "connections": 0})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Hello(server.server_address[1], "token", "1", PROTOCOL, 0, ""), handler
        server.shutdown()


def health(protocol: int = PROTOCOL, **extra: object) -> bytes:
    plain = {"version": "9.9", "protocol": protocol, "worker": "idle", "worker_generation": 0, "heartbeat_s": 0.0}
    plain |= {"device": "cpu", "queued": 0, "running": 0, "leases": 0, **extra}
    return json.dumps(plain).encode()


def test_a_job_goes_through_every_route(client: Client, tmp_path: Path) -> None:
    assert client.health().protocol == PROTOCOL
    assert "echo" in {model.id for model in client.models().models}
    job = echo_job("grüß dich")
    assert client.submit(job).state in ("queued", "running")
    assert client.submit(job).id == job.id, "sending twice is harmless"
    until(lambda: client.status(job.id).state == "done")
    status = client.status(job.id)
    assert status.result is not None and status.result.job.prompt == "grüß dich"
    numbers = [event.seq for event in status.events]
    later = client.status(job.id, since=numbers[1]).events
    assert [event.seq for event in later] == numbers[2:]
    text = next(artefact for artefact in status.result.artefacts if artefact.kind == "text")
    client.save_file(job.id, text.file, tmp_path / "here.txt")
    assert (tmp_path / "here.txt").read_text(encoding="utf-8").strip() == "grüß dich"
    assert list(tmp_path.iterdir()) == [tmp_path / "here.txt"]


def test_blobs_are_stored_by_hash(client: Client, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    blob = client.put_blob(data, ".npy")
    assert blob == Blob(hashlib.sha256(data).hexdigest(), ".npy")
    client.save_blob(blob, tmp_path / "back.npy")
    assert (tmp_path / "back.npy").read_bytes() == data


def test_leases_are_counted(client: Client) -> None:
    before = client.health().leases
    assert client.renew(Lease("another", pid=os.getpid())).leases == before + 1
    client.release("another")
    assert client.health().leases == before


def test_a_job_can_be_cancelled(client: Client) -> None:
    job = echo_job(steps=1000, step_s=1.0)
    client.submit(job)
    client.cancel(job.id)
    until(lambda: client.status(job.id).state == "cancelled")


def test_what_the_server_refuses_arrives_as_its_fault(client: Client) -> None:
    with pytest.raises(NotFound, match="does not know this job"):
        client.status(str(uuid.uuid4()))
    with pytest.raises(NotFound):
        client.cancel(str(uuid.uuid4()))
    with pytest.raises(Fault) as caught:
        client.submit(dataclasses.replace(echo_job(), model="nobody"))
    assert caught.value.code == "unknown_model" and not isinstance(caught.value, NotFound)
    with pytest.raises(Fault, match="Steps") as caught:
        client.submit(echo_job(steps=0))
    assert caught.value.code == "bad_request"


def test_a_wrong_token_is_refused(hello: Hello) -> None:
    with pytest.raises(Fault, match="token") as caught:
        Client(dataclasses.replace(hello, token="wrong")).health()
    assert caught.value.code == "bad_request" and caught.value.hint


def test_proxy_settings_do_not_catch_loopback(hello: Hello, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = Client(hello)
    assert client.health().protocol == PROTOCOL
    with pytest.raises(urllib.error.URLError, match="refused"):  # who follows the settings above gets nowhere
        urllib.request.urlopen(f"http://127.0.0.1:{hello.port}/v1/health")


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(Fault) as caught:
        Client(Hello(port, "token", "1", PROTOCOL, 0, "")).health()
    assert caught.value.code == "server_gone" and not isinstance(caught.value, Unanswered)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, b"<html>not here</html>", "server_gone"),
        (302, b"", "server_gone"),
        (500, b'{"code":"nonsense"}', "server_gone"),
        (200, b"<html>router</html>", "version_mismatch"),
        (200, health(PROTOCOL + 1), "version_mismatch"),
        (200, health(PROTOCOL + 1, something_new=True), "version_mismatch"),
        (200, health(PROTOCOL, something_new=True), "version_mismatch"),
        (200, b"[" * 100_000, "version_mismatch"),
    ],
)
def test_a_stranger_at_the_port(status: int, body: bytes, code: str) -> None:
    for hello, _ in stranger(status, body):
        with pytest.raises(Fault) as caught:
            Client(hello).health()
        assert caught.value.code == code and caught.value.hint == "Press Restart Server."


def test_another_version_says_which() -> None:
    with pytest.raises(Fault, match="9.9") as caught:
        read_hello(health(PROTOCOL + 1))
    assert caught.value.code == "version_mismatch"
    hello = Hello(1, "t", "1", PROTOCOL, 2, "d")
    assert read_hello(encode(hello)) == hello


def test_one_connection_is_kept() -> None:
    for hello, handler in stranger(200, health()):
        client = Client(hello)
        for _ in range(5):
            client.health()
        assert handler.connections == 1


def test_a_connection_that_the_server_dropped_is_opened_again() -> None:
    for hello, handler in stranger(200, health(), drops=True):
        client = Client(hello)
        for _ in range(5):
            assert client.health().version == "9.9"
        assert handler.connections == 5


@posix_only
def test_a_stopped_server_costs_the_patience_and_no_more(hello: Hello) -> None:
    client = Client(hello, patience_s=0.1)
    os.kill(hello.pid, signal.SIGSTOP)
    try:
        with pytest.raises(Unanswered):
            client.health()
    finally:
        os.kill(hello.pid, signal.SIGCONT)
    client.patience_s = 5.0
    assert client.health().protocol == PROTOCOL


def test_a_download_that_cannot_be_written_leaves_nothing(client: Client, tmp_path: Path) -> None:
    blob = client.put_blob(b"x" * 1000, ".npy")
    with pytest.raises(Fault) as caught:
        client.save_blob(blob, tmp_path / "missing" / "file.npy")
    assert caught.value.code == "disk_full"
