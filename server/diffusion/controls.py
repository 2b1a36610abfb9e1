"""Passes of a render as the pictures that ControlNets look at, and which ControlNet gets which, how much, how long.

What the user writes: "depth:0.6, line:0.4@0-0.8" - a ControlNet's name or a kind, its weight, and in which part of the
denoising it counts. "name=kind" says what a ControlNet with an unusual name looks at. "auto" takes what is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault

from .library import named, pick

if TYPE_CHECKING:
    import numpy as np

    from ..filters.passes import Passes

KINDS: dict[str, tuple[tuple[str, ...], int]] = {
    "depth": (("depth", "zoe", "midas"), 1),
    "normal": (("normal", "bae"), 4),
    "line": (("line", "scribble", "sketch", "hed", "softedge", "pidi", "mlsd"), 3),
    "canny": (("canny",), 3),
    "pose": (("pose",), 0),
    "segment": (("seg",), 5),
    "tile": (("tile", "blur"), 6),
}
"""Kind -> (words in the names of ControlNets that look at it; its control_mode in ControlNet-Union, xinsir's order)."""

UNION = ("union", "promax")
AUTO = {"depth": 0.6, "line": 0.4, "pose": 0.8}
"""What "auto" switches on, and how strongly, where both the pass and a ControlNet are there."""

_UNIT = re.compile(
    r"(?P<name>[^:=@,]+)(=(?P<kind>[a-z]+))?(:(?P<weight>[0-9.]+))?(@(?P<start>[0-9.]+)-(?P<end>[0-9.]+))?"
)


@dataclass(frozen=True)
class Unit:
    """One ControlNet at work. kind: of the picture it looks at. start, end: parts of the denoising, 0..1."""

    path: Path
    kind: str
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0

    @property
    def name(self) -> str:
        return named(self.path)

    @property
    def union(self) -> bool:
        return is_union(self.path.name)


def parse_controls(
    text: str, found: Mapping[str, Path], available: frozenset[str], auto: Mapping[str, float] = AUTO
) -> list[Unit]:
    """The units that `text` asks for, in its order; those with weight 0 do nothing and are left out.

    found: ControlNets by name. available: kinds for which there is a picture. auto: kinds and weights for "auto".
    Raises Fault: bad_request (what cannot be read), weights_missing, bad_input (there is no such pass).
    """
    if text.strip().lower() == "auto":
        names = {kind: name for kind in auto if kind in available and (name := _name_for(kind, found))}
        union = next((name for name in names.values() if is_union(name)), "")  # which cannot be mixed with others
        return [Unit(found[union or name], kind, auto[kind]) for kind, name in names.items()]
    units = [_unit(part.strip(), found) for part in text.split(",") if part.strip()]
    units = [unit for unit in units if unit.weight > 0]
    for unit in units:
        _check_available(unit, available)
    return units


def built_in(text: str, path: Path, available: frozenset[str]) -> Unit:
    """The control of a checkpoint that always looks at one picture (FLUX.1 Depth, Canny), whole and to the end.

    text: "" or "auto" for the kind that the name of `path` tells, or a kind. Raises Fault: bad_request, bad_input.
    """
    wanted = text.strip().lower().removesuffix(":1")
    names = named(path), path.parent.parent.name  # in the hub's cache: models--organisation--name/snapshots/revision
    kind = wanted if wanted not in ("", "auto") else next((k for name in names if (k := kind_of(name, ""))), "depth")
    if kind not in KINDS:
        hint = f"Name its kind: {', '.join(KINDS)}; or write auto."
        raise Fault("bad_request", f"The checkpoint {named(path)} looks at one picture, fully and to the end.", hint)
    unit = Unit(path, kind)
    _check_available(unit, available)
    return unit


def _check_available(unit: Unit, available: frozenset[str]) -> None:
    if unit.kind not in available:
        offered = ", ".join(kind for kind in KINDS if kind in available)
        raise Fault(
            "bad_input", f"The render has no {unit.kind} pass for the ControlNet {unit.name}.", f"It has: {offered}."
        )


def _unit(text: str, found: Mapping[str, Path]) -> Unit:
    match = _UNIT.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        weight = float(match["weight"] or 1.0)
        start, end = float(match["start"] or 0.0), float(match["end"] or 1.0)
    except ValueError:
        raise _unreadable(text) from None
    if not (0 <= weight <= 2 and 0 <= start < end <= 1):
        raise _unreadable(text)
    name, kind = match["name"].strip(), match["kind"] or ""
    if kind and kind not in KINDS:
        raise Fault(
            "bad_request", f"There is no kind of control called {kind!r}.", f"Choose one of: {', '.join(KINDS)}."
        )
    chosen = next((known for known in found if known.lower() == name.lower()), "")
    if not chosen and name.lower() in KINDS:
        kind = kind or name.lower()
        chosen = _name_for(name.lower(), found)
        if not chosen:
            hint = f"There are: {', '.join(found)}." if found else "Put one into the folder 'controlnets'."
            raise Fault("weights_missing", f"There is no ControlNet for {name.lower()}.", hint)
    path = found[chosen] if chosen else pick(found, name, "ControlNet", "the folder 'controlnets'")
    return Unit(path, kind or kind_of(chosen or name), weight, start, end)


def _unreadable(text: str) -> Fault:
    hint = "Write name:weight or name:weight@from-to, such as depth:0.6, line:0.4@0-0.8, with weights from 0 to 2."
    return Fault("bad_request", f"The control {text[:80]!r} cannot be read.", hint)


def _name_for(kind: str, found: Mapping[str, Path]) -> str:
    """The ControlNet for `kind`: one made for it, else one for everything, else "" ."""
    own = [name for name in found if kind_of(name, "") == kind and not is_union(name)]
    also = [name for name in found if kind in ("canny", "line") and kind_of(name, "") in ("canny", "line")]
    return next(iter([*own, *(name for name in found if is_union(name)), *also]), "")


def kind_of(name: str, otherwise: str = "depth") -> str:
    """What the ControlNet called `name` looks at, by the words in its name."""
    for kind, (words, _) in KINDS.items():
        if any(word in name.lower() for word in words):
            return kind
    return otherwise


def is_union(name: str) -> bool:
    return any(word in name.lower() for word in UNION)


def available_kinds(passes: Passes) -> frozenset[str]:
    """Kinds of control picture that can be drawn from `passes`."""
    fields = {"depth": "depth", "normal": "normal", "line": "line", "pose": "pose", "segment": "object_id"}
    given = {kind for kind, name in fields.items() if getattr(passes, name, None) is not None}
    return frozenset({*given, "canny", "tile"})


def control_picture(passes: Passes, kind: str) -> np.ndarray:
    """(H, W, 3) uint8: `passes` as a ControlNet of that kind was trained to see it."""
    import numpy as np

    from ..geometry.control_maps import control_depth, control_normal

    if kind == "depth":
        near_far = passes.meta.get("depth_range_m")
        fixed = tuple(near_far) if isinstance(near_far, list) and len(near_far) == 2 else None
        grey = control_depth(passes.depth, fixed)
    elif kind == "normal":
        return control_normal(passes.normal)
    elif kind == "line":
        grey = passes.line
    elif kind == "canny":
        given = getattr(passes, "canny", None)
        grey = given if given is not None else contours(passes.combined)
    elif kind == "pose":
        return np.ascontiguousarray(passes.pose[..., :3])
    elif kind == "segment":
        return segments(passes.object_id)
    elif kind == "tile":
        return on_grey(passes.combined)
    else:
        raise Fault("bad_request", f"There is no kind of control called {kind!r}.")
    return np.repeat(np.asarray(grey)[..., None], 3, axis=2)


def segments(ids: np.ndarray) -> np.ndarray:
    """(H, W) int -> (H, W, 3) uint8: a colour for each id, far from the others; 0, the background, stays black."""
    import numpy as np

    numbers, inverse = np.unique(ids, return_inverse=True)
    hue = np.modf(np.abs(numbers.astype(np.float64)) * 0.6180339887)[0][:, None]  # golden ratio: neighbours far apart
    colours = 0.55 + 0.45 * np.cos(2 * np.pi * (hue - np.array([0, 1 / 3, 2 / 3])))
    table = np.where(numbers[:, None] == 0, 0, np.rint(255 * np.clip(colours, 0, 1))).astype(np.uint8)
    return table[inverse.reshape(ids.shape)]


def on_grey(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8, straight alpha -> (H, W, 3) on mid grey, which leans towards neither black nor white."""
    import numpy as np

    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgba[..., :3] * alpha + 127.5 * (1 - alpha)).astype(np.uint8)


def contours(rgba: np.ndarray, low: float = 40.0, high: float = 90.0) -> np.ndarray:
    """(H, W, 4) uint8 -> (H, W) uint8, 255 on thin edges of brightness.

    Canny 1986: gradient of the smoothed picture, only its ridges, and of the weak ones only those tied to a strong one.
    low, high: thresholds of the Sobel gradient in grey levels.
    """
    import numpy as np

    grey = on_grey(rgba).astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
    for _ in range(2):  # binomial, sigma 1
        padded = np.pad(grey, 1, mode="edge")
        rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
        grey = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
    padded = np.pad(grey, 1, mode="edge")
    across, down = padded[:, 2:] - padded[:, :-2], padded[2:] - padded[:-2]
    gx = across[:-2] + 2 * across[1:-1] + across[2:]
    gy = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    strength = np.hypot(gx, gy)
    around = np.pad(strength, 1)
    sector = np.rint(np.arctan2(gy, gx) / (np.pi / 4)).astype(int) % 4
    ridge = np.zeros(strength.shape, bool)
    for number, (dy, dx) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        before = around[1 - dy : around.shape[0] - 1 - dy, 1 - dx : around.shape[1] - 1 - dx]
        after = around[1 + dy : around.shape[0] - 1 + dy, 1 + dx : around.shape[1] - 1 + dx]
        ridge |= (sector == number) & (strength >= before) & (strength > after)
    weak, kept = ridge & (strength >= low), ridge & (strength >= high)
    while True:  # grow the strong ones along the weak ones
        spread = np.pad(kept, 1)
        near = np.zeros(kept.shape, bool)
        for dy in range(3):
            for dx in range(3):
                near |= spread[dy : dy + kept.shape[0], dx : dx + kept.shape[1]]
        grown = near & weak | kept
        if (grown == kept).all():
            return kept.astype(np.uint8) * 255
        kept = grown
