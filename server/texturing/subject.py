"""What an engine that draws views is given: the mesh as one scene, where its textures lie, and the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from blender_aigc.protocol import Fault

from ..geometry.mesh_input import MeshInput, read_mesh
from ..geometry.texture_sets import TextureSet, texture_sets
from ..geometry.triangles import Triangles
from .part import PartWork, part_work

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context
    from ..geometry.cameras import Camera

_SIDES = {"left": "side", "right": "side"}
"""A camera's name -> the word that image models know for it."""


@dataclass
class Subject:
    """triangles: all objects in the world; each texture set's UVs stand in a UDIM tile of their own, in order, so that
    one bake makes all of them. notes: sentences about UVs that had to be made.
    size: of the textures. part: where a texture that is there changes; None makes new ones.
    """

    mesh: MeshInput
    sets: list[TextureSet]
    triangles: Triangles
    notes: list[str]
    size: int
    part: PartWork | None = None

    @property
    def points(self) -> np.ndarray:
        """(N, 3) positions of what is to be textured, metres, world."""
        return self.triangles.positions[np.unique(self.triangles.faces[self.triangles.target])]


def subject_of(job: Job, context: Context) -> Subject:
    """Reads the job's mesh and decides on its UVs. Raises Fault("bad_input")."""
    context.progress("Reading the mesh")
    mesh = read_mesh(context.input_path("mesh"))
    context.progress("Looking at the UVs")
    size = int(job.params["texture_px"])
    sets, notes = texture_sets(mesh, size, str(job.params.get("uv", "auto")), context.check_cancelled)
    part = part_work(context, mesh, sets, size, int(job.params.get("soft_px", 0)))
    if len(sets) > 100:
        raise Fault("bad_input", f"That would be {len(sets)} textures; 100 is the most.", "Select fewer objects.")
    uvs = np.zeros((len(mesh.faces), 3, 2), np.float32)
    target = np.zeros(len(mesh.faces), bool)
    for number, group in enumerate(sets):
        inside = np.clip(group.uvs, 1e-6, 1 - 1e-6)  # a corner at 1 would stand on the next tile
        uvs[group.faces] = inside + np.float32([number % 10, number // 10])
        target[group.faces] = True
    names = tuple(thing.name for thing in mesh.objects)
    triangles = Triangles(mesh.vertices, mesh.faces, uvs, mesh.corner_normals, mesh.face_object, target, names)
    return Subject(mesh, sets, triangles, notes, part.size if part is not None else size, part)


def words_for(prompt: str, cameras: Sequence[Camera], own: str = "", strict: bool = True) -> list[str]:
    """The prompt of each view. own: "front: a smiling face; back: long hair" adds words to single views.

    Raises Fault("bad_input") for no words at all, and with `strict` Fault("bad_request") for words of no view.
    """
    if not prompt.strip():
        raise Fault("bad_input", "The prompt is empty.", "Say in words what the object should look like.")
    extra: dict[str, str] = {}
    for part in own.split(";"):
        name, colon, words = part.partition(":")
        if colon and words.strip():
            extra[name.strip().lower()] = words.strip()
    named = {camera.name.lower() for camera in cameras}
    unknown = [name for name in extra if name not in named]
    if unknown and strict:
        offered = ", ".join(dict.fromkeys(camera.name for camera in cameras))
        raise Fault("bad_request", f"There is no view called {unknown[0]!r}.", f"There are: {offered}.")
    result = []
    for camera in cameras:
        side = camera.name.lower()
        result.append(", ".join(filter(None, (extra.get(side, ""), prompt, f"{_SIDES.get(side, side)} view"))))
    return result


def avoided_for(negative: str, cameras: Sequence[Camera]) -> list[str]:
    """The negative prompt of each view: sides and back are told not to show a front (SyncMVD's rule)."""
    return [", ".join(filter(None, (negative, "" if camera.name == "front" else "front view"))) for camera in cameras]
