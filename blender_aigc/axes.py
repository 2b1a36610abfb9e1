"""Axis conventions at the edge of Blender, as pure mathematics. numpy only, no bpy.

Blender  +Z up, objects face -Y; cameras look along their -Z with +Y up (as in OpenGL)
glTF     +Y up, objects face +Z
OpenCV   cameras look along their +Z with +Y down
"""

from __future__ import annotations

import numpy as np

BLENDER_FROM_GLTF = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float64)
"""(3, 3) rotation of column vectors, the same that Blender's own glTF importer applies."""

_OPENCV_FROM_BLENDER_CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])


def blender_from_gltf(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) points or directions from glTF's frame to Blender's, in the same dtype (exact: no arithmetic)."""
    return np.stack((vectors[..., 0], -vectors[..., 2], vectors[..., 1]), axis=-1)


def gltf_from_blender(vectors: np.ndarray) -> np.ndarray:
    """The way back."""
    return np.stack((vectors[..., 0], vectors[..., 2], -vectors[..., 1]), axis=-1)


def opencv_camera_from_blender(world_from_camera: np.ndarray) -> np.ndarray:
    """(..., 4, 4) matrix_world of a Blender camera as that of an OpenCV camera with the same view; its own inverse."""
    return world_from_camera @ _OPENCV_FROM_BLENDER_CAMERA
