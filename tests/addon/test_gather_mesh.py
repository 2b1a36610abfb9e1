"""Objects as triangles: what Blender evaluates is what is sent, and nothing of the user's changes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from scene_state import differences, scene_state

from blender_aigc.gather import evaluated
from blender_aigc.gather import mesh as mesh_module
from blender_aigc.gather.evaluated import check_surfaces
from blender_aigc.gather.mesh import LAYER, mesh_blob
from blender_aigc.gather.uv_check import unusable
from blender_aigc.protocol import Fault


def sent(*objects: bpy.types.Object) -> tuple[dict[str, np.ndarray], list[dict]]:
    bpy.context.view_layer.update()
    data, suffix = mesh_blob(objects, bpy.context.scene)
    assert suffix == ".npz"
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    return arrays, json.loads(arrays["facts"].tobytes())["objects"]


def cube(uvs: bool = True) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add()
    obj = bpy.context.object
    if not uvs:
        obj.data.uv_layers.remove(obj.data.uv_layers[0])
    return obj


def outwards(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """(F,) cosines between the winding's normals and those that are sent."""
    a, b, c = (arrays["vertices"][arrays["faces"][:, n]] for n in range(3))
    cross = np.cross(b - a, c - a)
    cross /= np.linalg.norm(cross, axis=1, keepdims=True)
    return np.einsum("fx,fcx->fc", cross, arrays["corner_normals"]).min(axis=1)


@pytest.mark.parametrize("scale", [(1, 1, 1), (-1, 1, 1), (-2, 0.5, 1), (-1, -1, -1)])
def test_outside_stays_outside(scale: tuple[float, float, float]) -> None:
    obj = cube()
    obj.scale, obj.location = scale, (3, 0, 0)
    arrays, (facts,) = sent(obj)
    assert outwards(arrays).min() > 0.99
    centre = arrays["vertices"].mean(axis=0)
    assert np.allclose(centre, (3, 0, 0), atol=1e-5)
    first = arrays["vertices"][arrays["faces"][:, 0]] - centre
    assert (np.einsum("fx,fx->f", first, arrays["corner_normals"][:, 0]) > 0).all()
    assert facts["uv"] == "own" and facts["layer"] == "UVMap" and facts["target"] == "slots"


def test_metres_whatever_the_units_are() -> None:
    bpy.context.scene.unit_settings.scale_length = 0.01
    arrays, _ = sent(cube())
    assert np.abs(arrays["vertices"]).max() == pytest.approx(0.01)


def test_modifiers_count_and_carry_new_uvs_along() -> None:
    obj = cube(uvs=False)
    obj.modifiers.new("Subdivide", "SUBSURF").levels = 2
    before = scene_state()
    arrays, (facts,) = sent(obj)
    assert len(arrays["faces"]) == 192 and np.isfinite(arrays["corner_uvs"]).all()
    assert arrays["new_uvs_0"].shape == (24, 2)
    assert (facts["uv"], facts["layer"], facts["loops"]) == ("new", LAYER, 24)
    assert not unusable(arrays["corner_uvs"], arrays["vertices"][arrays["faces"]])
    assert differences(before, scene_state()) == []


def test_uvs_that_do_not_serve_get_a_layer_beside_them() -> None:
    obj = cube()
    flat = np.tile(np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]), (6, 1))
    obj.data.uv_layers[0].uv.foreach_set("vector", flat.reshape(-1))
    _, (facts,) = sent(obj)
    assert facts["uv"] == "new" and "lies over itself" in facts["reason"]
    obj.data.uv_layers[0].uv.foreach_set("vector", (flat * 3).reshape(-1))
    assert "beyond the texture" in sent(obj)[1][0]["reason"]
    obj.data.uv_layers[0].uv.foreach_set("vector", (flat * 0).reshape(-1))
    assert "no area" in sent(obj)[1][0]["reason"]
    assert [layer.name for layer in obj.data.uv_layers] == ["UVMap"]


def test_what_has_no_mesh_becomes_a_copy() -> None:
    bpy.ops.object.text_add()
    text = bpy.context.object
    text.data.extrude = 0.1
    bpy.ops.curve.primitive_bezier_circle_add()
    ring = bpy.context.object
    ring.data.bevel_depth = 0.2
    bpy.ops.object.metaball_add()
    ball = bpy.context.object
    arrays, facts = sent(text, ring, ball)
    assert [(one["target"], one["uv"]) for one in facts] == [("copy", "new")] * 3
    assert (np.bincount(arrays["face_object"]) > 50).all()
    assert np.nanmean(outwards(arrays)) > 0.7  # text has slivers without area
    assert len(bpy.data.objects) == 3 and not [mesh for mesh in bpy.data.meshes if mesh.users == 0]


@pytest.mark.parametrize("kind", ["curve", "empty mesh"])
def test_no_faces_is_explained(kind: str) -> None:
    if kind == "curve":
        bpy.ops.curve.primitive_bezier_circle_add()
        obj = bpy.context.object
    else:
        obj = bpy.data.objects.new("Nothing", bpy.data.meshes.new("Nothing"))
        bpy.context.scene.collection.objects.link(obj)
    with pytest.raises(Fault, match="has no faces") as caught:
        sent(obj)
    assert caught.value.hint


def test_linked_objects_are_copied_and_linked_meshes_take_slots(tmp_path: Path) -> None:
    obj = cube()
    obj.name = "Asset"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "lib.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "lib.blend"), link=True) as (_, wanted):
        wanted.objects = ["Asset"]
    linked = bpy.data.objects["Asset"]
    bpy.context.scene.collection.objects.link(linked)
    _, (facts,) = sent(linked)
    assert facts["target"] == "copy" and facts["uv"] == "own"


def test_slots_prompts_and_several_objects() -> None:
    one, two = cube(), cube(uvs=False)
    for name in ("Body", "Glass"):
        one.data.materials.append(bpy.data.materials.new(name))
    one.data.polygons[0].material_index = 1
    one.data.polygons[1].material_index = 7  # no such slot
    two["aigc_prompt"] = "rusty iron"
    arrays, facts = sent(one, two)
    assert facts[0]["slots"] == ["Body", "Glass"] and facts[1]["prompt"] == "rusty iron"
    assert sorted(np.unique(arrays["face_slot"])) == [0, 1]
    assert arrays["face_object"].tolist() == [0] * 12 + [1] * 12


def test_edit_mode_counts_and_stays() -> None:
    obj = cube()
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.subdivide()
    arrays, _ = sent(obj)
    assert len(arrays["faces"]) == 48 and obj.mode == "EDIT"


def test_too_many_triangles_are_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted over all objects, with their modifiers, before one is unwrapped; of what is only looked at, too."""
    first, second = cube(uvs=False), cube(uvs=False)
    second.modifiers.new("Rows", "ARRAY").count = 3
    monkeypatch.setattr(evaluated, "MOST_TRIANGLES", 47)
    monkeypatch.setattr(mesh_module, "smart_projected", lambda *_: pytest.fail("it was unwrapped"))
    for read in (mesh_module.mesh_blob, mesh_module.shape_blob):
        with pytest.raises(Fault, match="have 48 triangles; 47 is the limit") as told:
            read([first, second], bpy.context.scene)
        assert "subdivision" in told.value.hint
    monkeypatch.undo()
    assert len(sent(first, second)[0]["faces"]) == 48


def test_polygons_count_as_the_triangles_that_are_sent() -> None:
    """Quads, a cone's end of 32 corners, caps of text; in Edit Mode what is there now."""
    bpy.ops.mesh.primitive_cone_add()
    cone = bpy.context.object
    bpy.ops.object.text_add()
    text = bpy.context.object
    text.data.extrude = 0.1
    ball = cube()
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.subdivide(number_cuts=2)
    assert check_surfaces([cone, text, ball]) == len(sent(cone, text, ball)[0]["faces"])


def test_a_large_mesh_goes_by_whole_arrays() -> None:
    """Half a million triangles; the time for one of them at a time would be over the limit of the test."""
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=500, y_subdivisions=500)
    arrays, (facts,) = sent(bpy.context.object)
    assert len(arrays["faces"]) == 2 * 499 * 499 or len(arrays["faces"]) == 2 * 500 * 500
    assert facts["uv"] == "own"


def test_odd_meshes_are_taken_as_they_are() -> None:
    """Three faces at an edge, a face twice, one without area, loose vertices and edges, slots that are not there."""
    points = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0.5, 0, 0), (3, 3, 3), (4, 4, 4)]
    faces = [(0, 1, 2), (0, 1, 3), (0, 1, 4), (0, 1, 4), (0, 5, 1)]
    mesh = bpy.data.meshes.new("Odd")
    mesh.from_pydata(points, [(6, 7)], faces)
    mesh.polygons.foreach_set("material_index", [0, 3, 7, 1, 0])
    obj = bpy.data.objects.new("Odd", mesh)
    bpy.context.scene.collection.objects.link(obj)
    arrays, _ = sent(obj)
    assert len(arrays["faces"]) == 5 and set(arrays["face_slot"]) == {0}
    assert np.isfinite(arrays["corner_uvs"]).all() and np.isfinite(arrays["corner_normals"]).all()
    mesh.materials.append(None)
    mesh.materials.append(bpy.data.materials.new("Second"))
    assert set(sent(obj)[0]["face_slot"]) == {0, 1}


def test_a_mirror_does_not_spoil_a_layer_that_serves() -> None:
    """Its halves lie over each other, and so would they on any new layer; one that lies over itself gets a new one."""
    obj = cube()
    obj.location.x = 3
    obj.modifiers.new("Mirror", "MIRROR").mirror_object = bpy.data.objects.new("Middle", None)
    _, (facts,) = sent(obj)
    assert (facts["uv"], facts["layer"]) == ("own", "UVMap")
    same = np.tile(np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]), (6, 1))
    obj.data.uv_layers[0].uv.foreach_set("vector", same.reshape(-1))
    _, (facts,) = sent(obj)
    assert (facts["uv"], facts["layer"]) == ("new", LAYER)
