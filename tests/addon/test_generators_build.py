"""Everything of the catalogue in a real Blender: objects, materials that render, one mesh for all copies."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from blender_aigc.catalogue import catalogue
from blender_aigc.director.generators import generate
from blender_aigc.director.generators.build import Builder, fill
from blender_aigc.director.generators.parts import Copies, Look, Parts
from blender_aigc.director.generators.shapes.piece import assembled, placed
from blender_aigc.director.generators.shapes.solids import ball, box, sheet


def test_all_of_them_become_objects() -> None:
    for info in catalogue().generators:
        kept: list[bpy.types.ID] = []
        parts = generate(info.id, {"detail": 0.25} if any(p.key == "detail" for p in info.params) else {})
        built = Builder(lambda block, kept=kept: kept.append(block) or block).build(
            parts, "Thing", bpy.context.scene.collection
        )
        if parts.sky is not None:
            assert any(node.bl_idname == "ShaderNodeTexSky" for node in built.world.node_tree.nodes)
        if parts.parts:
            _check(built, parts, info.id)
        bpy.data.batch_remove(kept)


def _check(built, parts: Parts, what: str) -> None:
    meshes = {obj.data.name: obj.data for obj in built.objects if obj.type == "MESH"}
    assert len(meshes) == len(parts.parts), what
    assert all(obj is built.root or obj.parent is built.root for obj in built.objects), what
    for mesh, part in zip(meshes.values(), parts.parts, strict=True):
        assert not mesh.validate(), f"{what}: Blender had to repair the mesh"
        assert len(mesh.polygons) == part.faces and mesh.uv_layers["UVMap"], what
        shown = [tuple(m.diffuse_color[:3]) for m in mesh.materials]
        assert np.allclose(shown, [parts.looks[n].colour for n in part.looks], atol=1e-6), what
    bpy.context.view_layer.update()
    points = [obj.matrix_world @ v.co for obj in built.objects if obj.type == "MESH" for v in obj.data.vertices]
    assert np.allclose([np.min(points, 0), np.max(points, 0)], parts.bounds(), rtol=1e-3, atol=1e-3), what


def test_copies_share_one_mesh_and_one_material() -> None:
    parts = generate("ball", {"detail": 0.25})
    many = Parts(parts.parts, parts.looks, (Copies(0, placed(np.arange(300 * 3).reshape(300, 3), 30.0, 2.0)),))
    builder = Builder()
    built = builder.build(many, "Balls", bpy.context.scene.collection)
    again = builder.build(parts, "One", bpy.context.scene.collection)
    assert built.root.type == "EMPTY" and len(built.objects) == 301
    assert len(bpy.data.meshes) == 1 and again.root.data is built.objects[5].data
    assert len(bpy.data.materials) == len(parts.parts[0].looks)
    bpy.context.view_layer.update()
    assert tuple(built.objects[2].matrix_world.translation) == (3, 4, 5)
    assert tuple(built.objects[2].matrix_world.to_scale()) == pytest.approx((2, 2, 2))


def test_things_are_placed_named_and_scaled_to_the_unit_of_the_scene() -> None:
    built = Builder(metre=100).build(
        generate("flag", {"detail": 0.25}), "Fahne", bpy.context.scene.collection, Matrix.Translation((1, 2, 3))
    )
    flag, pole = built.objects
    assert (flag.name, pole.name, pole.parent) == ("Fahne", "Fahne Pole", flag)
    assert tuple(flag.location) == (1, 2, 3) and 150 < flag.dimensions.x < 230
    bpy.context.view_layer.update()
    assert tuple(pole.matrix_world.translation) == (1, 2, 3)


def test_cloth_brings_its_pins() -> None:
    parts = generate("flag", {"detail": 0.25, "pole_m": 0.0})
    (flag,) = Builder().build(parts, "Flag", bpy.context.scene.collection).objects
    index = flag.vertex_groups["pin"].index
    held = [v.index for v in flag.data.vertices if any(g.group == index and g.weight == 1 for g in v.groups)]
    assert held == np.flatnonzero(parts.parts[0].groups["pin"]).tolist()


def test_a_failure_can_be_taken_back() -> None:
    kept: list[bpy.types.ID] = []
    before = {key: len(getattr(bpy.data, key)) for key in ("objects", "meshes", "materials", "worlds")}
    Builder(keep=lambda block: kept.append(block) or block).build(
        generate("flag"), "Flag", bpy.context.scene.collection
    )
    bpy.data.batch_remove(kept)
    assert {key: len(getattr(bpy.data, key)) for key in before} == before


def test_a_main_material_replaces_the_first_look_only() -> None:
    red = bpy.data.materials.new("Red")
    builder, parts = Builder(), generate("flag", {"detail": 0.25})
    flag, pole = builder.build(parts, "Flag", bpy.context.scene.collection, main=red).objects
    assert list(flag.data.materials) == [red] and red not in list(pole.data.materials)
    other = builder.build(parts, "Other", bpy.context.scene.collection).objects[0]
    assert red not in list(other.data.materials)


def test_creases_are_sharp_and_colours_arrive() -> None:
    part = assembled("Box", [(box(1, 1, 1).shaded(True).painted((0.2, 0.4, 0.6)), "plain")], closed=True)
    mesh = bpy.data.meshes.new("Box")
    fill(mesh, part)
    assert sum(edge.use_edge_sharp for edge in mesh.edges) == 12
    values = np.empty(len(mesh.vertices) * 4, np.float32)
    mesh.color_attributes["Color"].data.foreach_get("color", values)
    assert np.allclose(values.reshape(-1, 4), (0.2, 0.4, 0.6, 1))


LOOKS = {
    "plain": Look((0.8, 0.1, 0.1)),
    "noise": Look((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), "noise", 0.3, 0.01),
    "wood": Look((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), "wood", 0.05, 0.01),
    "bricks": Look((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), "bricks", 0.4, 0.01),
    "weave": Look((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), "weave", 0.2, 0.01),
    "colours": Look((0.5, 0.5, 0.5), pattern="colours"),
    "leaf": Look((0.1, 0.8, 0.1), leaf=True),
    "bulb": Look((0.1, 0.1, 0.8), emission=3.0),
}


def test_every_pattern_renders_in_its_colours(tmp_path: Path) -> None:
    """One Cycles picture from above: a row of squares, one for each pattern."""
    scene, builder = bpy.context.scene, Builder()
    for place, (name, look) in enumerate(LOOKS.items()):
        plate = sheet(8, 8, 0.96, 0.96).painted((0.1, 0.1, 0.9)) if name == "colours" else sheet(8, 8, 0.96, 0.96)
        parts = Parts((assembled(name, [(plate.moved(place), name)]),), {name: look})
        builder.build(parts, name, scene.collection)
    pixels = _from_above(scene, len(LOOKS), tmp_path / "looks.png")
    found = {name: pixels[8:24, 32 * k + 8 : 32 * k + 24] for k, name in enumerate(LOOKS)}
    assert found["plain"].mean((0, 1))[0] > 1.7 * found["plain"].mean((0, 1))[1]
    for name in ("noise", "wood", "bricks", "weave"):
        assert found[name][..., 1].std() > 3 * found["plain"][..., 1].std() + 0.01, f"{name} has no pattern"
    assert found["colours"].mean((0, 1))[2] > 2 * found["colours"].mean((0, 1))[0]
    assert found["leaf"].mean((0, 1)).argmax() == 1
    assert found["bulb"].mean((0, 1))[2] > 0.9


def _from_above(scene: bpy.types.Scene, columns: int, path: Path) -> np.ndarray:
    """(32, 32 columns, 3) of an evenly lit picture; row 0 is the lowest."""
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.data.ortho_scale, camera.location = "ORTHO", columns, ((columns - 1) / 2, 0, 5)
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy = 3
    for obj in (camera, sun):
        scene.collection.objects.link(obj)
    scene.camera = camera
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 8, False
    scene.render.resolution_x, scene.render.resolution_y = 32 * columns, 32
    scene.view_settings.view_transform = "Standard"
    if hasattr(scene.render.image_settings, "media_type"):
        scene.render.image_settings.media_type = "IMAGE"
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    pixels = np.empty(32 * columns * 32 * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(32, 32 * columns, 4)[..., :3]


def test_many_faces_arrive_whole() -> None:
    part = assembled("Ball", [(ball(1.0, 183), "plain")], closed=True)
    mesh = bpy.data.meshes.new("Ball")
    fill(mesh, part)
    assert len(mesh.polygons) == 6 * 183**2 and len(mesh.edges) == 12 * 183**2
