"""Engines that draw views work on a part of a texture: they begin with what is there, and change what they may."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

trimesh = pytest.importorskip("trimesh")
sys.path.insert(0, str(Path(__file__).parents[1] / "server"))

from made_meshes import NOISE, with_part  # noqa: E402
from PIL import Image  # noqa: E402

ENGINES = ("sdxl_sync", "sequential_inpaint")
STRIPES = np.ascontiguousarray(np.repeat(np.repeat(NOISE[::32, ::32], 32, axis=0), 32, axis=1))
"""Colours in patches, so that a view can show them."""


def made(bench, mesh: Path, model: str, **options) -> dict[str, np.ndarray]:
    """File name -> picture of one job."""
    options = {"view_px": "64", "texture_px": "256", "cameras": "axes", "prompt": "moss", "steps": 2} | options
    ending, _, out = bench.ending(model=model, task="texture_mesh", given={"mesh": mesh}, **options)
    assert ending.say == "done", ending.fault
    return {p.name: np.asarray(Image.open(p)) for p in out.glob("*.png") if not p.name.startswith("preview")}


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube with coloured patches, of which one side may change."""
    return with_part(tmp_path_factory.mktemp("side") / "cube.npz", pictures=(STRIPES,))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_part(tmp_path_factory.mktemp("whole") / "cube.npz", np.ones(12, bool), (STRIPES,))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with other colours."""
    path = tmp_path_factory.mktemp("other") / "cube.npz"
    return with_part(path, np.ones(12, bool), (STRIPES[::-1].copy(),))


def changed(pictures: dict[str, np.ndarray]) -> np.ndarray:
    return (pictures["cube_BaseColor.png"] != STRIPES).any(axis=2)


@pytest.mark.parametrize("model", ENGINES)
def test_one_side_changes_and_the_others_keep_their_bytes(bench, side: Path, model: str) -> None:
    """The second side of the cube lies in the middle of the lower row of the texture."""
    there = changed(made(bench, side, model))
    assert there[176:250, 92:164].mean() > 0.7
    there[171:, 86:171] = False
    assert not there.any()


def heard(bench, paths: tuple[Path, Path], model: str, **options) -> float:
    """How much the views differ between two present textures, everything else being the same."""
    options = {"controls": "", "steps": 3, "only_views": "front, left"} | options
    one, other = (made(bench, path, model, **options) for path in paths)
    names = [name for name in one if name.startswith("view_")]
    assert len(names) == 2
    return float(np.mean([np.abs(one[name].astype(int) - other[name]).mean() for name in names]))


@pytest.mark.parametrize("model", ENGINES)
def test_views_begin_with_the_present_texture(bench, whole: Path, other: Path, model: str) -> None:
    """It shows the more, the lower the strength. (A network of random numbers does not draw what it begins with, so
    that two textures are compared.)
    """
    near = heard(bench, (whole, other), model, strength=0.34)
    far = heard(bench, (whole, other), model, strength=1.0)
    assert near > 1.5 * far and near > 1, (near, far)


@pytest.mark.parametrize("model", ENGINES)
def test_one_view_is_drawn_again(bench, whole: Path, model: str) -> None:
    """Only the side that the view sees changes, fading out where it is seen at a slant."""
    pictures = made(bench, whole, model, only_views="back", view_prompts="front: a face")
    assert [name for name in pictures if name.startswith("view_")] == ["view_back.png"]
    there = changed(pictures)
    sides = [there[y : y + 66, x : x + 66].mean() for y in (180, 95) for x in (10, 95, 180)]
    assert sorted(round(share) for share in sides) == [0, 0, 0, 0, 0, 1], sides
    fault = bench.fault(
        model=model, task="texture_mesh", given={"mesh": whole}, prompt="x", view_px="64", only_views="bakc"
    )
    assert "no view called 'bakc'" in str(fault)


@pytest.mark.parametrize("model", ENGINES)
def test_a_part_that_no_view_sees_is_said(bench, side: Path, model: str) -> None:
    ask = {"model": model, "task": "texture_mesh", "given": {"mesh": side}, "view_px": "64", "cameras": "axes"}
    assert "None of the views sees the part" in str(bench.fault(**ask, only_views="front", steps=1))


def test_what_may_not_change_is_what_the_views_show_there(bench, side: Path, whole: Path, other: Path) -> None:
    """Around the part the network sees the present texture even at full strength, not what it would rather draw."""
    kept = with_part(other.parent / "side.npz", pictures=(STRIPES[::-1].copy(),))
    around = heard(bench, (side, kept), "sdxl_sync", strength=1.0)
    free = heard(bench, (whole, other), "sdxl_sync", strength=1.0)
    assert around > 1.5 * free and around > 1, (around, free)


def test_mv_adapter_keeps_the_rest_too(bench, side: Path, weights: Path) -> None:
    from server.texturing.six_together import write_tiny

    if not (weights / "sdxl" / "mv_adapter").is_dir():
        write_tiny(weights / "sdxl" / "mv_adapter")
    given = {"view_px": "64", "texture_px": "256", "steps": 2}
    ending, _, out = bench.ending(model="mv_adapter", task="texture_mesh", given={"mesh": side}, **given)
    assert ending.say == "done", ending.fault
    there = (np.asarray(Image.open(out / "cube_BaseColor.png")) != STRIPES).any(axis=2)
    assert there[176:250, 92:164].mean() > 0.7 and not there[:165].any()


def test_things_that_were_drawn_apart_are_blended_again(bench, tmp_path: Path) -> None:
    """Each with words of its own: the scene of their views is set up anew, from what the file of views tells."""
    boxes = [trimesh.creation.box((1, 1, height)) for height in (0.5, 2)]
    lines, first = [], 1
    for name, box in zip(("Chest", "Tower"), boxes, strict=True):
        lines += [f"o {name}", *(f"v {x} {y} {z}" for x, y, z in box.vertices)]
        lines += ["f " + " ".join(str(first + corner) for corner in face) for face in box.faces]
        first += len(box.vertices)
    (tmp_path / "two.obj").write_text("\n".join(lines) + "\n")
    given = {"mesh": tmp_path / "two.obj"}
    size = {"texture_px": "256"}
    plain = {"model": "sdxl_sync", "view_px": "64", "steps": 1, "cameras": "axes", "delight": 0.0, **size}
    ending, _, out = bench.ending(task="texture_mesh", given=given, prompt="chest: oak; tower: stone", **plain)
    assert ending.say == "done", ending.fault
    given["views"] = out / "views.npz"
    again, _, other = bench.ending("blend_again", "blend_texture", given, "x", border_px=16, delight=0.0, **size)
    assert again.say == "done", again.fault
    names = ["Chest_BaseColor.png", "Tower_BaseColor.png"]
    for name in names:
        assert np.array_equal(np.asarray(Image.open(out / name)), np.asarray(Image.open(other / name))), name


@pytest.mark.parametrize("model", ENGINES)
def test_a_cancel_in_any_phase_leaves_nothing(bench, side: Path, model: str) -> None:
    options = {"model": model, "task": "texture_mesh", "given": {"mesh": side}, "only_views": "left, right"}
    options |= {"view_px": "64", "texture_px": "256", "cameras": "axes", "steps": 2}
    bench.cancelled_everywhere(6, **options)


def test_textures_beyond_memory_offer_the_next_smaller(bench, side: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from server.texturing import delivery

    mesh = with_part(side.parent / "plain.npz")
    stored = {name: array for name, array in np.load(mesh).items() if name not in ("change", "present_uvs")}
    np.savez(mesh, **stored)
    monkeypatch.setattr(delivery, "free_bytes", lambda: 3_000_000_000)
    fault = bench.fault(model="sdxl_sync", task="texture_mesh", given={"mesh": mesh}, view_px="64", texture_px="8192")
    assert fault.code == "out_of_memory" and "Texture Size of 4096 px" in str(fault)


def test_pictures_that_are_no_numbers_are_refused() -> None:
    from blender_aigc.protocol import Fault
    from server.texturing.drawn_together import finished

    bad = np.zeros((2, 8, 8, 3), np.float32)
    bad[1, 3, 3] = np.nan
    with pytest.raises(Fault, match="not numbers"):
        finished(bad)
