"""One texture for several objects: each gets a cell of the unit square, in proportion to its surface. numpy only.

A cell holds the UVs of one object (of one material, where a file's materials share their UV space) as they are, only
moved and scaled, so that a layer in Blender can be moved alike. All cells have the same number of texels to a square
metre. They stand on a skyline (J. Jylanki, "A Thousand Ways to Pack the Bin", 2010): of three to thirty objects it
fills a tenth more of the texture than the shelves of unwrap.py.
"""

from __future__ import annotations

import numpy as np

from blender_aigc.protocol import Fault

from .mesh_input import MeshInput
from .normals import face_areas
from .texture_sets import OVERLAP_SHARE, Check, TextureSet, overlap, sets_of, slots_in, udim_tiles, uv_areas

GAP = 1 / 128
"""Between what two cells hold, as a share of the texture: what padding fills and the seventh mip level needs. It does
not depend on the texture's size, so that views can be blended again into another one."""
LEAST = 1 / 64
"""Longer side of the smallest cell, so that a screw beside a house keeps some texels."""
_ROUNDS = 20
_SINGLE = "Set Textures to One per Object"


def atlas_sets(
    mesh: MeshInput, texture_px: int, mode: str = "auto", check: Check | None = None
) -> tuple[list[TextureSet], list[str]]:
    """One set for all objects, in a list, and sentences about what had to be changed; see `texture_sets`.

    The UVs that Blender made for it (`InputObject.new_uvs`) are moved along. Raises Fault("bad_input") for UVs that lie
    on several tiles, and for more objects than fit.
    """
    notes: list[str] = []
    cells: list[TextureSet] = []
    some = [number for number in range(len(mesh.objects)) if len(mesh.faces_of(number))]
    cell_px = max(64, round(texture_px / max(len(some), 1) ** 0.5))
    for number in some:
        if check:
            check()
        cells += _cells_of(mesh, number, cell_px, mode, notes)
    return [_packed(mesh, cells)] if len(cells) > 1 else cells, notes


def _cells_of(mesh: MeshInput, number: int, cell_px: int, mode: str, notes: list[str]) -> list[TextureSet]:
    """The sets of one object, each of which gets a cell."""
    thing, faces = mesh.objects[number], mesh.faces_of(number)
    uvs = mesh.corner_uvs[faces]
    if mesh.of_file or not np.isfinite(uvs).all():
        found = sets_of(mesh, number, thing, faces, cell_px, mode, notes)
        tiles = {one.tile for one in found}
    else:  # judged in Blender, and moved as a whole
        found = [TextureSet(thing.name, {number: slots_in(mesh.face_slot[faces])}, faces, uvs, thing.uv)]
        lies_on = udim_tiles(uvs)
        tiles = set[int]() if lies_on is None else set(lies_on.tolist())
    if len(tiles - {0}) > 1:
        raise Fault(
            "bad_input",
            f"The UV map of {thing.name} lies on {len(tiles - {0})} UDIM tiles, which one atlas cannot hold.",
            f"{_SINGLE}, or make a UV map on a single tile the active one.",
        )
    return found


def _packed(mesh: MeshInput, cells: list[TextureSet]) -> TextureSet:
    held = [_held(mesh, cell) for cell in cells]
    low = np.array([uvs.min(axis=0) for uvs in held], np.float64)
    extent = np.array([uvs.max(axis=0) for uvs in held], np.float64) - low
    surface = np.array([face_areas(mesh.vertices, mesh.faces[cell.faces]).sum() for cell in cells])
    density = np.sqrt(surface / np.maximum([uv_areas(cell.uvs).sum() for cell in cells], 1e-12))
    scale, place = cell_places(extent, density)
    for cell, one, old, new in zip(cells, scale, low, place, strict=True):
        cell.uvs = ((cell.uvs - old) * one + new).astype(np.float32)
        (number,) = cell.owners
        own = mesh.objects[number].new_uvs
        if own is not None:
            mesh.objects[number].new_uvs = ((own - old) * one + new).astype(np.float32)
    return merged(cells, f"{mesh.objects[next(iter(cells[0].owners))].name}_Atlas")


def _held(mesh: MeshInput, cell: TextureSet) -> np.ndarray:
    """(N, 2): all UVs that have to find room, those without modifiers too."""
    (number,) = cell.owners
    own = mesh.objects[number].new_uvs
    return cell.uvs.reshape(-1, 2) if own is None else np.concatenate([cell.uvs.reshape(-1, 2), own])


def merged(sets: list[TextureSet], name: str) -> TextureSet:
    """One set of what several hold, whose UVs lie in one square already."""
    owners: dict[int, tuple[int, ...]] = {}
    for one in sets:
        for number, slots in one.owners.items():
            owners[number] = tuple(sorted({*owners.get(number, ()), *slots}))
    faces = np.concatenate([one.faces for one in sets])
    order = np.argsort(faces)
    uvs = np.concatenate([one.uvs for one in sets])[order]
    uv = "own" if all(one.uv == "own" for one in sets) else "new"
    return TextureSet(name, owners, faces[order], uvs, uv, sets[0].tile)


def together_on(mesh: MeshInput, sets: list[TextureSet]) -> list[TextureSet]:
    """`sets` of a job on a part (`MeshInput.part`), joined where they lie on one present picture and not on each other:
    what shares a texture now shares the new one.
    """
    assert mesh.part is not None
    result: list[TextureSet] = []
    groups: dict[tuple[int, int], list[list[TextureSet]]] = {}
    for one in sets:
        picture = picture_under(mesh, one)
        if picture is None:
            result.append(one)
            continue
        there = groups.setdefault((picture, one.tile), [])
        free = (group for group in there if overlap(np.concatenate([o.uvs for o in (*group, one)])) <= OVERLAP_SHARE)
        group = next(free, None)
        if group is None:
            there.append([one])
        else:
            group.append(one)
    for there in groups.values():
        for group in there:
            several = len({number for one in group for number in one.owners}) > 1
            name = f"{mesh.objects[min(group[0].owners)].name}_Atlas"
            result += [merged(group, name)] if several else group
    return sorted(result, key=lambda one: int(one.faces[0]))


def picture_under(mesh: MeshInput, group: TextureSet, pairs: tuple[tuple[int, int], ...] = ()) -> int | None:
    """Number of the picture that holds the present colours of a set, if it lies exactly as the set does.

    pairs: of those materials only.
    """
    assert mesh.part is not None
    pairs = pairs or group.pairs
    found = {mesh.part.at(number, slot).picture("colour", group.tile) for number, slot in pairs}
    if len(found) != 1 or None in found:
        return None
    mine = faces_with(mesh, group, pairs)
    low = np.float32([(group.tile - 1001) % 10, (group.tile - 1001) // 10]) if group.tile else np.float32([0, 0])
    apart = mesh.part.uvs[group.faces[mine]] - low - group.uvs[mine]
    return found.pop() if np.abs(apart).max(initial=0) <= 1e-4 else None


def faces_with(mesh: MeshInput, group: TextureSet, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """(N,) bool: the faces of a set that have one of these materials."""
    slots, owners = mesh.face_slot[group.faces], mesh.face_object[group.faces]
    result = np.zeros(len(group.faces), bool)
    for number, slot in pairs:
        result |= (owners == number) & (slots == slot)
    return result


def cell_places(extent: np.ndarray, density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) factors for the UVs of N cells of (N, 2) `extent`, and (N, 2) where their lower left corners come to lie.

    density: (N,) of each, the factor at which its texels are as large on the surface as those of the others. Around
    each stays free half a `GAP`. Raises Fault("bad_input") when they do not fit even at their smallest.
    """
    longer = np.maximum(extent.max(axis=1), 1e-9)

    def at(common: float) -> tuple[np.ndarray, np.ndarray | None]:
        factor = np.maximum(density * common, LEAST / longer)
        return factor, skyline(extent * factor[:, None] + GAP)

    low, high = 0.0, float((1 / (density * longer)).min())
    factor, place = at(low)
    if place is None:
        raise Fault("bad_input", f"{len(extent)} objects are too many for one atlas.", f"{_SINGLE}, or select fewer.")
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        larger, found = at(middle)
        if found is None:
            high = middle
        else:
            low, factor, place = middle, larger, found
    return factor, place + GAP / 2


def skyline(size: np.ndarray) -> np.ndarray | None:
    """(N, 2) lower left corners of (N, 2) rectangles in the unit square, apart from each other, or None.

    Tried in several orders: the tallest first, the widest, the largest, the longest.
    """
    if (size > 1).any() or size.prod(axis=1).sum() > 1:
        return None
    for key in (size[:, 1], size[:, 0], size.prod(axis=1), size.max(axis=1)):
        found = _stacked(size, np.argsort(-key, kind="stable"))
        if found is not None:
            return found
    return None


def _stacked(size: np.ndarray, order: np.ndarray) -> np.ndarray | None:
    """`skyline` in one order: each as low as it can, then as far left."""
    result = np.zeros_like(size)
    line = [(0.0, 0.0, 1.0)]  # left, height, right of each step
    for number in order.tolist():
        width, height = size[number].tolist()
        best = min(_rests(line, width), default=None)
        if best is None or best[0] + height > 1:
            return None
        bottom, left = best
        result[number] = left, bottom
        right = left + width
        beside = [step for step in line if step[2] <= left or step[0] >= right]
        cut = [(a, h, left) for a, h, b in line if a < left < b] + [(right, h, b) for a, h, b in line if a < right < b]
        line = sorted([*beside, *cut, (left, bottom + height, right)])
    return result


def _rests(line: list[tuple[float, float, float]], width: float) -> list[tuple[float, float]]:
    """(height, left) at which something of this width can stand, beginning at each step."""
    rests = []
    for first, (left, _, _) in enumerate(line):
        if left + width > 1 + 1e-12:
            break
        height = 0.0
        for step in line[first:]:
            if step[0] >= left + width:
                break
            height = max(height, step[1])
        rests.append((height, left))
    return rests
