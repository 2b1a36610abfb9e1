"""Made things: paint, plastic, rubber, ceramic, glass, brick, tiles, paper, ice. numpy only."""

from __future__ import annotations

import numpy as np

from .core import Look, Material, Points, Recipe, boxed, full, mix, painted, ramp, rgb, shaded, tinted
from .noise import Space, cells, chance, fbm, perlin, ridged, step, warped


def paint(p: Points, r: Recipe) -> Look:
    """A coat of paint over anything: brush streaks, fading, cracks that lift where it is old."""
    base = r.colour(0, rgb("#8d8d8d"))
    fade = fbm(p.space.scaled(1.7), r.seed + 1, 5)
    brush = fbm(p.space.scaled(130, 130, 5), r.seed + 2, 3)
    colour = tinted(painted(p, base), 1 + 0.09 * fade + 0.03 * brush)
    height = 0.0002 * brush + full(p, 0.0004)
    if r.age > 0.55:
        flake = cells(warped(p.space.scaled(13), r.seed + 3, 0.4, 3), r.seed + 4)
        gone = step(0.62 - 0.35 * r.age, 0.55 - 0.35 * r.age, flake.number + 0.35 * fade - 0.2 * np.clip(p.bend, 0, 1))
        crack = step(0.05, 0.0, flake.border)
        below = tinted(painted(p, rgb("#9b8569")), 1 + 0.25 * fbm(p.space.scaled(60, 60, 8), r.seed + 5, 3))
        colour = mix(mix(colour, below, gone), shaded(base, 0.2), 0.6 * crack)
        height = height * (1 - gone) - 0.0005 * crack
    return Look(colour, 0.42 + 0.1 * fade + 0.03 * brush, full(p, 0), height.astype(np.float32))


def plastic(p: Points, r: Recipe) -> Look:
    """Moulded: an even tone and the fine grain of the mould."""
    base = r.colour(0, rgb("#c23b22"))
    grain = cells(p.space.scaled(260), r.seed + 1) if p.space.spacing_m * 260 < 0.9 else None
    dimple = np.zeros(len(p), np.float32) if grain is None else grain.nearest
    smudge = fbm(p.space.scaled(3), r.seed + 2, 4)
    colour = tinted(painted(p, base), 1 + 0.03 * smudge)
    return Look(colour, 0.34 + 0.09 * smudge + 0.05 * dimple, full(p, 0), (-0.00018 * dimple).astype(np.float32))


def rubber(p: Points, r: Recipe) -> Look:
    base = r.colour(0, rgb("#1b1b1c"))
    fine = fbm(p.space.scaled(110), r.seed + 1, 3)
    cloud = fbm(p.space.scaled(2.5), r.seed + 2, 5)
    bloom = step(0.0, 0.6, cloud) * r.age
    colour = mix(tinted(painted(p, base), 1 + 0.15 * fine), rgb("#5a5853"), 0.35 * bloom)
    return Look(colour, 0.76 + 0.1 * fine, full(p, 0), (0.0004 * fine).astype(np.float32))


def ceramic(p: Points, r: Recipe) -> Look:
    """Glaze that pools in hollows and runs thin on edges, where the body shows; a net of fine cracks when old."""
    base = r.colour(0, rgb("#e6e2d6"))
    second = r.colour(1, shaded(base, 0.55))
    cloud = fbm(warped(p.space.scaled(2), r.seed + 1, 0.5, 3), r.seed + 2, 4)
    thin = np.clip(0.55 * np.clip(p.bend, 0, 1) + 0.12 * cloud, 0, 1)
    pool = np.clip(0.8 * np.clip(-p.bend, 0, 1) + 0.35 * np.clip(cloud, 0, 1), 0, 1)
    colour = mix(mix(base, second, pool * 0.8), rgb("#8a5a3a"), step(0.35, 0.75, thin) * 0.75)
    speck = cells(p.space.scaled(70), r.seed + 3)
    colour = mix(colour, rgb("#4a3524"), 0.7 * step(0.16, 0.1, speck.nearest) * (speck.number > 0.86))
    height = 0.0008 * pool + 0.0002 * cloud
    roughness = 0.12 + 0.05 * cloud + 0.35 * step(0.35, 0.75, thin)
    if r.age > 0.4:
        net = cells(warped(p.space.scaled(26), r.seed + 4, 0.3, 2), r.seed + 5)
        craze = step(0.035, 0.0, net.border)
        colour, height = tinted(colour, 1 - 0.45 * craze), height - 0.0002 * craze
    return Look(colour, roughness, full(p, 0), height.astype(np.float32))


def glass(p: Points, r: Recipe) -> Look:
    """Looks like dark, smooth glass without being see-through: a picture cannot hold that."""
    base = r.colour(0, rgb("#5f7f7a"))
    flow = fbm(warped(p.space.scaled(1.5), r.seed + 1, 0.6, 2), r.seed + 2, 3)
    bubble = cells(p.space.scaled(34), r.seed + 3)
    spot = step(0.12, 0.06, bubble.nearest) * (bubble.number > 0.8)
    colour = tinted(painted(p, shaded(base, 0.35)), 1 + 0.25 * flow + 0.8 * spot)
    colour = mix(colour, shaded(base, 1.4), np.clip(0.7 * np.clip(p.bend, 0, 1), 0, 0.8))
    return Look(colour, full(p, 0.05) + 0.02 * flow, full(p, 0), (0.0003 * flow).astype(np.float32))


def ice(p: Points, r: Recipe) -> Look:
    base = r.colour(0, rgb("#a9cfdf"))
    crack = ridged(warped(p.space.scaled(2.6), r.seed + 1, 0.3, 3), r.seed + 2, 4)
    fine = fbm(p.space.scaled(24), r.seed + 3, 4)
    colour = mix(shaded(base, 0.65), rgb("#f2f8fb"), step(0.62, 0.95, crack) + 0.25 * fine)
    return Look(
        colour, 0.12 + 0.3 * step(0.7, 0.95, crack), full(p, 0), (0.002 * crack + 0.0008 * fine).astype(np.float32)
    )


def brick(p: Points, r: Recipe) -> Look:
    """Running bond of bricks 21.5 x 6.5 cm with joints of 1 cm; each its own tone, chipped corners, sandy mortar."""
    base = r.colour(0, rgb("#9c4a32"))
    mortar = r.colour(1, rgb("#a9a196"))
    across, upwards, side = boxed(p)
    wobble = 0.0022 * fbm(p.space.scaled(30), r.seed + 1, 4)
    across, upwards = across + wobble, upwards + 0.0022 * fbm(p.space.scaled(30), r.seed + 2, 4)
    course = np.floor(upwards / 0.075)
    shifted = across / 0.225 + 0.5 * (course % 2)
    number = np.floor(shifted)
    u, v = (shifted - number - 0.5) * 0.225, (upwards / 0.075 - course - 0.5) * 0.075
    tone, other = chance(number, r.seed + 3, course), chance(number, r.seed + 4, course + side)
    chip = 0.004 * fbm(p.space.scaled(48), r.seed + 5, 4)
    inset = np.minimum(0.1075 - np.abs(u), 0.0325 - np.abs(v)) + chip * (0.6 + r.age)
    soft = max(0.004, p.space.spacing_m)
    body = step(0.0, soft, inset)
    fine = fbm(p.space.scaled(75), r.seed + 6, 4, 0.62)
    cloud = fbm(p.space.scaled(9), r.seed + 7, 4)
    colour = ramp(
        tone, ((0, shaded(base, 0.5)), (0.3, shaded(base, 0.85)), (0.7, shaded(base, 1.12)), (1, shaded(base, 1.5)))
    )
    colour = tinted(colour, 1 + 0.22 * fine + 0.15 * cloud)
    burnt = step(0.86, 0.95, other)
    colour = mix(colour, shaded(base, 0.22), 0.6 * burnt)
    sand = fbm(p.space.scaled(120), r.seed + 8, 3)
    joint = tinted(painted(p, mortar), 1 + 0.2 * sand + 0.1 * cloud)
    hole = step(0.3, 0.55, fine) * 0.0012
    height = body * (0.0062 + 0.0015 * (other - 0.5) + 0.0012 * fine - hole) + (1 - body) * 0.0009 * sand
    return Look(mix(joint, colour, body), 0.86 + 0.06 * fine, full(p, 0), height.astype(np.float32))


def tiles(p: Points, r: Recipe) -> Look:
    """Square tiles of 15 cm, glazed; two colours make a chessboard, unless the second one is that of the grout.

    Those of a chessboard are 12.5 cm wide: pairs of them fit into one metre, so that a tiling square closes.
    """
    base, joint = r.colour(0, rgb("#d8dcd8")), rgb("#7c776f")
    grouted = r.has("grout", "joints")
    if grouted:
        joint = r.colour(1, joint)
    chess = r.has("checkered", "chequered", "chess", "checkerboard") or (len(r.colours) > 1 and not grouted)
    size = 0.125 if chess else 0.15
    across, upwards, _ = boxed(p)
    column, row = np.floor(across / size), np.floor(upwards / size)
    u, v = np.abs(across / size - column - 0.5) * size, np.abs(upwards / size - row - 0.5) * size
    edge = size / 2 - 0.0025 - np.maximum(u, v)
    body = step(-0.0005, max(0.0015, p.space.spacing_m), edge)
    bevel = step(0.0, 0.006, edge)
    tone = chance(column, r.seed + 1, row)
    cloud = fbm(p.space.scaled(6), r.seed + 2, 4)
    colour = tinted(painted(p, base), 0.93 + 0.14 * tone + 0.05 * cloud)
    if chess:
        second = r.colour(2 if grouted else 1, rgb("#1c1c1e"))
        odd = ((column + row) % 2).astype(np.float32)
        colour = mix(colour, tinted(painted(p, second), 0.93 + 0.14 * tone), odd)
    grout = tinted(painted(p, joint), 1 + 0.2 * fbm(p.space.scaled(90), r.seed + 3, 3))
    height = body * (0.0016 + 0.001 * bevel + 0.0004 * (tone - 0.5))
    return Look(
        mix(grout, colour, body),
        (0.12 + 0.05 * cloud) * body + 0.85 * (1 - body),
        full(p, 0),
        height.astype(np.float32),
    )


def cobble(p: Points, r: Recipe) -> Look:
    """Rounded stones bedded in earth: cells with a dome on each."""
    base = r.colour(0, rgb("#837d74"))
    stone = cells(warped(p.space.scaled(9), r.seed + 1, 0.15, 2), r.seed + 2, 0.75)
    fine = fbm(p.space.scaled(60), r.seed + 3, 5, 0.6)
    rough = step(0.05, 0.22, stone.border + 0.03 * fine)
    dome = np.sqrt(np.clip(1 - (1 - np.clip(stone.border * 1.6, 0, 1)) ** 2, 0, 1))
    colour = ramp(stone.number, ((0, shaded(base, 0.45)), (0.5, base), (0.8, shaded(base, 1.3)), (1, rgb("#8f7d6b"))))
    colour = tinted(colour, 1 + 0.3 * fine)
    soil = mix(rgb("#40372b"), rgb("#241e17"), 0.5 + fine)
    height = rough * (0.018 * dome + 0.0012 * fine) + (1 - rough) * 0.002 * fine
    return Look(mix(soil, colour, rough), 0.8 - 0.14 * dome, full(p, 0), height.astype(np.float32))


def paper(p: Points, r: Recipe) -> Look:
    """Fibres that lie about, in the grey-brown of cardboard or any colour."""
    base = r.colour(0, rgb("#b8925f") if r.has("cardboard", "carton", "box") else rgb("#e9e3d3"))
    fibre = ridged(warped(p.space.scaled(45), r.seed + 1, 0.8, 3), r.seed + 2, 3)
    cloud = fbm(p.space.scaled(4), r.seed + 3, 5)
    colour = tinted(painted(p, base), 1 + 0.1 * (fibre - 0.6) + 0.07 * cloud)
    height = 0.0002 * fibre
    if r.has("cardboard", "carton"):
        wave = np.sin((p.space.x + p.space.y) * np.float32(2 * np.pi / 0.008))
        height = height + 0.0001 * wave
    return Look(colour, full(p, 0.88), full(p, 0), height.astype(np.float32))


def carbon(p: Points, r: Recipe) -> Look:
    """Twill of carbon fibre under clear resin: two by two."""
    across, upwards, _ = boxed(p)
    pitch = 0.008
    column, row = np.floor(across / pitch), np.floor(upwards / pitch)
    over = ((column + row) % 4 < 2).astype(np.float32)
    u, v = across / pitch - column - 0.5, upwards / pitch - row - 0.5
    bow = np.where(over > 0, 1 - 2 * np.abs(u), 1 - 2 * np.abs(v))
    strand = perlin(Space(across * 900, upwards * 900, 0 * across, 0), r.seed) * 0.3
    base = r.colour(0, rgb("#1d1e20"))
    colour = tinted(painted(p, base), (0.55 + 0.9 * over * bow + 0.45 * (1 - over) * bow) * (1 + strand))
    return Look(colour, full(p, 0.2), full(p, 0.35), (0.0002 * bow).astype(np.float32))


MATERIALS = (
    Material("painted", "Paint", ("paint", "painted", "lacquer", "enamel"), paint, "Perlin 1985; Worley 1996"),
    Material("plastic", "Plastic", ("plastic", "toy", "lego", "vinyl", "resin", "acrylic"), plastic, "Worley 1996"),
    Material(
        "rubber", "Rubber", ("rubber", "tyre", "tire", "silicone", "wheel"), rubber, "Perlin 1985", worn="nothing"
    ),
    Material(
        "ceramic",
        "Ceramic",
        ("ceramic", "porcelain", "pottery", "china", "earthenware", "enamelware", "vase", "terracotta"),
        ceramic,
        "Worley 1996",
    ),
    Material(
        "glass",
        "Glass",
        ("glass", "crystal", "window", "windscreen", "gem", "jewel", "ruby", "sapphire"),
        glass,
        "Perlin 1985",
        worn="nothing",
    ),
    Material("ice", "Ice", ("ice", "frozen", "icy", "glacier"), ice, "Musgrave 1994", worn="nothing"),
    Material("brick", "Brick", ("brick", "masonry", "chimney"), brick, "Running bond; Worley 1996"),
    Material(
        "tiles",
        "Tiles",
        ("tile", "tiled", "bathroom", "checkered", "chequered", "checkerboard"),
        tiles,
        "Perlin 1985",
        ("checkered", "chequered", "chess", "checkerboard", "grout", "joints"),
    ),
    Material("cobble", "Cobblestone", ("cobble", "cobblestone", "pavement", "pebble", "gravel"), cobble, "Worley 1996"),
    Material(
        "paper",
        "Paper",
        ("paper", "cardboard", "carton", "papier", "parchment"),
        paper,
        "Musgrave 1994",
        ("cardboard", "carton", "box"),
        worn="nothing",
    ),
    Material(
        "carbon",
        "Carbon Fibre",
        ("carbon", "carbonfibre", "carbonfiber", "kevlar"),
        carbon,
        "Twill, two by two",
        worn="nothing",
    ),
)
