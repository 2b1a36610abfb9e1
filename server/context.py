"""All that a model sees of the world while it runs: inputs, progress, cancel, randomness, and where results go."""

from __future__ import annotations

import dataclasses
import re
import statistics
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from blender_aigc.plan import Plan
from blender_aigc.protocol import Artefact, ArtefactKind, Fault, Job, Provenance, Result

from .artefacts import atomic_write, encode_png, write_file, write_glb, write_image, write_plan, write_state, write_text
from .crash import crash_point
from .geometry.frames import Frame
from .geometry.mesh import Mesh
from .images import load_image
from .pipe import Report
from .weights import sha256_of

PROGRESS_EVERY_S = 0.1
PREVIEW_EVERY_S = 0.4


class Cancelled(BaseException):  # noqa: N818 not an error; BaseException, so that no `except Exception` swallows it
    """The user asked to stop. Raised by `Context.progress` and `Context.check_cancelled`; models let it pass."""


class Context:
    """One run of one job.

    job:    with its parameters completed.    folder: where results go (use the save functions).
    device: "cpu", "cuda:0", ...              rng:    numpy generator made from the job's seed.
    """

    def __init__(
        self,
        job: Job,
        folder: Path,
        device: str,
        inputs: Mapping[str, Path],
        provenance: Provenance,
        send: Callable[[Report], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.job = job
        self.folder = folder
        self.device = device
        self.rng = np.random.default_rng(job.seed)
        self.artefacts: list[Artefact] = []
        self.provenance = provenance
        self._inputs = inputs
        self._send = send
        self._cancelled = cancelled
        self._facts: dict[str, bool | int | float | str] = {}
        self._pace = _Pace()
        self._previews: list[Path] = []
        self._weights: list[Path] = []

    # ------------------------------------------------------------------------------------------ progress and cancel

    def check_cancelled(self) -> None:
        """Call it often in long loops: a cancelled job leaves by the exception `Cancelled`."""
        if self._cancelled():
            raise Cancelled

    def progress(
        self, phase: str, step: int = 0, total: int = 0, message: str = "", preview: np.ndarray | None = None
    ) -> None:
        """Tell the user where the job is; also a point where it can be cancelled.

        phase:   a word or two ("Loading", "Denoising"). total: steps of this phase, 0 when nobody knows.
        preview: (H, W, 3 or 4) uint8, sRGB, row 0 on top; shown at most every 0.4 s, so pass it freely.
        """
        crash_point(f"worker:step_{step}")
        self.check_cancelled()
        now_s = time.monotonic()
        self._pace.note(phase, step, now_s)
        file = self._save_preview(preview, now_s) if preview is not None else ""
        if file or self._pace.due(phase, step, total, now_s):
            self._send(
                Report(
                    "progress",
                    self.job.id,
                    phase,
                    step,
                    total,
                    message,
                    file,
                    self._pace.left_s(step, total),
                    self._pace.step_s(),
                )
            )

    # ------------------------------------------------------------------------------------------------------- inputs

    def input_path(self, key: str) -> Path:
        """The file given for `key`. Raises Fault("bad_request") when there is none."""
        if key not in self._inputs:
            raise Fault("bad_request", f"The job has no input called {key!r}.")
        return self._inputs[key]

    def has_input(self, key: str) -> bool:
        return key in self._inputs

    def input_image(self, key: str = "image") -> np.ndarray:
        """(H, W, 4) uint8, sRGB, straight alpha, row 0 on top. Raises Fault("bad_input") for what is no picture."""
        return load_image(self.input_path(key))

    # ------------------------------------------------------------------------------------------------------ results

    def save_mesh(self, meshes: Sequence[Mesh], frame: Frame, height_m: float = 1.0) -> Artefact:
        """Keep `meshes` as one GLB.

        The vertices are in the model's own `frame`, at any scale; the whole set is placed on the ground, `height_m`
        high. Raises Fault("empty_result") when there is no surface.
        """
        path = self._free_path(".glb")
        return self._keep(write_glb(meshes, path, self.provenance, frame, height_m, self.job.name))

    def save_image(self, array: np.ndarray, name: str = "") -> Artefact:
        """Keep (H, W, 3 or 4) uint8, sRGB, straight alpha, row 0 on top, as a PNG."""
        name = name or self.job.name
        return self._keep(write_image(array, self._free_path(".png", name), name))

    def save_text(self, text: str, name: str = "") -> Artefact:
        name = name or self.job.name
        return self._keep(write_text(text, self._free_path(".txt", name), name))

    def save_state(self, data: bytes) -> Artefact:
        """Keep what the next frame of a sequence needs (server/sequence/state.py); nothing of it enters the scene."""
        return self._keep(write_state(data, self._free_path(".npz", "state")))

    def save_plan(self, plan: Plan, name: str = "") -> Artefact:
        """Keep a plan as `<name>.plan.json`: what the director carries out after the user has seen it."""
        name = name or self.job.name or plan.title
        return self._keep(write_plan(plan, self._free_path(".plan.json", name), name))

    def save_file(
        self,
        kind: ArtefactKind,
        file: str,
        pieces: bytes | Sequence[bytes],
        name: str,
        meta: Mapping[str, bool | int | float | str] | None = None,
    ) -> Artefact:
        """Keep finished bytes as `file`, a bare name whose capitals stay; numbered when it is taken.

        For files whose names matter to other programs (the maps of a material). Raises Fault("disk_full").
        """
        stem, dot, suffix = file.rpartition(".")
        stem = re.sub(r"[^A-Za-z0-9._-]+", "_", unicodedata.normalize("NFKD", stem)).strip("._")[:100] or "file"
        path, number = self.folder / f"{stem}{dot}{suffix}", 2
        while path.name.lower() in {artefact.file.lower() for artefact in self.artefacts}:
            path, number = self.folder / f"{stem}_{number}{dot}{suffix}", number + 1
        return self._keep(write_file(kind, path, pieces, name, meta))

    def report(self, **facts: bool | int | float | str) -> None:
        """Small facts about the result (faces, seconds ...), shown to who looks for them."""
        self._facts.update(facts)

    def used_weights(self, files: Iterable[Path], licence: str = "") -> None:
        """Which files this job reads its weights from, for the provenance; where `Weights.files` does not fix them.

        licence: theirs, where the model has checkpoints under several.
        """
        self._weights = list(files)
        changed = {"weights_sha256": sha256_of(self._weights), "licence": licence or self.provenance.licence}
        self.provenance = dataclasses.replace(self.provenance, **changed)

    def used_weights_too(self, files: Iterable[Path]) -> None:
        """Of a second network in the same job, beside those of `used_weights`."""
        self._weights.extend(files)
        self.provenance = dataclasses.replace(self.provenance, weights_sha256=sha256_of(self._weights))

    def result(self) -> Result:
        """What the job made. Raises Fault("empty_result") when it made nothing."""
        if not self.artefacts:
            raise Fault("empty_result", "The model finished, but made nothing.", "Try another input or seed.")
        return Result(self.job, tuple(self.artefacts), self.provenance, dict(self._facts))

    def discard(self) -> None:
        """Remove what was saved so far: the job failed or was cancelled."""
        for artefact in self.artefacts:
            (self.folder / artefact.file).unlink(missing_ok=True)
        for path in self._previews:
            path.unlink(missing_ok=True)
        self.artefacts.clear()

    # ------------------------------------------------------------------------------------------------------ private

    def _keep(self, artefact: Artefact) -> Artefact:
        self.artefacts.append(artefact)
        return artefact

    def _free_path(self, suffix: str, name: str = "") -> Path:
        stem = _slug(name or self.job.name) or self.job.model
        taken = {artefact.file for artefact in self.artefacts}
        candidate, number = stem + suffix, 2
        while candidate in taken:
            candidate, number = f"{stem}_{number}{suffix}", number + 1
        return self.folder / candidate

    def _save_preview(self, preview: np.ndarray, now_s: float) -> str:
        if not self._pace.preview_due(now_s):
            return ""
        path = self.folder / f"preview_{self._pace.previews}.png"
        atomic_write(path, encode_png(preview), durable=False)
        self._previews.append(path)
        if len(self._previews) > 2:  # the one before may still be read by a client
            self._previews.pop(0).unlink(missing_ok=True)
        return path.name


class _Pace:
    """How fast the job goes: which events are worth sending, the median step, the seconds that are left."""

    def __init__(self) -> None:
        self.previews = 0
        self._phase = ""
        self._step = -1
        self._sent_s = self._preview_s = self._step_at_s = float("-inf")
        self._durations_s: deque[float] = deque(maxlen=32)

    def note(self, phase: str, step: int, now_s: float) -> None:
        if phase != self._phase:
            self._durations_s.clear()
            self._sent_s = float("-inf")
        elif step > self._step:
            self._durations_s.append((now_s - self._step_at_s) / (step - self._step))
        elif step == self._step:
            return
        self._phase, self._step, self._step_at_s = phase, step, now_s

    def due(self, phase: str, step: int, total: int, now_s: float) -> bool:
        if now_s - self._sent_s < PROGRESS_EVERY_S and not (total and step >= total):
            return False
        self._sent_s = now_s
        return True

    def preview_due(self, now_s: float) -> bool:
        if now_s - self._preview_s < PREVIEW_EVERY_S:
            return False
        self._preview_s = now_s
        self.previews += 1
        return True

    def step_s(self) -> float:
        return statistics.median(self._durations_s) if self._durations_s else 0.0

    def left_s(self, step: int, total: int) -> float | None:
        return (total - step) * self.step_s() if total and self._durations_s else None


def _slug(name: str) -> str:
    """`name` as the stem of a file that every system accepts."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").lower()[:60]
    return f"{stem}_" if re.fullmatch(r"con|prn|aux|nul|(com|lpt)[0-9]|preview_[0-9]+", stem) else stem
