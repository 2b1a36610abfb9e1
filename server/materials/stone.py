"""Stone that was never alive: granite, marble, slate, sandstone, concrete, plaster, rock, terrain."""

from __future__ import annotations

import numpy as np

from .core import Look, Material, Points, Recipe, full, mix, painted, ramp, rgb, shaded, tinted
from .noise import cells, fbm, perlin, ridged, step, warped


def marble(p: Points, r: Recipe) -> Look:
    """Perlin 1985: veins where a warped field crosses zero; two generations of them, and clouds."""
    base = r.colour(0, rgb("#e9e6e0"))
    vein = r.colour(1, rgb("#6f6d70") if sum(base) > 0.6 else rgb("#d9d0bd"))
    bent = warped(p.space.scaled(1.6), r.seed + 1, 0.55, 4)
    cloud = fbm(bent.scaled(0.8), r.seed + 2, 4)
    broad = np.abs(fbm(bent.scaled(0.7), r.seed + 3, 5))
    fine = np.abs(fbm(warped(p.space.scaled(4.2), r.seed + 4, 0.5, 3), r.seed + 5, 4))
    veins = step(0.075, 0.0, broad) * (0.45 + 0.55 * step(-0.2, 0.4, cloud)) + 0.55 * step(0.045, 0.0, fine)
    halo = step(0.28, 0.0, broad) * 0.28
    grain = fbm(p.space.scaled(140), r.seed + 6, 2)
    colour = tinted(painted(p, base), 1 + 0.06 * cloud + 0.02 * grain)
    colour = mix(colour, vein, np.clip(veins * 0.8 + halo, 0, 1))
    if r.has("gold", "golden"):
        colour = mix(colour, rgb("#c8963c"), step(0.03, 0.0, fine) * step(0.0, 0.3, cloud))
    return Look(
        colour, 0.14 + 0.12 * np.clip(veins, 0, 1) + 0.05 * cloud, full(p, 0), (-0.0003 * veins).astype(np.float32)
    )


def granite(p: Points, r: Recipe) -> Look:
    """Crystals: cells of four minerals (feldspar, quartz, mica, hornblende) at two sizes."""
    base = r.colour(0, rgb("#a59a92"))
    large = cells(warped(p.space.scaled(85), r.seed + 1, 0.35, 2), r.seed + 2)
    small = cells(p.space.scaled(210), r.seed + 3)
    tone = ramp(
        large.number,
        (
            (0.0, shaded(base, 1.9)),
            (0.3, shaded(base, 1.3)),
            (0.55, base),
            (0.8, shaded(base, 0.45)),
            (1.0, shaded(base, 0.12)),
        ),
    )
    tone = mix(tone, rgb("#211f20"), step(0.8, 0.86, small.number) * 0.9)
    tone = mix(tone, shaded(base, 2.2), step(0.16, 0.1, small.number) * 0.6)
    cloud = fbm(p.space.scaled(3), r.seed + 4, 3)
    polished = 0.16 + 0.14 * small.other
    rough = 0.62 + 0.16 * small.other
    finish = min(max(0.4 - r.gloss, 0.0), 1.0)
    relief = 0.0006 * (small.other - 0.5) * finish
    return Look(
        tinted(tone, 1 + 0.12 * cloud), polished + (rough - polished) * finish, full(p, 0), relief.astype(np.float32)
    )


def slate(p: Points, r: Recipe) -> Look:
    """Layers that split: terraces of a stretched field, cleft edges."""
    base = r.colour(0, rgb("#4b5157"))
    bent = warped(p.space.scaled(2.2), r.seed + 1, 0.4, 3)
    field = fbm(bent.scaled(1, 1, 5), r.seed + 2, 5) * 5
    terrace = np.floor(field) + step(0.0, 0.35, field - np.floor(field))
    fine = fbm(p.space.scaled(60, 60, 220), r.seed + 3, 4)
    colour = tinted(painted(p, base), 1 + 0.10 * (terrace % 3 - 1) + 0.28 * fine)
    rusty = step(0.25, 0.6, fbm(p.space.scaled(3.1), r.seed + 4, 4))
    colour = mix(colour, rgb("#7a6350"), 0.45 * rusty)
    return Look(colour, full(p, 0.58) + 0.14 * fine, full(p, 0), (0.0022 * terrace + 0.0006 * fine).astype(np.float32))


def sandstone(p: Points, r: Recipe) -> Look:
    """Beds of sand of differing colour, gently folded, with single grains."""
    base = r.colour(0, rgb("#c69c6d"))
    fold = 0.22 * fbm(p.space.scaled(0.9), r.seed + 1, 3)
    beds = fbm(p.space.moved(0, 0, fold).scaled(0.7, 0.7, 11), r.seed + 2, 5, 0.62)
    grain = perlin(p.space.scaled(420), r.seed + 3) if p.space.spacing_m * 420 < 1.2 else 0 * beds
    colour = ramp(
        0.5 + 0.62 * beds, ((0.0, shaded(base, 0.55)), (0.35, base), (0.6, shaded(base, 1.3)), (1.0, shaded(base, 0.8)))
    )
    erosion = fbm(p.space.scaled(9), r.seed + 4, 4)
    height = 0.004 * beds + 0.0012 * erosion + 0.00025 * grain
    return Look(tinted(colour, 1 + 0.09 * grain), full(p, 0.86) + 0.05 * erosion, full(p, 0), height.astype(np.float32))


def rock(p: Points, r: Recipe) -> Look:
    """Rough stone: ridged noise, facets of cells, cracks, lichen."""
    base = r.colour(0, rgb("#77716a"))
    facets = cells(warped(p.space.scaled(5.5), r.seed + 1, 0.45, 3), r.seed + 2)
    rough = fbm(p.space.scaled(7), r.seed + 3, 7, 0.58)
    crest = ridged(p.space.scaled(3.2), r.seed + 4, 5)
    crack = step(0.035, 0.0, facets.border)
    tone = np.clip(0.42 + 0.5 * rough + 0.16 * (facets.number - 0.5), 0, 1)
    colour = ramp(tone, ((0, shaded(base, 0.3)), (0.45, base), (0.75, shaded(base, 1.35)), (1, shaded(base, 1.7))))
    warm = step(0.05, 0.5, fbm(p.space.scaled(2.1), r.seed + 5, 4))
    colour = mix(colour, shaded(rgb("#8c7355"), 0.5 + sum(base)), 0.35 * warm)
    lichen = step(0.32, 0.42, fbm(p.space.scaled(11), r.seed + 6, 5)) * step(-0.2, 0.5, p.up)
    colour = mix(colour, rgb("#a9a884"), 0.6 * lichen * (0.3 + r.age))
    colour = tinted(colour, 1 - 0.6 * crack)
    height = 0.011 * crest + 0.007 * rough + 0.005 * facets.number - 0.007 * crack
    return Look(colour, full(p, 0.84) + 0.08 * rough, full(p, 0), height.astype(np.float32))


def concrete(p: Points, r: Recipe) -> Look:
    """Cement with clouds, sand, air holes and hairline cracks."""
    base = r.colour(0, rgb("#9d9a94"))
    cloud = fbm(p.space.scaled(1.7), r.seed + 1, 6, 0.55)
    fine = fbm(p.space.scaled(55), r.seed + 2, 4, 0.6)
    holes = cells(p.space.scaled(38), r.seed + 3, 1.0)
    hole = step(0.2, 0.12, holes.nearest / (0.35 + holes.number)) * (holes.other > 0.62)
    crack = step(0.965, 0.995, ridged(warped(p.space.scaled(0.9), r.seed + 4, 0.35, 4), r.seed + 5, 3)) * (r.age > 0.15)
    stain = step(0.05, 0.6, fbm(p.space.scaled(2.6, 2.6, 0.6), r.seed + 6, 4)) * step(0.5, -0.3, p.up)
    colour = tinted(
        painted(p, base), 1 + 0.2 * cloud + 0.13 * fine - 0.5 * hole - 0.55 * crack - 0.2 * stain * r.age * 2
    )
    height = 0.0010 * fine + 0.001 * cloud - 0.0035 * hole - 0.0025 * crack
    return Look(colour, full(p, 0.78) + 0.1 * fine + 0.06 * cloud, full(p, 0), height.astype(np.float32))


def plaster(p: Points, r: Recipe) -> Look:
    """Stucco: strokes of a float in arcs, flaked off where it is old."""
    base = r.colour(0, rgb("#e2d9c8"))
    stroke = ridged(warped(p.space.scaled(9), r.seed + 1, 0.7, 3), r.seed + 2, 4, 0.6)
    fine = fbm(p.space.scaled(70), r.seed + 3, 3)
    cloud = fbm(p.space.scaled(1.3), r.seed + 4, 5)
    colour = tinted(painted(p, base), 1 + 0.07 * cloud + 0.06 * (stroke - 0.5) + 0.03 * fine)
    height = 0.0026 * stroke + 0.0006 * fine
    if r.age > 0.45:
        flake = step(
            0.44 - 0.4 * r.age, 0.47 - 0.4 * r.age, fbm(p.space.scaled(2.3), r.seed + 5, 6, 0.55) + 0.2 * p.bend
        )
        below = mix(rgb("#a08468"), rgb("#7f6a58"), 0.5 + fine)
        colour = mix(colour, below, flake)
        height = height * (1 - flake) - 0.006 * flake + 0.001 * fine * flake
    return Look(colour, full(p, 0.86) + 0.05 * fine, full(p, 0), height.astype(np.float32))


def terrain(p: Points, r: Recipe) -> Look:
    """Ground by slope and height: grass on what is flat, rock on what is steep, soil between, snow on high tops."""
    wobble = fbm(p.space.scaled(2.4), r.seed + 1, 5)
    stone = rock(p, r)
    grassy = fbm(p.space.scaled(34), r.seed + 2, 4, 0.65)
    grass = ramp(0.5 + 0.6 * grassy + 0.2 * wobble, ((0, rgb("#26351a")), (0.5, rgb("#4c6428")), (1, rgb("#8a9142"))))
    soil = mix(rgb("#6f5537"), rgb("#40301f"), 0.5 + grassy)
    ground = Look(soil, full(p, 0.92), full(p, 0), (0.004 * grassy).astype(np.float32))
    green = Look(grass, full(p, 0.82), full(p, 0), (0.007 * grassy + 0.004).astype(np.float32))
    look = stone.under(ground, step(0.35, 0.62, p.up + 0.22 * wobble), 0.4)
    look = look.under(green, step(0.55, 0.78, p.up + 0.3 * wobble), 0.2)
    high = step(0.78, 0.9, p.level + 0.12 * wobble) * step(0.2, 0.6, p.up + 0.2 * wobble)
    white = Look(painted(p, rgb("#eef2f7")), full(p, 0.55), full(p, 0), full(p, 0.012))
    return look.under(white, high, 0.2)


MATERIALS = (
    Material(
        "marble", "Marble", ("marble", "alabaster", "onyx", "travertine"), marble, "Perlin 1985", ("gold", "golden")
    ),
    Material("granite", "Granite", ("granite", "terrazzo", "basalt", "quartz"), granite, "Worley 1996"),
    Material("slate", "Slate", ("slate", "shale", "schist"), slate, "Perlin 1985"),
    Material("sandstone", "Sandstone", ("sandstone", "limestone", "desert"), sandstone, "Perlin 1985"),
    Material(
        "rock", "Rock", ("rock", "stone", "boulder", "cliff", "cave", "rocky"), rock, "Musgrave 1994; Worley 1996"
    ),
    Material("concrete", "Concrete", ("concrete", "cement", "asphalt", "tarmac"), concrete, "Perlin 1985"),
    Material("plaster", "Plaster", ("plaster", "stucco", "gypsum", "wall", "clay", "adobe"), plaster, "Musgrave 1994"),
    Material(
        "terrain", "Terrain", ("terrain", "landscape", "mountain", "island", "hill", "ground"), terrain, "Musgrave 1994"
    ),
)
