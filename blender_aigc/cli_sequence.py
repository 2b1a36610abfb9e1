"""`-c aigc render --frames 1-24 --out DIR` and `-c aigc render-sequence`: a range of frames, begun or gone on with."""

from __future__ import annotations

import argparse

from . import cli_tasks, slots
from .cli_output import quiet, report, save_file, tell
from .gather.sources import Render
from .protocol import TASKS, Fault
from .sequence.plan import parse_frames
from .sequence.run import TASK, Run


def _options(parser: argparse.ArgumentParser, whole: bool) -> None:
    as_saved = (
        "what is not said is as in the tab of the file: model, prompt, style, parameters with their keyframes, mask"
    )
    parser.add_argument("--as-saved", action="store_true", help=as_saved)
    add = parser.add_argument_group("frames").add_argument
    which = "the scene's when left out" if whole else "makes a sequence instead of one picture; needs --out"
    add("--frames", default="", metavar="FIRST-LAST", help=which)
    add("--start-over", action="store_true", help="forget the frames that are done in the folder")
    add("--strip", action="store_true", help="also a scene with the sequence as a strip, in the file of --save-as")


def _add_to_sequence(parser: argparse.ArgumentParser) -> None:
    _options(parser, whole=True)


def _add_to_picture(parser: argparse.ArgumentParser) -> None:
    _options(parser, whole=False)


def _picture_or_sequence(options: argparse.Namespace) -> None:
    if options.frames:
        make_sequence(options)
    else:
        cli_tasks.make(options)


def make_sequence(options: argparse.Namespace) -> None:
    """Make the frames that are missing, name all of them, say how steady they are. Raises Fault."""
    from . import batch

    options.task = TASKS[TASK]
    if options.out is None:
        raise Fault("bad_request", "The frames would be lost.", "Say --out FOLDER.")
    inputs = slots.inputs_of_options(options, options.task)
    render = inputs.get("passes")
    if getattr(options, "passes", None) is not None or not isinstance(render, (Render, type(None))):
        raise Fault("bad_request", "A sequence is rendered, not made from a picture.", "Leave out --image.")
    if options.save_as and options.save_as.suffix.lower() != ".blend":
        raise Fault("bad_request", "--save-as names the Blender file of a sequence.", "Say --out for the frames.")
    frames = parse_frames(options.frames) if options.frames else None
    if options.as_saved:
        cli_tasks.moment_of(options)  # chooses the model
    with quiet():  # renders talk
        run = batch.run_sequence(
            options.out,
            frames,
            options.model,
            reference=inputs.get("reference"),
            render=render,
            prompt=cli_tasks.prompt_of(options),
            params=cli_tasks.params_of(options),
            seed=options.seed,
            as_in_tab=options.as_saved,
            name=options.name,
            start_over=options.start_over,
            progress=_Progress(),
        )
    if options.save_as:
        image, edit = batch.place_sequence(run, strip=options.strip)
        save_file(options.save_as.absolute(), [image] + ([] if edit is None else [edit]))
    for path in run.files():
        report(path)
    _tell_flicker(run)


def _tell_flicker(run: Run) -> None:
    figures = run.folder.flicker()
    if "flicker" in figures:
        tell(f"Flicker (warping error): {figures['flicker']:.6f}")
    if "flicker_single" in figures:
        own, single = figures["flicker_of_same"], figures["flicker_single"]
        tell(f"The same frames made one by one: {single:.6f}; the sequence there: {own:.6f}")


class _Progress:
    """A line on standard error for every frame."""

    def __init__(self) -> None:
        self._shown = (-1, "")

    def __call__(self, run: Run) -> None:
        if self._shown[0] < 0 and run.kept:
            tell(f"{run.kept} of {run.total} frames are done already.")
        now = (run.done, run.sentence)
        if now != self._shown and run.sentence:
            tell(f"{run.done}/{run.total}: {run.sentence}")
        self._shown = now


OWN = {
    TASK: cli_tasks.Own(_add_to_sequence, make_sequence),
    "render_image": cli_tasks.Own(_add_to_picture, _picture_or_sequence),
}
