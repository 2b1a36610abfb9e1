"""What an engine that draws views is given: the mesh as one scene, where its textures lie, and the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from blender_aigc.protocol import Fault

from ..geometry.cameras import view_name
from ..geometry.mesh_input import MeshInput, read_mesh
from ..geometry.normals import face_cross, unit
from ..geometry.texture_sets import TextureSet
from ..geometry.triangles import Triangles
from .delivery import BAKE_BYTES, FACE_BYTES, KEPT_BYTES, check_room
from .layout import sets_for
from .part import PartWork

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context
    from ..geometry.cameras import Camera
    from ..geometry.raster import Scene

_KNOWN_SIDES = frozenset({"front", "back", "left", "right", "top", "bottom"})
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
    _scene: Scene | None = field(default=None, repr=False)
    _plain: Triangles | None = field(default=None, repr=False)

    @property
    def plain(self) -> Triangles:
        """The triangles without those that only hide."""
        return self._plain or self.triangles

    def scene(self, device: str) -> Scene:
        """The triangles on a device, made once."""
        import torch

        from ..geometry.raster import Scene

        if self._scene is None or self._scene.device != torch.device(device):
            self._scene = Scene(self.triangles, device)
        return self._scene

    def hide_behind(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        """Other objects, (V, 3) and (F, 3), hide this one from now on; they get no texture."""
        if not len(faces):
            return
        own, more = self.triangles, len(faces)
        assert own.face_object is not None and own.target is not None
        soft, uvs = own.corner_normals, own.corner_uvs
        flat = np.repeat(unit(face_cross(vertices, faces))[:, None], 3, axis=1).astype(np.float32)
        self._scene, self._plain = None, self.plain
        self.triangles = Triangles(
            np.concatenate([own.positions, vertices.astype(own.positions.dtype)]),
            np.concatenate([own.faces, faces + np.int32(len(own.positions))]),
            None if uvs is None else np.concatenate([uvs, np.zeros((more, 3, 2), np.float32)]),
            None if soft is None else np.concatenate([soft, flat]),
            np.concatenate([own.face_object, np.full(more, len(own.object_names), np.int32)]),
            np.concatenate([own.target, np.zeros(more, bool)]),
            (*own.object_names, "others"),
        )

    @property
    def points(self) -> np.ndarray:
        """(N, 3) positions of what is to be textured, metres, world."""
        return self.triangles.points


def subject_of(job: Job, context: Context) -> Subject:
    """Reads the job's mesh and decides on its UVs. Raises Fault("bad_input")."""
    context.progress("Reading the mesh")
    mesh = read_mesh(context.input_path("mesh"))
    size = int(job.params["texture_px"])
    sets, notes, part = sets_for(job, context, mesh, size)
    if len(sets) > 100:
        hint = "Set Textures to One Atlas, or select fewer objects."
        raise Fault("bad_input", f"That would be {len(sets)} textures; 100 is the most.", hint)
    size = size if part is None else part.size
    check_room(sets, size, BAKE_BYTES, KEPT_BYTES, FACE_BYTES)
    return Subject(mesh, sets, as_scene(mesh, sets), notes, size, part)


def as_scene(mesh: MeshInput, sets: Sequence[TextureSet]) -> Triangles:
    """The triangles of all objects, see `Subject`; faces of no set only hide others."""
    uvs = np.zeros((len(mesh.faces), 3, 2), np.float32)
    target = np.zeros(len(mesh.faces), bool)
    for number, group in enumerate(sets):
        inside = np.clip(group.uvs, 1e-6, 1 - 1e-6)  # a corner at 1 would stand on the next tile
        uvs[group.faces] = inside + np.float32([number % 10, number // 10])
        target[group.faces] = True
    names = tuple(thing.name for thing in mesh.objects)
    return Triangles(mesh.vertices, mesh.faces, uvs, mesh.corner_normals, mesh.face_object, target, names)


def shape_of(context: Context) -> Subject:
    """The job's mesh without any textures: only to be looked at. Raises Fault("bad_input")."""
    context.progress("Reading the mesh")
    mesh = read_mesh(context.input_path("mesh"))
    names = tuple(thing.name for thing in mesh.objects)
    triangles = Triangles(mesh.vertices, mesh.faces, None, mesh.corner_normals, mesh.face_object, None, names)
    return Subject(mesh, [], triangles, [], 0)


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
        side = side_of(camera)
        words = (extra.get(camera.name.lower(), ""), prompt, f"{_SIDES.get(side, side)} view")
        result.append(", ".join(filter(None, words)))
    return result


def side_of(camera: Camera) -> str:
    """ "front", "top back"...: what the camera is called after, or for one with a name of its own, what it sees."""
    name = camera.name.lower()
    return name if name.split(" ")[0] in _KNOWN_SIDES else view_name(camera.forward)


def avoided_for(negative: str, cameras: Sequence[Camera]) -> list[str]:
    """The negative prompt of each view: sides and back are told not to show a front (SyncMVD's rule)."""
    return [
        ", ".join(filter(None, (negative, "" if "front" in side_of(camera) else "front view"))) for camera in cameras
    ]
