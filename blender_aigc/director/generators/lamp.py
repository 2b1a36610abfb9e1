"""Lamps: on the floor, on a table, hanging, and in the street. The bulb shines."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, switch
from .parts import Look, Parts, srgb
from .shapes.curves import evenly, rounded, smooth
from .shapes.piece import assembled
from .shapes.solids import ball, cylinder, lathe, rod, tubes

_HEIGHTS = {"floor": 1.55, "table": 0.48, "desk": 0.45, "hanging": 0.9, "street": 5.0}
INFO = GeneratorInfo(
    "lamp",
    "Lamp",
    "A lamp whose bulb shines",
    "furniture",
    (
        choice("kind", "Kind", "Where it stands or hangs", *((kind, kind.capitalize()) for kind in _HEIGHTS)),
        metres("height_m", "Height", "0 takes the usual height", 0.0, 0.0, 15.0),
        switch("on", "On", "The bulb shines", True),
        DETAIL,
    ),
    (
        Variant(("floor lamp", "standing lamp", "lamp"), {}, mass_kg=6.0, bounce=0.1),
        Variant(("table lamp", "bedside lamp"), {"kind": "table"}, mass_kg=2.0, bounce=0.1),
        Variant(("desk lamp", "reading lamp"), {"kind": "desk"}, mass_kg=1.8, bounce=0.1),
        Variant(("hanging lamp", "pendant lamp", "ceiling lamp"), {"kind": "hanging"}, mass_kg=1.5, bounce=0.1),
        Variant(("street lamp", "lamppost", "lamp post", "streetlight"), {"kind": "street"}, mass_kg=120.0, bounce=0.1),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    height = float(values["height_m"]) or _HEIGHTS[kind]
    size = height / _HEIGHTS[kind]
    build = {"floor": _floor, "table": _table, "desk": _desk, "hanging": _hanging, "street": _street}[kind]
    layers = [(piece.scaled(size), look) for piece, look in build(detail)]
    looks = {
        "metal": Look(srgb("#3b3a38"), roughness=0.4, metallic=1.0),
        "brass": Look(srgb("#c29a52"), roughness=0.25, metallic=1.0),
        "shade": Look(srgb("#efe2c4"), srgb("#e2d2ae"), "weave", 0.003, 0.0003, 0.9, leaf=True),
        "enamel": Look(srgb("#2f5d50"), roughness=0.25),
        "bulb": Look((1.0, 0.82, 0.55), roughness=0.3, emission=12.0 if values["on"] else 0.0),
    }
    return Parts((assembled("Lamp", layers, closed=True, crease_deg=50),), looks)


def _shade(low_radius: float, high_radius: float, low: float, high: float, detail: float, wall: float = 0.002):
    """A cone without its ends, closed wall."""
    rows = [
        (low_radius, low),
        (high_radius, high),
        (high_radius - wall, high),
        (low_radius - wall, low),
        (low_radius, low),
    ]
    return lathe(np.array(rows), segments(48, detail, 8))


def _spokes(radius: float, height: float, detail: float):
    """Three wires that hold the shade."""
    ends = [(radius * np.cos(a), radius * np.sin(a), height) for a in np.radians((90, 210, 330))]
    return [(rod((0, 0, height), end, 0.002, 5), "brass") for end in ends]


def _floor(detail: float):
    sides = segments(16, detail, 6)
    foot = lathe(
        rounded([(0, 0), (0.14, 0), (0.14, 0.018), (0.02, 0.03), (0.011, 0.06), (0, 0.06)], 0.008, 3), 3 * sides
    )
    return [
        (_shade(0.21, 0.14, 1.26, 1.55, detail), "shade"),
        (foot, "brass"),
        (rod((0, 0, 0.04), (0, 0, 1.5), 0.011, sides), "brass"),
        *_spokes(0.142, 1.5, detail),
        (ball(0.035, segments(5, detail, 2)).moved(z=1.4), "bulb"),
    ]


def _table(detail: float):
    around = segments(40, detail, 8)
    body = [
        (0, 0),
        (0.06, 0),
        (0.065, 0.012),
        (0.035, 0.03),
        (0.075, 0.1),
        (0.07, 0.15),
        (0.022, 0.22),
        (0.016, 0.27),
        (0, 0.27),
    ]
    line = np.concatenate([[body[0]], evenly(smooth(body[1:-1], 60), segments(26, detail, 8)), [body[-1]]])
    return [
        (_shade(0.16, 0.1, 0.25, 0.48, detail), "shade"),
        (lathe(line, around), "enamel"),
        (rod((0, 0, 0.26), (0, 0, 0.44), 0.006, 8), "brass"),
        *_spokes(0.101, 0.44, detail),
        (ball(0.03, segments(5, detail, 2)).moved(z=0.35), "bulb"),
    ]


def _desk(detail: float):
    sides = segments(12, detail, 6)
    joints = [(0.0, 0.0, 0.03), (-0.14, 0, 0.24), (0.1, 0, 0.4)]
    layers = [(cylinder(0.085, 0.022, 3 * sides, bevel=0.006), "metal")]
    for a, b in zip(joints[:-1], joints[1:], strict=True):
        for shift in (-0.012, 0.012):
            layers.append((rod(np.add(a, (0, shift, 0)), np.add(b, (0, shift, 0)), 0.005, sides), "metal"))
    for joint in joints:
        pin = cylinder(0.016, 0.04, 2 * sides, bevel=0.003).moved(z=-0.02).turned("x", 90)
        layers.append((pin.moved(*joint), "brass"))
    hood = [(0.0, 0.05), (0.028, 0.05), (0.034, 0.0), (0.085, -0.075), (0.083, -0.076), (0.031, -0.003), (0.0, -0.003)]
    head = lathe(np.array(hood[::-1]), 4 * sides).flipped().turned("y", -35)
    layers.append((_outward(head).moved(0.13, 0, 0.4), "enamel"))
    bulb = ball(0.026, segments(5, detail, 2)).moved(z=-0.045).turned("y", -35)
    return [*layers, (bulb.moved(0.13, 0, 0.4), "bulb")]


def _outward(piece):
    """`piece` with its faces looking out, whichever way its profile ran."""
    a, b, c = (piece.vertices[piece.corners[piece.starts + k]] for k in range(3))
    return piece if np.einsum("fi,fi->", a, np.cross(b, c)) > 0 else piece.flipped()


def _hanging(detail: float):
    around = segments(48, detail, 8)
    line = evenly(
        smooth([(0.2, 0.0), (0.18, 0.06), (0.11, 0.13), (0.035, 0.17), (0.03, 0.21)], 60), segments(20, detail, 6)
    )
    inner = line[::-1] - (0.0025, 0.002)
    hood = lathe(np.concatenate([line, inner, line[:1]]), around)
    return [
        (hood, "enamel"),
        (cylinder(0.028, 0.03, around // 2, bevel=0.004).moved(z=0.2), "brass"),
        (rod((0, 0, 0.22), (0, 0, 0.88), 0.004, 8), "metal"),
        (cylinder(0.05, 0.02, around, bevel=0.004).moved(z=0.88), "brass"),
        (ball(0.04, segments(5, detail, 2)).moved(z=0.07), "bulb"),
    ]


def _street(detail: float):
    sides = segments(16, detail, 8)
    rows = [(0, 0), (0.16, 0), (0.16, 0.12), (0.1, 0.3), (0.075, 0.9), (0.06, 0.95), (0.05, 4.2), (0, 4.2)]
    arm = evenly(smooth([(0, 0, 4.1), (-0.15, 0, 4.6), (-0.6, 0, 4.85), (-1.1, 0, 4.75)], 60), segments(24, detail, 8))
    hood = [(0, -0.03), (0.2, -0.03), (0.22, 0), (0.16, 0.1), (0.05, 0.17), (0.04, 0.25), (0, 0.25)]
    return [
        (lathe(rounded(rows, 0.03, 3), 2 * sides), "metal"),
        (tubes(arm, np.linspace(0.048, 0.03, len(arm)), sides), "metal"),
        (lathe(np.array(hood), 2 * sides).moved(-1.1, 0, 4.55), "metal"),
        (ball(0.12, segments(6, detail, 2)).scaled(1, 1, 0.8).moved(-1.1, 0, 4.48), "bulb"),
    ]
