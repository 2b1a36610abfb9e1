"""What is done with a finished picture: compared, behind the camera, in the compositor, projected onto objects."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Vector
from scene_state import differences, state_beside_copies

from blender_aigc import before, preferences
from blender_aigc.apply.compare import split_picture
from blender_aigc.apply.compositor import compositor_of
from blender_aigc.apply.projection import Shot
from blender_aigc.apply.scene import JOB
from blender_aigc.gather.image import image_blob
from blender_aigc.gather.passes import passes_blob, passes_meta, render_passes
from blender_aigc.gather.rendered import PASSES
from blender_aigc.protocol import Blob, Fault, Job, JobStatus, Provenance, Result
from blender_aigc.state import STATE, Record

SIZE = (180, 120)


@pytest.fixture
def scene(studio: Path) -> bpy.types.Scene:
    """A large ground, a box on it and a small box behind that the camera does not see; red, under a view transform."""
    made = bpy.context.scene
    red = bpy.data.materials.new("Red")
    if red.node_tree is None:
        red.use_nodes = True
    red.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.8, 0.02, 0.02, 1)
    for name, size, location in (("Ground", 30, (0, 0, -15)), ("Box", 2, (0, 0, 1)), ("Hidden", 0.8, (0, 3, 0.4))):
        bpy.ops.mesh.primitive_cube_add(size=size, location=location)
        bpy.context.object.name = name
        bpy.context.object.data.materials.append(red)
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0))
    bpy.context.object.data.energy = 3
    camera((0.5, -7, 2.5))
    made.render.engine, made.cycles.samples, made.cycles.use_denoising = "CYCLES", 8, False
    made.render.resolution_x, made.render.resolution_y = SIZE
    made.view_settings.view_transform = "AgX"
    for obj in made.objects:
        obj.select_set(obj.name in ("Ground", "Box", "Hidden"))
    return made


def camera(location: tuple[float, float, float], target=(0, 0, 0.7)) -> None:
    data = bpy.data.cameras.new("Eye")
    data.shift_x, data.shift_y = 0.06, -0.04
    made = bpy.data.objects.new("Eye", data)
    made.location = location
    made.rotation_euler = (Vector(target) - Vector(location)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(made)
    bpy.context.scene.camera = made


@pytest.fixture
def result(scene: bpy.types.Scene) -> bpy.types.Image:
    """Waves without red, which the red material cannot make, in colours that can pass through AgX (not all can)."""
    job = made_from(passes_blob(render_passes(scene, PASSES)))
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    waves = np.stack([0.3 + 0 * x, 0.45 + 0.15 * np.sin(x / 20), 0.5 + 0.15 * np.cos(y / 16), 1 + 0 * x], -1)
    painted = bpy.data.images.new("Waves", *SIZE)
    painted.pixels.foreach_set(waves[::-1].astype(np.float32).ravel())
    painted.pack()
    painted[JOB] = job
    return painted


def made_from(stored: tuple[bytes, str]) -> str:
    """A line of the results list for a picture that was made from this; the id of its job."""
    data, suffix = stored
    blob = Blob(hashlib.sha256(data).hexdigest(), suffix)
    folder = preferences.data_path() / "blobs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / blob.file_name).write_bytes(data)
    job = Job(str(uuid.uuid4()), "render_image", "stylise", {"passes": blob})
    origin = Provenance("0", "render_image", "stylise", "", "", "", 0, {}, {}, "now")
    STATE.add(Record(JobStatus(job.id, "done", 1, "", result=Result(job, (), origin)), "Waves"))
    return job.id


def pixels(image: bpy.types.Image) -> np.ndarray:
    """(H, W, 4) float32, row 0 on top."""
    flat = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(image.size[1], image.size[0], 4)[::-1]


def rendered(samples: int = 8) -> np.ndarray:
    """(H, W, 3) of the scene as it is now, 0..1 sRGB."""
    bpy.context.scene.cycles.samples = samples
    return render_passes(bpy.context.scene, frozenset({"combined"}))["combined"][..., :3].astype(np.float32) / 255


# ------------------------------------------------------------------------------------------------------------ compare


def test_what_it_was_made_from_is_found_again(result: bpy.types.Image) -> None:
    passes = before.given_passes(STATE.results[0], preferences.data_path() / "blobs")
    assert passes["combined"].shape == (SIZE[1], SIZE[0], 4) and "depth" in passes
    assert before.camera_of(passes)["camera"] == "PERSP"
    for path in (preferences.data_path() / "blobs").glob("*.npz"):
        path.unlink()
    with pytest.raises(Fault, match="not kept any more"):
        before.given_passes(STATE.results[0], preferences.data_path() / "blobs")


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_compared_picture_is_split(addon: None, share: float) -> None:
    after = bpy.data.images.new("after", 40, 30)
    after.pixels.foreach_set(np.full(40 * 30 * 4, 0.25, np.float32))
    other = np.zeros((60, 80, 4), np.uint8)
    other[:30, :, 0] = 255
    other[..., 3] = 255
    shown = pixels(split_picture(other, after, share))
    column = round(share * 40)
    left, right = shown[:, : max(0, column - 1)], shown[:, column + 1 :]
    assert (left[:15, :, 0] == 1).all() and (left[15:, :, 0] == 0).all()
    assert np.abs(right - 0.25).max(initial=0) < 0.01
    count, first = len(bpy.data.images), bpy.data.images["after | Compare"]
    again = split_picture(other, after, 0.5)
    assert len(bpy.data.images) == count and again == first, "one picture, that editors show, for all positions"


def test_the_operator_compares(result: bpy.types.Image) -> None:
    assert bpy.ops.aigc.compare(job_id=result[JOB], share=0.5) == {"FINISHED"}
    shown = pixels(bpy.data.images["Waves | Compare"])
    combined = before.given_passes(STATE.results[0], preferences.data_path() / "blobs")["combined"]
    assert np.abs(shown[:, :88] - combined[:, :88] / 255).max() < 0.01
    assert np.abs(shown[:, 92:] - pixels(result)[:, 92:]).max() < 0.01


def test_behind_the_camera(result: bpy.types.Image) -> None:
    """As large as the view, over it; a second time the same entry, shown again; the user's own stays, switched off."""
    data = bpy.context.scene.camera.data
    own = data.background_images.new()
    for _ in range(2):
        assert bpy.ops.aigc.behind_camera(job_id=result[JOB]) == {"FINISHED"}
        made = data.background_images[-1]
        assert made.show_background_image and data.show_background_images
        assert (made.alpha, made.display_depth, made.frame_method) == (1.0, "FRONT", "STRETCH")
        made.show_background_image = data.show_background_images = False
        made.alpha, made.display_depth, made.frame_method = 0.5, "BACK", "FIT"
    assert [entry.image for entry in data.background_images] == [None, result]
    assert not own.show_background_image
    bpy.context.scene.camera = None
    with pytest.raises(RuntimeError, match="no camera"):
        bpy.ops.aigc.behind_camera(job_id=result[JOB])


# --------------------------------------------------------------------------------------------------------- compositor


def use_compositor(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """The user's: a render that goes out as it is."""
    if hasattr(scene, "compositing_node_group"):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Mine", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        out = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        out = tree.nodes.new("CompositorNodeComposite")
    layers = tree.nodes.new("CompositorNodeRLayers")
    tree.links.new(layers.outputs["Image"], out.inputs[0])
    return tree


def test_without_a_compositor_only_the_group_is_made(result: bpy.types.Image) -> None:
    scene = bpy.context.scene
    assert bpy.ops.aigc.to_compositor(job_id=result[JOB]) == {"FINISHED"}
    assert compositor_of(scene) is None
    group = bpy.data.node_groups["AIGC Waves"]
    assert group.use_fake_user and [s.name for s in group.interface.items_tree if s.in_out == "OUTPUT"] == [
        "Image", "Result", "Alpha"]  # fmt: skip


def test_the_compositor_gives_the_picture_back(result: bpy.types.Image) -> None:
    """Unlinked it changes nothing; linked, the picture comes out of the view transform as it is."""
    scene = bpy.context.scene
    tree = use_compositor(scene)
    scene.view_settings.exposure = 0.5
    plain = rendered()
    links = len(tree.links)
    assert bpy.ops.aigc.to_compositor(job_id=result[JOB]) == {"FINISHED"}
    assert len(tree.links) == links and np.abs(rendered() - plain).max() < 0.02
    node = tree.nodes.active
    target = next(n for n in tree.nodes if n.type in ("COMPOSITE", "GROUP_OUTPUT"))
    layers = next(n for n in tree.nodes if n.type == "R_LAYERS")
    tree.links.new(layers.outputs["Image"], node.inputs["Image"])
    tree.links.new(node.outputs["Image"], target.inputs[0])
    assert np.abs(rendered() - pixels(result)[..., :3]).max() < 0.03
    node.inputs["Factor"].default_value = 0.0
    assert np.abs(rendered() - plain).max() < 0.02


# --------------------------------------------------------------------------------------------------------- projection


def difference(seen: np.ndarray, result: bpy.types.Image) -> np.ndarray:
    return np.abs(seen - pixels(result)[..., :3]).max(-1)


def test_from_its_own_camera_a_projection_is_the_picture(result: bpy.types.Image) -> None:
    """On faces as large as the ground, through AgX and an exposure; borders of objects are a pixel wide."""
    old = bpy.data.materials["Red"]
    bpy.context.scene.view_settings.exposure = 0.5
    before_uv = [layer.name for layer in bpy.data.objects["Box"].data.uv_layers]
    assert bpy.ops.aigc.project(job_id=result[JOB]) == {"FINISHED"}
    off = difference(rendered(1), result)
    ground = np.s_[60:, :]
    assert np.median(off) < 0.02 and np.percentile(off[ground], 97) < 0.06
    box = bpy.data.objects["Box"]
    assert [layer.name for layer in box.data.uv_layers] == [*before_uv, "AIGC Waves"]
    assert box.data.materials[0] is old and box.material_slots[0].material is not old
    assert len(old.node_tree.nodes) == 2, "the user's material is as it was"


def test_an_orthographic_camera_throws_it_too_and_not_behind_itself(result: bpy.types.Image) -> None:
    eye = bpy.context.scene.camera
    eye.data.type, eye.data.ortho_scale = "ORTHO", 7.0
    bpy.context.view_layer.update()
    bpy.ops.mesh.primitive_cube_add(size=1, location=eye.matrix_world @ Vector((0, 0, 3)))
    bpy.context.object.name = "Behind"
    bpy.context.object.data.materials.append(bpy.data.materials["Red"])
    for obj in bpy.context.scene.objects:
        obj.select_set(obj.type == "MESH")
    result[JOB] = made_from(passes_blob(render_passes(bpy.context.scene, PASSES)))
    assert bpy.ops.aigc.project(job_id=result[JOB]) == {"FINISHED"}
    off = difference(rendered(1), result)
    assert np.median(off) < 0.02 and np.percentile(off[60:], 97) < 0.06
    behind = bpy.data.objects["Behind"].location
    camera(behind + Vector((0, -3, 3)), target=behind)
    passes = render_passes(bpy.context.scene, frozenset({"combined", "object_id"}))
    surface = passes["object_id"] == passes_meta(passes)["objects"].index("Behind")
    colour = passes["combined"][surface & (passes["combined"][..., :3].max(-1) > 12)][:, :3].astype(int)
    assert len(colour) > 500 and (colour[:, 0] > 1.5 * colour[:, 2] + 5).mean() > 0.94


def test_the_stored_depth_does_not_reach_over_the_outline_of_an_object(result: bpy.types.Image) -> None:
    """It is the farthest of a pixel's neighbours on the same object, not of what is behind it."""
    assert bpy.ops.aigc.project(job_id=result[JOB]) == {"FINISHED"}
    passes = before.given_passes(STATE.results[0], preferences.data_path() / "blobs")
    box = passes["object_id"] == passes_meta(passes)["objects"].index("Box")
    stored = pixels(bpy.data.images["Waves | Depth"])[..., 0]
    assert stored[box].max() < 1.005 * passes["depth"][box].max() < passes["depth"][~box].max()
    assert (stored >= 0.995 * np.minimum(passes["depth"], 6e4)).all()


def test_its_button_puts_it_on_in_one_step_that_undo_takes_back(result: bpy.types.Image) -> None:
    bpy.ops.ed.undo_push(message="before")
    before = state_beside_copies()
    job = result[JOB]
    assert bpy.ops.aigc.project(job_id=job) == {"FINISHED"}
    assert "AIGC" in bpy.data.objects["Box"].material_slots[0].material.name and len(bpy.data.node_groups)
    bpy.ops.ed.undo_push(message="Project")
    bpy.ops.ed.undo()
    left = differences(before, state_beside_copies())
    assert [line for line in left if "is_runtime_data" not in line] == []  # of lights: Blender's own, after any undo


def test_steep_surfaces_do_not_hide_themselves(result: bpy.types.Image) -> None:
    """A ground seen at a grazing angle: from one pixel to the next it is many per cent farther."""
    camera((0.5, -7, 0.25), target=(0.5, 0, 0.15))
    result[JOB] = made_from(passes_blob(render_passes(bpy.context.scene, PASSES)))
    assert bpy.ops.aigc.project(job_id=result[JOB]) == {"FINISHED"}
    passes = render_passes(bpy.context.scene, frozenset({"combined", "object_id", "depth"}))
    ground = passes["object_id"] == passes_meta(passes)["objects"].index("Ground")
    steep = ground & (np.abs(np.gradient(np.where(ground, passes["depth"], 0), axis=0)) > 0.05 * passes["depth"])
    steep[1:] &= ground[:-1]
    steep[:-1] &= ground[1:]
    off = difference(passes["combined"][..., :3].astype(np.float32) / 255, result)
    assert steep.sum() > 200 and np.percentile(off[steep], 90) < 0.06


def test_the_uv_layer_holds_the_same_place(result: bpy.types.Image) -> None:
    """For other programs and for painting: the corner of the box, as its modifier has moved it, where Blender projects
    it.
    """
    from bpy_extras.object_utils import world_to_camera_view

    box = bpy.data.objects["Box"]
    box.modifiers.new("Swell", "DISPLACE").strength = 0.3
    bpy.ops.aigc.project(job_id=result[JOB])
    moved = box.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.vertices
    for loop in box.data.loops:
        there = world_to_camera_view(
            bpy.context.scene, bpy.context.scene.camera, box.matrix_world @ moved[loop.vertex_index].co
        )
        assert (Vector(there[:2]) - box.data.uv_layers["AIGC Waves"].uv[loop.index].vector).length < 1e-4
    sticks = next(a for a in box.data.attributes if a.name.startswith("AIGC Waves") and a.domain == "POINT")
    camera = bpy.context.scene.camera.matrix_world.inverted() @ box.matrix_world
    assert max((camera @ v.co - sticks.data[v.index].vector).length for v in moved) < 1e-4


def test_what_the_camera_did_not_see_keeps_its_material(result: bpy.types.Image) -> None:
    """From behind: the back of the box, the small box behind it and its shadow on the ground stay red."""
    bpy.ops.aigc.project(job_id=result[JOB])
    camera((0.5, 9, 3))
    passes = render_passes(bpy.context.scene, frozenset({"combined", "object_id", "normal", "position"}))
    names = passes_meta(passes)["objects"]
    colour = passes["combined"][..., :3].astype(int)
    red = (colour[..., 0] > 1.5 * colour[..., 1] + 5) & (colour[..., 0] > 1.5 * colour[..., 2] + 5)
    lit = colour.max(-1) > 12
    for name in ("Box", "Hidden"):
        surface = (passes["object_id"] == names.index(name)) & lit & (passes["normal"][..., 1] < 0.7)
        assert surface.sum() > 100 and red[surface].mean() > 0.94, name
    ground = (passes["object_id"] == names.index("Ground")) & lit
    assert 0.05 < red[ground].mean() < 0.95, "some of the ground was seen, some was hidden by the box"
    given = before.given_passes(STATE.results[0], preferences.data_path() / "blobs")
    shot = Shot.of(before.camera_of(given), given)
    there = passes["position"][ground] @ shot.blender_from_world[:3, :3].T + shot.blender_from_world[:3, 3]
    uv = shot.uv(there)
    outside = (there[:, 2] > 0) | (uv < -0.01).any(1) | (uv > 1.01).any(1)
    assert outside.sum() > 300 and red[ground][outside].mean() > 0.99, "beside its frame and behind it"


def test_it_sticks_when_the_object_moves(result: bpy.types.Image) -> None:
    bpy.ops.aigc.project(job_id=result[JOB])
    first = rendered(1)
    for obj in bpy.context.scene.objects:
        if obj.type in ("MESH", "CAMERA", "LIGHT"):
            obj.location += Vector((3, 1, 2))
    assert np.percentile(np.abs(rendered(1) - first).max(-1), 98) < 0.03


@pytest.mark.parametrize("change", ["subdivided", "shared", "curve"])
def test_where_it_cannot_stick_an_empty_leads_it(result: bpy.types.Image, change: str) -> None:
    """Modifiers that make vertices, shared meshes, and what is no mesh."""
    box = bpy.data.objects["Box"]
    if change == "subdivided":
        box.modifiers.new("Subdivision", "SUBSURF").subdivision_type = "SIMPLE"
    elif change == "shared":
        bpy.data.objects["Hidden"].data = box.data
        bpy.data.objects["Hidden"].scale = (0.4, 0.4, 0.4)
    else:
        bpy.data.objects.remove(box)
        bpy.ops.object.text_add(location=(-0.5, -1, 0.8), rotation=(np.pi / 2, 0, 0))
        box = bpy.context.object
        box.data.extrude = 0.1
        box.name = "Box"
    for obj in bpy.context.scene.objects:
        obj.select_set(obj == box)
    assert bpy.ops.aigc.project(job_id=result[JOB]) == {"FINISHED"}
    assert any(obj.type == "EMPTY" for obj in bpy.context.scene.objects)
    passes = render_passes(bpy.context.scene, frozenset({"combined", "object_id"}))
    names = passes_meta(passes)["objects"]
    on_box = passes["object_id"] == names.index("Box")
    off = difference(passes["combined"][..., :3].astype(np.float32) / 255, result)
    assert on_box.sum() > 200 and np.median(off[on_box]) < 0.05


def test_nothing_to_project_on_is_said(result: bpy.types.Image) -> None:
    count = len(bpy.data.materials), len(bpy.data.images), len(bpy.data.node_groups)
    for obj in bpy.context.scene.objects:
        obj.select_set(False)
    with pytest.raises(RuntimeError, match="No object with a surface is selected"):
        bpy.ops.aigc.project(job_id=result[JOB])
    assert (len(bpy.data.materials), len(bpy.data.images), len(bpy.data.node_groups)) == count


def test_a_picture_without_a_camera_cannot_be_projected(studio: Path, result: bpy.types.Image) -> None:
    result[JOB] = made_from(image_blob(result))
    with pytest.raises(RuntimeError, match="its camera is not known"):
        bpy.ops.aigc.project(job_id=result[JOB])


def test_a_saved_file_keeps_the_projection(result: bpy.types.Image, tmp_path: Path) -> None:
    """The depth is packed, not a file in a folder that is cleared."""
    bpy.ops.aigc.project(job_id=result[JOB])
    shown = rendered(1)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert np.abs(rendered(1) - shown).max() < 0.01
