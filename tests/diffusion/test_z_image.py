"""Z-Image: another kind of network and text encoder under the same order of work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import SIZE, Bench, other_scene, scene
from PIL import Image

from server.diffusion import tiny
from server.diffusion.controls import control_picture
from server.filters.passes import Passes

WIDE, HIGH = 96, 80  # its sizes are multiples of 16; the scene's 88 x 72 is padded to that


@pytest.fixture(scope="module")
def folder(weights: Path) -> Path:
    tiny.write_z_image(weights / "z_image")
    return weights / "z_image"


def padded(picture: np.ndarray) -> Image.Image:
    across, down = WIDE - SIZE[0], HIGH - SIZE[1]
    return Image.fromarray(np.pad(picture, ((0, down), (0, across), (0, 0)), mode="edge"))


def bare(folder: Path, name: str, control: bool = False, **call: Any) -> np.ndarray:
    import diffusers

    more = {}
    if control:
        more["controlnet"] = diffusers.ZImageControlNetModel.from_pretrained(str(folder / "controlnets" / "union"))
    pipeline = getattr(diffusers, name).from_pretrained(str(folder / "base"), **more)
    generator = torch.Generator("cpu").manual_seed(1)
    made = pipeline(prompt="a house", guidance_scale=0.0, generator=generator, width=WIDE, height=HIGH, **call)
    return np.asarray(made.images[0])[: SIZE[1], : SIZE[0]]


def test_it_is_the_bare_pipelines_bit_for_bit(bench: Bench, folder: Path) -> None:
    """From words, from the render, and from a control."""
    words = bench.picture(model="z_image", task="text_to_image", width=WIDE, height=HIGH)
    assert np.array_equal(words[: SIZE[1], : SIZE[0], :3], bare(folder, "ZImagePipeline", num_inference_steps=3))
    passes = Passes(**scene())
    wanted = bare(
        folder,
        "ZImageImg2ImgPipeline",
        image=padded(passes.combined[..., :3]),
        strength=0.6,
        num_inference_steps=5,  # so that three are taken, as few-step checkpoints need
    )
    assert np.array_equal(bench.picture(model="z_image")[..., :3], wanted)
    wanted = bare(
        folder,
        "ZImageControlNetPipeline",
        control=True,
        control_image=padded(control_picture(passes, "depth")),
        controlnet_conditioning_scale=0.8,
        num_inference_steps=3,
    )
    made = bench.made(model="z_image", controls="depth:0.8", strength=1.0)
    assert np.array_equal(made.pictures[0][..., :3], wanted)
    assert made.reports[-1].step == made.reports[-1].total == 3


@pytest.mark.parametrize("kind", ["depth", "normal", "line", "pose"])
def test_its_controls_matter(bench: Bench, folder: Path, kind: str) -> None:
    options: dict[str, Any] = {"model": "z_image", "controls": f"{kind}:1.0", "strength": 1.0}
    one = bench.picture(**options)
    other = bench.picture(**options, given={"passes": bench.passes(**{kind: other_scene()[kind]})})
    assert np.abs(one.astype(int) - other).max() > 0


def test_only_the_mask_changes(bench: Bench, folder: Path) -> None:
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:, :44] = 255
    given = {"passes": bench.passes(mask=mask)}
    made = bench.picture(model="z_image", given=given, soft_px=0.0, controls="auto")
    assert np.array_equal(made[:, 44:], scene()["combined"][:, 44:])
    assert not np.array_equal(made[:, :44], scene()["combined"][:, :44])
    fault = bench.fault(model="z_image", given=given, controls="depth")
    assert fault.code == "bad_request" and "mask" in fault.message


def test_what_it_cannot_do_is_said(bench: Bench, folder: Path) -> None:
    fault = bench.fault(model="z_image", controls="depth:0.5, line:0.5")
    assert fault.code == "bad_request" and "one control" in fault.message.replace("1", "one")
    assert "union (depth)" in str(bench.made(model="z_image", controls="auto").result.report["controls"])
    notes = str(bench.made(model="z_image", controls="depth:1.0@0-0.5").result.report["notes"])
    assert "control alone" in notes and "first step" in notes
    ending, sent, _ = bench.ending(model="z_image", steps=6, strength=1.0, cancel_at=5)
    assert ending.say == "cancelled" and len(sent) <= 5
