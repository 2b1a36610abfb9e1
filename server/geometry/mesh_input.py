"""The mesh of a job: triangles of several objects in one frame, from our .npz or from a GLB or OBJ file. numpy only.

The .npz is what Blender sends (blender_aigc/gather/mesh.py); its arrays are named after the fields of `MeshInput`:

    vertices      (V, 3)    float32, metres, world space, Blender's frame (+Z up)
    faces         (F, 3)    int32, counter-clockwise seen from outside
    corner_normals (F, 3, 3) float32, unit
    corner_uvs    (F, 3, 2) float32, (0, 0) lower left; NaN for the faces of an object without UVs; left out where the
                            objects are only looked at
    face_object   (F,)      int32, which of `objects`; ascending, so that an object's faces stand together
    face_slot     (F,)      int32, the material slot within the object
    facts         (B,)      uint8, JSON: {"objects": [{"name", "slots", "prompt", "uv", "world_from_object", ...}]}
    new_uvs_<n>   (L, 2)    float32, UVs that were made for object n, one per face corner of the user's own mesh;
                            passed through to the result

and, when a texture that is there is worked on, those of part_input.py.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from blender_aigc.protocol import MOST_TRIANGLES, Fault

from .gltf_looks import Look
from .normals import face_cross, unit
from .part_input import Part, part_of


@dataclass
class InputObject:
    """One object of the input.

    uv: "own" (the user's layer), "new" (made for this job) or "none". layer: its name in Blender.
    world_from_object: (4, 4) float64. facts: all that the add-on wants to hear again with the result.
    """

    name: str
    slots: tuple[str, ...] = ("",)
    prompt: str = ""
    uv: str = "none"
    world_from_object: np.ndarray = field(default_factory=lambda: np.eye(4))
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    new_uvs: np.ndarray | None = None


@dataclass
class MeshInput:
    """See the table above. `of_file`: it was read from a GLB or OBJ, so the result should be such a file again.

    part: where a texture that is there may change; None makes new ones. looks: (object, slot) -> the file's material.
    """

    vertices: np.ndarray
    faces: np.ndarray
    corner_normals: np.ndarray
    corner_uvs: np.ndarray
    face_object: np.ndarray
    face_slot: np.ndarray
    objects: list[InputObject]
    of_file: bool = False
    part: Part | None = None
    looks: dict[tuple[int, int], Look] = field(default_factory=dict[tuple[int, int], Look])

    def faces_of(self, number: int) -> np.ndarray:
        """Indices of the faces of an object."""
        return np.arange(*np.searchsorted(self.face_object, (number, number + 1)))

    @property
    def extent_m(self) -> float:
        return float(np.ptp(self.vertices, axis=0).max()) if len(self.vertices) else 0.0


def read_mesh(path: Path) -> MeshInput:
    """The mesh in an .npz of ours, a .glb or an .obj. Raises Fault("bad_input") for what cannot be textured."""
    from .gltf_input import read_gltf_mesh
    from .obj_input import read_obj_mesh

    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise Fault("bad_input", f"The mesh {path.name} cannot be read.", "Choose another file.", str(error)) from error
    if start == b"PK\x03\x04":
        mesh = _read_npz(path)
    elif start == b"glTF":
        mesh = read_gltf_mesh(path)
    elif path.suffix.lower() in (".obj", ".bin") or start[:1] in (b"#", b"v", b"o", b"m", b"g"):
        mesh = read_obj_mesh(path)
    else:
        raise Fault("bad_input", f"{path.name} is not a mesh that can be read.", "Choose a GLB or an OBJ file.")
    return checked(mesh, path.name)


def _read_npz(path: Path) -> MeshInput:
    try:
        with np.load(path, allow_pickle=False) as stored:
            facts = json.loads(stored["facts"].tobytes())
            objects = [_object(plain) for plain in facts["objects"]]
            for number, thing in enumerate(objects):
                key = f"new_uvs_{number}"
                thing.new_uvs = stored[key].astype(np.float32) if key in stored.files else None
            faces = stored["faces"].astype(np.int32, copy=False)
            uvs = stored["corner_uvs"] if "corner_uvs" in stored.files else _no_uvs(len(faces))
            return MeshInput(
                stored["vertices"].astype(np.float32, copy=False),
                faces,
                stored["corner_normals"].astype(np.float32, copy=False),
                uvs.astype(np.float32, copy=False),
                stored["face_object"].astype(np.int32, copy=False),
                stored["face_slot"].astype(np.int32, copy=False),
                objects,
                part=part_of(stored, facts["objects"]),
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        hint = "Run the job again."
        raise Fault("bad_input", "The mesh of the job is damaged.", hint, f"{type(error).__name__}: {error}") from error


def _no_uvs(count: int) -> np.ndarray:
    return np.broadcast_to(np.float32(np.nan), (count, 3, 2))


def _object(plain: dict[str, Any]) -> InputObject:
    world = np.array(plain.get("world_from_object", np.eye(4)), np.float64).reshape(4, 4)
    slots = tuple(str(slot) for slot in plain.get("slots") or [""])
    return InputObject(
        str(plain["name"]), slots, str(plain.get("prompt", "")), str(plain.get("uv", "none")), world, dict(plain)
    )


def checked(mesh: MeshInput, name: str) -> MeshInput:
    """`mesh` with unit normals and without faces that have no area. Raises Fault("bad_input")."""
    count = len(mesh.faces)
    if not count:
        raise Fault("bad_input", f"{name} has no faces.", "Select an object with a surface.")
    if count > MOST_TRIANGLES:
        raise Fault(
            "bad_input", f"{name} has {count:,} triangles; {MOST_TRIANGLES:,} is the limit.", "Use fewer subdivisions."
        )
    shapes = (mesh.corner_normals.shape, mesh.corner_uvs.shape, mesh.face_object.shape, mesh.face_slot.shape)
    changes = (count, 3) if mesh.part is None else mesh.part.change.shape
    if (*shapes, changes) != ((count, 3, 3), (count, 3, 2), (count,), (count,), (count, 3)):
        raise Fault("bad_input", "The mesh of the job is damaged.", "Run the job again.", f"shapes {shapes}")
    numbers = mesh.face_object
    if mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices) or (np.diff(numbers) < 0).any():
        raise Fault("bad_input", "The mesh of the job is damaged.", "Run the job again.", "indices out of range")
    if numbers.min() < 0 or numbers.max() >= len(mesh.objects):
        raise Fault("bad_input", "The mesh of the job is damaged.", "Run the job again.", "faces without an object")
    cross = face_cross(mesh.vertices, mesh.faces)
    _check_finite(mesh, cross)
    area = np.einsum("fx,fx->f", cross, cross)
    sound = area > 0
    if not sound.any():
        name = name if mesh.of_file else ", ".join(thing.name for thing in mesh.objects)
        raise Fault("bad_input", f"All faces of {name} have no area.", "Check the scale of the object.")
    if not sound.all():
        mesh = MeshInput(
            mesh.vertices,
            *(array[sound] for array in (mesh.faces, mesh.corner_normals, mesh.corner_uvs)),
            *(array[sound] for array in (mesh.face_object, mesh.face_slot)),
            mesh.objects,
            mesh.of_file,
            None if mesh.part is None else mesh.part.of_faces(sound),
            mesh.looks,
        )
        cross = cross[sound]
    length = np.einsum("fcx,fcx->fc", mesh.corner_normals, mesh.corner_normals)
    odd = ~(np.abs(length - 1) < 1e-3)
    if odd.any():
        fixed = mesh.corner_normals.copy()
        face, corner = np.nonzero(odd)
        own = unit(np.nan_to_num(fixed[face, corner]))
        fixed[face, corner] = np.where((own == 0).all(axis=1, keepdims=True), unit(cross[face]), own)
        mesh.corner_normals = fixed
    return mesh


def _check_finite(mesh: MeshInput, cross: np.ndarray) -> None:
    bad = ~np.isfinite(cross).all(axis=1)
    if bad.any():
        thing = mesh.objects[int(mesh.face_object[np.argmax(bad)])]
        raise Fault(
            "bad_input",
            f"The mesh of {thing.name} holds numbers that are not finite.",
            "Look at its modifiers; Merge by Distance removes broken vertices.",
        )
