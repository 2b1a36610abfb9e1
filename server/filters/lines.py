"""Outlines: from the line pass, from the jumps of depth, normals and ids, or from the picture alone. numpy only."""

from __future__ import annotations

import numpy as np

from .colour import lightness
from .fields import gaussian, gradient, smoothstep
from .passes import Passes


def outlines(passes: Passes, rgb: np.ndarray, width_px: float, detail: float, wobble: np.ndarray | None = None):
    """(H, W) float32, 0 = paper, 1 = line of about `width_px`; silhouettes are heavier than creases.

    With passes: discontinuities of depth (second derivative of its reciprocal, which is linear in the picture for a
    plane), of normals and of ids, after Saito and Takahashi 1990, "Comprehensible Rendering of 3-D Shapes", joined
    with the line pass. Without: extended difference of Gaussians (Winnemoeller, Kyprianidis and Olsen 2012, "XDoG").
    """
    if width_px <= 0:
        return np.zeros(passes.shape, np.float32)
    strength = _from_geometry(passes, detail)
    if passes.line is not None:
        given = passes.line.astype(np.float32) / 255
        strength = given if strength is None else np.maximum(given, strength)
    if strength is None:
        return _xdog(rgb, width_px, detail)
    return _widened(strength, width_px, _told(strength, detail))


def _from_geometry(passes: Passes, detail: float) -> np.ndarray | None:
    """(H, W) 0..1, how surely a line runs through each pixel; None when no pass tells."""
    found: list[np.ndarray] = []
    regions = passes.regions
    if regions is not None:
        found.append(borders(regions))
    if passes.depth is not None:
        inverse = np.where(np.isfinite(passes.depth), 1 / np.maximum(passes.depth, 1e-4), 0).astype(np.float32)
        found.append(smoothstep(0.012, 0.05, _bend(inverse) / (inverse + 0.02 * float(inverse.max()) + 1e-9)))
    if passes.normal is not None:
        dx, dy = gradient(gaussian(passes.normal, 0.6))
        change = np.sqrt((dx * dx + dy * dy).sum(-1))
        low = 0.42 - 0.28 * detail
        found.append(0.75 * smoothstep(low, low + 0.25, change))
    return np.maximum.reduce(found) if found else None


def _told(strength: np.ndarray, detail: float) -> tuple[np.ndarray, np.ndarray]:
    """What a hand leaves out where everything is a line (leaves, shingles, grates), so that it does not get black.

    (H, W) share of lines around each pixel beyond what would be drawn; (H, W) 0..1, 0 for dashes among many others.
    Level of detail by density after Praun et al. 2001 and Wilson and Ma 2004, "Rendering Complexity in
    Computer-Generated Pen-and-Ink Illustrations".
    """
    unit = max(float(np.sqrt(strength.size / (1920 * 1080))), 0.3)
    crowd = gaussian(strength, max(9.0 * unit, 6.0))  # below 6 px a single line would be a crowd
    allowed = np.float32(0.14 + 0.12 * detail)
    whole = np.maximum(smoothstep(0.8, 1.0, _run(np.minimum(2 * strength, 1))), smoothstep(0.06, 0.03, crowd))
    return np.maximum(crowd - allowed, 0), whole


_WAYS = ((1, 0, 3), (0, 1, 3), (1, 1, 3), (1, -1, 3), (2, 1, 2), (2, -1, 2), (1, 2, 2), (1, -2, 2))
"""Eight directions: step across, step down, and how often the run is doubled to be about nine pixels long."""


def _run(strength: np.ndarray) -> np.ndarray:
    """(H, W) 0..1: how much of some nine pixels is line: those around or to either side, the way that has most."""
    best = np.zeros_like(strength)
    for across, down, doublings in _WAYS:
        run = strength
        for number in range(doublings):
            run = np.float32(0.5) * (run + _shifted(run, across << number, down << number))
        last = (1 << doublings) - 1
        for back in (0, last // 2, last // 2 + 1, last):
            np.maximum(best, _shifted(run, -across * back, -down * back), out=best)
    return best


def _shifted(field: np.ndarray, across: int, down: int) -> np.ndarray:
    """What stands that many pixels further right and down; 1 outside: nobody knows how a line goes on there."""
    height, width = field.shape
    across, down = int(np.clip(across, -width, width)), int(np.clip(down, -height, height))
    out = np.ones_like(field)
    out[max(-down, 0) : height - max(down, 0), max(-across, 0) : width - max(across, 0)] = field[
        max(down, 0) : height - max(-down, 0), max(across, 0) : width - max(-across, 0)
    ]
    return out


def _bend(field: np.ndarray) -> np.ndarray:
    """Largest absolute second difference over the four directions."""
    p = np.pad(field, 1, mode="edge")
    middle = p[1:-1, 1:-1]
    pairs = (
        (p[1:-1, :-2], p[1:-1, 2:]),
        (p[:-2, 1:-1], p[2:, 1:-1]),
        (p[:-2, :-2], p[2:, 2:]),
        (p[:-2, 2:], p[2:, :-2]),
    )
    return np.maximum.reduce([np.abs(a + b - 2 * middle) for a, b in pairs])


def borders(regions: np.ndarray) -> np.ndarray:
    """(H, W) float32: 1 on both sides of a border between two ids, so that the line lies on it, not beside it."""
    out = np.zeros(regions.shape, np.float32)
    across = regions[:, 1:] != regions[:, :-1]
    down = regions[1:] != regions[:-1]
    for part in (out[:, 1:], out[:, :-1]):
        part[across] = 1
    for part in (out[1:], out[:-1]):
        part[down] = 1
    return out


def _widened(strength: np.ndarray, width_px: float, told: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Two-pixel detections as smooth lines of `width_px`: smoothed, then cut at the level that gives the width.

    told: of `_told`; the level rises, and the ink gets thinner, where there are too many.
    """
    sigma = max(0.6, 0.42 * width_px)
    beyond, whole = told
    smooth = gaussian(strength * whole, sigma)
    # A straight ridge of width b has the profile (b / sigma sqrt(2 pi)) exp(-x^2 / 2 sigma^2)
    peak = min(1.0, 2 / (sigma * 2.5066))
    edge = peak * float(np.exp(-0.5 * (0.5 * width_px / sigma) ** 2))
    soft = edge * min(0.9, 1.1 / width_px)
    return smoothstep(edge - soft, edge + soft, smooth - beyond) * (1 - 0.5 * np.clip(2 * beyond, 0, 1))


def _xdog(rgb: np.ndarray, width_px: float, detail: float) -> np.ndarray:
    light = lightness(rgb)
    sigma = 0.5 * max(width_px, 1.0)
    fine, coarse = gaussian(light, sigma), gaussian(light, 1.6 * sigma)
    difference = coarse - fine  # positive on the dark side of an edge
    low = 0.03 - 0.02 * detail
    return smoothstep(low, low + 0.03, difference)
