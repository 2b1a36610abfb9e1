"""All artefacts of a finished job enter the scene together, and leave it together."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..protocol import Fault, Result
from .image import apply_image
from .mesh import Placement, apply_mesh
from .scene import JOB, whole_or_nothing
from .text import apply_text


def apply_result(
    context: bpy.types.Context, folder: Path, result: Result, placement: Placement | None = None
) -> list[bpy.types.ID]:
    """Puts every artefact of `result` (files of the job `folder`) into the file: objects, images, texts, in that order.

    Raises Fault, see `apply_mesh`; then nothing of the result is there, whichever artefact was at fault.
    """
    ranks = {"mesh": 0, "image": 1, "text": 2}
    blocks: list[bpy.types.ID] = []
    with whole_or_nothing(context) as made:
        for artefact in sorted(result.artefacts, key=lambda artefact: ranks[artefact.kind]):
            path = Path(folder) / artefact.file
            if path.name != artefact.file:  # a file of the job folder, never anything outside of it
                raise Fault("bad_request", "The result names a file outside of its folder.", detail=artefact.file)
            given = (context, path, artefact, result.provenance)
            if artefact.kind == "mesh":
                blocks += apply_mesh(*given, placement=placement, job_id=result.job.id, outer=made)
            elif artefact.kind == "image":
                blocks.append(apply_image(*given, job_id=result.job.id, outer=made))
            else:
                blocks.append(apply_text(*given, job_id=result.job.id, outer=made))
    return blocks


def take_away(job_id: str) -> bool:
    """Removes from the file what a job put there, as often as it did; whether there was anything.

    What the user made with it stays: a mesh, material or picture that something else uses by now.
    """
    if not job_id:
        return False
    groups = (bpy.data.objects, bpy.data.collections, bpy.data.images, bpy.data.texts)
    ours = [block for group in groups for block in group if block.get(JOB) == job_id and block.library is None]
    if not ours:
        return False
    meshes = {o.data for o in ours if isinstance(o, bpy.types.Object) and o.data is not None}
    materials = {m for mesh in meshes for m in getattr(mesh, "materials", ()) if m is not None}
    images = {n.image for m in materials if m.node_tree for n in m.node_tree.nodes if getattr(n, "image", None)}
    bpy.data.batch_remove(
        [block for block in ours if not isinstance(block, bpy.types.Collection) or _ours_alone(block)]
    )
    for kind in (meshes, materials, images):
        bpy.data.batch_remove([block for block in kind if not block.users and block.library is None])
    return True


def _ours_alone(collection: bpy.types.Collection) -> bool:
    """A collection into which the user has put something is not taken away with what he put there."""
    return not collection.children and all(o.get(JOB) == collection[JOB] for o in collection.objects)
