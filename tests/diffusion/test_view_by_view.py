"""View by view with FLUX.1 and Z-Image: each continues what is there, and what they are told counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Bench
from drawn import apart, drawn, whole
from test_texture_engines import made, mesh, views

from blender_aigc.protocol import Fault
from server.diffusion import tiny, tiny_flux
from server.geometry.raster import Scene, render_maps
from server.texturing.one_by_one import _so_far

assert mesh  # the fixture
ENGINES = ("sequential_flux", "sequential_z_image")
CONTROL = {"sequential_flux": "depth", "sequential_z_image": "union=depth"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Its weights are [schnell], Fill, Depth and Z-Image."""
    weights = tmp_path_factory.mktemp("view_by_view")
    tiny_flux.write_flux(weights / "flux")
    tiny.write_z_image(weights / "z_image")
    for name, kind in (("fill", "FluxFillPipeline"), ("FLUX.1-Depth-dev", "FluxControlPipeline")):
        tiny_flux.flux_pipeline(2, kind, guided=True).save_pretrained(str(weights / "flux" / name))
    return Bench(weights, tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("model", ENGINES)
def test_later_views_keep_what_is_there(bench: Bench, mesh: Path, model: str) -> None:
    """Free only where earlier ones saw nothing or saw it worse, so that words for one view leave those before it."""
    options = {"steps": 1 if model == "sequential_flux" else 2}
    views_, subject, cameras = whole(bench, mesh, model, controls=CONTROL[model], **options)
    scene = Scene(subject.triangles)
    seen = render_maps(scene, cameras[:2])[1]
    there, kept = _so_far(scene, cameras[:1], views_[:1], seen), seen.mask.numpy() & (views_[1][..., 3] == 0)
    assert kept.sum() > 100 and np.array_equal(views_[1][kept][:, :3], there[kept][:, :3])
    plain = np.stack([view[..., :3] for view in views_]).astype(int)
    assert len(plain) == 6 and all(view.std() > 1 for view in plain[:2])
    other = drawn(bench, mesh, model, controls=CONTROL[model], view_prompts="right: green", **options)
    changed = apart(plain, other) > 0
    assert changed.any() and not changed[0]
    assert (apart(plain, drawn(bench, mesh, model, **options))[:2] > 0).all(), "its control counts"


@pytest.mark.parametrize("checkpoint", ["fill", "FLUX.1-Depth-dev"])
def test_checkpoints_that_fill_or_always_look(bench: Bench, mesh: Path, checkpoint: str) -> None:
    """Fill draws the object alone; Depth looks at each view's depth, and at lines when told so."""
    plain = drawn(bench, mesh, "sequential_flux", checkpoint=checkpoint, controls="auto", steps=1)
    assert plain[0].std() > 1
    if checkpoint == "fill":
        assert not plain[0][0].any(), "nothing is drawn beside it"
    else:
        lines = drawn(bench, mesh, "sequential_flux", checkpoint=checkpoint, controls="line", steps=1)
        assert apart(plain, lines)[0] > 0


def test_what_it_cannot_do_is_said(bench: Bench, mesh: Path) -> None:
    tiny.z_image_controlnet(6, masks=False).save_pretrained(str(bench.weights / "z_image" / "controlnets" / "old"))
    with pytest.raises(Fault, match="may change"):
        drawn(bench, mesh, "sequential_z_image", controls="old=depth")
    with pytest.raises(Fault, match="too long"):
        drawn(bench, mesh, "sequential_flux", prompt="oak " * 200)


def test_textures_come_back(bench: Bench, mesh: Path) -> None:
    """The whole way once, through the worker; the other family differs in what is drawn only."""
    pictures, result = made(bench, mesh, "sequential_flux", controls="depth", steps=1)
    assert {"statue_BaseColor.png"} <= pictures.keys() and len(views(pictures)) == 6
    assert np.unique(pictures["statue_BaseColor.png"].reshape(-1, 3), axis=0).shape[0] > 50
    assert "Apache" in result.provenance.licence


@pytest.mark.parametrize("model", ENGINES)
def test_a_cancel_in_any_phase_leaves_nothing(bench: Bench, mesh: Path, model: str) -> None:
    options = {"model": model, "task": "texture_mesh", "given": {"mesh": mesh}, "controls": CONTROL[model]}
    options |= {"view_px": "64", "texture_px": "256", "cameras": "axes", "only_views": "left", "steps": 1}
    bench.cancelled_everywhere(6, **options)


@pytest.mark.parametrize("model", ENGINES)
def test_a_cancel_is_heard_within_a_step(bench: Bench, mesh: Path, monkeypatch, model: str) -> None:
    """Cancelled while the network works on the seventh of twenty steps, it is not asked for an eighth."""
    from diffusers import FluxTransformer2DModel, ZImageTransformer2DModel

    network = FluxTransformer2DModel if model == "sequential_flux" else ZImageTransformer2DModel
    calls: list[int] = []
    plain = network.forward

    def counted(self, *given, **options):  # noqa: ANN001, ANN202
        calls.append(1)
        return plain(self, *given, **options)

    monkeypatch.setattr(network, "forward", counted)
    options = {"model": model, "task": "texture_mesh", "given": {"mesh": mesh}, "controls": "", "steps": 20}
    options |= {"view_px": "64", "texture_px": "256", "cameras": "axes", "only_views": "left"}
    ending, _, out = bench.ending(**options, cancel_when=lambda _sent: len(calls) >= 7)
    assert ending.say == "cancelled" and len(calls) == 7, (len(calls), ending.fault)
    assert not list(out.iterdir())
