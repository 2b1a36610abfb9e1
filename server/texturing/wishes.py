"""Which words belong to which part of an object: "oak; glass: dark glass; wheel*: black rubber". numpy only."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.mesh_input import InputObject, MeshInput
from ..geometry.texture_sets import TextureSet
from ..materials.words import Reading, read, seed_of

Parted = Callable[[str], tuple[str, list[tuple[str, str]]]]


@dataclass
class Order:
    """The readings of one set, the number of the object that each is for, and which of them each of the set's faces
    takes (N,) int32.
    """

    readings: list[Reading]
    owners: list[int]
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
        order = Order([], [], np.zeros(len(group.faces), np.int32))
        for number, slots in group.owners.items():
            thing = mesh.objects[number]
            general, named = _of(thing, prompt)
            texts: list[tuple[str, str]] = []
            table = np.zeros(max(len(thing.slots), int(max(slots)) + 1), np.int32)
            for slot in slots:
                slot_name = thing.slots[slot] if slot < len(thing.slots) else ""
                words = _first(named, slot_name, thing.name) or general
                wish = (words, "" if words else f"{slot_name} {thing.name}")
                if wish not in texts:
                    texts.append(wish)
                table[slot] = texts.index(wish)
            own_seed = seed_of(thing.name, seed)
            mine = mesh.face_object[group.faces] == number
            order.which[mine] = len(order.readings) + table[mesh.face_slot[group.faces[mine]]]
            for text, names in texts:
                order.readings.append(read(text, names, choice if text == general else "auto", own_seed))
            order.owners += [number] * len(texts)
        out.append(order)
    return out


def words_of_faces(mesh: MeshInput, sets: list[TextureSet], prompt: str) -> tuple[list[str], np.ndarray]:
    """The same for engines that read words as they are: all different words, and which of them each face takes (F,).

    Words are "" where nobody says anything. Faces of no set take the first. A part of a prompt that names nothing here,
    such as "(wet:1.3)", is no name but words.
    """
    names = [name for thing in mesh.objects for name in (thing.name, *thing.slots)]
    texts: list[str] = []
    which = np.zeros(len(mesh.faces), np.int64)
    for group in sets:
        slots, owners = mesh.face_slot[group.faces], mesh.face_object[group.faces]
        for number, slot in group.pairs:
            thing = mesh.objects[number]
            general, named = _of(thing, prompt, lambda text: spoken(text, names))
            words = _first(named, thing.slots[slot] if slot < len(thing.slots) else "", thing.name) or general
            if words not in texts:
                texts.append(words)
            which[group.faces[(slots == slot) & (owners == number)]] = texts.index(words)
    return texts, which


def spoken(prompt: str, names: Sequence[str]) -> tuple[str, list[tuple[str, str]]]:
    """`parted`, but only what fits one of `names` is a name; without any, the words are the prompt as it is."""
    pieces = prompt.replace("\n", ";").split(";")
    named = [(own, piece) for piece in pieces for own in parted(piece)[1] if _fits(own[0], *names)]
    if not named:
        return prompt.strip(), []
    general = [piece.strip() for piece in pieces if piece.strip() and piece not in [taken for _, taken in named]]
    return ", ".join(general), [own for own, _ in named]


def _of(thing: InputObject, prompt: str, read_: Parted = parted) -> tuple[str, list[tuple[str, str]]]:
    """The words for all of an object, and those for what is named; its own come before the job's."""
    general, named = read_(prompt)
    if thing.prompt:
        own, own_named = read_(thing.prompt)
        general, named = own or general, [*own_named, *named]
    return general, named


def _first(named: list[tuple[str, str]], *names: str) -> str:
    return next((text for pattern, text in named if _fits(pattern, *names)), "")


def _fits(pattern: str, *names: str) -> bool:
    wide = pattern if set(pattern) & set("*?[") else f"*{pattern}*"
    return any(fnmatch.fnmatchcase(name.lower(), wide) for name in names if name)
