"""Shrubs, hedges and berry bushes: many stems from the ground, after Weber and Penn's branching."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.branching import Level, at, bark, branches, leaves, unit
from .shapes.piece import assembled
from .shapes.solids import ball

INFO = GeneratorInfo(
    "shrub",
    "Shrub",
    "A bush with many stems; or a hedge, cut to a box",
    "plants",
    (
        choice(
            "kind",
            "Kind",
            "Wild, cut to a hedge, or with berries",
            ("bush", "Bush"),
            ("hedge", "Hedge"),
            ("berries", "Berry bush"),
            ("rose", "Rose bush"),
        ),
        metres("width_m", "Width", "Of the whole shrub", 1.4, 0.2, 12.0),
        metres("height_m", "Height", "Of the whole shrub", 1.1, 0.2, 8.0),
        share("leaf_density", "Leaves", "How dense the leaves are", 1.0, 0.1, 2.0),
        DETAIL,
    ),
    (
        Variant(("shrub", "bush"), {}, mass_kg=15.0, bounce=0.0),
        Variant(("hedge",), {"kind": "hedge", "width_m": 3.0, "height_m": 1.3}, mass_kg=60.0, bounce=0.0),
        Variant(("berry bush",), {"kind": "berries"}, mass_kg=12.0, bounce=0.0),
        Variant(("rose bush", "rose"), {"kind": "rose", "width_m": 1.0, "height_m": 0.9}, mass_kg=8.0, bounce=0.0),
    ),
    source="Weber and Penn, Creation and Rendering of Realistic Trees, SIGGRAPH 1995",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    width, height = float(values["width_m"]), float(values["height_m"])
    depth = min(0.6, width) if kind == "hedge" else width
    number = max(4, round((14 if kind != "hedge" else 9 * width) * min(1.0, detail**0.5)))
    turn, out = rng.uniform(0, 2 * np.pi, number), np.sqrt(rng.random(number))
    foot = np.column_stack([np.cos(turn) * out * 0.12 * width, np.sin(turn) * out * 0.12 * width, np.zeros(number)])
    if kind == "hedge":
        foot[:, 0] = np.linspace(-0.46, 0.46, number) * width
        foot[:, 1] = rng.uniform(-0.2, 0.2, number) * depth
    way = unit(np.column_stack([np.cos(turn) * out, np.sin(turn) * out, np.full(number, 0.9)]))
    reach = np.linspace(0, 1, 6)[None, :, None]
    stems = foot[:, None] + way[:, None] * reach * 0.8 * height
    stems = stems + np.cumsum(rng.normal(0, 0.016 * height, stems.shape), 1) * (reach > 0)
    girth = np.tile(np.linspace(1, 0.35, 6) * 0.011 * height, (number, 1))
    layers = [(bark(stems, girth, segments(6, detail, 3)), "bark")]
    twigs, thin = branches(stems, girth, Level(9, 0.15, 1.0, (55, 35), 0.5, 0.03, 0.2, 4, 4), rng)
    layers.append((bark(twigs, thin, 3), "bark"))
    last, _ = branches(twigs, thin, Level(4, 0.2, 1.0, (50, 40), 0.55, 0.02, 0.2, 3, 3), rng)
    if kind == "hedge":
        last = np.concatenate([last, _filling(width, depth, height, rng)])
    each = max(2, round((9 if kind != "hedge" else 6) * float(values["leaf_density"]) * min(detail, 2.0)))
    size = 0.085 * height**0.5 * min(2.0, 1 / min(1.0, detail) ** 0.5)
    leaf = leaves(last, each, size, rng, 0.1, 0.6, 0.0)
    layers.append((leaf, "leaves"))
    if kind in ("berries", "rose"):
        tips = at(last, last, rng.uniform(0.5, 1, (len(last), 1))).reshape(-1, 3)
        chosen = tips[rng.permutation(len(tips))[: max(6, len(tips) // 6)]]
        fruit = ball(
            (0.018 if kind == "berries" else 0.045) * height**0.5, 2 if kind == "berries" else segments(4, detail, 2)
        )
        if kind == "rose":
            swirl = 1 + 0.22 * np.sin(
                5 * np.arctan2(fruit.vertices[:, 1], fruit.vertices[:, 0]) + 60 * fruit.vertices[:, 2]
            )
            fruit = fruit.warped(fruit.vertices * swirl[:, None])
        layers.append((fruit.copied(chosen), "fruit"))
    layers = _fitted(layers, kind, width, depth, height)
    green = ("#3d5f2a", "#5d7d37") if kind != "hedge" else ("#2f5426", "#4b7033")
    looks = {
        "bark": Look(srgb("#5a4736"), srgb("#44352a"), "noise", 0.05, 0.002, 0.95),
        "leaves": Look(srgb(green[0]), srgb(green[1]), "noise", 0.25, 0.0, 0.6, leaf=True),
        "fruit": Look(srgb("#a3182a"), roughness=0.3 if kind == "berries" else 0.7),
    }
    return Parts((assembled("Shrub", layers, crease_deg=80),), looks)


def _filling(width: float, depth: float, height: float, rng: np.random.Generator) -> np.ndarray:
    """(B, 3, 3) short twigs near the sides of the box of a hedge, pointing outwards."""
    number = round(420 * (width * height + width * depth + depth * height))
    points = rng.uniform(-1, 1, (min(number, 30_000), 3))
    axis = rng.choice(
        3,
        len(points),
        p=np.array([depth * height, width * height, width * depth]) / (depth * height + width * height + width * depth),
    )
    rows = np.arange(len(points))
    points[rows, axis] = np.sign(points[rows, axis]) * rng.uniform(0.75, 0.98, len(points))
    out = np.zeros_like(points)
    out[rows, axis] = np.sign(points[rows, axis])
    place = points * np.array([width, depth, height]) / 2 + (0, 0, height / 2)
    way = out + rng.normal(0, 0.4, out.shape)
    return place[:, None] + way[:, None] * np.linspace(0, 0.06, 3)[None, :, None]


def _fitted(layers, kind: str, width: float, depth: float, height: float):
    """Scaled to the size asked for; a hedge is pressed into its box, as if cut."""
    points = np.concatenate([piece.vertices for piece, _ in layers])
    low, high = points.min(0), points.max(0)
    size, middle = np.array([width, depth, height]), (low + high) / 2
    if kind != "hedge":
        factor = size / np.maximum(high - low, 1e-6)
        return [
            (piece.warped((piece.vertices - (middle[0], middle[1], low[2])) * factor), look) for piece, look in layers
        ]
    made = []
    for piece, look in layers:
        v = (piece.vertices - (0, 0, height / 2)) / (size / 2)
        reach = np.abs(v).max(1, keepdims=True)
        limit = np.minimum(reach, 1 + 0.07 * np.tanh(3 * np.maximum(reach - 1, 0)))
        made.append((piece.warped(v * limit / np.maximum(reach, 1e-9) * size / 2 + (0, 0, height / 2)), look))
    return made
