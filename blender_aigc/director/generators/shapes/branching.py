"""Trees after Weber and Penn, "Creation and Rendering of Realistic Trees" (SIGGRAPH 1995), level by level.

A level of branches is paths (B, N, 3) with radii (B, N). numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .piece import Piece, of_faces
from .solids import tubes

GOLDEN_DEG = 137.5


@dataclass(frozen=True)
class Level:
    """How branches leave those of the level before.

    number: children of one branch. start, end: stretch of the parent that carries them. down_deg: angle from the
    parent's direction, at its start and its end. length: share of the parent's. rise: pull upwards (or down, below 0)
    at each step. bend: how crooked. points: of the path. sides: of the tube.
    """

    number: int
    start: float
    end: float
    down_deg: tuple[float, float]
    length: float
    rise: float = 0.0
    bend: float = 0.1
    points: int = 6
    sides: int = 5
    thick: float = 0.55


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def at(paths: np.ndarray, values: np.ndarray, t: np.ndarray) -> np.ndarray:
    """values (B, N, ...) of the branches at t (B, C) in 0 .. 1; gives (B, C, ...)."""
    last = paths.shape[1] - 1
    place = np.clip(t, 0, 1) * last
    low = np.minimum(place.astype(int), last - 1)
    part = place - low
    rows = np.arange(len(paths))[:, None]
    part = part.reshape(part.shape + (1,) * (values.ndim - 2))
    return values[rows, low] * (1 - part) + values[rows, low + 1] * part


def trunk(
    height: float, radius: float, bend: float, rng: np.random.Generator, points: int = 12, lean=(0.0, 0.0)
) -> tuple:
    """One path from the origin upwards, wider at its foot."""
    t = np.linspace(0, 1, points)
    wander = np.cumsum(rng.normal(0, bend / points, (points, 2)), axis=0) * height
    wander -= wander[0]
    path = np.column_stack([wander + np.outer(t, lean) * height, t * height])
    flare = 1 + 0.9 * np.exp(-t * 16)
    return path[None], (radius * flare * (1 - 0.82 * t))[None]


def branches(paths: np.ndarray, radii: np.ndarray, level: Level, rng: np.random.Generator, crown=None) -> tuple:
    """The children of all branches: their paths (B C, N, 3) and radii. crown(t): share of the length, t from below."""
    count, number = len(paths), level.number
    t = (np.arange(number) + rng.uniform(0.1, 0.9, (count, number))) / number
    along = level.start + (level.end - level.start) * t
    base, thickness = at(paths, paths, along), at(paths, radii, along)
    tangent = unit(at(paths, np.gradient(paths, axis=1), along))
    down = np.radians(level.down_deg[0] + (level.down_deg[1] - level.down_deg[0]) * t + rng.normal(0, 7, t.shape))
    turn = np.radians(GOLDEN_DEG * np.arange(number) + rng.uniform(0, 360, (count, 1)) + rng.normal(0, 15, t.shape))
    side = unit(np.cross(tangent, np.where(np.abs(tangent[..., 2:]) < 0.95, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])))
    other = np.cross(tangent, side)
    radial = side * np.cos(turn)[..., None] + other * np.sin(turn)[..., None]
    way = tangent * np.cos(down)[..., None] + radial * np.sin(down)[..., None]
    parent = np.linalg.norm(np.diff(paths, axis=1), axis=2).sum(1)[:, None]
    share = crown(t) if crown is not None else 1 - 0.55 * t
    length = parent * level.length * share * rng.uniform(0.8, 1.15, t.shape)
    made = _grown(base.reshape(-1, 3), way.reshape(-1, 3), length.reshape(-1), level, rng)
    first = np.minimum(thickness * level.thick, 0.04 * length + 0.002).reshape(-1, 1)
    return made, np.maximum(first * (1 - 0.85 * np.linspace(0, 1, level.points)), 0.0015)


def _grown(base: np.ndarray, way: np.ndarray, length: np.ndarray, level: Level, rng: np.random.Generator) -> np.ndarray:
    """Paths (B, N, 3) that start at base and way, pulled up and bent by chance at each step."""
    step = length[:, None] / (level.points - 1)
    path = [base]
    for _ in range(level.points - 1):
        way = way + rng.normal(0, level.bend, way.shape)
        way[:, 2] += level.rise
        way = unit(way)
        path.append(path[-1] + way * step)
    return np.stack(path, axis=1)


def bark(paths: np.ndarray, radii: np.ndarray, sides: int) -> Piece:
    """The branches of one level as closed tubes."""
    return tubes(paths, radii, sides)


def leaves(
    paths: np.ndarray,
    number: int,
    size: float,
    rng: np.random.Generator,
    droop: float = 0.3,
    width: float = 0.5,
    start=0.25,
) -> Piece:
    """Leaves along branches: a rhomb folded along its middle each (two triangles), width in shares of its length."""
    t = rng.uniform(start, 1, (len(paths), number))
    base = at(paths, paths, t).reshape(-1, 3)
    tangent = unit(at(paths, np.gradient(paths, axis=1), t)).reshape(-1, 3)
    way = unit(tangent * 0.5 + rng.normal(0, 0.7, tangent.shape) - np.array([0, 0, droop]))
    across = unit(np.cross(way, rng.normal(0, 0.45, way.shape) + np.array([0, 0, 1.0])))
    normal = np.cross(across, way)
    length = size * rng.uniform(0.7, 1.2, (len(base), 1))
    tip = base + way * length
    middle = base + way * length * 0.45 + normal * length * 0.1
    out = across * length * width / 2
    vertices = np.stack([base, middle - out, tip, middle + out], 1).reshape(-1, 3)
    first = 4 * np.arange(len(base))[:, None]
    faces = np.concatenate([first + [0, 2, 1], first + [0, 3, 2]])
    uv = np.array([(0.5, 0), (0.5, 1), (0, 0.45), (0.5, 0), (1, 0.45), (0.5, 1)]).reshape(2, 3, 2)
    uvs = np.repeat(uv, len(base), axis=0).reshape(-1, 2)
    return of_faces(vertices, faces).with_uvs(uvs)
