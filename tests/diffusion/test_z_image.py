"""Z-Image: another kind of network and text encoder under the same order of work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import SIZE, Bench, in_phase, other_scene, scene
from PIL import Image
from safetensors.torch import load_file, save_file

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


def half_mask() -> np.ndarray:
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:, :44] = 255
    return mask


def test_only_the_mask_changes(bench: Bench, folder: Path) -> None:
    """With a control it is the bare inpainting of both, inside; outside the render, bit for bit."""
    passes = Passes(**scene())
    mask = Image.fromarray(np.pad(half_mask(), ((0, HIGH - SIZE[1]), (0, WIDE - SIZE[0])), mode="edge"))
    wanted = bare(
        folder,
        "ZImageControlNetInpaintPipeline",
        control=True,
        image=padded(passes.combined[..., :3]),
        mask_image=mask,
        control_image=padded(control_picture(passes, "depth")),
        controlnet_conditioning_scale=0.8,
        num_inference_steps=3,
    )
    given = {"passes": bench.passes(mask=half_mask())}
    options: dict[str, Any] = {"model": "z_image", "given": given, "soft_px": 0.0}
    made = bench.picture(**options, controls="depth:0.8", strength=1.0)
    assert np.array_equal(made[:, :44, :3], wanted[:, :44])
    for controls in ("auto", "depth", ""):
        made = bench.picture(**options, controls=controls)
        assert np.array_equal(made[:, 44:], scene()["combined"][:, 44:])
        assert not np.array_equal(made[:, :44], scene()["combined"][:, :44])


def test_a_control_and_the_render_s_colours(bench: Bench, folder: Path) -> None:
    """A ControlNet without effect leaves the pipeline's answer from a picture, bit for bit."""
    asleep = tiny.z_image_controlnet(5)
    for name, parameter in asleep.named_parameters():
        if "after_proj" in name:
            parameter.data.zero_()
    asleep.save_pretrained(str(folder / "controlnets" / "asleep"))
    plain = bench.picture(model="z_image")
    options: dict[str, Any] = {"model": "z_image", "strength": 0.6}
    assert np.array_equal(bench.picture(**options, controls="asleep=depth"), plain)
    led = bench.picture(**options, controls="union=depth")
    assert not np.array_equal(led, plain)
    recoloured = bench.passes(combined=255 - scene()["combined"] | np.uint8([0, 0, 0, 255]))
    assert not np.array_equal(bench.picture(**options, controls="union=depth", given={"passes": recoloured}), led)
    vary = bench.made(**options, controls="union=depth", images=2, variation=0.2).pictures
    assert np.array_equal(vary[0], led) and not np.array_equal(vary[1], led)


def test_a_control_counts_only_in_its_part(bench: Bench, folder: Path) -> None:
    options: dict[str, Any] = {"model": "z_image", "strength": 1.0, "steps": 4}
    whole, early, none = (bench.picture(**options, controls=text) for text in ("depth", "depth:1@0-0.5", ""))
    assert not np.array_equal(whole, early) and not np.array_equal(early, none)
    never = bench.picture(**options, controls="depth:1@0.9-0.95")
    assert np.array_equal(never, none), "no step lies in that part"
    assert np.array_equal(bench.picture(**options, controls="depth"), whole), "and all is as before"


def test_an_early_union_cannot_be_told_about_masks(bench: Bench, folder: Path) -> None:
    early = folder / "controlnets" / "early"
    tiny.z_image_controlnet(6, masks=False).save_pretrained(str(early))
    given = {"passes": bench.passes(mask=half_mask())}
    fault = bench.fault(model="z_image", given=given, controls="early=depth")
    assert fault.code == "bad_request" and "may change" in fault.message and "2.0" in fault.hint
    assert not np.array_equal(
        bench.picture(model="z_image", controls="early=depth", strength=1.0),
        bench.picture(model="z_image", strength=1.0),
    )


def test_one_file_is_enough(bench: Bench, folder: Path) -> None:
    """A network as the community shares it, and ControlNets as they are published, of all three kinds."""
    plain = bench.picture(model="z_image", strength=1.0)
    own = folder / "base" / "transformer" / "diffusion_pytorch_model.safetensors"
    save_file(fused(load_file(own)), folder / "mine.safetensors")
    assert np.array_equal(bench.picture(model="z_image", strength=1.0, checkpoint="mine"), plain)
    kinds: dict[str, dict[str, Any]] = {
        "v10": {"masks": False, "add_control_noise_refiner": None},
        "v20": {},
        "v21": {"add_control_noise_refiner": "control_noise_refiner"},
    }
    # places as published: spread over all layers
    for name, changed in kinds.items():
        net = tiny.z_image_controlnet(7, **changed, control_layers_places=[0, 1])
        net.save_pretrained(str(folder / "controlnets" / f"{name}_folder"))
        tensors = load_file(folder / "controlnets" / f"{name}_folder" / "diffusion_pytorch_model.safetensors")
        save_file(tensors, folder / "controlnets" / f"{name}.safetensors")
        options: dict[str, Any] = {"model": "z_image", "strength": 1.0}
        made = bench.picture(**options, controls=f"{name}=depth")
        assert np.array_equal(made, bench.picture(**options, controls=f"{name}_folder=depth")), name
        assert not np.array_equal(made, plain)
    save_file({"control_all_x_embedder.2-1.weight": torch.zeros(32, 64)}, folder / "controlnets" / "cut.safetensors")
    fault = bench.fault(model="z_image", controls="cut=depth")
    assert fault.code == "weights_damaged" and "cut" in fault.message


def fused(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names of the original code: queries, keys and values in one."""
    table = {}
    for name, tensor in tensors.items():
        if ".attention.to_k." in name or ".attention.to_v." in name:
            continue
        if ".attention.to_q." in name:
            parts = [tensors[name.replace("to_q", part)] for part in ("to_q", "to_k", "to_v")]
            name, tensor = name.replace("to_q", "qkv"), torch.cat(parts)
        for ours, theirs in (
            ("to_out.0", "out"),
            ("norm_q", "q_norm"),
            ("norm_k", "k_norm"),
            ("all_", ""),
            ("2-1.", ""),
        ):
            name = name.replace(ours, theirs)
        table[f"model.diffusion_model.{name}"] = tensor.contiguous()
    return table


def test_what_it_cannot_do_is_said(bench: Bench, folder: Path) -> None:
    fault = bench.fault(model="z_image", controls="union=depth:0.5, union=line:0.5")
    assert fault.code == "bad_request" and "one control" in fault.message.replace("1", "one")
    assert "(depth)" in str(bench.made(model="z_image", controls="auto").result.report["controls"])
    fault = bench.fault(model="z_image", prompt="x" * 600)
    assert fault.code == "bad_request" and "too long" in fault.message
    ending, sent, _ = bench.ending(model="z_image", steps=6, strength=1.0, cancel_when=in_phase("Denoising"))
    assert ending.say == "cancelled" and [report.step for report in sent if report.phase == "Denoising"] == [1]
