"""Renders as a script or the tab asks for them: from the viewport, at another size, with a mask of what may change."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from mathutils import Euler, Matrix

from blender_aigc import batch, cli
from blender_aigc.gather.passes import passes_meta
from blender_aigc.gather.render_state import view_of_matrices
from blender_aigc.gather.rendered import rendered
from blender_aigc.gather.sources import Render
from blender_aigc.gather.viewport import in_front, render_of_viewport
from blender_aigc.protocol import Fault

IDS = frozenset({"object_id", "depth"})


@pytest.fixture
def scene(addon: None) -> bpy.types.Scene:
    """A cube at the left and a ball at the right of a camera that looks along +Y, 120 x 80."""
    made = bpy.context.scene
    bpy.ops.mesh.primitive_uv_sphere_add(radius=1.0, location=(1.5, 0, 0))
    bpy.context.object.name = "Ball"
    bpy.ops.mesh.primitive_cube_add(size=1.6, location=(-1.5, 0, 0))
    bpy.context.object.name = "Box"
    bpy.ops.object.camera_add(location=(0, -9, 0), rotation=(np.pi / 2, 0, 0))
    made.camera = bpy.context.object
    made.render.engine, made.cycles.samples, made.cycles.use_denoising = "CYCLES", 1, False
    made.render.resolution_x, made.render.resolution_y = 120, 80
    made.render.film_transparent = True
    select("Box")
    return made


def select(*names: str) -> None:
    for obj in bpy.context.scene.objects:
        obj.select_set(obj.name in names)


def shares(passes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The (row, column) middle of each object, as parts of the picture."""
    names = passes_meta(passes)["objects"]
    size = passes["object_id"].shape
    places = {name: np.argwhere(passes["object_id"] == number) for number, name in enumerate(names) if number}
    return {name: (where.mean(0) + 0.5) / size for name, where in places.items() if len(where)}


@pytest.mark.parametrize("longest", [61, 333])
def test_another_size_shows_the_same(scene: bpy.types.Scene, longest: int) -> None:
    """The same objects at the same parts of the picture: no shift, no other framing."""
    plain = rendered(Render(passes=IDS), scene)
    other = rendered(Render(passes=IDS, longest_px=longest), scene)
    assert other["depth"].shape == (round(longest * 2 / 3), longest)
    for name, middle in shares(plain).items():
        assert np.abs(shares(other)[name] - middle).max() < 0.006
    assert (scene.render.resolution_x, scene.render.resolution_y) == (120, 80)


def test_the_percentage_is_in_the_sizes_that_are_asked_for_already(scene: bpy.types.Scene) -> None:
    """Half of the scene's size as it is; the longer side that was asked for, and a view's own size, are not halved."""
    scene.render.resolution_percentage = 50
    assert rendered(Render(passes=IDS), scene)["depth"].shape == (40, 60)
    assert rendered(Render(passes=IDS, longest_px=90), scene)["depth"].shape == (60, 90)
    asked = render_of_viewport(viewport(*camera_matrices(scene)))
    assert asked.longest_px == 60
    view = dataclasses.replace(asked.view, size_px=(70, 50))
    assert rendered(Render(passes=IDS, view=view), scene)["depth"].shape == (50, 70)
    assert scene.render.resolution_percentage == 50


def viewport(view: Matrix, window: Matrix, perspective: str = "PERSP", shading: str = "SOLID") -> SimpleNamespace:
    """What `render_of_viewport` looks at, as a window without a screen has none."""
    view3d = SimpleNamespace(view_matrix=view, window_matrix=window, view_perspective=perspective)
    space = SimpleNamespace(shading=SimpleNamespace(type=shading), region_3d=view3d, clip_start=0.01, clip_end=1000.0)
    area = SimpleNamespace(
        type="VIEW_3D",
        spaces=SimpleNamespace(active=space),
        regions=[SimpleNamespace(type="UI"), SimpleNamespace(type="WINDOW", width=300, height=200)],
    )
    return SimpleNamespace(area=area, scene=bpy.context.scene, view_layer=bpy.context.view_layer)


def camera_matrices(scene: bpy.types.Scene) -> tuple[Matrix, Matrix]:
    graph = bpy.context.evaluated_depsgraph_get()
    camera = scene.camera.evaluated_get(graph)
    return camera.matrix_world.inverted(), camera.calc_matrix_camera(graph, x=300, y=200)


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
def test_the_viewport_is_seen_as_the_camera_in_its_place_sees(scene: bpy.types.Scene, kind: str) -> None:
    """A viewport with the matrices of the camera gives the camera's passes."""
    scene.camera.data.type, scene.camera.data.ortho_scale = kind, 7
    scene.camera.data.shift_x, scene.camera.data.shift_y = 0.07, -0.05
    scene.camera.rotation_euler = Euler((1.5, 0.1, 0.05))
    expected = rendered(Render(passes=IDS), scene)
    asked = render_of_viewport(viewport(*camera_matrices(scene)))
    assert asked.combined == "workbench" and asked.longest_px == 120
    seen = rendered(Render(passes=IDS, view=asked.view, longest_px=asked.longest_px), scene)
    assert (seen["object_id"] != expected["object_id"]).mean() < 0.002
    if kind == "PERSP":
        both = np.isfinite(seen["depth"]) & np.isfinite(expected["depth"])
        assert np.abs(seen["depth"][both] - expected["depth"][both]).max() < 1e-3


def test_a_viewport_in_camera_view_means_the_camera(scene: bpy.types.Scene) -> None:
    """Its own matrices are those of the zoomed window."""
    asked = render_of_viewport(viewport(Matrix(), Matrix(), "CAMERA", "RENDERED"), 500)
    assert asked == Render("render", longest_px=500)


def test_an_orthographic_viewport_sees_what_lies_behind_its_eye(scene: bpy.types.Scene) -> None:
    """Blender draws both sides of the plane through the eye."""
    bpy.data.objects["Ball"].location.y = -5
    bpy.context.view_layer.update()
    eye = Matrix.Rotation(np.pi / 2, 4, "X")  # at the origin, looking along +Y: the ball is behind
    window = Matrix(((2 / 9, 0, 0, 0), (0, 2 / 6, 0, 0), (0, 0, -1 / 1000, 0), (0, 0, 0, 1)))
    view = view_of_matrices(np.array(eye.inverted()), np.array(window), (0.01, 1000), (300, 200))
    moved = in_front(view, bpy.context.view_layer)
    middles = shares(rendered(Render(passes=IDS, view=moved), scene))
    assert set(middles) == {"Ball", "Box"}
    assert np.abs(middles["Ball"] - [0.5, 0.5 + 1.5 / 9]).max() < 0.01
    assert np.abs(moved.world_from_camera[[0, 2], 3]).max() < 1e-6, "moved along its own axis only"


def test_without_a_viewport_it_says_so(scene: bpy.types.Scene) -> None:
    context = SimpleNamespace(area=None, window=None, screen=None, scene=scene)
    with pytest.raises(Fault, match="No 3D viewport"):
        render_of_viewport(context)


def test_the_mask_of_the_selection(scene: bpy.types.Scene) -> None:
    """White on the selected object, black on the other; inverted the other way round."""
    passes = rendered(Render(passes=IDS, mask="selected"), scene)
    names = passes_meta(passes)["objects"]
    box, ball = (passes["object_id"] == names.index(name) for name in ("Box", "Ball"))
    assert passes["mask"][box].mean() > 235 and passes["mask"][ball].max() == 0
    inverted = rendered(Render(passes=IDS, mask="selected", inverted=True), scene)
    assert (inverted["mask"] == 255 - passes["mask"]).all()
    named = rendered(Render(passes=IDS, mask="selected", selected=(bpy.data.objects["Ball"],)), scene)
    assert named["mask"][ball].mean() > 235 and named["mask"][box].max() == 0


def test_the_mask_of_what_is_transparent(scene: bpy.types.Scene) -> None:
    passes = rendered(Render(passes=IDS | {"combined"}, mask="transparent"), scene)
    assert passes["mask"][0, 0] == 255 and passes["mask"][40, 30] == 0


def painted(width: int, height: int, name: str = "painted") -> bpy.types.Image:
    """White in the right half."""
    image = bpy.data.images.new(name, width, height)
    values = np.zeros((height, width, 4), np.float32)
    values[..., 3] = 1
    values[:, width // 2 :, :3] = 1
    image.pixels.foreach_set(values.ravel())
    return image


@pytest.mark.parametrize("size", [(120, 80), (60, 40), (480, 320), (121, 80)])
def test_a_painted_mask_of_any_size_lies_where_it_was_painted(scene: bpy.types.Scene, size: tuple[int, int]) -> None:
    picture = painted(*size)
    values = np.empty((size[1], size[0], 4), np.float32)
    picture.pixels.foreach_get(values.reshape(-1))
    values[size[1] // 2 :, :, :3] = 0  # the upper half, in Blender's order of rows
    picture.pixels.foreach_set(values.ravel())
    passes = rendered(Render(passes=IDS | {"combined"}, mask="painted", painted=picture), scene)
    assert passes["mask"].shape == (80, 120)
    assert (passes["mask"][:, :58] == 0).all() and (passes["mask"][:38] == 0).all()
    assert (passes["mask"][42:, 62:] == 255).all()
    assert abs(passes["mask"].mean() / 255 - 0.25) < 0.006


def test_a_picture_with_a_painted_mask_needs_no_camera(addon: None) -> None:
    passes = rendered(
        Render(picture=painted(30, 20, "picture"), mask="painted", painted=painted(30, 20)), bpy.context.scene
    )
    assert set(passes) == {"combined", "mask", "meta"} and passes["mask"][0, 29] == 255


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (lambda: Render(passes=IDS, mask="selected"), "mask is empty"),
        (lambda: Render(passes=IDS | {"combined"}, mask="painted"), "No mask is painted"),
        (lambda: Render(passes=IDS | {"combined"}, mask="painted", painted=painted(50, 50)), "another shape"),
        (lambda: Render(picture=painted(30, 20), mask="transparent"), "mask is empty"),
        (lambda: Render(picture=painted(30, 20), mask="transparent", inverted=True), "covers the whole"),
        (lambda: Render(picture=painted(30, 20), mask="selected"), "no selected objects"),
    ],
)
def test_masks_that_mean_nothing(scene: bpy.types.Scene, source, words: str) -> None:
    """Each with a hint; the selected object is behind the camera."""
    bpy.data.objects["Box"].location.y = -20
    with pytest.raises(Fault, match=words) as caught:
        rendered(source(), scene)
    assert caught.value.code == "bad_input" and caught.value.hint


def test_only_what_is_masked_changes(studio: Path, scene: bpy.types.Scene) -> None:
    """From the settings of the tab to the picture: the ball stays as it was rendered."""
    scene.render.film_transparent = False
    scene.aigc.mask, scene.aigc.longest_px = "SELECTED", 90
    asked = batch.Render(mask="selected", longest_px=90)
    before = rendered(Render(passes=IDS | {"combined"}, longest_px=90, mask="selected"), scene)
    (image,) = batch.generate("render_image", "stylise", inputs={"passes": asked}, params={"style": "ink"})
    flat = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(flat)
    after = np.rint(flat.reshape(image.size[1], image.size[0], 4)[::-1] * 255)
    assert after.shape[:2] == (60, 90)
    outside = before["mask"] == 0
    assert np.abs(after[outside] - before["combined"][outside]).max() <= 1
    assert np.abs(after[before["mask"] == 255] - before["combined"][before["mask"] == 255]).max() > 40


def test_the_command_line_masks_by_name(studio: Path, scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    out = tmp_path / "out.png"
    words = ["render", "--param", "style=ink", "--longest-px", "48", "--save-as", str(out)]
    assert cli.main([*words, "--mask-objects", "Ba*"]) == 0 and out.is_file()
    assert cli.main([*words, "--mask-objects", "Nobody"]) == 1
    assert "No mesh is called Nobody" in capfd.readouterr().err
