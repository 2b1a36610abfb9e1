"""Words of a second sentence: what is changed, in which direction, by how much."""

from __future__ import annotations

COMPARATIVES: dict[str, tuple[str, float]] = {
    word: (what, factor)
    for what, factor, words in (
        ("size", 1.5, "bigger larger"),
        ("size", 1 / 1.5, "smaller tinier"),
        ("tall", 1.5, "taller"),
        ("wide", 1.5, "wider broader"),
        ("wide", 1 / 1.5, "narrower"),
        ("mass", 2.0, "heavier"),
        ("mass", 0.5, "lighter"),
        ("bounce", 1.25, "bouncier springier"),
        ("speed", 1.5, "faster quicker harder"),
        ("speed", 1 / 1.5, "slower softer gentler"),
        ("strength", 1.5, "stronger windier fiercer"),
        ("strength", 1 / 1.5, "weaker calmer"),
        ("height", 1.5, "higher"),
        ("height", 1 / 1.5, "lower"),
        ("viscosity", 10.0, "thicker stickier"),
        ("viscosity", 0.1, "thinner runnier"),
        ("light", 1.6, "brighter lighter"),
        ("light", 0.6, "darker dimmer"),
        ("length", 1.5, "longer"),
        ("length", 1 / 1.5, "shorter"),
        ("near", 1.0, "closer nearer"),
        ("near", -1.0, "further farther"),
        ("number", 1.5, "more"),
        ("number", 1 / 1.5, "fewer less"),
    )
    for word in words.split()
}
"""Comparative -> (what, factor). "lighter" is about mass unless the light is spoken of."""

BASES: dict[str, str] = {
    **dict.fromkeys(("big", "large", "small", "tiny"), "size"),
    **dict.fromkeys(("tall",), "tall"),
    **dict.fromkeys(("wide",), "wide"),
    **dict.fromkeys(("heavy", "light"), "mass"),
    **dict.fromkeys(("bouncy",), "bounce"),
    **dict.fromkeys(("fast", "slow", "hard"), "speed"),
    **dict.fromkeys(("strong", "weak", "windy"), "strength"),
    **dict.fromkeys(("high", "low"), "height"),
    **dict.fromkeys(("viscous", "thick"), "viscosity"),
    **dict.fromkeys(("bright",), "light"),
    **dict.fromkeys(("long",), "length"),
    **dict.fromkeys(("many", "much"), "number"),
}
"""After "twice as", "half as", "more", "less": the adjective -> what it measures."""
INVERSE = frozenset("small tiny slow weak low".split())

DEGREES: dict[str, float] = {
    "much": 2.0,
    "far": 2.0,
    "even": 1.3,
    "way": 2.0,
    "slightly": 0.4,
    "bit": 0.4,
    "little": 0.4,
}
"""Power to which a factor is raised: "much bigger", "a bit bigger"."""

TIMES: dict[str, float] = {"twice": 2.0, "thrice": 3.0, "half": 0.5, "double": 2.0, "triple": 3.0, "halve": 0.5}

REMOVE = frozenset("remove delete erase omit discard".split())
ADD = frozenset("add put place insert create".split())
REPLACE = frozenset("replace swap exchange substitute".split())
MOVE = frozenset("move shift push slide".split())
TURN = frozenset("rotate turn".split())
MAKE = frozenset("make let set change use paint colour color give turn have keep".split())
EVERYTHING = frozenset("everything all it them they".split())
