"""Missing texture files are told before they surprise anybody: pictures, UDIM tiles, frames of image sequences."""

from __future__ import annotations

from pathlib import Path

import bpy
from test_passes import box, scene_of

from blender_aigc.gather.passes import passes_meta, render_passes
from blender_aigc.gather.texture_files import _frame_of, missing_textures


def missing_at(scene: bpy.types.Scene, frame: int) -> list[str]:
    return passes_meta(render_passes(scene, frozenset({"depth"}), frame=frame))["warnings"]


def saved(path: Path) -> None:
    picture = bpy.data.images.new(path.name, 4, 4)
    picture.filepath_raw, picture.file_format = str(path), "PNG"
    picture.save()
    bpy.data.images.remove(picture)


def textured(*images: bpy.types.Image) -> list[bpy.types.Node]:
    """A box before the camera with these textures."""
    material = bpy.data.materials.new("Painted")
    if material.node_tree is None:
        material.use_nodes = True
    box("Box").data.materials.append(material)
    nodes = [material.node_tree.nodes.new("ShaderNodeTexImage") for _ in images]
    for node, image in zip(nodes, images, strict=True):
        node.image = image
    return nodes


def test_a_missing_picture_is_told(tmp_path: Path) -> None:
    """Not what no shader uses, nor what is packed."""
    scene = scene_of(32, 32)
    for name in ("lost", "packed", "unused"):
        saved(tmp_path / f"{name}.png")
    lost, packed, unused = (
        bpy.data.images.load(str(tmp_path / f"{name}.png")) for name in ("lost", "packed", "unused")
    )
    packed.pack()
    unused.use_fake_user = True
    textured(lost, packed)
    assert missing_at(scene, 1) == []
    for image in (lost, packed, unused):
        (tmp_path / image.name).unlink()
    assert missing_at(scene, 1) == ["lost.png is missing and renders pink"]


def test_a_missing_tile_is_told_by_its_file(tmp_path: Path) -> None:
    scene = scene_of(32, 32)
    for number in (1001, 1003):
        saved(tmp_path / f"wood.{number}.png")
    image = bpy.data.images.load(str(tmp_path / "wood.1001.png"))
    image.name, image.source = "Wood", "TILED"
    textured(image)
    assert missing_at(scene, 1) == []
    image.tiles.new(1012)
    assert missing_at(scene, 1) == ["wood.1012.png of Wood is missing and renders pink"]
    for number in range(1013, 1017):
        image.tiles.new(number)
    assert missing_at(scene, 1) == [
        "wood.1012.png, wood.1013.png, wood.1014.png and 2 more of Wood are missing and render pink"
    ]


def test_a_missing_frame_of_a_texture_is_told_at_its_frame(tmp_path: Path) -> None:
    """By what the texture's node shows then: its beginning, offset and repetition count, as Blender counts them."""
    scene = scene_of(32, 32)
    for number in (5, 6, 8):
        saved(tmp_path / f"fire2_{number:04d}_a.png")
    image = bpy.data.images.load(str(tmp_path / "fire2_0005_a.png"))
    image.name, image.source = "Fire", "SEQUENCE"
    (node,) = textured(image)
    user = node.image_user
    user.use_auto_refresh = True  # of what is shown; renders do not ask
    material = bpy.data.materials["Painted"]
    for start, length, offset, cyclic in ((1, 4, 4, False), (3, 4, 4, True), (-2, 3, 5, False), (1, 0, 5, False)):
        user.frame_start, user.frame_duration, user.frame_offset, user.use_cyclic = start, length, offset, cyclic
        for frame in (-9, 0, 1, 3, 4, 20):
            scene.frame_set(frame)
            layer = bpy.context.evaluated_depsgraph_get()
            shown = material.evaluated_get(layer).node_tree.nodes[node.name].image_user
            path = Path(image.filepath_from_user(image_user=shown))
            assert _frame_of(user, frame) == shown.frame_current
            told = [] if path.is_file() else [f"{path.name} of Fire is missing and renders pink"]
            assert missing_textures(frame) == told, (start, length, offset, cyclic, frame)
    user.frame_start, user.frame_duration, user.frame_offset, user.use_cyclic = 1, 4, 4, False
    scene.frame_set(1)
    assert missing_at(scene, 1) == [] and "fire2_0007_a.png" in missing_at(scene, 3)[0]
