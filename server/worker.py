"""The process that runs models, one per device. The front process starts it; torch lives only here.

Its standard input and output carry the messages of pipe.py, on private copies of the two handles: what a library prints
goes to the log instead. It ends when the front process does.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import faulthandler
import gc
import logging
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from blender_aigc.protocol import VERSION, Fault, Job, Provenance, encode

from .artefacts import atomic_write
from .context import Cancelled, Context
from .crash import crash_point
from .devices import devices
from .lock import FileLock
from .pipe import Order, Report, pack, read
from .registry import Model, Registry
from .weights import Found, Shelf, Weights

ALIVE_EVERY_S = 1.0
ORPHAN_GRACE_S = 2.0

_log = logging.getLogger(__name__)


class Runner:
    """Runs jobs on one device, and keeps the model that was loaded last."""

    def __init__(self, registry: Registry, device: str) -> None:
        self.registry = registry
        self.device = device
        self._loaded: dict[str, tuple[Model, Found | None]] = {}

    def run(
        self,
        job: Job,
        folder: Path,
        inputs: Mapping[str, Path],
        send: Callable[[Report], None],
        cancelled: Callable[[], bool],
    ) -> Report:
        """Do `job` in `folder`; how it ended. Only a job that is done leaves files behind, `result.json` last."""
        contexts: list[Context] = []
        try:
            return self._run(job, folder, inputs, send, cancelled, contexts)
        except Cancelled:
            ending = Report("cancelled", job.id)
        except Fault as fault:
            ending = Report("failed", job.id, fault=fault.record())
        except Exception as error:  # noqa: BLE001 whatever a model throws becomes a sentence, and the worker lives on
            _log.exception("job %s failed", job.id)
            ending = Report("failed", job.id, fault=_translated(error).record())
        for context in contexts:
            context.discard()
        if ending.fault is not None and ending.fault.code in ("out_of_memory", "weights_damaged"):
            self.unload()
        return ending

    def unload(self) -> None:
        """Give the memory of all models back."""
        self._loaded.clear()
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _run(
        self,
        job: Job,
        folder: Path,
        inputs: Mapping[str, Path],
        send: Callable[[Report], None],
        cancelled: Callable[[], bool],
        contexts: list[Context],
    ) -> Report:
        job = dataclasses.replace(job, params=self.registry.check(job))
        if cancelled():
            raise Cancelled
        send(Report("progress", job.id, "Loading"))
        crash_point("worker:loading")
        model, found = self._load(job)
        context = Context(job, folder, self.device, inputs, provenance(job, model, found), send, cancelled)
        contexts.append(context)
        context.check_cancelled()
        model.run(job, context)
        context.check_cancelled()
        result = context.result()
        crash_point("worker:written")
        atomic_write(folder / "result.json", encode(result).encode())
        crash_point("worker:result")
        return Report("done", job.id, result=result)

    def _load(self, job: Job) -> tuple[Model, Found | None]:
        if job.model not in self._loaded:
            model = self.registry.find(job.task, job.model)()
            found = None
            if model.weights is not None:
                self.unload()
                found = self._found(job.model, model.weights)
            model.load(found.folder if found else None, self.device)
            self._loaded[job.model] = model, found
        return self._loaded[job.model]

    def _found(self, model_id: str, weights: Weights) -> Found | None:
        try:
            return self.registry.shelf.verify(model_id, weights)
        except Fault as fault:
            if not weights.optional or fault.code != "weights_missing":
                raise
            return None


def provenance(job: Job, model: Model, found: Found | None) -> Provenance:
    """What must be known to make the result of `job` again."""
    return Provenance(
        product_version=VERSION,
        task=job.task,
        model=job.model,
        revision=model.info.revision if found is None or found.published else "",
        weights_sha256=found.sha256 if found else "",
        prompt=job.prompt,
        seed=job.seed,
        params=job.params,
        inputs={key: blob.sha256 for key, blob in job.inputs.items()},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        licence=model.info.licence,
    )


def _translated(error: Exception) -> Fault:
    """An exception of a model as a sentence."""
    detail = "".join(traceback.format_exception(error))[-4000:]
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if full:
        return Fault("disk_full", "There is no room left on the disk.", "Free some disk space, try again.", detail)
    words = f"{type(error).__name__} {error}".lower()
    if isinstance(error, MemoryError) or "outofmemory" in words or "out of memory" in words or "alloc" in words:
        return Fault(
            "out_of_memory",
            "The model ran out of memory.",
            "Choose a lower resolution, or close other programs.",
            detail,
        )
    summary = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return Fault(
        "internal", f"The model stopped with an error: {summary}", "Try again; the log has the details.", detail
    )


# ------------------------------------------------------------------------------------------------------- the process


class _Link:
    """The worker's end of the pipe. A thread reads it, so that cancelling and the front's death are noticed at once."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self.orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._source, self._sink = source, sink
        self._cancelled: set[str] = set()
        self._write = threading.Lock()
        threading.Thread(target=self._read, name="orders", daemon=True).start()
        threading.Thread(target=self._beat, name="alive", daemon=True).start()

    def send(self, report: Report) -> None:
        try:
            with self._write:
                self._sink.write(pack(report))
                self._sink.flush()
        except OSError:
            os._exit(0)  # the front is gone; nobody wants the rest

    def is_cancelled(self, job_id: str) -> bool:
        return job_id in self._cancelled

    def _read(self) -> None:
        while (order := read(self._source)) is not None:
            if order.do == "cancel":
                self._cancelled.add(order.job_id)
            else:
                self.orders.put(order)
        os._exit(0)

    def _beat(self) -> None:
        while True:
            time.sleep(ALIVE_EVERY_S)
            self.send(Report("alive"))


def _private_pipe() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for us alone; from here on, prints go to standard error and reads find nothing."""
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(source, os.O_BINARY)
        msvcrt.setmode(sink, os.O_BINARY)
    return os.fdopen(source, "rb"), os.fdopen(sink, "wb")


def _take_place(path: Path) -> FileLock:
    """Wait until no worker of an earlier front process, which may be stuck in a library, still writes here."""
    lock = FileLock(path)
    patience_s = time.monotonic() + ORPHAN_GRACE_S
    while not lock.acquire():
        if time.monotonic() > patience_s and (orphan := lock.holder()):
            _log.warning("ending worker %d, which an earlier server left behind", orphan)
            os.kill(orphan, getattr(signal, "SIGKILL", signal.SIGTERM))
            patience_s = time.monotonic() + ORPHAN_GRACE_S
        time.sleep(0.05)
    return lock


def main(arguments: list[str]) -> None:
    """Serve orders until the pipe closes."""
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--index", type=int, default=0)
    parser.add_argument("--device", default="")
    parser.add_argument("--weights", type=Path, action="append", default=[])
    parser.add_argument("--models", type=Path, action="append", default=[])
    options = parser.parse_args(arguments)

    source, sink = _private_pipe()
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for the front, which then ends us
    lock = _take_place(options.data / f"worker_{options.index}.lock")
    link = _Link(source, sink)
    found = [options.device] if options.device else devices()
    runner = Runner(Registry(options.models, Shelf(options.weights)), found[0])
    link.send(Report("ready", devices=tuple(found)))
    while True:
        order = link.orders.get()
        if order.job is not None:
            link.send(_obey(runner, order, order.job, link))
            crash_point("worker:sent")
    lock.release()


def _obey(runner: Runner, order: Order, job: Job, link: _Link) -> Report:
    inputs = {key: Path(path) for key, path in order.inputs.items()}
    return runner.run(job, Path(order.folder), inputs, link.send, lambda: link.is_cancelled(job.id))


if __name__ == "__main__":
    main(sys.argv[1:])
