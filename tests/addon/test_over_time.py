"""Settings that change with the frame: keyframes count in stills at their frame, and in sequences frame by frame."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from live_server import new_session, ready, until
from moving_scene import SIZE, build
from scene_state import differences, state_beside_copies

from blender_aigc import batch, cli, watch
from blender_aigc.gather.image import image_pixels
from blender_aigc.launcher import lock_is_free
from blender_aigc.operators_command import as_text, command_of
from blender_aigc.over_time import over_time
from blender_aigc.protocol import Fault
from blender_aigc.sequence.folder import PAGE
from blender_aigc.state import STATE


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
    """`stylise` is chosen; its strength goes from 0 at frame 1 to 1 at frame 5, the seed from 3 to 11."""
    made = build(5)
    watch.know_models()
    made.aigc.model_id = "stylise"
    group = made.aigc.params.stylise
    group.style = "palette"
    for frame, strength, seed in ((1, 0.0, 3), (5, 1.0, 11)):
        group.strength, made.aigc.seed = strength, seed
        group.keyframe_insert("strength", frame=frame)
        made.aigc.keyframe_insert("seed", frame=frame)
    _straighten(made)
    made.frame_set(1)
    return made


def _straighten(scene: bpy.types.Scene) -> None:
    for curve in curves_of(scene):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"


def curves_of(scene: bpy.types.Scene) -> list[bpy.types.FCurve]:
    action = scene.animation_data.action
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    return list(action.layers[0].strips[0].channelbag(scene.animation_data.action_slot).fcurves)


def page_of(folder: Path) -> dict:
    return json.loads((folder / PAGE).read_text(encoding="utf-8"))


def test_any_frame_can_be_asked_and_the_scene_stays(scene: bpy.types.Scene) -> None:
    driven = scene.aigc.params.stylise.driver_add("detail").driver
    driven.expression = "frame / 10"
    scene.frame_set(1)
    before = state_beside_copies()
    with over_time(scene, STATE.models["stylise"]) as settings_at:
        assert settings_at.changes
        found = {frame: settings_at.at(frame) for frame in (5, 2, 1)}
    assert differences(before, state_beside_copies()) == []
    assert [found[frame].params["strength"] for frame in (1, 2, 5)] == [0.0, 0.25, 1.0]
    assert [found[frame].seed for frame in (1, 2, 5)] == [3, 5, 11]
    assert [round(float(found[frame].params["detail"]), 4) for frame in (1, 2, 5)] == [0.1, 0.2, 0.5]
    assert found[1].params["style"] == "palette"


def test_a_curve_that_overshoots_stays_in_the_range(scene: bpy.types.Scene) -> None:
    next(c for c in curves_of(scene) if "strength" in c.data_path).keyframe_points[1].co.y = 7.0
    with over_time(scene, STATE.models["stylise"]) as settings_at:
        assert settings_at.at(5).params["strength"] == 1.0


def test_a_sequence_follows_the_keyframes(scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    """At strength 0 the frame is the render, at 1 it is not; going on compares what each frame was made with."""
    out, plain = tmp_path / "out", tmp_path / "plain.png"
    words = ["render-sequence", "--out", str(out), "--as-saved", "--param", "compare=none", "--param", "steadiness=0"]
    assert cli.main([*words, "--frames", "1-3"]) == 0
    scene.frame_set(4)  # where the file happens to stand means nothing
    assert cli.main([*words, "--frames", "1-5"]) == 0
    assert "3 of 5 frames are done already" in capfd.readouterr().err
    frames = page_of(out)["frames"]
    changes = [frames[str(frame)].get("changes", {}) for frame in range(1, 6)]
    assert [one.get("strength", 0) for one in changes] == [0, 0.25, 0.5, 0.75, 1]
    assert [one.get("seed", 3) for one in changes] == [3, 5, 7, 9, 11]
    scene.frame_set(1)
    scene.render.filepath = str(plain)
    bpy.ops.render.render(write_still=True)
    first, last = (image_pixels(next(out.glob(f"*_000{frame}.png"))).astype(int) for frame in (1, 5))
    assert np.abs(first[..., :3] - image_pixels(plain)[..., :3]).max() <= 1
    assert first.shape == (SIZE[1], SIZE[0], 4) and np.abs(last - first).max() > 20

    next(c for c in curves_of(scene) if "strength" in c.data_path).keyframe_points[1].co.y = 0.5
    assert cli.main([*words, "--frames", "1-5"]) == 1
    told = capfd.readouterr().err
    assert "other keyframes" in told and "strength" in told and "--start-over" in told
    assert cli.main([*words, "--frames", "1-5", "--param", "strength=0.2", "--start-over"]) == 0
    assert not any("strength" in entry.get("changes", {}) for entry in page_of(out)["frames"].values())


@pytest.mark.parametrize("what", ["after render", "command line"])
def test_a_still_is_of_its_own_frame(scene: bpy.types.Scene, tmp_path: Path, what: str) -> None:
    """`blender -b FILE -f 4`, where the file itself stands at frame 1: parameters, prompt and passes are of frame 4."""
    scene.aigc.task = "render_image"
    scene.aigc.prompt_text = bpy.data.texts.new("words")
    scene.aigc.prompt_text.from_string("1: a calm sea\n4: a storm")
    if what == "after render":
        scene.aigc.after_render, scene.frame_start, scene.frame_end = True, 4, 4
        scene.render.filepath = str(tmp_path / "frame_")
        bpy.ops.render.render(animation=True)
        assert (tmp_path / "frame_0004_aigc.png").is_file() and STATE.fault is None
        job = STATE.results[0].status.result.job
        npz = Path(STATE.session.data) / "blobs" / f"{job.inputs['passes'].sha256}.npz"
        with np.load(npz) as passes:
            assert json.loads(passes["meta"].tobytes())["frame"] == 4
    else:
        scene.frame_set(4)
        assert cli.main(["render", "--as-saved", "--out", str(tmp_path)]) == 0
        job_page = json.loads((tmp_path / "result.json").read_text())["job"]
        assert (job_page["params"]["strength"], job_page["seed"]) == (0.75, 9)
        assert job_page["prompt"] == "a storm"
        return
    assert (job.params["strength"], job.seed, job.prompt) == (0.75, 9, "a storm")


def test_the_command_is_copied_and_does_what_the_tab_says(scene: bpy.types.Scene, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="not saved"):
        command_of(scene)
    scene.aigc.task, scene.aigc.frames_folder = "render_sequence", "//drawn frames/"
    scene.frame_end = 2
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "my shot.blend"))
    words = command_of(scene)
    assert shlex.split(as_text(words)) == words if os.name == "posix" else '"' in as_text(words)
    assert words[1:5] == ["-b", str(tmp_path / "my shot.blend"), "-c", "aigc"]
    assert cli.main(words[5:]) == 0
    assert len(list((tmp_path / "drawn frames").glob("*_000?.png"))) == 2
    assert page_of(tmp_path / "drawn frames")["settings"]["params"]["style"] == "palette"
    scene.aigc.task = "render_image"
    assert cli.main(command_of(scene)[5:]) == 0 and (tmp_path / "my shot_aigc.png").is_file()
    assert bpy.ops.aigc.copy_command() == {"FINISHED"}
    scene.aigc.source, scene.aigc.image = "PICTURE", bpy.data.images.new("A picture", 21, 13)
    assert cli.main(command_of(scene)[5:]) == 0
    assert image_pixels(tmp_path / "my shot_aigc.png").shape[:2] == (13, 21), "of the picture that the tab names"
    scene.aigc.image = None
    assert cli.main(command_of(scene)[5:]) == 1


def test_words_win_over_what_is_saved(scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.aigc.prompt, scene.aigc.longest_px = "a cat", 40
    bpy.ops.object.select_all(action="DESELECT")
    bpy.data.objects["Sphere"].select_set(True)
    scene.aigc.mask = "SELECTED"
    words = ["render", "--as-saved", "--prompt", "a dog", "--seed", "0", "--param", "strength=0.9"]
    assert cli.main([*words, "--out", str(tmp_path)]) == 0
    page = json.loads((tmp_path / "result.json").read_text())
    assert (page["job"]["prompt"], page["job"]["seed"], page["job"]["params"]["strength"]) == ("a dog", 0, 0.9)
    assert page["job"]["params"]["style"] == "palette"
    assert image_pixels(next(tmp_path.glob("*.png"))).shape[1] == 40
