"""What can be built without a model: the generators and the user's own marked things. Standard library only, no bpy.

Planners (on the server) and the add-on read the same list, which is data: `catalogue.json` beside this file, written
by `python docs/generators.py` from the generators in `director/generators/`. A generator itself needs numpy and is
imported only when it has to make something.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .protocol import Fault, Param, decode

FILE = Path(__file__).with_name("catalogue.json")

Value = bool | int | float | str
Category = Literal[
    "balls", "vessels", "furniture", "fabrics", "props", "vehicles", "architecture", "plants", "ground", "water", "sky"
]
Role = Literal["object", "cloth", "ground", "water", "sky"]


@dataclass(frozen=True)
class Variant:
    """What a person may call a thing: "basketball" is a ball of kind basketball.

    words:   nouns in the singular, lower case; the first one is the usual one.
    params:  differ from the generator's defaults.
    size_m:  x, y, z of the bounding box with these parameters; measured when the catalogue is written.
    mass_kg: of a real one; 0 when nobody would lift it. bounce: coefficient of restitution, 0 .. 1.
    """

    words: tuple[str, ...]
    params: dict[str, Value] = field(default_factory=dict[str, Value])
    size_m: tuple[float, ...] = (0.0, 0.0, 0.0)
    mass_kg: float = 0.0
    bounce: float = 0.3

    @property
    def label(self) -> str:
        return self.words[0].capitalize()


@dataclass(frozen=True)
class GeneratorInfo:
    """One generator, as planners and the panel see it.

    role:     "object" stands on something, "cloth" is ready for cloth physics (its pins are the vertex group `pin`),
              "ground" carries others, "water" is a surface, "sky" is the world.
    variants: the first one is the generator with its defaults.
    holds:    liquid can be poured in: the walls are closed and thick.
    source:   paper or standard that the method or the sizes come from.
    Objects stand on the origin, up is +Z, their front looks along -Y; lengths are metres.
    """

    id: str
    label: str
    help: str
    category: Category
    params: tuple[Param, ...]
    variants: tuple[Variant, ...]
    role: Role = "object"
    holds: bool = False
    source: str = ""

    @property
    def size_m(self) -> tuple[float, ...]:
        return self.variants[0].size_m

    def check_params(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """`values` completed with the defaults; 3.0 will do for the whole number 3.

        Raises Fault("bad_request") for an unknown key or a bad value.
        """
        known = {param.key: param for param in self.params}
        for key in values:
            if key not in known:
                raise Fault("bad_request", f"{self.label} has no parameter {key!r}.", f"It has: {', '.join(known)}.")
        checked: dict[str, Value] = {}
        for key, param in known.items():
            value = values.get(key, param.default)
            whole = param.type == "int" and isinstance(value, float) and value.is_integer()
            checked[key] = param.check(int(value) if whole else value)
        return checked


@dataclass(frozen=True)
class Asset:
    """Something of the user's own file that he marked for the catalogue; placed by its name.

    kind: "object" or "collection". size_m: x, y, z of its bounding box.
    """

    name: str
    kind: Literal["object", "collection"]
    words: tuple[str, ...]
    help: str = ""
    size_m: tuple[float, ...] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Selected:
    """One of the selected objects. size_m: x, y, z of its bounding box; base_m: the middle of the box's base, world."""

    name: str
    size_m: tuple[float, ...] = (0.0, 0.0, 0.0)
    base_m: tuple[float, ...] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class OwnThings:
    """What of the user's file a sentence may name; sent with the job, because the server never sees the scene."""

    assets: tuple[Asset, ...] = ()
    selection: tuple[Selected, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """Everything that a plan may name."""

    generators: tuple[GeneratorInfo, ...]
    assets: tuple[Asset, ...] = ()
    selection: tuple[Selected, ...] = ()

    def with_own(self, own: OwnThings) -> Catalogue:
        """The same with the user's own things."""
        return Catalogue(self.generators, own.assets, own.selection)

    def generator(self, generator_id: str) -> GeneratorInfo:
        """Raises Fault("bad_request") naming the ids when there is none of that id."""
        for info in self.generators:
            if info.id == generator_id:
                return info
        known = ", ".join(info.id for info in self.generators)
        raise Fault("bad_request", f"There is no generator {generator_id!r}.", f"There are: {known}.")

    def find(self, words: str) -> tuple[GeneratorInfo, Variant] | None:
        """The generator for what a person calls a thing, e.g. "oak tree", "Basketballs"; None when there is none."""
        return self._index.get(normal(words))

    def find_asset(self, words: str) -> Asset | None:
        """The user's own thing of that name; it goes before a generator."""
        wanted = normal(words)
        return next((a for a in self.assets if wanted in {normal(a.name), *map(normal, a.words)}), None)

    @functools.cached_property
    def _index(self) -> dict[str, tuple[GeneratorInfo, Variant]]:
        index: dict[str, tuple[GeneratorInfo, Variant]] = {}
        for info in self.generators:
            for variant in info.variants:
                for word in variant.words:
                    index.setdefault(normal(word), (info, variant))
            index.setdefault(normal(info.id), (info, info.variants[0]))
        return index


def normal(words: str) -> str:
    """Lower case, one blank between words, the last word in the singular: the form in which names are compared."""
    parts = re.findall(r"[^\W_]+", words.lower())
    return " ".join([*parts[:-1], *map(singular, parts[-1:])])


_IRREGULAR = {
    "shelves": "shelf",
    "bookshelves": "bookshelf",
    "leaves": "leaf",
    "scarves": "scarf",
    "knives": "knife",
    "mice": "mouse",
    "geese": "goose",
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "feet": "foot",
}
_SAME = frozenset(
    {"grass", "glass", "stairs", "dress", "glasses", "canvas", "cactus", "bus", "moss", "pancreas", "gas"}
)


def singular(word: str) -> str:
    """English noun in the singular, as far as endings tell; words that are already singular stay."""
    if word in _SAME or len(word) < 4:
        return "glass" if word == "glasses" else word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@functools.cache
def catalogue() -> Catalogue:
    """The generators that ship with the product. Raises Fault("internal") when the installation is damaged."""
    try:
        return decode(Catalogue, FILE.read_bytes())
    except OSError as error:
        raise Fault(
            "internal", "The catalogue of generators is missing.", "Install the add-on again.", str(error)
        ) from None


def describe(entries: Catalogue) -> str:
    """The catalogue as text for a language model: one line a thing; of a generator the parameters and their ranges."""
    lines = [_own_line(asset) for asset in entries.assets]
    lines += [
        f"{s.name}: selected by the user, {_size(s.size_m)}, base at {_place(s.base_m)}" for s in entries.selection
    ]
    for info in entries.generators:
        also = sorted({word for variant in info.variants for word in variant.words})
        params = "; ".join(f"{p.key}={_range(p)}" for p in info.params if not p.advanced)
        lines.append(f"{info.id} ({', '.join(also)}), {_size(info.size_m)}: {params}")
    return "\n".join(lines)


def _own_line(asset: Asset) -> str:
    called = f" ({', '.join(asset.words)})" if asset.words else ""
    return f"{asset.name}{called}: the user's own {asset.kind}, {_size(asset.size_m)}. {asset.help}".strip()


def _place(base_m: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{length:.3g}" for length in base_m) + ") m"


def _size(size_m: tuple[float, ...]) -> str:
    return " x ".join(f"{length:.2g}" for length in size_m) + " m"


def _range(param: Param) -> str:
    if param.choices:
        return "|".join(choice.id for choice in param.choices)
    if param.type == "bool":
        return "true|false"
    return "text" if param.minimum is None or param.maximum is None else f"{param.minimum:g}..{param.maximum:g}"
