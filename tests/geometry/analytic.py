"""Fields with known surfaces, read from the shared analytic fixtures, and the independent judge of meshes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import trimesh

PARITY = Path(__file__).parents[1] / "parity"
MESHING = json.loads((PARITY / "meshing" / "fixture.json").read_text())
FRAMES = json.loads((PARITY / "frames" / "fixture.json").read_text())
CUBE = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


def box(points, center, half):
    """Signed distance, positive inside."""
    q = np.abs(points - np.array(center)) - half
    return -(np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0))


def ball(points, center, radius):
    """Signed distance, positive inside."""
    return radius - np.linalg.norm(points - np.array(center), axis=1)


def union(points):
    fields = MESHING["config"]["fields"]["union"]
    return np.maximum(ball(points, **fields["sphere"]), box(points, **fields["box"]))


def clipped(points):
    return ball(points, (0, 0, 0), MESHING["config"]["fields"]["clipped"]["radius"])


def density(points):
    """TripoSR-like variant of `union`: surface at 25."""
    return 25 * np.exp(40 * union(points))


def toy(points, family):
    """The asymmetric frame probe in a family's native axes, positive inside."""
    boxes = FRAMES["models"][family]["boxes_native"].values()
    return np.max([box(points, **one) for one in boxes], axis=0)


def judge(mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


class Counted:
    """A field that remembers every position it was asked for."""

    def __init__(self, field):
        self.field, self.asked = field, []

    def __call__(self, points):
        self.asked.append(points)
        return self.field(points)

    @property
    def positions(self):
        return np.concatenate(self.asked)
