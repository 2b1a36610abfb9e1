"""A material that repeats enters Blender: on the selected objects beside their own, or for later; one undo takes it."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from blender_aigc import batch, cli, watch
from blender_aigc.apply.result import take_away
from blender_aigc.apply.scene import JOB
from blender_aigc.state import STATE

QUICK = {"texture_px": "512", "width_m": 2.0}


def cube(name: str = "Box", uvs: bool = True) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.object.name = name
    if not uvs:
        bpy.context.object.data.uv_layers.remove(bpy.context.object.data.uv_layers[0])
    return bpy.context.object


def brick(**asked: object) -> bpy.types.Material:
    batch.generate("tile_texture", "tiling", prompt="red brick", params=QUICK, name="Brick", **asked)
    (made,) = [material for material in bpy.data.materials if material.get(JOB)]
    return made


@pytest.fixture(autouse=True)
def closed(studio: Path):
    yield
    batch.close()


def nodes(material: bpy.types.Material, kind: str) -> list[bpy.types.Node]:
    return [node for node in material.node_tree.nodes if node.type == kind]


def test_selected_objects_take_it_beside_their_own() -> None:
    box = cube()
    mine = bpy.data.materials.new("Mine")
    box.data.materials.append(mine)
    made = brick()
    assert box.material_slots[0].material == made and box.data.materials[0] == mine
    assert {tuple(node.image.size) for node in nodes(made, "TEX_IMAGE")} == {(512, 512)}
    assert {node.image.colorspace_settings.name for node in nodes(made, "TEX_IMAGE")} == {"sRGB", "Non-Color"}
    assert {node.projection for node in nodes(made, "TEX_IMAGE")} == {"FLAT"}
    assert all(node.inputs["Vector"].links[0].from_node.type == "MAPPING" for node in nodes(made, "TEX_IMAGE"))
    job = made[JOB]
    assert take_away(job) and box.material_slots[0].material == mine
    assert not [material for material in bpy.data.materials if material.get(JOB)]


def test_without_uvs_it_comes_from_six_sides_in_metres() -> None:
    cube(uvs=False)
    made = brick()
    assert {node.projection for node in nodes(made, "TEX_IMAGE")} == {"BOX"}
    (mapping,) = nodes(made, "MAPPING")
    scale = mapping.inputs["Scale"].default_value[:]
    assert len(set(scale)) == 1 and 1 / scale[0] == pytest.approx(2.0, rel=0.08), "so that rows of bricks fit in"
    assert mapping.inputs["Vector"].links[0].from_socket.name == "Object"


def test_with_nothing_selected_it_is_kept_for_later() -> None:
    box = cube()
    box.select_set(False)
    made = brick()
    assert made.use_fake_user and not box.material_slots


def test_the_tab_and_one_undo() -> None:
    box = cube()
    settings = bpy.context.scene.aigc
    settings.task, settings.prompt = "tile_texture", "white marble"
    watch.await_models()
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    assert box.material_slots[0].material.get(JOB) == STATE.results[0].job_id
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert not bpy.data.objects["Box"].material_slots


def test_it_is_made_larger_on_what_is_selected() -> None:
    box = cube()
    settings = bpy.context.scene.aigc
    settings.task, settings.prompt = "tile_texture", "white marble"
    watch.await_models()
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    small = box.material_slots[0].material
    assert bpy.ops.aigc.upscale_texture(scale="2") == {"FINISHED"}
    large = box.material_slots[0].material
    ((side, _),), after = ({tuple(n.image.size) for n in nodes(one, "TEX_IMAGE")} for one in (small, large))
    assert after == {(2 * side, 2 * side)}
    (scale,) = {node.inputs["Scale"].default_value[:] for node in nodes(large, "MAPPING")}
    assert scale == nodes(small, "MAPPING")[0].inputs["Scale"].default_value[:], "as wide as before"


def test_it_renders(tmp_path: Path) -> None:
    cube()
    brick()
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Eye", bpy.data.cameras.new("Eye"))
    scene.camera.location, scene.camera.rotation_euler = (0, -5, 0), (1.5708, 0, 0)
    scene.collection.objects.link(scene.camera)
    bpy.ops.object.light_add(type="SUN", rotation=(1.2, 0, 0.3))
    bpy.context.object.data.energy = 4
    scene.render.engine, scene.cycles.samples = "CYCLES", 4
    scene.render.resolution_x = scene.render.resolution_y = 64
    scene.render.filepath = str(tmp_path / "out.png")
    bpy.ops.render.render(write_still=True)
    from blender_aigc.gather.image import image_pixels

    middle = image_pixels(tmp_path / "out.png")[24:40, 24:40, :3].astype(int)
    assert middle[..., 0].mean() > middle[..., 2].mean() + 15 and middle.std() > 5, "red bricks"


def test_the_command(tmp_path: Path) -> None:
    words = ["tile-texture", "--prompt", "oak", "--param", "texture_px=512", "--out", str(tmp_path / "maps")]
    assert cli.main([*words, "--name", "Oak"]) == 0
    names = {path.name for path in (tmp_path / "maps").iterdir()}
    assert names == {
        *(f"Oak_{e}.png" for e in ("BaseColor", "ORM", "Normal", "Height")),
        "material.json",
        "result.json",
    }
