"""Shelves, bookcases with books, and cupboards."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import choice, count, metres, share
from .parts import Look, Parts, srgb
from .shapes.piece import Piece, assembled, merged
from .shapes.solids import box, slab
from .shapes.timber import board, post

INFO = GeneratorInfo(
    "shelf",
    "Shelf",
    "A shelf with boards, with or without books, or a cupboard with doors",
    "furniture",
    (
        choice(
            "kind", "Kind", "What it is", ("shelf", "Shelf"), ("wardrobe", "Wardrobe"), ("drawers", "Chest of drawers")
        ),
        metres("width_m", "Width", "Left to right", 0.9, 0.2, 8.0),
        metres("height_m", "Height", "From the floor", 1.9, 0.2, 6.0),
        metres("depth_m", "Depth", "Front to back", 0.32, 0.1, 2.0),
        count("rows", "Rows", "Boards or drawers above each other", 5, 1, 20),
        share("books", "Books", "How full of books it is", 0.0),
        choice("wood", "Wood", "Which wood", ("oak", "Oak"), ("walnut", "Walnut"), ("painted", "Painted white")),
    ),
    (
        Variant(("shelf", "shelving", "rack"), {}, mass_kg=35.0, bounce=0.1),
        Variant(("bookshelf", "bookcase"), {"books": 0.8, "wood": "walnut"}, mass_kg=120.0, bounce=0.1),
        Variant(
            ("wardrobe", "cupboard", "cabinet", "closet"),
            {"kind": "wardrobe", "width_m": 1.2, "depth_m": 0.6},
            mass_kg=80.0,
            bounce=0.1,
        ),
        Variant(
            ("chest of drawers", "dresser", "drawer"),
            {"kind": "drawers", "height_m": 0.9, "depth_m": 0.45, "rows": 4},
            mass_kg=45.0,
            bounce=0.1,
        ),
    ),
)
_WOODS = {
    "oak": Look(srgb("#b98a55"), srgb("#96683a"), "wood", 0.025, 0.0002, 0.45),
    "walnut": Look(srgb("#6a4327"), srgb("#472a17"), "wood", 0.025, 0.0002, 0.4),
    "painted": Look(srgb("#ece8df"), roughness=0.4),
}
_SPINES = ("#7c2f2b", "#2f4858", "#39573f", "#b08a3c", "#4a3b52", "#8a8577", "#1f2a36", "#a65a36")


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind = str(values["kind"])
    width, height, depth = (float(values[key]) for key in ("width_m", "height_m", "depth_m"))
    rows, thick = int(values["rows"]), min(0.022, 0.1 * float(values["width_m"]), 0.3 * height / int(values["rows"]))
    x, y = width / 2, depth / 2
    pieces = [
        board((s * x - (thick if s > 0 else 0), -y, 0), (s * x + (0 if s > 0 else thick), y, height), 0.002)
        for s in (-1, 1)
    ]
    pieces.append(board((-x + thick, y - 0.008, 0.05 * height), (x - thick, y, height), 0.0))
    pieces.append(board((-x + thick, -y, height - thick), (x - thick, y - 0.008, height), 0.002))
    foot = min(0.06, 0.05 * height)
    layers = [(piece, "wood") for piece in pieces]
    layers += {"shelf": _open, "wardrobe": _doors, "drawers": _drawers}[kind](x, y, foot, height - thick, thick, rows)
    looks = {"wood": _WOODS[str(values["wood"])], "metal": Look(srgb("#b0a58c"), roughness=0.3, metallic=1.0)}
    if kind == "shelf" and float(values["books"]) > 0:
        looks |= {f"book {n}": Look(srgb(hexa), roughness=0.6) for n, hexa in enumerate(_SPINES)}
        looks["paper"] = Look(srgb("#e9e1cd"), roughness=0.9)
        edges = np.linspace(foot, height - thick, rows + 1)
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            layers += _books(
                -x + thick, x - thick, -y, y - 0.008, low + thick, high - thick, float(values["books"]), rng
            )
    return Parts((assembled("Shelf", layers, closed=True),), looks)


def _open(x, y, low, high, thick, rows) -> list[tuple[Piece, str]]:
    levels = np.linspace(low, high, rows + 1)[:-1]
    return [(board((-x + thick, -y, z), (x - thick, y - 0.008, z + thick), 0.002), "wood") for z in levels]


def _doors(x, y, low, high, thick, rows) -> list[tuple[Piece, str]]:
    floor = board((-x + thick, -y, low), (x - thick, y - 0.008, low + thick), 0.002)
    layers = [(floor, "wood")]
    for side in (-1, 1):
        near, far = sorted((side * 0.002, side * (x - 0.002)))
        panel = board((near, -y - thick, low), (far, -y, high + thick - 0.003), 0.003, "z")
        layers.append((panel, "wood"))
        inset = 0.16 * (far - near)
        for a, b in ((0.07, 0.46), (0.52, 0.93)):
            z = low + np.array([a, b]) * (high - low)
            field = board((near + inset, -y - thick - 0.006, z[0]), (far - inset, -y - thick + 0.004, z[1]), 0.004, "z")
            layers.append((field, "wood"))
        grip = side * 0.05
        middle = (low + high) / 2
        layers.append(
            (post((grip, -y - thick - 0.03, middle - 0.08), (grip, -y - thick - 0.03, middle + 0.08), 0.012), "metal")
        )
        for z in (middle - 0.06, middle + 0.06):
            layers.append((post((grip, -y - thick - 0.03, z), (grip, -y - thick + 0.004, z), 0.008), "metal"))
    return layers


def _drawers(x, y, low, high, thick, rows) -> list[tuple[Piece, str]]:
    layers = []
    levels = np.linspace(low, high + thick - 0.004, rows + 1)
    for a, b in zip(levels[:-1], levels[1:], strict=True):
        layers.append((board((-x + 0.004, -y - thick, a + 0.003), (x - 0.004, -y, b - 0.003), 0.004, "x"), "wood"))
        for place in (-0.5, 0.5):
            knob = box(0.03, 0.022, 0.03, 0.009, 2).moved(place * x, -y - thick - 0.012, (a + b) / 2)
            layers.append((knob, "metal"))
        layers.append((board((-x + thick, -y, a), (x - thick, y - 0.008, a + 0.5 * thick), 0.0), "wood"))
    return layers


def _books(left, right, front, back, low, high, full, rng) -> list[tuple[Piece, str]]:
    """Books side by side until the row is `full`, of chance thickness, height and colour; the last may lean."""
    place, end = left + 0.004, left + (right - left) * full
    made: dict[str, list[Piece]] = {}
    while True:
        thick, height = rng.uniform(0.015, 0.05), (high - low) * rng.uniform(0.62, 0.92)
        depth = min(rng.uniform(0.14, 0.2), 0.9 * (back - front))
        if place + thick > end:
            break
        y = front + 0.02 + rng.uniform(0, 0.015)
        colour = f"book {rng.integers(len(_SPINES))}"
        board_m = min(0.003, 0.15 * thick)
        covers = [
            slab((place, y, low), (place + board_m, y + depth, low + height)),
            slab((place + thick - board_m, y, low), (place + thick, y + depth, low + height)),
            slab((place + board_m, y, low), (place + thick - board_m, y + board_m, low + height)),
        ]
        made.setdefault(colour, []).extend(covers)
        pages = slab(
            (place + board_m, y + board_m, low + 0.004),
            (place + thick - board_m, y + depth - 0.005, low + height - 0.004),
        )
        made.setdefault("paper", []).append(pages)
        place += thick + 0.0006 + (rng.uniform(0.05, 0.15) if rng.random() < 0.06 else 0)
    return [(merged(pieces), look) for look, pieces in sorted(made.items())]
