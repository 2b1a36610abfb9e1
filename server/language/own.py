"""The user's own things: the assets that he marked, and what he has selected. The job brings them along as data."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from blender_aigc.catalogue import Asset, Catalogue, OwnThings, Selected, catalogue, normal, singular
from blender_aigc.plan import Place, Plan, PlanObject
from blender_aigc.protocol import Fault, decode

from .lexicon import Lexicon, lexicon
from .tables.nouns import Noun

_LARGEST = 4 << 20
_HELD_M = 0.05
"""What is lower than this stands on the ground."""
_ARTICLES = frozenset("a an the my our".split())
_ENDS = frozenset("with of from for in on at by to that which who and or as under over made used like".split())
_MARKS = frozenset("sm geo obj mesh low high hi lo lod lod0 lod1 lod2 v col proxy final asset".split())
"""Parts of file names that say nothing about the thing."""
_HUMP, _LETTERS = re.compile(r"(?<=[a-z])(?=[A-Z])"), re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"[^\W_]+|[^\w\s]")


def entries_of(path: Path | None) -> Catalogue:
    """The catalogue with the things in the file of a job's input "own"; None: without. Raises Fault("bad_input")."""
    if path is None:
        return catalogue()
    if path.stat().st_size > _LARGEST:
        raise Fault("bad_input", "The list of your own things is too long.", "Unmark some assets, or select less.")
    try:
        own = decode(OwnThings, path.read_bytes())
    except Fault as fault:
        raise Fault("bad_input", "The list of your own things cannot be read.", fault.message, fault.detail) from None
    return catalogue().with_own(own)


def words_of(entries: Catalogue, still: bool) -> Lexicon:
    """The lexicon that also knows the user's assets."""
    return _with_assets(entries.assets, still) if entries.assets else lexicon(still)


@functools.lru_cache(maxsize=4)
def _with_assets(assets: tuple[Asset, ...], still: bool) -> Lexicon:
    """Names and tags go before every other noun. The head of a name ("robot" of "SM_Robot_v02") and of a description
    ("A heavy anvil") are understood where nothing else is called so. Tags that are adjectives or verbs stay that.
    """
    known = lexicon(still)
    strong: dict[str, Noun] = {}
    weak: dict[str, Noun] = {}
    for asset in assets:
        name, *heads = _name_words(asset.name)
        noun = Noun(name[:60] or _called(asset.name), "asset", asset.name, _three(asset.size_m))
        for words in (name, *map(normal, asset.words)):
            if words and not known.is_only_other_than_noun(words):
                strong.setdefault(words, noun)
        for words in (*heads, *_heads(asset.help)):
            if not known.is_only_other_than_noun(words):
                weak.setdefault(words, noun)
    return known.with_nouns(strong, weak)


def _called(name: str) -> str:
    return " ".join(name.lower().split())[:60]


def _name_words(name: str) -> list[str]:
    """What the name of a datablock says, all of it first: "SM_HeroRobot_v02.001" -> "hero robot", "robot"."""
    spaced = _HUMP.sub(" ", name).replace("_", " ").replace("'s", "").replace("\u2019s", "")
    parts = [part for part in _LETTERS.findall(spaced.lower()) if part not in _MARKS]
    head = parts[: next((at for at, part in enumerate(parts) if part in _ENDS), len(parts))]
    return list(dict.fromkeys(_one(p) for p in (parts, *(head[start:] for start in range(len(head))))))


def _one(parts: list[str]) -> str:
    """What `catalogue.normal` makes of words of nothing but small letters."""
    return " ".join([*parts[:-1], *map(singular, parts[-1:])])


def _heads(text: str) -> Iterator[str]:
    """The noun phrase with which a description begins, and its head: "A heavy iron anvil from ..." -> "heavy iron
    anvil", "iron anvil", "anvil". Nothing for a description that does not begin with an article.
    """
    words = _WORDS.findall(text.lower())
    if not words or words[0] not in _ARTICLES:
        return
    phrase: list[str] = []
    for word in words[1:6]:
        if word in _ENDS or not word.isalpha():
            break
        phrase.append(word)
    for start in range(len(phrase)):
        yield _one(phrase[start:])


def _three(size_m: tuple[float, ...]) -> tuple[float, float, float]:
    return (size_m[0], size_m[1], size_m[2]) if len(size_m) == 3 else (0.0, 0.0, 0.0)


# ------------------------------------------------------------------------------------------------------ the selection


def spread(plan: Plan, selection: tuple[Selected, ...]) -> Plan:
    """`plan` with an object for each of the selected ones instead of one for all, arranged as they are in the scene.

    What stands or falls by itself keeps its place: the whole group is lifted only when it stands on the ground and is
    to fall. Raises nothing; `validate` says when there are too many.
    """
    whole = next((t for t in plan.objects if t.shape == "selected" and not t.source and t.count == 1), None)
    if whole is None or not selection:
        return plan
    names = _free_names(plan, whole, selection)
    lowest = min(one.base_m[2] for one in selection)
    middle = [sum(one.base_m[axis] for one in selection) / len(selection) for axis in (0, 1)]
    pieces = [
        dataclasses.replace(
            whole, name=name, source=one.name, place=_place(whole, one, (middle[0], middle[1], lowest)), size_m=None
        )
        for name, one in zip(names, selection, strict=True)
    ]
    largest = max(range(len(selection)), key=lambda n: max(selection[n].size_m, default=0.0))
    objects: list[PlanObject] = []
    for thing in plan.objects:
        if thing is whole:
            objects += pieces
        elif thing.place.target == whole.name:
            objects.append(
                dataclasses.replace(thing, place=dataclasses.replace(thing.place, target=pieces[largest].name))
            )
        else:
            objects.append(thing)
    camera = plan.camera
    if camera.target == whole.name:
        camera = dataclasses.replace(camera, target=pieces[largest].name)
    return dataclasses.replace(plan, objects=tuple(objects), camera=camera)


def _free_names(plan: Plan, whole: PlanObject, selection: tuple[Selected, ...]) -> list[str]:
    taken = {thing.name for thing in plan.objects if thing is not whole}
    names: list[str] = []
    for one in selection:
        name, number = _called(one.name)[:56] or "selected", 2
        base = name
        while name in taken:
            name, number = f"{base} {number}", number + 1
        taken.add(name)
        names.append(name)
    return names


def _place(whole: PlanObject, one: Selected, middle: tuple[float, float, float]) -> Place:
    """Where `one` goes: as it stands, or as far from the others as it does when the group is put somewhere else."""
    place, x, y, z = whole.place, *one.base_m
    if place.target:
        dx, dy, dz = x - middle[0], y - middle[1], z - middle[2]
        there = place.offset_m
        return dataclasses.replace(place, offset_m=_rounded(there[0] + dx, there[1] + dy, there[2] + dz))
    lift = 0.0
    if place.relation == "above" and middle[2] < _HELD_M:
        lift = (place.distance_m if place.distance_m is not None else 1.5) - middle[2]
    return Place("at", "", None, _rounded(x, y, z + lift))


def _rounded(x: float, y: float, z: float) -> tuple[float, float, float]:
    return round(x, 4), round(y, 4), round(z, 4)
