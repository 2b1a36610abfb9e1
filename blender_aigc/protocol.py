"""The contract between the add-on and the server, written once. Standard library only, no bpy.

Everything that crosses the boundary is one of the dataclasses below, turned into JSON by `encode` and back by
`decode` (strict: see codec.py); the tasks are in tasks.py. This page is the only one that both sides import.
"""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from .codec import decode, encode, field_types, from_plain
from .faults import Fault, FaultCode, FaultRecord
from .tasks import TASKS, ArtefactKind, InputKind, Task, TaskInput

__all__ = ["TASKS", "ArtefactKind", "InputKind", "Task", "TaskInput"]
__all__ += ["Fault", "FaultCode", "FaultRecord", "decode", "encode", "field_types", "from_plain"]

VERSION = "0.1.0"
"""Product version; equals the manifest's and the newest CHANGELOG entry (a test compares them)."""

PROTOCOL = 1
"""Raised whenever a message changes; add-on and server of different numbers refuse each other."""

MOST_TRIANGLES = 20_000_000
"""Of the meshes of one job, with what stands before them."""

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
FINAL_STATES: frozenset[str] = frozenset({"done", "failed", "cancelled"})

ParamType = Literal["int", "float", "bool", "enum", "text"]


# ---------------------------------------------------------------------------------------- what a model describes

RESERVED_PARAM_KEYS = frozenset({"name", "rna_type", "bl_rna", "id_data"})
_PARAM_KEY = re.compile(r"[a-z][a-z0-9_]{0,58}")


@dataclass(frozen=True)
class Choice:
    """One entry of an enum parameter. `id` is stored and sent, `label` is shown."""

    id: str
    label: str
    help: str = ""


@dataclass(frozen=True)
class Param:
    """One knob of a model. The add-on draws it; no other file of the add-on knows it.

    minimum and maximum bound int and float (hard limits); `unit` is "", "m", "deg", "px", "s", "faces" or "percent".
    tasks: of a model that serves several, those that the knob means something for; () = all. Others do not show it.
    of_files: it is about files that stand in for objects of the scene, so that the tab has no property for it.
    """

    key: str
    type: ParamType
    label: str
    help: str
    default: bool | int | float | str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Choice, ...] = ()
    advanced: bool = False
    unit: str = ""
    tasks: tuple[str, ...] = ()
    of_files: bool = False

    def __post_init__(self) -> None:
        if not _PARAM_KEY.fullmatch(self.key) or self.key in RESERVED_PARAM_KEYS:
            raise Fault("bad_request", f"A parameter cannot be called {self.key!r}: Blender could not store it.")
        if self.type not in get_args(ParamType):
            offered = ", ".join(get_args(ParamType))
            raise Fault(
                "bad_request", f"Parameter {self.key!r} is of no type {self.type!r}.", f"Choose one of: {offered}."
            )
        if self.type == "enum" and not self.choices:
            raise Fault("bad_request", f"Parameter {self.key!r} offers no choices.")
        if any(type(choice) is not Choice for choice in self.choices):
            raise Fault("bad_request", f"The choices of parameter {self.key!r} must each be a Choice(id, label, help).")
        self.check(self.default)

    def check(self, value: object) -> bool | int | float | str:
        """`value` as this parameter's type. Raises Fault("bad_request") when it does not fit."""
        value = self._typed(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low, high = self.minimum, self.maximum
            if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
                raise Fault(
                    "bad_request",
                    f"{self.label} is {value:g}, but must lie between {_bound(low)} and {_bound(high)}.",
                    f"Change {self.label}.",
                )
        if self.type == "enum" and value not in {choice.id for choice in self.choices}:
            offered = ", ".join(choice.id for choice in self.choices)
            raise Fault("bad_request", f"{self.label} cannot be {value!r}.", f"Choose one of: {offered}.")
        return value

    def _typed(self, value: object) -> bool | int | float | str:
        if self.type == "float" and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        wanted = {"int": int, "float": float, "bool": bool, "enum": str, "text": str}[self.type]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise Fault("bad_request", f"{self.label} must be {self.type}, not {type(value).__name__}.")
        return value

    @property
    def takes(self) -> str:
        """What may be given, for listings: choices or range in brackets; "" when that is anything."""
        if self.choices:
            return f"({', '.join(choice.id for choice in self.choices)})"
        low, high = self.minimum, self.maximum
        if low is None and high is None:
            return ""
        return f"({'' if low is None else f'{low:g} '}to{'' if high is None else f' {high:g}'})"

    def parse(self, text: str) -> bool | int | float | str:
        """`text` from a command line as this parameter's type. Raises Fault("bad_request")."""
        value: object = text
        try:
            if self.type == "int":
                value = int(text)
            elif self.type == "float":
                value = float(text)
            elif self.type == "bool":
                value = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        except (ValueError, KeyError):
            wanted = {"int": "a whole number", "float": "a number", "bool": "true or false"}[self.type]
            hint = f"As in --param {self.key}={self.default}."
            raise Fault("bad_request", f"{self.key}={text} must be {wanted}.", hint) from None
        return self.check(value)


def is_loopback(host: str) -> bool:
    """Does `host` name this very machine? Decided by the name alone, without asking a name server."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _bound(value: float | None) -> str:
    return "anything" if value is None else f"{value:g}"


@dataclass(frozen=True)
class ModelInfo:
    """What the panel needs to know about a model; nothing here is computed from weights.

    task, also: what it does, which `does` tells; all of its tasks take the same parameters (see `Param.tasks`).
    procedural: works without weights; the panel says so.
    remote: asks a service at the address of its parameter `endpoint`, which may be on this machine; see `leaves_for`.
    requires:   top-level Python modules that must be importable where the worker runs.
    repository, revision, licence: of the weights; "" for procedural models.
    qualities:  "draft", "good", "best" -> values of parameters; empty: there is nothing to choose.
    ignores:    what it does not read of its task: keys of inputs that may be left out, "prompt"; the panel hides them.
    needs:      optional inputs of its task, by key, that it cannot do without; the panel says so when one is missing.
    memory_gb:  working memory of one job on the device, for the pre-flight line.
    unavailable: None when the model can run now, else why not and what to do; filled in by the registry.
    """

    id: str
    task: str
    label: str
    help: str
    params: tuple[Param, ...] = ()
    procedural: bool = False
    source: str = ""
    requires: tuple[str, ...] = ()
    repository: str = ""
    revision: str = ""
    licence: str = ""
    memory_gb: float = 0.0
    unavailable: FaultRecord | None = None
    also: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    remote: bool = False
    qualities: dict[str, dict[str, bool | int | float | str]] = field(
        default_factory=dict[str, dict[str, bool | int | float | str]]
    )

    def does(self, task: str) -> bool:
        return task == self.task or task in self.also

    def leaves_for(self, values: dict[str, Any]) -> str:
        """The host outside of this machine that gets the prompt of a job with these parameters; "" when none does."""
        if not self.remote:
            return ""
        default = next((param.default for param in self.params if param.key == "endpoint"), "")
        try:
            host = urlsplit(str(values.get("endpoint", default)).strip()).hostname or "the endpoint"
        except ValueError:
            return "the endpoint"
        return "" if is_loopback(host) else host

    def typed(self, hint: str) -> str:
        """How the parameters that `hint` says to change are written on a command line; "" when it names none."""
        called = r"\b(?:[Ss]et|[Ll]ower|[Rr]aise|[Cc]hange|[Cc]orrect|Check|[Ll]eave|Shorten|Choose a) {}\b"
        told = [param for param in self.params if re.search(called.format(re.escape(param.label)), hint)]
        return " ".join(f"{param.label} is --param {param.key}=VALUE {param.takes}".rstrip() + "." for param in told)

    def check_params(self, values: dict[str, Any]) -> dict[str, bool | int | float | str]:
        """`values` completed with the defaults. Raises Fault("bad_request") for an unknown key or a bad value."""
        known = {param.key: param for param in self.params}
        for key in values:
            if key not in known:
                raise Fault(
                    "bad_request", f"{self.label} has no parameter {key!r}.", f"It has: {', '.join(known) or 'none'}."
                )
        return {key: param.check(values.get(key, param.default)) for key, param in known.items()}


# ------------------------------------------------------------------------------------------- what travels by job


@dataclass(frozen=True)
class Blob:
    """A file of the content-addressed store, `<data>/blobs/<sha256><suffix>`.

    sha256: 64 lower-case hex digits of the content. suffix: ".npy", ".png", ".glb", ... , lower case.
    """

    sha256: str
    suffix: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256) or not re.fullmatch(r"\.[a-z0-9]{1,8}", self.suffix):
            raise Fault("bad_request", "That is not the name of a stored file.", detail=f"{self.sha256}{self.suffix}")

    @property
    def file_name(self) -> str:
        return self.sha256 + self.suffix


@dataclass(frozen=True)
class Job:
    """One request. `id` is a UUID made by the client, so that sending it twice is harmless.

    name: what the result should be called in the scene (from the file or the prompt). seed: 0 .. 2**31 - 1.
    """

    id: str
    task: str
    model: str
    inputs: dict[str, Blob] = field(default_factory=dict[str, Blob])
    params: dict[str, bool | int | float | str] = field(default_factory=dict[str, bool | int | float | str])
    prompt: str = ""
    seed: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", self.id):
            raise Fault("bad_request", "The job id must be a lower-case UUID.", detail=self.id[:80])
        if not 0 <= self.seed < 2**31:
            raise Fault("bad_request", f"The seed is {self.seed}, but must lie between 0 and {2**31 - 1}.")


@dataclass(frozen=True)
class Event:
    """One numbered step of progress. total 0: the length of the phase is unknown. preview: a file of the job folder."""

    seq: int
    time_s: float
    phase: str
    step: int = 0
    total: int = 0
    message: str = ""
    preview: str = ""
    seconds_left: float | None = None


@dataclass(frozen=True)
class Artefact:
    """One finished file of the job folder. `file` is a bare name, `meta` small facts (faces, width, frame ...)."""

    kind: ArtefactKind
    file: str
    sha256: str
    bytes: int
    name: str
    meta: dict[str, bool | int | float | str] = field(default_factory=dict[str, bool | int | float | str])


@dataclass(frozen=True)
class Provenance:
    """Everything needed to make the result again."""

    product_version: str
    task: str
    model: str
    revision: str
    weights_sha256: str
    prompt: str
    seed: int
    params: dict[str, bool | int | float | str]
    inputs: dict[str, str]
    created: str
    licence: str = ""


@dataclass(frozen=True)
class Result:
    """What `result.json` holds."""

    job: Job
    artefacts: tuple[Artefact, ...]
    provenance: Provenance
    report: dict[str, bool | int | float | str] = field(default_factory=dict[str, bool | int | float | str])


@dataclass(frozen=True)
class JobStatus:
    """A job as the server sees it. `events`: those after the asked-for number; `folder`: absolute, on the server.

    attempt: how often it was started (2: once more after a crash). queue_position: 1 = next, 0 when it does not wait.
    """

    id: str
    state: JobState
    attempt: int
    folder: str
    events: tuple[Event, ...] = ()
    result: Result | None = None
    fault: FaultRecord | None = None
    queue_position: int = 0


# ------------------------------------------------------------------------------------------ what the server says


@dataclass(frozen=True)
class Hello:
    """The one line that the server prints on its standard output when it is ready (and writes to `server.json`)."""

    port: int
    token: str
    version: str
    protocol: int
    pid: int
    data: str


@dataclass(frozen=True)
class Health:
    """State of the server. worker: "idle", "starting", "busy" or "gone"; heartbeat_s: age of its last sign of life.

    memory_free_gb: of the first worker's device, 0 when nobody knows.
    """

    version: str
    protocol: int
    worker: Literal["idle", "starting", "busy", "gone"]
    worker_generation: int
    heartbeat_s: float
    device: str
    queued: int
    running: int
    leases: int
    memory_free_gb: float = 0.0


@dataclass(frozen=True)
class Models:
    """The models, and those whose file could not be read (id -> first line of the reason)."""

    models: tuple[ModelInfo, ...]
    broken: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Lease:
    """A Blender that wants the server to live on.

    client: any unique word. pid: its process on this machine, so that the server notices a killed Blender at once
    instead of after `seconds`; 0 when it runs elsewhere.
    """

    client: str
    seconds: float = 120.0
    pid: int = 0
