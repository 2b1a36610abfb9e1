"""The plan: what a planner may ask of the director, and nothing else. Standard library only, no bpy.

World frame: x to the right, y away from the front view, z up, metres; the ground is z = 0. Frame 1 is the first frame.
What is None is chosen by the director. Names in the plan refer to `PlanObject.name`; "" means the ground or the whole
scene.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from .fields import flag, number, part, parts, text, value, vector, whole, word
from .words import FABRICS, LIQUIDS, OTHER_SHAPES, SHAPES, WINDS

PLAN_VERSION = 1
"""Raised when a plan that an older director would misread becomes possible."""

MOST_OBJECTS = 64
MOST_COPIES = 1000
Vector = tuple[float, float, float]

RELATIONS = (
    "on", "at", "above", "beside", "left_of", "right_of", "in_front_of", "behind", "inside", "around", "under",
)  # fmt: skip
ARRANGEMENTS = ("row", "grid", "stack", "wall", "pyramid", "circle", "scatter", "heap")
COLLISIONS = ("auto", "sphere", "box", "cylinder", "cone", "capsule", "hull", "mesh")
PINS = ("none", "left", "right", "top", "bottom", "top_corners", "left_corners", "all_corners", "shoulders", "centre")
FORCES = ("wind", "turbulence", "vortex", "attract", "repel", "blast")
VIEWS = ("front", "three_quarter", "side", "back", "top", "low", "high")
FRAMINGS = ("wide", "medium", "close")
MOVES = ("static", "orbit", "dolly_in", "dolly_out", "rise", "pan", "follow")
LIGHTS = ("studio", "three_point", "sun", "sunset", "overcast", "night", "none")
SKIES = ("plain", "clear", "sunset", "night")
GROUNDS = ("floor", "none", "grass", "sand", "wood", "concrete", "snow", "marble", "earth", "asphalt", "water")
ENGINES = ("workbench", "eevee", "cycles")


@dataclass(frozen=True)
class Place:
    """Where an object (or the group of its copies) stands."""

    relation: str = word(
        "on: rests on the target's top; at: where offset_m says; above: hangs in the air over the target's top; "
        "beside: a free side of the target; inside: in the target's hollow; around: copies in a ring about the target; "
        "under: below the target",
        RELATIONS,
        "on",
    )
    target: str = text("name of the object that the relation refers to; empty: the ground at the origin", 60, "")
    distance_m: float | None = number(
        "clear distance to the target: height for above, gap for the sides and around", "m", 0.0, 500.0, None
    )
    offset_m: Vector = vector(
        "with at: the world position of the middle of the base; else moved by this from where the relation leads",
        "m", -1000.0, 1000.0, (0.0, 0.0, 0.0),
    )  # fmt: skip


@dataclass(frozen=True)
class Material:
    """How an object looks, and what it is made of."""

    name: str = text("a named material such as wood, rubber, glass, steel; empty: what the shape is made of", 60, "")
    color: str = text("a colour word or #rrggbb (sRGB); empty: the material's own", 30, "")
    roughness: float | None = number("0 mirror, 1 chalk", "", 0.0, 1.0, None)
    metallic: float | None = number("0 no metal, 1 metal", "", 0.0, 1.0, None)
    transmission: float | None = number("0 opaque, 1 clear as glass", "", 0.0, 1.0, None)
    glow: float = number("light of its own, 0 none", "W/m2", 0.0, 1000.0, 0.0)


@dataclass(frozen=True)
class Rigid:
    """Rigid body. A thing without rigid, cloth, soft, liquid and gas stands still and others collide with it."""

    type: str = word("active moves, passive stands still", ("active", "passive"), "active")
    shape: str = word("shape for collisions; auto follows the object", COLLISIONS, "auto")
    mass_kg: float | None = number("mass of one copy; else from size and material", "kg", 1e-4, 1e6, None)
    friction: float | None = number("coefficient of dry friction", "", 0.0, 2.0, None)
    bounce: float | None = number("coefficient of restitution against a hard floor", "", 0.0, 1.0, None)
    velocity_m_s: Vector = vector("velocity when it is let go", "m/s", -100.0, 100.0, (0.0, 0.0, 0.0))
    spin_deg_s: Vector = vector("turning about x, y and z when it is let go", "deg/s", -7200.0, 7200.0, (0.0, 0.0, 0.0))
    random_spin_deg_s: float = number("a random spin of up to this, another for each copy", "deg/s", 0.0, 7200.0, 0.0)
    start_frame: int = whole("held until this frame, then let go", 1, 5000, 1)


@dataclass(frozen=True)
class Cloth:
    """The object moves as cloth."""

    fabric: str = word("how heavy and stiff it is", FABRICS, "cotton")
    pin: str = word("what is held fast; left, right, top as seen from the front", PINS, "none")
    self_collision: bool = flag("folds do not pass through each other (slower)", False)
    pressure: float = number("inner pressure of a closed shape, for balloons", "", 0.0, 100.0, 0.0)
    release_frame: int | None = whole("the pins let go at this frame", 1, 5000, None)


@dataclass(frozen=True)
class Soft:
    """The object wobbles like jelly and comes back into shape."""

    stiffness: float = number("0 jelly, 1 hard rubber", "", 0.0, 1.0, 0.4)
    mass_kg: float | None = number("mass of one copy; else from size and material", "kg", 1e-3, 1e4, None)


@dataclass(frozen=True)
class Liquid:
    """The object is a source of liquid (inflow) or is turned into liquid (volume)."""

    role: str = word("inflow: liquid pours out of it; volume: it becomes liquid", ("inflow", "volume"), "inflow")
    substance: str = word("what flows", LIQUIDS, "water")
    viscosity_m2_s: float | None = number("kinematic viscosity, water 1e-6, honey 1e-2", "m2/s", 0.0, 1.0, None)
    velocity_m_s: Vector = vector("velocity with which it leaves the source", "m/s", -50.0, 50.0, (0.0, 0.0, 0.0))
    start_frame: int = whole("starts to flow", 1, 5000, 1)
    stop_frame: int | None = whole("stops flowing", 1, 5000, None)


@dataclass(frozen=True)
class Gas:
    """The object gives off smoke or burns."""

    type: str = word("what it gives off", ("smoke", "fire", "smoke_and_fire"), "smoke")
    amount: float = number("density of the smoke, or fuel of the fire", "", 0.0, 10.0, 1.0)
    heat: float = number("warmer rises faster, negative sinks", "", -10.0, 10.0, 1.0)
    color: str = text("colour of the smoke: a colour word or #rrggbb", 30, "grey")
    start_frame: int = whole("starts", 1, 5000, 1)
    stop_frame: int | None = whole("stops", 1, 5000, None)


@dataclass(frozen=True)
class Setting:
    """One parameter of a generator."""

    key: str = text("the parameter's key in the catalogue", 60)
    value: bool | float | str = value("its value, within the catalogue's range")


@dataclass(frozen=True)
class PlanObject:
    """One kind of thing in the scene, once or many times."""

    name: str = text("a name that no other object of the plan has", 60)
    shape: str = word("what it is", (*SHAPES, *OTHER_SHAPES))
    source: str = text(
        "with generator or asset: its name in the catalogue; with selected: one object, else all as one",
        255,
        "",
    )
    settings: tuple[Setting, ...] = parts(
        "with generator: its parameters, where they differ from the default", Setting, 40
    )
    count: int = whole("how many", 1, MOST_COPIES, 1)
    arrange: str = word(
        "how the copies stand; stack and wall go up, heap is loosely above each other", ARRANGEMENTS, "row"
    )
    spacing_m: float | None = number("clear distance between neighbouring copies", "m", 0.0, 500.0, None)
    spread_m: float | None = number("radius of the area for scatter, heap and circle", "m", 0.01, 1000.0, None)
    size_m: Vector | None = vector("extents x, y, z before rotation; else its natural size", "m", 0.0, 1000.0, None)
    scale: float = number("times its size", "", 0.01, 100.0, 1.0)
    place: Place = part("where it stands", Place)
    rotation_deg: Vector = vector("turned about x, then y, then z", "deg", -3600.0, 3600.0, (0.0, 0.0, 0.0))
    material: Material | None = part("how it looks; null: as the shape is", Material, optional=True)
    rigid: Rigid | None = part("moves as a rigid body", Rigid, optional=True)
    cloth: Cloth | None = part("moves as cloth", Cloth, optional=True)
    soft: Soft | None = part("moves as a soft body", Soft, optional=True)
    liquid: Liquid | None = part("is a liquid or its source", Liquid, optional=True)
    gas: Gas | None = part("gives off smoke or fire", Gas, optional=True)
    collides: bool = flag("other things bump into it", True)


@dataclass(frozen=True)
class Force:
    """A field that acts on everything that moves."""

    type: str = word(
        "how the air moves: wind one way; attract and repel to and from a centre; vortex about it, fully 1 m from it; "
        "turbulence every way; blast outwards, 15 times as fast, for a moment",
        FORCES,
        "wind",
    )
    strength: str = word("wind in words: light 2, moderate 10, strong 20, storm 30 m/s", WINDS, "moderate")
    speed_m_s: float | None = number("strength as a wind speed, instead of the word", "m/s", 0.0, 60.0, None)
    direction_deg: float = number(
        "where it blows to: 0 to the right (x), 90 away from the front (y)", "deg", -360.0, 360.0, 0.0
    )
    rise_deg: float = number("how much it blows upwards", "deg", -90.0, 90.0, 0.0)
    gusts: float = number("how much speed and direction change, 0 not at all", "", 0.0, 1.0, 0.35)
    position_m: Vector = vector(
        "where vortex, attract, repel and blast have their centre", "m", -1000.0, 1000.0, (0.0, 0.0, 0.0)
    )
    start_frame: int = whole("starts", 1, 5000, 1)
    stop_frame: int | None = whole("stops", 1, 5000, None)


@dataclass(frozen=True)
class Domain:
    """The box in which liquid or gas is computed."""

    size_m: Vector | None = vector("extents x, y, z; else it encloses what flows", "m", 0.01, 200.0, None)
    resolution: int | None = whole(
        "cells along the longest side; else from the size of the thinnest part", 8, 512, None
    )
    closed: bool = flag(
        "the sides hold the fluid in; without a size of its own they do not hold smoke, nor what flows over a vessel",
        True,
    )


@dataclass(frozen=True)
class Timing:
    """How long the scene is."""

    frames: int = whole("length", 1, 5000, 100, "frames")
    fps: int = whole("frames a second", 1, 240, 24, "1/s")
    speed: float = number("1 real time, 0.25 four times slow motion", "", 0.01, 10.0, 1.0)


@dataclass(frozen=True)
class Camera:
    """What is seen."""

    view: str = word("from where", VIEWS, "three_quarter")
    framing: str = word("how much of it", FRAMINGS, "medium")
    target: str = text("name of the object in the middle; empty: the whole scene", 60, "")
    lens_mm: float = number("focal length for a 36 mm wide sensor", "mm", 8.0, 300.0, 50.0)
    move: str = word("how it moves", MOVES, "static")
    turn_deg: float = number("orbit and pan: how far over the whole length", "deg", -720.0, 720.0, 90.0)
    position_m: Vector | None = vector("stands exactly here, instead of view and framing", "m", -1000.0, 1000.0, None)
    look_at_m: Vector | None = vector("looks exactly here, instead of at the target", "m", -1000.0, 1000.0, None)


@dataclass(frozen=True)
class Light:
    """The lamps."""

    setup: str = word("which lamps", LIGHTS, "studio")
    strength: float = number("times the usual", "", 0.0, 100.0, 1.0)
    elevation_deg: float = number("height of the sun", "deg", -10.0, 90.0, 45.0)
    azimuth_deg: float = number(
        "where the sun stands: 0 right, 90 behind the scene, -90 in front", "deg", -360.0, 360.0, -60.0
    )


@dataclass(frozen=True)
class World:
    """Ground, sky and gravity."""

    ground: str = word("what everything stands on", GROUNDS, "floor")
    sky: str = word("what is behind everything", SKIES, "plain")
    color: str = text("colour of a plain sky: a colour word or #rrggbb", 30, "")
    gravity_m_s2: float = number("downwards; Earth 9.81, Moon 1.62", "m/s2", 0.0, 30.0, 9.81)


@dataclass(frozen=True)
class Render:
    """How pictures of it are made."""

    engine: str = word("workbench is fastest, cycles is best", ENGINES, "cycles")
    width_px: int = whole("width", 16, 8192, 1280, "px")
    height_px: int = whole("height", 16, 8192, 720, "px")
    samples: int = whole("of cycles and eevee", 1, 4096, 64)


@dataclass(frozen=True)
class Plan:
    """A scene that moves."""

    version: int = whole("version of this page", 1, 10**6)
    title: str = text("what the scene is called", 100)
    objects: tuple[PlanObject, ...] = parts("the things in the scene", PlanObject, MOST_OBJECTS)
    forces: tuple[Force, ...] = parts("winds and other fields", Force, 16)
    timing: Timing = part("how long it is", Timing)
    camera: Camera = part("what is seen", Camera)
    light: Light = part("the lamps", Light)
    world: World = part("ground, sky, gravity", World)
    domain: Domain = part("the box for liquid and gas", Domain)
    render: Render = part("how pictures are made", Render)
    seed: int = whole("the same seed gives the same scatter, gusts and spins", 0, 2**31 - 1, 0)
    notes: str = text("what the planner wants to say: words it ignored, what it assumed", 2000, "")

    def to_json(self, indent: int | None = 2) -> str:
        """As text that the user can edit; what stands at its default is left out."""
        from .write import plain

        return json.dumps(plain(self), ensure_ascii=False, indent=indent, allow_nan=False)
