"""The measuring tool itself: equal files compare equal, and every kind of change is seen."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import pytest
from scene_state import differences, scene_state


def furnish() -> None:
    """A file with a bit of everything."""
    mesh = bpy.data.meshes.new("Box")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    mesh.uv_layers.new(name="UVMap")
    material = bpy.data.materials.new("Clay")
    material.use_nodes = True
    mesh.materials.append(material)
    box = bpy.data.objects.new("Box", mesh)
    box["note"] = "mine"
    bpy.context.scene.collection.objects.link(box)
    bpy.context.scene.collection.children.link(bpy.data.collections.new("Props"))
    bpy.context.scene.world = bpy.data.worlds.new("Sky")
    image = bpy.data.images.new("Paint", 4, 4)
    image.pack()
    bpy.data.texts.new("Notes").from_string("hello")


def test_nothing_done_is_no_difference() -> None:
    furnish()
    before = scene_state()
    assert len(before) > 1000
    assert differences(before, scene_state()) == []


def _move_a_corner() -> None:
    bpy.data.meshes["Box"].vertices[0].co.x = 0.5


def _shift_a_uv() -> None:
    bpy.data.meshes["Box"].uv_layers[0].uv[1].vector = (0.3, 0.4)


def _select() -> None:
    bpy.data.objects["Box"].select_set(True)


def _activate() -> None:
    bpy.context.view_layer.objects.active = bpy.data.objects["Box"]


def _change_a_socket() -> None:
    nodes = bpy.data.materials["Clay"].node_tree.nodes
    next(n for n in nodes if n.type == "BSDF_PRINCIPLED").inputs["Roughness"].default_value = 0.9


CHANGES: dict[str, Callable[[], object]] = {
    "vertex": _move_a_corner,
    "uv": _shift_a_uv,
    "selection": _select,
    "active": _activate,
    "socket": _change_a_socket,
    "orphan": lambda: bpy.data.meshes.new("Leak"),
    "custom property": lambda: bpy.data.objects["Box"].__setitem__("note", "yours"),
    "render": lambda: setattr(bpy.context.scene.render, "resolution_x", 99),
    "cycles or eevee": lambda: setattr(bpy.context.scene.render, "engine", "CYCLES"),
    "exclude": lambda: setattr(bpy.context.view_layer.layer_collection.children[0], "exclude", True),
    "view layer pass": lambda: setattr(bpy.context.view_layer, "use_pass_z", True),
    "world": lambda: setattr(bpy.data.worlds["Sky"], "color", (1, 0, 0)),
    "user": lambda: setattr(bpy.data.materials["Clay"], "use_fake_user", True),
    "text": lambda: bpy.data.texts["Notes"].write("!"),
    "cursor": lambda: setattr(bpy.context.scene.cursor, "location", (1, 2, 3)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(change: str) -> None:
    furnish()
    before = scene_state()
    CHANGES[change]()
    assert differences(before, scene_state())
