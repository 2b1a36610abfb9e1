"""Clauses: who does what, where, how; and what is said about wind, camera, light and time on the way.

    text     = clause { ("," | "and" | "." | "then" | "while" ...) clause }
    clause   = [subjects] [verb complements] | setting
    subjects = noun phrase { ("," | "and") noun phrase }
    complement = adverb | direction | quantity | noun phrase | preposition noun phrase

A word that no rule takes is put on the list of the ignored, never silently into a meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from .items import Item
from .meaning import Happening, Relation, Scene, Thing
from .phrases import Phrase
from .reader import Reader
from .settings import camera_clause, take_setting
from .tables.nouns import BUILT

_MOVING = {"fall", "bounce", "roll", "slide", "throw", "collide", "topple", "pour", "rise", "drape", "fill"}
_PLACES = {
    "on",
    "above",
    "under",
    "beside",
    "left_of",
    "right_of",
    "in_front_of",
    "behind",
    "inside",
    "around",
    "between",
}
_WEAK = {"rest", "show"}
"""Verbs that only say that something is there."""


def parse(items: Sequence[Item]) -> Scene:
    """What the items of a text say."""
    parser = _Parser(items)
    parser.run()
    return parser.scene


class _Parser(Reader):
    # ----------------------------------------------------------------------------------------------------- clauses

    def run(self) -> None:
        while self.at < len(self.items):
            before = self.at
            self._step()
            assert self.at > before
        self.finish()

    def _step(self) -> None:
        item = self.items[self.at]
        if item.kind in ("stop", "comma", "and"):
            self._boundary(item)
        elif (taken := camera_clause(self.items, self.at, self.scene)) or (taken := self._setting()):
            self.at += taken
        elif item.kind == "pronoun":
            self._pronoun()
        elif self._relation(None):
            pass
        elif self.manner(item):
            self.at += 1
        elif (phrase := self.noun_phrase(self.at)) is not None:
            self._subject(phrase)
        elif item.has("verb"):
            self._verb(item)
        elif item.kind == "quantity" and self.quantity():
            pass
        else:
            self.ignore(item)
            self.at += 1

    def _setting(self) -> int:
        pouring = self.happening is not None and self.happening.action in _MOVING
        directly = self.at > 0 and self.items[self.at - 1].kind != "comma"
        return take_setting(self.items, self.at, self.scene, source_of_motion=pouring and directly)

    def _boundary(self, item: Item) -> None:
        self.at += 1
        if item.kind == "stop" and item.words not in ("which", "who", "that"):
            self.happening = self.topic = None
            if item.words in (".", "!", "?", ";", ":"):
                self.fresh = []
        elif item.kind == "comma":
            self.happening = None

    def _subject(self, phrase: Phrase) -> None:
        thing = self.enter(phrase)
        self.at = phrase.end
        if thing is None:
            return
        linked = bool(self.fresh)
        if self.happening is not None and not self._verb_follows():
            if self.happening.actors or self.happening.action in _WEAK:
                self.happening.patients.append(thing)
            if not self.happening.actors or (self.happening.action in _WEAK and not self.happening.patients):
                self.happening.actors.append(thing)
        elif linked:
            self.fresh.append(thing)
        else:
            self.fresh = [thing]
        if self.happening is not None and self._verb_follows():
            self.fresh, self.happening = [thing], None
        self._start_verbs(phrase, thing)
        self.last = thing
        self._relations_of(thing)
        self._share(thing)

    def _share(self, thing: Thing) -> None:
        """ "Three cubes and two spheres on a table": the place of the last one is that of those before it, too."""
        for other in self.fresh[:-1]:
            if self.fresh[-1] is thing and not other.relations and other.noun.generic:
                other.relations += [relation for relation in thing.relations if other not in relation.grounds]

    def _verb_follows(self) -> bool:
        at = self.at
        while at < len(self.items) and (
            self.items[at].kind == "silent"
            or self.items[at].has("manner")
            or self.items[at].words in ("is", "are", "that", "which")
        ):
            at += 1
        return at < len(self.items) and self.items[at].has("verb") and not self.items[at].has("noun", "preposition")

    def _start_verbs(self, phrase: Phrase, thing: Thing) -> None:
        for verb in phrase.verbs:
            if verb not in _WEAK:
                self.scene.happenings.append(Happening(verb, verb, [thing]))

    def _verb(self, item: Item) -> None:
        action = item.get("verb")
        self.at += 1
        actors = self.fresh or self.subjects
        if action in _WEAK and not self.fresh and self.happening is not None and item.words in ("is", "are", "be"):
            return
        if self.fresh:
            self.subjects = self.fresh
        self.fresh = []
        imperative = not actors
        self.happening = Happening(action, item.words, list(actors))
        for manner in self.moods:
            self.apply_manner(manner, self.happening)
        self.moods.clear()
        if action not in ("show",):
            self.scene.happenings.append(self.happening)
        self._complements(imperative)

    def _complements(self, imperative: bool) -> None:
        """What follows a verb, up to a comma, a stop, or a new subject."""
        happening = self.happening
        assert happening is not None
        while self.at < len(self.items):
            item = self.items[self.at]
            if item.kind in ("stop", "comma"):
                break
            if item.kind == "and":
                if not self._joined(happening, imperative):
                    break
            elif (taken := self._setting()) != 0:
                self.at += taken
            elif item.kind == "silent":
                self.at += 1
            elif item.has("direction") and not item.has("preposition"):
                happening.direction = item.get("direction")
                self.at += 1
            elif self.manner(item):
                self.at += 1
            elif self._relation(happening):
                pass
            elif item.kind == "quantity" and self.quantity():
                pass
            elif item.kind == "pronoun":
                self._pronoun()
            elif (phrase := self.noun_phrase(self.at)) is not None:
                self._object(phrase, happening, imperative)
                if self.happening is not happening:
                    return
            elif item.has("verb"):
                if happening.action == "show" or happening.word in ("let", "make", "let s"):
                    self.fresh = happening.actors
                break
            else:
                self.ignore(item)
                self.at += 1
        if imperative or happening.action in _WEAK:
            self.subjects = happening.actors or self.subjects

    def _joined(self, happening: Happening, imperative: bool) -> bool:
        """ "and" inside the complements: a further object, or else the end of the clause."""
        if not (imperative or happening.patients or happening.action in _WEAK) or happening.ways:
            return False
        mark = self.at
        self.at += 1
        phrase = self.noun_phrase(self.at)
        if phrase is None:
            self.at = mark
            return False
        end, self.at = self.at, phrase.end
        follows = self._verb_follows()
        self.at = end
        if follows:
            self.at = mark
            return False
        self._object(phrase, happening, imperative)
        return True

    def _object(self, phrase: Phrase, happening: Happening, imperative: bool) -> None:
        mark = self.at
        self.at = phrase.end
        if self._verb_follows() and not imperative and happening.action not in _WEAK:
            if self.items[self.at].words in ("which", "that"):  # "hits a ball which hits another": hit and hitting
                thing = self.enter(phrase)
                if thing is not None:
                    happening.patients.append(thing)
                    self.happening, self.fresh, self.last = None, [thing], thing
                    return
            self.at = mark
            self.happening, self.fresh = None, []
            self._subject(phrase)
            return
        thing = self.enter(phrase)
        if thing is None:
            return
        self._start_verbs(phrase, thing)
        self.last = thing
        (
            happening.actors
            if imperative or (happening.action in _WEAK and not happening.actors)
            else happening.patients
        ).append(thing)
        self._relations_of(thing)

    # --------------------------------------------------------------------------------------------------- relations

    def _relations_of(self, thing: Thing) -> None:
        """Prepositional phrases directly after a noun phrase belong to it."""
        while self.at < len(self.items) and thing.noun.role not in ("surface", "abstract", "wind"):
            mark, gap = self.at, None
            item = self.items[self.at]
            if item.kind == "silent" or (
                item.words in ("is", "are", "standing", "lying", "resting", "placed", "sitting", "that", "which")
                and self._place_next()
            ):
                self.at += 1
                continue
            if (
                item.kind == "quantity"
                and item.quantities[0].dimension == "length"
                and self.kind_at(self.at + 1) in _PLACES
            ):
                gap = item.quantities[0]
                self.at += 1
            kind = self.kind_at(self.at)
            if (kind not in _PLACES and kind != "with") or self._of_the_motion(thing):
                self.at = mark
                return
            if self._setting_here():
                self.at = mark
                return
            self.topic = thing if kind == "with" else self.topic
            grounds = self._grounds(kind, thing)
            if grounds is None:
                self.at = mark
                return
            if kind == "with":
                self._with(thing, grounds)
            elif any(ground.noun.role not in ("abstract", "wind") for ground in grounds):
                thing.relations.append(Relation(kind, grounds, gap))

    def _of_the_motion(self, thing: Thing) -> bool:
        """ "Rolls down a ramp into a bucket": not the ramp is in the bucket."""
        here = self.happening
        moving = here is not None and here.action in _MOVING and thing not in here.actors
        return moving and self.items[self.at].words in ("into", "onto")

    def _place_next(self) -> bool:
        return self.kind_at(self.at + 1) in _PLACES

    def _setting_here(self) -> bool:
        probe = Scene()
        return take_setting(self.items, self.at, probe, False) != 0

    def _grounds(self, kind: str, *speaking: Thing) -> list[Thing] | None:
        """The things after the preposition at `self.at`, entered into the scene; None and no change without any."""
        mark = self.at
        self.at += 1
        if self.at < len(self.items) and self.items[self.at].kind == "pronoun" and self.last is not None:
            self.at += 1
            return [self.antecedent(*speaking)]
        phrase = self.noun_phrase(self.at)
        if phrase is None or (kind == "with" and phrase.thing.noun.role in ("camera",)):
            self.at = mark
            return None
        self.at = phrase.end
        thing = self.enter(phrase)
        if thing is None:
            return []
        self.last = thing
        grounds = [thing]
        if kind == "between" and thing.count < 2 and self.at < len(self.items) and self.items[self.at].kind == "and":
            other = self.noun_phrase(self.at + 1)
            if other is not None:
                self.at = other.end
                entered = self.enter(other)
                grounds += [entered] if entered else []
        if kind != "between" or len(grounds) == 1:
            self._relations_of(thing)
        return grounds

    def _relation(self, happening: Happening | None) -> bool:
        """A prepositional phrase of the verb, or one that opens a clause ("On a table stand three cups")."""
        item = self.items[self.at]
        gap = None
        mark = self.at
        if (
            item.kind == "quantity"
            and item.quantities[0].dimension == "length"
            and self.kind_at(self.at + 1) in _PLACES | {"from"}
        ):
            gap = item.quantities[0]
            self.at += 1
            item = self.items[self.at]
        kind = item.get("preposition")
        if kind is None or kind in ("of", "for"):
            self.at = mark
            return False
        grounds = self._grounds(kind, *(happening.actors if happening else self.fresh))
        if grounds is None:
            self.at = mark
            if happening is not None and item.has("direction"):
                happening.direction = item.get("direction")
                self.at += 1
                return True
            if item.has("manner") or kind in ("with", "from", "towards", "inside", "beside", "on"):
                return self._bare(item, happening)
            return False
        if item.words == "by" and happening is not None and gap is None:  # the passive: "is hit by a ball"
            happening.patients, happening.actors = [*happening.actors, *happening.patients], grounds
            return True
        relation = Relation(kind, grounds, gap)
        if kind == "without":
            self._without(grounds)
        elif happening is not None:
            happening.ways.append(relation)
        elif kind in _PLACES and any(g.noun.role not in ("abstract", "wind", "camera") for g in grounds):
            self._opening(relation)
        return True

    def _bare(self, item: Item, happening: Happening | None) -> bool:
        """A preposition before a quantity: "from 2 m", "at 5 m/s", "with a speed of 3 m/s"."""
        at = self.at + 1
        while at < len(self.items) and (
            self.items[at].kind in ("article", "silent")
            or self.items[at].has("dimension")
            or self.items[at].words == "of"
        ):
            at += 1
        if at < len(self.items) and self.items[at].kind == "quantity":
            self.at = at
            return self.quantity(item.get("preposition") or "")
        return False

    def _opening(self, relation: Relation) -> None:
        """A place before its thing: keep it for the next subject."""
        self.scene.happenings.append(Happening("rest", "", [], ways=[relation]))
        self.happening = self.scene.happenings[-1]

    def _with(self, thing: Thing, others: list[Thing]) -> None:
        for other in others:
            if other.noun.role in BUILT and not other.relations:
                other.relations.append(Relation("beside", [thing]))

    def _without(self, grounds: list[Thing]) -> None:
        for ground in grounds:
            if ground.noun.role == "wind":
                self.scene.wind_m_s = 0.0
            elif ground.noun.name == "gravity":
                self.scene.gravity_m_s2 = 0.0
            elif ground.noun.role == "surface":
                self.scene.ground = "none"
            if ground in self.scene.things:
                self.scene.things.remove(ground)

    def _pronoun(self) -> None:
        self.at += 1
        if self.happening is None or self._verb_follows():
            self.happening = None
            self.fresh = list(self.subjects) or ([self.last] if self.last else [])
