"""Towers: of a castle, a lighthouse, a windmill."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments
from .parts import Look, Parts, srgb
from .shapes.piece import Piece, assembled, merged
from .shapes.solids import box, cylinder, lathe, slab

_USUAL = {"castle": (14.0, 5.5), "watch": (12.0, 5.0), "lighthouse": (24.0, 7.0), "windmill": (11.0, 6.0)}
INFO = GeneratorInfo(
    "tower",
    "Tower",
    "A castle tower with battlements, a tower with a pointed roof, a lighthouse or a windmill",
    "architecture",
    (
        choice(
            "kind",
            "Kind",
            "What it is",
            ("castle", "Castle tower"),
            ("watch", "Tower with a roof"),
            ("lighthouse", "Lighthouse"),
            ("windmill", "Windmill"),
        ),
        metres("height_m", "Height", "0 takes the usual height", 0.0, 0.0, 150.0),
        metres("width_m", "Width", "At the ground; 0 takes the usual one", 0.0, 0.0, 60.0),
        DETAIL,
    ),
    (
        Variant(("tower", "castle tower", "keep"), {}, mass_kg=8e5),
        Variant(("wizard tower", "watchtower", "turret"), {"kind": "watch"}, mass_kg=5e5),
        Variant(("lighthouse",), {"kind": "lighthouse"}, mass_kg=1e6),
        Variant(("windmill", "mill"), {"kind": "windmill"}, mass_kg=3e5),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind = str(values["kind"])
    height, width = (
        float(values[key]) or usual for key, usual in zip(("height_m", "width_m"), _USUAL[kind], strict=True)
    )
    radius, around = width / 2, segments(40, float(values["detail"]), 12)
    build = {"castle": _castle, "watch": _watch, "lighthouse": _lighthouse, "windmill": _windmill}[kind]
    looks = {
        "stone": Look(srgb("#8d877b"), srgb("#5d584f"), "bricks", 0.7, 0.03, 0.95),
        "white": Look(srgb("#e9e6de"), srgb("#dcd8ce"), "noise", 0.8, 0.004, 0.85),
        "red": Look(srgb("#a8322b"), roughness=0.7),
        "roof": Look(srgb("#5c3a30"), srgb("#43281f"), "bricks", 0.35, 0.02, 0.85),
        "wood": Look(srgb("#5d4129"), srgb("#47301d"), "wood", 0.05, 0.003, 0.8),
        "dark": Look(srgb("#17181a"), roughness=0.9),
        "glass": Look(srgb("#ffe9a8"), roughness=0.1, emission=2.0),
        "iron": Look(srgb("#33353a"), roughness=0.5, metallic=1.0),
        "sail": Look(srgb("#e7dfca"), roughness=0.9),
    }
    layers = build(radius, height, around)
    return Parts((assembled("Tower", layers, closed=True, crease_deg=35),), looks)


def _slits(radius: float, height: float, levels, turns=(0, 90, 180, 270)) -> list[tuple[Piece, str]]:
    """Narrow windows around the wall, a little sunk frames of dark."""
    layers = []
    for level in levels:
        for turn in turns:
            slit = box(0.3, 0.3, 1.0).moved(0, -radius + 0.08, level * height).turned("z", turn + 37 * level)
            layers.append((slit, "dark"))
    return layers


def _door(radius: float, wide: float, tall: float) -> list[tuple[Piece, str]]:
    arch = replace(cylinder(wide / 2, 0.5, 24), uvs=None).turned("x", 90).moved(0, 0.25 - radius, tall - wide / 2)
    frame = cylinder(wide / 2 + 0.2, 0.4, 24).turned("x", 90).moved(0, 0.25 - radius, tall - wide / 2)
    posts = slab((-wide / 2 - 0.2, -radius - 0.15, 0), (wide / 2 + 0.2, 0.3 - radius, tall - wide / 2))
    leaf = slab((-wide / 2, -radius - 0.25, 0), (wide / 2, 0.3 - radius, tall - wide / 2))
    return [(frame, "stone"), (posts, "stone"), (arch, "wood"), (leaf, "wood")]


def _castle(radius: float, height: float, around: int) -> list[tuple[Piece, str]]:
    """A wall that widens at the foot and below the platform, corbels, and merlons of half the spacing."""
    r, out, top = radius, 1.12 * radius, height - 1.0 * min(1.0, height / 6)
    wall_m = 0.16 * radius
    rows = [
        (0, 0),
        (r, 0),
        (0.93 * r, 0.12 * height),
        (0.9 * r, 0.8 * top),
        (out, 0.9 * top),
        (out, top),
        (out - wall_m, top),
        (out - wall_m, 0.92 * top),
        (0, 0.92 * top),
    ]
    layers = [(lathe(np.array(rows), around), "stone")]
    number = max(8, round(2 * np.pi * out / 1.6))
    merlon = box(0.55 * 2 * np.pi * out / number, wall_m, height - top + 0.02).moved(
        0, -out + wall_m / 2, (height + top - 0.02) / 2
    )
    corbel = box(0.25 * 2 * np.pi * out / number, 0.3 * r, 0.05 * height).moved(0, 0.13 * r - out, 0.86 * top)
    for k in range(number):
        layers += [
            (merlon.turned("z", 360 * k / number), "stone"),
            (corbel.turned("z", 360 * (k + 0.5) / number), "stone"),
        ]
    return layers + _slits(0.9 * r, height, (0.35, 0.55, 0.72)) + _door(0.97 * r, min(1.4, r), min(2.6, 0.3 * height))


def _watch(radius: float, height: float, around: int) -> list[tuple[Piece, str]]:
    r, eave = radius, 0.66 * height
    rows = [
        (0, 0),
        (r, 0),
        (0.9 * r, 0.1 * height),
        (0.82 * r, 0.55 * height),
        (1.0 * r, 0.6 * height),
        (1.0 * r, eave),
        (0, eave),
    ]
    cone = [
        (0, eave - 0.01),
        (1.22 * r, eave - 0.03 * height),
        (1.25 * r, eave),
        (0.62 * r, 0.8 * height),
        (0.2 * r, 0.93 * height),
        (0, height),
    ]
    layers = [(lathe(np.array(rows), around), "stone"), (lathe(np.array(cone), around), "roof")]
    return (
        layers
        + _slits(0.84 * r, height, (0.3, 0.45))
        + _slits(r, height, (0.63,), range(0, 360, 45))
        + _door(0.96 * r, min(1.2, r), min(2.4, 0.3 * height))
    )


def _lighthouse(radius: float, height: float, around: int) -> list[tuple[Piece, str]]:
    """White and red bands, gallery, lantern."""
    r, gallery = radius, 0.82 * height
    edges = np.linspace(0, gallery, 6)

    def at(z: float) -> float:
        return r * (0.52 + 0.48 * (1 - z / gallery) ** 1.5)

    layers: list[tuple[Piece, str]] = []
    for number, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        z = np.linspace(a, b, 5)
        rows = [(0, a), *((at(k), k) for k in z), (0, b)]
        layers.append((lathe(np.array(rows), around), "white" if number % 2 == 0 else "red"))
    top = at(gallery)
    layers.append((cylinder(1.5 * top, 0.02 * height, around, bevel=0.05).moved(z=gallery), "iron"))
    for k in range(20):
        turn = 18 * k
        layers.append(
            (cylinder(0.03, 0.045 * height, 6).moved(1.44 * top, 0, gallery + 0.019 * height).turned("z", turn), "iron")
        )
    ring = np.array(
        [
            (1.42 * top, 0.062 * height),
            (1.46 * top, 0.062 * height),
            (1.46 * top, 0.066 * height),
            (1.42 * top, 0.066 * height),
            (1.42 * top, 0.062 * height),
        ]
    )
    layers.append((lathe(ring, around).moved(z=gallery), "iron"))
    layers.append((cylinder(0.75 * top, 0.09 * height, around).moved(z=gallery + 0.019 * height), "glass"))
    dome = [
        (0, 0),
        (0.95 * top, 0),
        (0.9 * top, 0.012 * height),
        (0.5 * top, 0.05 * height),
        (0.08 * top, 0.065 * height),
        (0, 0.0719 * height),
    ]
    layers.append((lathe(np.array(dome), around).moved(z=gallery + 0.108 * height), "red"))
    return (
        layers
        + [(piece, look) for piece, look in _slits(0.8 * r, gallery, (0.3, 0.5), (0, 180))]
        + _door(0.97 * r, 1.3, 2.5)
    )


def _windmill(radius: float, height: float, around: int) -> list[tuple[Piece, str]]:
    """A body that narrows, a cap that turns, four lattice sails at the front."""
    r, cap = radius, 0.78 * height
    rows = [(0, 0), (r, 0), (0.95 * r, 0.02 * height), (0.6 * r, cap), (0, cap)]
    layers = [(lathe(np.array(rows), max(8, around // 2)), "white")]
    dome = [
        (0, cap - 0.001),
        (0.66 * r, cap),
        (0.64 * r, cap + 0.06 * height),
        (0.4 * r, cap + 0.16 * height),
        (0.06 * r, height - 0.01),
        (0, height),
    ]
    layers.append((lathe(np.array(dome), around), "roof"))
    hub = np.array([0, -0.95 * r, cap + 0.06 * height])
    layers.append((cylinder(0.05 * r, 0.6 * r, 12).turned("x", 90).moved(0, hub[1] + 0.5 * r, hub[2]), "wood"))
    reach = 0.62 * height
    wing = [slab((-0.03 * r, -0.02 * r, 0), (0.03 * r, 0.02 * r, reach))]
    for z in np.linspace(0.2, 0.98, 9) * reach:
        wing.append(slab((-0.04 * r, -0.03 * r, z - 0.02), (0.4 * r, 0.03 * r, z + 0.02)))
    wing.append(slab((0.38 * r, -0.02 * r, 0.18 * reach), (0.41 * r, 0.02 * r, reach)))
    cloth = slab((0.04 * r, 0.004 * r, 0.2 * reach), (0.38 * r, 0.012 * r, 0.98 * reach))
    for k in range(4):
        turn = 45 + 90 * k
        layers.append((merged(wing).turned("y", turn).moved(*hub), "wood"))
        layers.append((cloth.turned("y", turn).moved(*hub), "sail"))
    return layers + _slits(0.75 * r, height, (0.3, 0.5), (60, 180, 300)) + _door(0.97 * r, 1.1, 2.2)
