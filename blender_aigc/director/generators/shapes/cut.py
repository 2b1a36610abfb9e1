"""Clean borders between two looks on one mesh of quads. numpy only."""

from __future__ import annotations

import numpy as np

from .piece import Piece


def parted(piece: Piece, values: np.ndarray) -> tuple[Piece, np.ndarray]:
    """The quads of `piece` cut along the line where values (V,) change their sign, and which faces are negative (F,).

    Each edge that crosses the line gives its nearer end to it, so no new vertices are needed and the mesh stays
    closed; a quad that still lies on both sides is halved along its diagonal on the line.
    """
    quads = piece.corners.reshape(-1, 4)
    values, vertices = np.array(values, float), piece.vertices.copy()
    edges = np.concatenate([np.stack([quads[:, i], quads[:, (i + 1) % 4]], 1) for i in range(4)])
    a, b = edges[values[edges[:, 0]] * values[edges[:, 1]] < 0].T
    t = values[a] / (values[a] - values[b])
    near = np.where(t < 0.5, a, b)
    reach = np.minimum(t, 1 - t)
    target = piece.vertices[a] + t[:, None] * (piece.vertices[b] - piece.vertices[a])
    order = np.argsort(-reach, kind="stable")  # the nearest crossing of a vertex is written last
    vertices[near[order]] = target[order]
    values[near] = 0.0
    signs = np.sign(values[quads])
    mixed = (signs.min(1) < 0) & (signs.max(1) > 0)
    halved, uvs = [quads[~mixed]], None if piece.uvs is None else piece.uvs.reshape(-1, 4, 2)
    start = np.argmax(signs[mixed] == 0, axis=1)
    turn = (start[:, None] + np.arange(4)) % 4
    split = np.take_along_axis(quads[mixed], turn, 1)
    thirds = split[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)
    if uvs is not None:
        turned = np.take_along_axis(uvs[mixed], turn[..., None], 1)[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 2)
        uvs = np.concatenate([uvs[~mixed].reshape(-1, 2), turned])
    sizes = np.concatenate([np.full(len(halved[0]), 4), np.full(len(thirds), 3)])
    smooth = None if piece.smooth is None else np.full(len(sizes), bool(piece.smooth.all()))
    corners = np.concatenate([halved[0].reshape(-1), thirds.reshape(-1)])
    made = Piece(vertices, corners, sizes, uvs, smooth)
    total = np.add.reduceat(values[corners], made.starts)
    return made, total < 0
