"""A lit ball that moves before a panning wall, with exact passes: what a sequence is judged by."""

from __future__ import annotations

import numpy as np

from server.filters.passes import Passes

BALL_PX = (1.37, 0.61)
"""What the ball moves in a frame, x and y."""


def ball_centre(index: int, shape: tuple[int, int]) -> tuple[float, float]:
    return shape[1] * 0.3 + BALL_PX[0] * index, shape[0] * 0.45 + BALL_PX[1] * index


def moving(
    index: int, shape: tuple[int, int] = (72, 112), pan_px: float = 0.8, light: float = 1.0, radius: float = 0.26
) -> Passes:
    """Frame `index` (from 0). pan_px: of the wall in a frame, to the left. light: brightness of everything."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    centre_x, centre_y = ball_centre(index, shape)
    u, v = (x - centre_x) / (radius * height), (centre_y - y) / (radius * height)
    inside = u * u + v * v < 1
    z = np.sqrt(np.maximum(1 - u * u - v * v, 0))
    normal = np.where(inside[..., None], np.stack([u, v, z], -1), np.float32([0, 0, 1])).astype(np.float32)
    shade = np.clip(0.25 + 0.75 * (0.7 * z + 0.6 * v), 0.05, 1)[..., None]
    wall = (0.55 + 0.25 * np.sin((x + pan_px * index) / 13) * np.cos(y / 17))[..., None]
    colour = np.where(inside[..., None], shade * [0.95, 0.45, 0.25], wall * [0.8, 0.95, 1.0]) * light
    combined = np.full((height, width, 4), 255, np.uint8)
    combined[..., :3] = np.rint(np.clip(colour, 0, 1) * 255)
    back = np.where(inside[..., None], np.float32([-BALL_PX[0], -BALL_PX[1]]), np.float32([pan_px, 0]))
    ids = np.where(inside, 2, 1).astype(np.int32)
    return Passes(
        combined,
        depth=np.where(inside, 5 - z, 8).astype(np.float32),
        normal=normal,
        object_id=ids,
        material_id=ids,
        vector=np.concatenate([back, -back], axis=-1).astype(np.float32),
        meta={"frame": index + 1, "objects": ["", "wall", "ball"]},
    )


def npz_of(passes: Passes) -> dict[str, np.ndarray]:
    """The arrays of a .npz file of these passes."""
    import json

    arrays = {name: getattr(passes, name) for name in ("combined", *passes.given)}
    return {**arrays, "meta": np.frombuffer(json.dumps(passes.meta).encode(), np.uint8)}
