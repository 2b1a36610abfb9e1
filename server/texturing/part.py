"""Work on a part of a texture that is there: where it may change, how it looks now, and old and new put together.

What may not change keeps its bytes. The border is soft on the inner side of the part; it runs over the surface's
edges, so that it is soft at the seams of the UV map too. numpy only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from blender_aigc.protocol import Fault

from ..geometry.atlas import faces_with, picture_under
from ..geometry.bake import fill_around
from ..geometry.heights import MIDDLE, as_levels, in_metres, joint_range, ranged
from ..geometry.mesh_input import MeshInput
from ..geometry.part_input import HEIGHT, MAPS, Part, Present
from ..geometry.texels import Sheet
from ..geometry.texture_sets import TextureSet
from .borders import largest, mark_edges, ramp

if TYPE_CHECKING:
    from ..context import Context
    from ..materials.painter import Maps

Check = Callable[[], None]
_CHUNK = 1 << 18
BLEED_PX = 2
"""Beyond a chart, in pictures that others may use too: as far as Blender's own brush goes."""
LARGEST_PX = 8192


class PartWork:
    """The texture sets of a job that works on a part. Sets are numbered as in `sets`.

    size: pixels of a side of the new maps, which is that of the present pictures where they fit as they are.
    """

    def __init__(
        self,
        mesh: MeshInput,
        sets: list[TextureSet],
        texture_px: int,
        mask: np.ndarray | None = None,
        soft_px: int = 8,
        check: Check = lambda: None,
    ) -> None:
        """mask: (H, W) uint8, painted in the space of the present texture. soft_px: texels of the soft border.

        Raises Fault("bad_input") when nothing may change.
        """
        assert mesh.part is not None
        self._mesh, self._part, self._mask, self._check = mesh, mesh.part, mask, check
        self._whole = mesh.of_file  # a file is written anew, with all that is in it
        self._sets, touched = sets, [self._touched(group) for group in sets]
        self._pairs = [self._with_tiles(number, touched) for number in range(len(sets))]
        pairs = list(zip(sets, self._pairs, strict=True))
        self._fit = [picture_under(mesh, group, some) if some else None for group, some in pairs]
        sizes = [max(self._part.pictures[fit].shape[:2]) if fit is not None else texture_px for fit in self._fit]
        known = [size for size, some in zip(sizes, self._pairs, strict=True) if some]
        self.size = min(max(known, default=8), LARGEST_PX)
        self._alpha = [self._alpha_of(group, soft_px) if some else None for group, some in pairs]
        if not any(self.changes(number) for number in range(len(sets))):
            raise Fault(
                "bad_input",
                "Nothing of the texture may change.",
                "Select faces, or paint white where the texture lies.",
            )

    def changes(self, number: int) -> bool:
        """Does anything of this set change?"""
        alpha = self._alpha[number]
        return alpha is not None and bool(alpha.any())

    def skips(self, number: int) -> bool:
        """Is nothing of this set to be delivered? Of UDIM tiles all are, where one changes: they are one picture."""
        return not self._whole and not any(self.changes(other) for other in self.tiles(number))

    def tiles(self, number: int) -> list[int]:
        """The sets that make one picture with this one, itself too."""
        return [n for n, other in enumerate(self._sets) if self._sets[number].same_material(other)]

    def group(self, number: int) -> TextureSet:
        """The set, with those slots only of which something changes: the others keep their materials."""
        owners: dict[int, tuple[int, ...]] = {}
        for owner, slot in self._pairs[number]:
            owners[owner] = (*owners.get(owner, ()), slot)
        return dataclasses.replace(self._sets[number], owners=owners)

    def alpha(self, number: int) -> np.ndarray:
        """(size, size) uint8: how far the new texture counts, 0 on what stays."""
        alpha = self._alpha[number]
        return np.zeros((self.size, self.size), np.uint8) if alpha is None else alpha

    def colour(self, number: int) -> np.ndarray:
        """(size, size, 3) uint8 sRGB: the present colours."""
        fit = self._fit[number]
        if fit is not None and self._pairs[number] == self._sets[number].pairs:
            return resized(self._part.pictures[fit][..., :3], (self.size, self.size))
        return self._carried(self._sets[number], "colour")

    def joined(self, number: int, maps: Maps, sure: np.ndarray | None = None) -> Maps:
        """`maps` where they may change, the present ones elsewhere, bit for bit.

        sure: (size, size) float32 0..1, how far the new ones can be relied on at all.
        """
        alpha = self.alpha(number)
        if sure is not None:
            alpha = np.rint(alpha * np.clip(sure, 0, 1)).astype(np.uint8)
        alpha = self._bled(number, alpha, maps.covered)
        made = {}
        for name in MAPS:
            self._check()
            new = getattr(maps, name)
            old = self._old(number, name)
            if old is None:
                old = self._carried(self._sets[number], name)
            joint = mixed(old[..., :3], resized(new, old.shape[:2]), resized(alpha, old.shape[:2]))
            made[name] = joint if old.shape[2] == 3 else np.dstack([joint, old[..., 3]])
        height, height_m = self._heights(number, maps, alpha)
        covered = resized(maps.covered, made["colour"].shape[:2])
        return dataclasses.replace(maps, **made, height=height, height_m=height_m, covered=covered)

    def _heights(self, number: int, maps: Maps, alpha: np.ndarray) -> tuple[np.ndarray | None, float]:
        """(H, W) uint16 and their range in metres, joined as the other maps are; see `joint_range`."""
        if maps.height is None:
            return None, maps.height_m
        group, old, old_m = self._sets[number], self._old(number, HEIGHT), 0.0
        presents = [self._part.at(owner, slot) for owner, slot in group.pairs]
        if old is not None:
            old_m = self._part.at(*self._pairs[number][0]).height_m
        elif any(present.maps.get(HEIGHT) for present in presents):
            old_m = max(present.height_m for present in presents)
            old = as_levels(self._carried(group, HEIGHT), old_m)
        else:
            old = np.full((*maps.height.shape, 1), MIDDLE, np.uint16)
        shape = old.shape[:2]
        new, alpha = resized(maps.height[..., None], shape), resized(alpha, shape)
        height_m = joint_range(old_m, new[..., 0], maps.height_m, alpha > 0)
        joint = mixed(ranged(old, old_m, height_m), ranged(new, maps.height_m, height_m), alpha)
        return joint[..., 0], height_m

    def _old(self, number: int, name: str) -> np.ndarray | None:
        """The only picture of a map, if it lies as the new one does."""
        if self._fit[number] is None:
            return None
        group, pairs = self._sets[number], self._pairs[number]
        presents = [self._part.at(owner, slot) for owner, slot in pairs]
        found = {present.picture(name, group.tile) for present in presents}
        if name == HEIGHT and len({present.height_m for present in presents}) > 1:
            return None
        return self._part.pictures[found.pop()] if len(found) == 1 and None not in found else None

    def _touched(self, group: TextureSet) -> tuple[tuple[int, int], ...]:
        """The (object, slot) pairs of which something changes; in an atlas all, so that it stays one."""
        if self._whole:
            return group.pairs
        change = self._part.change[group.faces].any(axis=1)
        if len(group.owners) > 1:
            return group.pairs if change.any() else ()
        return tuple(pair for pair in group.pairs if change[faces_with(self._mesh, group, (pair,))].any())

    def _with_tiles(self, number: int, touched: list[tuple[tuple[int, int], ...]]) -> tuple[tuple[int, int], ...]:
        """`touched` pairs of a set: of a UDIM tile those too of which another tile changes."""
        some = {pair for other in self.tiles(number) for pair in touched[other]}
        return tuple(pair for pair in self._sets[number].pairs if pair in some)

    def _alpha_of(self, group: TextureSet, soft_px: int) -> np.ndarray:
        sheet = Sheet(self._mesh, group, self.size, self._check)
        part, faces = self._part, group.faces
        value = np.zeros(self.size * self.size, np.uint8)
        index = np.flatnonzero(sheet.covered.reshape(-1))
        for first in range(0, len(index), _CHUNK):
            self._check()
            here = index[first : first + _CHUNK]
            face, weights = sheet.weights(here)
            amount = np.einsum("nk,nk->n", weights, part.change[faces[face]].astype(np.float32))
            if self._mask is not None:
                place = np.einsum("nk,nkd->nd", weights, part.uvs[faces[face]])
                amount *= sampled(self._mask[..., None], place, repeat=False)[:, 0] / 255
            value[here] = np.rint(amount)
        value = value.reshape(self.size, self.size)
        border = sheet.covered & (value == 0)
        mark_edges(border, group.uvs, self._seam_edges(group))
        return np.minimum(value, ramp(border, sheet.covered, soft_px, self._check))

    def _seam_edges(self, group: TextureSet) -> tuple[np.ndarray, np.ndarray]:
        """(face of the set, side) of all edges between what may change and what may not. Side n goes from corner n."""
        found = [self._edges_of(group, number) for number in group.owners]
        return np.concatenate([face for face, _ in found]), np.concatenate([side for _, side in found])

    def _edges_of(self, group: TextureSet, number: int) -> tuple[np.ndarray, np.ndarray]:
        mesh, change = self._mesh, self._part.change
        faces = mesh.faces_of(number)
        chosen = change[faces].min(axis=1) > 0
        if chosen.all() or not chosen.any():
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        extent = mesh.extent_m or 1.0
        corners, back = np.unique(mesh.faces[faces], return_inverse=True)
        place = np.round(mesh.vertices[corners] / np.float32(extent * 1e-5)).astype(np.int64)
        _, one = np.unique(place, axis=0, return_inverse=True)  # vertices that a file has split
        welded = one.reshape(-1)[back.reshape(-1)].reshape(-1, 3).astype(np.int64)
        ends = np.stack([welded, np.roll(welded, -1, axis=1)], axis=2)
        ends.sort(axis=2)
        key = ends[..., 0] * (len(corners) + 1) + ends[..., 1]
        meets = np.isin(key, key[~chosen]) & chosen[:, None]
        mine = np.searchsorted(group.faces, faces)
        inside = np.isin(faces, group.faces)
        face, side = np.nonzero(meets & inside[:, None])
        return mine[face], side

    def _carried(self, group: TextureSet, name: str) -> np.ndarray:
        """(size, size, 3) uint8: a present map brought to where the set's UVs are, texel by texel.

        Heights are (size, size, 1) float32 metres.
        """
        sheet = Sheet(self._mesh, group, self.size, self._check)
        part = self._part
        shown, channels, kind = (_heights_of, 1, np.float32) if name == HEIGHT else (_shown, 3, np.uint8)
        result = np.zeros((self.size * self.size, channels), kind)
        index = np.flatnonzero(sheet.covered.reshape(-1))
        for first in range(0, len(index), _CHUNK):
            self._check()
            here = index[first : first + _CHUNK]
            face, weights = sheet.weights(here)
            rows = group.faces[face]
            place = np.einsum("nk,nkd->nd", weights, part.uvs[rows])
            slots, owners = self._mesh.face_slot[rows], self._mesh.face_object[rows]
            for owner, slot in group.pairs:
                mine = (slots == slot) & (owners == owner)
                if mine.any():
                    result[here[mine]] = shown(part, part.at(owner, slot), name, place[mine])
        return fill_around(result.reshape(self.size, self.size, channels), sheet.covered)

    def _bled(self, number: int, alpha: np.ndarray, covered: np.ndarray) -> np.ndarray:
        """`alpha`, grown over the borders of the charts, so that filtering finds new colours beside new ones."""
        ours = all(self._part.at(owner, slot).ours for owner, slot in self._pairs[number])
        reach = self.size // (128 if len(self._sets[number].owners) == 1 else 256)  # half way to the next cell
        wide = max(BLEED_PX, reach) if ours or self._fit[number] is None else BLEED_PX
        grown = np.where(covered, alpha, 0)
        for _ in range(wide):
            self._check()
            grown = np.where(covered, alpha, largest(grown))
        return grown


def find_part(context: Context, mesh: MeshInput) -> np.ndarray | None:
    """What the job says about the present texture: (H, W) uint8 of a mask, if there is one. Raises Fault.

    Of a mesh file it says so by a mask, or by the parameter `faces`; then `mesh.part` is what is in the file.
    """
    faces = str(context.job.params.get("faces", "")).strip()
    mask = context.input_image("mask") if context.has_input("mask") else None
    if mesh.of_file and (faces or mask is not None):
        from .part_of_file import part_of_file

        mesh.part = part_of_file(mesh, faces)
    if mesh.part is None:
        if mask is not None:
            raise Fault(
                "bad_input",
                "A mask was given, but no texture that it could keep.",
                "Give the object a texture first, or leave the mask out.",
            )
    if mask is None:
        return None
    share = mask[..., :3].astype(np.float32) @ np.float32([0.2126, 0.7152, 0.0722]) * (mask[..., 3] / 255)
    return np.rint(share).astype(np.uint8)


def mixed(old: np.ndarray, new: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(H, W, C) uint8 or uint16: `old` where alpha is 0 and `new` where it is 255, bit for bit."""
    result = old.copy()
    rows, columns = np.nonzero(alpha)
    for first in range(0, len(rows), _CHUNK):
        here = rows[first : first + _CHUNK], columns[first : first + _CHUNK]
        share = alpha[here].astype(np.uint32)[:, None]
        result[here] = (old[here] * (255 - share) + new[here] * share + 127) // 255
    return result


def resized(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """`picture` (H, W[, C]) of another size: means of whole blocks where it shrinks by whole steps, else nearest."""
    height, width = picture.shape[:2]
    if (height, width) == shape:
        return picture
    if picture.dtype in (np.uint8, np.uint16) and height % shape[0] == width % shape[1] == 0:
        blocks = picture.reshape(shape[0], height // shape[0], shape[1], width // shape[1], *picture.shape[2:])
        return np.rint(blocks.mean(axis=(1, 3), dtype=np.float32)).astype(picture.dtype)
    rows = (np.arange(shape[0]) * 2 + 1) * height // (2 * shape[0])
    columns = (np.arange(shape[1]) * 2 + 1) * width // (2 * shape[1])
    return picture[rows][:, columns]


def sampled(picture: np.ndarray, uv: np.ndarray, repeat: bool = True) -> np.ndarray:
    """(N, C) float32: a picture (H, W, C) at (N, 2) texture coordinates, bilinear, repeated beyond 0..1.

    repeat: its borders touch, too, as in a texture that goes on.
    """
    height, width = picture.shape[:2]
    uv = uv.astype(np.float64)
    uv = np.where((uv >= 0) & (uv <= 1), uv, uv % 1.0)
    x, y = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    u, v = (x - left).astype(np.float32)[:, None], (y - top).astype(np.float32)[:, None]
    right, bottom = left + 1, top + 1
    if repeat:
        left, right, top, bottom = left % width, right % width, top % height, bottom % height
    else:
        left, right = np.clip(left, 0, width - 1), np.clip(right, 0, width - 1)
        top, bottom = np.clip(top, 0, height - 1), np.clip(bottom, 0, height - 1)
    above = picture[top, left] * (1 - u) + picture[top, right] * u
    below = picture[bottom, left] * (1 - u) + picture[bottom, right] * u
    return above * (1 - v) + below * v


def _shown(part: Part, present: Present, name: str, place: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 of a map of one material at (N, 2) texture coordinates."""
    tiles = present.maps.get(name, {})
    if not tiles:
        return np.tile(np.uint8(present.plain.get(name, _PLAIN[name])), (len(place), 1))
    return np.rint(_looked_up(part, tiles, place)[:, :3]).astype(np.uint8)


def _heights_of(part: Part, present: Present, name: str, place: np.ndarray) -> np.ndarray:
    """(N, 1) float32 metres, 0 without a picture."""
    tiles = present.maps.get(name, {})
    if not tiles:
        return np.zeros((len(place), 1), np.float32)
    return in_metres(_looked_up(part, tiles, place), present.height_m)


def _looked_up(part: Part, tiles: Mapping[int, int], place: np.ndarray) -> np.ndarray:
    """(N, C) float32 of a picture, or of the UDIM tiles of one, at (N, 2) texture coordinates; 0 where no tile is."""
    if set(tiles) == {0}:
        return sampled(part.pictures[tiles[0]], place).astype(np.float32)
    result = np.zeros((len(place), part.pictures[next(iter(tiles.values()))].shape[2]), np.float32)
    number = 1001 + np.floor(place[:, 0]).astype(np.int64) + 10 * np.floor(place[:, 1]).astype(np.int64)
    for tile, picture in tiles.items():
        mine = number == tile
        result[mine] = sampled(part.pictures[picture], place[mine])[:, : result.shape[1]]
    return result


_PLAIN = {"colour": (204, 204, 204), "orm": (255, 128, 0), "normal": (128, 128, 255)}
