"""Beds with mattress, blanket and pillows, in the sizes that mattresses are sold in."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments
from .parts import Look, Parts, srgb
from .shapes.cushions import cushion, pillow
from .shapes.noise import Noise
from .shapes.piece import Piece, assembled
from .shapes.solids import sheet, thick
from .shapes.timber import board, post

_WIDTHS = {"single": 0.9, "double": 1.6, "king": 1.8}
INFO = GeneratorInfo(
    "bed",
    "Bed",
    "A made bed: frame, mattress, blanket, pillows; its head is at the back",
    "furniture",
    (
        choice(
            "kind", "Size", "Width of the mattress", ("double", "Double"), ("single", "Single"), ("king", "King size")
        ),
        metres("length_m", "Length", "Of the mattress", 2.0, 0.6, 4.0),
        metres("head_m", "Headboard", "Its height from the floor", 1.0, 0.4, 2.5),
        choice("wood", "Wood", "Which wood", ("oak", "Oak"), ("walnut", "Walnut"), ("painted", "Painted white")),
        choice(
            "blanket", "Blanket", "Its colour", ("blue", "Blue"), ("white", "White"), ("red", "Red"), ("green", "Green")
        ),
        DETAIL,
    ),
    (
        Variant(("bed", "double bed"), {}, mass_kg=80.0, bounce=0.1),
        Variant(("single bed", "cot"), {"kind": "single", "blanket": "green"}, mass_kg=50.0, bounce=0.1),
        Variant(
            ("king size bed", "king bed"),
            {"kind": "king", "wood": "walnut", "blanket": "white"},
            mass_kg=95.0,
            bounce=0.1,
        ),
    ),
)
_WOODS = {
    "oak": Look(srgb("#b98a55"), srgb("#96683a"), "wood", 0.025, 0.0002, 0.45),
    "walnut": Look(srgb("#6a4327"), srgb("#472a17"), "wood", 0.025, 0.0002, 0.4),
    "painted": Look(srgb("#ece8df"), roughness=0.4),
}
_BLANKETS = {"blue": "#40638a", "white": "#e4e1d8", "red": "#8c2f2c", "green": "#5c7457"}


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    detail, width, length = float(values["detail"]), _WIDTHS[str(values["kind"])], float(values["length_m"])
    head, rail, top = float(values["head_m"]), 0.3, 0.5
    x, y = width / 2 + 0.03, length / 2 + 0.03
    wood: list[Piece] = []
    for side in (-1, 1):
        wood.append(board((side * x - 0.015, -y, rail - 0.16), (side * x + 0.015, y, rail), 0.004))
        wood.append(post((side * x, -y, 0), (side * x, -y, rail + 0.06), 0.07, bevel=0.008))
        wood.append(post((side * x, y, 0), (side * x, y, head), 0.07, bevel=0.008))
    wood.append(board((-x, -y - 0.015, rail - 0.16), (x, -y + 0.015, rail), 0.004))
    planks = np.linspace(rail, head - 0.04, 4)
    wood += [
        board((-x, y - 0.014, a + 0.003), (x, y + 0.014, b), 0.004)
        for a, b in zip(planks[:-1], planks[1:], strict=True)
    ]
    wood.append(board((-x - 0.04, y - 0.035, head - 0.04), (x + 0.04, y + 0.035, head), 0.008))
    layers = [(piece, "wood") for piece in wood]
    cells = segments(14, detail, 4)
    layers.append((cushion(width, length, top - rail + 0.08, 0.04, 6).moved(z=(top + rail - 0.08) / 2), "mattress"))
    number = 1 if width < 1.2 else 2
    for k in range(number):
        place = (k + 0.5 - number / 2) * width / number
        head_rest = pillow(min(0.7, 0.9 * width / number), 0.45, 0.17, cells).turned("x", 8)
        layers.append((head_rest.moved(place, length / 2 - 0.26, top + 0.07), "linen"))
    layers += _blanket(width, length, top, rail, cells, rng)
    looks = {
        "wood": _WOODS[str(values["wood"])],
        "mattress": Look(srgb("#e9e5da"), roughness=0.9),
        "linen": Look(srgb("#f3f1ec"), srgb("#e6e3dc"), "noise", 0.02, 0.001, 0.9),
        "blanket": Look(srgb(_BLANKETS[str(values["blanket"])]), roughness=0.95),
    }
    return Parts((assembled("Bed", layers, closed=True, crease_deg=60),), looks)


def _blanket(width: float, length: float, top: float, rail: float, cells: int, rng) -> list[tuple[Piece, str]]:
    """A cloth that lies on the mattress and hangs over three sides, with soft folds; its edge is turned back."""
    hang = top - rail + 0.02
    back, across = 0.26 * length, 4 * cells
    flat = sheet(across, across, 1, 1)
    u, v = flat.vertices[:, 0] * (width + 2 * hang), flat.vertices[:, 1] * (length - back + hang)
    v = v + (length / 2 - back) - (length - back + hang) / 2
    noise = Noise(rng)
    fold = noise.fbm(np.column_stack([u * 2.2, v * 2.2, 0 * u]), 3) * 0.012
    over_x, over_y = np.maximum(np.abs(u) - width / 2, 0), np.maximum(-v - length / 2, 0)
    x = np.clip(u, -width / 2, width / 2) + np.sign(u) * (0.024 + 0.02 * np.sin(v * 17) * over_x / hang) * (over_x > 0)
    y = np.maximum(v, -length / 2) - (0.024 + 0.02 * np.sin(u * 17) * over_y / hang) * (over_y > 0)
    drop = np.hypot(over_x, over_y)
    z = top + 0.02 + np.where(drop > 0, 0, fold) - np.minimum(drop, hang)
    cover = thick(flat.warped(np.column_stack([x, y, z])), 0.02)
    roll = cushion(width + 0.05, 0.22, 0.05, 0.3, 8).moved(0, length / 2 - back - 0.04, top + 0.045)
    return [(cover, "blanket"), (roll, "linen")]
