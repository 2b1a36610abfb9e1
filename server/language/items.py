"""Tokens grouped into the units that the grammar works on: known phrases, numbers, quantities, stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .lexicon import Lexicon, Reading, Tag
from .quantities import Quantity, number_at, quantity_at
from .tables.settings import SILENT
from .tokens import Token
from .words import forms

Kind = Literal[
    "phrase", "article", "number", "quantity", "comma", "stop", "and", "pronoun", "very", "unknown", "silent"
]

_ARTICLES = frozenset("a an the this that these those its their his her my our your another each every all".split())
_PRONOUNS = frozenset("it they them itself themselves".split())
_VERY = {"very": 1, "extremely": 2, "really": 1, "super": 1, "incredibly": 2, "highly": 1, "quite": 0, "rather": 0}
_CLAUSES = frozenset("then while when as whereas that which who until before after".split())


@dataclass(frozen=True)
class Item:
    """kind "phrase": readings of the lexicon. "number": value. words: as written, lower case."""

    kind: Kind
    words: str
    readings: tuple[Reading, ...] = ()
    value: float = 0.0
    vague: bool = False
    quantities: tuple[Quantity, ...] = ()

    def reading(self, *tags: Tag) -> Reading | None:
        """The first reading with one of `tags`."""
        return next((reading for tag in tags for reading in self.readings if reading.tag == tag), None)

    def get(self, *tags: Tag) -> Any:
        """The value of that reading, or None."""
        reading = self.reading(*tags)
        return reading.value if reading else None

    def has(self, *tags: Tag) -> bool:
        return any(reading.tag in tags for reading in self.readings)


def itemize(tokens: Sequence[Token], lexicon: Lexicon) -> list[Item]:
    """The items of a whole text."""
    items: list[Item] = []
    at = 0
    while at < len(tokens):
        item, taken = _item(tokens, at, lexicon)
        items.append(item)
        at += taken
    return items


def _item(tokens: Sequence[Token], at: int, lexicon: Lexicon) -> tuple[Item, int]:
    token = tokens[at]
    if token.kind == "mark":
        return Item("stop" if token.word == "." else "comma", token.text), 1
    if (found := quantity_at(tokens, at)) is not None:
        return Item("quantity", _words(tokens, at, found[1]), quantities=tuple(found[0])), found[1]
    readings, width = lexicon.match(tokens, at)
    number = number_at(tokens, at)
    if number is not None and number[1] >= width:
        return Item("number", _words(tokens, at, number[1]), value=number[0], vague=number[2]), number[1]
    if token.word.startswith("#"):
        return Item("phrase", token.word, (Reading("colour", token.word, token.word),)), 1
    small = _small(token.word)
    if small is not None and width <= 1 and not readings:
        return small, 1
    if readings:
        return Item("phrase", _words(tokens, at, width), tuple(readings)), width
    silent = any(form in SILENT for form in forms(token.word))
    return Item("silent" if silent else "unknown", token.word), 1


def _small(word: str) -> Item | None:
    if word in _ARTICLES:
        return Item("article", word)
    if word in _PRONOUNS:
        return Item("pronoun", word)
    if word in _VERY:
        return Item("very", word, value=_VERY[word])
    if word in ("and", "or", "plus"):
        return Item("and", word)
    return Item("stop", word) if word in _CLAUSES else None


def _words(tokens: Sequence[Token], at: int, width: int) -> str:
    return " ".join(token.word for token in tokens[at : at + width])
