"""Objects are textured in a real Blender, by typing words and pressing the button. See test_tour.py."""

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
OUT = ROOT / "out" / "gui_texture"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What was to be seen, about two minutes of it."""
    command = os.environ.get("AIGC_GUI_BLENDER")
    if not command:
        pytest.skip("AIGC_GUI_BLENDER is not set")
    folder, dist = tmp_path_factory.mktemp("texture"), tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, ROOT / "build_addon.py", "--out", dist], check=True, cwd=ROOT)
    words = ["python3", Path(__file__).with_name("texture.py"), next(dist.glob("*-studio.zip")), folder]
    done = subprocess.run([*shlex.split(command), *map(str, words)], cwd=ROOT, timeout=400)
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.copytree(folder / "shots", OUT)
    report = json.loads((folder / "report.json").read_text())
    (OUT / "report.json").write_text(json.dumps(report, indent=1))
    assert "stopped" not in report, report["stopped"]
    assert done.returncode == 0
    return report


def test_words_and_a_button_texture_the_cube(seen):
    """In the tab, with Blender's own Python: nothing is installed."""
    assert seen["fault"] == "" and seen["materials"]["Cube"] == ["Cube"]


def test_one_ctrl_z_takes_it_back_and_redo_brings_it(seen):
    assert seen["undone"]["Cube"] == [] and seen["redone"]["Cube"] == ["Cube"]


def test_one_side_is_made_anew(seen):
    """How the sides look is for the eye: 5_gold_on_top.png, 6_material_preview.png."""
    assert seen["part_fault"] == "" and seen["part"]["Cube"] not in ([], ["Cube"])


def test_all_is_well_at_the_end(seen):
    assert seen["end"] == [None, "", "OBJECT"]
