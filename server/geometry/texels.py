"""What lies under each texel of a texture: place, normal and how the texture's axes run there. numpy only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .bake import texel_faces, weights_in
from .mesh_input import MeshInput
from .normals import unit
from .texture_sets import TextureSet

Check = Callable[[], None]


@dataclass
class Texels:
    """Surface points under N texels.

    position (N, 3) float32 metres, world; normal (N, 3) float32 unit, smooth; face (N,) index into the set's faces.
    """

    position: np.ndarray
    normal: np.ndarray
    face: np.ndarray


class Sheet:
    """One texture set at one resolution.

    owner: (size, size) int32, which of the set's faces lies under each texel, row 0 on top; -1 for none.
    """

    def __init__(self, mesh: MeshInput, group: TextureSet, size: int, check: Check | None = None) -> None:
        self.size = size
        self.owner = texel_faces(group.uvs, size, check=check)
        self._mesh, self._faces = mesh, group.faces
        corners = group.uvs.astype(np.float32) * np.float32(size)
        corners[..., 1] = size - corners[..., 1]
        self._corners = corners

    @property
    def covered(self) -> np.ndarray:
        """(size, size) bool."""
        return self.owner >= 0

    def weights(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) the set's faces under the texels with these flat indices, all of which must be covered, and (N, 3)
        float32 how much each of their corners counts there.
        """
        face = self.owner.reshape(-1)[index]
        centres = np.stack([index % self.size, index // self.size], axis=1).astype(np.float32) + np.float32(0.5)
        return face, weights_in(self._corners[face], centres).astype(np.float32)

    def texels(self, index: np.ndarray) -> Texels:
        """The surface under the texels with these flat indices, all of which must be covered."""
        face, weights = self.weights(index)
        rows = self._faces[face]
        position = np.einsum("nk,nkd->nd", weights, self._mesh.vertices[self._mesh.faces[rows]])
        normal = np.einsum("nk,nkd->nd", weights, self._mesh.corner_normals[rows])
        length = np.sqrt(np.einsum("nd,nd->n", normal, normal))[:, None]
        return Texels(position, normal / np.maximum(length, 1e-9), face)

    def objects(self, face: np.ndarray) -> np.ndarray:
        """(N,) numbers of the objects that these faces (N,) of the set belong to."""
        return self._mesh.face_object[self._faces[face]]

    def axes(self, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, 3), (N, 3) float32: metres on the surface for a step of one texel to the right, and one up."""
        corners = self._corners[face]
        a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        points = self._mesh.vertices[self._mesh.faces[self._faces[face]]]
        p, q = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
        area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        scale = np.divide(1, area, out=np.zeros_like(area), where=np.abs(area) > 1e-9)[:, None]
        right = (p * b[:, 1:] - q * a[:, 1:]) * scale
        down = (q * a[:, :1] - p * b[:, :1]) * scale
        return right.astype(np.float32), (-down).astype(np.float32)

    def texel_m(self) -> float:
        """Median distance on the surface between neighbouring texels."""
        index = np.flatnonzero(self.owner.reshape(-1) >= 0)
        index = index[:: max(1, len(index) // 4096)]
        if not len(index):
            return 0.0
        right, up = self.axes(self.owner.reshape(-1)[index])
        area = np.linalg.norm(np.cross(right, up), axis=1)
        return float(np.sqrt(np.median(area)))


def slopes(
    height: np.ndarray, position: np.ndarray, covered: np.ndarray, right: np.ndarray, up: np.ndarray
) -> np.ndarray:
    """Gradient of a height map along the surface, (H, W, 3) float32, from texels to their neighbours on the surface.

    height (H, W) metres; position, right, up (H, W, 3): see `Sheet`; covered (H, W). A neighbour that is not covered,
    or that lies elsewhere on the surface (another chart), is replaced by the texel itself.
    """
    reach = 9 * np.maximum((right * right).sum(-1), (up * up).sum(-1))
    along = _difference(height, position, covered, reach, axis=1)
    upwards = -_difference(height, position, covered, reach, axis=0)
    # g with g . right = along and g . up = upwards, in the plane of both
    rr, uu, ru = (right * right).sum(-1), (up * up).sum(-1), (right * up).sum(-1)
    inverse = 1 / np.maximum(rr * uu - ru * ru, 1e-30)
    a = (along * uu - upwards * ru) * inverse
    b = (upwards * rr - along * ru) * inverse
    return right * a[..., None] + up * b[..., None]


def _difference(
    height: np.ndarray, position: np.ndarray, covered: np.ndarray, reach: np.ndarray, axis: int
) -> np.ndarray:
    """Change per texel along an axis: central where both neighbours serve, else one-sided, else 0."""
    total, count = np.zeros_like(height), np.zeros_like(height)
    for side in (-1, 1):
        here = [slice(None), slice(None)]
        there = [slice(None), slice(None)]
        here[axis] = slice(1, None) if side < 0 else slice(None, -1)
        there[axis] = slice(None, -1) if side < 0 else slice(1, None)
        a, b = tuple(here), tuple(there)
        apart = position[b] - position[a]
        near = covered[b] & covered[a] & (np.einsum("hwd,hwd->hw", apart, apart) <= reach[a])
        total[a] += np.where(near, (height[b] - height[a]) * side, 0)
        count[a] += near
    return total / np.maximum(count, 1)


def tangent_normals(normal: np.ndarray, slope: np.ndarray, right: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(N, 3) float32 unit normals in tangent space (+X along the texture's right, +Y up, +Z out) of a height's slope.

    The frame is that of MikkTSpace up to its smoothing over vertices: the tangent made perpendicular to the smooth
    normal, the bitangent its cross product, mirrored where the UVs are (M. Mikkelsen, "Simulation of Wrinkled Surfaces
    Revisited", 2008).
    """
    bent = unit(normal - slope)
    tangent = unit(right - normal * np.einsum("nd,nd->n", right, normal)[:, None])
    across = np.cross(normal, tangent)
    side = np.where(np.einsum("nd,nd->n", across, up) < 0, -1.0, 1.0)[:, None]
    parts = [np.einsum("nd,nd->n", bent, axis) for axis in (tangent, across * side, normal)]
    out = np.stack(parts, axis=1)
    lost = (tangent == 0).all(axis=1)
    out[lost] = (0, 0, 1)
    return out.astype(np.float32)
