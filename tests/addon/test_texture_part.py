"""A part of a texture is made anew in Blender: selected faces, groups, painted masks; all else stays, bit for bit."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_aigc import batch, cli
from blender_aigc.apply.result import take_away
from blender_aigc.gather.image import image_pixels
from blender_aigc.gather.sources import SELECTED, Part
from blender_aigc.protocol import Fault

SIZE = 256
QUICK = {"texture_px": str(SIZE)}


def grid() -> bpy.types.Object:
    """Two squares side by side, x from -1 to 1, each with half of the texture."""
    mesh = bpy.data.meshes.new("Grid")
    points = [(x, y, 0) for y in (-0.5, 0.5) for x in (-1, 0, 1)]
    mesh.from_pydata(points, [], [(0, 1, 4, 3), (1, 2, 5, 4)])
    uvs = [((x + 1) / 2, y + 0.5) for face in mesh.polygons for x, y, _ in (points[v] for v in face.vertices)]
    mesh.uv_layers.new(name="Mine").uv.foreach_set("vector", np.float32(uvs).reshape(-1))
    obj = bpy.data.objects.new("Grid", mesh)
    bpy.context.scene.collection.objects.link(obj)
    obj.select_set(True)
    bpy.context.view_layer.objects.active = obj
    return obj


def noise(name: str = "Noise", alpha: bool = False) -> bpy.types.Image:
    image = bpy.data.images.new(name, SIZE, SIZE, alpha=alpha)
    values = np.random.default_rng(5).integers(0, 256, (SIZE, SIZE, 4)) / np.float32(255)
    if not alpha:
        values[..., 3] = 1
    image.pixels.foreach_set(values.astype(np.float32).reshape(-1))
    return image


def painted(obj: bpy.types.Object, image: bpy.types.Image | None = None) -> bpy.types.Material:
    """A material of the user's with a picture and emission."""
    material = bpy.data.materials.new("Mine")
    if material.node_tree is None:
        material.use_nodes = True
    nodes, link = material.node_tree.nodes, material.node_tree.links.new
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    picture = nodes.new("ShaderNodeTexImage")
    picture.image = image or noise()
    link(picture.outputs["Color"], shader.inputs["Base Color"])
    link(picture.outputs["Alpha"], shader.inputs["Alpha"])
    shader.inputs["Roughness"].default_value = 0.25
    shader.inputs["Emission Strength"].default_value = 0.125
    obj.data.materials.append(material)
    return material


def colours(obj: bpy.types.Object, slot: int = 0) -> np.ndarray:
    """(H, W, 4) of the picture that gives a slot its colour."""
    tree = obj.material_slots[slot].material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    node = shader.inputs["Base Color"].links[0].from_node
    while node.type != "TEX_IMAGE":
        node = next(socket for socket in node.inputs if socket.is_linked).links[0].from_node
    return image_pixels(node.image)


@pytest.fixture
def textures(studio: Path):
    def run(part: Part, prompt: str = "brick", mask: object = None, **params: object) -> list:
        inputs = {"mesh": part} | ({"mask": mask} if mask is not None else {})
        return batch.generate("texture_mesh", "solid", inputs=inputs, prompt=prompt, params={**QUICK, **params})

    yield run
    batch.close()


def right_half(changed: np.ndarray) -> None:
    """Only texels of the second face (and Blender's two of bleeding) changed."""
    assert not changed[:, : SIZE // 2 - 2].any() and changed[:, SIZE // 2 + 20 :].mean() > 0.7


def test_selected_faces_of_the_users_own_picture(textures) -> None:
    obj = grid()
    mine = painted(obj, noise(alpha=True))
    before = colours(obj)
    obj.data.polygons.foreach_set("select", [False, True])
    textures(Part((obj,), SELECTED))
    after = colours(obj)
    right_half((after != before).any(axis=2))
    assert (after[..., 3] == before[..., 3]).all(), "transparency stays"
    made = obj.material_slots[0].material
    shader = next(node for node in made.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    assert made != mine and shader.inputs["Emission Strength"].default_value == 0.125
    assert shader.inputs["Roughness"].is_linked and shader.inputs["Alpha"].is_linked
    assert (
        obj.data.materials[0] == mine
        and len(obj.data.uv_layers) == 1
        and ".aigc" not in str(obj.data.attributes.keys())
    )
    assert take_away(made["aigc_job"]) and (colours(obj) == before).all()


def test_a_part_of_our_own_texture_and_then_another(textures) -> None:
    obj = grid()
    batch.generate("texture_mesh", "solid", inputs={"mesh": [obj]}, prompt="oak", params=QUICK)
    first = colours(obj)
    obj.vertex_groups.new(name="Right").add([2, 5], 1.0, "REPLACE")
    textures(Part((obj,), "Right"))
    second = colours(obj)
    changed = (second != first).any(axis=2)
    assert not changed[:, : SIZE // 2 - 2].any() and changed[:, -20:].mean() > 0.7
    obj.data.polygons.foreach_set("select", [True, False])
    textures(Part((obj,), SELECTED, inverted=True), prompt="gold")
    third = colours(obj)
    right_half((third != second).any(axis=2))
    names = [slot.material.name for slot in obj.material_slots]
    assert take_away(obj.material_slots[0].material["aigc_job"]), names
    assert (colours(obj) == second).all()


def test_a_painted_mask_and_a_colour_attribute(textures, tmp_path: Path) -> None:
    obj = grid()
    painted(obj)
    before = colours(obj)
    mask = np.zeros((SIZE, SIZE, 4), np.uint8)
    mask[..., 3] = 255
    mask[:, SIZE // 2 :, :3] = 255
    image = bpy.data.images.new("Mask", SIZE, SIZE)
    image.pixels.foreach_set((mask[::-1] / np.float32(255)).astype(np.float32).reshape(-1))
    textures(Part((obj,)), mask=image)
    right_half((colours(obj) != before).any(axis=2))
    layer = obj.data.color_attributes.new("Worn", "BYTE_COLOR", "CORNER")
    layer.data.foreach_set("color", [value for n in range(8) for value in ([1.0] * 4 if n > 3 else [0, 0, 0, 1])])
    now = colours(obj)
    textures(Part((obj,), "Worn"), prompt="copper")
    right_half((colours(obj) != now).any(axis=2))


def test_modifiers_carry_the_choice_along(textures) -> None:
    obj = grid()
    painted(obj)
    obj.modifiers.new("Subdivision", "SUBSURF").subdivision_type = "SIMPLE"
    obj.modifiers.new("Mirror", "MIRROR").use_axis = (False, True, False)
    before = colours(obj)
    obj.data.polygons.foreach_set("select", [False, True])
    textures(Part((obj,), SELECTED))
    right_half((colours(obj) != before).any(axis=2))


def test_faces_chosen_in_edit_mode(textures) -> None:
    obj = grid()
    painted(obj)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.context.tool_settings.mesh_select_mode = (False, False, True)
    import bmesh

    cage = bmesh.from_edit_mesh(obj.data)
    cage.faces.ensure_lookup_table()
    cage.faces[0].select_set(False)
    cage.faces[1].select_set(True)
    bmesh.update_edit_mesh(obj.data)
    status = batch.run("texture_mesh", "solid", inputs={"mesh": Part((obj,), SELECTED)}, prompt="brick", params=QUICK)
    bpy.ops.object.mode_set(mode="OBJECT")
    before = colours(obj)
    batch.place(status, objects=(obj,))
    right_half((colours(obj) != before).any(axis=2))


def test_only_the_slots_that_change_are_touched(textures) -> None:
    obj = grid()
    painted(obj)
    other = bpy.data.materials.new("Plain")
    obj.data.materials.append(other)
    obj.data.polygons[1].material_index = 1
    textures(Part((obj,), "Plain"))
    assert obj.material_slots[0].link == "DATA" and obj.material_slots[1].material not in (other, None)


def test_what_is_below_is_saved_with_the_file(textures, tmp_path: Path) -> None:
    """Also where nothing shows it any more: the result on top can be taken off after the file was opened again."""
    obj = grid()
    batch.generate("texture_mesh", "solid", inputs={"mesh": [obj]}, prompt="oak", params=QUICK)
    first = colours(obj)
    textures(Part((obj,), ""), prompt="gold")
    job = obj.material_slots[0].material["aigc_job"]
    assert (colours(obj) != first).any()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "kept.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "kept.blend"))
    obj = bpy.data.objects["Grid"]
    assert take_away(job) and (colours(obj) == first).all()
    assert [key for key in obj.keys() if key == "aigc_kept"] == []


@pytest.mark.parametrize(
    ("spoil", "faces", "words"),
    [
        ("", "Nobody", "no vertex group, attribute or material slot called Nobody"),
        ("none selected", SELECTED, "No face is chosen"),
        ("noise", "", "comes from nodes without a picture"),
        ("mapping", "", "not placed by a UV map alone"),
        ("text", SELECTED, "no faces that can be selected"),
    ],
)
def test_what_cannot_be_worked_on_is_explained(studio: Path, spoil: str, faces: str, words: str) -> None:
    obj = grid()
    material = painted(obj)
    nodes, link = material.node_tree.nodes, material.node_tree.links.new
    if spoil == "none selected":
        obj.data.polygons.foreach_set("select", [False, False])
    elif spoil == "noise":
        shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
        link(nodes.new("ShaderNodeTexNoise").outputs["Color"], shader.inputs["Base Color"])
    elif spoil == "mapping":
        picture = next(node for node in nodes if node.type == "TEX_IMAGE")
        link(nodes.new("ShaderNodeMapping").outputs["Vector"], picture.inputs["Vector"])
    elif spoil == "text":
        bpy.ops.object.text_add()
        obj = bpy.context.object
        obj.data.extrude = 0.1
    from blender_aigc.gather.mesh import mesh_blob

    before = [len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.images)]
    with pytest.raises(Fault, match=words):
        mesh_blob([obj], bpy.context.scene, Part((obj,), faces))
    assert [len(bpy.data.objects), len(bpy.data.meshes), len(bpy.data.images)] == before


def test_the_command_line_repaints(studio: Path, tmp_path: Path) -> None:
    obj = grid()
    painted(obj)
    before = colours(obj)
    obj.data.polygons.foreach_set("select", [False, True])
    words = ["texture", "--objects", "Grid", "--prompt", "brick", "--model", "solid", "--size", str(SIZE)]
    assert cli.main([*words, "--faces", "selected", "--save-as", str(tmp_path / "a.blend")]) == 0
    right_half((colours(obj) != before).any(axis=2))
    now = colours(obj)
    mask = np.zeros((SIZE, SIZE, 4), np.float32)
    mask[..., 3] = 1
    mask[:, SIZE // 2 :] = 1
    image = bpy.data.images.new("Mask", SIZE, SIZE)
    image.pixels.foreach_set(mask.reshape(-1))
    image.filepath_raw, image.file_format = str(tmp_path / "mask.png"), "PNG"
    image.save()
    words[4] = "gold"
    assert cli.main([*words, "--mask", str(tmp_path / "mask.png"), "--save-as", str(tmp_path / "b.blend")]) == 0
    right_half((colours(obj) != now).any(axis=2))
