"""`sdxl_tiling`: a picture whose sides go on in each other; the same network without the torus fails the test."""

from __future__ import annotations

import json
import uuid
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from PIL import Image  # noqa: E402

from blender_aigc.protocol import Job  # noqa: E402
from server.diffusion.circular import circular  # noqa: E402
from server.diffusion.tiny import sdxl_pipeline  # noqa: E402
from server.registry import Registry  # noqa: E402
from server.texturing import tile_drawn  # noqa: E402
from server.texturing.tile import wrap_difference  # noqa: E402
from server.weights import Shelf  # noqa: E402
from server.worker import Runner  # noqa: E402


@pytest.fixture(scope="module")
def drawn(weights: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("tiles")
    runner = Runner(Registry(shelf=Shelf([weights], hub_cache=folder / "none")), "cpu")

    def draw(
        prompt: str = "moss", cancel_at: int = 10**9, cancel_in: str = "", seed: int = 1, sent=None, **params: Any
    ):
        out = folder / str(uuid.uuid4())
        out.mkdir()
        params = {"texture_px": "512", "drawn_px": "64", "steps": 3, **params}
        job = Job(str(uuid.uuid4()), "tile_texture", "sdxl_tiling", {}, params, prompt, seed, "Moss")
        sent = [] if sent is None else sent

        def cancelled() -> bool:
            return len(sent) >= cancel_at or cancel_in in [report.phase for report in sent]

        return runner.run(job, out, {}, sent.append, cancelled), out

    return draw


def colour_of(out: Path) -> np.ndarray:
    tile = json.loads((out / "material.json").read_text())["tile"]
    return np.asarray(Image.open(out / tile["maps"]["colour"]))


def small(drawn, seed: int) -> np.ndarray:
    """The picture as the network drew it, 64 px."""
    kept: list[np.ndarray] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tile_drawn, "_at_size", lambda picture, size: kept.append(picture) or AT_SIZE(picture, size))
        drawn(drawn_px="64", seed=seed)
    return kept[0]


AT_SIZE = tile_drawn._at_size


def step_over(picture: np.ndarray) -> float:
    """Mean step over the border, over the mean step inside."""
    values = picture.astype(np.float32)
    over = [np.abs(values.take(0, axis) - values.take(-1, axis)).mean() for axis in (0, 1)]
    inside = [np.abs(np.diff(values, axis=axis)).mean() for axis in (0, 1)]
    return float(sum(over) / sum(inside))


def test_the_sides_go_on_in_each_other(drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, out = drawn(drawn_px="64", texture_px="512")
    assert ended.say == "done", ended.fault
    for ending in ("BaseColor", "ORM", "Normal", "Height"):
        assert wrap_difference(np.asarray(Image.open(out / f"Moss_{ending}.png")).astype(np.float32)) < 1.05
    ours = np.mean([step_over(small(drawn, seed)) for seed in (1, 2)])
    monkeypatch.setattr(tile_drawn, "circular", lambda *_: nullcontext())
    naive = np.mean([step_over(small(drawn, seed)) for seed in (1, 2)])
    assert ours < 1.05 and naive > 1.2


def test_a_torus_has_no_beginning() -> None:
    """Moving the noise moves the picture, by whole steps of the network; without the torus the borders differ."""
    pipeline = sdxl_pipeline()
    sample = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    added = {"text_embeds": torch.ones(1, 32), "time_ids": torch.ones(1, 6)}

    def answer(given: Any) -> Any:
        with torch.no_grad():
            made = pipeline.unet(given, 500, torch.ones(1, 77, 80), added_cond_kwargs=added).sample
            return made, pipeline.vae.decode(given).sample

    with circular(pipeline.unet, pipeline.vae):
        (unet, vae), (moved_unet, moved_vae) = answer(sample), answer(sample.roll((4, 6), (2, 3)))
    assert torch.allclose(unet.roll((4, 6), (2, 3)), moved_unet, atol=1e-4)
    assert torch.allclose(vae.roll((32, 48), (2, 3)), moved_vae, atol=1e-3)
    (unet, _), (moved_unet, _) = answer(sample), answer(sample.roll((4, 6), (2, 3)))
    assert not torch.allclose(unet.roll((4, 6), (2, 3)), moved_unet, atol=1e-3)
    modes = {m.padding_mode for n in (pipeline.unet, pipeline.vae) for m in n.modules() if hasattr(m, "padding_mode")}
    assert modes == {"zeros"}, "as before"


def test_larger_maps_are_enlarged_over_the_border(drawn) -> None:
    ended, out = drawn(texture_px="1024", drawn_px="64")
    assert ended.say == "done", ended.fault
    assert colour_of(out).shape == (1024, 1024, 3) and wrap_difference(colour_of(out)) < 1.05


def test_what_is_asked_for_matters(drawn) -> None:
    first = colour_of(drawn(drawn_px="64")[1])
    assert np.array_equal(first, colour_of(drawn(drawn_px="64")[1]))
    for asked in ({"seed": 2}, {"prompt": "rust"}, {"as_texture": False}):
        assert not np.array_equal(first, colour_of(drawn(**asked, drawn_px="64")[1])), asked


def test_refusals(drawn) -> None:
    assert drawn(prompt=" ")[0].fault.code == "bad_input"
    ended, out = drawn(cancel_at=3)
    assert ended.say == "cancelled" and not list(out.iterdir())


def test_cancelled_in_every_phase_it_leaves_nothing(drawn) -> None:
    sent: list[Any] = []
    assert drawn(sent=sent)[0].say == "done"
    phases = [report.phase for report in sent]
    assert list(dict.fromkeys(phases)) == ["Loading", "Denoising", "Guessing the relief", "Saving"]
    for phase in dict.fromkeys(phases):
        heard: list[Any] = []
        ended, out = drawn(cancel_in=phase, sent=heard)
        assert ended.say == "cancelled" and heard[-1].phase == phase, (phase, [report.phase for report in heard])
        assert not list(out.iterdir()), phase


def test_a_cancel_is_heard_within_a_step(drawn) -> None:
    """With 50 steps before it, the network is asked once more at the most."""
    from diffusers import UNet2DConditionModel

    calls: list[int] = []
    plain = UNet2DConditionModel.forward

    def counted(self, *args: Any, **options: Any) -> Any:  # noqa: ANN001
        calls.append(len(sent))
        return plain(self, *args, **options)

    sent: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UNet2DConditionModel, "forward", counted)
        ended, out = drawn(steps=50, cancel_at=4, sent=sent)
    assert ended.say == "cancelled" and not list(out.iterdir())
    assert 1 <= len(calls) < 10 and sum(told >= 4 for told in calls) <= 1, calls
