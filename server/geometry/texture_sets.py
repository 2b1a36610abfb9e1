"""Which faces share a picture: the user's UVs judged, new ones made where there are none that serve. numpy only.

A texture can hold one surface point per texel. UVs that lie over each other (mirrored halves, repeated tiles) show the
same texels in several places, so that a solid pattern cannot fit all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from blender_aigc.protocol import Fault

from .bake import texel_faces
from .mesh import Mesh
from .mesh_input import InputObject, MeshInput
from .normals import face_areas
from .unwrap import unwrap

OVERLAP_SHARE = 0.03
"""Share of doubly used texels from which UVs do not serve any more; borders of neighbouring charts make up less."""
_JUDGED_PX = 512
Check = Callable[[], None]


@dataclass
class TextureSet:
    """Faces that share one set of pictures.

    name: of the object, with the slot or tile when there are several sets. owners: number of an object -> those of its
    material slots that the faces belong to; several objects where they share an atlas (atlas.py).
    faces: indices into the mesh's faces, ascending. uvs: (N, 3, 2) float32 in 0..1 of these faces.
    uv: "own" or "new". tile: 0, or 1001...
    """

    name: str
    owners: dict[int, tuple[int, ...]]
    faces: np.ndarray
    uvs: np.ndarray
    uv: str
    tile: int = 0
    notes: list[str] = field(default_factory=list[str])

    @property
    def base(self) -> str:
        """What all tiles of a material are called alike."""
        return self.name.removesuffix(f".{self.tile}") if self.tile else self.name

    def same_material(self, other: TextureSet) -> bool:
        """Is `other` this set, or a UDIM tile of the same pictures?"""
        if not (self.tile and other.tile):
            return self is other
        return self.base == other.base and self.owners.keys() == other.owners.keys()

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(object, slot) of all materials that take these pictures."""
        return tuple((number, slot) for number, slots in self.owners.items() for slot in slots)


def texture_sets(
    mesh: MeshInput, texture_px: int, mode: str = "auto", check: Check | None = None
) -> tuple[list[TextureSet], list[str]]:
    """The sets of all objects, one texture each, and sentences about what had to be changed; see also atlas.py.

    mode: "auto" makes new UVs where the own ones do not serve, "own" insists on them, "new" ignores them.
    UVs that an .npz brings are taken as they are: what is new there, Blender has made.
    Raises Fault("bad_input") where "own" cannot be had.
    """
    sets: list[TextureSet] = []
    notes: list[str] = []
    for number, thing in enumerate(mesh.objects):
        if check:
            check()
        faces = mesh.faces_of(number)
        if len(faces):
            sets += sets_of(mesh, number, thing, faces, texture_px, mode, notes)
    return sets, notes


def sets_of(
    mesh: MeshInput, number: int, thing: InputObject, faces: np.ndarray, texture_px: int, mode: str, notes: list[str]
) -> list[TextureSet]:
    """Those of one object."""
    if mode == "new" and mesh.of_file:
        return [_new_set(mesh, number, thing.name, faces, texture_px)]
    slots = mesh.face_slot[faces]
    reason = unusable(mesh, faces)
    if not reason:
        return _own_sets(mesh, number, thing, thing.name, faces)
    good = [slot for slot in slots_in(slots) if not unusable(mesh, faces[slots == slot])]
    sets: list[TextureSet] = []
    for slot in good:
        sets += _own_sets(mesh, number, thing, f"{thing.name}_{_slot_name(thing, slot)}", faces[slots == slot])
    rest = faces[~np.isin(slots, good)]
    if not len(rest):
        return sets
    called = f"{thing.name}_{_slot_name(thing, int(mesh.face_slot[rest].min()))}" if good else thing.name
    reason = unusable(mesh, rest)
    if mode == "own":
        sentence = f"The UVs of {called} do not serve: {reason}."
        raise Fault("bad_input", sentence, "Set UV Map to Automatic, which makes new ones where needed.")
    uvs = mesh.corner_uvs[rest]
    if mesh.of_file or not np.isfinite(uvs).all():
        notes.append(f"{called} got new UVs: {reason}")
        return [*sets, _new_set(mesh, number, called, rest, texture_px)]
    if mesh.part is not None and udim_tiles(uvs) is not None:  # places that lie over each other change together
        return [*sets, *_own_sets(mesh, number, thing, called, rest)]
    notes.append(f"{called}: {reason}")
    within = np.where((uvs >= 0) & (uvs <= 1), uvs, uvs % 1.0)
    return [*sets, TextureSet(called, {number: slots_in(mesh.face_slot[rest])}, rest, within, thing.uv)]


def _own_sets(mesh: MeshInput, number: int, thing: InputObject, name: str, faces: np.ndarray) -> list[TextureSet]:
    """The user's UVs, which serve: one set, or one for each UDIM tile."""
    uvs, slots = mesh.corner_uvs[faces], mesh.face_slot[faces]
    tiles = udim_tiles(uvs)
    assert tiles is not None
    if (tiles == 1001).all():
        return [TextureSet(name, {number: slots_in(slots)}, faces, np.clip(uvs, 0, 1), thing.uv)]
    sets = []
    for tile in np.unique(tiles):
        here = tiles == tile
        low = np.array([(tile - 1001) % 10, (tile - 1001) // 10], np.float32)
        inside = np.clip(uvs[here] - low, 0, 1)
        sets.append(
            TextureSet(f"{name}.{tile}", {number: slots_in(slots[here])}, faces[here], inside, thing.uv, int(tile))
        )
    return sets


def slots_in(slots: np.ndarray) -> tuple[int, ...]:
    """The different numbers among the slots of faces."""
    return tuple(int(slot) for slot in np.unique(slots))


def _slot_name(thing: InputObject, slot: int) -> str:
    return thing.slots[slot] if slot < len(thing.slots) and thing.slots[slot] else f"slot{slot + 1}"


def unusable(mesh: MeshInput, faces: np.ndarray) -> str:
    """Why the UVs of these faces cannot hold a texture of their own; "" when they can."""
    uvs = mesh.corner_uvs[faces]
    there = np.isfinite(uvs).all(axis=(1, 2))
    if not there.all():
        return "some of its faces have no UVs" if there.any() else "it has no UVs"
    areas = uv_areas(uvs)
    surface = face_areas(mesh.vertices, mesh.faces[faces])
    if surface[areas <= 1e-12].sum() > 0.02 * surface.sum():
        return "faces have no area in the texture"
    tiles = udim_tiles(uvs)
    if tiles is None:
        return "they lie outside of the texture"
    shares = []
    for tile in np.unique(tiles):
        here = tiles == tile
        low = np.array([(tile - 1001) % 10, (tile - 1001) // 10], np.float32)
        shares.append(overlap(uvs[here] - low))
    if max(shares) > OVERLAP_SHARE:
        return f"they lie over each other on {max(shares):.0%} of the texture"
    return ""


def uv_areas(uvs: np.ndarray) -> np.ndarray:
    """(N,) unsigned areas of (N, 3, 2) triangles."""
    a, b = (uvs[:, n].astype(np.float64) - uvs[:, 0] for n in (1, 2))
    return np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def udim_tiles(uvs: np.ndarray) -> np.ndarray | None:
    """(N,) UDIM numbers when every face lies within one of the tiles 1001 to 1100, else None."""
    if not len(uvs):
        return np.zeros(0, np.int64)
    low, high = uvs.min(axis=1) + 1e-3, uvs.max(axis=1) - 1e-3
    middle = np.floor(uvs.mean(axis=1))
    if (np.floor(low) < middle).any() or (np.floor(np.maximum(high, low)) > middle).any():
        return None
    if (middle < 0).any() or (middle[:, 0] > 9).any() or (middle[:, 1] > 9).any():
        return None
    return (1001 + middle[:, 0] + 10 * middle[:, 1]).astype(np.int64)


def overlap(uvs: np.ndarray, size: int = _JUDGED_PX) -> float:
    """Share of the used texels that more than one face covers, from (N, 3, 2) UVs in 0..1.

    The area of all faces is compared with the texels that are covered at all; a face is never counted for less than
    its area, so many faces smaller than a texel do no harm.
    """
    corners = np.ascontiguousarray(uvs)
    covered = float((texel_faces(corners, size, reach=0.0) >= 0).mean())
    total = float(uv_areas(corners).sum())
    return max(0.0, (total - covered) / max(covered, 1e-9)) if total > 0 else 0.0


def _new_set(mesh: MeshInput, number: int, name: str, faces: np.ndarray, texture_px: int) -> TextureSet:
    """Charts of our own. Vertices that a file has split are joined first, else every seam would be cut again."""
    corners, index = np.unique(mesh.faces[faces], return_inverse=True)
    points = mesh.vertices[corners]
    extent = float(np.ptp(points, axis=0).max()) or 1.0
    _, first, weld = np.unique(
        np.round((points - points.min(axis=0)) / (extent * 1e-6)).astype(np.int64),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    welded = weld.reshape(-1)[index.reshape(-1)].reshape(-1, 3).astype(np.int32)
    whole = (
        (welded[:, 0] != welded[:, 1]) & (welded[:, 1] != welded[:, 2]) & (welded[:, 2] != welded[:, 0])
    )  # the rest has next to no area
    laid, _ = unwrap(Mesh(points[first], welded[whole]), texture_px)
    assert laid.corner_uvs is not None
    uvs = np.zeros((len(faces), 3, 2), np.float32)
    uvs[whole] = laid.corner_uvs
    return TextureSet(name, {number: slots_in(mesh.face_slot[faces])}, faces, uvs, "new")
