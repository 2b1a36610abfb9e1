"""The knobs that every model of `render_sequence` shares. No numpy: the list of models reads this."""

from __future__ import annotations

from blender_aigc.protocol import Choice, Param

_TASK = ("render_sequence",)

STEADINESS, KEYFRAMES, COMPARE = "steadiness", "keyframes", "compare"

SEQUENCE_PARAMS = (
    Param(
        STEADINESS,
        "float",
        "Steadiness",
        "How much of the frame before stays where the same surface is seen in the same light",
        0.7,
        0.0,
        0.98,
        tasks=_TASK,
    ),
    Param(
        KEYFRAMES,
        "int",
        "Make Every",
        "Every how many frames the model works; those between are carried along the motion from both sides",
        1,
        1,
        48,
        advanced=True,
        tasks=_TASK,
    ),
    Param(
        COMPARE,
        "enum",
        "Compare Flicker",
        "How often a frame is also made by itself, to say how much steadier the sequence is",
        "some",
        choices=(
            Choice("none", "Never", "Only the flicker of the sequence itself is measured"),
            Choice("some", "Now and Then", "Two frames of every 24 are made once more"),
            Choice("all", "Every Frame", "Every frame is made twice"),
        ),
        advanced=True,
        tasks=_TASK,
    ),
)

COMPARE_EVERY = 24


def compared(mode: str, index: int) -> bool:
    """Is the frame with this number (from 0) of a sequence also made by itself? Two in a row, to be compared."""
    return mode == "all" or (mode == "some" and index % COMPARE_EVERY in (0, 1))
