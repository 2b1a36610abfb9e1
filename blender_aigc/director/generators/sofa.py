"""Sofas and upholstered armchairs. Seat 0.42 m high and 0.6 m a person wide (Neufert, Architects' Data)."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, count, metres, segments, switch
from .parts import Look, Parts, srgb
from .shapes.cushions import cushion, pillow
from .shapes.piece import Piece, assembled
from .shapes.solids import box, cylinder

_COLOURS = {
    "grey": "#6f747a",
    "blue": "#33506e",
    "green": "#51664d",
    "red": "#7d2f2b",
    "beige": "#b5a58a",
    "brown": "#5b3a24",
}

INFO = GeneratorInfo(
    "sofa",
    "Sofa",
    "An upholstered sofa or armchair",
    "furniture",
    (
        count("seats", "Seats", "People who can sit on it", 3, 1, 8),
        metres("seat_m", "Seat Width", "For one person", 0.66, 0.4, 1.5),
        choice("cover", "Cover", "What it is covered with", ("fabric", "Fabric"), ("leather", "Leather")),
        choice("colour", "Colour", "Of the cover", *((key, key.capitalize()) for key in _COLOURS)),
        switch("pillows", "Pillows", "Loose pillows in the corners", True),
        DETAIL,
    ),
    (
        Variant(("sofa", "couch", "settee"), {}, mass_kg=75.0, bounce=0.1),
        Variant(
            ("easy chair", "club chair", "upholstered armchair"),
            {"seats": 1, "cover": "leather", "colour": "brown", "pillows": False},
            mass_kg=35.0,
            bounce=0.1,
        ),
        Variant(("loveseat", "two-seater"), {"seats": 2, "colour": "blue"}, mass_kg=55.0, bounce=0.1),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    detail, seats, seat = float(values["detail"]), int(values["seats"]), float(values["seat_m"])
    scale = seat / 0.66
    arm, depth, foot, base = 0.17 * scale, 0.88 * scale, 0.1 * scale, 0.19 * scale
    inner = seats * seat
    width = inner + 2 * arm
    cells = segments(10, detail, 3)
    soft: list[Piece] = [box(width - 0.02, depth - 0.06, base, 0.025, 2, 2).moved(0, 0, foot + base / 2)]
    for side in (-1, 1):
        rest = cushion(arm, depth - 0.02, 0.46 * scale, 0.06, cells)
        soft.append(rest.moved(side * (inner + arm) / 2, 0, foot + 0.02 + 0.23 * scale))
    back = cushion(inner + 0.02, 0.2 * scale, 0.62 * scale, 0.05, cells)
    soft.append(back.turned("x", -6).moved(0, depth / 2 - 0.13 * scale, foot + 0.36 * scale))
    for number in range(seats):
        x = (number + 0.5) * seat - inner / 2
        pad = cushion(seat - 0.008, depth - 0.28 * scale, 0.17 * scale, 0.3, cells)
        soft.append(pad.moved(x, -0.12 * scale, foot + base + 0.075 * scale))
        lean = cushion(seat - 0.012, 0.5 * scale, 0.17 * scale, 0.45, cells).turned("x", 76)
        soft.append(lean.moved(x, depth / 2 - 0.29 * scale, foot + base + 0.38 * scale))
    layers = [(piece, "cover") for piece in soft]
    for x in (-1, 1):
        for y in (-1, 1):
            leg = cylinder(0.016 * scale, foot + 0.01, segments(14, detail, 6), 0.026 * scale)
            layers.append((leg.moved(x * (width / 2 - 0.08), y * (depth / 2 - 0.1)), "leg"))
    if values["pillows"]:
        for side in (-1, 1):
            loose = pillow(0.44 * scale, 0.44 * scale, 0.15 * scale, cells).turned("x", 62).turned("z", -side * 24)
            layers.append(
                (loose.moved(side * (inner / 2 - 0.17 * scale), -0.02 * scale, foot + base + 0.36 * scale), "pillow")
            )
    return Parts((assembled("Sofa", layers, closed=True, crease_deg=60),), _looks(values))


def _looks(values: dict[str, Value]) -> dict[str, Look]:
    colour = srgb(_COLOURS[str(values["colour"])])
    dark = (colour[0] * 0.82, colour[1] * 0.82, colour[2] * 0.82)
    if values["cover"] == "leather":
        cover = Look(colour, dark, "noise", 0.01, 0.0006, 0.35)
    else:
        cover = Look(colour, dark, "noise", 0.004, 0.0012, 0.95)
    pillow_colour = srgb("#d9b25f") if values["colour"] != "beige" else srgb("#8c3b2e")
    return {
        "cover": cover,
        "leg": Look(srgb("#4a2f1c"), srgb("#392413"), "wood", 0.02, 0.0, 0.4),
        "pillow": Look(pillow_colour, pillow_colour, "noise", 0.004, 0.001, 0.95),
    }
