"""People as control networks were taught to see them: the coloured stick figures of OpenPose. numpy only, no bpy.

The order of the points, the limbs and their colours are facts of the convention (Cao et al. 2019, "OpenPose", the COCO
order of 18 points; Simon et al. 2017, the 21 points of a hand), drawn as the networks' training pictures were: limbs
as ellipses at 60 % of their colour, sticks and joints 4 px wide where the shorter side has 512 px.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, field

import numpy as np

BODY = (
    "nose", "neck",
    "shoulder.R", "elbow.R", "wrist.R", "shoulder.L", "elbow.L", "wrist.L",
    "hip.R", "knee.R", "ankle.R", "hip.L", "knee.L", "ankle.L",
    "eye.R", "eye.L", "ear.R", "ear.L",
)  # fmt: skip
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
    (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255),
    (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip
"""Of the points, in their order; limb i has the colour of point i."""

HAND_LIMBS = tuple(
    (0 if joint == 0 else 4 * finger + joint, 4 * finger + joint + 1) for finger in range(5) for joint in range(4)
)
FINGERS = ("thumb", "index", "middle", "ring", "pinky")
HAND_POINT = (0, 0, 255)

STICK_PX, REFERENCE_PX = 4.0, 512.0
HAND_LINE_PX = 1.0
LIMB_SHADE = 0.6


@dataclass(frozen=True)
class Person:
    """One figure. body (18, 3), hands: (21, 3) each: x, y in pixels from the top left corner, and 1 = to be drawn.

    distance_m: of the body from the camera; nearer people cover those behind.
    """

    body: np.ndarray
    hands: tuple[np.ndarray, ...] = ()
    distance_m: float = 0.0
    name: str = field(default="", compare=False)


def control_pose(people: list[Person], width: int, height: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB on black."""
    picture = np.zeros((height, width, 3), np.float32)
    scale = min(width, height) / REFERENCE_PX
    for person in sorted(people, key=lambda one: -one.distance_m):
        for limb, colour in zip(LIMBS, COLOURS, strict=False):
            if person.body[list(limb), 2].all():
                shade = np.float32(colour) * np.float32(LIMB_SHADE)
                _ellipse(picture, *person.body[list(limb), :2], STICK_PX * scale, shade)
        for point, colour in zip(person.body, COLOURS, strict=True):
            if point[2]:
                _ellipse(picture, point[:2], point[:2], STICK_PX * scale, np.float32(colour))
        for hand in person.hands:
            _hand(picture, hand, scale)
    return np.rint(picture).astype(np.uint8)


def _hand(picture: np.ndarray, hand: np.ndarray, scale: float) -> None:
    for number, limb in enumerate(HAND_LIMBS):
        if hand[list(limb), 2].all():
            colour = np.float32(colorsys.hsv_to_rgb(number / len(HAND_LIMBS), 1.0, 1.0)) * 255
            _line(picture, *hand[list(limb), :2], HAND_LINE_PX * scale, colour)
    for point in hand[hand[:, 2] > 0]:
        _ellipse(picture, point[:2], point[:2], STICK_PX * scale, np.float32(HAND_POINT))


def _window(picture: np.ndarray, first: np.ndarray, second: np.ndarray, margin: float):  # noqa: ANN202
    """(the part of the picture around both points, x and y of its pixels' middles), or None where there is none."""
    low = np.floor(np.minimum(first, second) - margin).astype(int)
    high = np.ceil(np.maximum(first, second) + margin).astype(int)
    (left, top), (right, bottom) = np.maximum(low, 0), np.minimum(high, picture.shape[1::-1])
    if right <= left or bottom <= top:
        return None
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32) + np.float32(0.5)
    return picture[top:bottom, left:right], x, y


def _ellipse(picture: np.ndarray, first: np.ndarray, second: np.ndarray, radius: float, colour: np.ndarray) -> None:
    """With its ends in the two points and as thick as `radius` on each side; a disc where they are the same."""
    radius = max(radius, 0.7)
    found = _window(picture, first, second, radius + 1)
    if found is None:
        return
    part, x, y = found
    middle, along = (first + second) / 2, (second - first) / 2
    length = float(np.hypot(*along))
    axis = along / length if length > 1e-6 else np.array([1.0, 0.0])
    u = (x - middle[0]) * axis[0] + (y - middle[1]) * axis[1]
    v = (y - middle[1]) * axis[0] - (x - middle[0]) * axis[1]
    inside = np.hypot(u / max(length, radius), v / radius)
    _paint(part, np.clip((1 - inside) * radius + 0.5, 0, 1), colour)


def _line(picture: np.ndarray, first: np.ndarray, second: np.ndarray, radius: float, colour: np.ndarray) -> None:
    radius = max(radius, 0.5)
    found = _window(picture, first, second, radius + 1)
    if found is None:
        return
    part, x, y = found
    along = second - first
    share = ((x - first[0]) * along[0] + (y - first[1]) * along[1]) / max(float(along @ along), 1e-9)
    share = np.clip(share, 0, 1)
    distance = np.hypot(x - first[0] - share * along[0], y - first[1] - share * along[1])
    _paint(part, np.clip(radius - distance + 0.5, 0, 1), colour)


def _paint(part: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> None:
    part += (colour - part) * cover[..., None]
