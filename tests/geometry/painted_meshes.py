"""Meshes with UVs and colours that are known at every point, and pictures of them: what baking is judged by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from server.geometry import raster
from server.geometry.mesh import Mesh
from server.geometry.triangles import Triangles
from server.geometry.unwrap import unwrap

MESHES = Path(__file__).resolve().parents[3] / "shared" / "data" / "meshes"


def ball(rings=24, segments=48, centre=(0.0, 0.0, 0.0), radius=1.0, corner=(0.05, 0.05), extent=0.9) -> Triangles:
    """A UV sphere with one rectangular chart from `corner` on, `extent` wide and high."""
    u, v = np.meshgrid(np.linspace(0, 1, segments + 1), np.linspace(0, 1, rings + 1))
    angle, height = 2 * np.pi * u, np.pi * (v - 0.5)
    points = np.stack([np.cos(angle) * np.cos(height), np.sin(angle) * np.cos(height), np.sin(height)], -1)
    index = np.arange((rings + 1) * (segments + 1)).reshape(rings + 1, -1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    faces = faces[(points.reshape(-1, 3)[faces].std(axis=1).max(axis=1) > 0)]
    uv = np.stack([u, v], -1).reshape(-1, 2) * extent + corner
    flat = points.reshape(-1, 3)
    positions = (flat * radius + np.array(centre)).astype(np.float32)
    return Triangles(positions, faces, uv.astype(np.float32)[faces], flat.astype(np.float32)[faces])


def joined(*parts: Triangles) -> Triangles:
    """Several objects as one job."""
    starts = np.cumsum([0] + [len(part.positions) for part in parts])
    return Triangles(
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)]),
        np.concatenate([part.corner_uvs for part in parts]),
        np.concatenate([part.normals() for part in parts]),
        np.concatenate([np.full(len(part.faces), number, np.int32) for number, part in enumerate(parts)]),
    )


def real(name: str) -> Triangles:
    """A mesh of the data folder in Blender's frame, with UVs of its own or unwrapped."""
    path = MESHES / name
    if not path.exists():
        pytest.skip(f"the data folder has no {name}")
    whole = trimesh.load(path, force="scene", process=False).to_geometry()
    vertices = np.asarray(whole.vertices, np.float64)[:, [0, 2, 1]] * (1, -1, 1)
    faces = np.asarray(whole.faces, np.int32)
    merged, inverse = np.unique(vertices.round(7), axis=0, return_inverse=True)
    faces = inverse.reshape(-1).astype(np.int32)[faces]
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    laid, _ = unwrap(Mesh(merged.astype(np.float32), faces), 1024, "boxes")
    return Triangles(laid.vertices, laid.faces, laid.corner_uvs)


def paint(points: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """(..., 3) smooth colours 0..1 of world positions in a box of about 2 * scale."""
    x, y, z = np.moveaxis(points / scale, -1, 0)
    red = 0.5 + 0.35 * np.sin(7 * x + 3 * y)
    return np.stack([red, 0.5 + 0.35 * np.sin(6 * y + 2 * z), 0.5 + 0.35 * np.cos(8 * z - 3 * x)], axis=-1)


def pictures(triangles: Triangles, looks, colour=paint) -> list[np.ndarray]:
    """(H, W, 3) uint8 of each camera, painted by position, black background."""
    found = []
    for maps in raster.render_maps(triangles, looks):
        picture = colour(maps.position.numpy() + maps.origin)
        found.append((picture * maps.mask.numpy()[..., None] * 255 + 0.5).astype(np.uint8))
    return found


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Decibels between two arrays of 0..255."""
    return float(10 * np.log10(255**2 / np.mean((np.asarray(a, np.float64) - b) ** 2)))
