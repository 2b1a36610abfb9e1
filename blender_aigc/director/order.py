"""What the background Blender is told, where it works and what it leaves: files of one folder. No bpy.

order.json  what to do            scene.blend    the objects
progress.json  how far            fault.json     why it failed
solids.npz  poses of rigid bodies <copy>.pc2     cloth and soft bodies
liquid.abc, gas_cache/*.vdb       *.done         a part that needs not be done again
gas_domain.json  where the domain stands in the world: "corner_m" (the lower one), "size_m", "cell_m"
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ORDER, SCENE, PROGRESS, FAULT = "order.json", "scene.blend", "progress.json", "fault.json"
SOLIDS = "solids.npz"
BAKED_BY = 8
"""Raised when the same plan is baked differently or leaves other files, so that older bakes are not taken for it."""


@dataclass(frozen=True)
class Order:
    """plan: JSON text. collection: its name in scene.blend. ground: name of the ground's object or "".

    fps: of the scene in which the result is seen (the plan's own unless the user kept his). origin_m: where the plan's
    origin stands in the world.
    """

    plan: str
    collection: str
    fps: float
    origin_m: tuple[float, float, float]
    ground: str


def write_order(folder: Path, order: Order) -> None:
    write_json(folder / ORDER, asdict(order))


def read_order(folder: Path) -> Order:
    data = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    return Order(**{**data, "origin_m": tuple(data["origin_m"])})


def write_json(path: Path, data: object) -> None:
    """Whole or not at all: the other side may be reading."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    part.replace(path)


def domain_name(part: str) -> str:
    """File that describes the domain of "liquid" or "gas"."""
    return f"{part}_domain.json"


def key(*parts: bytes) -> str:
    """A name for the folder of a bake: the same objects and plan have the same."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()[:16]


# --------------------------------------------------------------------------------------------------------- PC2 files

_PC2 = np.dtype([("magic", "S12"), ("version", "<i4"), ("points", "<i4"), ("start", "<f4"), ("rate", "<f4"),
                 ("samples", "<i4")])  # fmt: skip


def write_pc2(path: Path, points: np.ndarray) -> None:
    """points: (frames, V, 3) float32 in the object's frame; one sample a frame, the first is frame 1."""
    head = np.array([(b"POINTCACHE2\0", 1, points.shape[1], 1.0, 1.0, len(points))], _PC2)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(head.tobytes())
        file.write(np.ascontiguousarray(points, np.float32).tobytes())
    part.replace(path)


def read_pc2(path: Path) -> np.ndarray:
    """(frames, V, 3) float32. Raises ValueError for what is no PC2 file."""
    head = np.fromfile(path, _PC2, 1)
    if not len(head) or head["magic"][0] != b"POINTCACHE2":
        raise ValueError(f"{path.name} is no point cache")
    shape = (int(head["samples"][0]), int(head["points"][0]), 3)
    return np.fromfile(path, np.float32, offset=_PC2.itemsize).reshape(shape)


def pc2_name(name: str, copy: int) -> str:
    """File of one copy; names of a plan may hold letters that no file system takes."""
    return f"{hashlib.sha256(name.encode()).hexdigest()[:10]}_{copy}.pc2"
