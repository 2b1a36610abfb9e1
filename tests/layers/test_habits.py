"""Small promises about the sources: sizes, versions, nothing that could run what a file or a model says."""

from __future__ import annotations

import ast
import re
import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "blender_aigc").rglob("*.py"), *(ROOT / "server").rglob("*.py")])
BROAD = {"server/worker.py", "server/registry.py", "blender_aigc/watch.py"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [*SOURCES, ROOT / "dev.py", ROOT / "build_addon.py"], ids=name)
def test_files_stay_readable(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= (500 if path.parent.name == "nets" else 400)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_that_a_file_says_is_run(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not {a.name for a in node.names} & {"pickle", "dill", "shelve", "marshal"}
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "compile", "__import__")
            if called == "torch.load":
                assert any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords)
            assert not any(k.arg == "trust_remote_code" and ast.unparse(k.value) != "False" for k in node.keywords)
            if called in ("numpy.load", "np.load"):
                assert any(k.arg == "allow_pickle" and ast.unparse(k.value) == "False" for k in node.keywords)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_broad_excepts_live_in_three_places(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    handlers = [n for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler)]
    broad = [h for h in handlers if h.type is None or ast.unparse(h.type) in ("Exception", "BaseException")]
    assert len(broad) <= (1 if name(path) in BROAD else 0)


def test_every_place_names_the_same_version() -> None:
    manifest = tomllib.loads((ROOT / "blender_aigc" / "blender_manifest.toml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    protocol = re.search(
        r'^VERSION = "(.+)"$', (ROOT / "blender_aigc" / "protocol.py").read_text(encoding="utf-8"), re.M
    )
    changelog = re.search(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert protocol and changelog
    assert manifest["version"] == project["version"] == protocol[1] == changelog[1]


def test_the_wheels_in_the_zip_are_those_of_the_front() -> None:
    """A version raised in pyproject.toml must be raised in wheels.lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = {
        line.split()[0] for line in (ROOT / "wheels.lock").read_text(encoding="utf-8").splitlines() if "==" in line
    }
    assert {d for d in project["dependencies"] if not d.startswith("numpy")} <= locked


def test_no_machine_path_in_the_repository() -> None:
    barred = re.compile(r"/(t" r"mp|ro" r"ot|wo" r"rk|ho" r"me)/[a-z]")
    texts = [p for p in ROOT.rglob("*") if p.suffix in (".py", ".md", ".toml", ".lock", ".json") and p.is_file()]
    ours = [p for p in texts if not {".venvs", "out", "dist", ".git", "node_modules"} & set(p.relative_to(ROOT).parts)]
    assert [name(p) for p in ours if barred.search(p.read_text(encoding="utf-8"))] == []


def test_the_feature_page_is_fresh() -> None:
    page = ROOT / "docs" / "features.md"
    fresh = runpy.run_path(str(ROOT / "docs" / "features.py"))["features"]()
    assert page.read_text(encoding="utf-8") == fresh, "run: python docs/features.py"
