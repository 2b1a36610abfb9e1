"""Looks that can be chosen by a picture: a template for the prompt and values for parameters, one JSON file each.

    {"label": "Oil Painting", "help": "Thick paint", "prompt": "an oil painting of {prompt}, visible brush strokes",
     "params": {"strength": 0.6}, "models": {"stylise": {"style": "painting"}}}

`params` are for every model that has a parameter of that name, `models` for one. A PNG of the same name beside the file
is its picture. A studio keeps such files in a shared folder. No bpy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .faults import Fault

Value = bool | int | float | str

LARGEST_BYTES = 1 << 16
_ID = re.compile(r"[a-z0-9][a-z0-9_\-]{0,58}")
_MARK = "{prompt}"


@dataclass(frozen=True)
class Style:
    """id: name of the file. prompt: with {prompt} where the artist's words go; "": they stay as they are."""

    id: str
    label: str
    help: str = ""
    prompt: str = ""
    params: Mapping[str, Value] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    picture: Path | None = None

    def values_for(self, model: str) -> dict[str, Value]:
        return {**self.params, **self.models.get(model, {})}


def read_styles(folders: Iterable[Path]) -> tuple[dict[str, Style], list[str]]:
    """The styles in the folders by id, a later folder's before an earlier one's, and a sentence for what is none."""
    found: dict[str, Style] = {}
    problems: list[str] = []
    for folder in folders:
        try:
            paths = sorted(folder.glob("*.json"))
        except OSError as error:
            problems.append(f"The folder {folder} cannot be read: {error}")
            continue
        for path in paths:
            try:
                style = read_style(path)
            except Fault as fault:
                problems.append(fault.message)
            else:
                found[style.id] = style
    return found, problems


def read_style(path: Path) -> Style:
    """Raises Fault("bad_input") for a file that is no style."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError("too large")
        raw = json.loads(path.read_text(encoding="utf-8"))
        return _checked(raw, path)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        hint = "Save the style again, or remove the file."
        raise Fault("bad_input", f"The style {path.name} cannot be read: {error}", hint, str(path)) from None


def _checked(raw: object, path: Path) -> Style:
    known = {"label": str, "help": str, "prompt": str, "params": dict, "models": dict}
    if not isinstance(raw, dict) or not _ID.fullmatch(path.stem):
        raise ValueError("not a style" if not isinstance(raw, dict) else "its name may hold a-z, 0-9, _ and - only")
    for key, value in raw.items():
        if key not in known or not isinstance(value, known[key]):
            raise ValueError(f"{key!r} does not belong there")
    if not str(raw.get("label", "")).strip():
        raise ValueError("it has no label")
    groups = [raw.get("params", {}), *raw.get("models", {}).values()]
    if not all(isinstance(group, dict) and all(isinstance(v, (bool, int, float, str)) for v in group.values())
               for group in groups):  # fmt: skip
        raise ValueError("a parameter is neither a number, a switch nor a text")
    picture = path.with_suffix(".png")
    return Style(path.stem, **raw, picture=picture if picture.is_file() else None)


def write_style(folder: Path, style: Style) -> Path:
    """The file that `read_style` reads. Raises Fault("disk_full")."""
    path = folder / f"{style.id}.json"
    raw = {"label": style.label, "help": style.help, "prompt": style.prompt, "params": dict(style.params)}
    raw["models"] = {key: dict(group) for key, group in style.models.items()}
    part = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({k: v for k, v in raw.items() if v}, indent=1, ensure_ascii=False), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        hint = "Choose another folder for styles in the preferences."
        raise Fault("disk_full", f"The style could not be written to {folder}.", hint, str(error)) from None
    return path


def id_of(label: str) -> str:
    """A file name for a label. Raises Fault("bad_input") when nothing is left of it."""
    made = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:58]
    if not made:
        raise Fault("bad_input", "The style needs a name.", "Use letters or digits.")
    return made


def filled(template: str, prompt: str) -> str:
    """The artist's words in the template; behind it where it has no place for them."""
    prompt = prompt.strip()
    if not template:
        return prompt
    if _MARK in template:
        return template.replace(_MARK, prompt or "the scene").strip()
    return f"{prompt}, {template}" if prompt else template


_WORD = re.compile(r"[^\W\d_]{3,}")
_EMPTY = frozenset("the and with for from that its had been art picture image style film video frame".split())
"""Words that say nothing about which look is meant."""


def closest(styles: Iterable[Style], words: str) -> Style | None:
    """The style that `words` name or describe best; None when they have no word in common with any."""
    said = _meant(words)
    scored: list[tuple[int, int, str, Style]] = []
    for style in styles:
        name, about = _meant(f"{style.label} {style.id}"), _meant(f"{style.help} {style.prompt}")
        score = 3 * len(said & name) + len(said & about)
        if score:
            scored.append((-score, len(name), style.id, style))
    return min(scored, key=lambda found: found[:3])[3] if scored else None


def _meant(text: str) -> set[str]:
    words = (word.lower().replace("color", "colour") for word in _WORD.findall(text.replace("_", " ")))
    return {word.removesuffix("s") for word in words} - _EMPTY


_AT_FRAME = re.compile(r"^\s*(-?\d+)\s*:\s*(.*)$")


def prompt_at(text: str, frame: int) -> str:
    """The words of a text at a frame.

    Lines that begin with a number and a colon count from that frame on ("1: a calm sea", "48: a storm"); a text without
    such lines is one prompt. Lines between them belong to the one before; those before the first count for all frames.
    """
    parts = _parts(text)
    passed = [words for start, words in parts if start <= frame]
    return passed[-1] if passed else parts[0][1]


def filled_text(template: str, text: str) -> str:
    """A text whose every part stands in the template; what `prompt_at` finds in it is `filled` with what it found."""
    parts = _parts(text)
    if len(parts) == 1:
        return filled(template, parts[0][1])
    return "\n".join(f"{start}: {filled(template, words)}" for start, words in parts)


def _parts(text: str) -> list[tuple[int, str]]:
    """(first frame, words) in the order of frames; at least one."""
    always: list[str] = []
    parts: list[tuple[int, list[str]]] = []
    for line in text.splitlines():
        match = _AT_FRAME.match(line)
        if match:
            parts.append((int(match[1]), [match[2].strip()]))
        else:
            (parts[-1][1] if parts else always).append(line.strip())
    joined = [(start, " ".join(word for word in (*always, *words) if word)) for start, words in parts or [(0, [])]]
    return sorted(joined, key=lambda part: part[0])
