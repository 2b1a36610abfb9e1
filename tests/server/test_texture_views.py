"""Views that are drawn together: who sees what, one prediction, attention, portions."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
trimesh = pytest.importorskip("trimesh")

from server.diffusion import tiny  # noqa: E402
from server.diffusion.attention import Sight, looking_around  # noqa: E402
from server.diffusion.portions import in_portions  # noqa: E402
from server.diffusion.steps import _predicted  # noqa: E402
from server.diffusion.synchronise import synchronised  # noqa: E402
from server.geometry.between_views import ViewLinks, link_views  # noqa: E402
from server.geometry.cameras import ring, six_axes  # noqa: E402
from server.geometry.raster import Scene  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402

SAMPLERS = ["EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler",
            "UniPCMultistepScheduler", "DDIMScheduler", "DDPMScheduler", "LCMScheduler"]  # fmt: skip
SIZE = 32


@pytest.fixture(scope="module")
def ball() -> Scene:
    made = trimesh.creation.icosphere(4)
    return Scene(Triangles(made.vertices.astype(np.float32), made.faces.astype(np.int32)))


@pytest.fixture(scope="module")
def links(ball: Scene) -> ViewLinks:
    return link_views(ball, ring(ball.triangles.positions, 6, SIZE), (SIZE, SIZE))


def positions(ball: Scene, cameras: list) -> torch.Tensor:
    """(N, 3, h, w) the surface point behind each pixel."""
    from server.geometry.raster import render_maps

    return torch.stack([seen.position.permute(2, 0, 1) for seen in render_maps(ball, cameras)])


def test_links_join_pixels_of_the_same_point(ball: Scene, links: ViewLinks) -> None:
    where = positions(ball, [camera.resized(SIZE) for camera in ring(ball.triangles.positions, 6, SIZE)]).flatten(2)
    joined = 0
    for view in range(6):
        for other in range(6):
            here = (links.pixel[view, other] >= 0).nonzero().squeeze(1)
            gap = where[view][:, here] - where[other][:, links.pixel[view, other, here].long()]
            joined += len(here) if view != other else 0
            assert gap.norm(dim=0).max() < 0.25 if len(here) else True  # a pixel is 0.07 wide, more where it is slanted
        assert (links.pixel[view, (view + 3) % 6] < 0).all(), "the far side is not seen"
    assert joined > 2500


def test_what_already_agrees_is_not_changed(ball: Scene, links: ViewLinks) -> None:
    """A smooth colour of the surface: blending finds it as it is, up to the size of a pixel."""
    where = positions(ball, [camera.resized(SIZE) for camera in ring(ball.triangles.positions, 6, SIZE)])
    blended = links.blend(where, 3.0)
    assert (blended - where).abs().max() < 0.2
    assert torch.equal(blended[~links.mask[:, None].expand_as(where)], where[~links.mask[:, None].expand_as(where)])


def test_blending_halves_the_disagreement_and_keeps_the_contrast(links: ViewLinks) -> None:
    values = torch.randn(6, 4, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    blended = links.blend(values, 2.0)
    assert links.disagreement(blended) < 0.6 * links.disagreement(values)
    on = links.shared.view(6, 1, SIZE, SIZE).expand_as(values)
    assert blended[on].std() > 0.9 * values[on].std()
    assert links.blend(values, 2.0, keep_contrast=False)[on].std() < 0.85 * values[on].std()


@pytest.mark.parametrize("power", [0.0, 1.0, 6.0])
def test_the_squarer_view_counts_more(power: float) -> None:
    """Two views of one wall: the second sees it at 60 degrees, so that its cosine is 0.5."""
    same = torch.arange(16, dtype=torch.int32).expand(2, 2, 16)
    links = ViewLinks(same, torch.tensor([1.0, 0.5])[None, :, None].expand(2, 2, 16), torch.ones(2, 4, 4).bool())
    values = torch.stack([torch.ones(3, 4, 4), torch.zeros(3, 4, 4)])
    assert torch.allclose(links.blend(values, power), torch.tensor(1 / (1 + 0.5**power)))


def test_shared_noise_stays_white(links: ViewLinks) -> None:
    noise = torch.randn(6, 16, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    carried = links.carry_noise(noise)
    assert abs(float(carried.std()) - 1) < 0.03 and abs(float(carried.mean())) < 0.03
    assert torch.equal(carried[0], noise[0])
    assert links.disagreement(carried) < 0.75 * links.disagreement(noise)


def sampled(name: str, agree=None, kind: str = "epsilon", told: list | None = None) -> torch.Tensor:
    """Six steps of a sampler over a fixed made-up network. told: gets what the sampler predicted at each step."""
    unclipped = {"clip_sample": False} if name in ("DDIMScheduler", "DDPMScheduler") else {}  # as SDXL's are
    scheduler = getattr(diffusers, name)(**tiny._noise(), prediction_type=kind, **unclipped)
    scheduler.set_timesteps(6)
    chance = torch.Generator().manual_seed(3)
    sample = torch.randn(2, 4, 8, 8, generator=chance) * scheduler.init_noise_sigma
    matrix = torch.randn(4, 4, generator=chance) / 2

    def run() -> torch.Tensor:
        latents = sample
        later = torch.Generator().manual_seed(4)
        for time in scheduler.timesteps:
            seen = scheduler.scale_model_input(latents, time)
            output = torch.einsum("nchw,cd->ndhw", seen.tanh(), matrix)
            options = {} if name in ("DPMSolverMultistepScheduler", "UniPCMultistepScheduler") else {"generator": later}
            result = scheduler.step(output, time, latents, **options)
            if told is not None:
                told.append(_predicted(scheduler, result, latents, output))
            latents = result.prev_sample
        return latents

    if agree is None:
        return run()
    with synchronised(scheduler, agree):
        made = run()
    assert "step" not in vars(scheduler), "the scheduler is left as it was"
    return made


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_agreeing_with_oneself_changes_no_bit(name: str, kind: str) -> None:
    assert torch.equal(sampled(name, lambda clean, *_: clean, kind), sampled(name, kind=kind))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_what_a_sampler_predicts_is_what_was_agreed(name: str, kind: str) -> None:
    """With a target from outside every sampler predicts it at each step, as it tells itself, and ends there."""
    target = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    steps: list[tuple[int, int]] = []
    told: list[torch.Tensor] = []

    def agree(clean: torch.Tensor, step: int, count: int) -> torch.Tensor:
        steps.append((step, count))
        return target

    assert (sampled(name, agree, kind, told) - target).abs().max() < (0.2 if "Ancestral" in name else 0.06)
    assert steps == [(step, 6) for step in range(6)]
    if name != "LCMScheduler":  # which tells of the next sample only
        assert all((clean - target).abs().max() < 2e-3 for clean in told)


@pytest.mark.parametrize("name", SAMPLERS)
def test_steps_are_counted_from_the_first_that_is_taken(name: str) -> None:
    """As the pipelines do that begin with a picture: they take the last part of the schedule."""
    scheduler = getattr(diffusers, name)(**tiny._noise())
    scheduler.set_timesteps(6)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(4)
    steps: list[tuple[int, int]] = []

    def agree(clean: torch.Tensor, step: int, count: int) -> torch.Tensor:
        steps.append((step, count))
        return clean

    sample = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    with synchronised(scheduler, agree):
        for time in scheduler.timesteps[4:]:
            sample = scheduler.step(sample.tanh(), time, sample, return_dict=False)[0]
    assert steps == [(0, 6), (1, 6)]


def test_an_unknown_sampler_is_refused() -> None:
    from blender_aigc.protocol import Fault

    with pytest.raises(Fault, match="together"), synchronised(diffusers.PNDMScheduler(), lambda clean, *_: clean):
        pass


@pytest.fixture(scope="module")
def pipeline():
    return tiny.sdxl_pipeline(0)


def unet_call(pipeline, batch: int) -> dict:
    chance = torch.Generator().manual_seed(6)
    return {
        "sample": torch.randn(batch, 4, 16, 16, generator=chance),
        "timestep": torch.tensor(500),
        "encoder_hidden_states": torch.randn(batch, 7, pipeline.unet.config.cross_attention_dim, generator=chance),
        "added_cond_kwargs": {
            "text_embeds": torch.randn(batch, 32, generator=chance),
            "time_ids": torch.zeros(batch, 6),
        },
        "return_dict": False,
    }


def test_portions_answer_like_the_whole(pipeline) -> None:
    call = unet_call(pipeline, 5)
    sample = call.pop("sample")
    with torch.no_grad():
        whole = pipeline.unet(sample, **call)[0]
        with in_portions(pipeline.unet, lambda: 2):
            parts = pipeline.unet(sample, **call)[0]
    assert torch.allclose(whole, parts, atol=1e-5)
    assert "forward" not in vars(pipeline.unet)


@pytest.mark.parametrize("portion", [1, 3, 5])
def test_portions_in_lockstep_look_at_all_the_others(pipeline, portion: int) -> None:
    """Five views with and without the prompt; a portion of three holds views of both. No gradients in the threads."""
    call = unet_call(pipeline, 10)
    sample = call.pop("sample")
    sight = Sight.ring(5)
    with torch.inference_mode(), looking_around(pipeline.unet, sight):
        whole = pipeline.unet(sample, **call)[0]
        with in_portions(pipeline.unet, lambda: portion, lambda: True):
            parts = pipeline.unet(sample, **call)[0]
        with in_portions(pipeline.unet, lambda: portion):
            alone = pipeline.unet(sample[:5], **{**call, **{key: cut(value) for key, value in call.items()}})[0]
    assert torch.allclose(whole, parts, atol=1e-5) and parts.is_inference()
    assert portion == 5 or not torch.allclose(whole[:5], alone, atol=1e-4), "alone it would be another answer"


def cut(value):
    if isinstance(value, dict):
        return {key: cut(inner) for key, inner in value.items()}
    return value[:5] if isinstance(value, torch.Tensor) and value.ndim else value


def test_in_lockstep_only_one_portion_runs_at_a_time_and_a_failure_ends_all(pipeline) -> None:
    import threading

    from server.diffusion.portions import current

    call = unet_call(pipeline, 4)
    sample = call.pop("sample")
    running: set[int] = set()
    most, seen = 0, set()

    def busy(_module, _args) -> None:
        nonlocal most
        running.add(threading.get_ident())
        seen.add(threading.get_ident())
        most = max(most, len(running))

    def idle(_module, _args, _out) -> None:
        running.discard(threading.get_ident())

    hooks = [pipeline.unet.conv_in.register_forward_pre_hook(busy), pipeline.unet.conv_in.register_forward_hook(idle)]
    with torch.no_grad(), looking_around(pipeline.unet, Sight.ring(4)):
        with in_portions(pipeline.unet, lambda: 2, lambda: True):
            pipeline.unet(sample, **call)
        assert len(seen) == 2 and most == 1 and current() is None
        hooks += [pipeline.unet.mid_block.register_forward_pre_hook(fail)]
        with pytest.raises(ZeroDivisionError), in_portions(pipeline.unet, lambda: 1, lambda: True):
            pipeline.unet(sample, **call)
    for hook in hooks:
        hook.remove()


def fail(_module, _args) -> None:
    from server.diffusion.portions import current

    portion = current()
    if portion is not None and portion.first == 2:
        raise ZeroDivisionError


def test_a_view_hears_of_its_neighbours_only(pipeline) -> None:
    call = unet_call(pipeline, 8)  # four views, with and without the prompt
    sample = call.pop("sample")
    other = sample.clone()
    other[2] += 1
    sight = Sight.ring(4)
    with torch.no_grad():
        plain = pipeline.unet(sample, **call)[0]
        with looking_around(pipeline.unet, sight):
            moved = (pipeline.unet(sample, **call)[0] - pipeline.unet(other, **call)[0]).abs().amax((1, 2, 3))
            sight.active = False
            assert torch.equal(pipeline.unet(sample, **call)[0], plain)
        assert torch.equal(pipeline.unet(sample, **call)[0], plain), "its processors are put back"
    assert (moved[:4] > 1e-6).all() and (moved[4:] == 0).all(), "layer by layer around the ring; never the other prompt"


def test_one_layer_reads_neighbours_and_the_first_view(pipeline) -> None:
    layer = next(module for name, module in pipeline.unet.named_modules() if name.endswith("attn1"))
    tokens = torch.randn(5, 9, layer.to_q.in_features, generator=torch.Generator().manual_seed(7))
    for reference in (False, True):
        sight = Sight.ring(5)
        sight.reference &= reference  # usually it does
        with torch.no_grad(), looking_around(pipeline.unet, sight):
            before = layer(tokens)
            heard = []
            for view in range(5):
                other = tokens.clone()
                other[view] += 1
                heard.append((layer(other) - before).abs().amax((1, 2)) > 1e-6)
        near = {view: {(view - 1) % 5, view, (view + 1) % 5} | ({0} if reference else set()) for view in range(5)}
        assert {view: {n for n in range(5) if heard[n][view]} for view in range(5)} == near


def test_six_axes_are_linked_over_their_edges(ball: Scene) -> None:
    links = link_views(ball, six_axes(ball.triangles.positions, SIZE), (SIZE, SIZE))
    assert all((links.pixel[view] >= 0).sum(0).max() > 1 for view in range(6))
