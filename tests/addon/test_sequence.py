"""Frame ranges in a real bpy with a real server: done, interrupted and gone on with, steadier than single frames."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from live_server import kill, new_session, ready, until
from moving_scene import SIZE, build
from scene_state import differences, state_beside_copies

from blender_aigc import batch, cli
from blender_aigc.apply.sequence import FIRST, LENGTH, behind_camera
from blender_aigc.gather.frames import Frames
from blender_aigc.gather.image import image_pixels
from blender_aigc.gather.sources import Render
from blender_aigc.launcher import lock_is_free
from blender_aigc.protocol import Fault
from blender_aigc.sequence.folder import PAGE, STATES

SCRIPT = Path(__file__).parent / "moving_scene.py"
LOOK = {"style": "pencil", "texture": 0.8}
WORDS = ["--param", "style=pencil", "--param", "texture=0.8"]


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")
    keeper = ready(new_session(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_DATA", str(folder))
        yield folder
        batch.close()
    keeper.close(stop_idle=True)
    until(lambda: lock_is_free(folder))


@pytest.fixture
def scene(addon: None) -> bpy.types.Scene:
    return build()


def page_of(folder: Path) -> dict:
    return json.loads((folder / PAGE).read_text(encoding="utf-8"))


def hashes(folder: Path) -> dict[str, str]:
    return {frame: entry["sha256"] for frame, entry in page_of(folder)["frames"].items()}


def done(folder: Path) -> int:
    return len(page_of(folder)["frames"]) if (folder / PAGE).is_file() else 0


# ------------------------------------------------------------------------------------------- interrupted and gone on


def test_24_frames_interrupted_by_a_kill_and_gone_on_with(
    scene: bpy.types.Scene, tmp_path: Path, capfd: pytest.CaptureFixture[str], data: Path
) -> None:
    """`-c aigc render --frames 1-24` in a Blender that is killed, then the same again: nothing is made twice, the
    frames are those of an uninterrupted run, and they flicker less than single frames.
    """
    blend, out, whole = tmp_path / "moving.blend", tmp_path / "out", tmp_path / "whole"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    words = ["render", "--frames", "1-24", "--out", str(out), *WORDS, "--param", "compare=all", "--name", "shot"]
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen([sys.executable, str(SCRIPT), str(blend), *words], stdout=log, stderr=log)
        until(lambda: done(out) >= 3 or child.poll() is not None)
    assert child.poll() is None, (tmp_path / "log").read_text()
    kill(child.pid)
    child.wait()
    before = hashes(out)
    assert 3 <= len(before) < 24
    written = {frame: (out / f"shot_{int(frame):04d}.png").stat().st_mtime_ns for frame in before}

    capfd.readouterr()
    assert cli.main(words) == 0
    told = capfd.readouterr()
    assert f"{len(before)} of 24 frames are done already." in told.err
    files = [Path(line) for line in told.out.split() if line.endswith(".png")]
    assert [file.name for file in files] == [f"shot_{frame:04d}.png" for frame in range(1, 25)]
    after = hashes(out)
    assert len(after) == 24
    assert {frame: after[frame] for frame in before} == before
    for frame, moment in written.items():  # the same would come out if it were made again, but it takes time
        assert files[int(frame) - 1].stat().st_mtime_ns == moment, frame
    assert len(set(after.values())) == 24
    page = page_of(out)
    assert page["flicker"] < 0.75 * page["flicker_single"]
    assert "made one by one" in told.err
    assert [entry.get("begins", False) for entry in page["frames"].values()].count(True) == 1
    assert [path.name for path in (out / STATES).iterdir()] == ["0024.npz"]

    count = len(before) + 2  # beyond the place where it was interrupted
    batch.sequence(whole, (1, count), params=LOOK | {"compare": "none"}, name="shot")
    assert hashes(whole) == {frame: after[frame] for frame in hashes(whole)}
    pictures = [image_pixels(file)[..., :3].astype(float) for file in files]
    assert all(picture.shape == (SIZE[1], SIZE[0], 3) for picture in pictures)
    assert np.abs(pictures[0] - pictures[-1]).mean() > 5  # it moves
    left = list((data / "blobs").glob("*.npz"))  # what was sent is not kept, but for what the killed one had on its way
    assert len(left) <= 3


def test_a_server_that_is_killed_is_started_again_and_goes_on(
    scene: bpy.types.Scene, tmp_path: Path, data: Path
) -> None:
    killed: list[int] = []

    def progress(run) -> None:
        if run.done == 2 and run.job_id and not killed:
            killed.append(int((data / "server.lock").read_text()))
            kill(killed[0])

    run = batch.run_sequence(tmp_path / "out", (1, 5), params=LOOK | {"compare": "none"}, progress=progress)
    assert killed and run.done == 5
    assert int((data / "server.lock").read_text()) != killed[0]
    assert list(hashes(tmp_path / "out")) == ["1", "2", "3", "4", "5"]


def test_ctrl_c_keeps_what_is_done(scene: bpy.types.Scene, tmp_path: Path) -> None:
    def progress(run) -> None:
        if run.done == 2:
            raise KeyboardInterrupt

    before = state_beside_copies()
    with pytest.raises(KeyboardInterrupt):
        batch.sequence(tmp_path, (1, 6), params=LOOK, progress=progress)
    assert done(tmp_path) == 2
    assert differences(before, state_beside_copies()) == []
    assert scene.frame_current == 1


def test_a_sequence_may_grow_and_what_is_missing_is_made(scene: bpy.types.Scene, tmp_path: Path) -> None:
    look = LOOK | {"compare": "none"}
    batch.sequence(tmp_path, (1, 3), params=look)
    first = hashes(tmp_path)
    files = batch.sequence(tmp_path, (1, 4), params=look)
    assert {frame: sha for frame, sha in hashes(tmp_path).items() if frame in first} == first
    assert page_of(tmp_path)["frames"]["4"]["kept"] > 0.5  # it went on from the third
    files[1].unlink()
    assert batch.sequence(tmp_path, (1, 4), params=look) == files
    assert files[1].is_file()


def test_keyframes_and_what_lies_between(scene: bpy.types.Scene, tmp_path: Path) -> None:
    look = {"style": "cel", "keyframes": 3, "compare": "none"}

    def progress(run) -> None:
        if run.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.sequence(tmp_path / "out", (1, 7), params=look, progress=progress)
    files = batch.sequence(tmp_path / "out", (1, 7), params=look)
    assert len(files) == 7
    assert [frame for frame, entry in page_of(tmp_path / "out")["frames"].items() if entry.get("begins")] == [
        "1",
        "4",
        "7",
    ]
    straight = batch.sequence(tmp_path / "straight", (1, 4), params=look | {"keyframes": 1})
    carried, made = (image_pixels(folder[1])[..., :3].astype(float) for folder in (files, straight))
    assert np.abs(carried - made).mean() < 12


# ------------------------------------------------------------------------------------------------------------ bad input


def test_other_settings_need_another_folder(
    scene: bpy.types.Scene, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["render-sequence", "--frames", "1-2", "--out", str(tmp_path)]
    words += ["--param", "compare=none", "--param", "texture=0"]
    assert cli.main(words) == 0
    before = hashes(tmp_path)
    assert cli.main([*words, "--param", "style=cel"]) == 1
    assert 'style was "painting"' in capfd.readouterr().err
    scene.render.resolution_percentage = 50
    assert cli.main(words) == 1 and "width was" in capfd.readouterr().err
    scene.render.resolution_percentage = 100
    assert hashes(tmp_path) == before
    assert cli.main([*words, "--param", "style=cel", "--start-over"]) == 0
    assert set(hashes(tmp_path)) == set(before) and hashes(tmp_path) != before


def test_bad_input_is_a_sentence(scene: bpy.types.Scene, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="not saved yet"):
        batch.sequence("//frames", (1, 2))
    with pytest.raises(Fault, match="has no frames"):
        batch.sequence(tmp_path / "a", (5, 4))
    with pytest.raises(Fault, match="No folder is chosen"):
        batch.sequence("  ", (1, 2))
    (tmp_path / "file").write_text("a file")
    with pytest.raises(Fault, match="Nothing can be written"):
        batch.sequence(tmp_path / "file", (1, 2))
    scene.camera = None
    with pytest.raises(Fault, match="no camera"):
        batch.sequence(tmp_path / "b", (1, 2))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--frames", "1-2"], "The frames would be lost"),
        (["--frames", "x-2", "--out", "OUT"], "no range of frames"),
        (["--frames", "1-2", "--out", "OUT", "--save-as", "a.png"], "--save-as names the Blender file"),
        (["--frames", "1-2", "--out", "OUT", "--image", "a.png"], "rendered, not made from a picture"),
    ],
)
def test_words_that_make_no_sense(
    words: list[str], says: str, tmp_path: Path, addon: None, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["render", *(str(tmp_path) if word == "OUT" else word for word in words)]) == 1
    assert says in capfd.readouterr().err


# ------------------------------------------------------------------------------------------------------ into the file


def test_the_file_gets_an_image_that_plays_and_a_strip_in_a_scene_of_its_own(
    scene: bpy.types.Scene, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scene.render.resolution_percentage = 50
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    words = ["render", "--frames", "3-5", "--out", str(tmp_path / "out"), "--save-as", str(tmp_path / "made.blend")]
    assert cli.main([*words, "--strip", "--name", "take", "--param", "style=cel"]) == 0
    capfd.readouterr()
    image = next(image for image in bpy.data.images if image.source == "SEQUENCE")
    assert (image.name, image[FIRST], image[LENGTH]) == ("take", 3, 3)
    assert Path(bpy.path.abspath(image.filepath)) == tmp_path / "out" / "take_0003.png"
    assert json.loads(image["aigc"])["provenance"]["model"] == "stylise"
    edit = bpy.data.scenes["take Edit"]
    assert image_pixels(tmp_path / "out" / "take_0003.png").shape[:2] == (SIZE[1] // 2, SIZE[0] // 2)
    render = edit.render
    assert (render.resolution_x, render.resolution_y, render.resolution_percentage) == (*SIZE, 50)
    editor = edit.sequence_editor
    (strip,) = editor.strips if hasattr(editor, "strips") else editor.sequences
    assert (strip.frame_start, strip.frame_final_duration) == (3, 3)
    assert [element.filename for element in strip.elements] == [f"take_{frame:04d}.png" for frame in (3, 4, 5)]
    own = scene.sequence_editor
    assert own is None or not len(own.strips if hasattr(own, "strips") else own.sequences)
    behind_camera(scene.camera.data, image)
    behind_camera(scene.camera.data, image)
    (background,) = scene.camera.data.background_images
    user = background.image_user
    assert (user.frame_start, user.frame_duration, user.frame_offset) == (3, 3, 2)
    assert (tmp_path / "made.blend").is_file()  # the command has looked into it


@pytest.mark.parametrize("cut", [False, True])
def test_frames_rendered_in_kept_copies_are_the_same(scene: bpy.types.Scene, cut: bool) -> None:
    """Bit for bit, whatever Blender and Cycles remember of the frame before; also over a cut to another camera."""
    if cut:
        other = scene.camera.copy()
        other.animation_data_clear()
        other.location.x = 1.5
        scene.collection.objects.link(other)
        for frame, camera in ((1, scene.camera), (4, other)):
            scene.timeline_markers.new("cut", frame=frame).camera = camera
    before = state_beside_copies()
    kept, anew = Frames(scene, Render(), keep=True), Frames(scene, Render(), keep=False)
    made = [kept.blob(frame)[0] for frame in (3, 4, 5)]
    kept.close()
    assert differences(before, state_beside_copies()) == []
    assert made == [anew.blob(frame)[0] for frame in (3, 4, 5)]
    assert len(set(made)) == 3


def test_a_failing_frame_leaves_nothing_behind(scene: bpy.types.Scene) -> None:
    frames = Frames(scene, Render(), keep=True)
    frames.blob(2)
    before = len(bpy.data.scenes)
    scene.objects["Cube"].hide_render = scene.objects["Sphere"].hide_render = scene.objects["Plane"].hide_render = True
    with pytest.raises(Fault, match="Nothing is visible"):
        frames.blob(3)
    assert before > 1 == len(bpy.data.scenes)
    assert scene.frame_current == 1
