"""All words that are understood, in one trie: the tables of this room, the plan's own vocabulary, and the catalogue."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from blender_aigc import plan as vocabulary

from .tables import actions, nouns, qualities, settings
from .tables.nouns import Noun
from .tokens import Token
from .words import distance, forms

Tag = Literal[
    "noun", "collective", "surface", "liquid", "material", "fabric", "colour", "shade", "size", "quality", "viscosity",
    "verb", "manner", "direction", "preposition", "view", "light", "gravity", "wind", "dimension", "compare", "silent",
]  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """One way to understand some words. value: what the table holds for it."""

    tag: Tag
    words: str
    value: Any


@dataclass
class _Node:
    below: dict[str, _Node] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)


class Lexicon:
    """Phrases -> readings, longest first."""

    def __init__(self, generators: Iterable[tuple[str, Noun]] = (), still: bool = False) -> None:
        """generators: further nouns, (words, noun), of the catalogue. still: they look better than the plan's shapes,
        which move better, and go before them.
        """
        self._root = _Node()
        self._nouns: dict[str, Noun] = {}
        for words, noun in self._things(generators, still):
            self._add("noun", words, noun)
            self._nouns.setdefault(words, noun)
        for tag, table in _tables():
            for words, value in table.items():
                self._add(tag, words, value)

    def with_nouns(self, first: Mapping[str, Noun], last: Mapping[str, Noun]) -> Lexicon:
        """A lexicon with further nouns, that go before and after those of this one, which stays as it is.

        What they do not touch is shared by both, so that this costs by the number of nouns, not by the words known.
        """
        wider = Lexicon.__new__(Lexicon)
        wider._root = _Node(dict(self._root.below), self._root.readings)
        wider._nouns = {**first, **{words: noun for words, noun in self._nouns.items() if words not in first}}
        own: set[int] = {id(wider._root)}
        for words, noun in first.items():
            node = wider._own_node(words, own)
            others = [reading for reading in node.readings if reading.tag != "noun"]
            node.readings = [Reading("noun", words, noun), *others]
        for words, noun in last.items():
            node = wider._own_node(words, own)
            if all(reading.tag != "noun" for reading in node.readings):
                node.readings = [Reading("noun", words, noun), *node.readings]
            wider._nouns.setdefault(words, noun)
        return wider

    def _own_node(self, words: str, own: set[int]) -> _Node:
        """The node of `words`, no node on the way to it shared with another lexicon. own: ids of those that are not."""
        node = self._root
        for word in words.split():
            below = node.below.get(word)
            if below is None or id(below) not in own:
                below = _Node() if below is None else _Node(dict(below.below), below.readings)
                node.below[word] = below
                own.add(id(below))
            node = below
        return node

    def match(self, tokens: Sequence[Token], at: int) -> tuple[list[Reading], int]:
        """The readings of the longest phrase that begins at `at`, and its length in tokens; ([], 0) for no phrase."""
        best: tuple[list[Reading], int] = ([], 0)
        places = [(self._root, at)]
        while places:
            node, place = places.pop()
            if node.readings and place - at >= best[1]:
                more = [reading for reading in node.readings if place - at > best[1] or reading not in best[0]]
                best = (more if place - at > best[1] else [*best[0], *more], place - at)
            if place < len(tokens) and tokens[place].kind == "word":
                for form in forms(tokens[place].word):
                    if form in node.below:
                        places.append((node.below[form], place + 1))
        return (best[0], best[1]) if best[1] else ([], 0)

    def knows(self, word: str) -> bool:
        """Does any phrase begin with a form of `word`?"""
        return any(form in self._root.below for form in forms(word))

    def is_only_other_than_noun(self, words: str) -> bool:
        """Is `words` known as an adjective, a verb, a liquid ..., and as no noun?"""
        node: _Node | None = self._root
        for word in words.split():
            node = node.below.get(word) if node is not None else None
        tags = {reading.tag for reading in node.readings} if node is not None else set[str]()
        return bool(tags) and "noun" not in tags

    def nearest_things(self, word: str, most: int = 3) -> list[str]:
        """Names of known things that are spelt almost like `word`."""
        reach = 1 if len(word) < 5 else 2 if len(word) < 9 else 3
        scored = [(min(distance(form, name, reach) for form in forms(word)[:3]), name) for name in self._nouns]
        return [name for score, name in sorted(scored) if score <= reach][:most]

    @property
    def things(self) -> list[str]:
        """Everything that can stand in a scene."""
        return sorted(words for words, noun in self._nouns.items() if noun.role in nouns.BUILT)

    def _things(self, generators: Iterable[tuple[str, Noun]], still: bool) -> Iterable[tuple[str, Noun]]:
        """The tables' own nouns go before the catalogue's, save those that only stand in for what it has."""
        built = {
            words: noun for words, noun in generators if not (words in _MATTER or (not still and _is_described(words)))
        }
        listed = [(phrase, noun) for words, noun in nouns.THINGS.items() for phrase in words.split(",")]
        for phrase, noun in listed:
            if phrase not in built or noun.name in _FORMS or not (still or _stands_in(noun)):
                yield phrase, noun
        for name, shape in vocabulary.SHAPES.items():
            phrase = name.replace("_", " ")
            if phrase not in self._nouns and not (still and phrase in built):
                yield phrase, Noun(phrase, name, role="cloth" if shape.cloth else "object")
        for words, noun in built.items():
            if words not in self._nouns:
                yield words, noun

    def _add(self, tag: Tag, words: str, value: Any) -> None:
        node = self._root
        for word in words.split():
            node = node.below.setdefault(word, _Node())
        if tag == "noun" and any(reading.tag == "noun" for reading in node.readings):
            return
        node.readings.append(Reading(tag, words, value))


_MATTER = frozenset({*vocabulary.LIQUIDS, *nouns.SURFACES, "snow", "rain", "ground", "floor"})
"""What flows, what the ground is made of, and weather: understood as that, also where the catalogue has the word."""
_FORMS = frozenset("ball sphere cube cylinder cone ring pyramid capsule disc".split())
"""What is asked for as a mere form."""


def _stands_in(noun: Noun) -> bool:
    """Is the noun's shape only a form of about that kind, as a cylinder for a plate?"""
    return noun.role == "object" and bool(noun.shape) and noun.shape != noun.name.replace(" ", "_")


def _is_described(words: str) -> bool:
    """ "wooden crate": a material and a noun that both are words of their own."""
    first, _, rest = words.partition(" ")
    return bool(rest) and first in qualities.MATERIALS


def _tables() -> Iterable[tuple[Tag, dict[str, Any]]]:
    names = {name: name for name in vocabulary.MATERIALS}
    yield "collective", nouns.COLLECTIVES
    yield "surface", nouns.SURFACES
    yield "liquid", {name: name for name in vocabulary.LIQUIDS} | qualities.LIQUIDS
    yield "material", {k: v for k, v in names.items() if k not in ("water", "basketball", "lamp")} | qualities.MATERIALS
    yield "fabric", {name: name for name in vocabulary.FABRICS} | qualities.FABRICS
    yield "colour", {name: name for name in vocabulary.COLORS} | qualities.COLOURS
    yield "shade", qualities.SHADES
    yield "size", {word: word for word in qualities.SIZES}
    yield "quality", qualities.QUALITIES
    yield "viscosity", qualities.VISCOSITIES
    yield "verb", actions.VERBS
    yield "manner", actions.MANNERS
    yield "direction", actions.DIRECTIONS
    yield "preposition", actions.PREPOSITIONS
    yield "view", settings.VIEWS
    yield "light", settings.LIGHTS
    yield "gravity", settings.GRAVITIES
    yield "wind", {word: speed for word, speed in settings.WIND_ADJECTIVES.items() if word != "no"}
    yield "dimension", DIMENSIONS
    yield "compare", COMPARATIVES


DIMENSIONS: dict[str, str] = {
    **dict.fromkeys(("wide", "in width", "width", "broad"), "x"),
    **dict.fromkeys(("deep", "in depth", "depth"), "y"),
    **dict.fromkeys(("tall", "high", "in height", "height", "thick", "thickness"), "z"),
    **dict.fromkeys(("long", "in length", "length"), "x"),
    **dict.fromkeys(("in diameter", "across", "diameter", "in size", "size", "sized"), "all"),
    **dict.fromkeys(("radius", "in radius"), "radius"),
    **dict.fromkeys(("mass", "weight", "in weight", "in mass", "weighing", "weigh"), "mass"),
    **dict.fromkeys(("speed", "velocity", "fast"), "speed"),
    **dict.fromkeys(("viscosity",), "viscosity"),
}
"""What a quantity measures."""

COMPARATIVES: dict[str, float] = {
    **dict.fromkeys(("more", "stronger", "bigger", "larger", "faster", "higher", "heavier", "longer"), 1.5),
    **dict.fromkeys(("less", "fewer", "weaker", "smaller", "slower", "lower", "lighter", "shorter"), 1 / 1.5),
    **dict.fromkeys(("twice", "double", "doubled"), 2.0),
    **dict.fromkeys(("half", "halve", "halved"), 0.5),
    **dict.fromkeys(("triple", "three times", "thrice"), 3.0),
}


def lexicon(still: bool = False) -> Lexicon:
    """The words of the product, with the catalogue's, read once; still: for scenes that do not move."""
    return _lexicon(bool(still))  # the cache takes f() and f(False) for two calls


@functools.cache
def _lexicon(still: bool) -> Lexicon:
    from .things import catalogue_nouns

    return Lexicon(catalogue_nouns(), still)
