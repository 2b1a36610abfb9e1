"""Pairs triangles to quads. numpy only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .clean import edge_pairs
from .mesh import Mesh
from .normals import face_cross, unit

_FLAT_COSINE = np.cos(np.radians(40))
_WIDEST_CORNER = np.radians(165)


def pair_triangles(mesh: Mesh) -> Mesh:
    """The same triangles, reordered so that the first 2 * quads make quads (see Mesh.quads); nothing moves.

    A pair must be nearly flat, convex and, where there are UVs, not lie across a seam. Pairs with corners near 90
    degrees and little bend are preferred; the matching takes every pair that is the best choice of both its faces,
    until none is left (locally heaviest matching: at least half the weight of the best one).
    """
    faces = mesh.faces
    halves = edge_pairs(faces)
    halves = halves[
        np.minimum(halves[:, 0] // 3, halves[:, 1] // 3) != np.maximum(halves[:, 0] // 3, halves[:, 1] // 3)
    ]
    score = _scores(mesh, halves)
    usable = score > 0
    halves, score = halves[usable], score[usable]
    chosen = halves[_locally_best(halves // 3, score, len(faces))]
    single = np.ones(len(faces), bool)
    single[chosen // 3] = False
    # First of a pair: its shared side runs from corner 0 to corner 2 backwards, that is, side 2. Second: side 0.
    order = np.concatenate([(chosen // 3).reshape(-1), np.flatnonzero(single)])
    turn = np.zeros(len(faces), np.int64)
    turn[0 : 2 * len(chosen) : 2] = (chosen[:, 0] + 1) % 3
    turn[1 : 2 * len(chosen) : 2] = chosen[:, 1] % 3
    corner = (turn[:, None] + np.arange(3)) % 3
    return replace(
        mesh,
        faces=faces[order[:, None], corner],
        corner_uvs=None if mesh.corner_uvs is None else mesh.corner_uvs[order[:, None], corner],
        quads=len(chosen),
    )


def _scores(mesh: Mesh, halves: np.ndarray) -> np.ndarray:
    """(P,) how good a quad each pair of half edges would make; 0: not allowed."""
    faces = mesh.faces.reshape(-1)
    one, other = halves[:, 0], halves[:, 1]

    def corner(half: np.ndarray, step: int) -> np.ndarray:
        return half - half % 3 + (half % 3 + step) % 3

    a, b = faces[corner(one, 1)], faces[corner(one, 2)]  # the quad is a, b, c, d with the shared edge a - c
    c, d = faces[one], faces[corner(other, 2)]
    allowed = faces[other] == a
    points = mesh.vertices.astype(np.float64)
    quad = np.stack([points[n] for n in (a, b, c, d)], axis=1)
    ahead = unit((np.roll(quad, -1, axis=1) - quad).reshape(-1, 3)).reshape(-1, 4, 3)
    normal = unit(face_cross(mesh.vertices, mesh.faces))
    bend = np.einsum("ij,ij->i", normal[one // 3], normal[other // 3])
    middle = unit(normal[one // 3] + normal[other // 3])
    behind = -np.roll(ahead, 1, axis=1)
    cosine = np.clip(np.einsum("nkj,nkj->nk", ahead, behind), -1, 1)
    convex = (np.einsum("nkj,nj->nk", np.cross(ahead, behind), middle) > 0).all(axis=1)
    angle = np.arccos(cosine)
    allowed &= convex & (bend > _FLAT_COSINE) & (angle.max(axis=1) < _WIDEST_CORNER)
    if mesh.corner_uvs is not None:
        uvs = mesh.corner_uvs.reshape(-1, 2)
        allowed &= (uvs[one] == uvs[corner(other, 1)]).all(axis=1) & (uvs[corner(one, 1)] == uvs[other]).all(axis=1)
    square = 1 - np.abs(angle - np.pi / 2).max(axis=1) / (np.pi / 2)
    return np.where(allowed, 0.05 + np.clip(square, 0, 1) + 0.5 * np.clip(bend, 0, 1), 0)


def _locally_best(pairs: np.ndarray, score: np.ndarray, count: int) -> np.ndarray:
    """Numbers of the pairs that make a matching: again and again those that are the best of both their faces."""
    rank = np.empty(len(score), np.int64)
    rank[np.lexsort((np.arange(len(score)), -score))] = np.arange(len(score))  # distinct: ties cannot block
    left, chosen = np.arange(len(pairs)), []
    taken = np.zeros(count, bool)
    while len(left):
        best = np.full(count, len(score))
        np.minimum.at(best, pairs[left].reshape(-1), np.repeat(rank[left], 2))
        mutual = (best[pairs[left]] == rank[left][:, None]).all(axis=1)
        chosen.append(left[mutual])
        taken[pairs[left[mutual]]] = True
        left = left[~taken[pairs[left]].any(axis=1)]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)
