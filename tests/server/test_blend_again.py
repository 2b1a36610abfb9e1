"""The kept views of a texture are blended again: by other weights, borders and light, without drawing anything."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from made_meshes import NOISE, REGISTRY, cube, packed_sides, saved, with_part  # noqa: E402
from PIL import Image  # noqa: E402

from blender_aigc.protocol import Blob, Fault, Job  # noqa: E402
from server.geometry.blend import BakeOptions  # noqa: E402
from server.geometry.cameras import six_axes  # noqa: E402
from server.geometry.mesh_input import read_mesh  # noqa: E402
from server.geometry.texture_sets import texture_sets  # noqa: E402
from server.geometry.view_bake import bake_views  # noqa: E402
from server.models.texture.blend_again import weights_of  # noqa: E402
from server.texturing.stored_views import StoredViews, fingerprint, read_stored, stored_bytes  # noqa: E402
from server.texturing.subject import as_scene  # noqa: E402
from server.worker import Runner  # noqa: E402

COLOURS = ((200, 60, 60), (60, 200, 60), (60, 60, 200), (200, 200, 60), (60, 200, 200), (200, 60, 200))
PLAIN = {"delight": 0.0, "texture_px": "256", "border_px": 16}
"""border_px is for views of 1024 px; these have 128."""


def kept(mesh: Path, path: Path) -> StoredViews:
    """Six views of a cube turned by 45 degrees, so that most sides are seen by two, each of one colour with noise."""
    given = read_mesh(mesh)
    triangles = as_scene(given, texture_sets(given, 256)[0])
    cameras = six_axes(triangles.positions, 128)
    views = [np.clip(NOISE[:128, :128] // 8 + np.int16(colour), 0, 255).astype(np.uint8) for colour in COLOURS]
    options = BakeOptions(erosion_px=2, feather_px=1)
    baked = bake_views(triangles, cameras, views, 256, options)
    stored = StoredViews(cameras, views, baked, options, fingerprint(triangles))
    path.write_bytes(stored_bytes(stored, lambda: None))
    return stored


def turned(mesh):  # noqa: ANN001, ANN201
    """Turned by 40 degrees about the vertical, so that each side is seen by two of the views."""
    angle = np.radians(40)
    turn = np.float32([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    mesh.vertices, mesh.corner_normals = mesh.vertices @ turn.T, mesh.corner_normals @ turn.T
    for thing in mesh.objects:
        thing.uv = "own"
    return mesh


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, StoredViews]:
    folder = tmp_path_factory.mktemp("kept")
    mesh = saved(turned(cube(packed_sides())), folder / "cube.npz")
    return mesh, folder / "views.npz", kept(mesh, folder / "views.npz")


def run(out: Path, mesh: Path, views: Path, sent: list | None = None, cancel_in: str = "", **params: object):
    out.mkdir(exist_ok=True)
    inputs = {"mesh": mesh, "views": views}
    blobs = {key: Blob("0" * 64, ".npz") for key in inputs}
    job = Job(str(uuid.uuid4()), "blend_texture", "blend_again", blobs, PLAIN | params, name="x")
    said = [] if sent is None else sent
    return Runner(REGISTRY, "cpu").run(
        job, out, inputs, said.append, lambda: cancel_in in [report.phase for report in said]
    )


def blended(out: Path, given, **params: object) -> np.ndarray:  # noqa: ANN001
    ending = run(out, given[0], given[1], **params)
    assert ending.say == "done", ending.fault
    return np.asarray(Image.open(out / "cube_BaseColor.png"))


def test_the_same_settings_give_the_same_bits_without_a_depth_test(given, tmp_path: Path, monkeypatch) -> None:
    from server.geometry import view_bake

    monkeypatch.setattr(view_bake, "visible", lambda *_: pytest.fail("it looked again"))
    assert np.array_equal(blended(tmp_path / "a", given), given[2].baked.texture)


def test_each_knob_does_what_it_says(given, tmp_path: Path) -> None:
    plain = given[2].baked
    seen = plain.sheets[0].weight > 0
    sharp = blended(tmp_path / "sharp", given, sharpness=32, wide=16)
    mixed = blended(tmp_path / "mixed", given, sharpness=1, wide=0)
    assert spread(sharp[seen]) > spread(plain.texture[seen]) > spread(mixed[seen])
    without = blended(tmp_path / "without", given, view_weights="front: 0", even_out=False)
    front = plain.sheets[0].winner == [camera.name for camera in given[2].cameras].index("front")
    assert front.any()
    assert np.abs(without[front].astype(int) - COLOURS[0]).max(axis=1).mean() > 60, "another view's colours"
    uneven = blended(tmp_path / "uneven", given, even_out=False)
    assert not np.array_equal(uneven, plain.texture)
    border = blended(tmp_path / "border", given, border_px=48)
    assert not np.array_equal(border, plain.texture)


def spread(colours: np.ndarray) -> float:
    """How pure the views' colours are: difference of the strongest and the weakest channel."""
    return float((colours.max(axis=-1).astype(int) - colours.min(axis=-1)).mean())


def test_cancelled_in_every_phase_it_leaves_nothing(given, tmp_path: Path) -> None:
    sent: list = []
    assert run(tmp_path / "whole", *given[:2], sent).say == "done"
    phases = [report.phase for report in sent]
    assert {"Reading the mesh", "Reading the views", "Baking", "Saving"} <= set(phases)
    for phase in dict.fromkeys(phases):
        out = tmp_path / phase
        ending = run(out, *given[:2], cancel_in=phase)
        assert ending.say == "cancelled" and not list(out.iterdir()), phase


def test_what_no_view_sees_may_stay_black(given, tmp_path: Path) -> None:
    only = "front: 1, back: 0, left: 0, right: 0, top: 0, bottom: 0"
    empty = blended(tmp_path / "empty", given, view_weights=only, fill="none")
    filled = blended(tmp_path / "filled", given, view_weights=only)
    assert (empty == 0).all(axis=2).mean() > 0.3 and not (filled == 0).all(axis=2).any()


def test_another_size_is_baked_from_the_same_views(given, tmp_path: Path) -> None:
    large = blended(tmp_path / "large", given, texture_px="512")
    assert large.shape == (512, 512, 3)
    small = large.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3))
    covered = given[2].baked.sheets[0].weight > 0
    assert np.abs(small - given[2].baked.texture)[covered].mean() < 6


def test_the_result_can_be_blended_once_more(given, tmp_path: Path) -> None:
    ending = run(tmp_path / "once", *given[:2], view_weights="top: 3")
    (state,) = [artefact for artefact in ending.result.artefacts if artefact.kind == "state"]
    assert "front" in state.meta["names"]
    again = blended(tmp_path / "twice", (given[0], tmp_path / "once" / state.file))
    assert np.array_equal(again, given[2].baked.texture)
    mesh = read_mesh(given[0])
    stored = read_stored(tmp_path / "once" / state.file, as_scene(mesh, texture_sets(mesh, 256)[0]))
    assert stored.options.view_weights is not None


def test_a_part_stays_a_part(tmp_path: Path) -> None:
    mesh = with_part(tmp_path / "cube.npz", mesh=turned(cube(packed_sides())))
    views = kept(mesh, tmp_path / "views.npz")
    colour = blended(tmp_path / "out", (mesh, tmp_path / "views.npz"), sharpness=2)
    changed = (colour != NOISE).any(axis=2)
    assert changed[176:250, 92:164].all() and not changed[:165].any() and views.texture_px == 256


def test_the_heights_of_a_part_are_blended_into_those_that_were_there(tmp_path: Path) -> None:
    levels = np.random.default_rng(2).integers(0, 65536, (256, 256, 1), np.uint16)
    maps = {"colour": {"0": 0}, "height": {"0": 1}}
    given = {"pictures": (NOISE, levels), "maps": maps, "height_m": 1.0}
    mesh = with_part(tmp_path / "cube.npz", mesh=turned(cube(packed_sides())), **given)
    kept(mesh, tmp_path / "views.npz")
    blended(tmp_path / "out", (mesh, tmp_path / "views.npz"), sharpness=2, relief=1.0)
    made = np.asarray(Image.open(tmp_path / "out" / "cube_Height.png"))
    assert np.array_equal(made[:165], levels[:165, :, 0])
    inner = made[192:236, 106:150].astype(int) - 32768
    assert 0 < np.abs(inner).max() < 7000, "of the range of a metre, of which the new heights take less than a fifth"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"view_weights": "frnt: 0"}, "'frnt: 0' cannot be used"),
        ({"view_weights": "front"}, "'front' cannot be used"),
        ({"view_weights": "front: -1"}, "cannot be used"),
        (
            {"view_weights": ", ".join(f"{n}: 0" for n in ("front", "back", "left", "right", "top", "bottom"))},
            "left out",
        ),
    ],
)
def test_weights_that_make_no_sense_are_refused(given, tmp_path: Path, params: dict, words: str) -> None:
    ending = run(tmp_path / "out", *given[:2], **params)
    assert ending.say == "failed" and words in ending.fault.message


def test_views_of_another_mesh_are_refused(given, tmp_path: Path) -> None:
    other = saved(turned(cube(packed_sides(), size=1.1)), tmp_path / "other.npz")
    ending = run(tmp_path / "out", other, given[1])
    assert ending.say == "failed" and "have changed since" in ending.fault.message
    ending = run(tmp_path / "out", given[0], given[0])
    assert ending.say == "failed" and "damaged" in ending.fault.message


def test_weights_are_read() -> None:
    assert weights_of("", ["a", "b"]) is None and weights_of("A: 1", ["a", "b"]) is None
    assert weights_of("b:0; a : 2.5", ["a", "b", "b"]) == (2.5, 0.0, 0.0)
    with pytest.raises(Fault):
        weights_of("c: 1", ["a"])
