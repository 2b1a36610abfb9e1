"""Who may speak to the server, and what it says to those who speak wrongly. One real server, real HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from server_process import ServerProcess, echo_job, until

from blender_aigc.protocol import PROTOCOL, Blob, FaultRecord, Health, Job, Models, decode, encode
from server.blobs import BATCH_BYTES

LARGEST = 3 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("Däta with spaces")
    with ServerProcess(data, "--forever", "--largest-input", str(LARGEST)) as server:
        yield server


def raw(server: ServerProcess, request: bytes) -> bytes:
    """What the server answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", server.hello.port), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def head(server: ServerProcess, path: str = "/v1/health", host: str | None = None, method: str = "GET") -> bytes:
    host = f"127.0.0.1:{server.hello.port}" if host is None else host
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.hello.token}\r\n"
        "Connection: close\r\n"
    ).encode()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_health_and_models_are_messages(server: ServerProcess) -> None:
    health = decode(Health, server.ask("GET", "/health").content)
    assert health.protocol == PROTOCOL
    models = decode(Models, server.ask("GET", "/models").content)
    assert {"echo", "trouble", "needs_more"} <= {info.id for info in models.models}
    assert "a_module_that_does_not_exist" in models.broken["broken_file"]
    missing = next(info for info in models.models if info.id == "needs_more").unavailable
    assert missing is not None and missing.code == "not_installed" and "no_such_lib" in missing.message


@pytest.mark.parametrize("token", [None, "", "wrong", "Bearer", "Bearer wrong"])
def test_without_the_token_nothing(server: ServerProcess, token: str | None) -> None:
    headers = {"Authorization": token}
    for method, path in (("GET", "/health"), ("GET", "/models"), ("POST", "/shutdown"), ("GET", "/nothing")):
        answer = server.ask(method, path, headers=headers)
        assert answer.status_code == 401
        assert decode(FaultRecord, answer.content).code == "bad_request"
    assert server.process.poll() is None


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "", "[::1]:{port}"])
def test_another_host_is_refused(server: ServerProcess, host: str) -> None:
    answer = raw(server, head(server, host=host.format(port=server.hello.port)) + b"\r\n")
    assert status_of(answer) in (400, 403)
    assert b"worker_generation" not in answer


def test_two_hosts_and_no_host_are_refused(server: ServerProcess) -> None:
    twice = head(server).replace(b"\r\nAuth", b"\r\nHost: evil.example\r\nAuth", 1)
    assert status_of(raw(server, twice + b"\r\n")) in (400, 403)
    without = b"\r\n".join(line for line in head(server).split(b"\r\n") if not line.startswith(b"Host"))
    assert status_of(raw(server, without + b"\r\n")) in (400, 403)


def test_localhost_is_our_name_too(server: ServerProcess) -> None:
    assert status_of(raw(server, head(server, host=f"LocalHost:{server.hello.port}") + b"\r\n")) == 200


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1"])
@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json"])
def test_web_pages_are_refused(server: ServerProcess, origin: str, path: str) -> None:
    assert server.ask("GET", path, headers={"Origin": origin}).status_code == 403


def test_another_protocol_is_told(server: ServerProcess) -> None:
    answer = server.ask("GET", "/health", headers={"Aigc-Protocol": str(PROTOCOL + 1)})
    assert answer.status_code == 409
    assert decode(FaultRecord, answer.content).code == "version_mismatch"
    assert server.ask("GET", "/health", headers={"Aigc-Protocol": str(PROTOCOL)}).status_code == 200


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/jsonp"],
)
def test_forms_are_no_messages(server: ServerProcess, kind: str) -> None:
    body = encode(echo_job()).encode()
    answer = server.ask("POST", "/jobs", data=body, headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_an_oversized_message_is_refused(server: ServerProcess) -> None:
    answer = server.post("/jobs", encode(echo_job(prompt="x" * (1 << 20))))
    assert answer.status_code == 413
    assert server.json("/health")["queued"] == 0


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"id": 1}', "\x00", '{"id":"\\ud800"}', "[" * 100000, '{"a":NaN}', "1e999"]
)
def test_what_is_no_job_is_a_bad_request(server: ServerProcess, text: str) -> None:
    answer = server.post("/jobs", text)
    assert answer.status_code == 400
    assert decode(FaultRecord, answer.content).code == "bad_request"


def test_a_body_that_is_no_text(server: ServerProcess) -> None:
    answer = server.ask("POST", "/jobs", data=b"\xff\xfe\xfa", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"task": "no_task"}, 404, "unknown_model"),
        ({"model": "no_model"}, 404, "unknown_model"),
        ({"model": "broken_file"}, 404, "unknown_model"),
        ({"model": "needs_more"}, 409, "not_installed"),
        ({"task": "image_to_mesh"}, 404, "unknown_model"),
        ({"params": {"nonsense": 1}}, 400, "bad_request"),
        ({"params": {"steps": 0}}, 400, "bad_request"),
        ({"params": {"steps": "4"}}, 400, "bad_request"),
        ({"params": {"steps": True}}, 400, "bad_request"),
        ({"inputs": {"nonsense": Blob("0" * 64, ".png")}}, 400, "bad_request"),
        ({"inputs": {"image": Blob("0" * 64, ".png")}}, 400, "bad_request"),
    ],
)
def test_a_job_that_cannot_run_is_refused_at_once(
    server: ServerProcess, change: dict[str, object], status: int, code: str
) -> None:
    job = {"id": str(uuid.uuid4()), "task": "echo", "model": "echo", **change}
    answer = server.post("/jobs", encode(job))
    assert (answer.status_code, decode(FaultRecord, answer.content).code) == (status, code)
    assert server.ask("GET", f"/jobs/{job['id']}").status_code == 404


def test_an_unknown_job_is_an_error_never_done(server: ServerProcess) -> None:
    for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/files/result.json")):
        answer = server.ask(method, f"/jobs/{uuid.uuid4()}{path}")
        assert answer.status_code == 404
        assert decode(FaultRecord, answer.content).code == "bad_request"


def test_the_same_job_twice_is_one_job(server: ServerProcess) -> None:
    job = echo_job(prompt="once")
    first = server.submit(job)
    reordered = json.dumps(dict(reversed(json.loads(encode(job)).items())))
    assert server.post("/jobs", reordered).status_code == 200
    assert server.wait(first).attempt == 1
    assert server.submit(job) == first  # also when it has ended
    answer = server.post("/jobs", encode(Job(job.id, "echo", "echo", prompt="another")))
    assert answer.status_code == 409
    assert "id" in decode(FaultRecord, answer.content).message


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "9" * 30, "%00", ""])
def test_since_is_a_number(server: ServerProcess, since: str) -> None:
    job_id = server.submit(echo_job())
    assert server.ask("GET", f"/jobs/{job_id}?since={since}").status_code == 400
    server.wait(job_id)


def test_events_are_numbered_and_asked_for_by_number(server: ServerProcess) -> None:
    ended = server.run(echo_job(params={"steps": 5, "step_s": 0.12}))
    numbers = [event.seq for event in ended.events]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [event.seq for event in server.status(ended.id, since=2).events] == numbers[2:]
    assert server.status(ended.id, since=numbers[-1]).events == ()
    assert [event.step for event in ended.events if event.phase == "Echoing"] == [1, 2, 3, 4, 5]


# ------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("size", [1, BATCH_BYTES - 1, BATCH_BYTES, 2 * BATCH_BYTES, 2 * BATCH_BYTES + 7])
def test_a_blob_comes_back_as_it_went(server: ServerProcess, size: int) -> None:
    data = os.urandom(size)
    answer = server.put_blob(data, ".npy")
    blob = decode(Blob, answer.content)
    assert server.ask("GET", f"/blobs/{blob.file_name}").content == data
    path = server.data / "blobs" / blob.file_name
    assert path.read_bytes() == data
    assert server.put_blob(data, ".npy").status_code == 200


@pytest.mark.parametrize(("query", "suffix"), [("?suffix=.npz", ".npz"), ("", ".bin")])
def test_the_server_names_what_comes_without_a_name(server: ServerProcess, query: str, suffix: str) -> None:
    data = os.urandom(BATCH_BYTES + 7)
    answer = server.ask("POST", f"/blobs{query}", data=data, headers={"Content-Type": "application/octet-stream"})
    blob = decode(Blob, answer.content)
    assert blob == Blob(hashlib.sha256(data).hexdigest(), suffix)
    assert (server.data / "blobs" / blob.file_name).read_bytes() == data


@pytest.mark.parametrize("suffix", ["", "npz", "./x", ".NPZ", ".toolongsuffix", ".%00", ".a/../b"])
def test_a_strange_suffix_stores_nothing(server: ServerProcess, suffix: str) -> None:
    before = set((server.data / "blobs").iterdir())
    octets = {"Content-Type": "application/octet-stream"}
    answer = server.ask("POST", f"/blobs?suffix={suffix}", data=b"x", headers=octets)
    assert answer.status_code == 400
    assert decode(FaultRecord, answer.content).code == "bad_request"
    assert set((server.data / "blobs").iterdir()) == before


def test_nothing_is_not_stored(server: ServerProcess) -> None:
    answer = server.ask("POST", "/blobs", data=b"", headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 400 and "empty" in answer.text
    assert not (server.data / "blobs" / f"{hashlib.sha256().hexdigest()}.bin").exists()


def test_a_blob_of_another_hash_is_not_kept(server: ServerProcess) -> None:
    name = "0" * 64 + ".bin"
    answer = server.ask("PUT", f"/blobs/{name}", data=b"x", headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 409
    assert server.ask("GET", f"/blobs/{name}").status_code == 404
    assert not list((server.data / "blobs").glob(".*"))


def test_an_oversized_blob_is_not_kept(server: ServerProcess) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(LARGEST // 65536 + 2):
            yield bytes(65536)

    name = hashlib.sha256(b"").hexdigest() + ".bin"
    answer = server.ask("PUT", f"/blobs/{name}", data=pieces(), headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 413
    until(lambda: not list((server.data / "blobs").glob(".*")), "the half upload to be gone")


@pytest.mark.parametrize(("sent", "size"), [(5, 10), (2 * BATCH_BYTES + 9, 3 * BATCH_BYTES)])
def test_a_broken_upload_leaves_nothing(server: ServerProcess, sent: int, size: int) -> None:
    """The larger one breaks off while a thread is writing."""
    name = hashlib.sha256(bytes(size)).hexdigest() + ".bin"
    request = head(server, f"/v1/blobs/{name}", method="PUT")
    announced = f"Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
    raw(server, request + announced.encode() + bytes(sent))
    until(lambda: not list((server.data / "blobs").glob(".*")), "the half upload to be gone")
    assert not (server.data / "blobs" / name).exists()
    assert server.json("/health")["protocol"] == PROTOCOL


@pytest.mark.parametrize(
    "name",
    [
        "../server.json",
        "..%2Fserver.json",
        "%2e%2e/server.json",
        "..%5Cserver.json",
        "%2Fetc%2Fpasswd",
        "a" * 64,
        "A" * 64 + ".png",
        "a" * 64 + ".png%00",
        "a" * 64 + ".png%0A",
        "a" * 64 + ".png/../../server.json",
        ".." + "a" * 62 + ".png",
    ],
)
def test_no_path_leads_out(server: ServerProcess, name: str) -> None:
    done = server.run(echo_job())
    for path in (f"/v1/blobs/{name}", f"/v1/jobs/{done.id}/files/{name}"):
        answer = raw(server, head(server, path) + b"\r\n")
        assert status_of(answer) in (400, 404, 405), answer
        assert server.hello.token.encode() not in answer and b"root:" not in answer
    answer = raw(
        server,
        head(server, f"/v1/blobs/{name}", method="PUT")
        + b"Content-Type: application/octet-stream\r\nContent-Length: 1\r\n\r\nx",
    )
    assert status_of(answer) in (400, 404, 405)


def test_the_files_of_a_job_and_no_others(server: ServerProcess) -> None:
    done = server.run(echo_job(prompt="Hello, world"))
    assert done.result is not None
    text = next(artefact for artefact in done.result.artefacts if artefact.kind == "text")
    answer = server.ask("GET", f"/jobs/{done.id}/files/{text.file}")
    assert answer.content == b"Hello, world"
    assert hashlib.sha256(answer.content).hexdigest() == text.sha256
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    (Path(done.folder) / "link.txt").symlink_to(server.data / "server.json")
    (Path(done.folder) / "folder").mkdir()
    for name in ("link.txt", "folder", "nothing.txt"):
        assert server.ask("GET", f"/jobs/{done.id}/files/{name}").status_code == 404


def test_secrets_are_for_their_owner(server: ServerProcess) -> None:
    for name in ("server.json", "jobs.sqlite", "server.lock"):
        assert stat.S_IMODE((server.data / name).stat().st_mode) == 0o600
    assert server.hello.token not in (server.data / "logs" / "server.log").read_text()
    assert len(server.hello.token) >= 32


def test_the_description_needs_no_token_and_nothing_from_elsewhere(server: ServerProcess) -> None:
    for path in ("/openapi.json", "/docs"):
        answer = server.ask("GET", path, headers={"Authorization": None})
        assert answer.status_code == 200
        assert server.hello.token not in answer.text
    page = server.ask("GET", "/docs").text
    assert "<script" not in page and "http://" not in page and "https://" not in page
    for word in ("JobStatus", "/v1/jobs/{id}/cancel", "FaultRecord"):
        assert word in page


def test_unknown_pages_and_methods_are_faults(server: ServerProcess) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/jobs", 405), ("GET", "/jobs/", 404)):
        answer = server.ask(method, path)
        assert answer.status_code == status
        assert decode(FaultRecord, answer.content).code == "bad_request"


def test_a_refused_method_names_the_others(server: ServerProcess) -> None:
    answer = server.ask("OPTIONS", "/blobs/" + "0" * 64 + ".png")
    assert answer.status_code == 405
    assert {word.strip() for word in answer.headers["Allow"].split(",")} == {"GET", "PUT"}
