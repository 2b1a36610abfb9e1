"""Water and gravity over a height field (rows, columns) in cells. numpy only."""

from __future__ import annotations

import numpy as np

INERTIA, CAPACITY, TAKE, DROP, DRY, LEAST = 0.1, 1.6, 0.15, 0.3, 0.02, 0.01
STEPS, AT_ONCE, MOST = 45, 4000, 0.08


def rain(heights: np.ndarray, drops: int, rng: np.random.Generator) -> np.ndarray:
    """Heights after `drops` drops of water ran down, each taking soil where it runs fast and leaving it where it slows
    (Beyer 2015). All drops of a batch move together; what they take is spread over the four corners of their cell."""
    heights = heights.copy()
    for start in range(0, drops, AT_ONCE):
        _batch(heights, min(AT_ONCE, drops - start), rng)
    return heights


def _batch(heights: np.ndarray, number: int, rng: np.random.Generator) -> None:
    rows, columns = heights.shape
    place = rng.uniform(1, np.array([columns, rows]) - 2.001, (number, 2))
    way, speed, water, soil = np.zeros((number, 2)), np.ones(number), np.ones(number), np.zeros(number)
    flat = heights.reshape(-1)
    for _ in range(STEPS):
        corner, weights, before, slope = _look(heights, place)
        way = way * INERTIA - slope * (1 - INERTIA)
        length = np.linalg.norm(way, axis=1, keepdims=True)
        way = way / np.maximum(length, 1e-9)
        moved = place + way
        alive = (length[:, 0] > 1e-9) & (moved > 1).all(1) & (moved < np.array([columns, rows]) - 2.001).all(1)
        place, way, speed, water, soil = moved[alive], way[alive], speed[alive], water[alive], soil[alive]
        corner, weights, before = corner[alive], weights[alive], before[alive]
        if not len(place):
            return
        fall = before - _look(heights, place)[2]
        capacity = np.maximum(fall, LEAST) * speed * water * CAPACITY
        uphill = np.minimum(soil, -fall)
        settles = np.where(fall < 0, uphill, np.maximum(0, soil - capacity) * DROP)
        takes = np.where(fall < 0, 0, np.minimum(np.maximum(0, capacity - soil) * TAKE, np.maximum(fall, 0)))
        change = np.where(fall < 0, uphill, settles) - takes
        moved_soil = np.bincount(corner.ravel(), (weights * change[:, None]).ravel(), len(flat))
        flat += np.clip(moved_soil * 0.5, -MOST, MOST)  # many drops in one cell must not dig a shaft at once
        soil = np.maximum(0, soil - change)
        speed = np.sqrt(np.maximum(0, speed**2 + 2 * fall))
        water = water * (1 - DRY)


def _look(heights: np.ndarray, place: np.ndarray) -> tuple:
    """Corner numbers (N, 4), their weights (N, 4), height (N,) and slope (N, 2) at place (N, 2) of column and row."""
    columns = heights.shape[1]
    cell = place.astype(int)
    u, v = (place - cell).T
    first = cell[:, 1] * columns + cell[:, 0]
    corner = np.stack([first, first + 1, first + columns, first + columns + 1], 1)
    h = heights.reshape(-1)[corner]
    weights = np.stack([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v], 1)
    dx = (h[:, 1] - h[:, 0]) * (1 - v) + (h[:, 3] - h[:, 2]) * v
    dy = (h[:, 2] - h[:, 0]) * (1 - u) + (h[:, 3] - h[:, 1]) * u
    return corner, weights, (h * weights).sum(1), np.stack([dx, dy], 1)


def slump(heights: np.ndarray, steepest: float, times: int) -> np.ndarray:
    """Heights after loose stones rolled down slopes steeper than `steepest` (Musgrave's thermal weathering)."""
    heights = heights.copy()
    for _ in range(times):
        for axis in (0, 1):
            step = np.diff(heights, axis=axis)
            over = np.sign(step) * np.maximum(np.abs(step) - steepest, 0) * 0.2
            low = [slice(None)] * 2
            high = [slice(None)] * 2
            low[axis], high[axis] = slice(None, -1), slice(1, None)
            heights[tuple(low)] += over
            heights[tuple(high)] -= over
    return heights
