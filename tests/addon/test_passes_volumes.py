"""Fog does not make holes into the passes: what is behind it is seen whole, wherever the fog is kept in the scene."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from scene_state import differences, state_beside_copies
from test_passes import ball, box, scene_of

from blender_aigc.faults import Fault
from blender_aigc.gather.frames import Frames
from blender_aigc.gather.hulls import THINNEST
from blender_aigc.gather.passes import passes_meta, render_passes
from blender_aigc.gather.sources import Render
from blender_aigc.gather.volumes import is_volume

WANTED = frozenset({"depth", "object_id", "normal", "mask"})


def foggy(obj: bpy.types.Object) -> bpy.types.Object:
    """Turn `obj` into thick fog."""
    material = bpy.data.materials.new("Fog")
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    scatter, out = tree.nodes.new("ShaderNodeVolumePrincipled"), tree.nodes.new("ShaderNodeOutputMaterial")
    scatter.inputs["Density"].default_value = 3.0
    tree.links.new(scatter.outputs[0], out.inputs["Volume"])
    obj.data.materials.append(material)
    return obj


def into(collection: bpy.types.Collection, obj: bpy.types.Object) -> None:
    for other in obj.users_collection:
        other.objects.unlink(obj)
    collection.objects.link(obj)


def in_the_scene(scene: bpy.types.Scene, fog: bpy.types.Object) -> None: ...


def in_a_collection(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    """Two levels down, beside collections whose settings must stay."""
    outer, inner, off = (bpy.data.collections.new(name) for name in ("Outer", "Inner", "Off"))
    scene.collection.children.link(off)
    scene.collection.children.link(outer)
    outer.children.link(inner)
    into(inner, fog)
    wall = box("Wall", (0, -4, 0), 3)
    into(off, wall)
    sub = bpy.data.collections.new("Sub")
    inner.children.link(sub)
    into(sub, box("Not this", (0, -4.5, 0), 3))
    top = scene.view_layers[0].layer_collection
    top.children["Off"].exclude = True
    top.children["Outer"].children["Inner"].children["Sub"].exclude = True


def in_an_instance(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    kit = bpy.data.collections.new("Kit")
    into(kit, fog)
    into(kit, box("Beside", (-30, 0, 0)))
    holder = bpy.data.objects.new("Holder", None)
    holder.instance_type, holder.instance_collection = "COLLECTION", kit
    scene.collection.objects.link(holder)


@pytest.mark.parametrize("place", [in_the_scene, in_a_collection, in_an_instance])
def test_what_is_behind_fog_is_seen_whole(place) -> None:
    scene = scene_of()
    bpy.ops.object.select_all(action="DESELECT")
    behind = ball("Ball")
    clear = render_passes(scene, WANTED, selected=[behind])
    fog = foggy(box("Fog", (0, -3, 0.5), 3))
    assert is_volume(fog) and not is_volume(behind)
    place(scene, fog)
    before = state_beside_copies()
    passes = render_passes(scene, WANTED, selected=[behind])
    assert differences(before, state_beside_copies()) == []
    assert set(passes_meta(passes)["objects"]) - {"Beside"} == {"", "Ball"}
    for name in WANTED:
        assert np.array_equal(passes[name], clear[name]), name


def test_fog_alone_is_background_and_no_mistake() -> None:
    scene = scene_of()
    foggy(box("Fog"))
    passes = render_passes(scene, frozenset({"depth", "object_id", "line", "combined"}))
    assert np.isinf(passes["depth"]).all() and not passes["object_id"].any() and not passes["line"].any()


def test_a_mask_of_fog_is_refused_with_a_way_out() -> None:
    scene = scene_of(32, 24)
    ball("Ball")
    fog = foggy(box("Fog", (0, -3, 0.5), 3))
    with pytest.raises(Fault, match="no outline") as caught:
        render_passes(scene, frozenset({"mask"}), selected=[fog])
    assert caught.value.code == "bad_input" and "Paint" in caught.value.hint


def smoke_of(shape: bpy.types.Object, value: float = 1.0) -> bpy.types.Object:
    """A volume object full of smoke where `shape` is, which is not rendered itself."""
    shape.hide_render = True
    smoke = bpy.data.objects.new("Smoke", bpy.data.volumes.new("Smoke"))
    bpy.context.scene.collection.objects.link(smoke)
    modifier = smoke.modifiers.new("Fill", "MESH_TO_VOLUME")
    modifier.object, modifier.resolution_mode, modifier.voxel_size = shape, "VOXEL_SIZE", 0.1
    modifier.density, modifier.interior_band_width = value, 10.0
    return foggy(smoke)


MASK = frozenset({"mask"})


@pytest.mark.parametrize("keep", [True, False])
def test_smoke_is_masked_where_it_is_and_not_where_something_stands_before_it(keep: bool) -> None:
    scene = scene_of(64, 48)
    shape = ball("Shape")
    surface = render_passes(scene, MASK, selected=[shape])["mask"] > 127
    smoke = smoke_of(shape)
    assert is_volume(smoke)
    before = state_beside_copies()
    frames = Frames(scene, Render(passes=MASK | {"depth"}, selected=(smoke,)), keep)
    passes = frames.passes(1)
    mask = passes["mask"] > 127
    assert (mask & surface).sum() > 0.9 * surface.sum() and (mask & ~surface).sum() < 0.1 * surface.sum()
    assert np.isinf(passes["depth"]).all(), "only the mask sees it"
    frames.close()
    assert differences(before, state_beside_copies()) == []
    wall = box("Wall", (0, -3, 0.5), 1.2)
    hidden = render_passes(scene, MASK, selected=[smoke])["mask"] > 127
    front = render_passes(scene, MASK, selected=[wall])["mask"] > 127
    assert not (hidden & front).any() and 0 < hidden.sum() < mask.sum() - 20
    both = render_passes(scene, MASK, selected=[smoke, wall])["mask"] > 127
    assert not ((hidden | front) & ~both).any()


def test_the_mask_of_smoke_follows_it_from_frame_to_frame() -> None:
    scene = scene_of(64, 48)
    shape = ball("Shape", (-1.5, 0, 0))
    shape.keyframe_insert("location", frame=1)
    shape.location.x = 1.5
    shape.keyframe_insert("location", frame=2)
    frames = Frames(scene, Render(passes=MASK, selected=(smoke_of(shape),)), True)
    middles = [float(np.nonzero(frames.passes(frame)["mask"] > 127)[1].mean()) for frame in (1, 2)]
    frames.close()
    assert middles[1] > middles[0] + 10


def test_a_haze_and_what_the_shader_does_not_show_are_not_masked() -> None:
    scene = scene_of(32, 24)
    smoke = smoke_of(ball("Shape"), 0.5 * THINNEST)
    assert not render_passes(scene, MASK, selected=[smoke])["mask"].any()
    smoke.modifiers["Fill"].density = 1.0
    assert render_passes(scene, MASK, selected=[smoke])["mask"].any()
    shader = next(n for n in smoke.active_material.node_tree.nodes if n.type == "PRINCIPLED_VOLUME")
    shader.inputs["Density"].default_value, shader.inputs["Blackbody Intensity"].default_value = 0.0, 1.0
    assert not render_passes(scene, MASK, selected=[smoke])["mask"].any(), "a fire shows its flames, and has none here"


def test_what_has_a_surface_too_is_seen() -> None:
    """A glass of milk, and a cube of which only one face is fog."""
    scene = scene_of()
    milk = foggy(box("Milk"))
    tree = milk.active_material.node_tree
    tree.links.new(tree.nodes.new("ShaderNodeBsdfGlass").outputs[0], tree.nodes["Material Output"].inputs["Surface"])
    mixed = foggy(box("Mixed", (3, 0, 0)))
    mixed.data.materials.append(bpy.data.materials.new("Paint"))
    for face in list(mixed.data.polygons)[1:]:
        face.material_index = 1
    assert not is_volume(milk) and not is_volume(mixed)
    assert {"Milk", "Mixed"} <= set(passes_meta(render_passes(scene, frozenset({"object_id"})))["objects"])


@pytest.mark.parametrize("keep", [True, False])
def test_frames_of_a_sequence_are_clear_too(tmp_path: Path, keep: bool) -> None:
    scene = scene_of(32, 24)
    ball("Ball")
    clear = render_passes(scene, frozenset({"depth"}))["depth"]
    foggy(box("Fog", (0, -3, 0.5), 3))
    before = state_beside_copies()
    frames = Frames(scene, Render("workbench", passes=frozenset({"depth"})), keep)
    for frame in (1, 2):
        (tmp_path / f"{frame}.npz").write_bytes(frames.blob(frame)[0])
        with np.load(tmp_path / f"{frame}.npz") as read:
            assert np.array_equal(read["depth"], clear)
    frames.close()
    assert differences(before, state_beside_copies()) == []
