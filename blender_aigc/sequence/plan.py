"""Which jobs make a sequence, in which order. No bpy.

With `every` 1 each frame is made by the model. Else every so many frames and the last one are; those between are first
carried back from the later of two keyframes (only a state is left), then on from the earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..protocol import Fault

_RANGE = re.compile(r"\s*([0-9]{1,9})\s*(?:(?:-|\.\.)\s*([0-9]{1,9})\s*)?")


@dataclass(frozen=True)
class Step:
    """One job. before, ahead: frames whose states it takes, or None. kind: "make" and "on" finish the frame."""

    kind: Literal["make", "back", "on"]
    frame: int
    before: int | None = None
    ahead: int | None = None


def check_range(first: int, last: int) -> None:
    """Raises Fault("bad_input") for a range without frames."""
    if last < first:
        raise Fault(
            "bad_input", f"The range from {first} to {last} has no frames.", "Let the last frame follow the first."
        )
    if min(first, last) < 0:
        raise Fault("bad_input", f"Frame {first} cannot be written as a file.", "Start at 0 or later.")


def steps(first: int, last: int, every: int) -> Iterator[list[Step]]:
    """The jobs by segments: what belongs together, and is begun again together when it is interrupted."""
    yield [Step("make", first)]
    if every <= 1:
        for frame in range(first + 1, last + 1):
            yield [Step("make", frame, before=frame - 1)]
        return
    keys = [*range(first, last, every), last]
    for key, following in zip(keys, keys[1:], strict=False):
        inner = range(key + 1, following)
        segment = [Step("make", following, before=key if following == key + 1 else None)]
        segment += [Step("back", frame, ahead=frame + 1) for frame in reversed(inner)]
        segment += [Step("on", frame, before=frame - 1, ahead=frame) for frame in inner]
        yield segment


def parse_frames(text: str) -> tuple[int, int]:
    """ "1-24", "1..24" or "7" as the first and the last frame. Raises Fault("bad_request")."""
    found = _RANGE.fullmatch(text)  # int() takes more: 1_3 and +3, which were meant otherwise
    if found is None:
        raise Fault("bad_request", f"--frames {text} is no range of frames.", "Write --frames 1-24.")
    first, last = found.groups()
    return int(first), int(last or first)
