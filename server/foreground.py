"""`python -m server run`: one job in this process, for farms, scripts and tests."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from blender_aigc.protocol import TASKS, Blob, Fault, InputKind, Job, ModelInfo, Result

from .devices import devices
from .pipe import Report
from .registry import Registry

OTHER_PYTHON = "Take the Python of an environment that has it; `python3 dev.py env server` makes one in .venvs/server."
"""Here takes the place of the preferences, which hints speak of."""


@dataclass(frozen=True)
class Order:
    """What the command line asks for. model: "" for the first that can run.

    files: key of an input, or its kind -> path. params: "key=value" each.
    """

    task: str
    model: str
    out: Path
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    params: Sequence[str] = ()
    prompt: str = ""
    seed: int = 0
    name: str = ""
    device: str = ""


def run(order: Order, registry: Registry) -> Path:
    """Do the job; the path of its `result.json`. Raises Fault; then the output folder is as it was before."""
    model = registry.find(order.task, order.model) if order.model else registry.first(order.task)
    try:
        return _run(order, registry, registry.info(model))
    except Fault as fault:
        hint = OTHER_PYTHON if fault.code == "not_installed" else f"{fault.hint} {model.info.typed(fault.hint)}"
        raise Fault(fault.code, fault.message, hint.strip(), fault.detail) from None


def _run(order: Order, registry: Registry, info: ModelInfo) -> Path:
    job, inputs = _job(order, info)
    if info.unavailable is None:
        _check_inputs(info, job)
    registry.check(job)
    _check_apart(order, inputs)
    from .worker import Runner  # numpy, and what it takes to write results: only now that the job can run

    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(message)s")
    made = _make_folder(order.out)
    workplace = order.out / f".aigc_{secrets.token_hex(4)}"
    try:
        try:
            workplace.mkdir()
        except OSError as error:
            raise _unwritable(order.out, error) from error
        runner = Runner(registry, order.device or devices()[0])
        with _Interrupt() as interrupt:
            ending = runner.run(job, workplace, inputs, _show, interrupt.asked)
        if ending.say == "cancelled":
            raise Fault("cancelled", "The job was cancelled.")
        if ending.result is None:
            assert ending.fault is not None
            raise ending.fault.fault()
        return _hand_over(workplace, order.out, ending.result, inputs)
    except KeyboardInterrupt:
        raise Fault("cancelled", "The job was cancelled.") from None
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _job(order: Order, info: ModelInfo) -> tuple[Job, dict[str, Path]]:
    known = {param.key: param for param in info.params}
    params: dict[str, bool | int | float | str] = {}
    for text in order.params:
        key, equals, value = text.partition("=")
        if not equals:
            raise Fault("bad_request", f"--param {text} has no value.", "Write --param key=value.")
        params[key] = known[key].parse(value) if key in known else value  # the unknown one is refused with the rest
    inputs = {_key(order.task, word): path.resolve() for word, path in order.files.items()}
    name = order.name or next((path.stem for path in inputs.values()), "") or order.prompt[:40]
    blobs = {key: _blob(path) for key, path in inputs.items()}
    return Job(str(uuid.uuid4()), order.task, info.id, blobs, params, order.prompt, order.seed, name), inputs


def input_words() -> dict[str, str]:
    """What `files` may name, and what that is: the keys of all tasks' inputs, and their kinds."""
    inputs = [wanted for task in TASKS.values() for wanted in task.inputs]
    words = dict.fromkeys([*get_args(InputKind), *(wanted.key for wanted in inputs)])
    return {word: next((one.help for one in inputs if word in (one.key, one.kind)), "") for word in words}


def _key(task: str, word: str) -> str:
    """The input that `word` means: the one of that name, else the first one of that kind; a picture stands in for a
    render. Raises Fault("bad_request").
    """
    wanted = TASKS[task].inputs
    keys = [one.key for one in wanted if one.key == word] or [one.key for one in wanted if one.kind == word]
    if not keys or (word == "image" and word not in keys):
        keys = [one.key for one in wanted if one.kind == "passes" and word == "image"] or keys
    if not keys:
        raise Fault("bad_request", f"{TASKS[task].label} takes no {word}.", f"Leave --{word} out.")
    return keys[0]


def _blob(path: Path) -> Blob:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Fault("bad_input", f"The file {path} cannot be read.", "Choose another file.", str(error)) from error
    suffix = path.suffix.lower()
    return Blob(digest, suffix if 2 <= len(suffix) <= 9 and suffix[1:].isascii() and suffix[1:].isalnum() else ".bin")


def _check_inputs(info: ModelInfo, job: Job) -> None:
    """Raises Fault("bad_request") with the word that gives what is missing."""
    for wanted in TASKS[job.task].inputs:
        if (wanted.required or wanted.key in info.needs) and wanted.key not in job.inputs:
            words = f"--{wanted.key} FILE" + ", or --image FILE" * (wanted.kind == "passes")
            raise Fault("bad_request", f"{info.label} needs an input: {wanted.label}.", f"Say {words}.")


def _check_apart(order: Order, inputs: Mapping[str, Path]) -> None:
    """A finished texture is its whole folder, whose files all have names that larger ones take again."""
    for wanted in TASKS[order.task].inputs:
        path = inputs.get(wanted.key)
        if wanted.kind == "maps" and path is not None and path.parent == order.out.resolve():
            what = "The new maps would be written over those that they are made from."
            raise Fault("bad_request", what, "Name another folder behind --out.")


def _make_folder(out: Path) -> list[Path]:
    """Make `out`; the folders that were not there before, innermost first."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from error
    return made


def _hand_over(workplace: Path, out: Path, result: Result, inputs: Mapping[str, Path]) -> Path:
    """Move the finished files to where they were wanted, `result.json` last. None of them takes an input's place."""
    given = {path.resolve() for path in inputs.values()}
    for artefact in result.artefacts:
        if (out / artefact.file).resolve() in given:
            what = f"The result {artefact.file} would be written over the file that it is made from."
            raise Fault("bad_request", what, "Name another folder behind --out.")
    try:
        for artefact in result.artefacts:
            (workplace / artefact.file).replace(out / artefact.file)
        (workplace / "result.json").replace(out / "result.json")
    except OSError as error:
        raise _unwritable(out, error) from error
    return out / "result.json"


def _unwritable(out: Path, error: OSError) -> Fault:
    return Fault(
        "disk_full", f"The folder {out} cannot be written to.", "Choose another folder, or free some space.", str(error)
    )


def _show(report: Report) -> None:
    """One line of progress; on a terminal it is overwritten by the next."""
    count = f" {report.step}/{report.total}" if report.total else f" {report.step}" if report.step else ""
    left = f", {report.seconds_left:.0f} s left" if report.seconds_left else ""
    line = f"{report.phase}{count}{left}{'  ' + report.message if report.message else ''}"
    terminal = sys.stderr.isatty() and os.name == "posix"
    sys.stderr.write(
        f"\r\x1b[K{line}" + ("\n" if report.total and report.step == report.total else "") if terminal else f"{line}\n"
    )
    sys.stderr.flush()


class _Interrupt:
    """Ctrl+C asks the model to stop at its next step; a second time, it is interrupted wherever it is."""

    def __init__(self) -> None:
        self._asked = False

    def asked(self) -> bool:
        return self._asked

    def __enter__(self) -> _Interrupt:
        self._before = {name: signal.signal(name, self._ask) for name in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)

    def _ask(self, *_: object) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        os.write(2, b"Stopping at the next step; once more to stop at once.\n")  # safe in a signal handler


def summary(result_path: Path) -> str:
    """What a script wants to know, as one line of JSON."""
    result = json.loads(result_path.read_text(encoding="utf-8"))
    files = [str(result_path.parent / artefact["file"]) for artefact in result["artefacts"]]
    said = {"result": str(result_path), "files": files}
    if "changes" in result["report"]:  # of a plan, by a second sentence
        said["changes"] = result["report"]["changes"].splitlines()
    return json.dumps(said, ensure_ascii=False)
