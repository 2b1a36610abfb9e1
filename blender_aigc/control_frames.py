"""Control frames: depth, lines and mask of a range of frames as picture files, for whatever model is led by them.

GPT4Motion (arXiv 2311.12631) leads its video so, by depth and edges of the simulated scene. There the depth of every
frame has a range of its own, and jumps between frames; here the range is one for the whole clip. FOLDER then holds

    depth/0001.png   16 bits, near is white, linear in 1 / depth as depth estimators draw it; 0 is the background
    line/0001.png    8 bits, white lines on black
    mask/0001.png    8 bits, white is what moves (or what is given), smoke and fire too (where they are not too thin)
    control.json     the range of depth in metres, frames, rate, size
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import bpy
import numpy as np

from .faults import Fault
from .gather.frames import Frames
from .gather.hulls import has_hull
from .gather.passes import passes_meta
from .gather.png import grey_png
from .gather.sources import Render
from .sequence.plan import check_range

KINDS = ("depth", "line", "mask")
PAGE = "control.json"
_PASSES = frozenset({"depth", "line", "object_id"})
_FAR_PERCENTILE = 99.0
"""A floor towards the horizon would take the whole range."""


class ControlFrames:
    """The frames on their way, one a call of `step`. done of total; finished: fault says why, when it is not done.

    masked: names of the objects that are white in the mask; nothing: all that is not background.
    Raises Fault when the folder cannot be written, or the range is none.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        folder: Path,
        first: int,
        last: int,
        masked: Iterable[str] = (),
        longest_px: int = 0,
    ) -> None:
        check_range(first, last)
        self.folder, self.first, self.total = folder, first, last - first + 1
        self.done, self.finished = 0, False
        self.fault: Fault | None = None
        self._masked = frozenset(masked)
        self._scene_uid, self._rate = scene.session_uid, scene.render.fps / scene.render.fps_base
        self._scale = scene.unit_settings.scale_length
        self._size = (0, 0)
        self._spans: list[tuple[float, float]] = []
        try:
            for kind in KINDS:
                (folder / kind).mkdir(parents=True, exist_ok=True)
            self._raw = tempfile.TemporaryDirectory(dir=folder, prefix=".depth", ignore_cleanup_errors=True)
        except OSError as error:
            raise _unwritable(folder, error) from None
        smoke = [obj for obj in scene.objects if obj.name in self._masked and has_hull(obj)]
        passes = _PASSES | {"mask"} if smoke else _PASSES
        self._frames = Frames(scene, Render(passes=passes, longest_px=longest_px, selected=tuple(smoke)))

    def files(self) -> list[Path]:
        """All pictures, kind by kind, and the page."""
        numbers = range(self.first, self.first + self.total)
        return [*(self._file(kind, number) for kind in KINDS for number in numbers), self.folder / PAGE]

    def step(self) -> None:
        """Render the next frame; after the last one write the depths. A Fault ends it (see `fault`)."""
        if self.finished:
            return
        try:
            self._render(self.first + self.done)
            self.done += 1
            if self.done == self.total:
                self._write_depths()
                self.close()
        except Fault as fault:
            self.fault = fault
            self.close()
        except OSError as error:
            self.fault = _unwritable(self.folder, error)
            self.close()

    def cancel(self) -> None:
        """Stop; lines and masks that are written stay, depths are not there yet."""
        self.fault = Fault("cancelled", f"Stopped after {self.done} of {self.total} frames.")
        self.close()

    def close(self) -> None:
        self.finished = True
        self._frames.close()
        self._raw.cleanup()

    # ------------------------------------------------------------------------------------------------------- private

    def _render(self, number: int) -> None:
        if all(scene.session_uid != self._scene_uid for scene in bpy.data.scenes):
            raise Fault("bad_input", "The scene is gone.", "Open its file and begin again.")
        data, _ = self._frames.blob(number)
        with np.load(io.BytesIO(data), allow_pickle=False) as passes:
            meta = passes_meta({"meta": passes["meta"]})
            depth, line, ids = passes["depth"], passes["line"], passes["object_id"]
            smoke = passes["mask"] if "mask" in passes else None
        self._size = (depth.shape[1], depth.shape[0])
        seen = np.isfinite(depth) & (depth > 0)
        if seen.any():
            self._spans.append((float(depth[seen].min()), float(np.percentile(depth[seen], _FAR_PERCENTILE))))
        white = [index for index, name in enumerate(meta["objects"]) if name in self._masked]
        mask = np.isin(ids, white) if self._masked else seen
        if smoke is not None:
            mask = mask | (smoke > 127)
        self._file("line", number).write_bytes(grey_png(line))
        self._file("mask", number).write_bytes(grey_png(np.where(mask, 255, 0).astype(np.uint8)))
        np.save(Path(self._raw.name) / f"{number}.npy", depth.astype(np.float32))

    def _write_depths(self) -> None:
        spans = self._spans or [(1.0, 1.0)]  # nothing but background
        near, far = min(low for low, _ in spans), max(high for _, high in spans)
        far = max(far, near * 1.001)
        for number in range(self.first, self.first + self.total):
            depth = np.load(Path(self._raw.name) / f"{number}.npy", allow_pickle=False)
            self._file("depth", number).write_bytes(grey_png(depth_picture(depth, near, far)))
        page = {
            "depth": {
                "near_m": near * self._scale,
                "far_m": far * self._scale,
                "metres": "1 / (1 / far_m + (value - 1) / 65534 * (1 / near_m - 1 / far_m)); 0 is the background",
            },
            "frames": [self.first, self.first + self.total - 1],
            "fps": self._rate,
            "size_px": list(self._size),
            "mask": sorted(self._masked),
        }
        (self.folder / PAGE).write_text(json.dumps(page, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def _file(self, kind: str, number: int) -> Path:
        return self.folder / kind / f"{number:04d}.png"


def depth_picture(depth: np.ndarray, near: float, far: float) -> np.ndarray:
    """(H, W) depth, any unit, inf = background -> uint16, linear in 1 / depth: near 65535, far and beyond 1."""
    seen = np.isfinite(depth) & (depth > 0)
    nearness = np.zeros(depth.shape, np.float64)
    np.divide(1.0, depth, out=nearness, where=seen)
    level = np.clip((nearness - 1 / far) / (1 / near - 1 / far), 0.0, 1.0)
    return np.where(seen, np.rint(1 + 65534 * level), 0).astype(np.uint16)


def _unwritable(folder: Path, error: OSError) -> Fault:
    hint = "Choose another folder, or free some space."
    return Fault("disk_full", f"The control frames could not be written to {folder.name}.", hint, str(error))
