"""Which words belong to which part of an object: "oak; glass: dark glass; wheel*: black rubber". numpy only."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

import numpy as np

from ..geometry.mesh_input import MeshInput
from ..geometry.texture_sets import TextureSet
from ..materials.words import Reading, read, seed_of


@dataclass
class Order:
    """The readings of one set, and which of them each of its faces takes (N,) uint8."""

    readings: list[Reading]
    which: np.ndarray


def parted(prompt: str) -> tuple[str, list[tuple[str, str]]]:
    """The words for everything, and (pattern, words) for what is named; patterns as in file names, any case."""
    general: list[str] = []
    named: list[tuple[str, str]] = []
    for piece in prompt.replace("\n", ";").split(";"):
        pattern, colon, words = piece.partition(":")
        if colon and pattern.strip() and words.strip():
            named.append((pattern.strip().lower(), words.strip()))
        elif piece.strip():
            general.append(piece.strip())
    return ", ".join(general), named


def orders(mesh: MeshInput, sets: list[TextureSet], prompt: str, choice: str, seed: int) -> list[Order]:
    """For each set, what its faces are to be made of.

    The words of an object's own prompt come before those of the job; parts that are named come before everything;
    where nobody says anything, the name of the slot or the object does.
    """
    out = []
    for group in sets:
        thing = mesh.objects[group.object_number]
        general, named = parted(prompt)
        if thing.prompt:
            own, own_named = parted(thing.prompt)
            general, named = own or general, [*own_named, *named]
        texts: list[tuple[str, str]] = []
        table = np.zeros(max(len(thing.slots), int(max(group.slots)) + 1), np.uint8)
        for slot in group.slots:
            slot_name = thing.slots[slot] if slot < len(thing.slots) else ""
            words = next((text for pattern, text in named if _fits(pattern, slot_name, thing.name)), "")
            wish = (words or general, "" if words or general else f"{slot_name} {thing.name}")
            if wish not in texts:
                texts.append(wish)
            table[slot] = texts.index(wish)
        own_seed = seed_of(thing.name, seed)
        readings = [read(text, names, choice if text == general else "auto", own_seed) for text, names in texts]
        out.append(Order(readings, table[mesh.face_slot[group.faces]]))
    return out


def _fits(pattern: str, *names: str) -> bool:
    wide = pattern if set(pattern) & set("*?[") else f"*{pattern}*"
    return any(fnmatch.fnmatchcase(name.lower(), wide) for name in names if name)
