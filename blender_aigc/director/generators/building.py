"""City buildings by a facade grammar: ground floor, repeated floors of bays, cornice.

After Mueller, Wonka, Haegler, Ulmer and Van Gool, "Procedural Modeling of Buildings" (SIGGRAPH 2006): a facade is split
into floors, a floor into bays, a bay into wall, window and trim.
"""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import choice, count, metres
from .parts import Look, Parts, srgb
from .shapes.openings import Hole, door, turned, wall, windows
from .shapes.piece import Piece, assembled, of_faces
from .shapes.solids import cylinder, slab

INFO = GeneratorInfo(
    "building",
    "Building",
    "A town house, office block or skyscraper with a regular facade",
    "architecture",
    (
        choice(
            "kind",
            "Kind",
            "What stands there",
            ("apartments", "Apartments"),
            ("office", "Office block"),
            ("skyscraper", "Skyscraper"),
            ("factory", "Factory"),
        ),
        count("floors", "Floors", "0 takes the usual number", 0, 0, 60),
        metres("width_m", "Width", "Left to right", 16.0, 5.0, 60.0),
        metres("depth_m", "Depth", "Front to back", 12.0, 5.0, 60.0),
        choice(
            "walls", "Walls", "Their colour", ("sand", "Sand"), ("brick", "Brick"), ("grey", "Grey"), ("white", "White")
        ),
    ),
    (
        Variant(("building", "apartment building", "block of flats"), {}, mass_kg=2e6),
        Variant(("office", "office building", "office block"), {"kind": "office", "walls": "grey"}, mass_kg=4e6),
        Variant(
            ("skyscraper", "high-rise", "city tower"),
            {"kind": "skyscraper", "width_m": 24.0, "depth_m": 24.0, "walls": "white"},
            mass_kg=2e7,
        ),
        Variant(
            ("factory", "warehouse"),
            {"kind": "factory", "width_m": 24.0, "depth_m": 14.0, "walls": "brick"},
            mass_kg=2e6,
        ),
    ),
    source="Mueller et al., Procedural Modeling of Buildings, SIGGRAPH 2006",
)
_FLOORS = {"apartments": 5, "office": 8, "skyscraper": 32, "factory": 2}
_WALLS = {
    "sand": Look(srgb("#cdb894"), srgb("#c0a985"), "noise", 0.8, 0.003, 0.9),
    "brick": Look(srgb("#8f4431"), srgb("#b0a596"), "bricks", 0.25, 0.006, 0.85),
    "grey": Look(srgb("#9a9d9f"), srgb("#8b8e90"), "noise", 0.8, 0.003, 0.8),
    "white": Look(srgb("#dfe1e2"), roughness=0.6),
}
THICK = 0.35


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind = str(values["kind"])
    width, depth = float(values["width_m"]), float(values["depth_m"])
    floors = int(values["floors"]) or _FLOORS[kind]
    build = {"skyscraper": _skyscraper, "office": _masonry, "apartments": _masonry, "factory": _factory}[kind]
    layers = build(kind, width, depth, floors, rng)
    looks = {
        "walls": _WALLS[str(values["walls"])],
        "trim": Look(srgb("#d9d4c8"), srgb("#cbc5b7"), "noise", 0.5, 0.0, 0.85),
        "frame": Look(srgb("#3c3f42") if kind != "apartments" else srgb("#efece5"), roughness=0.5),
        "pane": Look(srgb("#4d6b7f"), roughness=0.04, metallic=0.75),
        "door": Look(srgb("#3c2a1f"), roughness=0.5),
        "metal": Look(srgb("#8d9094"), roughness=0.4, metallic=1.0),
        "roof": Look(srgb("#5a5b5c"), srgb("#4d4e4f"), "noise", 0.5, 0.0, 0.95),
    }
    return Parts((assembled("Building", layers, closed=True),), looks)


def _masonry(kind: str, width: float, depth: float, floors: int, rng) -> list[tuple[Piece, str]]:
    """Ground floor, floors of equal bays with balconies or bands, cornice, roof with a stair house."""
    storey, ground = 3.1, 4.0
    height = ground + (floors - 1) * storey
    layers: list[tuple[Piece, str]] = []
    sides = (
        (0, width, 0, -depth / 2),
        (180, width, 0, depth / 2),
        (90, depth, width / 2, 0),
        (-90, depth, -width / 2, 0),
    )
    for angle, length, x, y in sides:
        inner = length if angle in (0, 180) else length - 2 * THICK
        layers += turned(_facade(kind, inner, height, floors, ground, storey, angle), angle, x, y)
    layers += _bands(width, depth, ground, height)
    for floor in range(1, floors):
        z = ground + (floor - 1) * storey
        layers.append(
            (slab((THICK - width / 2, THICK - depth / 2, z - 0.25), (width / 2 - THICK, depth / 2 - THICK, z)), "trim")
        )
    layers.append(
        (
            slab(
                (THICK - width / 2, THICK - depth / 2, height - 0.5),
                (width / 2 - THICK, depth / 2 - THICK, height - 0.15),
            ),
            "roof",
        )
    )
    return layers + _on_the_roof(width, depth, height - 0.15, rng)


def _facade(kind: str, length: float, height: float, floors: int, ground: float, storey: float, angle: float):
    """The layers of one side, the wall itself first."""
    bays = max(1, round(length / (3.0 if kind == "apartments" else 2.4)))
    bay = length / bays
    wide = 0.45 * bay if kind == "apartments" else 0.74 * bay
    shops, panes, layers = [], [], []
    entrance: list[Hole] = []
    for floor in range(floors):
        low = 0.0 if floor == 0 else ground + (floor - 1) * storey
        for k in range(bays):
            x = (k + 0.5) * bay - length / 2
            if floor == 0 and angle == 0 and k == bays // 2:
                entrance.append(Hole(x - 0.4 * bay, 0.0, x + 0.4 * bay, 2.7))
            elif floor == 0:
                shops.append(Hole(x - 0.4 * bay, 0.7, x + 0.4 * bay, 3.2))
            else:
                sill, head = (0.85, 2.55) if kind == "apartments" else (0.8, 2.7)
                panes.append(Hole(x - wide / 2, low + sill, x + wide / 2, low + head))
                if kind == "apartments" and angle in (0, 180) and k % 3 == 1:
                    layers += _balcony(x, low, 0.8 * bay)
    for hole in entrance:
        layers += door(hole, 0.15)
    layers += windows(shops, 0.15, (3, 1)) + windows(panes, 0.15, (2, 1) if kind == "apartments" else (3, 1))
    return [(wall(length, height, THICK, [*entrance, *shops, *panes]), "walls"), *layers]


def _balcony(x: float, low: float, width: float) -> list[tuple[Piece, str]]:
    out, half = 1.1, width / 2
    layers = [(slab((x - half, -out, low - 0.12), (x + half, 0.02, low + 0.02)), "trim")]
    rail = [slab((x - half, -out, low + 0.95), (x + half, -out + 0.05, low + 1.0))]
    rail += [
        slab(
            (x + s * half - (0.05 if s > 0 else 0), -out + 0.05, low + 0.95),
            (x + s * half + (0 if s > 0 else 0.05), 0, low + 1.0),
        )
        for s in (-1, 1)
    ]
    for place in np.linspace(x - half + 0.02, x + half - 0.02, max(4, round(width / 0.13))):
        rail.append(slab((place - 0.012, -out + 0.012, low + 0.02), (place + 0.012, -out + 0.036, low + 0.95)))
    return layers + [(piece, "frame") for piece in rail]


def _bands(width: float, depth: float, ground: float, height: float) -> list[tuple[Piece, str]]:
    """String course over the ground floor and the cornice, as rings around the house."""
    layers = []
    for z, out, tall in ((ground - 0.3, 0.1, 0.25), (height - 0.45, 0.25, 0.2), (height - 0.25, 0.4, 0.25)):
        x, y = width / 2 + out, depth / 2 + out
        inner = THICK * 0.9
        for s in (-1, 1):
            a, b = sorted((s * y, s * (depth / 2 - inner)))
            layers.append((slab((-x, a, z), (x, b, z + tall)), "trim"))
            a, b = sorted((s * x, s * (width / 2 - inner)))
            layers.append((slab((a, inner - depth / 2, z + 0.003), (b, depth / 2 - inner, z + tall - 0.003)), "trim"))
    return layers


def _on_the_roof(width: float, depth: float, z: float, rng) -> list[tuple[Piece, str]]:
    layers = [(slab((-0.12 * width, -0.05 * depth, z - 0.01), (0.14 * width, 0.25 * depth, z + 2.3)), "walls")]
    for _ in range(3):
        x, y = rng.uniform(-0.35, 0.35) * width, rng.uniform(-0.35, -0.15) * depth
        layers.append((slab((x - 0.6, y - 0.5, z - 0.01), (x + 0.6, y + 0.5, z + 0.9)), "metal"))
    layers.append((cylinder(0.05, 4.0, 8).moved(-0.05 * width, 0.2 * depth, z + 2.2), "metal"))
    return layers


def _skyscraper(kind: str, width: float, depth: float, floors: int, rng) -> list[tuple[Piece, str]]:
    """Glass between mullions, in two or three set-back blocks, with a spire."""
    storey, base = 3.6, 0.0
    layers: list[tuple[Piece, str]] = []
    blocks = [(1.0, 0.5), (0.78, 0.32), (0.55, 0.18)] if floors >= 12 else [(1.0, 1.0)]
    done = 0
    for number, (size, part) in enumerate(blocks):
        count_here = floors - done if number == len(blocks) - 1 else max(1, round(floors * part))
        x, y, top = size * width / 2, size * depth / 2, base + count_here * storey
        layers.append((slab((0.2 - x, 0.2 - y, base), (x - 0.2, y - 0.2, top)), "pane"))
        for floor in range(count_here + 1):
            z = base + floor * storey
            tall = 0.9 if floor in (0, count_here) else 0.5
            layers.append(
                (
                    slab(
                        (-x, -y, z - (tall if floor == count_here else 0)),
                        (x, y, z + (0 if floor == count_here else tall)),
                    ),
                    "walls",
                )
            )
        for length, turn, off in ((2 * x, 0, y), (2 * y, 90, x)):
            bays = max(2, round(length / 2.4))
            for place in np.linspace(-length / 2, length / 2, bays + 1)[1:-1]:
                for side in (-1, 1):
                    bar = slab((place - 0.09, side * off - 0.06, base), (place + 0.09, side * off + 0.06, top))
                    layers.append((bar.turned("z", turn), "frame"))
        base, done = top, done + count_here
    mast = 0.12 * base
    layers.append((cylinder(0.5, mast, 12, 0.05).moved(z=base - 0.01), "metal"))
    layers.append((slab((-3, -3, base - 0.01), (3, 3, base + 2.5)), "metal"))
    return layers


def _factory(kind: str, width: float, depth: float, floors: int, rng) -> list[tuple[Piece, str]]:
    """Long brick walls with large windows, a saw-tooth roof and a chimney."""
    storey = 3.8
    height = floors * storey
    layers: list[tuple[Piece, str]] = []
    sides = (
        (0, width, 0, -depth / 2),
        (180, width, 0, depth / 2),
        (90, depth, width / 2, 0),
        (-90, depth, -width / 2, 0),
    )
    for angle, length, x, y in sides:
        inner = length if angle in (0, 180) else length - 2 * THICK
        layers += turned(_facade("office", inner, height, floors, min(4.0, height), storey, angle), angle, x, y)
    teeth = max(2, round(width / 6))
    step = width / teeth
    for k in range(teeth):
        a, b = k * step - width / 2, (k + 1) * step - width / 2
        rise = 0.4 * step
        points = np.array([(a, -depth / 2, height), (b, -depth / 2, height), (b, -depth / 2, height + rise)])
        both = np.concatenate([points, points + (0, depth, 0)])
        tooth = of_faces(both, [[0, 1, 2], [5, 4, 3], [0, 3, 4, 1], [2, 5, 3, 0], [1, 4, 5, 2]])
        pane = slab((b, 0.02 * depth - depth / 2, height + 0.1 * rise), (b + 0.03, 0.48 * depth, height + 0.9 * rise))
        layers += [(tooth, "roof"), (pane, "pane")]
    stack = cylinder(1.1, 1.9 * height, 28, 0.7).moved(0.35 * width, 0.62 * depth, 0)
    return [*layers, (stack, "walls")]
