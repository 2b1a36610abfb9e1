"""Pictures that show how a texture came about: how squarely it was seen, which view won where, where seams lie. numpy.

Colours are sRGB. They lie on the texture as its maps do, at most `LARGEST_PX` pixels a side.
"""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.bake import fill_around

if TYPE_CHECKING:
    from ..geometry.view_bake import BakedSheet

LARGEST_PX = 1024
UNSEEN = (255, 0, 255)
_RAMP = np.array([[200, 30, 30], [230, 190, 40], [40, 170, 70]], np.float32)
"""From seen at a grazing angle to seen straight on."""
_VIEW_SEAM, _CHART_SEAM = (0, 230, 255), (255, 150, 0)
_NONE = 255


def view_colour(number: int) -> tuple[int, int, int]:
    """Well apart for neighbours in number: a golden step of hue, with two levels of brightness."""
    red, green, blue = colorsys.hsv_to_rgb(number * 0.618034 % 1, 0.75, 0.95 if number % 2 else 0.7)
    return round(255 * red), round(255 * green), round(255 * blue)


def debug_views(baked: BakedSheet) -> dict[str, np.ndarray]:
    """(S, S, 3) uint8 each: "coverage" (red: slanted, green: square, magenta: filled, since no view sees it), "winner"
    (the colour of the view that counts most, see `view_colour`) and "seams" (grey, with cyan where another view takes
    over, and orange where the charts of the UV map end).
    """
    step = max(1, len(baked.texture) // LARGEST_PX)
    texture = np.ascontiguousarray(baked.texture[::step, ::step])
    weight, winner, covered = (array[::step, ::step] for array in (baked.weight, baked.winner, baked.covered))
    seen = covered & (winner != _NONE)

    level = np.sqrt(np.clip(weight, 0, 1))[..., None] * (len(_RAMP) - 1)
    low = np.minimum(level.astype(np.int64)[..., 0], len(_RAMP) - 2)
    coverage = (_RAMP[low] + (_RAMP[low + 1] - _RAMP[low]) * (level - low[..., None])).round().astype(np.uint8)
    coverage[~seen] = UNSEEN

    palette = np.array([view_colour(n) for n in range(256)], np.uint8)
    palette[_NONE] = UNSEEN
    won = palette[winner]

    grey = texture.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
    seams = np.repeat((64 + grey * 0.5).astype(np.uint8)[..., None], 3, axis=2)
    changes, ends = np.zeros(covered.shape, bool), np.zeros(covered.shape, bool)
    for axis in (0, 1):
        here, there = (slice(None),) * axis + (slice(None, -1),), (slice(None),) * axis + (slice(1, None),)
        change = covered[here] & covered[there] & (winner[here] != winner[there])
        end = covered[here] != covered[there]
        for side in (here, there):
            changes[side] |= change
            ends[side] |= end & covered[side]
    seams[changes], seams[ends] = _VIEW_SEAM, _CHART_SEAM
    made = {"coverage": coverage, "winner": won, "seams": seams}
    return {name: np.asarray(fill_around(picture, covered), np.uint8) for name, picture in made.items()}
