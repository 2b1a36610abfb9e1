"""Simple vehicles: a car, a van, a lorry, a boat. Lofted bodies, wheels with rims; 4.3 m for a compact car."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments
from .parts import Look, Parts, srgb
from .shapes.curves import evenly, rectangle, smooth
from .shapes.piece import Piece, assembled
from .shapes.solids import box, lathe, loft, rod, slab, tubes
from .shapes.timber import board

_COLOURS = {
    "red": "#a3161f",
    "blue": "#1f4e8c",
    "white": "#e9e9e6",
    "black": "#17181b",
    "yellow": "#e0b016",
    "green": "#2d6b46",
}
_LENGTHS = {"car": 4.3, "van": 4.9, "truck": 7.5, "boat": 4.0}
INFO = GeneratorInfo(
    "car",
    "Vehicle",
    "A simple car, van, lorry or rowing boat; its front looks along -Y",
    "vehicles",
    (
        choice(
            "kind", "Kind", "What it is", ("car", "Car"), ("van", "Van"), ("truck", "Lorry"), ("boat", "Rowing boat")
        ),
        metres("length_m", "Length", "0 takes the usual length; the rest follows", 0.0, 0.0, 30.0),
        choice("colour", "Colour", "Of the paint", *((key, key.capitalize()) for key in _COLOURS)),
        DETAIL,
    ),
    (
        Variant(("car", "automobile", "vehicle"), {}, mass_kg=1250.0, bounce=0.1),
        Variant(("van", "bus", "minibus"), {"kind": "van", "colour": "white"}, mass_kg=2100.0, bounce=0.1),
        Variant(("truck", "lorry"), {"kind": "truck", "colour": "blue"}, mass_kg=7500.0, bounce=0.1),
        Variant(("boat", "rowing boat", "rowboat"), {"kind": "boat", "colour": "white"}, mass_kg=90.0, bounce=0.1),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    length = float(values["length_m"]) or _LENGTHS[kind]
    build = {"car": _car, "van": _van, "truck": _truck, "boat": _boat}[kind]
    scale = length / _LENGTHS[kind]
    layers = [(piece.scaled(scale), look) for piece, look in build(detail)]
    looks = {
        "paint": Look(srgb(_COLOURS[str(values["colour"])]), roughness=0.2),
        "glass": Look(srgb("#1b2429"), roughness=0.03, metallic=0.4),
        "tyre": Look(srgb("#151515"), roughness=0.85),
        "rim": Look(srgb("#b4b7bb"), roughness=0.25, metallic=1.0),
        "trim": Look(srgb("#242527"), roughness=0.5),
        "light": Look(srgb("#fff6dc"), roughness=0.1, emission=1.0),
        "brake": Look(srgb("#a40f14"), roughness=0.2, emission=0.4),
        "wood": Look(srgb("#9a6f42"), srgb("#7c5530"), "wood", 0.03, 0.0005, 0.5),
    }
    return Parts((assembled(kind.capitalize(), layers, closed=True, crease_deg=35),), looks)


def _wheel(radius: float, width: float, detail: float) -> list[tuple[Piece, str]]:
    """A wheel around the origin, its axle along X, its outside at +X."""
    around = segments(36, detail, 12)
    w = width / 2
    tyre = [
        (0.66, -w),
        (0.93, -w),
        (1.0, -0.75 * w),
        (1.0, 0.75 * w),
        (0.93, w),
        (0.66, w),
        (0.62, 0.8 * w),
        (0.62, -0.8 * w),
        (0.66, -w),
    ]
    disc = [
        (0, -0.5 * w),
        (0.64, -0.5 * w),
        (0.64, 0.7 * w),
        (0.56, 0.75 * w),
        (0.5, 0.35 * w),
        (0.2, 0.5 * w),
        (0.14, 0.7 * w),
        (0, 0.72 * w),
    ]
    scaled = [(np.array(rows) * (radius, 1), look) for rows, look in ((tyre, "tyre"), (disc, "rim"))]
    layers = [(lathe(rows, around).turned("y", 90), look) for rows, look in scaled]
    spoke = box(0.3 * w, 0.09 * radius, 0.42 * radius, 0.01 * radius).moved(0.55 * w, 0, 0.36 * radius)
    return layers + [(spoke.turned("x", 72 * k), "trim") for k in range(5)]


def _wheels(places, radius: float, width: float, detail: float) -> list[tuple[Piece, str]]:
    layers = []
    for x, y in places:
        for piece, look in _wheel(radius, width, detail):
            layers.append((piece.moved(x, y, radius), look))
            layers.append((piece.turned("z", 180).moved(-x, y, radius), look))
    return layers


def _hull(stations, detail: float, corner: float = 0.3) -> Piece:
    """A closed body through cross-sections (y, half width, low, high), front to back, with round corners."""
    fine = smooth(np.array(stations, float), segments(44, detail, 12))
    rings = []
    for y, half, low, high in fine:
        half, tall = max(half, 0.02), max(high - low, 0.02)
        outline = rectangle(2 * half, tall, corner * min(half, tall / 2), segments(4, detail, 2))
        rings.append(np.column_stack([outline[:, 0], np.full(len(outline), y), outline[:, 1] + (low + high) / 2]))
    return loft(np.array(rings[::-1]))


def _car(detail: float) -> list[tuple[Piece, str]]:
    body = [
        (-2.14, 0.72, 0.34, 0.62),
        (-2.05, 0.82, 0.24, 0.72),
        (-1.4, 0.88, 0.2, 0.84),
        (-0.7, 0.89, 0.19, 0.93),
        (0.6, 0.89, 0.19, 0.96),
        (1.6, 0.88, 0.2, 0.97),
        (2.05, 0.82, 0.24, 0.93),
        (2.15, 0.74, 0.34, 0.84),
    ]
    cabin = [
        (-0.98, 0.68, 0.86, 0.92),
        (-0.75, 0.7, 0.86, 1.08),
        (-0.2, 0.66, 0.86, 1.42),
        (0.5, 0.65, 0.86, 1.47),
        (1.2, 0.65, 0.86, 1.4),
        (1.75, 0.68, 0.86, 1.08),
        (1.92, 0.68, 0.86, 0.94),
    ]
    roof = [
        (-0.22, 0.5, 1.3, 1.425),
        (0.0, 0.56, 1.3, 1.462),
        (0.5, 0.57, 1.3, 1.485),
        (1.1, 0.56, 1.3, 1.44),
        (1.28, 0.5, 1.3, 1.385),
    ]
    layers = [
        (_hull(body, detail, 0.45), "paint"),
        (_hull(cabin, detail, 0.45), "glass"),
        (_hull(roof, detail, 0.9), "paint"),
    ]
    for s in (-1, 1):
        layers.append((rod((s * 0.66, -0.86, 0.93), (s * 0.5, -0.2, 1.43), 0.032, 8), "paint"))
        layers.append((rod((s * 0.665, 0.55, 0.9), (s * 0.6, 0.5, 1.43), 0.036, 8), "paint"))
        layers.append((rod((s * 0.66, 1.84, 0.93), (s * 0.52, 1.25, 1.4), 0.045, 8), "paint"))
        layers.append(
            (slab((min(s * 0.36, s * 0.68), -2.15, 0.58), (max(s * 0.36, s * 0.68), -1.95, 0.7), 0.03), "light")
        )
        layers.append((slab((min(s * 0.42, s * 0.7), 1.98, 0.72), (max(s * 0.42, s * 0.7), 2.13, 0.84), 0.03), "brake"))
        layers.append((box(0.16, 0.1, 0.12, 0.04, 2).moved(s * 0.98, -0.62, 0.98), "paint"))
        for y in (-0.1, 0.95):
            layers.append((box(0.02, 0.16, 0.03, 0.008).moved(s * 0.885, y, 0.78), "trim"))
    layers += [
        (slab((-0.45, -2.17, 0.34), (0.45, -2.0, 0.5), 0.02), "trim"),
        (slab((-0.7, 2.0, 0.3), (0.7, 2.16, 0.44), 0.03), "trim"),
    ]
    return (
        layers + _arches(((0.8, -1.33), (0.8, 1.3)), 0.33) + _wheels(((0.82, -1.33), (0.82, 1.3)), 0.315, 0.2, detail)
    )


def _arches(places, radius: float) -> list[tuple[Piece, str]]:
    """Dark discs in which the wheels stand."""
    layers = []
    for x, y in places:
        for s in (-1, 1):
            disc = lathe(np.array([(0, -0.05), (radius * 1.14, -0.05), (radius * 1.14, 0.105), (0, 0.105)]), 32).turned(
                "y", 90 * s
            )
            layers.append((disc.moved(s * x, y, 1.15 * radius), "trim"))
    return layers


def _van(detail: float) -> list[tuple[Piece, str]]:
    body = [
        (-2.44, 0.78, 0.36, 0.9),
        (-2.36, 0.9, 0.28, 1.05),
        (-1.95, 0.95, 0.24, 1.3),
        (-1.6, 0.95, 0.24, 1.75),
        (-1.2, 0.95, 0.24, 2.0),
        (0.0, 0.95, 0.24, 2.06),
        (1.6, 0.95, 0.24, 2.05),
        (2.38, 0.94, 0.26, 2.0),
        (2.45, 0.9, 0.32, 1.92),
    ]
    layers = [(_hull(body, detail, 0.2), "paint")]
    front = slab((-0.78, -0.02, 0), (0.78, 0.03, 0.68), 0.01).turned("x", -36).moved(0, -1.96, 1.24)
    layers.append((front, "glass"))
    for s in (-1, 1):
        for low, high in ((-1.35, -0.55), (-0.42, 0.85), (0.98, 2.2)):
            near, far = sorted((s * 0.93, s * 0.962))
            layers.append((slab((near, low, 1.22), (far, high, 1.72), 0.01), "glass"))
        layers.append((box(0.3, 0.12, 0.2, 0.05, 2).moved(s * 0.62, -2.38, 0.82), "light"))
        layers.append((box(0.14, 0.06, 0.4, 0.03, 2).moved(s * 0.8, 2.43, 1.0), "brake"))
    layers += [
        (slab((-0.75, 2.42, 1.22), (0.75, 2.465, 1.72), 0.01), "glass"),
        (slab((-0.85, -2.48, 0.34), (0.85, -2.3, 0.52), 0.04), "trim"),
    ]
    return (
        layers
        + _arches(((0.87, -1.5), (0.87, 1.45)), 0.36)
        + _wheels(((0.89, -1.5), (0.89, 1.45)), 0.345, 0.22, detail)
    )


def _truck(detail: float) -> list[tuple[Piece, str]]:
    layers = [
        (slab((-1.1, -3.7, 0.75), (1.1, -2.0, 2.75), 0.12), "paint"),
        (slab((-0.95, -3.74, 1.75), (0.95, -3.6, 2.5), 0.03), "glass"),
        (slab((-1.2, -1.85, 1.05), (1.2, 3.75, 3.4), 0.03), "rim"),
        (slab((-0.45, -3.5, 0.6), (0.45, 3.7, 1.06), 0.02), "trim"),
        (slab((-1.1, -3.78, 0.5), (1.1, -3.5, 0.85), 0.05), "trim"),
    ]
    for s in (-1, 1):
        near, far = sorted((s * 1.09, s * 1.115))
        layers.append((slab((near, -3.4, 1.75), (far, -2.45, 2.45), 0.01), "glass"))
        layers.append((box(0.34, 0.08, 0.16, 0.03).moved(s * 0.82, -3.76, 0.98), "light"))
        layers.append((box(0.24, 0.06, 0.14, 0.02).moved(s * 0.95, 3.74, 0.95), "brake"))
        layers.append((box(0.08, 0.12, 0.5, 0.03).moved(s * 1.28, -3.55, 2.1), "trim"))
    return layers + _wheels(((0.98, -2.85), (0.98, 1.7), (0.98, 2.85)), 0.5, 0.3, detail)


def _boat(detail: float) -> list[tuple[Piece, str]]:
    """A shell of planks with a keel line, three seats, two oars."""
    rows, columns = segments(40, detail, 12), segments(16, detail, 6, even=True)
    t = np.linspace(0, 1, rows)
    half = 0.72 * np.sin(np.pi * np.clip(t * 0.86 + 0.02, 0, 1)) ** 0.62
    half[0] = 0.03
    sheer, keel = 0.55 + 0.35 * (1 - t) ** 2.2 + 0.06 * t**2, 0.45 * (1 - t) ** 6 + 0.04 * t**3
    s = np.linspace(-1, 1, columns + 1)
    rings = []
    for y, w, top, low in zip(-2.0 + 4.0 * t, half, sheer, keel, strict=True):
        bottom = np.abs(s) ** 2.2
        outer = np.column_stack([w * np.sign(s) * np.abs(s) ** 0.75, np.full(len(s), y), low + (top - low) * bottom])
        wall = min(0.03, 0.4 * w)
        inner = np.column_stack(
            [(w - wall) * np.sign(s) * np.abs(s) ** 0.75, np.full(len(s), y), low + 0.03 + (top - low - 0.03) * bottom]
        )
        rings.append(np.concatenate([outer, inner[::-1]]))
    shell = loft(np.array(rings), smooth=True).flipped()
    layers = [(shell, "paint")]
    for y in (-0.9, 0.1, 1.15):
        w = float(np.interp((y + 2) / 4, t, half)) * 0.86
        layers.append((board((-w, y - 0.13, 0.36), (w, y + 0.13, 0.395), 0.006, "x"), "wood"))
    for side in (-1, 1):
        rail = np.column_stack([side * (half - 0.012), -2.0 + 4.0 * t, sheer + 0.005])
        layers.append((tubes(evenly(rail, rows), 0.025, 6), "wood"))
        layers.append((rod((side * 0.2, 0.35, 0.72), (side * 1.75, -0.25, 0.42), 0.022, 8), "wood"))
        blade = box(0.5, 0.014, 0.13, 0.005).turned("y", side * 11).turned("z", side * -21)
        layers.append((blade.moved(side * 1.9, -0.31, 0.39), "wood"))
    return layers
