"""What a picture does not tell is made from its colours: light taken out by the normals, relief from fine structure."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
trimesh = pytest.importorskip("trimesh")

from server.geometry.gltf_input import Piece, joined  # noqa: E402
from server.geometry.texels import Sheet  # noqa: E402
from server.geometry.texture_sets import texture_sets  # noqa: E402
from server.texturing.delight import delit  # noqa: E402
from server.texturing.from_views import _fine_structure, _levels, _normals  # noqa: E402

SIZE = 256


def linear(picture: np.ndarray) -> np.ndarray:
    value = np.asarray(picture, np.float64) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb(light: np.ndarray) -> np.ndarray:
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * value).astype(np.uint8)


@pytest.fixture(scope="module")
def ball() -> Sheet:
    """Every face in a square of its own."""
    made = trimesh.creation.icosphere(3)
    count = len(made.faces)
    side = int(np.ceil(count**0.5))
    corner = np.stack([np.arange(count) % side, np.arange(count) // side], axis=1) / side
    uvs = (corner[:, None] + np.float32([[0.05, 0.05], [0.95, 0.05], [0.05, 0.95]]) / side).astype(np.float32)
    points, faces = made.vertices.astype(np.float32), made.faces.astype(np.int32)
    mesh = joined([Piece("ball", "", points, faces, points[faces], uvs)], "ball")
    (group,), _ = texture_sets(mesh, SIZE)
    return Sheet(mesh, group, SIZE)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_light_is_taken_out_in_linear_light(ball: Sheet, share: float) -> None:
    """Two paints under light from above: their ratio stays, that of light and shadow goes, by as much as was asked."""
    index = np.flatnonzero(ball.covered.reshape(-1))
    texels = ball.texels(index)
    paint = np.where(np.floor(texels.position[:, :1] * 5) % 2 == 0, 0.3, 0.15) * np.float64([1, 0.8, 0.6])
    light = 1 + 0.45 * texels.normal[:, 2:]
    texture = np.zeros((SIZE, SIZE, 3), np.uint8)
    texture.reshape(-1, 3)[index] = srgb(paint * light)
    result = delit(texture, ball, share).reshape(-1, 3)[index]
    if not share:
        assert np.array_equal(result, texture.reshape(-1, 3)[index])
        return
    left = linear(result)[:, 1] / paint[:, 1]
    up, down = (np.median(left[texels.normal[:, 2] * way > 0.8]) for way in (1, -1))
    before = np.median(light[texels.normal[:, 2] > 0.8]) / np.median(light[texels.normal[:, 2] < -0.8])
    assert up / down == pytest.approx(before ** (1 - share), rel=0.12)
    assert np.median(left) == pytest.approx(1, rel=0.1), "as bright on the whole"
    red, green, blue = linear(result).mean(axis=0)
    assert (green / red, blue / red) == pytest.approx((0.8, 0.6), rel=0.03), "colours keep their hue"


def test_dark_lines_are_grooves_and_wide_shadows_are_not() -> None:
    picture = np.full((SIZE, SIZE, 3), 160, np.uint8)
    picture[:, 100:102] = 60
    picture[200:] = 100  # a wide shadow
    height = _fine_structure(picture)
    assert height[50, 100] < -0.3 and abs(float(height[50, 30])) < 0.01 and abs(float(height[240, 30])) < 0.01
    levels = _levels(height)
    assert levels.dtype == np.uint16 and levels[50, 100] < levels[50, 30] and abs(int(levels[50, 30]) - 32768) < 400


def test_normals_of_a_relief_lean_away_from_its_rise() -> None:
    """OpenGL: red to the right of the texture, green to its top, which is row 0. A rise of 0.3 per metre."""
    y, x = np.mgrid[:8, :8] * 0.01
    length = 1.09**0.5
    for height, wanted in ((0.3 * x, (-0.3, 0, 1)), (-0.3 * y, (0, -0.3, 1))):
        found = _normals(height, 0.01) / 127.5 - 1
        assert np.allclose(found, np.array(wanted) / length, atol=0.01)
