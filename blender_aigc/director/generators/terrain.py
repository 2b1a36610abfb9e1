"""Landscapes: fractal noise, then worn down by running water and by falling stones.

Noise: Musgrave, Kolb and Mace, "The Synthesis and Rendering of Eroded Fractal Terrains" (SIGGRAPH 1989). Water: drops
that carry sediment downhill (Beyer, "Implementation of a method for hydraulic erosion", 2015), thousands at once.
"""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, count, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.erosion import rain, slump
from .shapes.noise import Noise
from .shapes.piece import assembled
from .shapes.solids import sheet

# relief in shares of the size
_KINDS = {
    "hills": 0.1,
    "mountains": 0.3,
    "dunes": 0.05,
    "canyon": 0.16,
    "island": 0.16,
    "plains": 0.02,
    "volcano": 0.3,
    "cliffs": 0.22,
}
INFO = GeneratorInfo(
    "terrain",
    "Terrain",
    "A landscape, eroded by water, coloured by height and slope",
    "ground",
    (
        choice("kind", "Kind", "What land it is", *((kind, kind.capitalize()) for kind in _KINDS)),
        metres("size_m", "Size", "Side of the square", 100.0, 1.0, 10000.0),
        metres("relief_m", "Relief", "From the lowest to the highest point; 0 takes the usual one", 0.0, 0.0, 5000.0),
        share("erosion", "Erosion", "How long water has run over it", 0.5, 0.0, 2.0),
        count("octaves", "Roughness", "Octaves of noise: more are rougher", 6, 1, 10),
        choice(
            "ground",
            "Ground",
            "What covers it",
            ("temperate", "Grass and rock"),
            ("desert", "Sand"),
            ("snow", "Snow"),
            ("rock", "Rock"),
        ),
        DETAIL,
    ),
    (
        Variant(("terrain", "landscape", "hill", "ground"), {}),
        Variant(("mountain", "mountain range"), {"kind": "mountains", "size_m": 400.0}),
        Variant(("desert", "dune", "sand dune"), {"kind": "dunes", "ground": "desert", "erosion": 0.0}),
        Variant(("canyon", "gorge"), {"kind": "canyon", "size_m": 300.0, "ground": "desert"}),
        Variant(("island",), {"kind": "island", "size_m": 300.0}),
        Variant(("plain", "field", "meadowland"), {"kind": "plains"}),
        Variant(("volcano",), {"kind": "volcano", "size_m": 600.0, "ground": "rock"}),
        Variant(("cliff", "coast"), {"kind": "cliffs", "size_m": 200.0}),
        Variant(("snowy mountain", "snow mountain"), {"kind": "mountains", "size_m": 400.0, "ground": "snow"}),
    ),
    role="ground",
    source="Musgrave et al. 1989; Beyer 2015",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail, size = str(values["kind"]), float(values["detail"]), float(values["size_m"])
    relief = float(values["relief_m"]) or _KINDS[kind] * size
    cells = segments(180, detail, 24)
    x, y = np.meshgrid(np.linspace(-1, 1, cells + 1), np.linspace(-1, 1, cells + 1))
    shape = _SHAPES[kind](x, y, Noise(rng), int(values["octaves"]), rng)
    shape = (shape - shape.min()) / max(np.ptp(shape), 1e-9)
    # In cells, so that slopes are true; the usual relief is worn down in the same way at every size.
    heights = shape * _KINDS[kind] * cells
    amount = float(values["erosion"])
    if amount > 0:
        heights = rain(heights, round(0.35 * amount * cells**2), rng)
        heights = slump(heights, 0.9, round(12 * amount))
    heights = (heights - heights.min()) / max(np.ptp(heights), 1e-9) * relief
    plain = sheet(cells, cells, size, size)
    land = plain.warped(np.column_stack([plain.vertices[:, :2], heights.ravel()]))
    land = land.with_uvs(land.uvs * size).painted(
        _colours(heights, size / cells, str(values["ground"]), kind, Noise(rng))
    )
    mean = tuple(land.colours.mean(0).tolist())
    look = Look(mean, pattern="colours", roughness=0.95)
    return Parts((assembled("Terrain", [(land, "land")], crease_deg=180),), {"land": look})


def _at(x: np.ndarray, y: np.ndarray, scale: float, third: float = 0.0) -> np.ndarray:
    return np.stack([x * scale, y * scale, np.full_like(x, third)], -1)


def _hills(x, y, noise: Noise, octaves: int, rng) -> np.ndarray:
    warp = 0.25 * noise(_at(x, y, 1.5, 5.1))
    return noise.fbm(_at(x + warp, y, 1.6), octaves, 0.42)


def _mountains(x, y, noise: Noise, octaves: int, rng) -> np.ndarray:
    warp = 0.2 * noise.fbm(_at(x, y, 1.2, 9.7), 2)
    ridges = noise.ridged(_at(x + warp, y - warp, 1.1), octaves, 0.42)
    massif = np.exp(-1.1 * (x**2 + y**2)) * (0.75 + 0.5 * noise(_at(x, y, 0.8, 3.3)))
    return (0.25 + ridges) * massif


def _dunes(x, y, noise: Noise, octaves: int, rng) -> np.ndarray:
    """Crests across the wind: a gentle slope up, a steep one down."""
    bend = 0.35 * noise.fbm(_at(x, y, 1.1), 2)
    phase = (3.2 * (x + bend)) % 1.0
    dune = np.where(
        phase < 0.72, 0.5 - 0.5 * np.cos(np.pi * phase / 0.72), 0.5 + 0.5 * np.cos(np.pi * (phase - 0.72) / 0.28)
    )
    return (
        dune * (0.6 + 0.5 * noise(_at(x, y, 1.3, 2.2)))
        + 0.4 * noise(_at(x, y, 0.7, 7.1))
        + 0.01 * np.sin(60 * (x + 0.3 * bend))
    )


def _canyon(x, y, noise: Noise, octaves: int, rng) -> np.ndarray:
    """A plateau in steps, cut by a winding river."""
    river = 0.35 * np.sin(2.2 * y + rng.uniform(0, 6)) + 0.12 * noise.fbm(_at(x, y, 1.5), 3)
    away = np.abs(x - river) + 0.09 * noise.fbm(_at(x, y, 4.0, 1.7), octaves)
    rise = np.clip((away - 0.05) / 0.5, 0, 1)
    steps = 5 * rise
    stairs = (np.floor(steps) + np.clip((steps - np.floor(steps) - 0.62) / 0.38, 0, 1) ** 0.8) / 5
    return stairs + 0.04 * noise.fbm(_at(x, y, 3.0, 4.4), octaves)


def _island(x, y, noise: Noise, octaves: int, rng) -> np.ndarray:
    away = np.hypot(x, y) * (1 + 0.25 * noise.fbm(_at(x, y, 1.6, 6.6), 3))
    land = np.clip(1 - away / 0.85, 0, 1) ** 0.8
    return land * (0.55 + 0.65 * noise.ridged(_at(x, y, 1.8), octaves)) + 0.05 * noise.fbm(_at(x, y, 3.0), 3) * (
        land > 0
    )


def _plains(x, y, noise: Noise, octaves: int, rng) -> np.ndarray:
    return noise.fbm(_at(x, y, 1.2), min(octaves, 5), 0.35)


def _volcano(x, y, noise: Noise, octaves: int, rng) -> np.ndarray:
    away = np.hypot(x, y) * (1 + 0.12 * noise.fbm(_at(x, y, 1.5), 3))
    cone = np.exp(-2.6 * away)
    crater = np.clip(1 - away / 0.13, 0, 1) ** 1.4 * 0.5
    gullies = 0.05 * noise.ridged(_at(np.arctan2(y, x) * 1.6, away * 0.6, 2.0), octaves) * np.clip(away * 3, 0, 1)
    return cone - crater + gullies * np.clip(1.2 - away, 0, 1)


def _cliffs(x, y, noise: Noise, octaves: int, rng) -> np.ndarray:
    edge = y - 0.22 * noise.fbm(_at(x, y * 0.3, 1.4), octaves)
    wall = 1 / (1 + np.exp(-22 * edge))
    return wall * (0.8 + 0.12 * noise.fbm(_at(x, y, 1.6, 4.0), octaves)) + 0.05 * noise.fbm(_at(x, y, 3.0), octaves)


_SHAPES = {
    "hills": _hills,
    "mountains": _mountains,
    "dunes": _dunes,
    "canyon": _canyon,
    "island": _island,
    "plains": _plains,
    "volcano": _volcano,
    "cliffs": _cliffs,
}
_GROUNDS = {  # low and flat, high and flat, steep, top
    "temperate": ("#54682c", "#6d7a42", "#6f675c", "#8a857a"),
    "desert": ("#c9a468", "#d6b27a", "#a06a42", "#c29058"),
    "snow": ("#dfe4ea", "#eef2f6", "#5f6166", "#fafcff"),
    "rock": ("#5c554c", "#6b645a", "#4a4641", "#7b756b"),
}


def _colours(heights: np.ndarray, cell: float, ground: str, kind: str, noise: Noise) -> np.ndarray:
    """(V, 3) linear: what grows on flat land, rock on steep land, sand at the shore of an island."""
    low, high, steep, top = (np.array(srgb(text)) for text in _GROUNDS[ground])
    gy, gx = np.gradient(heights, cell)
    slope = np.hypot(gx, gy).ravel()
    level = heights.ravel() / max(heights.max(), 1e-9)
    rows, columns = heights.shape
    y, x = np.mgrid[:rows, :columns]
    grain = noise.fbm(np.stack([x.ravel() * 0.08, y.ravel() * 0.08, 0.0 * x.ravel()], -1), 4)[:, None]

    def blend(value, start, end):
        return np.clip((value[:, None] + 0.08 * grain - start) / (end - start), 0, 1)

    colours = low + (high - low) * blend(level, 0.1, 0.7)
    colours = colours + (top - colours) * blend(level, 0.72, 0.92) * (kind in ("mountains", "volcano", "cliffs"))
    if kind == "island" and ground == "temperate":
        colours = colours + (np.array(srgb("#d8c08c")) - colours) * (1 - blend(level, 0.03, 0.09))
    sharp = (0.55, 0.9) if ground != "desert" else (0.8, 1.2)
    colours = colours + (steep - colours) * blend(slope, *sharp)
    return np.clip(colours * (1 + 0.14 * grain), 0, 1)
