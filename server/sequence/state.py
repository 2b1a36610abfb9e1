"""What one frame of a sequence leaves to the next, as one uncompressed .npz file without pickle.

  picture  (H, W, 4) uint8    the finished frame, sRGB, straight alpha
  light    (H, W, 3) uint8    the render that this picture was made from, blended over time in the same way
  lines    (H, W) uint8       its outlines, likewise
  single   (H, W, 4) uint8    the frame made by itself, or absent when it was not
  vector   (H, W, 4) float32  its motion (see motion.py)
  object   (H, W) uint32      crc32 of the object's name, 0 = background, or absent
  depth    (H, W) float32     metres, or absent
  canvas   (H, W, 2) float32  see canvas.py
  known    (H, W) uint8       255 where the picture was made, 0 where nothing could be carried to (in-betweens)
  meta                        JSON: {"frame": number in Blender, "index": number in the sequence from 0,
                                     "key": frame of the keyframe that an in-between was carried from}

A state without arrays begins a sequence.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from blender_aigc.protocol import Fault

from ..filters.passes import Passes

_ARRAYS: dict[str, tuple[int, type]] = {
    "picture": (4, np.uint8),
    "light": (3, np.uint8),
    "lines": (0, np.uint8),
    "single": (4, np.uint8),
    "vector": (4, np.float32),
    "object": (0, np.uint32),
    "depth": (0, np.float32),
    "canvas": (2, np.float32),
    "known": (0, np.uint8),
}
_NEEDED = ("picture", "light", "lines", "vector", "canvas", "known")
_DAMAGED = (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)


@dataclass
class State:
    """See the module's docstring. arrays: by name; empty at the beginning of a sequence."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def get(self, name: str) -> np.ndarray | None:
        return self.arrays.get(name)

    @property
    def begins(self) -> bool:
        return not self.arrays

    @property
    def frame(self) -> int:
        return int(self.meta.get("frame", 0))

    @property
    def key(self) -> int:
        """The frame that the model has made and that this one comes from; itself, when it was made."""
        return int(self.meta.get("key", self.frame))

    @property
    def index(self) -> int:
        """Number of this frame in its sequence; -1 of what begins one."""
        return int(self.meta.get("index", -1))


def read_state(path: Path) -> State:
    """Raises Fault("bad_input") for a file that is damaged or incomplete."""
    hint = "Start the sequence over, in another folder."
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in _ARRAYS if name in archive.files}
            meta = json.loads(archive["meta"].tobytes().decode()) if "meta" in archive.files else {}
    except _DAMAGED as error:
        raise Fault("bad_input", "What the frame before has left is damaged.", hint, str(error)) from None
    if arrays:
        size = arrays["picture"].shape[:2] if "picture" in arrays else ()
        for name in _NEEDED:
            if name not in arrays:
                raise Fault("bad_input", "What the frame before has left is incomplete.", hint, name)
        for name, array in arrays.items():
            channels, dtype = _ARRAYS[name]
            if array.dtype != dtype or array.shape != ((*size, channels) if channels else size):
                detail = f"{name}: {array.dtype} {array.shape}"
                raise Fault("bad_input", "What the frame before has left does not fit together.", hint, detail)
    return State(arrays, meta if isinstance(meta, dict) else {})


def state_bytes(state: State) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **state.arrays, meta=np.frombuffer(json.dumps(state.meta).encode(), np.uint8))
    return buffer.getvalue()


def object_names(passes: Passes) -> np.ndarray | None:
    """(H, W) uint32: ids that mean the same in every frame. The numbers of the pass count the objects in sight."""
    if passes.object_id is None:
        return None
    names = passes.meta.get("objects")
    if not isinstance(names, list):
        return passes.object_id.astype(np.uint32)
    table = np.array([zlib.crc32(str(name).encode()) if name else 0 for name in names], np.uint32)
    if passes.object_id.max(initial=0) >= len(table) or passes.object_id.min(initial=0) < 0:
        return passes.object_id.astype(np.uint32)
    return table[passes.object_id]
