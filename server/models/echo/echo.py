"""Echo: sends back what it is given, step by step. The self-test of the whole chain, and the tutorial."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo, Param

if TYPE_CHECKING:
    from ...context import Context


class Echo:
    """One class, four members: what the model is, and how to prepare, load and run it."""

    info = ModelInfo(
        id="echo",
        task="echo",
        label="Echo",
        help="Sends the message, the picture and a little figure back, to show that everything is connected",
        procedural=True,
        params=(
            Param("steps", "int", "Steps", "How many steps to pretend to work", 4, minimum=1, maximum=1000),
            Param("step_s", "float", "Step Time", "How long each step takes", 0.02, minimum=0, maximum=10, unit="s"),
        ),
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """Heavy imports and weights belong here; echo needs neither."""

    def run(self, job: Job, context: Context) -> None:
        """Take the steps, then save one result of each kind."""
        from ...geometry.frames import BLENDER
        from ...geometry.probe import probe

        picture = context.input_image() if "image" in job.inputs else None
        steps = int(job.params["steps"])
        for step in range(1, steps + 1):
            time.sleep(float(job.params["step_s"]))
            context.progress("Echoing", step, steps, preview=picture)

        context.save_text(job.prompt or "Hello from the server.", "message")
        if picture is not None:
            context.save_image(picture, "picture")
        context.save_mesh([probe()], BLENDER, height_m=1.0)


MODEL = Echo
