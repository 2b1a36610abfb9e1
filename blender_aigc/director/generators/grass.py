"""Grass, meadows and wheat: blades that bend under their own weight, all in one mesh."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, share
from .parts import Look, Parts, srgb
from .shapes.noise import Noise
from .shapes.piece import Piece, assembled, merged
from .shapes.solids import ball

# blades a square metre, height m, width m, how far they bend, colours
_KINDS = {
    "lawn": (4200, 0.075, 0.005, 0.35, "#3f6b22", "#6a8f36"),
    "meadow": (2200, 0.32, 0.007, 0.6, "#4d7430", "#93a552"),
    "wheat": (420, 0.85, 0.008, 0.18, "#c79c44", "#e0bf6a"),
    "reed": (160, 1.7, 0.02, 0.25, "#5f7f3b", "#8a9b57"),
    "dry": (1500, 0.28, 0.006, 0.7, "#b39a5a", "#cdb97c"),
}
INFO = GeneratorInfo(
    "grass",
    "Grass",
    "A square patch of grass, meadow with flowers, wheat or reed; scatter it for more",
    "plants",
    (
        choice("kind", "Kind", "What grows", *((kind, kind.capitalize()) for kind in _KINDS)),
        metres("size_m", "Size", "Side of the patch", 1.5, 0.1, 8.0),
        metres("height_m", "Height", "Of the blades; 0 takes the usual height", 0.0, 0.0, 5.0),
        share("density", "Density", "In shares of the usual one", 1.0, 0.05, 3.0),
        share("wind", "Wind", "How far all blades lean to one side", 0.15),
        DETAIL,
    ),
    (
        Variant(("grass", "lawn", "patch of grass"), {}, mass_kg=1.0, bounce=0.0),
        Variant(("meadow", "flower meadow", "tall grass"), {"kind": "meadow"}, mass_kg=1.0, bounce=0.0),
        Variant(("wheat", "wheat field", "corn field"), {"kind": "wheat", "size_m": 2.0}, mass_kg=1.0, bounce=0.0),
        Variant(("reed", "bulrush"), {"kind": "reed", "size_m": 2.0}, mass_kg=1.0, bounce=0.0),
        Variant(("dry grass", "straw"), {"kind": "dry"}, mass_kg=1.0, bounce=0.0),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail, size = str(values["kind"]), float(values["detail"]), float(values["size_m"])
    density, usual, width, bend, dark, light = _KINDS[kind]
    height = float(values["height_m"]) or usual
    number = round(density * float(values["density"]) * size**2 * min(1.0, detail) * max(1.0, detail**0.5))
    number = min(max(number, 8), 400_000)
    width *= (height / usual) ** 0.5 * min(2.5, 1 / min(1.0, detail) ** 0.7)
    place = np.column_stack([rng.uniform(-size / 2, size / 2, (number, 2)), np.zeros(number)])
    tall = height * rng.uniform(0.55, 1.1, number) * (0.85 + 0.3 * Noise(rng)(place / 0.5 + 0.3))
    way = rng.uniform(0, 2 * np.pi, number)
    lean = np.column_stack([np.cos(way), np.sin(way)]) * (bend * rng.uniform(0.2, 1.0, number))[:, None]
    lean[:, 0] += 0.9 * float(values["wind"])
    blade = _blades(place, lean, tall, width, rows=3 if kind == "lawn" else 4)
    layers: list[tuple[Piece, str]] = [(blade, "blades")]
    looks = {"blades": Look(srgb(dark), srgb(light), "noise", 0.35, 0.0, 0.6, leaf=True)}
    if kind in ("wheat", "reed"):
        layers.append((_ears(place, lean, tall, kind, rng), "ears"))
        looks["ears"] = Look(srgb("#d2a955" if kind == "wheat" else "#5a3a22"), roughness=0.9)
    if kind == "meadow":
        layers += _dots(place, lean, tall, rng)
        for n, text in enumerate(("#f2efe6", "#e2c02f", "#7a5bb0", "#c8343a")):
            looks[f"flower {n}"] = Look(srgb(text), roughness=0.7, leaf=True)
    return Parts((assembled("Grass", layers, crease_deg=180),), looks)


def _spine(place: np.ndarray, lean: np.ndarray, tall: np.ndarray, t: float) -> np.ndarray:
    """(N, 3) the point of each blade at t of its length: it leaves upright and bends over."""
    out = lean * tall[:, None] * t**2
    drop = 0.5 * (lean**2).sum(1) * tall * t**2
    return place + np.column_stack([out, tall * t - drop * 0.8])


def _blades(place: np.ndarray, lean: np.ndarray, tall: np.ndarray, width: float, rows: int) -> Piece:
    """Narrow strips that taper to a point: rows - 1 quads and a triangle each."""
    number = len(place)
    side = np.column_stack([-lean[:, 1], lean[:, 0], np.zeros(number)])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    points, sizes = [], np.tile([4] * (rows - 1) + [3], number)
    for k in range(rows):
        t = k / rows
        middle, half = _spine(place, lean, tall, t), side * (width / 2 * (1 - 0.75 * t**1.5))
        points += [middle - half, middle + half]
    points.append(_spine(place, lean, tall, 1.0))
    vertices = np.stack(points, 1).reshape(-1, 3)
    quads = [(2 * k, 2 * k + 1, 2 * k + 3, 2 * k + 2) for k in range(rows - 1)]
    face = np.concatenate([*quads, (2 * rows - 2, 2 * rows - 1, 2 * rows)])
    corners = (face[None] + (2 * rows + 1) * np.arange(number)[:, None]).reshape(-1)
    level = np.array([*(k / rows for k in range(rows) for _ in (0, 1)), 1.0])
    across = np.array([*(s for _ in range(rows) for s in (0.0, 1.0)), 0.5])
    uvs = np.tile(np.column_stack([across[face], level[face]]), (number, 1))
    return Piece(vertices, corners, sizes, uvs, np.ones(len(sizes), bool))


def _ears(place, lean, tall, kind: str, rng) -> Piece:
    """Spindles at the tips."""
    tip = _spine(place, lean, tall, 1.0)
    keep = rng.random(len(tip)) < (0.9 if kind == "wheat" else 0.35)
    length = 0.1 if kind == "wheat" else 0.2
    ear = ball(0.5, 2).scaled(0.12 if kind == "wheat" else 0.14, 0.12 if kind == "wheat" else 0.14, 1.0).scaled(length)
    return ear.copied(tip[keep] - (0, 0, 0.2 * length))


def _dots(place, lean, tall, rng) -> list[tuple[Piece, str]]:
    """Small flower heads on one blade in thirty."""
    tip = _spine(place, lean, tall, 0.98)
    chosen = np.flatnonzero(rng.random(len(tip)) < 0.03)
    chosen = chosen if len(chosen) else np.array([0])
    angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    rim = (
        np.column_stack([np.cos(angle), np.sin(angle), 0.25 + 0 * angle])
        * (0.018 * (1 - 0.45 * (np.arange(10) % 2)))[:, None]
    )
    disc = Piece(
        np.concatenate([[(0, 0, 0)], rim]),
        np.array([(0, 1 + k, 1 + (k + 1) % 10) for k in range(10)]).reshape(-1),
        np.full(10, 3),
    )
    kind = rng.integers(0, 4, len(chosen))
    return [(merged([disc.copied(tip[chosen[kind == n]])]), f"flower {n}") for n in range(4) if (kind == n).any()]
