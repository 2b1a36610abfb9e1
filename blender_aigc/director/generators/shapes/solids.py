"""Boxes, balls, things turned on a lathe, tubes, prisms and sheets. All but sheets are closed. numpy only."""

from __future__ import annotations

import functools

import numpy as np

from .piece import Piece, aimed, face_normals, merged, of_faces, projected_uvs

_CUBE = np.array([(x, y, z) for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
_CUBE_FACES = np.array([(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)])


def box(x: float, y: float, z: float, bevel: float = 0.0, segments: int = 1, flat: int = 1) -> Piece:
    """A box around the origin. With `bevel` its edges are round: `segments` on each side of an edge; the flat part of
    each side is divided into flat x flat faces."""
    size = np.array([x, y, z], float)
    bevel = min(bevel, 0.499 * size.min())
    if bevel <= 0 and flat == 1:
        return of_faces(_CUBE * size, _CUBE_FACES)
    lines, corners = _cube_lattice(segments if bevel > 0 else 0, flat)
    half = size / 2
    steps = np.tan(np.linspace(-np.pi / 4, 0, segments + 1)[:-1]) if bevel > 0 else np.zeros(0)
    places = []
    for axis in range(3):  # the same rounding on each axis, stretched to its length
        fillet = bevel * (1 + steps)
        inner = np.linspace(-half[axis] + bevel, half[axis] - bevel, flat + 1)
        places.append(np.concatenate([-half[axis] + fillet, inner, (half[axis] - fillet)[::-1]]))
    points = np.stack([places[axis][lines[:, axis]] for axis in range(3)], axis=1)
    if bevel > 0:
        core = np.clip(points, bevel - half, half - bevel)
        away = points - core
        length = np.linalg.norm(away, axis=1, keepdims=True)
        points = core + away / np.maximum(length, 1e-12) * bevel
    return Piece(points, corners, np.full(len(corners) // 4, 4), smooth=np.full(len(corners) // 4, bevel > 0))


def slab(low: tuple[float, float, float], high: tuple[float, float, float], bevel: float = 0.0) -> Piece:
    """A box from its lowest to its highest corner."""
    a, b = np.array(low, float), np.array(high, float)
    return box(*(b - a), bevel=bevel).moved(*((a + b) / 2))


@functools.lru_cache(maxsize=64)
def _cube_lattice(fillet: int, flat: int) -> tuple[np.ndarray, np.ndarray]:
    """Surface of a lattice of n = 2 fillet + flat cells a side: line numbers (V, 3) and quad corners (4 F,)."""
    n = 2 * fillet + flat
    i, j = (a.ravel() for a in np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij"))
    a, b = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    quad = np.stack([a * (n + 1) + b, (a + 1) * (n + 1) + b, (a + 1) * (n + 1) + b + 1, a * (n + 1) + b + 1], 1)
    points, faces = [], []
    for axis in range(3):
        for end in (0, n):
            side = np.empty((len(i), 3), int)
            side[:, axis], side[:, (axis + 1) % 3], side[:, (axis + 2) % 3] = end, i, j
            faces.append((quad if end else quad[:, ::-1]) + len(points) * len(i))
            points.append(side)
    unique, inverse = np.unique(np.concatenate(points), axis=0, return_inverse=True)
    return unique, inverse.reshape(-1)[np.concatenate(faces)].reshape(-1)


def ball(radius: float, cells: int = 8) -> Piece:
    """A sphere of 6 cells^2 quads of nearly the same size (a cube, inflated with equal angles)."""
    lines, corners = _cube_lattice(0, max(1, cells))
    points = np.tan((lines / max(1, cells) - 0.5) * np.pi / 2)
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    return Piece(points * radius, corners, np.full(len(corners) // 4, 4), smooth=np.ones(len(corners) // 4, bool))


def lathe(profile: np.ndarray, segments: int = 32, smooth: bool = True) -> Piece:
    """The profile (N, 2) of radius and height, turned about Z. Going up its outside and down its inside faces outwards.

    Radius 0 at an end becomes a pole; with poles at both ends, or the last point equal to the first, it is closed.
    UVs in metres: along the circle (at its largest radius), along the profile.
    """
    profile = np.asarray(profile, float)
    ring_closed = bool(np.allclose(profile[0], profile[-1]) and profile[0, 0] > 1e-9)
    rows = profile[:-1] if ring_closed else profile
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    pole = rows[:, 0] <= 1e-9
    rings = np.stack(
        [rows[:, :1] * np.cos(angle), rows[:, :1] * np.sin(angle), np.repeat(rows[:, 1:], segments, 1)], axis=2
    )
    first = np.concatenate([[0], np.cumsum(np.where(pole, 1, segments))])
    vertices = np.concatenate([ring[:1] if p else ring for ring, p in zip(rings, pole, strict=True)])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    around = np.linspace(0, 2 * np.pi * profile[:, 0].max(), segments + 1)
    left, right, middle = around[:-1], around[1:], (around[:-1] + around[1:]) / 2
    here, there = np.arange(segments), (np.arange(segments) + 1) % segments
    faces, sizes, uvs = [], [], []
    for a in range(len(profile) - 1):
        b = (a + 1) % len(rows)
        if pole[a] and pole[b]:
            continue
        low, high = np.full(segments, length[a]), np.full(segments, length[a + 1])
        if pole[a]:
            face = [np.full(segments, first[a]), first[b] + there, first[b] + here]
            uv = [(middle, low), (right, high), (left, high)]
        elif pole[b]:
            face = [first[a] + here, first[a] + there, np.full(segments, first[b])]
            uv = [(left, low), (right, low), (middle, high)]
        else:
            face = [first[a] + here, first[a] + there, first[b] + there, first[b] + here]
            uv = [(left, low), (right, low), (right, high), (left, high)]
        faces.append(np.stack(face, 1).reshape(-1))
        sizes.append(np.full(segments, len(face)))
        uvs.append(np.stack([np.stack(pair, 1) for pair in uv], 1).reshape(-1, 2))
    sizes = np.concatenate(sizes)
    return Piece(vertices, np.concatenate(faces), sizes, np.concatenate(uvs), np.full(len(sizes), smooth))


def cylinder(radius: float, height: float, segments: int = 24, top: float | None = None, bevel: float = 0.0) -> Piece:
    """Standing on the origin, `top` wide at the top; with `bevel` the two rims are cut off at 45 degrees."""
    top = radius if top is None else top
    if bevel > 0:
        bevel = min(bevel, 0.49 * height, 0.9 * min(radius, top))
        rows = [(radius - bevel, 0), (radius, bevel), (top, height - bevel), (top - bevel, height)]
    else:
        rows = [(radius, 0), (top, height)]
    rows = [(0, 0), *rows, (0, height)]
    return lathe(np.array(rows), segments)


def loft(rings: np.ndarray, caps: bool = True, around: bool = True, ends_meet: bool = False, smooth=True) -> Piece:
    """Quads between successive rings (R, N, 3); the ends are closed by one face each.

    around: the last point of a ring meets its first. ends_meet: the last ring meets the first (no caps then).
    Rings run against the clock, seen from the end that they move towards.
    """
    rings = np.asarray(rings, float)
    number, points = rings.shape[:2]
    i = np.arange(number if ends_meet else number - 1)
    j = np.arange(points if around else points - 1)
    i, j = (a.ravel() for a in np.meshgrid(i, j, indexing="ij"))
    up, on = (i + 1) % number, (j + 1) % points
    quads = np.stack([i * points + j, i * points + on, up * points + on, up * points + j], 1)
    closing = rings if not around else np.concatenate([rings, rings[:, :1]], 1)
    across = np.concatenate([np.zeros((number, 1)), np.cumsum(np.linalg.norm(np.diff(closing, axis=1), axis=2), 1)], 1)
    across = np.broadcast_to(across.mean(0), across.shape)
    path = np.concatenate([rings, rings[:1]]).mean(1) if ends_meet else rings.mean(1)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    uvs = np.stack(
        [
            np.stack([across[i, j], along[i]], 1),
            np.stack([across[i, j + 1], along[i]], 1),
            np.stack([across[i, j + 1], along[i + 1]], 1),
            np.stack([across[i, j], along[i + 1]], 1),
        ],
        1,
    )
    sides = Piece(
        rings.reshape(-1, 3), quads.reshape(-1), np.full(len(quads), 4), uvs.reshape(-1, 2), np.full(len(quads), smooth)
    )
    if not caps or ends_meet or not around:
        return sides
    low, high = np.arange(points)[::-1], (number - 1) * points + np.arange(points)
    lids = Piece(sides.vertices, np.concatenate([low, high]), np.array([points, points]))
    return Piece(
        sides.vertices,
        np.concatenate([sides.corners, lids.corners]),
        np.concatenate([sides.sizes, lids.sizes]),
        np.concatenate([sides.uvs, projected_uvs(lids)]),
        np.concatenate([sides.smooth, [False, False]]),
    )


def prism(outline: np.ndarray, low: float, high: float, smooth: bool = False) -> Piece:
    """The outline (N, 2), against the clock, raised from z = low to high."""
    outline = np.asarray(outline, float)
    rings = [np.column_stack([outline, np.full(len(outline), z)]) for z in (low, high)]
    return loft(np.array(rings), smooth=smooth)


def frames(paths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two normals (B, N, 3) each of paths (B, N, 3), carried along without twist (Wang et al. 2008, double reflection
    reduced to projection, which is enough for gentle bends)."""
    tangents = np.gradient(paths, axis=1)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=2, keepdims=True), 1e-12)
    steep = np.abs(tangents[:, 0, 2:]) > 0.9
    normal = np.where(steep, [[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]])
    normals = np.empty_like(paths)
    for step in range(paths.shape[1]):
        normal = normal - tangents[:, step] * np.sum(normal * tangents[:, step], 1, keepdims=True)
        normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        normals[:, step] = normal
    return normals, np.cross(tangents, normals)


def tubes(paths: np.ndarray, radii: np.ndarray, sides: int = 8, caps: bool = True) -> Piece:
    """Round tubes along paths (B, N, 3) with radii (B, N) or (N,) or a number; both ends closed by one face."""
    paths = np.asarray(paths, float)
    paths = paths[None] if paths.ndim == 2 else paths
    number, rows = paths.shape[:2]
    radii = np.broadcast_to(radii, (number, rows))[..., None, None]
    across, up = frames(paths)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
    ring = across[:, :, None] * np.cos(angle) + up[:, :, None] * np.sin(angle)
    rings = paths[:, :, None] + radii * ring  # (B, N, S, 3)
    one = loft(rings[0], caps=caps)
    if number == 1:
        return one
    corners = one.corners[None] + (rows * sides) * np.arange(number)[:, None]
    girth = 2 * np.pi * radii.mean(axis=(1, 2, 3))
    length = np.linalg.norm(np.diff(paths, axis=1), axis=2).sum(1)
    reach = np.maximum(one.uvs[: 4 * (rows - 1) * sides].max(0), 1e-12)
    uvs = one.uvs[None] / reach * np.stack([girth, length], 1)[:, None]
    return Piece(
        rings.reshape(-1, 3),
        corners.reshape(-1),
        np.tile(one.sizes, number),
        uvs.reshape(-1, 2),
        np.tile(one.smooth, number),
    )


def rod(start, end, radius: float, sides: int = 8, end_radius: float | None = None) -> Piece:
    """A straight round bar between two points."""
    path = np.array([start, end], float)
    return tubes(path, np.array([radius, radius if end_radius is None else end_radius]), sides)


def beam(start, end, width: float, depth: float, bevel: float = 0.0) -> Piece:
    """A straight square bar between two points; `width` lies level."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    bar = box(width, depth, float(np.linalg.norm(b - a)), bevel)
    return bar.copied(aimed((a + b)[None] / 2, (b - a)[None]))


def sheet(columns: int, rows: int, width: float, depth: float) -> Piece:
    """A flat grid of columns x rows quads around the origin, facing up; UVs from 0 to 1."""
    x, y = np.linspace(-0.5, 0.5, columns + 1), np.linspace(-0.5, 0.5, rows + 1)
    yy, xx = np.meshgrid(y, x, indexing="ij")
    vertices = np.column_stack([xx.ravel() * width, yy.ravel() * depth, np.zeros(xx.size)])
    i, j = (a.ravel() for a in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    first = i * (columns + 1) + j
    quads = np.stack([first, first + 1, first + columns + 2, first + columns + 1], 1)
    flat = np.column_stack([xx.ravel() + 0.5, yy.ravel() + 0.5])
    return Piece(
        vertices, quads.reshape(-1), np.full(len(quads), 4), flat[quads.reshape(-1)], np.ones(len(quads), bool)
    )


def thick(surface: Piece, thickness: float) -> Piece:
    """An open surface (all faces facing out) as a closed plate: a second side behind it, joined along the border."""
    normals = np.zeros_like(surface.vertices)
    np.add.at(normals, surface.corners, np.repeat(face_normals(surface), surface.sizes, axis=0))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    back = surface.warped(surface.vertices - thickness * normals).flipped()
    following = np.arange(len(surface.corners)) + 1
    following[surface.starts + surface.sizes - 1] = surface.starts
    a, b, count = surface.corners, surface.corners[following], len(surface.vertices)
    border = ~np.isin(a * count + b, b * count + a)
    a, b = a[border], b[border]
    rim = np.stack([b, a, a + count, b + count], 1)
    both = merged([surface, back])
    length = np.linalg.norm(surface.vertices[a] - surface.vertices[b], axis=1)
    uv = np.zeros((len(rim), 4, 2))
    uv[:, [0, 3], 0] = length[:, None]
    uv[:, 2:, 1] = thickness
    return Piece(
        both.vertices,
        np.concatenate([both.corners, rim.reshape(-1)]),
        np.concatenate([both.sizes, np.full(len(rim), 4)]),
        np.concatenate([both.uvs, uv.reshape(-1, 2)]),
        np.concatenate([both.smooth, np.zeros(len(rim), bool)]),
        both.colours,
        both.groups,
    )
