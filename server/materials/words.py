"""From the words of a prompt to a material and a recipe, and back: which words nobody understood. No dependencies."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from .core import Colour, Material, Recipe, rgb
from .library import MATERIALS
from .weathering import EXTRAS

COLOURS: dict[str, str] = {
    "red": "#a51c14", "crimson": "#8a0f22", "scarlet": "#c2200e", "maroon": "#581018", "pink": "#d98a9a",
    "magenta": "#b0207f", "purple": "#5a2a7a", "violet": "#6a3fa0", "lilac": "#b49ad0", "blue": "#1f4aa0",
    "navy": "#16264f", "azure": "#3f8fd0", "cyan": "#2aa7b8", "turquoise": "#2fa79a", "teal": "#1c6b6b",
    "green": "#2f6a2c", "emerald": "#0f7a4a", "olive": "#5f6426", "lime": "#86b81e", "mint": "#9fd8b4",
    "yellow": "#d8b11c", "mustard": "#b88a1a", "orange": "#cc5f14", "amber": "#c9851c", "brown": "#5b3a22",
    "tan": "#b08d62", "beige": "#cdbb98", "cream": "#e8dcc0", "white": "#e4e2dd", "black": "#141414",
    "grey": "#7d7d7d", "gray": "#7d7d7d", "charcoal": "#2e2e30",
}  # fmt: skip
_AGES = {
    "new": 0.0, "clean": 0.1, "pristine": 0.0, "fresh": 0.05, "perfect": 0.0, "used": 0.45, "worn": 0.75, "old": 0.7,
    "aged": 0.7, "ancient": 0.95, "antique": 0.6, "vintage": 0.55, "weathered": 0.85, "battered": 0.9, "damaged": 0.85,
    "chipped": 0.75, "peeling": 0.95, "ruined": 1.0, "cracked": 0.7, "decayed": 1.0, "abandoned": 0.9,
}  # fmt: skip
_DIRT = {"dirty": 0.75, "grimy": 0.85, "muddy": 0.9, "stained": 0.6, "filthy": 1.0, "sooty": 0.8, "clean": 0.0,
         "new": 0.05, "pristine": 0.0, "abandoned": 0.7, "old": 0.4, "ancient": 0.55}  # fmt: skip
_GLOSS = {"polished": 0.9, "glossy": 0.9, "shiny": 0.8, "lacquered": 0.8, "varnished": 0.7, "smooth": 0.3, "satin": 0.2,
          "matte": -0.7, "matt": -0.7, "dull": -0.5, "rough": -0.5, "unpolished": -0.5, "glazed": 0.8}  # fmt: skip
_SIZES = {"large": 1.9, "big": 1.9, "huge": 3.0, "giant": 3.0, "coarse": 1.7, "small": 0.55, "tiny": 0.3, "fine": 0.5}
_MORE = {"very": 1.35, "extremely": 1.6, "heavily": 1.5, "deeply": 1.4, "slightly": 0.5, "lightly": 0.5, "bit": 0.5}
_NOT = {"no", "without", "not", "free"}
_SHADES = {"dark": 0.45, "deep": 0.55, "light": 1.7, "pale": 2.0, "bright": 1.3}
_FILLERS = frozenset(
    "a an the of with and in on at by for to from made is it its this that some many few style look looking texture "
    "textured material surface surfaces covered colour color coloured colored quality high best highly detailed "
    "realistic photorealistic pbr 4k 8k two one three all over".split()
)


@dataclass
class Reading:
    """What a prompt came to. ignored: its words that changed nothing, in order. second: of a two-tone object.

    named: something said which material; False for plaster because nothing did.
    """

    material: Material
    recipe: Recipe
    second: tuple[Material, Recipe] | None = None
    ignored: list[str] = field(default_factory=list[str])
    named: bool = True


def read(prompt: str, fallback: str = "", choice: str = "auto", seed: int = 0) -> Reading:
    """The material that `prompt` asks for; a prompt that names none takes that of `fallback` (an object's name).

    choice: the id of a material, which then wins over the words. Without anything, plaster: a neutral body.
    """
    words = re.findall(r"[^\W\d_]+|\d+k", prompt.lower())
    scan = _Scan(words)
    named = [name for name in scan.materials if not scan.only_describes(name)]
    if choice != "auto":
        named = [choice]
    if not named:
        named = _Scan(re.findall(r"[^\W\d_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", fallback).lower())).materials
    if not named and scan.colours:
        named = ["painted"]
    material = MATERIALS[named[0] if named else "plaster"]
    recipe = scan.recipe(material, seed)
    second = None
    if len(named) > 1 and scan.joined:
        other = MATERIALS[named[1]]
        second = (other, scan.recipe(other, seed + 5000, first=False))
    elif scan.two_tone:
        twin = scan.recipe(material, seed + 5000, first=False)
        if len(recipe.colours) < 2:
            twin.colours = [_contrast(recipe.colours[0] if recipe.colours else rgb("#8f8a80"))]
        second = (material, twin)
    used = {material.id, second[0].id if second else material.id}
    lost = {word for word, found in scan.nouns.items() if found not in used}
    understood = (scan.understood - lost) | _words_of(material) | (_words_of(second[0]) if second else set())
    ignored = [
        word
        for word in dict.fromkeys(words)
        if word not in understood and (word in lost or _stem(word) not in understood)
    ]
    return Reading(material, recipe, second, [word for word in ignored if word not in _FILLERS], bool(named))


def notes_of(readings: Iterable[Reading]) -> list[str]:
    """What is to be said of them: the words that changed nothing, and that nothing named a material."""
    readings = list(readings)
    ignored = dict.fromkeys(word for reading in readings for word in reading.ignored)
    notes = [f"Not understood: {', '.join(ignored)}."] if ignored else []
    if not all(reading.named for reading in readings):
        notes.append("No material is named, so it is plaster.")
    return notes


def seed_of(text: str, seed: int) -> int:
    """A seed of its own for each object, the same every time."""
    return (zlib.crc32(text.encode()) ^ (seed * 2654435761)) & 0x7FFFFFF


def _contrast(colour: Colour) -> Colour:
    return rgb("#d9d4c8") if sum(colour) < 0.6 else rgb("#26282c")


def _words_of(material: Material) -> set[str]:
    return set(material.words) | set(material.options)


def _stem(word: str) -> str:
    """ "scratches" -> "scratch", "tiles" -> "tile": what is left without an ending, if anything is called so."""
    stems = [word[: -len(end)] for end in ("s", "es", "en", "y") if word.endswith(end) and len(word) > len(end) + 2]
    return next((stem for stem in stems if stem in _BY_WORD or stem in _EXTRA_OF), stems[-1] if stems else word)


_BY_WORD = {word: material.id for material in MATERIALS.values() for word in material.words}
_EXTRA_OF = {word: name for name, group in EXTRAS.items() for word in group}


class _Scan:
    """One pass over the words."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.colours: list[Colour] = []
        self.materials: list[str] = []
        self.nouns: dict[str, str] = {}
        self.extras: dict[str, float] = {}
        self.numbers: dict[str, float] = {}
        self.understood: set[str] = set()
        self.joined = self.two_tone = False
        factor, shade, denied = 1.0, 1.0, False
        for place, word in enumerate(words):
            known = True
            if word in _NOT:
                denied = True
            elif word in _MORE:
                factor = _MORE[word]
            elif word in _SHADES and place + 1 < len(words) and words[place + 1] in COLOURS:
                shade = _SHADES[word]
            elif word in COLOURS:
                self.colours.append(_shade(rgb(COLOURS[word]), shade))
                shade = 1.0
            elif word in ("tone", "toned", "bicolour", "bicolor"):
                self.two_tone = True
            elif not self._number(word, factor, denied) and not self._noun(place, word, factor, denied):
                known = False
            if known:
                self.understood.add(word)
            if word not in _MORE and word not in _NOT and word not in _FILLERS:
                factor, denied = 1.0, False
        if self.two_tone:
            self.understood.add("two")

    def only_describes(self, name: str) -> bool:
        """All words for this material are options of another one that is named: "painted metal", "checkered cloth"."""
        options = {option for other in self.materials if other != name for option in MATERIALS[other].options}
        return all(word in options for word, found in self.nouns.items() if found == name)

    def _number(self, word: str, factor: float, denied: bool) -> bool:
        found = False
        for key, table in (("age", _AGES), ("dirt", _DIRT), ("gloss", _GLOSS), ("size", _SIZES)):
            if word in table:
                value = table[word]
                changed = value ** (1 / factor) if key == "size" else value * factor
                self.numbers[key] = 0.0 if denied and key != "size" else changed
                found = True
        return found

    def _noun(self, place: int, word: str, factor: float, denied: bool) -> bool:
        """What lies on the material, or the material itself: "mossy stone", "stone with moss", "moss"."""
        stem = word if word in _BY_WORD or word in _EXTRA_OF else _stem(word)
        behind = bool(self.materials) or any(_material_of(other) for other in self.words[place + 1 :])
        if stem in _EXTRA_OF and (behind or stem not in _BY_WORD):
            self.extras[_EXTRA_OF[stem]] = 0.0 if denied else min(0.62 * factor, 1.0)
        elif stem in _BY_WORD:
            found = self.nouns[word] = _BY_WORD[stem]
            if found not in self.materials and not denied:
                self.joined |= bool(self.materials) and "and" in self.words[:place]
                self.materials.append(found)
        else:
            return False
        self.understood |= {word, stem}
        return True

    def recipe(self, material: Material, seed: int, first: bool = True) -> Recipe:
        colours = self.colours if first else self.colours[1:]
        recipe = Recipe(colours=list(colours), extras=dict(self.extras), seed=seed)
        recipe.options = {o for o in material.options if o in self.words or any(_stem(w) == o for w in self.words)}
        recipe.age = min(self.numbers.get("age", 0.3), 1.0)
        recipe.dirt = min(self.numbers.get("dirt", 0.25), 1.0)
        recipe.gloss = max(-1.0, min(self.numbers.get("gloss", 0.0), 1.0))
        recipe.size = self.numbers.get("size", 1.0)
        return recipe


def _material_of(word: str) -> str | None:
    if word in _EXTRA_OF:
        return None
    return _BY_WORD.get(word) or _BY_WORD.get(_stem(word))


def _shade(colour: Colour, factor: float) -> Colour:
    if factor <= 1:
        return colour[0] * factor, colour[1] * factor, colour[2] * factor
    t = 1 - 1 / factor
    return colour[0] + (1 - colour[0]) * t, colour[1] + (1 - colour[1]) * t, colour[2] + (1 - colour[2]) * t
