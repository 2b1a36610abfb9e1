"""`-c aigc passes`: every pass as a file that others can read."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from scene_state import differences, state_beside_copies
from test_passes import ball, box, scene_of

from blender_aigc import cli, cli_passes
from blender_aigc.gather.exr import read_exr
from blender_aigc.gather.exr_out import FAR, channels_of, write_exr
from blender_aigc.gather.image import image_pixels
from blender_aigc.gather.passes import PASSES, passes_meta, render_passes
from blender_aigc.protocol import Fault


@pytest.fixture
def scene(addon: None) -> bpy.types.Scene:
    made = scene_of(64, 48)
    ball("Ball")
    bpy.ops.object.select_all(action="DESELECT")
    box("Box", (2, 1, 0)).select_set(True)
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0.2))
    bpy.context.object.select_set(False)
    bpy.data.objects["Box"].select_set(True)
    made.world = bpy.data.worlds.new("Sky")
    return made


def as_floats(path: Path, data: bool = True) -> np.ndarray:
    """(H, W, 4) as Blender itself reads the file."""
    image = bpy.data.images.load(str(path), check_existing=False)
    image.colorspace_settings.is_data = data
    values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(image.size[1], image.size[0], 4)[::-1]


def test_all_passes_become_files(scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    before = state_beside_copies()
    assert cli.main(["passes", "--out", str(tmp_path), "--passes", "all", "--npz", "--name", "shot"]) == 0
    assert differences(before, state_beside_copies()) == []
    files = {Path(line).name for line in capfd.readouterr().out.splitlines() if line.startswith("/")}
    kinds = ("_combined.png", "_line.png", "_mask.png", "_pose.png", ".exr", ".json", ".npz")
    assert files == {f"shot_0001{kind}" for kind in kinds} == {path.name for path in tmp_path.iterdir()}
    with np.load(tmp_path / "shot_0001.npz") as read:
        passes = {name: read[name] for name in read.files}
    assert set(passes) == PASSES | {"meta"}
    for name in ("combined", "line", "mask", "pose"):
        shown = image_pixels(tmp_path / f"shot_0001_{name}.png")
        given = passes[name] if passes[name].ndim == 3 else passes[name][..., None].repeat(3, axis=2)
        assert np.array_equal(shown[..., : given.shape[2]], given), name
    channels, texts = read_exr(tmp_path / "shot_0001.exr")
    seen = np.isfinite(passes["depth"])
    assert np.array_equal(channels["AIGC.Depth.Z"][seen], passes["depth"][seen])
    assert (channels["AIGC.Depth.Z"][~seen] == np.float32(FAR)).all()
    assert np.array_equal(channels["AIGC.Position.Y"], passes["position"][..., 1])
    assert np.array_equal(channels["AIGC.IndexOB.X"].astype(int), passes["object_id"])
    meta = json.loads((tmp_path / "shot_0001.json").read_text(encoding="utf-8"))
    assert meta == passes_meta(passes) == json.loads(texts["aigc"])
    assert meta["objects"] == ["", "Ball", "Box"]
    assert cli.main(["render", "--passes", str(tmp_path / "shot_0001.npz"), "--save-as", str(tmp_path / "x.png")]) == 0


def test_the_linear_render_is_what_the_view_transform_was_given(scene: bpy.types.Scene) -> None:
    scene.view_settings.view_transform, scene.view_settings.exposure = "Standard", 0.0
    scene.render.film_transparent = True
    passes = render_passes(scene, frozenset({"combined", "linear", "depth"}))
    linear, shown = passes["linear"], passes["combined"].astype(np.float32) / 255
    assert linear.dtype == np.float32 and np.abs(linear[..., 3] - shown[..., 3]).max() < 0.003
    whole = shown[..., 3] == 1
    encoded = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055)
    assert np.abs(encoded.clip(0, 1)[whole, :3] - shown[whole, :3]).max() < 0.02
    scene.view_settings.exposure = 3.0
    brighter = render_passes(scene, frozenset({"combined", "linear"}))
    assert np.allclose(brighter["linear"], linear, atol=1e-4), "exposure belongs to the view"
    assert brighter["combined"][..., :3].mean() > passes["combined"][..., :3].mean() + 5


def test_blender_reads_the_file(tmp_path: Path) -> None:
    """As a multilayer file when it has layers; its own reader checks every offset."""
    values = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
    write_exr(tmp_path / "plain.exr", dict.fromkeys("RGBA", values))
    assert np.allclose(as_floats(tmp_path / "plain.exr")[..., 1], values)
    passes = {"depth": np.float32([[1, np.inf]]), "uv": np.float32([[[0.1, 0.2], [0.3, 0.4]]])}
    channels = channels_of(passes)
    assert set(channels) == {"AIGC.Depth.Z", "AIGC.UV.U", "AIGC.UV.V", "AIGC.UV.A"}
    write_exr(tmp_path / "layers.exr", channels, {"note": "Ä"})
    loaded = bpy.data.images.load(str(tmp_path / "layers.exr"))
    assert tuple(loaded.size) == (0, 0) and loaded.type == "MULTILAYER"  # asking opens it
    again, texts = read_exr(tmp_path / "layers.exr")
    assert texts["note"] == "Ä" and np.array_equal(again["AIGC.UV.V"], passes["uv"][..., 1])


def test_frames_and_objects_are_chosen(scene: bpy.types.Scene, tmp_path: Path) -> None:
    cube = bpy.data.objects["Box"]
    for frame, x in ((1, 0.0), (3, 2.0)):
        cube.location.x = x
        cube.keyframe_insert("location", frame=frame)
    words = ["passes", "--out", str(tmp_path), "--passes", "mask, depth", "--frames", "1-3", "--mask-objects", "Bo*"]
    assert cli.main([*words, "--longest-px", "32", "--name", "s"]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(f"s_000{frame}{kind}" for frame in (1, 2, 3) for kind in (".exr", ".json", "_mask.png"))
    masks = [image_pixels(tmp_path / f"s_000{frame}_mask.png")[..., 0] for frame in (1, 2, 3)]
    assert masks[0].shape == (24, 32)
    middles = [np.nonzero(mask > 127)[1].mean() for mask in masks]
    assert middles[0] < middles[1] < middles[2]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--passes", "depth,glow"], "no pass called 'glow'"),
        (["--passes", ","], "No passes"),
        (["--frames", "5-2"], "has no frames"),
        (["--mask-objects", "Nobody"], "Nobody"),
    ],
)
def test_mistakes_are_said(scene: bpy.types.Scene, tmp_path: Path, capfd, words: list[str], told: str) -> None:
    assert cli.main(["passes", "--out", str(tmp_path / "out"), *words]) == 1
    assert told in capfd.readouterr().err


def test_a_full_disk_leaves_no_half_file(scene: bpy.types.Scene, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="the system has no limits for files")
    passes = render_passes(scene, frozenset({"depth", "normal", "position"}))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(Fault, match=r"a_0001\.exr could not be written"):
            cli_passes._write(tmp_path, "a_0001", passes, npz=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none(scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["passes", "--out", str(tmp_path / "file" / "out")]) == 1
    assert "could not be written" in capfd.readouterr().err
