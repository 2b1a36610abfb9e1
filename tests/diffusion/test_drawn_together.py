"""All views as one: what is added to the checkpoint counts, portions change nothing, backgrounds do not bleed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from drawn import apart, drawn
from safetensors.torch import save_file
from test_adapters import lora
from test_texture_engines import mesh, picture

from blender_aigc.protocol import Fault
from server.diffusion import tiny
from server.diffusion.attention import Sight
from server.diffusion.samplers import SAMPLERS, Habit, scheduler_for
from server.diffusion.synchronise import synchronised
from server.geometry.between_views import ViewLinks
from server.texturing.drawn_together import Agreement, _backgrounds
from server.texturing.from_present import Start

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


@pytest.mark.parametrize(("until", "looking"), [(0.8, [0, 1]), (0.1, [0]), (0.0, [])])
def test_views_look_at_each_other_for_the_first_fifth(bench, mesh: Path, monkeypatch, until, looking) -> None:
    """Of ten steps the first two: what one view holds then changes what the network answers for its neighbours."""
    from diffusers import UNet2DConditionModel

    heard: list[set[int]] = []
    plain = UNet2DConditionModel.forward

    def noted(self, sample, *given, **options):  # noqa: ANN001, ANN202
        answer = plain(self, sample, *given, **options)
        other = sample.clone()
        other[3] += 1  # the right side, without the prompt
        moved = (plain(self, other, *given, **options)[0] - answer[0]).abs().amax((1, 2, 3))
        heard.append(set((moved > 1e-6).nonzero().flatten().tolist()))
        return answer

    monkeypatch.setattr(UNet2DConditionModel, "forward", noted)
    drawn(bench, mesh, at_once=0, steps=10, agreement=until)
    assert len(heard) == 10
    assert [step for step, views in enumerate(heard) if {2, 3, 4} <= views] == looking
    assert all(views == {3} for step, views in enumerate(heard) if step not in looking)


def wall(cosines: tuple[float, float], seed: int = 0) -> tuple[ViewLinks, torch.Tensor]:
    """Two views of the same 64 points, seen at these cosines, and what each predicts: noise, half of it its own."""
    same = torch.arange(64, dtype=torch.int32).expand(2, 2, 64)
    cosine = torch.tensor(cosines)[None, :, None].expand(2, 2, 64)
    own, shared = torch.randn(2, 2, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
    clean = own + shared[:1]
    return ViewLinks(same, cosine, torch.ones(2, 8, 8).bool()), clean


def agreement_of(links: ViewLinks, until: float = 0.8) -> Agreement:
    return Agreement(links, Sight.ring(2), torch.zeros(1, 4), np.random.default_rng(2), until)


def test_all_views_count_alike_at_first_and_the_squarest_at_last() -> None:
    """The exponent of the cosine grows with the steps, up to 6 at the end of all."""
    links, _ = wall((1.0, 0.5))
    ask = agreement_of(links, 1.0)
    clean = torch.stack([torch.ones(4, 8, 8), torch.zeros(4, 8, 8)])
    for step in (0, 5, 9):
        assert torch.allclose(ask(clean, step, 10), torch.tensor(1 / (1 + 0.5 ** (0.6 * step)))), step


def test_what_is_agreed_has_the_contrast_of_each_view() -> None:
    """The mean of two that differ is less far spread than they are; that is made up for."""
    links, clean = wall((1.0, 1.0))
    agreed = agreement_of(links)(clean, 0, 10)
    assert torch.allclose(agreed.flatten(2).std(2), clean.flatten(2).std(2), rtol=1e-3)
    assert (links.blend(clean, 0, keep_contrast=False).flatten(2).std(2) < 0.95 * clean.flatten(2).std(2)).any()
    assert links.disagreement(agreed) < 0.5 * links.disagreement(clean)


def test_over_a_present_texture_they_go_on_where_its_part_of_the_steps_begins() -> None:
    """The last two of ten steps are each view's own, however few are taken; what may not change stays as it is."""
    links, clean = wall((1.0, 1.0))
    free = torch.ones(2, 8, 8).bool()
    free[:, 0] = False
    for first, agreed in ((2, True), (7, True), (8, False)):
        start = Start({}, torch.full_like(clean, 5.0), free, first)
        ask = Agreement(links, Sight.ring(2), torch.zeros(1, 4), np.random.default_rng(2), 0.8, start)
        found = ask(clean, 0, 10)
        assert torch.equal(found[:, :, 1:], clean[:, :, 1:]) != agreed and (found[:, :, 0] == 5).all(), first
        assert not ask.sight.active


def test_all_views_begin_with_one_noise_on_the_surface(bench, mesh: Path, monkeypatch) -> None:
    from diffusers import UNet2DConditionModel

    first: list[torch.Tensor] = []
    linked: list[ViewLinks] = []
    plain, agree = UNet2DConditionModel.forward, Agreement.__call__

    def noted(self, sample, *given, **options):  # noqa: ANN001, ANN202
        first.append(sample[:6].clone())
        return plain(self, sample, *given, **options)

    def linking(self, *given):  # noqa: ANN001, ANN202
        linked.append(self.links)
        return agree(self, *given)

    monkeypatch.setattr(UNet2DConditionModel, "forward", noted)
    monkeypatch.setattr(Agreement, "__call__", linking)
    apart_by = []
    for agreement in (0.8, 0.0):
        first.clear()
        drawn(bench, mesh, at_once=0, steps=1, agreement=agreement)
        apart_by.append(linked[-1].disagreement(first[0]))
    assert apart_by[0] < 0.75 * apart_by[1]


def test_backgrounds_are_plain_pictures_of_other_colours() -> None:
    pipeline = tiny.sdxl_pipeline()
    found = _backgrounds(pipeline, SimpleNamespace(rng=np.random.default_rng(1)))
    with torch.no_grad():
        grey = pipeline.vae.encode(torch.zeros(1, 3, 64, 64)).latent_dist.mode().mean((2, 3))
    assert found.shape == (9, 4) and torch.allclose(found[:1], grey * pipeline.vae.config.scaling_factor, atol=1e-5)
    assert torch.pdist(found).min() > 0, "eight colours besides"


def test_backgrounds_change_every_step_and_never_touch_the_object() -> None:
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
