"""Frames of a sequence through the worker, as Blender sends them: steadier than single frames, and still themselves."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest
from moving_ball import moving, npz_of

from blender_aigc.protocol import Blob, Fault, Job, Result
from server.filters.fields import gradient
from server.filters.lines import outlines
from server.filters.look import opaque
from server.images import load_image
from server.pipe import Report
from server.registry import Registry
from server.sequence.params import COMPARE_EVERY, compared
from server.sequence.past import Past
from server.sequence.state import State, read_state, state_bytes
from server.weights import Shelf
from server.worker import Runner

TASK = "render_sequence"
STYLES = ("painting", "pencil", "ink", "watercolour", "cel", "palette")
REGISTRY = Registry()
RUNNER = Runner(REGISTRY, "cpu")


def frame(
    folder: Path,
    passes,
    states: dict[str, Path] | None = None,
    model: str = "stylise",
    runner: Runner = RUNNER,
    prompt: str = "",
    **params,
) -> tuple[Result, Path]:
    """One job; its result and its folder. Raises the Fault that it failed with."""
    out = folder / uuid.uuid4().hex
    out.mkdir(parents=True)
    np.savez(out / "in.npz", **npz_of(passes))
    inputs = {"passes": out / "in.npz", **(states or {})}
    blobs = {key: Blob("0" * 64, ".npz") for key in inputs}
    job = Job(str(uuid.uuid4()), TASK, model, blobs, params, prompt, name="f", seed=3)
    reports: list[Report] = []
    ending = runner.run(job, out, inputs, reports.append, lambda: False)
    if ending.fault is not None:
        raise ending.fault.fault()
    return ending.result, out


def state_of(result: Result, folder: Path) -> Path:
    return next(folder / artefact.file for artefact in result.artefacts if artefact.kind == "state")


def picture_of(result: Result, folder: Path) -> np.ndarray:
    return load_image(next(folder / artefact.file for artefact in result.artefacts if artefact.kind == "image"))


def sequence(folder: Path, count: int, passes=moving, **params) -> tuple[list[np.ndarray], list[dict]]:
    pictures, reports, states = [], [], {}
    for index in range(count):
        result, out = frame(folder, passes(index), states, **params)
        states = {"before": state_of(result, out)}
        pictures.append(picture_of(result, out))
        reports.append(result.report)
    return pictures, reports


def detail(picture: np.ndarray) -> float:
    dx, dy = gradient(picture[..., :3].astype(np.float32))
    return float(np.abs(dx).mean() + np.abs(dy).mean())


@pytest.mark.parametrize(
    ("style", "most"),
    [("painting", 0.35), ("pencil", 0.25), ("ink", 0.35), ("watercolour", 0.7), ("cel", 0.8), ("palette", 0.9)],
)
def test_a_sequence_flickers_less_than_its_frames_one_by_one(style: str, most: float, tmp_path: Path) -> None:
    """And is not bought with blur: as much detail as a still of the same frame, but for a little."""
    pictures, reports = sequence(tmp_path, 5, style=style, compare="all")
    own = np.mean([report["flicker"] for report in reports[1:]])
    single = np.mean([report["flicker_single"] for report in reports[1:]])
    assert own < most * single
    assert "flicker" not in reports[0]
    still, out = frame(tmp_path, moving(4), {}, style=style)
    assert detail(pictures[-1]) > 0.72 * detail(picture_of(still, out))


def test_steadiness_zero_leaves_each_frame_to_itself_but_on_its_canvas(tmp_path: Path) -> None:
    steady, _ = sequence(tmp_path, 4, style="pencil", steadiness=0.9)
    loose, reports = sequence(tmp_path, 4, style="pencil", steadiness=0.0, compare="all")
    assert detail(loose[-1]) > detail(steady[-1])
    assert reports[-1]["flicker"] < 0.6 * reports[-1]["flicker_single"]  # the strokes alone do that


def test_a_change_of_light_shows_at_once(tmp_path: Path) -> None:
    """The lamp is dimmed between two frames: nothing of the frame before remains."""

    def dimmed(index: int):
        return moving(index, light=1.0 if index < 2 else 0.55)

    pictures, _ = sequence(tmp_path, 3, dimmed, style="cel", steadiness=0.98)
    alone, out = frame(tmp_path, dimmed(2), {}, style="cel")
    assert np.abs(pictures[-1].astype(int) - picture_of(alone, out)).mean() < 1.0
    _, same = sequence(tmp_path, 2, style="cel", steadiness=0.98)
    assert same[-1]["kept"] > 0.9


def test_a_slow_change_of_light_does_not_lag(tmp_path: Path) -> None:
    """The light of what is carried is carried too: when the two have drifted apart, the frame is made anew."""

    def fading(index: int):
        return moving(index, light=1.0 - 0.02 * index, pan_px=0.0)

    pictures, _ = sequence(tmp_path, 12, fading, style="cel", strength=0.0, steadiness=0.98)
    alone, out = frame(tmp_path, fading(11), {}, style="cel", strength=0.0)
    assert abs(pictures[-1][..., :3].mean() - picture_of(alone, out)[..., :3].mean()) < 8
    assert pictures[0][..., :3].mean() - pictures[-1][..., :3].mean() > 20


@pytest.mark.parametrize("style", ["ink", "cel"])
def test_thick_outlines_leave_nothing_behind(style: str, tmp_path: Path) -> None:
    """The outline of a ball that flies before a wall: where it was and is no more, the wall is drawn as if nothing had
    been there, and where it is now, it is black at once, although the wall and its light are the same.
    """

    def fast(index: int):
        passes = moving(4 * index)
        passes.vector = passes.vector * np.float32(4)
        return passes

    look = {"style": style, "line_px": 6.0, "texture": 0.0}
    pictures, reports = sequence(tmp_path, 4, fast, steadiness=0.9, **look)
    loose, _ = sequence(tmp_path, 4, fast, steadiness=0.0, **look)
    width = {"width_px": 6.0, "detail": 0.5}
    here, before = (outlines(fast(index), opaque(fast(index).combined), **width) for index in (3, 2))
    wall = fast(3).object_id == 1
    left, reached = wall & (here == 0) & (before > 0.5), (here > 0.9) & (before == 0)
    assert left.sum() > 50 and reached.sum() > 100
    for name, where in (("left", left), ("reached", reached)):
        assert np.abs(pictures[3][where].astype(int) - loose[3][where]).mean() < 6, name
    assert reports[-1]["kept"] > 0.8


def test_frames_that_compare_are_two_in_a_row() -> None:
    some = [index for index in range(3 * COMPARE_EVERY) if compared("some", index)]
    assert some == [0, 1, COMPARE_EVERY, COMPARE_EVERY + 1, 2 * COMPARE_EVERY, 2 * COMPARE_EVERY + 1]
    assert not any(compared("none", index) for index in range(50))
    assert all(compared("all", index) for index in range(50))


def test_the_numbers_of_objects_may_change_from_frame_to_frame(tmp_path: Path) -> None:
    """The passes count what is in sight; a thing that comes in renumbers the others."""
    result, out = frame(tmp_path, moving(0), {}, style="cel")
    renumbered = moving(1)
    renumbered.object_id = np.where(renumbered.object_id == 2, 5, renumbered.object_id)
    renumbered.meta["objects"] = ["", "wall", "x", "y", "z", "ball"]
    result, _ = frame(tmp_path, renumbered, {"before": state_of(result, out)}, style="cel")
    assert result.report["kept"] > 0.9
    renumbered.meta["objects"] = ["", "ball", "x", "y", "z", "wall"]
    result, _ = frame(tmp_path, renumbered, {"before": state_of(*frame(tmp_path, moving(0), {}))}, style="cel")
    assert result.report["kept"] < 0.1


# ---------------------------------------------------------------------------------------------------------- in-betweens


def test_frames_between_keyframes_come_from_both_sides(tmp_path: Path) -> None:
    """Keyframes 0 and 4: the way back leaves states only, the way on makes pictures near to what the model makes."""

    def panned(index: int):
        return moving(index, pan_px=3.3)

    look = {"style": "cel", "strength": 0.0}
    first, first_out = frame(tmp_path, panned(0), {}, **look)
    last, last_out = frame(tmp_path, panned(4), {}, **look)
    back = {4: state_of(last, last_out)}
    for index in (3, 2, 1):
        result, out = frame(tmp_path, panned(index), {"ahead": back[index + 1]}, **look)
        assert [artefact.kind for artefact in result.artefacts] == ["state"]
        back[index] = state_of(result, out)
    before = state_of(first, first_out)
    for index in (1, 2, 3):
        result, out = frame(tmp_path, panned(index), {"before": before, "ahead": back[index]}, **look)
        before, made = state_of(result, out), picture_of(result, out)
        alone = picture_of(*frame(tmp_path, panned(index), {}, **look))
        error = np.abs(made.astype(int) - alone).mean()
        wrong_frame = np.abs(picture_of(first, first_out).astype(int) - alone).mean()
        assert error < 0.35 * wrong_frame
        came_in = (slice(8, -8), slice(-round(3.3 * index), None))  # only the later keyframe has seen it
        assert np.abs(made.astype(int) - alone)[came_in].mean() < 3
        assert result.report["flicker"] < 0.01
    assert read_state(before).key == 1  # by Blender's numbers: carried from the first frame


def test_the_later_keyframe_comes_in_evenly(tmp_path: Path) -> None:
    """From a keyframe painted 40 to one painted 240: a quarter in each frame, which starts from the last one."""
    ends = {}
    for index, value in ((0, 40), (4, 240)):
        path = ends[index] = state_of(*frame(tmp_path, moving(index), {}, style="cel"))
        state = read_state(path)
        state["picture"][..., :3] = value
        path.write_bytes(state_bytes(state))
    back = {4: ends[4]}
    for index in (3, 2, 1):
        back[index] = state_of(*frame(tmp_path, moving(index), {"ahead": back[index + 1]}, style="cel"))
    before, means = ends[0], []
    for index in (1, 2, 3):
        result, out = frame(tmp_path, moving(index), {"before": before, "ahead": back[index]}, style="cel")
        before = state_of(result, out)
        means.append(np.median(picture_of(result, out)[..., :3]))
    assert means == pytest.approx([90, 140, 190], abs=2)


def test_what_neither_side_has_seen_is_filled(tmp_path: Path) -> None:
    ends = [state_of(*frame(tmp_path, moving(index), {}, style="cel")) for index in (0, 1)]
    states = []
    for path in ends:
        state = read_state(path)
        state["known"][20:40, 60:90] = 0
        path.write_bytes(state_bytes(state))
        states.append(path)
    result, out = frame(tmp_path, moving(1), {"before": states[0], "ahead": states[1]}, style="cel")
    made = picture_of(result, out)[22:38, 64:86]
    alone = picture_of(*frame(tmp_path, moving(1), {}, style="cel"))[22:38, 64:86]
    assert np.abs(made.astype(int) - alone).mean() < 25
    assert made[..., 3].min() == 255


# ------------------------------------------------------------------------------------------------------------ bad input


def test_bad_input_is_a_sentence(tmp_path: Path) -> None:
    still = moving(0)
    still.vector = None
    with pytest.raises(Fault, match="do not say how things move"):
        frame(tmp_path, still, {})
    state = state_of(*frame(tmp_path, moving(0), {}, style="cel"))
    with pytest.raises(Fault, match="different sizes"):
        frame(tmp_path, moving(1, (60, 80)), {"before": state}, style="cel")
    good = state.read_bytes()
    for damage, words in ((good[: len(good) // 2], "damaged"), (b"", "damaged"), (b"PK\x03\x04rubbish", "damaged")):
        state.write_bytes(damage)
        with pytest.raises(Fault, match=words):
            frame(tmp_path, moving(1), {"before": state}, style="cel")
    np.savez(state, picture=np.zeros((72, 112, 4), np.uint8))
    with pytest.raises(Fault, match="incomplete"):
        frame(tmp_path, moving(1), {"before": state}, style="cel")


def test_a_state_survives_its_file(tmp_path: Path) -> None:
    path = state_of(*frame(tmp_path, moving(0), {}, style="cel"))
    state = read_state(path)
    assert (state.frame, state.index, state.key) == (1, 0, 1)
    again = tmp_path / "again.npz"
    again.write_bytes(state_bytes(state))
    for name, array in read_state(again).arrays.items():
        assert (array == state[name]).all()
    assert State().begins


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 3)], ids=str)
@pytest.mark.parametrize("style", STYLES)
def test_every_size_can_be_a_sequence(style: str, size: tuple[int, int], tmp_path: Path) -> None:
    result, out = frame(tmp_path, moving(0, size), {}, style=style)
    result, out = frame(tmp_path, moving(1, size), {"before": state_of(result, out)}, style=style)
    assert read_state(state_of(result, out))["picture"].shape == (*size, 4)


def test_every_model_of_the_task_keeps_to_it() -> None:
    """They take the parameters that all sequences share."""
    offered = [model.info for model in REGISTRY.models.values() if model.info.does(TASK)]
    assert {"stylise", "sdxl", "sd15", "flux", "z_image"} <= {info.id for info in offered}
    for info in offered:
        assert {"steadiness", "keyframes", "compare"} <= {param.key for param in info.params}
    assert Past.alone_is_first is False


@pytest.mark.parametrize(("model", "strength"), [("sd15", 1.0), ("flux", 1.0), ("flux", 0.9), ("z_image", 0.9)])
def test_diffusion_draws_its_noise_from_the_surfaces(tmp_path: Path, model: str, strength: float) -> None:
    """A tiny network that sees little but noise: its frames follow the wall that pans a latent's width a frame."""
    pytest.importorskip("diffusers")
    weights = tmp_path / model
    weights.mkdir()
    REGISTRY.models[model].tiny(weights)
    runner = Runner(Registry(shelf=Shelf([weights], hub_cache=tmp_path / "none")), "cpu")
    look = {"strength": strength, "controls": "", "steps": 2, "steadiness": 0.0, "compare": "all", "size": "camera"}

    def wall(index: int):
        return moving(index, (128, 128), pan_px=8.0, radius=0.01)

    result, out = frame(tmp_path, wall(0), {}, model, runner, "a wall", **look)
    states = {"before": state_of(result, out)}
    first = picture_of(result, out)
    result, out = frame(tmp_path, wall(1), states, model, runner, "a wall", **look)
    assert result.report["flicker"] < 0.7 * result.report["flicker_single"]
    assert (picture_of(result, out) != first).any()
    still, out = frame(tmp_path, wall(0), {}, model, runner, "a wall", **look)
    assert (picture_of(still, out) == first).all()
