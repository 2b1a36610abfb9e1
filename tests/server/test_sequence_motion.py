"""What a sequence stands on: motion, what is seen twice, the canvas and its noise, the flicker figure."""

from __future__ import annotations

import numpy as np
import pytest
from moving_ball import BALL_PX, ball_centre, moving

from server.filters.canvas import Canvas, MovingCanvas
from server.sequence.canvas import advanced, fresh
from server.sequence.flicker import warping_error
from server.sequence.motion import carried, same_surface, source
from server.sequence.noise import canvas_noise
from server.sequence.state import object_names

SHAPE = (72, 112)


def kept_between(index: int, pan_px: float = 0.8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y, kept of frame `index` and the one before."""
    now, then = moving(index, SHAPE, pan_px), moving(index - 1, SHAPE, pan_px)
    x, y = source(now.vector)
    facts = (object_names(now), now.depth), (object_names(then), then.depth)
    return x, y, same_surface(x, y, now.vector[..., :2], then.vector[..., 2:], *facts)


def canvas_after(frames: int, pan_px: float = 0.8) -> np.ndarray:
    canvas = fresh(SHAPE)
    for index in range(1, frames + 1):
        now, then = (object_names(moving(i, SHAPE, pan_px)) for i in (index, index - 1))
        canvas = advanced(canvas, *kept_between(index, pan_px), now, then)
    return canvas


def on_ball(index: int, part: float = 0.8) -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    centre = ball_centre(index, SHAPE)
    return np.hypot(x - centre[0], y - centre[1]) < part * 0.26 * SHAPE[0]


# ------------------------------------------------------------------------------------------------------------ motion


def test_what_comes_into_sight_is_not_kept_and_all_else_is() -> None:
    """By the wall's points: those that the ball hid one frame ago, and the strip at the edge, are new."""
    _, _, kept = kept_between(5)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    then = ball_centre(4, SHAPE)
    hidden = np.hypot(x + 0.8 - then[0], y - then[1]) < 0.26 * SHAPE[0]
    new = ~on_ball(5, 1.0) & (hidden | (x + 0.8 > SHAPE[1] - 0.5))
    sure = np.abs(np.hypot(x - then[0], y - then[1]) - 0.26 * SHAPE[0]) > 2.5  # not on an outline
    assert not kept[new & (sure | (x > SHAPE[1] - 2))].any()
    assert kept[~new & sure & (x < SHAPE[1] - 2) & ~(on_ball(5, 1.15) & ~on_ball(5, 0.9))].all()
    assert 0 < (new & ~kept).sum()


@pytest.mark.parametrize("fact", ["objects", "depth", "motion"])
def test_each_sign_of_another_surface_counts(fact: str) -> None:
    here, back = np.zeros((8, 8, 2), np.float32), np.zeros((8, 8, 2), np.float32)
    ids, depth = np.ones((8, 8), np.uint32), np.full((8, 8), 5.0, np.float32)
    other_ids, other_depth = ids.copy(), depth.copy()
    x, y = source(np.zeros((8, 8, 4), np.float32))
    if fact == "objects":
        other_ids[3, 3] = 2
    elif fact == "depth":
        other_depth[3, 3] = 9
    else:
        back[3, 3] = 4
    kept = same_surface(x, y, here, back, (ids, depth), (other_ids, other_depth))
    assert not kept[3, 3]
    assert kept.sum() == 63


def test_the_sky_is_kept_though_it_is_infinitely_far() -> None:
    still = np.zeros((4, 4, 2), np.float32)
    x, y = source(np.zeros((4, 4, 4), np.float32))
    sky = np.full((4, 4), np.inf, np.float32)
    assert same_surface(x, y, still, still, (None, sky), (None, sky)).all()
    assert not same_surface(x, y, still, still, (None, sky), (None, np.ones((4, 4), np.float32))).any()


def test_carrying_moves_keeps_and_does_not_blur_away() -> None:
    rng = np.random.default_rng(1)
    picture = rng.uniform(0, 255, (40, 60, 3)).astype(np.float32)
    still = source(np.zeros((40, 60, 4), np.float32))
    assert (carried(picture, *still) == picture).all()
    moved = carried(picture, still[0] + 3, still[1] - 2)
    assert (moved[5:-5, 5:-5] == picture[3:-7, 8:-2]).all()
    smooth = np.stack([np.sin(still[0] / 3 + still[1] / 4)] * 3, -1) * 100
    cubic = linear = smooth
    for _ in range(8):  # half a pixel there and back again, eight times
        for way in (0.5, -0.5):
            cubic = carried(cubic, still[0] + way, still[1])
            linear = (linear + np.roll(linear, -1 if way > 0 else 1, axis=1)) / 2
    inner = (slice(4, -4), slice(20, -20))
    assert cubic[inner].std() > 0.9 * smooth[inner].std() > 1.1 * linear[inner].std()


def test_nothing_bleeds_over_an_outline() -> None:
    picture = np.zeros((20, 30, 1), np.float32)
    picture[:, 15:] = 200
    regions = (picture[..., 0] > 0).astype(np.int32)
    x, y = source(np.zeros((20, 30, 4), np.float32))
    assert set(np.unique(carried(picture, x + 0.4, y, regions))) == {0.0, 200.0}
    assert len(np.unique(carried(picture, x + 0.4, y))) > 2


# ------------------------------------------------------------------------------------------------------------ canvas


def test_the_canvas_stays_on_the_ball_and_on_the_wall() -> None:
    canvas, own = canvas_after(6), fresh(SHAPE)
    ball = on_ball(6)
    assert np.abs((own - canvas)[ball] - np.float32(BALL_PX) * 6).max() < 0.05
    wall = ~on_ball(6, 1.6) & (own[..., 0] < SHAPE[1] - 8)
    assert np.abs((own - canvas)[wall] - [-0.8 * 6, 0]).max() < 0.05
    edge = own[..., 0] > SHAPE[1] - 3  # what came in from the right continues the wall's canvas
    assert np.abs((own - canvas)[edge] - [-0.8 * 6, 0]).max() < 0.05


def test_what_the_ball_uncovers_continues_the_wall() -> None:
    canvas, own = canvas_after(12, pan_px=0.0), fresh(SHAPE)
    uncovered = on_ball(0, 0.9) & ~on_ball(12, 1.1)
    assert uncovered.sum() > 50
    assert (canvas[uncovered] == own[uncovered]).all()


def test_a_canvas_that_is_stretched_too_far_is_laid_anew() -> None:
    zoom = fresh((40, 40)) * 0.45  # a fifth of the area
    x, y = source(np.zeros((40, 40, 4), np.float32))
    laid = advanced(zoom, x, y, np.ones((40, 40), bool), None, None)
    assert np.abs(laid - fresh((40, 40)))[5:-5, 5:-5].max() == 0


def test_strokes_begin_where_the_canvas_has_taken_them() -> None:
    canvas, regions = canvas_after(6), object_names(moving(6, SHAPE)).astype(np.int32)
    first = MovingCanvas(fresh(SHAPE), None).seeds(4.0, 3)
    still = Canvas(SHAPE).seeds(4.0, 3)
    inside = (still.x > 0) & (still.y > 0) & (still.x < SHAPE[1] - 1) & (still.y < SHAPE[0] - 1)
    assert {tuple(k) for k in first.key} >= {tuple(k) for k in still.key[inside]}  # none is lost
    places = {tuple(key): (x, y) for key, x, y in zip(still.key, still.x, still.y, strict=True)}
    now = MovingCanvas(canvas, regions).seeds(4.0, 3)
    moved = np.array([(x, y) for x, y in zip(now.x, now.y, strict=True)])
    came = np.array([places.get(tuple(key), (np.nan, np.nan)) for key in now.key])
    ball = on_ball(6, 0.8)[
        np.clip(np.rint(moved[:, 1]), 0, 71).astype(int), np.clip(np.rint(moved[:, 0]), 0, 111).astype(int)
    ]
    assert ball.sum() > 20
    assert np.nanmax(np.abs(moved[ball] - came[ball] - np.float32(BALL_PX) * 6)) < 0.1


def test_paper_moves_with_the_canvas_and_keeps_its_roughness() -> None:
    shifted = fresh(SHAPE) + np.float32([2.0, -3.0])
    still, moved = MovingCanvas(fresh(SHAPE), None), MovingCanvas(shifted, None)
    for field in ("clouds", "paper"):
        a, b = getattr(still, field)(6.0, 4), getattr(moved, field)(6.0, 4)
        if field == "clouds":
            assert np.abs(a[10:-10, 12:-8] - b[13:-7, 10:-10]).max() < 1e-4
        assert abs(b.std() / a.std() - 1) < 0.1
    assert np.abs(Canvas(SHAPE).clouds(6.0, 4) - still.clouds(6.0, 4)).max() < 1e-5


# ------------------------------------------------------------------------------------------------------------- noise


def neighbours(noise: np.ndarray) -> float:
    a, b = noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel()
    return float(np.corrcoef(a, b)[0, 1])


def big_canvas(shift_px: float, zoom: float = 1.0) -> np.ndarray:
    return (fresh((512, 512)) - 256) * np.float32(zoom) + 256 + np.float32([shift_px, 0])


@pytest.mark.parametrize("zoom", [1.0, 0.7, 1.3])
@pytest.mark.parametrize("shift_px", [0.0, 3.4, 40.0])
def test_noise_stays_white_and_of_variance_one(shift_px: float, zoom: float) -> None:
    noise = canvas_noise(big_canvas(shift_px, zoom), (64, 64), 4, 7)
    assert noise.shape == (4, 64, 64)
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.03
    assert abs(noise.std() - 1) < 0.03
    assert abs(neighbours(noise)) < 0.03
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.06


def test_noise_moves_with_the_canvas() -> None:
    start, one, far = (canvas_noise(big_canvas(shift), (64, 64), 4, 7) for shift in (0.0, 2.0, 16.0))
    assert np.corrcoef(start.ravel(), one.ravel())[0, 1] > 0.6  # 2 of the 8 pixels of a latent are new
    assert np.abs(far[:, :, :-2] - start[:, :, 2:]).max() < 1e-5
    assert abs(np.corrcoef(start.ravel(), canvas_noise(big_canvas(0), (64, 64), 4, 8).ravel())[0, 1]) < 0.03


def test_noise_takes_any_size() -> None:
    assert canvas_noise(fresh((90, 161)), (12, 21), 4, 0).shape == (4, 12, 21)
    assert np.isfinite(canvas_noise(np.zeros((16, 16, 2), np.float32), (16, 16), 1, 0)).all()


# ----------------------------------------------------------------------------------------------------------- flicker


def test_the_flicker_figure_is_the_mean_squared_distance_of_colours() -> None:
    now, then = np.zeros((4, 6, 4), np.uint8), np.zeros((4, 6, 4), np.uint8)
    now[..., 0], now[..., 3] = 51, 255  # 0.2 in one channel, and an alpha that does not count
    x, y = source(np.zeros((4, 6, 4), np.float32))
    kept = np.ones((4, 6), bool)
    assert warping_error(now, then, x, y, kept) == pytest.approx(0.04)
    now[0, 0] = 255
    kept[0, 0] = False
    assert warping_error(now, then, x, y, kept) == pytest.approx(0.04)
    assert warping_error(now, then, x, y, np.zeros((4, 6), bool)) is None


def test_a_picture_that_moves_as_it_should_does_not_flicker() -> None:
    """The bare render's error is what the light does; a picture that stands still is much worse."""
    now, then = moving(3, SHAPE), moving(2, SHAPE)
    seen = kept_between(3)
    render = warping_error(now.combined, then.combined, *seen)
    rng = np.random.default_rng(0)
    grain = rng.integers(0, 60, (*SHAPE, 1)).astype(np.uint8)
    standing = warping_error(now.combined // 2 + grain, then.combined // 2 + grain, *seen)
    assert render < 3e-4 < 0.01 < standing
