"""What happens to every material: worn edges, scratches, dirt in the hollows, and what settles on top. numpy only.

Wear follows the bend of the surface and dirt its openness, broken up by noise, after J. Dorsey, H. Rushmeier,
F. Sillion, "Digital Modeling of Material Appearance" (2007), chapter 7.
"""

from __future__ import annotations

import numpy as np

from .core import Look, Material, Points, Recipe, full, mix, painted, rgb, shaded, tinted
from .metal import rust
from .noise import Space, cells, fbm, perlin, step

_WET = 0.55


def weathered(p: Points, r: Recipe, material: Material, look: Look) -> Look:
    """`look` after its life: wear, scratches, rust, dirt, then what grows or falls on it, then water."""
    look = _worn(p, r, material, look)
    if r.extras.get("scratches"):
        look = _scratched(p, r, material, look, r.extras["scratches"])
    if r.extras.get("rust"):
        share = _hollow(p, r, 41, r.extras["rust"], edges=0.35)
        look = look.under(rust(p, r), share, 0.3)
    if r.dirt > 0.02:
        look = _dirty(p, r, look)
    for name, settle in _SETTLES.items():
        if r.extras.get(name):
            look = settle(p, r, look, r.extras[name])
    if r.extras.get("wet"):
        look = _wet(p, r, look, r.extras["wet"])
    look.roughness = np.clip(
        look.roughness - 0.35 * r.gloss * np.where(r.gloss > 0, look.roughness + 0.3, 1.0), 0.03, 1
    )
    return look


def _worn(p: Points, r: Recipe, material: Material, look: Look) -> Look:
    """Edges rub off: lighter, smoother and rounder."""
    if material.worn == "nothing" or r.age < 0.03:
        return look
    chip = fbm(p.space.scaled(17), r.seed + 51, 5, 0.6)
    amount = np.clip(p.bend, 0, 1.3) * (0.35 + 0.9 * r.age) + 0.55 * chip * (p.bend > 0.03)
    share = step(0.62, 0.86, amount) * min(1.0, 0.35 + r.age)
    if material.worn == "metal":
        look.roughness = look.roughness * (1 - 0.45 * share * (look.metallic > 0.5))
        look.colour = tinted(look.colour, 1 + 0.25 * share)
        return look
    light = np.clip(look.colour * 1.35 + 0.06, 0, 1)
    look.colour = look.colour + (light - look.colour) * (share * 0.7)[:, None]
    look.height = look.height - 0.0006 * share
    return look


def _scratched(p: Points, r: Recipe, material: Material, look: Look, amount: float) -> Look:
    """Straight scratches of all directions: thin sheets through space, each only here and there."""
    total = np.zeros(len(p), np.float32)
    rng = np.random.default_rng(r.seed + 61)
    width = max(0.0006, 0.7 * p.space.spacing_m)
    for number in range(10):
        a, b = rng.normal(size=(2, 3))
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        s = p.space
        across = a[0] * s.x + a[1] * s.y + a[2] * s.z + 0.004 * perlin(s.scaled(3), r.seed + 62 + number)
        along = b[0] * s.x + b[1] * s.y + b[2] * s.z
        every = 0.045 / (0.3 + amount)
        line = np.floor(across / every)
        offset = np.abs(across / every - line - 0.5) * every
        here = perlin(Space(line * 7.3 + number, along * 5, 0 * along + number), r.seed + 80)
        total = np.maximum(total, step(width, 0.25 * width, offset) * step(0.26, 0.34, here))
    total *= min(1.0, 0.55 + 0.5 * amount)
    if material.worn == "metal":
        bare = Look(np.maximum(look.colour, 0) * 0 + np.float32(0.58), full(p, 0.32), full(p, 1), look.height - 0.0003)
        return look.under(bare, total, 1.0)
    look.colour = mix(look.colour, np.clip(look.colour * 1.5 + 0.1, 0, 1), total * 0.7)
    look.height = look.height - 0.0004 * total
    return look


def _hollow(p: Points, r: Recipe, seed: int, amount: float, edges: float = 0.0) -> np.ndarray:
    """(N,) where dirt, rust and moss sit: hollows and sheltered places, then everywhere as `amount` grows."""
    cloud = fbm(p.space.scaled(3.4), r.seed + seed, 6, 0.58)
    where = 0.8 * np.clip(-p.bend, 0, 1) + 0.85 * (1 - p.sky) + 0.7 * cloud + edges * np.clip(p.bend, 0, 1)
    limit = 0.95 - 1.15 * amount
    return step(limit, limit + 0.22, where)


def _dirty(p: Points, r: Recipe, look: Look) -> Look:
    """A film of brown dust: in hollows, under ledges, in streaks below."""
    cloud = fbm(p.space.scaled(5, 5, 1.2), r.seed + 71, 5, 0.6)
    cavity = np.clip(-p.bend, 0, 1) * 0.9 + np.clip(0.92 - p.sky, 0, 1) * 0.9
    share = np.clip((cavity + 0.25 * cloud * (0.3 + cavity)) * (0.35 + 1.3 * r.dirt), 0, 1) * 0.85
    share = np.clip(share + 0.22 * max(r.dirt - 0.4, 0) * (1 + cloud) * step(0.1, 0.0, p.level * 0.6), 0, 0.92)
    film = mix(rgb("#4a3c2c"), rgb("#2b231b"), 0.5 + cloud)
    return look.under(Look(film, full(p, 0.92), full(p, 0), look.height), share, 1.0)


def _settled(p: Points, r: Recipe, seed: int, amount: float, soft: float) -> np.ndarray:
    """(N,) where something has fallen on: faces that look up and are open to the sky."""
    cloud = fbm(p.space.scaled(6), r.seed + seed, 5, 0.6)
    where = p.up * (0.45 + 0.55 * p.sky) + 0.3 * cloud
    limit = 0.85 - 0.85 * amount
    return step(limit, limit + soft, where)


def _snowy(p: Points, r: Recipe, look: Look, amount: float) -> Look:
    fine = fbm(p.space.scaled(40), r.seed + 91, 3)
    snow = Look(tinted(painted(p, rgb("#eef3fa")), 1 + 0.03 * fine), full(p, 0.6), full(p, 0), (0.01 + 0.001 * fine))
    return look.under(snow, _settled(p, r, 90, amount, 0.12), 0.2)


def _dusty(p: Points, r: Recipe, look: Look, amount: float) -> Look:
    dust = Look(painted(p, rgb("#a99b85")), full(p, 0.95), full(p, 0), look.height)
    return look.under(dust, _settled(p, r, 92, amount, 0.9) * 0.75, 1.0)


def _sandy(p: Points, r: Recipe, look: Look, amount: float) -> Look:
    fine = fbm(p.space.scaled(150), r.seed + 94, 2)
    sand = Look(tinted(painted(p, rgb("#cfae7c")), 1 + 0.2 * fine), full(p, 0.9), full(p, 0), 0.004 + 0.0006 * fine)
    low = step(0.35, 0.05, p.level) * amount
    return look.under(sand, np.clip(np.maximum(_settled(p, r, 93, amount * 0.7, 0.25), low), 0, 1), 0.3)


def _mossy(p: Points, r: Recipe, look: Look, amount: float) -> Look:
    from .organic import moss

    cloud = fbm(p.space.scaled(4.5), r.seed + 95, 6, 0.6)
    where = 0.35 * p.up + 0.6 * (1 - p.sky) + 0.5 * np.clip(-p.bend, 0, 1) + 0.75 * cloud + 0.25 * (0.5 - p.level)
    limit = 0.75 - 0.9 * amount
    return look.under(moss(p, r), step(limit, limit + 0.16, where), 0.4)


def _bloody(p: Points, r: Recipe, look: Look, amount: float) -> Look:
    drops = cells(p.space.scaled(14, 14, 5), r.seed + 97)
    run = step(0.42, 0.3, drops.nearest + 0.3 * fbm(p.space.scaled(9), r.seed + 98, 4)) * (drops.number < amount)
    return look.under(Look(painted(p, rgb("#5e0606")), full(p, 0.15), full(p, 0), full(p, 0.0008)), run, 0.7)


def _wet(p: Points, r: Recipe, look: Look, amount: float) -> Look:
    """Water darkens what is rough and makes it shine (Jensen, Legakis, Dorsey, "Rendering of Wet Materials", 1999)."""
    share = step(
        0.75 - 1.1 * amount, 1.05 - 1.1 * amount, 0.5 + 0.7 * fbm(p.space.scaled(2.4), r.seed + 99, 4) + 0.2 * p.up
    )
    dark = 1 - _WET * share * np.clip(look.roughness, 0, 1) * (1 - look.metallic)
    look.colour = tinted(look.colour, dark)
    look.roughness = look.roughness + (0.07 - look.roughness) * share * 0.85
    return look


_SETTLES = {"dust": _dusty, "moss": _mossy, "sand": _sandy, "snow": _snowy, "blood": _bloody}
EXTRAS: dict[str, tuple[str, ...]] = {
    "scratches": ("scratched", "scratches", "scratch", "scuffed", "scuffs"),
    "rust": ("rusty", "rusted", "rusting", "rust"),
    "dust": ("dusty", "dust"),
    "moss": ("mossy", "moss", "overgrown", "algae", "lichen"),
    "sand": ("sandy", "sand"),
    "snow": ("snowy", "snow", "frosty", "frosted"),
    "blood": ("bloody", "blood"),
    "wet": ("wet", "damp", "rain", "rainy", "soaked", "moist"),
}


def faded(colour: tuple[float, float, float], age: float) -> tuple[float, float, float]:
    return shaded(colour, 1 + 0.4 * age)
