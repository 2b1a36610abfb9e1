"""Cutting out: alpha, plain backgrounds as cameras and renderers really make them, and pictures without an object."""

from __future__ import annotations

import io

import numpy as np
import pytest
from inflate_judges import overlap

from blender_aigc.protocol import Fault
from server.geometry.pixels import blur
from server.geometry.silhouette import WORKING_PX, cut_out

SIZE = 320


def coordinates(size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:size, :size] + 0.5
    return x / size, y / size


def pot(size: int = SIZE, handle: bool = True) -> np.ndarray:
    """Coverage (size, size) of a round body with a handle that one can see through, edges one pixel soft."""
    x, y = coordinates(size)
    body = np.hypot(x - 0.45, y - 0.55) - 0.22
    ring = np.abs(np.hypot(x - 0.72, y - 0.5) - 0.1) - 0.03
    return np.clip(0.5 - (np.minimum(body, ring) if handle else body) * size, 0, 1)


def picture(coverage: np.ndarray, background: np.ndarray, colour: tuple[int, int, int] = (180, 60, 40)) -> np.ndarray:
    """(H, W, 4) opaque uint8: a shaded object of one colour before (H, W, 3) or (3,) background colours."""
    size = len(coverage)
    x, y = coordinates(size)
    shade = 0.75 + 0.35 * (1 - np.hypot(x - 0.35, y - 0.4))
    front = np.clip(np.array(colour) * shade[..., None], 0, 255)
    rgb = coverage[..., None] * front + (1 - coverage[..., None]) * np.asarray(background, float)
    return opaque(rgb)


def opaque(rgb: np.ndarray) -> np.ndarray:
    rgb = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])


def found(rgba: np.ndarray, **options: object) -> np.ndarray:
    cutout = cut_out(rgba, **options)
    assert cutout.source == "background" and cutout.coverage.dtype == np.float32
    return cutout.coverage >= 0.5


def jpeg(rgba: np.ndarray, quality: int) -> np.ndarray:
    image = pytest.importorskip("PIL.Image", reason="Pillow makes the JPEG")
    file = io.BytesIO()
    image.fromarray(rgba[..., :3]).save(file, "JPEG", quality=quality)
    return opaque(np.asarray(image.open(file)).astype(float))


# --------------------------------------------------------------------------------------------------------------- alpha


def test_alpha_decides_and_keeps_its_soft_edge() -> None:
    coverage = pot()
    rgba = picture(coverage, (0, 0, 0))
    rgba[..., 3] = np.rint(255 * coverage)
    cutout = cut_out(rgba)
    assert cutout.source == "alpha" and cutout.factor == 1
    assert np.abs(cutout.coverage - coverage).max() < 0.003


def test_faint_shadow_in_alpha_is_not_the_object() -> None:
    coverage = pot()
    rgba = picture(coverage, (0, 0, 0))
    x, y = coordinates()
    shadow = 0.4 * np.exp(-(((x - 0.5) / 0.2) ** 2) - ((y - 0.8) / 0.05) ** 2)
    rgba[..., 3] = np.rint(255 * np.maximum(coverage, shadow))
    assert overlap(cut_out(rgba).coverage >= 0.5, coverage >= 0.5) > 0.999


def test_opaque_alpha_says_nothing() -> None:
    assert cut_out(picture(pot(), (128, 128, 128))).source == "background"


def test_specks_in_alpha_are_dropped() -> None:
    rgba = picture(pot(), (0, 0, 0))
    rgba[..., 3] = np.where(pot() > 0.5, 255, 0)
    rgba[10:12, 10:12, 3] = 255
    assert not cut_out(rgba).coverage[5:20, 5:20].any()


# ---------------------------------------------------------------------------------------------------- plain backgrounds


@pytest.mark.parametrize("grey", [0, 60, 127, 255])
def test_plain_background(grey: int) -> None:
    assert overlap(found(picture(pot(), (grey, grey, grey))), pot() >= 0.5) > 0.985


@pytest.mark.parametrize("background", [(20, 90, 200), (0, 255, 0), (250, 240, 200)])
def test_coloured_background(background: tuple[int, int, int]) -> None:
    assert overlap(found(picture(pot(), background)), pot() >= 0.5) > 0.985


def test_contour_is_found_to_a_fraction_of_a_pixel() -> None:
    """The soft edge is recovered from the colours, not only a hard mask."""
    coverage = pot(handle=False)
    recovered = cut_out(picture(coverage, (255, 255, 255))).coverage
    edge = (coverage > 0.1) & (coverage < 0.9)
    assert np.abs(recovered - coverage)[edge].mean() < 0.1


@pytest.mark.parametrize("quality", [40, 75, 95])
def test_jpeg(quality: int) -> None:
    assert overlap(found(jpeg(picture(pot(), (235, 235, 235)), quality)), pot() >= 0.5) > 0.98


@pytest.mark.parametrize("sigma", [3, 8, 20])
def test_camera_noise(sigma: float) -> None:
    rgba = picture(pot(), (200, 205, 200))
    noise = np.random.default_rng(3).normal(0, sigma, rgba[..., :3].shape)
    assert overlap(found(opaque(rgba[..., :3] + noise)), pot() >= 0.5) > 0.97


def test_vignette() -> None:
    x, y = coordinates()
    light = 1 - 0.9 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    assert overlap(found(picture(pot(), light[..., None] * np.array([220, 220, 225]))), pot() >= 0.5) > 0.98


def test_gradient() -> None:
    x, y = coordinates()
    sky = np.stack([120 + 100 * y, 160 + 60 * y, 230 - 20 * x], axis=-1)
    assert overlap(found(picture(pot(), sky)), pot() >= 0.5) > 0.98


def test_soft_shadow_on_the_ground() -> None:
    x, y = coordinates()
    shadow = 0.3 * np.exp(-(((x - 0.5) / 0.25) ** 2) - ((y - 0.79) / 0.06) ** 2)
    ground = 245 * (1 - shadow[..., None]) * np.ones(3)
    assert overlap(found(picture(pot(), ground)), pot() >= 0.5) > 0.96


def test_everything_at_once() -> None:
    x, y = coordinates()
    light = 1 - 0.5 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    shadow = 0.25 * np.exp(-(((x - 0.5) / 0.25) ** 2) - ((y - 0.79) / 0.06) ** 2)
    ground = (light * (1 - shadow))[..., None] * np.array([235, 233, 228])
    rgba = picture(pot(), ground)
    noise = np.random.default_rng(3).normal(0, 2, rgba[..., :3].shape)
    assert overlap(found(jpeg(opaque(rgba[..., :3] + noise), 85)), pot() >= 0.5) > 0.95


def test_object_that_leaves_the_picture() -> None:
    """A bust: a third of the border is the object."""
    x, y = coordinates()
    coverage = np.clip(0.5 - np.maximum(np.abs(x - 0.5) - 0.3, 0.35 - y) * SIZE, 0, 1)
    assert overlap(found(picture(coverage, (210, 215, 220))), coverage >= 0.5) > 0.98


def test_light_object_before_white() -> None:
    """Pale, but with an edge: neither the flood nor the shadow rule may eat it."""
    rgba = picture(pot(handle=False), (255, 255, 255), colour=(205, 208, 212))
    assert overlap(found(rgba), pot(handle=False) >= 0.5) > 0.97


def test_fringe_of_an_earlier_cut_out_goes() -> None:
    """A dark halo round the object, as background removers leave it: the object is cut within."""
    coverage = pot(handle=False)
    x, y = coordinates()
    outside = np.hypot(x - 0.45, y - 0.55) * SIZE - 0.22 * SIZE
    halo = 127 - 24 * np.clip(1 - np.abs(outside - 1.5) / 2, 0, 1)
    mask = found(picture(coverage, halo[..., None] * np.ones(3)))
    assert overlap(mask, coverage >= 0.5) > 0.985
    assert not (mask & (outside > 2)).any()


def test_holes_open_or_closed_as_asked() -> None:
    rgba = picture(pot(), (127, 127, 127))
    middle = (round(0.5 * SIZE), round(0.72 * SIZE))
    assert not found(rgba)[middle]
    assert found(rgba, open_holes=False)[middle]


def test_small_marks_of_the_background_colour_are_no_holes() -> None:
    rgba = picture(pot(handle=False), (255, 255, 255))
    rgba[150:155, 120:125] = 255  # a highlight
    assert found(rgba)[150:155, 120:125].all()


def test_tolerance_reaches_further() -> None:
    """A coloured bloom on the backdrop, neither shadow nor noise: in at a low tolerance, out at a high one."""
    x, y = coordinates()
    bloom = np.exp(-(((x - 0.2) / 0.08) ** 2) - ((y - 0.2) / 0.08) ** 2)[..., None] * np.array([0, -16, -30])
    rgba = picture(pot(), 225 + bloom)
    spot = (round(0.2 * SIZE), round(0.2 * SIZE))
    assert found(rgba, tolerance=0.2)[spot] and not found(rgba, tolerance=0.9)[spot]


def test_large_pictures_are_cut_at_the_working_size() -> None:
    side = WORKING_PX + 81
    coverage = pot(side)
    rgba = picture(coverage, (127, 127, 127))
    cutout = cut_out(rgba)
    assert cutout.factor == 2 and max(cutout.coverage.shape) <= WORKING_PX
    small = coverage[::2, ::2][: cutout.coverage.shape[0], : cutout.coverage.shape[1]]
    assert overlap(cutout.coverage >= 0.5, small >= 0.5) > 0.98
    assert max(cutout.preview(rgba).shape) <= 256 and cutout.preview(rgba).dtype == np.uint8


def test_the_found_silhouette_as_alpha() -> None:
    coverage = pot()
    plain = picture(coverage, (250, 250, 250))
    cut = cut_out(plain).with_alpha(plain)
    assert cut.shape == plain.shape and cut.dtype == np.uint8 and np.array_equal(cut[..., :3], plain[..., :3])
    assert overlap(cut[..., 3] >= 128, coverage >= 0.5) > 0.985
    assert cut_out(cut).with_alpha(cut) is cut, "a picture with alpha keeps its own"
    large = picture(pot(WORKING_PX + 81), (250, 250, 250))
    assert overlap(cut_out(large).with_alpha(large)[..., 3] >= 128, pot(WORKING_PX + 81) >= 0.5) > 0.98


# ------------------------------------------------------------------------------------------------------------ no object


def nothing() -> dict[str, np.ndarray]:
    x, y = coordinates()
    rng = np.random.default_rng(0)
    clouds = blur(rng.normal(0, 1, (SIZE, SIZE, 3)).astype(np.float32), 12)
    dot = np.full((SIZE, SIZE, 3), 127.0)
    dot[100:102, 100:102] = 0
    return {
        "one colour": np.full((SIZE, SIZE, 3), 200.0),
        "only noise": 128 + rng.normal(0, 6, (SIZE, SIZE, 3)),
        "only a vignette": (240 - 120 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None] * np.ones(3),
        "a photograph": 128 + 60 * clouds / clouds.std(),
        "a dot": dot,
    }


@pytest.mark.parametrize("kind", list(nothing()))
def test_no_foreground_is_said(kind: str) -> None:
    with pytest.raises(Fault) as caught:
        cut_out(opaque(nothing()[kind]))
    assert caught.value.code == "bad_input"
    assert caught.value.message.startswith("No foreground was found") and "background" in caught.value.hint


def test_transparent_but_for_dust() -> None:
    rgba = np.zeros((100, 100, 4), np.uint8)
    rgba[50, 50] = 255
    with pytest.raises(Fault, match="No foreground"):
        cut_out(rgba)
