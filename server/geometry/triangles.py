"""The evaluated triangles that a texturing job works on, checked and made safe for single precision. numpy only."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from blender_aigc.protocol import MOST_TRIANGLES, Fault

from .normals import face_cross, unit, vertex_normals


@dataclass
class Triangles:
    """What the add-on sends of one or several objects: modifiers applied, in the world, triangulated.

    positions:      (V, 3) float32 or float64, metres, Blender's world frame (+Z up).
    faces:          (F, 3) int32, counter-clockwise seen from outside (a negative scale must be flipped by the sender;
                    what is wound the wrong way all the same is found by `raster.outward_signs`).
    corner_uvs:     (F, 3, 2) float32 or None; (0, 0) is the lower left corner of the texture, (1, 1) the upper right;
                    texel (row 0, column 0) covers u in 0..1/size, v in 1 - 1/size..1 (corners, not centres: as in GL).
    corner_normals: (F, 3, 3) float32 unit vectors as Blender shades them, or None: then angle-weighted smooth ones.
    face_object:    (F,) int32, index into `object_names`; None stands for one object.
    target:         (F,) bool: faces that get a texture; the others only occlude. None: all of them.
    """

    positions: np.ndarray
    faces: np.ndarray
    corner_uvs: np.ndarray | None = None
    corner_normals: np.ndarray | None = None
    face_object: np.ndarray | None = None
    target: np.ndarray | None = None
    object_names: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        self.faces = np.ascontiguousarray(self.faces, np.int32)
        count = len(self.faces)
        if self.face_object is None:
            self.face_object = np.zeros(count, np.int32)
        if self.target is None:
            self.target = np.ones(count, bool)
        if not self.object_names:
            self.object_names = tuple(f"object {n}" for n in range(int(self.face_object.max(initial=0)) + 1))
        expected = {"corner_uvs": (count, 3, 2), "corner_normals": (count, 3, 3)}
        for name, shape in expected.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise Fault("bad_input", f"The mesh's {name} have shape {value.shape}, not {shape}.")
        if len(self.face_object) != count or len(self.target) != count:
            raise Fault("bad_input", "The mesh's face_object and target must have one entry for each face.")
        self._check()

    def _check(self) -> None:
        count = len(self.faces)
        if not count or not self.target.any():
            raise Fault(
                "bad_input",
                "The selected objects have no faces to texture.",
                "Select a mesh that has faces, or give the curve or text a thickness.",
            )
        if count > MOST_TRIANGLES:
            raise Fault(
                "bad_input",
                f"The selected objects have {count:,} triangles; {MOST_TRIANGLES:,} is the most that can be textured.",
                "Add a Decimate modifier, or lower the subdivision level.",
            )
        if self.faces.min() < 0 or self.faces.max() >= len(self.positions):
            raise Fault("bad_input", "The mesh refers to vertices that it does not have.")
        if not np.isfinite(self.positions).all() and not np.isfinite(self.positions[self.faces.reshape(-1)]).all():
            raise Fault(
                "bad_input",
                "The mesh has vertices whose position is not a number.",
                "Check the modifiers and geometry nodes: something divides by zero.",
            )

    @cached_property
    def points(self) -> np.ndarray:
        """(N, 3) positions of the vertices of the faces to be textured, each once."""
        used = np.zeros(len(self.positions), bool)
        used[self.faces[self.target] if not self.target.all() else self.faces] = True
        return self.positions if used.all() else self.positions[used]

    @cached_property
    def bounds(self) -> np.ndarray:
        """(2, 3) float64: lowest and highest corner of the faces to be textured, metres."""
        columns = self.points.T
        return np.array([columns.min(axis=1), columns.max(axis=1)], np.float64)

    @property
    def centre(self) -> np.ndarray:
        """(3,) float64 middle of the bounds."""
        return self.bounds.mean(axis=0)

    @property
    def radius(self) -> float:
        """Half the diagonal of the bounds, metres; never zero."""
        low, high = self.bounds
        return max(float(np.linalg.norm(high - low)) / 2, 1e-9)

    def corners(self) -> np.ndarray:
        """(F, 3, 3) float32: corner positions about `centre`, subtracted in double precision.

        A model 100 km from the world's origin keeps the detail that its coordinates have.
        """
        return (self.positions.astype(np.float64) - self.centre).astype(np.float32)[self.faces]

    def normals(self) -> np.ndarray:
        """(F, 3, 3) float32 shading normals at the corners: the sender's, or angle-weighted ones."""
        if self.corner_normals is not None:
            return np.asarray(self.corner_normals, np.float32)
        return vertex_normals(self.positions, self.faces)[self.faces]

    def flat_normals(self) -> np.ndarray:
        """(F, 3) float32 unit vectors by winding; zero for a face without area."""
        return unit(face_cross(self.positions, self.faces)).astype(np.float32)
