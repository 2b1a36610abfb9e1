"""Skin, scales, fur, moss, leaves, bone: what grows. numpy only."""

from __future__ import annotations

import numpy as np

from .core import Look, Material, Points, Recipe, full, mix, painted, ramp, rgb, shaded, tinted
from .noise import cells, fbm, perlin, ridged, step, warped


def moss(p: Points, r: Recipe) -> Look:
    """Cushions of small tufts."""
    cushion = fbm(p.space.scaled(11), r.seed + 101, 5, 0.6)
    tuft = fbm(p.space.scaled(120), r.seed + 102, 4, 0.7)
    tone = np.clip(0.5 + 0.55 * tuft + 0.45 * cushion, 0, 1)
    colour = ramp(tone, ((0, rgb("#1a2010")), (0.4, rgb("#38431f")), (0.75, rgb("#626a33")), (1, rgb("#94935a"))))
    return Look(colour, full(p, 0.95), full(p, 0), (0.006 + 0.004 * cushion + 0.0035 * tuft).astype(np.float32))


def grass(p: Points, r: Recipe) -> Look:
    base = r.colour(0, rgb("#56702a"))
    blade = fbm(p.space.scaled(150, 150, 40), r.seed + 1, 4, 0.7)
    patch = fbm(p.space.scaled(3), r.seed + 2, 5)
    tone = np.clip(0.5 + 0.6 * blade + 0.3 * patch, 0, 1)
    colour = ramp(tone, ((0, shaded(base, 0.25)), (0.5, base), (1, mix(base, rgb("#c8c46a"), np.float32([0.55]))[0])))
    return Look(colour, full(p, 0.8), full(p, 0), (0.006 * blade + 0.003 * patch).astype(np.float32))


def scales(p: Points, r: Recipe) -> Look:
    """Reptile: rounded cells with a raised middle, large ones on the back, pale ones below."""
    base = r.colour(0, rgb("#4d6a35"))
    belly = r.colour(1, shaded(base, 2.4))
    bent = warped(p.space.scaled(2.2), r.seed + 1, 0.25, 2)
    size = 16.0
    plate = cells(bent.scaled(size), r.seed + 2, 0.7)
    dome = np.clip(1 - plate.nearest * 1.25, 0, 1)
    groove = step(0.14, 0.02, plate.border)
    pattern = fbm(warped(p.space.scaled(2.1), r.seed + 3, 0.5, 3), r.seed + 4, 4)
    colour = mix(base, shaded(base, 0.35), step(-0.05, 0.22, pattern))
    colour = mix(colour, belly, step(-0.15, -0.75, p.up + 0.25 * pattern))
    colour = tinted(colour, 0.75 + 0.35 * dome + 0.3 * (plate.number - 0.5))
    colour = mix(colour, shaded(base, 0.12), groove * 0.85)
    fine = fbm(p.space.scaled(170), r.seed + 5, 3)
    height = 0.005 * dome - 0.002 * groove + 0.0002 * fine
    return Look(colour, 0.36 + 0.25 * groove + 0.08 * fine, full(p, 0), height.astype(np.float32))


def skin(p: Points, r: Recipe) -> Look:
    """Wrinkled hide of a large animal or a creature: folds, fine diamonds, blotches, darker in the folds."""
    base = r.colour(0, rgb("#8a7263"))
    other = r.colour(1, shaded(base, 0.45))
    fold = ridged(warped(p.space.scaled(3.4), r.seed + 1, 0.6, 4), r.seed + 2, 3)
    diamond = cells(warped(p.space.scaled(52), r.seed + 3, 0.4, 2), r.seed + 4)
    blotch = fbm(warped(p.space.scaled(1.9), r.seed + 5, 0.6, 4), r.seed + 6, 4)
    spots = cells(p.space.scaled(9), r.seed + 7)
    if r.has("spotted", "spots"):
        mark = step(0.36, 0.28, spots.nearest + 0.06 * blotch)
    elif r.has("striped", "stripes", "tiger", "zebra"):
        mark = step(0.02, 0.12, perlin(warped(p.space.scaled(1.5, 5.5, 1.5), r.seed + 8, 0.35, 3), r.seed + 9))
    else:
        mark = 0.5 * step(0.08, 0.45, blotch)
    colour = mix(base, other, mark)
    colour = mix(colour, shaded(base, 1.7), 0.5 * step(-0.1, -0.8, p.up))
    line = step(0.16, 0.02, diamond.border)
    colour = tinted(colour, 1 + 0.22 * (diamond.number - 0.5) - 0.28 * line - 0.2 * (fold - 0.6))
    pore = fbm(p.space.scaled(190), r.seed + 10, 2)
    height = 0.004 * (1 - fold) * -1 + 0.0011 * np.clip(1 - diamond.nearest, 0, 1) - 0.0008 * line + 0.0002 * pore
    return Look(colour, 0.52 + 0.12 * line + 0.06 * pore, full(p, 0), height.astype(np.float32))


def fur(p: Points, r: Recipe) -> Look:
    """Strands that flow over the body, in tufts; a picture of fur, not hair."""
    base = r.colour(0, rgb("#8a5a33"))
    other = r.colour(1, shaded(base, 0.3))
    flow = warped(p.space.scaled(2.6), r.seed + 1, 0.45, 3).scaled(1 / 2.6)
    strand = fbm(flow.scaled(210, 210, 26), r.seed + 2, 4, 0.7)
    tuft = fbm(flow.scaled(34, 34, 7), r.seed + 3, 4, 0.6)
    patch = fbm(warped(p.space.scaled(1.6), r.seed + 4, 0.5, 3), r.seed + 5, 3)
    if r.has("striped", "stripes", "tiger", "zebra"):
        patch = perlin(warped(p.space.scaled(1.6, 6, 1.6), r.seed + 6, 0.4, 3), r.seed + 7)
    if r.has("spotted", "spots", "leopard", "cheetah"):
        spot = cells(warped(p.space.scaled(8), r.seed + 8, 0.3, 2), r.seed + 9)
        patch = step(0.42, 0.36, spot.nearest) * step(0.1, 0.2, spot.nearest) * 0.6 - 0.2
    colour = mix(base, other, step(0.02, 0.2, patch) * 0.9)
    colour = mix(colour, shaded(base, 2.2), 0.55 * step(-0.3, -0.9, p.up))
    colour = tinted(colour, 1 + 0.5 * strand + 0.28 * tuft)
    return Look(colour, full(p, 0.68), full(p, 0), (0.003 * strand + 0.004 * tuft).astype(np.float32))


def bone(p: Points, r: Recipe) -> Look:
    base = r.colour(0, rgb("#e0d3b4"))
    cloud = fbm(p.space.scaled(3.5), r.seed + 1, 5)
    pore = cells(p.space.scaled(90), r.seed + 2)
    hole = step(0.22, 0.1, pore.nearest) * (pore.number > 0.7)
    fissure = step(0.9, 0.98, ridged(p.space.scaled(9, 9, 2), r.seed + 3, 3))
    colour = mix(base, rgb("#8f7444"), np.clip(0.25 + 0.7 * cloud + 0.7 * (1 - p.sky), 0, 1) * 0.75)
    colour = tinted(colour, 1 - 0.5 * hole - 0.5 * fissure)
    return Look(
        colour, 0.5 + 0.2 * cloud, full(p, 0), (0.0006 * cloud - 0.0012 * hole - 0.001 * fissure).astype(np.float32)
    )


def flesh(p: Points, r: Recipe) -> Look:
    """Slick tissue with a net of veins: aliens and monsters."""
    base = r.colour(0, rgb("#8e3030"))
    bent = warped(p.space.scaled(4), r.seed + 1, 0.6, 3)
    lump = cells(bent.scaled(1.9), r.seed + 2)
    vein = step(0.86, 0.97, ridged(warped(p.space.scaled(3.2), r.seed + 3, 0.6, 4), r.seed + 4, 2))
    fine = fbm(p.space.scaled(30), r.seed + 5, 4)
    colour = mix(shaded(base, 1.5), shaded(base, 0.35), np.clip(lump.nearest + 0.3 * fine, 0, 1))
    colour = mix(colour, r.colour(1, rgb("#3c1230")), vein * 0.75)
    height = 0.010 * (1 - lump.nearest**2) + 0.002 * vein + 0.0006 * fine
    return Look(colour, 0.24 + 0.18 * np.abs(fine), full(p, 0), height.astype(np.float32))


def leaf(p: Points, r: Recipe) -> Look:
    """Overlapping leaves of differing green."""
    base = r.colour(0, rgb("#3f5f22"))
    leaves = cells(p.space.scaled(15), r.seed + 1)
    rib = step(0.05, 0.0, np.abs(leaves.offset[0] + 0.3 * leaves.offset[1]))
    tone = leaves.number
    colour = ramp(tone, ((0, shaded(base, 0.4)), (0.5, base), (0.85, shaded(base, 1.5)), (1, rgb("#a08a35"))))
    colour = tinted(colour, 1 - 0.4 * step(0.12, 0, leaves.border) + 0.2 * rib)
    return Look(
        colour, full(p, 0.5), full(p, 0), (0.01 * leaves.other * (1 - leaves.nearest) + 0.0008 * rib).astype(np.float32)
    )


def painted_base(p: Points, r: Recipe) -> np.ndarray:
    return painted(p, r.colour(0, rgb("#808080")))


_MARKS = ("spotted", "spots", "striped", "stripes", "tiger", "zebra", "leopard", "cheetah")
MATERIALS = (
    Material("moss", "Moss", ("moss", "algae", "lichen"), moss, "Perlin 1985", worn="nothing"),
    Material("grass", "Grass", ("grass", "lawn", "meadow", "grassy"), grass, "Perlin 1985", worn="nothing"),
    Material(
        "scales",
        "Scales",
        ("scales", "scaly", "dragon", "snake", "lizard", "reptile", "crocodile", "fish"),
        scales,
        "Worley 1996",
    ),
    Material(
        "skin",
        "Hide",
        ("skin", "hide", "creature", "elephant", "dinosaur", "monster", "ogre", "troll", "frog"),
        skin,
        "Worley 1996",
        _MARKS,
    ),
    Material(
        "fur",
        "Fur",
        (
            "fur",
            "furry",
            "fluffy",
            "hair",
            "bear",
            "cat",
            "dog",
            "fox",
            "wolf",
            "monkey",
            "rabbit",
            "bunny",
            *_MARKS[4:],
        ),
        fur,
        "Perlin and Hoffert, Hypertexture (SIGGRAPH 1989), as a surface",
        _MARKS,
    ),
    Material("bone", "Bone", ("bone", "ivory", "skull", "skeleton", "horn", "antler", "teeth"), bone, "Worley 1996"),
    Material(
        "flesh",
        "Flesh",
        ("flesh", "alien", "meat", "slimy", "slime", "organic", "tentacle"),
        flesh,
        "Musgrave 1994",
        worn="nothing",
    ),
    Material(
        "leaf", "Leaves", ("leaf", "leaves", "foliage", "ivy", "hedge", "bush"), leaf, "Worley 1996", worn="nothing"
    ),
)
