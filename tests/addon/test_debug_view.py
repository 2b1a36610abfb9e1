"""A picture put onto objects from the scene's camera, and how that came about shown in the place of its colours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from live_server import new_session, ready, until

from blender_aigc import batch, preferences
from blender_aigc.apply.debug_view import COLOURS, show_debug, shown
from blender_aigc.apply.result import take_away
from blender_aigc.environment import folder_environment
from blender_aigc.launcher import lock_is_free
from blender_aigc.protocol import Fault

pytestmark = pytest.mark.skipif(
    "AIGC_SERVER_PYTHON" not in os.environ, reason="AIGC_SERVER_PYTHON names no Python with torch"
)


@pytest.fixture(scope="module")
def torch_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One server that has torch for the whole module: it takes longer to start than all that it is asked for."""
    data = tmp_path_factory.mktemp("data")
    chosen = preferences.Choices("FOLDER", Path(os.environ["AIGC_SERVER_PYTHON"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_DATA", str(data))
        patch.setattr(preferences, "choices", lambda: chosen)
        keeper = ready(new_session(data, folder_environment(str(chosen.folder))))
        yield data
        batch.close()
        keeper.close(stop_idle=True)
        until(lambda: lock_is_free(data))


@pytest.fixture
def box(torch_server: Path, addon: None) -> bpy.types.Object:
    """A cube before the scene's camera."""
    bpy.ops.object.camera_add(location=(0, -6, 0), rotation=(np.pi / 2, 0, 0))
    scene = bpy.context.scene
    scene.camera = bpy.context.object
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    bpy.ops.mesh.primitive_cube_add()
    return bpy.context.object


def picture() -> bpy.types.Image:
    """Red above, blue below."""
    image = bpy.data.images.new("Drawn", 160, 90)
    pixels = np.ones((90, 160, 4), np.float32)
    pixels[45:, :, :3], pixels[:45, :, :3] = (1, 0, 0), (0, 0, 1)
    image.pixels.foreach_set(pixels.reshape(-1))
    image.pack()
    return image


def put_on(box: bpy.types.Object, **params: object):
    given = {"mesh": [box], "picture": picture()}
    values = {"texture_px": "256", "delight": 0.0, **params}
    return batch.run("texture_mesh", "single_view", inputs=given, params=values)


def colour_node(obj: bpy.types.Object) -> bpy.types.Node:
    nodes = obj.material_slots[0].material.node_tree.nodes
    return next(node for node in nodes if node.type == "TEX_IMAGE" and node.image.colorspace_settings.name == "sRGB")


def colours(image: bpy.types.Image) -> set[tuple[int, ...]]:
    """What fills at least a hundredth of the picture."""
    pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(pixels)
    found, count = np.unique((pixels.reshape(-1, 4)[:, :3] * 255).round().astype(int), axis=0, return_counts=True)
    return {tuple(map(int, one)) for one, often in zip(found, count, strict=True) if often > len(pixels) / 400}


def test_a_picture_becomes_the_texture_and_tells_how(box: bpy.types.Object) -> None:
    status = put_on(box)
    assert batch.place(status, objects=[box]) == [box]
    own = colour_node(box).image
    assert {(255, 0, 0), (0, 0, 255)} <= colours(own)
    job, artefacts = status.id, status.result.artefacts
    images = len(bpy.data.images)
    for view in ("winner", "coverage", "seams"):
        assert show_debug(bpy.context, Path(status.folder), artefacts, job, view) == 1
        assert shown(job) and colour_node(box).image != own and colour_node(box)[COLOURS] == own
        assert len(bpy.data.images) == images + 1  # the one before has left the file
    assert show_debug(bpy.context, Path(status.folder), artefacts, job, "winner")
    assert (255, 0, 255) in colours(colour_node(box).image)  # what no view sees
    assert show_debug(bpy.context, Path(status.folder), artefacts, job, "") == 1
    assert colour_node(box).image == own and not shown(job) and len(bpy.data.images) == images
    assert COLOURS not in colour_node(box)


def test_objects_of_an_atlas_show_it_together(box: bpy.types.Object) -> None:
    bpy.ops.mesh.primitive_cube_add(location=(2.2, 0, 0))
    both = [box, bpy.context.object]
    given = {"inputs": {"mesh": both, "picture": picture()}, "params": {"texture_px": "256", "textures": "atlas"}}
    status = batch.run("texture_mesh", "single_view", **given)
    batch.place(status, objects=both)
    own = colour_node(box).image
    for view in ("winner", "coverage", "seams"):
        assert show_debug(bpy.context, Path(status.folder), status.result.artefacts, status.id, view) == 1
        assert colour_node(both[0]) == colour_node(both[1]) and colour_node(box).image != own
    assert show_debug(bpy.context, Path(status.folder), status.result.artefacts, status.id, "") == 1
    assert colour_node(both[1]).image == own


def test_damaged_pictures_change_nothing(box: bpy.types.Object) -> None:
    status = put_on(box)
    batch.place(status, objects=[box])
    before, images = colour_node(box).image, len(bpy.data.images)
    next(Path(status.folder).glob("*_Winner.png")).write_bytes(b"no picture")
    with pytest.raises(Fault):
        show_debug(bpy.context, Path(status.folder), status.result.artefacts, status.id, "winner")
    assert colour_node(box).image == before and len(bpy.data.images) == images
    assert take_away(status.id) and not show_debug(
        bpy.context, Path(status.folder), status.result.artefacts, status.id, "coverage"
    )


def test_what_stands_before_the_object_is_not_put_onto_it(box: bpy.types.Object) -> None:
    """An object that is not selected hides it, unless the user says that others do not."""
    bpy.ops.mesh.primitive_plane_add(size=8, location=(0, -3, 0), rotation=(np.pi / 2, 0, 0))
    with pytest.raises(Fault, match="No camera sees"):
        put_on(box)
    bpy.context.object.hide_render = True
    assert put_on(box).result.report["views"] == 1
