"""Makes a raw triangle mesh fit for use: valid, without floaters, holes or flipped faces. numpy only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from blender_aigc.protocol import Fault

from .mesh import Mesh
from .normals import face_areas, volume


@dataclass(frozen=True)
class Topology:
    """What a mesh's connections look like.

    boundary_edges:    edges with one face.
    nonmanifold_edges: edges with three faces or more.
    twisted_edges:     edges whose two faces run along them in the same direction.
    euler:             vertices in use - edges + faces.
    """

    boundary_edges: int
    nonmanifold_edges: int
    twisted_edges: int
    euler: int

    @property
    def watertight(self) -> bool:
        """Every edge has two faces that wind the same way."""
        return not (self.boundary_edges or self.nonmanifold_edges or self.twisted_edges)


def check(mesh: Mesh) -> None:
    """Raises Fault("bad_input") for positions that are not finite or faces that name missing vertices."""
    if mesh.vertices.ndim != 2 or mesh.vertices.shape[1] != 3 or mesh.faces.ndim != 2 or mesh.faces.shape[1] != 3:
        shapes = f"vertices {mesh.vertices.shape}, faces {mesh.faces.shape}"
        raise Fault("bad_input", "The mesh is not made of triangles in space.", "Triangulate it first.", shapes)
    if not np.isfinite(mesh.vertices).all():
        bad = int((~np.isfinite(mesh.vertices)).any(axis=1).sum())
        raise Fault(
            "bad_input",
            "The mesh has corners at invalid positions (NaN or infinite).",
            "Run the model again with another seed or picture.",
            f"{bad} of {len(mesh.vertices)} vertices",
        )
    if len(mesh.faces) and not (mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)):
        raise Fault("bad_input", "The mesh has faces that refer to missing corners.", "Export the mesh again.")


# ---------------------------------------------------------------------------------------------------------- topology


def half_edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(3F,) start and (3F,) end vertices of the faces' sides; side n of face f is number 3 * f + n."""
    return faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)


def edge_runs(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups half edges by undirected edge: (order, first, count).

    order: (3F,) half-edge numbers sorted by edge; first, count: (E,) each edge's run in `order`.
    """
    start, end = half_edges(faces.astype(np.int64))
    keys = np.minimum(start, end) * (int(faces.max(initial=0)) + 1) + np.maximum(start, end)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, np.int64)
    return order, first, np.diff(np.r_[first, len(keys)])


def edge_pairs(faces: np.ndarray) -> np.ndarray:
    """(P, 2) half-edge numbers of the edges that have exactly two faces."""
    order, first, count = edge_runs(faces)
    two = first[count == 2]
    return np.stack([order[two], order[two + 1]], axis=1)


def topology(faces: np.ndarray) -> Topology:
    """Counts for (F, 3) faces."""
    order, first, count = edge_runs(faces)
    start, _ = half_edges(faces)
    two = first[count == 2]
    twisted = int((start[order[two]] == start[order[two + 1]]).sum())
    used = int(np.count_nonzero(np.bincount(faces.reshape(-1))))
    return Topology(int((count == 1).sum()), int((count > 2).sum()), twisted, used - len(first) + len(faces))


def labels_of_links(count: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(count,) int64: the smallest node number of each node's connected component, for links a[i] - b[i].

    Hooking and pointer jumping on whole arrays (FastSV: Zhang, Azad and Buluc, 2020): rounds grow with the logarithm of
    the diameter.
    """
    label = np.arange(count)
    a, b = a.astype(np.int64), b.astype(np.int64)
    while len(a):
        lowest = np.minimum(label[a], label[b])
        np.minimum.at(label, label[a], lowest)
        np.minimum.at(label, label[b], lowest)
        while not np.array_equal(label, jumped := label[label]):
            label = jumped
        apart = label[a] != label[b]
        a, b = a[apart], b[apart]
    return label


def face_parts(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, int]:
    """(F,) number of the connected part (sharing vertices) of each face, and how many parts there are."""
    label = labels_of_links(
        vertex_count, np.concatenate([faces[:, 0], faces[:, 1]]), np.concatenate([faces[:, 1], faces[:, 2]])
    )
    parts, number = np.unique(label[faces[:, 0]], return_inverse=True)
    return number.reshape(-1), len(parts)


# ------------------------------------------------------------------------------------------------------------- repair


def take_faces(mesh: Mesh, faces: np.ndarray) -> Mesh:
    """The mesh with only those faces (numbers or mask, in that order) and without unused vertices. Quads are lost."""
    kept = mesh.faces[faces]
    used = np.zeros(len(mesh.vertices), bool)
    used[kept.reshape(-1)] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    return replace(
        mesh,
        vertices=mesh.vertices[used],
        faces=number[kept].astype(np.int32).reshape(-1, 3),
        corner_uvs=None if mesh.corner_uvs is None else mesh.corner_uvs[faces],
        vertex_colours=None if mesh.vertex_colours is None else mesh.vertex_colours[used],
        normals=None if mesh.normals is None else mesh.normals[used],
        quads=0,
    )


def weld(mesh: Mesh) -> Mesh:
    """Joins vertices at exactly the same position (files with one UV per vertex split them). Faces may degenerate."""
    _, first, number = np.unique(mesh.vertices + 0.0, axis=0, return_index=True, return_inverse=True)
    joined = replace(mesh, faces=first[number.reshape(-1)][mesh.faces].astype(np.int32), normals=None, quads=0)
    return take_faces(joined, np.arange(len(mesh.faces)))


def drop_bad_faces(mesh: Mesh) -> tuple[Mesh, int]:
    """Without faces that name a vertex twice, repetitions of a face, and pairs of faces back to back; how many went.

    A pair back to back is what a collapsed fin leaves; dropping both keeps a closed surface closed. In a sheet that is
    double-sided on purpose, one side stays.
    """
    faces = mesh.faces
    good = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    numbers = np.flatnonzero(good)
    ordered = np.sort(faces[numbers], axis=1)
    order = np.lexsort(ordered.T[::-1])
    fresh = np.r_[True, (np.diff(ordered[order], axis=0) != 0).any(axis=1)] if len(order) else np.zeros(0, bool)
    group = np.cumsum(fresh) - 1
    around = faces[numbers[order]]
    odd = (np.argmin(around, axis=1) == 0) & (around[:, 1] > around[:, 2])
    odd |= (np.argmin(around, axis=1) == 1) & (around[:, 2] > around[:, 0])
    odd |= (np.argmin(around, axis=1) == 2) & (around[:, 0] > around[:, 1])
    repeated = ~fresh
    both = np.bincount(group, odd, minlength=1) * np.bincount(group, ~odd, minlength=1) > 0
    if np.any(both) and both.sum() < 0.25 * len(both):
        repeated |= both[group]
    good[numbers[order[repeated]]] = False
    dropped = int((~good).sum())
    return (take_faces(mesh, good), dropped) if dropped else (mesh, 0)


def drop_floaters(mesh: Mesh, share: float) -> tuple[Mesh, int]:
    """Without the parts that have less than `share` of the largest part's area; and how many parts were dropped."""
    if share <= 0 or not len(mesh.faces):
        return mesh, 0
    part, count = face_parts(mesh.faces, len(mesh.vertices))
    if count == 1:
        return mesh, 0
    area = np.bincount(part, face_areas(mesh.vertices, mesh.faces), count)
    kept = area >= share * area.max()
    return (take_faces(mesh, kept[part]), int((~kept).sum())) if not kept.all() else (mesh, 0)


def _flipped(mesh: Mesh, flip: np.ndarray) -> Mesh:
    faces = mesh.faces.copy()
    faces[flip] = faces[flip, ::-1]
    uvs = mesh.corner_uvs
    if uvs is not None:
        uvs = uvs.copy()
        uvs[flip] = uvs[flip, ::-1]
    return replace(mesh, faces=faces, corner_uvs=uvs, normals=None, quads=0)


def orient(mesh: Mesh) -> tuple[Mesh, int]:
    """Faces that agree with their neighbours and wind counter-clockwise from outside; and how many were turned.

    When the faces agree already, only a mesh that is inside out as a whole is turned, so that hollows keep facing
    inwards. Otherwise each part is made to agree and to have a positive volume. One-sided parts (Moebius strips)
    cannot agree and stay as they are.
    """
    faces = mesh.faces
    pairs = edge_pairs(faces)
    start, _ = half_edges(faces)
    twisted = start[pairs[:, 0]] == start[pairs[:, 1]]
    if not twisted.any():
        if volume(mesh.vertices, faces) >= 0:
            return mesh, 0
        return _flipped(mesh, np.ones(len(faces), bool)), len(faces)
    count = len(faces)
    one, other = pairs[:, 0] // 3, pairs[:, 1] // 3
    # Node f is face f as it is, node f + count the same face turned: links join what agrees.
    label = labels_of_links(
        2 * count,
        np.concatenate([one, one + count]),
        np.concatenate([np.where(twisted, other + count, other), np.where(twisted, other, other + count)]),
    )
    flip = label[:count] > label[count:]
    part = np.unique(np.minimum(label[:count], label[count:]), return_inverse=True)[1].reshape(-1)
    turned = _flipped(mesh, flip)
    centred = mesh.vertices.astype(np.float64) - mesh.vertices.mean(axis=0, dtype=np.float64)
    a, b, c = (centred[turned.faces[:, n]] for n in range(3))
    inside_out = np.bincount(part, np.einsum("ij,ij->i", a, np.cross(b, c))) < 0
    flip ^= inside_out[part] & (label[:count] != label[count:])
    return (_flipped(mesh, flip), int(flip.sum())) if flip.any() else (mesh, 0)
