"""`blender -b FILE -c aigc TASK ...` for farms and scripts; `python -m blender_aigc TASK ...` with the bpy module.

The exit code is 0 only when what was asked for is on the disk; else one sentence and one hint go to standard error.
Standard output holds the paths of what was written, one a line, and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .protocol import TASKS, VERSION, Fault, JobStatus, ModelInfo, Task, encode

if TYPE_CHECKING:
    from .tracking import TrackedJob

COMMAND = "aigc"
_handle: Any = None


def main(arguments: list[str]) -> int:
    """Obey the words behind `-c aigc`; the exit code."""
    from . import batch

    try:
        options = _parser().parse_args(arguments)
    except SystemExit as ended:  # argparse has printed its help or its complaint
        return ended.code if isinstance(ended.code, int) else 1
    try:
        options.command(options)
    except Fault as fault:
        _tell(f"Error: {fault.message}", fault.hint, _brief(fault.detail))
        return 1
    except KeyboardInterrupt:
        _tell("Interrupted; the job was cancelled.")
        return 130
    finally:
        batch.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description="AIGC Studio without the interface.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("models", help="list the models")
    listing.add_argument("--json", action="store_true", help="everything about them, for programs")
    listing.set_defaults(command=_models)
    test = commands.add_parser("self-test", help="send something through the whole chain and back")
    test.set_defaults(command=_self_test)
    for task in TASKS.values():
        _add_task(commands.add_parser(task.id.replace("_", "-"), help=task.help, description=task.help), task)
    return parser


def _add_task(parser: argparse.ArgumentParser, task: Task) -> None:
    parser.set_defaults(command=_task, task=task)
    add = parser.add_argument
    for wanted in task.inputs:
        renders = wanted.kind == "passes"
        help_text = "a picture to work from, instead of a render of the scene's camera" if renders else wanted.help
        name = "image" if renders else wanted.key
        add(f"--{name}", type=Path, metavar="FILE", required=wanted.required and not renders, help=help_text)
    if task.prompt:
        add("--prompt", default="", help="what it should be, in words")
    add("--model", default="", metavar="ID", help="see `models`; the first one that can run when left out")
    add("--param", action="append", default=[], metavar="KEY=VALUE", help="of the model; may be repeated")
    add("--seed", type=int, default=0, help="0 to 2147483647; the same seed gives the same result")
    add("--name", default="", help="what the result is called; after the picture or the prompt when left out")
    if "mesh" in task.outputs:
        add("--height-m", type=float, metavar="M", help="height of the object, the same as --param height_m=M")
        add("--location", type=float, nargs=3, metavar=("X", "Y", "Z"), help="instead of the 3D cursor")
        add("--replace", default="", metavar="EMPTY", help="name of an Empty whose place the result takes")
        add("--glb", type=Path, metavar="FILE", help="also keep the result as a glTF file")
        add("--render", type=Path, metavar="FILE", help="also render a picture (PNG) of the result")
    picture = "image" in task.outputs and "mesh" not in task.outputs
    saves = "save the result as a picture (.png), or the Blender file with it (.blend)" if picture else ""
    add("--save-as", type=Path, metavar="FILE", help=saves or "save the Blender file with the result in it")
    add("--out", type=Path, metavar="DIR", help="also keep all files of the result in this folder")


# ----------------------------------------------------------------------------------------------------------- commands


def _task(options: argparse.Namespace) -> None:
    """Make it, place it, save it, and look whether it is there. Raises Fault."""
    from . import batch

    targets = [getattr(options, key, None) for key in ("save_as", "out", "glb", "render")]
    if not any(targets):
        raise Fault("bad_request", "The result would be lost.", "Say --save-as FILE.")
    for target in filter(None, targets):
        _prepare(target.absolute(), folder=target is options.out)
    as_picture = _wants_picture(options)
    replace = _empty(getattr(options, "replace", ""))
    with _quiet():  # renders talk
        status = batch.run(
            options.task.id,
            options.model,
            image=getattr(options, "image", None),
            reference=getattr(options, "reference", None),
            prompt=getattr(options, "prompt", ""),
            params=_params(options),
            seed=options.seed,
            name=options.name,
            progress=_Progress(),
        )
    location = getattr(options, "location", None)
    made = batch.place(status, location=tuple(location) if location else None, replace=replace)
    if options.save_as and not as_picture:
        _save(options.save_as.absolute(), made)
    _keep_files(options, status)
    if getattr(options, "render", None):
        from .portrait import render_portrait

        with _quiet():
            render_portrait(made, options.render.absolute())
        _report(options.render)


def _models(options: argparse.Namespace) -> None:
    from . import batch

    models = batch.models()
    if options.json:
        plain = [json.loads(encode(info)) for info in models.values()]
        sys.stdout.write(json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
        return
    for info in models.values():
        state = info.unavailable.message if info.unavailable else "no download" if info.procedural else "ready"
        sys.stdout.write(f"{info.task:16} {info.id:16} {info.label} ({state})\n")
        for param in info.params:
            sys.stdout.write(f"{'':16}   --param {param.key}={param.default}  {param.help}\n")
    sys.stdout.flush()


def _self_test(_options: argparse.Namespace) -> None:
    from . import batch

    status = batch.run("echo", "echo", prompt="self-test")
    assert status.result is not None
    texts = [batch.artefact_path(status, a) for a in status.result.artefacts if a.kind == "text"]
    if not texts or texts[0].read_text(encoding="utf-8").strip() != "self-test":
        raise Fault("internal", "The server's answer is not what was sent.", "Install the add-on again.")
    ready = sum(info.unavailable is None for info in batch.models().values())
    sys.stdout.write(f"Everything is connected. {ready} models can run.\n")
    sys.stdout.flush()


# ------------------------------------------------------------------------------------------------------------ helpers


def _params(options: argparse.Namespace) -> dict[str, bool | int | float | str]:
    """The --param words as values of the right types. Raises Fault("bad_request")."""
    words = [word.partition("=") for word in options.param]
    if getattr(options, "height_m", None) is not None:
        words.append(("height_m", "=", repr(options.height_m)))
    if not words:
        return {}
    info = _chosen(options)
    known = {param.key: param for param in info.params}
    values = {}
    for key, equals, text in words:
        if not equals:
            raise Fault("bad_request", f"--param {key} has no value.", f"Write --param {key}=VALUE.")
        if key not in known:
            raise Fault(
                "bad_request", f"{info.label} has no parameter {key!r}.", f"It has: {', '.join(known) or 'none'}."
            )
        values[key] = known[key].parse(text)
    return values


def _chosen(options: argparse.Namespace) -> ModelInfo:
    from . import batch

    return batch.model_for(options.task.id, options.model)


def _empty(name: str) -> bpy.types.Object | None:
    if not name:
        return None
    found = bpy.data.objects.get(name)
    if found is None:
        raise Fault("bad_request", f"The file has no object {name!r}.", "Check the name behind --replace.")
    return found


def _prepare(target: Path, folder: bool) -> None:
    """Find out now, and not after the work, that nothing can be written there. Raises Fault("disk_full")."""
    try:
        (target if folder else target.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(target, error) from None
    if target.is_dir() and not folder:  # Blender 4.2 would move it out of the way
        raise _unwritable(target, IsADirectoryError(f"{target} is a folder"))


def _unwritable(path: Path, error: Exception) -> Fault:
    return Fault("disk_full", f"{path.name} could not be written.", "Check the folder and its free space.", str(error))


def _wants_picture(options: argparse.Namespace) -> bool:
    """Does --save-as name a picture file? Raises Fault("bad_request") for a file that nothing can be saved as."""
    suffix = options.save_as.suffix.lower() if options.save_as else ""
    if suffix in ("", ".blend") or "mesh" in options.task.outputs:
        return False
    if suffix != ".png":
        raise Fault("bad_request", f"The result cannot be saved as {suffix}.", "Name a .png or a .blend file.")
    return True


def _save(path: Path, made: Sequence[bpy.types.ID]) -> None:
    """Save the file and read back from the disk that everything is in it. Raises Fault."""
    try:
        with _quiet():
            bpy.ops.wm.save_as_mainfile(filepath=str(path), check_existing=False)
        with (
            tempfile.TemporaryDirectory() as folder
        ):  # Blender does not look into the file that is open, so into a copy
            copy = shutil.copyfile(path, Path(folder) / "copy.blend")
            with bpy.data.libraries.load(str(copy)) as (stored, _):
                missing = {block.name for block in made} - set(stored.objects) - set(stored.images)
    except (RuntimeError, OSError) as error:
        raise _unwritable(path, error) from None
    if missing:
        raise _unwritable(path, RuntimeError(f"not in the file: {', '.join(sorted(missing))}"))
    _report(path)


def _keep_files(options: argparse.Namespace, status: JobStatus) -> None:
    from . import batch

    assert status.result is not None
    meshes = [artefact for artefact in status.result.artefacts if artefact.kind == "mesh"]
    copies = [(a, options.out / a.file) for a in status.result.artefacts] if options.out else []
    if _wants_picture(options):
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
            raise _unwritable(target, error) from None
        _report(target)
    if options.out:
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(Path(status.folder) / "result.json", options.out / "result.json")


class _Progress:
    """A line on standard error for every phase, and for every tenth of a long one."""

    def __init__(self) -> None:
        self._shown: object = None

    def __call__(self, tracked: TrackedJob) -> None:
        tenth = None if tracked.fraction is None else int(tracked.fraction * 10)
        now = (tracked.phase, tracked.message, tenth)
        if now != self._shown:
            self._shown = now
            share = "" if tenth is None else f" {tenth * 10}%"
            _tell(f"{tracked.phase}{share}{': ' if tracked.message else ''}{tracked.message}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
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


def _report(path: Path) -> None:
    sys.stdout.write(f"{path.absolute()}\n")
    sys.stdout.flush()


def _brief(detail: str) -> str:
    return "\n".join(detail.splitlines()[-20:])


def _tell(*lines: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines if line))
    sys.stderr.flush()


# ------------------------------------------------------------------------------------------------------- registration


def register() -> None:
    """Make `blender -c aigc` known. Blender 4.2 and later have such commands."""
    global _handle
    _handle = bpy.utils.register_cli_command(COMMAND, main)


def unregister() -> None:
    global _handle
    if _handle is not None:
        bpy.utils.unregister_cli_command(_handle)
        _handle = None
