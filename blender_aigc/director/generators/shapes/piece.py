"""Pieces of geometry and how they are moved, repeated and put together into a `Part`. numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..parts import Part


@dataclass(frozen=True)
class Piece:
    """Faces with any number of corners. Every method gives a new piece.

    vertices (V, 3) float64 metres; corners (C,) int, the vertices of all faces one after another, seen from outside
    against the clock; sizes (F,) int; uvs (C, 2) or None (then projected from the nearest axis, 1 unit = 1 m);
    smooth (F,) bool; colours (V, 3) linear or None; groups: name -> (V,) weights.
    """

    vertices: np.ndarray
    corners: np.ndarray
    sizes: np.ndarray
    uvs: np.ndarray | None = None
    smooth: np.ndarray | None = None
    colours: np.ndarray | None = None
    groups: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def starts(self) -> np.ndarray:
        """(F,) number of the first corner of each face."""
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]]) if len(self.sizes) else np.zeros(0, int)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Piece:
        return replace(self, vertices=self.vertices + np.array([x, y, z], float))

    def turned(self, axis: str, angle_deg: float) -> Piece:
        """Turned about "x", "y" or "z" through the origin, against the clock seen from its tip."""
        return replace(self, vertices=self.vertices @ rotation(axis, angle_deg).T)

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Piece:
        """One factor for all axes, or one for each; a mirrored piece keeps its outside outside."""
        factors = np.array([x, x if y is None else y, x if z is None else z], float)
        made = replace(self, vertices=self.vertices * factors)
        return made.flipped() if np.prod(factors) < 0 else made

    def mirrored(self, axis: str = "x") -> Piece:
        return self.scaled(*(-1.0 if name == axis else 1.0 for name in "xyz"))

    def warped(self, vertices: np.ndarray) -> Piece:
        """The same faces over other vertices (V, 3)."""
        return replace(self, vertices=np.asarray(vertices, float))

    def flipped(self) -> Piece:
        """Every face seen from its other side."""
        starts, sizes = np.repeat(self.starts, self.sizes), np.repeat(self.sizes, self.sizes)
        order = starts + (sizes - 1 - (np.arange(len(self.corners)) - starts))
        return replace(self, corners=self.corners[order], uvs=None if self.uvs is None else self.uvs[order])

    def shaded(self, smooth: bool) -> Piece:
        return replace(self, smooth=np.full(len(self.sizes), smooth))

    def painted(self, colours: np.ndarray | Sequence[float]) -> Piece:
        """colours: (3,) or (V, 3) linear."""
        return replace(self, colours=np.broadcast_to(np.asarray(colours, float), self.vertices.shape).copy())

    def grouped(self, name: str, weights: np.ndarray | float) -> Piece:
        """Adds a vertex group; weights (V,) or one number."""
        return replace(self, groups={**self.groups, name: np.broadcast_to(weights, len(self.vertices)).astype(float)})

    def with_uvs(self, uvs: np.ndarray) -> Piece:
        """uvs: (C, 2), one pair for each corner."""
        return replace(self, uvs=np.asarray(uvs, float))

    def copied(self, transforms: np.ndarray) -> Piece:
        """One piece with a copy at each of transforms (N, 4, 4) or offsets (N, 3)."""
        transforms = np.asarray(transforms, float)
        if transforms.ndim == 2:
            vertices = self.vertices[None] + transforms[:, None]
        else:
            turned = np.einsum("nij,vj->nvi", transforms[:, :3, :3], self.vertices)
            vertices = turned + transforms[:, None, :3, 3]
        number, shift = len(transforms), len(self.vertices)
        corners = self.corners[None] + shift * np.arange(number)[:, None]
        tiled = {name: np.tile(w, number) for name, w in self.groups.items()}
        return Piece(
            vertices.reshape(-1, 3),
            corners.reshape(-1),
            np.tile(self.sizes, number),
            None if self.uvs is None else np.tile(self.uvs, (number, 1)),
            None if self.smooth is None else np.tile(self.smooth, number),
            None if self.colours is None else np.tile(self.colours, (number, 1)),
            tiled,
        )

    def bounds(self) -> np.ndarray:
        """(2, 3) smallest and largest coordinates."""
        return np.array([self.vertices.min(0), self.vertices.max(0)])


def of_faces(vertices: np.ndarray, faces: np.ndarray | Sequence[Sequence[int]], smooth: bool = False) -> Piece:
    """A piece from (V, 3) vertices and faces, an array (F, n) or lists of different lengths."""
    sizes = np.array([len(face) for face in faces], int)
    corners = np.asarray(faces, int).reshape(-1) if len(set(sizes.tolist())) <= 1 else np.concatenate(list(faces))
    return Piece(np.asarray(vertices, float), corners.astype(int), sizes, smooth=np.full(len(sizes), smooth))


def rotation(axis: str, angle_deg: float) -> np.ndarray:
    """(3, 3) rotation about "x", "y" or "z"."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    matrices = {"x": [[1, 0, 0], [0, c, -s], [0, s, c]], "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]]}
    return np.array(matrices.get(axis, [[c, -s, 0], [s, c, 0], [0, 0, 1]]))


def placed(points: np.ndarray, turns_deg: np.ndarray | float = 0.0, scales: np.ndarray | float = 1.0) -> np.ndarray:
    """(N, 4, 4) matrices that put something upright at points (N, 3), turned about Z and scaled by (N,) or (N, 3)."""
    points = np.atleast_2d(np.asarray(points, float))
    turns = np.radians(np.broadcast_to(turns_deg, len(points)).astype(float))
    factors = np.asarray(scales, float)
    factors = np.broadcast_to(factors if factors.ndim == 2 else factors.reshape(-1, 1), points.shape)
    made = np.tile(np.eye(4), (len(points), 1, 1))
    made[:, 0, 0] = made[:, 1, 1] = np.cos(turns)
    made[:, 1, 0], made[:, 0, 1] = np.sin(turns), -np.sin(turns)
    made[:, :3, :3] *= factors[:, None, :]
    made[:, :3, 3] = points
    return made


def aimed(points: np.ndarray, directions: np.ndarray, rolls_deg: np.ndarray | float = 0.0, scales=1.0) -> np.ndarray:
    """(N, 4, 4) matrices that put something at points (N, 3) with its Z along directions (N, 3), rolled about it."""
    points, z = np.atleast_2d(points).astype(float), np.atleast_2d(directions).astype(float)
    z = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    reference = np.where(np.abs(z[:, 2:]) < 0.99, [[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]])
    x = np.cross(reference, z)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    y = np.cross(z, x)
    roll = np.radians(np.broadcast_to(rolls_deg, len(points)))[:, None]
    x, y = x * np.cos(roll) + y * np.sin(roll), y * np.cos(roll) - x * np.sin(roll)
    made = np.tile(np.eye(4), (len(points), 1, 1))
    factors = np.broadcast_to(np.asarray(scales, float).reshape(-1, 1, 1), (len(points), 3, 3))
    made[:, :3, :3] = np.stack([x, y, z], axis=2) * factors
    made[:, :3, 3] = points
    return made


def merged(pieces: Iterable[Piece]) -> Piece:
    """All pieces as one. UVs are projected, colours white and weights 0 where only some have them."""
    pieces = [p for p in pieces if len(p.sizes)]
    if not pieces:
        return Piece(np.zeros((0, 3)), np.zeros(0, int), np.zeros(0, int), np.zeros((0, 2)), np.zeros(0, bool))
    shifts = np.cumsum([0, *(len(p.vertices) for p in pieces[:-1])])
    names = {name for p in pieces for name in p.groups}
    painted = any(p.colours is not None for p in pieces)
    return Piece(
        np.concatenate([p.vertices for p in pieces]),
        np.concatenate([p.corners + shift for p, shift in zip(pieces, shifts, strict=True)]),
        np.concatenate([p.sizes for p in pieces]),
        np.concatenate([projected_uvs(p) if p.uvs is None else p.uvs for p in pieces]),
        np.concatenate([np.zeros(len(p.sizes), bool) if p.smooth is None else p.smooth for p in pieces]),
        np.concatenate([np.ones((len(p.vertices), 3)) if p.colours is None else p.colours for p in pieces])
        if painted
        else None,
        {n: np.concatenate([p.groups.get(n, np.zeros(len(p.vertices))) for p in pieces]) for n in sorted(names)},
    )


def face_normals(piece: Piece) -> np.ndarray:
    """(F, 3) area vectors of the faces, not normalised (Newell's method; planar or not)."""
    points = piece.vertices[piece.corners]
    following = np.arange(len(points)) + 1
    following[piece.starts + piece.sizes - 1] = piece.starts
    cross = np.cross(points, points[following])
    return np.add.reduceat(cross, piece.starts, axis=0) / 2 if len(piece.sizes) else np.zeros((0, 3))


def projected_uvs(piece: Piece) -> np.ndarray:
    """(C, 2) UVs in metres: each face seen along the axis that it faces most."""
    axis = np.repeat(np.abs(face_normals(piece)).argmax(1), piece.sizes)
    points = piece.vertices[piece.corners]
    pairs = np.array([[1, 2], [0, 2], [0, 1]])[axis]
    return np.take_along_axis(points, pairs, axis=1)


def assembled(name: str, layers: Iterable[tuple[Piece, str]], closed: bool = False, crease_deg: float = 40.0) -> Part:
    """One mesh from pieces and the names of their looks, each look one material slot in the order of appearance."""
    layers = [(piece, look) for piece, look in layers if len(piece.sizes)]
    looks = tuple(dict.fromkeys(look for _, look in layers))
    slots = [np.full(len(piece.sizes), looks.index(look)) for piece, look in layers]
    return slotted(name, merged(p for p, _ in layers), np.concatenate([[], *slots]), looks, closed, crease_deg)


def slotted(
    name: str, piece: Piece, slots: np.ndarray, looks: tuple[str, ...], closed: bool = False, crease_deg: float = 40.0
) -> Part:
    """One mesh from one piece whose faces have their looks by number: slots (F,) into looks."""
    uvs = projected_uvs(piece) if piece.uvs is None else piece.uvs
    smooth = np.zeros(len(piece.sizes), bool) if piece.smooth is None else piece.smooth
    return Part(
        name,
        piece.vertices.astype(np.float32),
        piece.corners.astype(np.int32),
        piece.sizes.astype(np.int32),
        uvs.astype(np.float32),
        smooth.astype(bool),
        np.asarray(slots).astype(np.int32),
        looks,
        None if piece.colours is None else piece.colours.astype(np.float32),
        {group: weights.astype(np.float32) for group, weights in piece.groups.items()},
        closed,
        crease_deg,
    )
