"""The user's cameras and views, as the add-on sends them, and what stands in their way. numpy only.

A .json file, or an .npz without pickle with the same page in `meta` (uint8):

    {"selected": [page, ...], "active": page or null, "view": page or null, "picture": page or null}

active: the scene's camera. view: what the 3D viewport shows. picture: what the given picture was made with. A page is
what `geometry.cameras.from_meta` reads. A plain list of pages stands for selected cameras. The .npz may also hold
`vertices` (V, 3) float32, metres, world, and `faces` (F, 3) int32: other objects, which hide those that are textured.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from blender_aigc.protocol import Fault

from ..geometry.cameras import Camera, from_meta, view_name

_STEP = 64
"""Sides of pictures are multiples of this, which suits every network."""
_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass
class GivenCameras:
    """See the module's docstring."""

    selected: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    active: dict[str, Any] | None = None
    view: dict[str, Any] | None = None
    picture: dict[str, Any] | None = None
    vertices: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    faces: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int32))

    @staticmethod
    def camera(page: dict[str, Any]) -> Camera:
        """Of one page; a view without a name is called after the side that it sees. Raises Fault("bad_input")."""
        camera = from_meta(page)
        if page.get("name"):
            return camera
        return from_meta({**page, "name": view_name(camera.forward)})


def read_cameras(path: Path) -> GivenCameras:
    """Raises Fault("bad_input") for a file that is damaged."""
    try:
        arrays: dict[str, np.ndarray] = {}
        if zipfile.is_zipfile(path):
            with np.load(path, allow_pickle=False) as stored:
                document = json.loads(stored["meta"].tobytes())
                if "faces" in stored.files:
                    arrays = {"vertices": stored["vertices"].astype(np.float32, copy=False)}
                    arrays["faces"] = stored["faces"].astype(np.int32, copy=False)
        else:
            document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document, list):
            document = {"selected": document}
        single = {key: document.get(key) for key in ("active", "view", "picture")}
        given = GivenCameras(list(document.get("selected", [])), **single, **arrays)
        pages = [*given.selected, *(page for page in single.values() if page is not None)]
        if not all(isinstance(page, dict) for page in pages):
            raise TypeError("a camera is no object")
        _check(given)
        return given
    except (*_DAMAGED, AttributeError) as error:
        detail = f"{type(error).__name__}: {error}"
        raise Fault("bad_input", f"{path.name} describes no cameras.", "Choose another file.", detail) from error


def _check(given: GivenCameras) -> None:
    """Raises ValueError for triangles that contradict themselves."""
    vertices, faces = given.vertices, given.faces
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f"vertices {vertices.shape}, faces {faces.shape}")
    if len(faces) and not 0 <= faces.min() <= faces.max() < len(vertices):
        raise ValueError("faces of vertices that are not there")
    if not np.isfinite(vertices).all():
        raise ValueError("vertices that are not numbers")


def fitted(camera: Camera, size: int) -> Camera:
    """The same view with about size * size pixels, in the shape of its picture; sides as networks want them."""
    width, height = camera.size_px
    scale = size / (width * height) ** 0.5
    step = min(_STEP, size)
    wide, high = (max(step, round(side * scale / step) * step) for side in (width, height))
    return camera.resized((wide, high))
