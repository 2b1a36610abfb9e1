"""What a task wants from the scene, as stored files: pictures, and renders with their passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import bpy

from ..faults import Fault
from ..protocol import TASKS, Blob
from .image import image_blob

if TYPE_CHECKING:
    import numpy as np

Picture = bpy.types.Image | str | Path | Blob
PutBlob = Callable[[bytes, str], Blob]

PASSES = frozenset({"combined", "depth", "normal", "object_id", "material_id", "line", "vector"})
"""Those that pay for themselves: one sample of Cycles gives all but the first."""


def gather(
    task: str, given: Mapping[str, Picture | None], scene: bpy.types.Scene, put: PutBlob, last_render: bool = False
) -> dict[str, Blob]:
    """The inputs of `task` by their keys. given: pictures by key; a stored file is taken as it is.

    Passes that are not given are those of the scene's camera, now; last_render: of the render that is there.
    Raises Fault("bad_input") for what cannot be read or rendered.
    """
    inputs: dict[str, Blob] = {}
    for wanted in TASKS[task].inputs:
        source = given.get(wanted.key)
        if isinstance(source, Blob):
            inputs[wanted.key] = source
        elif source is not None:
            inputs[wanted.key] = put(*image_blob(source))
        elif wanted.kind == "passes":
            inputs[wanted.key] = put(*_rendered(scene, "last" if last_render else "render"))
        elif wanted.required:
            raise Fault("bad_input", "No picture is chosen.", "Press Choose Picture.")
    return inputs


def _rendered(scene: bpy.types.Scene, combined: Literal["render", "last"]) -> tuple[bytes, str]:
    from .passes import passes_blob, render_passes

    passes: dict[str, np.ndarray] = render_passes(scene, PASSES, combined=combined)
    return passes_blob(passes)
