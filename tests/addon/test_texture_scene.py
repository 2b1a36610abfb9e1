"""A whole scene: all that the camera sees, each by words of its own."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_aigc import cli, slots
from blender_aigc.gather.in_view import objects_in_view
from blender_aigc.protocol import Fault


def box(name: str, place: tuple[float, float, float], size: tuple[float, float, float] = (1, 1, 1)) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(size=1, location=place)
    obj = bpy.context.object
    obj.name, obj.scale = name, size
    return obj


def room() -> dict[str, bpy.types.Object]:
    """A camera at -Y that sees a vase before a wall; a lamp stands behind it, a cup beside the picture."""
    made = {
        "Wall": box("Wall", (0, 2, 0), (6, 0.2, 4)),
        "Vase": box("Vase", (0, 0.8, 0)),
        "Lamp": box("Lamp", (0, -12, 0)),
        "Cup": box("Cup", (40, 2, 0)),
    }
    bpy.ops.object.camera_add(location=(0, -7, 0), rotation=(np.pi / 2, 0, 0))
    bpy.context.scene.camera = bpy.context.object
    bpy.context.view_layer.update()
    return made


def seen(through: str = "CAMERA") -> set[str]:
    return {obj.name for obj in objects_in_view(bpy.context, through, slots.MESH_TYPES)}


def test_what_the_camera_sees() -> None:
    made = room()
    assert seen() == {"Wall", "Vase"} and seen("VIEW") == {"Wall", "Vase"}, "without a viewport the camera counts"
    made["Cup"].scale = (80, 1, 1)  # its middle is far outside, its end is not
    made["Vase"].hide_render = True
    bpy.context.view_layer.update()
    assert seen() == {"Wall", "Cup"}
    made["Wall"].hide_set(True)  # in the viewport only
    assert seen() == {"Wall", "Cup"}
    bpy.context.scene.camera.data.type = "ORTHO"
    bpy.context.scene.camera.data.ortho_scale = 1.0
    made["Cup"].scale = (1, 1, 1)
    bpy.context.view_layer.update()
    assert seen() == {"Wall"}
    bpy.context.scene.camera.data.type = "PANO"
    assert seen() == {"Wall", "Lamp", "Cup"}
    bpy.context.scene.camera = None
    with pytest.raises(Fault, match="no camera"):
        seen()


def test_the_tab_takes_them_without_a_selection(addon: None) -> None:
    room()
    bpy.ops.object.select_all(action="DESELECT")
    settings = bpy.context.scene.aigc
    settings.task = "texture_mesh"
    assert slots.problem(bpy.context, "texture_mesh").sentence == "No mesh is selected."
    settings.mesh_of = "CAMERA"
    assert slots.problem(bpy.context, "texture_mesh") is None
    assert {obj.name for obj in slots.inputs_of_tab(bpy.context, "texture_mesh")["mesh"]} == {"Wall", "Vase"}
    bpy.context.scene.camera = None
    assert slots.problem(bpy.context, "texture_mesh").button == "Add Camera"


def test_one_command_textures_all_that_the_camera_sees(studio: Path, tmp_path: Path, capfd) -> None:
    """By their names where nothing else is said: the vase by its property."""
    made = room()
    made["Vase"]["aigc_prompt"] = "gold"
    words = ["texture", "--in-view", "--prompt", "brick", "--size", "256", "--model", "solid"]
    assert cli.main([*words, "--out", str(tmp_path / "maps")]) == 0, capfd.readouterr().err
    assert {path.name for path in (tmp_path / "maps").glob("*_BaseColor.png")} == {
        "Wall_BaseColor.png",
        "Vase_BaseColor.png",
    }
    assert not made["Lamp"].material_slots and not made["Cup"].material_slots
    assert made["Wall"].material_slots[0].material != made["Vase"].material_slots[0].material
    bpy.context.scene.camera.rotation_euler = (0, 0, 0)
    bpy.context.view_layer.update()
    assert cli.main([*words, "--out", str(tmp_path / "none")]) == 1
    assert "camera sees no object" in capfd.readouterr().err
