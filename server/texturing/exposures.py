"""How the surfaces of all texture sets of a job lie: see geometry/exposure.py. numpy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..geometry.bake import fill_around
from ..geometry.exposure import bend, sky_share, turned
from ..geometry.mesh_input import MeshInput
from ..geometry.texels import Sheet
from ..geometry.texture_sets import TextureSet
from ..materials.painter import Exposure

LARGEST_PX = 512
_MANY_PX = 256
_ATLAS_PX = 1024
"""Of one texture that many objects share."""
_INSIDE_OUT = 0.9
"""From this share of turned normals on an object is meant so, as a room seen from within."""
BEND_RADIUS = 0.02
"""Of the ball within which the surface's bend is taken, as a share of the object's size."""


def exposures(
    mesh: MeshInput, sets: Sequence[TextureSet], texture_px: int, check: Callable[[], None]
) -> list[Exposure]:
    """One for each set. All sets shade each other; the bend is of each object alone."""
    crowded = any(len(group.owners) > 4 for group in sets)
    size = min(texture_px, _ATLAS_PX if crowded and len(sets) == 1 else LARGEST_PX if len(sets) <= 4 else _MANY_PX)
    gathered = []
    for group in sets:
        sheet = Sheet(mesh, group, size, check)
        index = np.flatnonzero(sheet.covered.reshape(-1))
        texels = sheet.texels(index)
        area = np.linalg.norm(np.cross(*sheet.axes(texels.face)), axis=1).astype(np.float32)
        gathered.append((sheet, index, texels.position, texels.normal, area, group.faces[texels.face]))
        check()
    position, normal, area, face = (np.concatenate([entry[part] for entry in gathered]) for part in range(2, 6))
    if not len(position):
        return [Exposure(*(np.full((2, 2), value, np.float32) for value in (0, 1, 1))) for _ in sets]
    front, back = sky_share(position, normal, float(np.sqrt(np.percentile(area, 90))), check)
    wrong = turned(front, back, face)
    sky = np.where(wrong, back, front)
    bends, side = np.zeros(len(position), np.float32), np.ones(len(position), np.float32)
    ends = np.cumsum([len(entry[1]) for entry in gathered])
    parts = [slice(end - len(entry[1]), end) for end, entry in zip(ends, gathered, strict=True)]
    owner = mesh.face_object[face]
    for number in np.unique(owner):
        rows = np.flatnonzero(owner == number)
        extent = float(np.ptp(position[rows], axis=0).max()) or 1.0
        if wrong[rows].mean() < _INSIDE_OUT:
            side[rows[wrong[rows]]] = -1
        bends[rows] = bend(position[rows], normal[rows] * side[rows, None], area[rows], BEND_RADIUS * extent, check)
    return [
        Exposure(*(_picture(values[part], entry, size) for values in (bends, sky, side)))
        for part, entry in zip(parts, gathered, strict=True)
    ]


def _picture(values: np.ndarray, entry: tuple, size: int) -> np.ndarray:
    """(size, size) float32 with the values at their texels, spread over the rest."""
    sheet, index = entry[0], entry[1]
    flat = np.zeros(size * size, np.float32)
    flat[index] = values
    picture = flat.reshape(size, size, 1)
    return np.asarray(fill_around(picture, sheet.covered), np.float32)[..., 0]
