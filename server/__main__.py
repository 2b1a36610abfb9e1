"""The server's command line.

    python -m server serve --data DIR                                  the server, until nobody holds a lease
    python -m server run TASK [--model ID] [inputs] --out DIR            one job in the foreground
    python -m server models [--json]                                   what there is

`run` and `serve` end with 0, or print one Fault as JSON and end with 1.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from blender_aigc.protocol import TASKS, VERSION, Fault, Models, encode

from .foreground import OTHER_PYTHON, input_words
from .registry import Registry
from .weights import Shelf


def main(arguments: Sequence[str] | None = None) -> int:
    """Obey the command line; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # what is read by programs must not depend on the code page
    options = _parser().parse_args(arguments)
    try:
        return _obey(options)
    except Fault as fault:
        sys.stdout.write(encode(fault.record()) + "\n")
        sys.stdout.flush()
        return 1


def _obey(options: argparse.Namespace) -> int:
    """The exit code. Raises Fault, also for a Python that lacks what every job needs: `models` runs in a bare one."""
    try:
        code: int = options.command(options)
        return code
    except ModuleNotFoundError as error:
        if (error.name or "server").partition(".")[0] in ("server", "blender_aigc"):
            raise
        raise Fault(
            "not_installed",
            f"This Python lacks {error.name}, which the server needs.",
            OTHER_PYTHON,
            sys.executable,
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server", description="AIGC Studio server")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    add = shared.add_argument
    add(
        "--weights",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder with weights; may be repeated",
    )
    add("--models", type=Path, action="append", default=[], metavar="DIR", help="a folder with more model files")

    serve = commands.add_parser("serve", parents=[shared], help="run the server")
    serve.set_defaults(command=_serve)
    add = serve.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="jobs, inputs and logs live here")
    add("--port", type=int, default=0, help="0 = any free one")
    add("--forever", action="store_true", help="go on without a Blender that holds a lease")
    add("--leave", type=float, default=3.0, metavar="S", help="seconds between the last lease and the end")
    add("--grace", type=float, default=3.0, metavar="S", help="seconds that a cancelled job may go on")
    add("--keep", type=int, default=200, metavar="N", help="ended jobs to keep, with their files")
    add("--largest-input", type=int, default=2 << 30, metavar="BYTES", help="size limit of one input")

    run = commands.add_parser("run", parents=[shared], help="run one job in the foreground")
    run.set_defaults(command=_run)
    add = run.add_argument
    add("task", metavar="TASK", help=", ".join(TASKS))
    add("--model", default="", metavar="ID", help="see `models`; the first one that can run when left out")
    add("--out", type=Path, required=True, metavar="DIR", help="artefacts and result.json go here")
    add("--prompt", default="", help="what it should be, in words")
    for word, help_text in input_words().items():
        add(
            f"--{word.replace('_', '-')}",
            dest=f"input_{word}",
            type=Path,
            metavar="FILE",
            help=help_text or argparse.SUPPRESS,
        )
    add("--param", action="append", default=[], metavar="KEY=VALUE", help="of the model; may be repeated")
    add("--seed", type=int, default=0, help="0 to 2147483647; the same seed gives the same result")
    add("--name", default="", help="what the result is called")
    add("--device", default="", help="cpu, cuda:0, ...; the best one when not given")

    models = commands.add_parser("models", parents=[shared], help="list the models")
    models.set_defaults(command=_models)
    models.add_argument("--json", action="store_true", help="everything about them, for programs")
    return parser


def _serve(options: argparse.Namespace) -> int:
    from .serve import Settings, serve

    serve(
        Settings(
            data=options.data.resolve(),
            port=options.port,
            weights=tuple(folder.resolve() for folder in options.weights),
            models=tuple(folder.resolve() for folder in _model_folders(options)),
            forever=options.forever,
            leave_s=options.leave,
            grace_s=options.grace,
            keep=options.keep,
            largest_blob=options.largest_input,
        )
    )
    return 0


def _run(options: argparse.Namespace) -> int:
    from .foreground import Order, run, summary

    files = {word: getattr(options, f"input_{word}") for word in input_words()}
    order = Order(
        task=options.task,
        model=options.model,
        out=options.out.resolve(),
        files={word: path for word, path in files.items() if path is not None},
        params=options.param,
        prompt=options.prompt,
        seed=options.seed,
        name=options.name,
        device=options.device,
    )
    sys.stdout.write(summary(run(order, _registry(options))) + "\n")
    return 0


def _models(options: argparse.Namespace) -> int:
    listing = _registry(options).listing()
    sys.stdout.write(encode(listing) + "\n" if options.json else _table(listing))
    return 0


def _registry(options: argparse.Namespace) -> Registry:
    return Registry(_model_folders(options), Shelf(options.weights))


def _model_folders(options: argparse.Namespace) -> list[Path]:
    """What --models names. Raises Fault("bad_input") for what is no folder: its models would be missing in silence."""
    for folder in options.models:
        if not folder.is_dir():
            raise Fault("bad_input", f"There is no folder {folder}.", "Give --models the folder that the files lie in.")
    folders: list[Path] = options.models
    return folders


def _table(listing: Models) -> str:
    lines: list[str] = []
    for info in listing.models:
        state = info.unavailable.message if info.unavailable else "procedural" if info.procedural else "ready"
        lines.append(f"{info.task:16} {info.id:16} {info.label}: {info.help}. [{state}]")
        for param in info.params:
            lines.append(f"{'':33} --param {param.key}={param.default}  {param.help} {param.takes}".rstrip())
    lines += [f"{'broken':16} {stem:16} {reason}" for stem, reason in listing.broken.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
