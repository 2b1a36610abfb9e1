"""A finished text becomes a Text datablock."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..protocol import Artefact, Provenance
from .glb import damaged, read_file
from .scene import Made, provenance_text, result_name, sign, whole_or_nothing


def apply_text(
    context: bpy.types.Context,
    path: Path,
    artefact: Artefact,
    provenance: Provenance | None = None,
    job_id: str = "",
    outer: Made | None = None,
) -> bpy.types.Text:
    """The UTF-8 file at `path` as a text named after the result. It is only shown, never run.

    Raises Fault("bad_input") for a file that is missing, damaged or no text, and leaves everything as it was.
    """
    path = Path(path)
    try:
        content = read_file(path, artefact.sha256).decode()
    except UnicodeDecodeError as error:
        raise damaged(path, str(error)) from error
    with whole_or_nothing(context, outer) as made:
        text = made.keep(bpy.data.texts.new(result_name(artefact)))
        text.from_string(content)
        text.cursor_set(0)  # else a Text Editor shows its end
        sign(text, provenance_text(provenance), job_id)
    return text
