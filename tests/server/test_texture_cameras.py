"""From where objects are drawn: the user's cameras as they are sent, the sets of the panel, what is said of them."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from made_meshes import CORNERS, cube, saved  # noqa: E402

from blender_aigc.protocol import Blob, Fault, Job  # noqa: E402
from server.geometry.cameras import Camera, framing, towards  # noqa: E402
from server.registry import Registry  # noqa: E402
from server.texturing.given_cameras import fitted, read_cameras  # noqa: E402
from server.texturing.subject import avoided_for, side_of, words_for  # noqa: E402
from server.worker import Runner  # noqa: E402

RUNNER = Runner(Registry(), "cpu")
POINTS = CORNERS.astype(np.float64)
WALL = {
    "vertices": np.float32([[-9, -2, -9], [9, -2, -9], [9, -2, 9], [-9, -2, 9]]),
    "faces": np.int32([[0, 1, 2], [0, 2, 3]]),
}
"""In front of the box."""


def camera(angle: float = 0.0, name: str = "Camera", size: tuple[int, int] = (1920, 1080)) -> Camera:
    """From this azimuth the whole box, in the middle of a wide picture."""
    square = framing(POINTS, towards(angle, 0), size[1])
    return Camera(square.world_from_camera, square.focal_px, (size[0] / 2, size[1] / 2), size, name=name)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return saved(cube(), tmp_path / "box.npz")


def looked(box: Path, out: Path, choice: str = "greedy", cameras: Path | None = None, **params: object) -> dict:
    """What a job that only looks reports and keeps. Raises its Fault."""
    inputs = {"mesh": box} | ({"cameras": cameras} if cameras else {})
    blobs = {key: Blob("0" * 64, path.suffix) for key, path in inputs.items()}
    given = {"cameras": choice, "view_px": "512", **params}
    out.mkdir(exist_ok=True)
    job = Job(str(uuid.uuid4()), "view_coverage", "view_coverage", blobs, given)
    ending = RUNNER.run(job, out, inputs, lambda report: None, lambda: False)
    if ending.fault is not None:
        raise ending.fault.fault()
    return {**ending.result.report, **json.loads((out / "cameras.json").read_text())}


def written(path: Path, document: object, **arrays: np.ndarray) -> Path:
    text = json.dumps(document).encode()
    if path.suffix == ".json":
        path.write_bytes(text)
    else:
        np.savez(path, meta=np.frombuffer(text, np.uint8), **arrays)
    return path


def test_best_views_see_all_of_a_box_and_are_few(box: Path, tmp_path: Path) -> None:
    best = looked(box, tmp_path / "best")
    assert best["coverage"] > 0.99 and best["views"] <= 8
    assert best["notes"].startswith(f"{best['views']} views see ") and "front" in best["notes"]
    assert sum(page["adds"] for page in best["selected"]) == pytest.approx(best["covered"], abs=0.01)
    assert looked(box, tmp_path / "few", views=2)["coverage"] < 0.9
    assert looked(box, tmp_path / "ring", "ring", views=5)["views"] == 5


def test_the_sentence_says_how_much_is_seen_and_what_each_view_adds(box: Path, tmp_path: Path) -> None:
    """Each of the views sees one of the box's six sides squarely; the second look at the front adds nothing."""
    pages = [camera(angle, name).meta() for angle, name in ((0, "front"), (180, "back"), (0, "again"))]
    for count, sentence in (
        (1, r"The view front sees 1[67]\.\d% of the surface\."),
        (3, r"3 views see 3[34]\.\d% of the surface \(front 17%, back 17%\)\."),
    ):
        given = written(tmp_path / "cameras.json", {"selected": pages[:count]})
        assert re.fullmatch(sentence, looked(box, tmp_path / "out", "own", given)["notes"])


def test_all_around_is_six_views_from_a_little_above_one_from_above_and_one_from_below(box, tmp_path: Path) -> None:
    pages = looked(box, tmp_path / "out", "around")["selected"]
    right, up, height = -np.array([np.array(page["world_from_camera"])[:3, 2] for page in pages]).T  # from the object
    azimuth, elevation = np.degrees(np.arctan2(right, -up)) % 360, np.degrees(np.arcsin(height))
    assert np.allclose(azimuth[:6], np.arange(6) * 60, atol=1e-3) and np.allclose(elevation[:6], elevation[0])
    assert 5 < elevation[0] < 20 and elevation[6] > 80 and elevation[7] < -80 and len(pages) == 8
    assert pages[0]["name"] == "front" and [page["name"] for page in pages[6:]] == ["top", "bottom"]


@pytest.mark.parametrize("choice", ["greedy", "around", "axes", "ring", "room"])
def test_every_set_can_be_kept_and_given_again(box: Path, tmp_path: Path, choice: str) -> None:
    first = looked(box, tmp_path / "first", choice)
    again = looked(box, tmp_path / "again", "own", tmp_path / "first" / "cameras.json")
    assert [page["name"] for page in again["selected"]] == [page["name"] for page in first["selected"]]
    assert again["coverage"] == pytest.approx(first["coverage"], abs=1e-3)


def test_the_users_cameras_keep_their_view_at_another_size(box: Path, tmp_path: Path) -> None:
    """A point lies at the same place of the picture; the shape of the picture stays; networks like its sides."""
    own = camera(45)
    small = fitted(own, 1024)
    assert all(side % 64 == 0 for side in small.size_px)
    assert small.size_px[0] / small.size_px[1] == pytest.approx(16 / 9, rel=0.06)
    assert np.prod(small.size_px) == pytest.approx(1024**2, rel=0.06)
    point = np.array([0.3, -0.7, 0.4, 1.0])
    x, y, w = own.rows(np.zeros(3)) @ point
    u, v, t = small.rows(np.zeros(3)) @ point
    assert (u / t / small.size_px[0], v / t / small.size_px[1]) == pytest.approx((x / w / 1920, y / w / 1080))
    given = written(tmp_path / "cameras.json", {"selected": [own.meta()], "active": None, "view": None})
    assert looked(box, tmp_path / "out", "own", given)["coverage"] == pytest.approx(1 / 3, abs=0.02)


def test_the_view_is_the_viewports_or_else_the_cameras(tmp_path: Path, box: Path) -> None:
    front, side = camera(0, "Camera").meta(), {**camera(90).meta(), "name": ""}
    both = written(tmp_path / "both.json", {"active": front, "view": side})
    assert looked(box, tmp_path / "view", "view", both)["selected"][0]["name"] == "left"
    assert looked(box, tmp_path / "camera", "camera", both)["selected"][0]["name"] == "Camera"
    background = written(tmp_path / "background.json", {"active": front, "view": None})
    assert looked(box, tmp_path / "none", "view", background)["selected"][0]["name"] == "Camera"


def test_what_stands_in_the_way_hides(box: Path, tmp_path: Path) -> None:
    pages = {"selected": [camera(0, "front").meta(), camera(180, "back").meta()]}
    free = looked(box, tmp_path / "free", "own", written(tmp_path / "free.npz", pages))
    walled = looked(box, tmp_path / "walled", "own", written(tmp_path / "walled.npz", pages, **WALL))
    assert free["selected"][0]["sees"] > 0.1 and walled["selected"][0]["sees"] == 0
    assert walled["selected"][1]["sees"] == free["selected"][1]["sees"]
    around = looked(box, tmp_path / "around", "around", written(tmp_path / "walled.npz", pages, **WALL))
    assert around["selected"][0]["sees"] > 0.1  # the panel's own sets are made around the object alone


PANORAMA = {**camera().meta(), "camera": "PANO"}
MIRRORED = {**camera().meta(), "world_from_camera": np.diag([-1.0, 1, 1, 1]).tolist()}


@pytest.mark.parametrize(
    ("choice", "document", "words"),
    [
        ("own", None, "No camera is selected"),
        ("own", {"selected": []}, "No camera is selected"),
        ("view", {"active": None, "view": None}, "no viewport and no camera"),
        ("own", {"selected": [PANORAMA]}, "pano camera cannot be used"),
        ("own", {"selected": [MIRRORED]}, "scaled or mirrored"),
        ("own", {"selected": [{"camera": "PERSP"}]}, "incomplete"),
        ("own", {"selected": [camera().meta()] * 63}, "too many"),
        ("own", {"selected": 7}, "describes no cameras"),
        ("own", {"selected": ["front"]}, "describes no cameras"),
        ("own", "front", "describes no cameras"),
    ],
)
def test_cameras_that_cannot_be_used_are_explained(box, tmp_path, choice, document, words) -> None:
    given = written(tmp_path / "cameras.json", document) if document is not None else None
    with pytest.raises(Fault, match=words) as caught:
        looked(box, tmp_path / "out", choice, given)
    assert caught.value.code in ("bad_input", "bad_request") and caught.value.hint


@pytest.mark.parametrize(
    "arrays",
    [
        {"vertices": WALL["vertices"], "faces": WALL["faces"] + 2},
        {"vertices": WALL["vertices"][:, :2], "faces": WALL["faces"]},
        {"vertices": WALL["vertices"] * np.float32(np.nan), "faces": WALL["faces"]},
        {"faces": WALL["faces"]},
    ],
)
def test_damaged_surroundings_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(Fault, match="describes no cameras"):
        read_cameras(written(tmp_path / "cameras.npz", [camera().meta()], **arrays))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cameras.npz").read_bytes()[:200])
    with pytest.raises(Fault, match="describes no cameras"):
        read_cameras(tmp_path / "cut.npz")


def test_a_camera_with_a_name_of_its_own_is_told_what_it_sees() -> None:
    cameras = [camera(0, "Camera.001"), camera(90, "hero shot"), camera(180, "back")]
    assert [side_of(one) for one in cameras] == ["front", "left", "back"]
    words = words_for("a robot", cameras, "hero shot: a number on its arm")
    assert words == ["a robot, front view", "a number on its arm, a robot, side view", "a robot, back view"]
    assert avoided_for("", cameras) == ["", "front view", "front view"]


def test_looking_is_cancelled_in_every_phase(box: Path, tmp_path: Path) -> None:
    blobs = {"mesh": Blob("0" * 64, box.suffix)}

    def ending(cancel_in: str = "none") -> tuple[object, list]:
        sent: list = []
        (tmp_path / cancel_in).mkdir()
        given = {"cameras": "greedy", "view_px": "512"}
        job = Job(str(uuid.uuid4()), "view_coverage", "view_coverage", blobs, given)
        return RUNNER.run(
            job,
            tmp_path / cancel_in,
            {"mesh": box},
            sent.append,
            lambda: cancel_in in [report.phase for report in sent],
        ), sent

    done, sent = ending()
    assert done.say == "done"
    for phase in dict.fromkeys([report.phase for report in sent]):
        cancelled, heard = ending(phase)
        assert cancelled.say == "cancelled" and heard[-1].phase == phase, phase
        assert not list((tmp_path / phase).iterdir()), phase
