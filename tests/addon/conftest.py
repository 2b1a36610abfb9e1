"""Blender as a module: a fresh empty file for every test, and a way out that does not crash.

Every test here needs bpy, whose state is global: run this folder in a process of its own, once per Blender version.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
for _folder in (_ROOT, Path(__file__).parent, _ROOT / "tests/server"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

try:
    import bpy
except ImportError:
    bpy = None
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def empty_file() -> None:
    """A new file without objects before each test. A test that registers the add-on unregisters it, timers included."""
    if bpy is not None:
        bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture
def addon(empty_file: None) -> Iterator[None]:
    """The add-on, enabled in the new file."""
    import blender_aigc

    blender_aigc.register()
    yield
    blender_aigc.unregister()


@pytest.fixture
def studio(addon: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The add-on with a data folder of its own; a server that it starts ends with it. Returns the folder."""
    folder = tmp_path / "Dätä of an artist"
    monkeypatch.setenv("AIGC_DATA", str(folder))
    return folder


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """bpy 4.2 exits with 139 after glTF use, whatever the tests said: leave with pytest's own status instead.

    Runs after the reports (terminal, junit) are written, because unconfigure comes after every session finish.
    """
    status = getattr(config, "_aigc_exit_status", None)
    if bpy is not None and status is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config._aigc_exit_status = int(exitstatus)
