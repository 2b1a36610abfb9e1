"""Dresses and skirts, ready for cloth physics: one layer of quads, sewn at the sides, open at neck, arms and hem."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, metres, share
from .parts import Look, Parts, srgb
from .shapes.piece import Piece, assembled, of_faces

_COLOURS = {
    "red": "#9c2733",
    "white": "#f0eeea",
    "blue": "#2f4f86",
    "black": "#1b1b1f",
    "green": "#2f6a4f",
    "yellow": "#dcb23a",
}
INFO = GeneratorInfo(
    "dress",
    "Dress",
    "A dress or skirt as if worn by nobody, ready for cloth physics; pin holds it at the shoulders or the waist",
    "fabrics",
    (
        choice("kind", "Kind", "What it is", ("dress", "Dress"), ("gown", "Gown"), ("skirt", "Skirt")),
        metres("length_m", "Skirt Length", "From the waist to the hem", 0.6, 0.1, 3.0),
        metres("waist_m", "Waist", "Around it", 0.72, 0.2, 3.0),
        share("flare", "Flare", "Width of the hem in shares of a full circle skirt", 0.35, 0.05, 1.0),
        choice("colour", "Colour", "Of the cloth", *((key, key.capitalize()) for key in _COLOURS)),
        DETAIL,
    ),
    (
        Variant(("dress",), {}, mass_kg=0.35, bounce=0.0),
        Variant(
            ("gown", "evening dress", "wedding dress"),
            {"kind": "gown", "length_m": 1.05, "flare": 0.6, "colour": "white"},
            mass_kg=0.9,
            bounce=0.0,
        ),
        Variant(("skirt",), {"kind": "skirt", "flare": 0.5, "colour": "blue"}, mass_kg=0.25, bounce=0.0),
    ),
    role="cloth",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    length, waist, detail = float(values["length_m"]), float(values["waist_m"]), float(values["detail"])
    scale, kind = waist / 0.72, str(values["kind"])
    around = max(24, 4 * round(22 * detail))
    below = max(6, round(length / (0.024 * scale) * detail))
    rings = [_skirt(t, length, waist, float(values["flare"]), around) for t in np.linspace(1, 0, below + 1)]
    if kind != "skirt":
        above = max(6, round(16 * detail))
        rings += [_bodice(t, waist, scale, around, length) for t in np.linspace(0, 1, above + 1)[1:]]
    piece = _ringed(np.array(rings))
    row = np.arange(len(piece.vertices)) // around
    piece = piece.grouped("pin", (row >= len(rings) - 2).astype(float) if kind == "skirt" else 0.0)
    if kind != "skirt":
        piece = _with_straps(piece, len(rings), around, scale, detail)
    colour = srgb(_COLOURS[str(values["colour"])])
    looks = {"cloth": Look(colour, colour, "weave", 0.0015, 0.0001, 0.75)}
    return Parts((assembled(kind.capitalize(), [(piece, "cloth")], crease_deg=180),), looks)


def _ringed(rings: np.ndarray) -> Piece:
    """Quads between rings (R, N, 3), open at both ends; UVs 0 .. 1."""
    rows, around = rings.shape[:2]
    i, j = (a.ravel() for a in np.meshgrid(np.arange(rows - 1), np.arange(around), indexing="ij"))
    on = (j + 1) % around
    quads = np.stack([i * around + j, i * around + on, (i + 1) * around + on, (i + 1) * around + j], 1)
    corners = ((0, 0), (1, 0), (1, 1), (0, 1))
    uvs = np.stack([np.stack([(j + a) / around, (i + b) / (rows - 1)], 1) for a, b in corners], 1)
    return of_faces(rings.reshape(-1, 3), quads, smooth=True).with_uvs(uvs.reshape(-1, 2))


def _skirt(t: float, length: float, waist: float, flare: float, around: int) -> np.ndarray:
    """(around, 3) ring at t of the way from waist to hem, with folds that grow towards the hem."""
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    waist_r = waist / (2 * np.pi)
    cloth = waist_r + flare * length * t  # radius that the cloth would have, spread out flat
    hang = waist_r + 0.55 * flare * length * t**1.25  # radius that it has, hanging
    folds = 9
    spare = np.sqrt(max(cloth**2 - hang**2, 0.0)) * 0.28 * t / (1 + 0.12 * folds)
    radius = hang + spare * np.cos(folds * angle) * min(1.0, 2 * t)
    drop = length * t * np.sqrt(max(1 - (0.45 * flare * t) ** 2, 0.1))
    return np.column_stack(
        [radius * np.cos(angle) * 1.06, radius * np.sin(angle) * 0.9, np.full(around, length - drop)]
    )


def _bodice(t: float, waist: float, scale: float, around: int, length: float) -> np.ndarray:
    """(around, 3) ring between the waist and above the bust: an ellipse that widens to the chest."""
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    width = waist / (2 * np.pi) * (1 + 0.26 * np.sin(t * np.pi * 0.62))
    bust = 0.035 * scale * np.exp(-(((t - 0.7) / 0.25) ** 2)) * np.clip(-np.sin(angle), 0, 1) ** 2
    rise = length + 0.3 * scale * t
    scoop = 0.03 * scale * t**3 * np.cos(2 * angle)  # higher under the arms' front, lower in the middle
    return np.column_stack([width * np.cos(angle) * 1.06, (width * 0.88 + bust) * np.sin(angle), rise - scoop * 0.6])


def _with_straps(piece, rows: int, around: int, scale: float, detail: float):
    """Two strips of quads over the shoulders, joined to the upper edge at front and back, pinned at the top."""
    last = (rows - 1) * around
    wide = max(2, round(around / 22))
    steps = max(8, round(10 * detail))
    vertices, quads, uvs, pins = [piece.vertices], [], [], [piece.groups["pin"]]
    count = len(piece.vertices)
    for side in (-1, 1):
        front = round(around * (0.75 + side * 0.11)) % around
        columns_front = [(front + side * k) % around for k in range(wide + 1)]
        columns_back = [(around - c) % around for c in columns_front]
        t = np.linspace(0, 1, steps + 1)[1:-1, None, None]
        a, b = (piece.vertices[last + np.array(columns)] for columns in (columns_front, columns_back))
        line = (1 - t) * a + t * b
        line[..., 2] += 4 * t[..., 0] * (1 - t[..., 0]) * 0.17 * scale
        ids = np.concatenate(
            [
                [last + np.array(columns_front)],
                count + np.arange(line[..., 0].size).reshape(steps - 1, -1),
                [last + np.array(columns_back)],
            ]
        )
        count += line[..., 0].size
        vertices.append(line.reshape(-1, 3))
        pins.append((np.abs(t[..., 0] - 0.5) < 0.12).repeat(wide + 1, 1).reshape(-1).astype(float))
        quad = np.stack([ids[:-1, :-1], ids[:-1, 1:], ids[1:, 1:], ids[1:, :-1]], -1).reshape(-1, 4)
        quads.append(quad if side > 0 else quad[:, ::-1])
        uvs.append(np.tile([(0, 0), (0.05, 0), (0.05, 0.05), (0, 0.05)], (len(quad), 1)))
    strips = np.concatenate(quads)
    return replace(
        piece,
        vertices=np.concatenate(vertices),
        corners=np.concatenate([piece.corners, strips.reshape(-1)]),
        sizes=np.concatenate([piece.sizes, np.full(len(strips), 4)]),
        uvs=np.concatenate([piece.uvs, *uvs]),
        smooth=np.ones(len(piece.sizes) + len(strips), bool),
        groups={"pin": np.concatenate(pins)},
    )
