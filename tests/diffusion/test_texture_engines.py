"""Engines that texture by drawing views, on tiny woken checkpoints: end to end, and what must matter matters."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

trimesh = pytest.importorskip("trimesh")

from PIL import Image  # noqa: E402

from blender_aigc.protocol import Result  # noqa: E402
from server.geometry.cameras import framing, towards  # noqa: E402


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ball on a box, an OBJ without UVs."""
    ball = trimesh.creation.icosphere(2, 0.6)
    box = trimesh.creation.box((1.0, 1.0, 0.4))
    ball.apply_translation((0, 0, 0.7))
    path = tmp_path_factory.mktemp("mesh") / "statue.obj"
    trimesh.util.concatenate([ball, box]).export(path)
    return path


def made(
    bench, mesh: Path, model: str = "sdxl_sync", reference: Path | None = None, **options
) -> tuple[dict[str, np.ndarray], Result]:
    """File name -> picture (H, W[, C]), and the result."""
    options = {
        "view_px": "64",
        "texture_px": "256",
        "cameras": "axes",
        "prompt": "a marble statue",
        "steps": 2,
    } | options
    known = {param.key for param in bench.runner.registry.models[model].info.params} | {"prompt", "seed"}
    options = {key: value for key, value in options.items() if key in known}
    given = {"mesh": mesh} | ({"reference": reference} if reference else {})
    ending, _, out = bench.ending(model=model, task="texture_mesh", given=given, **options)
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
    (state,) = (artefact for artefact in result.artefacts if artefact.kind == "state")
    assert state.meta["views"] == 6


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


@pytest.mark.parametrize("model", ["sdxl_sync", "sequential_inpaint", "mv_adapter"])
def test_cancel_is_heard_within_a_step(bench, mesh: Path, adapted, monkeypatch, model: str) -> None:
    """Cancelled while the network works on the twelfth of fifty steps, it is not asked for a thirteenth."""
    from diffusers import UNet2DConditionModel

    calls: list[int] = []
    plain = UNet2DConditionModel.forward

    def counted(self, *given, **options):  # noqa: ANN001, ANN202
        calls.append(1)
        return plain(self, *given, **options)

    monkeypatch.setattr(UNet2DConditionModel, "forward", counted)
    ask = {"model": model, "task": "texture_mesh", "given": {"mesh": mesh}, "prompt": "x", "texture_px": "256"}
    ask |= {"steps": 50, "view_px": "64"} | ({"at_once": 0} if model == "sdxl_sync" else {})
    ending, _, out = bench.ending(**ask, cancel_when=lambda _sent: len(calls) >= 12)
    assert ending.say == "cancelled" and len(calls) == 12, (len(calls), ending.fault)
    assert not list(out.iterdir())


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


def two_boxes(folder: Path) -> Path:
    lines = []
    for number, name in enumerate(("Chest", "Lid")):
        box = trimesh.creation.box((0.5, 0.5, 0.5))
        lines += [f"o {name}", *(f"v {x + number - 0.5} {y} {z}" for x, y, z in box.vertices)]
        lines += [f"f {a + 8 * number + 1} {b + 8 * number + 1} {c + 8 * number + 1}" for a, b, c in box.faces]
    (folder / "boxes.obj").write_text("\n".join(lines) + "\n")
    return folder / "boxes.obj"


@pytest.mark.parametrize(("model", "several"), [("sdxl_sync", False), ("sequential_inpaint", True)])
def test_cameras_that_see_nothing_are_said_before_anything_is_drawn(
    bench, mesh: Path, tmp_path: Path, model: str, several: bool
) -> None:
    """One looks away, before the other stands a wall; also where objects are drawn one after the other."""
    if several:
        mesh = two_boxes(tmp_path)
    prompt = "bricks; lid: glass"
    points = np.float32([[-1, -1, -1], [1, 1, 1]])
    away, front = framing(points + 100, towards(0, 0), 64), framing(points, towards(0, 0), 64)
    wall = {
        "vertices": np.float32([[-9, -2, -9], [9, -2, -9], [9, -2, 9], [-9, -2, 9]]),
        "faces": np.int32([[0, 1, 2], [0, 2, 3]]),
    }
    for name, pages, hiding in (("away", [away], {}), ("wall", [front], wall), ("both", [away, front], {})):
        meta = json.dumps({"selected": [camera.meta() for camera in pages]}).encode()
        np.savez(tmp_path / f"{name}.npz", meta=np.frombuffer(meta, np.uint8), **hiding)
        given = {"mesh": mesh, "cameras": tmp_path / f"{name}.npz"}
        options = {"view_px": "64", "texture_px": "256", "cameras": "own", "steps": 1}
        ending, sent, out = bench.ending(model, "texture_mesh", given, prompt, **options)
        if name == "both":
            assert ending.say == "done", ending.fault
            continue
        assert ending.fault.code == "empty_result" and "No camera sees" in ending.fault.message and ending.fault.hint
        assert not [one for one in sent if "Drawing" in one.phase]
        assert not list(out.iterdir())


@pytest.fixture(scope="module")
def adapted(weights: Path) -> None:
    from server.texturing.six_together import write_tiny

    write_tiny(weights / "sdxl" / "mv_adapter")


def picture(path: Path, colour: tuple[int, int, int]) -> Path:
    """A striped thing on transparency."""
    rgba = np.zeros((60, 40, 4), np.uint8)
    rgba[5:55:2, 8:30] = (*colour, 255)
    rgba[6:55:2, 8:30] = (255, 255, 255, 255)
    Image.fromarray(rgba).save(path)
    return path


@pytest.mark.parametrize("model", ["sdxl_sync", "sequential_inpaint", "mv_adapter"])
def test_a_view_that_holds_no_numbers_is_said(
    bench, mesh: Path, adapted, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """As half-precision decoders answer now and then, in one pixel of one view."""
    from diffusers import AutoencoderKL

    plain = AutoencoderKL.decode

    def broken(self, *given, **options):  # noqa: ANN001, ANN202
        made = plain(self, *given, **options)
        made[0][-1, :, 5, 5] = float("nan")
        return made

    monkeypatch.setattr(AutoencoderKL, "decode", broken)
    options = {"view_px": "64", "texture_px": "256", "steps": 1}
    options |= {} if model == "mv_adapter" else {"cameras": "axes"}
    ending, _, out = bench.ending(model, "texture_mesh", {"mesh": mesh}, "a statue", **options)
    assert ending.fault.code == "weights_damaged" and "not numbers" in ending.fault.message and ending.fault.hint
    assert not list(out.iterdir())


def test_mv_adapter_by_words_and_by_a_picture(bench, mesh: Path, adapted, tmp_path: Path) -> None:
    words, result = made(bench, mesh, "mv_adapter")
    assert {"statue_BaseColor.png", "statue_Normal.png"} <= words.keys() and len(views(words)) == 6
    assert len(result.provenance.weights_sha256) == 64
    red = views(made(bench, mesh, "mv_adapter", picture(tmp_path / "red.png", (255, 0, 0)))[0])
    blue = views(made(bench, mesh, "mv_adapter", picture(tmp_path / "blue.png", (0, 0, 255)), prompt="")[0])
    assert difference(views(words), red) > 0 and difference(red, blue) > 0


def test_mv_adapter_is_led_by_the_geometry(bench, mesh: Path, adapted, tmp_path: Path) -> None:
    """Another shape with the same words and seed gives other pictures, though the text and the noise are the same."""
    other = trimesh.creation.box((1, 0.3, 1.2))
    other.export(tmp_path / "statue.obj")
    assert (
        difference(
            views(made(bench, mesh, "mv_adapter")[0]), views(made(bench, tmp_path / "statue.obj", "mv_adapter")[0])
        )
        > 0
    )


def test_without_its_file_mv_adapter_says_what_is_missing(
    bench, mesh: Path, adapted, weights: Path, tmp_path: Path
) -> None:
    file = weights / "sdxl" / "mv_adapter" / "mvadapter_ig2mv_sdxl.safetensors"
    kept = file.read_bytes()
    red = picture(tmp_path / "red.png", (255, 0, 0))
    ask = {"model": "mv_adapter", "task": "texture_mesh", "given": {"mesh": mesh, "reference": red}, "view_px": "64"}
    try:
        file.write_bytes(kept[: len(kept) // 2])
        made(bench, mesh, "mv_adapter")  # the other file is the one that is loaded now
        assert bench.fault(**ask, texture_px="256").code == "weights_damaged"
        file.unlink()
        assert "mvadapter_ig2mv_sdxl" in str(bench.fault(**ask, texture_px="256"))
    finally:
        file.write_bytes(kept)


def test_view_by_view_keeps_what_is_there(bench, mesh: Path) -> None:
    """Later views are free only where earlier ones saw nothing or saw it worse; the first is free everywhere."""
    pictures, result = made(bench, mesh, "sequential_inpaint", controls="depth:1.5")
    assert {"statue_BaseColor.png"} <= pictures.keys() and len(views(pictures)) == 6
    other = views(made(bench, mesh, "sequential_inpaint", controls="depth:1.5", view_prompts="right: green")[0])
    changed = [name for name, view in views(pictures).items() if np.abs(view - other[name]).max() > 0]
    assert "view_right.png" in changed and not {"view_front.png", "view_left.png", "view_back.png"} & set(changed)


def test_one_view_is_drawn_and_put_on(bench, mesh: Path, tmp_path: Path) -> None:
    """From a camera of the user's, in the shape of its picture."""
    from server.geometry.cameras import Camera, framing, towards

    square = framing(np.array([[-0.6, -0.6, -0.2], [0.6, 0.6, 1.3]]), towards(20, 10), 200)
    wide = Camera(square.world_from_camera, square.focal_px, (160, 100), (320, 200), name="Hero")
    (tmp_path / "cameras.json").write_text(json.dumps({"active": wide.meta()}))
    options = {"cameras": "view", "view_px": "64", "texture_px": "256", "steps": 2, "prompt": "a marble statue"}
    given = {"mesh": mesh, "cameras": tmp_path / "cameras.json"}
    ending, _, out = bench.ending(model="sdxl_sync", task="texture_mesh", given=given, **options)
    assert ending.say == "done", ending.fault
    (view,) = out.glob("view_*.png")
    assert view.name == "view_Hero.png" and np.asarray(Image.open(view)).shape == (64, 64, 3)
    assert ending.result.report["views"] == 1
    assert 5 < float(str(ending.result.report["seen"]).rstrip("%")) < 70
    assert "keep" in str(bench.fault(model="sdxl_sync", task="texture_mesh", given=given, unseen="keep", **options))
