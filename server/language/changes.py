"""What distinguishes two plans, in lines that a person can read before he agrees."""

from __future__ import annotations

from typing import Any

from blender_aigc.plan import Plan, plain

_QUIET = {"title", "notes", "version"}


def differences(before: Plan, after: Plan) -> tuple[str, ...]:
    """One line a change, such as "ball: count 2 -> 4", "cup: removed", "wind: speed_m_s 8 -> 12". Empty: no change."""
    lines: list[str] = []
    old = {thing.name: plain(thing, defaults=True) for thing in before.objects}
    new = {thing.name: plain(thing, defaults=True) for thing in after.objects}
    lines += [f"{name}: removed" for name in old if name not in new]
    lines += [f"{name}: added ({_sketch(thing)})" for name, thing in new.items() if name not in old]
    for name in new:
        if name in old:
            lines += _compared(name, old[name], new[name])
    for index in range(max(len(before.forces), len(after.forces))):
        here, there = before.forces[index : index + 1], after.forces[index : index + 1]
        if not there:
            lines.append(f"{here[0].type}: removed")
        elif not here:
            lines.append(f"{there[0].type}: added ({there[0].speed_m_s or there[0].strength})")
        else:
            lines += _compared(there[0].type, plain(here[0], defaults=True), plain(there[0], defaults=True))
    first, second = plain(before, defaults=True), plain(after, defaults=True)
    for key in first:
        if key not in _QUIET | {"objects", "forces"}:
            lines += _compared(key, {key: first[key]} if not isinstance(first[key], dict) else first[key],
                               {key: second[key]} if not isinstance(second[key], dict) else second[key])  # fmt: skip
    return tuple(lines)


def _sketch(thing: dict[str, Any]) -> str:
    place = thing["place"]
    where = f" {place['relation'].replace('_', ' ')} {place['target']}" if place["target"] else ""
    return f"{thing['count']} x {thing['source'] or thing['shape']}{where}"


def _compared(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for key in after:
        one, other = before.get(key), after[key]
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            lines += _compared(
                name, {f"{key}.{k}": v for k, v in one.items()}, {f"{key}.{k}": v for k, v in other.items()}
            )
        else:
            lines.append(f"{name}: {key} {_shown(one)} -> {_shown(other)}")
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return "automatic"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return f"({', '.join(map(_shown, value))})"
    return (
        ", ".join(f"{k} {_shown(v)}" for k, v in value.items() if v not in (None, ""))
        if isinstance(value, dict)
        else str(value)
    )
