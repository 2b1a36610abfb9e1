"""From the settings of the tab to a job on its way."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import params, targets, watch
from .protocol import TASKS, Blob, Fault, Job
from .state import STATE

if TYPE_CHECKING:
    import bpy


@dataclass(frozen=True)
class Ask:
    """What is to be made. picture: a datablock, a file, or the stored file of an earlier job.

    Of a task that takes a render, `picture` stands in for it; without one the camera's render is made now, or
    with last_render the one that is there is taken. reference: a picture whose colours the result takes.
    replace: put the result in the place of the active empty instead of at the 3D cursor.
    """

    task: str
    model: str
    picture: bpy.types.Image | Path | Blob | None = None
    reference: bpy.types.Image | Path | Blob | None = None
    last_render: bool = False
    prompt: str = ""
    params: dict[str, bool | int | float | str] = field(default_factory=dict)
    seed: int = 0
    name: str = ""
    replace: bool = False

    @classmethod
    def of(cls, job: Job) -> Ask:
        """The same once more, at the 3D cursor."""
        return cls(
            job.task,
            job.model,
            job.inputs.get("image") or job.inputs.get("passes"),
            job.inputs.get("reference"),
            prompt=job.prompt,
            params=job.params,
            seed=job.seed,
            name=job.name,
        )


def ask_from_scene(context: bpy.types.Context, task: str = "", last_render: bool = False) -> Ask:
    """What the tab says, or `task` with its settings. Raises Fault("bad_input") when the picture is missing."""
    settings = context.scene.aigc
    task = task or settings.task
    model = STATE.model_for(task, settings.model_id) or watch.first_model(task)
    info = STATE.models.get(model)
    renders = takes_render(task) and (last_render or settings.source != "PICTURE")
    picture = None if renders else settings.image
    if picture is None and not renders and task != "echo":
        raise Fault("bad_input", "No picture is chosen.", "Press Choose Picture.")
    if (
        settings.placement == "REPLACE"
        and (context.object is None or context.object.type != "EMPTY")
        and makes_objects(task)
    ):
        raise Fault("bad_input", "No empty is selected to be replaced.", "Select one, or place at the 3D cursor.")
    return Ask(
        task=task,
        model=model,
        picture=picture,
        reference=settings.reference if takes_render(task) else None,
        last_render=last_render or settings.source == "LAST",
        prompt=settings.prompt,
        params=params.values(settings.params, info) if info else {},
        seed=settings.seed,
        name=settings.result_name or _name(context, picture, renders, settings.prompt),
        replace=settings.placement == "REPLACE" and makes_objects(task),
    )


def takes_render(task: str) -> bool:
    return task in TASKS and any(wanted.kind == "passes" for wanted in TASKS[task].inputs)


def makes_objects(task: str) -> bool:
    return task not in TASKS or "mesh" in TASKS[task].outputs


def _name(context: bpy.types.Context, picture: bpy.types.Image | None, renders: bool, prompt: str) -> str:
    if renders:
        return f"{context.scene.name} Render"
    return Path(picture.name).stem if picture else prompt[:40]


def submit(context: bpy.types.Context, ask: Ask) -> str:
    """Hand `ask` to the session and remember where its result goes. Returns the job's id. Raises Fault."""
    from .gather.inputs import gather

    session = watch.session()
    given = {"image": ask.picture, "passes": ask.picture, "reference": ask.reference}
    inputs = gather(ask.task, given, context.scene, session.put_blob, ask.last_render)
    job = Job(str(uuid.uuid4()), ask.task, ask.model, inputs, dict(ask.params), ask.prompt, ask.seed, ask.name)
    STATE.fault = None
    STATE.targets[job.id] = targets.remember(context, ask.replace)
    STATE.current_job = job.id
    session.submit(job)
    return job.id
