"""May a job leave this machine? Blender's Online Access decides; what stays on this machine needs no leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import bpy

from .protocol import Fault, ModelInfo

_UNLISTED = ModelInfo("unlisted", "echo", "This model", "A model that the server has not listed yet", remote=True)


def check(info: ModelInfo | None, params: Mapping[str, bool | int | float | str]) -> None:
    """Raises Fault("bad_request") when the prompt would go to another machine and Online Access is off."""
    info = info or dataclasses.replace(_UNLISTED, remote="endpoint" in params)
    host = info.leaves_for(dict(params))
    if host and not bpy.app.online_access:
        raise Fault(
            "bad_request",
            f"{info.label} would send the prompt to {host}, but Online Access is off.",
            "Allow Online Access in Preferences > System, or use an endpoint on this machine.",
        )
