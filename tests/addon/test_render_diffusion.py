"""From Blender's passes through a real server to the networks and back, with tiny woken weights laid out as published.

One server for the whole module: starting torch takes longer than all of the tiny networks together.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from live_server import new_session, ready, until
from moving_scene import build
from scene_state import differences, state_beside_copies

from blender_aigc import batch, cli, preferences, watch
from blender_aigc.apply.show import image_of
from blender_aigc.environment import folder_environment
from blender_aigc.fixit import button_for
from blender_aigc.launcher import lock_is_free
from blender_aigc.protocol import Fault, FaultRecord
from blender_aigc.sequence.folder import PAGE
from blender_aigc.state import STATE
from server.registry import Registry

NEURAL = sorted(
    name for name, model in Registry().models.items() if model.info.does("render_image") and model.weights is not None
)
ROOT = Path(__file__).resolve().parents[2]
SIZE = (83, 61)
QUICK = {"size": "camera", "steps": 2, "controls": ""}
BY_DEPTH = {"strength": 1.0, "controls": "depth:1.0"}

pytestmark = pytest.mark.skipif(
    "AIGC_SERVER_PYTHON" not in os.environ, reason="AIGC_SERVER_PYTHON names no Python with torch"
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of each neural model that draws renders, by its id."""
    folder = tmp_path_factory.mktemp("weights")
    words = [os.environ["AIGC_SERVER_PYTHON"], str(Path(__file__).with_name("tiny_weights.py")), str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return folder


@pytest.fixture(scope="module")
def server(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The preferences name an environment and a weights folder; the server outlives the tests' files."""
    chosen = preferences.Choices("FOLDER", Path(os.environ["AIGC_SERVER_PYTHON"]), weights)
    data = tmp_path_factory.mktemp("data")
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
def scene(server: Path, addon: None) -> bpy.types.Scene:
    """A ball and a cube before a camera, at an odd size."""
    made = bpy.context.scene
    bpy.ops.mesh.primitive_uv_sphere_add(radius=1.0, location=(-0.9, 0, 0))
    bpy.ops.mesh.primitive_cube_add(size=1.4, location=(1.1, 0, 0), rotation=(0, 0, 0.6))
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0))
    bpy.ops.object.camera_add(location=(0, -7, 0), rotation=(np.pi / 2, 0, 0))
    made.camera = bpy.context.object
    made.render.engine = "CYCLES"
    made.cycles.samples = 1
    made.cycles.use_denoising = False
    made.render.resolution_x, made.render.resolution_y = SIZE
    return made


def pixels(image: bpy.types.Image) -> np.ndarray:
    """(H, W, 4) float32, row 0 on top."""
    flat = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(image.size[1], image.size[0], 4)[::-1]


def drawn(model: str = "sdxl", prompt: str = "a harbour", **options: object) -> tuple[np.ndarray, dict]:
    """The picture that the scene became, and the report."""
    inputs = {key: options.pop(key) for key in ("passes", "reference") if key in options}
    known = {param.key for param in batch.models()[model].params}
    params = {key: value for key, value in {**QUICK, **options}.items() if key in known or key not in QUICK}
    status = batch.run("render_image", model, inputs=inputs, prompt=prompt, params=params)
    (image,) = batch.place(status)
    assert tuple(image.size) == SIZE
    return pixels(image), status.result.report


@pytest.mark.parametrize("model", NEURAL)
def test_every_model_draws_the_scene(scene: bpy.types.Scene, model: str) -> None:
    """In the size of the camera, led by the passes where it has a ControlNet, and by the words."""
    led, report = drawn(model, strength=1.0, controls="auto")
    assert np.isfinite(led).all() and led[..., :3].std() > 0.005
    if "depth" in str(report.get("controls", "")):
        bpy.data.objects["Sphere"].location.y -= 2.0
        moved, _ = drawn(model, strength=1.0, controls="auto")
        assert np.abs(moved - led).max() > 0.01, "another depth is another picture"
    other, _ = drawn(model, "a melon on a table", strength=1.0)
    plain, _ = drawn(model, strength=1.0)
    assert np.abs(other - plain).max() > 0.003, "other words are another picture"


def test_only_the_geometry_counts_at_full_strength(scene: bpy.types.Scene) -> None:
    led, _ = drawn(**BY_DEPTH)
    material = bpy.data.materials.new("Red")
    material.diffuse_color = (1, 0, 0, 1)
    bpy.data.objects["Sphere"].data.materials.append(material)
    scene.world = bpy.data.worlds.new("Bright")
    assert np.array_equal(drawn(**BY_DEPTH)[0], led)
    assert not np.array_equal(drawn(strength=1.0)[0], led), "the control matters"
    assert np.array_equal(drawn(strength=1.0, controls="depth:0")[0], drawn(strength=1.0)[0])


@pytest.mark.parametrize("model", [name for name in NEURAL if name in ("sdxl", "sd15", "z_image")])
def test_only_the_selected_object_changes(scene: bpy.types.Scene, model: str) -> None:
    sphere = bpy.data.objects["Sphere"]
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj == sphere)
    masked, _ = drawn(model, "a melon", passes=batch.Render(mask="selected"), soft_px=0.0, strength=0.9)
    rendered, _ = drawn(model, strength=0.0)
    same = (np.abs(masked - rendered) < 1e-6).all(-1)
    assert same[:, 55:].all() and same[0].all(), "the cube and the background are the render, bit for bit"
    assert same[20:40, 16:30].mean() < 0.3, "the ball is not"


def test_everything_that_leads_a_picture_reaches_it(scene: bpy.types.Scene) -> None:
    """Several ControlNets, a union, a LoRA, the refiner and a reference picture: each makes another picture."""
    led, _ = drawn(**BY_DEPTH)
    reference = bpy.data.images.new("Reference", 32, 32)
    reference.generated_color = (0.9, 0.3, 0.1, 1)
    others = {
        "two controls": {"strength": 1.0, "controls": "depth:1.0, normal:0.8"},
        "union": {"strength": 1.0, "controls": "union=depth:1.0, union=normal:1.0"},
        "lora": {**BY_DEPTH, "loras": "ink:1.0"},
        "refiner": {**BY_DEPTH, "refiner": True, "refiner_at": 0.5},
        "reference": {**BY_DEPTH, "reference": reference, "reference_weight": 1.0},
    }
    for name, options in others.items():
        picture, _ = drawn(**options)
        assert np.abs(picture - led).max() > 0.003, name


def test_previews_come_while_it_is_denoised_and_cancel_is_heard(scene: bpy.types.Scene) -> None:
    seen: list[tuple[int | None, int | None, bool]] = []

    def watch(job) -> None:
        seen.append((job.step, job.total, job.preview is not None and job.preview.stat().st_size > 0))

    params = {**QUICK, **BY_DEPTH, "steps": 30}
    batch.run("render_image", "sdxl", prompt="a harbour", params=params, progress=watch)
    halfway = [one for one in seen if one[0] and one[1] and 0 < one[0] < one[1]]
    assert halfway and any(preview for _, _, preview in halfway), "pictures before the end"

    before = state_beside_copies()

    def cancel(job) -> None:
        if job.step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.generate("render_image", "sdxl", prompt="a harbour", params=params, progress=cancel)
    assert differences(before, state_beside_copies()) == []


def test_words_alone_and_what_is_missing(scene: bpy.types.Scene) -> None:
    params = {"width": 72, "height": 64, "steps": 2}
    (words,) = batch.generate("text_to_image", "sdxl", prompt="a harbour", params=params)
    assert tuple(words.size) == (72, 64)
    with pytest.raises(Fault) as caught:
        batch.run("render_image", "sdxl", prompt="x", params={**QUICK, "checkpoint": "nowhere"})
    assert caught.value.code == "weights_missing" and "base" in caught.value.hint


def test_a_sequence_is_interrupted_and_gone_on_with(server: Path, addon: None, tmp_path: Path) -> None:
    """With a ControlNet; the frames are those of an uninterrupted run, and the flicker is told beside single frames."""
    build(4)
    options = {"prompt": "a harbour", "params": {**QUICK, **BY_DEPTH, "compare": "all"}, "name": "shot"}

    def stop(run) -> None:
        if run.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run_sequence(tmp_path / "out", (1, 4), "sd15", **options, progress=stop)
    run = batch.run_sequence(tmp_path / "out", (1, 4), "sd15", **options)
    assert (run.kept, run.done) == (2, 4)
    page = json.loads((tmp_path / "out" / PAGE).read_text())
    assert 0 < page["flicker"] and 0 < page["flicker_of_same"] < page["flicker_single"]
    whole = batch.run_sequence(tmp_path / "whole", (1, 4), "sd15", **options)
    hashes = [{frame: entry["sha256"] for frame, entry in one.folder._frames.items()} for one in (run, whole)]
    assert hashes[0] == hashes[1] and len(set(hashes[0].values())) == 4


# ------------------------------------------------------------------------------------------------------------ bad input


def asked(scene: bpy.types.Scene, model: str, prompt: str, **params: object) -> None:
    """Fill in the tab."""
    scene.aigc.task, scene.aigc.model_id, scene.aigc.prompt = "render_image", model, prompt
    watch.know_models()
    known = {param.key for param in STATE.models[model].params}
    values = {key: value for key, value in {**QUICK, **params}.items() if key in known}
    for key, value in values.items():
        setattr(getattr(scene.aigc.params, model), key, value)


def refused(scene: bpy.types.Scene, out: Path, capfd: pytest.CaptureFixture[str]) -> FaultRecord:
    """What the button says, and the command too; neither has changed anything."""
    before = state_beside_copies()
    with pytest.raises(RuntimeError):
        bpy.ops.aigc.generate()
    fault = STATE.fault
    capfd.readouterr()
    assert cli.main(["render", "--as-saved", "--save-as", str(out)]) == 1
    assert f"Error: {fault.message}\n{fault.hint}" in capfd.readouterr().err
    assert differences(before, state_beside_copies()) == [] and not out.exists()
    assert fault.hint and "\n" not in fault.message
    return fault


@pytest.mark.parametrize(
    ("params", "name"),
    [({"controls": "tile_of_sd15:1.0"}, "tile_of_sd15"), ({"loras": "ink:0.5, of_sd15:1.0"}, "of_sd15")],
    ids=["controlnet", "lora"],
)
def test_files_of_another_base_are_named(scene: bpy.types.Scene, params: dict, name: str, tmp_path, capfd) -> None:
    """And the next picture is what it would have been."""
    plain, _ = drawn(**BY_DEPTH)
    asked(scene, "sdxl", "a harbour", strength=1.0, **params)
    fault = refused(scene, tmp_path / "out.png", capfd)
    assert fault.code == "bad_request" and name in fault.message and "another base model" in fault.message
    assert np.array_equal(drawn(**BY_DEPTH)[0], plain)


@pytest.mark.parametrize("model", NEURAL)
def test_prompts_that_are_empty_and_endless(scene: bpy.types.Scene, model: str, tmp_path: Path, capfd) -> None:
    """Drawing needs words. Ten thousand letters are read to their end, or it is said how many it may be."""
    asked(scene, model, "  ", strength=1.0)
    fault = refused(scene, tmp_path / "out.png", capfd)
    assert fault.code == "bad_input" and "prompt" in fault.message.lower()
    scene.aigc.prompt = "abcdefghi " * 1000
    fault = refused(scene, tmp_path / "out.png", capfd)
    assert fault.code == "bad_request" and "long" in fault.message and "prompt" in fault.message.lower()


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="takes memory from a process in Linux' way")
def test_too_little_memory_offers_what_takes_less(scene: bpy.types.Scene) -> None:
    """The real worker gets no more memory than it has and a little; its own sentence, and its button makes the picture.

    On a processor all plans are one, so that the next smaller one is a draft.
    """
    import resource

    drawn()
    asked(scene, "sdxl", "a harbour", strength=0.9, memory="device")  # without an estimate beforehand
    scene.aigc.source, scene.aigc.image = "PICTURE", bpy.data.images.new("Large", 1440, 1080)
    (worker,) = workers(STATE.session.data)
    pages = int(Path(f"/proc/{worker}/statm").read_text().split()[0])
    kept = resource.prlimit(worker, resource.RLIMIT_AS)
    resource.prlimit(worker, resource.RLIMIT_AS, (pages * resource.getpagesize() + 60_000_000, kept[1]))
    try:
        with pytest.raises(RuntimeError, match="ran out of memory"):
            bpy.ops.aigc.generate()
        assert STATE.fault.code == "out_of_memory" and "Draft" in STATE.fault.hint
        assert button_for(STATE.fault.code, scene.aigc) == ("aigc.run_smaller", "Try with Less Memory")
    finally:
        resource.prlimit(worker, resource.RLIMIT_AS, kept)
    assert bpy.ops.aigc.run_smaller(job_id=STATE.current_job) == {"FINISHED"}
    assert scene.aigc.params.sdxl.size == "draft" and STATE.results[0].status.result.job.params["size"] == "draft"
    assert tuple(image_of(STATE.results[0].job_id).size) == (1440, 1080)


def workers(data: Path) -> list[int]:
    """Process ids of the server's workers."""
    server = (data / "server.lock").read_text().split()[0]
    return [int(pid) for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split()]
