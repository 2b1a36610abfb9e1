"""Frames between two keyframes: carried along the motion from both sides, made by no model. numpy only.

First from the later keyframe back, frame by frame (`ahead` is the state of the frame after this one; only a state is
left); then from the earlier one on (`before` is the state of the frame before, `ahead` that of this same frame, from
the way back), and the two are cross-faded. What neither side has seen takes the colours around it on the render's form.
"""

from __future__ import annotations

import numpy as np

from ..geometry.pixels import pull_push
from .past import Past


def carry_between(past: Past) -> None:
    """Saves the frame (on the way on) and its state."""
    ahead = past.ahead
    assert ahead is not None
    if past.before is None:
        seen = past.seen(ahead, ahead=True)
        past.leave(_bytes(seen.picture), seen.light, seen.lines, seen.known, key=ahead.key)
        return
    part = _part(past.frame, ahead.key)
    first, second = past.before.known.astype(np.float32), (ahead["known"] > 127).astype(np.float32)
    weights = first * (1 - part), second * part
    total = weights[0] + weights[1]
    share = np.divide(weights[1], total, out=np.zeros_like(total), where=total > 0)[..., None]
    picture = past.before.picture * (1 - share) + ahead["picture"] * share
    light = past.before.light * (1 - share) + ahead["light"] * share
    lines = past.before.lines * (1 - share[..., 0]) + ahead["lines"] * share[..., 0]
    known = total > 0
    if not known.all():
        gain = pull_push((picture[..., :3] - past.light).astype(np.float32), known.astype(np.float32))
        picture[~known, :3] = (past.light + gain)[~known]
        light[~known] = past.light[~known]
    result = _bytes(picture)
    result[..., 3] = past.alpha
    past.measure(result)
    past.show(result)
    # known again from here on: what was made up is carried along too, so that it does not flicker
    past.leave(result, light, lines, np.ones(known.shape, bool), key=past.before.state.key)


def _part(frame: int, later: int) -> float:
    """How much of the later keyframe comes in here, so that its share grows evenly from keyframe to keyframe.

    The frame before has taken its part already: of n in-betweens the first takes 1 / (n + 1), the last a half.
    """
    return 1 / (max(0, later - frame) + 1)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)
