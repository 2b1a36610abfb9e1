"""The launcher with real processes: started, found, replaced, stopped, and every way in which that can fail."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import (
    ODD_FOLDER,
    ROOT,
    copy_of_the_source,
    end_all,
    idle_server,
    is_alive,
    kill,
    new_server,
    posix_only,
    say_hello,
    until,
)

from blender_aigc import environment, launcher
from blender_aigc.client import Client
from blender_aigc.environment import (
    Environment,
    builtin_environment,
    data_folder,
    data_folder_or_temporary,
    folder_environment,
    server_module,
)
from blender_aigc.launcher import ServerProcess, lock_is_free, scrubbed_environment
from blender_aigc.protocol import PROTOCOL, Fault, Hello, encode


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / ODD_FOLDER
    yield folder
    end_all()


def failure(server: ServerProcess) -> Fault:
    """The Fault with which starting ends."""
    with pytest.raises(Fault) as caught:
        until(server.poll)
    return caught.value


# ------------------------------------------------------------------------------------------------- start, share, stop


def test_start_says_hello_and_stop_leaves_no_process(data: Path) -> None:
    server = new_server(data)
    assert server.owned
    hello = say_hello(server)
    assert hello.protocol == PROTOCOL and Path(hello.data) == data
    process = server.process
    assert process is not None and process.poll() is None
    server.stop()
    assert process.poll() is not None and server.hello is None
    assert lock_is_free(data)


@posix_only
def test_only_this_user_can_read_the_token(data: Path) -> None:
    hello = say_hello(new_server(data))
    holders = [path for path in data.rglob("*") if path.is_file() and hello.token.encode() in path.read_bytes()]
    assert {path.suffix for path in holders} == {".out", ".json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}


def test_blenders_settings_do_not_reach_the_server(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("starlette", "uvicorn", "server", "runpy"):
        (trap / f"{name}.py").write_text("raise SystemExit('the trap was imported')")
    monkeypatch.setenv("PYTHONPATH", str(trap))
    monkeypatch.setenv("PYTHONHOME", str(trap))
    monkeypatch.setenv("PYTHONSTARTUP", str(trap / "runpy.py"))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.chdir(trap)
    say_hello(new_server(data))


def test_package_libraries_are_left_out_and_others_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = ["/snap/blender/5/lib", "/opt/cuda/lib64"]
    monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join(folders))
    monkeypatch.setenv("LD_PRELOAD", "/snap/blender/5/lib/gl.so")
    cleaned = scrubbed_environment()
    assert cleaned["LD_LIBRARY_PATH"] == "/opt/cuda/lib64" and "LD_PRELOAD" not in cleaned
    assert cleaned["PATH"] == os.environ["PATH"]


def test_a_second_blender_takes_up_the_running_server(data: Path) -> None:
    first = say_hello(new_server(data))
    second = new_server(data)
    assert say_hello(second) == first and not second.owned


def test_two_blenders_at_the_same_moment_end_up_with_one_server(data: Path) -> None:
    servers = [new_server(data), new_server(data)]
    assert say_hello(servers[0]) == say_hello(servers[1])
    until(lambda: [server.poll() for server in servers] and sum(server.owned for server in servers) == 1)


def test_private_servers_are_apart_and_stop_with_their_owner(data: Path) -> None:
    data.mkdir(parents=True)
    servers = [idle_server(data, private=True) for _ in range(2)]
    hellos = []
    for server in servers:
        server.start()
        hellos.append(say_hello(server))
    assert hellos[0].port != hellos[1].port and servers[0].data != servers[1].data
    for server in servers:
        server.stop()
        assert lock_is_free(server.data)
    again = idle_server(data, private=True)
    again.start()
    assert again.data == servers[0].data, "folders of ended private servers are used again"


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"port": "x"}', encode(Hello(9, "t", "1", PROTOCOL, 1, ""))])
def test_a_stale_hello_file_is_no_server(data: Path, text: str) -> None:
    data.mkdir(parents=True)
    (data / "server.json").write_text(text)
    server = new_server(data)
    assert say_hello(server).data == str(data) and server.owned


def test_logs_do_not_pile_up(data: Path) -> None:
    (data / "logs").mkdir(parents=True)
    for number in range(12):
        for suffix in (".log", ".out"):
            (data / "logs" / f"server-{number:019}-1{suffix}").touch()
    server = new_server(data)
    say_hello(server)
    assert len(list((data / "logs").glob("server-*.log"))) == launcher.LOGS_KEPT
    assert len(list((data / "logs").glob("server-*.out"))) == launcher.LOGS_KEPT


# --------------------------------------------------------------------------------------------------- what goes wrong


@posix_only
def test_a_killed_server_is_noticed(data: Path) -> None:
    server = new_server(data)
    kill(say_hello(server).pid)
    fault = failure_after_ready(server)
    assert fault.code == "server_gone" and "signal 9" in fault.detail and "unexpectedly" in fault.message


def failure_after_ready(server: ServerProcess) -> Fault:
    with pytest.raises(Fault) as caught:
        until(lambda: server.poll() is None)
    return caught.value


@posix_only
def test_a_server_that_does_not_answer_can_be_replaced(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "STOP_S", 0.1)
    stuck = say_hello(new_server(data))
    os.kill(stuck.pid, signal.SIGSTOP)
    server = idle_server(data)
    server.start(replace=True)
    assert say_hello(server).pid != stuck.pid
    assert not is_alive(stuck.pid)


def test_a_server_of_another_version_is_explained_and_can_be_replaced(data: Path, tmp_path: Path) -> None:
    other = copy_of_the_source(tmp_path / "other")
    protocol = other / "protocol.py"
    text, changes = re.subn(r"^PROTOCOL = \d+$", "PROTOCOL = 999", protocol.read_text(encoding="utf-8"), flags=re.M)
    assert changes == 1
    protocol.write_text(text.replace('VERSION = "', 'VERSION = "99.', 1), encoding="utf-8")
    data.mkdir(parents=True)
    paths = os.pathsep.join(str(path) for path in (other.parent, *builtin_environment().paths))
    started = subprocess.Popen(
        [sys.executable, "-m", "blender_aigc.server", "serve", "--data", str(data)],
        env=os.environ | {"PYTHONPATH": paths},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        until((data / "server.json").is_file)
        server = idle_server(data)
        with pytest.raises(Fault, match="99") as caught:
            server.start()
        assert caught.value.code == "version_mismatch" and caught.value.hint == "Press Restart Server."
        assert started.poll() is None, "finding it must not harm it"
        server.start(replace=True)
        assert say_hello(server).protocol == PROTOCOL
        assert started.wait(30) == 0
    finally:
        started.kill()
        started.wait()


def test_the_servers_own_reason_for_not_starting_is_passed_on(data: Path) -> None:
    data.parent.mkdir(parents=True)
    hello = say_hello(new_server(data / "first"))
    server = idle_server(data / "second", arguments=("--port", str(hello.port)))
    server.start()
    fault = failure(server)
    assert fault.code == "bad_request" and str(hello.port) in fault.message


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("exit 3", "server_gone", "code 3"),
        ("echo it broke >&2; exit 1", "server_gone", "it broke"),
        ("echo hello there; sleep 60", "not_installed", "hello there"),
    ],
)
@posix_only
def test_a_python_that_is_none(data: Path, tmp_path: Path, script: str, code: str, words: str) -> None:
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    data.mkdir(parents=True)
    server = idle_server(data, Environment(python, (), "broken"))
    server.start()
    process = server.process
    fault = failure(server)
    assert fault.code == code and words in fault.detail and fault.hint
    assert process is not None and process.poll() is not None


def test_a_python_that_cannot_be_run(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        idle_server(data, Environment(tmp_path / "nothing", (), "broken")).start()
    assert caught.value.code == "not_installed" and caught.value.hint


@posix_only
def test_a_server_that_never_gets_ready_is_given_up(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "START_S", 0.0)
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    data.mkdir(parents=True)
    server = idle_server(data, Environment(python, (), "slow"))
    server.start()
    process = server.process
    assert failure(server).code == "server_gone"
    assert process is not None and process.poll() is not None


# -------------------------------------------------------------------------------------------------- the environments


def test_the_wheels_of_the_addon_are_found_without_importing_them() -> None:
    code = (
        "import sys; from blender_aigc.environment import builtin_environment as b;"
        "e = b(); print(e.python); assert not {'uvicorn', 'starlette', 'numpy'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)


def test_packages_in_folders_of_their_own_reach_the_server(data: Path, tmp_path: Path) -> None:
    """As in Blender, whose bundled Python does not know the folder into which the add-on's wheels are unpacked."""
    bare = Path(getattr(sys, "_base_executable", sys.executable))
    lacks = subprocess.run([bare, "-I", "-c", "import uvicorn"], capture_output=True).returncode
    if not lacks:
        pytest.skip("the base Python has the packages itself")
    data.mkdir(parents=True)
    server = idle_server(data, Environment(bare, (Path(sysconfig.get_path("purelib")),), "bare"))
    server.start()
    say_hello(server)


def test_a_blender_without_the_wheels_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_folder_of", lambda name: None if name == "uvicorn" else Path())
    with pytest.raises(Fault, match="uvicorn") as caught:
        builtin_environment()
    assert caught.value.code == "not_installed"


def test_a_blender_that_names_itself_as_python_is_seen_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blender = tmp_path / "blender"
    blender.touch()
    monkeypatch.setattr(sys, "executable", str(blender))
    monkeypatch.setattr(sys, "_base_executable", str(blender), raising=False)
    assert builtin_environment().python.name.startswith("python")


def test_a_named_environment_is_recognised(tmp_path: Path) -> None:
    here = folder_environment(sys.prefix)
    assert here.python.is_file() and here.label == Path(sys.prefix).name
    assert folder_environment(here.python) == here
    for folder, words in ((tmp_path, "no Python"), (tmp_path / "missing", "no Python")):
        with pytest.raises(Fault, match=words) as caught:
            folder_environment(folder)
        assert caught.value.code == "not_installed" and caught.value.hint


def test_an_empty_environment_is_told_from_a_full_one(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    with pytest.raises(Fault, match="lacks numpy, starlette, uvicorn"):
        folder_environment(tmp_path / "env")
    (tmp_path / "env" / "pyvenv.cfg").write_text("include-system-site-packages = true\n")
    assert folder_environment(tmp_path / "env").python.is_file()


def test_the_installed_addon_in_an_odd_folder_starts_its_own_server(data: Path, tmp_path: Path) -> None:
    package = copy_of_the_source(tmp_path / ODD_FOLDER / "extensions")
    assert server_module(package) == ("blender_aigc.server", package.parent)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from blender_aigc.launcher import ServerProcess, builtin_environment\n"
        "import blender_aigc.protocol as here; assert here.__file__.startswith(sys.argv[1])\n"
        "Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)\n"
        "server = ServerProcess(builtin_environment(), Path(sys.argv[2])); server.start()\n"
        "while not server.poll(): time.sleep(0.02)\n",
        encoding="utf-8",
    )
    idle_server(data)  # for the clean-up: the server outlives the script
    subprocess.run([sys.executable, script, package.parent, data], cwd=tmp_path, check=True, timeout=60)
    hello = Hello(**json.loads((data / "server.json").read_text(encoding="utf-8")))
    assert Client(hello).health().protocol == PROTOCOL
    if Path(f"/proc/{hello.pid}/cmdline").exists():
        assert b"blender_aigc.server" in Path(f"/proc/{hello.pid}/cmdline").read_bytes()


def test_an_addon_without_its_server_says_so(tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        server_module(tmp_path / "blender_aigc")
    assert caught.value.code == "not_installed"


# --------------------------------------------------------------------------------------------------- the data folder


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.delenv("AIGC_DATA", raising=False)
    monkeypatch.setattr(environment.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(environment.tempfile, "tempdir", str(tmp_path))
    return monkeypatch


@pytest.mark.skipif(sys.platform != "linux", reason="the rules of this platform")
def test_the_data_folder_follows_the_platform(no_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_settings.setenv("HOME", str(tmp_path / "home"))
    no_settings.delenv("XDG_DATA_HOME", raising=False)
    assert data_folder() == tmp_path / "home" / ".local" / "share" / "aigc_studio"
    no_settings.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert data_folder() == tmp_path / "home" / ".local" / "share" / "aigc_studio"
    no_settings.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert data_folder() == tmp_path / "share" / "aigc_studio"
    assert stat.S_IMODE((tmp_path / "share" / "aigc_studio").stat().st_mode) == 0o700


def test_the_preferences_and_the_farm_may_choose_it(no_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert data_folder(str(tmp_path / "Wünsche")) == tmp_path / "Wünsche"
    no_settings.setenv("AIGC_DATA", str(tmp_path / "farm"))
    assert data_folder(str(tmp_path / "Wünsche")) == tmp_path / "farm"


@pytest.mark.parametrize("home", ["", "/"])
@posix_only
def test_a_user_without_a_home_gets_a_temporary_folder(no_settings: pytest.MonkeyPatch, home: str) -> None:
    no_settings.setenv("HOME", home)
    no_settings.delenv("XDG_DATA_HOME", raising=False)
    folder, fault = data_folder_or_temporary()
    assert folder.is_dir() and fault is not None and fault.hint


def test_a_folder_that_cannot_be_written_gets_a_temporary_one(no_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wanted in (tmp_path / "file", tmp_path / "file" / "below", "null\0character"):
        with pytest.raises(Fault) as caught:
            data_folder(str(wanted))
        assert caught.value.code == "disk_full" and "preferences" in caught.value.hint
        folder, fault = data_folder_or_temporary(str(wanted))
        assert folder.is_dir() and folder.is_relative_to(tmp_path) and fault is not None
    assert data_folder_or_temporary(str(tmp_path / "fine")) == (tmp_path / "fine", None)


@posix_only
def test_a_temporary_folder_of_somebody_else_is_not_used(no_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"aigc_studio-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch()
    folder, _ = data_folder_or_temporary(str(tmp_path / "file"))
    assert folder.is_dir() and folder.resolve() != (tmp_path / "elsewhere").resolve()
