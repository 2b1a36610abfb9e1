"""A `Render` carried out: passes of the scene or a picture in their place, and the mask of what may change."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np

from ..faults import Fault
from .image import image_pixels
from .passes import Staged, passes_meta, render_passes
from .pose import armatures_of
from .sources import Render

PASSES = frozenset({"combined", "depth", "normal", "object_id", "material_id", "line"})
"""Those that pay for themselves: one sample of Cycles gives all but the first."""

OF_FRAMES = PASSES | {"vector"}
"""Of sequences. Motion vectors make Blender evaluate the scene at the frames before and after: not for stills."""

_SHAPE_TOLERANCE = 0.02


def rendered(
    source: Render, scene: bpy.types.Scene, staged: Staged | None = None, usual: frozenset[str] = PASSES
) -> dict[str, np.ndarray]:
    """The passes that `source` describes, with "mask" where it asks for one. usual: where it does not say which.

    Raises Fault as `render_passes` does, and "bad_input" for a mask that leaves nothing to change, or everything.
    """
    if source.picture is not None:
        if source.mask == "selected":
            raise Fault("bad_input", "A picture has no selected objects.", "Paint a mask, or take a render.")
        passes = {"combined": image_pixels(source.picture), "meta": np.frombuffer(json.dumps({}).encode(), np.uint8)}
    else:
        wanted = source.passes
        if wanted is None:
            wanted = usual | ({"pose"} if armatures_of(scene) else set())
        wanted |= {"mask"} if source.mask == "selected" else set()
        passes = render_passes(
            scene,
            wanted,
            source.view,
            source.frame,
            longest_px=source.longest_px,
            combined=source.combined,
            selected=source.selected,
            staged=staged,
        )
    if source.depth_range_m is not None:
        facts = {**passes_meta(passes), "depth_range_m": list(source.depth_range_m)}
        passes["meta"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    if source.mask == "transparent":
        passes["mask"] = 255 - passes["combined"][..., 3]
    elif source.mask == "painted":
        passes["mask"] = _painted(source.painted, passes["combined"].shape[:2])
    if source.mask:
        passes["mask"] = 255 - passes["mask"] if source.inverted else passes["mask"]
        _check(passes["mask"], source.mask)
    return passes


def _painted(picture: bpy.types.Image | str | Path | None, size: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8: how white and opaque the picture is, in the size of the render."""
    if picture is None:
        raise Fault("bad_input", "No mask is painted.", "Choose a picture in which white is what may change.")
    pixels = image_pixels(picture).astype(np.float32)
    grey = pixels[..., :3] @ np.float32([0.2126, 0.7152, 0.0722]) * (pixels[..., 3] / 255)
    height, width = grey.shape
    if abs(np.log((width / height) / (size[1] / size[0]))) > _SHAPE_TOLERANCE:
        raise Fault(
            "bad_input",
            f"The mask has another shape ({width} x {height}) than the render ({size[1]} x {size[0]}).",
            "Paint it on a picture of the render's size.",
        )
    return np.rint(_resized(_resized(grey, size[0], 0), size[1], 1)).astype(np.uint8)


def _resized(values: np.ndarray, count: int, axis: int) -> np.ndarray:
    """`count` rows or columns, linear between the middles of pixels, means of several where it shrinks."""
    have = values.shape[axis]
    if have == count:
        return values
    if have > count:  # means over the part that each new pixel covers
        edges = np.linspace(0, have, count + 1)
        sums = np.concatenate([np.zeros_like(values.take([0], axis)), values.cumsum(axis, dtype=np.float64)], axis)
        low = np.minimum(edges.astype(int), have - 1)
        shape = [-1 if i == axis else 1 for i in (0, 1)]
        at = sums.take(low, axis) + values.take(low, axis) * (edges - low).reshape(shape)
        return (np.diff(at, axis=axis) / (have / count)).astype(np.float32)
    at = np.clip((np.arange(count) + 0.5) * have / count - 0.5, 0, have - 1)
    low = np.minimum(at.astype(int), max(have - 2, 0))
    part = (at - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in (0, 1)])
    return values.take(low, axis) * (1 - part) + values.take(np.minimum(low + 1, have - 1), axis) * part


def _check(mask: np.ndarray, kind: str) -> None:
    if mask.max() < 128:
        hints = {
            "selected": "The selected objects are not seen from the camera. Select others, or move the camera.",
            "painted": "Paint white what may change.",
            "transparent": "Switch on Film > Transparent, or choose another mask.",
        }
        raise Fault("bad_input", "The mask is empty: nothing would change.", hints[kind])
    if mask.min() > 127:
        raise Fault("bad_input", "The mask covers the whole picture.", "Choose no mask, so that all may change.")
