"""Chairs, stools and benches. Seat heights after EN 1335 / Neufert, Architects' Data (0.45 m; bar stools 0.75 m)."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, count, metres, segments
from .parts import Look, Parts, srgb
from .shapes.curves import evenly, smooth
from .shapes.piece import Piece, assembled
from .shapes.solids import box, cylinder, loft, rod, tubes
from .shapes.timber import board, post, turned_leg

INFO = GeneratorInfo(
    "chair",
    "Chair",
    "A chair, armchair, stool or bench to sit on",
    "furniture",
    (
        choice(
            "kind",
            "Kind",
            "What it is",
            ("dining", "Dining chair"),
            ("ladder", "Ladder-back chair"),
            ("armchair", "Chair with arms"),
            ("stool", "Stool"),
            ("bar", "Bar stool"),
            ("bench", "Bench"),
        ),
        metres("seat_m", "Seat Height", "0 takes the usual height", 0.0, 0.0, 2.0),
        metres("width_m", "Width", "Of the seat; 0 takes the usual width", 0.0, 0.0, 6.0),
        metres("back_m", "Back", "Height of the back above the seat", 0.45, 0.1, 1.5),
        count("bars", "Bars", "Slats in the back", 3, 1, 9),
        choice("wood", "Wood", "Which wood", ("oak", "Oak"), ("walnut", "Walnut"), ("painted", "Painted white")),
        DETAIL,
    ),
    (
        Variant(("chair", "dining chair"), {}, mass_kg=5.5, bounce=0.2),
        Variant(("ladder-back chair", "kitchen chair"), {"kind": "ladder"}, mass_kg=5.0, bounce=0.2),
        Variant(("armchair", "chair with arms"), {"kind": "armchair", "wood": "walnut"}, mass_kg=8.0, bounce=0.2),
        Variant(("stool",), {"kind": "stool"}, mass_kg=3.0, bounce=0.2),
        Variant(("bar stool",), {"kind": "bar", "wood": "walnut"}, mass_kg=5.0, bounce=0.2),
        Variant(("bench",), {"kind": "bench"}, mass_kg=14.0, bounce=0.2),
    ),
)
WOODS = {
    "oak": Look(srgb("#b98a55"), srgb("#96683a"), "wood", 0.02, 0.0002, 0.45),
    "walnut": Look(srgb("#6a4327"), srgb("#472a17"), "wood", 0.02, 0.0002, 0.4),
    "painted": Look(srgb("#ece8df"), roughness=0.4),
}
_USUAL = {  # seat height, width, depth
    "dining": (0.46, 0.45, 0.44),
    "ladder": (0.45, 0.44, 0.42),
    "armchair": (0.43, 0.56, 0.52),
    "stool": (0.45, 0.34, 0.34),
    "bar": (0.75, 0.36, 0.36),
    "bench": (0.45, 1.4, 0.36),
}


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    seat, width, depth = _USUAL[kind]
    seat, width = float(values["seat_m"]) or seat, float(values["width_m"]) or width
    depth = depth if kind == "bench" else depth * width / _USUAL[kind][1]
    wood = WOODS[str(values["wood"])]
    if kind in ("stool", "bar"):
        layers = _stool(seat, width, detail, kind == "bar")
    elif kind == "bench":
        layers = _bench(seat, width, depth)
    else:
        layers = _chair(kind, seat, width, depth, float(values["back_m"]), int(values["bars"]))
    looks = {"wood": wood, "cushion": Look(srgb("#7d8a78"), srgb("#6c7868"), "weave", 0.004, 0.0005, 0.9)}
    return Parts((assembled("Chair", layers, closed=True),), looks)


def _chair(kind: str, seat: float, width: float, depth: float, back: float, bars: int) -> list[tuple[Piece, str]]:
    leg = 0.036 * max(width / 0.45, 0.4)
    x, front, rear = width / 2 - leg / 2, -depth / 2 + leg / 2, depth / 2 - leg / 2
    top, lean = seat + back, 0.18 * back
    board_m = 0.022
    pieces = []
    for side in (-1, 1):
        pieces.append(post((side * x, front, 0), (side * x, front, seat - board_m), leg))
        # One bent piece from floor to top: the rear leg leans out both ways from the seat.
        pieces.append(post((side * x, rear + 0.08 * seat, 0), (side * x, rear, seat), leg))
        pieces.append(post((side * x, rear, seat - 0.01), (side * x, rear + lean, top), leg, 0.85 * leg))
        pieces.append(board((side * x - 0.4 * leg, front, seat - 0.085), (side * x + 0.4 * leg, rear, seat - board_m)))
        pieces.append(post((side * x, front, 0.32 * seat), (side * x, rear + 0.05 * seat, 0.32 * seat), 0.55 * leg))
    for y in (front, rear):
        pieces.append(board((-x, y - 0.4 * leg, seat - 0.085), (x, y + 0.4 * leg, seat - board_m)))
    pieces.append(post((-x, 0, 0.32 * seat), (x, 0, 0.32 * seat), 0.55 * leg))
    pieces += _back(kind, x, rear, seat, back, lean, leg, bars)
    layers = [(piece, "wood") for piece in pieces]
    if kind == "armchair":
        for side in (-1, 1):
            arm = seat + 0.22
            layers.append(
                (post((side * x, front + 0.03, seat - 0.03), (side * x, front + 0.03, arm), 0.9 * leg), "wood")
            )
            rest = board((side * x - 0.03, front - 0.03, arm), (side * x + 0.03, rear + 0.10, arm + 0.025), 0.01)
            layers.append((rest, "wood"))
        pad = box(width - 0.02, depth, 0.085, 0.035, 4, 6).moved(z=seat + 0.03)
        layers.append((_puffed(pad, seat + 0.03, 0.018), "cushion"))
    else:
        layers.append(
            (board((-width / 2, -depth / 2 - 0.01, seat - board_m), (width / 2, depth / 2, seat), 0.008), "wood")
        )
    return layers


def _back(kind, x, rear, seat, back, lean, leg, bars) -> list[Piece]:
    """Slats across (ladder) or upright between two rails."""

    def behind(z: float) -> float:
        return rear + lean * (z - seat) / back

    pieces = []
    if kind == "ladder":
        for z in np.linspace(seat + 0.25 * back, seat + 0.94 * back, bars):
            pieces.append(_bowed(x, behind(z), z, 0.13 * back))
        return pieces
    low, high = seat + 0.2 * back, seat + 0.92 * back
    pieces += [_bowed(x, behind(low), low, 0.09 * back), _bowed(x, behind(high), high, 0.17 * back)]
    for place in np.linspace(-1, 1, bars + 2)[1:-1]:
        y = 0.03 * (1 - place**2)
        bar = post((place * x, behind(low) + y, low), (place * x, behind(high) + y, high), 0.05, 0.012)
        pieces.append(bar)
    return pieces


def _bowed(x: float, y: float, z: float, height: float) -> Piece:
    """A rail between the two posts, bent backwards in the middle."""
    places = np.linspace(-1, 1, 9)
    line = np.column_stack([places * x, y + 0.03 * (1 - places**2), np.full(9, z)])
    flat = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) * (0.018, height)
    rings = np.array([[(px, py + a, pz + b) for a, b in flat] for px, py, pz in line])
    return loft(rings, smooth=False)


def _puffed(pad: Piece, middle: float, height: float) -> Piece:
    """A cushion: thicker in the middle."""
    low, high = pad.bounds()
    centre, half = (low + high) / 2, (high - low) / 2
    u = (pad.vertices - centre) / half
    swell = (1 - u[:, 0] ** 2) * (1 - u[:, 1] ** 2) * np.sign(u[:, 2]) * (np.abs(u[:, 2]) > 0.4)
    return pad.warped(pad.vertices + np.column_stack([0 * swell, 0 * swell, swell * height]))


def _stool(seat: float, width: float, detail: float, bar: bool) -> list[tuple[Piece, str]]:
    radius, board_m = width / 2, 0.032
    sides = segments(14, detail, 6)
    layers = []
    for angle in np.radians((45, 135, 225, 315)):
        x, y = 0.55 * radius * np.cos(angle), 0.55 * radius * np.sin(angle)
        out = (0.35 * radius * np.cos(angle), 0.35 * radius * np.sin(angle))
        layers.append((turned_leg(x, y, seat - 0.5 * board_m, 0.019, sides, out), "wood"))
    height = 0.3 * seat
    r = (0.55 + 0.35 * 0.7) * radius
    ring = [(r * np.cos(a), r * np.sin(a), height) for a in np.radians((45, 135, 225, 315))]
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        layers.append((rod(a, b, 0.01, sides), "wood"))
    top = cylinder(radius, board_m, segments(40, detail, 12), bevel=0.008).moved(z=seat - board_m)
    layers.append((top, "wood"))
    if bar:
        line = np.array(
            [(radius * 0.95 * np.sin(t), radius * 0.8 * np.cos(t) + 0.02, 0) for t in np.linspace(-1.2, 1.2, 12)]
        )
        line[:, 2] = seat + 0.16
        layers.append((tubes(evenly(smooth(line, 30), 16), 0.02, sides), "wood"))
        for t in (-0.9, 0, 0.9):
            foot = (radius * 0.85 * np.sin(t), radius * 0.72 * np.cos(t), seat - 0.01)
            head = (radius * 0.95 * np.sin(t), radius * 0.8 * np.cos(t) + 0.02, seat + 0.16)
            layers.append((rod(foot, head, 0.011, sides), "wood"))
    return layers


def _bench(seat: float, width: float, depth: float) -> list[tuple[Piece, str]]:
    leg = 0.06
    pieces = []
    for number in range(3):
        y = -depth / 2 + number * (depth + 0.012) / 3
        pieces.append(board((-width / 2, y, seat - 0.035), (width / 2, y + depth / 3 - 0.012, seat), 0.006))
    for side in (-1, 1):
        x = side * (width / 2 - 0.16)
        pieces.append(board((x - 0.03, -depth / 2 + 0.02, seat - 0.085), (x + 0.03, depth / 2 - 0.02, seat - 0.035)))
        for y in (-1, 1):
            foot = (x + side * 0.02, y * (depth / 2 - 0.03), 0)
            pieces.append(post(foot, (x, y * (depth / 2 - 0.06), seat - 0.05), leg, leg))
    pieces.append(post((-width / 2 + 0.16, 0, 0.3 * seat + 0.06), (width / 2 - 0.16, 0, 0.3 * seat + 0.06), 0.05, 0.08))
    pieces += [
        board(
            (s * (width / 2 - 0.16) - 0.02, -depth / 2 + 0.05, 0.3 * seat),
            (s * (width / 2 - 0.16) + 0.02, depth / 2 - 0.05, 0.3 * seat + 0.1),
        )
        for s in (-1, 1)
    ]
    return [(piece, "wood") for piece in pieces]
