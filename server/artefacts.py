"""Finished files of a job: placed, written to a temporary name, synced, renamed and hashed. numpy only.

The one place where a model's native frame becomes Blender's and Blender's becomes glTF's:

    native -> Blender (+Z up, front -Y) -> base at z = 0, centred in x and y, `height_m` high -> glTF (+Y up, front +Z)

The parts of a set keep their places relative to each other; each has its own origin, in the middle of its base.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from blender_aigc.plan import Plan
from blender_aigc.protocol import Artefact, ArtefactKind, Fault, Provenance, encode

from .geometry.frames import GLTF, Frame
from .geometry.mesh import Mesh
from .geometry.normals import unit, vertex_normals
from .glb import build_glb
from .png import encode_png

__all__ = [
    "atomic_write",
    "encode_png",
    "write_file",
    "write_glb",
    "write_image",
    "write_plan",
    "write_state",
    "write_text",
]

_GLTF_FROM_BLENDER = GLTF.blender_from_native.T
_NAME_BYTES = 63
"""What every Blender from 4.2 on can store as a name."""
_DEFAULT_NAME = Mesh.name
_SMOOTH_DEG = 2.0
"""Normals that differ less than this from those of smooth shading are not worth custom normals in Blender."""


# --------------------------------------------------------------------------------------------------------- artefacts


def write_glb(
    meshes: Sequence[Mesh],
    path: Path,
    provenance: Provenance | None,
    frame: Frame,
    height_m: float = 1.0,
    name: str = "",
) -> Artefact:
    """Writes `meshes` (native coordinates in `frame`) as one GLB that stands on the ground and is `height_m` high.

    A set without height (a lying card) gets `height_m` as its largest extent. Degenerate and repeated triangles and
    unused vertices are left out. `name` is what the result is called in the scene; without it, the first mesh's name.
    A mesh whose name is still the default is called after the result, numbered when there are several.
    Raises Fault: empty_result for no surface, internal for a mesh that contradicts itself (nothing is written then),
    and what `atomic_write` raises.
    """
    if not meshes:
        raise Fault("empty_result", "The model made no surface.", "Try another picture or another seed.")
    if not (np.isfinite(height_m) and height_m > 0):
        raise Fault("bad_request", f"The height is {height_m:g} m, but must be above zero.", "Change the height.")
    pairs = [_checked(mesh) for mesh in meshes]
    placed, origins_m, size_m = _placed([mesh for mesh, _ in pairs], frame, height_m)
    plain = json.loads(encode(provenance)) if provenance is not None else None
    called = clean_name(name, clean_name(meshes[0].name, _DEFAULT_NAME))
    names = _object_names(meshes, called)
    meta: dict[str, bool | int | float | str] = {
        "objects": len(placed),
        "faces": sum(len(mesh.faces) - mesh.quads for mesh in placed),
        "triangles": sum(len(mesh.faces) for mesh in placed),
        "vertices": sum(len(mesh.vertices) for mesh in placed),
        "quads": sum(mesh.quads for mesh in placed),
        "width_m": float(size_m[0]),
        "depth_m": float(size_m[1]),
        "height_m": float(size_m[2]),
        "texture_px": max((max(m.base_colour.shape[:2]) for m in placed if m.base_colour is not None), default=0),
    }
    pieces = build_glb(placed, origins_m, names, [smooth for _, smooth in pairs], plain)
    return _artefact("mesh", path, pieces, called, meta)


def write_image(array: np.ndarray, path: Path, name: str) -> Artefact:
    """Writes (H, W), (H, W, 1 | 3 | 4) uint8, sRGB, straight alpha, row 0 on top, as a PNG."""
    meta: dict[str, bool | int | float | str] = {"width": int(array.shape[1]), "height": int(array.shape[0])}
    return _artefact("image", path, [encode_png(array)], clean_name(name, "image"), meta)


def write_text(text: str, path: Path, name: str) -> Artefact:
    """Writes `text` as UTF-8."""
    return _artefact("text", path, [text.encode()], clean_name(name, "text"), {"characters": len(text)})


def write_state(data: bytes, path: Path) -> Artefact:
    """Writes the bytes of a sequence's state (server/sequence/state.py)."""
    return _artefact("state", path, [data], "state", {})


def write_plan(plan: Plan, path: Path, name: str) -> Artefact:
    """Writes `plan` as JSON that a person can edit; what stands at its default is left out."""
    things = sum(thing.count for thing in plan.objects)
    meta: dict[str, bool | int | float | str] = {"objects": things, "forces": len(plan.forces), "notes": plan.notes}
    return _artefact("plan", path, [(plan.to_json() + "\n").encode()], clean_name(name, "plan"), meta)


def write_file(
    kind: ArtefactKind,
    path: Path,
    pieces: bytes | Sequence[bytes],
    name: str,
    meta: Mapping[str, bool | int | float | str] | None = None,
) -> Artefact:
    """Writes finished bytes."""
    return _artefact(
        kind, path, [pieces] if isinstance(pieces, bytes) else pieces, clean_name(name, path.stem), dict(meta or {})
    )


def _artefact(
    kind: ArtefactKind, path: Path, pieces: Sequence[bytes], name: str, meta: dict[str, bool | int | float | str]
) -> Artefact:
    path = Path(path)
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    atomic_write(path, pieces)
    return Artefact(kind, path.name, digest.hexdigest(), sum(map(len, pieces)), name, meta)


def clean_name(name: str, otherwise: str) -> str:
    """`name` as one printable line of at most 63 UTF-8 bytes, cut between letters; `otherwise` when nothing is left."""
    printable = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in unicodedata.normalize("NFC", name))
    cut = " ".join(printable.split()).encode(errors="ignore")[:_NAME_BYTES].decode(errors="ignore").strip()
    return cut or otherwise


def _object_names(meshes: Sequence[Mesh], result: str) -> list[str]:
    """A name for each mesh, all different: its own, or that of the result with a number."""
    own = [clean_name(mesh.name, _DEFAULT_NAME) for mesh in meshes]
    if len(meshes) == 1:
        return [result if own[0] == _DEFAULT_NAME else own[0]]
    out: list[str] = []
    for name in own:
        unnamed = name == _DEFAULT_NAME
        candidate, number = (_numbered(result, 1), 2) if unnamed else (name, 2)
        while candidate in out:
            candidate = _numbered(result if unnamed else name, number)
            number += 1
        out.append(candidate)
    return out


def _numbered(name: str, number: int) -> str:
    ending = f" {number}"
    return clean_name(name.encode()[: _NAME_BYTES - len(ending)].decode(errors="ignore"), "") + ending


# --------------------------------------------------------------------------------------------------------- placement


def _placed(meshes: Sequence[Mesh], frame: Frame, height_m: float) -> tuple[list[Mesh], np.ndarray, np.ndarray]:
    """Checked meshes in glTF's frame, relative to their origins; those (N, 3); the set's size in Blender's x, y, z."""
    rotation = frame.blender_from_native
    vertices = [mesh.vertices.astype(np.float64) @ rotation.T for mesh in meshes]
    low = np.min([v.min(axis=0) for v in vertices], axis=0)
    high = np.max([v.max(axis=0) for v in vertices], axis=0)
    extent = high - low
    if extent.max() <= 0:
        raise Fault("empty_result", "The model made only a single point.", "Try another picture or another seed.")
    # A height that is rounding noise beside the width is a card lying flat
    scale = height_m / (extent[2] if extent[2] > 1e-6 * extent.max() else extent.max())
    base = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    normals_rotation = (_GLTF_FROM_BLENDER @ rotation).T
    out, origins = [], []
    for mesh, native in zip(meshes, vertices, strict=True):
        points = (native - base) * scale
        low_m, high_m = points.min(axis=0), points.max(axis=0)
        origin = np.array([(low_m[0] + high_m[0]) / 2, (low_m[1] + high_m[1]) / 2, low_m[2]])
        if len(meshes) == 1:
            origin = np.zeros(3)  # the same point, without the rounding
        assert mesh.normals is not None
        out.append(
            dataclasses.replace(
                mesh,
                vertices=((points - origin) @ _GLTF_FROM_BLENDER.T).astype(np.float32),
                normals=unit(mesh.normals.astype(np.float64) @ normals_rotation).astype(np.float32),
            )
        )
        origins.append(_GLTF_FROM_BLENDER @ origin)
    return out, np.array(origins), extent * scale


# ------------------------------------------------------------------------------------------------------------ checks


def _broken(what: str, detail: str) -> Fault:
    return Fault("internal", f"The model made a damaged mesh: {what}.", "Try another seed, and report this.", detail)


def _checked(mesh: Mesh) -> tuple[Mesh, bool]:
    """`mesh` without unsound triangles and unused vertices, with normals; and whether those are the smooth ones.

    Raises Fault when the mesh contradicts itself.
    """
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    if not len(vertices) or not len(faces):
        raise Fault("empty_result", "The model made no surface.", "Try another picture or another seed.", mesh.name)
    _check_arrays(mesh, vertices, faces)
    order, quads = _sound_faces(faces, mesh.quads)
    if not len(order):
        raise Fault("empty_result", "The model made no surface.", "Try another picture.", f"{mesh.name}: degenerate")
    corner_uvs = None if mesh.corner_uvs is None else np.asarray(mesh.corner_uvs, np.float32)
    if len(order) < len(faces):
        faces = faces[order]
        corner_uvs = None if corner_uvs is None else corner_uvs[order]
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    colours, normals = mesh.vertex_colours, mesh.normals
    if not used.all():
        faces = (np.cumsum(used) - 1)[faces]
        vertices = vertices[used]
        colours = None if colours is None else np.asarray(colours)[used]
        normals = None if normals is None else np.asarray(normals)[used]
    normals, smooth = _normals(vertices, faces, normals)
    whole = dataclasses.replace(
        mesh,
        vertices=vertices,
        faces=faces,
        corner_uvs=corner_uvs,
        vertex_colours=colours,
        normals=normals,
        quads=quads,
    )
    return whole, smooth


def _check_arrays(mesh: Mesh, vertices: np.ndarray, faces: np.ndarray) -> None:
    def shape(what: str, array: Any, wanted: tuple[int, ...]) -> None:
        if array is not None and np.shape(array) != wanted:
            raise _broken(f"its {what} do not fit", f"{mesh.name}: {np.shape(array)} instead of {wanted}")

    shape("vertices", vertices, (len(vertices), 3))
    shape("faces", faces, (len(faces), 3))
    shape("texture coordinates", mesh.corner_uvs, (len(faces), 3, 2))
    shape("vertex colours", mesh.vertex_colours, (len(vertices), 3))
    shape("normals", mesh.normals, (len(vertices), 3))
    named = (
        ("vertices", vertices),
        ("texture coordinates", mesh.corner_uvs),
        ("vertex colours", mesh.vertex_colours),
        ("normals", mesh.normals),
    )
    for what, array in named:
        if array is not None and not np.isfinite(array).all():
            raise _broken(f"its {what} are not all numbers", mesh.name)
    if not np.issubdtype(faces.dtype, np.integer) or faces.min() < 0 or faces.max() >= len(vertices):
        raise _broken(
            "faces point to vertices that do not exist", f"{mesh.name}: {faces.dtype} {faces.min()}..{faces.max()}"
        )
    if not 0 <= 2 * mesh.quads <= len(faces):
        raise _broken("it has more quads than faces", f"{mesh.name}: {mesh.quads} quads, {len(faces)} triangles")
    picture = mesh.base_colour
    if picture is None:
        return
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (3, 4) or 0 in picture.shape:
        raise _broken("its texture is not a picture", f"{mesh.name}: {picture.dtype} {picture.shape}")
    if mesh.corner_uvs is None:
        raise _broken("it has a texture, but no texture coordinates", mesh.name)


def _sound_faces(faces: np.ndarray, quads: int) -> tuple[np.ndarray, int]:
    """Indices of the faces that a Blender mesh may hold, the intact quad pairs first, and the number of those.

    Three different corners, and no second face between the same three vertices, whatever its winding.
    """
    sound = (
        ~_repeated(faces) & (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    )
    if sound.all():
        return np.arange(len(faces)), quads
    whole = np.zeros(len(faces), bool)
    whole[: 2 * quads] = np.repeat(sound[: 2 * quads].reshape(-1, 2).all(axis=1), 2)
    return np.concatenate((np.flatnonzero(whole), np.flatnonzero(sound & ~whole))), int(whole.sum()) // 2


def _repeated(faces: np.ndarray) -> np.ndarray:
    """(F,) bool: an earlier face has the same three vertices."""
    count = int(faces.max()) + 1
    low, high = faces.min(axis=1).astype(np.int64), faces.max(axis=1).astype(np.int64)
    middle = faces.sum(axis=1, dtype=np.int64) - low - high
    pair = low * count + high  # below 2**63, for 32-bit indices
    order = np.lexsort((middle, pair))
    same = (pair[order][1:] == pair[order][:-1]) & (middle[order][1:] == middle[order][:-1])
    repeated = np.zeros(len(faces), bool)
    repeated[order[1:][same]] = True
    return repeated


def _normals(vertices: np.ndarray, faces: np.ndarray, given: np.ndarray | None) -> tuple[np.ndarray, bool]:
    """Unit normals, `given` where it has a direction; and whether they are those of smooth shading."""
    smooth = vertex_normals(vertices, faces)
    if given is None:
        return smooth, True
    given = np.asarray(given, np.float64)
    normals = unit(np.where(np.linalg.norm(given, axis=1, keepdims=True) < 1e-6, smooth, given))
    cosines = np.einsum("vx,vx->v", normals, smooth)
    return normals, bool(cosines.min() > np.cos(np.radians(_SMOOTH_DEG)))


# ------------------------------------------------------------------------------------------------------------- files


def atomic_write(path: Path, data: bytes | Iterable[bytes], durable: bool = True) -> None:
    """Puts `data` at `path` whole or not at all, and on the disk before it returns.

    durable: False for what need not survive a power cut, such as previews: a busy disk takes 30 ms to say "written".
    Written to a temporary name in the same folder, synced, renamed over `path`. Whatever goes wrong, the temporary
    file is removed and what stood at `path` stays. Raises Fault: disk_full, or bad_request when the folder is missing,
    read-only or the name impossible.
    """
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            with temporary.open("xb") as file:
                for piece in [data] if isinstance(data, (bytes, bytearray, memoryview)) else data:
                    file.write(piece)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        raise _write_fault(error, path) from error


def _sync_folder(folder: Path) -> None:
    """Makes a rename last over a power cut, where the system can (Windows and some network drives cannot)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_fault(error: OSError, path: Path) -> Fault:
    detail = f"{path}: {error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Fault(
            "disk_full", "There is no room left to write the result.", "Free some disk space, try again.", detail
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Fault(
            "bad_request", f"Nothing can be written in {path.parent}.", "Choose a folder that you may write to.", detail
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Fault("bad_request", f"The folder {path.parent} does not exist.", "Choose another folder.", detail)
    if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EISDIR):
        return Fault("bad_request", f"{path.name[:80]} cannot be the name of a file.", "Choose another name.", detail)
    return Fault("internal", "The result could not be written.", "Try again.", detail)
