"""The built zips: small, valid for this Blender, installable, and the whole loop runs from the installed files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 5_000_000

LOOP = """
import json, os, subprocess, sys
from pathlib import Path
import bpy

target, zipped, picture = sys.argv[-3:]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.extensions.package_install_files(filepath=zipped, repo="user_default", enable_on_install=True)
from bl_ext.user_default.blender_aigc import batch, launcher
objects = batch.generate("image_to_mesh", "inflate", image=picture, params={"faces": 2000, "texture_px": "512"})
report = {
    "objects": [o.name for o in objects],
    "faces": sum(len(o.data.polygons) for o in objects),
    "images": [i.name for i in bpy.data.images if i.packed_file],
    "addon": launcher.__file__,
}
# The front must start with nothing but Blender's standard library and what the zip brought (this test's venv has more).
wheels = next(Path(bpy.utils.user_resource("EXTENSIONS")).rglob("starlette")).parent
front = (
    "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p] + [sys.argv[1]];"
    "import starlette.applications, starlette.routing, uvicorn, h11; print(starlette.__file__)"
)
done = subprocess.run([sys.executable, "-I", "-c", front, wheels], capture_output=True, text=True)
report["starlette"] = done.stdout.strip() or done.stderr
Path(target).write_text(json.dumps(report), encoding="utf-8")
bpy.ops.preferences.addon_disable(module="bl_ext.user_default.blender_aigc")
os._exit(0)
"""


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, ROOT / "build_addon.py", "--out", out], check=True, cwd=ROOT)
    return {path.stem.rsplit("-", 1)[1]: path for path in out.glob("*.zip")}


def test_both_zips_are_small_and_differ_by_the_networks(zips: dict[str, Path]) -> None:
    assert set(zips) == {"store", "studio"}
    names = {flavour: set(zipfile.ZipFile(path).namelist()) for flavour, path in zips.items()}
    assert all(path.stat().st_size < LIMIT for path in zips.values())
    left_out = names["studio"] - names["store"]
    assert "server/nets/triposr.py" in left_out and "server/models/mesh/triposr.py" in left_out
    assert all(name.startswith(("server/nets/", "server/models/")) for name in left_out)
    assert "server/models/mesh/inflate.py" in names["store"]


@pytest.mark.parametrize("flavour", ["store", "studio"])
def test_blender_finds_the_zip_valid(zips: dict[str, Path], flavour: str) -> None:
    import bpy

    tool = next(Path(bpy.utils.system_resource("SCRIPTS")).rglob("bl_pkg/cli/blender_ext.py"))
    done = subprocess.run([sys.executable, tool, "validate", zips[flavour]], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "error" not in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize("flavour", ["store", "studio"])
def test_the_installed_zip_makes_a_mesh_offline(zips: dict[str, Path], flavour: str, tmp_path: Path) -> None:
    """With a fresh home, in a folder with a space and letters beyond ASCII; the wheels are those of the zip."""
    home, target = tmp_path / "Üser häns", tmp_path / "report.json"
    home.mkdir()
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "AIGC_DATA")}
    env |= {"BLENDER_USER_RESOURCES": str(home), "HOME": str(home), "AIGC_DATA": str(home / "data")}
    script = tmp_path / "loop.py"
    script.write_text(LOOP, encoding="utf-8")
    picture = ROOT / "blender_aigc" / "samples" / "duck.png"
    command = [sys.executable, script, target, zips[flavour], picture]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(target.read_text(encoding="utf-8"))
    assert report["objects"] and report["faces"] > 1000 and report["images"]
    assert str(home) in report["addon"]
    assert Path(report["starlette"]).is_relative_to(home), "the front did not start on the wheels of the zip alone"
