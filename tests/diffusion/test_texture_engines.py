"""Engines that texture by drawing views, on tiny woken checkpoints: end to end, and what must matter matters."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

trimesh = pytest.importorskip("trimesh")

from PIL import Image  # noqa: E402

from blender_aigc.protocol import Result  # noqa: E402


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ball on a box, an OBJ without UVs."""
    ball = trimesh.creation.icosphere(2, 0.6)
    box = trimesh.creation.box((1.0, 1.0, 0.4))
    ball.apply_translation((0, 0, 0.7))
    path = tmp_path_factory.mktemp("mesh") / "statue.obj"
    trimesh.util.concatenate([ball, box]).export(path)
    return path


def made(bench, mesh: Path, model: str = "sdxl_sync", **options) -> tuple[dict[str, np.ndarray], Result]:
    """File name -> picture (H, W[, C]), and the result."""
    options = {
        "view_px": "64",
        "texture_px": "256",
        "cameras": "axes",
        "prompt": "a marble statue",
        "steps": 2,
    } | options
    ending, _, out = bench.ending(model=model, task="texture_mesh", given={"mesh": mesh}, **options)
    assert ending.say == "done", ending.fault
    files = [path for path in out.glob("*.png") if not path.name.startswith("preview")]
    return {path.name: np.asarray(Image.open(path)) for path in files}, ending.result


def views(pictures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: picture.astype(int) for name, picture in pictures.items() if name.startswith("view_")}


def difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


@pytest.fixture(scope="module")
def plain(bench, mesh: Path):
    return made(bench, mesh, controls="depth:1.5")


def test_a_mesh_comes_back_with_all_maps(plain) -> None:
    pictures, result = plain
    assert {"statue_BaseColor.png", "statue_ORM.png", "statue_Normal.png", "statue_Height.png"} <= pictures.keys()
    assert len(views(pictures)) == 6 and all(view.shape == (64, 64, 3) for view in views(pictures).values())
    assert pictures["statue_BaseColor.png"].shape == (256, 256, 3)
    assert np.ptp(pictures["statue_BaseColor.png"].astype(int)) > 5
    assert float(str(result.report["seen"]).rstrip("%")) > 70
    assert len(result.provenance.weights_sha256) == 64


def test_the_same_job_makes_the_same_bits(bench, mesh: Path, plain) -> None:
    again, _ = made(bench, mesh, controls="depth:1.5")
    assert all(np.array_equal(picture, again[name]) for name, picture in plain[0].items())


def test_the_depth_of_the_object_matters(bench, mesh: Path, plain) -> None:
    without, _ = made(bench, mesh, controls="")
    assert difference(views(plain[0]), views(without)) > 0
    weightless, _ = made(bench, mesh, controls="depth:0")
    assert difference(views(without), views(weightless)) == 0


def test_a_union_hears_all_kinds(bench, mesh: Path) -> None:
    base = views(made(bench, mesh, controls="union=depth:1.5, union=normal:1.5, union=line:1.5")[0])
    other = views(made(bench, mesh, controls="union=depth:1.5, union=normal:1.5")[0])
    assert difference(base, other) > 0


def test_views_that_are_drawn_together_agree(bench, mesh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cross-view disagreement of the latents falls to half or less of what it is when each view is drawn for itself."""
    from server.texturing.drawn_together import Agreement

    seen: list[float] = []
    plain = Agreement.__call__

    def noted(self, clean, step, steps):  # noqa: ANN001, ANN202
        seen.append(self.links.disagreement(clean) / float(clean.std()))
        return plain(self, clean, step, steps)

    monkeypatch.setattr(Agreement, "__call__", noted)
    for agreement in (1.0, 0.0):
        made(bench, mesh, controls="", agreement=agreement, steps=5)
    assert len(seen) == 10
    assert seen[4] < 0.5 * seen[9], seen


def test_words_reach_their_view_only(bench, mesh: Path) -> None:
    base = views(made(bench, mesh, agreement=0.0, controls="")[0])
    other = views(made(bench, mesh, agreement=0.0, controls="", view_prompts="top: a green hat")[0])
    changed = {name for name in base if np.abs(base[name] - other[name]).max() > 0}
    assert changed == {"view_top.png"}


def test_cancel_is_heard_within_a_step(bench, mesh: Path) -> None:
    options = {"view_px": "64", "texture_px": "256", "steps": 50}
    ending, sent, out = bench.ending(
        model="sdxl_sync", task="texture_mesh", given={"mesh": mesh}, prompt="x", cancel_at=10, **options
    )
    assert ending.say == "cancelled" and len(sent) <= 11
    assert not list(out.glob("*.png"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompt": " "}, "prompt is empty"),
        ({"view_prompts": "tpo: a hat"}, "no view called"),
        ({"controls": "pose:1"}, "no pose pass|no ControlNet for pose"),
        ({"sampler": "heun"}, "together"),
    ],
)
def test_what_cannot_be_done_is_said(bench, mesh: Path, options: dict, words: str) -> None:
    fault = bench.fault(
        model="sdxl_sync",
        task="texture_mesh",
        given={"mesh": mesh},
        **({"view_px": "64", "texture_px": "256"} | options),
    )
    assert re.search(words, str(fault)), fault
