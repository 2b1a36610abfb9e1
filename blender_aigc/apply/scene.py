"""What all appliers share: whole or nothing, the user's mode and selection, where a result goes, its provenance.

Nothing here pushes an undo step: the operator that calls an applier has UNDO in its bl_options, and its one step
covers everything.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import bpy

from ..protocol import Artefact, Fault, Provenance, encode

UID = "aigc_uid"
JOB = "aigc_job"
PROVENANCE = "aigc"


class Made:
    """What was done to the file so far, so that a failure can take it all back."""

    def __init__(self) -> None:
        self._blocks: list[bpy.types.ID] = []
        self._hidden: list[tuple[bpy.types.Object, bpy.types.ViewLayer]] = []
        self._undo: list[Callable[[], None]] = []

    def keep(self, block: Any) -> Any:
        self._blocks.append(block)
        return block

    def hide(self, obj: bpy.types.Object, layer: bpy.types.ViewLayer) -> None:
        if not obj.hide_get(view_layer=layer):
            obj.hide_set(True, view_layer=layer)
            self._hidden.append((obj, layer))

    def undo(self, back: Callable[[], None]) -> None:
        """What takes back a change to something that is the user's; called after a failure, newest first."""
        self._undo.append(back)

    def remove(self) -> None:
        while self._undo:
            self._undo.pop()()
        for obj, layer in self._hidden:
            obj.hide_set(False, view_layer=layer)
        self._hidden.clear()
        bpy.data.batch_remove(self._blocks)
        self._blocks.clear()


@contextlib.contextmanager
def whole_or_nothing(context: bpy.types.Context, outer: Made | None = None) -> Iterator[Made]:
    """Object Mode and a list for what is made; after an exception the scene is as it was, mode and selection too.

    outer: the list of a larger whole that this is a part of, which then does all the rest.

    On success the user stays in Object Mode: in every other mode Blender's undo remembers that mode's own data only,
    and Ctrl+Z would not take the result away. That one Ctrl+Z also leads back into the mode.
    """
    if outer is not None:
        yield outer
        return
    state = _UserState(context)
    made = Made()
    with contextlib.ExitStack() as undo:
        undo.callback(state.restore)
        undo.callback(made.remove)
        state.enter_object_mode()
        yield made
        undo.pop_all()


class _UserState:
    """Mode, active object and selection of a view layer."""

    def __init__(self, context: bpy.types.Context) -> None:
        self.layer = context.view_layer
        self.active = self.layer.objects.active
        self.mode = self.active.mode if self.active is not None else "OBJECT"
        self.selected = [o for o in self.layer.objects if o.select_get(view_layer=self.layer)]
        self.in_mode = [o for o in self.layer.objects if o.mode == self.mode] if self.mode != "OBJECT" else []

    def enter_object_mode(self) -> None:
        if self.mode == "OBJECT":
            return
        try:
            bpy.ops.object.mode_set(mode="OBJECT")
        except RuntimeError as error:
            raise Fault(
                "bad_request", "The result cannot be placed in this mode.", "Go to Object Mode, then Apply.", str(error)
            ) from error

    def restore(self) -> None:
        self.layer.objects.active = self.active
        if self.mode != "OBJECT" and self.active is not None and self.active.mode == "OBJECT":
            select_only(self.layer, self.in_mode)
            with contextlib.suppress(RuntimeError):
                bpy.ops.object.mode_set(mode=self.mode)
        select_only(self.layer, self.selected)


def select_only(layer: bpy.types.ViewLayer, objects: list[bpy.types.Object]) -> None:
    """Selects `objects` (those that the view layer shows) and nothing else."""
    for other in layer.objects:
        if other.select_get(view_layer=layer) and other not in objects:
            other.select_set(False, view_layer=layer)
    for obj in objects:
        if obj.name in layer.objects:
            obj.select_set(True, view_layer=layer)


def home_collection(context: bpy.types.Context) -> bpy.types.Collection:
    """The user's active collection; the scene's own when that one is hidden, locked or belongs to another file.

    Raises Fault("bad_request") for a scene that is linked from another file.
    """
    if context.scene.library is not None:
        raise Fault(
            "bad_request",
            "This scene belongs to another file and cannot be changed.",
            "Switch to a scene of this file.",
        )
    layer = context.view_layer.active_layer_collection
    return layer.collection if layer is not None and _open(layer) else context.scene.collection


def _open(layer: bpy.types.LayerCollection) -> bool:
    """Would something new in this collection be seen and selected?"""
    collection = layer.collection
    local = collection.library is None and collection.override_library is None
    return local and not layer.exclude and layer.visible_get() and not collection.hide_select


def show_in_local_view(context: bpy.types.Context, objects: list[bpy.types.Object]) -> None:
    """A viewport that isolates the selection would hide what is new."""
    for window in context.window_manager.windows:
        if window.view_layer != context.view_layer:
            continue
        for area in window.screen.areas:
            space = area.spaces.active
            if area.type == "VIEW_3D" and space.local_view is not None:
                for obj in objects:
                    obj.local_view_set(space, True)


def sign(block: bpy.types.ID, provenance: str, job_id: str) -> None:
    """Writes where `block` comes from (JSON text) and the id of its job, which survive undo, saving and renaming."""
    block[PROVENANCE] = provenance
    block[JOB] = job_id
    block[UID] = uuid.uuid4().hex


def provenance_text(provenance: Provenance | None, otherwise: dict[str, Any] | None = None) -> str:
    """Provenance as the JSON text that `sign` stores; `otherwise` is what the file itself says."""
    if provenance is not None:
        return encode(provenance)
    return json.dumps(otherwise or {}, ensure_ascii=False, separators=(",", ":"))


def result_name(artefact: Artefact) -> str:
    return artefact.name.strip() or "Result"
