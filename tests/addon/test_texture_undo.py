"""A texture is one undo step, and nothing of the user's is touched: compared over every property that Blender has."""

from __future__ import annotations

import io
from pathlib import Path

import bpy
import numpy as np
import pytest
from scene_state import differences, scene_state
from test_texture_mesh import cube, in_the_tab
from test_texture_part import grid, painted

from blender_aigc import batch
from blender_aigc.gather.mesh import mesh_blob
from blender_aigc.state import STATE

MINE = ("meshes[", "materials[", "images[", "objects[", "node_groups[", "curves[", "collections[", "scenes[")
OURS = ("aigc_uid", ".aigc.", "objects['Text'].bound_box", "objects['Text'].dimensions")
"""Our own marks and settings; and the box of the letters, which Blender computes when it likes."""


def rich() -> list[bpy.types.Object]:
    """Things with all that could be spoilt: layers, attributes, groups, shape keys, modifiers, slots, animation."""
    plate = grid()
    painted(plate)
    mesh = plate.data
    second = mesh.uv_layers.new(name="Second")
    second.uv.foreach_set("vector", np.float32([[3 * n, 0.5] for n in range(len(mesh.loops))]).reshape(-1))
    mesh.uv_layers.active_index = 0
    mesh.uv_layers["Mine"].active_render = True
    mesh.color_attributes.new("Tint", "BYTE_COLOR", "CORNER")
    mesh.attributes.new("Wear", "FLOAT", "FACE").data.foreach_set("value", [0.25, 1.0])
    plate.vertex_groups.new(name="Group").add([0, 1], 0.5, "REPLACE")
    plate.shape_key_add(name="Basis")
    plate.shape_key_add(name="Bent")
    plate.modifiers.new("Subdivision", "SUBSURF").levels = 1
    plate.modifiers.new("Split", "EDGE_SPLIT")
    plate["mine"] = 7
    plate.keyframe_insert("location", frame=1)
    bare = cube("Bare", uvs=False)
    bare.data.materials.append(bpy.data.materials.new("Paint"))
    bare.data.materials.append(None)
    bare.modifiers.new("Bevel", "BEVEL")
    bare.scale = (-1, 1, 2)
    bpy.ops.object.text_add(location=(0, 3, 0))
    text = bpy.context.object
    text.data.extrude = 0.1
    for obj in (plate, bare, text):
        obj.select_set(True)
    return [plate, bare, text]


def test_reading_changes_nothing_at_all(addon: None) -> None:
    objects = rich()
    before = scene_state()
    mesh_blob(objects, bpy.context.scene)
    assert differences(before, scene_state()) == []


@pytest.fixture
def placed(studio: Path):
    """(state before, state after) of a texture from the tab; its undo step is the last one."""
    rich()
    in_the_tab("mossy brick")
    bpy.ops.ed.undo_push(message="before")
    before = scene_state()
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    after = scene_state()
    bpy.ops.ed.undo_push(message="AIGC")
    yield before, after
    batch.close()


def test_what_is_the_users_stays(placed) -> None:
    """Meshes, materials, images, modifiers, node trees: an object gets other slots, a mesh a layer beside its own."""
    before, after = placed
    changed = [key for key in before if key.startswith(MINE) and before[key] != after.get(key)]
    allowed = (".view_layers[", ".material_slots[", "aigc", ".users", ".uv_layer", ".attributes", ".active_material")
    allowed += (".hide_get", ".length")
    odd = [key for key in changed if not any(word in key for word in allowed)]
    assert odd == [], [f"{key}: {before[key]} -> {after.get(key)}" for key in odd[:20]]
    plate = [key for key in changed if key.startswith("meshes['Grid']")]
    assert plate == [], "its UV map serves, so nothing of the mesh changes, users included"
    bare = bpy.data.objects["Bare"].data
    assert [layer.name for layer in bare.uv_layers] == ["AIGC UV"] and bare.materials[1] is None


def test_undo_takes_all_of_it_back_and_redo_brings_it_again(placed) -> None:
    before, after = placed
    bpy.ops.ed.undo()
    found = differences(before, scene_state())
    assert [line for line in found if not any(word in line for word in OURS)] == []
    bpy.ops.ed.redo()
    found = differences(after, scene_state())
    assert [line for line in found if not any(word in line for word in OURS)] == []


def test_whatever_changes_objects_is_a_step_of_its_own(addon: None) -> None:
    """Blender makes the step of an operator that says so; here, without a window, the tests make it themselves."""
    for name in ("apply", "remove_result", "original_materials", "debug_view"):
        assert "UNDO" in getattr(bpy.types, f"AIGC_OT_{name}").bl_options, name


def test_removing_the_result_takes_all_of_it_back(placed) -> None:
    before, _ = placed
    assert bpy.ops.aigc.remove_result(job_id=STATE.results[0].job_id) == {"FINISHED"}
    found = differences(before, scene_state())
    assert [line for line in found if not any(word in line for word in (*OURS, ".active:", ".selected:"))] == []


def test_facts_of_the_mesh_say_what_was_meant(addon: None) -> None:
    """Only a guard for the fixture: the plate's own map serves, the others get new ones."""
    objects = rich()
    stored = np.load(io.BytesIO(mesh_blob(objects, bpy.context.scene)[0]))
    assert {"new_uvs_1", "new_uvs_2"} <= set(stored.files) and "new_uvs_0" not in stored.files
