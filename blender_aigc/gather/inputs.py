"""What a task wants from the scene, as stored files: one function for each kind of input."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import bpy

from ..faults import Fault
from ..protocol import TASKS, Blob, InputKind, TaskInput
from .image import image_blob
from .sources import Atlas, Cameras, Given, Part, Render, Shape

Bytes = bytes | memoryview
PutBlob = Callable[[Bytes, str], Blob]
Gatherer = Callable[[Given, bpy.types.Scene], tuple[Bytes, str] | None]


def gather(task: str, given: Mapping[str, Given | None], scene: bpy.types.Scene, put: PutBlob) -> dict[str, Blob]:
    """The inputs of `task` by their keys. given: what there is for them; a stored file is taken as it is.

    Passes that are not given are those of the scene's camera, now; own things are those of the file and the selection.
    Nothing is stored before all of it is read: a mesh that is refused leaves no picture behind.
    Raises Fault("bad_input") for what is missing, or cannot be read or rendered, "bad_request" for an unknown key.
    """
    known = [wanted.key for wanted in TASKS[task].inputs]
    for key, source in given.items():
        if source is not None and key not in known:
            offered = ", ".join(known) or "nothing"
            raise Fault("bad_request", f"{TASKS[task].label} has no use for {key!r}.", f"It takes: {offered}.")
    inputs: dict[str, Blob | tuple[Bytes, str]] = {}
    for wanted in TASKS[task].inputs:
        source = given.get(wanted.key)
        if source is None and wanted.kind == "passes" and wanted.required:
            source = Render()
        if source is None and wanted.kind == "own":
            source = bpy.context.selected_objects
        if isinstance(source, Blob):
            inputs[wanted.key] = source
        elif source is not None:
            made = GATHERERS[wanted.kind](source, scene)
            if made is not None:
                inputs[wanted.key] = made
        elif wanted.required:
            raise missing(wanted)
    return {key: made if isinstance(made, Blob) else put(*made) for key, made in inputs.items()}


def missing(wanted: TaskInput) -> Fault:
    """The sentence for a required input that nobody gave."""
    if wanted.kind == "image":
        return Fault("bad_input", "No picture is chosen.", f"Choose one; a script says {wanted.key}=FILE.")
    if wanted.kind == "mesh":
        return Fault("bad_input", "No mesh is selected.", "Select the objects to work on.")
    return Fault("bad_input", f"There is no {wanted.label}.", wanted.help + ".")


def _image(source: Given, _scene: bpy.types.Scene) -> tuple[bytes, str]:
    if not isinstance(source, (bpy.types.Image, str, Path)):
        raise Fault(
            "bad_request", "A picture must be an image or a file.", "Choose one of these.", type(source).__name__
        )
    return image_blob(source)


def _passes(source: Given, scene: bpy.types.Scene) -> tuple[Bytes, str]:
    """Rendered now, or the file of passes that were rendered before, or a picture, which stands in for them."""
    if isinstance(source, Render):
        from .passes import passes_blob
        from .rendered import rendered

        if source.picture is not None and not source.mask:
            return image_blob(source.picture)
        return passes_blob(rendered(source, scene))
    if isinstance(source, (str, Path)) and Path(source).suffix.lower() == ".npz":
        return _file(source, scene)
    return _image(source, scene)


def _mesh(source: Given, scene: bpy.types.Scene) -> tuple[bytes, str]:
    if isinstance(source, (str, Path)):
        return _file(source, scene)
    if isinstance(source, Shape):
        from .mesh import shape_blob

        return shape_blob(source.objects, scene)
    part = source if isinstance(source, Part) else None
    atlas = isinstance(source, Atlas)
    source = source.objects if isinstance(source, (Part, Atlas)) else source
    if not isinstance(source, (list, tuple)) or not source:
        raise Fault("bad_request", "A mesh must be objects or a file.", "Choose one of these.", type(source).__name__)
    from .mesh import mesh_blob

    return mesh_blob(source, scene, part, atlas)


def _cameras(source: Given, scene: bpy.types.Scene) -> tuple[bytes, str]:
    if not isinstance(source, Cameras):
        return _file(source, scene)
    from .cameras import cameras_blob

    return cameras_blob(source, scene)


def _file(source: Given, _scene: bpy.types.Scene) -> tuple[bytes, str]:
    """A file that the server reads itself."""
    if not isinstance(source, (str, Path)):
        raise Fault("bad_request", "The add-on cannot make this input from the scene.", "Name a file instead.")
    path = Path(bpy.path.abspath(str(source)))
    try:
        return path.read_bytes(), path.suffix.lower() or ".bin"
    except (OSError, ValueError) as error:
        raise Fault("bad_input", f"The file {path.name} cannot be read.", "Check that it exists.", str(error)) from None


def _text(source: Given, scene: bpy.types.Scene) -> tuple[bytes, str] | None:
    """As it stands there now, with what the user has changed in it."""
    if isinstance(source, bpy.types.Text):
        return source.as_string().encode(), ".json"
    return _file(source, scene)


def _own(source: Given, scene: bpy.types.Scene) -> tuple[bytes, str] | None:
    """Of selected objects, with what is marked in the file; a file is taken as it is."""
    if isinstance(source, (str, Path)):
        return _file(source, scene)
    from .own_things import own_blob

    return own_blob(source)


def _maps(source: Given, scene: bpy.types.Scene) -> tuple[bytes, str]:
    """A finished texture as one file: its material.json and everything that this names, uncompressed."""
    path = Path(bpy.path.abspath(str(source))) if isinstance(source, (str, Path)) else Path()
    if path.suffix.lower() != ".json":
        return _file(source, scene)
    text, _ = _file(path, scene)
    try:
        document = json.loads(text)
        objects, tile = document["objects"], [document["tile"]] if "tile" in document else []
        sets = [*(one for entry in objects for one in entry["sets"]), *tile]
        names = {str(file) for one in sets for file in one["maps"].values()}
        names |= {str(entry["new_uvs"]) for entry in objects if entry.get("new_uvs")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "Choose the material.json of a finished texture."
        raise Fault("bad_input", f"{path.name} describes no texture.", hint, str(error)) from None
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("material.json"), text)  # without the time: the same texture is the same file
        for name in sorted(names):
            data, _ = _file(path.parent / Path(name).name, scene)
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue(), ".zip"


GATHERERS: dict[InputKind, Gatherer] = {
    "image": _image,
    "passes": _passes,
    "mesh": _mesh,
    "mask": _image,
    "views": _file,
    "motion": _file,
    "plan": _text,
    "state": _file,
    "maps": _maps,
    "own": _own,
    "cameras": _cameras,
}
"""One row an input kind: what was given for it, and the scene -> the bytes that are sent, and their suffix, or None."""
