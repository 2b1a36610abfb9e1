"""Strict JSON for dataclasses: an unknown, missing or mistyped key is a `Fault` that names its path. No bpy."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from typing import Any, Literal, TypeVar

from .faults import Fault

T = TypeVar("T")


def encode(message: Any) -> str:
    """`message` (a dataclass of this file) as one line of JSON. NaN and infinity are refused."""
    try:
        return json.dumps(_plain(message), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise Fault("bad_request", "A message holds a number that is not finite.", detail=str(error)) from None


def decode(cls: type[T], text: str | bytes) -> T:
    """JSON text as an instance of `cls`. Raises Fault("bad_request") naming the JSON path of the first mistake."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise Fault("bad_request", "The message is not valid JSON.", detail=str(error)[:500]) from None
    return from_plain(cls, data)


def from_plain(cls: type[T], data: object) -> T:
    """Parsed JSON as an instance of `cls`; see `decode`."""
    return _build(cls, data, "$")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with each key once: readers disagree about which of two counts."""
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("a key stands twice in the same object")
    "".join(built).encode()  # half of a UTF-16 pair in a key is a ValueError too
    return built


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in typing.cast(dict[str, Any], value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in typing.cast(list[Any], value)]
    return value


@functools.cache
def field_types(cls: type) -> dict[str, tuple[Any, bool]]:
    """Field name -> (resolved type, is it required) of a message class."""
    hints = typing.get_type_hints(cls)
    missing = dataclasses.MISSING
    return {
        f.name: (hints[f.name], f.default is missing and f.default_factory is missing) for f in dataclasses.fields(cls)
    }


def _build(kind: Any, value: object, path: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _build_message(typing.cast(type, kind), value, path)
    if origin in (typing.Union, types.UnionType):
        return _build_union(arguments, value, path)
    if origin is Literal:
        if type(value) is str and value in arguments:
            return value
        raise _mistyped(path, f"one of {', '.join(arguments)}", value)
    if origin is tuple:
        if not isinstance(value, list):
            raise _mistyped(path, "a list", value)
        return tuple(_build(arguments[0], item, f"{path}[{i}]") for i, item in enumerate(typing.cast(list[Any], value)))
    if origin is dict:
        if not isinstance(value, dict):
            raise _mistyped(path, "an object", value)
        return {
            key: _build(arguments[1], item, f"{path}.{key}") for key, item in typing.cast(dict[str, Any], value).items()
        }
    if kind is float and type(value) in (int, float):
        return _finite(typing.cast(float, value), path)
    if type(value) is not kind:
        raise _mistyped(path, kind.__name__, value)
    return _text(value, path) if isinstance(value, str) else value


def _text(value: str, path: str) -> str:
    """`value`, unless it holds half of a UTF-16 pair, which JSON can write but no file or database can."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Fault("bad_request", f"The message has a mistake at {path}: a broken letter.") from None
    return value


def _finite(value: int | float, path: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Fault("bad_request", f"The message has a mistake at {path}: the number is too large.")
    return number


def _build_message(cls: type, value: object, path: str) -> Any:
    if not isinstance(value, dict):
        raise _mistyped(path, "an object", value)
    known, given = field_types(cls), typing.cast(dict[str, Any], value)
    for key in given:
        if key not in known:
            raise Fault("bad_request", f"The message has an unknown key at {path}.{key}.", detail=cls.__name__)
    built: dict[str, Any] = {}
    for key, (kind, required) in known.items():
        if key in given:
            built[key] = _build(kind, given[key], f"{path}.{key}")
        elif required:
            raise Fault("bad_request", f"The message lacks {path}.{key}.", detail=cls.__name__)
    return cls(**built)


def _build_union(options: tuple[Any, ...], value: object, path: str) -> Any:
    if value is None and type(None) in options:
        return None
    plain = [option for option in options if option is not type(None)]
    exact = [option for option in plain if type(value) is option]
    if exact:
        return _build(exact[0], value, path)
    if len(plain) == 1:
        return _build(plain[0], value, path)
    if float in plain and type(value) is int:
        return _finite(value, path)
    raise _mistyped(path, " or ".join(option.__name__ for option in plain), value)


def _mistyped(path: str, wanted: str, value: object) -> Fault:
    return Fault("bad_request", f"The message has a mistake at {path}: expected {wanted}, got {type(value).__name__}.")
