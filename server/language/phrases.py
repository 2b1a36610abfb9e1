"""Noun phrases: [article] [number] {modifier} head {"of" substance | measure}.

modifier = ["very"] (size | colour | material | fabric | quality | quantity [dimension] | participle)
head     = noun | collective "of" noun phrase | liquid
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .items import Item
from .meaning import Thing
from .quantities import Quantity
from .tables import nouns, qualities, settings
from .tables.nouns import Noun

LIQUID = nouns.THINGS["liquid,fluid"]
_MODIFIERS = ("size", "colour", "shade", "material", "fabric", "quality", "viscosity", "wind", "liquid", "surface")


@dataclass
class Draft:
    """What the words before the head say."""

    count: float = 1
    counted: bool = False
    vague: bool = False
    definite: bool = False
    other: bool = False
    very: int = 0
    found: list[tuple[str, Any, int]] = field(default_factory=list)
    quantities: list[tuple[str, Quantity]] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


@dataclass
class Phrase:
    """A parsed noun phrase. verbs: participles before the head ("falling"). wind: its speed when the head is a wind."""

    thing: Thing
    end: int
    verbs: list[str] = field(default_factory=list)
    wind_m_s: float | None = None
    ignored: list[str] = field(default_factory=list)
    same: bool = False
    surface: str = ""


def noun_phrase(items: Sequence[Item], at: int, before: Noun | None = None) -> Phrase | None:
    """The noun phrase that begins at `at`, or None when none does. before: what "a blue one" is one of."""
    draft, at = _before(items, at)
    if before is not None and draft.found and draft.words[-1:] in (["one"], ["ones"]):
        draft.count, draft.counted = 1, False
        phrase = Phrase(Thing(before, " ".join(draft.words)), at, ignored=draft.ignored)
        _apply(phrase, draft, items[at - 1])
        return phrase
    if at >= len(items) or items[at].kind != "phrase":
        return None
    head = items[at]
    if head.has("collective") and at + 2 < len(items) and items[at + 1].words == "of":
        inner = noun_phrase(items, at + 2)
        if inner is not None and inner.thing.noun.role in nouns.BUILT:
            return _collective(head, draft, inner)
    noun = head.get("noun")
    liquid = head.get("liquid")
    surface = head.get("surface")
    if noun is None and liquid is not None:
        noun = LIQUID
    if noun is None and surface is not None:
        noun = nouns.THINGS["floor,ground"]
    if noun is None or (head.has("verb") and _verb_here(items, at, draft)):
        return None
    thing = Thing(noun, " ".join([*draft.words, head.words]), draft.count, draft.counted, draft.vague, draft.definite)
    if noun is LIQUID:
        thing.substance = liquid or "water"
    phrase = Phrase(thing, at + 1, draft.verbs, ignored=draft.ignored, same=draft.definite and not draft.other)
    phrase.surface = surface or ""
    _apply(phrase, draft, head)
    phrase.end = _after(items, phrase)
    return phrase


def _verb_here(items: Sequence[Item], at: int, draft: Draft) -> bool:
    """ "smoke", "fire", "stack": a verb unless an article, number or modifier stands before it or it stands alone."""
    if draft.words or draft.counted or draft.definite or draft.found:
        return False
    if at and (items[at - 1].kind == "article" or items[at - 1].has("preposition")):
        return False
    return at > 0 and items[at - 1].has("noun", "liquid")


def _before(items: Sequence[Item], at: int) -> tuple[Draft, int]:
    draft = Draft()
    while at < len(items):
        item = items[at]
        if item.kind == "article":
            draft.definite |= item.words in ("the", "this", "that", "these", "those", "its", "their")
            draft.other |= item.words == "another"
        elif item.kind == "number":
            if at + 1 < len(items) and items[at + 1].kind == "number" and not item.vague:
                return draft, at
            draft.count, draft.counted, draft.vague = item.value, True, item.vague
            draft.words.append(item.words)
        elif item.kind == "very":
            draft.very += int(item.value)
            draft.words.append(item.words)
        elif item.kind == "quantity" and _leads_on(items, at + 1):
            at = _measure(items, at, draft.quantities) - 1
        elif item.kind == "unknown" and _leads_on(items, at + 1):
            draft.ignored.append(item.words)
        elif (
            item.kind in ("comma", "and") and draft.found and _is_modifier(items, at + 1) and _only_adjective(items, at)
        ):
            pass
        elif item.kind == "phrase" and _is_modifier(items, at):
            _note(draft, item)
        else:
            break
        at += 1
    return draft, at


def _note(draft: Draft, item: Item) -> None:
    draft.words.append(item.words)
    verb = item.get("verb")
    tags = [reading for reading in item.readings if reading.tag in _MODIFIERS]
    if verb and not tags:
        draft.verbs.append(verb)
        return
    for reading in tags:
        draft.found.append((reading.tag, reading.value if reading.tag != "wind" else reading.words, draft.very))
    draft.very = 0


def _only_adjective(items: Sequence[Item], at: int) -> bool:
    """After a comma or "and": goes the row of adjectives on, or does a new noun phrase begin?"""
    item = items[at + 1]
    return not item.has("noun", "liquid", "verb")


def _is_modifier(items: Sequence[Item], at: int) -> bool:
    """Is the item at `at` a modifier here? One that could be a noun is, if a head follows it."""
    if at >= len(items) or items[at].kind != "phrase":
        return False
    item = items[at]
    if item.has("verb") and not item.has("noun", *_MODIFIERS):
        return item.words.endswith(("ing", "ed", "en")) and _leads_on(items, at + 1, verbs=False)
    if not item.has(*_MODIFIERS):
        return False
    if item.has("preposition", "collective") and not _leads_on(items, at + 1):
        return False
    if item.has("noun", "liquid", "surface", "verb") or item.has("collective"):
        return _leads_on(items, at + 1)
    follows = items[at + 1].words if at + 1 < len(items) else ""
    return follows in ("one", "ones") or _leads_on(items, at + 1) or item.has("size", "colour", "quality", "viscosity")


def _leads_on(items: Sequence[Item], at: int, verbs: bool = True) -> bool:
    """Does a head follow, with nothing but modifiers between?"""
    unknown = 0
    for number in range(at, min(at + 7, len(items))):
        item = items[number]
        if item.has("noun", "liquid", "collective") and not (item.has("preposition", "verb") and not item.has("noun")):
            return not (item.has("verb") and number == at and _is_verb_form(item))
        if item.kind == "unknown":
            unknown += 1
            if unknown > 1:
                return False
        elif item.kind not in ("very", "quantity", "number") and not item.has(*_MODIFIERS, "dimension"):
            return bool(verbs and item.words.endswith("ing") and _leads_on(items, number + 1, verbs=False))
    return False


def _is_verb_form(item: Item) -> bool:
    """Words that are noun and verb: with -s, -ed or -ing they are the verb ("smokes", "waves")."""
    return item.words.endswith(("ed", "ing"))


def _collective(head: Item, draft: Draft, inner: Phrase) -> Phrase:
    thing = inner.thing
    kind = head.get("collective")
    thing.arrange = kind
    thing.words = " ".join([*draft.words, head.words, "of", thing.words])
    if not thing.counted:
        known = (nouns.COLLECTIVE_COUNTS[r.words] for r in head.readings if r.words in nouns.COLLECTIVE_COUNTS)
        thing.count, thing.vague = next(known, 6), True
    if draft.counted and draft.count > 1:
        thing.count *= draft.count
    for tag, value, _ in draft.found:
        if tag == "size" and value in ("long", "big", "large", "huge", "tall", "high"):
            thing.count *= 1 if inner.thing.counted else 1.5
    thing.count = float(round(thing.count))
    thing.definite = draft.definite
    return inner


def _apply(phrase: Phrase, draft: Draft, head: Item) -> None:
    """Give the thing what its modifiers say, each in the sense that its head allows."""
    thing, noun = phrase.thing, phrase.thing.noun
    thing.measures += draft.quantities
    if noun.role == "wind":
        phrase.wind_m_s = _wind(draft, head)
        return
    shade = ""
    for tag, value, very in draft.found:
        thing.intensity = max(thing.intensity, very)
        if tag == "size":
            thing.sizes += [value] * (1 + very)
        elif tag == "shade":
            shade = value and next(k for k, v in qualities.SHADES.items() if v == value)
        elif tag == "colour" and not (noun.role != "cloth" and value in ("gold", "silver")):
            thing.colour = _shaded(value, shade, thing.colour)
            shade = ""
        elif tag == "material" and noun.role != "liquid":
            thing.material = value
        elif tag == "fabric" and (noun.role == "cloth" or not _has(draft, "material")):
            thing.fabric = value
        elif tag == "quality":
            thing.qualities.append(value)
        elif tag == "viscosity" and (noun.role == "liquid" or noun.shape == ""):
            thing.viscosity = value if not very or value < 1e-3 else 3.5e-2
        elif tag == "liquid" and noun.role != "liquid" and noun.shape != "balloon":
            thing.substance = value
        elif tag == "liquid":
            thing.substance = value
    if shade == "light" and noun.role != "liquid":  # of no colour: of little weight
        thing.qualities.append("light")
    if thing.fabric and noun.role != "cloth":
        thing.fabric = ""


def _has(draft: Draft, wanted: str) -> bool:
    return any(tag == wanted for tag, _, _ in draft.found)


def _wind(draft: Draft, head: Item) -> float:
    """Speed in m/s: a quantity, else the phrase as the Beaufort scale names it, else adjective and noun."""
    for _, quantity in draft.quantities:
        if quantity.dimension == "speed":
            return quantity.value
    spoken = [word for word in draft.words if word not in ("very", "extremely", "really")]
    both = " ".join([*spoken, head.words])
    base = next((r.words for r in head.readings if r.tag == "noun"), head.words)
    for phrase in (both, " ".join([*spoken, base])):
        if phrase in settings.WINDS:
            return settings.WINDS[phrase]
    speed = settings.WINDS.get(base, settings.WINDS["wind"])
    very = any(word in ("very", "extremely", "really") for word in draft.words)
    for word in spoken:
        if word in settings.WIND_ADJECTIVES and base in ("wind", "airflow", "gust", "breeze"):
            speed = settings.WIND_ADJECTIVES.get(f"very {word}" if very else word, settings.WIND_ADJECTIVES[word])
    return speed


def _shaded(colour: str, shade: str, before: str) -> str:
    """The colour for the plan: its word, or #rrggbb when a shade was asked for or the plan has no such word."""
    from blender_aigc.plan import COLORS

    if before:
        return before
    value = colour if colour.startswith("#") else COLORS.get(colour, qualities.COLOURS.get(colour, "#808080"))
    if not shade:
        return colour if colour in COLORS or colour.startswith("#") else value
    factor, white = qualities.SHADES[shade]
    parts = [int(value[n : n + 2], 16) for n in (1, 3, 5)]
    mixed = [min(255, round(part * factor * (1 - white) + 255 * white)) for part in parts]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _after(items: Sequence[Item], phrase: Phrase) -> int:
    """Measures and substances after the head."""
    at, thing = phrase.end, phrase.thing
    while at < len(items):
        item = items[at]
        word = item.words
        after = items[at + 1] if at + 1 < len(items) else None
        if item.kind == "quantity" and item.quantities[0].dimension in ("length", "mass") and not _gap(items, at):
            at = _measure(items, at, thing.measures)
        elif word in ("of", "with", "with a", "having", "at", "weighing", "measuring", "in", "made of", "made from"):
            step = _measure_phrase(items, at + 1, thing) or _substance(items, at, thing) or _formation(items, at, thing)
            if step is None:
                return at
            at = step
        elif item.has("dimension") and after is not None and after.kind == "quantity":
            at = _measure_phrase(items, at, thing) or at + 1
        elif word in ("full", "filled") or item.get("verb") == "fill":
            step = _contents(items, at, thing)
            if step is None:
                return at
            at = step
        elif item.kind == "comma" and after is not None and _apposition(items, at + 1):
            at += 1
        else:
            return at
    return at


def _apposition(items: Sequence[Item], at: int) -> bool:
    """After a comma: ", 24 cm wide, made of rubber" still describes the thing."""
    if items[at].kind == "quantity" and items[at].quantities[0].dimension in ("length", "mass"):
        return at + 1 < len(items) and items[at + 1].has("dimension")
    return items[at].words in ("made of", "made from", "weighing", "measuring")


def _gap(items: Sequence[Item], at: int) -> bool:
    """Is the quantity the distance of a relation, as in "2 m above"?"""
    return at + 1 < len(items) and items[at + 1].has("preposition") and not items[at + 1].has("dimension")


def _measure(items: Sequence[Item], at: int, into: list[tuple[str, Quantity]]) -> int:
    """Take the quantity at `at` with the dimension word after it."""
    given = items[at].quantities
    what = items[at + 1].get("dimension") if at + 1 < len(items) else None
    if len(given) > 1:
        into += [("xyz"[number], quantity) for number, quantity in enumerate(given[:3])]
    else:
        into.append((what or "", given[0]))
    return at + (2 if what else 1)


def _measure_phrase(items: Sequence[Item], at: int, thing: Thing) -> int | None:
    """ "a radius of 10 cm", "diameter 24 cm", "30 cm", "a mass of 2 kg"."""
    what = ""
    while at < len(items) and (items[at].kind == "article" or items[at].has("dimension") or items[at].words == "of"):
        what = items[at].get("dimension") or what
        at += 1
    if at < len(items) and items[at].kind == "quantity" and items[at].quantities[0].dimension in ("length", "mass"):
        before = len(thing.measures)
        at = _measure(items, at, thing.measures)
        if what and len(thing.measures) == before + 1:
            thing.measures[-1] = (what, thing.measures[-1][1])
        return at
    return None


def _substance(items: Sequence[Item], at: int, thing: Thing) -> int | None:
    """ "of ice", "made of glass", "of water": material, fabric, or what a vessel holds."""
    if items[at].words not in ("of", "made of", "made from", "made out of", "in"):
        return None
    place = at + 1
    while place < len(items) and items[place].kind == "article":
        place += 1
    if place >= len(items):
        return None
    item = items[place]
    if items[at].words == "in":
        if item.has("colour") and not item.has("noun", "material", "light"):
            thing.colour = thing.colour or item.get("colour")
            return place + 1
        return None
    if item.has("liquid") and not items[at].words.startswith("made"):
        thing.holds = item.get("liquid")
        return place + 1
    if thing.noun.role == "cloth" and item.has("fabric"):
        thing.fabric = item.get("fabric")
        return place + 1
    if item.has("material"):
        thing.material = item.get("material")
        return place + 1
    return None


def _formation(items: Sequence[Item], at: int, thing: Thing) -> int | None:
    """ "in a circle", "in rows"."""
    place = at + 1 + (at + 1 < len(items) and items[at + 1].kind == "article")
    if items[at].words != "in" or place >= len(items) or not items[place].has("collective"):
        return None
    if place + 1 < len(items) and items[place + 1].words == "of":
        return None
    thing.arrange = items[place].get("collective")
    if not thing.counted:
        known = [nouns.COLLECTIVE_COUNTS.get(reading.words, 0) for reading in items[place].readings]
        thing.count, thing.vague = max(known) or 6, True
    return place + 1


def _contents(items: Sequence[Item], at: int, thing: Thing) -> int | None:
    """ "full of water", "filled with honey"."""
    place = at + 1
    while place < len(items) and items[place].words in ("of", "with", "up", "the", "some"):
        place += 1
    if place < len(items) and place > at + 1 and items[place].has("liquid"):
        thing.holds = items[place].get("liquid")
        return place + 1
    return None


def is_vessel(noun: Noun) -> bool:
    """Can something be poured into it?"""
    from blender_aigc.plan import SHAPES

    return noun.holds or (noun.shape in SHAPES and SHAPES[noun.shape].hollow)
