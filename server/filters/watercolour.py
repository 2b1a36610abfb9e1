"""Watercolour: flat washes by object, darker at their rims, granulating on rough paper.

Source: Bousseau, Kaplan, Thollot and Sillion 2006, "Interactive watercolor rendering with temporal coherence and
abstraction": the density model C' = C - (C - C^2)(d - 1), edge darkening, turbulent flow, dispersion and wobble.
"""

from __future__ import annotations

import numpy as np

from .colour import oklab_from_srgb, srgb_from_oklab
from .drawing import PAPER
from .fields import gaussian, sampled, smoothstep
from .lines import outlines
from .look import Look, Step, Subject
from .painting import abstraction


def washed(subject: Subject, look: Look, step: Step) -> np.ndarray:
    """(H, W, 3) 0..1."""
    unit = max(subject.unit_px, 0.3)
    step("Simplifying", None)
    flat = abstraction(subject, (12 - 6 * look.detail) * unit)
    lab = oklab_from_srgb(flat)
    lab[..., 0] = _levels(lab[..., 0], look.colours)
    lab[..., 0] = 0.30 + 0.70 * lab[..., 0]  # pigment on white paper never gets black
    lab[..., 1:] *= 1.18
    wash = srgb_from_oklab(lab)
    step("Letting it flow", wash)
    edge = _rims(subject, wash, unit)
    lines = outlines(subject.passes, subject.rgb, look.line_px, look.detail) if look.line_px > 0 else None
    if look.texture > 0:
        wash, edge, lines = _wobbled(subject, look, unit, wash, edge, lines)
    step("Drying", wash)
    grain = subject.canvas.paper(max(2.4 * unit, 1.6), look.seed)
    flow = subject.canvas.clouds(230 * unit, look.seed + 40, 5)
    blots = subject.canvas.clouds(60 * unit, look.seed + 41, 3)
    density = 1 + 0.75 * edge + look.texture * (0.8 * flow + 0.35 * blots + 0.16 * grain)
    wash = _dense(wash, density)
    gaps = look.texture * smoothstep(0.5, 1.0, edge) * smoothstep(0.35, 0.8, blots + 0.5)
    wash = wash + (PAPER - wash) * (0.35 * gaps)[..., None]
    sheet = 1 + 0.02 * look.texture * (grain - np.roll(grain, 1, axis=1))[..., None]
    wash = np.clip(np.minimum(wash, PAPER) * sheet, 0, 1)
    if lines is not None:
        wash = wash * (1 - 0.62 * np.clip(lines * (0.8 + 0.3 * look.texture * blots), 0, 1))[..., None]
    return np.clip(wash, 0, 1)


def _levels(light: np.ndarray, count: int) -> np.ndarray:
    """Soft steps, so that shadows become washes of their own (Winnemoeller, Olsen and Gooch 2006)."""
    position = light * count
    step = np.floor(position)
    return 0.35 * light + 0.65 * (step + smoothstep(0.3, 0.7, position - step)) / count


def _rims(subject: Subject, wash: np.ndarray, unit: float) -> np.ndarray:
    """(H, W) 0..1: where a wash ends, pigment has gathered in a thin dark rim with a soft inner side."""
    light = wash @ np.array([0.3, 0.55, 0.15], np.float32)
    fine, broad = gaussian(light, 1.2 * unit), gaussian(light, 5.0 * unit)
    rim = np.clip((broad - fine) * 5.5, 0, 1)
    border = subject.borders(1.1 * unit)
    return rim if border is None else np.clip(np.maximum(rim, 0.85 * border * min(1.0, 1.4 * unit)), 0, 1)


def _dense(colour: np.ndarray, density: np.ndarray) -> np.ndarray:
    colour = np.clip(colour, 0.01, 0.99)
    return colour - (colour - colour * colour) * (np.clip(density, 0.1, 2.6) - 1)[..., None]


def _wobbled(subject: Subject, look: Look, unit: float, *fields: np.ndarray | None) -> list[np.ndarray | None]:
    """The borders follow the grain of the paper and the shaking of the hand."""
    ys, xs = np.mgrid[: subject.shape[0], : subject.shape[1]].astype(np.float32)
    reach = 2.4 * unit * look.texture
    for number, size in enumerate((70 * unit, 9 * unit)):
        part = reach * (1.6, 0.7)[number]
        xs = xs + part * subject.canvas.clouds(size, look.seed + 50 + number, 2)
        ys = ys + part * subject.canvas.clouds(size, look.seed + 60 + number, 2)
    return [None if field is None else sampled(field, xs, ys) for field in fields]
