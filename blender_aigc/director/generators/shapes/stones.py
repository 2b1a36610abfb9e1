"""Stones of any size, about one unit across. numpy only."""

from __future__ import annotations

import numpy as np

from .noise import Noise
from .piece import Piece
from .solids import ball


def stone(rng: np.random.Generator, cells: int, roundness: float, flatness: float) -> Piece:
    """A closed stone around the origin: a ball, cut by planes (fewer and softer when round), stretched, roughened."""
    body = ball(1.0, cells)
    points = body.vertices
    directions = rng.normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    depth = rng.uniform(0.58, 0.9, 20) + 0.35 * roundness
    soft = 0.005 + 0.13 * roundness
    for direction, limit in zip(directions, depth, strict=True):
        over = points @ direction - limit
        # A soft minimum, so that an edge is worn rather than sharp.
        shift = np.where(over > -4 * soft, soft * np.logaddexp(0, over / soft), 0)
        points = points - np.outer(shift, direction)
    noise = Noise(rng)
    outward = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    rough = 0.07 * noise.fbm(points * 1.3, 3) + 0.028 * (1 - roundness) * noise.fbm(points * 5.0, 4)
    points = points + outward * rough[:, None]
    stretch = np.array([1.0, rng.uniform(0.62, 0.95), rng.uniform(0.6, 0.85) * (1 - 0.75 * flatness)])
    return body.warped(points * stretch)
