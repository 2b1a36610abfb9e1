"""Wood, planks and bark: rings around a log that wanders, fibres along it, pores, knots."""

from __future__ import annotations

import numpy as np

from .core import Look, Material, Points, Recipe, full, mix, ramp, rgb, shaded, tinted
from .noise import Space, cells, chance, fbm, perlin, ridged, step

_KINDS = {
    "oak": ("#b98e5c", "#7a4f29"),
    "pine": ("#dcb57e", "#b07a3c"),
    "walnut": ("#7a5235", "#3d2415"),
    "mahogany": ("#8e4a2c", "#52210f"),
    "cherry": ("#b0683c", "#7c3c1d"),
    "birch": ("#e3cda4", "#c4a271"),
    "ebony": ("#3a2c25", "#17100c"),
    "teak": ("#a9743f", "#6d4421"),
    "driftwood": ("#a39a8c", "#6d655a"),
    "bamboo": ("#d6c07c", "#a88f4c"),
}


def along_grain(p: Points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two axes across the grain and the one along it."""
    axes = (p.space.x, p.space.y, p.space.z)
    return axes[(p.grain + 1) % 3], axes[(p.grain + 2) % 3], axes[p.grain]


def wood(p: Points, r: Recipe) -> Look:
    """Peachey 1985 (solid rings), with the fibres and pores of Liu et al., "Simulating the structure and texture of
    solid wood" (SIGGRAPH Asia 2016) much simplified."""
    early, late = (rgb(code) for code in _KINDS[next((k for k in _KINDS if k in r.options), "oak")])
    if r.colours:
        early, late = shaded(r.colours[0], 1.25), shaded(r.colours[0], 0.55)
    if r.has("dark"):
        early, late = shaded(early, 0.5), shaded(late, 0.5)
    if r.has("light", "pale"):
        early, late = shaded(early, 1.4), shaded(late, 1.5)
    gap, tone = np.ones(len(p), np.float32), np.zeros(len(p), np.float32)
    if r.has("planks", "plank", "boards", "floorboards"):
        a, b, g, gap, tone = _planks(p, r.seed)
    else:
        a, b, g = along_grain(p)
    spacing = p.space.spacing_m
    # the log: its axis lies beside the object, and wanders; knots push the rings apart
    drift = Space(a * 0.8, b * 0.8, g * 0.35, 0)
    a = a + 0.07 * perlin(drift, r.seed + 1) + np.float32(0.19)
    b = b + 0.07 * perlin(drift, r.seed + 2) + np.float32(0.11)
    knot = cells(Space(a * 2.1, b * 2.1, g * 0.9, 0), r.seed + 3)
    eye = step(0.34, 0.02, knot.nearest) * (knot.number > 0.55)
    radius = np.sqrt(a * a + b * b) + 0.035 * eye + 0.006 * fbm(Space(a * 9, b * 9, g * 1.2, 0), r.seed + 4, 2)
    ring = radius * np.float32(42)
    phase = ring - np.floor(ring)
    dark = step(0.35, 0.9, phase) * step(1.0, 0.93, phase)
    dark *= 0.55 + 0.45 * chance(np.floor(ring), r.seed + 5)
    fibre = fbm(Space(a * 190, b * 190, g * 6, spacing * 190 * 0.5), r.seed + 6, 3)
    streak = fbm(Space(a * 28, b * 28, g * 1.1, spacing * 28), r.seed + 7, 3)
    pores = (
        step(0.28, 0.62, perlin(Space(a * 330, b * 330, g * 13, 0), r.seed + 8)) if spacing * 330 < 0.7 else 0 * dark
    )
    share = np.clip(0.12 + 0.62 * dark + 0.3 * streak + 0.16 * fibre + 0.75 * eye, 0, 1)
    colour = mix(early, late, share)
    colour = tinted(colour, 1 + 0.16 * perlin(Space(a * 2.2, b * 2.2, g * 0.5, 0), r.seed + 9) + 0.3 * tone)
    colour = tinted(colour, 1 - 0.35 * pores)
    height = np.float32(0.0004) * (-pores * 0.9 - 0.5 * dark + 0.5 * fibre - 1.4 * eye * r.age)
    weathered = r.age * 0.7 if r.has("old", "weathered", "driftwood", "aged") else 0.0
    if weathered:
        grey = mix(rgb("#9a9084"), rgb("#5d554b"), np.clip(0.5 + fibre + 0.5 * dark, 0, 1))
        colour = mix(colour, grey, weathered * np.clip(0.65 + 0.8 * streak, 0, 1))
        crack = step(0.72, 0.9, ridged(Space(a * 16, b * 16, g * 0.8, 0), r.seed + 10, 2)) * weathered
        colour, height = tinted(colour, 1 - 0.75 * crack), height - 0.0022 * crack
    colour = tinted(colour, 0.12 + 0.88 * gap)
    roughness = 0.52 + 0.12 * fibre + 0.1 * pores - 0.06 * dark + 0.2 * weathered
    return Look(colour, roughness + 0.3 * (1 - gap), full(p, 0), height - 0.004 * (1 - gap))


def _planks(p: Points, seed: int) -> tuple[np.ndarray, ...]:
    """Boards 12 cm wide and about 1.2 m long, each cut from another place of the log.

    A surface that lies where boards meet shows one of them, not the gap all over: that gap runs along it unseen.
    """
    width, length = np.float32(0.12), np.float32(1.2)
    facing = [p.normal[:, (p.grain + axis) % 3] for axis in (1, 2, 0)]
    # 1 mm below the surface, so that rounding never tells on which side of such a plane a point lies
    a, b, g = (v - np.float32(0.001) * n for v, n in zip(along_grain(p), facing, strict=True))
    row = np.floor(a / width) * 17 + np.floor(b / width) * 5
    moved = g + chance(row, seed + 20) * length
    board = row * 3 + np.floor(moved / length)
    gap = np.ones(len(p), np.float32)
    for v, every, n in zip((a, b, moved), (width, width, length), facing, strict=True):
        away = np.abs(v / every - np.rint(v / every)) * every
        seen = step(0.95, 0.8, np.abs(n))
        gap = np.minimum(gap, 1 - seen * step(0.0028 + p.space.spacing_m, 0.0006, away))
    turn = chance(board, seed + 21)
    return a + 3 * turn, b + 2 * chance(board, seed + 22), moved + 5 * turn, gap, turn - 0.5


def bark(p: Points, r: Recipe) -> Look:
    """Ridges along the trunk that part and join: stretched cells, with moss in their grooves where it is wanted."""
    a, b, g = along_grain(p)
    push = 0.03 * fbm(Space(a * 7, b * 7, g * 3, 0), r.seed + 1, 3)
    plates = cells(Space((a + push) * 22, (b + push) * 22, g * 6, p.space.spacing_m * 22), r.seed + 2)
    groove = step(0.28, 0.02, plates.border)
    fine = fbm(Space(a * 120, b * 120, g * 34, p.space.spacing_m * 120), r.seed + 3, 4)
    base = r.colour(0, rgb("#6b5138"))
    colour = mix(shaded(base, 1.25), shaded(base, 0.55), 0.45 + 0.5 * fine + 0.3 * (plates.number - 0.5))
    colour = mix(colour, shaded(base, 0.16), groove * 0.85)
    height = 0.010 * (1 - groove) * (0.8 + 0.4 * plates.number) + 0.0022 * fine
    return Look(colour, full(p, 0.88) + 0.06 * fine, full(p, 0), height.astype(np.float32))


def straw(p: Points, r: Recipe) -> Look:
    """Stalks that lie along the grain, each of its own tone: thatch, wicker, rattan."""
    a, b, g = along_grain(p)
    base = r.colour(0, rgb("#c9a75c"))
    stalk = cells(Space(a * 130, b * 130, g * 3 + 4 * perlin(Space(a * 5, b * 5, g * 2, 0), r.seed), 0), r.seed + 1)
    colour = mix(shaded(base, 1.3), shaded(base, 0.4), stalk.number * 0.8 + 0.35 * step(0.25, 0, stalk.border))
    return Look(
        ramp(stalk.other, ((0, (1, 1, 1)), (1, (0.8, 0.8, 0.75)))) * colour,
        full(p, 0.75),
        full(p, 0),
        (0.002 * (1 - stalk.nearest)).astype(np.float32),
    )


MATERIALS = (
    Material(
        "wood",
        "Wood",
        ("wood", "wooden", "timber", "lumber", "plywood", "plank", "boards", "floorboards", *_KINDS),
        wood,
        "Peachey 1985; Liu et al. 2016",
        (*_KINDS, "planks", "plank", "boards", "floorboards", "dark", "light", "pale", "old", "weathered", "aged"),
    ),
    Material("bark", "Bark", ("bark", "trunk", "tree", "log"), bark, "Worley 1996"),
    Material("straw", "Straw", ("straw", "thatch", "wicker", "rattan", "hay", "reed"), straw, "Worley 1996"),
)
