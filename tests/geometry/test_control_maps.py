"""Control maps of hand-made passes: what is nearer is whiter, every direction has its colour, nothing overflows."""

from __future__ import annotations

import numpy as np
import pytest

from server.geometry.control_maps import control_depth, control_normal


def test_depth_is_linear_in_disparity_and_near_is_white() -> None:
    depth = np.array([[1.0, 2.0, 4.0, np.inf]], np.float32)
    # 1 / depth: 1, 0.5, 0.25 -> levels 1, 1/3, 0 of 254 above the farthest surface's 1
    assert control_depth(depth, range_m=(1.0, 4.0)).tolist() == [[255, 86, 1, 0]]
    assert control_depth(depth).tolist() == control_depth(depth, range_m=None).tolist()


def test_a_fixed_range_does_not_depend_on_the_view() -> None:
    whole = np.linspace(1, 9, 64, dtype=np.float32).reshape(8, 8)
    part = whole[2:5, 2:5]
    assert np.array_equal(control_depth(whole, (0.5, 10))[2:5, 2:5], control_depth(part, (0.5, 10)))
    assert not np.array_equal(control_depth(whole)[2:5, 2:5], control_depth(part))
    assert control_depth(np.float32([[0.01, 99.0]]), (0.5, 10)).tolist() == [[255, 1]]


def test_outliers_do_not_eat_the_range() -> None:
    depth = np.linspace(5, 6, 10_000, dtype=np.float32).reshape(100, 100)
    depth[0, 0] = 0.01
    levels = control_depth(depth)
    assert levels[50:].max() - levels[50:].min() > 100


@pytest.mark.parametrize("hole", [np.inf, np.nan, -1.0, 0.0, -np.inf])
def test_what_is_not_a_depth_is_background(hole: float) -> None:
    depth = np.array([[2.0, 3.0], [4.0, hole]], np.float32)
    with np.errstate(all="raise"):
        levels = control_depth(depth)
    assert levels[1, 1] == 0 and levels[0, 0] == 255 and levels.dtype == np.uint8


def test_flat_and_empty_views() -> None:
    assert control_depth(np.full((3, 4), 7.0, np.float32)).tolist() == [[255] * 4] * 3
    assert not control_depth(np.full((3, 4), np.inf, np.float32)).any()
    with pytest.raises(ValueError, match="near < far"):
        control_depth(np.ones((2, 2), np.float32), (3.0, 2.0))


def test_the_colours_of_the_directions() -> None:
    directions = {  # x right, y up, z towards the camera
        (1, 0, 0): ((0, 128, 128), (255, 128, 128)),
        (-1, 0, 0): ((255, 128, 128), (0, 128, 128)),
        (0, 1, 0): ((128, 255, 128), (128, 255, 128)),
        (0, 0, 1): ((128, 128, 255), (128, 128, 255)),
        (0, 0, 0): ((0, 0, 0), (128, 128, 255)),
    }
    normal = np.array([list(directions)], np.float32)
    for index, convention in enumerate(("scannet", "camera")):
        expected = np.array([[colours[index] for colours in directions.values()]])
        assert np.abs(control_normal(normal, convention).astype(int) - expected).max() <= 1


def test_normals_of_any_length_and_nan() -> None:
    unit = control_normal(np.float32([[[0.6, 0.0, 0.8]]]))
    assert np.array_equal(unit, control_normal(np.float32([[[60, 0.0, 80]]])))
    assert not control_normal(np.float32([[[np.nan, np.nan, np.nan]]])).any()
