"""Making passes leaves the user's file as it was, and says in words what is wrong with a scene."""

from __future__ import annotations

import resource
import signal
import tempfile
from pathlib import Path

import bpy
import numpy as np
import pytest
from scene_state import differences, state_beside_copies
from test_passes import box, scene_of

from blender_aigc.faults import Fault
from blender_aigc.gather.passes import PASSES, render_passes

PHASES = ("geometry", "ambient occlusion", "mask", "combined", "done")


def lived_in(tmp_path: Path) -> bpy.types.Scene:
    """A scene with a compositor that writes files, markers, a border, animation, odd names, odd colour management."""
    scene = scene_of(64, 48)
    cube = box("Bøx")
    cube.data.materials.append(bpy.data.materials.new("Lack"))
    for frame, x in ((1, 0.0), (10, 1.0)):
        cube.location.x = x
        cube.keyframe_insert("location", frame=frame)
        scene.render.resolution_percentage = 100
    box("Other", (2, 1, 0)).select_set(True)
    other = bpy.data.objects.new("Second eye", bpy.data.cameras.new("Second eye"))
    other.location = (0, 0, 12)
    scene.collection.objects.link(other)
    scene.timeline_markers.new("from above", frame=8).camera = other
    scene.timeline_markers.new("from the front", frame=0).camera = scene.camera
    scene.view_layers[0].name = "Ebene. 1"
    scene.collection.children.link(bpy.data.collections.new("Empty"))
    scene.world = bpy.data.worlds.new("Sky")
    scene.view_settings.view_transform, scene.view_settings.exposure = "Standard", 0.5
    scene.render.filepath = str(tmp_path / "users" / "frame_")
    scene.render.use_border = scene.render.use_crop_to_border = True
    scene.render.border_max_x = 0.75
    scene.sequence_editor_create()
    _compositor(scene, tmp_path / "users")
    scene.frame_set(1)
    _settle()
    return scene


def _compositor(scene: bpy.types.Scene, folder: Path) -> None:
    """Inverts the picture and writes it to a file; the file node is in a group where groups may have one."""
    if hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("Grade", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        end = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        end = tree.nodes.new("CompositorNodeComposite")
    layers, invert = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeInvert")
    layers.scene = scene
    file = tree.nodes.new("CompositorNodeOutputFile")
    if hasattr(file, "base_path"):
        file.base_path = str(folder)
    else:
        file.directory = str(folder)
        file.file_output_items.new("RGBA", "Image")
    tree.links.new(layers.outputs["Image"], invert.inputs["Color"])
    tree.links.new(invert.outputs[0], end.inputs[0])
    tree.links.new(invert.outputs[0], file.inputs[0])


def _settle() -> None:
    """What Blender itself updates late, at the first render (the availability of sockets), before we measure."""
    render_passes(bpy.context.scene, frozenset({"depth"}))


def test_everything_is_as_before(tmp_path: Path) -> None:
    scene = lived_in(tmp_path)
    before = state_beside_copies()
    passes = render_passes(scene, PASSES)
    assert set(passes) == PASSES | {"meta"}
    assert differences(before, state_beside_copies()) == []
    render_passes(scene, PASSES - {"combined"}, frame=9)
    assert differences(before, state_beside_copies()) == []
    assert not (tmp_path / "users").exists()  # neither Blender's picture nor the File Output node's


@pytest.mark.parametrize("phase", PHASES)
def test_everything_is_as_before_when_it_ends_early(tmp_path: Path, phase: str) -> None:
    scene = lived_in(tmp_path)
    before = state_beside_copies()

    class Cancelled(BaseException):
        pass

    def stop(now: str) -> None:
        if now == phase:
            raise Cancelled

    with pytest.raises(Cancelled):
        render_passes(scene, PASSES, frame=5, checkpoint=stop)
    assert differences(before, state_beside_copies()) == []


@pytest.mark.parametrize("where", ["_geometry", "_mask", "_render", "_rendered", "camera_matrices", "_meta"])
def test_everything_is_as_before_after_an_exception_within(tmp_path: Path, where: str, monkeypatch) -> None:
    from blender_aigc.gather import passes as module

    scene = lived_in(tmp_path)
    before = state_beside_copies()

    def fail(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(module, where, fail)
    with pytest.raises(MemoryError):
        render_passes(scene, PASSES, frame=5)
    assert differences(before, state_beside_copies()) == []


def test_handlers_of_others_are_not_called_and_stay() -> None:
    scene = scene_of(32, 32)
    box("Box")
    calls: list[str] = []

    def note(*_: object) -> None:
        calls.append("called")

    for name in ("render_init", "render_pre", "render_post", "render_complete"):
        getattr(bpy.app.handlers, name).append(note)
    render_passes(scene, frozenset({"depth", "combined"}))
    assert not calls
    assert all(note in getattr(bpy.app.handlers, n) for n in ("render_init", "render_pre", "render_complete"))


def test_the_last_render_is_still_there_and_can_be_taken(tmp_path: Path) -> None:
    scene = scene_of(48, 32)
    box("Box")
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.color = (0.2, 0.4, 0.8)
    bpy.ops.render.render()
    render_passes(scene, frozenset({"depth"}))
    last = render_passes(scene, frozenset({"combined"}), combined="last")["combined"]
    fresh = render_passes(scene, frozenset({"combined"}))["combined"]
    assert last.shape == (32, 48, 4) and last[..., :3].std() > 1
    assert np.abs(last.astype(int) - fresh).mean() < 3
    scene.render.resolution_x = 64
    with pytest.raises(Fault, match="another size"):
        render_passes(scene, frozenset({"combined"}), combined="last")


def test_combined_is_what_the_user_sees(tmp_path: Path) -> None:
    scene = lived_in(tmp_path)
    scene.cycles.seed = 7
    mine = render_passes(scene, frozenset({"combined"}))["combined"]
    scene.render.filepath = str(tmp_path / "own.png")
    bpy.ops.render.render(write_still=True)
    own = bpy.data.images.load(scene.render.filepath)
    own.colorspace_settings.is_data = True
    values = np.empty(len(own.pixels), np.float32)
    own.pixels.foreach_get(values)
    own_rgb = values.reshape(own.size[1], own.size[0], own.channels)[::-1, :, :3] * 255
    assert mine.shape[:2] == own_rgb.shape[:2]
    assert np.abs(mine[..., :3] - own_rgb).max() <= 2  # the inverting compositor and the exposure included


def test_settings_of_the_output_file_do_not_show(tmp_path: Path) -> None:
    scene = scene_of(64, 48)
    box("Box")
    scene.world = bpy.data.worlds.new("Sky")
    plain = render_passes(scene, frozenset({"combined"}))["combined"]
    scene.render.use_stamp, scene.render.use_stamp_note, scene.render.stamp_note_text = True, True, "Shot 12"
    scene.render.stamp_font_size = 24
    settings = scene.render.image_settings
    settings.color_management, settings.view_settings.exposure = "OVERRIDE", 4.0
    settings.file_format, settings.color_mode = "PNG", "BW"
    scene.render.use_multiview = True
    assert 10 < plain[..., :3].mean() < 200  # an exposure would show
    assert np.array_equal(render_passes(scene, frozenset({"combined"}))["combined"], plain)


def test_a_transparent_film_gives_alpha() -> None:
    scene = scene_of(48, 32)
    box("Box")
    opaque = render_passes(scene, frozenset({"combined", "object_id"}))
    assert (opaque["combined"][..., 3] == 255).all()
    scene.render.film_transparent = True
    clear = render_passes(scene, frozenset({"combined"}))["combined"]
    inside = opaque["object_id"] > 0
    assert np.mean((clear[..., 3] > 127) == inside) > 0.97 and clear[..., 3].min() == 0


def _no_camera(scene: bpy.types.Scene) -> None:
    scene.camera = None


def _panorama(scene: bpy.types.Scene) -> None:
    scene.camera.data.type = "PANO"


def _one_pixel(scene: bpy.types.Scene) -> None:
    scene.render.resolution_x = scene.render.resolution_y = 4
    scene.render.resolution_percentage = 25


def _sixteen_k(scene: bpy.types.Scene) -> None:
    scene.render.resolution_x, scene.render.resolution_y = 16384, 16384


def _looks_away(scene: bpy.types.Scene) -> None:
    scene.camera.rotation_euler.x += 3.14


def _hidden(scene: bpy.types.Scene) -> None:
    bpy.data.objects["Box"].hide_render = True


def _unselected(scene: bpy.types.Scene) -> None:
    bpy.ops.object.select_all(action="DESELECT")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_no_camera, "no camera"),
        (_panorama, "panoramic"),
        (_one_pixel, "only 1 x 1"),
        (_sixteen_k, "too large"),
        (_looks_away, "Nothing is visible"),
        (_hidden, "Nothing is visible"),
        (_unselected, "Nothing is selected"),
    ],
)
def test_what_is_wrong_is_said_in_words(change, sentence: str) -> None:
    scene = scene_of(32, 32)
    box("Box")
    change(scene)
    before = state_beside_copies()
    with pytest.raises(Fault, match=sentence) as caught:
        render_passes(scene, frozenset({"depth", "mask"}))
    assert caught.value.code == "bad_input" and caught.value.hint
    assert differences(before, state_beside_copies()) == []


def test_an_empty_scene_and_an_unknown_pass() -> None:
    scene = scene_of(32, 32)
    with pytest.raises(Fault, match="Nothing is visible"):
        render_passes(scene, frozenset({"combined"}))
    with pytest.raises(Fault, match="no pass called glow"):
        render_passes(scene, frozenset({"glow"}))


def test_a_file_that_cannot_grow_is_a_full_disk() -> None:
    scene = scene_of(256, 256)
    box("Box")
    before = state_beside_copies()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
        with pytest.raises(Fault) as caught:
            render_passes(scene, frozenset({"depth", "normal"}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code == "disk_full" and "space" in caught.value.hint
    assert differences(before, state_beside_copies()) == []


def test_no_folder_for_temporary_files(tmp_path: Path, monkeypatch) -> None:
    scene = scene_of(32, 32)
    box("Box")
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *a, **k: (blocked / "folder").mkdir())
    with pytest.raises(Fault) as caught:
        render_passes(scene, frozenset({"depth"}))
    assert caught.value.code == "disk_full" and "Temporary" in caught.value.hint
