"""What people arrive with, by the button and by the command: a picture, or one sentence and a way out.

Real scenes, one real server for the module. Whatever is refused leaves everything in the file as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from live_server import new_session, ready, until
from scene_state import differences, state_beside_copies
from test_passes_scene import _looks_away, _no_camera, _one_pixel, _sixteen_k, _unselected

from blender_aigc import batch, cli, watch
from blender_aigc.apply.show import image_of
from blender_aigc.cli_hints import INSTEAD
from blender_aigc.gather.passes import passes_blob
from blender_aigc.gather.rendered import rendered
from blender_aigc.gather.sources import Render
from blender_aigc.launcher import lock_is_free
from blender_aigc.state import STATE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    data = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_DATA", str(data))
        keeper = ready(new_session(data))
        yield data
        batch.close()
        keeper.close(stop_idle=True)
        until(lambda: lock_is_free(data))


@pytest.fixture
def scene(server: Path, addon: None) -> bpy.types.Scene:
    """A box before a camera, selected; never saved; the tab is about its picture."""
    made = bpy.context.scene
    bpy.ops.mesh.primitive_cube_add(rotation=(0.4, 0.2, 0.5))
    bpy.context.object.name = "Box"
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0))
    bpy.ops.object.camera_add(location=(0, -6, 0), rotation=(np.pi / 2, 0, 0))
    made.camera = bpy.context.object
    made.render.engine, made.cycles.samples, made.cycles.use_denoising = "CYCLES", 1, False
    made.render.resolution_x, made.render.resolution_y = 40, 30
    made.aigc.task, made.aigc.model_id = "render_image", "stylise"
    for obj in made.objects:
        obj.select_set(obj.name == "Box")
    watch.know_models()  # their parameters appear in the tab, whatever comes of a job
    return made


def _empty_scene(scene: bpy.types.Scene) -> None:
    bpy.data.objects.remove(bpy.data.objects["Box"])


def _mask_of_nothing(scene: bpy.types.Scene) -> None:
    scene.aigc.mask = "SELECTED"
    _unselected(scene)


def _mask_out_of_view(scene: bpy.types.Scene) -> None:
    scene.aigc.mask = "SELECTED"
    bpy.ops.mesh.primitive_ico_sphere_add(location=(0, -20, 0))
    for obj in scene.objects:
        obj.select_set(obj == bpy.context.object)


def _painted(scene: bpy.types.Scene, grey: float | None) -> None:
    scene.aigc.mask = "PAINTED"
    if grey is not None:
        scene.aigc.mask_image = bpy.data.images.new("Painted", 40, 30)
        scene.aigc.mask_image.generated_color = (grey, grey, grey, 1)


def _black_mask(scene: bpy.types.Scene) -> None:
    _painted(scene, 0.0)


def _white_mask(scene: bpy.types.Scene) -> None:
    _painted(scene, 1.0)


def _no_painted_mask(scene: bpy.types.Scene) -> None:
    _painted(scene, None)


def _lost_picture(scene: bpy.types.Scene) -> None:
    """Beside a file that was never saved."""
    scene.aigc.source = "PICTURE"
    scene.aigc.image = bpy.data.images.new("Lost", 8, 8)
    scene.aigc.image.source, scene.aigc.image.filepath = "FILE", "//lost.png"


@pytest.mark.parametrize(
    ("change", "sentence", "way_out"),
    [
        (_no_camera, "no camera", "Add one"),
        (_looks_away, "Nothing is visible", "Point the camera"),
        (_empty_scene, "Nothing is visible", "Point the camera"),
        (_one_pixel, "only 1 x 1", "Raise the resolution"),
        (_sixteen_k, "too large: 16384 x 16384", "Lower the resolution"),
        (_mask_of_nothing, "Nothing is selected", "Select the objects"),
        (_mask_out_of_view, "The mask is empty", "Select others"),
        (_black_mask, "The mask is empty", "Paint white"),
        (_white_mask, "covers the whole", "Choose no mask"),
        (_no_painted_mask, "No mask is painted", "Choose a picture"),
        (_lost_picture, "cannot be read", "exists"),
    ],
)
def test_one_sentence_and_a_way_out(
    scene: bpy.types.Scene,
    change: Callable[[bpy.types.Scene], None],
    sentence: str,
    way_out: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    change(scene)
    before = state_beside_copies()
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.aigc.generate()
    assert STATE.fault.code == "bad_input" and sentence in STATE.fault.message and way_out in STATE.fault.hint
    assert STATE.fault.message.count(".") <= 2 and "\n" not in STATE.fault.message
    capfd.readouterr()
    out = tmp_path / "out.png"
    assert cli.main(["render", "--as-saved", "--save-as", str(out)]) == 1
    said = capfd.readouterr().err
    hint = INSTEAD.get(STATE.fault.hint, STATE.fault.hint)
    assert f"Error: {STATE.fault.message}\n{hint}\n" in said and "Traceback" not in said
    assert not out.exists() and differences(before, state_beside_copies()) == []


def made(scene: bpy.types.Scene) -> np.ndarray:
    """(H, W, 4) float32: the picture that the button makes."""
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    image = image_of(STATE.results[0].job_id)
    flat = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(image.size[1], image.size[0], 4)


def _inside_a_mesh(scene: bpy.types.Scene) -> None:
    bpy.ops.mesh.primitive_cube_add(size=0.5, location=(0, -6, 0))


def _no_numbers(scene: bpy.types.Scene) -> None:
    """As broken caches and drivers leave them: corners that are nowhere, and a point beside them infinitely far."""
    bpy.ops.mesh.primitive_grid_add(location=(1.5, 0, 0))
    places = bpy.context.object.data.vertices
    places[3].co, places[7].co = (np.nan,) * 3, (np.inf,) * 3


def _no_prompt(scene: bpy.types.Scene) -> None:
    scene.aigc.prompt = ""


def _long_prompt(scene: bpy.types.Scene) -> None:
    scene.aigc.prompt = "word, " * 1666 + "word"


@pytest.mark.parametrize("change", [_inside_a_mesh, _no_numbers, _no_prompt, _long_prompt])
def test_a_picture_all_the_same(scene: bpy.types.Scene, change: Callable[[bpy.types.Scene], None]) -> None:
    """Before a background without end; the picture is whole, and its prompt the one that was written."""
    change(scene)
    shown = made(scene)
    assert shown.shape == (30, 40, 4) and np.isfinite(shown).all() and (shown[..., 3] == 1).all()
    result = STATE.results[0].status.result
    assert result.job.prompt == scene.aigc.prompt and result.report["notes"] == ""


def test_depth_that_is_none_is_background(scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    """Passes from elsewhere, as a file: NaN and both infinities draw like the background, and it is said."""
    passes = rendered(Render(), scene)
    names = [np.nan, -np.inf, np.inf]
    drawn = []
    for value in names:
        passes["depth"] = passes["depth"].copy()
        passes["depth"][10:14, 18:22] = value
        (tmp_path / "passes.npz").write_bytes(passes_blob(passes)[0])
        out = tmp_path / "out.png"
        words = ["render", "--passes", str(tmp_path / "passes.npz"), "--param", "style=pencil", "--save-as", str(out)]
        capfd.readouterr()
        assert cli.main(words) == 0
        said = "no valid distance" in capfd.readouterr().err
        assert said is not (value == np.inf)
        drawn.append(out.read_bytes())
    assert drawn[0] == drawn[1] == drawn[2]


def test_missing_textures_are_told_with_the_picture(scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    """In the results list and on the command line: three by name, the others counted, none that no shader has."""
    material = bpy.data.materials.new("Lost")
    material.use_nodes = True
    bpy.data.objects["Box"].data.materials.append(material)
    for number in range(5):
        image = bpy.data.images.new(f"Lost {number}.png", 8, 8)
        image.source, image.filepath = "FILE", str(tmp_path / image.name)
        material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    other = bpy.data.images.new("Unused.png", 8, 8)
    other.source, other.filepath, other.use_fake_user = "FILE", str(tmp_path / "Unused.png"), True
    made(scene)
    note = STATE.results[0].note
    assert note.startswith("Lost 0.png is missing and renders pink; ") and "2 more" in note and "Unused" not in note
    assert cli.main(["render", "--save-as", str(tmp_path / "out.png")]) == 0
    assert "Lost 2.png is missing" in capfd.readouterr().err


def test_a_folder_that_nothing_can_be_written_to(scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    """Below a file, where no user may make anything: said before anything is rendered; also of a sequence."""
    (tmp_path / "file").write_text("no folder")
    blocked = tmp_path / "file" / "frames"
    before = state_beside_copies()
    for words in (["--save-as", str(blocked / "out.png")], ["--frames", "1-2", "--out", str(blocked)]):
        assert cli.main(["render", *words]) == 1
        said = capfd.readouterr().err
        assert "could not be written" in said or "Nothing can be written" in said
        assert "Rendering" not in said and "Traceback" not in said
    assert differences(before, state_beside_copies()) == []
    scene.aigc.task, scene.aigc.frames_folder = "render_sequence", str(blocked)
    with pytest.raises(RuntimeError, match="Nothing can be written"):
        bpy.ops.aigc.render_sequence()
    assert STATE.fault.code == "disk_full" and STATE.fault.hint
    scene.aigc.frames_folder = "//frames"
    with pytest.raises(RuntimeError, match="not saved yet"):
        bpy.ops.aigc.render_sequence()
    assert "Save" in STATE.fault.hint or "folder" in STATE.fault.hint
