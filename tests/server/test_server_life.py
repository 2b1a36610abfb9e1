"""How the server starts, who shares it, and when it ends. Real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from server_process import PATIENCE_S, ROOT, ServerProcess, command, echo_job, trouble_job, until

from blender_aigc.protocol import PROTOCOL, VERSION, Fault, FaultRecord, Hello, Lease, decode, encode
from server.store import Store


def put_lease(server: ServerProcess, lease: Lease) -> int:
    headers = {"Content-Type": "application/json"}
    return server.ask("PUT", "/leases", data=encode(lease).encode(), headers=headers).status_code


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])


def test_the_hello_line_and_the_file_say_the_same(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "Ä folder") as server:
        hello = server.hello
        assert decode(Hello, (server.data / "server.json").read_text(encoding="utf-8")) == hello
        assert (hello.version, hello.protocol, hello.pid) == (VERSION, PROTOCOL, server.process.pid)
        assert Path(hello.data) == server.data
        assert server.ask("POST", "/shutdown").status_code == 204
        assert server.wait_end() == 0
        assert not (server.data / "server.json").exists()


def test_the_second_server_of_a_folder_says_where_the_first_is(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--forever") as first:
        with ServerProcess(tmp_path / "data", "--forever") as second:
            assert second.hello == first.hello
            assert second.wait_end() == 0
        assert first.json("/health")["protocol"] == PROTOCOL


def test_two_servers_started_at_once_are_one(tmp_path: Path) -> None:
    line = command("serve", "--data", tmp_path / "data", "--forever")
    both = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)]
    try:
        hellos = {decode(Hello, process.stdout.readline()) for process in both if process.stdout}
        (hello,) = hellos
        losers = [process for process in both if process.pid != hello.pid]
        assert len(losers) == 2 and [process.wait(PATIENCE_S) for process in losers] == [0, 0]
    finally:
        for process in both:
            process.terminate()
            process.wait(PATIENCE_S)
            if process.stdout:
                process.stdout.close()


def test_what_a_killed_server_left_does_not_mislead(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--forever") as first:
        first.kill()
    assert (tmp_path / "data" / "server.json").exists()
    with ServerProcess(tmp_path / "data", "--forever") as second:
        assert second.hello != first.hello and second.json("/health")["protocol"] == PROTOCOL


def test_a_server_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from server import serve

    monkeypatch.setattr(serve, "NEIGHBOUR_S", 0.5)
    with ServerProcess(tmp_path / "data", "--forever") as server:
        server.wait_ready()
        server.process.send_signal(signal.SIGSTOP)
        with pytest.raises(Fault) as caught:
            serve.serve(serve.Settings(tmp_path / "data"))
        assert caught.value.code == "server_gone" and str(server.process.pid) in caught.value.detail
        server.process.send_signal(signal.SIGCONT)


def test_a_taken_port_is_a_fault(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Fault, match=f"Port {port} is used by another program") as caught:
            ServerProcess(tmp_path / "data", "--port", str(port))
    assert caught.value.code == "bad_request" and caught.value.hint


def test_answers_leave_without_delay() -> None:
    """asyncio turns Nagle's delay off only for sockets that name their protocol; with it every answer takes 40 ms."""
    import socket

    from server.serve import _listen

    with _listen(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_a_chosen_port_is_kept(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ServerProcess(tmp_path / "data", "--port", str(port)) as server:
        assert server.hello.port == port


def test_a_data_folder_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Fault) as caught:
        ServerProcess(tmp_path / "file" / "data")
    assert caught.value.code == "disk_full" and "data" in caught.value.message


def unprivileged(line: list[str]) -> list[str]:
    """`line` so that permissions bind it, even for root."""
    if os.geteuid():
        return line
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root may write everywhere, and setpriv is not here to take that away")
    return [setpriv, "--bounding-set", "-dac_override,-dac_read_search", *line]


def test_a_read_only_data_folder_is_a_fault(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o555)
    line = unprivileged(command("serve", "--data", data))
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 1, ended
    assert decode(FaultRecord, ended.stdout).code == "disk_full"
    assert list(data.iterdir()) == []


# ------------------------------------------------------------------------------------------------------------ leases


def test_it_ends_when_the_last_lease_is_given_back(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--leave", "0.2") as server:
        assert put_lease(server, Lease("a", 60)) == put_lease(server, Lease("b", 60)) == 200
        assert server.json("/health")["leases"] == 2
        assert server.ask("DELETE", "/leases/a").status_code == 204
        assert server.ask("DELETE", "/leases/a").status_code == 404
        assert server.json("/health")["leases"] == 1
        assert server.ask("DELETE", "/leases/b").status_code == 204
        assert server.wait_end() == 0


def test_it_ends_when_the_process_of_the_last_lease_is_killed(tmp_path: Path) -> None:
    blender = sleeper()
    with ServerProcess(tmp_path / "data", "--leave", "0.2") as server:
        assert put_lease(server, Lease("blender", 3600, blender.pid)) == 200
        blender.kill()  # not waited for: a zombie is dead as well
        assert server.wait_end() == 0
    blender.wait()


def test_it_ends_when_the_last_lease_runs_out(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--leave", "0.2") as server:
        assert put_lease(server, Lease("remote", 0.3)) == 200
        assert server.wait_end() == 0


def test_without_a_lease_the_running_job_ends_and_the_waiting_one_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    blender = sleeper()
    with ServerProcess(data, "--leave", "0.2") as server:
        put_lease(server, Lease("blender", 3600, blender.pid))
        running = server.submit(trouble_job("steps", steps=30, step_s=0.1))
        waiting = server.submit(echo_job())
        server.wait_phase(running, "Working")
        blender.kill()
        assert server.wait_end() == 0
    blender.wait()
    left = Store(data / "jobs.sqlite")
    assert [row.state for row in map(left.get, (running, waiting)) if row] == ["done", "queued"]
    left.close()
    with ServerProcess(data, "--forever") as server:
        assert server.status(running).attempt == 1
        assert server.wait(waiting).state == "done"


def test_with_forever_it_stays(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--forever", "--leave", "0") as server:
        put_lease(server, Lease("a", 60))
        server.ask("DELETE", "/leases/a")
        assert server.run(echo_job()).state == "done"
        assert server.run(trouble_job("steps", steps=10, step_s=0.1)).state == "done"


def test_leases_have_limits(tmp_path: Path) -> None:
    wrong = [
        {"client": ""},
        {"client": "a/b"},
        {"client": "a", "seconds": 0},
        {"client": "a", "seconds": 1e9},
        {"client": "a", "pid": -1},
        {"client": "a", "pid": 2**40},
    ]
    with ServerProcess(tmp_path / "data", "--forever") as server:
        for lease in wrong:
            headers = {"Content-Type": "application/json"}
            assert server.ask("PUT", "/leases", data=json.dumps(lease), headers=headers).status_code == 400, lease
        assert server.json("/health")["leases"] == 0


# ------------------------------------------------------------------------------------------------------- good order


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
def test_a_job_that_runs_when_the_server_is_stopped_runs_again(tmp_path: Path, how: signal.Signals | None) -> None:
    """Stopping in good order does not count as an attempt, and leaves no process behind."""
    data, job = tmp_path / "data", trouble_job("hang")
    with ServerProcess(data, "--forever") as server:
        server.submit(job)
        server.wait_phase(job.id, "Hanging")
        (worker,) = server.workers()
        server.ask("POST", "/shutdown") if how is None else server.process.send_signal(how)
        server.wait_end()
        until(lambda: not worker.is_running(), "the worker's end")
    with ServerProcess(data, "--forever") as server:
        until(lambda: server.status(job.id).state == "running", "the second run")
        assert server.status(job.id).attempt == 1
        server.cancel(job.id)
        assert server.wait(job.id).state == "cancelled"


def test_only_the_newest_jobs_are_kept(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--forever", "--keep", "2") as server:
        ids = [server.run(echo_job()).id for _ in range(4)]
        until(lambda: {path.name for path in (server.data / "jobs").iterdir()} == set(ids[2:]), "the cleaning")
        assert server.ask("GET", f"/jobs/{ids[0]}").status_code == 404
        assert server.status(ids[3]).state == "done"
