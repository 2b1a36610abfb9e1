"""Pencil and ink: outlines, and tone made of strokes.

Sources: strokes along the principal curvature of the surface, here of its normals (Hertzmann and Zorin 2000,
"Illustrating Smooth Surfaces"); tone by layers of hatching (Praun et al. 2001, "Real-Time Hatching"); graphite that
only reaches the heights of the paper (Sousa and Buchanan 1999, "Computer-Generated Graphite Pencil Rendering").
"""

from __future__ import annotations

import numpy as np

from .colour import lightness
from .fields import directions, gaussian, sampled, smoothstep, structure_tensor
from .lines import outlines
from .look import Look, Step, Subject
from .strokes import traced

PAPER = np.array([0.965, 0.95, 0.915], np.float32)
GRAPHITE = np.array([0.17, 0.17, 0.19], np.float32)
INK = np.array([0.07, 0.065, 0.085], np.float32)


def pencil(subject: Subject, look: Look, step: Step) -> np.ndarray:
    """(H, W, 3) 0..1: graphite, or coloured pencils with `tint`."""
    unit = max(subject.unit_px, 0.3)
    dark = _darkness(subject, 1.5 * unit)
    if subject.passes.background is not None:
        dark = np.where(subject.passes.background, _AIR * dark, dark)
    angle = hatching_direction(subject)
    grain = subject.canvas.paper(max(2.2 * unit, 1.6), look.seed)
    graphite = np.zeros(subject.shape, np.float32)
    layers = ((0.06, 0.0, 0.36), (0.25, 0.3, 0.36), (0.45, -0.4, 0.4), (0.65, 1.1, 0.45))
    for number, (threshold, turn, force) in enumerate(layers):
        step(f"Hatching layer {number + 1} of {len(layers)}", _on_paper(graphite, GRAPHITE))
        start = subject.canvas.seeds((7.5 - 2.5 * look.detail) * unit, look.seed + 17 * number, 20 * unit)
        tone = sampled(dark, start.x, start.y)
        pressure = force * (0.35 + 0.65 * smoothstep(threshold, threshold + 0.45, tone))
        keep = tone > threshold * (0.7 + 0.6 * start.random(look.seed + 5))
        start = start.where(keep)
        length = (26 + 30 * start.random(look.seed + 7)) * unit
        wide = max(1.0, 1.5 * unit)
        graphite += traced(
            subject.shape, start, angle + turn, length, wide, pressure[keep], subject.regions, subject.check, number
        )
    step("Drawing lines", _on_paper(graphite, GRAPHITE))
    smear = 0.30 * gaussian(dark, 2 * unit)  # the side of the pencil, rubbed
    tone = 1 - np.exp(-(0.9 * graphite + 0.5 * smear))
    tone = _into_grain(tone, grain, look.texture)
    lines = _sketched(subject, look, unit) * (0.82 + 0.10 * look.texture * grain)
    cover = np.clip(np.maximum(tone, 0) + lines * (1 - tone), 0, 1)
    return _on_paper(cover, _pigment(subject, look, GRAPHITE), grain * 0.008 * look.texture)


_AIR = np.float32(0.65)
"""How much of its darkness is drawn of a sky: as full of strokes as the ground, it would come forward."""

_LOCAL = ((0.08, 0.0), (0.30, 0.0), (0.46, 0.35))
_SHADE = ((0.22, 0.0), (0.42, 0.85), (0.60, -0.75), (0.76, 1.5))
"""(from which darkness on, turned by how much) of the layers of hatching; angles in radians."""


def ink(subject: Subject, look: Look, step: Step) -> np.ndarray:
    """(H, W, 3) 0..1: pen and ink; outlines of changing weight, open hatching for how dark things are themselves,
    crossed hatching for their shade, black in the deepest. The brightest of the picture stays paper.
    """
    unit = max(subject.unit_px, 0.3)
    dark = _darkness(subject, 1.2 * unit)
    angle = hatching_direction(subject, level=True)
    cover = np.zeros(subject.shape, np.float32)
    gap = max((8.0 - 3.0 * look.detail) * unit, 3.2)
    step("Hatching what is dark by itself", _on_paper(cover, INK))
    local = _own_darkness(gaussian(subject.light, 4 * unit)) - 2 * np.maximum(dark - _SHADE[0][0], 0)
    if subject.passes.background is not None:
        local = np.where(subject.passes.background, _AIR * local, local)
    border = subject.borders(5 * unit)
    if border is not None:  # a little paper between things sets them off from each other
        local = np.where(border > 0.02, np.float32(-1), local)
    for number, (threshold, turn) in enumerate(_LOCAL):
        tone = local + 0.05 * subject.canvas.clouds(110 * unit, look.seed + 40 + number, 2)
        lines = _even(subject, angle + turn, (tone - threshold) * 0.5, 1.9 * gap, look.seed + 71 * (number + 1))
        cover = np.maximum(cover, 0.85 * lines)
    for number, (threshold, turn) in enumerate(_SHADE):
        step(f"Hatching layer {number + 1} of {len(_SHADE)}", _on_paper(cover, INK))
        tone = dark + 0.06 * subject.canvas.clouds(90 * unit, look.seed + number, 2)
        cover = np.maximum(cover, _even(subject, angle + turn, tone - threshold, gap, look.seed + 29 * number))
    step("Drawing lines", _on_paper(cover, INK))
    cover = np.maximum(cover, smoothstep(0.86, 0.93, dark))
    wobble = 1 + 0.8 * look.texture * subject.canvas.clouds(60 * unit, look.seed + 4, 2)
    lines = outlines(subject.passes, subject.rgb, look.line_px, look.detail)
    weight = np.clip(lines * (wobble + 0.35 * dark), 0, 1)
    bleed = subject.canvas.paper(max(1.6, 1.8 * unit), look.seed + 8)
    cover = np.clip(np.maximum(cover, weight), 0, 1)
    cover = np.clip(cover + 0.10 * look.texture * bleed * cover * (1 - cover) * 4, 0, 1)
    return _on_paper(cover, _pigment(subject, look, INK), bleed * 0.006 * look.texture)


def _even(subject: Subject, angle: np.ndarray, above: np.ndarray, gap_px: float, seed: int) -> np.ndarray:
    """(H, W) 0..1: long lines about `gap_px` apart where `above` is positive, the thicker the larger it is.

    After Jobard and Lefer 1997, "Creating Evenly-Spaced Streamlines of Arbitrary Density", a batch of lines at a time:
    a line ends where it comes near to one that is there already.
    """
    made = np.zeros(subject.shape, np.float32)
    thick = np.clip(0.55 + 1.5 * above, 0.5, 1.35).astype(np.float32)
    sigma = 0.5 * gap_px
    barred = above <= 0
    for batch in range(6):
        start = subject.canvas.seeds((3.4, 3.0, 2.6, 2.2, 1.8, 1.5)[batch] * gap_px, seed + batch, 0.0)
        column = np.clip(start.x, 0, subject.shape[1] - 1).astype(np.int32)
        row = np.clip(start.y, 0, subject.shape[0] - 1).astype(np.int32)
        start = start.where(~barred[row, column])
        length = (7 + 9 * start.random(seed + 9)) * gap_px
        force = np.ones(len(length), np.float32)
        where = np.where(barred, -1, 0 if subject.regions is None else subject.regions)
        made += traced(subject.shape, start, angle, length, 1.0, force, where, subject.check, seed)
        barred = (above <= 0) | (gaussian(made, sigma) > 0.3 / (2.5066 * sigma))
    return smoothstep(0.15, 0.7, made * thick)


def hatching_direction(subject: Subject, level: bool = False) -> np.ndarray:
    """(H, W) angle of strokes: the way the surface bends most; where it is flat, the slant of a right hand.

    level: what lies flat on the ground, and the sky, get strokes along the horizon instead; slanting ones are rain.
    """
    unit = max(subject.unit_px, 0.3)
    if subject.passes.normal is not None:
        tensor = structure_tensor(gaussian(subject.passes.normal, unit), 0)
        turned, calm = 0.0, np.float32(3e-4)
    else:
        tensor = structure_tensor(gaussian(subject.light, 2 * unit), 0)
        turned, calm = np.pi / 2, np.float32(4e-5)
    border = subject.borders(1.5 * unit)
    if border is not None:  # what changes from one thing to the next is no curvature
        tensor = tensor * smoothstep(0.02, 0.0, border)[..., None]
    slant = np.full(subject.shape, -np.pi / 4 - turned, np.float32)
    if level and subject.passes.normal is not None:
        slant *= 1 - smoothstep(0.7, 0.9, subject.passes.normal[..., 1])
        if subject.passes.background is not None:
            slant[subject.passes.background] = 0
    flat = np.stack([np.cos(slant) ** 2, np.sin(slant) ** 2, np.cos(slant) * np.sin(slant)], axis=-1)
    tensor = gaussian(tensor, 9 * unit)
    _, coherence, strength = directions(tensor)
    every_way = strength * (1 - coherence) / (1 + coherence)  # the smaller eigenvalue: shingles, leaves, gravel
    angle, _, _ = directions(tensor + (calm + 6 * every_way)[..., None] * flat)
    return angle + np.float32(turned)


def _darkness(subject: Subject, sigma_px: float) -> np.ndarray:
    """(H, W) 0..1, how much is to be drawn: the shading of each material, and a little of how dark it is itself.

    A draughtsman leaves a dark wall in full light nearly white: he draws light and form before he draws colour.
    """
    light = gaussian(subject.light, sigma_px)
    own = _own_darkness(light)
    if subject.regions is None:
        return np.clip(own**1.4, 0, 1).astype(np.float32)
    shade = 1 - light / np.maximum(_brightest(light, subject.regions), 0.08)
    dark = 0.35 * own + 0.95 * smoothstep(0.02, 0.75, shade) * (0.6 + 0.4 * own)
    if subject.passes.ao is not None:
        dark += 0.3 * (1 - np.clip(subject.passes.ao, 0, 1))
    return np.clip(dark, 0, 1).astype(np.float32)


def _own_darkness(light: np.ndarray) -> np.ndarray:
    """(H, W) 0..1: how far the lightness `light` lies below the brightest of the picture."""
    sample = light[:: max(1, light.shape[0] // 256), :: max(1, light.shape[1] // 256)]
    low, high = np.percentile(sample, (1, 97))
    return np.clip((high - light) / max(high - low, 0.12), 0, 1)


def _brightest(light: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """(H, W): the light that each region has where it is fully lit (its 90th percentile)."""
    names, index = np.unique(regions, return_inverse=True)
    index = index.reshape(-1)
    bins = np.clip(light.ravel() * 64, 0, 63).astype(np.int64)
    counts = np.bincount(index * 64 + bins, minlength=len(names) * 64).reshape(-1, 64)
    share = np.cumsum(counts, axis=1) / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    white = ((share >= 0.9).argmax(axis=1) + 0.5) / 64
    return white.astype(np.float32)[index].reshape(light.shape)


def _sketched(subject: Subject, look: Look, unit: float) -> np.ndarray:
    """Outlines drawn twice, the second time a little beside the first; graphite varies along the line."""
    lines = outlines(subject.passes, subject.rgb, look.line_px, look.detail)
    if look.texture <= 0 or look.line_px <= 0:
        return lines
    ys, xs = np.mgrid[: subject.shape[0], : subject.shape[1]].astype(np.float32)
    reach = 1.6 * unit * look.texture
    again = sampled(
        lines,
        xs + reach * 2 * subject.canvas.clouds(50 * unit, look.seed + 31, 2),
        ys + reach * 2 * subject.canvas.clouds(50 * unit, look.seed + 32, 2),
    )
    vary = np.clip(0.75 + 0.8 * subject.canvas.clouds(36 * unit, look.seed + 33, 2), 0.3, 1)
    return np.clip(np.maximum(lines * vary, 0.6 * again * (1.3 - vary)), 0, 1)


def _into_grain(tone: np.ndarray, grain: np.ndarray, texture: float) -> np.ndarray:
    """Graphite catches on the heights of the paper first; dark tones fill the valleys too."""
    return np.clip(tone * (1 + texture * 0.75 * grain * (1 - 0.8 * tone)), 0, 1)


def _pigment(subject: Subject, look: Look, plain: np.ndarray) -> np.ndarray:
    """The colour of the mark: `plain`, or with `tint` that of the thing, deepened so that tone is left to the marks."""
    if look.tint <= 0:
        return plain
    colour = gaussian(subject.rgb, 1.5 * max(subject.unit_px, 0.3))
    deep = colour * (0.55 / np.maximum(lightness(colour), 0.3))[..., None]
    return plain + np.float32(look.tint) * (np.clip(deep, 0, 1) - plain)


def _on_paper(cover: np.ndarray, pigment: np.ndarray, sheet: np.ndarray | None = None) -> np.ndarray:
    ground = PAPER if sheet is None else PAPER + sheet[..., None]
    return np.clip(ground + (pigment - ground) * np.clip(cover, 0, 1)[..., None], 0, 1)
