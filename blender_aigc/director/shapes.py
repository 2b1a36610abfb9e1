"""Meshes of the plan's shapes in numpy: natural proportions, origin in the middle of the bounding box. No bpy.

Frame: z up, front towards -y, metres. Every mesh is closed and faces outwards unless it is a sheet of cloth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..plan import SHAPES
from . import cloths
from .generators import generate

_SEWN = ("shirt", "dress")
ROUND = 48
"""Segments of a round shape."""


@dataclass(frozen=True)
class Solid:
    """vertices: (V, 3) float64, metres. faces: vertex numbers, counter-clockwise from outside."""

    vertices: np.ndarray
    faces: tuple[tuple[int, ...], ...]

    def fitted(self, size_m: Sequence[float]) -> Solid:
        """Stretched to `size_m` and centred on the origin; what is flat stays flat."""
        low, high = self.vertices.min(0), self.vertices.max(0)
        extent = high - low
        factor = np.where(extent > 1e-9, np.asarray(size_m, float) / np.where(extent > 1e-9, extent, 1.0), 1.0)
        return Solid((self.vertices - (low + high) / 2) * factor, self.faces)


def solid(shape: str, size_m: Sequence[float]) -> Solid:
    """The mesh of a word of `plan.SHAPES`, stretched to `size_m`."""
    if shape in _SEWN:
        sewn = generate(shape).parts[0]
        faces = tuple(map(tuple, sewn.corners.reshape(-1, 4).tolist()))
        return Solid(sewn.vertices.astype(float), faces).fitted(size_m)
    if SHAPES[shape].cloth:
        vertices, faces = cloths.sheet(shape, size_m)
        return Solid(vertices, faces)
    return _MAKERS[shape]().fitted(size_m)


# ----------------------------------------------------------------------------------------------------------- makers


def joined(*solids: Solid) -> Solid:
    faces: list[tuple[int, ...]] = []
    start = 0
    for part in solids:
        faces += [tuple(index + start for index in face) for face in part.faces]
        start += len(part.vertices)
    return Solid(np.concatenate([part.vertices for part in solids]), tuple(faces))


def block(low: Sequence[float], high: Sequence[float]) -> Solid:
    """A box between two corners."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    vertices = [(x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0)]
    vertices += [(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)]
    faces = ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))
    return Solid(np.array(vertices, float), faces)


def lathe(profile: Sequence[tuple[float, float]], segments: int = ROUND) -> Solid:
    """`profile` (radius, z), from the lower end of the axis to the upper one, turned about z; radius 0 closes it."""
    vertices: list[tuple[float, float, float]] = []
    rings: list[list[int]] = []
    turns = [2 * np.pi * i / segments for i in range(segments)]
    for radius, z in profile:
        start = len(vertices)
        if radius == 0:
            vertices.append((0.0, 0.0, z))
            rings.append([start] * segments)
        else:
            vertices += [(radius * np.cos(t), radius * np.sin(t), z) for t in turns]
            rings.append(list(range(start, start + segments)))
    faces: list[tuple[int, ...]] = []
    for lower, upper in zip(rings, rings[1:], strict=False):
        for i in range(segments):
            j = (i + 1) % segments
            corners = list(dict.fromkeys((lower[i], lower[j], upper[j], upper[i])))
            if len(corners) > 2:
                faces.append(tuple(corners))
    return Solid(np.array(vertices, float), tuple(faces))


def prism(outline: Sequence[tuple[float, float]], x0: float, x1: float) -> Solid:
    """`outline` (y, z), counter-clockwise seen from +x, drawn out along x."""
    count = len(outline)
    vertices = [(x0, y, z) for y, z in outline] + [(x1, y, z) for y, z in outline]
    sides = [(i, (i + 1) % count, count + (i + 1) % count, count + i) for i in range(count)]
    faces = (tuple(range(count - 1, -1, -1)), tuple(range(count, 2 * count)), *sides)
    return Solid(np.array(vertices, float), faces)


def _arc(radius: float, z: float, start_deg: float, end_deg: float, steps: int) -> list[tuple[float, float]]:
    turns = np.radians(np.linspace(start_deg, end_deg, steps + 1))
    return [(0.0 if abs(np.cos(t)) < 1e-9 else radius * float(np.cos(t)), z + radius * float(np.sin(t))) for t in turns]


def _ball() -> Solid:
    return lathe(_arc(1.0, 0.0, -90, 90, ROUND // 2))


def _torus(radius: float = 1.0, tube: float = 0.25) -> Solid:
    turns = np.radians(np.linspace(0, 360, 17))[:-1]
    ring = [(radius + tube * np.cos(t), tube * np.sin(t)) for t in turns]
    turned = lathe([*ring, ring[0]])
    count = len(turned.vertices) - ROUND  # the first ring is there twice
    return Solid(turned.vertices[:count], tuple(tuple(i % count for i in face) for face in turned.faces))


def _vessel(foot: float, rim: float, height: float, wall: float, bottom: float) -> Solid:
    """Open above: radius of foot and rim outside, thickness of wall and bottom."""
    inner = max(foot - wall, 0.2 * foot)
    mid = [(foot + (rim - foot) * t, height * t) for t in np.linspace(0, 1, 9)]
    outside = [(0.0, 0.0), (foot * 0.96, 0.0), (foot, height * 0.02), *mid[1:]]
    inside = [(max(r - wall, inner), z) for r, z in reversed(mid) if z > bottom * 1.2]
    return lathe([*outside, *inside, (inner * 0.97, bottom), (0.0, bottom)])


def _bowl() -> Solid:
    outside = [(0.0, 0.0), (0.35, 0.0), *[(r, z + 1.0) for r, z in _arc(1.0, 0.0, -66, 0, 14)]]
    inside = [(r, z + 1.0) for r, z in _arc(0.94, 0.0, 0, -90, 14)]
    return lathe([*outside, *inside])


def _handle(radius: float, height: float) -> Solid:
    """Half a ring on the +x side of a mug."""
    vertices: list[np.ndarray] = []
    steps, around, thick = 14, 10, 0.05 * height + 0.02
    for i in range(steps + 1):
        turn = np.pi * (i / steps - 0.5)
        outward = np.array([np.cos(turn), 0.0, np.sin(turn)])
        centre = np.array([radius * 0.97, 0.0, height * 0.5]) + outward * np.array([0.55 * radius, 0, 0.3 * height])
        for k in range(around):
            angle = 2 * np.pi * k / around
            vertices.append(centre + thick * (np.cos(angle) * outward + np.sin(angle) * np.array([0.0, 1.0, 0.0])))
    faces: list[tuple[int, ...]] = []
    for i in range(steps):
        for k in range(around):
            a, b = i * around + k, i * around + (k + 1) % around
            faces.append((a, a + around, b + around, b))
    ends = (tuple(range(around)), tuple(range((steps + 1) * around - 1, steps * around - 1, -1)))
    return Solid(np.array(vertices), (*faces, *ends))


def _mug() -> Solid:
    return joined(_vessel(0.42, 0.43, 1.0, 0.045, 0.08), _handle(0.42, 1.0))


def _stairs() -> Solid:
    outline = [(0.0, 0.0), (5.0, 0.0), (5.0, 5.0)]
    for step in range(5, 0, -1):
        outline += [(step - 1.0, float(step)), (step - 1.0, step - 1.0)]
    return prism(outline[:-1], 0.0, 6.0)


def _table() -> Solid:
    legs = [block((x, y, 0), (x + 0.07, y + 0.07, 0.7)) for x in (0.03, 1.3) for y in (0.03, 0.7)]
    return joined(block((0, 0, 0.7), (1.4, 0.8, 0.74)), *legs)


def _chair() -> Solid:
    legs = [block((x, y, 0), (x + 0.04, y + 0.04, 0.43)) for x in (0.0, 0.41) for y in (0.0, 0.46)]
    posts = [block((x, 0.46, 0.46), (x + 0.04, 0.5, 0.9)) for x in (0.0, 0.41)]
    back = block((0.04, 0.465, 0.6), (0.41, 0.495, 0.88))
    return joined(block((0, 0, 0.43), (0.45, 0.5, 0.46)), *legs, *posts, back)


def _shelf() -> Solid:
    boards = [block((0.02, 0, z), (0.78, 0.3, z + 0.02)) for z in (0.04, 0.62, 1.2, 1.78)]
    sides = [block((x, 0, 0), (x + 0.02, 0.3, 1.8)) for x in (0.0, 0.78)]
    return joined(*boards, *sides, block((0.02, 0.285, 0.06), (0.78, 0.3, 1.78)))


def _trough(x: float, y: float, z: float, wall: float) -> Solid:
    """A box, open above, in one piece (liquids find no gap in it)."""
    outside = [(0, 0, 0), (x, 0, 0), (x, y, 0), (0, y, 0), (0, 0, z), (x, 0, z), (x, y, z), (0, y, z)]
    w = wall
    rim = [(w, w, z), (x - w, w, z), (x - w, y - w, z), (w, y - w, z)]
    floor = [(w, w, w), (x - w, w, w), (x - w, y - w, w), (w, y - w, w)]
    faces: list[tuple[int, ...]] = [(0, 3, 2, 1), (12, 13, 14, 15)]
    for i in range(4):
        j = (i + 1) % 4
        faces += [(i, j, 4 + j, 4 + i), (4 + i, 4 + j, 8 + j, 8 + i), (8 + i, 8 + j, 12 + j, 12 + i)]
    return Solid(np.array([*outside, *rim, *floor], float), tuple(faces))


def _pin() -> Solid:
    profile = [(0.0, 0.0), (0.26, 0.0), (0.3, 0.03), (0.45, 0.55), (0.48, 1.0), (0.42, 1.5), (0.24, 2.2), (0.19, 2.5)]
    return lathe([*profile, (0.24, 2.8), (0.27, 2.95), (0.25, 3.1), (0.15, 3.2), (0.0, 3.22)], 32)


_CUBE = ((-1, -1, -1), (1, 1, 1))
_MAKERS = {
    "plane": lambda: _grid_plane(),
    "sphere": _ball,
    "cylinder": lambda: lathe([(0, 0), (1, 0), (1, 2), (0, 2)]),
    "pole": lambda: lathe([(0, 0), (1, 0), (1, 2), (0, 2)], 24),
    "cone": lambda: lathe([(0, 0), (1, 0), (0, 2)]),
    "torus": _torus,
    "pyramid": lambda: Solid(
        np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0), (0, 0, 1)], float),
        ((0, 3, 2, 1), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)),
    ),
    "capsule": lambda: lathe([*_arc(1, 1, -90, 0, 8), *_arc(1, 5, 0, 90, 8)]),
    "balloon": lambda: lathe([(0, -1.25), (0.1, -1.2), (0.06, -1.08), *[(r * (1 - 0.12 * (z < 0) * z * z), z)
                              for r, z in _arc(1.0, 0.0, -80, 90, 22)]]),
    "bowling_pin": _pin,
    "ramp": lambda: prism([(0, 0), (2, 0), (2, 0.6)], 0, 1),
    "stairs": _stairs,
    "table": _table,
    "chair": _chair,
    "shelf": _shelf,
    "cup": lambda: _vessel(0.34, 0.45, 1.0, 0.045, 0.07),
    "mug": _mug,
    "glass": lambda: _vessel(0.24, 0.29, 1.0, 0.02, 0.06),
    "bowl": _bowl,
    "bucket": lambda: _vessel(0.38, 0.5, 1.0, 0.02, 0.03),
    "crate": lambda: _trough(0.6, 0.4, 0.35, 0.02),
    "tank": lambda: _trough(1.0, 0.6, 0.6, 0.015),
}  # fmt: skip
_MAKERS |= {name: lambda: block(*_CUBE) for name in ("cube", "box", "dice", "domino", "brick", "plank", "wall")}
_MAKERS |= {
    name: _ball
    for name in ("basketball", "football", "tennis_ball", "ping_pong_ball", "bowling_ball", "beach_ball", "marble")
}


def _grid_plane() -> Solid:
    return Solid(np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], float), ((0, 1, 2, 3),))
