"""What the commands write: results to the disk, paths to standard output, progress and errors to standard error."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from .protocol import Fault, JobStatus, Task

if TYPE_CHECKING:
    from .tracking import TrackedJob


def prepare(target: Path, folder: bool) -> None:
    """Find out now, and not after the work, that nothing can be written there. Raises Fault("disk_full")."""
    place = target if folder else target.parent
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise unwritable(target, error) from None
    if target.is_dir() and not folder:  # Blender 4.2 would move it out of the way
        raise unwritable(target, IsADirectoryError(f"{target} is a folder"))


def unwritable(path: Path, error: Exception) -> Fault:
    return Fault("disk_full", f"{path.name} could not be written.", "Check the folder and its free space.", str(error))


def wants_picture(options: argparse.Namespace) -> bool:
    """Does --save-as name a picture file? Raises Fault("bad_request") for a file that nothing can be saved as.

    Nothing is ever written under the name of another kind of file: that would be the picture that was given.
    """
    suffix = options.save_as.suffix.lower() if options.save_as else ""
    if suffix in ("", ".blend"):
        return False
    if not gives_picture(options.task):
        raise Fault("bad_request", f"--save-as names a Blender file, not {suffix}.", "Name a .blend, or say --out.")
    if suffix != ".png":
        raise Fault("bad_request", f"The result cannot be saved as {suffix}.", "Name a .png or a .blend file.")
    return True


def gives_picture(task: Task) -> bool:
    """Is the result of `task` a picture, and not a mesh or maps?"""
    return "image" in task.outputs and "mesh" not in task.outputs


def check_name(word: str, path: Path | None, suffix: str) -> None:
    """Raises Fault("bad_request") when `path`, named behind `word`, promises another kind of file than `suffix`."""
    if path is not None and path.suffix.lower() not in ("", suffix):
        raise Fault("bad_request", f"{word} writes {suffix} files, not {path.suffix}.", f"Name a {suffix} file.")


def save_file(path: Path, made: Sequence[bpy.types.ID]) -> None:
    """Save the file, once it was read back from the disk that everything is in it. Raises Fault.

    Until then `path` is as it was; what it held goes on beside it as .blend1, as Blender does it.
    """
    part = path.with_name(f".{os.getpid()}_{path.name}")  # in the same folder: relative paths stay right
    try:
        with quiet():
            bpy.ops.wm.save_as_mainfile(filepath=str(part), check_existing=False, copy=True)
        with bpy.data.libraries.load(str(part)) as (stored, _):
            missing = {block.name for block in made} - set(stored.objects) - set(stored.images) - set(stored.scenes)
        if missing:
            raise OSError(f"not in the file: {', '.join(sorted(missing))}")
        if path.exists():
            path.replace(f"{path}1")
        part.replace(path)
    except (RuntimeError, OSError) as error:
        raise unwritable(path, error) from None
    finally:
        for leftover in (part, Path(f"{part}@")):  # Blender writes under the second name first
            leftover.unlink(missing_ok=True)
    report(path)


def keep_files(options: argparse.Namespace, status: JobStatus) -> None:
    from . import batch

    assert status.result is not None
    meshes = [artefact for artefact in status.result.artefacts if artefact.kind == "mesh"]
    copies = [(a, options.out / a.file) for a in status.result.artefacts] if options.out else []
    if wants_picture(options):
        pictures = [artefact for artefact in status.result.artefacts if artefact.kind == "image"]
        copies += [(artefact, options.save_as) for artefact in pictures[:1]]
    if getattr(options, "glb", None):
        if not meshes:
            raise Fault("empty_result", "The result has no mesh.", "Leave out --glb.")
        copies.append((meshes[0], options.glb))
    for artefact, target in copies:
        try:
            shutil.copyfile(batch.artefact_path(status, artefact), target)
        except OSError as error:
            raise unwritable(target, error) from None
        report(target)
    if options.out:
        target = options.out / "result.json"
        try:
            shutil.copyfile(Path(status.folder) / "result.json", target)
        except FileNotFoundError:
            return
        except OSError as error:
            raise unwritable(target, error) from None
        report(target)


class Progress:
    """A line on standard error for every phase, and for every tenth of a long one."""

    def __init__(self) -> None:
        self._shown: object = None

    def __call__(self, tracked: TrackedJob) -> None:
        tenth = None if tracked.fraction is None else int(tracked.fraction * 10)
        now = (tracked.phase, tracked.message, tenth)
        if now != self._shown:
            self._shown = now
            share = "" if tenth is None else f" {tenth * 10}%"
            tell(f"{tracked.phase}{share}{': ' if tracked.message else ''}{tracked.message}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Blender's own chatter out of standard output, which it writes through Python and past it."""
    sys.stdout.flush()
    _flush_c()
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # a device, not a path
        os.dup2(nowhere.fileno(), 1)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        _flush_c()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_c() -> None:
    """Blender writes through the C library, which keeps text back until its buffer is full."""
    with contextlib.suppress(OSError):
        ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None).fflush(None)


def report(path: Path) -> None:
    sys.stdout.write(f"{path.absolute()}\n")
    sys.stdout.flush()


def brief(detail: str) -> str:
    return "\n".join(detail.splitlines()[-20:])


def tell(*lines: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines if line))
    sys.stderr.flush()
