"""From the settings of the tab to a job on its way."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import consent, operators_styles, preflight, slots, targets, watch
from .gather.sources import Given, Render, completed, name_of, objects_of
from .over_time import over_time
from .protocol import TASKS, Fault, Job
from .slots_picture import PUT_ON
from .state import STATE
from .styles import filled, filled_text, prompt_at

if TYPE_CHECKING:
    import bpy


@dataclass(frozen=True)
class Ask:
    """What is to be made. inputs: what is given for the inputs of the task, by their keys.

    replace: put the result in the place of the active empty instead of at the 3D cursor.
    """

    task: str
    model: str
    inputs: Mapping[str, Given] = field(default_factory=dict)
    prompt: str = ""
    params: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    seed: int = 0
    name: str = ""
    replace: bool = False

    @classmethod
    def of(cls, job: Job) -> Ask:
        """The same once more, at the 3D cursor."""
        return cls(job.task, job.model, job.inputs, job.prompt, job.params, job.seed, job.name)


def ask_from_scene(
    context: bpy.types.Context, task: str = "", last_render: bool = False, frame: int | None = None
) -> Ask:
    """What the tab says, or `task` with its settings; last_render: of the render that is there; frame: that it is of,
    default the current one.

    Raises Fault("bad_input") when something is missing.
    """
    settings = context.scene.aigc
    task = task or settings.task
    watch.know_models()
    model = STATE.model_for(task, settings.model_id) or watch.first_model(task)
    info = STATE.models.get(model)
    operators_styles.catch_up()
    inputs = slots.inputs_of_tab(context, task)
    for wanted in slots.inputs_of(context, task):
        if last_render and wanted.kind == "passes":
            inputs[wanted.key] = slots.last_render(context)
        given = inputs.get(wanted.key)
        if isinstance(given, Render) and given.picture is None:
            inputs[wanted.key] = dataclasses.replace(given, frame=frame)
        missing = slots.SLOTS[wanted.kind].problem(context, wanted) if wanted.key not in inputs else None
        if missing is not None:
            raise Fault("bad_input", missing.sentence, missing.hint or f"Press {missing.button}.")
        if wanted.key == PUT_ON and wanted.required and wanted.key not in inputs:
            hint = "Press Place at the result, or choose a picture."
            raise Fault("bad_input", "The picture to put onto the objects is not in this file.", hint)
    replace = settings.placement == "REPLACE" and makes_objects(task)
    if replace and (context.object is None or context.object.type != "EMPTY"):
        raise Fault("bad_input", "No empty is selected to be replaced.", "Select one, or place at the 3D cursor.")
    values: Mapping[str, bool | int | float | str] = {}
    seed = settings.seed
    if info is not None:
        with over_time(context.scene, info) as settings_at:
            moment = settings_at.at(context.scene.frame_current if frame is None else frame)
        values, seed = moment.params, moment.seed
    return Ask(
        task=task,
        model=model,
        inputs=completed(inputs, values, [wanted.key for wanted in TASKS[task].inputs], settings.others_hide),
        prompt=prompt_of(context.scene, task, frame),
        params=values,
        seed=seed,
        name=settings.result_name or name_of(inputs, context.scene) or settings.prompt[:40],
        replace=replace,
    )


def prompt_of(scene: bpy.types.Scene, task: str, frame: int | None = None) -> str:
    """The prompt at a frame, by default the current one: of the text or the line; in the style's template, if any."""
    settings = scene.aigc
    frame = scene.frame_current if frame is None else frame
    words = prompt_at(settings.prompt_text.as_string(), frame) if settings.prompt_text else settings.prompt
    return filled(STATE.template(settings.style), words) if has_style(task) else words


def whole_prompt_of(scene: bpy.types.Scene) -> str:
    """The prompts of all frames, in the style's template; what a frame gets of it, `styles.prompt_at` says."""
    settings = scene.aigc
    words = settings.prompt_text.as_string() if settings.prompt_text else settings.prompt
    return filled_text(STATE.template(settings.style), words)


def has_style(task: str) -> bool:
    """Does it make pictures, for which there are looks to choose from? A larger one keeps the look that it has."""
    outputs = TASKS[task].outputs if task in TASKS and task != "upscale_image" else ()
    return "image" in outputs and "mesh" not in outputs


def makes_objects(task: str) -> bool:
    return task not in TASKS or "mesh" in TASKS[task].outputs


def submit(context: bpy.types.Context, ask: Ask) -> str:
    """Hand `ask` to the session and remember where its result goes. Returns the job's id. Raises Fault."""
    from .gather.inputs import gather

    consent.check(STATE.models.get(ask.model), ask.params)
    session = watch.session()
    inputs = gather(ask.task, ask.inputs, context.scene, session.put_blob)
    job = Job(str(uuid.uuid4()), ask.task, ask.model, inputs, dict(ask.params), ask.prompt, ask.seed, ask.name)
    STATE.fault = None
    STATE.targets[job.id] = targets.remember(context, ask.replace, objects_of(ask.inputs))
    STATE.current_job = job.id
    session.submit(job)
    renders = any(wanted.kind == "passes" for wanted in TASKS[ask.task].inputs)
    width, height = preflight.size_px(context.scene.aigc, context.scene.render) if renders else (0, 0)
    STATE.sent[job.id] = time.monotonic(), width * height
    return job.id
