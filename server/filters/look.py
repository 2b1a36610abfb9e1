"""What every style is given: the settings, and the picture with what is known about it. numpy only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..geometry.pixels import pull_push
from .canvas import Canvas, MovingCanvas
from .colour import lightness
from .fields import gaussian
from .lines import borders
from .passes import Passes

Step = Callable[[str, np.ndarray | None], None]
"""Called between the steps of a style with a sentence and a preview (H, W, 3) 0..1; raises to cancel."""


@dataclass(frozen=True)
class Look:
    """The settings of one picture; see the parameters of the model for what they mean."""

    style: str = "painting"
    detail: float = 0.5
    line_px: float = 1.5
    colours: int = 5
    texture: float = 0.5
    tint: float = 0.0
    seed: int = 0

    @classmethod
    def from_params(cls, params: dict[str, Any], seed: int) -> Look:
        return cls(
            str(params["style"]),
            float(params["detail"]),
            float(params["line_px"]),
            int(params["colours"]),
            float(params["texture"]),
            float(params["tint"]),
            seed,
        )


class Subject:
    """The picture to be drawn. rgb: (H, W, 3) float32 sRGB 0..1, continued under transparency.

    canvas: what paper, clouds and the places of strokes are taken from.
    unit_px: a pixel of a picture of 1920 x 1080, so that strokes keep their size relative to the picture.
    """

    def __init__(
        self, passes: Passes, rgb: np.ndarray, check: Callable[[], None], canvas: np.ndarray | None = None
    ) -> None:
        self.passes = passes
        self.rgb = rgb
        self.check = check
        self.shape = passes.shape
        self.unit_px = float(np.sqrt(self.shape[0] * self.shape[1] / (1920 * 1080)))
        self.regions = passes.regions
        self.canvas: Canvas = Canvas(passes.shape) if canvas is None else MovingCanvas(canvas, passes.regions)

    @property
    def light(self) -> np.ndarray:
        return lightness(self.rgb)

    def borders(self, sigma_px: float) -> np.ndarray | None:
        return None if self.regions is None else gaussian(borders(self.regions), sigma_px)


def opaque(combined: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8, straight alpha -> (H, W, 3) float32 0..1; colours grow into what is transparent."""
    rgb = combined[..., :3].astype(np.float32) / 255
    alpha = combined[..., 3]
    if alpha.all():
        return rgb
    grown = pull_push(rgb, (alpha.astype(np.float32) / 255))
    return np.where(alpha[..., None] > 0, rgb, grown).astype(np.float32)
