"""A sequence being made: which frame is rendered, sent, or waited for. Moved forward by `step`, which waits for nothing
but one frame's render.

Blender renders a frame's passes and sends them with what the frame before has left; the server answers with the picture
and with what this frame leaves. While the server works on a frame, the next one is rendered. Two frames of passes at
most are held, on the disk: the length of the range does not matter.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..gather.sources import Render
from ..over_time import Moment
from ..protocol import Blob, Fault, Job, JobStatus
from ..styles import prompt_at
from ..tracking import artefact_path
from .folder import Folder
from .plan import Step, check_range, steps

if TYPE_CHECKING:
    from ..gather.frames import Frames
    from ..session import Session

TASK = "render_sequence"
EVERY = "keyframes"
"""The parameter that says every how many frames the model works."""
_HARMLESS = ("compare",)
"""Parameters that change no picture."""


@dataclass(frozen=True)
class Order:
    """What is to be made: the settings of every frame.

    params: complete. inputs: besides the passes, stored files. render: how each frame is rendered; its frame is unused.
    moments: frame -> the settings of that frame, where they change; params and seed are those of the first one.
    """

    model: str
    prompt: str = ""
    params: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    seed: int = 0
    name: str = ""
    inputs: Mapping[str, Blob] = field(default_factory=dict)
    first: int = 1
    last: int = 250
    render: Render = Render()
    moments: Mapping[int, Moment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_range(self.first, self.last)
        if self.render.picture is not None or self.render.combined == "last":
            raise Fault("bad_input", "A sequence is rendered, not made from one picture.", "Take the camera's render.")

    def settings(self, scene: bpy.types.Scene) -> dict[str, object]:
        """Everything that makes a frame what it is, besides the scene itself; the range may grow at its end."""
        render = scene.render
        scale = render.resolution_percentage / 100
        return {
            "model": self.model,
            "prompt": self.prompt,
            "params": {key: value for key, value in self.params.items() if key not in _HARMLESS},
            "seed": self.seed,
            "inputs": {key: blob.sha256 for key, blob in self.inputs.items()},
            "width": int(render.resolution_x * scale),
            "height": int(render.resolution_y * scale),
            "first": self.first,
            "longest_px": self.render.longest_px,
            "mask": self.render.mask + "!" * self.render.inverted,
        }

    def moment(self, frame: int) -> Moment:
        """What is asked for at `frame`; how many frames lie between keyframes is the same for all."""
        found = self.moments.get(frame) or Moment(dict(self.params), self.seed)
        every = {EVERY: self.params[EVERY]} if EVERY in self.params else {}
        return Moment({**found.params, **every}, found.seed)

    def changes(self, frame: int) -> dict[str, object]:
        """What at `frame` differs from the settings of the first frame."""
        now = self.moment(frame)
        changed = {k: v for k, v in now.params.items() if v != self.params.get(k) and k not in _HARMLESS}
        return changed | ({"seed": now.seed} if now.seed != self.seed else {})


class Run:
    """One sequence on its way. Raises Fault when it cannot begin.

    finished: nothing is left to do; fault says why, when it is not because all is done. frame: being worked on. done:
    finished frames of `total`. sentence: for the panel. told: has somebody taken note of the end?
    """

    def __init__(
        self, session: Session, scene: bpy.types.Scene, order: Order, path: Path, start_over: bool = False
    ) -> None:
        self.order = order
        self.folder = Folder(path, order.name or "frame", order.settings(scene), start_over)
        self.fault: Fault | None = None
        self.finished = False
        self.cancelled = False
        self.sentence = ""
        self.told = False
        self.seconds_left: float | None = None
        self.scene_name = scene.name
        self._session = session
        self._scene_uid = scene.session_uid
        self._frames: Frames | None = None
        self._passes: dict[int, Blob] = {}
        self._job: tuple[Job, Step] | None = None
        self._done = {frame for frame in self.frames if self.folder.done(frame)}
        for frame in self._done:
            self.folder.check_changes(frame, order.changes(frame))
        self._kept = len(self._done)
        self._began_s = time.monotonic()
        self._steps = self._todo()
        if not self._steps:
            self._end(None)

    # ----------------------------------------------------------------------------------------------- for the panel

    @property
    def frames(self) -> range:
        return range(self.order.first, self.order.last + 1)

    @property
    def total(self) -> int:
        return len(self.frames)

    @property
    def done(self) -> int:
        return len(self._done)

    @property
    def kept(self) -> int:
        """Frames that were there before this run began."""
        return self._kept

    @property
    def frame(self) -> int:
        return self._steps[0].frame if self._steps else self.order.last

    @property
    def job_id(self) -> str:
        return self._job[0].id if self._job is not None else ""

    def playable(self) -> list[Path]:
        """The finished frames from the first one on, without a gap."""
        files: list[Path] = []
        for frame in self.frames:
            if frame not in self._done:
                break
            files.append(self.folder.file(frame))
        return files

    def files(self) -> list[Path]:
        """The finished frames of the range, in order."""
        return [self.folder.file(frame) for frame in self.frames if frame in self._done]

    def facts(self) -> dict[str, object]:
        """What is known of the result: settings, provenance, flicker."""
        return {"settings": self.folder.settings, "provenance": self.folder.provenance, **self.folder.flicker()}

    # ----------------------------------------------------------------------------------------------- moving forward

    def step(self) -> bool:
        """Do the next thing: render one frame, or send it. False when there is only the server to wait for."""
        if self.finished:
            return False
        with self._ending():
            return self._step()
        return False

    def take(self, status: JobStatus) -> bool:
        """A job has ended: was it ours? Then its frame is put into the folder."""
        if self._job is None or status.id != self._job[0].id:
            return False
        (job, step), self._job = self._job, None
        self._session.forget(job.id)
        with self._ending():
            self._receive(status, step)
            self._steps.pop(0)
            self._tidy(job, step)
            if not self._steps:
                self._end(None)
        return True

    def cancel(self) -> None:
        """Stop after what is being rendered now; the frames that are done are kept."""
        self.cancelled = True
        if self._job is not None:
            self._session.cancel(self._job[0].id)
        self._end(Fault("cancelled", f"Stopped after {self.done} of {self.total} frames.", "Render again to go on."))

    # ------------------------------------------------------------------------------------------------------- private

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """A Fault ends the sequence; a mistake of ours too, and is raised: the timer would make it again and again."""
        mistake = True
        try:
            yield
            mistake = False
        except Fault as fault:
            mistake = False
            self._end(fault)
        finally:
            if mistake:
                self._end(Fault("internal", "The sequence was stopped by a mistake of the add-on.", "See the console."))

    def _step(self) -> bool:
        step = self._steps[0]
        if self._job is not None:
            ahead = next((later.frame for later in self._steps[1:] if later.frame not in self._passes), None)
            if ahead is None or len(self._passes) > int(self.order.params.get(EVERY, 1)):
                return False
            self._render(ahead)
            return True
        if step.frame not in self._passes:
            self._render(step.frame)
            return True
        self._send(step)
        return True

    def _render(self, frame: int) -> None:
        from ..gather.frames import Frames

        scene = next((scene for scene in bpy.data.scenes if scene.session_uid == self._scene_uid), None)
        if scene is None:
            raise Fault("bad_input", f"The scene {self.scene_name} is gone.", "Open its file and render again.")
        self.sentence = f"Rendering frame {frame}"
        if self._frames is None or not self._frames.serves(scene):
            self.close()
            self._frames = Frames(scene, self.order.render)
        self._passes[frame] = self._session.put_blob(*self._frames.blob(frame))

    def _send(self, step: Step) -> None:
        order = self.order
        inputs = {**order.inputs, "passes": self._passes[step.frame]}
        for key, frame in (("before", step.before), ("ahead", step.ahead)):
            state = self.folder.state(frame) if frame is not None else None
            if state is not None:
                inputs[key] = self._session.put_blob(_read(state), ".npz")
            elif key == "ahead" and frame is not None:
                raise Fault("bad_input", "What a keyframe has left is gone.", "Render again, and start over.")
        now = order.moment(step.frame)
        prompt = prompt_at(order.prompt, step.frame)
        job = Job(str(uuid.uuid4()), TASK, order.model, inputs, now.params, prompt, now.seed, order.name)
        self._job = job, step
        self.sentence = f"Frame {step.frame}"
        self._session.submit(job)

    def _receive(self, status: JobStatus, step: Step) -> None:
        if status.state != "done" or status.result is None:
            raise status.fault.fault() if status.fault else Fault("cancelled", "The sequence was stopped.")
        result = status.result
        found = {artefact.kind: artefact_path(status, artefact) for artefact in result.artefacts}
        picture = found.get("image") if step.kind != "back" else None
        if picture is None and step.kind != "back":
            raise Fault("empty_result", f"The model has made no picture of frame {step.frame}.", "Try another model.")
        facts = {key: value for key, value in result.report.items() if key.startswith(("flicker", "kept"))}
        if step.kind == "make" and "before" not in result.job.inputs:
            facts["begins"] = True  # nothing before it to be steady with
        changes = self.order.changes(step.frame)
        if changes:
            facts["changes"] = changes
        provenance = _plain(result.provenance)
        self.folder.keep(step.frame, picture, found.get("state"), facts, provenance)
        if picture is not None:
            self._done.add(step.frame)
            spent = time.monotonic() - self._began_s
            made = max(1, self.done - self.kept)
            self.seconds_left = (self.total - self.done) * spent / made

    def _todo(self) -> list[Step]:
        """The steps that are left, in order."""
        left: list[Step] = []
        for segment in steps(self.order.first, self.order.last, int(self.order.params.get(EVERY, 1))):
            for step in segment:
                carried = step.kind == "back" and self.folder.state(step.frame) is not None
                if step.frame not in self._done and not carried:
                    left.append(step)
        return left

    def _tidy(self, job: Job, step: Step) -> None:
        """A long sequence would fill the disk: what no later step asks for is removed."""
        frames = {later.frame for later in self._steps}
        states = {frame for later in self._steps for frame in (later.before, later.ahead) if frame is not None}
        self.folder.drop_states(states | {step.frame, self.order.last})
        for frame in [frame for frame in self._passes if frame not in frames]:
            del self._passes[frame]
        wanted = {*self._passes.values(), *self.order.inputs.values()}
        for blob in {*job.inputs.values()} - wanted:
            self._session.drop_blob(blob)

    def _end(self, fault: Fault | None) -> None:
        self.fault = fault
        self.finished = True
        self.close()
        for blob in self._passes.values():
            self._session.drop_blob(blob)
        self._passes.clear()

    def close(self) -> None:
        """Give back what the renders need, and the user's frame."""
        if self._frames is not None:
            with contextlib.suppress(ReferenceError):
                self._frames.close()
            self._frames = None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Fault("disk_full", "A file of the sequence cannot be read.", "Start over.", str(error)) from None


def _plain(provenance: object) -> dict[str, object]:
    import json

    from ..protocol import encode

    return json.loads(encode(provenance))
