"""The folder of a sequence and the order of its jobs, without Blender: kills, damage, other settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from blender_aigc.protocol import Fault
from blender_aigc.sequence.folder import PAGE, STATES, Folder
from blender_aigc.sequence.plan import Step, check_range, parse_frames, steps

SETTINGS = {"model": "stylise", "params": {"style": "ink", "detail": 0.5}, "first": 1}
ROOT = Path(__file__).resolve().parents[2]


def made(folder: Folder, frame: int, source: Path, **facts: float) -> None:
    source.mkdir(exist_ok=True)
    (source / "a.png").write_bytes(b"picture %d" % frame)
    (source / "a.npz").write_bytes(b"state %d" % frame)
    folder.keep(frame, source / "a.png", source / "a.npz", facts, {"model": "stylise"})


def test_done_frames_are_found_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "out", "shot", SETTINGS)
    for frame in (1, 2, 3):
        made(folder, frame, tmp_path / "job")
        folder.drop_states([frame])
    again = Folder(tmp_path / "out", "shot", SETTINGS)
    assert [again.done(frame) for frame in (1, 2, 3, 4)] == [True, True, True, False]
    assert again.state(3).read_bytes() == b"state 3"
    assert again.state(2) is None
    assert again.provenance == {"model": "stylise"}
    assert sorted(path.name for path in (tmp_path / "out" / STATES).iterdir()) == ["0003.npz"]
    assert not list((tmp_path / "job").iterdir())  # moved, not copied


def test_a_frame_that_is_cut_short_or_gone_is_not_done(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "shot", SETTINGS)
    for frame in (1, 2):
        made(folder, frame, tmp_path / "job")
    folder.file(1).write_bytes(b"pic")
    folder.file(2).unlink()
    (tmp_path / STATES / "0002.npz").write_bytes(b"damaged")
    again = Folder(tmp_path, "shot", SETTINGS)
    assert not again.done(1) and not again.done(2)
    assert again.state(2) is None


def test_what_a_killed_process_left_besides_its_page_goes(tmp_path: Path) -> None:
    """It was killed after the page was written and before the old state was removed, or in the middle of a copy."""
    folder = Folder(tmp_path, "shot [a]", SETTINGS)
    made(folder, 1, tmp_path / "job")
    left = [STATES + "/0000.npz", STATES + "/.0002.npz.part", ".shot [a]_0002.png.part"]
    others = ["shot [a]_note.png", ".other_0002.png.part", STATES + "/notes.txt"]
    for name in left + others:
        (tmp_path / name).write_bytes(b"x")
    again = Folder(tmp_path, "shot [a]", SETTINGS)
    assert [name for name in left if (tmp_path / name).exists()] == []
    assert [name for name in others if not (tmp_path / name).exists()] == []
    assert again.done(1) and again.state(1).read_bytes() == b"state 1"


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    made(Folder(tmp_path, "shot", SETTINGS), 1, tmp_path / "job")
    other = {**SETTINGS, "params": {"style": "cel", "detail": 0.5}}
    with pytest.raises(Fault, match='style was "ink"') as caught:
        Folder(tmp_path, "shot", other)
    assert "start over" in caught.value.hint
    assert Folder(tmp_path, "shot", SETTINGS).done(1)  # nothing was touched
    fresh = Folder(tmp_path, "shot", other, start_over=True)
    assert not fresh.done(1)
    assert not fresh.file(1).exists()
    assert not list((tmp_path / STATES).iterdir())


def test_a_folder_in_which_nothing_is_done_takes_other_settings(tmp_path: Path) -> None:
    """One that failed before its first frame is begun again with what was wrong put right."""
    Folder(tmp_path, "shot", SETTINGS)
    other = {**SETTINGS, "params": {"style": "cel"}}
    made(Folder(tmp_path, "shot", other), 1, tmp_path / "job")
    assert json.loads((tmp_path / PAGE).read_text())["settings"] == other
    assert Folder(tmp_path, "shot", other).done(1)


def test_pictures_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shot_0001.png").write_bytes(b"mine")
    with pytest.raises(Fault, match="no sequence of ours"):
        Folder(tmp_path, "shot", SETTINGS)
    Folder(tmp_path, "other", SETTINGS)
    assert (tmp_path / "shot_0001.png").read_bytes() == b"mine"


@pytest.mark.parametrize("page", ["", "{", "[]", '{"format": 1}', '{"format": 99, "settings": {}}', "\x00"])
def test_a_damaged_page_is_a_sentence(page: str, tmp_path: Path) -> None:
    (tmp_path / PAGE).write_text(page)
    with pytest.raises(Fault, match="cannot be read"):
        Folder(tmp_path, "shot", SETTINGS)
    assert not Folder(tmp_path, "shot", SETTINGS, start_over=True).done(1)


def test_a_page_cannot_reach_out_of_its_folder(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("keep me")
    out = tmp_path / "out"
    out.mkdir()
    frames = {"1": {"file": "../precious.txt", "bytes": 7, "sha256": ""}}
    page = {"format": 1, "settings": {}, "frames": frames, "states": {}}
    (out / PAGE).write_text(json.dumps(page))
    Folder(out, "shot", SETTINGS, start_over=True)
    assert precious.read_text() == "keep me"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="a root may write everywhere")
def test_a_read_only_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(Fault, match="Nothing can be written"):
        Folder(tmp_path / "locked" / "out", "shot", SETTINGS)


def test_a_file_in_the_folder_s_place_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(Fault, match="Nothing can be written into the folder out"):
        Folder(tmp_path / "out", "shot", SETTINGS)


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from blender_aigc.sequence import folder as module
out = Path(sys.argv[1])
moment, count = sys.argv[3], 0
real = {name: getattr(module, name) for name in ("_take", "_hash")}
def dying(name):
    def call(*given):
        global count
        count += 1
        if f"{name}{count}" == moment:
            os.kill(os.getpid(), 9)
        return real[name](*given)
    return call
made = module.Folder(out / "out", "shot", {"model": "m"})
for name in real:
    setattr(module, name, dying(name))
for frame in range(1, 5):
    (out / "a.png").write_bytes(b"picture")
    (out / "a.npz").write_bytes(b"state")
    made.keep(frame, out / "a.png", out / "a.npz", {}, {})
    made.drop_states([frame])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("moment", ["_take5", "_hash6", "_take7", "_hash8"])
def test_a_kill_at_any_moment_leaves_frames_that_are_done_or_not_begun(moment: str, tmp_path: Path) -> None:
    """The second frame is on its way when the process is killed: between the state, the picture and the page."""
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path, ROOT, moment], check=False)
    assert ended.returncode == -9
    left = Folder(tmp_path / "out", "shot", {"model": "m"})
    done = [frame for frame in range(1, 5) if left.done(frame)]
    assert done == [1]
    assert left.state(1) is not None
    made(left, 2, tmp_path / "job")
    assert left.done(2)


def test_flicker_is_compared_over_the_same_frames(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "shot", SETTINGS)
    made(folder, 1, tmp_path / "job")
    made(folder, 2, tmp_path / "job", flicker=0.1, flicker_single=0.5)
    made(folder, 3, tmp_path / "job", flicker=0.4)
    assert folder.flicker() == pytest.approx({"flicker": 0.25, "flicker_single": 0.5, "flicker_of_same": 0.1})


# --------------------------------------------------------------------------------------------------- order of the jobs


def test_every_frame_follows_the_one_before() -> None:
    flat = [step for segment in steps(3, 5, 1) for step in segment]
    assert flat == [Step("make", 3), Step("make", 4, before=3), Step("make", 5, before=4)]


@pytest.mark.parametrize(("first", "last", "every"), [(1, 24, 6), (1, 25, 6), (0, 1, 8), (5, 5, 4), (1, 24, 48)])
def test_frames_between_are_finished_once_and_have_what_they_need(first: int, last: int, every: int) -> None:
    states: set[int] = set()
    finished: list[int] = []
    for segment in steps(first, last, every):
        for step in segment:
            assert {frame for frame in (step.before, step.ahead) if frame is not None} <= states
            states.add(step.frame)
            finished += [step.frame] if step.kind != "back" else []
    assert sorted(finished) == list(range(first, last + 1))
    keys = [step.frame for segment in steps(first, last, every) for step in segment if step.kind == "make"]
    assert keys[0] == first and keys[-1] == last
    assert all(b - a <= every for a, b in zip(keys, keys[1:], strict=False))


def test_ranges_are_read_as_people_write_them() -> None:
    assert [parse_frames(text) for text in ("1-24", " 7 ", "10..12", "0 - 3")] == [*((1, 24), (7, 7), (10, 12), (0, 3))]
    for text in ("", "a-b", "1-", "1..", "--3", "1_3", "1-2_0", "+3", "1-2-3", "\u0661", "1" * 5000):
        with pytest.raises(Fault, match="no range"):
            parse_frames(text)
    with pytest.raises(Fault, match="from 9 to 3 has no frames"):
        check_range(9, 3)
    with pytest.raises(Fault, match="Frame -2"):
        check_range(-2, 3)
