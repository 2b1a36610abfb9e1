"""Our pictures are those of the bare pipelines, bit for bit; and what these leave to us: masks, seeds, cancel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import SIZE, Bench, in_phase, scene
from PIL import Image

from server.diffusion.canvas import canvas_of
from server.diffusion.controls import control_picture
from server.diffusion.samplers import SAMPLERS
from server.diffusion.variations import slerp
from server.filters.passes import Passes
from server.worker import Runner

PROMPT = "a house by the sea"


def bare(
    weights: Path,
    name: str,
    controlnets: list[str] | None = None,
    **call: Any,
) -> np.ndarray:
    """(H, W, 3) uint8 from diffusers alone, loaded afresh."""
    import diffusers

    folder = weights / "sdxl"
    more = {}
    if controlnets:
        nets = [diffusers.ControlNetModel.from_pretrained(str(folder / "controlnets" / net)) for net in controlnets]
        more["controlnet"] = nets if len(nets) > 1 else nets[0]
    pipeline = getattr(diffusers, name).from_pretrained(str(folder / "base"), **more)
    pipeline.set_progress_bar_config(disable=True)
    call = {"prompt": PROMPT, "generator": torch.Generator("cpu").manual_seed(1), "guidance_scale": 5.0, **call}
    return np.asarray(pipeline(**call).images[0])


def picture_of(kind: str = "") -> Image.Image:
    passes = Passes(**scene())
    return Image.fromarray(control_picture(passes, kind) if kind else passes.combined[..., :3])


def test_from_words(bench: Bench, weights: Path) -> None:
    wanted = bare(weights, "StableDiffusionXLPipeline", width=64, height=72, num_inference_steps=3)
    made = bench.picture(task="text_to_image", prompt=PROMPT, width=64, height=72, steps=3)
    assert np.array_equal(made[..., :3], wanted)


def test_from_a_picture_with_two_controlnets(bench: Bench, weights: Path) -> None:
    wanted = bare(
        weights,
        "StableDiffusionXLControlNetImg2ImgPipeline",
        ["depth", "lineart"],
        image=picture_of(),
        control_image=[picture_of("depth"), picture_of("line")],
        strength=0.7,
        num_inference_steps=4,
        negative_prompt="blurry",
        controlnet_conditioning_scale=[0.8, 0.5],
        control_guidance_start=[0.0, 0.25],
        control_guidance_end=[1.0, 0.75],
    )
    made = bench.picture(
        prompt=PROMPT, strength=0.7, steps=4, controls="depth:0.8, lineart:0.5@0.25-0.75", negative="blurry"
    )
    assert np.array_equal(made[..., :3], wanted)


def test_from_controls_alone(bench: Bench, weights: Path) -> None:
    """Strength 1: the render's colours do not count."""
    wanted = bare(
        weights,
        "StableDiffusionXLControlNetPipeline",
        ["depth"],
        image=picture_of("depth"),
        width=SIZE[0],
        height=SIZE[1],
        num_inference_steps=3,
    )
    options: dict[str, Any] = {"prompt": PROMPT, "strength": 1.0, "controls": "depth"}
    assert np.array_equal(bench.picture(**options)[..., :3], wanted)
    recoloured = bench.passes(combined=255 - scene()["combined"] | np.uint8([0, 0, 0, 255]))
    assert np.array_equal(bench.picture(**options, given={"passes": recoloured})[..., :3], wanted)


def test_a_union_hears_what_each_picture_shows(bench: Bench, weights: Path) -> None:
    """By the numbers that xinsir's ControlNet-Union was trained with: 0 pose, 1 depth, 3 lines, 4 normals, 5 ids."""
    import diffusers

    folder = weights / "sdxl"
    net = diffusers.ControlNetUnionModel.from_pretrained(str(folder / "controlnets" / "union"))
    pipeline = diffusers.StableDiffusionXLControlNetUnionPipeline.from_pretrained(str(folder / "base"), controlnet=net)
    call: dict[str, Any] = {"prompt": PROMPT, "guidance_scale": 5.0, "num_inference_steps": 3}
    numbers = {"pose": 0, "depth": 1, "line": 3, "canny": 3, "normal": 4, "segment": 5}
    made = set()
    for kinds, weight in (*(((kind,), 0.8) for kind in numbers), (("depth", "normal"), 0.5)):
        wanted = pipeline(
            **call,
            control_image=[picture_of(kind) for kind in kinds],
            control_mode=[numbers[kind] for kind in kinds],
            controlnet_conditioning_scale=[weight for _ in kinds],
            width=SIZE[0],
            height=SIZE[1],
            generator=torch.Generator("cpu").manual_seed(1),
        ).images[0]
        controls = ", ".join(f"union={kind}:{weight}" for kind in kinds)
        assert np.array_equal(bench.picture(prompt=PROMPT, strength=1.0, controls=controls)[..., :3], wanted), kinds
        made.add(np.asarray(wanted).tobytes())
    assert len(made) == 7


def half_mask() -> np.ndarray:
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:, :44] = 255
    return mask


def test_only_the_mask_changes(bench: Bench, weights: Path) -> None:
    """Inside it is the bare inpainting, outside the render, bit for bit."""
    wanted = bare(
        weights,
        "StableDiffusionXLInpaintPipeline",
        image=picture_of(),
        mask_image=Image.fromarray(half_mask()),
        width=SIZE[0],
        height=SIZE[1],
        strength=0.8,
        num_inference_steps=4,
    )
    given = {"passes": bench.passes(mask=half_mask())}
    made = bench.picture(prompt=PROMPT, given=given, strength=0.8, steps=4, soft_px=0.0)
    assert np.array_equal(made[:, :44, :3], wanted[:, :44])
    assert np.array_equal(made[:, 44:], scene()["combined"][:, 44:])


def test_a_soft_border_lies_outside_the_mask(bench: Bench) -> None:
    given = {"passes": bench.passes(mask=half_mask())}
    made = bench.picture(given=given, soft_px=8.0).astype(int)
    same = (made == scene()["combined"]).all(-1).all(0)
    assert not same[:44].all() and same[64:].all() and not same[44:50].all()
    change = canvas_of(Passes(**scene(), mask=half_mask()), 8.0).change
    assert change is not None and (change[:, :44] == 255).all(), "all of the mask changes fully"
    assert 0 < change[30, 46] < 255 and (np.diff(change[30].astype(int)) <= 0).all()


def test_the_base_and_the_refiner_share_the_work(bench: Bench, weights: Path) -> None:
    """As diffusers' own denoising_end and denoising_start; and the refiner matters."""
    import diffusers

    folder = weights / "sdxl"
    base = diffusers.StableDiffusionXLPipeline.from_pretrained(str(folder / "base"))
    refiner = diffusers.StableDiffusionXLImg2ImgPipeline.from_pretrained(str(folder / "refiner"))
    shared: dict[str, Any] = {"prompt": PROMPT, "guidance_scale": 5.0, "num_inference_steps": 5}
    latents = base(
        **shared,
        generator=torch.Generator("cpu").manual_seed(1),
        width=64,
        height=64,
        denoising_end=0.6,
        output_type="latent",
    ).images
    wanted = refiner(
        **shared, generator=torch.Generator("cpu").manual_seed(1), image=latents, denoising_start=0.6
    ).images[0]
    options: dict[str, Any] = {"task": "text_to_image", "prompt": PROMPT, "width": 64, "height": 64, "steps": 5}
    made = bench.made(**options, refiner=True, refiner_at=0.6)
    assert np.array_equal(made.pictures[0][..., :3], np.asarray(wanted))
    assert not np.array_equal(made.pictures[0], bench.picture(**options))
    assert {report.phase for report in made.reports} >= {"Denoising", "Refining"}
    from_render = bench.made(strength=0.8, steps=5, refiner=True)  # where diffusers has no denoising_end
    assert "Refining" in {report.phase for report in from_render.reports}


SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpmpp_2m_sde": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "unipc": ("UniPCMultistepScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "ddim": ("DDIMScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
}


def test_every_sampler_is_the_one_that_its_name_says(bench: Bench, weights: Path) -> None:
    """The bare pipeline's with diffusers' scheduler of that name, bit for bit; no two are the same."""
    import diffusers

    assert set(SCHEDULERS) == set(SAMPLERS)
    options: dict[str, Any] = {"task": "text_to_image", "width": 64, "height": 64, "steps": 4, "prompt": PROMPT}
    call: dict[str, Any] = {
        "prompt": PROMPT,
        "width": 64,
        "height": 64,
        "num_inference_steps": 4,
        "guidance_scale": 5.0,
    }
    pipeline = diffusers.StableDiffusionXLPipeline.from_pretrained(str(weights / "sdxl" / "base"))
    published, made = pipeline.scheduler.config, set()
    for sampler, (name, changed) in SCHEDULERS.items():
        one = bench.made(**options, sampler=sampler)
        pipeline.scheduler = getattr(diffusers, name).from_config(published, **changed)
        wanted = np.asarray(pipeline(**call, generator=torch.Generator("cpu").manual_seed(1)).images[0])
        assert np.array_equal(one.pictures[0][..., :3], wanted), sampler
        steps = [report.step for report in one.reports if report.phase == "Denoising"]
        assert steps == sorted(steps) and steps[-1] in (4, 7), sampler  # Heun looks twice
        made.add(wanted.tobytes())
    assert len(made) == len(SCHEDULERS)


def test_seeds_make_several_pictures(bench: Bench) -> None:
    options: dict[str, Any] = {"task": "text_to_image", "width": 64, "height": 64, "steps": 2}
    following = bench.made(**options, seed=5, images=3).pictures
    listed = bench.made(**options, seeds="7, 5").pictures
    assert len(following) == 3 and len(listed) == 2
    assert np.array_equal(following[0], listed[1]) and np.array_equal(following[2], listed[0])
    assert not np.array_equal(following[0], following[1])


@pytest.mark.parametrize("task", ["text_to_image", "render_image"])
def test_variations_stay_near_the_first(bench: Bench, task: str) -> None:
    options: dict[str, Any] = {"task": task, "width": 88, "height": 72, "steps": 2, "images": 2}
    if task == "render_image":
        del options["width"], options["height"]
    plain = bench.made(**options).pictures
    near = bench.made(**options, variation=0.1).pictures
    full = bench.made(**options, variation=1.0).pictures
    first, other = near[0].astype(int), plain[1].astype(int)
    assert np.array_equal(near[0], plain[0])
    assert 0 < np.abs(near[1] - first).mean() < np.abs(other - first).mean() / 2
    assert np.abs(full[1] - first).mean() > np.abs(near[1] - first).mean() * 2


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_noise_between_two_seeds_is_as_strong_as_theirs(share: float) -> None:
    """A straight way from one to the other would go through weaker noise, which makes pictures flat."""
    draw = torch.Generator().manual_seed(0)
    first, second = (torch.randn(1, 4, 64, 64, generator=draw) for _ in range(2))
    between = slerp(first, second, share)
    assert abs(float(between.std()) - 1) < 0.02
    nearness = [float((between * one).mean()) for one in (first, second)]
    assert nearness == pytest.approx([np.cos(share * np.pi / 2), np.sin(share * np.pi / 2)], abs=0.03)


def test_nothing_changes_at_strength_zero(bench: Bench) -> None:
    assert np.array_equal(bench.picture(strength=0.0), scene()["combined"])


def test_transparency_stays_and_is_filled_where_asked(bench: Bench) -> None:
    rgba = scene()["combined"].copy()
    rgba[:, 60:, 3] = 0
    kept = bench.picture(given={"passes": bench.passes(combined=rgba)})
    assert np.array_equal(kept[..., 3], rgba[..., 3])
    mask = 255 - rgba[..., 3]
    filled = bench.picture(given={"passes": bench.passes(combined=rgba, mask=mask)}, soft_px=0.0)
    assert (filled[..., 3] == 255).all()
    assert np.array_equal(filled[:, :60], rgba[:, :60])


def test_beyond_the_frame(bench: Bench) -> None:
    """The render stays where it is, in the middle of what is new."""
    made = bench.picture(extend="left 24, bottom 16", soft_px=0.0, controls="depth")
    assert made.shape == (72 + 16, 88 + 24, 4)
    assert np.array_equal(made[:72, 24:], scene()["combined"])
    assert made[:, :24, :3].std() > 1 and (made[..., 3] == 255).all()


def test_every_size_comes_back(bench: Bench, tmp_path: Path) -> None:
    """Odd sizes, at the render's own and at the model's; the tiny model works at 1 megapixel in seconds."""
    for width, height in ((131, 97), (8, 8), (1, 1)):
        combined = np.full((height, width, 4), 200, np.uint8)
        np.savez(tmp_path / "p.npz", combined=combined)
        assert bench.picture(given={"passes": tmp_path / "p.npz"}, size="camera", steps=1).shape == combined.shape
    np.savez(tmp_path / "p.npz", combined=np.full((97, 131, 4), 200, np.uint8))
    made = bench.made(given={"passes": tmp_path / "p.npz"}, size="draft", steps=1)
    assert made.pictures[0].shape == (97, 131, 4) and made.result.report["worked_at"] == "600 x 448"


def test_cancel_takes_effect_within_a_step(bench: Bench) -> None:
    """Wherever it comes, no further step is reported and nothing is left behind."""
    ending, sent, out = bench.ending(steps=8, strength=0.9, cancel_when=in_phase("Denoising"))
    assert ending.say == "cancelled"
    assert [report.step for report in sent if report.phase == "Denoising"] == [1]
    assert list(out.iterdir()) == []
    again = bench.picture(steps=8, strength=0.9)  # the pipelines are as before
    assert np.array_equal(again, bench.picture(steps=8, strength=0.9))


def test_progress_has_previews(bench: Bench) -> None:
    reports = bench.made(steps=6, strength=1.0).reports
    assert any(report.preview for report in reports)
    steps = [(report.step, report.total) for report in reports if report.phase == "Denoising"]
    assert steps[-1] == (6, 6)


def test_the_provenance_knows_the_files(bench: Bench) -> None:
    """Another ControlNet is another hash; the same again the same."""
    one, two = (bench.made(controls=text).result.provenance.weights_sha256 for text in ("depth", "lineart"))
    assert len(one) == len(two) == 64 and one != two
    assert bench.made(controls="depth").result.provenance.weights_sha256 == one


def test_a_plain_picture_stands_in_for_the_render(bench: Bench, tmp_path: Path) -> None:
    np.save(tmp_path / "plain.npy", scene()["combined"])
    made = bench.made(given={"passes": tmp_path / "plain.npy"}, controls="auto")
    assert made.pictures[0].shape == (72, 88, 4) and made.result.report["controls"] == "none"


def test_damaged_depth_is_background(bench: Bench) -> None:
    depth = scene()["depth"].copy()
    depth[30:40, 30:40] = np.nan
    depth[20:22] = -np.inf
    made = bench.made(controls="depth", given={"passes": bench.passes(depth=depth)})
    assert "depth" in made.result.report["notes"]


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        ({"prompt": "  "}, "bad_input", "prompt"),
        ({"prompt": "x" * 10_000}, "bad_request", "long"),
        ({"seeds": "1, two"}, "bad_request", "seeds"),
        ({"extend": "upwards 10"}, "bad_request", "extension"),
        ({"extend": "9999"}, "bad_request", "extended"),
        ({"checkpoint": "nothing"}, "weights_missing", "checkpoint"),
        ({"loras": "nothing"}, "weights_missing", "LoRA"),
        ({"loras": "a:b:c"}, "bad_request", "LoRA"),
        ({"strength": 2.0}, "bad_request", "between"),
    ],
)
def test_what_cannot_be_done_is_said(bench: Bench, options: dict[str, Any], code: str, word: str) -> None:
    fault = bench.fault(**options)
    assert fault.code == code and word in fault.message and fault.hint


def test_an_empty_mask_is_said_and_a_full_one_is_none(bench: Bench) -> None:
    empty = np.zeros(SIZE[::-1], np.uint8)
    fault = bench.fault(given={"passes": bench.passes(mask=empty)})
    assert fault.code == "bad_input" and "mask is empty" in fault.message
    full = bench.picture(given={"passes": bench.passes(mask=empty + np.uint8(255))})
    assert np.array_equal(full, bench.picture())


def test_running_out_of_memory_offers_the_next_plan() -> None:
    from server.diffusion import memory

    need = memory.Need({"unet": 5_000_000_000, "text": 2_000_000_000}, 2_000_000_000)
    plans = [memory.choose("auto", need, free, "cuda:0") for free in (10**10, 8 * 10**9, 3 * 10**9)]
    assert plans == ["device", "parts", "layers"]
    assert memory.choose("auto", need, None, "cuda:0") == "device"
    assert memory.choose("parts", need, 0, "cuda:0") == "parts"
    with pytest.raises(memory.Fault) as caught:
        memory.choose("auto", need, 10**9, "cuda:0")
    assert caught.value.code == "out_of_memory" and "Draft" in caught.value.hint
    assert "Parts in Turn" in memory.smaller("device", "cuda:0", MemoryError()).hint
    assert "Draft" in memory.smaller("layers", "cuda:0", MemoryError()).hint
    assert "Draft" in memory.smaller("device", "cpu", MemoryError()).hint
    assert (memory.free_bytes("cpu") or 10**9) > 10**8


def test_memory_that_runs_out_in_the_middle_is_a_fault(bench: Bench) -> None:
    """A real allocation that cannot be had: the decoder asks for 10^15 bytes."""
    studio = bench.runner._loaded["sdxl"][0].studio if "sdxl" in bench.runner._loaded else None
    if studio is None:
        bench.picture()
        studio = bench.runner._loaded["sdxl"][0].studio
    decoder = studio.checkpoint.parts["vae"].decoder
    hook = decoder.register_forward_pre_hook(lambda *_: torch.empty(10**15))
    try:
        fault = bench.fault()
    finally:
        hook.remove()
    assert fault.code == "out_of_memory" and "Draft" in fault.hint
    assert isinstance(bench.runner, Runner) and not bench.runner._loaded, "its memory was given back"
