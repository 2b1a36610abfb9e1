"""Cel shading: each material in a few flat tones, a rim of light, clean outlines.

Sources: Lake, Marshall, Harris and Blackstein 2000, "Stylized Rendering Techniques for Scalable Real-Time 3D
Animation" (tone steps); soft steps after Winnemoeller, Olsen and Gooch 2006, "Real-time video abstraction".
"""

from __future__ import annotations

import numpy as np

from .colour import oklab_from_srgb, srgb_from_oklab
from .fields import gaussian, smoothstep
from .lines import outlines
from .look import Look, Step, Subject
from .painting import abstraction

_SOFT = 0.08
_RIM = 0.10


def shaded(subject: Subject, look: Look, step: Step) -> np.ndarray:
    """(H, W, 3) 0..1."""
    unit = max(subject.unit_px, 0.3)
    step("Flattening", None)
    flat = abstraction(subject, (8 - 4 * look.detail) * unit)
    lab = oklab_from_srgb(flat)
    step("Choosing tones", flat)
    stepped = _by_material(lab, subject.regions, max(2, look.colours), subject)
    sky = subject.passes.background
    lab = stepped if sky is None else np.where(sky[..., None], lab, stepped)  # skies are painted, not shaded in tones
    if subject.passes.normal is not None:
        lab[..., 0] += _rim(subject, unit)
    lab[..., 1:] *= 1.12
    colour = srgb_from_oklab(lab)
    step("Drawing lines", colour)
    lines = outlines(subject.passes, subject.rgb, look.line_px, look.detail)[..., None]
    ink = colour * np.float32(0.16)
    return np.clip(colour + (ink - colour) * lines, 0, 1)


def _by_material(lab: np.ndarray, regions: np.ndarray | None, count: int, subject: Subject) -> np.ndarray:
    """Lightness in `count` steps between the darkest and the lightest of each region; hue from the mean of its tone."""
    if regions is None:
        return _stepped(lab, count)
    out = lab.copy()
    names, index = np.unique(regions, return_inverse=True)
    index = index.reshape(-1)
    order = np.argsort(index, kind="stable")
    ends = np.cumsum(np.bincount(index, minlength=len(names)))
    flat, done = lab.reshape(-1, 3), out.reshape(-1, 3)
    for start, end in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
        subject.check()
        where = order[start:end]
        done[where] = _stepped(flat[where], count)
    return out


def _stepped(lab: np.ndarray, count: int) -> np.ndarray:
    """The same tones everywhere between two steps; the edge between them is a narrow ramp, so it is not jagged."""
    light = lab[..., 0]
    low, high = np.percentile(light.ravel()[:: max(1, light.size // 20000)], (2, 98))
    steps = max(1, min(count, round((high - low) / 0.055)))
    if steps == 1:
        centre = np.median(lab.reshape(-1, 3)[:: max(1, light.size // 20000)], axis=0)
        return (lab * 0.15 + centre * 0.85).astype(np.float32)
    position = np.clip((light - low) / (high - low), 0, 1) * steps
    number = np.minimum(np.floor(position), steps - 1)
    inner = position - number
    # Half of each ramp lies on either side of the step
    up = np.where(number < steps - 1, 0.5 * smoothstep(1 - _SOFT, 1 + _SOFT, inner), 0)
    down = np.where(number > 0, 0.5 * smoothstep(_SOFT, -_SOFT, inner), 0)
    tone = number + up - down
    tones, chroma = _tones(lab.reshape(-1, 3), number.ravel().astype(np.int32), steps)
    base = np.clip(tone, 0, steps - 1)
    below = np.floor(base).astype(np.int32)
    above = np.minimum(below + 1, steps - 1)
    share = (base - below)[..., None]
    table = np.concatenate([tones[:, None], chroma], axis=1).astype(np.float32)
    return table[below] * (1 - share) + table[above] * share


def _tones(lab: np.ndarray, number: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean lightness and hue of each step; an empty one takes over from its neighbour."""
    counts = np.bincount(number, minlength=steps)
    means = np.stack([np.bincount(number, lab[:, k], steps) / np.maximum(counts, 1) for k in range(3)], axis=-1)
    for step in range(1, steps):
        if not counts[step]:
            means[step] = means[step - 1]
    return means[:, 0], means[:, 1:]


def _rim(subject: Subject, unit: float) -> np.ndarray:
    """Light that grazes the upper sides: where the normal turns away from the camera and up."""
    normal = gaussian(subject.passes.normal, 0.8 * unit)
    length = np.sqrt((normal * normal).sum(-1))
    turned = smoothstep(0.58, 0.72, 1 - np.abs(normal[..., 2]) / np.maximum(length, 1e-3))
    lit = smoothstep(0.1, 0.4, normal[..., 1] + 0.3 * np.abs(normal[..., 0]))
    flat = smoothstep(0.98, 0.9, np.abs(normal[..., 1]))  # a floor seen from the side has no rim
    return _RIM * turned * lit * flat * (length > 0.5)
