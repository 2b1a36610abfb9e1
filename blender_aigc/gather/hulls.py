"""Smoke and fire in a mask: a volume has no surface, so what is thicker than a trace of it gets one there.

The hulls stand in a copy of the scene and nowhere else. A mesh whose material is a volume (a box of fog) has none:
where its fog begins only the shader knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import bpy

THINNEST = 0.05
"""Of a grid's values, which are about 1 where smoke or fire comes from: a haze that the eye overlooks is not masked."""
_SMOKE, _FIRE = "density", "flame"
_PREFIX = "AIGC Hull "


def has_hull(obj: bpy.types.Object) -> bool:
    """Can `obj` be shown as a hull? The object of an OpenVDB file, or of a sequence of them."""
    return obj.type == "VOLUME"


def add_hulls(scene: bpy.types.Scene, names: Collection[str]) -> list[bpy.types.Object]:
    """Gives every volume of `scene`, a copy of the user's, that is called one of `names` a surface to be rendered.

    They follow the volumes from frame to frame. Remove them with `remove_hulls`.
    """
    made: list[bpy.types.Object] = []
    for obj in [obj for obj in scene.objects if obj.name in names and has_hull(obj) and not obj.hide_render]:
        for grid in _shown(obj):
            label = f"{_PREFIX}{grid} {obj.name}"[:60]
            hull = bpy.data.objects.new(label, bpy.data.meshes.new(label))
            made.append(hull)
            modifier = hull.modifiers.new("Hull", "VOLUME_TO_MESH")
            modifier.object, modifier.grid_name = obj, grid
            modifier.threshold, modifier.resolution_mode = THINNEST, "GRID"
            scene.collection.objects.link(hull)
    return made


def remove_hulls(hulls: Collection[bpy.types.Object]) -> None:
    """The objects and their meshes."""
    meshes = [hull.data for hull in hulls]
    bpy.data.batch_remove([*hulls, *meshes])


def _shown(obj: bpy.types.Object) -> Iterator[str]:
    """The grids of `obj` that its shader shows: a fire's own smoke may be in the file and not in the picture."""
    shaders = [
        node
        for slot in obj.material_slots
        if slot.material is not None and slot.material.node_tree is not None
        for node in slot.material.node_tree.nodes
        if node.type == "PRINCIPLED_VOLUME"
    ]
    if not shaders or any(_is_on(node, "Density") for node in shaders):
        yield next((name for node in shaders if (name := node.inputs["Density Attribute"].default_value)), _SMOKE)
    if any(_is_on(node, "Blackbody Intensity") or _is_on(node, "Emission Strength") for node in shaders):
        yield _FIRE


def _is_on(node: bpy.types.Node, name: str) -> bool:
    socket = node.inputs[name]
    return socket.is_linked or socket.default_value > 0
