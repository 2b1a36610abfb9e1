"""Did the solver let a ball bounce as high as it should? No bpy.

Bullet loses restitution when it finds a contact before the touch (see rigid.py), which happens to one impact in ten and
depends on where the step falls. So scenes with bouncing balls are computed with up to seven step lengths, and the run
whose impacts on the ground come nearest to the asked-for restitution is kept. The order of the tries is fixed, so the
same plan has the same result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..plan import Plan

if TYPE_CHECKING:
    from .order import Order

TRIES = (0, -1, -2, 1, 2, 3, 4)
"""Steps per frame, more or fewer than usual."""
ENOUGH = 0.03
"""Mean error of restitution, weighted by energy, with which no further try is made."""

_MOST_BODIES = 40
_NEAR = 0.35


def expected(plan: Plan, objects: dict[str, list[Any]]) -> dict[int, tuple[float, float]]:
    """Row of `poses` -> (restitution, radius in metres) of every ball that is to bounce off the ground."""
    from . import rigid

    found: dict[int, tuple[float, float]] = {}
    row = 0
    for thing in plan.objects:
        if not rigid.is_active(thing):
            continue
        for obj in objects[thing.name]:
            bounce = rigid.restitution(thing) * rigid.ground_restitution(plan)
            if rigid.collision(thing) == "sphere" and bounce >= 0.3:
                found[row] = (bounce, float(rigid.extents(obj).max()) / 2)
            row += 1
    return found if 0 < len(found) and row <= _MOST_BODIES and plan.world.ground != "none" else {}


def lost(plan: Plan, balls: dict[int, tuple[float, float]], poses: np.ndarray, order: Order) -> float:
    """Mean error of the restitution over all impacts on the ground, weighted by their energy; 0 without impacts."""
    gravity = plan.world.gravity_m_s2
    tick = plan.timing.speed / order.fps
    errors, weights = [0.0], [1e-9]
    for row, (bounce, radius) in balls.items():
        heights = poses[row, :, 2] - order.origin_m[2] - radius
        for i in range(2, len(heights) - 2):
            if heights[i] > heights[i - 1] - 1e-4 or heights[i + 1] < heights[i] - 1e-4:
                continue
            if heights[i] > _NEAR * radius + (heights[i - 2] - heights[i - 1]):
                continue  # something else was hit, in the air
            down = _speed_at_ground(heights[i - 2], heights[i - 1], tick, gravity)
            up = _speed_at_ground(heights[i + 2], heights[i + 1], tick, gravity)
            if down > 4 * gravity * tick:  # else too few frames lie between the impacts
                errors.append(abs(up / down - bounce))
                weights.append(down * down)
    return float(np.average(errors, weights=weights))


def _speed_at_ground(far: float, near: float, tick: float, gravity: float) -> float:
    """Speed at height 0 of what was at `far` and one frame nearer to the impact at `near`, in free flight."""
    between = (far - near) / tick  # the speed half a frame from `near`
    at_near = between + gravity * tick / 2
    return float(np.sqrt(max(at_near * abs(at_near) + 2 * gravity * near, 0.0)))
