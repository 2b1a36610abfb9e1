"""What a field of the plan may hold, and the strict reader that turns parsed JSON into the plan's dataclasses. No bpy.

Every field carries a `Spec` with its sentence of help, unit and bounds; reader and JSON Schema are made from it, so
that they cannot disagree. The first mistake raises `Fault("bad_input")` with its JSON path.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from ..faults import Fault

T = TypeVar("T")
Kind = Literal["number", "whole", "word", "text", "flag", "vector", "part", "parts", "value"]


@dataclass(frozen=True)
class Spec:
    """Constraints of one field.

    low, high: bounds of a number, of each component of a vector, of the length of a text or a list.
    words: what a "word" may be. cls: the dataclass of a "part" or of the items of "parts".
    optional: None is allowed and means that the director chooses.
    """

    kind: Kind
    help: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    words: tuple[str, ...] = ()
    cls: type | None = None
    optional: bool = False


_KEY = "plan"
_REQUIRED = dataclasses.MISSING


def _field(spec: Spec, default: Any) -> Any:
    if spec.kind == "part" and default is not None and default is not _REQUIRED:
        return dataclasses.field(default_factory=cast(Any, spec.cls), metadata={_KEY: spec})
    return dataclasses.field(default=default, metadata={_KEY: spec})


def number(help: str, unit: str, low: float, high: float, default: Any = _REQUIRED) -> Any:
    """A real number; default None makes it optional."""
    return _field(Spec("number", help, unit, low, high, optional=default is None), default)


def whole(help: str, low: int, high: int, default: Any = _REQUIRED, unit: str = "") -> Any:
    return _field(Spec("whole", help, unit, low, high, optional=default is None), default)


def word(help: str, words: Any, default: Any = _REQUIRED) -> Any:
    return _field(Spec("word", help, words=tuple(words), optional=default is None), default)


def text(help: str, longest: int, default: Any = _REQUIRED) -> Any:
    return _field(Spec("text", help, low=0 if default == "" else 1, high=longest), default)


def flag(help: str, default: bool) -> Any:
    return _field(Spec("flag", help), default)


def vector(help: str, unit: str, low: float, high: float, default: Any = _REQUIRED) -> Any:
    """Three numbers: x (to the right), y (away from the front view), z (up)."""
    return _field(Spec("vector", help, unit, low, high, optional=default is None), default)


def part(help: str, cls: type, optional: bool = False) -> Any:
    return _field(Spec("part", help, cls=cls, optional=optional), None if optional else ())


def parts(help: str, cls: type, most: int) -> Any:
    return _field(Spec("parts", help, low=0, high=most, cls=cls), ())


def value(help: str) -> Any:
    """A number, a word or true/false, whichever a generator's parameter wants."""
    return _field(Spec("value", help), _REQUIRED)


def specs(cls: type) -> dict[str, tuple[Spec, Any]]:
    """Key -> (what it may hold, its default or `dataclasses.MISSING`) in the order of the page."""
    found: dict[str, tuple[Spec, Any]] = {}
    for item in dataclasses.fields(cls):
        default = item.default
        if default is _REQUIRED and item.default_factory is not _REQUIRED:
            default = item.default_factory()
        found[item.name] = (item.metadata[_KEY], default)
    return found


# ----------------------------------------------------------------------------------------------------------- reading


def read(cls: type[T], data: object, path: str = "$") -> T:
    """`data` (parsed JSON) as an instance of `cls`. Raises Fault("bad_input") that names the path."""
    if not isinstance(data, dict):
        raise mistake(path, f"here stands {_shown(data)}, but a group of keys is wanted")
    given, known = cast(dict[str, Any], data), specs(cls)
    for key in given:
        if key not in known:
            raise mistake(f"{path}.{_brief(key)}", "this word is not known here", nearest(key, known))
    built: dict[str, Any] = {}
    for key, (spec, default) in known.items():
        if key in given:
            built[key] = _read(spec, given[key], f"{path}.{key}")
        elif default is _REQUIRED:
            raise mistake(f"{path}.{key}", f"this is missing: {spec.help}")
    return cls(**built)


def _read(spec: Spec, data: object, path: str) -> Any:
    if data is None and spec.optional:
        return None
    if spec.kind == "part":
        return read(cast("type[object]", spec.cls), data, path)
    if spec.kind == "parts":
        cls = cast("type[object]", spec.cls)
        return tuple(read(cls, item, f"{path}[{i}]") for i, item in enumerate(_list(spec, data, path)))
    if spec.kind == "vector":
        items = _list(dataclasses.replace(spec, low=3, high=3), data, path)
        return tuple(_number(spec, item, f"{path}[{i}]") for i, item in enumerate(items))
    if spec.kind in ("number", "whole"):
        return _number(spec, data, path)
    if spec.kind == "value" and isinstance(data, (bool, int, float)):
        return data if isinstance(data, bool) else _number(spec, data, path)
    if spec.kind == "flag":
        if not isinstance(data, bool):
            raise mistake(path, f"here stands {_shown(data)}, but true or false is wanted")
        return data
    if not isinstance(data, str):
        raise mistake(path, f"here stands {_shown(data)}, but a word is wanted")
    return _word(spec, data, path) if spec.kind == "word" else _text(spec, data, path)


def _word(spec: Spec, data: str, path: str) -> str:
    if data not in spec.words:
        raise mistake(path, f"{_shown(data)} is not known here", nearest(data, spec.words))
    return data


def _text(spec: Spec, data: str, path: str) -> str:
    longest = 200 if spec.kind == "value" else int(spec.high)
    if len(data) > longest or len(data) < spec.low:
        raise mistake(path, f"the text must have between {max(0, int(max(spec.low, 0)))} and {longest} letters")
    try:
        data.encode()
    except UnicodeEncodeError:
        raise mistake(path, "the text holds a broken letter") from None
    if any(ord(letter) < 32 for letter in data):
        raise mistake(path, "the text holds a control character")
    return data


def _list(spec: Spec, data: object, path: str) -> list[Any]:
    if not isinstance(data, (list, tuple)):
        raise mistake(path, f"here stands {_shown(data)}, but a list is wanted")
    items = list(cast(list[Any], data))
    if not spec.low <= len(items) <= spec.high:
        wanted = f"{spec.low:g}" if spec.low == spec.high else f"at most {spec.high:g}"
        raise mistake(path, f"the list has {len(items)} items, but {wanted} are wanted")
    return items


def _number(spec: Spec, data: object, path: str) -> int | float:
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        raise mistake(path, f"here stands {_shown(data)}, but a number is wanted")
    if spec.kind == "whole" and (not math.isfinite(data) or data != int(data)):
        raise mistake(path, f"here stands {_shown(data)}, but a whole number is wanted")
    if not math.isfinite(data) or not spec.low <= data <= spec.high:
        unit = f" {spec.unit}" if spec.unit else ""
        raise mistake(
            path, f"{data:.6g}{unit} is impossible", f"Between {spec.low:g} and {spec.high:g}{unit} it works."
        )
    return int(data) if spec.kind == "whole" else float(data)


# ---------------------------------------------------------------------------------------------------------- mistakes


def mistake(path: str, what: str, hint: str = "") -> Fault:
    """The Fault of a plan that cannot be carried out."""
    return Fault("bad_input", f"The plan has a mistake at {path}: {what}.", hint or "Change the plan there.")


def nearest(given: str, known: Any) -> str:
    """A hint with the known words nearest to `given`."""
    offered = [str(item) for item in known if item]
    close = difflib.get_close_matches(given.lower()[:80], offered, 3, 0.5)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Known are: {', '.join(offered[:40])}." if offered else "Nothing of that kind is known."


def _brief(data: str) -> str:
    return data if len(data) <= 40 else data[:37] + "..."


def _shown(data: object) -> str:
    if data is None:
        return "nothing"
    if isinstance(data, str):
        return repr(_brief(data))
    if isinstance(data, (list, tuple)):
        return "a list"
    return "a group of keys" if isinstance(data, dict) else f"{data}"[:40]
