"""The same product for scripts: every call returns when the result is there, and raises `Fault` when there is none.

    from bl_ext.user_default.blender_aigc import batch
    chair, = batch.generate("image_to_mesh", "inflate", image="chair.png", params={"faces": 5000})
    drawing, = batch.generate("render_image", "stylise", params={"style": "ink"})

Works in `blender -b FILE --python SCRIPT`, in the Python Console, and in plain Python with the bpy module.
"""

from __future__ import annotations

import atexit
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy

from . import before, consent, watch
from .apply.mesh import Placement
from .apply.result import apply_result
from .apply.sequence import apply_sequence
from .gather.inputs import gather
from .gather.sources import Cameras, Given, Render, completed, name_of, objects_of
from .protocol import TASKS, Fault, Job, JobStatus, ModelInfo
from .sequence.make import make as make_sequence
from .sequence.make import order_of, output_folder
from .sequence.run import TASK as SEQUENCE
from .sequence.run import Run
from .session import Session, TrackedJob, artefact_path

__all__ = [
    "Cameras",
    "Fault",
    "Render",
    "artefact_path",
    "close",
    "generate",
    "model_for",
    "models",
    "objects_of",
    "place",
    "place_sequence",
    "run",
    "run_sequence",
    "sequence",
]

PAUSE_S = 0.05

Progress = Callable[[TrackedJob], None]
Value = bool | int | float | str


def generate(
    task: str,
    model: str = "",
    *,
    inputs: Mapping[str, Given] | None = None,
    image: bpy.types.Image | str | Path | None = None,
    reference: bpy.types.Image | str | Path | None = None,
    mesh: Sequence[bpy.types.Object] | str | Path | None = None,
    prompt: str = "",
    params: Mapping[str, Value] | None = None,
    seed: int = 0,
    name: str = "",
    location: tuple[float, float, float] | None = None,
    replace: bpy.types.Object | None = None,
    progress: Progress | None = None,
) -> list[bpy.types.Object] | list[bpy.types.Image]:
    """Make something and put it into the scene; returns its objects (pictures, when it makes none).

    task: an id of `protocol.TASKS`. model: an id of `models()`; empty: the first one that can run now.
    inputs: what is given for the inputs of the task, by their keys: pictures, files, objects, a `Render`.
    image, reference, mesh: the same for the inputs of these names, shorter to write; `image` also stands in for the
    render of a task that takes one, which without it is made now. mesh: objects of the scene, or a file.
    params: of the model; what is left out has the model's default.
    name: what the result is called; empty: after the picture or the prompt.
    location: where its base stands, in world coordinates; None: the 3D cursor. replace: an Empty whose place it takes.
    progress: is called about 40 times a second with the job as it stands; an exception from it cancels the job.

    Raises Fault, and leaves the scene as it was.
    """
    given = _given(task, inputs, image=image, reference=reference, mesh=mesh)
    asked = {"inputs": given, "prompt": prompt, "params": params, "seed": seed, "name": name}
    status = run(task, model, **asked, progress=progress)
    return place(status, location=location, replace=replace, objects=objects_of(given))


def run(
    task: str,
    model: str = "",
    *,
    inputs: Mapping[str, Given] | None = None,
    image: bpy.types.Image | str | Path | None = None,
    reference: bpy.types.Image | str | Path | None = None,
    mesh: Sequence[bpy.types.Object] | str | Path | None = None,
    prompt: str = "",
    params: Mapping[str, Value] | None = None,
    seed: int = 0,
    name: str = "",
    progress: Progress | None = None,
) -> JobStatus:
    """`generate` without the scene: the finished job, whose files `artefact_path` names. Raises Fault."""
    info = model_for(task, model)
    session = _session()
    checked = info.check_params(dict(params or {}))  # before anything is rendered
    consent.check(info, checked)
    given = _given(task, inputs, image=image, reference=reference, mesh=mesh)
    given = completed(given, checked, [wanted.key for wanted in TASKS[task].inputs])
    scene = bpy.context.scene
    job = Job(
        id=str(uuid.uuid4()),
        task=task,
        model=info.id,
        inputs=gather(task, given, scene, session.put_blob),
        params=checked,
        prompt=prompt,
        seed=seed,
        name=name or name_of(given, scene) or prompt[:40] or scene.name,
    )
    session.submit(job)
    status = session.wait(job.id, progress, PAUSE_S)
    session.forget(job.id)
    if status.state != "done":
        raise status.fault.fault() if status.fault else Fault("cancelled", "The job was cancelled.")
    return status


def place(
    status: JobStatus,
    *,
    location: tuple[float, float, float] | None = None,
    replace: bpy.types.Object | None = None,
    objects: Sequence[bpy.types.Object] = (),
) -> list[bpy.types.Object] | list[bpy.types.Image]:
    """Put the result of a finished job into the scene; returns its objects, or else its pictures. Raises Fault.

    objects: those that it was made from and belongs to.
    """
    if status.result is None:
        raise Fault("bad_request", "This job has no result.", "Run it again.")
    blocks = apply_result(bpy.context, Path(status.folder), status.result, Placement(location, replace, tuple(objects)))
    before.remember_camera(blocks, status.result)
    made = [block for block in blocks if isinstance(block, bpy.types.Object)]
    return made or [block for block in blocks if isinstance(block, bpy.types.Image)]


def sequence(folder: str | Path, frames: tuple[int, int] | None = None, model: str = "", **asked: Any) -> list[Path]:
    """Make a range of frames as a steady sequence; returns their files. See `run_sequence`."""
    return run_sequence(folder, frames, model, **asked).files()


def run_sequence(
    folder: str | Path,
    frames: tuple[int, int] | None = None,
    model: str = "",
    *,
    reference: bpy.types.Image | str | Path | None = None,
    prompt: str = "",
    params: Mapping[str, Value] | None = None,
    seed: int | None = None,
    name: str = "",
    render: Render | None = None,
    start_over: bool = False,
    as_in_tab: bool = False,
    progress: Callable[[Run], None] | None = None,
) -> Run:
    """Make the frames first..last (default the scene's) into `folder`, those that are not there yet; see sequence/run.

    The same call goes on after an interruption; other settings are refused unless start_over. progress is called about
    20 times a second; an exception from it stops the sequence, and the frames that are done are kept.
    as_in_tab: what `params` and `seed` leave out is as the tab of the scene says at each frame. Raises Fault.
    """
    path = output_folder(folder)
    info, scene, session = model_for(SEQUENCE, model), bpy.context.scene, _session()
    order = order_of(
        scene,
        session,
        info,
        frames=frames,
        params=params,
        reference=reference,
        prompt=prompt,
        seed=seed,
        name=name,
        render=render,
        as_in_tab=as_in_tab,
    )
    return make_sequence(session, Run(session, scene, order, path, start_over), progress)


def place_sequence(run: Run, strip: bool = False) -> tuple[bpy.types.Image, bpy.types.Scene | None]:
    """A finished sequence as an image that plays, and with `strip` a scene for the sequencer. Raises Fault."""
    return apply_sequence(bpy.context, run.playable(), run.order.first, run.order.name, run.facts(), strip)


def models() -> dict[str, ModelInfo]:
    """The models by id; `unavailable` says why one cannot run now. Starts the server. Raises Fault."""
    session = _session()
    session.ensure_started()
    finished: list[JobStatus] = []
    while not session.models:
        finished += session.pump()
        if session.state == "failed":
            raise session.fault or Fault("server_gone", session.sentence, "Press Restart Server.")
        session.rest(PAUSE_S)
    session.give_back(finished)
    return dict(session.models)


def close() -> None:
    """Leave the server. Happens by itself when Blender ends; scripts that go on for long may do it earlier."""
    watch.close_session()


def _session() -> Session:
    atexit.unregister(close)
    atexit.register(close)  # the add-on closes it too, but it may not be enabled, as in plain Python
    return watch.session()


def model_for(task: str, model: str = "") -> ModelInfo:
    """The model that `generate` would use. Raises Fault("unknown_model")."""
    if task not in TASKS:
        raise Fault("bad_request", f"There is no task {task!r}.", f"The tasks are: {', '.join(TASKS)}.")
    offered = {info.id: info for info in models().values() if info.does(task)}
    if model:
        if model not in offered:
            known = ", ".join(offered) or "none"
            raise Fault("unknown_model", f"{TASKS[task].label} has no model {model!r}.", f"It has: {known}.")
        return offered[model]
    able = sorted((i for i in offered.values() if i.unavailable is None), key=lambda info: not info.procedural)
    if not able:
        raise Fault("unknown_model", f"No model for {TASKS[task].label} can run now.", "See the list of models.")
    return able[0]


def _given(task: str, inputs: Mapping[str, Given] | None, **named: Given | None) -> dict[str, Given]:
    """All inputs by their keys. A picture stands in for the render of a task that takes no picture of that name."""
    wanted = {entry.key: entry.kind for entry in TASKS[task].inputs} if task in TASKS else {}
    given: dict[str, Given] = dict(inputs or {})
    for key, value in named.items():
        if key == "image" and key not in wanted:
            key = next((other for other, kind in wanted.items() if kind == "passes"), key)
        if value is not None:
            given[key] = value
    return given
