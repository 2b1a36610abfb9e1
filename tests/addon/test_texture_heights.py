"""Height maps in Blender: kept by the material, ready for displacement, and worked on like all other maps."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from test_texture_part import QUICK, SIZE, grid, painted, right_half, textures  # noqa: F401

from blender_aigc import batch, cli
from blender_aigc.apply.result import take_away
from blender_aigc.gather.image import image_levels
from blender_aigc.gather.present import present_material
from blender_aigc.gather.sources import SELECTED, Part
from server.png import decode_png, encode_png


def displacement(obj: bpy.types.Object) -> bpy.types.Node:
    tree = obj.material_slots[0].material.node_tree
    (node,) = (node for node in tree.nodes if node.type == "DISPLACEMENT")
    return node


def levels(obj: bpy.types.Object) -> np.ndarray:
    """(H, W) of the picture under the Displacement node."""
    return image_levels(displacement(obj).inputs["Height"].links[0].from_node.image)[..., 0]


def metres(obj: bpy.types.Object) -> np.ndarray:
    return (levels(obj) / 65535 - 0.5) * displacement(obj).inputs["Scale"].default_value


def wood(obj: bpy.types.Object) -> list:
    return batch.generate("texture_mesh", "solid", inputs={"mesh": [obj]}, prompt="oak", params=QUICK)


def with_heights(obj: bpy.types.Object, scale: float = 1.0) -> tuple[bpy.types.Material, np.ndarray]:
    """A material of the user's that displaces by a picture of 16 bits."""
    material = painted(obj)
    values = np.random.default_rng(4).integers(0, 65536, (SIZE, SIZE), np.uint16)
    data = encode_png(values)
    image = bpy.data.images.new("Bumps", 8, 8)
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image.colorspace_settings.name = "Non-Color"
    nodes, link = material.node_tree.nodes, material.node_tree.links.new
    picture, node = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeDisplacement")
    picture.image = image
    node.inputs["Scale"].default_value = scale
    output = next(node for node in nodes if node.type == "OUTPUT_MATERIAL")
    link(picture.outputs["Color"], node.inputs["Height"])
    link(node.outputs["Displacement"], output.inputs["Displacement"])
    return material, values


def test_sixteen_bits_are_read_as_they_stand_in_the_file(addon: None, tmp_path: Path) -> None:
    obj = grid()
    material, values = with_heights(obj)
    assert np.array_equal(levels_of := levels(obj), values), levels_of
    (tmp_path / "a.png").write_bytes(encode_png(values))
    assert np.array_equal(image_levels(tmp_path / "a.png")[..., 0], values)
    count = len(bpy.data.images)
    found = present_material(material, True)
    assert np.array_equal(found.maps["height"]["0"][..., 0], values) and found.height_m == 1.0
    assert len(bpy.data.images) == count


def test_the_material_keeps_them_and_does_not_show_them_twice(textures) -> None:  # noqa: F811
    obj = grid()
    wood(obj)
    node = displacement(obj)
    assert not node.outputs["Displacement"].is_linked, "the normals show them already"
    assert node.space == "WORLD" and node.inputs["Midlevel"].default_value == 0.5
    assert 1e-5 < node.inputs["Scale"].default_value < 0.1
    image = node.inputs["Height"].links[0].from_node.image
    assert image.colorspace_settings.name == "Non-Color" and image.packed_file is not None
    assert np.array_equal(levels(obj), decode_png(bytes(image.packed_file.data)))
    assert np.ptp(levels(obj)) > 20000


def test_a_part_keeps_the_heights_of_the_rest(textures) -> None:  # noqa: F811
    obj = grid()
    wood(obj)
    first = metres(obj)
    obj.data.polygons.foreach_set("select", [False, True])
    textures(Part((obj,), SELECTED))
    second, range_m = metres(obj), displacement(obj).inputs["Scale"].default_value
    assert np.abs(second[:, : SIZE // 2 - 2] - first[:, : SIZE // 2 - 2]).max() < 1.01 * range_m / 65535
    assert np.abs(second[:, SIZE // 2 + 20 :]).max() > 3 * np.abs(first).max(), "bricks are deeper than oak"
    assert not displacement(obj).outputs["Displacement"].is_linked
    assert take_away(obj.material_slots[0].material["aigc_job"]) and np.array_equal(metres(obj), first)


def test_heights_of_the_users_own_stay_and_go_on_displacing(textures) -> None:  # noqa: F811
    obj = grid()
    mine, values = with_heights(obj)
    obj.data.polygons.foreach_set("select", [False, True])
    textures(Part((obj,), SELECTED))
    right_half(levels(obj) != values)
    node = displacement(obj)
    assert node.outputs["Displacement"].is_linked and node.inputs["Scale"].default_value == 1.0
    assert obj.data.materials[0] == mine and mine.node_tree.nodes["Displacement"].inputs["Scale"].default_value == 1.0


@pytest.mark.parametrize("how", ["middle", "colour", "chain", "layer", "vector"])
def test_displacement_that_cannot_be_taken_over_stays_as_it_is(textures, how: str) -> None:  # noqa: F811
    obj = grid()
    material, values = with_heights(obj)
    nodes, link = material.node_tree.nodes, material.node_tree.links.new
    node = displacement(obj)
    picture = node.inputs["Height"].links[0].from_node
    if how == "middle":
        node.inputs["Midlevel"].default_value = 0.0
    elif how == "colour":
        picture.image.colorspace_settings.name = "sRGB"
    elif how == "chain":
        between = nodes.new("ShaderNodeInvert")
        link(picture.outputs["Color"], between.inputs["Color"])
        link(between.outputs["Color"], node.inputs["Height"])
    elif how == "layer":
        link(nodes.new("ShaderNodeTexCoord").outputs["Object"], picture.inputs["Vector"])
    else:
        output = next(node for node in nodes if node.type == "OUTPUT_MATERIAL")
        link(nodes.new("ShaderNodeVectorDisplacement").outputs["Displacement"], output.inputs["Displacement"])
        nodes.remove(node)
    obj.data.polygons.foreach_set("select", [False, True])
    textures(Part((obj,), SELECTED))
    made = obj.material_slots[0].material
    assert made != material and present_material(made, True).keep == ["height"]
    assert picture.image in [node.image for node in made.node_tree.nodes if node.type == "TEX_IMAGE"]


def tiled(obj: bpy.types.Object) -> None:
    """The second square lies on tile 1002."""
    uvs = np.empty(16, np.float32)
    obj.data.uv_layers[0].uv.foreach_get("vector", uvs)
    uvs = uvs.reshape(-1, 2) * (2, 1)
    uvs[:4, 0], uvs[4:, 0] = np.clip(uvs[:4, 0], 0.01, 0.99), np.clip(uvs[4:, 0], 1.01, 1.99)
    obj.data.uv_layers[0].uv.foreach_set("vector", uvs.astype(np.float32).reshape(-1))


def tiles(obj: bpy.types.Object) -> dict[str, dict[int, np.ndarray]]:
    """Of each map, the decoded tiles, by what its image is called."""
    nodes = obj.material_slots[0].material.node_tree.nodes
    images = [node.image for node in nodes if node.type == "TEX_IMAGE"]
    return {
        image.name.rpartition("_")[2].split(".")[0]: {
            one.tile_number: decode_png(bytes(one.packed_file.data)) for one in image.packed_files
        }
        for image in images
    }


def test_one_tile_of_a_udim_texture_changes_and_the_other_stays(textures) -> None:  # noqa: F811
    obj = grid()
    tiled(obj)
    wood(obj)
    before = tiles(obj)
    assert {name: sorted(found) for name, found in before.items()} == dict.fromkeys(
        ("BaseColor", "ORM", "Normal", "Height"), [1001, 1002]
    )
    scale = displacement(obj).inputs["Scale"].default_value
    obj.data.polygons.foreach_set("select", [False, True])
    textures(Part((obj,), SELECTED))
    after = tiles(obj)
    for name in ("BaseColor", "ORM", "Normal"):
        assert np.array_equal(after[name][1001], before[name][1001]), name
        assert (after[name][1002] != before[name][1002]).any(), name
    wider = displacement(obj).inputs["Scale"].default_value
    old, new = ((found["Height"][1001] / 65535 - 0.5) * span for found, span in ((before, scale), (after, wider)))
    assert np.abs(old - new).max() < 1.01 * wider / 65535
    obj.data.polygons.foreach_set("select", [True, False])
    textures(Part((obj,), SELECTED), prompt="gold")
    third = tiles(obj)
    assert np.array_equal(third["BaseColor"][1002], after["BaseColor"][1002])


def test_displacement_that_was_switched_on_stays_on(textures) -> None:  # noqa: F811
    obj = grid()
    wood(obj)
    material, node = obj.material_slots[0].material, displacement(obj)
    output = next(node for node in material.node_tree.nodes if node.type == "OUTPUT_MATERIAL")
    material.node_tree.links.new(node.outputs["Displacement"], output.inputs["Displacement"])
    obj.data.polygons.foreach_set("select", [False, True])
    textures(Part((obj,), SELECTED))
    now = displacement(obj)
    assert now.outputs["Displacement"].is_linked and now.id_data != node.id_data
    assert now.inputs["Scale"].default_value > 2 * node.inputs["Scale"].default_value, "bricks are deeper than oak"


def test_the_maps_of_a_part_are_handed_on_with_their_heights(textures, tmp_path: Path) -> None:  # noqa: F811
    """By the command line, and by the button of the result."""
    obj = grid()
    _, values = with_heights(obj)
    obj.data.polygons.foreach_set("select", [False, True])
    words = ["texture", "--objects", "Grid", "--prompt", "brick", "--model", "solid", "--size", str(SIZE)]
    assert cli.main([*words, "--faces", "selected", "--out", str(tmp_path / "maps")]) == 0
    names = {f"Grid_{ending}.png" for ending in ("BaseColor", "ORM", "Normal", "Height")}
    assert names <= {path.name for path in (tmp_path / "maps").iterdir()}
    written = decode_png((tmp_path / "maps" / "Grid_Height.png").read_bytes())
    right_half(written != values)
