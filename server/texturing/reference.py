"""The picture whose look the objects take: given by the user, or what was drawn of the first of several objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..geometry.foreground import over_grey, square_cut_out

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context


def given_reference(job: Job, context: Context) -> np.ndarray | None:
    """(H, W, 4) uint8; None when there is none, or it shall not count."""
    counts = context.has_input("reference") and float(job.params.get("reference_weight", 1)) > 0
    return context.input_image("reference") if counts else None


def on_plain_ground(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: a cut-out centred on mid grey, 9/10 of the picture; a full picture as it is."""
    cut_out = (rgba[..., 3] < 255).any()
    return np.ascontiguousarray(over_grey(square_cut_out(rgba, 0.9)) if cut_out else rgba[..., :3])
