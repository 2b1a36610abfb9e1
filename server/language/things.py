"""Nouns from the catalogue: what generators can build, and what a person may call it."""

from __future__ import annotations

from collections.abc import Iterator

from blender_aigc.catalogue import Catalogue, catalogue, normal

from .tables.nouns import Noun, Role

_ROLES: dict[str, Role] = {"cloth": "cloth", "sky": "cloud"}


def catalogue_nouns(entries: Catalogue | None = None) -> Iterator[tuple[str, Noun]]:
    """(words, noun) of every variant of every generator. The user's own things are in own.py."""
    entries = entries or catalogue()
    for info in entries.generators:
        if info.id == "sky":  # the light of day and night has words of its own
            continue
        for variant in info.variants:
            noun = Noun(
                variant.words[0],
                "generator",
                info.id,
                _three(variant.size_m),
                variant.mass_kg,
                role="land" if info.id == "terrain" else _ROLES.get(info.role, "object"),
                settings=tuple(variant.params.items()),
                bounce=variant.bounce,
                holds=info.holds,
            )
            for words in variant.words:
                yield normal(words), noun


def _three(size_m: tuple[float, ...]) -> tuple[float, float, float]:
    return (size_m[0], size_m[1], size_m[2]) if len(size_m) == 3 else (0.0, 0.0, 0.0)
