"""Walls of single stones: brick in bond, field stone, a castle wall with battlements."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, share
from .parts import Look, Parts, srgb
from .shapes.piece import Piece, assembled, merged
from .shapes.solids import box, slab

# brick: length, height; joint; depth of the wall
_KINDS = {
    "brick": (0.24, 0.071, 0.01, 0.24),
    "stone": (0.42, 0.2, 0.022, 0.45),
    "castle": (0.7, 0.34, 0.02, 1.2),
    "blocks": (0.4, 0.2, 0.01, 0.2),
}
INFO = GeneratorInfo(
    "wall",
    "Wall",
    "A wall of bricks or stones, each one modelled",
    "architecture",
    (
        choice(
            "kind",
            "Kind",
            "What it is built of",
            ("brick", "Brick"),
            ("stone", "Field stone"),
            ("castle", "Castle wall"),
            ("blocks", "Concrete blocks"),
        ),
        metres("length_m", "Length", "Left to right", 3.0, 0.5, 60.0),
        metres("height_m", "Height", "From the ground", 1.6, 0.2, 20.0),
        share("ruin", "Ruin", "How much of its top has fallen", 0.0),
        DETAIL,
    ),
    (
        Variant(("wall", "brick wall"), {}, mass_kg=1900.0),
        Variant(("stone wall", "dry stone wall"), {"kind": "stone", "height_m": 1.1}, mass_kg=3000.0),
        Variant(
            ("castle wall", "battlement", "city wall"),
            {"kind": "castle", "height_m": 5.0, "length_m": 8.0},
            mass_kg=90_000.0,
        ),
        Variant(
            ("ruin", "ruined wall", "broken wall"),
            {"kind": "stone", "ruin": 0.7, "height_m": 2.2, "length_m": 4.0},
            mass_kg=4000.0,
        ),
        Variant(("concrete wall", "block wall"), {"kind": "blocks"}, mass_kg=1800.0),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, length, height = str(values["kind"]), float(values["length_m"]), float(values["height_m"])
    brick, course, joint, depth = _KINDS[kind]
    size = max(1.0, np.sqrt(length * height / (brick * course) / 2000))  # never more than about 2000 stones
    brick, course = min(brick * size, length), min(course * size, height)
    rows = max(1, round(height / course))
    course = height / rows
    left = _skyline(length, rows, float(values["ruin"]), rng)
    stones = _stones(kind, length, rows, brick, course, joint, left, rng)
    low, high = stones[:, 0], stones[:, 1]
    wobble = 0.0 if kind in ("brick", "blocks") else 0.035
    detail = float(values["detail"])
    bevel = 0.0 if detail < 0.5 else 0.06 if kind in ("brick", "blocks") else 0.2
    shape = box(1, 1, 1, bevel, 1 if detail < 1.5 else 2)
    transforms = np.tile(np.eye(4), (len(stones), 1, 1))
    thick = depth + wobble * rng.normal(0, 1, len(stones))
    transforms[:, 0, 0], transforms[:, 1, 1], transforms[:, 2, 2] = high - low - joint, thick, course - joint
    transforms[:, 0, 3], transforms[:, 2, 3] = (low + high) / 2, stones[:, 2] * course + course / 2
    whole = shape.copied(transforms)
    shades = np.repeat(rng.choice(3, len(stones), p=(0.5, 0.3, 0.2)), len(shape.sizes))
    layers = [(_some(whole, shades == n), f"stone {n}") for n in range(3) if (shades == n).any()]
    mortar = [
        slab((a, -0.42 * depth, z * course), (b, 0.42 * depth, (z + 0.985) * course)) for a, b, z in _runs(stones)
    ]
    layers.append((merged(mortar), "mortar"))
    if kind == "castle":
        layers += _merlons(length, height, depth)
    looks = {f"stone {n}": look for n, look in enumerate(_looks(kind))}
    looks["mortar"] = Look(srgb("#a39c90"), srgb("#948d80"), "noise", 0.05, 0.001, 0.95)
    return Parts((assembled("Wall", layers, closed=True, crease_deg=60),), looks)


def _looks(kind: str) -> list[Look]:
    colours = {
        "brick": ("#8f4532", "#a2553d", "#77382a"),
        "stone": ("#8c867b", "#757067", "#9f998c"),
        "castle": ("#8d877a", "#7d776b", "#9a9486"),
        "blocks": ("#9d9d9b", "#949492", "#a6a6a4"),
    }[kind]
    looks = []
    for text in colours:
        colour = srgb(text)
        dark = (colour[0] * 0.75, colour[1] * 0.75, colour[2] * 0.75)
        looks.append(Look(colour, dark, "noise", 0.06, 0.002, 0.9))
    return looks


def _skyline(length: float, rows: int, ruin: float, rng: np.random.Generator):
    """A function of x: how many courses are left there."""
    places = np.linspace(-length / 2, length / 2, 9)
    left = rows * (1 - ruin * rng.uniform(0.0, 1.0, 9))
    left[0], left[-1] = left[0] * (1 - 0.5 * ruin), left[-1]
    return lambda x: np.interp(x, places, left)


def _stones(kind: str, length: float, rows: int, brick: float, course: float, joint: float, left, rng) -> np.ndarray:
    """(N, 3) left end, right end and course of each stone; joints of neighbouring courses are staggered."""
    made = []
    for row in range(rows):
        if kind in ("brick", "blocks"):
            start = -length / 2 - (brick / 2 if row % 2 else 0)
            edges = np.arange(start, length / 2 + brick, brick)
        else:
            edges = -length / 2 + np.cumsum(
                np.concatenate([[0], rng.uniform(0.55, 1.45, int(2.2 * length / brick) + 2) * brick])
            )
        edges = np.unique(np.clip(edges, -length / 2, length / 2))
        edges = edges[np.concatenate([[True], np.diff(edges) > 3 * joint])]
        edges[-1] = length / 2
        for a, b in zip(edges[:-1], edges[1:], strict=True):
            if row == 0 or row + 1 <= left((a + b) / 2):
                made.append((a, b, row))
    return np.array(made)


def _runs(stones: np.ndarray):
    """Neighbouring stones of one course as one stretch: left end, right end, course."""
    start, previous = stones[0], stones[0]
    for stone in stones[1:]:
        if stone[2] != previous[2] or stone[0] - previous[1] > 1e-6:
            yield start[0] + 0.008, previous[1] - 0.008, start[2]
            start = stone
        previous = stone
    yield start[0] + 0.008, previous[1] - 0.008, start[2]


def _some(piece: Piece, faces: np.ndarray) -> Piece:
    """The chosen faces with only their vertices."""
    corners = piece.corners[np.repeat(faces, piece.sizes)]
    used, corners = np.unique(corners, return_inverse=True)
    return Piece(piece.vertices[used], corners.reshape(-1), piece.sizes[faces], None, piece.smooth[faces])


def _merlons(length: float, height: float, depth: float) -> list[tuple[Piece, str]]:
    number = max(1, round(length / 1.6))
    step = length / number
    y = -depth / 2
    layers = [(slab((-length / 2, y - 0.08, height), (length / 2, y + 0.35, height + 0.25), 0.02), "stone 1")]
    for k in range(number):
        x = (k + 0.5) * step - length / 2
        layers.append(
            (slab((x - 0.3 * step, y - 0.06, height + 0.25), (x + 0.3 * step, y + 0.33, height + 1.1), 0.03), "stone 0")
        )
    return layers
