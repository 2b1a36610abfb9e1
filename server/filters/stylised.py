"""One picture in one style: prepare, recolour, draw, blend back. numpy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import cel, drawing, painting, watercolour
from .look import Look, Step, Subject, opaque
from .palette import recoloured
from .passes import Passes

_STYLES: dict[str, Callable[[Subject, Look, Step], np.ndarray]] = {
    "painting": painting.painted,
    "pencil": drawing.pencil,
    "ink": drawing.ink,
    "watercolour": watercolour.washed,
    "cel": cel.shaded,
}

_WANTED = {
    "painting": ("object_id", "normal"),
    "pencil": ("line", "depth", "normal", "object_id"),
    "ink": ("line", "depth", "normal", "object_id"),
    "watercolour": ("object_id", "depth"),
    "cel": ("material_id", "normal", "line"),
}


def stylised(
    passes: Passes,
    look: Look,
    strength: float,
    reference: np.ndarray | None,
    step: Step,
    check: Callable[[], None],
    canvas: np.ndarray | None = None,
) -> np.ndarray:
    """(H, W, 4) uint8 of the same size as the picture, with its alpha, bit for bit.

    strength: 0 gives the picture back as it was, 1 the style alone; with a mask, as far as it is white.
    reference: (h, w, 4) uint8 whose colours to take. canvas: (H, W, 2) float32, which place of the paper each pixel
    shows, in pixels; without it the paper lies still, from corner to corner.
    step, check: called between and within the steps; both may raise to cancel.
    """
    rgb = opaque(passes.combined)
    drawn = rgb
    if reference is not None or look.style == "palette":
        step("Matching colours", None)
        sheet = None if reference is None else reference[reference[..., 3] > 0][:, :3].astype(np.float32) / 255
        drawn = recoloured(rgb, sheet, look.colours)
    if look.style in _STYLES:
        drawn = _STYLES[look.style](Subject(passes, drawn, check, canvas), look, step)
    step("Blending", drawn)
    share = np.float32(strength)
    if passes.mask is not None:
        share = share * (passes.mask[..., None].astype(np.float32) / 255)
    blended = rgb + (drawn - rgb) * share
    out = np.empty_like(passes.combined)
    out[..., :3] = np.rint(np.clip(blended, 0, 1) * 255)
    out[..., 3] = passes.combined[..., 3]
    hidden = out[..., 3] == 0
    out[hidden] = passes.combined[hidden]
    return out


def steps_of(style: str) -> int:
    """How many steps `stylised` takes, for the progress bar."""
    return {"painting": 6, "pencil": 6, "ink": 7, "watercolour": 4, "cel": 4}.get(style, 1) + 1


def missing(passes: Passes, style: str) -> list[str]:
    """Passes that would have helped this style."""
    given = set(passes.given)
    if "material_id" in given:
        given.add("object_id")
    return [name for name in _WANTED.get(style, ()) if name not in given]
