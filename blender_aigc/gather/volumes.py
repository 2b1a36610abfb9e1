"""Smoke, fog and clouds are left out of the geometry: the one ray of a pixel may be scattered there, and find nothing.

An object that is a volume and nothing else has no surface that passes could show. It can neither be hidden (that is a
property of the user's object) nor excluded by itself (only collections can), so the copy of the scene gets collections
of its own, without such objects, wherever the user's hold some.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import bpy

_FLAGS = ("exclude", "hide_viewport", "holdout", "indirect_only")

Path = tuple[bpy.types.Collection, ...]


@dataclass
class Thinned:
    """Copies that were made to leave volumes out. left_out: whether there were any."""

    left_out: bool = False
    _collections: dict[bpy.types.Collection, bpy.types.Collection] = field(default_factory=dict)
    _made: list[bpy.types.ID] = field(default_factory=list)

    def remove(self) -> None:
        bpy.data.batch_remove(self._made)
        self._made.clear()

    def thin(self, scene: bpy.types.Scene) -> None:
        """Leave the volumes out of `scene`, which must be a copy of the user's."""
        flags = {layer.name: dict(_flags(layer.layer_collection)) for layer in scene.view_layers}
        self._thin_in_place(scene.collection)
        if not self.left_out:
            return
        originals = {copy: original for original, copy in self._collections.items()}
        for layer in scene.view_layers:
            for path, child in _tree(layer.layer_collection):
                known = flags[layer.name].get(tuple(originals.get(one, one) for one in path), {})
                for name, value in known.items():
                    if getattr(child, name) != value:
                        setattr(child, name, value)

    def _thin_in_place(self, collection: bpy.types.Collection) -> None:
        for obj in list(collection.objects):
            if is_volume(obj):
                collection.objects.unlink(obj)
                self.left_out = True
            elif obj.instance_type == "COLLECTION" and obj.instance_collection is not None:
                inside = self._thinned(obj.instance_collection)
                if inside is not obj.instance_collection:
                    copy = obj.copy()
                    self._made.append(copy)
                    copy.instance_collection = inside
                    collection.objects.link(copy)
                    collection.objects.unlink(obj)
        children = list(collection.children)
        if any(self._thinned(child) is not child for child in children):
            for child in children:  # all of them, so that their order stays
                collection.children.unlink(child)
                collection.children.link(self._thinned(child))

    def _thinned(self, collection: bpy.types.Collection) -> bpy.types.Collection:
        """The collection itself, when no volume is in it."""
        if collection not in self._collections:
            self._collections[collection] = collection
            if _holds_volumes(collection, set()):
                copy = collection.copy()
                self._made.append(copy)
                self._thin_in_place(copy)
                self._collections[collection] = copy
        return self._collections[collection]


def is_volume(obj: bpy.types.Object) -> bool:
    """Is it a volume, and nothing else? A mesh whose materials have a volume and no surface, as smoke and fog have."""
    if obj.type == "VOLUME":
        return True
    slots = [slot.material for slot in getattr(obj, "material_slots", ())]
    return bool(slots) and all(material is not None and _only_volume(material) for material in slots)


def _only_volume(material: bpy.types.Material) -> bool:
    if material.node_tree is None:
        return False
    output = material.node_tree.get_output_node("CYCLES")
    return output is not None and output.inputs["Volume"].is_linked and not output.inputs["Surface"].is_linked


def _holds_volumes(collection: bpy.types.Collection, seen: set[bpy.types.Collection]) -> bool:
    """Also in what its objects are instances of."""
    if collection in seen:
        return False
    seen.add(collection)
    for obj in collection.all_objects:
        if is_volume(obj):
            return True
        if obj.instance_type == "COLLECTION" and obj.instance_collection is not None:
            if _holds_volumes(obj.instance_collection, seen):
                return True
    return False


def _tree(
    layer_collection: bpy.types.LayerCollection, above: Path = ()
) -> Iterator[tuple[Path, bpy.types.LayerCollection]]:
    """Every collection below, by its way from the top, parents first: excluding one excludes what is in it."""
    for child in layer_collection.children:
        path = (*above, child.collection)
        yield path, child
        yield from _tree(child, path)


def _flags(layer_collection: bpy.types.LayerCollection) -> Iterator[tuple[Path, dict[str, bool]]]:
    for path, child in _tree(layer_collection):
        yield path, {name: getattr(child, name) for name in _FLAGS}
