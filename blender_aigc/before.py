"""What a finished job was made from, read back from the stored inputs: the picture, its depth, its camera."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .gather.sources import CAMERA
from .protocol import Fault
from .state import STATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import bpy
    import numpy as np

    from .protocol import Result
    from .state import Record

PICTURES = ("passes", "image")
"""Inputs that a result may lie beside, the first that is there."""


def given_passes(record: Record, blobs: Path) -> dict[str, np.ndarray]:
    """The picture that the result was made from as "combined", (H, W, 4) uint8 sRGB, row 0 on top, with the passes that
    were sent along (see gather/passes.py). blobs: the folder of stored inputs. Raises Fault("bad_input") when it is
    gone.
    """
    import numpy as np

    inputs = record.status.result.job.inputs
    key = next((key for key in PICTURES if key in inputs), "")
    if not key:
        raise Fault("bad_input", "This result was made without a picture.", "Choose another result.")
    try:
        stored = (blobs / inputs[key].file_name).read_bytes()
        read = np.load(io.BytesIO(stored), allow_pickle=False)
        return {"combined": read} if isinstance(read, np.ndarray) else {name: read[name] for name in read.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise Fault(
            "bad_input", "The render that this was made from is not kept any more.", "Make it again.", str(error)
        ) from None


def facts_of(result: Result) -> str:
    """The facts about the camera of the render that `result` was made from, JSON as `gather.passes` writes them; "" for
    other results, and when the stored input is gone.
    """
    passes = result.job.inputs.get("passes")
    if passes is None or passes.suffix != ".npz":
        return ""
    import numpy as np

    try:
        with np.load(stored_inputs() / passes.file_name, allow_pickle=False) as read:
            facts = json.loads(read["meta"].tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, Fault):
        return ""
    return json.dumps(facts) if isinstance(facts, dict) and "world_from_camera" in facts else ""


def remember_camera(blocks: Iterable[bpy.types.ID], result: Result) -> None:
    """Pictures of `result` among `blocks` say from now on which camera they were made with, also in a saved file."""
    facts = facts_of(result)
    for block in blocks if facts else ():
        if block.id_type == "IMAGE":
            block[CAMERA] = facts


def stored_inputs() -> Path:
    """The folder of what was sent."""
    from . import preferences

    return STATE.session.blob_folder() if STATE.session is not None else preferences.data_path() / "blobs"


def camera_of(passes: dict[str, np.ndarray]) -> dict[str, Any]:
    """The facts that `gather.passes` writes about the camera. Raises Fault("bad_input") for a plain picture."""
    facts = json.loads(passes["meta"].tobytes()) if "meta" in passes else {}
    if "world_from_camera" not in facts or "depth" not in passes:
        raise Fault(
            "bad_input",
            "This result was not made from a render, so its camera is not known.",
            "Make one from a render.",
        )
    return facts
