"""Cloth and leather: threads over and under, naps, grains. numpy only."""

from __future__ import annotations

import numpy as np

from .core import Look, Material, Points, Recipe, boxed, full, mix, painted, ramp, rgb, shaded, tinted
from .noise import Space, cells, chance, fbm, perlin, ridged, step, warped


def fabric(p: Points, r: Recipe) -> Look:
    """Plain weave: warp and weft cross, each thread round and with a tone of its own; stripes and checks in colours."""
    base = r.colour(0, rgb("#8d7f68"))
    second = r.colour(1, shaded(base, 0.45))
    across, upwards, _ = boxed(p)
    bent = 0.0012 * fbm(p.space.scaled(12), r.seed + 1, 3)
    pitch = np.float32(max(0.0042, 2.6 * p.space.spacing_m))
    a, b = (across + bent) / pitch, (upwards - bent) / pitch
    column, row = np.floor(a), np.floor(b)
    u, v = a - column - 0.5, b - row - 0.5
    if r.has("denim", "jeans", "twill"):
        over = ((column - row) % 3 < 2).astype(np.float32)
    else:
        over = ((column + row) % 2).astype(np.float32)
    warp_round = np.cos(u * np.pi) * (0.55 + 0.45 * np.cos(v * np.pi))
    weft_round = np.cos(v * np.pi) * (0.55 + 0.45 * np.cos(u * np.pi))
    lift = np.where(over > 0, warp_round, weft_round)
    thread = np.where(over > 0, chance(column, r.seed + 2), chance(row, r.seed + 3))
    lint = fbm(p.space.scaled(230), r.seed + 4, 2)
    colour = painted(p, base)
    if r.has("denim", "jeans"):
        base = r.colour(0, rgb("#2c4468"))
        colour = mix(base, rgb("#c9cfd6"), 1 - over)
    if r.has("striped", "stripes"):
        colour = mix(colour, second, (np.floor(across / 0.05) % 2).astype(np.float32))
    if r.has("checked", "plaid", "tartan", "gingham", "checkered"):
        band = (np.floor(across / 0.06) % 2) * 0.5 + (np.floor(upwards / 0.06) % 2) * 0.5
        colour = mix(colour, second, band.astype(np.float32))
    cloud = fbm(p.space.scaled(2.3), r.seed + 5, 4)
    faded = step(0.1, 0.6, cloud + np.clip(p.bend, 0, 1)) * r.age * 0.5
    colour = mix(colour, shaded(base, 1.9), faded)
    colour = tinted(colour, 0.6 + 0.45 * lift + 0.25 * (thread - 0.5) + 0.1 * lint + 0.06 * cloud)
    return Look(colour, full(p, 0.86) + 0.05 * lint, full(p, 0), (0.0009 * lift + 0.0001 * lint).astype(np.float32))


def knit(p: Points, r: Recipe) -> Look:
    """Stockinette: columns of V stitches."""
    base = r.colour(0, rgb("#a33f35"))
    across, upwards, _ = boxed(p)
    width = np.float32(max(0.013, 5 * p.space.spacing_m))
    column = np.floor(across / width)
    u = np.abs(across / width - column - 0.5) * 2
    slanted = upwards / (0.8 * width) + 0.75 * u
    row = np.floor(slanted)
    v = slanted - row
    yarn = np.sin(np.pi * np.clip(v, 0, 1)) * (0.35 + 0.65 * np.sin(np.pi * np.clip(u * 0.9 + 0.05, 0, 1)))
    twist = perlin(Space(across * 420, upwards * 420 + u * 40, 0 * u, 0), r.seed + 1)
    fuzz = fbm(p.space.scaled(160), r.seed + 2, 3)
    colour = painted(p, base)
    if len(r.colours) > 1 or r.has("striped", "stripes"):
        colour = mix(colour, r.colour(1, rgb("#e3dccb")), (np.floor(row / 6) % 2).astype(np.float32))
    colour = tinted(colour, 0.42 + 0.75 * yarn + 0.12 * twist + 0.12 * fuzz)
    return Look(colour, full(p, 0.92), full(p, 0), (0.0042 * yarn + 0.0004 * twist + 0.0005 * fuzz).astype(np.float32))


def velvet(p: Points, r: Recipe) -> Look:
    """A pile that leans this way and that; the sheen is painted, since a base colour cannot turn with the view."""
    base = r.colour(0, rgb("#5a1027"))
    lean = fbm(warped(p.space.scaled(3), r.seed + 1, 0.7, 3), r.seed + 2, 4)
    pile = fbm(p.space.scaled(200), r.seed + 3, 3)
    bright = (min(base[0] * 2.6, 1.0), min(base[1] * 2.6, 1.0), min(base[2] * 2.6, 1.0))
    colour = mix(shaded(base, 0.6), bright, 0.45 + 0.6 * lean + 0.2 * pile)
    return Look(colour, full(p, 0.7) - 0.15 * lean, full(p, 0), (0.0005 * pile + 0.0006 * lean).astype(np.float32))


def leather(p: Points, r: Recipe) -> Look:
    """Grain of small rounded cells parted by creases, creases of use, rubbed edges."""
    base = r.colour(0, rgb("#5d3a22"))
    grain = cells(warped(p.space.scaled(105), r.seed + 1, 0.45, 2), r.seed + 2)
    coarse = cells(warped(p.space.scaled(44), r.seed + 3, 0.5, 2), r.seed + 4)
    crease = step(0.2, 0.0, grain.border) * 0.65 + 0.35 * step(0.1, 0.0, coarse.border)
    fold = step(0.86, 0.98, ridged(warped(p.space.scaled(4.5), r.seed + 5, 0.5, 3), r.seed + 6, 3)) * (0.4 + r.age)
    cloud = fbm(p.space.scaled(2.6), r.seed + 7, 5)
    colour = tinted(painted(p, base), 1 + 0.2 * cloud + 0.12 * (coarse.number - 0.5) - 0.45 * crease - 0.35 * fold)
    rub = step(0.55, 1.25, np.clip(p.bend, 0, 1) + 0.55 * cloud)
    colour = mix(colour, shaded(base, 1.45), 0.6 * rub * (0.3 + r.age))
    dome = np.clip(1 - grain.nearest, 0, 1)
    height = 0.0009 * dome - 0.0007 * crease - 0.0014 * fold
    return Look(colour, 0.5 + 0.12 * crease + 0.1 * cloud - 0.12 * rub, full(p, 0), height.astype(np.float32))


def carpet(p: Points, r: Recipe) -> Look:
    base = r.colour(0, rgb("#7a2f2a"))
    loops = cells(p.space.scaled(120), r.seed + 1, 0.6)
    cloud = fbm(p.space.scaled(5), r.seed + 2, 4)
    colour = ramp(loops.number, ((0, shaded(base, 0.6)), (1, shaded(base, 1.3))))
    colour = tinted(colour, 1.1 - 0.7 * loops.nearest + 0.1 * cloud)
    return Look(colour, full(p, 0.95), full(p, 0), (0.0035 * (1 - loops.nearest)).astype(np.float32))


_PATTERNS = ("striped", "stripes", "checked", "plaid", "tartan", "gingham", "checkered", "denim", "jeans", "twill")
MATERIALS = (
    Material(
        "fabric",
        "Fabric",
        (
            "fabric",
            "cloth",
            "cotton",
            "linen",
            "canvas",
            "denim",
            "jeans",
            "burlap",
            "tweed",
            "upholstery",
            "curtain",
            "shirt",
            "plaid",
            "tartan",
        ),
        fabric,
        "Plain weave and twill; Perlin 1985",
        _PATTERNS,
    ),
    Material(
        "knit",
        "Knit",
        ("knit", "knitted", "wool", "woollen", "sweater", "sock", "scarf"),
        knit,
        "Stockinette stitch",
        ("striped", "stripes"),
        worn="nothing",
    ),
    Material("velvet", "Velvet", ("velvet", "suede", "satin", "silk", "plush"), velvet, "Perlin 1985"),
    Material(
        "leather", "Leather", ("leather", "leathery", "saddle", "boot", "sofa"), leather, "Worley 1996", worn="nothing"
    ),
    Material("carpet", "Carpet", ("carpet", "rug", "felt", "towel"), carpet, "Worley 1996", worn="nothing"),
)
