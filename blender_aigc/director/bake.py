"""A bake: the parts of a plan that move are simulated by Blenders of their own, one after the other.

    bake = Bake(context, built)
    bake.start()
    while not bake.poll(): ...        # bake.done, bake.total, bake.part say how far; never waits
    apply_motion(context, built, bake.folder)

No threads: `poll` looks at the child process and at the files that it writes. What is on the disk already is not done
again, so a cancelled or killed bake goes on where it can.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

from ..faults import Fault, FaultRecord
from ..plan import Plan
from . import order, solids
from .build import Built, points_of

CACHE = "aigc_cache"
_CHILD = Path(__file__).with_name("child.py")
_LOG = "log.txt"
_LONGEST_SILENCE = "The simulation ended without a result."


def parts_of(plan: Plan) -> tuple[str, ...]:
    """What has to be simulated, in this order: solids, liquid, gas."""
    wanted = [("solids", solids.moves(plan))]
    wanted += [("liquid", any(thing.liquid for thing in plan.objects)), ("gas", any(t.gas for t in plan.objects))]
    return tuple(part for part, is_wanted in wanted if is_wanted)


class Bake:
    """One bake. state: "ready", "running", "done", "failed" or "cancelled"; fault: why it failed."""

    def __init__(self, context: bpy.types.Context, built: Built, home: Path, staged: bool = True) -> None:
        """home: where the folder of the bake is made. Raises Fault when nothing moves or nothing can be written."""
        self.parts = parts_of(built.plan)
        if not self.parts:
            raise Fault("bad_input", "Nothing in this plan moves.", "Give something rigid, cloth, soft, liquid or gas.")
        self.state, self.part, self.done, self.total = "ready", self.parts[0], 0, built.plan.timing.frames
        self.fault: FaultRecord | None = None
        self.collection = built.collection.name
        self._process: subprocess.Popen[bytes] | None = None
        render = context.scene.render
        fps = float(built.plan.timing.fps) if staged else render.fps / render.fps_base
        self.folder = _prepare(built, home, fps)

    @property
    def fraction(self) -> float:
        """0 .. 1 over all parts."""
        here = self.done / self.total if self.total else 0.0
        return (self.parts.index(self.part) + here) / len(self.parts)

    def start(self) -> None:
        self.state = "running"
        self._next()

    def poll(self) -> bool:
        """Look how far it is; whether it has ended (done, failed or cancelled). Never waits."""
        if self.state != "running":
            return self.state != "ready"
        self._read_progress()
        code = self._process.poll() if self._process is not None else 0
        if code is None:
            return False
        self._process = None
        if code != 0 or not self._finished(self.part):
            self._fail(code)
            return True
        return self._next()

    def wait(self, progress: Callable[[Bake], None] | None = None, pause_s: float = 0.05) -> None:
        """Until it has ended. Raises its Fault, Fault("cancelled") when `progress` cancelled it."""
        if self.state == "ready":
            self.start()
        try:
            while not self.poll():
                if progress is not None:
                    progress(self)
                time.sleep(pause_s)
        finally:
            if self.state == "running":  # an exception from progress, or Ctrl+C
                self.cancel()
        if self.state == "cancelled":
            raise Fault("cancelled", "The bake was cancelled.", "Press Bake to go on.")
        if self.fault is not None:
            raise self.fault.fault()

    def cancel(self) -> None:
        """Ends the child; what is computed so far stays in the folder."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            for half in self.folder.glob("*.part*"):  # what it was writing
                half.unlink(missing_ok=True)
        if self.state in ("ready", "running"):
            self.state = "cancelled"

    def _next(self) -> bool:
        """Start the first part that is not done; True when there is none."""
        for part in self.parts:
            self.part, self.done = part, 0
            if not self._finished(part):
                self._launch(part)
                return False
        self.state, self.done = "done", self.total
        return True

    def _finished(self, part: str) -> bool:
        return (self.folder / f"{part}.done").exists()

    def _launch(self, part: str) -> None:
        for name in (order.PROGRESS, order.FAULT):
            with contextlib.suppress(FileNotFoundError):
                (self.folder / name).unlink()
        words = [str(self.folder), part]
        if not bpy.app.binary_path:  # Blender as a Python module
            command = [sys.executable, str(_CHILD), *words]
        else:
            command = [bpy.app.binary_path, "-b", "--factory-startup", "--python-exit-code", "1"]
            command += ["--python", str(_CHILD), "--", *words]
        with (self.folder / _LOG).open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=_environment()
            )

    def _read_progress(self) -> None:
        try:
            said = json.loads((self.folder / order.PROGRESS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if said.get("part") == self.part:
            self.done, self.total = int(said["done"]), int(said["total"])

    def _fail(self, code: int) -> None:
        self.state = "failed"
        with contextlib.suppress(OSError, ValueError, TypeError):
            self.fault = FaultRecord(**json.loads((self.folder / order.FAULT).read_text(encoding="utf-8")))
        if self.fault is None:
            tail = ""
            with contextlib.suppress(OSError):
                tail = (self.folder / _LOG).read_text(encoding="utf-8", errors="replace")[-2000:]
            short = code in (-9, 137)
            self.fault = FaultRecord(
                "out_of_memory" if short else "internal",
                "The simulation was ended from outside, probably for want of memory." if short else _LONGEST_SILENCE,
                "Use a lower resolution or fewer objects.",
                f"exit code {code}\n{tail}",
            )


def _environment() -> dict[str, str]:
    """Without what would lead the child's Python astray; its threads sleep while they wait (measured in 4.2)."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONSTARTUP")}
    return {**kept, "OMP_WAIT_POLICY": "PASSIVE"}


def cache_home(data: Path, file: Path | None = None) -> Path:
    """Beside the .blend file when it is saved, else in the data folder. file: as which it will be saved."""
    if file is not None or bpy.data.filepath:
        return Path(file or bpy.data.filepath).parent / CACHE
    return data / "bakes"


def _prepare(built: Built, home: Path, fps: float) -> Path:
    """The folder of this bake, with order and scene. Its name follows from what is in it."""
    plan_text = built.plan.to_json(None)
    blocks = [np.concatenate([_rest(obj), points_of(obj.data).ravel()]) for obj in _meshes(built)]
    origin = _origin(built)
    name = re.sub(r"[^A-Za-z0-9]+", "_", built.collection.name)[:40].strip("_") or "plan"
    found = order.key(
        plan_text.encode(),
        repr((fps, origin, order.BAKED_BY)).encode(),
        *(b.astype(np.float32).tobytes() for b in blocks),
    )
    folder = home / f"{name}_{found}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ground = built.ground.name if built.ground is not None else ""
        order.write_order(folder, order.Order(plan_text, built.collection.name, fps, origin, ground))
        bpy.data.libraries.write(str(folder / order.SCENE), {built.collection}, fake_user=True)
    except (OSError, RuntimeError) as error:
        raise Fault(
            "disk_full",
            "The cache of the simulation cannot be written.",
            "Save the file where you may write.",
            str(error),
        ) from None
    return folder


def _meshes(built: Built) -> list[bpy.types.Object]:
    return [obj for name in sorted(built.objects) for obj in built.objects[name]]


def _rest(obj: bpy.types.Object) -> np.ndarray:
    from .motion import REST

    if obj.animation_data is not None and REST in obj:
        return np.array(obj[REST], float)
    return np.array([*obj.location, *obj.rotation_quaternion], float)


def _origin(built: Built) -> tuple[float, float, float]:
    """Where the plan's origin stands, from the top of the ground."""
    if built.ground is None:
        return 0.0, 0.0, 0.0
    from .stage import GROUND_THICK_M

    return 0.0, 0.0, round(float(built.ground.location.z) + GROUND_THICK_M / 2, 6)


def clear(folder: Path) -> None:
    """Throw a bake away."""
    shutil.rmtree(folder, ignore_errors=True)
