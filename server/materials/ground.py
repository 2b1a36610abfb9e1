"""Loose ground: sand, snow, soil. numpy only."""

from __future__ import annotations

import numpy as np

from .core import Look, Material, Points, Recipe, full, mix, painted, ramp, rgb, shaded, tinted
from .noise import cells, fbm, perlin, step, warped


def sand(p: Points, r: Recipe) -> Look:
    """Ripples of wind that join and part, on low dunes, with single dark grains."""
    base = r.colour(0, rgb("#cfae7c"))
    bent = warped(p.space.scaled(1.4), r.seed + 1, 0.35, 3)
    ripple = np.sin((bent.x * 1.0 + 0.35 * bent.y) * np.float32(52) + 3 * perlin(bent.scaled(2), r.seed + 2))
    crest = 0.5 + 0.5 * ripple
    crest = crest * crest * (0.4 + 0.6 * step(-0.3, 0.3, fbm(bent.scaled(1.2), r.seed + 3, 3)))
    grain = fbm(p.space.scaled(240), r.seed + 4, 2)
    dark = step(0.42, 0.6, perlin(p.space.scaled(300), r.seed + 5)) if p.space.spacing_m * 300 < 1 else 0 * grain
    colour = tinted(painted(p, base), 0.86 + 0.22 * crest + 0.14 * grain - 0.4 * dark)
    return Look(colour, full(p, 0.92), full(p, 0), (0.004 * crest + 0.0003 * grain).astype(np.float32))


def snow(p: Points, r: Recipe) -> Look:
    """Wind-packed: soft drifts, crystals that vary the gloss, blue in the hollows."""
    base = r.colour(0, rgb("#f0f4fa"))
    drift = fbm(warped(p.space.scaled(2.2), r.seed + 1, 0.3, 2), r.seed + 2, 4)
    fine = fbm(p.space.scaled(70), r.seed + 3, 3)
    sparkle = cells(p.space.scaled(190), r.seed + 4) if p.space.spacing_m * 190 < 1 else None
    glint = 0 * fine if sparkle is None else (sparkle.number > 0.9).astype(np.float32)
    hollow = np.clip(0.5 - 0.7 * drift + np.clip(-p.bend, 0, 1) + 0.6 * (1 - p.sky), 0, 1)
    colour = mix(base, rgb("#bfd0e6"), 0.55 * hollow)
    height = 0.009 * drift + 0.0008 * fine
    return Look(tinted(colour, 1 + 0.02 * fine), 0.62 - 0.35 * glint, full(p, 0), height.astype(np.float32))


def soil(p: Points, r: Recipe) -> Look:
    """Earth in clods, with small stones, cracked where it is dry."""
    base = r.colour(0, rgb("#5a4330"))
    clod = fbm(p.space.scaled(16), r.seed + 1, 6, 0.62)
    stone = cells(p.space.scaled(24), r.seed + 2)
    pebble = step(0.3, 0.24, stone.nearest) * (stone.number > 0.72)
    tone = np.clip(0.5 + 0.65 * clod, 0, 1)
    colour = ramp(tone, ((0, shaded(base, 0.3)), (0.5, base), (1, shaded(base, 1.5))))
    colour = mix(colour, ramp(stone.other, ((0, rgb("#6f665c")), (1, rgb("#a39a8c")))), pebble)
    height = 0.006 * clod + 0.005 * pebble * np.clip(1 - 2 * stone.nearest, 0, 1)
    if r.has("cracked", "dry", "dried"):
        plate = cells(warped(p.space.scaled(8), r.seed + 3, 0.25, 3), r.seed + 4)
        crack = step(0.1, 0.01, plate.border)
        colour, height = tinted(colour, 1.15 - 0.85 * crack), 0.3 * height - 0.012 * crack + 0.002 * plate.other
    return Look(colour, full(p, 0.93), full(p, 0), height.astype(np.float32))


MATERIALS = (
    Material("sand", "Sand", ("sand", "dune", "beach"), sand, "Perlin 1985", worn="nothing"),
    Material("snow", "Snow", ("snow", "snowman"), snow, "Perlin 1985", worn="nothing"),
    Material(
        "soil",
        "Soil",
        ("soil", "mud", "dirt", "earth"),
        soil,
        "Worley 1996",
        ("cracked", "dry", "dried"),
        worn="nothing",
    ),
)
