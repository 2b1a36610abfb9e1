"""Which textures a job makes: one for all objects or one each, and one for every UDIM tile. numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blender_aigc.protocol import Fault

from .triangles import Triangles

MOST_SHEETS = 100


@dataclass(frozen=True, eq=False)
class Sheet:
    """One texture. faces: (K,) int64 of the triangles that it belongs to, None for all that are to be textured.

    object: its number, or -1 when objects share the texture. tile: UDIM number, 1001 without UDIM.
    """

    faces: np.ndarray | None
    object: int = -1
    tile: int = 1001

    @property
    def place(self) -> tuple[int, int]:
        """Integer part of (u, v) where the tile begins."""
        return (self.tile - 1001) % 10, (self.tile - 1001) // 10


def sheets_of(triangles: Triangles, layout: str = "shared", udim: bool = True) -> list[Sheet]:
    """The textures of a job, by object, then by tile. A face belongs to the tile in which its middle lies.

    layout: "shared" or "object". udim: without it, UVs beyond 0..1 are cut off.
    Raises Fault("bad_input") without UVs, and for more tiles than MOST_SHEETS.
    """
    if layout not in ("shared", "object"):
        raise Fault("bad_request", f'A texture layout is "shared" or "object", not "{layout}".')
    if triangles.corner_uvs is None:
        raise Fault(
            "bad_input",
            "The selected objects have no UV map.",
            "Set UV Map to New, which makes one beside yours.",
        )
    faces = np.flatnonzero(triangles.target)
    middle = triangles.corner_uvs[faces].mean(axis=1)
    column, row = np.floor(middle.T).astype(np.int64)
    legal = (column >= 0) & (column <= 9) & (row >= 0) & (row <= 98)
    tile = np.where(legal, 1001 + column + 10 * row, 1001) if udim else np.full(len(faces), 1001)
    owner = triangles.face_object[faces].astype(np.int64) if layout == "object" else np.full(len(faces), -1)
    key = owner * 10_000 + tile
    kinds = np.unique(key)
    if len(kinds) > MOST_SHEETS:
        raise Fault(
            "bad_input",
            f"The UV map spreads over {len(kinds)} tiles; {MOST_SHEETS} is the most.",
            "Set UV Map to New, or pack the islands into fewer tiles.",
        )
    if len(kinds) == 1 and len(faces) == len(triangles.faces):
        return [Sheet(None, int(owner[0]), int(tile[0]))]
    return [Sheet(faces[key == kind], int(owner[key == kind][0]), int(tile[key == kind][0])) for kind in kinds]
