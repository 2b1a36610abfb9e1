"""Judges for meshes made from pictures: a rasteriser, topology counts and picture measures. Nothing of the product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from server.geometry.mesh import Mesh


@dataclass
class FrontView:
    """What an orthographic camera sees from the front. covered (H, W) bool; colour (H, W, 3) float, 0 where empty."""

    covered: np.ndarray
    colour: np.ndarray


def front_view(mesh: Mesh, height: int, width: int, factor: float = 1) -> FrontView:
    """Render a mesh in Blender's axes, unlit, one sample at each pixel's centre, nearest surface first.

    The mesh's unit times `factor` is a pixel of the picture; x is to the right, z is up, picture row 0 is z = 0.
    """
    corners = mesh.vertices.astype(float)[mesh.faces]
    x, y, depth = corners[..., 0] * factor, -corners[..., 2] * factor, corners[..., 1] * factor
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    nearest = np.full(height * width, np.inf)
    texel = np.zeros((height * width, 2))
    left, top = np.floor(x.min(axis=1) - 0.5).astype(int), np.floor(y.min(axis=1) - 0.5).astype(int)
    span = np.maximum(np.ceil(x.max(axis=1)) - left, np.ceil(y.max(axis=1)) - top).astype(int) + 1
    sizes = 2 ** np.ceil(np.log2(np.maximum(span, 2))).astype(int)
    uvs = mesh.corner_uvs if mesh.corner_uvs is not None else np.zeros((len(corners), 3, 2))
    for size in np.unique(sizes):
        offset = np.arange(size)
        for some in np.array_split(np.flatnonzero((sizes == size) & (np.abs(area) > 1e-12)), 1 + size * size // 16):
            column, row = left[some, None, None] + offset, top[some, None, None] + offset[:, None]
            px, py = column + 0.5, row + 0.5
            ax, ay, at = x[some, :, None, None], y[some, :, None, None], area[some, None, None]
            w1 = ((px - ax[:, 0]) * (ay[:, 2] - ay[:, 0]) - (py - ay[:, 0]) * (ax[:, 2] - ax[:, 0])) / at
            w2 = ((py - ay[:, 0]) * (ax[:, 1] - ax[:, 0]) - (px - ax[:, 0]) * (ay[:, 1] - ay[:, 0])) / at
            w0 = 1 - w1 - w2
            hit = (w0 >= 0) & (w1 >= 0) & (w2 >= 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
            weights = np.stack([w0[hit], w1[hit], w2[hit]], axis=1)
            face = np.broadcast_to(some[:, None, None], hit.shape)[hit]
            cell = (row * width + column)[hit]
            order = np.argsort(-(weights * depth[face]).sum(axis=1), kind="stable")  # the nearest is written last
            cell, face, weights = cell[order], face[order], weights[order]
            z = (weights * depth[face]).sum(axis=1)
            closer = z < nearest[cell]
            cell, face, weights, z = cell[closer], face[closer], weights[closer], z[closer]
            nearest[cell] = z
            texel[cell] = (weights[..., None] * uvs[face]).sum(axis=1)
    covered = np.isfinite(nearest).reshape(height, width)
    if mesh.base_colour is None:
        return FrontView(covered, np.zeros((height, width, 3)))
    colour = texture_at(mesh.base_colour, texel).reshape(height, width, 3)
    return FrontView(covered, np.where(covered[..., None], colour, 0))


def texture_at(image: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """(n, 3) bilinear colours 0..255 at (n, 2) texture coordinates, v up, clamped."""
    rows, columns = image.shape[:2]
    x, y = np.clip(uv[:, 0] * columns - 0.5, 0, columns - 1), np.clip((1 - uv[:, 1]) * rows - 0.5, 0, rows - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    u, v = (x - left)[:, None], (y - top)[:, None]
    image = image[..., :3].astype(float)
    upper = image[top, left] * (1 - u) + image[top, right] * u
    return upper * (1 - v) + (image[bottom, left] * (1 - u) + image[bottom, right] * u) * v


def edge_uses(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each undirected edge is used, and the same for directed edges."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    key = directed[:, 0] * (faces.max() + 1) + directed[:, 1]
    undirected = np.sort(directed, axis=1)
    return (
        np.unique(undirected[:, 0] * (faces.max() + 1) + undirected[:, 1], return_counts=True)[1],
        np.unique(key, return_counts=True)[1],
    )


def fans_per_vertex(faces: np.ndarray) -> np.ndarray:
    """For each used vertex: into how many separate fans its faces fall. 1 everywhere on a manifold."""
    corner = np.arange(faces.size)
    vertex = faces.ravel()
    after, before = np.roll(faces, -1, axis=1).ravel(), np.roll(faces, 1, axis=1).ravel()
    # Two corners of a vertex are neighbours when the edge that one of them leaves by is the one the other arrives by.
    size = int(faces.max()) + 1
    arrive = dict(zip((vertex.astype(np.int64) * size + before).tolist(), corner.tolist(), strict=True))
    parent = corner.tolist()

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for this, key in enumerate((vertex.astype(np.int64) * size + after).tolist()):
        other = arrive.get(key)
        if other is not None:
            parent[root(this)] = root(other)
    roots = {(int(v), root(c)) for c, v in enumerate(vertex)}
    return np.unique([v for v, _ in roots], return_counts=True)[1]


def assert_closed_manifold(mesh: Mesh, trimesh: object) -> None:
    """Every edge is used once in each direction, every vertex has one fan; trimesh agrees and finds a volume."""
    undirected, directed = edge_uses(mesh.faces)
    assert (undirected == 2).all(), f"{(undirected != 2).sum()} edges are not shared by two faces"
    assert (directed == 1).all(), "neighbouring faces wind differently"
    assert (fans_per_vertex(mesh.faces) == 1).all(), "a vertex joins two surfaces in a point"
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert solid.is_watertight and solid.is_winding_consistent
    assert solid.volume > 0, "inside out"
    assert len(np.unique(mesh.faces)) == len(mesh.vertices), "loose vertices"


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((a & b).sum() / (a | b).sum())


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """Peak signal to noise ratio in dB of two pictures 0..255 over a mask."""
    return float(10 * np.log10(255**2 / np.mean((a[where] - b[where]) ** 2)))


def ssim(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """Mean structural similarity (Wang et al. 2004, 7 x 7 uniform window) of two grey pictures 0..255 over a mask."""

    def mean(image: np.ndarray) -> np.ndarray:
        table = np.cumsum(np.cumsum(np.pad(image, ((4, 3), (4, 3)), mode="edge"), axis=0), axis=1)
        return (table[7:, 7:] - table[:-7, 7:] - table[7:, :-7] + table[:-7, :-7]) / 49

    a, b = a.astype(float), b.astype(float)
    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b, cov = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2, mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    value = (2 * mean_a * mean_b + c1) * (2 * cov + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(value[where].mean())
