"""What the add-on knows at this moment, in one place: the timer writes it, the panels only read it. No bpy."""

from __future__ import annotations

import uuid
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .faults import FaultRecord
from .preflight import Experience
from .protocol import TASKS, Job, JobStatus, ModelInfo
from .styles import Style

if TYPE_CHECKING:
    from .control_frames import ControlFrames
    from .sequence.run import Run
    from .session import Session
    from .tracking import TrackedJob

KEPT_RESULTS = 12
THIS_RUN = uuid.uuid4().hex
"""Names this run of Blender: a session_uid means something in it alone, and stored files may come from another."""


def enum_number(identifier: str) -> int:
    """The number under which Blender stores an enum choice: of its id, so that reordered choices keep their meaning."""
    return zlib.crc32(identifier.encode()) & 0x7FFFFFFF


@dataclass(frozen=True)
class Mark:
    """How an object is found again: by its `aigc_uid`, which survives undo and reload, or else by its session_uid,
    which survives the undo of the tagging itself.
    """

    uid: str
    session_uid: int


@dataclass(frozen=True)
class Target:
    """Where a result is to go, remembered without references (they die at undo and at file load).

    The scene is found like an object. location: of the 3D cursor in world coordinates, when it was asked.
    empty: to be replaced. objects: that the result was made from and belongs to.
    """

    scene_uid: str
    scene_session_uid: int
    scene_name: str
    location: tuple[float, float, float]
    empty: Mark | None = None
    objects: tuple[Mark, ...] = ()

    @property
    def marks(self) -> tuple[Mark, ...]:
        return (*([self.empty] if self.empty is not None else []), *self.objects)


@dataclass
class Record:
    """One finished job as the results list shows it.

    note: why it is not in the scene, or "". message: what it has to say.
    target: where it was meant to go; it outlives the job, so that "Adjust Last Operation" can place it anew.
    """

    status: JobStatus
    label: str
    note: str = ""
    message: str = ""
    target: Target | None = None

    @property
    def job_id(self) -> str:
        return self.status.id


@dataclass
class State:
    """Everything a panel may draw. session: None until the first button that needs the server is pressed.

    waiting: job ids whose result waits for a quiet moment, with the sentence that says for what.
    choices: the preferences that the session was made with.
    experience: how long jobs took. sent: id -> when, monotonic, and how many pixels.
    bake: the director's simulation that runs now, or None.
    control: the newest control frames, being rendered or finished; None when there were none.
    proposal: id of a job that has changed a plan, until the user has agreed or not; "" for none.
    rendering: session_uid of the scene that Blender renders because a picture is to be made of it, else 0.
    rendered: session_uid of the scene whose finished render is to be worked on, 0 when there is none. announced: the
        user has been told that Blender will wait for its passes.
    sequence: the newest sequence, running or finished; None when there was none.
    styles_waiting: session_uids of scenes whose style was chosen before the models were known.
    render_first: it is to be rendered before.
    seen: what the newest job that only looks has said. seen_of: what it was asked about (see views_check.py); None when
        that is not there any more.
    """

    session: Session | None = None
    fault: FaultRecord | None = None
    fault_job: str = ""
    current_job: str = ""
    targets: dict[str, Target] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    results: list[Record] = field(default_factory=list)
    models: dict[str, ModelInfo] = field(default_factory=dict)
    experience: Experience = field(default_factory=Experience)
    sent: dict[str, tuple[float, int]] = field(default_factory=dict)
    styles: dict[str, Style] = field(default_factory=dict)
    styles_waiting: set[int] = field(default_factory=set)
    choices: Any = None
    rendering: int = 0
    rendered: int = 0
    announced: bool = False
    sequence: Run | None = None
    render_first: bool = False
    seen: str = ""
    seen_of: tuple[object, ...] | None = None
    bake: Any = None
    proposal: str = ""
    control: ControlFrames | None = None

    def template(self, style: str) -> str:
        """The prompt template of a style; "" for none, and for one that is not there any more."""
        return self.styles[style].prompt if style in self.styles else ""

    def set_models(self, models: dict[str, ModelInfo]) -> None:
        self.models = dict(models)

    def models_of(self, task: str) -> list[ModelInfo]:
        """What the server offers for `task`, in its order."""
        return [info for info in self.models.values() if info.does(task)]

    def model_for(self, task: str, chosen: str) -> str:
        """`chosen` unless it is empty or known to be for another task; then the default."""
        if chosen and (chosen not in self.models or self.models[chosen].does(task)):
            return chosen
        return self.default_model(task)

    def ignored(self, task: str, chosen: str) -> tuple[str, ...]:
        """What the model of `model_for` does not read of `task`, see `ModelInfo.ignores`."""
        info = self.models.get(self.model_for(task, chosen))
        return info.ignores if info is not None else ()

    def needed(self, task: str, chosen: str) -> tuple[str, ...]:
        """What the model of `model_for` needs besides what its task requires, see `ModelInfo.needs`."""
        info = self.models.get(self.model_for(task, chosen))
        return info.needs if info is not None else ()

    def default_model(self, task: str) -> str:
        """The first model that can run now, those without a download first; "" when there is none."""
        offered = self.models_of(task)
        ready = [info for info in offered if info.unavailable is None]
        ready.sort(key=lambda info: not info.procedural)
        return (ready or offered)[0].id if offered else ""

    def running_job(self) -> TrackedJob | None:
        """The job that Cancel is for, or None. A finished one counts while it waits to enter the scene."""
        tracked = self.session.jobs.get(self.current_job) if self.session is not None else None
        if tracked is None or (tracked.finished and self.current_job not in self.waiting):
            return None
        return tracked

    def running_sequence(self) -> Run | None:
        return self.sequence if self.sequence is not None and not self.sequence.finished else None

    def running_control(self) -> ControlFrames | None:
        return self.control if self.control is not None and not self.control.finished else None

    def record(self, job_id: str) -> Record | None:
        return next((record for record in self.results if record.job_id == job_id), None)

    def job(self, job_id: str) -> Job | None:
        """What was asked for under this id, of a result or of a job that failed."""
        record = self.record(job_id)
        if record is not None and record.status.result is not None:
            return record.status.result.job
        tracked = self.session.jobs.get(job_id) if self.session is not None else None
        return tracked.job if tracked is not None else None

    def add(self, record: Record) -> None:
        self.results = [record, *(old for old in self.results if old.job_id != record.job_id)][:KEPT_RESULTS]

    def clear(self) -> None:
        """As if the add-on had just been enabled."""
        self.__init__()

    def show(self, fault: FaultRecord, job_id: str = "") -> None:
        self.fault, self.fault_job = fault, job_id


def task_items() -> list[tuple[str, str, str, str, int]]:
    """Items of the task drop-down, in the order of the product table."""
    shown = [task for task in TASKS.values() if not (task.of_result or task.only_looks)]
    return [(task.id, task.label, task.help, "NONE", enum_number(task.id)) for task in shown]


STATE = State()
"""The one instance. It outlives file loads and is emptied when the add-on is disabled."""
