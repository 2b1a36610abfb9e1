"""Small raw meshes for the tests of the mesh pipeline."""

from __future__ import annotations

import numpy as np
from analytic import CUBE, ball

from server.geometry.mesh import Mesh
from server.geometry.mesher import extract


def blobs(points):
    """Forty balls, many of them merged: parts, saddles and thin necks."""
    rng = np.random.default_rng(1)
    centres, radii = rng.uniform(-0.7, 0.7, (40, 3)), rng.uniform(0.05, 0.25, 40)
    return np.max([ball(points, centre, radius) for centre, radius in zip(centres, radii, strict=True)], axis=0)


def gyroid(points):
    """A ball cut into a labyrinth of thin walls."""
    x, y, z = points.T * 6
    wall = 0.35 - np.abs(np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x))
    return np.minimum(wall, ball(points, (0, 0, 0), 0.9))


def sphere(samples=40, radius=0.8) -> Mesh:
    return extract(lambda points: ball(points, (0, 0, 0), radius), CUBE, samples)


def cube() -> Mesh:
    """Twelve triangles, outward."""
    corners = np.array([(n & 1, n >> 1 & 1, n >> 2 & 1) for n in range(8)], np.float32)
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    return Mesh(corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32))


def sheet(side=10) -> Mesh:
    """An open square of side * side * 2 triangles in z = 0, facing +Z."""
    x, y = np.meshgrid(np.arange(side + 1), np.arange(side + 1), indexing="ij")
    vertices = np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3) / side
    corner = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).reshape(-1)
    a, b, c, d = corner, corner + side + 1, corner + side + 2, corner + 1
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    return Mesh(vertices.astype(np.float32), faces.astype(np.int32))


def joined(*meshes: Mesh) -> Mesh:
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    faces = [mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=False)]
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces).astype(np.int32))


def moved(mesh: Mesh, scale=1.0, offset=(0.0, 0.0, 0.0)) -> Mesh:
    return Mesh((mesh.vertices * scale + np.array(offset)).astype(np.float32), mesh.faces)


def stripes(points):
    """A smooth colour for every place, sRGB 0..1."""
    return 0.5 + 0.5 * np.sin(points * 9)
