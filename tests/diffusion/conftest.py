"""Tiny checkpoints, made once, and one runner that keeps them loaded: the imports alone take ten seconds."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from blender_aigc.protocol import Blob, Fault, Job, Result  # noqa: E402
from server.diffusion import tiny  # noqa: E402
from server.pipe import Report  # noqa: E402
from server.registry import Registry  # noqa: E402
from server.weights import Shelf  # noqa: E402
from server.worker import Runner  # noqa: E402

SIZE = (88, 72)  # width, height: a multiple of 8, so that bare pipelines can be called with the same pictures


@dataclass
class Made:
    """What a job left: pictures (H, W, 4) uint8, the result, what was reported on the way."""

    pictures: list[np.ndarray]
    result: Result
    reports: list[Report]


def in_phase(phase: str) -> Callable[[list[Report]], bool]:
    """For `cancel_when`: as soon as the phase is heard of. How many reports come before it depends on the clock."""
    return lambda sent: any(report.phase == phase for report in sent)


class Bench:
    """Runs jobs on the tiny weights in `weights`, in this process."""

    def __init__(self, weights: Path, folder: Path) -> None:
        self.weights = weights
        self.folder = folder
        self.runner = Runner(Registry(shelf=Shelf([weights], hub_cache=folder / "none")), "cpu")

    def passes(self, **changed: Any) -> Path:
        path = self.folder / f"{uuid.uuid4()}.npz"
        np.savez(path, **{name: array for name, array in {**scene(), **changed}.items() if array is not None})
        return path

    def ending(
        self,
        model: str = "sdxl",
        task: str = "render_image",
        given: dict[str, Path] | None = None,
        prompt: str = "a house",
        seed: int = 1,
        cancel_at: int = 10**9,
        cancel_when: Callable[[list[Report]], bool] = lambda _sent: False,
        **params: Any,
    ) -> tuple[Report, list[Report], Path]:
        if given is None:
            given = {"passes": self.passes()} if task == "render_image" else {}
        params = {"size": "camera", "steps": 3, "controls": "", **params}
        known = {param.key for param in self.runner.registry.models[model].info.params}
        usual = ("size", "steps", "controls")
        params = {key: value for key, value in params.items() if key in known or key not in usual}
        out = self.folder / str(uuid.uuid4())
        out.mkdir()
        blobs = {key: Blob("0" * 64, path.suffix) for key, path in given.items()}
        job = Job(str(uuid.uuid4()), task, model, blobs, params, prompt, seed, "made")
        sent: list[Report] = []
        ending = self.runner.run(job, out, given, sent.append, lambda: len(sent) >= cancel_at or cancel_when(sent))
        return ending, sent, out

    def cancelled_everywhere(self, least: int, **options: Any) -> None:
        """The job is done, and leaves nothing when it is cancelled in any of its phases. least: so many there are."""
        ending, sent, _ = self.ending(**options)
        assert ending.say == "done", ending.fault
        phases = list(dict.fromkeys([report.phase for report in sent]))
        assert len(phases) >= least, phases
        for phase in phases:
            ending, heard, out = self.ending(**options, cancel_when=in_phase(phase))
            assert ending.say == "cancelled" and heard[-1].phase == phase, (phase, ending)
            assert not list(out.iterdir()), phase

    def made(self, **options: Any) -> Made:
        ending, sent, out = self.ending(**options)
        assert ending.say == "done", ending.fault
        assert ending.result is not None
        pictures = [np.asarray(Image.open(out / artefact.file)) for artefact in ending.result.artefacts]
        return Made(pictures, ending.result, sent)

    def picture(self, **options: Any) -> np.ndarray:
        (picture,) = self.made(**options).pictures
        return picture

    def fault(self, **options: Any) -> Fault:
        ending, _, out = self.ending(**options)
        assert ending.fault is not None, "it should have failed"
        assert not list(out.iterdir()), "a failed job leaves nothing"
        return ending.fault.fault()


def scene() -> dict[str, np.ndarray]:
    """Passes of a slanted plate before nothing: every kind of control has something to show."""
    width, height = SIZE
    y, x = np.mgrid[:height, :width].astype(np.float32)
    plate = (x > 15) & (x < 70) & (y > 10) & (y < 60)
    combined = np.full((height, width, 4), 255, np.uint8)
    combined[..., 0], combined[..., 1], combined[..., 2] = np.where(plate, 200, 60), 40 + x, 90 + y
    normal = np.where(plate[..., None], np.float32([0.36, 0.48, 0.8]), 0).astype(np.float32)
    line = np.zeros((height, width), np.uint8)
    line[10:60, 15:18] = line[10:13, 15:70] = 255
    pose = np.zeros((height, width, 3), np.uint8)
    pose[20:60, 40:44] = (255, 0, 85)
    return {
        "combined": combined,
        "depth": np.where(plate, 2 + x / 20, np.inf).astype(np.float32),
        "normal": normal,
        "object_id": plate.astype(np.int32) * 7,
        "line": line,
        "pose": pose,
    }


def other_scene() -> dict[str, np.ndarray]:
    """The same picture with all other passes mirrored."""
    return {name: array if name == "combined" else array[:, ::-1].copy() for name, array in scene().items()}


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with `sdxl/` in it: base, four ControlNets and a union, as users would lay them out."""
    folder = tmp_path_factory.mktemp("weights")
    sdxl = folder / "sdxl"
    tiny.write_sdxl(sdxl)
    for seed, name in enumerate(("normal", "lineart", "openpose"), 20):
        tiny.sdxl_controlnet(seed).save_pretrained(str(sdxl / "controlnets" / name))
    tiny.sdxl_controlnet(30, union=True).save_pretrained(str(sdxl / "controlnets" / "union"))
    tiny.sdxl_refiner().save_pretrained(str(sdxl / "refiner"))
    return folder


@pytest.fixture(scope="session")
def bench(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(weights, tmp_path_factory.mktemp("bench"))
