"""Ferns, and other plants whose leaves come from one point: agave, houseplant, cactus."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, count, metres, segments
from .parts import Look, Parts, srgb
from .shapes.curves import evenly, smooth
from .shapes.petals import blade
from .shapes.piece import Piece, assembled, merged
from .shapes.solids import lathe, rod, tubes

_USUAL = {"fern": (0.7, 16), "agave": (0.6, 34), "potted": (0.9, 22), "cactus": (1.4, 3)}
INFO = GeneratorInfo(
    "fern",
    "Fern",
    "A fern, an agave, a cactus or a plant in a pot",
    "plants",
    (
        choice(
            "kind",
            "Kind",
            "Which plant",
            ("fern", "Fern"),
            ("agave", "Agave"),
            ("potted", "Plant in a pot"),
            ("cactus", "Cactus"),
        ),
        metres("height_m", "Height", "0 takes the usual height", 0.0, 0.0, 6.0),
        count("leaves", "Leaves", "Fronds, leaves or arms; 0 takes the usual number", 0, 0, 80),
        DETAIL,
    ),
    (
        Variant(("fern",), {}, mass_kg=0.6, bounce=0.0),
        Variant(("agave", "aloe", "succulent"), {"kind": "agave"}, mass_kg=4.0, bounce=0.0),
        Variant(("plant", "potted plant", "houseplant", "pot plant"), {"kind": "potted"}, mass_kg=5.0, bounce=0.1),
        Variant(("cactus",), {"kind": "cactus"}, mass_kg=40.0, bounce=0.0),
    ),
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, detail = str(values["kind"]), float(values["detail"])
    height, number = float(values["height_m"]) or _USUAL[kind][0], int(values["leaves"]) or _USUAL[kind][1]
    build = {"fern": _fern, "agave": _agave, "potted": _potted, "cactus": _cactus}[kind]
    layers = build(height, number, detail, rng)
    green = {
        "fern": ("#3f6f2a", "#5f9038"),
        "agave": ("#5f8a74", "#7fa58b"),
        "potted": ("#2f5f30", "#47803d"),
        "cactus": ("#45703f", "#5b8a4e"),
    }[kind]
    looks = {
        "leaves": Look(srgb(green[0]), srgb(green[1]), "noise", 0.2, 0.0, 0.55, leaf=kind != "cactus"),
        "stem": Look(srgb("#5a6b32"), roughness=0.7),
        "pot": Look(srgb("#b0603a"), srgb("#9c5232"), "noise", 0.05, 0.0005, 0.85),
        "soil": Look(srgb("#3a2a1d"), roughness=1.0),
        "thorns": Look(srgb("#e8dfb8"), roughness=0.6),
    }
    return Parts((assembled(kind.capitalize(), layers, crease_deg=70),), looks)


def _fern(height: float, number: int, detail: float, rng) -> list[tuple[Piece, str]]:
    """Fronds that rise and bend over; leaflets on both sides, longest in the lower third."""
    leaflets = segments(22, detail, 6)
    layers: list[tuple[Piece, str]] = []
    small = blade(1.0, 0.26, -25, 0.1, 1.1, 3, 2)
    for k in range(number):
        turn, stand = 137.5 * k + rng.normal(0, 8), rng.uniform(48, 78)
        length = 1.35 * height * rng.uniform(0.75, 1.05)
        angle = np.radians(stand - 95 * np.linspace(0, 1, 14) ** 1.2)
        step = length / 13
        line = np.cumsum(np.column_stack([np.cos(angle), 0 * angle, np.sin(angle)]) * step, axis=0)
        line = np.concatenate([[(0.02 * height, 0, 0)], line[:-1] + (0.02 * height, 0, 0)])
        pieces = [tubes(line, np.linspace(0.007, 0.0015, 14) * height, 4)]
        layers.append((pieces[0].turned("z", turn), "stem"))
        t = np.linspace(0.14, 0.98, leaflets)
        size = 0.3 * height * np.sin(np.pi * np.clip(t * 0.92 + 0.06, 0, 1)) ** 0.8 * (1.15 - 0.6 * t)
        place = np.column_stack([np.interp(t, np.linspace(0, 1, 14), line[:, a]) for a in range(3)])
        pitch = np.interp(t, np.linspace(0, 1, 14), np.degrees(angle))
        side = []
        for at, big, p in zip(place, size, pitch, strict=True):
            for s in (-1, 1):
                side.append(small.scaled(big).turned("z", s * 68).turned("x", s * 12).turned("y", -p).moved(*at))
        layers.append((merged(side).turned("z", turn), "leaves"))
    return layers


def _agave(height: float, number: int, detail: float, rng) -> list[tuple[Piece, str]]:
    """Thick pointed leaves in a rosette, upright inside, flat outside."""
    layers = []
    for k in range(number):
        out = k / max(1, number - 1)
        length = height * (0.75 + 0.35 * np.sin(np.pi * (0.2 + 0.6 * out)))
        rows, columns = segments(8, detail, 3), segments(4, detail, 2, even=True)
        leaf = blade(length, 0.2 * length, -18, 0.45, 0.55, rows, columns)
        taper = 1 - 0.55 * np.clip(leaf.vertices[:, 0] / length, 0, 1) ** 2
        leaf = leaf.warped(leaf.vertices * np.column_stack([taper * 0 + 1, taper, taper * 0 + 1]))
        layers.append(
            (
                leaf.turned("y", -(82 - 66 * out)).moved(0.03 * height).turned("z", 137.5 * k + rng.normal(0, 4)),
                "leaves",
            )
        )
    return layers


def _potted(height: float, number: int, detail: float, rng) -> list[tuple[Piece, str]]:
    """Large leaves on long stalks in a clay pot."""
    pot, radius = 0.3 * height, 0.17 * height
    around = segments(40, detail, 12)
    rows = [
        (0, 0),
        (0.68 * radius, 0),
        (0.92 * radius, 0.82 * pot),
        (1.03 * radius, 0.82 * pot),
        (1.05 * radius, pot),
        (0.95 * radius, pot),
        (0.88 * radius, 0.86 * pot),
        (0, 0.86 * pot),
    ]
    layers: list[tuple[Piece, str]] = [(lathe(np.array(rows), around), "pot")]
    soil = [(0, 0.8 * pot), (0.86 * radius, 0.8 * pot), (0.86 * radius, 0.9 * pot), (0, 0.92 * pot)]
    layers.append((lathe(np.array(soil), around), "soil"))
    for k in range(number):
        turn, out = 137.5 * k, rng.uniform(0.25, 1.0)
        top = pot + (height - pot) * (1.0 - 0.45 * out)
        reach = 0.34 * height * out
        stalk = evenly(
            smooth(
                [(0.02 * height * out, 0, 0.88 * pot), (0.5 * reach, 0, 0.6 * top + 0.4 * pot), (reach, 0, top)], 24
            ),
            8,
        )
        layers.append((tubes(stalk, 0.006 * height, 5).turned("z", turn), "stem"))
        leaf = blade(
            0.3 * height, 0.2 * height, -55, 0.08, 0.8, segments(8, detail, 3), segments(6, detail, 2, even=True)
        )
        layers.append((leaf.turned("y", -25 + 50 * out).moved(*stalk[-1]).turned("z", turn), "leaves"))
    return layers


def _cactus(height: float, number: int, detail: float, rng) -> list[tuple[Piece, str]]:
    """Ribbed columns: a stem and arms that bend upwards."""
    stem = np.array([(0, 0, 0), (0, 0, 0.5 * height), (0, 0, height)])
    layers = _column(stem, 0.1 * height, detail)
    for k in range(min(number, 12)):
        turn, at = 150 * k + rng.normal(0, 20), rng.uniform(0.3, 0.6) * height
        reach, top = rng.uniform(0.2, 0.28) * height, at + rng.uniform(0.25, 0.4) * height
        arm = np.array(
            [(0, 0, at), (0.7 * reach, 0, at + 0.02 * height), (reach, 0, at + 0.12 * height), (reach, 0, top)]
        )
        for piece, look in _column(arm, 0.062 * height, detail):
            layers.append((piece.turned("z", turn), look))
    return layers


def _column(points: np.ndarray, radius: float, detail: float) -> list[tuple[Piece, str]]:
    rows, sides = segments(26, detail, 10), 24
    line = evenly(smooth(points, 60), rows)
    t = np.linspace(0, 1, rows)
    girth = radius * np.sqrt(np.clip(1 - np.clip((t - 0.86) / 0.14, 0, 1) ** 2, 0.02, 1))
    body = tubes(line, girth, sides)
    middle = np.repeat(line, sides, axis=0)
    rib = np.tile(np.where(np.arange(sides) % 2 == 0, 1.0, 0.8), rows)[:, None]
    body = body.warped(middle + (body.vertices - middle) * rib)
    thorns = []
    for row in range(1, rows - 1, 2):
        for side in range(0, sides, 4):
            start = body.vertices[row * sides + side]
            out = start - line[row]
            thorns.append(
                rod(
                    start - 0.02 * out,
                    start + 0.32 * out / max(np.linalg.norm(out), 1e-9) * radius,
                    0.012 * radius,
                    3,
                    0.003 * radius,
                )
            )
    return [(body, "leaves"), (merged(thorns), "thorns")]
