"""What the models of `tile_texture` leave: the maps of a square that repeats, and their description. numpy only.

`material.json` has no objects but a `tile`: the set as in delivery.py, and the width in metres of what repeats.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from .delivery import MATERIAL_FILE

if TYPE_CHECKING:
    from ..context import Context
    from ..materials.painter import Maps


def deliver(context: Context, name: str, maps: Maps, width_m: float) -> None:
    """Writes the maps and their description. Raises Fault("disk_full")."""
    from ..png import encode_png

    name = name.strip() or "Tile"
    pictures = {"colour": ("BaseColor", maps.colour), "orm": ("ORM", maps.orm), "normal": ("Normal", maps.normal)}
    if maps.height is not None:
        pictures["height"] = ("Height", maps.height)
    files = {}
    for key, (ending, picture) in pictures.items():
        context.check_cancelled()
        meta = {"width": picture.shape[1], "height": picture.shape[0], "map": key}
        png = encode_png(picture, 2)
        files[key] = context.save_file("map", f"{name}_{ending}.png", png, f"{name} {ending}", meta).file
    linear = ((maps.colour[::8, ::8].reshape(-1, 3) / 255.0) ** 2.2).mean(0)
    tile = {
        **{"name": name, "slots": [0], "tile": 0, "uv": "own", "height_m": maps.height_m, "maps": files},
        **{"viewport": [round(float(c), 4) for c in linear], "width_m": width_m},
        "roughness": round(float(maps.orm[..., 1].mean()) / 255, 4),
        "metallic": round(float(maps.orm[..., 2].mean()) / 255, 4),
    }
    text = json.dumps({"of_file": False, "objects": [], "tile": tile}, ensure_ascii=False).encode()
    context.save_file("material", MATERIAL_FILE, text, name, {"objects": 0})


def wrap_difference(picture: np.ndarray) -> float:
    """Mean step from the last row (column) to the first one, over the largest one inside; up to 1 none shows."""
    values = picture.astype(np.float32)
    ratios = []
    for axis in (0, 1):
        others = tuple(side for side in range(values.ndim) if side != axis)
        inside = np.abs(np.diff(values, axis=axis)).mean(others)
        over = np.abs(values.take(0, axis) - values.take(-1, axis)).mean()
        ratios.append(float(over / max(float(inside.max()), 1e-6)))
    return max(ratios)
