"""The colours of another picture: both are reduced to a few colours, which are matched and blended back.

Sources: k-means in Oklab; the colours are matched by optimal transport with an entropy term (Cuturi 2013, "Sinkhorn
Distances"), and every pixel follows the colours near it (Chang, Fried, Liu, DiVerdi and Finkelstein 2015,
"Palette-based Photo Recoloring"), so gradients stay gradients.
"""

from __future__ import annotations

import numpy as np

from .colour import oklab_from_srgb, srgb_from_oklab

_SAMPLES = 6000
_ROUNDS = 20
_HUE = np.array([1.0, 2.5, 2.5], np.float32)
"""A sky and a lawn are as light as each other: with few colours to give away, hues are told apart before tones."""


def clustered(lab: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(K, 3) centres and (K,) shares of (N, 3) colours, K <= count. No chance: the farthest colours start."""
    points = np.asarray(lab, np.float64).reshape(-1, 3)
    points = points[:: max(1, len(points) // _SAMPLES)]
    centres = [points.mean(axis=0)]
    distance = ((points - centres[0]) ** 2).sum(-1)
    while len(centres) < count + 1 and distance.max() > 1e-4:
        centres.append(points[int(distance.argmax())])
        distance = np.minimum(distance, ((points - centres[-1]) ** 2).sum(-1))
    middle = np.array(centres[1:] or centres)
    for _ in range(_ROUNDS):
        nearest = ((points[:, None] - middle[None]) ** 2).sum(-1).argmin(axis=1)
        counts = np.bincount(nearest, minlength=len(middle))
        sums = np.stack([np.bincount(nearest, points[:, k], len(middle)) for k in range(3)], axis=-1)
        middle = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], middle)
    kept = counts > 0
    return middle[kept].astype(np.float32), (counts[kept] / counts.sum()).astype(np.float32)


def recoloured(rgb: np.ndarray, reference: np.ndarray | None, count: int) -> np.ndarray:
    """(H, W, 3) 0..1 in the colours of `reference` (h, w, 3) 0..1; without one, in `count` flat colours of its own."""
    lab = oklab_from_srgb(rgb)
    if reference is None:
        lab *= _HUE
        centres, _ = clustered(lab, count)
        return srgb_from_oklab(_moved(lab, centres, centres, flatten=True) / _HUE)
    centres, shares = clustered(lab, count)
    wanted, weights = clustered(oklab_from_srgb(reference), count)
    return srgb_from_oklab(_moved(lab, centres, _matched(centres, shares, wanted, weights), flatten=False))


def _matched(centres: np.ndarray, shares: np.ndarray, wanted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(K, 3): for each centre the mean of the wanted colours that it is given. Lightness decides more than hue."""
    scale = np.array([1.6, 1.0, 1.0])

    def standard(colours: np.ndarray, share: np.ndarray) -> np.ndarray:
        mean = (colours * share[:, None]).sum(0)
        spread = np.sqrt((((colours - mean) ** 2) * share[:, None]).sum(0)) + 0.02
        return (colours - mean) / spread * scale

    a, b = standard(centres, shares), standard(wanted, weights)
    cost = ((a[:, None] - b[None]) ** 2).sum(-1)
    kernel = np.exp(-cost / (0.15 * cost.mean() + 1e-9)) + 1e-30
    u = np.ones(len(a))
    for _ in range(200):
        v = weights / (kernel.T @ u)
        u = shares / (kernel @ v)
    plan = u[:, None] * kernel * v[None]
    return (plan @ wanted / plan.sum(axis=1, keepdims=True)).astype(np.float32)


def _moved(lab: np.ndarray, centres: np.ndarray, targets: np.ndarray, flatten: bool) -> np.ndarray:
    """Every pixel moves with the centres around it, the nearer the more."""
    gaps = ((centres[:, None] - centres[None]) ** 2).sum(-1)
    width = np.float32(0.5 * np.median(gaps[gaps > 0]) if (gaps > 0).any() else 0.05) * (0.06 if flatten else 0.5)
    shift = np.zeros_like(lab)
    total = np.full(lab.shape[:-1], 1e-12, np.float32)
    nearest = np.full(lab.shape[:-1], np.inf, np.float32)
    for centre in centres:
        np.minimum(nearest, ((lab - centre) ** 2).sum(-1), out=nearest)
    for centre, target in zip(centres, targets, strict=True):
        weight = np.exp(-(((lab - centre) ** 2).sum(-1) - nearest) / width)
        total += weight
        shift += weight[..., None] * (target if flatten else target - centre)
    shift /= total[..., None]
    return shift if flatten else lab + shift
