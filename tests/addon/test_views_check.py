"""What Check Views has said is shown as long as it holds; what belongs to the views stands together in the tab."""

from __future__ import annotations

from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from scene_state import differences, scene_state
from test_debug_view import box, torch_server  # noqa: F401
from test_debug_view import pytestmark as needs_torch
from test_panels import draw, text

from blender_aigc import batch, params, views_check
from blender_aigc.gather.mesh import mesh_blob, shape_blob
from blender_aigc.operators_texture import LOOK
from blender_aigc.protocol import Blob, Fault, Job, JobStatus, Provenance, Result
from blender_aigc.state import STATE
from blender_aigc.watch import finished
from server.geometry.mesh_input import read_mesh
from server.registry import Registry

SYNC = "sdxl_sync"


@pytest.fixture
def asked(addon: None) -> bpy.types.Object:
    """A cube, a camera, and an answer that is of them."""
    STATE.set_models({name: Registry().models[name].info for name in (SYNC, LOOK)})
    params.update(STATE.models)
    settings = bpy.context.scene.aigc
    settings.task, settings.model_id = "texture_mesh", SYNC
    bpy.ops.object.camera_add(location=(0, -6, 0), rotation=(np.pi / 2, 0, 0))
    bpy.context.scene.camera = bpy.context.object
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.view_layer.update()
    said()
    assert views_check.answer(bpy.context) == "8 views see 90%."
    yield bpy.context.object
    STATE.clear()


def said() -> None:
    STATE.seen, STATE.seen_of = "8 views see 90%.", views_check.asked_now(bpy.context)


def edit(obj: bpy.types.Object) -> None:
    obj.data.vertices[0].co.x += 1
    obj.data.update()


CHANGES = {
    "moved": lambda obj: obj.location.__setitem__(0, 3),
    "edited": edit,
    "modified": lambda obj: obj.modifiers.new("Bevel", "BEVEL"),
    "camera moved": lambda _: bpy.context.scene.camera.location.__setitem__(0, 3),
    "lens": lambda _: setattr(bpy.context.scene.camera.data, "lens", 90),
    "selection": lambda obj: obj.select_set(False),
    "camera selected": lambda _: bpy.context.scene.camera.select_set(True),
    "other camera": lambda _: setattr(bpy.context.scene, "camera", None),
    "number of views": lambda _: setattr(bpy.context.scene.aigc.params.sdxl_sync, "views", 3),
    "set of views": lambda _: setattr(bpy.context.scene.aigc.params.sdxl_sync, "cameras", "ring"),
    "occlusion": lambda _: setattr(bpy.context.scene.aigc, "others_hide", False),
    "shape of renders": lambda _: setattr(bpy.context.scene.render, "resolution_x", 100),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_that_does_not_hold_any_more_is_not_shown(asked: bpy.types.Object, change: str) -> None:
    CHANGES[change](asked)
    bpy.context.view_layer.update()
    assert views_check.answer(bpy.context) == ""


def test_what_does_not_matter_leaves_it_there(asked: bpy.types.Object) -> None:
    bpy.context.scene.aigc.prompt = "bricks"
    bpy.context.scene.aigc.seed = 4
    bpy.context.view_layer.update()
    assert views_check.answer(bpy.context)
    asked.select_set(False)
    assert not views_check.answer(bpy.context)
    asked.select_set(True)
    assert views_check.answer(bpy.context), "it is of this selection"


def test_undo_and_another_file_forget_it(asked: bpy.types.Object) -> None:
    for step in (lambda: (bpy.ops.ed.undo_push(message="a"), bpy.ops.ed.undo_push(message="b"), bpy.ops.ed.undo()),
                 lambda: bpy.ops.wm.read_factory_settings(use_empty=True)):  # fmt: skip
        said()
        step()
        assert STATE.seen == "" and STATE.seen_of is None


def test_an_answer_that_comes_too_late_is_not_taken(asked: bpy.types.Object) -> None:
    """The object was moved while the server looked."""
    STATE.session = SimpleNamespace(jobs={}, models=STATE.models, close=lambda **_: None)
    job = Job("8" * 8 + "-0000-4000-8000-" + "0" * 12, LOOK, LOOK, {"mesh": Blob("0" * 64, ".npz")})
    origin = Provenance("0", LOOK, LOOK, "", "", "", 0, {}, {}, "")
    status = JobStatus(job.id, "done", 1, "", result=Result(job, (), origin, {"notes": "All."}))
    finished(status)
    assert STATE.seen == "All."
    asked.location.x = 3
    bpy.context.view_layer.update()
    finished(status)
    assert STATE.seen == ""
    STATE.session = None


@needs_torch
def test_pressed_in_edit_mode_it_answers(box: bpy.types.Object) -> None:  # noqa: F811
    STATE.models = batch.models()
    params.update(STATE.models)
    settings = bpy.context.scene.aigc
    settings.task, settings.model_id = "texture_mesh", SYNC
    settings.params.sdxl_sync.cameras = "camera"
    bpy.ops.object.mode_set(mode="EDIT")
    assert bpy.ops.aigc.check_views() == {"FINISHED"}
    bpy.context.view_layer.update()
    assert views_check.answer(bpy.context).startswith("The view Camera sees 1"), STATE.seen
    bpy.ops.object.mode_set(mode="OBJECT")


@pytest.mark.parametrize(("cameras", "there"), [("greedy", False), ("own", True), ("view", True), ("ring", False)])
def test_what_hides_stands_below_the_views(asked: bpy.types.Object, cameras: str, there: bool) -> None:
    STATE.session = SimpleNamespace(health=None, state="ready", sentence="", jobs={}, close=lambda **_: None)
    bpy.context.scene.aigc.params.sdxl_sync.cameras = cameras
    drawn = [what for call, what in draw() if call == "prop"]
    assert ("others_hide" in drawn) == there and drawn.count("others_hide") == there
    if there:
        assert drawn[drawn.index("cameras") + 1] == "others_hide"
    said()
    assert "8 views see 90%" in text(draw())
    STATE.session = None


# --------------------------------------------------------------------------------------------------- objects to look at


def test_objects_that_are_only_looked_at_get_no_uvs(addon: None, tmp_path) -> None:
    """And nothing of the file changes, though the cube has none and a texture would make some."""
    bpy.ops.mesh.primitive_cube_add()
    obj = bpy.context.object
    obj.data.uv_layers.remove(obj.data.uv_layers[0])
    obj.scale = (-1, 2, 1)
    bpy.context.view_layer.update()
    before = scene_state()
    data, suffix = shape_blob([obj], bpy.context.scene)
    assert differences(before, scene_state()) == []
    (tmp_path / f"shape{suffix}").write_bytes(data)
    (tmp_path / f"whole{suffix}").write_bytes(mesh_blob([obj], bpy.context.scene)[0])
    shape, whole = read_mesh(tmp_path / f"shape{suffix}"), read_mesh(tmp_path / f"whole{suffix}")
    for name in ("vertices", "faces", "corner_normals", "face_object", "face_slot"):
        assert (getattr(shape, name) == getattr(whole, name)).all(), name
    assert np.isnan(shape.corner_uvs).all() and shape.objects[0].uv == "none"


def test_what_has_no_faces_is_said(addon: None) -> None:
    bpy.ops.curve.primitive_bezier_circle_add()
    with pytest.raises(Fault, match="has no faces"):
        shape_blob([bpy.context.object], bpy.context.scene)
    with pytest.raises(Fault, match="has faces"):
        shape_blob([], bpy.context.scene)
