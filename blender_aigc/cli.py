"""`blender -b FILE -c aigc TASK ...` for farms and scripts; `python -m blender_aigc TASK ...` with the bpy module.

The exit code is 0 only when what was asked for is on the disk; else one sentence and one hint go to standard error.
Standard output holds the paths of what was written, one a line, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import bpy

from .cli_hints import hints
from .cli_output import brief, tell
from .cli_passes import add_command as add_passes
from .cli_plan import ALIASES as OF_PLANS_TOO
from .cli_plan import OWN as OF_PLANS
from .cli_sequence import OWN as OF_SEQUENCES
from .cli_tasks import ALIASES, OWN, add_tasks
from .protocol import VERSION, Fault, ModelInfo, Models, encode
from .state import STATE

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
        _check_file(sys.argv)
        options.command(options)
    except Fault as fault:
        tell_fault(fault, _model(options))
        return 1
    except BrokenPipeError:  # whoever reads the output has seen enough: models | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        tell("Interrupted; the job was cancelled.")
        return 130
    finally:
        batch.close()
    return 0


def _check_file(argv: list[str]) -> None:
    """Blender goes on with its startup scene when it cannot open the file: that would be textured instead of yours.

    argv: Blender's own. Raises Fault("bad_input").
    """
    ours = next((at for at, word in enumerate(argv) if word in ("-c", "--command")), 0)
    named = [word for word in argv[1:ours] if word.lower().endswith(".blend")]
    if named and Path(named[-1]).name != Path(bpy.data.filepath).name:
        raise Fault("bad_input", f"{named[-1]} cannot be opened as a Blender file.", "Check its name.")


def tell_fault(fault: Fault, info: ModelInfo | None = None) -> None:
    """The sentence, what cures it, and details, to standard error. info: the model that was asked, if one was."""
    log = f"The log: {STATE.session.data / 'logs'}" if fault.code == "server_gone" and STATE.session else ""
    tell(f"Error: {fault.message}", *hints(fault, info), log, brief(fault.detail))


def _model(options: argparse.Namespace) -> ModelInfo | None:
    """The model that the words mean; None when none was asked yet."""
    if STATE.session is None or getattr(options, "task", None) is None:
        return None
    offered = [info for info in STATE.session.models.values() if info.does(options.task.id)]
    if options.model:
        return next((info for info in offered if info.id == options.model), None)
    return min(offered, key=lambda info: (info.unavailable is not None, not info.procedural), default=None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description="AIGC Studio without the interface.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("models", help="list the models")
    listing.add_argument("--json", action="store_true", help="everything about them, for programs")
    listing.set_defaults(command=_models)
    test = commands.add_parser("self-test", help="send something through the whole chain and back")
    test.set_defaults(command=_self_test)
    add_passes(commands)
    OWN.update(OF_SEQUENCES | OF_PLANS)
    ALIASES.update(OF_PLANS_TOO)
    add_tasks(commands)
    return parser


def _models(options: argparse.Namespace) -> None:
    from . import batch

    models = batch.models()
    if options.json:
        sys.stdout.write(encode(Models(tuple(models.values()))) + "\n")
        return
    for info in models.values():
        state = info.unavailable.message if info.unavailable else "no download" if info.procedural else "ready"
        sys.stdout.write(f"{info.task:16} {info.id:16} {info.label} ({state})\n")
        for param in info.params:
            sys.stdout.write(
                f"{'':16}   --param {param.key}={param.default}  {param.help} {param.takes}".rstrip() + "\n"
            )
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
