"""All artefacts of a finished job enter the scene together, and leave it together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..protocol import Artefact, ArtefactKind, Fault, Result
from .image import apply_image
from .material import apply_materials, restore, show_source
from .mesh import Placement, apply_mesh
from .scene import JOB, Made, whole_or_nothing
from .text import apply_text


@dataclass(frozen=True)
class Arrival:
    """A result on its way into the file. folder: of the job, with the artefacts' files. made: what is there so far."""

    context: bpy.types.Context
    folder: Path
    result: Result
    placement: Placement
    made: Made

    def path(self, artefact: Artefact) -> Path:
        """Raises Fault("bad_request") for a file that is not in the job's folder."""
        path = self.folder / artefact.file
        if path.name != artefact.file:
            raise Fault("bad_request", "The result names a file outside of its folder.", detail=artefact.file)
        return path


Applier = Callable[[Arrival, Sequence[Artefact]], Sequence[bpy.types.ID]]


def _meshes(arrival: Arrival, artefacts: Sequence[Artefact]) -> list[bpy.types.ID]:
    blocks: list[bpy.types.ID] = []
    for artefact in artefacts:
        blocks += apply_mesh(
            arrival.context,
            arrival.path(artefact),
            artefact,
            arrival.result.provenance,
            arrival.placement,
            arrival.result.job.id,
            arrival.made,
        )
    return blocks


def _images(arrival: Arrival, artefacts: Sequence[Artefact]) -> list[bpy.types.ID]:
    made = (arrival.result.provenance, arrival.result.job.id, arrival.made)
    return [apply_image(arrival.context, arrival.path(artefact), artefact, *made) for artefact in artefacts]


def _texts(arrival: Arrival, artefacts: Sequence[Artefact]) -> list[bpy.types.ID]:
    made = (arrival.result.provenance, arrival.result.job.id, arrival.made)
    return [apply_text(arrival.context, arrival.path(artefact), artefact, *made) for artefact in artefacts]


def _materials(arrival: Arrival, artefacts: Sequence[Artefact]) -> list[bpy.types.ID]:
    blocks: list[bpy.types.ID] = []
    for artefact in artefacts:
        arrival.path(artefact)
        given = (arrival.result.artefacts, arrival.result.provenance, arrival.placement.objects, arrival.result.job.id)
        blocks += apply_materials(arrival.context, arrival.folder, artefact, *given, arrival.made)
    return blocks


def _nothing(_arrival: Arrival, _artefacts: Sequence[Artefact]) -> list[bpy.types.ID]:
    """Read by another applier, by other programs, or by the next frame of a sequence: no business of the scene's."""
    return []


APPLIERS: dict[ArtefactKind, Applier] = {
    "mesh": _meshes,
    "image": _images,
    "text": _texts,
    "plan": _texts,
    "state": _nothing,
    "material": _materials,
    "map": _nothing,
    "file": _nothing,
}
"""One row an artefact kind, in the order in which they enter the file; each gets all artefacts of its kind at once.

A plan enters as a text: the user sees it before the director carries it out.
"""


def apply_result(
    context: bpy.types.Context, folder: Path, result: Result, placement: Placement | None = None
) -> list[bpy.types.ID]:
    """Puts every artefact of `result` (files of the job `folder`) into the file; the new datablocks, by kind.

    Raises Fault, see `apply_mesh`; then nothing of the result is there, whichever artefact was at fault.
    """
    blocks: list[bpy.types.ID] = []
    with whole_or_nothing(context) as made:
        arrival = Arrival(context, Path(folder), result, placement or Placement(), made)
        for kind, apply in APPLIERS.items():
            artefacts = [artefact for artefact in result.artefacts if artefact.kind == kind]
            blocks += apply(arrival, artefacts) if artefacts else ()
    return blocks


def take_away(job_id: str) -> bool:
    """Removes from the file what a job put there, as often as it did; whether there was anything.

    What the user made with it stays: a mesh, material or picture that something else uses by now.
    """
    if not job_id:
        return False
    for obj in bpy.data.objects:
        restore(obj, job_id)
    groups = (bpy.data.objects, bpy.data.collections, bpy.data.images, bpy.data.texts, bpy.data.materials)
    ours = [block for group in groups for block in group if block.get(JOB) == job_id and block.library is None]
    if not ours:
        return False
    for obj in ours:
        if isinstance(obj, bpy.types.Object):
            show_source(obj, bpy.context.view_layer)
    meshes = {o.data for o in ours if isinstance(o, bpy.types.Object) and o.data is not None}
    materials = {m for mesh in meshes for m in getattr(mesh, "materials", ()) if m is not None}
    materials |= {block for block in ours if isinstance(block, bpy.types.Material)}
    images = {n.image for m in materials if m.node_tree for n in m.node_tree.nodes if getattr(n, "image", None)}
    used = (meshes, materials - set(ours), images - set(ours))  # now: what is removed cannot be compared any more
    bpy.data.batch_remove(
        [block for block in ours if not isinstance(block, bpy.types.Collection) or _ours_alone(block)]
    )
    for kind in used:
        bpy.data.batch_remove([block for block in kind if not block.users and block.library is None])
    return True


def _ours_alone(collection: bpy.types.Collection) -> bool:
    """A collection into which the user has put something is not taken away with what he put there."""
    return not collection.children and all(o.get(JOB) == collection[JOB] for o in collection.objects)
