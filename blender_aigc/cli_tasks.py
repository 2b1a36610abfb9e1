"""One subcommand a task, made from its row in `protocol.TASKS`: what goes in, what comes out.

A task that needs more than its row says (a range of frames) has an entry in OWN.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy

from . import slots, watch
from .ask import has_style
from .cli_output import (
    Progress,
    check_name,
    gives_picture,
    keep_files,
    prepare,
    quiet,
    report,
    save_file,
    tell,
    wants_picture,
)
from .operators_styles import LIBRARY, own_folder
from .over_time import Moment, over_time
from .protocol import TASKS, Fault, JobStatus, ModelInfo, Task
from .state import STATE
from .styles import Style, filled_text, prompt_at, read_styles

ALIASES = {"render_image": ("render",), "texture_mesh": ("texture",), "upscale_image": ("upscale",)}


@dataclass(frozen=True)
class Own:
    """What a task's command has beyond the others'. options: adds its words. command: instead of `make`."""

    options: Callable[[argparse.ArgumentParser], None] | None = None
    command: Callable[[argparse.Namespace], None] | None = None


def _texture_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--size", dest="texture_px", metavar="PX", help="side of the textures, the same as --param texture_px=PX"
    )
    atlas = "one set of textures for all objects, the same as --param textures=atlas"
    parser.add_argument("--atlas", dest="textures", action="store_const", const="atlas", help=atlas)


OWN: dict[str, Own] = {"texture_mesh": Own(options=_texture_options)}
"""By id of the task."""


def add_tasks(commands) -> None:
    """A subcommand for every task; `commands` is what `add_subparsers` returned."""
    for task in TASKS.values():
        names = [name.replace("_", "-") for name in (task.id, *ALIASES.get(task.id, ()))]
        _add_task(commands.add_parser(names[0], aliases=names[1:], help=task.help, description=task.help), task)


def _add_task(parser: argparse.ArgumentParser, task: Task) -> None:
    own = OWN.get(task.id, Own())
    parser.set_defaults(command=own.command or make, task=task)
    add = parser.add_argument
    for wanted in task.inputs:
        slots.SLOTS[wanted.kind].add_options(parser, task, wanted)
    if task.prompt:
        add("--prompt", default="", help="what it should be, in words")
    if has_style(task.id):
        add("--style", default="", metavar="ID", help="of the gallery: its template for the prompt, and its parameters")
    add("--model", default="", metavar="ID", help="see `models`; the first one that can run when left out")
    add("--param", action="append", default=[], metavar="KEY=VALUE", help="of the model; may be repeated")
    add("--seed", type=int, help="0 to 2147483647; the same seed gives the same result")
    add("--name", default="", help="what the result is called; after the picture or the prompt when left out")
    if "mesh" in task.outputs:
        add("--height-m", type=float, metavar="M", help="height of the object, the same as --param height_m=M")
        add("--location", type=float, nargs=3, metavar=("X", "Y", "Z"), help="instead of the 3D cursor")
        add("--replace", default="", metavar="EMPTY", help="name of an Empty whose place the result takes")
        add("--glb", type=Path, metavar="FILE", help="also keep the result as a glTF file")
    if "mesh" in (*task.outputs, *(wanted.kind for wanted in task.inputs)):
        add("--render", type=Path, metavar="FILE", help="also render a picture (PNG) of the result")
    saves = "save the result as a picture (.png), or the Blender file with it (.blend)" if gives_picture(task) else ""
    add("--save-as", type=Path, metavar="FILE", help=saves or "save the Blender file with the result in it")
    add("--out", type=Path, metavar="DIR", help="also keep all files of the result in this folder")
    if own.options is not None:
        own.options(parser)


def make(options: argparse.Namespace) -> None:
    """Make it, place it, save it, and look whether it is there. Raises Fault."""
    from . import batch

    moment = moment_of(options)
    targets = [getattr(options, key, None) for key in ("save_as", "out", "glb", "render")]
    if not any(targets):
        raise Fault("bad_request", "The result would be lost.", "Say --save-as FILE.")
    wants_picture(options)
    check_name("--glb", getattr(options, "glb", None), ".glb")
    check_name("--render", getattr(options, "render", None), ".png")
    for target in filter(None, targets):
        prepare(target.absolute(), folder=target is options.out)
    replace = _empty(getattr(options, "replace", ""))
    inputs = slots.inputs_of_options(options, options.task)
    with quiet():  # renders talk
        status = batch.run(
            options.task.id,
            options.model,
            inputs=inputs,
            prompt=prompt_now(options),
            params=moment.params,
            seed=moment.seed,
            name=options.name,
            progress=Progress(),
        )
    if status.result is not None:
        tell(str(status.result.report.get("notes", "")))
    location = getattr(options, "location", None)
    objects = batch.objects_of(inputs)
    made = batch.place(status, location=tuple(location) if location else None, replace=replace, objects=objects)
    hand_over(options, status, made or list(objects))


def hand_over(options: argparse.Namespace, status: JobStatus, made: list[bpy.types.ID]) -> None:
    """Write what the command line asks for of a result that is in the file. Raises Fault."""
    if options.save_as and not wants_picture(options):
        save_file(options.save_as.absolute(), made)
    keep_files(options, status)
    if getattr(options, "render", None):
        from .portrait import render_portrait

        with quiet():
            render_portrait(made, options.render.absolute())
        report(options.render)


def moment_of(options: argparse.Namespace) -> Moment:
    """Parameters and seed; with --as-saved those of the tab at this frame, where the words do not say otherwise."""
    if not getattr(options, "as_saved", False):
        return Moment(params_of(options), options.seed or 0)
    scene = bpy.context.scene
    with over_time(scene, _model(options)) as settings_at:
        saved = settings_at.at(scene.frame_current)
    return Moment({**saved.params, **params_of(options)}, saved.seed if options.seed is None else options.seed)


def params_of(options: argparse.Namespace) -> dict[str, bool | int | float | str]:
    """The values of --style, and over them the --param words in the right types. Raises Fault("bad_request")."""
    words = [word.partition("=") for word in options.param]
    if getattr(options, "height_m", None) is not None:
        words.append(("height_m", "=", repr(options.height_m)))
    words += [(key, "=", getattr(options, key)) for key in ("texture_px", "textures") if getattr(options, key, None)]
    style = style_of(options)
    if not words and style is None:
        return {}
    info = _model(options)
    known = {param.key: param for param in info.params}
    values = {key: value for key, value in style.values_for(info.id).items() if key in known} if style else {}
    for key, equals, text in words:
        if not equals:
            raise Fault("bad_request", f"--param {key} has no value.", f"Write --param {key}=VALUE.")
        if key not in known:
            raise Fault(
                "bad_request", f"{info.label} has no parameter {key!r}.", f"It has: {', '.join(known) or 'none'}."
            )
        values[key] = known[key].parse(text)
    return values


def prompt_of(options: argparse.Namespace) -> str:
    """The --prompt, in the template of --style. Raises Fault("bad_request").

    With --as-saved, what the tab says where a word is missing; a style's parameters are among the tab's already.
    """
    style = style_of(options)
    prompt: str = getattr(options, "prompt", "")
    if getattr(options, "as_saved", False):
        settings = bpy.context.scene.aigc
        if style is None:
            style = read_styles([LIBRARY, own_folder()])[0].get(settings.style)
        prompt = prompt or (settings.prompt_text.as_string() if settings.prompt_text else settings.prompt)
    return filled_text(style.prompt, prompt) if style is not None else prompt


def prompt_now(options: argparse.Namespace) -> str:
    """`prompt_of` for one picture: of the tab's text the lines that count at this frame."""
    prompt = prompt_of(options)
    return prompt_at(prompt, bpy.context.scene.frame_current) if getattr(options, "as_saved", False) else prompt


def style_of(options: argparse.Namespace) -> Style | None:
    """Raises Fault("bad_request") for a style that is not in the gallery."""
    wanted = getattr(options, "style", "")
    if not wanted:
        return None
    styles, _ = read_styles([LIBRARY, own_folder()])
    if wanted not in styles:
        raise Fault("bad_request", f"There is no style {wanted!r}.", f"There are: {', '.join(styles)}.")
    return styles[wanted]


def _model(options: argparse.Namespace) -> ModelInfo:
    from . import batch

    if getattr(options, "as_saved", False):
        watch.know_models()
        saved = STATE.models.get(bpy.context.scene.aigc.model_id)
        options.model = options.model or (saved.id if saved is not None and saved.does(options.task.id) else "")
    return batch.model_for(options.task.id, options.model)


def _empty(name: str) -> bpy.types.Object | None:
    if not name:
        return None
    found = bpy.data.objects.get(name)
    if found is None:
        raise Fault("bad_request", f"The file has no object {name!r}.", "Check the name behind --replace.")
    return found
