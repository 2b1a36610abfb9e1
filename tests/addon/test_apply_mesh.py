"""apply/mesh.py in a real Blender: what arrives, where, under which name, and what is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from made_files import CUBE, CUBE_FACES, PROVENANCE, cube_uvs, grid, picture, written
from mathutils import Euler, Matrix, Vector
from scene_state import differences, scene_state

from blender_aigc.apply.mesh import Placement, apply_mesh
from blender_aigc.protocol import Provenance, decode
from server.geometry.mesh import Mesh


def coordinates(mesh: bpy.types.Mesh) -> np.ndarray:
    out = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", out)
    return out.reshape(-1, 3)


def bounds(objects: list[bpy.types.Object]) -> np.ndarray:
    """(2, 3) smallest and largest world coordinates."""
    bpy.context.view_layer.update()
    points = [np.array([o.matrix_world @ v.co for v in o.data.vertices]) for o in objects]
    return np.array([np.min([p.min(0) for p in points], 0), np.max([p.max(0) for p in points], 0)])


def test_a_textured_cube_arrives_whole(tmp_path: Path) -> None:
    mesh = Mesh(CUBE, CUBE_FACES, cube_uvs(), base_colour=picture(), quads=6, roughness=0.25, metallic=0.5)
    bpy.context.scene.cursor.location = (1, 2, 3)
    bpy.context.scene.cursor.rotation_euler = (1, 1, 1)
    (cube,) = apply_mesh(bpy.context, *written(tmp_path, [mesh], "Holzstuhl", height_m=2.0), PROVENANCE)
    assert cube.name == cube.data.name == cube.data.materials[0].name == "Holzstuhl"
    assert [c.name for c in cube.users_collection] == ["Holzstuhl"]
    assert bpy.context.scene.collection.children[:] == [bpy.data.collections["Holzstuhl"]]
    assert tuple(cube.location) == (1, 2, 3) and tuple(cube.rotation_euler) == (0, 0, 0)
    assert np.allclose(bounds([cube]), [[0, 1, 3], [2, 3, 5]])
    assert (len(cube.data.vertices), len(cube.data.edges), len(cube.data.polygons)) == (8, 12, 6)  # welded and quads
    assert not cube.data.validate() and not cube.data.has_custom_normals
    assert cube.select_get() and bpy.context.view_layer.objects.active == cube


def test_corners_keep_their_texture_coordinates(tmp_path: Path) -> None:
    mesh = grid(6)
    mesh.corner_uvs[: len(mesh.faces) // 2] *= 0.5
    for quads in (0, 18, 36):  # 18: quads and triangles in one mesh
        mesh.quads = quads
        (sheet,) = apply_mesh(bpy.context, *written(tmp_path, [mesh]))
        assert len(sheet.data.vertices) == 49 and len(sheet.data.polygons) == 72 - quads
        found, uvs = coordinates(sheet.data), np.empty(len(sheet.data.loops) * 2, np.float32)
        sheet.data.uv_layers["UVMap"].uv.foreach_get("vector", uvs)
        x = (mesh.vertices[:, 0] - 0.5) / np.ptp(mesh.vertices[:, 2])
        for polygon in sheet.data.polygons:
            low = polygon.index < 36 if quads == 0 else polygon.index < 18
            for corner in polygon.loop_indices:
                vertex = sheet.data.loops[corner].vertex_index
                assert found[vertex, 0] == pytest.approx(x[vertex], abs=1e-5)
                expected = mesh.vertices[vertex, :2] * (0.5 if low else 1)
                assert np.allclose(uvs.reshape(-1, 2)[corner], expected, atol=1e-6)


def test_a_seam_along_the_diagonal_of_a_quad_keeps_its_triangles(tmp_path: Path) -> None:
    """A quad has one texture coordinate per corner: joining these two would tear the texture."""
    for corner in (0, 2):  # of the first triangle: either end of the diagonal
        mesh = grid(3)
        mesh.corner_uvs[4, corner] += 0.25  # the first half of the third quad
        (sheet,) = apply_mesh(bpy.context, *written(tmp_path, [mesh]))
        assert sorted(len(p.vertices) for p in sheet.data.polygons) == [3, 3] + [4] * 8
        uvs = np.empty(len(sheet.data.loops) * 2, np.float32)
        sheet.data.uv_layers["UVMap"].uv.foreach_get("vector", uvs)
        assert (np.abs(uvs.reshape(-1, 2) - mesh.corner_uvs[4, corner]).max(axis=1) < 1e-6).sum() == 1


def test_the_material_shows_in_every_view(tmp_path: Path) -> None:
    texture = picture()
    mesh = Mesh(CUBE, CUBE_FACES, cube_uvs(), base_colour=texture, roughness=0.25, metallic=0.5)
    (cube,) = apply_mesh(bpy.context, *written(tmp_path, [mesh]))
    material = cube.data.materials[0]
    nodes = material.node_tree.nodes
    shader = next(n for n in nodes if n.type == "BSDF_PRINCIPLED")
    source = shader.inputs["Base Color"].links[0].from_node
    assert nodes.active == source and source.type == "TEX_IMAGE"  # Solid view's Texture mode, Texture Paint
    assert shader.inputs["Roughness"].default_value == pytest.approx(0.25)
    assert shader.inputs["Metallic"].default_value == pytest.approx(0.5)
    image = source.image
    assert image.packed_file and image.colorspace_settings.name == "sRGB" and tuple(image.size) == (16, 8)
    pixels = np.empty(16 * 8 * 4, np.float32)
    image.pixels.foreach_get(pixels)
    assert (np.round(pixels.reshape(8, 16, 4)[::-1, :, :3] * 255) == texture).all()
    assert material.diffuse_color[0] == pytest.approx(0.25, abs=0.15)  # linear mean of a random picture


def test_vertex_colours_are_linear_floats(tmp_path: Path) -> None:
    srgb = np.linspace(0, 1, 24, dtype=np.float32).reshape(8, 3)
    (cube,) = apply_mesh(bpy.context, *written(tmp_path, [Mesh(CUBE, CUBE_FACES, vertex_colours=srgb)]))
    colours = cube.data.color_attributes["Color"]
    assert (colours.data_type, colours.domain) == ("FLOAT_COLOR", "POINT")
    values = np.empty(32, np.float32)
    colours.data.foreach_get("color_srgb", values)
    assert np.allclose(values.reshape(8, 4)[:, :3], srgb, atol=1e-4) and (values.reshape(8, 4)[:, 3] == 1).all()
    shader = next(n for n in cube.data.materials[0].node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    assert shader.inputs["Base Color"].links[0].from_node.layer_name == "Color"
    assert cube.data.color_attributes.active_color == colours


def test_given_normals_become_custom_normals_only_when_they_differ(tmp_path: Path) -> None:
    up = np.tile([[0, 0, 1.0]], (8, 1))
    (cube,) = apply_mesh(bpy.context, *written(tmp_path, [Mesh(CUBE, CUBE_FACES, normals=up)]))
    assert cube.data.has_custom_normals
    assert all(n.vector.z > 0.999 for n in cube.data.corner_normals)
    (sheet,) = apply_mesh(bpy.context, *written(tmp_path, [grid(4)]))
    assert not sheet.data.has_custom_normals
    assert all(polygon.use_smooth for polygon in sheet.data.polygons)


def test_parts_keep_their_places_and_have_their_own_origins(tmp_path: Path) -> None:
    parts = [Mesh(CUBE, CUBE_FACES), Mesh(CUBE + (0, 0, 1), CUBE_FACES), Mesh(CUBE + (3, 0, 0), CUBE_FACES, name="leg")]
    bpy.context.scene.cursor.location = (0, 10, 0)
    objects = apply_mesh(bpy.context, *written(tmp_path, parts, "chair", height_m=1.0))
    assert [o.name for o in objects] == ["chair 1", "chair 2", "leg"]
    assert [tuple(o.location) for o in objects] == [(-0.75, 10, 0), (-0.75, 10, 0.5), (0.75, 10, 0)]
    assert np.allclose(bounds(objects), [[-1, 9.75, 0], [1, 10.25, 1]])
    for obj in objects:
        assert np.allclose(coordinates(obj.data).min(0), (-0.25, -0.25, 0), atol=1e-6)
    assert all(o.select_get() for o in objects)
    assert len(bpy.data.collections["chair"].objects) == 3


def test_names_repeat_only_when_taken_and_long_ones_are_cut_between_letters(tmp_path: Path) -> None:
    cube = [Mesh(CUBE, CUBE_FACES)]
    names = [apply_mesh(bpy.context, *written(tmp_path, cube, "chair"))[0].name for _ in range(2)]
    assert names == ["chair", "chair.001"]
    (long,) = apply_mesh(bpy.context, *written(tmp_path, cube, "\u6905\u5b50" * 30))
    assert long.name == ("\u6905\u5b50" * 30)[:21]


def test_metres_stay_metres_in_any_unit_scale(tmp_path: Path) -> None:
    bpy.context.scene.unit_settings.scale_length = 0.01  # a scene in centimetres
    (cube,) = apply_mesh(bpy.context, *written(tmp_path, [Mesh(CUBE, CUBE_FACES)], height_m=1.8))
    assert cube.dimensions.z == pytest.approx(180)


def test_provenance_lies_on_the_objects_and_the_collection(tmp_path: Path) -> None:
    path, artefact = written(tmp_path, [Mesh(CUBE, CUBE_FACES)], "chair", PROVENANCE)
    (cube,) = apply_mesh(bpy.context, path, artefact)  # taken from the file itself
    for block in (cube, bpy.data.collections["chair"]):
        assert decode(Provenance, block["aigc"]) == PROVENANCE
        assert len(block["aigc_uid"]) == 32
    (bare,) = apply_mesh(bpy.context, *written(tmp_path, [Mesh(CUBE, CUBE_FACES)]))
    assert json.loads(bare["aigc"]) == {}


# ------------------------------------------------------------------------------------------------------------- where


def an_empty(**facts: object) -> bpy.types.Object:
    empty = bpy.data.objects.new("Here", None)
    bpy.context.scene.collection.objects.link(empty)
    for key, value in facts.items():
        setattr(empty, key, value)
    return empty


def test_an_empty_gives_its_matrix_parent_and_collections_and_is_hidden(tmp_path: Path) -> None:
    parent = an_empty(location=(5, 0, 0), rotation_euler=(0, 0, 1))
    empty = an_empty(location=(1, 2, 3), rotation_euler=(0.3, 0.2, 0.1), scale=(2, 2, 2), parent=parent)
    props = bpy.data.collections.new("Props")
    bpy.context.scene.collection.children.link(props)
    bpy.context.scene.collection.objects.unlink(empty)
    props.objects.link(empty)
    expected = Matrix.LocRotScale((5, 0, 0), Euler((0, 0, 1)), None) @ Matrix.LocRotScale(
        (1, 2, 3), Euler((0.3, 0.2, 0.1)), Vector((2, 2, 2))
    )
    (cube,) = apply_mesh(
        bpy.context, *written(tmp_path, [Mesh(CUBE, CUBE_FACES)], "chair"), placement=Placement(replace=empty)
    )
    bpy.context.view_layer.update()
    assert np.allclose(cube.matrix_world, expected, atol=1e-5)
    assert cube.parent == parent
    assert [c.name for c in props.children] == ["chair"] and cube.users_collection[0].name == "chair"
    assert empty.hide_get() and not cube.hide_get()


def test_an_empty_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    box = bpy.data.objects.new("Box", bpy.data.meshes.new("Box"))
    bpy.context.scene.collection.objects.link(box)
    elsewhere = bpy.data.objects.new("Elsewhere", None)
    path, artefact = written(tmp_path, [Mesh(CUBE, CUBE_FACES)])
    before = scene_state()
    for target in (box, elsewhere):
        with pytest.raises(Exception, match="Empty|scene") as caught:
            apply_mesh(bpy.context, path, artefact, placement=Placement(replace=target))
        assert caught.value.code == "bad_request"
    assert differences(before, scene_state()) == []


@pytest.mark.parametrize("trouble", ["none", "exclude", "hide_viewport", "hidden", "parent hidden", "hide_select"])
def test_a_collection_that_would_hide_the_result_is_not_used(tmp_path: Path, trouble: str) -> None:
    outer, inner = bpy.data.collections.new("Outer"), bpy.data.collections.new("Inner")
    bpy.context.scene.collection.children.link(outer)
    outer.children.link(inner)
    layers = bpy.context.view_layer.layer_collection.children["Outer"]
    bpy.context.view_layer.active_layer_collection = layers.children["Inner"]
    if trouble == "exclude":
        layers.children["Inner"].exclude = True
    elif trouble == "hide_viewport":
        inner.hide_viewport = True
    elif trouble == "hidden":
        layers.children["Inner"].hide_viewport = True
    elif trouble == "parent hidden":
        layers.hide_viewport = True
    elif trouble == "hide_select":
        inner.hide_select = True
    (cube,) = apply_mesh(bpy.context, *written(tmp_path, [Mesh(CUBE, CUBE_FACES)], "chair"))
    assert ("chair" in inner.children) == (trouble == "none")  # Blender itself may make Outer the active one
    assert cube.visible_get() and cube.select_get()


def test_a_linked_collection_and_a_linked_scene(tmp_path: Path) -> None:
    library = tmp_path / "library.blend"
    bpy.context.scene.name = "Shared"
    bpy.context.scene.collection.children.link(bpy.data.collections.new("Set"))
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(library), link=True) as (there, here):
        here.collections, here.scenes = ["Set"], ["Shared"]
    linked = here.collections[0]
    bpy.context.scene.collection.children.link(linked)
    bpy.context.view_layer.active_layer_collection = bpy.context.view_layer.layer_collection.children[linked.name]
    path, artefact = written(tmp_path, [Mesh(CUBE, CUBE_FACES)], "chair")
    apply_mesh(bpy.context, path, artefact)
    assert "chair" in bpy.context.scene.collection.children
    before = scene_state()
    with bpy.context.temp_override(scene=here.scenes[0], view_layer=here.scenes[0].view_layers[0]):
        with pytest.raises(Exception, match="another file"):
            apply_mesh(bpy.context, path, artefact)
    assert differences(before, scene_state()) == []


# -------------------------------------------------------------------------------------------------------------- undo


class AIGC_OT_test_apply(bpy.types.Operator):
    """What the add-on's operator does, without the add-on."""

    bl_idname, bl_label, bl_options = "aigc_test.apply", "Apply", {"REGISTER", "UNDO"}
    given: tuple = ()

    def execute(self, context: bpy.types.Context) -> set[str]:
        apply_mesh(context, *AIGC_OT_test_apply.given)
        return {"FINISHED"}


def test_one_undo_takes_the_result_away_and_one_redo_brings_it_back(tmp_path: Path) -> None:
    an_empty()
    bpy.utils.register_class(AIGC_OT_test_apply)
    try:
        AIGC_OT_test_apply.given = (*written(tmp_path, [grid(4), Mesh(CUBE, CUBE_FACES)], "chair"), PROVENANCE)
        bpy.ops.ed.undo_push(message="the user's last step")
        before = scene_state()
        assert bpy.ops.aigc_test.apply("EXEC_DEFAULT", True) == {"FINISHED"}
        after = scene_state()
        assert "chair" in bpy.data.collections and differences(before, after)
        bpy.ops.ed.undo()
        assert differences(before, scene_state()) == []
        bpy.ops.ed.redo()
        assert differences(after, scene_state()) == []
        uid = bpy.data.collections["chair"]["aigc_uid"]
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
        assert bpy.data.collections["chair"]["aigc_uid"] == uid
    finally:
        bpy.utils.unregister_class(AIGC_OT_test_apply)
