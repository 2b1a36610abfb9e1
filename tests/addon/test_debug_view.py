"""A picture put onto objects from the scene's camera, and how that came about shown in the place of its colours."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from live_server import new_session, ready, until
from scene_state import differences, scene_state
from test_panels import draw

from blender_aigc import batch, panels_results, preferences
from blender_aigc.apply.debug_view import COLOURS, show_debug, shown
from blender_aigc.apply.result import take_away
from blender_aigc.environment import folder_environment
from blender_aigc.launcher import lock_is_free
from blender_aigc.properties import list_results
from blender_aigc.protocol import Fault
from blender_aigc.state import STATE, Record
from server.texturing.debug_views import view_colour

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


def put_on(box: bpy.types.Object | Sequence[bpy.types.Object], **params: object):
    given = {"mesh": list(box) if isinstance(box, tuple) else [box], "picture": picture()}
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
        found = colours(colour_node(box).image)
        assert ((255, 0, 255) in found) == (view != "seams")  # what no view sees
        assert ((255, 150, 0) in found) == (view == "seams")  # where charts end
        assert (view_colour(0) in found) == (view == "winner")
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


# --------------------------------------------------------------------------------------- by the button of the result


def placed(*objects: bpy.types.Object, **params: object) -> str:
    """A texture in the file and in the list of results; the id of its job."""
    status = put_on(objects, **params)
    batch.place(status, objects=objects)
    STATE.add(Record(status, "Box"))
    list_results(bpy.context.window_manager)
    return status.id


def test_the_button_is_one_step_that_undo_takes_back(box: bpy.types.Object) -> None:
    """The user's material on the mesh, and the textured one, are as they were; redo shows the view again."""
    own = bpy.data.materials.new("Mine")
    box.data.materials.append(own)
    job = placed(box)
    assert box.data.materials[0] == own
    bpy.ops.ed.undo_push(message="before")
    before = scene_state()
    assert bpy.ops.aigc.debug_view(job_id=job, view="COVERAGE") == {"FINISHED"}
    after = scene_state()
    changed = {line.split("]")[0] for line in differences(before, after)}
    assert changed and not any("Mine" in line or line.startswith(("meshes", "objects")) for line in changed), changed
    bpy.ops.ed.undo_push(message="Debug View")
    bpy.ops.ed.undo()
    assert differences(before, scene_state()) == [] and not shown(job)
    bpy.ops.ed.redo()
    assert differences(after, scene_state()) == [] and shown(job)
    assert bpy.ops.aigc.debug_view(job_id=job, view="COLOURS") == {"FINISHED"}
    assert not shown(job)


def test_all_tiles_of_a_udim_texture_show_it(box: bpy.types.Object) -> None:
    """As one tiled picture with the numbers of the colours' tiles: also of 1003, of which the camera sees nothing."""
    layer = box.data.uv_layers[0].uv
    places = np.empty(len(layer) * 2, np.float32)
    layer.foreach_get("vector", places)
    places = places.reshape(-1, 2) * 0.98 + 0.01
    places[: len(places) // 2, 0] += 2  # tiles 1001 and 1003: one lies between that no face uses
    layer.foreach_set("vector", places.reshape(-1))
    job = placed(box)
    own = colour_node(box).image
    assert own.source == "TILED" and {tile.number for tile in own.tiles} == {1001, 1003}
    for view in ("WINNER", "SEAMS"):
        assert bpy.ops.aigc.debug_view(job_id=job, view=view) == {"FINISHED"}
        now = colour_node(box).image
        assert now != own and now.source == "TILED" and {tile.number for tile in now.tiles} == {1001, 1003}
    bpy.ops.aigc.debug_view(job_id=job, view="COLOURS")
    assert colour_node(box).image == own


def test_two_objects_show_it_together_and_what_is_gone_is_said(box: bpy.types.Object) -> None:
    bpy.ops.mesh.primitive_cube_add(location=(2.2, 0, 0))
    other = bpy.context.object
    job = placed(box, other)
    assert bpy.ops.aigc.debug_view(job_id=job, view="SEAMS") == {"FINISHED"}
    assert all(colour_node(obj).get(COLOURS) is not None for obj in (box, other))
    take_away(job)
    with pytest.raises(RuntimeError, match="No material of this result is in the file"):
        bpy.ops.aigc.debug_view(job_id=job, view="SEAMS")
    STATE.results.clear()
    with pytest.raises(RuntimeError):
        bpy.ops.aigc.debug_view(job_id=job, view="SEAMS")


def test_the_menu_offers_every_view_of_the_chosen_result(box: bpy.types.Object) -> None:
    job = placed(box)
    menus = [what for call, what in draw(panels_results.AIGC_PT_results) if call == "menu"]
    assert any(what.startswith("AIGC_MT_debug_view") for what in menus)
    offered: list[tuple[str, str]] = []

    class Lines:
        def operator(self, _name: str, text: str) -> SimpleNamespace:
            line = SimpleNamespace()
            offered.append((text, line))
            return line

    bpy.types.AIGC_MT_debug_view.draw(SimpleNamespace(layout=Lines()), bpy.context)
    assert [line.view for _, line in offered] == ["COLOURS", "COVERAGE", "WINNER", "SEAMS"]
    assert {line.job_id for _, line in offered} == {job}
    says, rna = bpy.types.AIGC_OT_debug_view, bpy.ops.aigc.debug_view.get_rna_type()
    told = {says.description(bpy.context, SimpleNamespace(view=line.view, bl_rna=rna)) for _, line in offered}
    assert len(told) == 4
