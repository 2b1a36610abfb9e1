"""A finished result and its place in the scene."""

from __future__ import annotations

from pathlib import Path

import bpy

from . import targets
from .protocol import Fault
from .state import Record, Target


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
    record.message = " ".join(block.as_string() for block in blocks if isinstance(block, bpy.types.Text))[:200]
    record.note = str(result.report.get("notes", ""))[:300]
    if "passes" in result.job.inputs:  # made from a render, so it takes the render's place on the screen
        for image in [block for block in blocks if isinstance(block, bpy.types.Image)][:1]:
            show(context.window_manager, image)


def take_away(job_id: str) -> bool:
    """Remove what the job put into the file; whether there was anything. See apply/result.py."""
    from .apply.result import take_away as remove

    return remove(job_id)
