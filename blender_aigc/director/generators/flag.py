"""Flags on a pole, banners and pennants: a sheet of quads ready for cloth physics, pinned along its hoist."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, switch
from .parts import Look, Parts, srgb
from .shapes.noise import Noise
from .shapes.piece import assembled, slotted
from .shapes.solids import ball, cylinder, sheet

_COLOURS = {
    "white": "#f2f2ee",
    "red": "#b8202b",
    "blue": "#1f3f8c",
    "green": "#1d7a44",
    "yellow": "#e8bb1f",
    "black": "#151517",
}
_STRIPES = {
    "plain": (),
    "tricolour": ("#1f3f8c", "#f2f2ee", "#b8202b"),
    "bands": ("#151517", "#b8202b", "#e8bb1f"),
    "checkered": ("#f2f2ee", "#151517"),
}
INFO = GeneratorInfo(
    "flag",
    "Flag",
    "A flag of quads, ready for cloth physics; the vertex group pin holds it at its pole, which stands at its left",
    "fabrics",
    (
        metres("width_m", "Width", "From the pole to the loose end", 1.8, 0.1, 20.0),
        metres("height_m", "Height", "Of the cloth", 1.2, 0.1, 20.0),
        metres("pole_m", "Pole", "Height of the pole; 0 leaves it out", 3.2, 0.0, 40.0),
        choice("colour", "Colour", "Of the cloth", *((key, key.capitalize()) for key in _COLOURS)),
        choice(
            "pattern",
            "Pattern",
            "What is on it",
            ("plain", "Plain"),
            ("tricolour", "Three upright stripes"),
            ("bands", "Three bands"),
            ("checkered", "Checkered"),
        ),
        switch("pennant", "Pennant", "It narrows to a point", False),
        DETAIL,
    ),
    (
        Variant(("flag",), {}, mass_kg=0.4, bounce=0.0),
        Variant(("striped flag", "tricolour"), {"pattern": "tricolour"}, mass_kg=0.4, bounce=0.0),
        Variant(
            ("racing flag", "checkered flag"),
            {"pattern": "checkered", "width_m": 0.9, "height_m": 0.7, "pole_m": 1.3},
            mass_kg=0.2,
            bounce=0.0,
        ),
        Variant(("pennant",), {"pennant": True, "colour": "red", "height_m": 0.7}, mass_kg=0.2, bounce=0.0),
    ),
    role="cloth",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    width, height, pole = (float(values[key]) for key in ("width_m", "height_m", "pole_m"))
    detail = float(values["detail"])
    cell = np.sqrt(width * height / (1600 * detail**2))
    columns, rows = max(6, 3 * round(width / cell / 3)), max(6, 3 * round(height / cell / 3))
    cloth = sheet(columns, rows, width, height)
    x, v = cloth.vertices[:, 0] + width / 2, cloth.vertices[:, 1]
    share = x / width
    if values["pennant"]:
        v = v * (1 - 0.96 * share)
    # Ripples that grow towards the loose end, and a breath of noise: a perfectly flat sheet would not start to flutter.
    ripple = 0.035 * width * share * np.sin(2 * np.pi * (1.3 * share + 0.15 * v / height) + rng.uniform(0, 6))
    ripple = ripple + 0.004 * width * Noise(rng)(np.column_stack([x, v, 0 * x]) / (0.15 * width)) * np.sqrt(share)
    top = max(pole - 0.06, height) if pole else height
    radius = 0.012 + 0.004 * pole
    gap = radius if pole else 0.0
    cloth = cloth.warped(np.column_stack([x + gap, ripple, v + top - height / 2]))
    column = np.arange(len(x)) % (columns + 1)
    cloth = cloth.grouped("pin", (column == 0).astype(float))
    looks = {"cloth": Look(srgb(_COLOURS[str(values["colour"])]), roughness=0.85)}
    stripes = _STRIPES[str(values["pattern"])]
    looks |= {f"colour {n}": Look(srgb(text), roughness=0.85) for n, text in enumerate(stripes)}
    names = tuple(f"colour {n}" for n in range(len(stripes))) or ("cloth",)
    part = slotted("Flag", cloth, _slots(str(values["pattern"]), columns, rows), names, crease_deg=180)
    used = {name: looks[name] for name in names}
    if not pole:
        return Parts((part,), used)
    sides = segments(16, detail, 6)
    shaft = cylinder(radius, pole, sides, 0.75 * radius)
    layers = [(shaft, "pole"), (ball(1.8 * radius, segments(5, detail, 3)).moved(z=pole + radius), "knob")]
    used |= {
        "pole": Look(srgb("#b9bcc0"), roughness=0.3, metallic=1.0),
        "knob": Look(srgb("#c9a24a"), roughness=0.2, metallic=1.0),
    }
    return Parts((part, assembled("Pole", layers, closed=True)), used)


def _slots(pattern: str, columns: int, rows: int) -> np.ndarray:
    """(F,) number of the stripe that each quad belongs to."""
    row, column = (a.ravel() for a in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    if pattern == "tricolour":
        return column * 3 // columns
    if pattern == "bands":
        return 2 - row * 3 // rows
    if pattern == "checkered":
        return (column * 6 // columns + row * 5 // rows) % 2
    return np.zeros(len(row), int)
