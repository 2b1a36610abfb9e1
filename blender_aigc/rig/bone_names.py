"""Which bone is which part of a body, by its name: Rigify, Blender's human metarig, Mixamo and other exporters. No bpy.

Parts are named like Blender's metarig, with the side behind a dot: "upper_arm.L", "head"; fingers with the number of
the bone from the hand on: "index.1.R".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LIMBS: dict[str, tuple[str, ...]] = {
    "upper_arm": ("upperarm", "upperarmbend", "shldrbend", "arm", "uparm", "shldr", "humerus", "shoulder"),
    "forearm": ("forearm", "forearmbend", "lowerarm", "lowarm", "elbow"),
    "hand": ("hand", "wrist"),
    "thigh": ("thigh", "thighbend", "upperleg", "upleg", "femur", "hip"),
    "shin": ("shin", "calf", "lowerleg", "lowleg", "leg", "knee"),
    "foot": ("foot", "ankle"),
    "eye": ("eye", "eyeball"),
}
"""Part with two sides -> its names without separators, the surest first: "shoulder" is a collar bone in most rigs."""

HEADS = ("head", "spine.006")
"""Names of the head without a side; Blender's metarig, and what Rigify makes of it, count it to the spine."""

FINGERS: dict[str, tuple[str, ...]] = {
    "thumb": ("thumb", "finger1-"),
    "index": ("index", "findex", "indexfinger", "finger2-"),
    "middle": ("middle", "fmiddle", "mid", "middlefinger", "finger3-"),
    "ring": ("ring", "fring", "ringfinger", "finger4-"),
    "pinky": ("pinky", "fpinky", "little", "pinkyfinger", "littlefinger", "finger5-"),
}

_PREFIXES = (("def-", 0), ("", 1), ("org-", 2), ("mixamorig:", 1), ("mixamorig_", 1), ("j_bip_c_", 1), ("j_bip_", 1))
"""And how gladly a bone of that prefix is taken: those that deform the mesh show where the body is."""

_NAMESPACE = re.compile(r"^(?:mixamorig\d+[:_]|bip\d*[ _]|[a-z0-9]+:)", re.IGNORECASE)
_SIDE_LAST = re.compile(r"[._\- ](l|r|left|right)$", re.IGNORECASE)
_SIDE_FIRST = re.compile(r"^(?:(left|right)[._\- ]?|(l|r)[._\- ]|([lr])(?=[A-Z]))", re.IGNORECASE)
_CAMEL_SIDE = re.compile(r"^[lr](?=[A-Z])")
_COPY = re.compile(r"\.\d{3}$")


def parts_of(names: Iterable[str]) -> dict[str, str]:
    """Part -> name of the bone that is it, for the parts that are found.

    A bone in several pieces ("DEF-upper_arm.L", "DEF-upper_arm.L.001") counts with its first; of several candidates
    the one that deforms the mesh, then the surer name, then the shorter.
    """
    best: dict[str, tuple[tuple[int, int, int], str]] = {}
    for name in names:
        for part, sureness, rank in _readings(name):
            score = (rank, sureness, len(name))
            if part not in best or score < best[part][0]:
                best[part] = (score, name)
    return {part: name for part, (_, name) in best.items()}


def _readings(name: str) -> Iterable[tuple[str, int, int]]:
    """(part, how unsure, rank of the prefix) for what `name` may mean."""
    plain, rank = _without_prefix(name)
    if plain.lower() in HEADS:
        yield "head", HEADS.index(plain.lower()), rank
    if _COPY.search(name):
        return
    base, side = _side(plain)
    word = re.sub(r"[^a-z0-9\-]", "", base.lower())
    bare = re.sub(r"0?1$", "", word.replace("-", ""))
    for part, words in LIMBS.items():
        if bare in words:
            yield f"{part}.{side}", words.index(bare), rank
    finger = re.fullmatch(r"(?:hand)?([a-z]+|finger[1-5]-)0?([1-4])", word)
    for part, words in FINGERS.items():
        if finger and finger[1] in words:
            yield f"{part}.{finger[2]}.{side}", words.index(finger[1]), rank


def _without_prefix(name: str) -> tuple[str, int]:
    lower = name.lower()
    for prefix, rank in _PREFIXES:
        if prefix and lower.startswith(prefix):
            return name[len(prefix) :], rank
    return _NAMESPACE.sub("", name), 1


def _side(name: str) -> tuple[str, str]:
    """(`name` without its side, "L", "R" or "")."""
    last = _SIDE_LAST.search(name)
    if last:
        return name[: last.start()], last[1][0].upper()
    first = _SIDE_FIRST.match(name)
    if first and not (first[3] and not _CAMEL_SIDE.match(name)):
        return name[first.end() :], (first[1] or first[2] or first[3])[0].upper()
    return name, ""
