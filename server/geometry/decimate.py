"""Fewer faces, same shape: quadric edge collapse (fast-simplification), watched so that closed meshes stay closed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .clean import Topology, drop_bad_faces, topology
from .mesh import Mesh
from .normals import volume
from .repair import drop_slivers, fill_holes, split_nonmanifold

_AGGRESSION = (7.0, 5.0, 3.0)
_VOLUME_KEPT = 0.2
"""A closed mesh may lose or gain this share of its volume; otherwise a gentler pass with more faces is taken."""


def available() -> bool:
    """Whether the library can be imported (it is not in Blender's own Python)."""
    try:
        import fast_simplification  # noqa: F401
    except ImportError:
        return False
    return True


def decimate(mesh: Mesh, faces: int) -> Mesh:
    """At most about `faces` triangles, more when the shape or its closedness would be lost otherwise.

    Vertex colours become the mean of the vertices that were merged; UVs, normals and quads are dropped.
    A watertight mesh stays watertight. Raises ImportError without fast-simplification (see `available`).
    """
    if len(mesh.faces) <= faces:
        return mesh
    before = topology(mesh.faces)
    bulk = abs(volume(mesh.vertices, mesh.faces))
    best: Mesh | None = None
    for aggression in _AGGRESSION:
        result = _mended(_collapse(mesh, faces, aggression), before)
        sound = not before.watertight or (
            topology(result.faces).watertight
            and abs(abs(volume(result.vertices, result.faces)) - bulk) <= _VOLUME_KEPT * bulk
        )
        if len(result.faces) and (sound or best is None):
            best = result
        if sound:
            break
    return mesh if best is None or not (sound or topology(best.faces).watertight or not before.watertight) else best


def _collapse(mesh: Mesh, faces: int, aggression: float) -> Mesh:
    from fast_simplification import replay_simplification, simplify

    points = mesh.vertices.astype(np.float64)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    size = float(np.ptp(points, axis=0).max()) or 1.0  # its error threshold is absolute: work in a unit box
    boxed = (points - centre) / size
    triangles = np.ascontiguousarray(mesh.faces, np.int32)
    colours = mesh.vertex_colours
    if colours is None:
        new, kept = simplify(boxed, triangles, target_count=faces, agg=aggression)
    else:
        _, _, collapses = simplify(boxed, triangles, target_count=faces, agg=aggression, return_collapses=True)
        new, kept, merged_into = replay_simplification(boxed, triangles, collapses)
        colours = _means(colours, np.asarray(merged_into), len(new))
    return replace(
        mesh,
        vertices=(np.asarray(new) * size + centre).astype(np.float32),
        faces=np.asarray(kept, np.int32),
        vertex_colours=colours,
        corner_uvs=None,
        normals=None,
        quads=0,
    )


def _means(values: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    size = np.maximum(np.bincount(group, minlength=count), 1)
    return np.stack([np.bincount(group, column, count) / size for column in values.T], axis=1).astype(np.float32)


def _mended(mesh: Mesh, before: Topology) -> Mesh:
    """Collapses can press two sheets onto one edge or leave a face twice; undo that."""
    mesh, _ = drop_bad_faces(mesh)
    if not before.nonmanifold_edges:
        mesh, _ = split_nonmanifold(mesh)
    if not before.boundary_edges:
        mesh, _, _ = fill_holes(mesh, largest_share=np.inf)
    return drop_slivers(mesh)
