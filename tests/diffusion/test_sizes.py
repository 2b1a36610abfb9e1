"""Any resolution in, the same out, and nothing moves: measured to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from blender_aigc.protocol import Fault
from server.diffusion.sizes import fit, resized

SIZES = [(1920, 1080), (131, 97), (1, 1), (720, 1280), (333, 1000), (4096, 8)]


def blob(width: int, height: int, x: float, y: float) -> np.ndarray:
    """A soft dot at (x, y), in pixels from the left upper corner."""
    across = np.exp(-(((np.arange(width) + 0.5 - x) / (width / 20)) ** 2))
    down = np.exp(-(((np.arange(height) + 0.5 - y) / (height / 20)) ** 2))
    return np.rint(255 * down[:, None] * across[None]).astype(np.uint8)


def centre(picture: np.ndarray) -> tuple[float, float]:
    grey = picture.astype(float)
    return (
        float((grey.sum(0) * (np.arange(grey.shape[1]) + 0.5)).sum() / grey.sum()),
        float((grey.sum(1) * (np.arange(grey.shape[0]) + 0.5)).sum() / grey.sum()),
    )


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("area", [0, 512 * 512, 1024 * 1024])
def test_what_the_network_gets_suits_it(width: int, height: int, area: int) -> None:
    fitted = fit(width, height, area)
    assert all(side % 8 == 0 and side >= 64 for side in fitted.padded)
    assert fitted.scaled[0] <= fitted.padded[0] and fitted.scaled[1] <= fitted.padded[1]
    if area and max(width, height) < 8 * min(width, height):
        assert 0.9 < fitted.scaled[0] * fitted.scaled[1] / area < 1.1
        assert abs(fitted.scaled[0] / fitted.scaled[1] / (width / height) - 1) < 0.01
    assert max(fitted.padded) <= max(4 * 1024 + 8, width, height)


def test_the_render_s_own_size_is_not_resampled() -> None:
    """Only padded: what comes back is what went in, bit for bit."""
    picture = np.random.default_rng(0).integers(0, 256, (97, 131, 3), np.uint8)
    fitted = fit(131, 97)
    inside = fitted.into(picture)
    assert inside.shape == (104, 136, 3)
    assert np.array_equal(inside[:97, :131], picture)
    assert np.array_equal(inside[97:, :131], picture[-1:].repeat(7, 0))  # the border goes on
    assert np.array_equal(fitted.back(inside), picture)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (500, 377), (720, 1280)])
def test_nothing_moves_by_more_than_a_hundredth_of_a_pixel(width: int, height: int) -> None:
    """Into the network's picture, and back from it: the dot keeps its place as a share of the picture."""
    fitted = fit(width, height, 512 * 512)
    assert fitted.scaled != (width, height)
    x, y = 0.37 * width, 0.61 * height
    inside = fitted.into(blob(width, height, x, y))
    seen = centre(inside)
    assert abs(seen[0] - x * fitted.scaled[0] / width) < 0.01 * fitted.scaled[0] / width + 0.01
    assert abs(seen[1] - y * fitted.scaled[1] / height) < 0.01 * fitted.scaled[1] / height + 0.01
    drawn = np.zeros((fitted.padded[1], fitted.padded[0]), np.uint8)
    wide, high = fitted.scaled
    drawn[:high, :wide] = blob(wide, high, 0.37 * wide, 0.61 * high)
    back = centre(fitted.back(drawn))
    assert abs(back[0] - x) < 0.02 and abs(back[1] - y) < 0.02


def test_masks_stay_hard() -> None:
    mask = np.zeros((50, 70), np.uint8)
    mask[10:30, 20:60] = 255
    assert set(np.unique(fit(70, 50, 512 * 512).into(mask, smooth=False))) == {0, 255}


def test_no_size_is_no_picture() -> None:
    with pytest.raises(Fault):
        fit(0, 100)


def test_resizing_to_the_same_size_is_free() -> None:
    picture = np.zeros((4, 5, 3), np.uint8)
    assert resized(picture, (5, 4)) is picture
