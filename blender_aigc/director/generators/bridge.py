"""Bridges: a stone arch, a wooden footbridge, a suspension bridge."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments
from .parts import Look, Parts, srgb
from .shapes.piece import Piece, assembled, of_faces
from .shapes.solids import rod, slab, tubes
from .shapes.timber import board, post

_USUAL = {"arch": (16.0, 4.0), "wooden": (8.0, 1.8), "suspension": (120.0, 10.0)}
INFO = GeneratorInfo(
    "bridge",
    "Bridge",
    "A bridge from left to right; its lowest point is the ground",
    "architecture",
    (
        choice(
            "kind",
            "Kind",
            "How it is built",
            ("arch", "Stone arch"),
            ("wooden", "Wooden footbridge"),
            ("suspension", "Suspension bridge"),
        ),
        metres("length_m", "Length", "0 takes the usual length", 0.0, 0.0, 2000.0),
        metres("width_m", "Width", "0 takes the usual width", 0.0, 0.0, 40.0),
        DETAIL,
    ),
    (
        Variant(("bridge", "stone bridge", "arch bridge"), {}, mass_kg=250_000.0),
        Variant(("wooden bridge", "footbridge"), {"kind": "wooden"}, mass_kg=1500.0),
        Variant(("suspension bridge", "rope bridge"), {"kind": "suspension"}, mass_kg=4e6),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind = str(values["kind"])
    length, width = (
        float(values[key]) or usual for key, usual in zip(("length_m", "width_m"), _USUAL[kind], strict=True)
    )
    length, width = max(length, 1.0), max(width, 0.4)
    build = {"arch": _arch, "wooden": _wooden, "suspension": _suspension}[kind]
    layers = build(length, width, float(values["detail"]))
    looks = {
        "stone": Look(srgb("#938c7f"), srgb("#625d54"), "bricks", 0.5, 0.02, 0.95),
        "road": Look(srgb("#6f6a62"), srgb("#5f5a52"), "noise", 0.2, 0.004, 0.95),
        "wood": Look(srgb("#8a6541"), srgb("#6b4b2e"), "wood", 0.03, 0.001, 0.8),
        "steel": Look(srgb("#a63c2c"), roughness=0.5),
        "cable": Look(srgb("#5f6266"), roughness=0.4, metallic=1.0),
    }
    return Parts((assembled("Bridge", layers, closed=True, crease_deg=30),), looks)


def _arch(length: float, width: float, detail: float) -> list[tuple[Piece, str]]:
    """One arch under a hump, with parapets that follow it."""
    steps = segments(48, detail, 12)
    x = np.linspace(-length / 2, length / 2, steps + 1)
    u = 2 * x / length
    span = 0.62
    deck = length * (0.19 + 0.06 * np.cos(np.pi / 2 * u) ** 2)
    under = np.where(np.abs(u) < span, 0.19 * length * np.sqrt(np.clip(1 - (u / span) ** 2, 0, 1)), 0.0)
    layers = [(_between(x, under, deck, -width / 2, width / 2), "stone")]
    wall, tall = min(0.35, 0.15 * width), min(0.9, 0.06 * length)
    for s in (-1, 1):
        a, b = sorted((s * (width / 2 + 0.05), s * (width / 2 - wall)))
        layers.append((_between(x, deck - 0.25, deck + tall, a, b), "stone"))
        a, b = sorted((s * (width / 2 + 0.12), s * (width / 2 - wall - 0.05)))
        layers.append((_between(x, deck + tall, deck + tall + 0.14, a, b), "road"))
    layers.append((_between(x, deck - 0.05, deck + 0.04, wall - width / 2, width / 2 - wall), "road"))
    return layers


def _between(x: np.ndarray, low: np.ndarray, high: np.ndarray, front: float, back: float) -> Piece:
    """The closed solid under high and over low (N,), from front to back; where low is 0 it stands on the ground."""
    number = len(x)
    rows = [(front, low), (front, high), (back, high), (back, low)]
    points = np.concatenate([np.column_stack([x, np.full(number, y), z]) for y, z in rows])
    k = np.arange(number - 1)
    faces = []
    for a in range(4):
        b = (a + 1) % 4
        faces.append(np.stack([a * number + k, b * number + k, b * number + k + 1, a * number + k + 1], 1))
    ends = np.array([[0, 3 * number, 2 * number, number], [number - 1, 2 * number - 1, 3 * number - 1, 4 * number - 1]])
    solid = of_faces(points, np.concatenate([*faces, ends]))
    return solid.flipped()


def _wooden(length: float, width: float, detail: float) -> list[tuple[Piece, str]]:
    """Planks over two bent beams, posts and rails."""
    number = max(4, round(length / 0.16))
    x = (np.arange(number) + 0.5) / number * length - length / 2
    rise, foot = 0.07 * length, 0.35

    def deck(place):
        return foot + rise * np.cos(np.pi * place / length)

    layers: list[tuple[Piece, str]] = []
    step = length / number
    for place in x:
        tilt = -np.degrees(np.arctan(-rise * np.pi / length * np.sin(np.pi * place / length)))
        plank = board((-0.46 * step, -width / 2, -0.02), (0.46 * step, width / 2, 0.025), 0.004, "y")
        layers.append((plank.turned("y", tilt).moved(place, 0, deck(place)), "wood"))
    line = np.linspace(-length / 2, length / 2, segments(20, detail, 6))
    for s in (-1, 1):
        y = s * (width / 2 - 0.12)
        bearer = _between(line, deck(line) - 0.26, deck(line) - 0.02, y - 0.06, y + 0.06)
        layers.append((bearer, "wood"))
        places = np.linspace(-length / 2 + 0.1, length / 2 - 0.1, max(3, round(length / 1.3) + 1))
        for place in places:
            layers.append((post((place, y, deck(place) - 0.25), (place, y, deck(place) + 1.0), 0.08), "wood"))
        for up in (0.55, 0.98):
            rail = np.column_stack([line, np.full(len(line), y), deck(line) + up])
            layers.append((tubes(rail, 0.035, segments(8, detail, 5)), "wood"))
        layers.append((slab((-length / 2 - 0.05, y - 0.09, 0), (-length / 2 + 0.3, y + 0.09, foot - 0.02)), "wood"))
        layers.append((slab((length / 2 - 0.3, y - 0.09, 0), (length / 2 + 0.05, y + 0.09, foot - 0.02)), "wood"))
    return layers


def _suspension(length: float, width: float, detail: float) -> list[tuple[Piece, str]]:
    """Two towers, main cables as parabolas (an evenly loaded cable), hangers, a stiffened deck."""
    deck, tower = 0.1 * length, 0.27 * length
    place, leg = 0.3 * length, 0.012 * length
    sides = segments(10, detail, 5)
    layers: list[tuple[Piece, str]] = [
        (slab((-length / 2, -width / 2, deck - 0.012 * length), (length / 2, width / 2, deck)), "steel"),
        (
            slab(
                (-length / 2, 0.06 * width - width / 2, deck),
                (length / 2, width / 2 - 0.06 * width, deck + 0.001 * length),
            ),
            "road",
        ),
    ]
    x = np.linspace(-length / 2, length / 2, segments(60, detail, 16))
    inner = deck + 0.02 * length + (tower - deck - 0.02 * length) * (x / place) ** 2
    outer = tower - (tower - deck) * (np.abs(x) - place) / (length / 2 - place)
    cable = np.where(np.abs(x) <= place, inner, outer)
    for s in (-1, 1):
        y = s * width / 2
        layers.append((tubes(np.column_stack([x, np.full(len(x), y), cable]), 0.0028 * length, sides), "steel"))
        for k in np.linspace(-0.48, 0.48, 49) * length:
            top = np.interp(k, x, cable)
            if top - deck > 0.01 * length:
                layers.append((rod((k, y, deck - 0.004 * length), (k, y, top), 0.0007 * length, 5), "cable"))
        for t in (-1, 1):
            layers.append(
                (
                    slab((t * place - leg, y - leg, 0), (t * place + leg, y + leg, tower + 0.008 * length), 0.1 * leg),
                    "steel",
                )
            )
    for t in (-1, 1):
        for z in (0.5 * deck, deck - 0.02 * length, 0.62 * tower, 0.98 * tower):
            layers.append(
                (
                    slab(
                        (t * place - 0.7 * leg, -width / 2, z - 0.8 * leg),
                        (t * place + 0.7 * leg, width / 2, z + 0.8 * leg),
                    ),
                    "steel",
                )
            )
    return layers
