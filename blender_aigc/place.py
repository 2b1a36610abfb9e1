"""A finished result and its place in the scene."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from . import before, targets
from .protocol import Fault
from .state import STATE, Record, Target

if TYPE_CHECKING:
    from .sequence.run import Run


def place(context: bpy.types.Context, record: Record, target: Target | None) -> None:
    """Put every artefact of `record` into the scene of `context`, or nothing. Raises Fault.

    target: where the job was meant to go; None: the 3D cursor as it is now.
    """
    from .apply.mesh import Placement  # late: it brings numpy, which a start of Blender should not pay for
    from .apply.result import apply_result
    from .apply.show import show

    result = record.status.result
    if result is None:
        raise Fault("bad_request", "This job has no result.", "Run it again.")
    empty = targets.find_empty(target) if target is not None else None
    location = target.location if target is not None and empty is None else None
    objects = targets.find_objects(target) if target is not None else ()
    blocks = apply_result(context, Path(record.status.folder), result, Placement(location, empty, objects))
    before.remember_camera(blocks, result)
    texts = [block for block in blocks if isinstance(block, bpy.types.Text)]
    if texts and any(artefact.kind == "plan" for artefact in result.artefacts):
        context.scene.aigc.plan = texts[0]  # texts are sorted by name, so that the newest could not be found again
    if STATE.proposal == record.job_id:
        STATE.proposal = ""
    record.message = " ".join(text.as_string() for text in texts)[:200]
    record.note = str(result.report.get("notes", ""))[:300]
    if "passes" in result.job.inputs or result.job.task == "upscale_image":  # it takes the render's place on the screen
        for image in [block for block in blocks if isinstance(block, bpy.types.Image)][:1]:
            show(context.window_manager, image)


def take_away(job_id: str) -> bool:
    """Remove what the job put into the file; whether there was anything. See apply/result.py."""
    from .apply.result import take_away as remove

    return remove(job_id)


def show_sequence(context: bpy.types.Context, run: Run, where: str) -> None:
    """The finished frames as an image that plays in the Image Editor ("IMAGE"), also behind the camera ("CAMERA"), or
    as a strip in a scene of its own ("STRIP"). Raises Fault.
    """
    from .apply.sequence import apply_sequence, behind_camera, play
    from .apply.show import editors, show

    first, name = run.order.first, run.order.name
    image, _ = apply_sequence(context, run.playable(), first, name, run.facts(), strip=where == "STRIP")
    if where == "CAMERA":
        camera = context.scene.camera
        if camera is None or camera.type != "CAMERA":
            raise Fault("bad_input", "The scene has no camera.", "Add one (Add > Camera).")
        behind_camera(camera.data, image)
    if where == "IMAGE" and show(context.window_manager, image):
        for space in editors(context.window_manager):
            if space.image == image:
                play(space.image_user, image)
