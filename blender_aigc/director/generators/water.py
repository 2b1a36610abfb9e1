"""Water surfaces: the sea by its spectrum, a pond with ripples, a pool.

Tessendorf, "Simulating Ocean Water" (SIGGRAPH course notes 2001): a Phillips spectrum of wave numbers, moved in time by
the dispersion of deep water, w^2 = g k, turned into heights and choppy displacements by FFT. It repeats at its sides.
"""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from ...protocol import Param
from .declare import DETAIL, choice, degrees, metres, segments, share
from .parts import Look, Parts, srgb
from .shapes.piece import assembled
from .shapes.solids import sheet

GRAVITY = 9.81
INFO = GeneratorInfo(
    "water",
    "Water",
    "A surface of water: sea with waves, pond with rings, calm pool",
    "water",
    (
        choice("kind", "Kind", "What water it is", ("sea", "Sea"), ("pond", "Pond"), ("calm", "Calm")),
        metres("size_m", "Size", "Side of the square", 40.0, 0.2, 5000.0),
        share("wind", "Wind (m/s)", "Strength of the wind that made the waves", 8.0, 0.5, 30.0),
        degrees("direction_deg", "Wind Direction", "0 blows along +X", 30.0, -180.0, 180.0),
        share("chop", "Choppiness", "How sharp the crests are", 0.8, 0.0, 1.5),
        Param("time_s", "float", "Time", "When; animate by another value", 0.0, 0.0, 1000.0, unit="s"),
        DETAIL,
    ),
    (
        Variant(("water", "sea", "ocean", "water surface"), {}),
        Variant(("stormy sea", "storm sea", "rough sea"), {"wind": 16.0, "size_m": 120.0, "chop": 1.1}),
        Variant(("pond", "lake"), {"kind": "pond", "size_m": 12.0}),
        Variant(("pool", "calm water", "puddle"), {"kind": "calm", "size_m": 8.0}),
    ),
    role="water",
    source="Tessendorf, Simulating Ocean Water, SIGGRAPH course notes 2001",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, size, detail = str(values["kind"]), float(values["size_m"]), float(values["detail"])
    number = segments(160, detail, 16, even=True)
    plain = sheet(number, number, size, size)
    if kind == "sea":
        x, y, z = _sea(size, number, values, rng)
    else:
        x, y = np.zeros((2, number + 1, number + 1))
        z = _rings(plain.vertices, size, float(values["time_s"]), 0.012 if kind == "pond" else 0.0025, rng)
    moved = plain.vertices + np.column_stack([x.ravel(), y.ravel(), z.ravel()])
    surface = plain.warped(moved).with_uvs(plain.uvs * size)
    look = Look(
        srgb("#1d4350") if kind == "sea" else srgb("#2d5a5c"),
        roughness=0.02,
        transmission=0.0 if kind == "sea" else 0.6,
    )
    return Parts((assembled("Water", [(surface, "water")], crease_deg=180),), {"water": look})


def _sea(size: float, number: int, values, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N+1, N+1) displacements x, y and heights, periodic over the square."""
    spectrum = 2 * np.pi * np.fft.fftfreq(number, size / number)
    kx, ky = np.meshgrid(spectrum, spectrum)
    k = np.hypot(kx, ky)
    k[0, 0] = 1.0
    wind = float(values["wind"])
    largest = wind**2 / GRAVITY
    angle = np.radians(float(values["direction_deg"]))
    along = (kx * np.cos(angle) + ky * np.sin(angle)) / k
    power = np.exp(-1 / (k * largest) ** 2) / k**4 * along**2 * np.exp(-((k * 0.004 * largest) ** 2))
    power = power * np.where(along < 0, 0.12, 1.0)  # few waves against the wind
    power[0, 0] = 0.0
    # Significant height of a wind sea as Pierson and Moskowitz (1964) measured it: 0.21 U^2 / g, four deviations.
    start = (rng.normal(size=k.shape) + 1j * rng.normal(size=k.shape)) * np.sqrt(power / 2)
    turn = np.exp(1j * np.sqrt(GRAVITY * k) * float(values["time_s"]))
    mirror = np.roll(np.flip(start, (0, 1)), 1, (0, 1))
    field = start * turn + np.conj(mirror) / turn
    z = np.fft.ifft2(field).real
    whole = np.sqrt(np.fft.ifft2(start + np.conj(mirror)).real.var())
    scale = min(0.21 * wind**2 / GRAVITY / 4, 0.02 * size) / max(whole, 1e-12)
    chop = float(values["chop"])
    x, y = (np.fft.ifft2(-1j * axis / k * field).real * chop for axis in (kx, ky))
    wrap = [np.pad(part * scale, ((0, 1), (0, 1)), mode="wrap") for part in (x, y, z)]
    return -wrap[0], -wrap[1], wrap[2]


def _rings(points: np.ndarray, size: float, time: float, height: float, rng: np.random.Generator) -> np.ndarray:
    """Heights of rings around a few places, as of falling drops, and a breath of wind."""
    z = np.zeros(len(points))
    for _ in range(5):
        centre, start = rng.uniform(-0.45, 0.45, 2) * size, rng.uniform(0, 2)
        away = np.linalg.norm(points[:, :2] - centre, axis=1)
        length = 0.045 * size * rng.uniform(0.6, 1.2)
        speed = np.sqrt(GRAVITY * length / (2 * np.pi))
        front = 0.12 * size + speed * (time + start)
        z += (
            np.cos(2 * np.pi * (away - speed * time) / length)
            * np.exp(-(((away - front) / (0.1 * size)) ** 2))
            * height
            * size
            / 8
        )
    angle = rng.uniform(0, 2 * np.pi, 6)
    for a in angle:
        length = rng.uniform(0.05, 0.15) * size
        z += (
            0.12
            * height
            * size
            / 8
            * np.sin(2 * np.pi * (points[:, 0] * np.cos(a) + points[:, 1] * np.sin(a)) / length + time)
        )
    return z
