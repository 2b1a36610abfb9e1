"""`-c aigc physics` and `-c aigc scene`: a sentence or a plan becomes a scene, moves, is rendered."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import bpy

from . import cli_tasks
from .cli_output import check_name, prepare, quiet, report, save_file, tell
from .plan import Plan
from .plan_text import spent
from .protocol import TASKS, Fault, ModelInfo
from .sequence.plan import parse_frames
from .sequence.run import TASK as SEQUENCE
from .styles import Style

_MOST_BYTES = 2_000_000


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("plan").add_argument
    add("--bake", action="store_true", help="compute how everything moves")
    add("--dry-run", action="store_true", help="say what the plan, or its change by --prompt, is, and build nothing")
    add("--yes", action="store_true", help="do not ask on a terminal whether a plan may be changed so")
    add("--render", type=Path, metavar="FILE", help="render one picture (.png), or all frames into a folder")
    film = parser.add_argument_group("film").add_argument
    film("--stylise", metavar="WORDS", help="draw the frames in this look into DIR/stylised, as in: charcoal drawing")
    film("--style", default="", metavar="ID", help="of the gallery, instead of the one that the words are closest to")
    film("--stylise-model", default="", metavar="ID", help="of render_sequence; the first that can run when left out")
    film("--stylise-param", action="append", default=[], metavar="KEY=VALUE", help="of that model; may be repeated")
    film("--control", action="store_true", help="depth, lines and mask of every frame into DIR/control")
    film("--frames", default="", metavar="FIRST-LAST", help="of --stylise and --control; all when left out")
    film("--longest-px", type=int, default=0, metavar="N", help="longer side of the frames, instead of the plan's")
    film("--start-over", action="store_true", help="forget the frames of --stylise that are done in the folder")
    add("--frame", type=int, default=0, help="which frame is rendered; the middle one when left out")


def _make(options: argparse.Namespace) -> None:
    """Plan it, build it, bake it, render it, save it. Raises Fault."""
    from . import physics

    if options.dry_run:
        _say(*_plan(options))
        return
    targets = [target for target in (options.save_as, options.out, options.render) if target]
    if not targets:
        raise Fault("bad_request", "The result would be lost.", "Say --save-as FILE.")
    check_name("--render", options.render, ".png")
    for target in targets:
        prepare(target.absolute(), folder=target is options.out or (target is options.render and not target.suffix))
    if options.save_as and options.save_as.suffix.lower() != ".blend":
        raise Fault("bad_request", "--save-as names the Blender file.", "Say --render for a picture.")
    if (options.stylise is not None or options.control) and not options.out:
        raise Fault("bad_request", "The frames would be lost.", "Say --out FOLDER.")
    frames = parse_frames(options.frames) if options.frames else None
    look = _look(options)
    plan, changes = _plan(options)
    if changes is not None:
        _agree(options, changes)
    if options.out:
        path = options.out / "plan.json"
        path.write_text(plan.to_json(), encoding="utf-8")
        report(path)
    with quiet():
        built = physics.run(bpy.context, plan)
        if options.bake:
            file = options.save_as.absolute() if options.save_as else None
            bake = physics.new_bake(bpy.context, built.collection, file=file)
            bake.wait(_Progress())
            physics.apply(bpy.context, built.collection, bake.folder)
    if options.save_as:
        save_file(options.save_as.absolute(), list(built.collection.objects))
    if options.render:
        _render(options, plan)
    if options.control:
        _control(options, built.collection, frames)
    if look is not None:
        _stylise(options, look, built.collection, frames)


@dataclass(frozen=True)
class _Look:
    """How --stylise draws: known before anything is made."""

    info: ModelInfo
    style: Style | None
    values: dict[str, bool | int | float | str]


def _look(options: argparse.Namespace) -> _Look | None:
    """What --stylise says; None without it. Raises Fault."""
    from . import batch, film

    if options.stylise is None:
        return None
    _, style = film.look_of(options.stylise, "", options.style)
    info = batch.model_for(SEQUENCE, options.stylise_model)
    words = argparse.Namespace(param=options.stylise_param, task=TASKS[SEQUENCE], model=info.id)
    return _Look(info, style, {**film.params_of(style, info), **cli_tasks.params_of(words)})


def _span(frames: tuple[int, int] | None) -> tuple[int, int]:
    scene = bpy.context.scene
    return frames or (scene.frame_start, scene.frame_end)


def _control(options: argparse.Namespace, collection: bpy.types.Collection, frames: tuple[int, int] | None) -> None:
    from . import film

    made = film.control_frames(
        bpy.context.scene, collection, options.out.absolute() / film.CONTROL, *_span(frames), options.longest_px
    )
    progress = _Progress()
    with quiet():
        while not made.finished:
            made.step()
            progress.tell("control", made.done, made.total)
    if made.fault is not None:
        raise made.fault
    for path in made.files():
        report(path)


def _stylise(
    options: argparse.Namespace, look: _Look, collection: bpy.types.Collection, frames: tuple[int, int] | None
) -> None:
    from . import batch, film, physics

    first, last = _span(frames)
    prompt, _ = film.look_of(options.stylise, options.prompt or physics.about(collection), options.style)
    if look.style is not None and not options.style:
        tell(f"Style: {look.style.label} (--style ID takes another)")
    progress = _Progress()
    with quiet():
        run = batch.run_sequence(
            options.out / film.DRAWN,
            (first, last),
            look.info.id,
            prompt=prompt,
            params=look.values,
            seed=options.seed,
            name=options.name or "frame",
            render=film.render_of(bpy.context.scene, collection, first, last, options.longest_px),
            start_over=options.start_over,
            progress=lambda run: progress.tell("stylise", run.done, run.total),
        )
    for path in run.files():
        report(path)


def _say(plan: Plan, changes: list[str] | None) -> None:
    """The change line by line, or a new plan as text, to standard output."""
    sys.stdout.write(("\n".join(changes or ["Nothing changes."]) if changes is not None else plan.to_json()) + "\n")
    sys.stdout.flush()


def _agree(options: argparse.Namespace, changes: list[str]) -> None:
    """Show what a sentence changes before it is done; on a terminal, ask. Raises Fault("cancelled") for a no."""
    for line in changes or ["Nothing changes."]:
        tell(line)
    if options.yes or not sys.stdin.isatty():
        return
    tell("Change the plan so? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Fault("cancelled", "The plan was not changed.", "Say it in other words, or --yes.")


def _plan(options: argparse.Namespace) -> tuple[Plan, list[str] | None]:
    """The plan, and with --plan and --prompt what the sentence changes of it. Raises Fault."""
    from . import batch, physics

    if options.plan is not None and not options.prompt:
        try:
            if options.plan.stat().st_size > _MOST_BYTES:
                raise Fault("bad_input", "The plan is too long.", "Ask for a simpler scene.")
            text = options.plan.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Fault("bad_input", "The plan cannot be read.", "Check the name behind --plan.", str(error)) from None
        return physics.read_plan(text), None
    if not options.prompt:
        raise Fault("bad_request", "There is nothing to make.", "Say --prompt WORDS or --plan FILE.")
    inputs = {"plan": options.plan} if options.plan is not None else {}
    status = batch.run(
        options.task.id,
        options.model,
        inputs=inputs,
        prompt=options.prompt,
        params=cli_tasks.params_of(options),
        seed=options.seed or 0,
        name=options.name,
    )
    plans = [artefact for artefact in status.result.artefacts if artefact.kind == "plan"]
    if not plans:
        raise Fault("empty_result", "The planner made no plan.", "Say it in other words.")
    plan = physics.read_plan(batch.artefact_path(status, plans[0]).read_bytes())
    tell(plan.notes, spent(status.result.report))
    return plan, str(status.result.report.get("changes", "")).splitlines() if options.plan is not None else None


def _render(options: argparse.Namespace, plan: Plan) -> None:
    scene = bpy.context.scene
    if options.render.suffix:
        frames = {scene.frame_start + (options.frame or (plan.timing.frames + 1) // 2) - 1: options.render}
    else:
        numbers = range(scene.frame_start, scene.frame_start + plan.timing.frames)
        frames = {number: options.render / f"{number:04d}.png" for number in numbers}
    if bpy.app.version >= (5, 0):
        scene.render.image_settings.media_type = "IMAGE"
    scene.render.image_settings.file_format = "PNG"
    for number, path in frames.items():
        with quiet():
            scene.frame_set(number)
            scene.render.filepath = str(path.absolute())
            bpy.ops.render.render(write_still=True)
        if not path.is_file():
            raise Fault("internal", "The picture was not rendered.", "Choose another render engine in the plan.")
        report(path)


class _Progress:
    """A line on standard error for every tenth of a bake."""

    def __init__(self) -> None:
        self._told: object = None

    def __call__(self, bake) -> None:
        self.tell(bake.part, bake.done, bake.total)

    def tell(self, part: str, done: int, total: int) -> None:
        now = part, int(10 * done / max(total, 1))
        if now != self._told:
            self._told = now
            tell(f"{part} {now[1] * 10}%")


OWN = {task: cli_tasks.Own(_options, _make) for task in ("text_to_physics", "text_to_scene")}
ALIASES = {"text_to_physics": ("physics",), "text_to_scene": ("scene",)}
