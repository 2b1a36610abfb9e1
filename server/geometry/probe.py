"""A little figure that looks different from every side: shows whether front, up and left arrived right."""

from __future__ import annotations

import numpy as np

from .mesh import Mesh

_PARTS = (
    # lowest corner, highest corner, size of the top relative to the bottom, sRGB colour
    ((-0.25, -0.15, 0.00), (0.25, 0.15, 0.75), 0.7, (0.85, 0.80, 0.70)),  # body
    ((-0.05, -0.35, 0.50), (0.05, -0.12, 0.60), 1.0, (0.85, 0.25, 0.20)),  # nose, to the front: -Y
    ((-0.20, -0.14, 0.75), (0.20, 0.14, 1.00), 0.1, (0.20, 0.35, 0.75)),  # hat, on top: +Z
    ((0.20, -0.06, 0.35), (0.55, 0.06, 0.47), 1.0, (0.30, 0.65, 0.30)),  # arm, on the figure's own left: +X
)
_QUADS = np.array(
    [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (1, 3, 7, 5), (3, 2, 6, 7), (2, 0, 4, 6)]
)  # counter-clockwise seen from outside; corner number = x + 2 y + 4 z


def probe() -> Mesh:
    """The figure in Blender's frame, 1 m high: red nose to -Y, blue hat at +Z, green arm at +X. Quads, coloured."""
    corners = np.array([(i & 1, i >> 1 & 1, i >> 2) for i in range(8)], float)
    vertices, faces, colours = [], [], []
    for number, (low, high, taper, colour) in enumerate(_PARTS):
        box = np.array(low) + corners * (np.array(high) - low)
        middle = box[:, :2].mean(axis=0)
        box[4:, :2] = middle + (box[4:, :2] - middle) * taper
        vertices.append(box)
        faces.append(_QUADS[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3) + 8 * number)
        colours.append(np.broadcast_to(colour, (8, 3)))
    return Mesh(
        vertices=np.concatenate(vertices).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int32),
        vertex_colours=np.concatenate(colours).astype(np.float32),
        quads=6 * len(_PARTS),
        name="Echo",
    )
