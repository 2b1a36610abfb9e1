"""The add-on's heartbeat: one timer that pumps the session and puts finished results into the scene.

Nothing here waits. The timer is registered while there is a server or a job to be watched.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import bpy
from bpy.app.handlers import persistent

from . import params, preferences, properties, targets, thumbnails
from .faults import Fault, FaultRecord
from .place import place
from .protocol import TASKS, Job, JobStatus
from .state import STATE, Record

if TYPE_CHECKING:
    from .session import Session
    from .tracking import TrackedJob

FIRST_S = 0.02
BUSY_S = 0.1
IDLE_S = 0.5

EVERY_TICK: list[Callable[[], None]] = []
"""What other parts want done at every heartbeat, briefly."""

_log = logging.getLogger(__package__)
_drawn: object = None


# ------------------------------------------------------------------------------------------------------- the session


def session(builtin: bool = False) -> Session:
    """The one session of this Blender, made when first needed. Raises Fault when there is no usable environment.

    builtin: when it has to be made, with Blender's own Python, whatever the preferences say.
    """
    _follow_preferences()
    if STATE.session is None:
        from .launcher import builtin_environment, folder_environment
        from .session import Session

        STATE.choices = chosen = preferences.choices()
        if builtin or chosen.environment == "BUILTIN":
            environment = builtin_environment()
        elif chosen.folder is None:
            raise Fault("not_installed", "No environment folder is chosen.", "Choose one in the preferences.")
        else:
            environment = folder_environment(chosen.folder)
        words = ("--weights", str(chosen.weights)) if chosen.weights else ()
        STATE.session = Session(preferences.data_path(), environment, private=not chosen.share, server_arguments=words)
    return STATE.session


def _follow_preferences() -> None:
    """When they name another Python or folder now, leave the old server, unless a job of ours still runs there."""
    if STATE.session is not None and STATE.choices != preferences.choices() and not _any_running():
        close_session()
        redraw()


def close_session() -> None:
    """Leave the server (it goes on when another Blender uses it) and forget what came from it, but not the results."""
    if STATE.session is not None:
        STATE.session.close(stop_idle=True)
    STATE.session = None
    STATE.set_models({})
    for job_id in set(STATE.targets) - set(STATE.waiting):
        targets.forget(job_id)


# --------------------------------------------------------------------------------------------------------- the timer


def wake() -> None:
    """Have the timer run soon; called by everything that starts something. In background there are no timers."""
    if bpy.app.background:
        return
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=FIRST_S, persistent=True)


def tick() -> float | None:
    """One heartbeat. Returns the seconds until the next one, None to stop."""
    try:
        return _tick()
    except Exception as error:  # noqa: BLE001  # the third of the three places: a timer that raises is never called again
        _log.exception("the timer failed")
        fault = FaultRecord("internal", "The add-on made a mistake.", "Press Copy Report.", repr(error))
        STATE.show(error.record() if isinstance(error, Fault) else fault)
        redraw()
        return IDLE_S


def _tick() -> float | None:
    _follow_preferences()
    if STATE.session is not None:
        for status in STATE.session.pump():
            if STATE.sequence is None or not STATE.sequence.take(status):
                finished(status)
        _take_models()
        _load_previews(STATE.session)
    for job_id in list(STATE.waiting):
        _place_when_quiet(job_id)
    for part in EVERY_TICK:
        part()
    _redraw_if_changed()
    return _pause()


def _pause() -> float | None:
    """Seconds until the next heartbeat; None when there is nothing to be watched."""
    state = STATE.session.state if STATE.session is not None else "off"
    if STATE.session is not None and STATE.session.awaiting:
        return FIRST_S
    if (
        STATE.waiting
        or STATE.rendering
        or STATE.rendered
        or STATE.bake is not None
        or STATE.running_control() is not None
        or state == "starting"
        or _any_running()
    ):
        return BUSY_S
    return None if state in ("off", "failed") else IDLE_S


def _any_running() -> bool:
    if STATE.running_sequence() is not None:
        return True
    return STATE.session is not None and any(not job.finished for job in STATE.session.jobs.values())


def _load_previews(session: Session) -> None:
    for job_id, job in session.jobs.items():
        if job.preview:
            thumbnails.load(job_id, job.preview)


def finished(status: JobStatus) -> None:
    """Take note of a job that has just ended."""
    _take_models()
    for job_id in [job_id for job_id, job in STATE.session.jobs.items() if job.finished and job_id != status.id]:
        STATE.session.forget(job_id)
    sent_s, pixels = STATE.sent.pop(status.id, (0.0, 0))
    if status.state == "done" and status.result is not None:
        if sent_s:
            job = status.result.job
            STATE.experience.add(job.task, job.model, pixels, time.monotonic() - sent_s)
        if TASKS[status.result.job.task].only_looks:
            STATE.seen = str(status.result.report.get("notes", "")) if STATE.seen_of is not None else ""
            targets.forget(status.id)
            return
        STATE.add(Record(status, label_of(status.result.job), target=STATE.targets.get(status.id)))
        properties.list_results(bpy.context.window_manager)
        if status.id in STATE.targets and "plan" in status.result.job.inputs:
            _propose(status.id)
        elif status.id in STATE.targets:
            STATE.waiting[status.id] = ""
        return
    if status.state == "failed" and status.fault is not None:
        STATE.show(status.fault, status.id)
    targets.forget(status.id)


def label_of(job: Job) -> str:
    """What the results list calls it: its name, and the words where these are something else."""
    name = job.name or TASKS[job.task].label
    words = " ".join(job.prompt.split())
    return name if not words or words.startswith(name) else f"{name}: {words}"


def _propose(job_id: str) -> None:
    """A changed plan is shown before it is applied; another one that nobody has agreed to steps back into the list."""
    if STATE.proposal:
        keep_for_later(STATE.proposal, "You did not want these changes. Place takes the changed plan after all.")
    STATE.proposal = job_id


# ----------------------------------------------------------------------------------------- results enter the scene


def _place_when_quiet(job_id: str) -> None:
    """Call the operator (for its undo step) unless the artist is in the middle of something."""
    target = STATE.targets[job_id]
    scene = targets.find_scene(target)
    if scene is None:
        keep_for_later(job_id, "The scene it was made for is gone. Place it here if you like.")
        return
    if target.empty is not None and targets.find_empty(target) is None:
        keep_for_later(job_id, "The empty it was to replace is gone. Place it at the 3D cursor if you like.")
        return
    if target.objects and not targets.find_objects(target):
        keep_for_later(job_id, "The objects it was made for are gone.")
        return
    window = _window_of(scene)
    STATE.waiting[job_id] = _disturbing(window)
    if window is None or STATE.waiting[job_id]:
        return
    del STATE.waiting[job_id]
    with bpy.context.temp_override(window=window):
        try:
            # True: an operator that is called from Python makes its undo step only when told to.
            bpy.ops.aigc.apply("EXEC_DEFAULT", True, job_id=job_id, as_asked=True)
        except RuntimeError as error:  # what it reported; the panel shows the Fault already
            _log.warning("the result was not placed: %s", error)
            keep_for_later(job_id, "It could not be placed. Press Place to try again.")
    targets.forget(job_id)


def keep_for_later(job_id: str, note: str) -> None:
    """The result is not put into the scene by itself; the list says why and offers it."""
    STATE.waiting.pop(job_id, None)
    record = STATE.record(job_id)
    if record is not None:
        record.note = note
    targets.forget(job_id)


def place_now(job_id: str) -> None:
    """Put a finished result into the scene, for scripts. Raises Fault when that fails."""
    STATE.waiting.pop(job_id, None)
    try:
        record = STATE.record(job_id)
        place(bpy.context, record, record.target)
    finally:
        targets.forget(job_id)


def first_model(task: str) -> str:
    """Id of the first model for `task`. In the background this waits for the server to list its models.

    Raises Fault("unknown_model") when there is none.
    """
    know_models()
    model = STATE.default_model(task)
    if not model:
        raise Fault("unknown_model", "The models are not known yet.", "Press Start Server.")
    return model


def know_models() -> None:
    """In the background, where no timer tells them: without its description a model would get no parameters."""
    if bpy.app.background and not STATE.models:
        await_models()


def await_models(pause_s: float = 0.05) -> None:
    """Start the server and wait until it has listed its models, for scripts. Raises Fault when it does not come up."""
    waited = session()
    waited.ensure_started()
    while not waited.models:
        waited.pump()
        if waited.state == "failed":
            raise waited.fault or Fault("server_gone", waited.sentence)
        waited.rest(pause_s)
    _take_models()


def _take_models() -> None:
    if STATE.session.models != STATE.models:
        STATE.set_models(STATE.session.models)
        params.update(STATE.models)


def _window_of(scene: bpy.types.Scene) -> bpy.types.Window | None:
    """A window that shows `scene`. (Overriding the scene of a window that shows another one crashes Blender 5.2.)"""
    return next((window for window in bpy.context.window_manager.windows if window.scene == scene), None)


def _disturbing(window: bpy.types.Window | None) -> str:
    """Why now is not the moment to change the scene, as a sentence; "" when it is."""
    if window is None:
        return "Done. Go back to its scene to see the result"
    if modal_tool(window):
        return "Waiting for the current tool to end"
    if bpy.app.is_job_running("RENDER"):
        return "Waiting for the render to end"
    active = window.view_layer.objects.active
    if active is not None and active.mode != "OBJECT":
        return "Done. Go back to Object Mode to see the result"
    return ""


def modal_tool(window: bpy.types.Window) -> bool:
    """Is a tool of Blender (not one of an add-on, which may run for hours) waiting for the mouse?"""
    for operator in window.modal_operators:
        if operator.bl_idname == "RENDER_OT_render":  # goes on until the pointer moves; the job itself is asked for
            continue
        if bpy.types.Operator.bl_rna_get_subclass_py(operator.bl_idname) is None:
            return True
    return False


# -------------------------------------------------------------------------------------------------------- redrawing


def redraw() -> None:
    """Redraw the sidebars of the 3D Views and the render properties, nothing else."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            wanted = {"VIEW_3D": "UI", "PROPERTIES": "WINDOW"}.get(area.type)
            if area.type == "PROPERTIES" and area.spaces.active.context != "RENDER":
                continue
            for region in area.regions:
                if region.type == wanted:
                    region.tag_redraw()


def _redraw_if_changed() -> None:
    global _drawn
    shown = STATE.session
    jobs = [_looks(job) for job in shown.jobs.values()] if shown is not None else []
    status = (shown.state, shown.sentence) if shown is not None else None
    bake = (STATE.bake.part, STATE.bake.done) if STATE.bake is not None else None
    now = (
        STATE.seen,
        bake,
        STATE.proposal,
        STATE.rendering,
        STATE.rendered,
        status,
        jobs,
        STATE.fault,
        list(STATE.waiting.items()),
        len(STATE.results),
        len(STATE.models),
    )
    if now != _drawn:
        _drawn = now
        redraw()


def _looks(job: TrackedJob) -> tuple[object, ...]:
    """What of a job can be seen; a bar of 220 px cannot show less than half a percent."""
    seconds = None if job.seconds_left is None else round(job.seconds_left)
    return job.job.id, job.state, job.phase, job.message, round(200 * (job.fraction or 0.0)), job.preview, seconds


# --------------------------------------------------------------------------------------------------------- handlers


@persistent
def _file_loaded(*_args) -> None:
    """The window manager of the new file has an empty list: the results belong to this Blender, not to the file."""
    properties.list_results(bpy.context.window_manager)
    if STATE.session is not None:
        wake()


def register() -> None:
    bpy.app.handlers.load_post.append(_file_loaded)


def unregister() -> None:
    _stop()
    if _file_loaded in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_file_loaded)
    STATE.clear()


def _stop() -> None:
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    if STATE.session is not None:
        STATE.session.close(stop_idle=True)
        STATE.session = None
