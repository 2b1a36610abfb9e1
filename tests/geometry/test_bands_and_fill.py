"""Two bands instead of one, and neighbours in position and direction: what blending and filling are for."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from painted_meshes import ball, pictures  # noqa: E402

from server.geometry import cameras, raster, view_bake  # noqa: E402
from server.geometry.blend import BakeOptions  # noqa: E402
from server.geometry.fill import nearest_on_surface  # noqa: E402
from server.geometry.uv_raster import uv_raster  # noqa: E402

STRIPES = 60.0
"""Radians a metre: narrow for views of 256 pixels."""


def striped(level: float, sign: float):
    """A grey with stripes around the ball; `sign` -1 has dark ones where the other has bright ones."""

    def colour(points: np.ndarray) -> np.ndarray:
        wave = level + 0.15 * sign * np.sign(np.sin(STRIPES * points[..., 2]))
        return np.repeat(wave[..., None], 3, axis=-1)

    return colour


def stripes_and_level(high_power: int) -> tuple[float, float]:
    """Of a ball that two views paint against each other, where the first one sees it squarely: how much of the first
    one's stripes is left (1: all, 0: they cancel out), and the mean level, 0..1 sRGB.
    """
    mesh = ball(48, 96)
    ways = [(0, 1, 0), (np.sin(np.radians(40)), np.cos(np.radians(40)), 0)]
    looks = [cameras.framing(mesh.positions, way, 256) for way in ways]
    views = [pictures(mesh, looks[:1], striped(0.6, 1))[0], pictures(mesh, looks[1:], striped(0.4, -1))[0]]
    baked = view_bake.bake_views(mesh, looks, views, 512, BakeOptions(gains=False, high_power=high_power))
    scene = raster.Scene(mesh)
    texels = uv_raster(scene, 512)
    position = texels.surface(texels.texels)[0].T.numpy() + scene.origin
    here = (position[:, 1] < -0.93) & (np.abs(position[:, 0]) < 0.2)
    value = baked.texture.reshape(-1, 3)[texels.texels.numpy()[here]].mean(axis=1) / 255
    wave = np.sign(np.sin(STRIPES * position[here, 2]))
    return float((value * wave).mean() / 0.15), float(value.mean())


def test_fine_structure_is_the_squarest_views_and_wide_colours_are_shared() -> None:
    """Else views that disagree by a pixel blur each other, or the border between two views shows."""
    stripes, level = stripes_and_level(8)
    blurred, _ = stripes_and_level(2)
    assert stripes > 0.85 and blurred < 0.75, (stripes, blurred)
    assert 0.45 < level < 0.58, "between the 0.6 of the one and the 0.4 of the other"


def test_what_is_filled_takes_the_colour_of_its_own_side() -> None:
    """A thin plate: the other side is nearer in space than anything that is seen on this one."""
    grid = torch.linspace(-1, 1, 81)
    x, y = (axis.reshape(-1) for axis in torch.meshgrid(grid, grid, indexing="ij"))
    above = torch.stack([x, y, torch.full_like(x, 0.005)])
    below = above * torch.tensor([[1.0], [1.0], [-1.0]])
    up, down = torch.zeros_like(above), torch.zeros_like(below)
    up[2], down[2] = 1, -1
    seen_below = x < 0
    position = torch.cat([above, below[:, seen_below]], dim=1)
    normal = torch.cat([up, down[:, seen_below]], dim=1)
    red, green = torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 0])
    colour = torch.cat([red.expand(len(x), 3), green.expand(int(seen_below.sum()), 3)])
    wanted = (x >= 0) & (x < 0.06)
    hidden = below[:, wanted], down[:, wanted]
    filled = nearest_on_surface((position, normal, colour), hidden, 1.0)
    assert filled[:, 1].mean() > 0.7, filled.mean(0)
    without = nearest_on_surface((position, normal, colour), hidden, 1.0, normal_share=0.0)
    assert without[:, 1].mean() < 0.5 * filled[:, 1].mean(), "this is what the direction is for"
