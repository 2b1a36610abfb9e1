"""From a render to a stylised picture in the file: real renders, a real server, no interface."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from scene_state import differences, state_beside_copies

from blender_aigc import after_render, batch, cli, watch
from blender_aigc.apply.show import image_of
from blender_aigc.state import STATE

SIZE = (131, 97)


@pytest.fixture
def scene(studio: Path) -> bpy.types.Scene:
    """A ball and a cube before a camera, at an odd size."""
    made = bpy.context.scene
    bpy.ops.mesh.primitive_uv_sphere_add(radius=1.0, location=(-0.9, 0, 0))
    bpy.ops.mesh.primitive_cube_add(size=1.4, location=(1.1, 0, 0), rotation=(0, 0, 0.6))
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0))
    bpy.ops.object.camera_add(location=(0, -7, 0), rotation=(np.pi / 2, 0, 0))
    made.camera = bpy.context.object
    made.render.engine = "CYCLES"
    made.cycles.samples = 2
    made.cycles.use_denoising = False
    made.render.resolution_x, made.render.resolution_y = SIZE
    made.render.film_transparent = True
    made.view_settings.view_transform = "Standard"
    return made


def pixels(image: bpy.types.Image) -> np.ndarray:
    """(H, W, 4) float32, row 0 on top."""
    flat = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(image.size[1], image.size[0], 4)[::-1]


def plain_picture(folder: Path) -> Path:
    """A 40 x 30 PNG, half orange, half blue."""
    from server.png import encode_png

    rgba = np.full((30, 40, 4), 255, np.uint8)
    rgba[:, :20, :3], rgba[:, 20:, :3] = (230, 120, 40), (40, 90, 200)
    (folder / "plain.png").write_bytes(encode_png(rgba))
    return folder / "plain.png"


def png_size(path: Path) -> tuple[int, int]:
    return struct.unpack(">II", path.read_bytes()[16:24])


def test_a_script_gets_the_picture_of_the_camera(scene: bpy.types.Scene) -> None:
    """The size of the render, its transparency, led by its passes; and the scene as it was."""
    before = state_beside_copies()
    (image,) = batch.generate("render_image", "stylise", params={"style": "ink"}, name="Drawing")
    assert (image.name, tuple(image.size)) == ("Drawing", SIZE)
    assert image.packed_file is not None and image.use_fake_user
    shown = pixels(image)
    assert shown[0, 0, 3] == 0 and shown[48, 35, 3] == 1
    assert len(np.unique((shown[40:60, 20:50, 0] * 255).round())) > 3
    bpy.data.images.remove(image)
    assert differences(before, state_beside_copies()) == []


def test_the_passes_reach_the_model(scene: bpy.types.Scene) -> None:
    """Not the picture alone: depth, normals and ids arrive and are used."""
    status = batch.run("render_image", "stylise", params={"style": "cel"})
    given = set(status.result.report["passes"].split(", "))
    assert {"depth", "normal", "object_id", "material_id", "line"} <= given
    assert status.result.report["notes"] == ""


def test_a_picture_stands_in_for_the_render(studio: Path, tmp_path: Path) -> None:
    """No camera is needed then; the report says what was missing."""
    status = batch.run("render_image", "stylise", image=plain_picture(tmp_path), params={"style": "pencil"})
    assert status.result.report["passes"] == "none" and "without" in status.result.report["notes"]
    (image,) = batch.place(status)
    assert tuple(image.size) == (40, 30)


def test_the_colours_of_a_reference_arrive(studio: Path, tmp_path: Path) -> None:
    """A grey ramp in the colours of the reference is not grey any more."""
    ramp = bpy.data.images.new("ramp", 64, 32)
    level = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(32, 0)
    ramp.pixels.foreach_set(np.stack([level, level, level, np.ones_like(level)], -1).ravel())
    (image,) = batch.generate(
        "render_image", image=ramp, reference=plain_picture(tmp_path), params={"style": "palette", "colours": 4}
    )
    shown = pixels(image)
    assert np.ptp(shown[..., :3], axis=-1).max() > 0.3


def test_a_cancelled_picture_leaves_the_file_as_it_was(scene: bpy.types.Scene) -> None:
    """Cancelled while the server draws, and the user's render before it."""
    bpy.ops.render.render()
    before = state_beside_copies()

    def cancel(_job: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.generate("render_image", "stylise", inputs={"passes": batch.Render("last")}, progress=cancel)
    assert differences(before, state_beside_copies()) == []
    assert any(image.type == "RENDER_RESULT" for image in bpy.data.images)


def test_stills_do_not_evaluate_other_frames(scene: bpy.types.Scene) -> None:
    """Motion vectors are for sequences: a simulation would be moved to the frames before and after for nothing."""
    frames = set()

    def note(where: bpy.types.Scene, _graph: object) -> None:
        frames.add(where.frame_current)

    bpy.app.handlers.frame_change_post.append(note)
    status = batch.run("render_image", "stylise", params={"style": "palette"})
    bpy.app.handlers.frame_change_post.remove(note)
    assert "vector" not in status.result.report["passes"] and frames <= {scene.frame_current}


def test_no_camera_is_said_before_anything_else(studio: Path) -> None:
    """A sentence, and the file as it was."""
    with pytest.raises(batch.Fault) as caught:
        batch.run("render_image", "stylise")
    assert caught.value.code == "bad_input"
    assert not bpy.data.images


def test_the_button_makes_it_from_the_settings_of_the_tab(scene: bpy.types.Scene) -> None:
    """FINISHED when the picture is in the file; Remove takes it out again."""
    scene.aigc.task = "render_image"
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    job_id = STATE.results[0].job_id
    assert image_of(job_id) is image_of("") and tuple(image_of(job_id).size) == SIZE
    assert bpy.ops.aigc.run_again(job_id=job_id) == {"FINISHED"}
    first, second = (image_of(record.job_id) for record in STATE.results)
    assert first != second and (pixels(first) == pixels(second)).all()
    bpy.ops.aigc.remove_result(job_id=job_id)
    assert image_of(job_id) is None


def test_f12_is_followed_up_only_when_asked_for(scene: bpy.types.Scene) -> None:
    """The hook takes a note; rendering passes for a job does not trigger it again."""
    seen = []
    scene.aigc.after_render = True
    bpy.app.handlers.render_complete.append(lambda *_: seen.append(1))
    batch.run("render_image", "stylise", params={"style": "cel"})
    bpy.app.handlers.render_complete.pop()
    assert seen == [], "rendering the passes must not look like F12"
    assert after_render._render_done in bpy.app.handlers.render_complete
    assert STATE.rendered == 0, "in the background there is no timer, so nothing is noted"


def test_the_command_line_writes_the_picture(scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    """A PNG where it was wanted; and a .blend that holds it."""
    out, blend = tmp_path / "new folder/out.png", tmp_path / "out.blend"
    words = ["render-image", "--model", "stylise", "--param", "style=ink"]
    assert cli.main([*words, "--save-as", str(out)]) == 0
    assert capfd.readouterr().out.splitlines() == [str(out)]
    assert png_size(out) == SIZE
    assert cli.main([*words, "--name", "Kept", "--save-as", str(blend)]) == 0
    copy = blend.rename(tmp_path / "copy.blend")  # Blender does not look into the file that is open
    with bpy.data.libraries.load(str(copy)) as (stored, _):
        assert "Kept" in stored.images
    assert cli.main([*words, "--save-as", str(tmp_path / "out.docx")]) == 1
    assert "cannot be saved as .docx" in capfd.readouterr().err


def test_without_blender_the_same_file_works(tmp_path: Path) -> None:
    """`python -m server run render_image` on a plain picture, in Blender's own Python."""
    np.save(tmp_path / "p.npy", load_image_of(plain_picture(tmp_path)))
    words = [sys.executable, "-m", "server", "run", "render_image", "--model", "stylise"]
    for option in ("--image", "--passes"):
        out = tmp_path / option.strip("-")
        done = subprocess.run(
            [*words, option, str(tmp_path / "p.npy"), "--out", str(out)],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        (made,) = out.glob("*.png")
        assert png_size(made) == (40, 30)


def load_image_of(path: Path) -> np.ndarray:
    from blender_aigc.gather.image import image_pixels

    return image_pixels(path)


def test_a_render_in_the_background_is_followed_up(scene: bpy.types.Scene, tmp_path: Path) -> None:
    """`blender -b -f 1` writes the frame, and the picture beside it; the picture is made from that very render."""
    scene.aigc.after_render = True
    scene.render.filepath = str(tmp_path / "frame_")
    bpy.ops.render.render(write_still=True)
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["frame_.png", "frame__aigc.png"]
    assert png_size(tmp_path / "frame__aigc.png") == SIZE
    assert STATE.fault is None and tuple(image_of("").size) == SIZE


def test_without_the_box_a_render_is_only_a_render(scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.render.filepath = str(tmp_path / "frame_")
    assert not scene.aigc.after_render
    bpy.ops.render.render(write_still=True)
    assert [path.name for path in tmp_path.iterdir()] == ["frame_.png"]
    assert STATE.fault is None and STATE.results == [] and image_of("") is None


def test_the_picture_is_made_from_that_very_render(scene: bpy.types.Scene, tmp_path: Path) -> None:
    """Where nothing may change, it is the frame, though the scene would render differently by now."""
    watch.know_models()
    scene.aigc.after_render, scene.aigc.model_id, scene.aigc.params.stylise.strength = True, "stylise", 0.0
    scene.render.filepath = str(tmp_path / "frame_")

    def darken(*_: object) -> None:
        next(obj for obj in scene.objects if obj.type == "LIGHT").data.energy = 0.1

    bpy.app.handlers.render_complete.insert(0, darken)
    try:
        bpy.ops.render.render(write_still=True)
    finally:
        bpy.app.handlers.render_complete.remove(darken)
    frame, drawn = (load_image_of(tmp_path / name) for name in ("frame_.png", "frame__aigc.png"))
    assert np.abs(frame.astype(int) - drawn).max() <= 1


def test_a_broken_follow_up_leaves_the_render_alone(scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    """The frame is written, and one sentence says why there is no picture."""
    scene.aigc.after_render, scene.aigc.model_id = True, "stylise"
    scene.aigc.mask = "SELECTED"
    for obj in scene.objects:
        obj.select_set(False)
    scene.render.filepath = str(tmp_path / "frame.png")
    bpy.ops.render.render(write_still=True)
    assert (tmp_path / "frame.png").is_file() and [p.name for p in tmp_path.glob("*_aigc*")] == []
    assert "Nothing is selected" in capfd.readouterr().err and "Nothing is selected" in STATE.fault.message


def test_the_button_of_the_render_properties(scene: bpy.types.Scene) -> None:
    """Whatever the tab is about."""
    scene.aigc.task = "image_to_mesh"
    assert bpy.ops.aigc.render_picture() == {"FINISHED"}
    assert tuple(image_of("").size) == SIZE
