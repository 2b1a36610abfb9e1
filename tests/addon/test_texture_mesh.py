"""Objects are textured where they stand: the user's UV maps, materials and modifiers stay, one undo takes it back."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_aigc import batch, cli, params
from blender_aigc.apply.result import take_away
from blender_aigc.protocol import Fault
from blender_aigc.state import STATE

QUICK = {"texture_px": "256"}


def cube(name: str = "Box", uvs: bool = True) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add()
    obj = bpy.context.object
    obj.name = name
    if not uvs:
        obj.data.uv_layers.remove(obj.data.uv_layers[0])
    return obj


def facts(obj: bpy.types.Object) -> dict[str, object]:
    """All that is the user's about an object and its mesh."""
    mesh = obj.data
    layers = {}
    for layer in mesh.uv_layers:
        uvs = np.empty(len(mesh.loops) * 2, np.float32)
        layer.uv.foreach_get("vector", uvs)
        layers[layer.name] = uvs.tobytes()
    return {
        "uvs": layers,
        "active": (mesh.uv_layers.active_index, [layer.active_render for layer in mesh.uv_layers]),
        "materials": [material and material.name for material in mesh.materials],
        "slots": [(slot.link, slot.material and slot.material.name) for slot in obj.material_slots],
        "modifiers": [(m.name, m.type) for m in obj.modifiers],
        "own": sorted(key for key in obj.keys() if key.startswith("aigc")),
    }


@pytest.fixture
def textures(studio: Path):
    def run(*objects: bpy.types.Object, prompt: str = "oak", **params: object) -> list:
        return batch.generate(
            "texture_mesh", "solid", inputs={"mesh": list(objects)}, prompt=prompt, params={**QUICK, **params}
        )

    yield run
    batch.close()


def in_the_tab(prompt: str) -> None:
    """As if the artist had chosen the task, the words and the size."""
    settings = bpy.context.scene.aigc
    settings.task, settings.prompt = "texture_mesh", prompt
    models = batch.models()
    params.update(models)
    STATE.models = models
    params.group_of(settings.params, models["solid"]).texture_px = "256"


def pictures(material: bpy.types.Material) -> dict[str, bpy.types.Node]:
    """The nodes of its maps by the ends of their names."""
    nodes = [node for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]
    return {node.image.name.rpartition("_")[2].split(".")[0]: node for node in nodes}


def came_from(material: bpy.types.Material, socket: str) -> set[str]:
    """Which maps reach an input of Principled BSDF."""
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    left, found = [shader.inputs[socket]], set[str]()
    while left:
        for node in [link.from_node for link in left.pop().links]:
            found |= {key for key, picture in pictures(material).items() if picture == node}
            left += list(node.inputs)
    return found


def test_a_cube_becomes_wood_beside_the_users_material(textures) -> None:
    box = cube(uvs=False)
    mine = bpy.data.materials.new("Mine")
    box.data.materials.append(mine)
    before = facts(box)
    assert textures(box) == [box]
    material = box.material_slots[0].material
    assert material != mine and box.data.materials[0] == mine
    assert [layer.name for layer in box.data.uv_layers] == ["AIGC UV"]
    assert {key: node.image.colorspace_settings.name for key, node in pictures(material).items()} == {
        "BaseColor": "sRGB", "ORM": "Non-Color", "Normal": "Non-Color", "Height": "Non-Color",
    }  # fmt: skip
    wanted = {"Base Color": {"BaseColor", "ORM"}, "Roughness": {"ORM"}, "Metallic": {"ORM"}, "Normal": {"Normal"}}
    assert {name: came_from(material, name) for name in wanted} == wanted
    (channels,) = [node for node in material.node_tree.nodes if node.type == "SEPARATE_COLOR"]
    assert channels.outputs["Green"].links[0].to_socket.name == "Roughness"
    assert channels.outputs["Blue"].links[0].to_socket.name == "Metallic"
    assert channels.outputs["Red"].links[0].to_node.label == "Ambient Occlusion"
    factor = next(socket for socket in channels.outputs["Red"].links[0].to_node.inputs if socket.enabled)
    assert factor.default_value == 0, "shade is the renderer's"
    assert material.node_tree.nodes.active == pictures(material)["BaseColor"], "what Solid view's textures show"
    output = next(node for node in material.node_tree.nodes if node.type == "OUTPUT_MATERIAL")
    assert not output.inputs["Displacement"].links, "the normals show the heights already"
    assert take_away(material["aigc_job"])
    assert facts(box) == before
    assert mine.name in bpy.data.materials and not [i for i in bpy.data.images if i.packed_file]


def test_failures_leave_everything_as_it_was(textures, tmp_path: Path) -> None:
    box = cube(uvs=False)
    before = facts(box)
    status = batch.run("texture_mesh", "solid", inputs={"mesh": [box]}, prompt="oak", params=QUICK)
    (Path(status.folder) / "Box_ORM.png").write_bytes(b"broken")
    with pytest.raises(Fault, match="damaged"):
        batch.place(status)
    assert facts(box) == before
    assert not bpy.data.materials and not [image for image in bpy.data.images if image.packed_file]


def test_other_layers_modifiers_and_the_active_one_stay(textures) -> None:
    box = cube()
    squeezed = np.tile(np.float32([[0, 0], [2, 0], [2, 2], [0, 2]]), (6, 1))
    box.data.uv_layers[0].uv.foreach_set("vector", squeezed.reshape(-1))
    box.data.uv_layers.new(name="Second")
    box.data.uv_layers.active_index = 0
    box.modifiers.new("Bevel", "BEVEL")
    before = facts(box)
    textures(box, prompt="brick")
    after = facts(box)
    assert after["active"][0] == 0 and after["active"][1][0] and list(after["uvs"]) == ["UVMap", "Second", "AIGC UV"]
    assert {key: after["uvs"][key] for key in before["uvs"]} == before["uvs"]
    assert after["modifiers"] == before["modifiers"]
    tree = box.material_slots[0].material.node_tree
    assert {node.uv_map for node in tree.nodes if hasattr(node, "uv_map")} == {"AIGC UV"}


def test_several_objects_and_slots_get_their_own(textures) -> None:
    one, two = cube("One"), cube("Two")
    for name in ("Body", "Window"):
        one.data.materials.append(bpy.data.materials.new(name))
    one.data.polygons[0].material_index = 1
    two["aigc_prompt"] = "white marble"
    two.scale = (-1, 1, 1)
    textures(one, two, prompt="rust; window: glass")
    mine = {slot.material for slot in one.material_slots}
    assert len(mine) == 1 and two.material_slots[0].material not in mine
    assert two.data.materials[0] is None and two.material_slots[0].link == "OBJECT"


def test_a_second_result_lies_over_the_first_and_each_can_go(textures) -> None:
    box = cube()
    before = facts(box)
    textures(box, prompt="oak")
    first = box.material_slots[0].material
    textures(box, prompt="brick")
    second = box.material_slots[0].material
    assert first != second
    job, other = first["aigc_job"], second["aigc_job"]
    assert take_away(job) and box.material_slots[0].material == second
    assert take_away(other)
    assert facts(box) == before and before["materials"] == []


@pytest.mark.parametrize("filled", ["no", "on the mesh", "on a copy", "on both by us"])
def test_the_slot_that_a_bare_mesh_was_given_goes_when_nothing_is_in_it(textures, filled: str) -> None:
    box = cube()
    copy = box.copy()
    bpy.context.collection.objects.link(copy)
    textures(*([box, copy] if filled == "on both by us" else [box]))
    job = box.material_slots[0].material["aigc_job"]
    if filled == "on the mesh":
        box.data.materials[0] = bpy.data.materials.new("Paint")
    elif filled == "on a copy":
        copy.material_slots[0].link = "OBJECT"
        copy.material_slots[0].material = bpy.data.materials.new("Paint")
    assert take_away(job)
    assert len(box.material_slots) == len(copy.material_slots) == (filled in ("on the mesh", "on a copy"))


def test_text_gets_a_mesh_in_its_place(textures) -> None:
    bpy.ops.object.text_add(location=(1, 2, 3))
    text = bpy.context.object
    text.data.extrude = 0.1
    (made,) = textures(text, prompt="gold")
    assert made.type == "MESH" and text.hide_get() and not made.hide_get()
    assert made.matrix_world == text.matrix_world and made.material_slots[0].material
    assert take_away(made["aigc_job"])
    assert text.name in bpy.data.objects and len(bpy.data.objects) == 1


def test_udim_tiles_become_one_tiled_image(textures) -> None:
    box = cube()
    uvs = np.zeros((24, 2), np.float32)
    for face in range(6):
        square = np.float32([[0, 0], [0.25, 0], [0.25, 0.25], [0, 0.25]])
        uvs[face * 4 : face * 4 + 4] = square + (0.05 + 0.3 * (face % 3) + 2 * (face > 2), 0.05)
    box.data.uv_layers[0].uv.foreach_set("vector", uvs.reshape(-1))
    textures(box, prompt="brick")
    (material,) = {slot.material for slot in box.material_slots}
    images = [node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]
    assert [[tile.number for tile in image.tiles] for image in images] == [[1001, 1003]] * 4
    assert all(len(image.packed_files) == 2 for image in images)


def test_a_mesh_that_changed_meanwhile_is_left_alone(textures) -> None:
    box = cube()
    status = batch.run("texture_mesh", "solid", inputs={"mesh": [box]}, prompt="oak", params=QUICK)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.subdivide()
    bpy.ops.object.mode_set(mode="OBJECT")
    with pytest.raises(Fault, match="has changed since"):
        batch.place(status)
    bpy.data.objects.remove(box)
    with pytest.raises(Fault, match="not in this file any more"):
        batch.place(status)


def test_the_tab_textures_the_selection_and_undo_takes_it_back(studio: Path) -> None:
    box = cube()
    in_the_tab("copper")
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    assert box.material_slots[0].material.name.startswith("Box")
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert not bpy.data.objects["Box"].material_slots
    bpy.ops.ed.redo()
    assert bpy.data.objects["Box"].material_slots[0].material.name.startswith("Box")
    batch.close()


@pytest.mark.parametrize("stored", [False, True], ids=["of this run", "stored by another run"])
def test_whose_number_it_is(stored: bool, textures, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed object is found by its number; in a folder of maps from another Blender it is a stranger's number."""
    numbered = cube()
    if stored:
        monkeypatch.setattr("blender_aigc.gather.mesh.THIS_RUN", "another run")
    status = batch.run("texture_mesh", "solid", inputs={"mesh": [numbered]}, prompt="oak", params=QUICK)
    numbered.name = "Wall"
    named = cube("Box")
    assert batch.place(status) == [named if stored else numbered]
    assert [bool(obj.material_slots) for obj in (numbered, named)] == [not stored, stored]


def test_maps_are_handed_on_and_textures_come_off(studio: Path, tmp_path: Path) -> None:
    box = cube(uvs=False)
    mine = bpy.data.materials.new("Mine")
    box.data.materials.append(mine)
    in_the_tab("slate with glitter")
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    record = STATE.results[0]
    assert "Not understood: glitter" in record.note
    assert bpy.ops.aigc.export_maps(job_id=record.job_id, directory=str(tmp_path / "maps")) == {"FINISHED"}
    names = {path.name for path in (tmp_path / "maps").iterdir()}
    assert names == {f"Box_{ending}.png" for ending in ("BaseColor", "ORM", "Normal", "Height")}
    box.select_set(True)
    assert bpy.ops.aigc.original_materials() == {"FINISHED"}
    assert box.material_slots[0].material == mine and not box.data.uv_layers
    assert bpy.ops.aigc.run_again(job_id=record.job_id) == {"FINISHED"}
    assert box.material_slots[0].material != mine, "the same objects are found again"
    batch.close()


def test_one_command_does_it_all(studio: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`blender -b FILE -c aigc texture --objects 'Bo*' ...`: the file, the maps, and what was not understood."""
    cube("Box"), cube("Ball")
    words = ["texture", "--objects", "Bo*", "--prompt", "oak with glitter", "--size", "256", "--model", "solid"]
    words += ["--save-as", str(tmp_path / "out.blend"), "--out", str(tmp_path / "maps")]
    assert cli.main(words) == 0
    assert "Not understood: glitter" in capfd.readouterr().err
    assert (tmp_path / "maps" / "Box_BaseColor.png").is_file() and (tmp_path / "maps" / "result.json").is_file()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out.blend"))
    material = bpy.data.objects["Box"].material_slots[0].material
    images = [node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]
    assert [tuple(image.size) for image in images] == [(256, 256)] * 4 and all(i.packed_file for i in images)
    assert not bpy.data.objects["Ball"].material_slots
    assert cli.main([*words[:1], "--objects", "Nobody", *words[3:]]) == 1
    assert "No mesh is called Nobody" in capfd.readouterr().err


def test_a_linked_object_gets_a_copy_in_its_place(textures, tmp_path: Path) -> None:
    cube("Asset")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "lib.blend"), copy=True)
    bpy.data.objects.remove(bpy.data.objects["Asset"])
    with bpy.data.libraries.load(str(tmp_path / "lib.blend"), link=True) as (_, wanted):
        wanted.objects = ["Asset"]
    linked = next(obj for obj in bpy.data.objects if obj.library)
    bpy.context.scene.collection.objects.link(linked)
    (made,) = textures(linked)
    assert made.library is None and made.data.library is None and made.material_slots[0].material
    assert not linked.data.materials and linked.hide_get()
