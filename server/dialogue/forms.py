"""Forms that a held language model fills in: every form that can be filled in becomes a plan that can be carried out.

A schema cannot say "the name of another object". A form can, because it is written for the things that were chosen
before: their names are fixed, a place can only refer to an earlier one, each thing moves in one way at most, and every
number is one of finitely many. So a model that is held to the form (see held.py) gives a valid plan whatever its
weights are.

The three forms are the roles of 3D-GPT (arXiv 2310.12945): dispatch, concept, parameters.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from blender_aigc.catalogue import Catalogue
from blender_aigc.plan import (
    ARRANGEMENTS,
    COLORS,
    FABRICS,
    FRAMINGS,
    GROUNDS,
    LIGHTS,
    LIQUIDS,
    MATERIALS,
    MOVES,
    PINS,
    PLAN_VERSION,
    SHAPES,
    VIEWS,
    Camera,
    Cloth,
    Force,
    Gas,
    Light,
    Liquid,
    Material,
    Place,
    Plan,
    PlanObject,
    Rigid,
    Setting,
    Soft,
    Timing,
    World,
)
from blender_aigc.protocol import Fault, Param

WORDS = "[A-Za-z][A-Za-z0-9 ,]{0,%d}"
_STEPS = 9
"""Choices between the bounds of a number without steps of its own."""
_FREE = ("on", "above", "beside", "left_of", "right_of", "in_front_of", "behind", "around")


@dataclass(frozen=True)
class Chosen:
    """A thing of the scene: its name in the plan, and its kind: a shape, a generator, "own:NAME" or "selected:NAME"."""

    name: str
    kind: str
    count: int = 1

    @property
    def own(self) -> tuple[str, str]:
        """Shape and source of one of the user's own things; empty for all others."""
        word, colon, name = self.kind.partition(":")
        return ({"own": "asset", "selected": "selected"}[word], name) if colon else ("", "")


def group(properties: dict[str, Any], required: tuple[str, ...] | None = None) -> dict[str, Any]:
    """A closed JSON object; all keys are required unless they are named."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else list(required),
        "additionalProperties": False,
    }


def whole(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def choice(*words: Any) -> dict[str, Any]:
    return {"enum": list(dict.fromkeys(words))}


# ---------------------------------------------------------------------------------------------------------- dispatch


def dispatch_form(kinds: tuple[str, ...], most: int) -> dict[str, Any]:
    """Which things, how many of each."""
    name = {"type": "string", "pattern": f"^{WORDS % 19}$"}
    thing = group({"name": name, "kind": choice(*kinds), "count": whole(1, 50)})
    return group({"things": {"type": "array", "items": thing, "minItems": 1, "maxItems": most}})


def chosen_things(data: Any, kinds: tuple[str, ...], most: int) -> tuple[Chosen, ...]:
    """The answer to `dispatch_form`, its names made different. Raises Fault("bad_input") for what is none."""
    listed = data.get("things") if isinstance(data, dict) else None
    if not isinstance(listed, list) or not 1 <= len(listed) <= most:
        raise Fault("bad_input", "There are no things in the answer.", "Give a list under the key things.")
    chosen: list[Chosen] = []
    for thing in listed:
        said = thing if isinstance(thing, dict) else {}
        name, kind, count = said.get("name"), said.get("kind"), said.get("count")
        if not isinstance(name, str) or kind not in kinds or not isinstance(count, int) or not 1 <= count <= 1000:
            raise Fault("bad_input", "A thing has no name, no count, or a kind that is not offered.", "Choose another.")
        base = " ".join("".join(c if c.isprintable() else " " for c in name).split())[:40] or str(kind)
        taken = {other.name for other in chosen}
        unique, number = base, 2
        while unique in taken:
            unique, number = f"{base} {number}", number + 1
        chosen.append(Chosen(unique, str(kind), count))
    return tuple(chosen)


def concept_form(things: tuple[Chosen, ...]) -> dict[str, Any]:
    """One short phrase about the looks of each thing, and about what happens."""
    phrase = {"type": "string", "pattern": f"^{WORDS % 59}$"}
    return group({**{thing.name: phrase for thing in things}, "what happens": phrase})


# -------------------------------------------------------------------------------------------------------- parameters


def parameter_form(things: tuple[Chosen, ...], moving: bool, entries: Catalogue) -> dict[str, Any]:
    """Place, looks and motion of each thing, then wind, camera, light, ground and length."""
    items = [_thing_form(number, things, moving, entries) for number in range(len(things))]
    listed = {"type": "array", "prefixItems": items, "items": False, "minItems": len(items), "maxItems": len(items)}
    wind = group({"speed_m_s": whole(0, 40), "direction_deg": choice(0, 45, 90, 135, 180, 225, 270, 315)})
    names = [thing.name for thing in things]
    return group(
        {
            "things": listed,
            **({"wind": wind} if moving else {}),
            "camera": group({"view": choice(*VIEWS), "framing": choice(*FRAMINGS), "move": choice(*MOVES),
                             "target": choice("", *names)}),
            "light": choice(*(setup for setup in LIGHTS if setup != "none")),
            "ground": choice(*GROUNDS),
            **({"seconds": whole(1, 20)} if moving else {}),
        }
    )  # fmt: skip


def _thing_form(number: int, things: tuple[Chosen, ...], moving: bool, entries: Catalogue) -> dict[str, Any]:
    thing = things[number]
    earlier = [other.name for other in things[:number]]
    hollow = [other.name for other in things[:number] if other.kind in SHAPES and SHAPES[other.kind].hollow]
    places = [group({"relation": choice(*_FREE), "target": choice("", *earlier), "distance_cm": whole(0, 500)})]
    if hollow and thing.kind in SHAPES:
        places.append(group({"relation": choice("inside"), "target": choice(*hollow)}))
    fields: dict[str, Any] = {"name": choice(thing.name), "place": {"anyOf": places} if len(places) > 1 else places[0]}
    fields["scale_percent"] = choice(25, 50, 75, 100, 150, 200, 300)
    if thing.count > 1:
        fields["arrange"] = choice(*ARRANGEMENTS)
    fields["turn_deg"] = choice(0, 45, 90, 135, 180, 270)
    params = _params(thing, entries)
    if params:
        fields["settings"] = group({param.key: _setting_form(param) for param in params})
    else:
        fields["material"] = choice("", *MATERIALS)
        fields["color"] = choice("", *COLORS)
    if moving:
        ways = [group({"kind": choice("none")}), *_motions(thing)]
        fields["motion"] = {"anyOf": ways}
    return group(fields)


def _motions(thing: Chosen) -> list[dict[str, Any]]:
    """The ways in which a thing can move."""
    if thing.kind in SHAPES and SHAPES[thing.kind].cloth:
        cloth = {"kind": choice("cloth"), "fabric": choice(*FABRICS), "pin": choice(*PINS)}
        return [group(cloth)]
    speed = whole(-20, 20)
    rigid = {"kind": choice("rigid"), "x_m_s": speed, "y_m_s": speed, "z_m_s": speed, "spin_deg_s": whole(-720, 720)}
    liquid = {"kind": choice("liquid"), "substance": choice(*LIQUIDS), "role": choice("inflow", "volume")}
    gas = {"kind": choice("gas"), "gives_off": choice("smoke", "fire", "smoke_and_fire")}
    ways = [group(rigid), group({"kind": choice("soft"), "stiffness_percent": whole(0, 100)}), group(gas)]
    return [*ways, group(liquid)] if thing.kind in ("sphere", "cube", "cylinder") else ways


def _params(thing: Chosen, entries: Catalogue) -> tuple[Param, ...]:
    """The plain parameters of a generator; a shape has none."""
    if thing.kind in SHAPES or thing.own[0]:
        return ()
    info = entries.generator(thing.kind)
    return tuple(param for param in info.params if param.type != "text" and not param.advanced)


def _setting_form(param: Param) -> dict[str, Any]:
    if param.type == "bool":
        return {"type": "boolean"}
    if param.type == "enum":
        return choice(*(option.id for option in param.choices))
    low = param.minimum if param.minimum is not None else 0.0
    high = param.maximum if param.maximum is not None else max(10.0 * float(param.default), low + 1.0)
    if param.type == "int":
        return whole(int(low), int(min(high, 10_000)))
    return choice(*(float(f"{low + (high - low) * n / (_STEPS - 1):.4g}") for n in range(_STEPS)), float(param.default))


def filled_in(data: Any, things: tuple[Chosen, ...], title: str, seed: int, moving: bool, entries: Catalogue) -> Plan:
    """The plan of a filled-in `parameter_form`. Raises Fault("bad_input") for what is none."""
    try:
        objects = tuple(
            _object(part, thing, moving, entries) for part, thing in zip(data["things"], things, strict=True)
        )
        wind = data["wind"] if moving else {"speed_m_s": 0, "direction_deg": 0}
        forces = (Force(speed_m_s=float(wind["speed_m_s"]), direction_deg=float(wind["direction_deg"])),)
        camera = Camera(**{key: str(data["camera"][key]) for key in ("view", "framing", "move", "target")})
        timing = Timing(frames=int(data["seconds"]) * 24) if moving else Timing()
        light, world = Light(setup=str(data["light"])), World(ground=str(data["ground"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Fault("bad_input", "The form is not filled in.", "Fill in every key.", repr(error)[:200]) from None
    return Plan(
        PLAN_VERSION,
        title[:100] or "Plan",
        objects,
        forces if wind["speed_m_s"] else (),
        timing,
        camera,
        light,
        world,
        seed=seed,
    )


def _object(part: dict[str, Any], thing: Chosen, moving: bool, entries: Catalogue) -> PlanObject:
    own, source = thing.own
    shape = own or (thing.kind if thing.kind in SHAPES else "generator")
    place = part["place"]
    gap = place.get("distance_cm")
    fields: dict[str, Any] = {
        "place": Place(str(place["relation"]), str(place["target"]), gap / 100 if gap is not None else None),
        "scale": part["scale_percent"] / 100,
        "rotation_deg": (0.0, 0.0, float(part["turn_deg"])),
        "count": thing.count,
        "arrange": str(part.get("arrange", "row")),
    }
    if own:
        fields["source"] = source
    if shape == "generator":
        fields["source"] = thing.kind
        kinds = {param.key: param.type for param in entries.generator(thing.kind).params}
        fields["settings"] = tuple(
            Setting(key, float(value) if kinds.get(key) in ("int", "float") else value)
            for key, value in part.get("settings", {}).items()
        )
    elif part["material"] or part["color"]:
        fields["material"] = Material(name=str(part["material"]), color=str(part["color"]))
    made = PlanObject(thing.name, shape, **fields)
    return dataclasses.replace(made, **_motion(part["motion"])) if moving else made


def _motion(said: dict[str, Any]) -> dict[str, Any]:
    kind = said["kind"]
    if kind == "rigid":
        velocity = float(said["x_m_s"]), float(said["y_m_s"]), float(said["z_m_s"])
        return {"rigid": Rigid(velocity_m_s=velocity, spin_deg_s=(0.0, 0.0, float(said["spin_deg_s"])))}
    if kind == "cloth":
        return {"cloth": Cloth(str(said["fabric"]), str(said["pin"]))}
    if kind == "soft":
        return {"soft": Soft(said["stiffness_percent"] / 100)}
    if kind == "liquid":
        down = (0.0, 0.0, -1.0) if said["role"] == "inflow" else (0.0, 0.0, 0.0)
        return {"liquid": Liquid(str(said["role"]), str(said["substance"]), velocity_m_s=down), "collides": False}
    return {"gas": Gas(str(said["gives_off"]))} if kind == "gas" else {}


# ------------------------------------------------------------------------------------------------------------- edits


def change_form(plan: Plan) -> dict[str, Any]:
    """What may change of each thing of a plan, and of the whole; what stays is said as it is."""
    items = [
        group(
            {
                "name": choice(thing.name),
                "keep": {"type": "boolean"},
                "count": whole(1, 100),
                "scale_percent": choice(50, 67, 100, 150, 200),
                "color": choice("same", *COLORS),
                "material": choice("same", *MATERIALS),
            }
        )
        for thing in plan.objects
    ]
    listed = {"type": "array", "prefixItems": items, "items": False, "minItems": len(items), "maxItems": len(items)}
    camera = {"view": choice("same", *VIEWS), "framing": choice("same", *FRAMINGS)}
    return group({"things": listed, "wind_percent": choice(0, 50, 100, 150, 200, 300), **camera,
                  "light": choice("same", *LIGHTS)})  # fmt: skip


def changed_by(data: Any, plan: Plan) -> Plan:
    """`plan` as a filled-in `change_form` wants it. Raises Fault("bad_input") for what is none."""
    try:
        pairs = zip(plan.objects, data["things"], strict=True)
        things = [_changed(thing, said) for thing, said in pairs if said["keep"] is True]
        share = data["wind_percent"] / 100
        camera = {key: str(data[key]) for key in ("view", "framing") if data[key] != "same"}
        light = {} if data["light"] == "same" else {"setup": str(data["light"])}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Fault("bad_input", "The form is not filled in.", "Fill in every key.", repr(error)[:200]) from None
    names = {thing.name for thing in things}
    rooted = tuple(
        thing if thing.place.target in names | {""} else dataclasses.replace(thing, place=Place("on"))
        for thing in things
    )
    forces = tuple(_blown(force, share) for force in plan.forces if force.type != "wind" or share > 0)
    target = plan.camera.target if plan.camera.target in names else ""
    return dataclasses.replace(
        plan,
        objects=rooted,
        forces=forces,
        camera=dataclasses.replace(plan.camera, target=target, **camera),
        light=dataclasses.replace(plan.light, **light),
    )


def _changed(thing: PlanObject, said: dict[str, Any]) -> PlanObject:
    words = {"name": said["material"], "color": said["color"]}
    looks = {key: str(word) for key, word in words.items() if word != "same"}
    material = dataclasses.replace(thing.material or Material(), **looks) if looks else thing.material
    scale = min(100.0, max(0.01, thing.scale * said["scale_percent"] / 100))
    return dataclasses.replace(thing, count=int(said["count"]), scale=scale, material=material)


def _blown(force: Force, share: float) -> Force:
    from blender_aigc.plan import WINDS

    if force.type != "wind" or share == 1:
        return force
    speed = force.speed_m_s if force.speed_m_s is not None else WINDS[force.strength]
    return dataclasses.replace(force, speed_m_s=min(60.0, speed * share))
