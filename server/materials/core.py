"""What a solid material is: a function from points of a surface to colour, roughness, metal and height. numpy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .noise import Space

Colour = tuple[float, float, float]
"""Linear RGB, 0..1."""


def rgb(code: str) -> Colour:
    """ "#a0522d" (sRGB) as linear RGB."""
    parts = [int(code[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return red, green, blue


@dataclass(frozen=True)
class Points:
    """Points of one object's surface.

    space:   their places in metres along the object's own axes, the longest one named by `grain`.
    normal:  (N, 3) float32, along the same axes. up: (N,) how far the surface looks to the sky, -1..1.
    level:   (N,) 0 at the object's lowest point, 1 at its highest.
    bend:    (N,) 1 at a right-angled ridge, 0 flat, negative in grooves.
    sky:     (N,) 1 in the open, 0 where no light comes.
    grain:   0, 1 or 2: the axis that wood grows along.
    """

    space: Space
    normal: np.ndarray
    up: np.ndarray
    level: np.ndarray
    bend: np.ndarray
    sky: np.ndarray
    grain: int = 2

    def __len__(self) -> int:
        return len(self.up)


@dataclass
class Look:
    """colour (N, 3) linear, roughness (N,), metallic (N,), height (N,) metres; float32."""

    colour: np.ndarray
    roughness: np.ndarray
    metallic: np.ndarray
    height: np.ndarray

    def under(self, top: Look, share: np.ndarray, keep_height: float = 1.0) -> Look:
        """`top` over this, where `share` (N,) is 1. keep_height: how much of the relief below stays."""
        return Look(
            self.colour + (top.colour - self.colour) * share[:, None],
            self.roughness + (top.roughness - self.roughness) * share,
            self.metallic + (top.metallic - self.metallic) * share,
            self.height * (1 - share * np.float32(1 - keep_height)) + top.height * share,
        )


@dataclass
class Recipe:
    """How a material is to be varied; made from the words of a prompt (words.py).

    colours: what the prompt names, in its order. age, dirt: 0..1. gloss: -1 matte .. 1 polished. size: of the pattern.
    extras:  what lies on it or has happened to it ("rust", "snow", "scratches" ...): amount 0..1.
    options: further words that the material understands ("planks", "dark", "hammered" ...).
    """

    colours: list[Colour] = field(default_factory=list[Colour])
    age: float = 0.3
    dirt: float = 0.25
    gloss: float = 0.0
    size: float = 1.0
    extras: dict[str, float] = field(default_factory=dict[str, float])
    options: set[str] = field(default_factory=set[str])
    seed: int = 0

    def colour(self, number: int, otherwise: Colour) -> Colour:
        return self.colours[number] if number < len(self.colours) else otherwise

    def has(self, *words: str) -> bool:
        return not self.options.isdisjoint(words)


@dataclass(frozen=True)
class Material:
    """One entry of the library. words: what it is called in prompts. options: words that it understands besides."""

    id: str
    label: str
    words: tuple[str, ...]
    make: Callable[[Points, Recipe], Look]
    source: str
    options: tuple[str, ...] = ()
    worn: str = "lighter"
    """What shows where edges are worn: "lighter", "metal" or "nothing"."""


# ------------------------------------------------------------------------------------------------------- arithmetic


def full(points: Points, value: float) -> np.ndarray:
    return np.full(len(points), value, np.float32)


def painted(points: Points, colour: Colour) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.float32), (len(points), 3)).copy()


def mix(a: np.ndarray | Colour, b: np.ndarray | Colour, share: np.ndarray) -> np.ndarray:
    """(N, 3) colours between `a` and `b`."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return a + (b - a) * np.clip(share, 0, 1)[:, None]


def ramp(values: np.ndarray, stops: Sequence[tuple[float, Colour]]) -> np.ndarray:
    """(N, 3) colours along `values`, linear between the stops."""
    places = [place for place, _ in stops]
    table = np.array([colour for _, colour in stops], np.float32)
    return np.stack([np.interp(values, places, table[:, n]) for n in range(3)], axis=1).astype(np.float32)


def shaded(colour: Colour, factor: float) -> Colour:
    """Darker (< 1) or lighter (> 1), never beyond white; lighter tones keep their hue."""
    red, green, blue = colour
    if factor <= 1:
        return red * factor, green * factor, blue * factor
    return 1 - (1 - red) ** factor, 1 - (1 - green) ** factor, 1 - (1 - blue) ** factor


def tinted(colour: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """(N, 3) colours made lighter or darker by (N,) factors around 1."""
    return np.clip(colour * factor[:, None], 0, 1)


def boxed(points: Points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat coordinates on the side that the surface looks to: along it, up it (metres), and that side (N,) 0..2.

    Walls get (horizontal, vertical), floors (x, y): masonry and cloth lie on surfaces, they do not fill space.
    """
    side = np.abs(points.normal).argmax(axis=1)
    s = points.space
    across = np.where(side == 0, s.y, s.x)
    upwards = np.where(side == 2, s.y, s.z)
    return across, upwards, side
