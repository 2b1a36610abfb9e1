"""Shirts, ready for cloth physics: one layer of quads, sewn at sides and shoulders, open at neck, hem and cuffs.

Measures of a medium size (EN 13402): chest 0.98 m, length 0.70 m. Pins: the shoulders, as on a hanger.
"""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, share
from .parts import Look, Parts, srgb
from .shapes.piece import assembled
from .shapes.sewn import fullness, outline, panel, sewn

_COLOURS = {
    "white": "#efefec",
    "blue": "#34567f",
    "red": "#a32b2b",
    "black": "#1c1c20",
    "green": "#456b46",
    "yellow": "#d8b23c",
}
INFO = GeneratorInfo(
    "shirt",
    "Shirt",
    "A shirt as if worn by nobody, ready for cloth physics; the vertex group pin holds it at the shoulders",
    "fabrics",
    (
        choice("kind", "Sleeves", "Their length", ("tshirt", "Short"), ("long", "Long"), ("tank", "None")),
        metres("length_m", "Length", "From shoulder to hem", 0.7, 0.1, 3.0),
        metres("chest_m", "Chest", "Around it", 1.0, 0.2, 4.0),
        share("loose", "Loose", "How far the sleeves stand out: 0 hanging, 1 straight out", 0.45),
        choice("colour", "Colour", "Of the cloth", *((key, key.capitalize()) for key in _COLOURS)),
        DETAIL,
    ),
    (
        Variant(("t-shirt", "tshirt", "tee", "shirt"), {}, mass_kg=0.15, bounce=0.0),
        Variant(
            ("long-sleeved shirt", "sweater", "pullover"), {"kind": "long", "colour": "blue"}, mass_kg=0.3, bounce=0.0
        ),
        Variant(("tank top", "vest", "undershirt"), {"kind": "tank", "colour": "red"}, mass_kg=0.12, bounce=0.0),
    ),
    role="cloth",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    length, chest, detail = float(values["length_m"]), float(values["chest_m"]), float(values["detail"])
    cell = 0.02 * (length / 0.7) / detail
    half = chest / 4  # half the width of the flat body
    scale = length / 0.7
    sleeve = {"tshirt": 0.21, "long": 0.58, "tank": 0.0}[str(values["kind"])] * scale
    body = max(4, round(half / cell))
    out = round(sleeve / cell)
    rows, hole = max(8, round(length / cell)), max(3, round(0.21 * scale / cell))
    cells = np.zeros((rows, 2 * (body + out)), bool)
    cells[:, out : out + 2 * body] = True
    if out:
        cells[rows - hole :, :] = True
    points, quads = panel(cells)
    u = (points[:, 0] - body - out) / body  # -1 .. 1 across the body
    v = points[:, 1] / rows
    seam = _seams(points, quads, body, out, rows, hole)
    flat = _cut(u, v, half, length, sleeve, scale, float(values["loose"]), body, out, rows, hole, points)
    full = fullness(flat, seam, 0.5 * half)
    in_sleeve = np.clip((np.abs(u) - 0.8) / 0.4, 0, 1)
    depth = (0.105 * (1 - in_sleeve) + 0.055 * in_sleeve) * scale * (chest / 1.0) ** 0.5
    top = np.clip((1 - v) / 0.12, 0, 1)
    front, back = depth * full * (0.35 + 0.65 * top), 0.85 * depth * full * (0.5 + 0.5 * top)
    scoop = _neck(u, v, 0.36, 0.16)
    flat_front = flat.copy()
    flat_front[:, 1] -= 0.07 * scale * scoop
    shirt = sewn(points, quads, flat_front, seam, front, back)
    shoulder = (v > 1 - 0.5 / rows) & (np.abs(u) > 0.3) & (np.abs(u) < 0.95)
    pins = np.concatenate([shoulder.astype(float), shoulder[~seam].astype(float)])
    low = shirt.vertices[:, 2].min()
    shirt = shirt.moved(z=-low).grouped("pin", pins)
    colour = srgb(_COLOURS[str(values["colour"])])
    look = Look(colour, colour, "weave", 0.002, 0.0002, 0.9)
    return Parts((assembled("Shirt", [(shirt, "cloth")], crease_deg=180),), {"cloth": look})


def _neck(u: np.ndarray, v: np.ndarray, width: float, depth: float) -> np.ndarray:
    """(V,) 1 in the middle of the neckline, 0 beside it."""
    across = np.clip(1 - (u / width) ** 2, 0, 1)
    return across * np.clip(1 - (1 - v) / depth, 0, 1)


def _seams(points, quads, body: int, out: int, rows: int, hole: int) -> np.ndarray:
    """(V,) is the point on the outline, and not at hem, cuff, neck (or armhole, without sleeves)?"""
    edge = np.zeros(len(points), bool)
    edge[np.unique(outline(quads))] = True
    u = np.abs(points[:, 0] - body - out)
    hem = (points[:, 1] == 0) & (u < body)
    neck = (points[:, 1] == rows) & (u < 0.34 * body)
    opening = hem | neck
    if out:
        opening |= (u == body + out) & (points[:, 1] > rows - hole) & (points[:, 1] < rows)
    else:
        opening |= (u == body) & (points[:, 1] > rows - hole) & (points[:, 1] < rows)
    return edge & ~opening


def _cut(u, v, half, length, sleeve, scale, loose, body, out, rows, hole, points) -> np.ndarray:
    """(V, 2) x and z in metres of each point of the pattern: a slight waist, sloping shoulders, sleeves that hang."""
    x, z = u * half, v * length
    inside = np.clip(np.abs(u), 0, 1)
    x = x * (1 - 0.05 * np.exp(-(((v - 0.35) / 0.25) ** 2)))
    slope = 0.05 * scale * np.clip((inside - 0.3) / 0.7, 0, 1) * np.clip((v - 0.55) / 0.45, 0, 1)
    z = z - slope
    if not out:
        arm = np.clip((v - (1 - hole / rows)) / (hole / rows), 0, 1)
        return np.column_stack(
            [np.sign(x) * np.minimum(np.abs(x), half * (1 - 0.3 * np.sin(arm * np.pi / 2) ** 0.7)), z]
        )
    along = np.maximum(np.abs(points[:, 0] - body - out) - body, 0) / out * sleeve
    taper = 1 - (0.35 if sleeve > 0.4 * scale else 0.12) * along / sleeve
    top = length - 0.05 * scale
    pivot_z = top - 0.5 * hole / rows * length
    angle = np.radians(78 - 78 * loose)
    across = (z - pivot_z) * taper
    bend = np.clip(along / (0.05 * scale), 0, 1) * angle
    lean = np.sin(bend) * across
    sx = half + along * np.cos(bend) + lean
    sz = pivot_z + across * np.cos(bend) - along * np.sin(bend)
    beyond = along > 0
    x = np.where(beyond, np.sign(u) * sx, x)
    return np.column_stack([x, np.where(beyond, sz, z)])
