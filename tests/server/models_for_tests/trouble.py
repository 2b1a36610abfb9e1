"""A model that misbehaves on request. Only tests load it."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Choice, Fault, Job, ModelInfo, Param

if TYPE_CHECKING:
    from ...context import Context

WHAT = (
    *("steps", "hang", "deaf", "crash", "segfault", "noise", "fault", "error", "memory", "disk", "nothing"),
    *("nan_mesh", "empty_mesh", "big_file", "late_fault", "swallow", "preview"),
)


class Trouble:
    info = ModelInfo(
        id="trouble",
        task="echo",
        label="Trouble",
        help="Misbehaves on request",
        procedural=True,
        params=(
            Param("what", "enum", "What", "What to do", "steps", choices=tuple(Choice(w, w) for w in WHAT)),
            Param("steps", "int", "Steps", "How many", 4, minimum=1, maximum=100000),
            Param("step_s", "float", "Step Time", "How long", 0.01, minimum=0, maximum=10),
        ),
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """Nothing."""

    def load(self, folder: Path | None, device: str) -> None:
        """Nothing."""

    def run(self, job: Job, context: Context) -> None:
        getattr(self, f"_{job.params['what']}")(job, context)

    def _steps(self, job: Job, context: Context) -> None:
        total = int(job.params["steps"])
        for step in range(1, total + 1):
            context.progress("Working", step, total, message=f"pid {os.getpid()}")
            time.sleep(float(job.params["step_s"]))
        context.save_text(str(os.getpid()))

    def _hang(self, job: Job, context: Context) -> None:
        context.progress("Hanging", message=f"pid {os.getpid()}")
        while True:
            context.check_cancelled()
            time.sleep(0.01)

    def _deaf(self, job: Job, context: Context) -> None:
        context.save_text("half a result")
        context.progress("Deaf", message=f"pid {os.getpid()}")
        time.sleep(1000)

    def _swallow(self, job: Job, context: Context) -> None:
        while True:
            try:
                context.progress("Swallowing")
            except Exception:  # noqa: BLE001 what careless models do
                context.save_text("never reached: Cancelled is no Exception")
            time.sleep(0.01)

    def _crash(self, job: Job, context: Context) -> None:
        context.save_text("half a result")
        os.kill(os.getpid(), signal.SIGKILL)

    def _segfault(self, job: Job, context: Context) -> None:
        ctypes.string_at(0)

    def _noise(self, job: Job, context: Context) -> None:
        sys.stdout.write("printed by a library\n" * 1000)
        sys.stdout.flush()
        os.write(1, b"\x00\x00\x00\x05noise" * 1000)
        subprocess.run([sys.executable, "-c", "print('from a child', input() if False else '')"], check=True)
        context.save_text(repr(sys.stdin.read()))

    def _fault(self, job: Job, context: Context) -> None:
        context.save_text("half a result")
        raise Fault("bad_input", "The picture shows nothing.", "Choose another one.", "by trouble")

    def _late_fault(self, job: Job, context: Context) -> None:
        self._steps(job, context)
        raise Fault("bad_input", "Too late.")

    def _error(self, job: Job, context: Context) -> None:
        context.save_text("half a result")
        raise ZeroDivisionError("by trouble")

    def _memory(self, job: Job, context: Context) -> None:
        bytearray(1 << 60)

    def _disk(self, job: Job, context: Context) -> None:
        context.save_text("half a result")
        raise OSError(errno.ENOSPC, "by trouble")

    def _big_file(self, job: Job, context: Context) -> None:
        context.save_text("small")
        context.save_text("x" * (64 << 20), "big")

    def _nothing(self, job: Job, context: Context) -> None:
        """Saves nothing."""

    def _preview(self, job: Job, context: Context) -> None:
        import numpy as np

        for step in range(1, 6):
            picture = np.full((8, 8, 3), step, np.uint8)
            context.progress("Painting", step, 5, preview=picture)
            time.sleep(0.45)
        context.save_text("painted")

    def _nan_mesh(self, job: Job, context: Context) -> None:
        from ...geometry.frames import BLENDER
        from ...geometry.probe import probe

        mesh = probe()
        mesh.vertices[3, 1] = float("nan")
        context.save_mesh([mesh], BLENDER)

    def _empty_mesh(self, job: Job, context: Context) -> None:
        from ...geometry.frames import BLENDER

        context.save_mesh([], BLENDER)


MODEL = Trouble
