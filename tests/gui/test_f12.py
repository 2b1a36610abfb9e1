"""F12 in a real Blender: one click beforehand, and every render is followed by its picture. See test_tour.py."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out" / "gui_f12"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What was to be seen, about a minute of it."""
    command = os.environ.get("AIGC_GUI_BLENDER")
    if not command:
        pytest.skip("AIGC_GUI_BLENDER is not set")
    folder, dist = tmp_path_factory.mktemp("f12"), tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, ROOT / "build_addon.py", "--out", dist], check=True, cwd=ROOT)
    words = ["python3", Path(__file__).with_name("f12.py"), next(dist.glob("*-studio.zip")), folder]
    done = subprocess.run([*shlex.split(command), *map(str, words)], cwd=ROOT, timeout=280)
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.copytree(folder / "shots", OUT)
    report = json.loads((folder / "report.json").read_text())
    (OUT / "report.json").write_text(json.dumps(report, indent=1))
    assert "stopped" not in report, report["stopped"]
    assert done.returncode == 0
    return report


def test_one_click_and_f12_make_the_picture(seen):
    """The check box in the header of the panel, F12 over the viewport; no server had been started."""
    assert seen["session_before"] in ("", "off")
    assert seen["after_render"] is True
    assert seen["results"] == ["Scene Render"] and seen["fault"] == ""
    assert seen["announced"], "that Blender will wait is said before it does"


def test_the_picture_is_shown_where_the_render_was(seen):
    assert seen["shown"] == ["Scene Render"]


def test_before_and_after_are_flipped_by_the_button(seen):
    assert seen["flipped"] == ["Render Result"] and seen["flipped_back"] == ["Scene Render"]


def test_compare_follows_the_pointer(seen):
    """The picture in the editor, split at two places."""
    assert seen["compared"] == ["Scene Render | Compare"]
    left, right = seen["splits"]
    assert 0 < left < right < 1
