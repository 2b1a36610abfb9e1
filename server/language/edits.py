"""A second sentence changes a plan: "make the wind stronger", "twice as many balls", "remove the cup".

    edit    = command { ("," | "and" | "then" | ".") command }
    command = "remove" things | "add" noun phrase | "replace" things "with" noun phrase | "move" things place
            | ["make"] things (comparative | "twice as" adjective | quality | colour | quantity)
            | setting (camera, light, time, gravity, wind)

What a command does not say stays as it is. A command that means nothing here is a Fault, not a silent no.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from blender_aigc.catalogue import Catalogue
from blender_aigc.plan import Plan, PlanObject, validate
from blender_aigc.protocol import Fault

from .adjust import adjust, describe_as
from .compose import compose
from .grammar import parse
from .items import Item, itemize
from .lexicon import Lexicon, lexicon
from .meaning import Scene
from .own import spread, words_of
from .phrases import noun_phrase
from .quantities import SMALL
from .read import check_language
from .setting_edits import settle
from .tables.edits import (
    ADD,
    BASES,
    COMPARATIVES,
    DEGREES,
    EVERYTHING,
    INVERSE,
    MAKE,
    MOVE,
    REMOVE,
    REPLACE,
    TIMES,
    TURN,
)
from .tokens import Token, tokenize
from .words import forms

_OBEYED = (REMOVE, ADD, REPLACE, MOVE, TURN, MAKE, EVERYTHING, TIMES, COMPARATIVES, BASES, DEGREES,
           "instead number many much more another also too as away by times again now please".split())  # fmt: skip
"""Words that a command understands without the lexicon."""


def edit(plan: Plan, prompt: str, entries: Catalogue | None = None) -> Plan:
    """`plan` as the sentence changes it. Raises Fault("bad_input") for what cannot be understood or done."""
    words = words_of(entries, False) if entries is not None else lexicon()
    tokens = tokenize(prompt)
    check_language(tokens, words)
    changed, notes = plan, []
    for command in _commands(tokens):
        after = _one_by_one(changed, command, words) or _obey(changed, command, words, notes)
        if after == changed and not notes:
            raise _unknown(command)
        changed = after
    notes += ignored(changed, tokens, words)
    title = f"{plan.title}; {' '.join(prompt.split())}"[:100]
    changed = dataclasses.replace(changed, title=title, notes=" ".join(notes)[:2000])
    return validate(spread(changed, entries.selection) if entries is not None else changed)


def ignored(plan: Plan, tokens: Sequence[Token], words: Lexicon) -> list[str]:
    """A note that names the words nobody knows, save those that are names in the plan."""
    named = {word for thing in plan.objects for word in thing.name.lower().split()}
    said = {word for table in _OBEYED for word in table}
    unknown = [item.words for item in itemize(tokens, words) if item.kind == "unknown"]
    lost = [word for word in unknown if not {*forms(word)} & (named | said)]
    return [f"Ignored: {', '.join(dict.fromkeys(lost))}."] if lost else []


def _one_by_one(plan: Plan, command: list[Token], words: Lexicon) -> Plan | None:
    """ "twice as many, on the moon": what stands between commas, when each of it is a change of its own; else None."""
    pieces: list[list[Token]] = [[]]
    for token in command:
        if token.word == ",":
            pieces.append([])
        else:
            pieces[-1].append(token)
    if len(pieces) < 2 or not all(pieces):
        return None
    for piece in pieces:
        notes: list[str] = []
        try:
            after = _obey(plan, piece, words, notes)
        except Fault:
            return None
        if after == plan or notes:
            return None
        plan = after
    return plan


def _commands(tokens: Sequence[Token]) -> list[list[Token]]:
    """Cut at stops, and at "and" or commas when a verb of change follows."""
    starts = REMOVE | ADD | REPLACE | MOVE | TURN | MAKE
    commands: list[list[Token]] = [[]]
    for number, token in enumerate(tokens):
        after = {form for following in tokens[number + 1 : number + 2] for form in forms(following.word)}
        if token.word == "then" or (token.word == "." and token.kind == "mark"):
            commands.append([])
        elif token.word in ("and", "then", ",") and (after & starts or tokens[number + 1 : number + 2] == []):
            commands.append([])
        else:
            commands[-1].append(token)
    return [command for command in commands if any(token.kind != "mark" for token in command)]


def _obey(plan: Plan, command: list[Token], words: Lexicon, notes: list[str]) -> Plan:
    verb = set(forms(command[0].word))
    items = itemize(command, words)
    said = [token.word for token in command]
    if verb & REMOVE or (verb & {"take"} and "away" in said):
        return _removed(plan, items)
    if verb & REPLACE or "instead" in said:
        return _replaced(plan, command, words)
    change = _change(said)
    if verb & ADD or ("more" in said and change is None):
        return _added(plan, command, words)
    if verb & (MOVE | TURN) and _named(plan, items):
        return _moved(plan, command, words, bool(verb & TURN))
    targets = _named(plan, items)
    if change is not None:
        if change[0] == "length" and not any(item.has("noun") for item in items):
            targets = []  # "make it longer": the scene
        return adjust(plan, targets, _subject(said), *change)
    settled, left = settle(plan, parse(items))
    if targets and (described := describe_as(settled, targets, items)) != settled:
        return described
    if settled == plan and targets and left:
        return _said_again(plan, targets, left, command, words)
    return settled


def _unknown(command: Sequence[Token]) -> Fault:
    said = " ".join(token.text for token in command)
    return Fault(
        "bad_input",
        f"This change means nothing for the plan as it is: {said[:120]}.",
        "Say what is to change, as in: make the wind stronger; twice as many balls; remove the cup.",
    )


# ------------------------------------------------------------------------------------------------ whom it is about


def _named(plan: Plan, items: Sequence[Item]) -> list[int]:
    """Places in `plan.objects` of the things that `items` name; all of them for "everything"."""
    found: list[int] = []
    for at, item in enumerate(items):
        noun = item.get("noun")
        if item.kind == "phrase" and noun is not None:
            colour = next((i.get("colour") for i in items[max(0, at - 2) : at] if i.has("colour")), "")
            found += [n for n, thing in enumerate(plan.objects) if _is(thing, noun, colour)]
        elif item.has("liquid"):
            found += [n for n, thing in enumerate(plan.objects) if thing.liquid is not None]
        elif any(item.words == thing.name for thing in plan.objects):
            found += [n for n, thing in enumerate(plan.objects) if thing.name == item.words]
    if not found and any(item.words in EVERYTHING for item in items):
        movers = [n for n, t in enumerate(plan.objects) if t.rigid or t.cloth or t.soft or t.liquid]
        found = (
            movers if any(item.words in ("it", "them", "they") for item in items) else list(range(len(plan.objects)))
        )
    return list(dict.fromkeys(found))


def _is(thing: PlanObject, noun, colour: str) -> bool:  # noqa: ANN001 (tables.nouns.Noun)
    if colour and (thing.material is None or thing.material.color != colour):
        return False
    if noun.name in thing.name:
        return True
    if noun.name == "ball" and (thing.shape.endswith("_ball") or thing.shape in ("basketball", "football")):
        return True
    return bool(noun.shape) and noun.shape == thing.shape and noun.source == thing.source and noun.shape != "sphere"


def _subject(said: Sequence[str]) -> str:
    """What a change without a thing is about: wind, camera, light or the whole."""
    for word, subject in (
        ("wind", "wind"),
        ("breeze", "wind"),
        ("storm", "wind"),
        ("gusts", "wind"),
        ("camera", "camera"),
    ):
        if word in said:
            return subject
    if "light" in said or "lighting" in said or "sun" in said:
        return "light"
    return "video" if {"video", "scene", "animation", "clip"} & set(said) else ""


def _change(said: Sequence[str]) -> tuple[str, float] | None:
    """(what, factor) of "bigger", "twice as many", "much more viscous", "half as high"; None without one."""
    degree = next((DEGREES[word] for word in said if word in DEGREES), 1.0)
    factor, base = 0.0, ""
    for number, word in enumerate(said):
        if word in TIMES:
            factor = TIMES[word]
        elif word == "times" and number and (said[number - 1].isdigit() or said[number - 1] in SMALL):
            factor = float(SMALL.get(said[number - 1]) or said[number - 1])
        elif word in BASES and factor and ("as" in said[max(0, number - 2) : number]):
            base = word
        elif word in COMPARATIVES and not factor:
            what, by = COMPARATIVES[word]
            after = said[number + 1] if number + 1 < len(said) else ""
            if what == "number" and after in BASES:
                return BASES[after], (by if by > 1 else by) ** degree
            if what == "number" and (number == 0 or said[number - 1].isalpha()) and "wind" in said:
                what = "strength"
            if what == "number" and number and (said[number - 1].isdigit() or said[number - 1] in SMALL):
                return None
            return what, by if what == "near" else by**degree
    if factor and base:
        return BASES[base], 1 / factor if base in INVERSE else factor
    if factor:
        return "number" if "number" in said else "size" if "size" in said else "number", factor
    return None


# ------------------------------------------------------------------------------------------- adding and taking away


def _removed(plan: Plan, items: Sequence[Item]) -> Plan:
    if any(item.get("noun") is not None and item.get("noun").role == "wind" for item in items):
        return dataclasses.replace(plan, forces=tuple(force for force in plan.forces if force.type != "wind"))
    gone = _named(plan, items)
    number = next((int(item.value) for item in items if item.kind == "number" and item.value >= 1), 0)
    if not gone:
        raise Fault("bad_input", "What is to be removed is not in the plan.", f"There is: {_listed(plan)}.")
    kept: list[PlanObject] = []
    for at, thing in enumerate(plan.objects):
        if at not in gone:
            kept.append(thing)
        elif number and thing.count > number:
            kept.append(dataclasses.replace(thing, count=thing.count - number))
    names = {thing.name for thing in kept}
    if not names:
        raise Fault("bad_input", "Then nothing would be left.", "Keep at least one thing, or begin a new plan.")
    return _rooted(dataclasses.replace(plan, objects=tuple(kept)), names)


def _rooted(plan: Plan, names: set[str]) -> Plan:
    """What stood on something that is gone stands where that stood: on the ground."""
    objects = [
        dataclasses.replace(
            thing, place=dataclasses.replace(thing.place, target="", relation=_without(thing.place.relation))
        )
        if thing.place.target and thing.place.target not in names
        else thing
        for thing in plan.objects
    ]
    camera = plan.camera if plan.camera.target in names else dataclasses.replace(plan.camera, target="")
    return dataclasses.replace(plan, objects=tuple(objects), camera=camera)


def _without(relation: str) -> str:
    return relation if relation in ("above", "at") else "on"


def _listed(plan: Plan) -> str:
    return ", ".join(thing.name for thing in plan.objects)


def _scene_of(command: Sequence[Token], words: Lexicon) -> Scene:
    return parse(itemize(command, words))


def _added(plan: Plan, command: list[Token], words: Lexicon) -> Plan:
    """New things; those that are named with "the" and are there already are what they are placed against."""
    kept = [token for token in command if token.word not in ADD | {"more", "another", "also", "too"}]
    scene = _scene_of(kept, words)
    if not scene.things:
        return settle(plan, scene)[0]
    known = _named(plan, itemize(kept[:3], words))
    more = next((t for t in command if t.word in ("more", "another")), None)
    if more is not None and known and len(scene.things) == 1 and not scene.things[0].relations:
        thing = plan.objects[known[0]]
        number = int(scene.things[0].count)
        changed = dataclasses.replace(thing, count=thing.count + number)
        return dataclasses.replace(plan, objects=tuple(changed if t is thing else t for t in plan.objects))
    moving = any((t.rigid, t.cloth, t.liquid, t.soft)[0] for t in plan.objects)
    part = compose(scene, plan.title, plan.seed, words, moving or bool(scene.happenings))
    return _joined(plan, part, scene)


def _joined(plan: Plan, part: Plan, scene: Scene) -> Plan:
    """`plan` with the objects of `part`, save those that a "the" says are the plan's own."""
    definite = {thing.noun.name for thing in scene.things if thing.definite}
    names = {thing.name: thing.name for thing in plan.objects}
    renamed: dict[str, str] = {}
    objects = list(plan.objects)
    for thing in part.objects:
        if thing.name in names and thing.name in definite:
            renamed[thing.name] = thing.name
            continue
        name, number = thing.name, 2
        while name in names:
            name, number = f"{thing.name} {number}", number + 1
        names[name] = renamed[thing.name] = name
        objects.append(dataclasses.replace(thing, name=name))
    if len(objects) == len(plan.objects):
        raise Fault("bad_input", "What is to be added is not named.", "Say it as in: add a cup on the table.")
    placed = [
        dataclasses.replace(thing, place=dataclasses.replace(thing.place, target=renamed[thing.place.target]))
        if number >= len(plan.objects) and thing.place.target in renamed
        else thing
        for number, thing in enumerate(objects)
    ]
    return dataclasses.replace(plan, objects=tuple(placed), forces=(*plan.forces, *part.forces)[:16])


def _replaced(plan: Plan, command: list[Token], words: Lexicon) -> Plan:
    """ "replace the ball with a cube", "a cube instead of the ball", "use honey instead of water"."""
    said = [token.word for token in command]
    cut = next((n for n, word in enumerate(said) if word in ("with", "by", "for", "instead", "to", "into")), len(said))
    one, other = command[1:cut], command[cut + 1 :]
    if "instead" in said:
        one, other = command[cut + 1 :], [t for t in command[:cut] if t.word not in ("use", "make", "take", "put")]
    old, new = itemize(one, words), itemize(other, words)
    liquid = next((item.get("liquid") for item in new if item.has("liquid")), None)
    targets = _named(plan, old)
    if liquid and (targets or not one):
        flowing = [n for n, thing in enumerate(plan.objects) if thing.liquid is not None and (n in targets or not one)]
        objects = [
            dataclasses.replace(t, liquid=dataclasses.replace(t.liquid, substance=liquid, viscosity_m2_s=None))
            if n in flowing and t.liquid
            else t
            for n, t in enumerate(plan.objects)
        ]
        return dataclasses.replace(plan, objects=tuple(objects))
    phrase = next((p for at in range(len(new)) if (p := noun_phrase(new, at)) is not None), None)
    if not targets or phrase is None:
        raise Fault("bad_input", "What is to be replaced is not in the plan.", f"There is: {_listed(plan)}.")
    phrase.thing.definite = True  # as many as there were
    scene = Scene(things=[phrase.thing])
    fresh = compose(scene, plan.title, plan.seed, words, False).objects[0]
    objects = list(plan.objects)
    for n in targets:
        before = objects[n]
        names = {thing.name for thing in objects} - {before.name}
        name = fresh.name if fresh.name not in names else before.name
        rigid = dataclasses.replace(before.rigid, mass_kg=None, bounce=None) if before.rigid else None
        count = fresh.count if fresh.count > 1 else before.count
        kept = dataclasses.replace(
            fresh, name=name, count=count, arrange=before.arrange, place=before.place, rigid=rigid
        )
        objects[n] = kept
        objects = [
            dataclasses.replace(t, place=dataclasses.replace(t.place, target=name))
            if t.place.target == before.name
            else t
            for t in objects
        ]
    return dataclasses.replace(plan, objects=tuple(objects))


def _moved(plan: Plan, command: list[Token], words: Lexicon, turned: bool) -> Plan:
    from .moves import moved

    items = itemize(command, words)
    return moved(plan, _named(plan, items), items, _scene_of(command[1:], words), turned)


def _said_again(plan: Plan, targets: list[int], left: Scene, command: list[Token], words: Lexicon) -> Plan:
    """ "the ball falls from 5 m": the physics of the sentence for what is there."""
    part = compose(left, plan.title, plan.seed, words, True)
    fresh = {thing.name: thing for thing in part.objects}
    objects = list(plan.objects)
    for n in targets:
        new = fresh.get(objects[n].name)
        if new is None:
            continue
        kept = {key: getattr(new, key) for key in ("rigid", "cloth", "soft", "liquid") if getattr(new, key) is not None}
        if new.place.relation != "on" or new.place.target:
            target = new.place.target if new.place.target in {t.name for t in objects} else objects[n].place.target
            kept["place"] = dataclasses.replace(new.place, target=target)
        objects[n] = dataclasses.replace(objects[n], **kept)
    return dataclasses.replace(plan, objects=tuple(objects))
