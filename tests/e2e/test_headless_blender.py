"""The installed zip in a real Blender without a window: `-c aigc` and `--python`, exit codes, nothing left running.

AIGC_BLENDER names the command that runs Blender (default: `blender`); without one these tests are skipped.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLENDER = shlex.split(os.environ.get("AIGC_BLENDER", "")) or [shutil.which("blender") or ""]

pytestmark = pytest.mark.skipif(not BLENDER[0], reason="no Blender: set AIGC_BLENDER to the command that runs it")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home") / "Ünï çødé user"


@pytest.fixture(scope="module")
def blender(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs Blender with a fresh home in which the built zip is installed and enabled."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, ROOT / "build_addon.py", "--out", out], check=True, cwd=ROOT, capture_output=True)
    home.mkdir()
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    env |= {"HOME": str(home), "BLENDER_USER_RESOURCES": str(home / "blender"), "AIGC_DATA": str(home / "data")}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [*BLENDER, *(str(word) for word in words)]
        return subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=200)

    installed = run("--command", "extension", "install-file", "-r", "user_default", "-e", next(out.glob("*store*.zip")))
    assert installed.returncode == 0, installed.stdout + installed.stderr
    yield run


@pytest.fixture
def duck(home: Path) -> Path:
    """A picture beside the home: a sandboxed Blender need not see the source tree."""
    return Path(shutil.copy(ROOT / "blender_aigc" / "samples" / "duck.png", home))


@pytest.fixture(autouse=True)
def nothing_left_running(home: Path) -> Iterator[None]:
    """The server ended with its Blender: nobody holds the lock of the data folder."""
    yield
    from blender_aigc.launcher import lock_is_free

    assert lock_is_free(home / "data")


def test_the_command_saves_the_result(blender: Run, home: Path, duck: Path, tmp_path: Path) -> None:
    saved = home / "with a duck.blend"
    words = ["--image", duck, "--model", "inflate", "--param", "faces=2000", "--param", "texture_px=512"]
    done = blender("-b", "-c", "aigc", "image-to-mesh", *words, "--save-as", saved)
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(saved) in done.stdout.splitlines()
    script = tmp_path / "look.py"
    script.write_text("import bpy\nprint('FACES', len(bpy.data.objects['duck'].data.polygons))\n")
    looked = blender("-b", saved, "--python-exit-code", 3, "--python", script)
    assert looked.returncode == 0 and int(looked.stdout.partition("FACES ")[2].split()[0]) > 1000


def test_objects_are_textured_and_a_part_of_them_again(blender: Run, home: Path, tmp_path: Path) -> None:
    """`blender -b FILE -c aigc texture`, with Blender's own Python; the second time only one slot changes."""
    file, oak, gold = home / "Chairs.blend", home / "oak.blend", home / "gold.blend"
    script = tmp_path / "make.py"
    script.write_text(
        "import bpy\nfor name in ('Chair A', 'Chair B', 'Table'):\n    bpy.ops.mesh.primitive_cube_add()\n"
        "    bpy.context.object.name = name\n    for part in ('Seat', 'Legs'):\n"
        "        bpy.context.object.data.materials.append(bpy.data.materials.new(part))\n"
        "    bpy.context.object.data.polygons[0].material_index = 1\n"
        f"bpy.ops.wm.save_as_mainfile(filepath={str(file)!r})\n"
    )
    assert blender("-b", "--factory-startup", "--python-exit-code", 3, "--python", script).returncode == 0
    words = ["texture", "--objects", "Chair*", "--size", "256", "--model", "solid"]
    done = blender("-b", file, "-c", "aigc", *words, "--prompt", "weathered oak", "--save-as", oak)
    assert done.returncode == 0, done.stdout + done.stderr
    words += ["--faces", "Chair A_BaseColor"]
    done = blender("-b", oak, "-c", "aigc", *words, "--prompt", "gold", "--save-as", gold)
    assert done.returncode == 1 and "no vertex group, attribute or material slot" in done.stderr
    done = blender("-b", oak, "-c", "aigc", *words[:-2], "--faces", "selected", "--prompt", "gold", "--save-as", gold)
    assert done.returncode == 0, done.stdout + done.stderr
    look = tmp_path / "look.py"
    look.write_text(
        "import bpy\nfor name in ('Chair A', 'Table'):\n"
        "    print('SLOTS', name, [slot.link for slot in bpy.data.objects[name].material_slots])\n"
    )
    said = blender("-b", gold, "--python-exit-code", 3, "--python", look).stdout
    assert "SLOTS Chair A ['OBJECT', 'OBJECT']" in said and "SLOTS Table ['DATA', 'DATA']" in said


def test_a_mistake_is_an_exit_code_and_a_sentence(blender: Run, home: Path) -> None:
    done = blender("-b", "-c", "aigc", "image-to-mesh", "--image", "missing.png", "--save-as", home / "no.blend")
    assert done.returncode == 1 and "missing.png" in done.stderr and "Traceback" not in done.stderr
    assert not (home / "no.blend").exists()
    assert blender("-b", "-c", "aigc", "make-tea").returncode == 2
    done = blender("-b", home / "missing.blend", "-c", "aigc", "echo", "--save-as", home / "no.blend")
    assert done.returncode == 1 and "missing.blend cannot be opened" in done.stderr, "and not the startup scene's"
    assert not (home / "no.blend").exists()


def test_a_script_gets_its_objects(blender: Run, duck: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "import bpy\n"
        "from bl_ext.user_default.blender_aigc import batch\n"
        "params = {'faces': 2000, 'texture_px': '512'}\n"
        f"(duck,) = batch.generate('image_to_mesh', image={str(duck)!r}, params=params)\n"
        "bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])\n"
        "batch.generate('image_to_mesh', image='missing.png')\n"
    )
    target = tmp_path / "a.blend"
    done = blender("-b", "--python-exit-code", 3, "--python", script, "--", target)
    assert done.returncode == 3 and "missing.png" in done.stdout + done.stderr, "a Fault is an exit code too"
    assert target.is_file()


def test_the_operators_block_until_the_result_is_there(blender: Run, duck: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import bpy\n"
        f"bpy.context.scene.aigc.image = bpy.data.images.load({str(duck)!r})\n"
        "before = set(bpy.data.objects)\n"
        "assert bpy.ops.aigc.generate() == {'FINISHED'}\n"
        "assert len(set(bpy.data.objects) - before) == 1\n"
    )
    done = blender("-b", "--python-exit-code", 3, "--python", script)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_self_test(blender: Run) -> None:
    done = blender("-b", "-c", "aigc", "self-test")
    assert done.returncode == 0 and "connected" in done.stdout


def test_a_frame_of_the_farm_is_followed_by_its_picture(blender: Run, home: Path, tmp_path: Path) -> None:
    """`blender -b FILE -f 1`: "run after render" is saved with the scene."""
    script, scene = tmp_path / "script.py", home / "scene.blend"
    script.write_text(
        "import bpy\n"
        "scene = bpy.context.scene\n"
        "scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = 'CYCLES', 1, False\n"
        "scene.render.resolution_x, scene.render.resolution_y = 96, 64\n"
        "scene.aigc.after_render = True\n"
        f"bpy.ops.wm.save_as_mainfile(filepath={str(scene)!r})\n"
    )
    assert blender("-b", "--python-exit-code", 3, "--python", script).returncode == 0
    done = blender("-b", scene, "-o", home / "frame_####", "-f", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in home.glob("frame_*")) == ["frame_0001.png", "frame_0001_aigc.png"], done.stderr


def test_a_range_of_frames_and_the_passes_of_one(blender: Run, home: Path, tmp_path: Path) -> None:
    """`blender -b FILE -c aigc render --prompt ... --frames 1-24`, twice; and `passes` for other programs."""
    script, scene, out = tmp_path / "script.py", home / "shot.blend", home / "Frames of a shot"
    script.write_text(
        "import bpy\n"
        "scene, cube = bpy.context.scene, bpy.data.objects['Cube']\n"
        "for frame, x in ((1, 0.0), (24, 2.0)):\n"
        "    cube.location.x = x\n"
        "    cube.keyframe_insert('location', frame=frame)\n"
        "scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = 'CYCLES', 1, False\n"
        "scene.render.resolution_x, scene.render.resolution_y = 48, 32\n"
        f"bpy.ops.wm.save_as_mainfile(filepath={str(scene)!r})\n"
    )
    assert blender("-b", "--python-exit-code", 3, "--python", script).returncode == 0
    words = ["render", "--prompt", "charcoal on paper", "--out", out, "--param", "style=pencil", "--name", "shot"]
    first = blender("-b", scene, "-c", "aigc", *words, "--frames", "1-3")
    assert first.returncode == 0, first.stdout + first.stderr
    done = blender("-b", scene, "-c", "aigc", *words, "--frames", "1-24")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 24 frames are done already" in done.stderr and "Flicker" in done.stderr
    frames = [str(out / f"shot_{frame:04d}.png") for frame in range(1, 25)]
    assert [line for line in done.stdout.splitlines() if line.endswith(".png")] == frames
    assert sorted(path.name for path in out.glob("*.png")) == [Path(frame).name for frame in frames]
    made = blender("-b", scene, "-c", "aigc", "passes", "--out", home / "passes", "--passes", "depth,line,linear")
    assert made.returncode == 0, made.stdout + made.stderr
    assert sorted(path.suffix for path in (home / "passes").iterdir()) == [".exr", ".json", ".png"]
