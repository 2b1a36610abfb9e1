"""From the settings of the tab to a job on its way."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import params, targets, watch
from .properties import chosen_model
from .protocol import Blob, Fault, Job
from .state import STATE

if TYPE_CHECKING:
    import bpy


@dataclass(frozen=True)
class Ask:
    """What is to be made. picture: a datablock, a file, or the stored file of an earlier job.

    replace: put the result in the place of the active empty instead of at the 3D cursor.
    """

    task: str
    model: str
    picture: bpy.types.Image | Path | Blob | None = None
    prompt: str = ""
    params: dict[str, bool | int | float | str] = field(default_factory=dict)
    seed: int = 0
    name: str = ""
    replace: bool = False

    @classmethod
    def of(cls, job: Job) -> Ask:
        """The same once more, at the 3D cursor."""
        return cls(job.task, job.model, job.inputs.get("image"), job.prompt, job.params, job.seed, job.name)


def ask_from_scene(context: bpy.types.Context) -> Ask:
    """What the tab says. Raises Fault("bad_input") when the picture is missing."""
    settings = context.scene.aigc
    model = chosen_model(settings) or watch.first_model(settings.task)
    info = STATE.models.get(model)
    picture = settings.image
    if picture is None and settings.task != "echo":
        raise Fault("bad_input", "No picture is chosen.", "Press Choose Picture.")
    if settings.placement == "REPLACE" and (context.object is None or context.object.type != "EMPTY"):
        raise Fault("bad_input", "No empty is selected to be replaced.", "Select one, or place at the 3D cursor.")
    return Ask(
        task=settings.task,
        model=model,
        picture=picture,
        prompt=settings.prompt,
        params=params.values(settings.params, info) if info else {},
        seed=settings.seed,
        name=settings.result_name or (Path(picture.name).stem if picture else settings.prompt[:40]),
        replace=settings.placement == "REPLACE",
    )


def submit(context: bpy.types.Context, ask: Ask) -> str:
    """Hand `ask` to the session and remember where its result goes. Returns the job's id. Raises Fault."""
    from .gather.image import image_blob

    session = watch.session()
    inputs: dict[str, Blob] = {}
    if isinstance(ask.picture, Blob):
        inputs["image"] = ask.picture
    elif ask.picture is not None:
        inputs["image"] = session.put_blob(*image_blob(ask.picture))
    job = Job(str(uuid.uuid4()), ask.task, ask.model, inputs, dict(ask.params), ask.prompt, ask.seed, ask.name)
    STATE.fault = None
    STATE.targets[job.id] = targets.remember(context, ask.replace)
    STATE.current_job = job.id
    session.submit(job)
    return job.id
