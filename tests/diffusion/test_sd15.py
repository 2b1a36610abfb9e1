"""Stable Diffusion 1.5 shares all with SDXL but the pipelines and one text encoder: those are judged here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Bench, other_scene, scene
from PIL import Image

from server.diffusion import tiny
from server.diffusion.controls import control_picture
from server.filters.passes import Passes


@pytest.fixture(scope="module")
def folder(weights: Path) -> Path:
    made = weights / "sd15"
    if not made.exists():
        tiny.write_sd15(made)
        tiny.sd15_controlnet(7).save_pretrained(str(made / "controlnets" / "control_sd15_normalbae"))
    return made


@pytest.mark.parametrize("clip_skip", [0, 1])
def test_it_is_the_bare_pipeline_bit_for_bit(bench: Bench, folder: Path, clip_skip: int) -> None:
    import diffusers

    net = diffusers.ControlNetModel.from_pretrained(str(folder / "controlnets" / "depth"))
    pipeline = diffusers.StableDiffusionControlNetImg2ImgPipeline.from_pretrained(str(folder / "base"), controlnet=net)
    # diffusers 0.42.1 looks for a level that transformers 5 took away; ours does without it
    pipeline.text_encoder.__dict__["text_model"] = pipeline.text_encoder
    passes = Passes(**scene())
    wanted = pipeline(
        prompt="a boat",
        negative_prompt="grey",
        image=Image.fromarray(passes.combined[..., :3]),
        control_image=Image.fromarray(control_picture(passes, "depth")),
        strength=0.6,
        num_inference_steps=5,
        guidance_scale=7.0,
        controlnet_conditioning_scale=0.9,
        clip_skip=clip_skip or None,
        generator=torch.Generator("cpu").manual_seed(3),
    ).images[0]
    made = bench.picture(
        model="sd15",
        prompt="a boat",
        negative="grey",
        seed=3,
        steps=5,
        controls="depth:0.9",
        clip_skip=clip_skip,
    )
    assert np.array_equal(made[..., :3], np.asarray(wanted))


def test_its_controls_matter(bench: Bench, folder: Path) -> None:
    for kind, control in (("depth", "depth"), ("normal", "normal")):
        options: dict[str, Any] = {"model": "sd15", "controls": f"{control}:1.0"}
        one = bench.picture(**options)
        other = bench.picture(**options, given={"passes": bench.passes(**{kind: other_scene()[kind]})})
        assert np.abs(one.astype(int) - other).max() > 3, kind


def test_words_masks_and_references(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """The other pipelines of the family, once each."""
    words = bench.picture(model="sd15", task="text_to_image", width=72, height=64)
    assert words.shape == (64, 72, 3) or words.shape == (64, 72, 4)
    mask = np.zeros((72, 88), np.uint8)
    mask[:, :40] = 255
    made = bench.picture(model="sd15", given={"passes": bench.passes(mask=mask)}, soft_px=0.0)
    assert np.array_equal(made[:, 40:], scene()["combined"][:, 40:])
    assert not np.array_equal(made[:, :40], scene()["combined"][:, :40])
    np.save(tmp_path / "look.npy", np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    given = {"passes": bench.passes(), "reference": tmp_path / "look.npy"}
    assert not np.array_equal(bench.picture(model="sd15", given=given), bench.picture(model="sd15"))


def test_there_is_no_union(bench: Bench, folder: Path) -> None:
    net = tiny.sdxl_controlnet(3, union=True)
    net.save_pretrained(str(folder / "controlnets" / "union"))
    fault = bench.fault(model="sd15", controls="union=depth")
    assert fault.code == "bad_request" and "another base model" in fault.message
