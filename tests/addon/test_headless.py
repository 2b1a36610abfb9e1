"""Scripts and the command line in a real bpy with a real server: results, exit codes, and scenes left alone."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest
from live_server import ODD_FOLDER, ROOT, new_session, ready, until
from scene_state import differences, scene_state

from blender_aigc import batch, cli, cli_output, portrait, preferences
from blender_aigc.cli_hints import INSTEAD
from blender_aigc.gather.image import image_pixels
from blender_aigc.launcher import lock_is_free
from blender_aigc.protocol import TASKS, Fault
from blender_aigc.state import STATE

DUCK = ROOT / "blender_aigc" / "samples" / "duck.png"
QUICK = {"faces": 1500, "texture_px": "512"}
QUICK_WORDS = ["--param", "faces=1500", "--param", "texture_px=512"]


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data") / ODD_FOLDER
    keeper = ready(new_session(folder))  # another Blender, so that not every command starts a server of its own
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_DATA", str(folder))
        yield folder
        batch.close()
    keeper.close(stop_idle=True)
    until(lambda: lock_is_free(folder))


@pytest.fixture
def unchanged() -> Iterator[None]:
    """The scene after the test is the scene before it."""
    before = scene_state()
    yield
    assert differences(before, scene_state()) == []


# ---------------------------------------------------------------------------------------------------- the Python API


def test_a_picture_becomes_a_textured_mesh() -> None:
    bpy.context.scene.cursor.location = (1, 2, 3)
    seen: list[tuple[str, float | None]] = []
    (duck,) = batch.generate(
        "image_to_mesh",
        image=DUCK,
        params=QUICK | {"height_m": 2.0},
        progress=lambda job: seen.append((job.phase, job.fraction)),
    )
    assert duck.type == "MESH" and tuple(duck.location) == (1, 2, 3) and "duck" in duck.name.lower()
    assert len(duck.data.polygons) == pytest.approx(1500, rel=0.02)
    assert duck.dimensions.z == pytest.approx(2.0, abs=1e-3)
    images = [n.image for n in duck.data.materials[0].node_tree.nodes if getattr(n, "image", None)]
    assert images and all(image.packed_file for image in images)
    assert len({phase for phase, _ in seen}) > 2 and seen[-1][1] == 1.0


def test_an_image_of_the_scene_will_do_and_stays_as_it_is() -> None:
    image = bpy.data.images.load(str(DUCK))
    before = [image.colorspace_settings.name, image.alpha_mode, image.users, image.filepath]
    objects = batch.generate("echo", "echo", image=image, prompt="hi", location=(4, 0, 0), params={"steps": 1})
    assert objects[0].location.x == 4
    assert [image.colorspace_settings.name, image.alpha_mode, image.users, image.filepath] == before


def test_an_empty_gives_its_place() -> None:
    empty = bpy.data.objects.new("here", None)
    bpy.context.scene.collection.objects.link(empty)
    empty.location = (7, 8, 9)
    (made,) = batch.generate("echo", prompt="hi", replace=empty)
    assert tuple(made.matrix_world.translation) == (7, 8, 9)


def test_the_files_alone(unchanged: None) -> None:
    status = batch.run("echo", prompt="nur Dateien", seed=7)
    assert status.result is not None and status.result.provenance.seed == 7
    names = {artefact.kind: batch.artefact_path(status, artefact) for artefact in status.result.artefacts}
    assert names["text"].read_text(encoding="utf-8").strip() == "nur Dateien"


def test_models_are_listed_and_the_one_without_a_download_comes_first() -> None:
    assert {"echo", "inflate"} <= set(batch.models())
    assert batch.model_for("image_to_mesh").id == "inflate"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"task": "make_tea"}, "bad_request"),
        ({"task": "image_to_mesh", "model": "nobody", "image": DUCK}, "unknown_model"),
        ({"task": "image_to_mesh", "model": "echo", "image": DUCK}, "unknown_model"),
        ({"task": "image_to_mesh", "image": "nothing.png"}, "bad_input"),
        ({"task": "image_to_mesh"}, "bad_"),
        ({"task": "image_to_mesh", "image": DUCK, "params": {"faces": -1}}, "bad_request"),
        ({"task": "image_to_mesh", "image": DUCK, "params": {"unheard_of": 1}}, "bad_request"),
        ({"task": "echo", "seed": -1}, "bad_request"),
    ],
)
def test_mistakes_leave_the_scene_alone(unchanged: None, arguments: dict, code: str) -> None:
    with pytest.raises(Fault) as caught:
        batch.generate(**arguments)
    assert caught.value.code.startswith(code) and caught.value.message


def test_a_transparent_picture_is_refused_by_the_model(unchanged: None, tmp_path: Path) -> None:
    image = bpy.data.images.new("nothing", 64, 64, alpha=True)
    image.generated_color = (0, 0, 0, 0)
    try:
        with pytest.raises(Fault) as caught:
            batch.generate("image_to_mesh", image=image)
        assert caught.value.code == "bad_input"
    finally:
        bpy.data.images.remove(image)


def test_an_exception_from_progress_cancels_the_job(unchanged: None) -> None:
    class Enough(Exception):
        pass

    def stop(job: object) -> None:
        if job.phase == "Echoing":  # type: ignore[attr-defined]
            raise Enough

    with pytest.raises(Enough):
        batch.generate("echo", params={"steps": 1000, "step_s": 1.0}, progress=stop)
    session = STATE.session
    until(lambda: session.pump() or all(job.finished for job in session.jobs.values()))
    assert [job.state for job in session.jobs.values()] == ["cancelled"]
    session.jobs.clear()


# ------------------------------------------------------------------------------------------------- the command line


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def test_the_result_is_in_the_saved_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    blend, glb, out = tmp_path / "Ünï çødé" / "a b.blend", tmp_path / "a.glb", tmp_path / "all"
    words = ["--image", DUCK, *QUICK_WORDS, "--height-m", 1.5, "--location", 0, 1, 0, "--name", "Ente"]
    assert run("image-to-mesh", *words, "--save-as", blend, "--glb", glb, "--out", out) == 0
    told = capfd.readouterr()
    *made, record = sorted_like(told.out, out)
    assert told.out.splitlines() == [str(path) for path in (blend, *made, glb, record)]
    assert record.name == "result.json" and made
    assert "100%" in told.err
    assert glb.read_bytes()[:4] == b"glTF" and (out / "result.json").is_file()
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    (duck,) = [obj for obj in bpy.data.objects if obj.type == "MESH"]
    assert duck.name == "Ente" and duck.location.y == 1 and duck.dimensions.z == pytest.approx(1.5, abs=1e-3)
    assert len(bpy.data.scenes) == 1


def sorted_like(text: str, folder: Path) -> list[Path]:
    """The files of `folder` in the order in which `text` names them."""
    return [path for line in text.splitlines() if (path := Path(line)).parent == folder and path.is_file()]


def test_a_portrait_shows_the_result_and_leaves_no_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portrait, "SIZE_PX", 64)
    monkeypatch.setattr(portrait, "SAMPLES", 4)
    (duck,) = batch.generate("echo", prompt="x", params={"steps": 1})
    before = scene_state()
    portrait.render_portrait([duck], tmp_path / "picture.png")
    bpy.data.images.remove(bpy.data.images["Render Result"])  # Blender's own, of every first render
    assert differences(before, scene_state()) == []
    pixels = image_pixels(tmp_path / "picture.png").astype(int)
    assert pixels.shape == (64, 64, 4)
    background = pixels[0, 0, :3]
    rows, columns = (abs(pixels[..., :3] - background).max(axis=2) > 30).nonzero()
    assert len(rows) > 200 and rows.min() > 0 and rows.max() < 63 and columns.min() > 0 and columns.max() < 63


def test_models_and_self_test(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("self-test") == 0
    assert "connected" in capfd.readouterr().out
    assert run("models") == 0
    assert "inflate" in capfd.readouterr().out
    assert run("models", "--json") == 0
    listed = json.loads(capfd.readouterr().out)
    assert {"echo", "inflate"} <= {model["id"] for model in listed["models"]}, "as `python -m server models --json`"


def test_every_task_is_a_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    told = capfd.readouterr().out
    assert all(task.replace("_", "-") in told for task in TASKS)
    for task in TASKS:
        assert run(task.replace("_", "-"), "--help") == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "COMMAND"),
        (("make-tea",), 2, "invalid choice"),
        (("image-to-mesh", "--save-as", "OUT"), 2, "--image"),
        (("image-to-mesh", "--image", DUCK), 1, "would be lost"),
        (("image-to-mesh", "--image", "nothing.png", "--save-as", "OUT"), 1, "nothing.png"),
        (("image-to-mesh", "--image", DUCK, "--model", "nobody", "--save-as", "OUT"), 1, "inflate"),
        (("image-to-mesh", "--image", DUCK, "--param", "faces", "--save-as", "OUT"), 1, "KEY"),
        (("image-to-mesh", "--image", DUCK, "--param", "faces=many", "--save-as", "OUT"), 1, "faces=many"),
        (("image-to-mesh", "--image", DUCK, "--param", "tea=1", "--save-as", "OUT"), 1, "It has: "),
        (("image-to-mesh", "--image", DUCK, "--height-m", "-3", "--save-as", "OUT"), 1, "between"),
        (("image-to-mesh", "--image", DUCK, "--replace", "nobody", "--save-as", "OUT"), 1, "nobody"),
        (("image-to-mesh", "--image", DUCK, "--seed", "-1", "--save-as", "OUT"), 1, "seed"),
        (("image-to-mesh", "--image", DUCK, "--save-as", "PNG"), 1, "names a Blender file, not .png"),
        (("texture", "--prompt", "oak", "--save-as", "PNG"), 1, "names a Blender file, not .png"),
        (("image-to-mesh", "--image", DUCK, "--save-as", "OUT", "--glb", "PNG"), 1, "--glb writes .glb files"),
        (("image-to-mesh", "--image", DUCK, "--save-as", "OUT", "--render", "OUT"), 1, "--render writes .png files"),
        (("physics", "--render", "OUT", "--frames", "x"), 1, "--render writes .png files"),
        (("echo", "--save-as", "FILE/below.blend"), 1, "could not be written"),
        (("echo", "--param", "steps=1", "--save-as", "FOLDER"), 1, "could not be written"),
        (("echo", "--param", "steps=1", "--glb", "FOLDER"), 1, "could not be written"),
    ],
)
def test_mistakes_end_with_a_code_and_a_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], words: tuple, code: int, told: str
) -> None:
    (tmp_path / "FILE").touch()
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "photo.png").write_bytes(b"of the user")
    targets = {"OUT": "out.blend", "PNG": "photo.png", "FILE/below.blend": "FILE/below.blend", "FOLDER": "FOLDER"}
    assert run(*(tmp_path / targets[word] if word in targets else word for word in words)) == code
    captured = capfd.readouterr()
    assert told in captured.err or (told == "KEY" and "=VALUE" in captured.err)
    assert "Traceback" not in captured.err
    assert captured.out == "" and not (tmp_path / "out.blend").exists()
    assert (tmp_path / "photo.png").read_bytes() == b"of the user"


def test_a_file_without_the_result_is_not_a_success(tmp_path: Path) -> None:
    unsaved = bpy.data.objects.new("nobody uses it, so Blender does not save it", None)
    with pytest.raises(Fault, match="could not be written") as caught:
        cli_output.save_file(tmp_path / "a.blend", [unsaved])
    assert "not in the file" in caught.value.detail


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file can become larger than 20 kB, as on a full disk."""
    resource = pytest.importorskip("resource", reason="the system has no limits for files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_earlier_file(tmp_path: Path, little_room: None) -> None:
    cube = bpy.data.objects.new("cube", None)
    bpy.context.scene.collection.objects.link(cube)
    (tmp_path / "shot.blend").write_bytes(b"of yesterday")
    with pytest.raises(Fault, match="could not be written"):
        cli_output.save_file(tmp_path / "shot.blend", [cube])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"shot.blend": b"of yesterday"}


def test_a_saved_file_keeps_the_earlier_one_beside_it(tmp_path: Path) -> None:
    cube = bpy.data.objects.new("cube", None)
    bpy.context.scene.collection.objects.link(cube)
    (tmp_path / "shot.blend").write_bytes(b"of yesterday")
    cli_output.save_file(tmp_path / "shot.blend", [cube])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shot.blend", "shot.blend1"]
    assert (tmp_path / "shot.blend1").read_bytes() == b"of yesterday"


@pytest.mark.skipif(sys.platform != "linux", reason="a folder in which not even root can make a file")
def test_a_folder_that_takes_no_files_is_noticed_before_the_work(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("echo", "--save-as", "/proc/self/a.blend") == 1
    told = capfd.readouterr().err
    assert "could not be written" in told and "Sending" not in told


def test_a_farm_names_environment_and_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert preferences.choices() == preferences.Choices()
    monkeypatch.setenv("AIGC_ENVIRONMENT", str(tmp_path / "torch"))
    monkeypatch.setenv("AIGC_WEIGHTS", str(tmp_path / "weights"))
    chosen = preferences.choices()
    assert (chosen.environment, chosen.folder, chosen.weights) == ("FOLDER", tmp_path / "torch", tmp_path / "weights")


def test_hints_name_what_works_without_a_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("AIGC_ENVIRONMENT", str(tmp_path / "nothing"))
    batch.close()
    assert run("self-test") == 1
    told = capfd.readouterr().err
    assert "There is no Python in nothing" in told and "AIGC_ENVIRONMENT" in told.splitlines()[2]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("texture", "--prompt", "oak"), "Name them by --objects."),
        (("texture", "--prompt", "oak", "--in-view"), "Add one to the file, or name the objects by --objects."),
        (("texture", "--objects", "Cube", "--faces", "Lid"), "Say another name, or --faces selected."),
        (("render", "--model", "stylise"), "Add one to the file."),
        (("image-to-mesh", "--image", DUCK, "--param", "faces=-1"), "Faces is --param faces=VALUE (0 to 2e+06)."),
        (("echo", "--replace", "Cube", "--param", "steps=1"), "Name an Empty behind --replace."),
    ],
)
def test_hints_say_what_to_type(tmp_path: Path, capfd: pytest.CaptureFixture[str], words: tuple, says: str) -> None:
    """Not what to press or to select, where there is no window."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.active_object.select_set(state=False)
    assert run(*words, "--save-as", tmp_path / "out.blend") == 1
    told = capfd.readouterr().err
    assert says in told and "Press" not in told and "references" not in told and list(tmp_path.iterdir()) == []


def test_hints_name_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "file" / "below"))
    batch.close()
    assert run("self-test") == 1
    assert "Name another one in AIGC_DATA." in capfd.readouterr().err


def test_what_takes_the_place_of_a_hint_belongs_to_one_that_is_said() -> None:
    """One that was worded anew would reach the shell as the tab says it. Saving styles is for the tab alone."""
    said: set[str] = set()
    for path in (*(ROOT / "blender_aigc").rglob("*.py"), *(ROOT / "server").rglob("*.py")):
        if path.name != "cli_hints.py" and not path.name.startswith("translations"):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            said |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    assert set(INSTEAD) - said == set()
    hints = {text for text in said if text[:1].isupper() and " in the preferences" in text and len(text) < 100}
    assert hints - set(INSTEAD) == {"Choose another folder for styles in the preferences."}


def test_the_listing_says_what_a_parameter_takes(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("models") == 0
    told = capfd.readouterr().out
    assert "(triangles, " in told and "(0.05 to " not in told.splitlines()[0]
    line = next(line for line in told.splitlines() if "--param steps=4 " in line)
    assert line.endswith(" to 1000)")


def test_the_command_ends_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "own"))
    assert run("self-test") == 0
    assert (tmp_path / "own" / "server.lock").is_file() and lock_is_free(tmp_path / "own")


def test_plain_python_runs_it_too_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "blender_aigc", "echo", "--param", "steps=1", "--save-as", tmp_path / "a.blend"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and (tmp_path / "a.blend").is_file(), done.stderr
    done = subprocess.run([*command[:3], "make-tea"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2


def test_plain_python_explains_a_file_that_is_none(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "blender_aigc", str(tmp_path / "none.blend"), "self-test"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "cannot be opened as a Blender file" in done.stderr
    assert "Traceback" not in done.stderr and "connected" not in done.stdout


def test_blenders_startup_scene_does_not_stand_in_for_a_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`blender -b FILE -c aigc ...` only prints that FILE is not there, and runs the command on what it has."""
    path = tmp_path / "a b.blend"
    words = ["blender", "-b", str(path), "-c", "aigc", "echo", "--save-as", str(tmp_path / "out.blend")]
    monkeypatch.setattr(sys, "argv", words)
    assert run(*words[5:], "--param", "steps=1") == 1
    assert "a b.blend cannot be opened" in capfd.readouterr().err and not (tmp_path / "out.blend").exists()
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    assert run(*words[5:], "--param", "steps=1") == 0
    monkeypatch.setattr(sys, "argv", ["blender", "-b", "-c", "aigc", "self-test", "no.blend"])
    assert run("self-test") == 0


def test_a_reader_may_leave_early() -> None:
    """As in `models | head`."""
    command = [sys.executable, "-m", "blender_aigc", "models"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listing:
        listing.stdout.close()
        told = listing.stderr.read()
        assert listing.wait(60) == 1 and "Traceback" not in told and "BrokenPipe" not in told


def test_the_command_is_registered_and_unregistered_twice() -> None:
    for _ in range(2):
        cli.register()
        assert cli._handle is not None
        cli.unregister()
        cli.unregister()
        assert cli._handle is None
