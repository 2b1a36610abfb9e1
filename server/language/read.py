"""The way from a sentence to a plan, in one call."""

from __future__ import annotations

from blender_aigc.catalogue import Catalogue
from blender_aigc.plan import Plan, validate
from blender_aigc.protocol import Fault

from .compose import compose
from .grammar import parse
from .items import itemize
from .lexicon import Lexicon, lexicon
from .own import spread, words_of
from .tables.settings import FOREIGN
from .tokens import Token, tokenize


def plan_of(prompt: str, seed: int = 0, moving: bool = True, entries: Catalogue | None = None) -> Plan:
    """The plan of an English sentence, the same one each time.

    moving: what falls and blows may do so; else it only stands there (text_to_scene). entries: with the user's own
    things.
    Raises Fault("bad_input"): empty, too long, in another language, contradictory, nothing known, impossible sizes.
    """
    words = words_of(entries, not moving) if entries is not None else lexicon(not moving)
    tokens = tokenize(prompt)
    check_language(tokens, words)
    scene = parse(itemize(tokens, words))
    plan = compose(scene, " ".join(prompt.split()), seed, words, moving)
    return validate(spread(plan, entries.selection) if entries is not None else plan)


def check_language(tokens: list[Token], words: Lexicon) -> None:
    """Raises Fault("bad_input") when most words look like another language than English."""
    spoken = [token.word for token in tokens if token.kind == "word"]
    strange = [word for word in spoken if not word.isascii() and word != "°"]
    unknown = [word for word in spoken if not words.knows(word)]
    foreign = [word for word in unknown if word in FOREIGN]
    if len(strange) * 2 > len(spoken) or (len(foreign) >= 2 and len(foreign) * 4 >= len(spoken)):
        raise Fault(
            "bad_input",
            "This sentence is not in English, which is the only language that the rules know.",
            "Write it in English, or choose a language model as planner.",
            f"of another language: {', '.join([*strange, *foreign][:10])}",
        )
