"""The plan as plain JSON data, and its JSON Schema. Standard library only, no bpy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from typing import Any, cast

from .fields import Spec, specs
from .vocabulary import PLAN_VERSION, Plan, PlanObject
from .words import OTHER_SHAPES, SHAPES


def plain(message: object, defaults: bool = False) -> dict[str, Any]:
    """A dataclass of the plan as JSON data; what stands at its default is left out unless `defaults`."""
    kept: dict[str, Any] = {}
    for key, (spec, default) in specs(type(message)).items():
        given = getattr(message, key)
        if not defaults and default is not dataclasses.MISSING and given == default:
            continue
        kept[key] = _plain(spec, given, defaults)
    return kept


def _plain(spec: Spec, given: Any, defaults: bool) -> Any:
    if given is None:
        return None
    if spec.kind == "part":
        return plain(given, defaults)
    if spec.kind == "parts":
        return [plain(item, defaults) for item in given]
    return list(given) if spec.kind == "vector" else given


def json_schema(
    strict: bool = False,
    most_objects: int | None = None,
    generators: Collection[str] = (),
    assets: Collection[str] = (),
) -> dict[str, Any]:
    """JSON Schema (2020-12, no references, no recursion) of the plan; every object is closed.

    strict: the subset that OpenAI's `response_format` takes with "strict": every key is required (what the director
    may choose is null), no defaults, no lengths of texts. most_objects: bounds the list for small models.
    generators, assets: names in the catalogue; given, `source` can be nothing else.
    """
    schema = _group(Plan, strict)
    schema["properties"]["version"] = {"type": "integer", "enum": [PLAN_VERSION], "description": "version of this page"}
    things = schema["properties"]["objects"]
    things["minItems"] = 1
    if most_objects is not None:
        things["maxItems"] = most_objects
    if generators or assets:
        source = things["items"]["properties"]["source"]
        source.pop("maxLength", None)
        source.pop("minLength", None)
        source["enum"] = ["", *sorted({*generators, *assets})]
    if not strict:
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["title"] = "AIGC Studio plan"
    return schema


def _group(cls: type, strict: bool) -> dict[str, Any]:
    known = specs(cls)
    required = [key for key, (_, default) in known.items() if strict or default is dataclasses.MISSING]
    properties = {key: _schema(spec, default, strict) for key, (spec, default) in known.items()}
    if cls is PlanObject:
        words = "; ".join(f"{name}: {shape.help}" for name, shape in SHAPES.items())
        others = "; ".join(f"{name}: {help}" for name, help in OTHER_SHAPES.items())
        properties["shape"]["description"] += f". {words}; {others}"
    return {
        "type": "object",
        "description": (cls.__doc__ or "").splitlines()[0],
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _schema(spec: Spec, default: Any, strict: bool) -> dict[str, Any]:
    schema = {**_typed(spec, strict), "description": _described(spec, default)}
    if spec.optional:
        inner = {key: item for key, item in schema.items() if key != "description"}
        schema = {"anyOf": [inner, {"type": "null"}], "description": schema["description"]}
    elif not strict and isinstance(default, (bool, int, float, str)):
        schema["default"] = default
    return schema


def _typed(spec: Spec, strict: bool) -> dict[str, Any]:
    if spec.kind == "part":
        return _group(cast(type, spec.cls), strict)
    if spec.kind == "parts":
        return {"type": "array", "items": _group(cast(type, spec.cls), strict), "maxItems": int(spec.high)}
    if spec.kind == "vector":
        return {"type": "array", "items": _bounded("number", spec), "minItems": 3, "maxItems": 3}
    if spec.kind in ("number", "whole"):
        return _bounded("integer" if spec.kind == "whole" else "number", spec)
    if spec.kind == "word":
        return {"type": "string", "enum": list(spec.words)}
    if spec.kind == "text":
        lengths = {"minLength": int(spec.low), "maxLength": int(spec.high)}
        return {"type": "string", **({} if strict else lengths)}
    if spec.kind == "flag":
        return {"type": "boolean"}
    words = {"type": "string", **({} if strict else {"maxLength": 200})}
    return {"anyOf": [{"type": "number", "minimum": -1e6, "maximum": 1e6}, words, {"type": "boolean"}]}


def _bounded(kind: str, spec: Spec) -> dict[str, Any]:
    bounds = {"minimum": spec.low, "maximum": spec.high}
    return {"type": kind, **{key: _tidy(bound) for key, bound in bounds.items() if math.isfinite(bound)}}


def _tidy(number: float) -> float | int:
    return int(number) if number == int(number) else number


def _described(spec: Spec, default: Any) -> str:
    said = spec.help + (f" [{spec.unit}]" if spec.unit else "")
    if isinstance(default, tuple) and default:
        return f"{said}; {list(cast(tuple[float, ...], default))} when left out"
    return f"{said}; {default} when left out" if isinstance(default, (bool, int, float)) else said
