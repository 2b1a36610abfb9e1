"""Objects with words of their own: each drawn alone, by its own words, in the style of the first; none on another."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Bench
from test_estimates import Room
from test_texture_engines import made, views

from blender_aigc.protocol import Fault, Job
from server.geometry.cameras import room, six_axes
from server.texturing.estimates import Estimates
from server.texturing.from_views import deliver_views
from server.texturing.in_turn import SPACING, draw_in_turn, parts_of, set_apart
from server.texturing.rigs import only
from server.texturing.subject import Subject

trimesh = pytest.importorskip("trimesh")
RED, BLUE = (220, 30, 30), (30, 30, 220)


def scene(path: Path, prompts: tuple[str, str] = ("", ""), slots: tuple[str, ...] = ("",)) -> Path:
    """A wall and, close before it, a vase that hides half of it from the front: an .npz as Blender sends it."""
    wall, vase = trimesh.creation.box((4.0, 0.2, 3.0)), trimesh.creation.icosphere(2, 0.9)
    wall.apply_translation((30, 0, 0))
    vase.apply_translation((30, -1.1, 0))
    shapes = [wall, vase]
    counts = [len(shape.faces) for shape in shapes]
    uvs = []
    for shape in shapes:  # every face in a square of its own
        side = int(np.ceil(len(shape.faces) ** 0.5))
        corner = np.stack([np.arange(len(shape.faces)) % side, np.arange(len(shape.faces)) // side], axis=1) / side
        uvs.append(corner[:, None] + np.float32([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]) / side)
    facts = {
        "objects": [
            {"name": "Old_Wall.001", "slots": list(slots), "prompt": prompts[0], "uv": "own"},
            {"name": "Vase", "slots": [""], "prompt": prompts[1], "uv": "own"},
        ]
    }
    normals = [np.repeat(shape.face_normals[:, None], 3, axis=1) for shape in shapes]
    slot = np.zeros(sum(counts), np.int32)
    slot[: counts[0]] = (np.arange(counts[0]) >= counts[0] // 2) if len(slots) > 1 else 0
    np.savez(
        path,
        vertices=np.concatenate([shape.vertices for shape in shapes]).astype(np.float32),
        faces=np.concatenate([wall.faces, vase.faces + len(wall.vertices)]).astype(np.int32),
        corner_normals=np.concatenate(normals).astype(np.float32),
        corner_uvs=np.concatenate(uvs).astype(np.float32),
        face_object=np.repeat(np.int32([0, 1]), counts),
        face_slot=slot,
        facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
    )
    return path


def asked(place: Room, prompt: str = "", **params) -> Job:
    return dataclasses.replace(place.job, prompt=prompt, params=place.job.params | params)


@pytest.mark.parametrize(
    ("prompt", "own", "how", "wanted"),
    [
        ("brick", ("", ""), "auto", [("", "brick")]),
        ("(wet:1.3) brick; 16:9", ("", ""), "auto", [("", "(wet:1.3) brick; 16:9")]),
        ("brick; vase: blue glass", ("", ""), "auto", [("Old_Wall.001", "brick"), ("Vase", "blue glass")]),
        ("brick", ("", "gold"), "auto", [("Old_Wall.001", "brick"), ("Vase", "gold")]),
        ("", ("", "gold"), "auto", [("Old_Wall.001", "old wall"), ("Vase", "gold")]),
        ("brick", ("gold", "gold"), "auto", [("", "gold")]),
        ("brick; vase: gold", ("", ""), "together", [("", "brick; vase: gold")]),
        ("neon", ("", ""), "each", [("Old_Wall.001", "old wall, neon"), ("Vase", "vase, neon")]),
        ("", ("", ""), "each", [("Old_Wall.001", "old wall"), ("Vase", "vase")]),
    ],
)
def test_who_is_drawn_by_which_words(bench: Bench, tmp_path: Path, prompt, own, how, wanted) -> None:
    place = Room(bench, scene(tmp_path / "scene.npz", own))
    parts = parts_of(asked(place, prompt, objects=how), place.subject)
    assert [(part.name, part.words) for part in parts] == wanted
    assert (sum(part.faces.astype(int) for part in parts) == 1).all(), "every face once"


def test_slots_are_parts_too(bench: Bench, tmp_path: Path) -> None:
    place = Room(bench, scene(tmp_path / "scene.npz", slots=("Plaster", "Window")))
    parts = parts_of(asked(place, "brick; window: glass; vase: brick"), place.subject)
    assert [part.words for part in parts] == ["brick", "glass"]
    assert [part.faces.sum() for part in parts] == [6 + 320, 6] and parts[0].name == "Old_Wall.001 and others"


def apart(place: Room, prompt: str) -> Subject:
    return set_apart(place.subject, parts_of(asked(place, prompt), place.subject))


def test_set_apart_they_stand_alone_at_one_size_with_their_own_shape(bench: Bench, tmp_path: Path) -> None:
    place = Room(bench, scene(tmp_path / "scene.npz", ("", "gold")))
    before = place.subject.triangles
    after = apart(place, "brick").triangles
    for number, (first, last) in enumerate(((0, 12), (12, 332))):
        old, new = (t.positions[t.faces[first:last]].astype(float) for t in (before, after))
        low, high = new.reshape(-1, 3).min(axis=0), new.reshape(-1, 3).max(axis=0)
        assert np.allclose((low + high) / 2, (SPACING * number, 0, 0), atol=1e-5)
        assert np.linalg.norm(high - low) == pytest.approx(2, rel=1e-5)
        scale = np.ptp(new[..., 0]) / np.ptp(old[..., 0])
        assert np.allclose(new - new.mean(axis=(0, 1)), scale * (old - old.mean(axis=(0, 1))), atol=1e-5)
    assert np.array_equal(before.corner_uvs, after.corner_uvs) and place.subject.triangles is before
    both = apart(place, "brick; vase: brick").triangles
    gap = both.positions[both.faces[12:]].mean(axis=(0, 1)) - both.positions[both.faces[:12]].mean(axis=(0, 1))
    assert np.linalg.norm(gap) < 1, "those that are drawn together stay together"


def painted(seen: list) -> object:
    """An engine that paints everything in the colour of its words, background and all, and notes what it was given."""

    def draw(job: Job, part, cameras, look) -> list[np.ndarray]:
        seen.append((job.prompt, len(part.triangles.faces), look))
        colour = RED if job.prompt == "brick" else BLUE
        return [np.full((64, 64, 3), colour, np.uint8) for _ in cameras]

    return draw


def textures(place: Room, drawn) -> dict[str, np.ndarray]:
    from PIL import Image

    deliver_views(place.job, place.context, drawn.subject, drawn.cameras, drawn.views, "cpu")
    return {path.stem: np.asarray(Image.open(path)).astype(int) for path in place.folder.glob("*_BaseColor.png")}


@pytest.mark.parametrize("cameras", ["axes", "room"])
def test_no_texel_of_one_takes_the_colour_of_the_other(bench: Bench, tmp_path: Path, cameras: str) -> None:
    """The vase hides the wall from the front. Apart, the wall is seen whole; from the room's middle they hide."""
    place = Room(bench, scene(tmp_path / "scene.npz", ("", "gold")))
    seen: list = []
    rigs = {
        "axes": lambda _job, part: six_axes(part.points, 64),
        "room": lambda _job, _part: room(np.float64([30, -4, 0]), 64),
    }
    drawn = draw_in_turn(asked(place, "brick", cameras=cameras), place.subject, rigs[cameras], painted(seen))
    assert [(words, count) for words, count, _ in seen] == [
        ("brick", 12 if cameras == "axes" else 332),
        ("gold", 320 if cameras == "axes" else 332),
    ]
    made_ = textures(place, drawn)
    assert (np.abs(made_["Old_Wall.001_BaseColor"] - RED) <= 1).all()
    assert (np.abs(made_["Vase_BaseColor"] - BLUE) <= 1).all()
    shared = [np.full((64, 64, 3), RED, np.uint8)] * 6  # what a picture of both does: the test can tell
    place = Room(bench, scene(tmp_path / "other.npz", ("", "gold")))
    naive = dataclasses.replace(drawn, subject=place.subject, views=[*shared, *drawn.views[6:]])
    naive.views = [view[..., :3] for view in naive.views]
    assert cameras == "axes" or not (np.abs(textures(place, naive)["Vase_BaseColor"] - BLUE) <= 1).all()


def test_the_first_gives_its_look_to_the_others_unless_a_picture_is_given(bench: Bench, tmp_path: Path) -> None:
    place = Room(bench, scene(tmp_path / "scene.npz", ("", "gold")), reference_weight=0.6)
    job = asked(place, "brick")

    def looks(job: Job, **options) -> list:
        seen: list = []
        draw_in_turn(job, place.subject, lambda _job, part: six_axes(part.points, 64), painted(seen), **options)
        return [look for _, _, look in seen]

    first, second = looks(job)
    assert first is None and second.shape == (64, 64, 4)
    on = second[..., 3] > 0
    assert 0.1 < on.mean() < 0.9 and (second[on][:, :3] == RED).all()
    given = np.zeros((8, 8, 4), np.uint8)
    assert all(look is given for look in looks(job, reference=given))
    assert looks(job, style=False) == [None, None]
    assert looks(asked(place, "brick", reference_weight=0.0)) == [None, None]


@pytest.mark.parametrize("cameras", ["axes", "room"])
def test_single_views_are_named_with_their_part(bench: Bench, tmp_path: Path, cameras: str) -> None:
    """Cameras of its own or shared ones."""
    place = Room(bench, scene(tmp_path / "scene.npz", ("", "gold")))

    def drawn(names: str) -> list[str]:
        rig = lambda job, part: only(six_axes(part.points, 64), str(job.params["only_views"]))  # noqa: E731
        job = asked(place, "brick", only_views=names, cameras=cameras)
        return [camera.name for camera in draw_in_turn(job, place.subject, rig, painted([])).cameras]

    assert drawn("vase top, Vase Front") == ["Vase front", "Vase top"]
    assert drawn("back") == ["Old_Wall.001 back", "Vase back"]
    with pytest.raises(Fault, match="no view called 'side'"):
        drawn("Vase side")


def test_they_can_be_blended_again_with_all_that_was_read(bench: Bench, tmp_path: Path) -> None:
    """`blend_again` finds the objects where they were drawn, and what was read out of the views."""
    place = Room(bench, scene(tmp_path / "scene.npz", ("", "gold")))
    drawn = draw_in_turn(
        asked(place, "brick"), place.subject, lambda _job, part: six_axes(part.points, 64), painted([])
    )
    read = Estimates(
        material=[np.dstack([np.full((64, 64, 3), (90, 200, 0), np.uint8), v[..., 3]]) for v in drawn.views]
    )
    deliver_views(place.job, place.context, drawn.subject, drawn.cameras, drawn.views, "cpu", read)
    given = {"mesh": tmp_path / "scene.npz", "views": place.folder / "views.npz"}
    ask = {"texture_px": "256", "delight": 0.0, "relief": 0.0}
    ending, _, out = bench.ending(model="blend_again", task="blend_texture", given=given, prompt="", **ask)
    assert ending.say == "done", ending.fault
    for name in ("Old_Wall.001_BaseColor.png", "Old_Wall.001_ORM.png", "Vase_BaseColor.png", "Vase_ORM.png"):
        assert (out / name).read_bytes() == (place.folder / name).read_bytes()
    assert len(list(out.glob("view_*.png"))) == 12


def test_too_many_views_are_refused_before_anything_is_drawn(bench: Bench, tmp_path: Path) -> None:
    place = Room(bench, scene(tmp_path / "scene.npz", ("", "gold")))
    seen: list = []
    with pytest.raises(Fault, match="2 parts make 300 views"):
        draw_in_turn(
            asked(place, "brick"), place.subject, lambda _job, part: six_axes(part.points, 64) * 25, painted(seen)
        )
    assert not seen


@pytest.mark.parametrize("model", ["sdxl_sync", "mv_adapter"])
def test_the_engines_draw_each_by_its_words(bench: Bench, weights: Path, tmp_path: Path, model: str) -> None:
    """On tiny weights: other words for the vase change the vase's pictures and texture, and nothing of the wall's."""
    from server.texturing.six_together import write_tiny

    write_tiny(weights / "sdxl" / "mv_adapter")
    ask = {"model": model, "controls": "", "steps": 1, "prompt": "brick", "reference_weight": 0.0, "delight": 0.0}
    one, result = made(bench, scene(tmp_path / "a.npz", ("", "gold")), **ask)
    other, _ = made(bench, scene(tmp_path / "b.npz", ("", "a green fern")), **ask)
    changed = {name for name in views(one) if not np.array_equal(one[name], other[name])}
    assert len(views(one)) == 12 and changed == {name for name in views(one) if "Vase" in name}
    assert np.array_equal(one["Old_Wall.001_BaseColor.png"], other["Old_Wall.001_BaseColor.png"])
    assert not np.array_equal(one["Vase_BaseColor.png"], other["Vase_BaseColor.png"])
    assert "Vase: gold" in str(result.report["notes"])
