"""Several objects share one set of textures: a new UV map on each, the user's own untouched, one undo for all."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from test_texture_mesh import cube, facts, in_the_tab

from blender_aigc import batch, cli, params
from blender_aigc.apply.result import take_away
from blender_aigc.gather.sources import SELECTED, Atlas, Part, completed, name_of, objects_of
from blender_aigc.protocol import Fault
from blender_aigc.state import STATE

ATLAS = {"texture_px": "256", "textures": "atlas"}
WORDS = "oak; two: white marble; three: rust"


def row(*names: str, **options: bool) -> list[bpy.types.Object]:
    """Cubes with materials side by side, each smaller than the one before."""
    made = []
    for number, name in enumerate(names):
        made.append(cube(name, **options))
        made[-1].data.materials.append(bpy.data.materials.new(f"{name}'s"))
        made[-1].location.x, made[-1].scale = 4 * number, (1 / (1 + number),) * 3
    bpy.context.view_layer.update()
    return made


def uvs_of(obj: bpy.types.Object, layer: str) -> np.ndarray:
    values = np.empty(len(obj.data.loops) * 2, np.float32)
    obj.data.uv_layers[layer].uv.foreach_get("vector", values)
    return values.reshape(-1, 2)


def material_of(obj: bpy.types.Object) -> bpy.types.Material:
    (material,) = {slot.material for slot in obj.material_slots}
    return material


def layer_of(obj: bpy.types.Object) -> str:
    (name,) = {node.uv_map for node in material_of(obj).node_tree.nodes if hasattr(node, "uv_map")}
    return name


def images_of(obj: bpy.types.Object) -> list[bpy.types.Image]:
    return [node.image for node in material_of(obj).node_tree.nodes if node.type == "TEX_IMAGE"]


def pixels_of(obj: bpy.types.Object, number: int = 0) -> np.ndarray:
    """(S, S, 3) of the colours, or another map; row 0 below."""
    image = images_of(obj)[number]
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(image.size[1], image.size[0], 4)[..., :3]


def boxes_of(objects: list[bpy.types.Object]) -> np.ndarray:
    """(N, 2, 2): the corners of what each object holds of the atlas."""
    return np.array([[f(uvs_of(obj, layer_of(obj)), axis=0) for f in (np.min, np.max)] for obj in objects])


def assert_apart(objects: list[bpy.types.Object]) -> None:
    boxes = boxes_of(objects)
    assert boxes.min() >= 0 and boxes.max() <= 1
    for first, one in enumerate(boxes):
        for other in boxes[:first]:
            assert max((one[0] - other[1]).max(), (other[0] - one[1]).max()) >= 1 / 128 - 1e-5


@pytest.fixture
def textures(studio: Path):
    def run(*objects: bpy.types.Object, prompt: str = WORDS, **values: object) -> list:
        given = {"inputs": {"mesh": list(objects)}, "prompt": prompt, "params": {**ATLAS, **values}}
        return batch.generate("texture_mesh", "solid", **given)

    yield run
    batch.close()


def test_objects_share_one_material_beside_their_own(textures) -> None:
    objects = row("One", "Two", "Three")
    mine = objects[0].data.materials[0]
    objects[1].data.uv_layers.new(name="Second")
    before = [facts(obj) for obj in objects]
    assert textures(*objects) == objects
    assert len({material_of(obj) for obj in objects}) == 1 and len(images_of(objects[0])) == 4
    assert len([image for image in bpy.data.images if image.packed_file]) == 4
    assert objects[0].data.materials[0] == mine
    for obj, was in zip(objects, before, strict=True):
        now = facts(obj)
        assert {key: now["uvs"][key] for key in was["uvs"]} == was["uvs"] and list(now["uvs"])[-1] == "AIGC UV"
        assert now["active"][0] == was["active"][0] and now["active"][1][:-1] == was["active"][1]
    assert_apart(objects)
    areas = np.prod(boxes_of(objects)[:, 1] - boxes_of(objects)[:, 0], axis=1)
    assert np.allclose(areas / areas[0], [1, 1 / 4, 1 / 9], rtol=0.02), "in proportion to the surface"
    assert take_away(material_of(objects[0])["aigc_job"])
    assert [facts(obj) for obj in objects] == before
    assert not [image for image in bpy.data.images if image.packed_file]


def test_each_object_shows_its_own_words(textures) -> None:
    objects = row("One", "Two", "Three")
    textures(*objects)
    pixels = pixels_of(objects[0])
    means = []
    for low, high in boxes_of(objects):
        (x, y), (right, top) = np.ceil(low * 256).astype(int), np.floor(high * 256).astype(int)
        means.append(pixels[y:top, x:right].mean(axis=(0, 1)))
    oak, marble, rust = means
    assert marble.min() > 0.6 > oak.max() - 0.1 and np.ptp(marble) < 0.1, "white"
    assert rust[0] > 2 * rust[2] and rust.mean() < oak.mean()


def test_objects_without_uvs_and_with_bad_ones_are_unwrapped_then_packed(textures) -> None:
    plain, over, good = *row("One", uvs=False), *row("Two"), *row("Three")
    over.data.uv_layers[0].uv.foreach_set("vector", np.tile(np.float32([0, 0, 1, 0, 1, 1, 0, 1]), 6))
    before = [facts(obj)["uvs"] for obj in (over, good)]
    textures(plain, over, good)
    assert_apart([plain, over, good])
    for obj, was in zip((over, good), before, strict=True):
        assert facts(obj)["uvs"]["UVMap"] == was["UVMap"]
    corners = uvs_of(over, "AIGC UV").reshape(6, 4, 2)
    assert len({tuple(np.round(face.mean(axis=0), 4)) for face in corners}) == 6, "its sides have places of their own"


def test_copies_that_share_a_mesh_get_a_place_each(textures) -> None:
    first = row("One")[0]
    second = bpy.data.objects.new("Two", first.data)
    bpy.context.collection.objects.link(second)
    second.location.x = 3
    bpy.context.view_layer.update()
    before = facts(first)
    textures(first, second)
    assert {layer_of(first), layer_of(second)} == {"AIGC UV", "AIGC UV.001"}
    assert set(images_of(first)) == set(images_of(second)), "two materials, the same images"
    assert_apart([first, second])
    job = material_of(first)["aigc_job"]
    textures(first, second)
    assert len(first.data.uv_layers) == 3, "the same places need no new layers"
    assert take_away(job) and take_away(material_of(first)["aigc_job"])
    assert facts(first) == before


def test_too_many_copies_are_refused_before_anything_is_made(textures) -> None:
    first = row("One")[0]
    copies = [bpy.data.objects.new(f"Copy{n}", first.data) for n in range(8)]
    for copy in copies:
        bpy.context.collection.objects.link(copy)
    before = facts(first)
    with pytest.raises(Fault, match="9 objects share the mesh") as caught:
        textures(first, *copies)
    assert "Make Single User" in caught.value.hint and "One per Object" in caught.value.hint
    assert facts(first) == before


def test_tiles_are_refused_and_everything_stays(textures) -> None:
    box, other = row("One", "Two")
    uvs = uvs_of(box, "UVMap") * np.float32(0.9) + np.float32(0.02)
    uvs[:12] += (1, 0)
    box.data.uv_layers[0].uv.foreach_set("vector", uvs.reshape(-1))
    before = facts(box), facts(other)
    with pytest.raises(Fault, match="2 UDIM tiles") as caught:
        textures(box, other)
    assert "One per Object" in caught.value.hint and (facts(box), facts(other)) == before


def test_modifiers_follow_or_a_copy_takes_the_texture(textures) -> None:
    """A Bevel carries the layer along; a Mirror that flips UVs would throw the flipped half out of its place."""
    bevelled, mirrored = row("One", "Two")
    bevelled.modifiers.new("Bevel", "BEVEL")
    uvs = uvs_of(mirrored, "UVMap") * (0.45, 0.9) + 0.02
    mirrored.data.uv_layers[0].uv.foreach_set("vector", uvs.astype(np.float32).reshape(-1))
    flip = mirrored.modifiers.new("Mirror", "MIRROR")
    flip.use_mirror_u, flip.use_axis = True, (False, True, False)
    for vertex in mirrored.data.vertices:
        vertex.co.y += 1.5
    before = facts(mirrored)
    made = textures(bevelled, mirrored)
    assert made[0] == bevelled and made[1].name == "Two Textured" and mirrored.hide_get()
    assert facts(mirrored) == before
    assert_apart(made)
    own = uvs_of(made[1], "UVMap")
    moved = uvs_of(made[1], layer_of(made[1]))
    scale = np.ptp(moved, axis=0) / np.ptp(own, axis=0)
    assert np.allclose((own - own.min(axis=0)) * scale, moved - moved.min(axis=0), atol=1e-4), "both halves are there"


def test_curves_take_part_by_their_copies(textures) -> None:
    (box,) = row("One")
    bpy.ops.curve.primitive_bezier_circle_add()
    curve = bpy.context.object
    curve.data.bevel_depth = 0.1
    made = textures(box, curve)
    assert [obj.type for obj in made] == ["MESH", "MESH"] and curve.hide_get()
    assert_apart(made)
    assert take_away(material_of(box)["aigc_job"]) and not curve.hide_get()


def test_a_selected_face_changes_and_the_atlas_stays_one(textures) -> None:
    objects = row("One", "Two")
    textures(*objects)
    first = material_of(objects[0])
    before = [pixels_of(objects[0], number) for number in range(3)]
    for obj in objects:
        obj.data.polygons.foreach_set("select", np.zeros(6, bool))
    objects[1].data.polygons[0].select = True
    batch.generate(
        "texture_mesh", "solid", inputs={"mesh": Part(tuple(objects), SELECTED)}, prompt="gold", params=ATLAS
    )
    again = material_of(objects[0])
    assert again != first and material_of(objects[1]) == again
    (low, high), (other, end) = (np.int64(boxes_of(objects) * 256) + ((0, 0), (1, 1)))[:, :, ::-1]
    for number, was in enumerate(before):  # colours, roughness and metal, normals
        changed = (pixels_of(objects[0], number) != was).any(axis=2)
        assert changed[other[0] : end[0], other[1] : end[1]].any() or number == 2
        assert not changed[low[0] : high[0], low[1] : high[1]].any(), number
    assert list(objects[0].data.uv_layers.keys()) == ["UVMap", "AIGC UV"]
    assert take_away(again["aigc_job"]) and material_of(objects[1]) == first


def test_one_object_of_an_atlas_can_go_its_own_way(textures) -> None:
    """And writes nothing into the cell of the other, whose textures have to be good for both."""
    objects = row("One", "Two")
    textures(*objects, texture_px="512")
    shared, before = material_of(objects[0]), pixels_of(objects[1])
    part = Part((objects[1],))
    batch.generate("texture_mesh", "solid", inputs={"mesh": part}, prompt="gold", params={"texture_px": "256"})
    assert material_of(objects[0]) == shared and material_of(objects[1]) != shared
    assert [tuple(image.size) for image in images_of(objects[1])] == [(512, 512)] * 4
    changed = (pixels_of(objects[1]) != before).any(axis=2)
    low, high = boxes_of(objects[1:])[0] * 512
    (left, bottom), (right, top) = np.floor(low).astype(int) - 3, np.ceil(high).astype(int) + 3
    inside = changed[max(bottom, 0) : top, max(left, 0) : right]
    assert inside.mean() > 0.5 and inside.sum() == changed.sum()


def test_from_the_tab_with_undo_maps_and_original_materials(studio: Path, tmp_path: Path) -> None:
    objects = row("One", "Two")
    before = [facts(obj) for obj in objects]
    in_the_tab("oak; two: brass")
    params.group_of(bpy.context.scene.aigc.params, STATE.models["solid"]).textures = "atlas"
    for obj in objects:
        obj.select_set(True)
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    bpy.ops.ed.undo_push(message="after")
    assert len({material_of(obj) for obj in objects}) == 1
    bpy.ops.ed.undo()
    assert [facts(bpy.data.objects[name]) for name in ("One", "Two")] == before
    bpy.ops.ed.redo()
    objects = [bpy.data.objects[name] for name in ("One", "Two")]
    assert len({material_of(obj) for obj in objects}) == 1
    record = STATE.results[0]
    assert bpy.ops.aigc.export_maps(job_id=record.job_id, directory=str(tmp_path / "maps")) == {"FINISHED"}
    assert len(list((tmp_path / "maps").iterdir())) == 4
    objects[1].select_set(False)
    objects[0].select_set(True)
    assert bpy.ops.aigc.original_materials() == {"FINISHED"}
    assert facts(objects[0]) == before[0] and material_of(objects[1]), "the other keeps its place on the atlas"
    assert bpy.ops.aigc.run_again(job_id=record.job_id) == {"FINISHED"}
    assert len({material_of(obj) for obj in objects}) == 1
    batch.close()


def test_one_command_and_the_saved_file(studio: Path, tmp_path: Path) -> None:
    row("One", "Two")
    words = ["texture", "--objects", "*", "--prompt", "oak", "--size", "256", "--model", "solid", "--atlas"]
    words += ["--save-as", str(tmp_path / "out.blend"), "--out", str(tmp_path / "maps")]
    assert cli.main(words) == 0
    assert [path.name for path in (tmp_path / "maps").glob("*_BaseColor.png")] == ["One_Atlas_BaseColor.png"]
    job = json.loads((tmp_path / "maps" / "result.json").read_text())["job"]
    assert job["params"]["textures"] == "atlas"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out.blend"))
    assert len({material_of(bpy.data.objects[name]) for name in ("One", "Two")}) == 1
    assert_apart([bpy.data.objects["One"], bpy.data.objects["Two"]])


def test_only_several_objects_become_an_atlas(studio: Path) -> None:
    one, two = row("One", "Two")
    both = completed({"mesh": [one, two]}, ATLAS, ["mesh"])
    assert both["mesh"] == Atlas((one, two)) and objects_of(both) == (one, two)
    assert name_of(both, bpy.context.scene) == "One"
    assert completed({"mesh": [one]}, ATLAS, ["mesh"])["mesh"] == [one]
    assert completed({"mesh": [one, two]}, {"textures": "each"}, ["mesh"])["mesh"] == [one, two]
    part = Part((one, two))
    assert completed({"mesh": part}, ATLAS, ["mesh"])["mesh"] is part
