"""Numbers in digits and words, and numbers with units, in SI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import Literal

from .tokens import Token

Dimension = Literal["length", "mass", "speed", "time", "frames", "fps", "angle", "spin", "density", "beaufort", "focal"]


@dataclass(frozen=True)
class Quantity:
    """value: in m, kg, m/s, s, frames, 1/s, deg, deg/s; `unit` as it was written."""

    value: float
    dimension: Dimension
    unit: str


_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
SMALL = {word: value for value, word in enumerate(_ONES)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
SCALES = {"dozen": 12, "score": 20, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
VAGUE = {
    **{"a couple of": 2, "a couple": 2, "a pair of": 2, "both": 2, "a few": 3, "few": 3, "some": 3, "a handful of": 5},
    **{"several": 5, "a bunch of": 7, "many": 12, "a lot of": 20, "lots of": 20, "plenty of": 20, "countless": 100},
    **{"dozens of": 24, "hundreds of": 200, "thousands of": 2000, "numerous": 12, "multiple": 4, "half a dozen": 6},
    **{"a number of": 5, "pairs of": 4, "half": 0.5},
}
"""What a word without a number in it stands for; the plan's notes say so."""
_VAGUE_FROM: dict[str, list[tuple[tuple[str, ...], float]]] = {}
for _words, _number in sorted(VAGUE.items(), key=lambda row: -len(row[0].split())):
    _VAGUE_FROM.setdefault(_words.split()[0], []).append((tuple(_words.split()), _number))


def number_at(tokens: Sequence[Token], at: int) -> tuple[float, int, bool] | None:
    """(value, tokens taken, vague?) of the number that begins at `at`; None when there is none. "a" is no number."""
    for words, value in _VAGUE_FROM.get(tokens[at].word, ()):
        if tuple(token.word for token in tokens[at : at + len(words)]) == words:
            return value, len(words), True
    article = tokens[at].word in ("a", "an") and at + 1 < len(tokens) and tokens[at + 1].word in SCALES
    total, current, taken, seen = 0.0, 1.0 if article else 0.0, int(article), article
    while at + taken < len(tokens):
        token = tokens[at + taken]
        if token.kind == "number" and not seen:
            current = token.value
        elif token.word in SMALL and (not seen or current % 100 == 0 or (current % 10 == 0 and SMALL[token.word] < 10)):
            current += SMALL[token.word]
        elif token.word in SCALES and (seen or token.word == "dozen"):
            total, current = (total, (current if seen else 1) * SCALES[token.word])
            if SCALES[token.word] >= 1000:
                total, current = total + current, 0.0
        elif token.word == "and" and seen and _goes_on(tokens, at + taken):
            pass
        else:
            break
        seen = True
        taken += 1
    if not seen:
        return None
    if at + taken < len(tokens) and tokens[at + taken].word == "of" and tokens[at + taken - 1].word in SCALES:
        taken += 1
    return total + current, taken, False


def _goes_on(tokens: Sequence[Token], at: int) -> bool:
    """Is the "and" at `at` inside a number, as in "two hundred and fifty"?"""
    return tokens[at - 1].word in ("hundred", "thousand") and at + 1 < len(tokens) and tokens[at + 1].word in SMALL


_FOOT, _INCH, _MILE, _POUND = 0.3048, 0.0254, 1609.344, 0.45359237
UNITS: dict[str, tuple[Dimension, float]] = {
    unit: (dimension, factor)
    for dimension, factor, units in (
        ("length", 0.001, "mm millimetre millimeter"),
        ("length", 0.01, "cm centimetre centimeter"),
        ("length", 0.1, "dm decimetre decimeter"),
        ("length", 1.0, "m metre meter"),
        ("length", 1000.0, "km kilometre kilometer"),
        ("length", _INCH, "inch in"),
        ("length", _FOOT, "ft foot"),
        ("length", 3 * _FOOT, "yard"),
        ("length", _MILE, "mile"),
        ("mass", 0.001, "g gram gramme"),
        ("mass", 1.0, "kg kilo kilogram"),
        ("mass", 1000.0, "t ton tonne"),
        ("mass", _POUND, "lb pound"),
        ("mass", _POUND / 16, "oz ounce"),
        ("speed", 1.0, "m/s mps"),
        ("speed", 0.01, "cm/s"),
        ("speed", 1 / 3.6, "km/h kmh kph"),
        ("speed", _MILE / 3600, "mph"),
        ("speed", _FOOT, "ft/s"),
        ("speed", 1852 / 3600, "knot kt"),
        ("time", 1.0, "s sec second"),
        ("time", 0.001, "ms millisecond"),
        ("time", 60.0, "min minute"),
        ("time", 3600.0, "hour"),
        ("frames", 1.0, "frame"),
        ("fps", 1.0, "fps"),
        ("angle", 1.0, "° deg degree"),
        ("angle", 180 / pi, "rad radian"),
        ("spin", 6.0, "rpm"),
        ("spin", 1.0, "°/s deg/s"),
        ("spin", 180 / pi, "rad/s"),
        ("density", 1.0, "kg/m3 kg/m³"),
        ("beaufort", 1.0, "bft beaufort"),
    )
    for unit in units.split()
}
_PHRASES: dict[str, tuple[Dimension, float]] = {
    "metres per second": ("speed", 1.0),
    "meters per second": ("speed", 1.0),
    "kilometres per hour": ("speed", 1 / 3.6),
    "kilometers per hour": ("speed", 1 / 3.6),
    "kilometres an hour": ("speed", 1 / 3.6),
    "miles per hour": ("speed", _MILE / 3600),
    "frames per second": ("fps", 1.0),
    "frames a second": ("fps", 1.0),
    "degrees per second": ("spin", 1.0),
    "turns per second": ("spin", 360.0),
    "turns a second": ("spin", 360.0),
    "revolutions per second": ("spin", 360.0),
    "turns per minute": ("spin", 6.0),
}
_LONGEST = sorted(((tuple(phrase.split()), unit) for phrase, unit in _PHRASES.items()), key=lambda row: -len(row[0]))


def unit_at(tokens: Sequence[Token], at: int) -> tuple[Dimension, float, int] | None:
    """(dimension, factor to SI, tokens taken) of the unit that begins at `at`."""
    for words, (dimension, factor) in _LONGEST:
        if tuple(token.word for token in tokens[at : at + len(words)]) == words:
            return dimension, factor, len(words)
    if at >= len(tokens) or tokens[at].kind != "word":
        return None
    word = tokens[at].word
    if word in ("in", "min") and word != tokens[at].text:
        return None
    if word == "in" and not _inch(tokens, at):
        return None
    for form in (word, word.removesuffix("s"), word.removesuffix("es"), {"feet": "foot"}.get(word, word)):
        if form in UNITS:
            return (*UNITS[form], 1)
    return None


def _inch(tokens: Sequence[Token], at: int) -> bool:
    """ "in" is inches only next to a word of size: "3 in wide", not "3 in the air"."""
    return at + 1 < len(tokens) and tokens[at + 1].word in ("wide", "tall", "high", "long", "deep", "thick", "across")


def quantity_at(tokens: Sequence[Token], at: int) -> tuple[list[Quantity], int] | None:
    """The quantities ("24 cm"; "2 x 1 x 0.5 m" gives three) that begin at `at`, and the tokens taken."""
    values: list[float] = []
    taken = 0
    while (found := number_at(tokens, at + taken)) is not None if at + taken < len(tokens) else False:
        value, width, vague = found
        if vague and value != 0.5:
            return None
        values.append(value)
        taken += width
        if at + taken + 1 < len(tokens) and tokens[at + taken].word in ("x", "by", "times") and len(values) < 3:
            taken += 1
            continue
        break
    if not values or at + taken >= len(tokens):
        return None
    if values == [0.5] and tokens[at + taken].word in ("a", "an"):
        taken += 1
    unit = unit_at(tokens, at + taken)
    if unit is None:
        return None
    dimension, factor, width = unit
    written = " ".join(token.text for token in tokens[at + taken : at + taken + width])
    return [Quantity(value * factor, dimension, written) for value in values], taken + width
