"""The scene while it is being put together: bodies, where they stand, what acts on all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from blender_aigc.plan import Force, Place

from .bodies import Body
from .meaning import Scene, Thing


@dataclass
class Stage:
    """bodies: in the plan's order. by_thing: which body a thing became. airborne: those that begin in the air.

    hitting: those that set out to hit another. frames: how long the scene must at least be. view: from where something
    is seen best.
    """

    scene: Scene
    bodies: list[Body]
    by_thing: dict[Thing, Body]
    forces: list[Force] = field(default_factory=list)
    airborne: set[Body] = field(default_factory=set)
    moving: list[Body] = field(default_factory=list)
    stands_on: dict[Body, Body] = field(default_factory=dict)
    hitting: list[Body] = field(default_factory=list)
    frames: int = 100
    view: str = ""
    wind_default_deg: float = 0.0

    def add(self, made: Body) -> Body:
        self.bodies.append(made)
        self.by_thing.setdefault(made.thing, made)
        return made

    def note(self, sentence: str) -> None:
        self.scene.assumed.append(sentence)

    def free_name(self, base: str) -> str:
        names = {made.name for made in self.bodies}
        name, number = base, 2
        while name in names:
            name, number = f"{base} {number}", number + 1
        return name

    def leading(self) -> Body | None:
        """What the scene is about: the first thing that moves, else the first."""
        return next(iter(self.moving), next(iter(self.bodies), None))

    def moves(self, made: Body) -> None:
        if made not in self.moving:
            self.moving.append(made)

    def lasts(self, seconds: float) -> None:
        fps = self.scene.fps or 24
        self.frames = max(self.frames, min(5000, math.ceil(seconds * fps)))

    def wind_direction_deg(self) -> float:
        """Where the wind blows to, as said, else as suits what hangs in it."""
        if self.scene.wind_to is not None and any(self.scene.wind_to[:2]):
            return math.degrees(math.atan2(self.scene.wind_to[1], self.scene.wind_to[0]))
        return self.wind_default_deg

    def hang(self, made: Body, height_m: float) -> None:
        """Let `made` begin in the air, over what it was said to stand on."""
        at = made.fields.get("place")
        if at is None or at.relation == "on":
            made.fields["place"] = Place("above", at.target if at else "", round(height_m, 4))
