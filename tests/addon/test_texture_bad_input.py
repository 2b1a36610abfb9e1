"""Odd objects go through real Blender and a real server: textured, or refused in one sentence with a way out.

Whatever happens, what is the user's about them stays as it was.
"""

from __future__ import annotations

import re

import bpy
import numpy as np
import pytest
from test_texture_mesh import QUICK, cube, facts, textures  # noqa: F401

from blender_aigc import batch
from blender_aigc.protocol import Fault

SQUARE = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
SIDES = np.tile(SQUARE, (6, 1))


def with_uvs(uvs: np.ndarray) -> bpy.types.Object:
    box = cube()
    box.data.uv_layers[0].uv.foreach_set("vector", uvs.astype(np.float32).reshape(-1))
    return box


def made_of(points: list, faces: list, edges: list | None = None, name: str = "Odd") -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, edges or [], faces)
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    return obj


def shown(obj: bpy.types.Object, slot: int = 0) -> np.ndarray:
    """(H, W, 3) of the base colour of a slot."""
    tree = obj.material_slots[slot].material.node_tree
    image = next(n.image for n in tree.nodes if n.type == "TEX_IMAGE" and "BaseColor" in n.image.name)
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(image.size[1], image.size[0], -1)[..., :3]


def layer_of(obj: bpy.types.Object) -> str:
    tree = obj.material_slots[0].material.node_tree
    return next(node.uv_map for node in tree.nodes if node.type == "UVMAP")


@pytest.mark.parametrize(
    ("uvs", "reason"),
    [
        (SIDES * 0, "no area"),
        (SIDES, "lies over itself"),
        (SIDES * 3, "beyond the texture"),
        (SIDES * 0.2 - 5, "lies over itself|beyond the texture"),
        (SIDES * np.float32([1, 0]), "no area"),
    ],
    ids=["zero area", "overlapping", "out of range", "below zero", "lines"],
)
def test_uvs_that_do_not_serve(textures, uvs: np.ndarray, reason: str) -> None:  # noqa: F811
    box = with_uvs(uvs)
    before = facts(box)["uvs"]["UVMap"]
    status = batch.run("texture_mesh", "solid", inputs={"mesh": [box]}, prompt="oak", params=QUICK)
    batch.place(status, objects=(box,))
    assert layer_of(box) == "AIGC UV" and np.ptp(shown(box)) > 0.05
    after = facts(box)
    assert after["uvs"]["UVMap"] == before and after["active"] == (0, [True, False])
    assert re.search(f"Box got a new UV map: .*({reason})", str(status.result.report["notes"])), status.result.report


def test_without_uvs(textures) -> None:  # noqa: F811
    box = cube(uvs=False)
    textures(box)
    assert [layer.name for layer in box.data.uv_layers] == ["AIGC UV"] and layer_of(box) == "AIGC UV"


def test_uvs_that_are_no_numbers(textures) -> None:  # noqa: F811
    uvs = SIDES.copy() * 0.3
    uvs[3] = np.nan
    box = with_uvs(uvs)
    textures(box)
    assert layer_of(box) == "AIGC UV" and np.ptp(shown(box)) > 0.05


def test_mirrored_halves_over_each_other(textures) -> None:  # noqa: F811
    """As importers of game models bring them: the right side has the UVs of the left one, the other way round."""
    uvs = SIDES.reshape(6, 4, 2) * 0.3 + np.float32([[n % 3 * 0.33, n // 3 * 0.33] for n in range(6)])[:, None]
    uvs[1] = uvs[0][::-1]
    box = with_uvs(uvs)
    before = facts(box)["uvs"]["UVMap"]
    status = batch.run("texture_mesh", "solid", inputs={"mesh": [box]}, prompt="oak", params=QUICK)
    batch.place(status, objects=(box,))
    assert layer_of(box) == "AIGC UV" and facts(box)["uvs"]["UVMap"] == before
    assert "Box got a new UV map: its UV map lies over itself" in str(status.result.report["notes"])


def test_non_manifold_and_degenerate_faces(textures) -> None:  # noqa: F811
    """Three faces at an edge, one twice, one without area, one with all corners in a point, loose edges."""
    points = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0.5, 0, 0), (3, 3, 3), (4, 4, 4), (5, 5, 5)]
    points += [(0, 0, 0.5)] * 3
    faces = [(0, 1, 2), (0, 1, 3), (0, 1, 4), (0, 1, 4), (0, 5, 1), (9, 10, 11)]
    odd = made_of(points, faces, [(6, 7)])
    textures(odd)
    assert np.isfinite(shown(odd)).all() and np.ptp(shown(odd)) > 0.05
    assert len(odd.data.polygons) == 6 and len(odd.data.edges) >= 10, "nothing of the mesh is cleaned"


@pytest.mark.parametrize(
    ("points", "faces", "words"),
    [
        ([], [], "has no faces"),
        ([(0, 0, 0), (1, 0, 0)], [], "has no faces"),
        ([(0, 0, 0), (1, 0, 0), (2, 0, 0)], [(0, 1, 2)], "no area"),
        ([(0, 0, 0), (1, 0, 0), (float("nan"), 1, 0)], [(0, 1, 2)], "numbers that are not finite"),
    ],
    ids=["nothing", "an edge", "all without area", "not a number"],
)
def test_what_has_no_surface_is_explained(textures, points: list, faces: list, words: str) -> None:  # noqa: F811
    odd = made_of(points, faces)
    before = facts(odd)
    with pytest.raises(Fault, match=words) as told:
        textures(odd)
    assert told.value.code == "bad_input" and told.value.hint and "Odd" in told.value.message
    assert facts(odd) == before and not bpy.data.materials and not bpy.data.images


def test_one_without_area_among_others_is_left_and_said(textures) -> None:  # noqa: F811
    box, flat = cube(), made_of([(0, 0, 0), (1, 0, 0), (2, 0, 0)], [(0, 1, 2)], name="Line")
    before = facts(flat)
    status = batch.run("texture_mesh", "solid", inputs={"mesh": [box, flat]}, prompt="oak", params=QUICK)
    batch.place(status, objects=(box, flat))
    assert np.ptp(shown(box)) > 0.05 and facts(flat) == before
    assert "The faces of Line have no area: it stays as it is" in str(status.result.report["notes"])


@pytest.mark.parametrize("scale", [(-1, 1, 1), (-2, -0.5, -1)])
def test_negative_scale_is_the_same_surface(textures, scale: tuple) -> None:  # noqa: F811
    """Worn edges and open sky come from outside: a box turned over wears as much as it did."""
    plain = cube("Plain")
    textures(plain, prompt="painted metal")
    turned = cube("Turned")
    turned.scale, turned.location = scale, (5, 0, 0)
    textures(turned, prompt="painted metal")

    def open_sky(obj: bpy.types.Object) -> float:
        tree = obj.material_slots[0].material.node_tree
        image = next(n.image for n in tree.nodes if n.type == "TEX_IMAGE" and "ORM" in n.image.name)
        pixels = np.empty(len(image.pixels), np.float32)
        image.pixels.foreach_get(pixels)
        return float(np.median(pixels.reshape(-1, image.channels)[:, 0]))

    assert open_sky(turned) > 0.8 and abs(open_sky(turned) - open_sky(plain)) < 0.1
    assert tuple(turned.scale) == tuple(map(float, scale))


def test_curves_and_text(textures) -> None:  # noqa: F811
    bpy.ops.object.text_add()
    text = bpy.context.object
    text.data.extrude = 0.1
    bpy.ops.curve.primitive_bezier_circle_add(location=(4, 0, 0))
    ring = bpy.context.object
    ring.data.bevel_depth = 0.2
    made = textures(text, ring)
    assert [obj.type for obj in made] == ["MESH", "MESH"] and text.hide_get() and ring.hide_get()
    assert all(np.ptp(shown(obj)) > 0.05 for obj in made)
    ring.hide_set(False)
    ring.data.bevel_depth = 0
    with pytest.raises(Fault, match="has no faces") as told:
        textures(ring)
    assert "evel" in told.value.hint


def test_slots_that_are_missing(textures) -> None:  # noqa: F811
    """No slot at all, an empty one, and faces that name one which is not there."""
    bare = cube("Bare")
    textures(bare)
    assert [slot.link for slot in bare.material_slots] == ["OBJECT"] and list(bare.data.materials) == [None]
    empty = cube("Empty")
    empty.data.materials.append(None)
    empty.data.polygons.foreach_set("material_index", [0, 0, 0, 5, 5, 5])
    before = np.empty(6, np.int32)
    textures(empty)
    empty.data.polygons.foreach_get("material_index", before)
    assert empty.material_slots[0].material is not None and before.tolist() == [0, 0, 0, 5, 5, 5]


def test_a_ninth_uv_map_is_refused(textures) -> None:  # noqa: F811
    box = with_uvs(SIDES)
    for number in range(7):
        box.data.uv_layers.new(name=f"Mine {number}")
    before = facts(box)
    with pytest.raises(Fault, match="eight UV maps"):
        textures(box)
    assert facts(box) == before and not bpy.data.materials
