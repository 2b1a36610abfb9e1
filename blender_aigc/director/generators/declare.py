"""Short ways to declare the parameters of a generator. No numpy, no bpy."""

from __future__ import annotations

from ...protocol import Choice, Param


def metres(key: str, label: str, text: str, default: float, low: float, high: float) -> Param:
    return Param(key, "float", label, text, float(default), low, high, unit="m")


def degrees(key: str, label: str, text: str, default: float, low: float, high: float) -> Param:
    return Param(key, "float", label, text, float(default), low, high, unit="deg")


def share(key: str, label: str, text: str, default: float, low: float = 0.0, high: float = 1.0) -> Param:
    """A number without a unit."""
    return Param(key, "float", label, text, float(default), low, high)


def count(key: str, label: str, text: str, default: int, low: int, high: int) -> Param:
    return Param(key, "int", label, text, default, low, high)


def switch(key: str, label: str, text: str, default: bool) -> Param:
    return Param(key, "bool", label, text, default)


def choice(key: str, label: str, text: str, *options: tuple[str, str]) -> Param:
    """options: (id, label); the first one is the default."""
    return Param(key, "enum", label, text, options[0][0], choices=tuple(Choice(*option) for option in options))


DETAIL = Param("detail", "float", "Detail", "Fineness of the mesh; 2 makes about four times the faces", 1.0, 0.25, 4.0)
"""Every generator has it. Segments are counted by `segments`."""


def segments(wanted: float, detail: float, least: int = 3, even: bool = False) -> int:
    """How many segments a curve that looks round with `wanted` gets at this detail."""
    found = max(least, round(wanted * detail))
    return found + found % 2 if even else found
