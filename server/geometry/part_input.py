"""What a job says about a texture that is there already: where it may change, and how it looks now. numpy only.

In an .npz of Blender's these are the arrays

    change        (F, 3)    uint8 at the faces' corners: how far the texture may change there, 255 freely
    present_uvs   (F, 3, 2) float32, where the present texture lies on each face; may leave 0..1 where it is repeated
    picture_<n>   (h, w, 3 or 4) uint8, row 0 on top, straight alpha: the pictures of the present materials, each once;
                  heights are (h, w, 1) uint16, see heights.py

and, in the facts of an object, "present": one entry for each material slot, named by its number:
{"ours": bool, "maps": {"colour" | "orm" | "normal" | "height": {tile or "0": n}}, "height_m": range of the heights,
"plain": {"colour": [r, g, b] in 0..255 sRGB, "roughness": 0..1, "metallic": 0..1}, ...}; what else stands there comes
back with the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MAPS = ("colour", "orm", "normal")
HEIGHT = "height"
GREY = (204, 204, 204)


@dataclass(frozen=True)
class Present:
    """The material of one slot. maps: name -> UDIM tile (0 without tiles) -> number of the picture.

    plain: what a map without a picture is, three bytes each; without heights the surface is flat. ours: its textures
    belong to this object alone. height_m: range of the heights, 0 without a picture of them.
    """

    maps: Mapping[str, Mapping[int, int]] = field(default_factory=dict[str, dict[int, int]])
    plain: Mapping[str, tuple[int, int, int]] = field(default_factory=dict[str, tuple[int, int, int]])
    ours: bool = False
    height_m: float = 0.0

    def picture(self, name: str, tile: int) -> int | None:
        """Number of the picture of a map on a tile."""
        tiles = self.maps.get(name, {})
        return tiles.get(tile, tiles.get(0))


@dataclass
class Part:
    """See above. present: (number of the object, slot) -> its material now."""

    change: np.ndarray
    uvs: np.ndarray
    pictures: list[np.ndarray]
    present: dict[tuple[int, int], Present]

    def of_faces(self, sound: np.ndarray) -> Part:
        """The same for those faces for which (F,) `sound` is true."""
        return Part(self.change[sound], self.uvs[sound], self.pictures, self.present)

    def at(self, number: int, slot: int) -> Present:
        return self.present.get((number, slot), Present())


def part_of(stored: Mapping[str, Any], objects: list[dict[str, Any]]) -> Part | None:
    """What the arrays of an .npz say, or None when they say nothing.

    stored: names -> arrays, such as `numpy.load` returns. objects: the facts of the objects.
    Raises KeyError, TypeError or ValueError for what is damaged.
    """
    if "change" not in stored:
        return None
    change = np.asarray(stored["change"])
    uvs = np.asarray(stored["present_uvs"], np.float32)
    if change.dtype != np.uint8 or change.ndim != 2 or uvs.shape != (*change.shape, 2) or not np.isfinite(uvs).all():
        raise ValueError(f"change {change.dtype} {change.shape}, present_uvs {uvs.shape}")
    pictures: list[np.ndarray] = []
    while f"picture_{len(pictures)}" in stored:
        picture = np.asarray(stored[f"picture_{len(pictures)}"])
        channels = {np.dtype(np.uint8): (3, 4), np.dtype(np.uint16): (1,)}.get(picture.dtype, ())
        if picture.ndim != 3 or picture.shape[2] not in channels or 0 in picture.shape:
            raise ValueError(f"picture {picture.dtype} {picture.shape}")
        pictures.append(picture)
    present = {
        (number, int(slot)): _present(plain, pictures)
        for number, thing in enumerate(objects)
        for slot, plain in thing.get("present", {}).items()
    }
    return Part(change, uvs, pictures, present)


def _present(plain: dict[str, Any], pictures: list[np.ndarray]) -> Present:
    given = plain.get("maps", {})
    maps = {name: {int(tile): int(n) for tile, n in given.get(name, {}).items()} for name in (*MAPS, HEIGHT)}
    for name, tiles in maps.items():
        if any(not 0 <= n < len(pictures) for n in tiles.values()):
            raise ValueError("a picture is missing")
        if any((pictures[n].dtype == np.uint16) != (name == HEIGHT) for n in tiles.values()):
            raise ValueError(f"a picture of another kind for {name}")
    height_m = float(plain.get("height_m", 0)) if maps[HEIGHT] else 0.0
    if not 0 <= height_m < np.inf or (maps[HEIGHT] and not height_m):
        raise ValueError(f"heights of {height_m} m")
    values = plain.get("plain", {})
    red, green, blue = (int(value) for value in values.get("colour", GREY))
    levels = [round(255 * min(max(float(values.get(key, usual)), 0), 1)) for key, usual in _USUAL]
    orm = (255, levels[0], levels[1])
    known = {"colour": (red, green, blue), "orm": orm, "normal": (128, 128, 255)}
    return Present(maps, known, bool(plain.get("ours")), height_m)


_USUAL = (("roughness", 0.5), ("metallic", 0.0))
