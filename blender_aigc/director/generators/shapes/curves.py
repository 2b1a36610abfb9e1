"""Lines in the plane and in space: rounded corners, smooth curves, circles. numpy only."""

from __future__ import annotations

import numpy as np


def circle(radius: float, segments: int, squash: float = 1.0) -> np.ndarray:
    """(segments, 2) against the clock from +X; an ellipse of half width radius * squash in y."""
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    return np.column_stack([radius * np.cos(angle), radius * squash * np.sin(angle)])


def rectangle(width: float, depth: float, radius: float = 0.0, segments: int = 4) -> np.ndarray:
    """(N, 2) against the clock around the origin, with round corners."""
    if radius <= 0:
        return np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * np.array([width, depth]) / 2
    radius = min(radius, 0.499 * width, 0.499 * depth)
    arc = np.linspace(0, np.pi / 2, segments + 1)
    corners = []
    for turn, (x, y) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        angle = arc + turn * np.pi / 2
        middle = np.array([x * (width / 2 - radius), y * (depth / 2 - radius)])
        corners.append(middle + radius * np.column_stack([np.cos(angle), np.sin(angle)]))
    return np.concatenate(corners)


def rounded(points, radius: float, segments: int = 4) -> np.ndarray:
    """An open line (N, 2 or 3) whose inner corners become arcs of about `radius`, less where there is no room."""
    points = np.asarray(points, float)
    line = [points[0]]
    for before, corner, after in zip(points[:-2], points[1:-1], points[2:], strict=True):
        to, on = before - corner, after - corner
        a, b = np.linalg.norm(to), np.linalg.norm(on)
        if min(a, b) < 1e-9 or abs(np.dot(to, on) / (a * b)) > 0.9999 or radius <= 0:
            line.append(corner)
            continue
        half = np.arccos(np.clip(np.dot(to, on) / (a * b), -1, 1)) / 2
        reach = min(radius / np.tan(half), 0.49 * a, 0.49 * b)
        start, end = corner + to / a * reach, corner + on / b * reach
        t = np.linspace(0, 1, segments + 1)[:, None]
        line += list((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)  # a parabola, near enough an arc
    line.append(points[-1])
    return np.array(line)


def smooth(points, number: int) -> np.ndarray:
    """(number, D) points along the centripetal-free Catmull-Rom curve through points (N, D), ends included."""
    points = np.asarray(points, float)
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, len(points) - 1, number)
    i = np.minimum(t.astype(int), len(points) - 2)
    u = (t - i)[:, None]
    a, b, c, d = (padded[i + k] for k in range(4))
    return 0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3)


def evenly(points, number: int) -> np.ndarray:
    """(number, D) points at equal distances along the line points (N, D)."""
    points = np.asarray(points, float)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    wanted = np.linspace(0, along[-1], number)
    return np.column_stack([np.interp(wanted, along, points[:, k]) for k in range(points.shape[1])])


def helix(radius: float, rise: float, turns: float, number: int) -> np.ndarray:
    """(number, 3) up a screw line about Z."""
    t = np.linspace(0, 1, number)
    angle = 2 * np.pi * turns * t
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), rise * t])
