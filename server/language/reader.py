"""The state of a parse: the items, how far they are read, the scene so far, and what "it" means."""

from __future__ import annotations

from collections.abc import Sequence

from .items import Item
from .meaning import Happening, Scene, Thing
from .phrases import Phrase, noun_phrase
from .tables.actions import MANNERS

_ENDS = ("comma", "stop", "and")


class Reader:
    """at: the next item. fresh: noun phrases that wait for their verb. subjects: of the verb before.

    moods: adverbs that wait for a verb. topic: what "with" adds to, which "it" means then.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.at = 0
        self.scene = Scene()
        self.subjects: list[Thing] = []
        self.fresh: list[Thing] = []
        self.happening: Happening | None = None
        self.last: Thing | None = None
        self.topic: Thing | None = None
        self.moods: list[str] = []

    def noun_phrase(self, at: int) -> Phrase | None:
        """The noun phrase that begins at `at`, or None."""
        return noun_phrase(self.items, at, self.scene.things[-1].noun if self.scene.things else None)

    def kind_at(self, at: int) -> str:
        """The relation that the item at `at` stands for, or ""."""
        return (self.items[at].get("preposition") or "") if at < len(self.items) else ""

    def enter(self, phrase: Phrase) -> Thing | None:
        """The thing of `phrase`, put into the scene unless it is there already; None for wind and other conditions."""
        thing, noun = phrase.thing, phrase.thing.noun
        self.scene.ignored += phrase.ignored
        if phrase.wind_m_s is not None:
            self.scene.wind_m_s = phrase.wind_m_s
            self.scene.wind_named |= " " in thing.words or thing.words not in ("wind", "winds")
            self.scene.vortex |= any(word in thing.words for word in ("tornado", "whirlwind"))
            thing.count = 1
            return thing
        if noun.role == "surface":
            self.scene.ground = phrase.surface or thing.material or self.scene.ground or "floor"
            return thing
        if noun.role in ("abstract", "camera"):
            return thing
        if phrase.same or (noun.role == "liquid" and not thing.counted):
            for known in reversed(self.scene.things):
                if known.noun == noun and _compatible(known, thing):
                    known.colour = known.colour or thing.colour
                    known.material = known.material or thing.material
                    return known
        self.scene.things.append(thing)
        return thing

    def antecedent(self, *others: Thing) -> Thing:
        """What "it" or "them" stands for: the last thing that is none of `others`, those that are being spoken of."""
        if self.topic is not None and self.topic not in others:  # "a desk with a lamp on it"
            return self.topic
        return next((thing for thing in reversed(self.scene.things) if thing not in others), self.last or others[0])

    def finish(self) -> None:
        """Adverbs that were left over apply to the last happening."""
        if self.moods and self.scene.happenings:
            for manner in self.moods:
                self.apply_manner(manner, self.scene.happenings[-1])

    def manner(self, item: Item) -> bool:
        if not item.has("manner") or item.has("preposition"):
            return False
        name = item.reading("manner").words
        if self.happening is not None:
            self.apply_manner(name, self.happening)
        else:
            self.moods.append(name)
        return True

    def apply_manner(self, name: str, happening: Happening) -> None:
        kind, factor = MANNERS[name]
        if kind == "pace":
            happening.pace *= factor
        happening.random |= kind == "random"

    def quantity(self, preposition: str = "") -> bool:
        """A quantity of the verb ("at 5 m/s", "from 2 m", "for 3 s")."""
        item = self.items[self.at]
        quantity = item.quantities[0]
        if quantity.dimension == "beaufort":
            return False
        self.at += 1
        if self.kind_at(self.at) == "above" and (
            self.at + 1 >= len(self.items) or self.items[self.at + 1].kind in _ENDS
        ):
            self.at += 1  # "from 20 cm above"
        what = preposition
        if self.at < len(self.items) and self.items[self.at].has("dimension"):
            self.at += 1
        target = self.happening or (self.scene.happenings[-1] if self.scene.happenings else None)
        if target is not None:
            target.measures.append((what, quantity))
        elif self.fresh:
            self.fresh[-1].measures.append(("", quantity))
        else:
            self.scene.ignored.append(item.words)
        return True

    def ignore(self, item: Item) -> None:
        if item.kind in ("silent", "article", "very"):
            return
        if item.kind == "unknown" and self._stands_for_a_thing():
            self.scene.unknown.append(item.words)
        self.scene.ignored.append(item.words)

    def _stands_for_a_thing(self) -> bool:
        """Is the unknown word where a noun should be: "a zorble", "a soft zorble", "a stack of zorbles"?"""
        at = self.at - 1
        while at >= 0 and self.items[at].has("material", "fabric", "colour", "size", "quality", "shade"):
            at -= 1
        if at < 0:
            return False
        if self.items[at].words == "of":
            return at > 0 and self.items[at - 1].has("collective")
        return self.items[at].kind in ("article", "number")


def _compatible(known: Thing, said: Thing) -> bool:
    """Can `said` ("the red ball") be `known`?"""
    return all(
        not ours or not theirs or ours == theirs
        for ours, theirs in (
            (said.colour, known.colour),
            (said.material, known.material),
            (said.substance, known.substance),
            (" ".join(said.sizes), " ".join(known.sizes)),
        )
    ) and (not said.colour or bool(known.colour) or not known.counted)
