"""What sentences say about a scene, before it becomes a plan: things, relations, happenings, and their surroundings."""

from __future__ import annotations

from dataclasses import dataclass, field

from .quantities import Quantity
from .tables.actions import Action
from .tables.nouns import Noun


@dataclass(eq=False)
class Thing:
    """One noun phrase. words: as said. count: how many, vague when the number was not said but implied.

    sizes: size words. measures: (what is measured or "", quantity). holds: a liquid inside. substance: a liquid that
    the thing is made of. relations: where it is. definite: said with "the".
    """

    noun: Noun
    words: str
    count: float = 1
    counted: bool = False
    vague: bool = False
    definite: bool = False
    arrange: str = ""
    intensity: int = 0
    sizes: list[str] = field(default_factory=list)
    qualities: list[str] = field(default_factory=list)
    measures: list[tuple[str, Quantity]] = field(default_factory=list)
    material: str = ""
    fabric: str = ""
    colour: str = ""
    substance: str = ""
    holds: str = ""
    viscosity: float | None = None
    relations: list[Relation] = field(default_factory=list)


@dataclass(eq=False)
class Relation:
    """Where a thing is, relative to `grounds` (several for "between"). gap: "3 m above"."""

    kind: str
    grounds: list[Thing]
    gap: Quantity | None = None


@dataclass(eq=False)
class Happening:
    """One verb phrase. ways: (preposition, things). measures: as of a thing. pace: how hard; random: out of control."""

    action: Action
    word: str
    actors: list[Thing]
    patients: list[Thing] = field(default_factory=list)
    ways: list[Relation] = field(default_factory=list)
    measures: list[tuple[str, Quantity]] = field(default_factory=list)
    direction: tuple[float, float, float] | None = None
    pace: float = 1.0
    random: bool = False


@dataclass
class Scene:
    """Everything that was understood. None and "": not said. wind_named: it was said how strong it is.

    assumed, ignored: for the plan's notes. unknown: words that stand where a thing should.
    """

    things: list[Thing] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    wind_m_s: float | None = None
    wind_named: bool = False
    wind_to: tuple[float, float, float] | None = None
    vortex: bool = False
    view: dict[str, object] = field(default_factory=dict)
    light: dict[str, object] = field(default_factory=dict)
    gravity_m_s2: float | None = None
    ground: str = ""
    seconds: float | None = None
    frames: int | None = None
    fps: float | None = None
    assumed: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
