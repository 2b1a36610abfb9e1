"""Checkpoints and LoRAs that were distilled to few steps: run as their authors do, as long as nobody says otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Bench
from safetensors.torch import save_file
from test_adapters import lora

from server.diffusion.samplers import Habit, habit_of

PROMPT = "a house by the sea"
WORDS: dict[str, Any] = {"task": "text_to_image", "width": 64, "height": 72, "prompt": PROMPT, "steps": 0}
AS_PUBLISHED = {
    "photo_lightning_8step": (8, "EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "sdxl_turbo": (4, "EulerAncestralDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "paint-LCM": (6, "LCMScheduler", {}),
}


@pytest.fixture(scope="module")
def distilled(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A bench whose checkpoints differ in nothing but their names, and a LoRA with such a name."""
    folder = tmp_path_factory.mktemp("distilled")
    for name in ("base", *AS_PUBLISHED):
        shutil.copytree(weights / "sdxl" / "base", folder / "sdxl" / name)
    (folder / "sdxl" / "loras").mkdir()
    save_file(lora(16, 0), folder / "sdxl" / "loras" / "Hyper-SDXL-2steps-lora.safetensors")
    return Bench(folder, folder)


def bare(folder: Path, steps: int, scheduler: str, options: dict[str, Any]) -> np.ndarray:
    import diffusers

    pipeline = diffusers.StableDiffusionXLPipeline.from_pretrained(str(folder))
    pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config, **options)
    pipeline.set_progress_bar_config(disable=True)
    draw = torch.Generator("cpu").manual_seed(1)
    call = {"width": 64, "height": 72, "num_inference_steps": steps, "guidance_scale": 1.0, "generator": draw}
    return np.asarray(pipeline(PROMPT, **call).images[0])


@pytest.mark.parametrize("name", AS_PUBLISHED)
def test_a_checkpoint_s_name_chooses_its_settings(distilled: Bench, name: str) -> None:
    """Steps, sampler and guidance, bit for bit those of the bare pipeline with them."""
    made = distilled.made(**WORDS, checkpoint=name)
    assert made.result.report["steps"] == AS_PUBLISHED[name][0]
    assert np.array_equal(made.pictures[0][..., :3], bare(distilled.weights / "sdxl" / name, *AS_PUBLISHED[name]))


def test_what_is_set_by_hand_stays(distilled: Bench) -> None:
    name = "photo_lightning_8step"
    made = distilled.made(**{**WORDS, "steps": 5}, guidance=3.0, sampler="ddim", checkpoint=name)
    plain = distilled.made(**{**WORDS, "steps": 5}, guidance=3.0, sampler="ddim", checkpoint="base")
    assert made.result.report["steps"] == 5 and np.array_equal(made.pictures[0], plain.pictures[0])
    assert distilled.made(**WORDS, checkpoint="base").result.report["steps"] == 30


def test_a_lora_s_name_counts_too(distilled: Bench) -> None:
    """And a render whose colours count still gets all of the few steps."""
    made = distilled.made(**WORDS, checkpoint="base", loras="Hyper-SDXL-2steps-lora:1")
    assert made.result.report["steps"] == 2
    half = distilled.made(steps=0, strength=0.5, checkpoint="base", loras="Hyper-SDXL-2steps-lora:1")
    assert [report.step for report in half.reports if report.phase == "Denoising"][-1] == 2


@pytest.mark.parametrize(
    ("names", "steps", "sampler"),
    [
        (["plain", "lcm-lora-sdxl"], 6, "lcm"),
        (["DMD2_sdxl_4step_lora"], 4, "lcm"),
        (["Lightning-1-step"], 1, "euler"),
        (["turbo_999steps"], 4, "euler_a"),
        (["a harbour, 8 steps down"], 30, ""),
    ],
)
def test_names(names: list[str], steps: int, sampler: str) -> None:
    found = habit_of(names, Habit())
    assert (found.steps, found.sampler) == (steps, sampler)
