"""The values of the passes against geometry that can be computed by hand, in a scene that resists being measured."""

from __future__ import annotations

import io
import math
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Euler, Vector

from blender_aigc.gather.passes import PASSES, _data_render, passes_blob, passes_meta, render_passes
from blender_aigc.gather.render_state import CameraView, stage, view_of_matrices
from server.geometry.control_maps import control_depth, control_normal


def scene_of(width: int = 96, height: int = 64) -> bpy.types.Scene:
    """The empty file's scene with a camera at (1, -8, 2) that looks slightly down, rolled by 5 degrees."""
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    data = bpy.data.cameras.new("Eye")
    data.lens, data.shift_x, data.shift_y = 40, 0.05, -0.03
    camera = bpy.data.objects.new("Eye", data)
    camera.rotation_euler = Euler((math.radians(80), math.radians(5), math.radians(4)))
    camera.location = (1, -8, 2)
    scene.collection.objects.link(camera)
    scene.camera = camera
    return scene


def box(name: str, location: tuple[float, float, float] = (0, 0, 0), size: float = 2.0) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(size=size, location=location)
    bpy.context.object.name = name
    return bpy.context.object


def ball(name: str, location: tuple[float, float, float] = (0, 0, 0)) -> bpy.types.Object:
    bpy.ops.mesh.primitive_uv_sphere_add(segments=128, ring_count=64, location=location)
    bpy.ops.object.shade_smooth()
    bpy.context.object.name = name
    return bpy.context.object


def reprojection(passes: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Of every seen pixel: error of its projected world position in pixels (N, 2), error of its depth in metres."""
    facts = passes_meta(passes)
    camera_from_world = np.linalg.inv(np.array(facts["world_from_camera"]))
    rows, columns = np.nonzero(np.isfinite(passes["depth"]))
    points = (
        passes["position"][rows, columns].astype(np.float64) @ camera_from_world[:3, :3].T + camera_from_world[:3, 3]
    )
    k = facts["intrinsics_px"]
    scale = points[:, 2:] if facts["camera"] == "PERSP" else 1.0
    seen_at = points[:, :2] / scale * [k["fx"], k["fy"]] + [k["cx"], k["cy"]]
    return seen_at - np.stack([columns + 0.5, rows + 0.5], axis=1), points[:, 2] - passes["depth"][rows, columns]


GEOMETRY = frozenset({"depth", "position"})


def _plain(scene: bpy.types.Scene) -> None: ...


def _cropped(scene: bpy.types.Scene) -> None:
    scene.render.use_border = scene.render.use_crop_to_border = True
    scene.render.border_min_x, scene.render.border_max_x = 0.21, 0.83
    scene.render.border_min_y, scene.render.border_max_y = 0.13, 0.71


def _orthographic(scene: bpy.types.Scene) -> None:
    scene.camera.data.type, scene.camera.data.ortho_scale = "ORTHO", 7.0


def _upright(scene: bpy.types.Scene) -> None:
    scene.render.resolution_x, scene.render.resolution_y = 60, 90
    scene.render.pixel_aspect_x = 1.5


def _percentage(scene: bpy.types.Scene) -> None:
    scene.render.resolution_x, scene.render.resolution_percentage = 201, 50


def _parented(scene: bpy.types.Scene) -> None:
    rig = bpy.data.objects.new("Rig", None)
    rig.location, rig.scale = (0.3, 0.2, 0.1), (2, 2, 2)
    scene.collection.objects.link(rig)
    scene.camera.parent = rig
    scene.camera.location *= 0.5
    track = scene.camera.constraints.new("TRACK_TO")
    track.target, track.track_axis, track.up_axis = bpy.data.objects["Box"], "TRACK_NEGATIVE_Z", "UP_Y"


def _blurred(scene: bpy.types.Scene) -> None:
    scene.camera.data.dof.use_dof, scene.camera.data.dof.aperture_fstop = True, 0.1
    scene.render.use_motion_blur = True
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "GAUSSIAN", 10.0


CAMERAS = [_plain, _cropped, _orthographic, _upright, _percentage, _parented, _blurred]


@pytest.mark.parametrize("change", CAMERAS)
def test_world_points_project_to_the_middle_of_their_pixels(change) -> None:
    scene = scene_of()
    box("Box", (0.5, 0.3, 0))
    ball("Ball", (-2, 1, 0.5))
    change(scene)
    passes = render_passes(scene, GEOMETRY)
    shift, depth_error = reprojection(passes)
    assert len(shift) > 300
    assert np.abs(shift).max() < 0.03  # the filter is 0.01 px wide
    assert np.abs(shift.mean(axis=0)).max() < 0.002
    assert np.abs(depth_error).max() < 2e-4  # along the axis: radial distances would differ by centimetres
    width, height = passes_meta(passes)["size_px"]
    assert passes["depth"].shape == (height, width)


def test_the_size_is_that_of_a_render_of_the_users_own(tmp_path: Path) -> None:
    scene = scene_of(203, 131)
    box("Box")
    scene.render.resolution_percentage = 37
    _cropped(scene)
    scene.render.border_max_y = 0.72  # 34.56 pixels
    size = render_passes(scene, frozenset({"depth"}))["depth"].shape
    scene.render.filepath = str(tmp_path / "own.png")
    bpy.ops.render.render(write_still=True)
    own = bpy.data.images.load(scene.render.filepath)
    assert size == (own.size[1], own.size[0])


def test_normals_of_a_tilted_plane_and_a_ball() -> None:
    scene = scene_of()
    bpy.ops.mesh.primitive_plane_add(size=6, location=(3, 0, 0), rotation=(math.radians(60), 0, math.radians(25)))
    plane = bpy.context.object
    round_one = ball("Ball", (-1.5, 0, 0.5))
    passes = render_passes(scene, frozenset({"normal", "object_id", "position", "depth"}))
    camera_from_world = np.array(scene.camera.matrix_world.inverted().to_3x3())
    names = passes_meta(passes)["objects"]
    flat = passes["object_id"] == names.index(plane.name)
    expected = camera_from_world @ np.array(plane.matrix_world.to_3x3() @ Vector((0, 0, 1)))
    assert flat.sum() > 100 and np.abs(passes["normal"][flat] - expected).max() < 1e-4
    curved = passes["object_id"] == names.index("Ball")
    radial = passes["position"][curved] - np.array(round_one.location)
    radial = radial / np.linalg.norm(radial, axis=1, keepdims=True) @ camera_from_world.T
    assert curved.sum() > 100 and np.einsum("nc,nc->n", radial, passes["normal"][curved]).min() > 0.999
    assert (passes["normal"][curved][:, 2] > -0.05).all()  # towards the camera
    assert not passes["normal"][passes["object_id"] == 0].any()
    assert np.isinf(passes["depth"][passes["object_id"] == 0]).all()


def test_ids_of_overlapping_objects_and_instances() -> None:
    scene = scene_of()
    front, back = box("Front", (0, -2, 0)), box('Bäck "2", {a}', (1.2, 2, 0))
    red = bpy.data.materials.new("Red")
    front.data.materials.append(red)
    collection = bpy.data.collections.new("Kit")
    inside = box("Part")
    scene.collection.objects.unlink(inside)
    collection.objects.link(inside)
    instancer = bpy.data.objects.new("Instancer", None)
    instancer.instance_type, instancer.instance_collection = "COLLECTION", collection
    instancer.location = (-3, 2, 0)
    scene.collection.objects.link(instancer)
    bpy.ops.object.select_all(action="DESELECT")
    instancer.select_set(True)
    passes = render_passes(scene, frozenset({"object_id", "material_id", "mask", "depth"}))
    facts = passes_meta(passes)
    assert set(facts["objects"]) == {"", "Front", back.name, "Part"}
    near = passes["object_id"] == facts["objects"].index("Front")
    assert near.any() and passes["depth"][near].max() < 8
    assert {facts["materials"][i] for i in np.unique(passes["material_id"][near])} == {"Red"}
    part = passes["object_id"] == facts["objects"].index("Part")
    assert part.sum() > 50
    sure = passes["mask"] > 250
    assert np.mean(part == (passes["mask"] > 127)) > 0.99 and sure.any()
    assert ((passes["mask"] > 20) & (passes["mask"] < 235)).any()  # antialiased


def test_vectors_of_a_moving_cube_in_pixels() -> None:
    scene = scene_of()
    cube = box("Cube")
    for frame, x, z in ((1, 0.0, 0.0), (2, 0.2, 0.1), (3, 0.6, 0.0)):
        cube.location = (x, 0, z)
        cube.keyframe_insert("location", frame=frame)
    before = scene.frame_current
    moving = render_passes(scene, frozenset({"vector", "position", "depth"}), frame=2)
    assert scene.frame_current == before and passes_meta(moving)["frame"] == 2
    facts = passes_meta(moving)
    camera_from_world, k = np.linalg.inv(np.array(facts["world_from_camera"])), facts["intrinsics_px"]

    def project(points: np.ndarray) -> np.ndarray:
        local = points @ camera_from_world[:3, :3].T + camera_from_world[:3, 3]
        return local[:, :2] / local[:, 2:] * [k["fx"], k["fy"]] + [k["cx"], k["cy"]]

    seen = np.isfinite(moving["depth"])
    points = moving["position"][seen].astype(np.float64)
    to_previous = project(points - [0.2, 0, 0.1]) - project(points)
    to_next = project(points + [0.4, 0, -0.1]) - project(points)
    assert np.abs(to_next).max() > 3
    assert np.abs(moving["vector"][seen] - np.hstack([to_previous, to_next])).max() < 0.05
    assert np.abs(moving["vector"][~seen]).max() < 1e-4  # the camera stands still


def test_other_passes_have_their_meaning() -> None:
    scene = scene_of()
    bpy.ops.mesh.primitive_plane_add(size=20, location=(0, 0, -1))
    box("Box")
    scene.world = bpy.data.worlds.new("Sky")
    passes = render_passes(scene, frozenset({"ao", "uv", "depth", "object_id", "position"}))
    names = passes_meta(passes)["objects"]
    floor = passes["object_id"] == names.index("Plane")
    distance = np.abs(passes["position"][..., :2]).max(axis=-1)
    close, open_ = floor & (distance < 1.15), floor & (distance > 4)
    assert passes["ao"][open_].mean() > 0.97 > 0.8 > passes["ao"][close].mean()
    assert np.isin(passes["ao"][close], (0, 1)).mean() < 0.05, "many rays a pixel: one would be black or white"
    sky = passes["object_id"] == 0
    assert sky.any() and (passes["ao"][sky] == 1).all()
    beside = floor & (distance > 1.35) & (distance < 1.8)
    scene.world.light_settings.distance = 0.2  # nothing of the box is so near
    near = render_passes(scene, frozenset({"ao"}))["ao"]
    assert passes["ao"][beside].mean() < 0.97 < 0.995 < near[beside].mean() and near[close].mean() < 0.95
    expected = passes["position"][floor][:, :2] / 20 + 0.5
    assert np.abs(passes["uv"][floor] - expected).max() < 1e-4


def test_what_is_seen_of_modifiers_and_hidden_objects() -> None:
    scene = scene_of()
    cube = box("Cube")
    cube.modifiers.new("Row", "ARRAY").count = 2
    hidden = box("Hidden", (0, -3, 0))
    hidden.hide_render = True
    passes = render_passes(scene, frozenset({"position", "object_id"}))
    assert passes["position"][..., 0].max() > 2.9
    assert passes_meta(passes)["objects"] == ["", "Cube"]


def test_a_second_view_layer_belongs_to_the_picture() -> None:
    scene = scene_of()
    near = bpy.data.collections.new("Near")
    scene.collection.children.link(near)
    box("Far", (0, 2, 0))
    front = box("Close", (0, -2, 0), 1)
    scene.collection.objects.unlink(front)
    near.objects.link(front)
    scene.view_layers[0].name = "Ebene.Depth.Z"
    scene.view_layers[0].layer_collection.children["Near"].exclude = True
    second = scene.view_layers.new("Vordergrund / 2")
    second.layer_collection.children["Near"].exclude = False
    passes = render_passes(scene, frozenset({"object_id", "depth"}))
    assert passes_meta(passes)["objects"] == ["", "Close", "Far"]
    second.use = False
    assert passes_meta(render_passes(scene, frozenset({"object_id"})))["objects"] == ["", "Far"]


def test_lines_follow_borders_and_leave_the_floor_clean() -> None:
    scene = scene_of(160, 120)
    bpy.ops.mesh.primitive_plane_add(size=200, location=(0, 90, -1))
    box("Box", (0.4, 0, 0.2)).rotation_euler.z = 0.6
    passes = render_passes(scene, frozenset({"line", "object_id", "normal", "position"}))
    assert set(passes) == {"line", "object_id", "normal", "position", "meta"}
    names = passes_meta(passes)["objects"]
    cube = passes["object_id"] == names.index("Box")
    inner = cube.copy()
    for axis in (0, 1):
        for step in (1, -1):
            inner &= np.roll(cube, step, axis)
    assert (passes["line"][cube & ~inner] == 255).mean() > 0.95  # the silhouette, on the nearer side
    creases = inner & (passes["line"] > 127)
    assert 10 < creases.sum() < 0.2 * inner.sum()
    floor = (passes["object_id"] == names.index("Plane")) & (passes["line"] > 0)
    near_horizon = np.roll(passes["object_id"] == 0, 1, axis=0)
    assert not (floor & ~near_horizon).any()


def test_a_view_given_by_the_viewports_matrices_is_the_cameras() -> None:
    scene = scene_of(96, 64)
    box("Box")
    expected = render_passes(scene, GEOMETRY)
    layer = scene.view_layers[0]
    for kind in ("PERSP", "ORTHO"):
        scene.camera.data.type = kind
        layer.update()
        window = scene.camera.calc_matrix_camera(layer.depsgraph, x=96, y=64)
        view = view_of_matrices(scene.camera.matrix_world.inverted(), window, (0.1, 100), (96, 64))
        expected = render_passes(scene, GEOMETRY)
        same = render_passes(scene, GEOMETRY, view)
        assert np.abs(reprojection(same)[0]).max() < 0.03
        both = np.isfinite(expected["depth"]) & np.isfinite(same["depth"])
        assert both.sum() > 200 and (np.isfinite(expected["depth"]) == np.isfinite(same["depth"])).mean() > 0.999
        assert np.abs(expected["depth"][both] - same["depth"][both]).max() < 0.01


def test_the_blob_is_an_npz_without_pickle() -> None:
    scene = scene_of(32, 32)
    box("Box")
    passes = render_passes(scene, PASSES - {"ao", "mask"}, combined="render")
    data, suffix = passes_blob(passes)
    assert suffix == ".npz"
    with np.load(io.BytesIO(data), allow_pickle=False) as read:
        assert set(read.files) == (PASSES - {"ao", "mask"}) | {"meta"}
        assert all(np.array_equal(read[name], passes[name]) for name in read.files)
        assert read["combined"].dtype == np.uint8 and read["combined"].shape == (32, 32, 4)
        assert not any(np.isnan(read[name]).any() for name in read.files if read[name].dtype.kind == "f")


def test_control_maps_of_real_passes() -> None:
    scene = scene_of()
    box("Near", (-1, -2, 0))
    box("Far", (2, 4, 0))
    passes = render_passes(scene, frozenset({"depth", "normal", "object_id"}))
    names = passes_meta(passes)["objects"]
    near, far = (passes["object_id"] == names.index(name) for name in ("Near", "Far"))
    depth, normal = control_depth(passes["depth"]), control_normal(passes["normal"])
    assert depth[near].min() > depth[far].max() > 0
    assert not depth[passes["object_id"] == 0].any() and not normal[passes["object_id"] == 0].any()
    assert (normal[near][:, 2] > 126).all()


def test_hair_is_seen_as_blender_renders_it() -> None:
    scene = scene_of()
    bald = ball("Head")
    before = (render_passes(scene, frozenset({"object_id"}))["object_id"] > 0).sum()
    bald.modifiers.new("Hair", "PARTICLE_SYSTEM")
    settings = bald.particle_systems[0].settings
    settings.type, settings.count, settings.hair_length, settings.root_radius = "HAIR", 400, 1.0, 3.0
    passes = render_passes(scene, frozenset({"object_id", "depth"}))
    assert (passes["object_id"] > 0).sum() > 1.1 * before
    assert passes_meta(passes)["objects"] == ["", "Head"]


def test_only_the_active_layer_of_a_single_layer_render() -> None:
    scene = scene_of()
    box("Box")
    scene.view_layers.new("Nothing else").layer_collection.holdout = False
    scene.render.use_single_layer = True
    passes = render_passes(scene, frozenset({"object_id"}))
    assert passes_meta(passes)["objects"] == ["", "Box"]


def test_animated_settings_do_not_come_back() -> None:
    scene = scene_of()
    box("Box")
    scene.cycles.samples, scene.cycles.filter_width = 16, 5.0
    for name in ("samples", "filter_width"):
        scene.cycles.keyframe_insert(name, frame=1)
    assert np.abs(reprojection(render_passes(scene, GEOMETRY, frame=1))[0]).max() < 0.03
    with stage(scene) as here:
        _data_render(here, {"use_pass_z"}, 1, 0.01)
        layer = here.scene.view_layers[0]
        layer.update()  # what evaluates the animation
        assert here.scene.evaluated_get(layer.depsgraph).cycles.samples == 1


def test_markers_choose_the_camera_of_a_frame_but_not_of_a_given_view() -> None:
    scene = scene_of()
    box("Box")
    eye, above = scene.camera, bpy.data.objects.new("Above", bpy.data.cameras.new("Above"))
    above.location = (0, 0, 12)
    scene.collection.objects.link(above)
    for frame, camera in ((8, above), (2, eye), (20, eye)):
        scene.timeline_markers.new(f"cut {frame}", frame=frame).camera = camera
    view = CameraView(np.array([[0, 0, 1, 9], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]]))  # from +x, looking to -x
    for frame, given, place in (
        (1, None, (1, -8, 2)),
        (7, None, (1, -8, 2)),
        (8, None, (0, 0, 12)),
        (19, None, (0, 0, 12)),
        (20, None, (1, -8, 2)),
        (8, view, (9, 0, 0)),
    ):
        scene.frame_set(frame)
        assert given is not None or scene.camera.location[:] == place  # what Blender itself does
        scene.frame_set(30)
        passes = render_passes(scene, GEOMETRY, given, frame=frame)
        assert np.array(passes_meta(passes)["world_from_camera"])[:3, 3] == pytest.approx(place, abs=1e-5)
        assert np.abs(reprojection(passes)[0]).max() < 0.03
        if place == (9, 0, 0):
            assert passes["depth"].min() == pytest.approx(8, abs=0.01)


def test_a_sky_turns_with_the_camera() -> None:
    scene = scene_of()
    box("Box", (0, 0, 0), 0.5)
    camera = scene.camera
    for frame, turn in ((1, 3.0), (2, 4.0), (3, 6.0)):
        camera.rotation_euler.z = math.radians(turn)
        camera.keyframe_insert("rotation_euler", frame=frame)
    passes = render_passes(scene, frozenset({"vector", "depth"}), frame=2)
    scene.frame_set(2)
    sky = np.isinf(passes["depth"])
    k = passes_meta(passes)["intrinsics_px"]
    # turning to the left moves the picture to the right, by f tan(angle) at the middle
    middle = passes["vector"][int(k["cy"]), int(k["cx"]) + 20]
    assert sky[int(k["cy"]), int(k["cx"]) + 20]
    assert middle[0] < 0 < middle[2]
    assert abs(math.hypot(*middle[2:]) / (k["fx"] * math.tan(math.radians(2))) - 1) < 0.15
    edge = passes["vector"][~sky]
    assert np.abs(edge.mean(axis=0) - passes["vector"][sky].mean(axis=0)).max() < 1.5
