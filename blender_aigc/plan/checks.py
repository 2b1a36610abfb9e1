"""From text to a plan that can be carried out; what no schema can say is checked here. No bpy."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, cast

from ..faults import Fault
from ..protocol import Param
from .fields import mistake, nearest, read
from .vocabulary import MOST_COPIES, PLAN_VERSION, Force, Gas, Liquid, Plan, PlanObject
from .words import COLORS, MATERIALS, SHAPES

LONGEST_TEXT = 400_000
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_MOVING = ("cloth", "soft", "liquid", "gas")


def load(
    text: str | bytes,
    generators: Mapping[str, tuple[Param, ...]] | None = None,
    assets: Collection[str] | None = None,
) -> Plan:
    """JSON text as a checked plan. Raises Fault, see `validate`; text that is no JSON is one, too."""
    if len(text) > LONGEST_TEXT:
        raise Fault("bad_input", "The plan is too long.", "Ask for a simpler scene.")
    try:
        data = json.loads(text, parse_constant=_refuse, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        where = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Fault("bad_input", f"The plan is not valid JSON{where}.", "Mend the text.", str(error)[:500]) from None
    return validate(data, generators, assets)


def validate(
    plan: Plan | object,
    generators: Mapping[str, tuple[Param, ...]] | None = None,
    assets: Collection[str] | None = None,
) -> Plan:
    """`plan` (parsed JSON or a Plan) as a Plan that can be carried out.

    generators: id -> parameters of the catalogue, assets: names of the user's own; None: not checked.
    Raises Fault("bad_input") with the JSON path of the first unknown word, impossible value or contradiction,
    Fault("version_mismatch") for a plan of a newer version.
    """
    if not isinstance(plan, Plan):
        _check_version(plan)
        plan = read(Plan, plan)
    else:
        from .write import plain

        plan = read(Plan, plain(plan, defaults=True))
    if not plan.objects:
        raise mistake("$.objects", "there is nothing in the scene", "Name at least one thing.")
    _check_names(plan)
    for index, thing in enumerate(plan.objects):
        path = f"$.objects[{index}]"
        _check_object(thing, path)
        _check_source(thing, path, generators, assets)
        _check_physics(thing, path)
        for key in ("liquid", "gas"):
            _check_span(getattr(thing, key), f"{path}.{key}")
    for index, force in enumerate(plan.forces):
        _check_span(force, f"$.forces[{index}]")
    _check_places(plan)
    _check_rest(plan)
    return plan


def _check_version(data: object) -> None:
    version = cast(dict[str, Any], data).get("version") if isinstance(data, dict) else None
    if isinstance(version, int) and not isinstance(version, bool) and version > PLAN_VERSION:
        raise Fault(
            "version_mismatch",
            f"This plan is of version {version}, but this add-on knows only up to {PLAN_VERSION}.",
            "Update AIGC Studio.",
        )


def _check_names(plan: Plan) -> None:
    seen: dict[str, int] = {}
    for index, thing in enumerate(plan.objects):
        if not thing.name.strip():
            raise mistake(f"$.objects[{index}].name", "the name is empty")
        if thing.name in seen:
            raise mistake(f"$.objects[{index}].name", f"{thing.name!r} is the name of another object", "Name it anew.")
        seen[thing.name] = index
    copies = sum(thing.count for thing in plan.objects)
    if copies > MOST_COPIES:
        raise mistake("$.objects", f"{copies} objects are too many", f"Up to {MOST_COPIES} are possible.")


def _check_object(thing: PlanObject, path: str) -> None:
    if thing.size_m is not None and sum(extent > 0 for extent in thing.size_m) < 2:
        raise mistake(f"{path}.size_m", "a thing needs at least two extents above zero", "Make it larger.")
    if thing.size_m is not None and min(thing.size_m) == 0 and not (_flat(thing) or thing.cloth):
        raise mistake(f"{path}.size_m", f"a {thing.shape} cannot be flat", "Give all three extents.")
    material = thing.material
    if material is not None:
        if material.name and material.name not in MATERIALS:
            raise mistake(
                f"{path}.material.name", f"{material.name!r} is no known material", nearest(material.name, MATERIALS)
            )
        check_color(material.color, f"{path}.material.color")
    if thing.gas is not None:
        check_color(thing.gas.color, f"{path}.gas.color")


def _flat(thing: PlanObject) -> bool:
    shape = SHAPES.get(thing.shape)
    return shape is None or shape.cloth or min(shape.size_m) == 0


def check_color(color: str, path: str) -> None:
    """Raises Fault unless `color` is empty, a colour word or #rrggbb."""
    if color and color not in COLORS and not _HEX.fullmatch(color):
        raise mistake(path, f"{color!r} is no known colour", nearest(color, COLORS))


def _check_source(
    thing: PlanObject, path: str, generators: Mapping[str, tuple[Param, ...]] | None, assets: Collection[str] | None
) -> None:
    catalogued = thing.shape in ("generator", "asset")
    if catalogued != bool(thing.source) and thing.shape != "selected":
        what = "the catalogue's name is missing" if catalogued else f"a {thing.shape} has no source"
        raise mistake(f"{path}.source", what, "Use shape generator or asset together with a source.")
    if thing.settings and thing.shape != "generator":
        raise mistake(f"{path}.settings", f"a {thing.shape} has no settings", "Only generators have them.")
    keys = [setting.key for setting in thing.settings]
    if len(set(keys)) != len(keys):
        raise mistake(f"{path}.settings", "a parameter stands there twice")
    known = generators if thing.shape == "generator" else assets if thing.shape == "asset" else None
    if known is not None and thing.source not in known:
        raise mistake(f"{path}.source", f"{thing.source!r} is not in the catalogue", nearest(thing.source, known))
    if thing.shape == "generator" and generators is not None:
        params = {param.key: param for param in generators[thing.source]}
        for number, setting in enumerate(thing.settings):
            where = f"{path}.settings[{number}]"
            if setting.key not in params:
                raise mistake(f"{where}.key", f"{thing.source} has no {setting.key!r}", nearest(setting.key, params))
            given = setting.value
            whole = params[setting.key].type == "int" and isinstance(given, float) and given.is_integer()
            try:
                params[setting.key].check(int(given) if whole else given)
            except Fault as fault:
                raise mistake(f"{where}.value", fault.message.rstrip("."), fault.hint) from None


def _check_physics(thing: PlanObject, path: str) -> None:
    moving = [key for key in _MOVING if getattr(thing, key) is not None]
    moving += ["rigid"] if thing.rigid is not None and thing.rigid.type == "active" else []
    if "gas" in moving and "rigid" in moving:  # a burning ball may roll
        moving.remove("gas")
    if len(moving) > 1:
        raise mistake(path, f"{thing.name!r} cannot be {' and '.join(moving)} at once", "Leave one of them out.")
    rigid = thing.rigid
    if rigid is not None and rigid.type == "passive":
        if any((*rigid.velocity_m_s, *rigid.spin_deg_s, rigid.random_spin_deg_s)):
            raise mistake(f"{path}.rigid", "what is passive cannot have a velocity", "Make it active.")
    cloth = thing.cloth
    if cloth is not None and cloth.release_frame is not None and cloth.pin == "none":
        raise mistake(f"{path}.cloth.release_frame", "nothing is pinned that could be let go", "Choose a pin.")
    if cloth is not None and cloth.pressure > 0 and _flat(thing) and thing.shape in SHAPES:
        raise mistake(f"{path}.cloth.pressure", f"a {thing.shape} holds no pressure", "Use a closed shape.")


def _check_span(source: Liquid | Gas | Force | None, path: str) -> None:
    if source is not None and source.stop_frame is not None and source.stop_frame <= source.start_frame:
        raise mistake(f"{path}.stop_frame", "it stops before it starts", "Let it stop later.")


def _check_places(plan: Plan) -> None:
    """Targets exist, are not the object itself, and there is no ring of relations."""
    by_name = {thing.name: thing for thing in plan.objects}
    for index, thing in enumerate(plan.objects):
        path, place = f"$.objects[{index}].place", thing.place
        if place.target and place.target not in by_name:
            raise mistake(f"{path}.target", f"there is no object {place.target!r}", nearest(place.target, by_name))
        if place.relation == "at" and place.target:
            raise mistake(f"{path}.target", "'at' is a place in the world and has no target", "Leave the target out.")
        if place.relation in ("inside", "under") and not place.target:
            raise mistake(f"{path}.target", f"'{place.relation}' needs a target", "Name the object.")
        target = by_name.get(place.target)
        if place.relation == "inside" and target is not None and target.shape in SHAPES:
            if not SHAPES[target.shape].hollow:
                hollow = ", ".join(name for name, shape in SHAPES.items() if shape.hollow)
                raise mistake(f"{path}.relation", f"nothing fits inside a {target.shape}", f"Hollow are: {hollow}.")
        chain, current = [thing.name], thing
        while current.place.target:
            current = by_name[current.place.target] if current.place.target in by_name else current
            if current.name in chain:
                raise mistake(f"{path}.target", f"{' to '.join([*chain, current.name])} is a circle", "Break it.")
            chain.append(current.name)
    if plan.camera.target and plan.camera.target not in by_name:
        raise mistake(
            "$.camera.target", f"there is no object {plan.camera.target!r}", nearest(plan.camera.target, by_name)
        )


def _check_rest(plan: Plan) -> None:
    check_color(plan.world.color, "$.world.color")
    for index, thing in enumerate(plan.objects):
        for key, frame in (
            ("rigid", "start_frame"),
            ("cloth", "release_frame"),
            ("liquid", "start_frame"),
            ("gas", "start_frame"),
        ):
            held = getattr(getattr(thing, key), frame, None)
            if held is not None and held > plan.timing.frames:
                path = f"$.objects[{index}].{key}.{frame}"
                raise mistake(path, f"frame {held} is after the end", f"The scene ends at frame {plan.timing.frames}.")


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("a key stands twice in the same object")
    return built
