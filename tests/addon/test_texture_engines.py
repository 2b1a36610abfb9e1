"""Every engine that textures objects, from real Blender through a real server to tiny woken weights and back.

One server for the whole module: starting torch takes longer than all of the tiny networks together.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from live_server import new_session, ready, until
from test_texture_part import SIZE, colours, grid, noise, painted, right_half

from blender_aigc import batch, cli, preferences
from blender_aigc.environment import folder_environment
from blender_aigc.gather.sources import SELECTED, Part
from blender_aigc.launcher import lock_is_free
from blender_aigc.operators_views import draws_views, view_names
from blender_aigc.protocol import Fault
from blender_aigc.state import STATE
from server.registry import Registry

ENGINES = sorted(name for name, model in Registry().models.items() if model.info.does("texture_mesh"))
ROOT = Path(__file__).resolve().parents[2]
QUICK = {"texture_px": str(SIZE), "view_px": "64", "steps": 1, "cameras": "axes", "controls": "auto"}

pytestmark = pytest.mark.skipif(
    "AIGC_SERVER_PYTHON" not in os.environ, reason="AIGC_SERVER_PYTHON names no Python with torch"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The preferences name an environment and a folder with the weights of every engine."""
    weights, data = tmp_path_factory.mktemp("weights"), tmp_path_factory.mktemp("data")
    words = [os.environ["AIGC_SERVER_PYTHON"], str(Path(__file__).with_name("tiny_weights.py")), str(weights)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([*words, "texture_mesh"], cwd=ROOT, check=True, capture_output=True, env=env)
    chosen = preferences.Choices("FOLDER", Path(os.environ["AIGC_SERVER_PYTHON"]), weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_DATA", str(data))
        patch.setattr(preferences, "choices", lambda: chosen)
        arguments = ("--weights", str(weights))
        keeper = ready(new_session(data, folder_environment(str(chosen.folder)), server_arguments=arguments))
        yield data
        batch.close()
        keeper.close(stop_idle=True)
        until(lambda: lock_is_free(data))


@pytest.fixture
def plate(server: Path, addon: None) -> bpy.types.Object:
    return grid()


def options(model: str, **more: object) -> dict[str, object]:
    known = {param.key: param for param in batch.models()[model].params}
    wanted = {**QUICK, **more}
    kept = {key: value for key, value in wanted.items() if key in known}
    if "cameras" in known and "axes" not in {choice.id for choice in known["cameras"].choices}:
        kept["cameras"] = "camera"
    return kept


def given(model: str, mesh: object) -> dict[str, object]:
    """The inputs of `model`: one that only puts a picture on gets one, and the camera that sees it."""
    if model != "single_view":
        return {"mesh": mesh}
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Above", bpy.data.cameras.new("Above"))
    scene.camera.data.type, scene.camera.data.ortho_scale, scene.camera.location = "ORTHO", 2.0, (0, 0, 3)
    scene.render.resolution_x, scene.render.resolution_y = 64, 32
    scene.collection.objects.link(scene.camera)
    picture = noise("Picture")
    picture.scale(64, 32)
    return {"mesh": mesh, "picture": picture}


@pytest.mark.parametrize("model", ENGINES)
def test_every_engine_textures_an_object(plate: bpy.types.Object, model: str) -> None:
    (made,) = batch.generate(
        "texture_mesh", model, inputs=given(model, [plate]), prompt="red bricks", params=options(model)
    )
    assert made == plate and colours(plate).shape == (SIZE, SIZE, 4)
    assert np.ptp(colours(plate)[..., :3].astype(int)) > 2
    assert [layer.name for layer in plate.data.uv_layers] == ["Mine"]


@pytest.mark.parametrize("model", ["mv_adapter", "sequential_inpaint", "single_view"])
def test_engines_texture_an_atlas(plate: bpy.types.Object, model: str) -> None:
    other = beside(plate)
    values = options(model, textures="atlas", objects="together")
    made = batch.generate(
        "texture_mesh", model, inputs=given(model, [plate, other]), prompt="red bricks", params=values
    )
    assert made == [plate, other] and plate.material_slots[0].material == other.material_slots[0].material
    assert colours(plate).shape == (SIZE, SIZE, 4)
    for obj in made:
        assert np.ptp(under(obj)[..., :3].astype(int)) > 2 and list(obj.data.uv_layers.keys()) == ["Mine", "AIGC UV"]


def test_one_view_of_an_atlas_again_and_all_blended_again(plate: bpy.types.Object) -> None:
    """Both have words of their own, so that each is drawn by itself; the views of one do not touch the other."""
    other = beside(plate)
    in_the_tab("sdxl_sync", "red bricks; other: blue tiles", textures="atlas")
    other.select_set(True)
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    record = STATE.results[0]
    assert f"{other.name} top" in view_names(record)
    before = under(plate), under(other)
    assert bpy.ops.aigc.draw_view_again(job_id=record.job_id, view=f"{other.name} top") == {"FINISHED"}
    assert plate.material_slots[0].material == other.material_slots[0].material, "it stays one atlas"
    assert (under(plate) == before[0]).all() and (under(other) != before[1]).any(axis=2).mean() > 0.5
    assert list(other.data.uv_layers.keys()) == ["Mine", "AIGC UV"]
    weights = [{"name": name, "weight": float("top" in name)} for name in view_names(record)]
    assert bpy.ops.aigc.blend_again(job_id=record.job_id, sharpness=2, even_out=False, views=weights) == {"FINISHED"}
    assert plate.material_slots[0].material == other.material_slots[0].material
    assert list(plate.data.uv_layers.keys()) == ["Mine", "AIGC UV"]


def beside(plate: bpy.types.Object) -> bpy.types.Object:
    """A smaller one of its own above its middle."""
    other = grid()
    other.name, other.location.z, other.scale = "Other", 1, (0.5, 0.5, 0.5)
    bpy.context.view_layer.update()
    return other


def under(obj: bpy.types.Object) -> np.ndarray:
    """The colours of the rectangle that holds an object's UVs on the atlas."""
    uvs = np.empty(len(obj.data.loops) * 2, np.float32)
    obj.data.uv_layers["AIGC UV"].uv.foreach_get("vector", uvs)
    low, high = (edge(uvs.reshape(-1, 2), axis=0) * SIZE for edge in (np.min, np.max))
    (left, bottom), (right, top) = np.ceil(low).astype(int), np.floor(high).astype(int)
    return colours(obj)[SIZE - top : SIZE - bottom, left:right].copy()


@pytest.mark.parametrize("model", ENGINES)
def test_every_engine_works_on_a_part(plate: bpy.types.Object, model: str) -> None:
    painted(plate)
    before = colours(plate)
    plate.data.polygons.foreach_set("select", [False, True])
    inputs = given(model, Part((plate,), SELECTED))
    batch.generate("texture_mesh", model, inputs=inputs, prompt="red bricks", params=options(model))
    right_half((colours(plate) != before).any(axis=2))


def test_one_view_again_and_all_blended_again(plate: bpy.types.Object) -> None:
    """The buttons of a result: first the texture, then one of its views, then other weights."""
    in_the_tab("sdxl_sync", "red bricks")
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    record, first = STATE.results[0], colours(plate)
    assert draws_views(record) and set(view_names(record)) == {"front", "back", "left", "right", "top", "bottom"}
    with pytest.raises(RuntimeError, match="None of the views sees"):
        bpy.ops.aigc.draw_view_again(job_id=record.job_id, view="front")
    assert (colours(plate) == first).all(), "from the front it is a line"
    assert bpy.ops.aigc.draw_view_again(job_id=record.job_id, view="top") == {"FINISHED"}
    again = colours(plate)
    assert (again != first).any(axis=2).mean() > 0.5
    weights = [{"name": name, "weight": float(name == "top")} for name in view_names(record)]
    assert bpy.ops.aigc.blend_again(job_id=record.job_id, sharpness=2, even_out=False, views=weights) == {"FINISHED"}
    assert STATE.results[0].status.result.job.task == "blend_texture"
    assert (colours(plate) != again).any()
    assert (colours(plate).astype(int) - first).std() < (again.astype(int) - first).std(), "from the first one's views"


def in_the_tab(model: str, prompt: str, **more: object) -> None:
    from blender_aigc import params

    settings = bpy.context.scene.aigc
    settings.task, settings.prompt, settings.model_id = "texture_mesh", prompt, model
    models = batch.models()
    params.update(models)
    STATE.models = models
    params.assign(settings.params, models[model], options(model, **more))


def test_cancel_and_errors_leave_everything_as_it_was(plate: bpy.types.Object) -> None:
    def cancel(job) -> None:
        if job.step:
            raise KeyboardInterrupt

    inputs = {"mesh": [plate]}
    for model in ("sdxl_sync", "sequential_inpaint"):
        with pytest.raises(KeyboardInterrupt):
            params = options(model, steps=30)
            batch.generate("texture_mesh", model, inputs=inputs, prompt="x", params=params, progress=cancel)
    with pytest.raises(Fault, match="prompt is empty"):
        batch.generate("texture_mesh", "sdxl_sync", inputs=inputs, params=options("sdxl_sync"))
    assert not plate.material_slots and not bpy.data.materials and not bpy.data.images


def test_the_command_line_draws_one_view_again(plate: bpy.types.Object, tmp_path: Path) -> None:
    painted(plate)
    before = colours(plate)
    words = ["texture", "--objects", "Grid", "--prompt", "bricks", "--model", "sdxl_sync", "--over"]
    for key, value in {**options("sdxl_sync"), "only_views": "top", "strength": 1.0}.items():
        words += ["--param", f"{key}={value}"]
    assert cli.main([*words, "--save-as", str(tmp_path / "a.blend"), "--out", str(tmp_path / "out")]) == 0
    assert (colours(plate) != before).any(axis=2).mean() > 0.5
    assert [path.name for path in (tmp_path / "out").glob("view_*.png")] == ["view_top.png"]
