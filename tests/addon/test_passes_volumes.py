"""Fog does not make holes into the passes: what is behind it is seen whole, wherever the fog is kept in the scene."""

from __future__ import annotations

import itertools
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

WANTED = frozenset({"depth", "object_id", "normal", "mask", "ao"})


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


def as_particles(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    """Five clouds around a spot, one in another."""
    bpy.ops.mesh.primitive_plane_add(size=2, location=(0, -3, 0.5))
    emitter = bpy.context.object
    bpy.ops.object.modifier_add(type="PARTICLE_SYSTEM")
    settings = emitter.particle_systems[0].settings
    settings.type, settings.count, settings.use_advanced_hair = "HAIR", 5, True
    settings.render_type, settings.instance_object, settings.particle_size = "OBJECT", fog, 0.5
    emitter.show_instancer_for_render = False
    fog.location.x = 50


def on_points(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    """On the corners of a face, as their parent says; with a material of the object, not of the mesh."""
    bpy.ops.mesh.primitive_plane_add(size=2, location=(0, -3, 0.5))
    emitter, material = bpy.context.object, fog.active_material
    fog.parent, fog.location = emitter, (0, 0, 0)
    emitter.instance_type, emitter.show_instancer_for_render = "VERTS", False
    fog.material_slots[0].link, fog.data.materials[0] = "OBJECT", None
    fog.material_slots[0].material = material


def nodes_on(scene: bpy.types.Scene, fog: bpy.types.Object, first: str, *others: str) -> bpy.types.NodeTree:
    """A mesh at the fog's place that is made of these geometry nodes, one after the other; the fog goes away."""
    bpy.ops.mesh.primitive_plane_add(size=2, location=fog.location)
    tree = bpy.data.node_groups.new("Nodes", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    bpy.context.object.modifiers.new("Nodes", "NODES").node_group = tree
    made = [tree.nodes.new(kind) for kind in (first, *others, "NodeGroupOutput")]
    for before, after in itertools.pairwise(made):
        source = next(socket for socket in before.outputs if socket.type == "GEOMETRY")
        tree.links.new(source, after.inputs[0])
        if before.bl_idname == "GeometryNodeSetMaterial":
            before.inputs["Material"].default_value = fog.active_material
    fog.location.x = 50
    return tree


def as_instance_of_nodes(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    tree = nodes_on(scene, fog, "GeometryNodeObjectInfo")
    tree.nodes[0].inputs["Object"].default_value = fog
    tree.nodes[0].inputs["As Instance"].default_value = True


def made_by_nodes(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    tree = nodes_on(scene, fog, "GeometryNodeMeshCube", "GeometryNodeSetMaterial")
    tree.nodes[0].inputs["Size"].default_value = 3, 3, 3


def made_and_instanced_by_nodes(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    """No object stands for it at all."""
    tree = nodes_on(scene, fog, "GeometryNodeMeshCube", "GeometryNodeSetMaterial", "GeometryNodeGeometryToInstance")
    tree.nodes[0].inputs["Size"].default_value = 3, 3, 3


def a_grid_of_nodes(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    """As smoke and clouds from files are: a volume, not a mesh."""
    kinds = "GeometryNodeVolumeCube", "GeometryNodeSetMaterial", "GeometryNodeGeometryToInstance"
    tree = nodes_on(scene, fog, *kinds)
    tree.nodes[0].inputs["Density"].default_value = 3


def with_a_clear_surface(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    tree = fog.active_material.node_tree
    clear = tree.nodes.new("ShaderNodeBsdfTransparent")
    tree.links.new(clear.outputs[0], tree.nodes["Material Output"].inputs["Surface"])


def all_over_the_world(scene: bpy.types.Scene, fog: bpy.types.Object) -> None:
    bpy.data.objects.remove(fog)
    scene.world = bpy.data.worlds.new("Misty")
    if scene.world.node_tree is None:
        scene.world.use_nodes = True
    tree = scene.world.node_tree
    mist = tree.nodes.new("ShaderNodeVolumePrincipled")
    mist.inputs["Density"].default_value = 3.0
    tree.links.new(mist.outputs[0], tree.nodes["World Output"].inputs["Volume"])


PLACES = [
    *(in_the_scene, in_a_collection, in_an_instance, as_particles, on_points, as_instance_of_nodes, made_by_nodes),
    *(made_and_instanced_by_nodes, a_grid_of_nodes, with_a_clear_surface, all_over_the_world),
]


@pytest.mark.parametrize("place", PLACES)
def test_what_is_behind_fog_is_seen_whole(place, capfd) -> None:
    scene = scene_of()
    bpy.ops.object.select_all(action="DESELECT")
    behind = ball("Ball")
    clear = render_passes(scene, WANTED, selected=[behind])
    fog = foggy(box("Fog", (0, -3, 0.5), 3))
    assert is_volume(fog) and not is_volume(behind)
    place(scene, fog)
    capfd.readouterr()
    before = state_beside_copies()
    passes = render_passes(scene, WANTED, selected=[behind])
    assert differences(before, state_beside_copies()) == []
    assert set(passes_meta(passes)["objects"]) - {"Beside"} == {"", "Ball"}
    for name in WANTED:
        assert np.array_equal(passes[name], clear[name]), name
    assert "ERROR" not in "".join(capfd.readouterr()), "Blender complains about what is done to evaluated data"


def test_fog_is_in_the_picture_and_stays_the_users() -> None:
    """What was left out of the passes is rendered again right after them."""
    scene = scene_of(32, 24)
    ball("Ball")
    bpy.ops.object.light_add(type="SUN", location=(0, -5, 5), rotation=(0.8, 0, 0))
    bpy.context.object.data.energy = 5
    clear = render_passes(scene, frozenset({"combined"}))["combined"].astype(int)
    fog = foggy(box("Fog", (0, -3, 0.5), 3))
    made_by_nodes(scene, fog)
    passes = render_passes(scene, frozenset({"depth", "combined"}))
    assert np.abs(passes["combined"].astype(int) - clear).mean() > 3
    assert not [name for name in bpy.data.materials.keys() if name.startswith("AIGC")]
    assert not [function for function in bpy.app.handlers.frame_change_post if "volumes" in function.__module__]


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


def test_smoke_without_a_material_is_left_out_too() -> None:
    """Blender gives it one of its own when it renders."""
    scene, wanted = scene_of(), frozenset({"depth", "object_id", "normal"})
    ball("Ball")
    clear = render_passes(scene, wanted)
    smoke = smoke_of(ball("Shape", (0, -3, 0.5)), 50.0)
    smoke.data.materials.clear()
    passes = render_passes(scene, wanted)
    assert all(np.array_equal(passes[name], clear[name]) for name in wanted)


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
