"""Metals, bare and painted, and rust. Reflectances are those of polished samples, linear, as used in renderers."""

from __future__ import annotations

import numpy as np

from .core import Colour, Look, Material, Points, Recipe, full, mix, painted, ramp, rgb, shaded, tinted
from .noise import cells, fbm, perlin, step, warped

_TONES: dict[str, Colour] = {
    "steel": (0.56, 0.57, 0.58),
    "iron": (0.36, 0.35, 0.34),
    "aluminium": (0.91, 0.92, 0.92),
    "silver": (0.97, 0.96, 0.91),
    "chrome": (0.64, 0.65, 0.66),
    "gold": (1.0, 0.71, 0.29),
    "copper": (0.93, 0.58, 0.40),
    "brass": (0.89, 0.70, 0.35),
    "bronze": (0.71, 0.49, 0.26),
    "titanium": (0.54, 0.50, 0.45),
    "lead": (0.32, 0.33, 0.36),
}
_ALIASES = {"aluminum": "aluminium", "golden": "gold", "metallic": "steel", "stainless": "steel"}


def _bare(p: Points, r: Recipe, tone: Colour, rough: float) -> Look:
    """Smudges, a grain in the roughness, dents; brushed or hammered when asked for."""
    smudge = fbm(p.space.scaled(3.2), r.seed + 1, 5, 0.6)
    fine = fbm(p.space.scaled(90), r.seed + 2, 3)
    roughness = rough + 0.09 * smudge + 0.04 * fine
    height = 0.00012 * fine
    if r.has("brushed"):
        line = fbm(p.space.scaled(5, 420, 420) if p.grain == 0 else p.space.scaled(420, 420, 5), r.seed + 3, 2)
        roughness, height = roughness + 0.16 + 0.16 * line, height + 0.00008 * line
    if r.has("hammered", "beaten", "dented"):
        dent = cells(warped(p.space.scaled(26), r.seed + 4, 0.25, 2), r.seed + 5)
        height = height - 0.0035 * (1 - dent.nearest**2)
        roughness = roughness + 0.08 * dent.number
    colour = tinted(painted(p, tone), 1 + 0.05 * smudge)
    return Look(colour, roughness.astype(np.float32), full(p, 1), height.astype(np.float32))


def metal(p: Points, r: Recipe) -> Look:
    """Bare metal by its name; any metal named with a colour is painted (unless it is anodised)."""
    kind = next((k for k in _TONES if k in r.options), next((_ALIASES[a] for a in _ALIASES if a in r.options), "steel"))
    tone = _TONES[kind]
    rough = {"chrome": 0.06, "silver": 0.17, "gold": 0.2, "iron": 0.48, "lead": 0.55}.get(kind, 0.3)
    rough = 0.12 if r.has("polished", "shiny", "mirror") else rough
    if r.colours and r.has("anodised", "anodized", "tinted"):
        tone = r.colours[0]
        return _bare(p, r, tone, rough + 0.1)
    bare = _bare(p, r, tone, rough)
    if kind in ("copper", "bronze", "brass") and (r.age > 0.5 or r.has("patina", "verdigris", "oxidised")):
        return _patina(p, r, bare)
    if kind in ("iron", "steel") and r.age > 0.4:
        dull = step(-0.2, 0.5, fbm(p.space.scaled(2.6), r.seed + 8, 5))
        bare.colour = tinted(bare.colour, 1 - 0.4 * r.age * dull)
        bare.roughness = bare.roughness + 0.25 * r.age * dull
    if r.colours or r.has("painted", "enamelled", "lacquered"):
        return painted_metal(p, r, bare)
    return bare


def _patina(p: Points, r: Recipe, bare: Look) -> Look:
    """Verdigris: basic copper carbonates in hollows and in runs down the sides."""
    run = fbm(p.space.scaled(7, 7, 1.1), r.seed + 11, 5)
    cloud = fbm(p.space.scaled(4), r.seed + 12, 6, 0.6)
    tarnish = step(-0.55, 0.35, cloud - 0.5 * np.maximum(p.bend, 0))
    look = bare.under(
        Look(mix(rgb("#5b3a24"), rgb("#2f2019"), 0.5 + cloud), full(p, 0.5), full(p, 0.55), bare.height), tarnish * 0.85
    )
    green = ramp(0.5 + 0.7 * cloud, ((0, rgb("#2f6f62")), (0.5, rgb("#5ca593")), (1, rgb("#a8d3c2"))))
    share = step(
        0.18, 0.52, 0.5 * cloud + 0.4 * run + 0.5 * (1 - p.sky) + 0.75 * r.age - 0.35 - 0.35 * np.maximum(p.bend, 0)
    )
    return look.under(Look(green, full(p, 0.85), full(p, 0), (0.0004 + 0.0006 * cloud).astype(np.float32)), share)


def painted_metal(p: Points, r: Recipe, bare: Look) -> Look:
    """Coats of paint; chips along edges and where it flakes, with a rim of primer."""
    coat = r.colour(0, rgb("#8a1c14"))
    orange_peel = fbm(p.space.scaled(160), r.seed + 21, 2)
    fade = fbm(p.space.scaled(1.9), r.seed + 22, 5)
    colour = tinted(painted(p, coat), 1 + (0.05 + 0.22 * r.age) * fade)
    colour = mix(colour, shaded(coat, 1.8), np.clip(0.35 * r.age * (0.3 + fade + 0.5 * np.maximum(p.up, 0)), 0, 0.6))
    rough = 0.22 + 0.4 * r.age + 0.12 * fade
    paint = Look(colour, rough.astype(np.float32), full(p, 0), (0.0003 + 0.00004 * orange_peel).astype(np.float32))
    chip = fbm(p.space.scaled(13), r.seed + 23, 6, 0.6)
    wear = 0.9 * r.age * np.clip(p.bend, 0, 1.2) + 0.5 * chip + 0.30 * fbm(p.space.scaled(2.2), r.seed + 24, 3)
    limit = 0.75 - 0.5 * r.age
    primer = Look(painted(p, rgb("#7c7468")), full(p, 0.7), full(p, 0), full(p, 0.00015))
    look = bare.under(primer, step(limit + 0.05, limit + 0.02, wear))
    return look.under(paint, step(limit, limit - 0.02, wear))


def rust(p: Points, r: Recipe) -> Look:
    """Flakes of iron oxide: dark scale, orange bloom, pits."""
    cloud = fbm(p.space.scaled(5), r.seed + 31, 7, 0.6)
    fine = fbm(p.space.scaled(48), r.seed + 32, 4, 0.65)
    flake = cells(warped(p.space.scaled(30), r.seed + 33, 0.5, 3), r.seed + 34)
    tone = np.clip(0.48 + 0.55 * cloud + 0.35 * fine + 0.2 * (flake.number - 0.5), 0, 1)
    colour = ramp(
        tone,
        (
            (0, rgb("#241209")),
            (0.3, rgb("#4f2310")),
            (0.55, rgb("#84401a")),
            (0.8, rgb("#b3622a")),
            (1, rgb("#d08a48")),
        ),
    )
    height = 0.0013 * cloud + 0.0009 * fine + 0.0006 * flake.number - 0.0012 * step(0.12, 0, flake.border)
    return Look(colour, 0.86 - 0.12 * fine, full(p, 0.05), height.astype(np.float32))


def lava(p: Points, r: Recipe) -> Look:
    """Crust of cooled plates; the glow between them is only a colour here."""
    plates = cells(warped(p.space.scaled(7), r.seed + 1, 0.6, 4), r.seed + 2)
    fine = fbm(p.space.scaled(26), r.seed + 3, 5)
    glow = step(0.17, 0.0, plates.border + 0.09 * fine)
    crust = mix(rgb("#2a2321"), rgb("#0d0b0b"), 0.5 + fine)
    hot = ramp(glow, ((0, rgb("#3a0a04")), (0.45, rgb("#c62a05")), (0.8, rgb("#ff8a10")), (1, rgb("#ffe27a"))))
    height = 0.012 * (1 - glow) + 0.004 * fine + 0.003 * perlin(p.space.scaled(60), r.seed + 4)
    return Look(mix(crust, hot, glow), full(p, 0.8) - 0.4 * glow, full(p, 0), height.astype(np.float32))


_OPTIONS = (*_TONES, *_ALIASES, "brushed", "hammered", "beaten", "dented", "polished", "shiny", "mirror", "anodised")
_OPTIONS = (*_OPTIONS, "anodized", "tinted", "painted", "enamelled", "lacquered", "patina", "verdigris", "oxidised")
MATERIALS = (
    Material(
        "metal",
        "Metal",
        ("metal", *_TONES, *_ALIASES, "car", "machine", "robot", "armour", "armor", "tin"),
        metal,
        "Reflectances after McAuley, physically based shading course (SIGGRAPH 2012); patina after Dorsey and "
        "Hanrahan, Modeling and Rendering of Metallic Patinas (SIGGRAPH 1996)",
        _OPTIONS,
        worn="metal",
    ),
    Material("rust", "Rust", ("rust", "corroded", "corrosion"), rust, "Worley 1996; Perlin 1985", worn="nothing"),
    Material("lava", "Lava", ("lava", "magma", "ember"), lava, "Worley 1996", worn="nothing"),
)
