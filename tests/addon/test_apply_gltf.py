"""Two judges of the crossing: Blender's own glTF importer on our file, and renders of what our reader made of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import bpy
import numpy as np
import pytest
from made_files import CUBE, CUBE_FACES, cube_uvs, picture, written
from test_artefacts_placement import FIXTURE, FRAMES, probe

from blender_aigc.apply.mesh import apply_mesh
from server.artefacts import write_glb
from server.geometry.frames import BLENDER
from server.geometry.mesh import Mesh


def triangles(obj: bpy.types.Object) -> np.ndarray:
    """(F, 3, 3) world coordinates of the triangles, sorted."""
    bpy.context.view_layer.update()
    mesh = obj.data
    mesh.calc_loop_triangles()
    corners = np.array([[obj.matrix_world @ mesh.vertices[v].co for v in t.vertices] for t in mesh.loop_triangles])
    flat = np.round(corners.reshape(len(corners), 9), 4) + 0.0
    return flat[np.lexsort(flat.T)]


@pytest.mark.parametrize("family", FRAMES)
def test_both_readers_put_the_probe_the_same_way(tmp_path: Path, family: str) -> None:
    """The nose to -Y, the hat to +Z, the arm to +X, 1.7 m high, on the ground."""
    artefact = write_glb(probe(family), tmp_path / "0.glb", None, FRAMES[family], 1.7)
    facts = FIXTURE["models"][family]
    low, high = np.array(facts["blender_bbox_min"]), np.array(facts["blender_bbox_max"])
    scale, base = 1.7 / (high[2] - low[2]), np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "0.glb"))
    theirs = {o.name: triangles(o) for o in bpy.context.scene.objects}
    bpy.ops.wm.read_factory_settings(use_empty=True)
    ours = {o.name: triangles(o) for o in apply_mesh(bpy.context, tmp_path / "0.glb", artefact)}
    assert set(ours) == set(theirs) == {"body", "nose", "hat", "left_arm"}
    for name, found in ours.items():
        assert np.allclose(found, theirs[name], atol=2e-4), name
    reach = {"nose": (1, np.min), "hat": (2, np.max), "left_arm": (0, np.max)}
    for name, (axis, extreme) in reach.items():
        expected = (facts["tips_blender"][name][axis] - base[axis]) * scale
        assert extreme(ours[name].reshape(-1, 3)[:, axis]) == pytest.approx(expected, abs=1e-3)
    assert min(t.reshape(-1, 3)[:, 2].min() for t in ours.values()) == pytest.approx(0, abs=1e-4)


def test_blenders_importer_sees_our_colours_and_texture(tmp_path: Path) -> None:
    srgb = np.linspace(0, 1, 24, dtype=np.float32).reshape(8, 3)
    texture = picture()
    parts = [
        Mesh(CUBE, CUBE_FACES, vertex_colours=srgb, name="a"),
        Mesh(CUBE, CUBE_FACES, cube_uvs(), base_colour=texture),
    ]
    write_glb(parts, tmp_path / "0.glb", None, BLENDER, 1.0, "b")
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "0.glb"))
    coloured = bpy.data.objects["a"].data
    values = np.empty(len(coloured.loops) * 4, np.float32)
    coloured.color_attributes[0].data.foreach_get("color_srgb", values)
    vertex = [loop.vertex_index for loop in coloured.loops]
    assert np.allclose(values.reshape(-1, 4)[:, :3], srgb[vertex], atol=1 / 255)
    textured = next(o for o in bpy.context.scene.objects if o.name != "a")
    (node,) = (n for n in textured.data.materials[0].node_tree.nodes if n.type == "TEX_IMAGE")
    pixels = np.empty(8 * 16 * 4, np.float32)
    node.image.pixels.foreach_get(pixels)
    assert (np.round(pixels.reshape(8, 16, 4)[::-1, :, :3] * 255) == texture).all()


# ----------------------------------------------------------------------------------------------------------- renders


def half_and_half() -> Mesh:
    """A cube whose sides show a picture: left half orange, right half blue, a white stripe along the top."""
    texture = np.zeros((64, 64, 3), np.uint8)
    texture[:, :32], texture[:, 32:], texture[:10] = (230, 120, 30), (40, 90, 200), (255, 255, 255)
    uvs = cube_uvs()
    front = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)  # the face 0, 4, 5, 1 looks to -Y
    uvs[4:6] = front[[0, 1, 2, 0, 2, 3]].reshape(2, 3, 2)
    return Mesh(CUBE, CUBE_FACES, uvs, base_colour=texture, quads=6, roughness=1.0)


def render(folder: Path, engine: str, name: str) -> np.ndarray:
    """(120, 120, 3) sRGB uint8, row 0 on top: an orthographic view from -Y on the metre above the ground."""
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 1.2
    camera.location, camera.rotation_euler = (0, -5, 0.5), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera, scene.render.engine = camera, engine
    scene.render.resolution_x = scene.render.resolution_y = 120
    scene.render.filepath = str(folder / name)
    scene.view_settings.view_transform = "Standard"
    shading = scene.display.shading
    shading.light, shading.color_type = "FLAT", "TEXTURE"
    if engine == "CYCLES":
        scene.cycles.samples, scene.cycles.use_denoising = 8, False
        scene.world = bpy.data.worlds.new("White")
        scene.world.use_nodes = True
        background = next(n for n in scene.world.node_tree.nodes if n.type == "BACKGROUND")
        background.inputs["Color"].default_value = (1, 1, 1, 1)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = np.empty(120 * 120 * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return np.round(pixels.reshape(120, 120, 4)[::-1, :, :3] * 255).astype(np.uint8)


@pytest.mark.parametrize(("engine", "tolerance"), [("BLENDER_WORKBENCH", 3), ("CYCLES", 20)])
def test_the_picture_is_seen_the_right_way_round_and_in_its_colours(
    tmp_path: Path, engine: str, tolerance: int
) -> None:
    """An sRGB texture under white light looks as the file says: not darker, paler, mirrored or upside down.

    Cycles sees a little white gloss on top; a missing or doubled sRGB conversion is off by 27 and more.
    """
    mesh = half_and_half()
    apply_mesh(bpy.context, *written(tmp_path, [mesh], "half"))
    bpy.context.view_layer.update()
    picture_of_it = render(tmp_path, engine, "a.png")
    seen = {
        "left": picture_of_it[60:95, 20:50],
        "right": picture_of_it[60:95, 70:100],
        "stripe": picture_of_it[12:15, 30:90],
    }
    expected = {"left": (230, 120, 30), "right": (40, 90, 200), "stripe": (255, 255, 255)}
    for where, colour in expected.items():
        assert np.allclose(seen[where].reshape(-1, 3).mean(0), colour, atol=tolerance), where


def test_vertex_colours_are_seen_in_their_colours(tmp_path: Path) -> None:
    colours = np.tile(np.array([[188, 90, 40]], np.float32) / 255, (8, 1))
    apply_mesh(bpy.context, *written(tmp_path, [Mesh(CUBE, CUBE_FACES, vertex_colours=colours, roughness=1.0)]))
    bpy.context.view_layer.update()
    seen = render(tmp_path, "CYCLES", "a.png")[30:90, 30:90].reshape(-1, 3).mean(0)
    assert np.allclose(seen, (188, 90, 40), atol=20)  # the gloss adds a little white


def test_the_mean_colour_of_solid_view(tmp_path: Path) -> None:
    (cube,) = apply_mesh(bpy.context, *written(tmp_path, [dataclasses.replace(half_and_half(), quads=0)]))
    red, green, blue, alpha = cube.data.materials[0].diffuse_color
    assert 0.2 < red < 0.9 and green < red and alpha == 1 and blue > 0.1
