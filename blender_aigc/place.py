"""A finished result and its place in the scene."""

from __future__ import annotations

import bpy

from .protocol import Fault
from .state import Record, Target


def place(context: bpy.types.Context, record: Record, target: Target | None) -> tuple[str, ...]:
    """Put every artefact of `record` into the scene of `context`; names of the new objects. Raises Fault.

    target: where the job was meant to go; None: the 3D cursor as it is now.
    """
    raise Fault("internal", "Not joined yet.")


def take_away(job_id: str) -> bool:
    """Remove the objects of a result from the file. Returns whether there were any."""
    return False
