"""Finished textures become materials on the objects that they were made for, beside the user's own.

The user's mesh keeps its materials: ours are assigned to the object's slots, which take precedence while a slot is
linked to the object; `restored` links them back. A UV layer is added only where the object had none that served. What
has no mesh of its own (curves, text, linked objects) gets a mesh copy in its place and is hidden.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..protocol import Artefact, Fault, Provenance
from ..state import THIS_RUN
from .glb import damaged, read_file
from .material_nodes import build_material, packed_images, repeat, set_name
from .repaint import repainted
from .scene import Made, provenance_text, select_only, sign

BEFORE = "aigc_before"
"""Custom property of an object: how its slots were before each of our results, see `_history`."""
KEPT = "aigc_kept"
"""Custom property of an object: the materials that its history names. Without a user, saving would drop them."""
SOURCE = "aigc_source"
"""Custom property of a copy: the name of the object that was hidden for it."""


def apply_materials(
    context: bpy.types.Context,
    folder: Path,
    artefact: Artefact,
    artefacts: Sequence[Artefact],
    provenance: Provenance,
    objects: Sequence[bpy.types.Object],
    job_id: str,
    made: Made,
) -> list[bpy.types.ID]:
    """The objects that got textures, then the new materials. Raises Fault and leaves everything as it was.

    objects: those that are known to be meant; others are looked for by id and name.
    """
    path = Path(folder) / artefact.file
    hashes = {other.file: other.sha256 for other in artefacts}
    try:
        document = json.loads(read_file(path, artefact.sha256))
        entries = list(document["objects"])
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"{type(error).__name__}: {error}") from error
    if document.get("of_file"):
        raise Fault(
            "bad_request", "This was made from a mesh file, not from objects.", "Import the GLB from its folder."
        )
    if "tile" in document:
        return apply_tile(context, Path(folder), document["tile"], hashes, provenance, objects, job_id, made)
    found = [_target(entry, objects) for entry in entries]
    signature = provenance_text(provenance)
    blocks: list[bpy.types.ID] = []
    touched: list[bpy.types.Object] = []
    shelf = _Shelf(made, Path(folder), hashes)
    for entry, obj in zip(entries, found, strict=True):
        if not entry["sets"]:
            continue
        uvs = _new_uvs(Path(folder), entry, hashes)
        new_layer = ""
        if entry["target"] == "copy":
            obj = _copy(context, made, obj, entry, uvs, signature, job_id)
        elif uvs is not None:
            new_layer = _add_layer(made, obj, entry["layer"], uvs)
        layer = new_layer or entry["layer"]
        materials = shelf.materials(entry, layer)
        _assign(made, obj, materials, job_id, new_layer)
        touched.append(obj)
    for material in shelf.made_here():
        sign(material, signature, job_id)
        blocks.append(material)
    context.view_layer.update()
    shown = [obj for obj in touched if obj.name in context.view_layer.objects]
    if any(entry["target"] == "copy" for entry in entries) and shown:
        select_only(context.view_layer, shown)
        context.view_layer.objects.active = shown[0]
    return [*touched, *blocks]


def apply_tile(
    context: bpy.types.Context,
    folder: Path,
    entry: dict[str, Any],
    hashes: dict[str, str],
    provenance: Provenance,
    objects: Sequence[bpy.types.Object],
    job_id: str,
    made: Made,
) -> list[bpy.types.ID]:
    """A material that repeats: on `objects`, else on the selected meshes of this file, else kept for later."""
    chosen = [obj for obj in objects or context.selected_objects if obj.type == "MESH" and obj.library is None]
    flat = all(obj.data.uv_layers for obj in chosen)
    material = build_material(made, packed_images(made, folder, hashes, [entry]), entry, "")
    repeat(material, float(entry["width_m"]), flat)
    material.use_fake_user = True
    sign(material, provenance_text(provenance), job_id)
    for obj in chosen:
        slots = range(max(1, len(obj.material_slots)))
        _assign(made, obj, dict.fromkeys(slots, material), job_id, "")
    return [*chosen, material]


@dataclass
class _Shelf:
    """The new images and materials of a result, each made once, since objects on an atlas share them."""

    made: Made
    folder: Path
    hashes: dict[str, str]
    _images: dict[str, dict[str, bpy.types.Image]] = field(default_factory=dict[str, Any])
    _materials: dict[tuple[Any, ...], bpy.types.Material | None] = field(default_factory=dict[Any, Any])

    def materials(self, entry: dict[str, Any], layer: str) -> dict[int, bpy.types.Material]:
        """Slot -> its new material: one for each set, or where a texture was worked on, a copy of the one before."""
        result: dict[int, bpy.types.Material] = {}
        for group in _by_tiles(entry["sets"]):
            file = group[0]["maps"]["colour"]
            for slot in sorted({slot for one in group for slot in one["slots"]}):
                present = entry.get("present", {}).get(str(slot), {})
                moved = group[0]["uv"] == "new" or present.get("layer", "") not in ("", layer)
                material = None
                if present.get("material"):
                    key = file, layer, present["material"], moved
                    material = self._kept(key, repainted, self.made, present, self._of(group), group[0], layer, moved)
                if material is None:
                    material = self._kept((file, layer), build_material, self.made, self._of(group), group[0], layer)
                result[slot] = material
        return result

    def made_here(self) -> list[bpy.types.Material]:
        return [material for material in self._materials.values() if material is not None]

    def _of(self, group: list[dict[str, Any]]) -> dict[str, bpy.types.Image]:
        file = group[0]["maps"]["colour"]
        if file not in self._images:
            self._images[file] = packed_images(self.made, self.folder, self.hashes, group)
        return self._images[file]

    def _kept(self, key: tuple[Any, ...], make: Callable[..., bpy.types.Material | None], *given: Any) -> Any:
        if key not in self._materials:
            self._materials[key] = make(*given)
        return self._materials[key]


def _by_tiles(sets: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The sets of one material each: the UDIM tiles that belong together, and every other one alone."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for number, one in enumerate(sets):
        groups.setdefault(set_name(one) if one["tile"] else f"\0{number}", []).append(one)
    return list(groups.values())


def _target(entry: dict[str, Any], objects: Sequence[bpy.types.Object]) -> bpy.types.Object:
    """The object that `entry` was made for. Raises Fault("bad_input") when it is gone or has changed.

    Maps may lie in a folder since another run of Blender, where the same number was that of another object.
    """
    name, uid = entry["name"], entry["session_uid"] if entry.get("session") == THIS_RUN else None
    pools = (list(objects), list(bpy.data.objects))
    by_uid = [obj for pool in pools for obj in pool if obj.session_uid == uid]
    by_name = [obj for pool in pools for obj in pool if obj.name == name]
    for obj in (*by_uid, *by_name):
        if entry["target"] == "copy" or (obj.type == "MESH" and len(obj.data.loops) == entry["loops"]):
            return obj
    if by_uid or by_name:
        raise Fault("bad_input", f"The mesh of {name} has changed since.", "Texture it again.")
    raise Fault(
        "bad_input",
        f"{name} is not in this file any more.",
        "Undo its removal, open its file, or texture another object.",
    )


def _new_uvs(folder: Path, entry: dict[str, Any], hashes: dict[str, str]) -> np.ndarray | None:
    """(L, 2) float32 for the object's own corners, or None."""
    name = entry.get("new_uvs")
    if not name:
        return None
    path = folder / Path(name).name
    read_file(path, hashes.get(name, ""))
    try:
        uvs = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise damaged(path, str(error)) from error
    if uvs.shape != (entry["loops"], 2) or not np.isfinite(uvs).all():
        raise damaged(path, f"{uvs.shape} for {entry['loops']} corners")
    return uvs.astype(np.float32)


def _add_layer(made: Made, obj: bpy.types.Object, name: str, uvs: np.ndarray) -> str:
    """Ours beside the user's; the active and the rendered layer stay what they are. The name that Blender gave it."""
    layers = obj.data.uv_layers
    for own in layers:
        mine = np.empty(len(obj.data.loops) * 2, np.float32)
        own.uv.foreach_get("vector", mine)
        if own.name.split(".")[0] == name and np.allclose(mine.reshape(-1, 2), uvs, rtol=0, atol=1e-6):
            return own.name
    if len(layers) >= 8:
        raise Fault(
            "bad_input", f"{obj.name} has eight UV maps, which is all that Blender allows.", "Remove one, then Place."
        )
    mesh, active = obj.data, layers.active_index if layers else None
    rendered = next((layer.name for layer in layers if layer.active_render), None)
    layer = layers.new(name=name, do_init=False)
    new_name = layer.name
    made.undo(lambda: mesh.uv_layers.remove(mesh.uv_layers[new_name]))
    layer.uv.foreach_set("vector", uvs.reshape(-1))
    if rendered is not None:
        layers[rendered].active_render = True
        layers.active_index = active
    return new_name


def _assign(
    made: Made,
    obj: bpy.types.Object,
    materials: dict[int, bpy.types.Material],
    job_id: str,
    new_layer: str,
) -> None:
    """Our materials into the object's slots; how they were is kept on the object."""
    slot_added = any(entry.get("slot_added") for other in _sharing(obj) for entry in _history(other))
    if not obj.material_slots:
        slot_added = True
        obj.data.materials.append(None)
        mesh = obj.data
        made.undo(lambda: mesh.materials.clear())  # pop would leave the slots of its objects
    slots = [[slot.link, slot.material.name_full if slot.material else ""] for slot in obj.material_slots]
    previous = obj.get(BEFORE)
    made.undo(lambda: _put_back(obj, slots, previous))
    entry = {"job": job_id, "slots": slots, "layer": new_layer, "slot_added": slot_added}
    obj[BEFORE] = json.dumps([*_history(obj), entry])
    _hold(obj)
    for number, material in materials.items():
        if number < len(obj.material_slots):
            slot = obj.material_slots[number]
            slot.link = "OBJECT"
            slot.material = material
    obj.update_tag()


def _history(obj: bpy.types.Object) -> list[dict[str, Any]]:
    """One entry for each of our results on the object, oldest first: {"job", "slots": [[link, material]], "layer",
    "slot_added"}, the last where the mesh had no slot at all before ours.
    """
    try:
        return list(json.loads(obj.get(BEFORE, "[]")))
    except (ValueError, TypeError):
        return []


def _hold(obj: bpy.types.Object) -> None:
    """Lets the object be a user of the materials that it may get back."""
    names = {name for entry in _history(obj) for link, name in entry["slots"] if link == "OBJECT" and name}
    held = {str(number): bpy.data.materials.get(name) for number, name in enumerate(sorted(names))}
    held = {key: material for key, material in held.items() if material is not None}
    if held:
        obj[KEPT] = held
    elif KEPT in obj:
        del obj[KEPT]


def _put_back(obj: bpy.types.Object, slots: list[list[str]], history: str | None) -> None:
    for slot, (link, name) in zip(obj.material_slots, slots, strict=False):
        if slot.link == "OBJECT":
            slot.material = None  # else it would be kept there, out of sight
        slot.link = link
        if link == "OBJECT":
            slot.material = bpy.data.materials.get(name) if name else None
    if history:
        obj[BEFORE] = history
    elif BEFORE in obj:
        del obj[BEFORE]
    _hold(obj)


def restore(obj: bpy.types.Object, job_id: str = "") -> bool:
    """Takes the result of a job off the object again (all results, without an id); whether there was any.

    The materials that were there before come back, and a UV layer that came with it goes.
    """
    if BEFORE not in obj or obj.library is not None:
        return False
    history = _history(obj)
    place = next((n for n, entry in enumerate(history) if not job_id or entry["job"] == job_id), None)
    if place is None:
        return False
    gone = history[place:] if not job_id else [history[place]]
    kept = history[:place] if not job_id else history[:place] + history[place + 1 :]
    if job_id and place < len(history) - 1:  # a later result lies over it: that one now lies over what was below
        kept[place] |= {key: gone[0].get(key) for key in ("slots", "slot_added")}
        obj[BEFORE] = json.dumps(kept)
        _hold(obj)
        return True
    _put_back(obj, gone[0]["slots"], json.dumps(kept) if kept else None)
    layers = {entry["layer"] for entry in gone if entry["layer"]} - {entry["layer"] for entry in kept}
    for other in bpy.data.objects if layers else ():  # painted on the same layer of a shared mesh
        if other != obj and other.data == obj.data:
            layers -= {entry["layer"] for entry in _history(other)}
    for name in layers:
        if obj.type == "MESH" and name in obj.data.uv_layers:
            obj.data.uv_layers.remove(obj.data.uv_layers[name])
    if any(entry.get("slot_added") for entry in gone):
        _drop_slot(obj)
    return True


def _sharing(obj: bpy.types.Object) -> list[bpy.types.Object]:
    """The objects that show the same mesh, itself included."""
    return [obj] if obj.data.users == 1 else [other for other in bpy.data.objects if other.data == obj.data]


def _drop_slot(obj: bpy.types.Object) -> None:
    """Removes the slot that a mesh had to be given, unless something is in it by now, on whichever of its objects."""
    sharing = _sharing(obj)
    filled = any(slot.material for other in sharing for slot in other.material_slots)
    if len(obj.data.materials) == 1 and not filled and not any(BEFORE in other for other in sharing):
        obj.data.materials.clear()


def show_source(copy: bpy.types.Object, layer: bpy.types.ViewLayer) -> None:
    """What was hidden for a copy is to be seen again, now that the copy goes."""
    source = layer.objects.get(str(copy.get(SOURCE, "")))
    if source is not None:
        source.hide_set(False, view_layer=layer)


def _copy(
    context: bpy.types.Context,
    made: Made,
    source: bpy.types.Object,
    entry: dict[str, Any],
    uvs: np.ndarray | None,
    signature: str,
    job_id: str,
) -> bpy.types.Object:
    """A mesh of the evaluated surface in the place of `source`, which is hidden."""
    depsgraph = context.evaluated_depsgraph_get()
    mesh = made.keep(
        bpy.data.meshes.new_from_object(
            source.evaluated_get(depsgraph), preserve_all_data_layers=True, depsgraph=depsgraph
        )
    )
    if len(mesh.loops) != entry["loops"]:
        raise Fault("bad_input", f"The shape of {source.name} has changed since.", "Texture it again.")
    mesh.name = f"{source.name} Textured"
    copy = made.keep(bpy.data.objects.new(f"{source.name} Textured", mesh))
    sign(copy, signature, job_id)
    if uvs is not None:
        layer = mesh.uv_layers.get(entry["layer"]) or mesh.uv_layers.new(name=entry["layer"], do_init=False)
        layer.uv.foreach_set("vector", uvs.reshape(-1))
    homes = [home for home in source.users_collection if home.library is None and home.override_library is None]
    for home in homes or [context.scene.collection]:
        home.objects.link(copy)
    context.view_layer.update()
    copy.matrix_world = source.matrix_world.copy()
    if source.name in context.view_layer.objects:
        made.hide(source, context.view_layer)
        copy[SOURCE] = source.name
    return copy
