"""Tables and desks. Heights after Neufert, Architects' Data: dining 0.74 m, coffee 0.42 m, bar 1.05 m."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments
from .parts import Look, Parts, srgb
from .shapes.curves import rounded
from .shapes.piece import Piece, assembled
from .shapes.solids import lathe
from .shapes.timber import board, grained, post, turned_leg

_USUAL = {  # width, depth, height
    "dining": (1.6, 0.9, 0.74),
    "round": (1.1, 1.1, 0.74),
    "coffee": (1.1, 0.6, 0.42),
    "side": (0.5, 0.5, 0.55),
    "desk": (1.4, 0.7, 0.74),
    "picnic": (1.8, 0.72, 0.75),
}
INFO = GeneratorInfo(
    "table",
    "Table",
    "A table or desk; things can stand on it",
    "furniture",
    (
        choice("kind", "Kind", "What it is for", *((kind, kind.capitalize()) for kind in _USUAL)),
        metres("width_m", "Width", "Left to right; 0 takes the usual width", 0.0, 0.0, 20.0),
        metres("depth_m", "Depth", "Front to back; 0 takes the usual depth", 0.0, 0.0, 20.0),
        metres("height_m", "Height", "Of the top; 0 takes the usual height", 0.0, 0.0, 10.0),
        choice("wood", "Wood", "Which wood", ("oak", "Oak"), ("walnut", "Walnut"), ("painted", "Painted white")),
        DETAIL,
    ),
    (
        Variant(("table", "dining table", "kitchen table", "wooden table"), {}, mass_kg=38.0, bounce=0.2),
        Variant(("round table",), {"kind": "round", "wood": "walnut"}, mass_kg=30.0, bounce=0.2),
        Variant(("coffee table",), {"kind": "coffee", "wood": "walnut"}, mass_kg=16.0, bounce=0.2),
        Variant(("side table", "nightstand", "bedside table"), {"kind": "side"}, mass_kg=8.0, bounce=0.2),
        Variant(("desk", "writing desk"), {"kind": "desk"}, mass_kg=35.0, bounce=0.2),
        Variant(("picnic table",), {"kind": "picnic"}, mass_kg=45.0, bounce=0.2),
    ),
)
_WOODS = {
    "oak": Look(srgb("#b98a55"), srgb("#96683a"), "wood", 0.025, 0.0002, 0.4),
    "walnut": Look(srgb("#6a4327"), srgb("#472a17"), "wood", 0.025, 0.0002, 0.35),
    "painted": Look(srgb("#ece8df"), roughness=0.4),
}


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    given = (float(values[key]) for key in ("width_m", "depth_m", "height_m"))
    width, depth, height = (own or usual for own, usual in zip(given, _USUAL[kind], strict=True))
    build = {"round": _round, "desk": _desk, "picnic": _picnic, "side": _side}.get(kind, _four_legs)
    layers = build(width, depth, height, detail)
    looks = {"wood": _WOODS[str(values["wood"])], "metal": Look(srgb("#6d6a63"), roughness=0.35, metallic=1.0)}
    return Parts((assembled("Table", layers, closed=True),), looks)


def _top(width: float, depth: float, height: float, thick: float, planks: int = 5) -> list[Piece]:
    """Planks along the width, with fine gaps."""
    edges = np.linspace(-depth / 2, depth / 2, planks + 1)
    gap = min(0.0012, 0.01 * depth)
    ends = [
        (a if a == edges[0] else a + gap, b if b == edges[-1] else b - gap)
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]
    return [board((-width / 2, a, height - thick), (width / 2, b, height), 0.003, "x") for a, b in ends]


def _four_legs(width: float, depth: float, height: float, detail: float) -> list[tuple[Piece, str]]:
    thick = min(0.036, 0.2 * height)
    leg = min(0.07, 0.12 * min(width, depth))
    x, y = width / 2 - 1.1 * leg, depth / 2 - 1.1 * leg
    pieces = _top(width, depth, height, thick)
    apron = min(0.09, 0.2 * height)
    for a in (-1, 1):
        for b in (-1, 1):
            pieces.append(post((a * x * 1.01, b * y * 1.01, 0), (a * x, b * y, height - thick), 0.9 * leg, bevel=0.006))
        pieces.append(board((-x, a * y - 0.011, height - thick - apron), (x, a * y + 0.011, height - thick), 0.002))
        pieces.append(board((a * x - 0.011, -y, height - thick - apron), (a * x + 0.011, y, height - thick), 0.002))
    return [(piece, "wood") for piece in pieces]


def _round(width: float, depth: float, height: float, detail: float) -> list[tuple[Piece, str]]:
    thick, radius = min(0.032, 0.2 * height), width / 2
    around = segments(64, detail, 12)
    rim = rounded([(0, height - thick), (radius, height - thick), (radius, height), (0, height)], 0.4 * thick, 3)
    top = grained(lathe(rim, around), "x").scaled(1, depth / width, 1)
    column = [
        (0, 0.05),
        (0.09, 0.05),
        (0.09, 0.12),
        (0.05, 0.16),
        (0.045, 0.4),
        (0.075, 0.62),
        (0.05, 0.8),
        (0.11, 0.955),
        (0, 0.955),
    ]
    stem = lathe(rounded(np.array(column) * (radius / 0.55, height), 0.03, 3), segments(28, detail, 8))
    pieces = [top, stem]
    for angle in np.radians((30, 150, 270)):
        out = 0.62 * radius
        foot = (out * np.cos(angle), out * np.sin(angle), 0.02)
        pieces.append(post((0.03 * np.cos(angle), 0.03 * np.sin(angle), 0.2 * height), foot, 0.04, 0.055, 0.01))
    return [(piece, "wood") for piece in pieces]


def _side(width: float, depth: float, height: float, detail: float) -> list[tuple[Piece, str]]:
    thick = min(0.024, 0.2 * height)
    x, y = width / 2 - 0.06 * width, depth / 2 - 0.06 * depth
    pieces = [board((-width / 2, -depth / 2, height - thick), (width / 2, depth / 2, height), 0.006)]
    drawer = min(0.13, 0.3 * height)
    pieces.append(board((-x, -y, height - thick - drawer), (x, y, height - thick), 0.003))
    front = -y - 0.009
    pieces.append(
        board((-0.94 * x, front, height - thick - 0.92 * drawer), (0.94 * x, -y, height - thick - 0.08 * drawer), 0.004)
    )
    sides = segments(12, detail, 6)
    for a in (-1, 1):
        for b in (-1, 1):
            pieces.append(
                turned_leg(a * 0.9 * x, b * 0.9 * y, height - thick - drawer, 0.018, sides, (a * 0.02, b * 0.02))
            )
    layers = [(piece, "wood") for piece in pieces]
    knob = lathe(np.array([(0, 0), (0.006, 0), (0.006, 0.012), (0.014, 0.018), (0.012, 0.026), (0, 0.028)]), sides * 2)
    return [*layers, (knob.turned("x", 90).moved(0, front, height - thick - drawer / 2), "metal")]


def _desk(width: float, depth: float, height: float, detail: float) -> list[tuple[Piece, str]]:
    thick = min(0.03, 0.2 * height)
    pieces = [board((-width / 2, -depth / 2, height - thick), (width / 2, depth / 2, height), 0.004)]
    chest, front = 0.3 * width, -depth / 2 + 0.03
    left = width / 2 - 0.03 - chest
    pieces.append(board((left, front + 0.02, 0.06), (left + chest, depth / 2 - 0.02, height - thick), 0.003, "z"))
    metal = []
    for low, high in ((0.09, 0.42), (0.44, 0.68), (0.7, 0.95)):
        a, b = low * (height - thick), high * (height - thick)
        pieces.append(board((left + 0.008, front, a), (left + chest - 0.008, front + 0.02, b), 0.003))
        grip = post(
            (left + 0.35 * chest, front - 0.022, b - 0.05), (left + 0.65 * chest, front - 0.022, b - 0.05), 0.01, 0.01
        )
        metal.append(grip)
        metal += [
            post((left + s * chest, front - 0.022, b - 0.05), (left + s * chest, front + 0.005, b - 0.05), 0.008)
            for s in (0.37, 0.63)
        ]
    pieces.append(board((left + 0.02, front + 0.06, 0), (left + chest - 0.02, depth / 2 - 0.06, 0.06), 0.002))
    for y in (-depth / 2 + 0.05, depth / 2 - 0.05):
        pieces.append(post((-width / 2 + 0.05, y, 0), (-width / 2 + 0.05, y, height - thick), 0.05))
    pieces.append(
        board((-width / 2 + 0.05, depth / 2 - 0.06, 0.5 * height), (left, depth / 2 - 0.04, height - thick), 0.002)
    )
    return [(piece, "wood") for piece in pieces] + [(piece, "metal") for piece in metal]


def _picnic(width: float, depth: float, height: float, detail: float) -> list[tuple[Piece, str]]:
    thick, seat = 0.04, 0.6 * height
    out = depth / 2 + 0.32
    pieces = _top(width, depth, height, thick, 6)
    for side in (-1, 1):
        for y in (out - 0.13, out):
            pieces.append(board((-width / 2, side * y - 0.06, seat - thick), (width / 2, side * y + 0.06, seat), 0.004))
        x = side * (width / 2 - 0.25)
        pieces.append(
            board((x - 0.025, -out - 0.06, seat - thick - 0.09), (x + 0.025, out + 0.06, seat - thick), 0.004)
        )
        pieces.append(
            board(
                (x - 0.025, -depth / 2 + 0.03, height - thick - 0.09),
                (x + 0.025, depth / 2 - 0.03, height - thick),
                0.004,
            )
        )
        for b in (-1, 1):
            foot, head = (x - side * 0.046, b * (out - 0.1), 0), (x - side * 0.046, b * 0.22 * depth, height - thick)
            pieces.append(post(foot, head, 0.04, 0.09))
    return [(piece, "wood") for piece in pieces]
