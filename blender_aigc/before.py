"""What a finished job was made from, read back from the stored inputs: the picture, its depth, its camera."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .protocol import Fault

if TYPE_CHECKING:
    import numpy as np

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
