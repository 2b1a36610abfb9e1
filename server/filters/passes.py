"""The render passes of one picture, read from the .npz that Blender's side writes, or made from a plain picture."""

from __future__ import annotations

import functools
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from blender_aigc.protocol import Fault

from ..images import LARGEST_PIXELS, load_image
from ..stored_arrays import read_npz

_HINT = "Gather the passes again."
_DAMAGED = (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error, struct.error)
_NO_HEADER = 4096
_TOLD = 3

# name -> (channels, 0 for a flat array; kinds of dtype that are accepted)
_KINDS: dict[str, tuple[int, str]] = {
    "combined": (4, "u"),
    "depth": (0, "f"),
    "normal": (3, "f"),
    "object_id": (0, "iu"),
    "material_id": (0, "iu"),
    "mask": (0, "u"),
    "line": (0, "u"),
    "ao": (0, "f"),
    "position": (3, "f"),
    "uv": (-1, "f"),
    "vector": (-1, "f"),
    "pose": (3, "u"),
}


@dataclass
class Passes:
    """What is known about every pixel of one picture. All arrays share (H, W), row 0 on top; None: not given.

    combined:  (H, W, 4) uint8 sRGB, straight alpha.        depth: (H, W) float32 metres, inf where nothing is.
    normal:    (H, W, 3) float32, camera: x right, y up, z towards the camera; 0 where nothing is.
    object_id, material_id: (H, W) int32, 0 background.     mask, line: (H, W) uint8, 255 = selected, line.
    ao: (H, W) float32. position: (H, W, 3) float32 world, metres. uv: (H, W, 2 or 3). vector: (H, W, 2 or 4) px.
    pose: (H, W, 3) uint8 RGB, OpenPose's figures on black.
    meta:      what the writer has to say.                  notes: what it warns of, and what had to be put right.
    """

    combined: np.ndarray
    depth: np.ndarray | None = None
    normal: np.ndarray | None = None
    object_id: np.ndarray | None = None
    material_id: np.ndarray | None = None
    mask: np.ndarray | None = None
    line: np.ndarray | None = None
    ao: np.ndarray | None = None
    position: np.ndarray | None = None
    uv: np.ndarray | None = None
    vector: np.ndarray | None = None
    pose: np.ndarray | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        return self.combined.shape[0], self.combined.shape[1]

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the passes that are there, besides the picture."""
        return tuple(name for name in _KINDS if name != "combined" and getattr(self, name) is not None)

    @property
    def background(self) -> np.ndarray | None:
        """(H, W) bool, where no surface is seen; None when the depth is not known."""
        return None if self.depth is None else ~np.isfinite(self.depth)

    @functools.cached_property
    def regions(self) -> np.ndarray | None:
        """(H, W) int32 that changes where the object or the material does; None when neither is known."""
        if self.object_id is None or self.material_id is None:
            return self.object_id if self.material_id is None else self.material_id
        _, objects = np.unique(self.object_id, return_inverse=True)
        _, materials = np.unique(self.material_id, return_inverse=True)
        return (objects * (int(materials.max()) + 1) + materials).reshape(self.shape).astype(np.int32)


def read_passes(path: Path) -> Passes:
    """The passes in the .npz at `path`; of any other picture file, passes that hold nothing but the picture.

    Pickled content is never read. NaN and infinities are put right: a depth that is none counts as background.
    Raises Fault("bad_input") for a file that is missing or damaged, or whose arrays do not fit each other.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise Fault("bad_input", "The passes cannot be opened.", _HINT, str(error)) from None
    if not start.startswith(b"PK"):
        return Passes(load_image(path))
    try:
        arrays, meta = _arrays(path)
    except _DAMAGED as error:
        raise Fault("bad_input", "The passes are damaged or incomplete.", _HINT, str(error)) from None
    except MemoryError:
        raise Fault("out_of_memory", "There is not enough memory for these passes.", "Render smaller.") from None
    return _checked(arrays, meta)


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():  # before anything is unpacked
            if entry.file_size > LARGEST_PIXELS * 16 + _NO_HEADER:
                raise Fault("bad_input", "The passes are too large.", "Render at 8192 x 8192 px or less.")
    arrays = read_npz(path, [*_KINDS, "meta"])
    return arrays, _meta(arrays.pop("meta", np.zeros(0, np.uint8)))


def _meta(raw: np.ndarray) -> dict[str, Any]:
    if raw.dtype != np.uint8 or raw.size == 0:
        return {}
    try:
        facts = json.loads(raw.tobytes().decode())
    except ValueError:  # covers JSON and UTF-8; the pictures are what counts
        return {}
    return facts if isinstance(facts, dict) else {}


def _checked(arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> Passes:
    if "combined" not in arrays:
        raise Fault("bad_input", "The passes hold no picture.", _HINT, f"found {', '.join(arrays) or 'nothing'}")
    size = arrays["combined"].shape[:2]
    if len(size) < 2 or 0 in size or size[0] * size[1] > LARGEST_PIXELS:
        raise Fault("bad_input", "The picture among the passes has no usable size.", _HINT, f"{size}")
    for name, array in arrays.items():
        channels, kinds = _KINDS[name]
        fits = array.shape[:2] == size and array.dtype.kind in kinds
        fits &= array.ndim == 2 if channels == 0 else array.ndim == 3 and channels in (-1, array.shape[2])
        if not fits or (kinds == "u" and array.dtype != np.uint8) or (channels == -1 and array.shape[2] < 2):
            detail = f"{name}: {array.dtype} {array.shape}, picture {size}"
            raise Fault("bad_input", f"The {name} pass does not fit the picture.", _HINT, detail)
    if not arrays["combined"][..., 3].any():
        raise Fault("bad_input", "The picture is fully transparent.", "Point the camera at something.")
    passes = Passes(combined=np.ascontiguousarray(arrays["combined"]), meta=meta, notes=_said(meta.get("warnings")))
    for name in arrays:
        if name != "combined":
            setattr(passes, name, _sound(name, arrays[name], passes.notes))
    return passes


def _said(warnings: Any) -> list[str]:
    """What the writer of the passes warns of, the first few in full."""
    found = list(map(str, cast("list[object]", warnings))) if isinstance(warnings, list) else []
    more = len(found) - _TOLD
    return found[:_TOLD] + ([f"and {more} more of these"] if more > 0 else [])


def _sound(name: str, array: np.ndarray, notes: list[str]) -> np.ndarray:
    """`array` in the type of the contract, without NaN; depth keeps inf, and only that, for the background."""
    if array.dtype.kind in "iu":
        return array if array.dtype == np.uint8 else array.astype(np.int32, copy=False)
    with np.errstate(over="ignore"):
        array = array.astype(np.float32, copy=False)
    if name == "depth":
        bad = np.isnan(array) | (array <= 0)
        if bad.any():
            notes.append("depth: some pixels had no valid distance")
        return np.where(bad, np.float32(np.inf), array)
    if not np.isfinite(array).all():
        notes.append(f"{name}: some pixels were not numbers")
        array = np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)
    return array
