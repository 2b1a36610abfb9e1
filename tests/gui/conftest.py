"""The built zip in a real Blender under a virtual screen: each test module judges what one walk saw.

AIGC_GUI_BLENDER names a command that runs its arguments where a screen, `blender`, `xdotool`, ImageMagick (`import`)
and a `python3` with numpy are. The screenshots are kept in out/gui/NAME.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 400


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the walk of this module saw, one to four minutes of it: NAME.py for test_NAME.py.

    The module's WORDS, if it has any, are further words for the walk.
    """
    command = os.environ.get("AIGC_GUI_BLENDER")
    if not command:
        pytest.skip("AIGC_GUI_BLENDER is not set")
    name = request.module.__name__.rpartition(".")[2].removeprefix("test_")
    folder, dist = tmp_path_factory.mktemp(name), tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, ROOT / "build_addon.py", "--out", dist], check=True, cwd=ROOT)
    words = ["python3", Path(__file__).with_name(f"{name}.py"), next(dist.glob("*-studio.zip")), folder]
    words += getattr(request.module, "WORDS", [])
    done = subprocess.run([*shlex.split(command), *map(str, words)], cwd=ROOT, timeout=LIMIT_S)
    kept = ROOT / "out" / "gui" / name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder / "shots", kept)
    report = json.loads((folder / "report.json").read_text())
    (kept / "report.json").write_text(json.dumps(report, indent=1))
    assert "stopped" not in report, report["stopped"]
    assert done.returncode == 0
    return report
