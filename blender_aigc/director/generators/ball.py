"""Balls for sports and games, in the sizes and weights of their rule books.

Sizes and masses: FIBA Official Basketball Rules 2024 (size 7), ITF Rules of Tennis appendix I, IFAB Laws of the Game
law 2, USBC equipment manual, WPA equipment specifications. Restitution as in the drop tests that those rules prescribe
(a basketball dropped from 1.8 m comes back to 1.035 .. 1.085 m).
"""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments
from .parts import Look, Parts, srgb
from .shapes.cut import parted
from .shapes.piece import Piece, slotted
from .shapes.solids import ball

KINDS = {  # diameter m, mass kg, restitution, main colour, second colour, roughness
    "basketball": (0.243, 0.62, 0.76, "#c8551b", "#1a1512", 0.75),
    "football": (0.22, 0.43, 0.75, "#f2f2ee", "#17181a", 0.35),
    "tennis": (0.067, 0.058, 0.74, "#c9dd2a", "#eef0e4", 0.95),
    "bowling": (0.2165, 6.8, 0.65, "#15225c", "#050505", 0.05),
    "billiard": (0.0572, 0.165, 0.93, "#b3121d", "#f4efdc", 0.04),
    "beach": (0.4, 0.1, 0.6, "#f4f4f0", "#d81f2a", 0.3),
    "rubber": (0.2, 0.3, 0.8, "#d0232b", "#d0232b", 0.4),
    "marble": (0.016, 0.0054, 0.65, "#8fd0c8", "#1f5fa8", 0.02),
}
_WORDS = {
    "basketball": ("basketball",),
    "football": ("football", "soccer ball"),
    "tennis": ("tennis ball",),
    "bowling": ("bowling ball",),
    "billiard": ("billiard ball", "pool ball", "snooker ball"),
    "beach": ("beach ball",),
    "rubber": ("rubber ball", "ball", "toy ball"),
    "marble": ("marble", "glass marble"),
}


def _variant(kind: str) -> Variant:
    _, mass, bounce, *_ = KINDS[kind]
    params: dict[str, Value] = {} if kind == "basketball" else {"kind": kind}
    return Variant(_WORDS[kind], params, mass_kg=mass, bounce=bounce)


INFO = GeneratorInfo(
    "ball",
    "Ball",
    "A ball of a sport, with its seams, in its true size and weight",
    "balls",
    (
        choice("kind", "Kind", "Which sport it is for", *((kind, _WORDS[kind][0].capitalize()) for kind in KINDS)),
        metres("diameter_m", "Diameter", "0 takes the size of the rule book", 0.0, 0.0, 20.0),
        DETAIL,
    ),
    tuple(_variant(kind) for kind in KINDS),
    source="Rule books of FIBA, ITF, IFAB, USBC, WPA",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind = str(values["kind"])
    usual, _, _, first, second, roughness = KINDS[kind]
    radius = (float(values["diameter_m"]) or usual) / 2
    cells = segments(24 if kind in ("basketball", "football", "tennis") else 12, float(values["detail"]), 4, even=True)
    cells *= 2 if kind in ("basketball", "football", "tennis") else 1
    whole = ball(1.0, cells)
    whole = whole.with_uvs(_equirectangular(whole))
    looks = {kind: Look(srgb(first), roughness=roughness, **_RELIEF.get(kind, {}))}
    slots = np.zeros(len(whole.sizes), int)
    if kind in _MARKS:
        border, _ = _MARKS[kind](whole.vertices, 1.6 / cells)
        whole, slots = parted(whole, border)
        directions = whole.vertices / np.linalg.norm(whole.vertices, axis=1, keepdims=True)
        whole = whole.warped(directions * (1 - _MARKS[kind](directions, 1.6 / cells)[1])[:, None])
        looks["mark"] = Look(srgb(second), roughness=min(1.0, roughness + 0.1))
    whole = whole.scaled(radius).moved(z=radius)
    return Parts((slotted(kind.capitalize(), whole, slots, tuple(looks), closed=True, crease_deg=180),), looks)


_RELIEF = {
    "basketball": {"pattern": "noise", "second": srgb("#b94a14"), "scale_m": 0.003, "bump_m": 0.0004},
    "tennis": {"pattern": "noise", "second": srgb("#b4c820"), "scale_m": 0.001, "bump_m": 0.0006},
    "marble": {"transmission": 1.0},
}


def _equirectangular(piece: Piece) -> np.ndarray:
    """(C, 2) longitude and latitude, 0 .. 1, without a jump inside a face."""
    points = piece.vertices[piece.corners]
    longitude = (np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) + 0.5).reshape(-1, 4)
    longitude = np.where(longitude < longitude.max(1, keepdims=True) - 0.5, longitude + 1, longitude)
    return np.column_stack([longitude.reshape(-1), np.arcsin(np.clip(points[:, 2], -1, 1)) / np.pi + 0.5])


# Each gives, for directions (N, 3) and the size of a cell: a number below 0 where it is marked (N,), and the depth of
# the groove (N,) in radii.


def _basketball(d: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Two great circles and two curves that bend away from the third (the eight panels of a basketball)."""
    x, y, z = d.T
    curve = np.abs(np.abs(x) - np.sqrt(0.30 + 0.28 * y**2 + 0.0 * z))
    distance = np.minimum(np.minimum(np.abs(y), np.abs(z)), curve)
    width = max(0.02, 0.8 * cell)
    return distance - width, 0.012 * np.clip(1 - distance / (1.6 * width), 0, 1)


def _tennis(d: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """The seam curve a cos t + b cos 3t, a sin t - b sin 3t, c sin 2t with c = 2 sqrt(a b) (as on a baseball)."""
    a, b = 0.74, 0.26
    t = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    curve = np.column_stack(
        [a * np.cos(t) + b * np.cos(3 * t), a * np.sin(t) - b * np.sin(3 * t), 2 * np.sqrt(a * b) * np.sin(2 * t)]
    )
    distance = np.sqrt(np.maximum(0, 2 - 2 * (d @ curve.T).max(1)))
    width = max(0.06, 0.55 * cell)
    return distance - width, 0.02 * np.clip(1 - distance / (1.3 * width), 0, 1)


def _football(d: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Truncated icosahedron: the twelve pentagons are marked; the seams run between nearest face centres."""
    phi = (1 + 5**0.5) / 2
    five = np.array([(0, s, t * phi) for s in (-1, 1) for t in (-1, 1)])
    five = np.concatenate([five, np.roll(five, 1, 1), np.roll(five, 2, 1)]) / np.sqrt(1 + phi**2)
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    edge = np.array([(0, s * phi, t / phi) for s in (-1, 1) for t in (-1, 1)])
    six = np.concatenate([corners, edge, np.roll(edge, 1, 1), np.roll(edge, 2, 1)]) / np.sqrt(3)
    # Planes of pentagons lie nearer to the middle of the ball than those of hexagons: weigh them by it.
    reach = np.concatenate([d @ five.T / 0.9393, d @ six.T / 0.9149], axis=1)
    best = np.sort(reach, axis=1)
    gap = best[:, -1] - best[:, -2]
    width = max(0.018, 0.3 * cell)
    return reach[:, 12:].max(1) - reach[:, :12].max(1), 0.018 * np.clip(1 - gap / width, 0, 1)


def _beach(d: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Six gores, every other one coloured."""
    gore = np.sin(3 * np.arctan2(d[:, 1], d[:, 0]))
    return np.where(np.abs(d[:, 2]) < 0.97, gore, np.abs(gore) + 0.1), np.zeros(len(d))


def _billiard(d: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Two white discs, where the number stands."""
    return np.cos(0.36) - np.abs(d[:, 1]), np.zeros(len(d))


def _bowling(d: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Two fingers and a thumb."""
    holes = np.array([(0.12, -0.22, 0.97), (-0.12, -0.22, 0.97), (0.0, -0.55, 0.835)])
    holes /= np.linalg.norm(holes, axis=1, keepdims=True)
    distance = np.arccos(np.clip(d @ holes.T, -1, 1)).min(1)
    width = max(0.10, 0.7 * cell)
    return distance - width, 0.28 * (distance < width)


_MARKS = {
    "basketball": _basketball,
    "tennis": _tennis,
    "football": _football,
    "beach": _beach,
    "billiard": _billiard,
    "bowling": _bowling,
}
