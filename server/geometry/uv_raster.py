"""From texels to the surface: which face each texel of a texture shows, and where on it. Plain torch, CPU or CUDA."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
import torch
from torch import Tensor

from .raster import CHUNK, Scene
from .scan import Canvas, Check
from .threads import all_threads

REACH_PX = 0.75
"""Texels that a chart only touches are painted too: bilinear filtering at a chart's border reads them."""
_TILE = 32


@dataclass(eq=False)
class TexelMap:
    """Where a square texture lies on the surface.

    size: pixels along each side. face (size, size) int32: the face each texel shows, row 0 at v = 1, -1 for none.
    texels (N,) int64: the covered ones (row * size + column), neighbours together, in an order that depends on `face`
    alone. faces (K,) int64: those that this texture belongs to, ascending. table (27, K): see `_table`. rank (F,): the
    column in it of each face, empty where all faces have one.
    """

    size: int
    face: Tensor
    texels: Tensor
    faces: Tensor
    table: Tensor
    rank: Tensor

    def turn(self, signs: Tensor) -> None:
        """Turns the normals round of faces where `signs` (F,) is negative (see `facing.outward_signs`); once."""
        if (signs < 0).any():
            self.table[15:] *= signs[self.faces]

    def surface(self, texels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of (N,) texels: position (3, N) float32 metres from the scene's origin, shading and flat normal (3, N), unit,
        and face (N,) int64. A texel whose centre is outside its face shows that face's nearest corner or side.
        """
        face = self.face.view(-1)[texels].long()
        row = self.table.index_select(1, self.rank[face] if len(self.rank) else face)
        line = texels.double().div_(self.size).floor_()  # dividing integers takes four times as long
        x = torch.sub(texels, line, alpha=self.size).float() + 0.5 - row[0]
        y = line.float() + 0.5 - row[1]
        b = (row[2] * x + row[3] * y).clamp_(0, 1)
        c = (row[4] * x + row[5] * y).clamp_(0, 1)
        over = (b + c).clamp_min_(1)
        b, c = b / over, c / over
        position = row[6:9] + b * row[9:12] + c * row[12:15]
        normal = torch.nn.functional.normalize(row[15:18] + b * row[18:21] + c * row[21:24], dim=0)
        return position, normal, row[24:27], face


def uv_raster(
    scene: Scene,
    size: int,
    faces: Tensor | None = None,
    tile: tuple[int, int] = (0, 0),
    check: Check | None = None,
) -> TexelMap:
    """The texel map of one square texture of `size` pixels.

    faces: (K,) int64, those that this texture belongs to; None: all that are to be textured.
    tile:  (column, row) of the UDIM tile, (0, 0) for the unit square.
    Where charts overlap, the face in which the texel's centre lies deepest wins. Faces whose UVs have no area paint
    nothing. Texels within REACH_PX of a face count as covered.
    """
    faces = torch.nonzero(scene.target).view(-1) if faces is None else faces
    canvas = Canvas(size, size, scene.device, check, depth=False)
    whole = len(faces) == scene.corners.shape[2]
    uvs = scene.uvs if whole else scene.uvs[:, :, faces]
    step = CHUNK[scene.device.type]
    for first in range(0, len(faces), step):
        part = in_texels(uvs[:, :, first : first + step], size, tile)
        canvas.draw(part, part[0], faces[first : first + step], REACH_PX)
    _, face = canvas.read()
    rank = torch.empty(0, dtype=torch.int64, device=scene.device)
    if not whole:
        rank = torch.zeros(scene.corners.shape[2], dtype=torch.int64, device=scene.device)
        rank[faces] = torch.arange(len(faces), device=scene.device)
    with all_threads():
        table = _table(scene, faces, in_texels(uvs, size, tile))
    return TexelMap(size, face, _in_tiles(face), faces, table, rank)


def in_texels(uvs: Tensor, size: int, tile: tuple[int, int] = (0, 0)) -> Tensor:
    """(2, ...) texture coordinates -> x and y in texels from the top left corner of the tile's texture."""
    x = (uvs[0] - tile[0]) * size
    return torch.stack([x, (1 + tile[1] - uvs[1]) * size])


def indices(mask: Tensor) -> Tensor:
    """(N,) int64: where a flat mask is set, ascending."""
    if mask.device.type == "cpu":  # ten times as fast as torch.nonzero
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return torch.nonzero(mask).view(-1)


def _in_tiles(face: Tensor) -> Tensor:
    """The covered texels, tile by tile, so that neighbours in this order are neighbours on the surface."""
    size = len(face)
    side = gcd(size, _TILE)
    across = size // side

    def by_tiles(picture: Tensor) -> Tensor:
        return picture.view(across, side, across, side).permute(0, 2, 1, 3).reshape(-1)

    place = indices(by_tiles(face >= 0))
    return by_tiles(torch.arange(size * size, dtype=torch.int32, device=face.device)).index_select(0, place).long()


def _table(scene: Scene, faces: Tensor, corners: Tensor) -> Tensor:
    """(27, K) float32 a face: corner 0 in texels (2), gradient of the weights of corner 1 and 2 (4), position (9) and
    shading normal (9) of corner 0 with the differences to corners 1 and 2, flat normal (3).
    """
    (x0, x1, x2), (y0, y1, y2) = corners
    twice = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    scale = torch.where(twice.abs() > 1e-12, 1 / twice, 0)
    weights = torch.stack([x0, y0, (y2 - y0) * scale, (x0 - x2) * scale, (y0 - y1) * scale, (x1 - x0) * scale])
    rows = [weights]
    for values in (scene.corners[:, :, faces], scene.normals[:, :, faces]):
        a, b, c = values.unbind(1)
        rows += [a, b - a, c - a]
    edge, other = rows[2], rows[3]
    rows.append(torch.nn.functional.normalize(torch.cross(edge, other, dim=0), dim=0))
    return torch.cat(rows)
