"""What is drawn on: the render, the part of it that may change, and room around it. At the camera's resolution."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault

from .controls import on_grey

if TYPE_CHECKING:
    import numpy as np

    from ..filters.passes import Passes

_SIDES = ("left", "top", "right", "bottom")
LARGEST_MARGIN = 4096


@dataclass(frozen=True)
class Canvas:
    """A render and what may happen to it.

    rgba: (H, W, 4) uint8, the render in the middle of its margins. margins: left, top, right, bottom in pixels.
    change: (H, W) uint8, 255 where the model may draw; None for everywhere.
    """

    rgba: np.ndarray
    change: np.ndarray | None
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def size(self) -> tuple[int, int]:
        return self.rgba.shape[1], self.rgba.shape[0]

    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8, what the model starts from: on grey where nothing is, the margins continued."""
        return on_grey(self.rgba)

    def around(self, control: np.ndarray, kind: str) -> np.ndarray:
        """A control picture of the render with the canvas's margins: nothing known there, or the picture continued."""
        if not any(self.margins):
            return control
        return _padded(control, self.margins, "edge" if kind == "tile" else "constant")

    def finish(self, made: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 of the model -> (H, W, 4): what may not change is the render, bit for bit.

        Transparency stays, except where a mask let the model draw.
        """
        import numpy as np

        if self.change is None:
            return np.concatenate([made, self.rgba[..., 3:]], axis=2)
        share = self.change[..., None].astype(np.float32) / 255
        rgb = np.rint(self.rgba[..., :3] * (1 - share) + made * share).astype(np.uint8)
        return np.concatenate([rgb, np.maximum(self.rgba[..., 3:], self.change[..., None])], axis=2)


def canvas_of(passes: Passes, soft_px: float = 0.0, extend: str = "") -> Canvas:
    """The canvas of a job. The mask among the passes says what may change, whatever it was made from.

    soft_px: width of the transition, outside the mask. extend: see `parse_margins`.
    Raises Fault("bad_input") for a mask that is empty; a full one is as good as none.
    """
    import numpy as np

    margins = parse_margins(extend)
    change = passes.mask
    if change is not None and not (change >= 128).any():
        hint = "Choose something that the camera sees, or let everything change."
        raise Fault("bad_input", "Nothing of the picture may change: the mask is empty.", hint)
    if change is not None and (change == 255).all():
        change = None
    if change is not None and soft_px > 0:
        change = _softened(change, soft_px)
    if not any(margins):
        return Canvas(passes.combined, change)
    inside = np.zeros(passes.shape, np.uint8) if change is None else change
    change = np.pad(inside, _pad_widths(margins, 2), constant_values=255)
    if soft_px > 0:
        new = np.pad(np.zeros_like(inside), _pad_widths(margins, 2), constant_values=255)
        change = np.maximum(change, _softened(new, soft_px))
    return Canvas(_padded(passes.combined, margins, "edge"), change, margins)


def parse_margins(text: str) -> tuple[int, int, int, int]:
    """ "256" on all sides, or "left 256, right 128": left, top, right, bottom in pixels. Raises Fault."""
    text = text.strip().lower()
    if not text:
        return 0, 0, 0, 0
    sides = dict.fromkeys(_SIDES, int(text)) if text.isdigit() else {}
    for part in () if sides else text.split(","):
        match = re.fullmatch(r"(left|top|right|bottom)\s*[:= ]\s*(\d+)", part.strip())
        if match is None:
            hint = "Write one number for all sides, or left 256, right 128."
            raise Fault("bad_request", f"The extension {text[:80]!r} cannot be read.", hint)
        sides[match[1]] = int(match[2])
    if max(sides.values()) > LARGEST_MARGIN:
        raise Fault("bad_request", f"A picture can be extended by {LARGEST_MARGIN} px at most.", "Extend it by less.")
    left, top, right, bottom = (sides.get(side, 0) for side in _SIDES)
    return left, top, right, bottom


def _softened(change: np.ndarray, soft_px: float) -> np.ndarray:
    """The border as a ramp that begins at the mask and lies outside it, so that all of the mask changes fully."""
    import numpy as np

    wide = _blurred(np.where(change >= 128, 255, 0).astype(np.uint8), soft_px / 2)
    return np.maximum(change, wide)


def _blurred(grey: np.ndarray, sigma_px: float) -> np.ndarray:
    import numpy as np
    from PIL import Image, ImageFilter

    return np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(sigma_px)))


def _pad_widths(margins: tuple[int, int, int, int], dimensions: int) -> list[tuple[int, int]]:
    left, top, right, bottom = margins
    return [(top, bottom), (left, right), *[(0, 0)] * (dimensions - 2)]


def _padded(array: np.ndarray, margins: tuple[int, int, int, int], mode: str) -> np.ndarray:
    import numpy as np

    return np.pad(array, _pad_widths(margins, array.ndim), mode=mode)  # type: ignore[call-overload]
