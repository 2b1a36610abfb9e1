"""A whole scene: all that the camera sees, by words of their own, on tiny weights; nothing of one lies on another."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from live_server import new_session, ready, until

from blender_aigc import batch, cli, preferences, slots
from blender_aigc.environment import folder_environment
from blender_aigc.gather.in_view import objects_in_view
from blender_aigc.launcher import lock_is_free
from blender_aigc.protocol import Fault

ROOT = Path(__file__).resolve().parents[2]
TINY = (
    "import sys, pathlib; from server.diffusion.tiny import write_sdxl; write_sdxl(pathlib.Path(sys.argv[1]) / 'sdxl')"
)
NEURAL = pytest.mark.skipif(
    "AIGC_SERVER_PYTHON" not in os.environ, reason="AIGC_SERVER_PYTHON names no Python with torch"
)
QUICK = {"view_px": "64", "texture_px": "256", "cameras": "axes", "steps": 1, "controls": "", "delight": 0.0}
SOLID = {"texture_px": "256"}


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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One server with tiny weights for the module: starting torch takes longer than the networks."""
    weights, data = tmp_path_factory.mktemp("weights"), tmp_path_factory.mktemp("data")
    python = os.environ["AIGC_SERVER_PYTHON"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([python, "-c", TINY, str(weights)], cwd=ROOT, check=True, capture_output=True, env=environment)
    chosen = preferences.Choices("FOLDER", Path(python), weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_DATA", str(data))
        patch.setattr(preferences, "choices", lambda: chosen)
        arguments = ("--weights", str(weights))
        keeper = ready(new_session(data, folder_environment(str(chosen.folder)), server_arguments=arguments))
        yield data
        batch.close()
        keeper.close(stop_idle=True)
        until(lambda: lock_is_free(data))


def colours(obj: bpy.types.Object) -> np.ndarray:
    """(H, W, 4) float32 of the base colour that its material shows."""
    tree = obj.material_slots[0].material.node_tree
    images = [node.image for node in tree.nodes if node.type == "TEX_IMAGE"]
    (image,) = [image for image in images if image.colorspace_settings.name == "sRGB"]
    flat = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(image.size[1], image.size[0], 4)


@NEURAL
def test_of_two_that_hide_each_other_none_takes_the_colours_of_the_other(server: Path, addon: None) -> None:
    """Other words for the vase change its texture and not a texel of the wall behind it; and the other way round."""
    made = room()
    objects = [made["Wall"], made["Vase"]]

    def textures(wall: str, vase: str) -> list[np.ndarray]:
        made["Wall"]["aigc_prompt"], made["Vase"]["aigc_prompt"] = wall, vase
        batch.generate("texture_mesh", "sdxl_sync", mesh=objects, prompt="", params={**QUICK, "reference_weight": 0.0})
        return [colours(obj) for obj in objects]

    first, vase, wall = textures("brick", "gold"), textures("brick", "a fern"), textures("moss", "a fern")
    assert np.array_equal(first[0], vase[0]) and not np.array_equal(first[1], vase[1])
    assert np.array_equal(vase[1], wall[1]) and not np.array_equal(vase[0], wall[0])


@NEURAL
def test_the_style_of_the_first_reaches_the_second(server: Path, addon: None) -> None:
    """With the reference's weight the vase takes the wall's look: other words for the wall change it too."""
    made = room()
    objects = [made["Wall"], made["Vase"]]
    made["Vase"]["aigc_prompt"] = "gold"
    found = []
    for prompt in ("brick", "a wall of ice and snow"):
        ask = {"prompt": prompt, "params": {**QUICK, "reference_weight": 1.0}}
        batch.generate("texture_mesh", "sdxl_sync", mesh=objects, **ask)
        found.append(colours(made["Vase"]))
    assert not np.array_equal(*found)
