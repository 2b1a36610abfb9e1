"""Where the textures of a job lie: one an object or an atlas of all; where a present one may change. numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..geometry.atlas import atlas_sets, together_on
from ..geometry.mesh_input import MeshInput
from ..geometry.texture_sets import TextureSet, texture_sets
from .part import PartWork, find_part

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context


def sets_for(
    job: Job, context: Context, mesh: MeshInput, texture_px: int
) -> tuple[list[TextureSet], list[str], PartWork | None]:
    """The texture sets as the job's parameters want them, sentences about UVs, and the work on a part, if it is one.

    What is there already stays where it lies, alone or in an atlas. Raises Fault("bad_input").
    """
    context.progress("Looking at the UVs")
    mask = find_part(context, mesh)
    atlas = str(job.params.get("textures", "each")) == "atlas"
    chosen = atlas_sets if atlas and mesh.part is None else texture_sets
    sets, notes = chosen(mesh, texture_px, str(job.params.get("uv", "auto")), context.check_cancelled)
    notes += _of_objects(mesh)
    if mesh.part is None:
        return sets, notes, None
    sets = together_on(mesh, sets)
    if atlas and len(sets) > 1:
        notes.append("Present textures stay where they are: to join them in one atlas, make new ones")
    context.progress("Looking at the present texture")
    soft_px = int(job.params.get("soft_px", 0))
    return sets, notes, PartWork(mesh, sets, texture_px, mask, soft_px, context.check_cancelled)


def _of_objects(mesh: MeshInput) -> list[str]:
    """What Blender had to change, and what is left out."""
    notes = []
    for number, thing in enumerate(mesh.objects):
        if not len(mesh.faces_of(number)):
            notes.append(f"The faces of {thing.name} have no area: it stays as it is")
        elif thing.uv == "new" and thing.facts.get("reason"):
            notes.append(f"{thing.name} got a new UV map: {thing.facts['reason']}")
    return notes
