"""Rocks: a ball cut by planes, as stone breaks, and roughened by noise."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.noise import Noise
from .shapes.piece import assembled
from .shapes.stones import stone

_LOOKS = {
    "granite": ("#7d7a75", "#55524e"),
    "sandstone": ("#b08a5f", "#8f6b45"),
    "basalt": ("#3d3c3e", "#29292c"),
    "chalk": ("#d8d3c6", "#b9b3a3"),
}
INFO = GeneratorInfo(
    "rock",
    "Rock",
    "A stone, from pebble to boulder; every seed is another one",
    "ground",
    (
        metres("size_m", "Size", "Its longest side", 0.8, 0.01, 40.0),
        choice("stone", "Stone", "What it is made of", *((kind, kind.capitalize()) for kind in _LOOKS)),
        share("roundness", "Round", "0 is freshly broken, 1 is from a river bed", 0.25),
        share("flatness", "Flat", "How flat it lies", 0.3, 0.0, 0.9),
        share("moss", "Moss", "How much of its top is green", 0.0),
        DETAIL,
    ),
    (
        Variant(("rock", "stone"), {}, mass_kg=400.0, bounce=0.2),
        Variant(("pebble",), {"size_m": 0.05, "roundness": 1.0}, mass_kg=0.1, bounce=0.3),
        Variant(("boulder",), {"size_m": 2.5, "moss": 0.4}, mass_kg=15000.0, bounce=0.1),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    size, detail = float(values["size_m"]), float(values["detail"])
    cells = segments(28, detail, 6)
    body = stone(rng, cells, float(values["roundness"]), float(values["flatness"]))
    body = body.scaled(size / np.ptp(body.vertices, axis=0).max())
    body = body.moved(z=-body.vertices[:, 2].min())
    first, second = (np.array(srgb(text)) for text in _LOOKS[str(values["stone"])])
    grain = np.clip(0.5 + 0.6 * Noise(rng).fbm(body.vertices / size * 5, 4), 0, 1)[:, None]
    colours = first * grain + second * (1 - grain)
    up = body.vertices[:, 2] / body.vertices[:, 2].max()
    growth = np.clip((up - 1.05 + float(values["moss"])) * 3 + 0.5 * Noise(rng)(body.vertices / size * 4), 0, 1)[
        :, None
    ]
    growth = growth * (float(values["moss"]) > 0)
    colours = colours * (1 - growth) + np.array(srgb("#4d6030")) * growth
    look = Look(
        tuple(np.mean(colours, 0).tolist()), pattern="colours", roughness=0.9 - 0.4 * float(values["roundness"])
    )
    return Parts((assembled("Rock", [(body.painted(colours), "stone")], closed=True, crease_deg=28),), {"stone": look})
