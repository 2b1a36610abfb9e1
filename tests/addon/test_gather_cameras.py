"""Cameras as they are sent: every kind of lens sees what Blender sees; what stands in the way goes along."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from blender_aigc import batch, params, preferences, slots
from blender_aigc.ask import ask_from_scene
from blender_aigc.gather.cameras import camera_page, cameras_blob, viewport_page
from blender_aigc.gather.mesh import mesh_blob
from blender_aigc.gather.origin import origin_of
from blender_aigc.gather.sources import Cameras
from blender_aigc.gather.viewport import viewport
from blender_aigc.protocol import Fault
from blender_aigc.state import STATE


def camera(name: str = "Camera", place: tuple[float, float, float] = (0, -6, 0), **lens: object) -> bpy.types.Object:
    """A camera that looks at the origin."""
    data = bpy.data.cameras.new(name)
    for key, value in lens.items():
        setattr(data, key, value)
    obj = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(obj)
    obj.location = place
    obj.rotation_euler = (-Vector(place)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.view_layer.update()
    return obj


def cube(name: str, place: tuple[float, float, float] = (0, 0, 0), size: float = 2) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(location=place, size=size)
    bpy.context.object.name = name
    return bpy.context.object


def sent(**source: object) -> tuple[dict, dict[str, np.ndarray]]:
    data, suffix = cameras_blob(Cameras(**source), bpy.context.scene)
    if suffix == ".json":
        return json.loads(data), {}
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    return json.loads(arrays.pop("meta").tobytes()), arrays


def test_far_away_the_detail_is_kept_and_cameras_see_it_where_it_is() -> None:
    """An object of 1 cm in a map of a country: float32 world positions would be steps of 8 mm."""
    thing = cube("Tiny", (100_000, -80_000, 12), size=0.01)
    eye = camera(place=(100_000, -80_001, 12))
    eye.rotation_euler = (np.pi / 2, 0, 0)
    bpy.context.view_layer.update()
    data, _ = mesh_blob([thing], bpy.context.scene)
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        vertices = stored["vertices"].astype(np.float64)
    assert np.allclose(np.ptp(vertices, axis=0), 0.01, atol=1e-7)
    (page,) = sent(objects=(eye,), around=(thing,))[0]["selected"]
    for vertex in vertices:
        local = np.linalg.inv(page["world_from_camera"]) @ np.append(vertex, 1.0)
        assert np.allclose(local, [*np.sign(local[:2]) * 0.005, 1 + np.sign(local[2] - 1) * 0.005, 1], atol=1e-6)
    assert np.allclose(origin_of([cube("Near", (999, 0, 0))], bpy.context.scene), 0)


def seen(page: dict, point: np.ndarray) -> np.ndarray:
    """Place in the picture, as shares of width and height from the lower left, by OpenCV's rule; and depth."""
    local = np.linalg.inv(page["world_from_camera"]) @ np.append(point, 1.0)
    lens = page["intrinsics_px"]
    scale = local[2] if page["camera"] == "PERSP" else 1.0
    x = lens["fx"] * local[0] / scale + lens["cx"]
    y = lens["fy"] * local[1] / scale + lens["cy"]
    return np.array([x / page["size_px"][0], 1 - y / page["size_px"][1], local[2]])


@pytest.mark.parametrize(
    "lens",
    [
        {"lens": 35},
        {"lens": 50, "shift_x": 0.3, "shift_y": -0.15},
        {"lens": 85, "sensor_fit": "VERTICAL", "shift_y": 0.2},
        {"type": "ORTHO", "ortho_scale": 5},
        {"type": "ORTHO", "ortho_scale": 3, "shift_x": -0.2, "shift_y": 0.4},
    ],
)
@pytest.mark.parametrize(("width", "height", "aspect"), [(1920, 1080, 1), (600, 1000, 1.5)])
def test_a_point_lies_where_blender_shows_it(lens: dict, width: int, height: int, aspect: float) -> None:
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y, render.pixel_aspect_x = width, height, aspect
    obj = camera(place=(3, -5, 2), **lens)
    obj.scale = (2, 2, 2)  # of no meaning for what it sees
    bpy.context.view_layer.update()
    page = camera_page(obj, bpy.context.scene)
    assert page["size_px"] == [width, height]
    render.resolution_percentage = 25
    assert camera_page(obj, bpy.context.scene)["size_px"] == [width // 4, height // 4]
    for point in ([0, 0, 0], [0.7, -0.4, 0.9], [-1, 0.2, -0.3]):
        expected = world_to_camera_view(bpy.context.scene, obj, Vector(point))
        if lens.get("type") != "ORTHO" or aspect == 1:  # Blender's own function knows no pixel aspect in ortho views
            assert seen(page, np.array(point, float)) == pytest.approx(np.array(expected), abs=2e-4)


def test_places_are_metres_like_those_of_the_mesh() -> None:
    perspective, flat = camera("A", (0, -6, 0)), camera("B", (0, -6, 0), type="ORTHO", ortho_scale=4)
    plain = [camera_page(obj, bpy.context.scene) for obj in (perspective, flat)]
    bpy.context.scene.unit_settings.scale_length = 0.01
    small = [camera_page(obj, bpy.context.scene) for obj in (perspective, flat)]
    for one, other in zip(plain, small, strict=True):
        point = np.array([0.5, 0.3, 0.8])
        assert seen(one, point)[:2] == pytest.approx(seen(other, point * 0.01)[:2])
        assert seen(other, point * 0.01)[2] == pytest.approx(0.01 * seen(one, point)[2])


def test_the_selected_ones_and_the_scenes_own() -> None:
    one, other = camera("One"), camera("Other", (6, 0, 0))
    bpy.context.scene.camera = other
    one.select_set(True)
    document, arrays = sent(hidden_by_others=False)
    assert [page["name"] for page in document["selected"]] == ["One"] and not arrays
    assert document["active"]["name"] == "Other" and document["view"] is None
    named, _ = sent(objects=(other, one))
    assert [page["name"] for page in named["selected"]] == ["One", "Other"]


def test_the_viewport_sees_what_it_shows() -> None:
    """Its own matrices take points to the same place; through the camera it is the camera's view."""
    bpy.context.scene.camera = camera("Mine", (2, -5, 1))
    area = viewport(bpy.context)
    if area is None:
        pytest.skip("this Blender has no window")
    view3d = area.spaces.active.region_3d
    page = viewport_page(bpy.context)
    assert page["camera"] == "PERSP" and page["name"] == ""
    for point in ([0, 0, 0], [0.5, -0.2, 0.3]):
        place = np.array(view3d.window_matrix @ view3d.view_matrix) @ np.append(point, 1.0)
        assert seen(page, np.array(point, float))[:2] == pytest.approx((place[:2] / place[3] + 1) / 2, abs=1e-4)
    view3d.view_perspective = "CAMERA"
    assert viewport_page(bpy.context) == camera_page(bpy.context.scene.camera, bpy.context.scene)


def file_contents() -> dict[str, object]:
    """What gathering could leave behind or move. (`scene_state` crashes on collection instances before Blender 5.)"""
    groups = ("objects", "meshes", "collections", "scenes", "cameras")
    names = {group: sorted(block.name for block in getattr(bpy.data, group)) for group in groups}
    places = [(obj.name, tuple(map(tuple, obj.matrix_world)), obj.select_get()) for obj in bpy.context.scene.objects]
    return {**names, "places": places, "active": bpy.context.view_layer.objects.active}


def test_what_hides_the_objects_goes_along_and_nothing_changes() -> None:
    target, wall = cube("Target"), cube("Wall", (0, -3, 0))
    hidden, not_rendered = cube("Hidden", (0, 5, 0)), cube("Not Rendered", (0, 7, 0))
    not_rendered.hide_render = True
    hidden.hide_set(True)
    wall.modifiers.new("More", "ARRAY").count = 3
    group = bpy.data.collections.new("Group")
    group.objects.link(bpy.data.objects.new("Piece", cube("Model", (0, 0, 30)).data))
    instance = bpy.data.objects.new("Instance", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", group
    instance.location = (0, 0, 20)
    bpy.context.scene.collection.objects.link(instance)
    bpy.context.view_layer.update()
    before = file_contents()
    _, arrays = sent(around=(target,))
    assert file_contents() == before
    centres = arrays["vertices"][arrays["faces"]].mean(axis=1)
    assert len(arrays["faces"]) == 12 * (3 + 1 + 1)  # the wall three times, the model, the instance
    assert np.abs(centres[:, 1]).max() < 4.1 and (np.abs(centres[:, 2] - 20) < 1.1).sum() == 12
    assert not (np.linalg.norm(centres, axis=1) < 1.1).any()
    assert not sent(around=(target,), hidden_by_others=False)[1]


def test_what_hides_the_objects_counts_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server takes so many together; without the others, the objects may have as many themselves."""
    target, _ = cube("Target"), cube("Wall", (0, -3, 0))
    monkeypatch.setattr("blender_aigc.gather.cameras.MOST_TRIANGLES", 24)
    assert len(sent(around=(target,))[1]["faces"]) == 12
    monkeypatch.setattr("blender_aigc.gather.cameras.MOST_TRIANGLES", 23)
    with pytest.raises(Fault, match="those beside them have more than 23 triangles") as told:
        sent(around=(target,))
    assert "Occluded by Others" in told.value.hint
    assert not sent(around=(target,), hidden_by_others=False)[1]


def test_only_a_job_that_asks_for_them_gets_cameras(studio: Path) -> None:
    """And the tab says the same as a script."""
    box = cube("Box")
    settings = bpy.context.scene.aigc
    settings.task, settings.model_id = "texture_mesh", "sdxl_sync"
    models = batch.models()
    params.update(models)
    STATE.models = models
    group = params.group_of(settings.params, models["sdxl_sync"])
    try:
        assert group.cameras == "greedy" and "cameras" not in ask_from_scene(bpy.context).inputs
        group.cameras = "own"
        settings.others_hide = False
        assert ask_from_scene(bpy.context).inputs["cameras"] == Cameras(None, (box,), False)
    finally:
        batch.close()


@pytest.mark.skipif("AIGC_SERVER_PYTHON" not in os.environ, reason="AIGC_SERVER_PYTHON names no Python with torch")
def test_how_much_is_seen_is_said_before_anything_is_drawn(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the button of the tab and by a script; nothing enters the scene or the list of results."""
    chosen = preferences.Choices("FOLDER", Path(os.environ["AIGC_SERVER_PYTHON"]))
    monkeypatch.setattr(preferences, "choices", lambda: chosen)
    box = cube("Box")
    settings = bpy.context.scene.aigc
    settings.task, settings.model_id = "texture_mesh", "sdxl_sync"
    models = batch.models()
    params.update(models)
    STATE.models = models
    try:
        before = file_contents()  # 4.2 and 4.5 crash when every property of renewed parameters is read
        assert bpy.ops.aigc.check_views() == {"FINISHED"}
        assert "views see 100.0% of the surface" in STATE.seen
        assert file_contents() == before and not STATE.results
        box.select_set(True)
        camera("Hero", (0, -6, 0)).select_set(True)
        cube("Wall", (0, -3, 0), 4)
        wall = bpy.context.object
        params.group_of(settings.params, models["sdxl_sync"]).cameras = "own"
        wall.select_set(False)
        box.select_set(True)
        bpy.data.objects["Hero"].select_set(True)
        bpy.ops.aigc.check_views()
        assert STATE.seen == "The view Hero sees 0.0% of the surface."
        status = batch.run("view_coverage", mesh=[box], params={"cameras": "own"}, inputs={})
        assert status.result.report["coverage"] == 0
        wall.hide_render = True
        status = batch.run("view_coverage", mesh=[box], params={"cameras": "own"})
        assert status.result.report["coverage"] == pytest.approx(1 / 6, abs=0.01)
    finally:
        batch.close()


def test_cameras_on_the_command_line() -> None:
    import argparse

    from blender_aigc.protocol import TASKS

    camera("Cam.A"), camera("Cam.B"), camera("Other")
    task = TASKS["texture_mesh"]
    wanted = next(one for one in task.inputs if one.kind == "cameras")
    parser = argparse.ArgumentParser()
    slots.SLOTS["cameras"].add_options(parser, task, wanted)

    def chosen(*words: str) -> object:
        return slots.SLOTS["cameras"].of_options(parser.parse_args(words), wanted)

    assert {obj.name for obj in chosen("--cameras", "Cam*").objects} == {"Cam.A", "Cam.B"}
    assert chosen("--cameras", "kept/cameras.json") == Path("kept/cameras.json")
    assert chosen() is None
    with pytest.raises(Fault, match="No camera is called cam"):
        chosen("--cameras", "cam*")
