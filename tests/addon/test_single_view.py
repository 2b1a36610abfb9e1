"""A picture that a render became goes onto the objects in one click and leaves by one undo, from its own camera."""

from __future__ import annotations

import dataclasses
import json
import uuid
from pathlib import Path

import bpy
import numpy as np
import pytest
from scene_state import differences, state_beside_copies
from test_debug_view import box, colour_node, colours, torch_server  # noqa: F401
from test_debug_view import pytestmark as needs_torch
from test_panels import draw, operators, ready, text  # noqa: F401
from test_texture_undo import OURS

from blender_aigc import batch, params, slots
from blender_aigc.gather.cameras import camera_page, picture_page
from blender_aigc.gather.passes import passes_meta, render_passes
from blender_aigc.gather.sources import CAMERA
from blender_aigc.protocol import Blob, Job, JobStatus, Provenance, Result
from blender_aigc.state import STATE, Record
from server.models.texture.single_view import MODEL as SINGLE


def in_the_tab(task: str, model: str, **values: object) -> None:
    settings = bpy.context.scene.aigc
    settings.task, settings.model_id, settings.prompt = task, model, "ink"
    STATE.models = batch.models()
    params.update(STATE.models)
    params.assign(settings.params, STATE.models[model], values)


def made_of_a_render() -> bpy.types.Image:
    """The scene's camera's view as a stylised picture, through the tab."""
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    in_the_tab("render_image", "stylise", style="ink")
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    return next(image for image in bpy.data.images if image.get("aigc_job") == STATE.results[0].job_id)


def select(*objects: bpy.types.Object) -> None:
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj in objects)
    bpy.context.view_layer.objects.active = objects[0]


@needs_torch
def test_a_picture_is_put_on_from_the_camera_that_it_was_made_with(box: bpy.types.Object) -> None:  # noqa: F811
    """However the scene's camera stands by now; the tab asks for nothing, and one undo takes all of it away."""
    made = made_of_a_render()
    name = made.name
    made.scale(160, 90)
    made.pixels.foreach_set(np.tile(np.float32([0, 1, 0, 1]), 160 * 90))
    made.pack()
    bpy.context.scene.camera.location.x = 500
    select(box)
    in_the_tab("texture_mesh", "single_view", texture_px="256", delight=0.0)
    bpy.ops.ed.undo_push(message="before")
    before = state_beside_copies()
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    assert STATE.results[0].status.result.report["views"] == 1 and (0, 255, 0) in colours(colour_node(box).image)
    bpy.ops.ed.undo_push(message="AIGC")
    bpy.ops.ed.undo()
    left = differences(before, state_beside_copies())
    own = (*OURS, f"images['{name}']")  # 4.2 rounds the resolution of a picture that it reads back
    assert [line for line in left if not any(word in line for word in own)] == []


def with_a_camera() -> bpy.types.Image:
    """A picture that says that it was made with the scene's camera as it is now."""
    image = bpy.data.images.new("Drawn", 160, 90)
    image.pixels.foreach_set(np.tile(np.float32([0, 1, 0, 1]), 160 * 90))
    image.pack()
    image.use_fake_user = True
    image[CAMERA] = json.dumps(passes_meta(render_passes(bpy.context.scene, frozenset({"depth"}))))
    return image


@needs_torch
def test_the_present_camera_can_be_asked_for_instead(box: bpy.types.Object) -> None:  # noqa: F811
    bpy.context.scene.aigc.picture = with_a_camera()
    bpy.context.scene.camera.location.x = 500
    select(box)
    in_the_tab("texture_mesh", "single_view", texture_px="256", cameras="camera")
    with pytest.raises(RuntimeError, match="No camera sees"):
        bpy.ops.aigc.generate()
    assert not box.material_slots


@needs_torch
def test_a_saved_picture_still_knows_its_camera(box: bpy.types.Object, tmp_path: Path) -> None:  # noqa: F811
    with_a_camera()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "kept.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "kept.blend"))
    bpy.context.scene.camera.location.x = 500
    cube = next(obj for obj in bpy.context.scene.objects if obj.type == "MESH")
    given = {"mesh": [cube], "picture": bpy.data.images["Drawn"]}
    status = batch.run("texture_mesh", "single_view", inputs=given, params={"texture_px": "256"})
    assert status.result.report["views"] == 1


@pytest.mark.parametrize("scale", [1.0, 0.01])
@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
def test_the_page_of_a_picture_is_that_of_its_camera(addon: None, kind: str, scale: float) -> None:
    """In metres, as the mesh is sent, whatever the scene's unit."""
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.camera_add(location=(1, -6, 2), rotation=(1.2, 0.1, 0.3))
    scene = bpy.context.scene
    scene.camera, scene.unit_settings.scale_length = bpy.context.object, scale
    scene.camera.data.type, scene.camera.data.shift_x = kind, 0.1
    scene.render.resolution_x, scene.render.resolution_y = 48, 32
    image = bpy.data.images.new("p", 48, 32)
    image[CAMERA] = json.dumps(passes_meta(render_passes(scene, frozenset({"depth"}))))
    page, wanted = picture_page(image, scene), camera_page(scene.camera, scene)
    assert page["size_px"] == wanted["size_px"] and page["camera"] == kind
    assert np.allclose(page["world_from_camera"], wanted["world_from_camera"], atol=1e-5)
    for key, value in wanted["intrinsics_px"].items():
        assert page["intrinsics_px"][key] == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"world_from_camera": 3}', "null"])
def test_what_is_no_camera_is_none(addon: None, spoilt: str) -> None:
    image = bpy.data.images.new("p", 8, 8)
    image[CAMERA] = spoilt
    assert picture_page(image, bpy.context.scene) is None and picture_page(None, bpy.context.scene) is None


def test_without_a_picture_the_tab_says_so_before_generate(ready) -> None:  # noqa: F811
    """And says what is there when there is one."""
    STATE.set_models({"single_view": dataclasses.replace(SINGLE.info, unavailable=None)})
    params.update(STATE.models)
    ready.task = "texture_mesh"
    bpy.ops.mesh.primitive_cube_add()
    drawn = draw()
    assert "There is no picture to" in text(drawn) and "aigc.generate" not in operators(drawn)
    assert operators(drawn)[-1] == "aigc.choose_picture"
    ready.picture = bpy.data.images.new("mine", 8, 8)
    assert operators(draw())[-1] == "aigc.generate"
    ready.picture = None
    STATE.add(Record(of_render(), "My Render"))
    drawn = draw()
    assert operators(drawn)[-1] == "aigc.generate" and "My Render" in text(drawn)
    with pytest.raises(RuntimeError, match="not in this file"):  # it was undone
        bpy.ops.aigc.generate()
    ready.picture = None
    STATE.clear()


def test_the_way_out_fills_the_right_field(addon: None, tmp_path: Path) -> None:
    image = bpy.data.images.new("file", 8, 8)
    image.filepath_raw, image.file_format = str(tmp_path / "a.png"), "PNG"
    image.save()
    assert bpy.ops.aigc.choose_picture(filepath=str(tmp_path / "a.png"), key="picture") == {"FINISHED"}
    settings = bpy.context.scene.aigc
    assert settings.picture is not None and settings.image is None
    assert slots.SLOTS["image"].given(bpy.context, slots.inputs_of(bpy.context, "texture_mesh")[-1]) == settings.picture


def of_render() -> JobStatus:
    job = Job(str(uuid.uuid4()), "render_image", "stylise", {"passes": Blob("0" * 64, ".npz")})
    made = Provenance("0", job.task, job.model, "", "", "", 0, {}, {}, "today")
    return JobStatus(job.id, "done", 1, "", result=Result(job, (), made))
