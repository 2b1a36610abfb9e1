"""From a sentence to a drawn film: control frames as files, and the whole way in one command, with a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from live_server import ODD_FOLDER, new_session, ready, until  # noqa: E402
from plans import plan  # noqa: E402
from scene_state import differences, state_beside_copies  # noqa: E402
from test_panels import draw  # noqa: E402

from blender_aigc import batch, cli, film, panels_plan, physics  # noqa: E402
from blender_aigc.control_frames import KINDS, PAGE, depth_picture  # noqa: E402
from blender_aigc.gather.png import grey_png  # noqa: E402
from blender_aigc.launcher import lock_is_free  # noqa: E402
from blender_aigc.plan import validate  # noqa: E402
from blender_aigc.protocol import Fault  # noqa: E402
from blender_aigc.state import STATE  # noqa: E402
from blender_aigc.styles import closest, read_styles  # noqa: E402

SIZE = (96, 54)
FRAMES = 5
THROWN = plan(
    {"shape": "table"},
    {
        "shape": "basketball",
        "place": {"relation": "at", "offset_m": [0, 0, 1.6]},
        "rigid": {"velocity_m_s": [0, -6, 0]},
    },
    frames=FRAMES,
    render={"samples": 1, "width_px": SIZE[0], "height_px": SIZE[1]},
    camera={"view": "front"},
)


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data") / ODD_FOLDER
    keeper = ready(new_session(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_DATA", str(folder))
        yield folder
        batch.close()
    keeper.close(stop_idle=True)
    until(lambda: lock_is_free(folder))


def thrown() -> bpy.types.Collection:
    """A ball thrown at the camera, over a table."""
    built = physics.run(bpy.context, validate(THROWN))
    bake = physics.new_bake(bpy.context, built.collection)
    bake.wait()
    physics.apply(bpy.context, built.collection, bake.folder)
    return built.collection


def picture(path: Path) -> np.ndarray:
    """(H, W) as stored, read by another reader than ours."""
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    values = np.empty(4 * image.size[0] * image.size[1], np.float32)
    image.pixels.foreach_get(values)
    shape = (image.size[1], image.size[0], 4)
    bpy.data.images.remove(image)
    return values.reshape(shape)[::-1, :, 0]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_grey_picture_is_read_back_as_it_was(kind: type, tmp_path: Path) -> None:
    top = np.iinfo(kind).max
    values = np.random.default_rng(1).integers(0, top, (7, 13), dtype=kind)
    (tmp_path / "a.png").write_bytes(grey_png(values))
    assert np.rint(picture(tmp_path / "a.png") * top).astype(kind).tolist() == values.tolist()


def test_near_is_white_and_the_background_black() -> None:
    shown = depth_picture(np.array([[2.0, 4.0, 3.0, np.inf, 1.0, 9.0]]), 2.0, 4.0)
    assert shown.tolist() == [[65535, 1, 1 + round(65534 / 3), 0, 65535, 1]]


def test_control_frames_of_a_simulated_scene(tmp_path: Path) -> None:
    collection = thrown()
    before = state_beside_copies()
    made = film.control_frames(bpy.context.scene, collection, tmp_path / "c", 1, FRAMES)
    while not made.finished:
        made.step()
    assert made.fault is None and made.done == made.total == FRAMES
    assert differences(before, state_beside_copies()) == []
    assert all(path.is_file() for path in made.files()) and len(made.files()) == 3 * FRAMES + 1
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == [PAGE, *KINDS], "no leftovers"
    page = json.loads((tmp_path / "c" / PAGE).read_text())
    assert page["size_px"] == list(SIZE) and page["frames"] == [1, FRAMES] and page["mask"] == ["basketball"]
    near, far = page["depth"]["near_m"], page["depth"]["far_m"]
    camera = bpy.context.scene.camera
    for frame in (1, FRAMES):
        mask = picture(tmp_path / "c" / "mask" / f"{frame:04d}.png") > 0.5
        depth = picture(tmp_path / "c" / "depth" / f"{frame:04d}.png") * 65535
        assert 3 < mask.sum() < 0.3 * mask.size, "the ball and not the table"
        bpy.context.scene.frame_set(frame)
        there = (camera.matrix_world.inverted() @ bpy.data.objects["basketball"].matrix_world).translation
        metres = 1 / (1 / far + (depth[mask].max() - 1) / 65534 * (1 / near - 1 / far))
        assert metres == pytest.approx(-there.z - 0.12, abs=0.03), "one scale for all frames"
        assert picture(tmp_path / "c" / "line" / f"{frame:04d}.png").max() == 1.0


def test_a_range_without_frames_and_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    collection = thrown()
    with pytest.raises(Fault, match="no frames"):
        film.control_frames(bpy.context.scene, collection, tmp_path / "c", 5, 1)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Fault) as told:
        film.control_frames(bpy.context.scene, collection, tmp_path / "file", 1, 2)
    assert told.value.code == "disk_full"


def test_stopping_leaves_no_half_files(tmp_path: Path) -> None:
    collection = thrown()
    made = film.control_frames(bpy.context.scene, collection, tmp_path / "c", 1, FRAMES)
    made.step()
    made.cancel()
    made.step()
    assert made.finished and made.fault is not None and made.fault.code == "cancelled"
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == list(KINDS)


def test_depths_have_one_range_for_the_whole_clip() -> None:
    collection = thrown()
    bpy.context.scene.frame_set(2)
    near, far = film.depth_range_m(bpy.context.scene, collection, 1, FRAMES)
    assert bpy.context.scene.frame_current == 2
    render = film.render_of(bpy.context.scene, collection, 1, FRAMES, 0)
    from blender_aigc.gather.passes import passes_meta
    from blender_aigc.gather.rendered import rendered

    passes = rendered(render, bpy.context.scene)
    assert passes_meta(passes)["depth_range_m"] == [near, far]
    camera = bpy.context.scene.camera.matrix_world.inverted()
    depths = []
    for frame in (1, FRAMES):
        bpy.context.scene.frame_set(frame)
        depths.append(-(camera @ bpy.data.objects["basketball"].matrix_world).translation.z)
    assert near < min(depths) < max(depths) < far


@pytest.mark.parametrize(
    ("words", "style"),
    [
        ("charcoal drawing", "charcoal"),
        ("a pencil sketch", "pencil"),
        ("coloured pencils", "coloured_pencil"),
        ("colored pencil", "coloured_pencil"),
        ("comic", "comic"),
        ("watercolor on rough paper", "watercolour"),
        ("thick oil paint", "oil_painting"),
        ("pen and ink", "ink"),
        ("zorblax", None),
    ],
)
def test_words_find_the_style_of_the_gallery(words: str, style: str | None) -> None:
    styles, _ = read_styles([film.LIBRARY])
    found = closest(styles.values(), words)
    assert (found.id if found is not None else None) == style


# ---------------------------------------------------------------------------------------------------- the whole way


def test_from_a_sentence_to_a_drawn_film_in_one_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "film of mine"
    words = ["physics", "--prompt", "A basketball falls and bounces", "--bake", "--stylise", "charcoal drawing"]
    words += ["--control", "--frames", "1-4", "--longest-px", "96", "--out", str(out), "--seed", "3"]
    assert cli.main(words) == 0, capfd.readouterr().err
    told = capfd.readouterr()
    assert "Style: Charcoal" in told.err and "stylise 100%" in told.err
    assert {p.name for p in out.iterdir()} >= {
        "control",
        "plan.json",
        "stylised",
    }
    drawn = sorted((out / "stylised").glob("*.png"))
    assert len(drawn) == 4 and all(str(path) in told.out for path in drawn)
    assert len(list((out / "control").rglob("*.png"))) == 12
    first, last = (picture(path) for path in (drawn[0], drawn[-1]))
    assert first.shape == (54, 96) and np.abs(first - last).mean() > 1e-3, "it moves"
    page = json.loads((out / "stylised" / "sequence.json").read_text())
    assert page["settings"]["prompt"] == "A basketball falls and bounces, charcoal drawing"
    assert page["settings"]["params"]["style"] == "pencil"
    assert cli.main(words) == 0, "again: the frames that are done are kept"
    words[words.index("--seed") + 1] = "4"
    capfd.readouterr()
    assert cli.main(words) == 1 and "or say --start-over" in capfd.readouterr().err
    assert cli.main([*words, "--start-over"]) == 0
    assert json.loads((out / "stylised" / "sequence.json").read_text())["settings"]["seed"] == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--stylise", "ink"], "would be lost"),
        (["--control", "--save-as", "OUT/a.blend"], "would be lost"),
        (["--stylise", "ink", "--frames", "x", "--out", "OUT"], "no range of frames"),
        (["--stylise", "ink", "--style", "nope", "--out", "OUT"], "no style 'nope'"),
        (["--stylise", "ink", "--stylise-model", "nope", "--out", "OUT"], "no model 'nope'"),
        (["--stylise", "ink", "--stylise-param", "nope=1", "--out", "OUT"], "no parameter 'nope'"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(words: list[str], told: str, tmp_path: Path, capfd) -> None:
    (tmp_path / "plan.json").write_text(validate(THROWN).to_json(), encoding="utf-8")
    said = ["physics", "--plan", str(tmp_path / "plan.json"), *(word.replace("OUT", str(tmp_path)) for word in words)]
    objects = len(bpy.data.objects)
    assert cli.main(said) == 1
    assert told in capfd.readouterr().err
    assert len(bpy.data.objects) == objects


def test_the_panel_draws_the_film_and_its_buttons_work(addon: None, tmp_path: Path) -> None:
    settings = bpy.context.scene.aigc
    settings.plan = bpy.data.texts.new("plan.json")
    settings.plan.from_string(validate(THROWN).to_json())
    assert "aigc.stylise_plan" not in [word for _, word in draw(panels_plan.AIGC_PT_plan, folded=False)]
    assert bpy.ops.aigc.run_plan() == {"FINISHED"} and bpy.ops.aigc.bake() == {"FINISHED"}
    shown = [word for _, word in draw(panels_plan.AIGC_PT_plan, folded=False)]
    assert {"look", "frames_folder", "aigc.stylise_plan", "aigc.control_frames"} <= set(shown)
    settings.frames_folder, settings.look, settings.longest_px = str(tmp_path / "f"), "watercolour", 96
    bpy.context.scene.frame_end = 3
    assert bpy.ops.aigc.control_frames() == {"FINISHED"} and (tmp_path / "f" / "control" / PAGE).is_file()
    assert bpy.ops.aigc.stylise_plan() == {"FINISHED"}, STATE.fault
    assert len(list((tmp_path / "f").glob("*.png"))) == 3
    page = json.loads((tmp_path / "f" / "sequence.json").read_text())
    shown = [word for _, word in draw(panels_plan.AIGC_PT_plan, folded=False)]
    assert {"3 control frames are written", "3 of 3 frames", "aigc.place_sequence"} <= set(shown)
    assert page["settings"]["params"]["style"] == "watercolour" and page["settings"]["prompt"] == "Test, watercolour"


def test_without_a_scene_or_a_folder_it_says_so(addon: None) -> None:
    for press in (bpy.ops.aigc.stylise_plan, bpy.ops.aigc.control_frames):
        with pytest.raises(RuntimeError, match=r"No plan has been run|not saved yet"):
            press()
