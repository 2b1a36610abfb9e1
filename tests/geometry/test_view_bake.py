"""Pictures baked onto a mesh: what comes back, what may not change, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from server.geometry import cameras, raster, view_bake  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402


def ball(rings=24, segments=48, centre=(0.0, 0.0, 0.0), radius=1.0) -> Triangles:
    """A UV sphere with one rectangular chart."""
    u, v = np.meshgrid(np.linspace(0, 1, segments + 1), np.linspace(0, 1, rings + 1))
    angle, height = 2 * np.pi * u, np.pi * (v - 0.5)
    points = np.stack([np.cos(angle) * np.cos(height), np.sin(angle) * np.cos(height), np.sin(height)], -1)
    index = np.arange((rings + 1) * (segments + 1)).reshape(rings + 1, -1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    uv = np.stack([u, v], -1).reshape(-1, 2).astype(np.float32) * 0.9 + 0.05
    flat = points.reshape(-1, 3)
    positions = (flat * radius + np.array(centre)).astype(np.float32)
    return Triangles(positions, faces, uv[faces], flat.astype(np.float32)[faces])


def paint(points):
    """Smooth colours 0..1 of world positions."""
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([0.5 + 0.4 * np.sin(3 * x + y), 0.5 + 0.4 * np.sin(3 * y + z), 0.5 + 0.4 * np.cos(3 * z - x)], -1)


def pictures(triangles, looks):
    found = []
    for maps in raster.render_maps(triangles, looks):
        picture = paint(maps.position.numpy() + maps.origin)
        picture[~maps.mask.numpy()] = 0
        found.append((picture * 255 + 0.5).astype(np.uint8))
    return found


def test_what_is_rendered_is_baked_back() -> None:
    mesh = ball()
    looks = cameras.ring(mesh.positions, 6, 256)
    baked = view_bake.bake_views(mesh, looks, pictures(mesh, looks), 256)
    assert baked.coverage > 0.6
    sheet = baked.sheets[0]
    assert sheet.winner[sheet.covered].max() == view_bake.NONE
    assert (sheet.texture.max(axis=2) > 0).mean() > 0.99
