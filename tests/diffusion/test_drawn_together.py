"""All views as one: what is added to the checkpoint counts, portions change nothing, backgrounds do not bleed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import apart, drawn
from safetensors.torch import save_file
from test_adapters import lora
from test_texture_engines import mesh, picture

from blender_aigc.protocol import Fault
from server.diffusion import tiny
from server.diffusion.samplers import SAMPLERS, Habit, scheduler_for
from server.diffusion.synchronise import synchronised

assert mesh  # the fixture


@pytest.fixture(scope="module")
def plain(bench, mesh: Path) -> np.ndarray:
    return drawn(bench, mesh)


def test_a_reference_picture_gives_its_look(bench, mesh: Path, plain, tmp_path: Path) -> None:
    """By the IP-Adapter, in all views; with weight 0, and in the next job, nothing of it is left."""
    red, blue = (picture(tmp_path / f"{name}.png", rgb) for name, rgb in (("r", (255, 0, 0)), ("b", (0, 0, 255))))
    like_red = drawn(bench, mesh, reference=red)
    assert (apart(like_red, plain) > 0).all() and apart(like_red, drawn(bench, mesh, reference=blue)).max() > 0
    assert apart(drawn(bench, mesh, reference=red, reference_weight=0.0), plain).max() == 0
    assert apart(drawn(bench, mesh), plain).max() == 0


def test_a_reference_counts_for_view_by_view_too(bench, mesh: Path, tmp_path: Path) -> None:
    red = picture(tmp_path / "red.png", (255, 0, 0))
    one, other = (drawn(bench, mesh, "sequential_inpaint", path, steps=1) for path in (None, red))
    assert apart(one, other)[0] > 0


def test_without_an_ip_adapter_a_reference_is_refused(bench, mesh: Path, weights: Path, tmp_path: Path) -> None:
    red, folder = picture(tmp_path / "red.png", (255, 0, 0)), weights / "sdxl" / "ip_adapter"
    aside = folder.rename(folder.with_name("aside"))
    try:
        with pytest.raises(Fault, match="IP-Adapter") as told:
            drawn(bench, mesh, reference=red)
    finally:
        aside.rename(folder)
    assert told.value.code == "weights_missing"


@pytest.mark.parametrize("kind", ["line", "normal"])
def test_single_nets_for_lines_and_normals_matter(bench, mesh: Path, plain, kind: str) -> None:
    assert apart(plain, drawn(bench, mesh, controls=f"{kind}:1.5")).max() > 0


def test_loras_count(bench, mesh: Path, plain, weights: Path) -> None:
    place = weights / "sdxl" / "loras"
    place.mkdir(exist_ok=True)
    save_file(lora(16, 9), place / "chalk.safetensors")
    assert apart(plain, drawn(bench, mesh, loras="chalk")).max() > 0
    assert apart(plain, drawn(bench, mesh)).max() == 0, "it leaves no trace"


def test_views_at_once_change_no_answer(bench, mesh: Path) -> None:
    """While the views look at each other (the first of six steps) and after that; usual is two at once."""
    ask = {"controls": "depth:1.5", "steps": 6}
    usual = drawn(bench, mesh, **ask)
    for at_once in (1, 0):
        assert apart(usual, drawn(bench, mesh, at_once=at_once, **ask)).max() <= 1


@pytest.mark.parametrize("sampler", [key for key in SAMPLERS if key not in ("heun", "tcd")])
def test_the_panels_samplers_are_left_bit_for_bit(sampler: str) -> None:
    """As the panel makes them: Karras, SDE and all. Agreeing with oneself is the stock sampler."""

    def run(agree: bool) -> torch.Tensor:
        scheduler = scheduler_for(tiny.sdxl_pipeline().scheduler, sampler, Habit())
        scheduler.set_timesteps(5)
        chance = torch.Generator().manual_seed(3)
        sample = torch.randn(2, 4, 8, 8, generator=chance) * scheduler.init_noise_sigma
        later = torch.Generator().manual_seed(4)
        with synchronised(scheduler, lambda clean, *_: clean) if agree else torch.no_grad():
            for time in scheduler.timesteps:
                output = scheduler.scale_model_input(sample, time).tanh()
                options = {} if sampler == "unipc" else {"generator": later}
                sample = scheduler.step(output, time, sample, **options, return_dict=False)[0]
        return sample

    assert torch.equal(run(True), run(False))


@pytest.mark.parametrize("sampler", ["heun", "tcd"])
def test_samplers_whose_prediction_is_not_known_are_refused(bench, mesh: Path, sampler: str) -> None:
    """With those that will do, and before a view is drawn; the same sampler draws pictures as ever."""
    ask = {"task": "texture_mesh", "given": {"mesh": mesh}, "texture_px": "256", "view_px": "64", "cameras": "axes"}
    ending, sent, out = bench.ending("sdxl_sync", **ask, sampler=sampler)
    assert ending.fault.code == "bad_request" and "this sampler" in ending.fault.message
    assert "Euler" in ending.fault.hint and not list(out.iterdir())
    assert not [report for report in sent if report.phase == "Drawing all views" and report.step]


def test_backgrounds_change_every_step_and_never_touch_the_object() -> None:
    from server.diffusion.attention import Sight
    from server.geometry.between_views import ViewLinks
    from server.texturing.drawn_together import Agreement

    views_, side = 3, 4
    mask = torch.zeros(views_, side, side, dtype=torch.bool)
    mask[:, 1:3, 1:3] = True
    nobody = torch.full((views_, views_, side * side), -1, dtype=torch.int32)
    links = ViewLinks(nobody, torch.zeros(views_, views_, side * side), mask)
    backgrounds = torch.randn(9, 4, generator=torch.Generator().manual_seed(1))
    agreement = Agreement(links, Sight.ring(views_), backgrounds, np.random.default_rng(2), 0.8)
    clean = torch.randn(views_, 4, side, side, generator=torch.Generator().manual_seed(3))
    colours = []
    for step in range(10):
        agreed = agreement(clean, step, 10)
        on = mask[:, None].expand_as(clean)
        assert torch.equal(agreed[on], clean[on])
        corner = agreed[:, :, 0, 0]
        assert all((agreed[view][:, ~mask[view]] == corner[view][:, None]).all() for view in range(3)) or step >= 8
        colours.append(tuple(int((backgrounds == row).all(1).nonzero()) if step < 8 else -1 for row in corner))
    assert len(set(colours[:4])) > 1, "other colours at other steps"
    assert set(colours[4:8]) == {(0, 0, 0)}, "then mid grey"
    assert torch.equal(agreement(clean, 8, 10), clean), "at last each view for itself, background and all"
