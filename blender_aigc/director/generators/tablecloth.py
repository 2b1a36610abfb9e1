"""Plain cloths of quads, ready for cloth physics: lying flat, or over a table with its folds."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres
from .parts import Look, Parts, srgb
from .shapes.noise import Noise
from .shapes.piece import slotted
from .shapes.solids import sheet

_COLOURS = {
    "white": "#f3f2ee",
    "red": "#a8242c",
    "blue": "#2f5488",
    "green": "#4a7350",
    "yellow": "#dfba4a",
    "black": "#1c1c20",
}
INFO = GeneratorInfo(
    "tablecloth",
    "Cloth",
    "A cloth, ready for cloth physics: flat at its height, or hanging over the edges of a table",
    "fabrics",
    (
        metres("width_m", "Width", "Of the cloth", 1.9, 0.05, 30.0),
        metres("depth_m", "Depth", "Of the cloth", 1.3, 0.05, 30.0),
        metres("height_m", "Height", "At which it lies", 0.75, 0.0, 20.0),
        metres("hang_m", "Hanging", "How far its edges hang down; 0 lies flat", 0.25, 0.0, 3.0),
        choice(
            "pattern",
            "Pattern",
            "What is on it",
            ("plain", "Plain"),
            ("checkered", "Checkered"),
            ("striped", "Striped"),
        ),
        choice("colour", "Colour", "Of the cloth", *((key, key.capitalize()) for key in _COLOURS)),
        DETAIL,
    ),
    (
        Variant(("tablecloth", "table cloth"), {}, mass_kg=0.5, bounce=0.0),
        Variant(
            ("picnic blanket", "checkered cloth"),
            {"pattern": "checkered", "colour": "red", "hang_m": 0.0, "height_m": 0.01, "depth_m": 1.6},
            mass_kg=0.9,
            bounce=0.0,
        ),
        Variant(
            ("cloth", "sheet", "blanket", "fabric", "piece of cloth"),
            {"hang_m": 0.0, "height_m": 1.0, "width_m": 2.0, "depth_m": 2.0},
            mass_kg=0.8,
            bounce=0.0,
        ),
        Variant(
            ("towel",),
            {"pattern": "striped", "colour": "blue", "hang_m": 0.0, "height_m": 0.01, "width_m": 0.7, "depth_m": 1.4},
            mass_kg=0.5,
            bounce=0.0,
        ),
        Variant(
            ("handkerchief", "napkin"),
            {"hang_m": 0.0, "height_m": 0.3, "width_m": 0.4, "depth_m": 0.4},
            mass_kg=0.03,
            bounce=0.0,
        ),
        Variant(
            ("cape", "cloak"),
            {"hang_m": 0.0, "height_m": 1.6, "width_m": 1.2, "depth_m": 1.4, "colour": "red"},
            mass_kg=0.6,
            bounce=0.0,
        ),
    ),
    role="cloth",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    width, depth, height = (float(values[key]) for key in ("width_m", "depth_m", "height_m"))
    detail = float(values["detail"])
    cell = np.sqrt(width * depth / (2500 * detail**2))
    columns, rows = max(8, 2 * round(width / cell / 2)), max(8, 2 * round(depth / cell / 2))
    cloth = sheet(columns, rows, width, depth)
    x, y = cloth.vertices[:, 0], cloth.vertices[:, 1]
    hang = min(float(values["hang_m"]), 0.45 * min(width, depth), 0.96 * height)
    uneven = 0.0015 * min(width, depth) * Noise(rng).fbm(np.column_stack([x, y, 0 * x]) / (0.25 * min(width, depth)), 3)
    z = np.full(len(x), height) + (uneven if hang == 0 else 0)
    if hang > 0:
        x, y, z = _draped(x, y, width / 2 - hang, depth / 2 - hang, height, rng.uniform(0, 6))
    far = (np.abs(cloth.vertices[:, 1] - depth / 2) < 1e-9).astype(float)
    cloth = cloth.warped(np.column_stack([x, y, z])).grouped("pin", far)
    colour = srgb(_COLOURS[str(values["colour"])])
    looks = {"cloth": Look(colour, roughness=0.92), "second": Look(srgb("#f3f2ee"), roughness=0.92)}
    row, column = (a.ravel() for a in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    slots = {"plain": 0 * row, "checkered": (row // 2 + column // 2) % 2, "striped": (row // 3) % 2}[
        str(values["pattern"])
    ]
    names = ("cloth",) if values["pattern"] == "plain" else ("cloth", "second")
    return Parts((slotted("Cloth", cloth, slots, names, crease_deg=180),), {name: looks[name] for name in names})


def _draped(u, v, half_x: float, half_y: float, height: float, phase: float):
    """Over the edges of a table 2 half_x x 2 half_y: the sides hang in waves, the corners in one large fold each."""
    over_x, over_y = np.maximum(np.abs(u) - half_x, 0), np.maximum(np.abs(v) - half_y, 0)
    drop = np.hypot(over_x, over_y)
    corner = (over_x > 0) & (over_y > 0)
    reach = np.maximum(drop, 1e-9)
    # At a corner the cloth has a right angle too much: it stands out along the diagonal.
    spread = np.where(corner, 0.55 * np.minimum(over_x, over_y) / reach, 0.0)
    out = drop * (0.1 + spread)
    fall = np.sqrt(np.maximum(drop**2 - out**2, 0))
    wave = 0.10 * drop * (np.sin(9 * (u + v) / (half_x + half_y) * 2 + phase) + 1)
    dx, dy = np.where(drop > 0, over_x / reach, 0) * np.sign(u), np.where(drop > 0, over_y / reach, 0) * np.sign(v)
    x = np.clip(u, -half_x, half_x) + dx * (out + np.where(corner, 0, wave))
    y = np.clip(v, -half_y, half_y) + dy * (out + np.where(corner, 0, wave))
    return x, y, height - fall
