"""Curtains on a rod, ready for cloth physics: pleated quads, pinned where the rings hold them."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, count, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.curves import circle
from .shapes.piece import assembled, merged, slotted
from .shapes.solids import ball, loft, rod, sheet

_COLOURS = {"red": "#7d2230", "white": "#eeece4", "blue": "#33517a", "green": "#4c6b52", "gold": "#b08a3c"}
INFO = GeneratorInfo(
    "curtain",
    "Curtain",
    "A pleated curtain on its rod, ready for cloth physics; the vertex group pin holds it at the rings",
    "fabrics",
    (
        metres("width_m", "Width", "Of the window that it covers", 1.6, 0.2, 30.0),
        metres("height_m", "Height", "From the floor to the rod", 2.3, 0.2, 20.0),
        count("panels", "Panels", "Halves that can be drawn apart", 2, 1, 2),
        share("drawn", "Drawn", "1 covers the window, less gathers the cloth at the sides", 0.75, 0.15, 1.0),
        choice("colour", "Colour", "Of the cloth", *((key, key.capitalize()) for key in _COLOURS)),
        DETAIL,
    ),
    (
        Variant(("curtain", "drape"), {}, mass_kg=1.5, bounce=0.0),
        Variant(
            ("stage curtain", "theatre curtain"),
            {"width_m": 8.0, "height_m": 5.0, "drawn": 1.0},
            mass_kg=40.0,
            bounce=0.0,
        ),
    ),
    role="cloth",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    width, height, detail = float(values["width_m"]), float(values["height_m"]), float(values["detail"])
    panels, drawn = int(values["panels"]), float(values["drawn"])
    own = width / panels
    folds = max(3, round(own / 0.16 * (height / 2.3) ** -0.5))
    across = 10 if folds * panels < 30 else 6
    columns, rows = folds * segments(across, detail, 4, even=True), max(8, round(46 * detail))
    pieces, rings = [], []
    gap = 0.02 * height
    for panel in range(panels):
        side = (-1, 1)[panel] if panels == 2 else -1
        cloth = sheet(columns, rows, 1, 1)
        u, v = cloth.vertices[:, 0] + 0.5, cloth.vertices[:, 1] + 0.5
        x = side * (width / 2 - u * own * drawn * 0.995)
        # The cloth is about 1.9 times as wide as what it covers: what is spare goes into the folds.
        depth = 0.22 * own / folds * (1.15 + 0.9 * (1 - drawn))
        wander = 0.25 * np.sin(2 * np.pi * (3 * u + rng.random())) * (1 - v)
        fold = depth * np.sin(2 * np.pi * folds * u + wander)
        flat = 0.55 + 0.45 * np.clip((1 - v) / 0.12, 0, 1)
        made = cloth.warped(np.column_stack([x, fold * flat, gap + v * (height - 2 * gap)]))
        column, row = np.arange(len(u)) % (columns + 1), np.arange(len(u)) // (columns + 1)
        held = (row == rows) & (column % (columns // folds) == 0)
        made = made.grouped("pin", held.astype(float))
        pieces.append(made.flipped() if side < 0 else made)
        rings.append(made.vertices[held][:, 0])
    cloth = merged(pieces)
    looks = {
        "cloth": Look(srgb(_COLOURS[str(values["colour"])]), roughness=0.9),
        "rod": Look(srgb("#b99a5b"), roughness=0.3, metallic=1.0),
    }
    part = slotted("Curtain", cloth, np.zeros(len(cloth.sizes)), ("cloth",), crease_deg=180)
    sides = segments(14, detail, 6)
    bar_m = 0.006 * height
    over = 0.06 * width + 0.05
    metal = [rod((-width / 2 - over, 0, height), (width / 2 + over, 0, height), bar_m, sides)]
    metal += [ball(2.0 * bar_m, 4).moved(s * (width / 2 + over), 0, height) for s in (-1, 1)]
    loop = np.column_stack([np.zeros(sides), circle(1.7 * bar_m, sides)])
    small = circle(0.35 * bar_m, 6)
    outward = loop / np.linalg.norm(loop, axis=1, keepdims=True)
    ring = loft(
        loop[:, None] + outward[:, None] * small[None, :, :1] + np.array([1.0, 0, 0]) * small[None, :, 1:],
        ends_meet=True,
    )
    ring = ring.flipped()
    metal += [ring.moved(x, 0, height - 0.4 * bar_m) for x in np.concatenate(rings)]
    return Parts((part, assembled("Rod", [(merged(metal), "rod")], closed=True)), looks)
