"""Everything that a .blend holds, as comparable text: did a run leave the user's file as it was?

`scene_state()` walks bpy.data with Blender's own reflection, so that a property which a future Blender adds is compared
too. `differences(before, after)` names what changed, by data path.

    before = scene_state()
    ...
    assert differences(before, scene_state()) == []
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

_ALWAYS_SKIPPED = {
    "rna_type",
    "session_uid",  # a counter of this run of Blender
    "original",
    "is_evaluated",
    "is_updated",
    "is_updated_data",
    "tag",
    "preview",  # the icon, drawn when Blender has time
    "bl_rna",
    "id_data",
    "depsgraph",
}
_SKIPPED = {
    # copies of what is walked elsewhere, or too long to walk item by item (compared through `attributes` instead)
    "Mesh": {"vertices", "edges", "loops", "polygons", "loop_triangles", "loop_triangle_polygons", "vertex_normals",
             "polygon_normals", "corner_normals", "uv_layer_clone", "uv_layer_stencil", "color_attributes",
             "uv_layers", "vertex_colors", "skin_vertices"},
    "Image": {"pixels", "bindcode", "has_data", "is_dirty", "frame_duration", "depth", "channels"},
    "Attribute": {"data", "storage_type"},
    "PackedFile": {"data"},
    "ImagePackedFile": {"packed_file"},
    "Text": {"lines", "current_line", "select_end_line", "is_dirty", "is_modified"},
    "NodeTree": {"view_center"},
    "ToolSettings": {"uv_sculpt"},  # reading its brush crashes 4.2
    "ParticleEdit": {"object"},  # a shadow of the active object, filled in when needed
}  # fmt: skip
_INTERFACE = {"window_managers", "screens", "workspaces", "brushes", "palettes", "paint_curves", "libraries", "fonts"}
_READ = {"FLOAT": "value", "INT": "value", "BOOLEAN": "value", "INT8": "value", "STRING": None, "QUATERNION": "value",
         "FLOAT_VECTOR": "vector", "FLOAT2": "vector", "FLOAT_COLOR": "color", "BYTE_COLOR": "color_srgb",
         "INT32_2D": "value", "INT16_2D": "value", "FLOAT4X4": "value"}  # fmt: skip
_WIDTH = {"FLOAT_VECTOR": 3, "FLOAT2": 2, "FLOAT_COLOR": 4, "BYTE_COLOR": 4, "INT32_2D": 2, "INT16_2D": 2,
          "QUATERNION": 4, "FLOAT4X4": 16}  # fmt: skip


def scene_state(interface: bool = False) -> dict[str, str]:
    """Data path -> value of every property of every datablock, `users` and custom properties included.

    Pointers to other datablocks are compared by name, mesh data and packed files by hash. `interface` adds the
    windows, screens and brushes.
    """
    for scene in bpy.data.scenes:
        for layer in scene.view_layers:
            layer.update()
    state: dict[str, str] = {"context.mode": bpy.context.mode}
    for prop in bpy.data.bl_rna.properties:
        if (
            prop.type != "COLLECTION"
            or prop.identifier == "all_ids"
            or (prop.identifier in _INTERFACE and not interface)
        ):
            continue
        for block in getattr(bpy.data, prop.identifier):
            path = f"{prop.identifier}[{block.name_full!r}]"
            state[path] = type(block).__name__
            state.update(_walk(block, path, set()))
    return state


def state_beside_copies() -> dict[str, str]:
    """`scene_state` for code that copies scenes: Blender 4.2's own `Scene.copy()` counts one user too many
    of what the scene links (loading a file counts anew).
    """
    found = scene_state()
    if bpy.app.version < (4, 3):
        linked = ("collections[", "objects[")
        found = {key: text for key, text in found.items() if not (key.startswith(linked) and key.endswith("].users"))}
    return found


def differences(before: dict[str, str], after: dict[str, str], limit: int = 40) -> list[str]:
    """One line for every path whose value is new, gone or another; empty when the two states are equal."""
    changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    lines = [f"{key}: {before.get(key, '(absent)')} -> {after.get(key, '(absent)')}" for key in changed[:limit]]
    return lines + ([f"... and {len(changed) - limit} more"] if len(changed) > limit else [])


def _walk(struct: Any, path: str, parents: set[int]) -> Iterator[tuple[str, str]]:
    """(path, value) of every property of an RNA struct and what it owns."""
    pointer = struct.as_pointer()
    if pointer in parents and not isinstance(struct, bpy.types.ID):
        return
    parents = parents | {pointer}
    skipped = set(_ALWAYS_SKIPPED)
    for cls in type(struct).__mro__:
        skipped |= _SKIPPED.get(cls.__name__, set())
    for prop in struct.bl_rna.properties:
        if prop.identifier == "users" and getattr(struct, "is_embedded_data", False):
            continue  # undo counts the users of embedded datablocks in a way of its own
        if prop.identifier not in skipped:
            yield from _property(struct, prop, f"{path}.{prop.identifier}", parents)
    yield from _custom_properties(struct, path)
    yield from _bulk(struct, path)


def _property(struct: Any, prop: Any, path: str, parents: set[int]) -> Iterator[tuple[str, str]]:
    try:
        value = getattr(struct, prop.identifier)
    except (AttributeError, RuntimeError, SystemError, TypeError, ValueError):
        return  # some properties cannot be read in some states
    if prop.type == "POINTER":
        if value is None or (isinstance(value, bpy.types.ID) and not _owned(prop, value)):
            yield path, "None" if value is None else f"{type(value).__name__} {value.name_full!r}"
        elif hasattr(value, "bl_rna"):
            yield from _walk(value, path, parents)
    elif prop.type == "COLLECTION":
        for index, item in enumerate(value):
            key = f"{path}[{index}]"
            if isinstance(item, bpy.types.ID):
                yield key, f"{type(item).__name__} {item.name_full!r}"
            elif item is not None and hasattr(item, "bl_rna"):
                yield from _walk(item, key, parents)
        yield f"{path}.length", str(len(value))
        active = getattr(value, "active", None)  # of node trees, UV maps, view layers ...
        if hasattr(active, "name"):
            yield f"{path}.active", repr(active.name)
    else:
        yield path, _text(value)


def _owned(prop: Any, value: Any) -> bool:
    """Embedded datablocks (a material's node tree, a scene's master collection) are part of their owner."""
    return getattr(value, "is_embedded_data", False) and prop.identifier != "id_data"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return repr(round(value, 7))
    if isinstance(value, (str, int, bool, bytes, set)):
        return repr(sorted(value)) if isinstance(value, set) else repr(value)
    try:
        return repr([_text(item) for item in value])
    except TypeError:
        return repr(value)


def _custom_properties(struct: Any, path: str) -> Iterator[tuple[str, str]]:
    try:
        items = [(key, struct[key]) for key in struct.keys()]  # noqa: SIM118 - RNA structs are not mappings
    except (AttributeError, TypeError, KeyError):
        return
    for key, value in items:
        plain = (
            value.to_dict() if hasattr(value, "to_dict") else value.to_list() if hasattr(value, "to_list") else value
        )
        yield f"{path}[{key!r}]", repr(plain)


def _bulk(struct: Any, path: str) -> Iterator[tuple[str, str]]:
    """Hashes of what `_SKIPPED` keeps `_walk` away from."""
    if isinstance(struct, bpy.types.Attribute):
        read, width = _READ.get(struct.data_type), _WIDTH.get(struct.data_type, 1)
        if read is not None:
            whole = struct.data_type in ("INT", "INT8", "INT32_2D", "INT16_2D")
            dtype = np.int32 if whole else bool if struct.data_type == "BOOLEAN" else np.float32
            values = np.empty(len(struct.data) * width, dtype)
            struct.data.foreach_get(read, values)  # (reading may turn a single-value attribute into an array)
            yield f"{path}.data", f"{len(values)} {hashlib.sha256(values.tobytes()).hexdigest()[:16]}"
    elif isinstance(struct, bpy.types.Mesh):
        yield f"{path}.counts", repr((len(struct.vertices), len(struct.edges), len(struct.loops), len(struct.polygons)))
        starts = np.empty(len(struct.polygons), np.int32)
        struct.polygons.foreach_get("loop_start", starts)
        yield f"{path}.loop_starts", hashlib.sha256(starts.tobytes()).hexdigest()[:16]
    elif isinstance(struct, bpy.types.PackedFile):
        yield f"{path}.data", hashlib.sha256(struct.data).hexdigest()[:16]
    elif isinstance(struct, bpy.types.Text):
        yield f"{path}.text", repr(struct.as_string())
    elif isinstance(struct, bpy.types.ViewLayer):
        for name, test in (("selected", "select_get"), ("hidden", "hide_get")):
            yield (
                f"{path}.{name}",
                repr(sorted(o.name_full for o in struct.objects if getattr(o, test)(view_layer=struct))),
            )
