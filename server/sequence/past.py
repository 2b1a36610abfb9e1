"""One frame of a sequence inside of a model: what the frame before has left, and what this one leaves. numpy only.

past = begin(context, passes)            # None when the job is no frame of a sequence
if past is not None and past.between:    # nothing to be made: only carried along
    carry_between(past)
    return
picture = ...                            # past.canvas, past.noise(...), past.picture and past.kept may help
if past is not None:
    picture = past.finish(picture, single=lambda: ...)
context.save_image(picture)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from blender_aigc.protocol import Fault

from ..filters.fields import gaussian, smoothstep
from ..filters.lines import outlines
from ..filters.look import opaque
from ..filters.passes import Passes
from ..geometry.pixels import widest
from . import canvas as canvas_
from .flicker import warping_error
from .motion import carried, same_surface, source
from .noise import canvas_noise
from .params import COMPARE, STEADINESS, compared
from .state import State, object_names, read_state, state_bytes

if TYPE_CHECKING:
    from ..context import Context

TASK = "render_sequence"
_LIGHT = (0.02, 0.10)
"""Difference of light (0..1) up to which the frame before counts fully, and from which it does not count."""
_LINES = (0.25, 0.6)
"""The same for the outlines, which are black or white: a line that moves by a part of its width is still the same."""
_LINE_PX = 3.0
"""Width of the outlines of models that do not say."""


@dataclass
class Seen:
    """Another frame as seen from this one.

    x, y: (H, W) where each pixel is there. kept: (H, W) bool, seen in both. picture (H, W, 4), light (H, W, 3): float32
    0..255, and lines (H, W) likewise. known: kept, and the other frame knew it.
    """

    state: State
    x: np.ndarray
    y: np.ndarray
    kept: np.ndarray
    picture: np.ndarray
    light: np.ndarray
    lines: np.ndarray
    known: np.ndarray


class Past:
    """This frame and the ones beside it.

    canvas: (H, W, 2) float32, see canvas.py; a fresh one in the first frame. light: (H, W, 3) float32 0..255, the
    render. lines: (H, W) float32 0..255, outlines a little wider than the model's: they follow the form that is seen,
    not the surfaces that they run over. before: the frame before as seen from this one, None in the first. ahead: see
    between.py.
    """

    alone_is_first = False
    """Set by a model whose first frame of a sequence is what it makes as a still: it need not be made twice."""

    def __init__(self, context: Context, passes: Passes, before: State, ahead: State | None) -> None:
        if passes.vector is None or passes.vector.shape[-1] < 4:
            raise Fault(
                "bad_input", "These passes do not say how things move.", "Render the passes with motion vectors."
            )
        self._context = context
        self._passes = passes
        self._objects = object_names(passes)
        self.light = opaque(passes.combined) * np.float32(255)
        width = float(context.job.params.get("line_px", _LINE_PX))
        lines = outlines(passes, self.light / np.float32(255), width, 0.0)
        self.lines = widest(lines, 1) * np.float32(255)  # the soft rim of a line belongs to it
        self.alpha = passes.combined[..., 3]
        self.ahead = ahead
        self.before = None if before.begins else self.seen(before)
        self.index = before.index + 1
        self.canvas = canvas_.fresh(passes.shape)
        if self.before is not None:
            seen, there = self.before, before.get("object")
            self.canvas = canvas_.advanced(before["canvas"], seen.x, seen.y, seen.kept, self._objects, there)

    @property
    def between(self) -> bool:
        """Is this frame only to be carried along? Then the model has nothing to do: see between.py."""
        return self.ahead is not None

    @property
    def first(self) -> bool:
        return self.before is None

    @property
    def frame(self) -> int:
        """Number of the frame in Blender."""
        return int(self._passes.meta.get("frame", 0))

    @property
    def picture(self) -> np.ndarray | None:
        """(H, W, 4) float32 0..255, straight alpha: the frame before as seen from this one; None in the first."""
        return None if self.before is None else self.before.picture

    @property
    def kept(self) -> np.ndarray | None:
        """(H, W) float32 0..1: how much `picture` can be trusted: the same surface, in the same light, as free of
        outlines or as covered by them.
        """
        return None if self.before is None else self.before.kept * self._same_light(self.before)

    def noise(self, size: tuple[int, int], channels: int, seed: int) -> np.ndarray:
        """(channels, h, w) float32 normal numbers for the latents, which move with the surfaces; see noise.py."""
        return canvas_noise(self.canvas, size, channels, seed)

    def finish(self, picture: np.ndarray, single: Callable[[], np.ndarray] | None = None) -> np.ndarray:
        """The finished frame, (H, W, 4) uint8, from what the model has made (the same); saves the state for the next.

        single: makes this frame as a still, without a past, where the flicker is to be compared with that.
        """
        params = self._context.job.params
        made = _rgba(picture)
        out, light, lines = made.astype(np.float32), self.light, self.lines
        if self.before is not None:
            # smoothed, so that no seam shows, but nothing comes over from another surface
            weight = np.float32(params[STEADINESS]) * gaussian(self.kept, 0.7) * self.before.kept
            out = out + (self.before.picture - out) * weight[..., None]
            light = light + (self.before.light - light) * weight[..., None]
            lines = lines + (self.before.lines - lines) * weight
        result = np.rint(np.clip(out, 0, 255)).astype(np.uint8)
        result[..., 3] = made[..., 3]
        alone = None
        if single is not None and compared(str(params[COMPARE]), self.index):
            alone = made if self.first and self.alone_is_first else _rgba(single())
        self.measure(result, alone)
        self.leave(result, light, lines, np.ones(result.shape[:2], bool), alone)
        return result

    def seen(self, state: State, ahead: bool = False) -> Seen:
        """The frame before (or with `ahead` the one after) as seen from this one. Raises Fault("bad_input")."""
        passes = self._passes
        if state["picture"].shape[:2] != passes.shape:
            raise Fault(
                "bad_input",
                "The frames of this sequence have different sizes.",
                "Keep the resolution, or start the sequence over.",
            )
        x, y = source(passes.vector, ahead)
        first = 2 if ahead else 0
        there, back = passes.vector[..., first : first + 2], state["vector"][..., 2 - first : 4 - first]
        facts = (self._objects, passes.depth), (state.get("object"), state.get("depth"))
        kept = same_surface(x, y, there, back, *facts)
        layers = [state["picture"], state["light"], state["lines"][..., None], state["known"][..., None]]
        moved = carried(np.concatenate(layers, axis=-1), x, y, state.get("object"))
        known = kept & (moved[..., 8] > 127)
        return Seen(state, x, y, kept, moved[..., :4], moved[..., 4:7], moved[..., 7], known)

    def measure(self, result: np.ndarray, alone: np.ndarray | None = None) -> None:
        """Report the flicker between the frame before and this one, (H, W, 4) uint8; alone: the same as a still."""
        if self.before is None:
            return
        seen, state = self.before, self.before.state
        facts = {"kept": round(float(seen.kept.mean()), 4)}
        pairs = [("flicker", result, state["picture"])]
        if alone is not None and state.get("single") is not None:
            pairs.append(("flicker_single", alone, state["single"]))
        for key, now, then in pairs:
            error = warping_error(now, then, seen.x, seen.y, seen.kept)
            if error is not None:
                facts[key] = error
        self._context.report(**facts)

    def leave(
        self,
        result: np.ndarray,
        light: np.ndarray,
        lines: np.ndarray,
        known: np.ndarray,
        alone: np.ndarray | None = None,
        key: int | None = None,
    ) -> None:
        """Save the state for the next frame; see state.py."""
        passes = self._passes
        arrays = {
            "picture": result,
            "light": np.rint(np.clip(light, 0, 255)).astype(np.uint8),
            "lines": np.rint(np.clip(lines, 0, 255)).astype(np.uint8),
            "vector": np.ascontiguousarray(passes.vector[..., :4], np.float32),
            "canvas": self.canvas,
            "known": known.astype(np.uint8) * np.uint8(255),
        }
        for name, array in (("single", alone), ("object", self._objects), ("depth", passes.depth)):
            if array is not None:
                arrays[name] = array
        meta = {"frame": self.frame, "index": self.index, "key": self.frame if key is None else key}
        self._context.save_state(state_bytes(State(arrays, meta)))

    def show(self, result: np.ndarray) -> None:
        """Save (H, W, 4) uint8 as the picture of this frame."""
        self._context.save_image(result)

    def _same_light(self, seen: Seen) -> np.ndarray:
        """(H, W) 0..1: is the render now as light and of the colour as that which the carried picture was made from,
        and do outlines lie in the same places?
        """
        difference = gaussian(np.abs(self.light - seen.light).max(axis=-1) / np.float32(255), 1.5)
        moved = np.abs(self.lines - seen.lines) / np.float32(255)
        same = smoothstep(_LIGHT[1], _LIGHT[0], difference) * smoothstep(_LINES[1], _LINES[0], moved)
        return same.astype(np.float32)


def begin(context: Context, passes: Passes) -> Past | None:
    """What is known of the frames before; None when the job is a still. Raises Fault("bad_input")."""
    if context.job.task != TASK:
        return None
    given = {
        key: read_state(context.input_path(key)) if context.has_input(key) else None for key in ("before", "ahead")
    }
    ahead = given["ahead"]
    return Past(context, passes, given["before"] or State(), None if ahead is None or ahead.begins else ahead)


def _rgba(picture: np.ndarray) -> np.ndarray:
    if picture.shape[-1] == 4:
        return picture
    return np.concatenate([picture, np.full((*picture.shape[:2], 1), 255, np.uint8)], axis=-1)
