"""Crates, boxes and chests."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments
from .parts import Look, Parts, srgb
from .shapes.piece import Piece, assembled
from .shapes.solids import box, loft, slab
from .shapes.timber import board, grained, post

INFO = GeneratorInfo(
    "crate",
    "Crate",
    "A wooden crate, cardboard box or treasure chest",
    "props",
    (
        choice("kind", "Kind", "What it is", ("crate", "Crate"), ("carton", "Cardboard box"), ("chest", "Chest")),
        metres("width_m", "Width", "Left to right", 0.6, 0.05, 10.0),
        metres("depth_m", "Depth", "Front to back", 0.6, 0.05, 10.0),
        metres("height_m", "Height", "From the floor", 0.6, 0.05, 10.0),
        DETAIL,
    ),
    (
        Variant(("crate", "wooden crate", "wooden box"), {}, mass_kg=18.0, bounce=0.15),
        Variant(
            ("cardboard box", "box", "carton", "parcel", "package"),
            {"kind": "carton", "width_m": 0.4, "depth_m": 0.3, "height_m": 0.3},
            mass_kg=2.0,
            bounce=0.1,
        ),
        Variant(
            ("chest", "treasure chest", "trunk"),
            {"kind": "chest", "width_m": 0.8, "depth_m": 0.48, "height_m": 0.55},
            mass_kg=30.0,
            bounce=0.1,
        ),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    size = tuple(float(values[key]) for key in ("width_m", "depth_m", "height_m"))
    kind = str(values["kind"])
    looks = {
        "wood": Look(srgb("#a9814f"), srgb("#84602f"), "wood", 0.02, 0.0006, 0.7),
        "frame": Look(srgb("#96703f"), srgb("#755227"), "wood", 0.02, 0.0006, 0.7),
        "card": Look(srgb("#b08a5a"), srgb("#a57f50"), "noise", 0.05, 0.0, 0.9),
        "tape": Look(srgb("#c9a36b"), roughness=0.25),
        "iron": Look(srgb("#4f4a45"), srgb("#3b342e"), "noise", 0.03, 0.0003, 0.45, metallic=1.0),
    }
    build = {"crate": _crate, "carton": _carton, "chest": _chest}[kind]
    return Parts((assembled(kind.capitalize(), build(*size, float(values["detail"])), closed=True),), looks)


def _crate(x: float, y: float, z: float, detail: float) -> list[tuple[Piece, str]]:
    """Boards on all six sides behind a frame with one diagonal on each of the four upright ones."""
    small = min(x, y, z)
    thick, bar = 0.03 * small, 0.12 * small
    layers: list[tuple[Piece, str]] = []
    for axis in range(3):
        for end in (-1, 1):
            layers += _side((x, y, z), axis, end, thick, bar)
    return [(piece.moved(z=z / 2), look) for piece, look in layers]


def _side(size, axis: int, end: int, thick: float, bar: float) -> list[tuple[Piece, str]]:
    """Boards, frame and diagonal of the side at `end` of `axis`, around the middle of the crate."""
    u, v = ((1, 2), (0, 2), (0, 1))[axis]
    half = np.array(size) / 2
    out = end * half[axis]

    def part(low_u, high_u, low_v, high_v, near, far, look, bevel=0.1):
        low, high = np.zeros(3), np.zeros(3)
        low[[u, v]], high[[u, v]] = (low_u, low_v), (high_u, high_v)
        low[axis], high[axis] = sorted((out - end * near, out - end * far))
        return (board(low, high, bevel * thick), look)

    hu, hv = half[u], half[v]
    hv -= thick if axis != 2 else 0.0  # the frames of top and bottom lie over those of the sides
    wide = hu - (thick if axis == 0 else 0.0)
    number = min(40, max(2, round(2 * hv / (1.1 * bar))))
    edges = np.linspace(-hv + thick, hv - thick, number + 1)
    gap = 0.04 * thick
    layers = [
        part(1.1 * thick - hu, hu - 1.1 * thick, a + gap, b - gap, thick, 2 * thick, "wood")
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]
    for low, high in ((-hv, bar - hv), (hv - bar, hv)):
        layers.append(part(-wide, wide, low, high, 0, thick, "frame"))
    for low, high in ((-wide, bar - wide), (wide - bar, wide)):
        layers.append(part(low, high, bar - hv, hv - bar, 0, thick, "frame"))
    if axis != 2:
        start, stop = np.zeros(3), np.zeros(3)
        start[[u, v]], stop[[u, v]] = (bar - wide, bar - hv), (wide - bar, hv - bar)
        start[axis] = stop[axis] = out - end * 0.6 * thick
        section = (0.9 * bar, 0.7 * thick) if axis == 1 else (0.7 * thick, 0.9 * bar)
        layers.append((post(start, stop, *section, bevel=0.1 * thick), "frame"))
    return layers


def _carton(x: float, y: float, z: float, detail: float) -> list[tuple[Piece, str]]:
    flap = 0.004 * (x + y)
    body = box(x, y, z - flap, 0.006 * x, 2).moved(z=(z - flap) / 2)
    lids = [
        slab(
            (-x / 2, s * 0.001 if s > 0 else -y / 2, z - flap),
            (x / 2, y / 2 if s > 0 else s * 0.001, z - 0.15 * flap),
            0.001,
        )
        for s in (-1, 1)
    ]
    tape = slab((-x / 2 - 0.0006, -0.025, z - 0.2 * flap), (x / 2 + 0.0006, 0.025, z), 0)
    ends = [slab((s * x / 2 - 0.0006, -0.025, 0.72 * z), (s * x / 2 + 0.0006, 0.025, z), 0) for s in (-1, 1)]
    return [(body, "card"), *((lid, "card") for lid in lids), (tape, "tape"), *((end, "tape") for end in ends)]


def _chest(x: float, y: float, z: float, detail: float) -> list[tuple[Piece, str]]:
    base = 0.58 * z
    layers: list[tuple[Piece, str]] = []
    rows = np.linspace(0.02 * z, base, 4)
    for a, b in zip(rows[:-1], rows[1:], strict=True):
        layers.append((board((-x / 2, -y / 2, a), (x / 2, y / 2, b - 0.006 * z), 0.006), "wood"))
    arc = np.linspace(0, np.pi, segments(14, detail, 6))
    outline = np.column_stack([-y / 2 * np.cos(arc), base + (z - base) * np.sin(arc)])
    lid = loft(np.array([[(px, a, b) for a, b in outline] for px in (-x / 2, x / 2)]), smooth=True)
    layers.append((grained(_facing_out(lid), "x"), "wood"))
    for place in (-0.462, -0.2, 0.2, 0.462):
        strap = np.array(
            [[(place * x + s * 0.03 * x, a * 1.02, base + (b - base) * 1.03) for a, b in outline] for s in (-1, 1)]
        )
        layers.append((_facing_out(loft(strap, smooth=True)), "iron"))
        layers.append(
            (
                slab((place * x - 0.03 * x, -y / 2 - 0.006, 0), (place * x + 0.03 * x, y / 2 + 0.006, base), 0.002),
                "iron",
            )
        )
    lock = slab((-0.06 * x, -y / 2 - 0.02, 0.8 * base), (0.06 * x, -y / 2 + 0.004, 1.16 * base), 0.004)
    return [
        *layers,
        (lock, "iron"),
        (
            slab(
                (-x / 2 - 0.004, -y / 2 - 0.008, base - 0.012 * z),
                (x / 2 + 0.004, y / 2 + 0.008, base + 0.012 * z),
                0.002,
            ),
            "iron",
        ),
    ]


def _facing_out(piece: Piece) -> Piece:
    centre = piece.vertices.mean(0)
    a, b, c = (piece.vertices[piece.corners[piece.starts + k]] - centre for k in range(3))
    return piece if np.einsum("fi,fi->", a, np.cross(b, c)) > 0 else piece.flipped()
