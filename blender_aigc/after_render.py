"""F12, and then the picture: the hook on finished renders, with and without an interface."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from . import watch
from .apply.show import image_of
from .ask import ask_from_scene, submit
from .busy import announce, busy
from .polls import NO_JOB, NO_RENDER, Polled
from .protocol import Fault
from .state import STATE

TASK = "render_image"
BESIDE = "_aigc.png"
"""What the picture is called beside the frame that `blender -b -f` wrote: 0001.png and 0001_aigc.png."""

_written: list[int] = []


@persistent
def _render_begins(*_args) -> None:
    _written.clear()


@persistent
def _frame_written(scene, *_args) -> None:
    _written.append(scene.frame_current)


@persistent
def _render_done(scene, *_args) -> None:
    """With an interface only a note is taken: while Blender ends its render nothing else may render, and the timer does
    the rest. In the background there are no timers, but there one render may follow within the other.
    """
    if scene is None or not (scene.aigc.after_render or STATE.rendering == scene.session_uid):
        return
    if not bpy.app.background:
        if len(_written) > 1:
            sentence = "The animation's frames were not drawn: one by one they would flicker."
            STATE.show(Fault("bad_request", sentence, "Choose Render to Sequence in the AIGC tab.").record())
            watch.redraw()
            return
        STATE.rendering, STATE.rendered, STATE.render_first = 0, scene.session_uid, False
        watch.wake()
    elif scene == bpy.context.scene:
        _follow_up(scene)


def _follow_up(scene: bpy.types.Scene) -> None:
    """Make the picture and, where the render was written to a file, put it beside it. Says what goes wrong."""
    if len(_written) > 1:
        _tell("A sequence is made by: blender -b FILE -c aigc render --frames FIRST-LAST --out FOLDER")
        return
    from .operators import carry_out

    try:
        frame = _written[0] if _written else None  # `-f 24` shows the file's own frame again by now
        carry_out(bpy.context, ask_from_scene(bpy.context, TASK, last_render=True, frame=frame))
        if _written:
            _put_beside(_file_of(scene))
    except Fault as fault:
        STATE.show(fault.record())
        _tell(f"AIGC Studio: {fault.message} {fault.hint}".rstrip())


def _file_of(scene: bpy.types.Scene) -> Path:
    """The file that was just written: numbered by `-f`, as it is called by the operator with "write still"."""
    render = scene.render
    plain = Path(bpy.path.abspath(render.filepath))
    candidates = (
        Path(bpy.path.abspath(render.frame_path(frame=_written[0]))),
        plain.with_name(plain.name + render.file_extension),
        plain,
    )
    there = [path for path in candidates if path.is_file()]
    return max(there, key=lambda path: path.stat().st_mtime_ns, default=candidates[0])


def _put_beside(frame: Path) -> None:
    record = STATE.results[0]
    files = [artefact.file for artefact in record.status.result.artefacts if artefact.kind == "image"]
    if image_of(record.job_id) is None or not files:
        return
    target = frame.with_name(frame.stem + BESIDE)
    try:
        shutil.copyfile(Path(record.status.folder) / files[0], target)
    except OSError as error:
        hint = "Check the output folder and its free space."
        raise Fault("disk_full", f"{target.name} could not be written.", hint, str(error)) from None
    sys.stdout.write(f"Saved: '{target}'\n")
    sys.stdout.flush()


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def due() -> None:
    """Called by the timer: start on a finished render as soon as nothing else renders or runs and a server is there."""
    if bpy.app.is_job_running("RENDER"):
        return
    STATE.rendering = 0  # ended by the user, or by another file
    if not STATE.rendered or STATE.running_job() is not None:
        return
    window = next((w for w in bpy.context.window_manager.windows if w.scene.session_uid == STATE.rendered), None)
    try:
        if window is None or not _models_known():
            STATE.rendered = 0 if window is None else STATE.rendered
            return
        if not STATE.announced:  # and at the next heartbeat, when Blender has drawn it, render
            STATE.announced = True
            announce(window)
            return
        STATE.rendered, STATE.announced = 0, False
        with bpy.context.temp_override(window=window), busy(window):
            submit(bpy.context, ask_from_scene(bpy.context, TASK, last_render=not STATE.render_first))
    except Fault as fault:
        STATE.rendered, STATE.announced = 0, False
        STATE.show(fault.record())


def _models_known() -> bool:
    """Starts the server where there is none: the first F12 is one click too. Raises Fault when it cannot be started."""
    if STATE.models:
        return True
    session = watch.session()
    session.ensure_started()
    if session.state == "failed":
        raise session.fault or Fault("server_gone", session.sentence, "Press Restart Server.")
    return False


def blender_renders(context: bpy.types.Context) -> bool:
    """Can Blender's own render, with its progress and its Esc, give the picture that the tab wants worked on?

    Not at another size or from another view: those take a copy of the scene; and of strips there are no passes.
    """
    settings, scene = context.scene.aigc, context.scene
    if bpy.app.background or settings.source != "CAMERA" or settings.longest_px or scene.render.use_multiview:
        return False
    editor = scene.sequence_editor if scene.render.use_sequencer else None
    strips = getattr(editor, "strips", None) or getattr(editor, "sequences", None)  # Blender 4.4 renamed them
    return not strips


def render_then_draw(context: bpy.types.Context) -> None:
    """F12, and the picture of it, whether the box is ticked or not; the server starts meanwhile. Raises Fault."""
    STATE.fault = None
    _models_known()
    try:
        bpy.ops.render.render("INVOKE_DEFAULT")
    except RuntimeError as error:
        raise Fault("bad_input", "Blender could not render the scene.", "Try F12 first.", str(error)) from None
    STATE.rendering = context.scene.session_uid
    watch.wake()


class AIGC_OT_render_picture(Polled, bpy.types.Operator):
    bl_idname = "aigc.render_picture"
    bl_label = "Render to Picture"
    bl_description = (
        "Make a picture from the scene now, with the settings above; starts the server when it is not running"
    )

    needs = (NO_JOB, NO_RENDER)

    def execute(self, context) -> set[str]:
        from .operators import carry_out, refuse

        try:
            if blender_renders(context):
                render_then_draw(context)
            elif bpy.app.background:
                carry_out(context, ask_from_scene(context, TASK))
            else:
                STATE.fault = None
                STATE.rendered, STATE.render_first = context.scene.session_uid, True
                watch.wake()
        except Fault as fault:
            return refuse(self, fault)
        return {"FINISHED"}


_HOOKS = (("render_init", _render_begins), ("render_write", _frame_written), ("render_complete", _render_done))


def register() -> None:
    bpy.utils.register_class(AIGC_OT_render_picture)
    for name, function in _HOOKS:
        getattr(bpy.app.handlers, name).append(function)
    watch.EVERY_TICK.append(due)


def unregister() -> None:
    if due in watch.EVERY_TICK:
        watch.EVERY_TICK.remove(due)
    for name, function in _HOOKS:
        handlers = getattr(bpy.app.handlers, name)
        if function in handlers:
            handlers.remove(function)
    bpy.utils.unregister_class(AIGC_OT_render_picture)
