"""Axis conventions of the models, and the one way from them to Blender's frame. numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_AXES = {
    "+X": (1, 0, 0),
    "-X": (-1, 0, 0),
    "+Y": (0, 1, 0),
    "-Y": (0, -1, 0),
    "+Z": (0, 0, 1),
    "-Z": (0, 0, -1),
}


@dataclass(frozen=True)
class Frame:
    """Where a model's objects look and stand, as signed axes of its own coordinates: Frame(up="+Z", front="+X").

    Frames are right-handed; the object's left is up x front.
    """

    up: str
    front: str

    @property
    def blender_from_native(self) -> np.ndarray:
        """(3, 3) float64 rotation that takes native column vectors to Blender's frame (+Z up, front -Y, left +X)."""
        up, front = np.array(_AXES[self.up], float), np.array(_AXES[self.front], float)
        if up @ front:
            raise ValueError(f"up {self.up} and front {self.front} are not perpendicular")
        return np.stack([np.cross(up, front), -front, up])


BLENDER = Frame(up="+Z", front="-Y")
GLTF = Frame(up="+Y", front="+Z")
