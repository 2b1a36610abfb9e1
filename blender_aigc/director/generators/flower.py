"""Flowers with the parameters of 3D-GPT's flower function (Sun et al. 2023): centre, petals, curl, stem."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, count, degrees, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.curves import evenly, smooth
from .shapes.petals import blade, whorl
from .shapes.piece import Piece, assembled
from .shapes.solids import ball, tubes

# height, petals, length, width / length, raise, curl, cup, tip, centre radius, colours of petals and centre
_KINDS = {
    "daisy": (0.35, 21, 0.045, 0.26, 6, 6, 0.1, 0.9, 0.016, "#f5f3ec", "#e0a91f"),
    "sunflower": (1.6, 30, 0.13, 0.3, 10, 12, 0.15, 1.1, 0.1, "#eeb211", "#3a2413"),
    "tulip": (0.4, 6, 0.075, 0.62, 74, 18, 0.32, 0.8, 0.008, "#c2222f", "#2c2a1c"),
    "poppy": (0.5, 5, 0.055, 1.0, 32, 34, 0.3, 0.7, 0.006, "#d8341f", "#1d1a1a"),
    "rose": (0.55, 34, 0.045, 0.9, 60, 40, 0.35, 0.65, 0.004, "#a8132a", "#8c0f22"),
    "lily": (0.7, 6, 0.11, 0.36, 48, -70, 0.15, 1.1, 0.01, "#f4d9e2", "#c98a2c"),
    "bluebell": (0.3, 14, 0.03, 0.5, 20, 30, 0.3, 1.0, 0.004, "#4a5bb5", "#d9d9f0"),
}
INFO = GeneratorInfo(
    "flower",
    "Flower",
    "A flower with stem, leaves and petals",
    "plants",
    (
        choice("kind", "Kind", "Which flower", *((kind, kind.capitalize()) for kind in _KINDS)),
        metres("height_m", "Height", "0 takes the usual height", 0.0, 0.0, 5.0),
        count("petals", "Petals", "0 takes the usual number", 0, 0, 80),
        share("petal_length", "Petal Length", "In shares of the usual one", 1.0, 0.2, 4.0),
        share("petal_width", "Petal Width", "In shares of the usual one", 1.0, 0.2, 4.0),
        degrees("open_deg", "Open", "How much further open than usual", 0.0, -60.0, 60.0),
        choice(
            "colour",
            "Colour",
            "Of the petals",
            ("usual", "Usual"),
            ("white", "White"),
            ("red", "Red"),
            ("yellow", "Yellow"),
            ("blue", "Blue"),
            ("pink", "Pink"),
            ("purple", "Purple"),
        ),
        DETAIL,
    ),
    (
        Variant(("flower", "daisy"), {}, mass_kg=0.01, bounce=0.0),
        Variant(("sunflower",), {"kind": "sunflower"}, mass_kg=0.6, bounce=0.0),
        Variant(("tulip",), {"kind": "tulip"}, mass_kg=0.02, bounce=0.0),
        Variant(("poppy",), {"kind": "poppy"}, mass_kg=0.01, bounce=0.0),
        Variant(("red rose", "single rose"), {"kind": "rose"}, mass_kg=0.03, bounce=0.0),
        Variant(("lily",), {"kind": "lily"}, mass_kg=0.03, bounce=0.0),
        Variant(("bluebell",), {"kind": "bluebell"}, mass_kg=0.01, bounce=0.0),
    ),
    source="Sun et al., 3D-GPT, 2023 (names of the parameters)",
)
_COLOURS = {
    "white": "#f3f1ea",
    "red": "#b81a28",
    "yellow": "#efc526",
    "blue": "#3550b0",
    "pink": "#e79ab5",
    "purple": "#6d3a94",
}


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    usual, petals, length, width, lift, curl, cup, tip, centre, petal_colour, centre_colour = _KINDS[kind]
    height, number = float(values["height_m"]) or usual, int(values["petals"]) or petals
    scale = height / usual
    length, centre = length * scale * float(values["petal_length"]), centre * scale
    wide = length * width * float(values["petal_width"])
    lift -= float(values["open_deg"])
    rows, columns = segments(7, detail, 3), segments(4, detail, 2, even=True)
    sway = rng.normal(0, 0.05, 2) * height
    line = evenly(
        smooth([(0, 0, 0), (0.6 * sway[0], 0.6 * sway[1], 0.55 * height), (*sway, height)], 30), segments(10, detail, 4)
    )
    layers: list[tuple[Piece, str]] = [
        (tubes(line, (0.004 + 0.006 * height) * np.linspace(1, 0.7, len(line)), segments(8, detail, 4)), "stem")
    ]
    head = _bells if kind == "bluebell" else _head
    for piece, look in head(kind, number, length, wide, lift, curl, cup, tip, centre, rows, columns, rng):
        tilted = piece.turned("x", 38 if kind == "sunflower" else 10) if kind != "bluebell" else piece
        layers.append((tilted.moved(*line[-1]), look))
    layers += _leaves(kind, height, line, rows, columns, rng)
    text = petal_colour if values["colour"] == "usual" else _COLOURS[str(values["colour"])]
    colour = srgb(text)
    dark = (colour[0] * 0.8, colour[1] * 0.7, colour[2] * 0.75)
    looks = {
        "petals": Look(colour, dark, "noise", 0.02 * scale, 0.0, 0.6, leaf=True),
        "centre": Look(
            srgb(centre_colour), srgb("#2a1a0d") if kind == "sunflower" else None, "noise", 0.008 * scale, 0.002, 0.9
        ),
        "stem": Look(srgb("#4f7a35"), roughness=0.6),
        "leaves": Look(srgb("#46702f"), srgb("#5d8a3c"), "noise", 0.05, 0.0, 0.6, leaf=True),
    }
    return Parts((assembled("Flower", layers, crease_deg=180),), looks)


def _head(kind, number, length, wide, lift, curl, cup, tip, centre, rows, columns, rng) -> list[tuple[Piece, str]]:
    """The petals of one head; a rose has several whorls that open towards the outside (golden angle)."""
    layers: list[tuple[Piece, str]] = []
    if kind == "rose":
        for k in range(number):
            out = (k + 1) / number
            petal = blade(
                length * (0.75 + 0.35 * out),
                wide * (0.5 + 0.6 * out),
                25 + curl * out,
                cup + 0.5 * (1 - out),
                tip,
                rows,
                columns,
            )
            stand = lift + 26 * (1 - out) - 30 * out**2
            layers.append(
                (petal.turned("y", -stand).moved(centre + 0.18 * length * out).turned("z", 137.5 * k), "petals")
            )
        return layers
    petal = blade(length, wide, curl, cup, tip, rows, columns)
    layers = [(piece, "petals") for piece in whorl(petal, number, lift, 0.85 * centre, rng)]
    if kind in ("daisy", "sunflower"):
        second = whorl(petal.scaled(0.9), number, lift + 9, 0.8 * centre, rng)
        layers += [(piece.turned("z", 180 / number), "petals") for piece in second]
    flat = 0.45 if kind in ("daisy", "sunflower") else 1.3
    layers.append((ball(centre, max(3, columns + 1)).scaled(1, 1, flat), "centre"))
    if kind in ("lily", "tulip", "poppy"):
        for k in range(6):
            turn = np.radians(60 * k)
            out = 0.3 * length
            ends = np.array(
                [
                    (0, 0, 0),
                    (0.5 * out * np.cos(turn), 0.5 * out * np.sin(turn), 0.3 * length),
                    (out * np.cos(turn), out * np.sin(turn), 0.55 * length),
                ]
            )
            layers.append((tubes(evenly(smooth(ends, 12), 5), 0.012 * length, 4), "centre"))
            layers.append((ball(0.035 * length, 2).moved(*ends[-1]), "centre"))
    return layers


def _bells(kind, number, length, wide, lift, curl, cup, tip, centre, rows, columns, rng) -> list[tuple[Piece, str]]:
    """Small bells that hang from one side of the stem."""
    petal = blade(length, wide, curl, cup, tip, rows, columns).turned("y", 74)
    bell = whorl(petal, 5, 0, 0.1 * length, rng, 2)
    layers = []
    for k in range(max(1, number // 2)):
        turn, down = 70 * (k % 3 - 1) + rng.normal(0, 12), k / max(1, number // 2)
        out = 0.7 * length + 0.5 * length * down
        for piece in bell:
            layers.append((piece.turned("y", -18).moved(out, 0, -5.5 * length * down).turned("z", turn), "petals"))
        stalk = np.array([(0, 0, 0.3 * length), (0.6 * out, 0, 0.4 * length), (out, 0, 0)])
        line = evenly(smooth(stalk, 12), 5) + (0, 0, -5.5 * length * down)
        layers.append((tubes(line, 0.05 * length, 4).turned("z", turn), "stem"))
    return layers


def _leaves(kind, height, line, rows, columns, rng) -> list[tuple[Piece, str]]:
    """Long leaves from the ground (tulip, lily, bluebell), or some along the stem."""
    layers = []
    if kind in ("tulip", "bluebell"):
        for k in range(3):
            leaf = blade(0.7 * height, 0.11 * height, -50, 0.3, 1.0, rows, columns).turned("y", -76)
            layers.append((leaf.moved(0.01 * height).turned("z", 120 * k + rng.normal(0, 15)), "leaves"))
        return layers
    for k, at in enumerate(np.linspace(0.12, 0.72, 4 if kind != "sunflower" else 7)):
        size = (0.22 if kind != "sunflower" else 0.17) * height * (1.1 - at)
        leaf = blade(size, 0.45 * size, -40, 0.15, 1.0, rows, columns).turned("y", -38)
        place = line[min(int(at * len(line)), len(line) - 1)]
        layers.append((leaf.turned("z", 137.5 * k).moved(*place), "leaves"))
    return layers
