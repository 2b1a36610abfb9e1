"""Objects are textured where they stand: the user's UV maps, materials and modifiers stay, one undo takes it back."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_aigc import batch
from blender_aigc.apply.result import take_away
from blender_aigc.protocol import Fault

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


def test_a_cube_becomes_wood_beside_the_users_material(textures) -> None:
    box = cube(uvs=False)
    mine = bpy.data.materials.new("Mine")
    box.data.materials.append(mine)
    before = facts(box)
    assert textures(box) == [box]
    material = box.material_slots[0].material
    assert material != mine and box.data.materials[0] == mine
    assert [layer.name for layer in box.data.uv_layers] == ["AIGC UV"]
    images = {node.image.colorspace_settings.name for node in material.node_tree.nodes if node.type == "TEX_IMAGE"}
    assert images == {"sRGB", "Non-Color"}
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
