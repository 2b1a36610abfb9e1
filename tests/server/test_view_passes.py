"""What ControlNets see, as a picture of its own: every kind, in the size of the render; what it lacks is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_every_model import toy_passes

from blender_aigc.protocol import Fault
from server.foreground import Order, run
from server.registry import Registry

KINDS = ["depth", "normal", "line", "canny", "segment"]


def shown(folder: Path, kind: str, *words: str) -> np.ndarray:
    pytest.importorskip("PIL")
    from PIL import Image

    out = folder / f"{kind} {len(words)}"
    given = {"passes": toy_passes(folder)}
    run(Order("render_image", "view_passes", out, given, [f"kind={kind}", *words]), Registry())
    (made,) = out.glob("*.png")
    return np.asarray(Image.open(made))[..., :3].astype(int)


def test_every_kind_is_a_picture_of_its_own(tmp_path: Path) -> None:
    pictures = {kind: shown(tmp_path, kind) for kind in KINDS}
    assert all(picture.shape == (96, 128, 3) for picture in pictures.values())
    assert len({picture.tobytes() for picture in pictures.values()}) == len(KINDS)
    depth = pictures["depth"]
    assert depth[48, 64, 0] == 255 and depth[2, 2, 0] == 0, "near is white, the background black"
    assert depth[48, 64, 0] > depth[48, 90, 0] > 0
    normal = pictures["normal"]
    assert normal[48, 40, 0] > 128 > normal[48, 88, 0], "red to the left"
    assert normal[20, 64, 1] > 128 > normal[76, 64, 1], "green up"
    assert set(np.unique(pictures["canny"])) == {0, 255} and set(np.unique(pictures["line"])) == {0, 255}


def test_thresholds_of_canny_count(tmp_path: Path) -> None:
    few = shown(tmp_path, "canny", "low=300", "high=480")
    assert few.sum() < shown(tmp_path, "canny").sum()


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="pose") as caught:
        shown(tmp_path, "pose")
    assert caught.value.code == "bad_input" and "armatures" in caught.value.hint


def test_a_first_render_becomes_a_drawing_and_not_a_depth_map() -> None:
    """The first model without a download is taken when nobody has chosen."""
    offered = [info for info in Registry().listing().models if info.procedural and info.does("render_image")]
    assert [info.id for info in offered][:2] == ["stylise", "view_passes"]
