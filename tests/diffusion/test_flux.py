"""FLUX.1: packed latents, two text encoders, guidance as an input, under the same order of work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import SIZE, Bench, in_phase, other_scene, scene
from PIL import Image

from server.diffusion import tiny_flux
from server.diffusion.controls import control_picture
from server.filters.passes import Passes

WIDE, HIGH = 96, 80  # its sizes are multiples of 16; the scene's 88 x 72 is padded to that
PROMPT = "a house by the sea"
FLUX: dict[str, Any] = {"model": "flux", "prompt": PROMPT}
UNION = {"canny": 0, "tile": 1, "depth": 2, "pose": 4}


@pytest.fixture(scope="module")
def folder(weights: Path) -> Path:
    """flux/ with [dev] as base, [schnell], Depth and Fill, three ControlNets and a union."""
    made = weights / "flux"
    tiny_flux.write_flux(made, guided=True)
    tiny_flux.flux_pipeline(3).save_pretrained(str(made / "schnell"))
    tiny_flux.flux_pipeline(4, "FluxControlPipeline", True).save_pretrained(str(made / "FLUX.1-Canny-dev"))
    tiny_flux.flux_pipeline(5, "FluxFillPipeline", True).save_pretrained(str(made / "fill"))
    for seed, name in enumerate(("normal", "lineart", "openpose"), 10):
        tiny_flux.flux_controlnet(seed).save_pretrained(str(made / "controlnets" / name))
    tiny_flux.flux_controlnet(20, modes=7).save_pretrained(str(made / "controlnets" / "union"))
    return made


def padded(picture: np.ndarray) -> Image.Image:
    across, down = WIDE - SIZE[0], HIGH - SIZE[1]
    return Image.fromarray(np.pad(picture, ((0, down), (0, across), *((0, 0),) * (picture.ndim - 2)), mode="edge"))


def picture_of(kind: str = "") -> Image.Image:
    passes = Passes(**scene())
    return padded(control_picture(passes, kind) if kind else passes.combined[..., :3])


def half_mask() -> np.ndarray:
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:, :44] = 255
    return mask


def bare(folder: Path, name: str, nets: tuple[str, ...] = (), base: str = "base", **call: Any) -> np.ndarray:
    """(72, 88, 3) uint8 from diffusers alone, loaded afresh."""
    import diffusers

    more: dict[str, Any] = {}
    if nets:
        loaded = [diffusers.FluxControlNetModel.from_pretrained(str(folder / "controlnets" / net)) for net in nets]
        more["controlnet"] = loaded if len(loaded) > 1 else loaded[0]
    pipeline = getattr(diffusers, name).from_pretrained(str(folder / base), **more)
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(1)
    usual = {"prompt": PROMPT, "guidance_scale": 3.5, "num_inference_steps": 4, "width": WIDE, "height": HIGH}
    made = pipeline(**{**usual, "generator": generator, **call}).images[0]
    return np.asarray(made)[: SIZE[1], : SIZE[0]]


def far(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


def test_from_words(bench: Bench, folder: Path) -> None:
    """[dev] is guided; [schnell] reads shorter prompts and takes four steps, unasked."""
    options: dict[str, Any] = {**FLUX, "task": "text_to_image", "width": WIDE, "height": HIGH}
    made = bench.picture(**options, steps=4)
    assert np.array_equal(made[: SIZE[1], : SIZE[0], :3], bare(folder, "FluxPipeline"))
    quick = bench.made(**options, steps=0, checkpoint="schnell")
    wanted = bare(folder, "FluxPipeline", base="schnell", guidance_scale=1.0, max_sequence_length=256)
    assert np.array_equal(quick.pictures[0][: SIZE[1], : SIZE[0], :3], wanted)
    assert quick.result.report["steps"] == 4


def test_from_a_picture(bench: Bench, folder: Path) -> None:
    wanted = bare(folder, "FluxImg2ImgPipeline", image=picture_of(), strength=0.7)
    assert np.array_equal(bench.picture(**FLUX, strength=0.7, steps=4)[..., :3], wanted)


def test_from_a_picture_with_two_controlnets(bench: Bench, folder: Path) -> None:
    wanted = bare(
        folder,
        "FluxControlNetImg2ImgPipeline",
        ("depth", "lineart"),
        image=picture_of(),
        control_image=[picture_of("depth"), picture_of("line")],
        control_mode=[None, None],
        strength=0.7,
        controlnet_conditioning_scale=[0.8, 0.5],
        control_guidance_start=[0.0, 0.25],
        control_guidance_end=[1.0, 0.75],
    )
    made = bench.picture(**FLUX, strength=0.7, steps=4, controls="depth:0.8, lineart:0.5@0.25-0.75")
    assert np.array_equal(made[..., :3], wanted)


def test_from_a_control_alone(bench: Bench, folder: Path) -> None:
    wanted = bare(folder, "FluxControlNetPipeline", ("depth",), control_image=picture_of("depth"))
    assert np.array_equal(bench.picture(**FLUX, strength=1.0, steps=4, controls="depth")[..., :3], wanted)


@pytest.mark.parametrize("nets", [(), ("depth",)])
def test_only_the_mask_changes(bench: Bench, folder: Path, nets: tuple[str, ...]) -> None:
    """Inside it is the bare inpainting, outside the render, bit for bit."""
    call: dict[str, Any] = {"image": picture_of(), "mask_image": padded(half_mask()), "strength": 0.8}
    name = "FluxInpaintPipeline"
    if nets:
        name, call = "FluxControlNetInpaintPipeline", {**call, "control_image": picture_of("depth")}
    wanted = bare(folder, name, nets, **call)
    given = {"passes": bench.passes(mask=half_mask())}
    made = bench.picture(**FLUX, given=given, strength=0.8, steps=4, soft_px=0.0, controls=", ".join(nets))
    assert np.array_equal(made[:, :44, :3], wanted[:, :44])
    assert np.array_equal(made[:, 44:], scene()["combined"][:, 44:])


def test_a_union_hears_what_each_picture_shows(bench: Bench, folder: Path) -> None:
    shared: dict[str, Any] = {**FLUX, "strength": 1.0, "steps": 4}
    for kind, mode in (("depth", 2), ("canny", 0)):
        wanted = bare(folder, "FluxControlNetPipeline", ("union",), control_image=picture_of(kind), control_mode=mode)
        assert np.array_equal(bench.picture(**shared, controls=f"union={kind}")[..., :3], wanted)
    wanted = bare(
        folder,
        "FluxControlNetPipeline",
        ("union", "union"),
        control_image=[picture_of("depth"), picture_of("pose")],
        control_mode=[2, 4],
        controlnet_conditioning_scale=[0.8, 0.4],
    )
    assert np.array_equal(bench.picture(**shared, controls="union=depth:0.8, union=pose:0.4")[..., :3], wanted)
    fault = bench.fault(**shared, controls="union=normal")
    assert fault.code == "bad_request" and "normal" in fault.message and "pose" in fault.hint


def test_a_control_checkpoint_always_looks(bench: Bench, folder: Path) -> None:
    """Its name tells at what; from the render, from its pass alone, and inside a mask."""
    options: dict[str, Any] = {**FLUX, "checkpoint": "FLUX.1-Canny-dev", "steps": 4, "guidance": 10.0}
    call: dict[str, Any] = {"base": "FLUX.1-Canny-dev", "guidance_scale": 10.0, "control_image": picture_of("canny")}
    wanted = bare(folder, "FluxControlPipeline", **call)
    assert np.array_equal(bench.picture(**options, strength=1.0, controls="auto")[..., :3], wanted)
    wanted = bare(folder, "FluxControlImg2ImgPipeline", **call, image=picture_of(), strength=0.7)
    assert np.array_equal(bench.picture(**options, strength=0.7)[..., :3], wanted)
    masked: dict[str, Any] = {"image": picture_of(), "mask_image": padded(half_mask()), "strength": 0.8}
    wanted = bare(folder, "FluxControlInpaintPipeline", **call, **masked)
    given = {"passes": bench.passes(mask=half_mask())}
    made = bench.picture(**options, given=given, strength=0.8, soft_px=0.0)
    assert np.array_equal(made[:, :44, :3], wanted[:, :44])
    depth = bench.picture(**options, strength=1.0, controls="depth")
    moved = bench.passes(depth=other_scene()["depth"])
    assert far(depth, bench.picture(**options, strength=1.0, controls="depth", given={"passes": moved})) > 0
    for controls in ("depth:0.5", "depth, canny", "smell"):
        assert bench.fault(**options, controls=controls).code == "bad_request"
    assert bench.fault(**{**options, "task": "text_to_image"}).code == "bad_request"


def test_a_fill_checkpoint_fills(bench: Bench, folder: Path) -> None:
    call: dict[str, Any] = {"image": picture_of(), "mask_image": padded(half_mask()), "strength": 0.9}
    wanted = bare(folder, "FluxFillPipeline", base="fill", guidance_scale=30.0, **call)
    options: dict[str, Any] = {**FLUX, "checkpoint": "fill", "steps": 4, "soft_px": 0.0, "controls": "auto"}
    made = bench.picture(**options, given={"passes": bench.passes(mask=half_mask())}, strength=0.9)
    assert np.array_equal(made[:, :44, :3], wanted[:, :44])
    assert np.array_equal(made[:, 44:], scene()["combined"][:, 44:])
    wider = bench.picture(**options, extend="right 24", strength=1.0)
    assert wider.shape == (72, 112, 4) and np.array_equal(wider[:, :88], scene()["combined"])
    fault = bench.fault(**options)
    assert fault.code == "bad_request" and "mask" in fault.message and "Extend" in fault.hint
    fault = bench.fault(**{**options, "controls": "depth"}, given={"passes": bench.passes(mask=half_mask())})
    assert fault.code == "bad_request" and "ControlNet" in fault.message


@pytest.mark.parametrize("kind", ["depth", "normal", "line", "pose"])
def test_its_controls_matter(bench: Bench, folder: Path, kind: str) -> None:
    """Everything else is the same: same picture, seed and prompt."""
    control = {"line": "lineart", "pose": "openpose"}.get(kind, kind)
    options: dict[str, Any] = {**FLUX, "controls": f"{control}:1.0"}
    one = bench.picture(**options)
    other = bench.picture(**options, given={"passes": bench.passes(**{kind: other_scene()[kind]})})
    assert far(one, other) > 3 and far(one, bench.picture(**FLUX)) > 3


def test_weights_and_order_of_controls(bench: Bench, folder: Path) -> None:
    """Weight 0 is none, bit for bit; each picture goes to its own network, whatever the order."""
    assert np.array_equal(bench.picture(**FLUX, controls="depth:0, lineart:0"), bench.picture(**FLUX))
    one = bench.picture(**FLUX, controls="depth:0.7")
    assert np.array_equal(bench.picture(**FLUX, controls="depth:0.7, lineart:0"), one)
    forth = bench.picture(**FLUX, controls="depth:1.0, lineart:0.2")
    back = bench.picture(**FLUX, controls="lineart:0.2, depth:1.0")
    assert far(forth, back) <= 1  # sums of floats in another order
    assert far(forth, bench.picture(**FLUX, controls="depth:0.2, lineart:1.0")) > 3


def test_what_to_avoid_needs_a_strength(bench: Bench, folder: Path) -> None:
    options: dict[str, Any] = {**FLUX, "task": "text_to_image", "width": WIDE, "height": HIGH, "steps": 4}
    plain = bench.picture(**options)
    unread = bench.made(**options, negative="fog")
    assert np.array_equal(unread.pictures[0], plain) and "Avoid Strength" in unread.result.report["notes"]
    read = bench.made(**options, negative="fog", avoid_scale=2.0)
    wanted = bare(folder, "FluxPipeline", negative_prompt="fog", true_cfg_scale=2.0)
    assert np.array_equal(read.pictures[0][: SIZE[1], : SIZE[0], :3], wanted)
    assert "Avoid" not in read.result.report["notes"]
    told = bench.made(**FLUX, negative="fog", avoid_scale=2.0, controls="depth")
    assert "does not read what to avoid" in told.result.report["notes"]


def test_prompts_are_read_to_the_end(bench: Bench, folder: Path) -> None:
    """512 tokens of T5's (letters here); another end is another picture, and more is said, not cut off."""
    options: dict[str, Any] = {"model": "flux", "task": "text_to_image", "width": 64, "height": 64, "steps": 1}
    for checkpoint in ("base", "schnell"):
        made = [
            bench.picture(**options, checkpoint=checkpoint, prompt="house " * 80 + end)
            for end in ("at dawn", "at dusk")
        ]
        assert not np.array_equal(*made)
    fault = bench.fault(**options, prompt="house " * 1700)
    assert fault.code == "bad_request" and "too long" in fault.message and "512" in fault.hint


def test_progress_previews_and_cancel(bench: Bench, folder: Path) -> None:
    _, reports, _ = bench.ending(**FLUX, steps=6, strength=1.0)
    drawing = [report for report in reports if report.phase == "Denoising"]
    assert (drawing[-1].step, drawing[-1].total) == (6, 6) and any(report.preview for report in drawing)
    ending, sent, out = bench.ending(**FLUX, steps=6, strength=1.0, cancel_when=in_phase("Denoising"))
    assert ending.say == "cancelled" and list(out.iterdir()) == []
    assert [report.step for report in sent if report.phase == "Denoising"] == [1]


def test_the_licence_is_that_of_what_is_loaded(bench: Bench, folder: Path) -> None:
    for checkpoint, word in (("base", "Non-Commercial"), ("schnell", "Apache"), ("FLUX.1-Canny-dev", "Non-Commercial")):
        result = bench.made(**FLUX, checkpoint=checkpoint, steps=1, strength=1.0).result
        assert word in result.provenance.licence and result.report["licence"] == result.provenance.licence


def test_seeds_sizes_and_variations(bench: Bench, folder: Path) -> None:
    options: dict[str, Any] = {**FLUX, "steps": 2}
    following = bench.made(**options, seed=5, images=2).pictures
    assert np.array_equal(bench.picture(**options, seed=6), following[1]) and far(*following) > 0
    near = bench.made(**options, seed=5, images=2, variation=0.1).pictures
    assert np.array_equal(near[0], following[0])
    assert 0 < np.abs(near[1].astype(int) - near[0]).mean() < np.abs(following[1].astype(int) - near[0]).mean() / 2
    np.savez(bench.folder / "odd.npz", combined=np.full((37, 131, 4), 200, np.uint8))
    assert bench.picture(**options, given={"passes": bench.folder / "odd.npz"}).shape == (37, 131, 4)
