"""What the cameras of a texturing job see, as pictures for ControlNets. The server's own rasteriser draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..geometry.control_maps import control_depth, control_normal

if TYPE_CHECKING:
    from ..geometry.raster import Maps

AUTO = {"depth": 0.8, "line": 0.4, "normal": 0.5}
"""Controls of "auto" and their weights, where there is a ControlNet for them."""
KINDS = frozenset({"depth", "normal", "line", "canny", "segment"})


def control_view(seen: Maps, kind: str) -> np.ndarray:
    """(H, W, 3) uint8 of one view. kind: one of `KINDS`; lines stand in for canny, which was trained on such lines."""
    from ..diffusion.controls import segments

    if kind == "depth":
        depth = seen.depth.cpu().numpy()
        grey = control_depth(depth, _range(depth))
    elif kind == "normal":
        return control_normal(seen.normal_camera.cpu().numpy())
    elif kind == "segment":
        return segments(seen.object.cpu().numpy() + 1)
    else:
        grey = np.rint(255 * seen.lines.cpu().numpy()).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _range(depth: np.ndarray) -> tuple[float, float] | None:
    """Of this view alone: each view uses the whole range, which is how the depth ControlNets were trained."""
    there = depth[np.isfinite(depth)]
    if not len(there):
        return None
    near, far = float(there.min()), float(there.max())
    return (near, far) if far > near else None
