"""Blow a flat silhouette up into a round, closed surface. numpy only.

Poisson inflation: -laplace(u) + k u = 2 inside the silhouette, u = 0 on its contour, height = thickness * sqrt(u).
A long strip becomes a round tube of its own width, a disc an ellipsoid; thin parts stay thin, wide ones grow deep.
Sources: Joshi and Carr, "Repousse: Automatic Inflation of 2D Artwork" (SBIM 2008), the Laplace/Poisson membrane;
Nealen et al., "FiberMesh" (SIGGRAPH 2007) and Sykora et al., "Ink-and-Ray" (ACM TOG 2014, section 4.3) for the square
root of the Poisson solution, which makes the surface leave the contour at a right angle; k > 0 (screening) flattens.
Solved with linear finite elements on the silhouette's own mesh, so that the contour is met exactly, by conjugate
gradients with Jacobi preconditioning (Hestenes and Stiefel 1952).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blender_aigc.protocol import Fault

from .planar import PlanarMesh, doubled_area


def triangulated(mesh: PlanarMesh) -> np.ndarray:
    """(2 Q + T, 3) int64 triangles: quads first, as pairs sharing the diagonal from corner 0 to corner 2.

    Of each quad's two diagonals the one is taken whose smaller triangle is the larger; for that the quad's corners
    may be rotated by one.
    """
    quads = mesh.quads
    area = [
        doubled_area(mesh.points, quads[:, list(corners)]) for corners in ((0, 1, 2), (0, 2, 3), (1, 2, 3), (1, 3, 0))
    ]
    turn = np.minimum(area[2], area[3]) > np.minimum(area[0], area[1]) * 1.001
    quads = np.where(turn[:, None], np.roll(quads, -1, axis=1), quads)
    pairs = np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], axis=1).reshape(-1, 3)
    return np.concatenate([pairs, mesh.triangles])


def inflate(
    mesh: PlanarMesh,
    triangles: np.ndarray,
    roundness: float = 1.0,
    check: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """(N,) float64 heights in px of the vertices of `mesh` above the picture plane, 0 on the contour.

    roundness 0..1: 1 is a balloon, less gives a flatter face with a rounded edge. check is called now and then, to
    raise when the job is cancelled.
    """
    fixed = np.zeros(len(mesh.points), bool)
    fixed[mesh.rim] = True
    system = _Poisson(mesh.points, triangles, fixed)
    u = system.solve(0.0, check)
    if roundness < 1:
        depth_squared = float(u.max())
        u = system.solve((6 * (1 - roundness) / (0.25 + roundness)) ** 2 / (2 * depth_squared), check)
    if not np.isfinite(u).all():
        raise Fault("internal", "The surface could not be computed.", detail="Poisson solution is not finite")
    # Where triangles are obtuse, linear elements may dip to zero: front and back must not touch inside the contour.
    u[system.free] = np.maximum(u[system.free], 0.02 * system.mass)
    return np.sqrt(u)


class _Poisson:
    """The finite element system of -laplace(u) + k u = 2 with u = 0 at the fixed vertices."""

    def __init__(self, points: np.ndarray, triangles: np.ndarray, fixed: np.ndarray) -> None:
        count = len(points)
        corners = points[triangles]
        area = np.maximum(np.abs(doubled_area(points, triangles)) / 2, 1e-9)
        rows, columns, values = [], [], []
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            # Half the cotangent of the angle at corner k, for the edge i-j.
            to_i, to_j = corners[:, i] - corners[:, k], corners[:, j] - corners[:, k]
            half_cot = (to_i * to_j).sum(axis=1) / (4 * area)
            rows += [triangles[:, i], triangles[:, j]]
            columns += [triangles[:, j], triangles[:, i]]
            values += [half_cot, half_cot]
        row, column, value = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
        mass = np.bincount(triangles.ravel(), np.repeat(area / 3, 3), count)
        diagonal = np.bincount(row, value, count)
        self.free = np.flatnonzero(~fixed)
        size = len(self.free)
        index = np.full(count, -1)
        index[self.free] = np.arange(size)
        keep = (index[row] >= 0) & (index[column] >= 0)
        own = np.arange(size)
        # Compressed rows, the diagonal included, so that no row is empty and `reduceat` sums each one.
        key = np.concatenate([index[row[keep]] * size + index[column[keep]], own * (size + 1)])
        unique, where = np.unique(key, return_inverse=True)
        self.value = np.bincount(where, np.concatenate([-value[keep], diagonal[self.free]]))
        self.column = unique % max(size, 1)
        self.start = np.searchsorted(unique, own * size)
        self.on_diagonal = np.searchsorted(unique, own * (size + 1))
        self.mass, self.count = mass[self.free], count

    def solve(self, screening: float, check: Callable[[], None]) -> np.ndarray:
        """(count,) float64 solution, relative residual 1e-5."""
        size = len(self.free)
        out = np.zeros(self.count)
        if size == 0:
            return out
        value = self.value.copy()
        value[self.on_diagonal] += screening * self.mass
        inverse = 1 / np.maximum(value[self.on_diagonal], 1e-12)
        u = np.zeros(size)
        residual = 2 * self.mass
        wanted = 1e-10 * _dot(residual, inverse * residual)
        scaled = inverse * residual
        direction = scaled.copy()
        power = _dot(residual, scaled)
        for iteration in range(20 * int(np.sqrt(size)) + 200):
            if iteration % 50 == 0:
                check()
            image = np.add.reduceat(value * direction[self.column], self.start)
            length = power / _dot(direction, image)
            u += length * direction
            residual -= length * image
            scaled = inverse * residual
            previous, power = power, _dot(residual, scaled)
            if power <= wanted:
                break
            direction = scaled + (power / previous) * direction
        out[self.free] = u
        return out


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Not by BLAS: its threads cost more than they bring here, and their number would change the last digits."""
    return float(np.einsum("i,i", a, b))


@dataclass
class Shell:
    """A surface in pixels, in Blender's axes: x to the right, y away from the viewer, z up.

    vertices (V, 3) float64; faces (F, 3) int64, counter-clockwise from outside, the first 2 * quads of them pairs as
    in `Mesh.quads`; back (F,) bool: the face belongs to the back; part (F,) int32.
    """

    vertices: np.ndarray
    faces: np.ndarray
    quads: int
    back: np.ndarray
    part: np.ndarray

    @property
    def parts(self) -> int:
        return int(self.part.max()) + 1


def close(mesh: PlanarMesh, triangles: np.ndarray, front_px: np.ndarray, back_px: np.ndarray | None) -> Shell:
    """Front and back surface, sewn together at the contour.

    front_px, back_px (N,): distances of the two sides from the picture plane, 0 on the contour. back_px None leaves
    the back open.
    """
    count, pairs = len(mesh.points), 2 * len(mesh.quads)
    flat = np.stack([mesh.points[:, 0], np.zeros(count), -mesh.points[:, 1]], axis=1)
    front = flat.copy()
    front[:, 1] = -front_px
    part = mesh.part[triangles[:, 0]]
    if back_px is None:
        return Shell(front, triangles, len(mesh.quads), np.zeros(len(triangles), bool), part)
    inner = np.ones(count, bool)
    inner[mesh.rim] = False
    behind = np.arange(count)
    behind[inner] = count + np.arange(int(inner.sum()))
    back = flat[inner]
    back[:, 1] = back_px[inner]
    # Turned round; the two halves of a pair change places, so that they share the edge from corner 0 to corner 2 again.
    turned = behind[triangles][:, [0, 2, 1]]
    turned[:pairs] = turned[:pairs].reshape(-1, 2, 3)[:, ::-1].reshape(-1, 3)
    order = [slice(None, pairs), slice(pairs, None)]
    faces = np.concatenate([side[some] for some in order for side in (triangles, turned)])
    parts = np.concatenate([part[some] for some in order for _ in range(2)])
    rest = len(triangles) - pairs
    is_back = np.repeat([False, True, False, True], [pairs, pairs, rest, rest])
    return Shell(np.concatenate([front, back]), faces, 2 * len(mesh.quads), is_back, parts)
