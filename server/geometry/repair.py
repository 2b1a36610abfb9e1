"""Mends the connections of a triangle mesh: takes sheets apart that share an edge, and fills holes. numpy only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .clean import edge_runs, face_parts, half_edges, labels_of_links, take_faces, topology
from .mesh import Mesh
from .normals import face_areas, unit

_EAR_CLIPPING_UP_TO = 200
"""Longer holes get a fan around their centre: clipping ears costs the square of the length."""

# ------------------------------------------------------------------------------------------------ shared edges


def split_nonmanifold(mesh: Mesh) -> tuple[Mesh, int]:
    """Every edge with at most two faces; and how many edges had more.

    Faces around a crowded edge are paired so that each pair bounds one wedge of solid material. Vertices are then
    doubled wherever the faces around them are not connected any more; where that does not separate two copies of an
    edge, one copy gets a vertex in its middle. Nothing moves, and a closed surface stays closed.
    """
    crowded = topology(mesh.faces).nonmanifold_edges
    if not crowded:
        return mesh, 0
    for _ in range(8):
        pairs = _paired_half_edges(mesh)
        mesh = _separate(mesh, pairs)
        extra = _second_copies(mesh)
        if not len(extra):
            break
        mesh = _halve(mesh, extra)
    return mesh, crowded


def _paired_half_edges(mesh: Mesh) -> np.ndarray:
    """(P, 2) numbers of the half edges to be joined; on ordinary edges the two that are there."""
    order, first, count = edge_runs(mesh.faces)
    two = first[count == 2]
    pairs = [np.stack([order[two], order[two + 1]], axis=1)]
    many = np.flatnonzero(count > 2)
    for edge in many:
        pairs.append(_wedges(mesh, order[first[edge] : first[edge] + count[edge]]))
    return np.concatenate(pairs)


def _wedges(mesh: Mesh, halves: np.ndarray) -> np.ndarray:
    """(P, 2) pairs among the half edges of one edge: each forward one with the backward one that ends its material."""
    start, end = half_edges(mesh.faces)
    a, b = sorted((int(start[halves[0]]), int(end[halves[0]])))
    points = mesh.vertices.astype(np.float64)
    axis = unit((points[b] - points[a])[None])[0]
    apex = mesh.faces[halves // 3, (halves + 2) % 3]
    arm = points[apex] - points[a]
    arm -= np.outer(arm @ axis, axis)
    right = unit(arm[:1])[0]
    angle = np.arctan2(arm @ np.cross(axis, right), arm @ right)
    forward = start[halves] == a
    around = np.lexsort((~forward, angle))  # faces on each other: nothing between them, not material
    pairs, waiting = [], []
    for n in np.concatenate([around, around]):  # twice around, so that a wedge may lie across angle 0
        half = halves[n]
        if any(half in pair for pair in pairs):
            continue
        if not forward[n]:
            waiting = [half]  # material begins behind a backward face ...
        elif waiting:
            pairs.append((waiting.pop(), half))  # ... and ends at the next forward one
    left = [
        [
            half
            for half, is_forward in zip(halves, forward, strict=True)
            if is_forward == way and not any(half in pair for pair in pairs)
        ]
        for way in (False, True)
    ]
    pairs += list(zip(*left, strict=False))
    return np.array(pairs, np.int64).reshape(-1, 2)


def _separate(mesh: Mesh, pairs: np.ndarray) -> Mesh:
    """One vertex per group of face corners that hang together through `pairs`."""
    corners = np.arange(3 * len(mesh.faces))
    following = corners - corners % 3 + (corners + 1) % 3
    one, other = pairs[:, 0], pairs[:, 1]
    start, _ = half_edges(mesh.faces)
    same = start[one] == start[other]  # winding disagrees: ends correspond without crossing over
    label = labels_of_links(
        len(corners),
        np.concatenate([one, following[one]]),
        np.concatenate([np.where(same, other, following[other]), np.where(same, following[other], other)]),
    )
    groups, number = np.unique(label, return_inverse=True)
    source = mesh.faces.reshape(-1)[groups]
    return _with_vertices(mesh, number.reshape(-1, 3).astype(np.int32), source)


def _with_vertices(mesh: Mesh, faces: np.ndarray, source: np.ndarray) -> Mesh:
    return replace(
        mesh,
        faces=faces,
        vertices=mesh.vertices[source],
        vertex_colours=None if mesh.vertex_colours is None else mesh.vertex_colours[source],
        normals=None,
        quads=0,
    )


def _second_copies(mesh: Mesh) -> np.ndarray:
    """(N, 2) half-edge pairs of edges that still carry two surfaces: all but the first wedge of each."""
    order, first, count = edge_runs(mesh.faces)
    crowded = np.flatnonzero(count > 3)
    wedges = [_wedges(mesh, order[first[edge] : first[edge] + count[edge]])[1:] for edge in crowded]
    return np.concatenate([np.zeros((0, 2), np.int64), *wedges])


def _halve(mesh: Mesh, pairs: np.ndarray) -> Mesh:
    """A new vertex in the middle of each pair's edge, and both faces cut there. A face is cut once per call."""
    taken: set[int] = set()
    chosen = []
    for pair in pairs:
        cut = {int(half) // 3 for half in pair}
        if len(cut) == 2 and not cut & taken:
            taken |= cut
            chosen.append(pair)
    if not chosen:
        return mesh
    halves = np.array(chosen).reshape(-1)
    start, end = half_edges(mesh.faces)
    middle = len(mesh.vertices) + np.arange(len(halves)) // 2
    tips = mesh.faces[halves // 3, (halves + 2) % 3]
    faces = mesh.faces.copy()
    faces[halves // 3] = np.stack([start[halves], middle, tips], axis=1)
    added = np.stack([middle, end[halves], tips], axis=1)

    def halfway(values: np.ndarray) -> np.ndarray:
        return (values[start[halves[::2]]].astype(np.float64) + values[end[halves[::2]]]) / 2

    colours = mesh.vertex_colours
    return replace(
        mesh,
        vertices=np.concatenate([mesh.vertices, halfway(mesh.vertices)]).astype(np.float32),
        vertex_colours=None if colours is None else np.concatenate([colours, halfway(colours)]).astype(np.float32),
        faces=np.concatenate([faces, added]).astype(np.int32),
        corner_uvs=None,
        normals=None,
        quads=0,
    )


# ------------------------------------------------------------------------------------------------------- holes


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Vertex loops along the open edges, each in the direction in which a face that closes it must run.

    At a vertex where several holes meet, the loops are cut apart there, so no loop visits a vertex twice.
    """
    order, first, count = edge_runs(faces)
    start, end = half_edges(faces)
    open_edges = order[first[count == 1]]
    onward: dict[int, list[int]] = {}
    for a, b in zip(start[open_edges].tolist(), end[open_edges].tolist(), strict=True):
        onward.setdefault(b, []).append(a)
    loops = []
    for begin in sorted(onward):
        while onward.get(begin):
            path, place = [begin], {begin: 0}
            while onward.get(path[-1]):
                step = onward[path[-1]].pop()
                if step in place:
                    loop = path[place[step] :]
                    loops.append(np.array(loop, np.int64))
                    for vertex in loop[1:]:
                        del place[vertex]
                    del path[place[step] + 1 :]
                else:
                    place[step] = len(path)
                    path.append(step)
    return loops


def fill_holes(mesh: Mesh, largest_share: float = 0.25) -> tuple[Mesh, int, int]:
    """Closes boundary loops; returns the mesh, the holes filled and the holes left open.

    A loop whose filling would be larger than `largest_share` of the area of the part it belongs to is the border of an
    open sheet, not a hole, and stays. Short loops are closed by cutting ears, shapeliest first; long ones, or those
    whose ears would double an existing edge, by a fan around their centre. UVs are dropped when faces are added.
    """
    loops = boundary_loops(mesh.faces)
    if not loops:
        return mesh, 0, 0
    part, count = face_parts(mesh.faces, len(mesh.vertices))
    area = np.bincount(part, face_areas(mesh.vertices, mesh.faces), count)
    part_of = np.zeros(len(mesh.vertices), np.int64)
    part_of[mesh.faces] = part[:, None]
    start, end = half_edges(mesh.faces)
    rim = np.zeros(len(mesh.vertices), bool)
    rim[np.concatenate(loops)] = True
    between = np.stack([start, end], axis=1)[rim[start] & rim[end]]
    edges = set(map(tuple, np.sort(between, axis=1).tolist()))  # those that a chord of a loop could double
    points = mesh.vertices.astype(np.float64)
    faces, centres, centre_colours, filled = [mesh.faces], [], [], 0
    for loop in loops:
        ring = points[loop]
        centre = ring.mean(axis=0)
        cover = np.linalg.norm(np.cross(ring - centre, np.roll(ring, -1, axis=0) - centre), axis=1).sum() / 2
        if len(loop) < 3 or cover > largest_share * area[part_of[loop[0]]]:
            continue
        filled += 1
        cap = _ears(loop, ring, edges) if len(loop) <= _EAR_CLIPPING_UP_TO else None
        if cap is None:
            tip = np.full(len(loop), len(points) + len(centres))
            cap = np.stack([loop, np.roll(loop, -1), tip], axis=1)
            centres.append(centre)
            if mesh.vertex_colours is not None:
                centre_colours.append(mesh.vertex_colours[loop].mean(axis=0))
        faces.append(cap)
    if not filled:
        return mesh, 0, len(loops)
    colours = mesh.vertex_colours
    return (
        replace(
            mesh,
            vertices=np.concatenate([mesh.vertices, np.array(centres, np.float32).reshape(-1, 3)]),
            vertex_colours=colours
            if not centre_colours
            else np.concatenate([colours, centre_colours]).astype(np.float32),
            faces=np.concatenate(faces).astype(np.int32),
            corner_uvs=None,
            normals=None,
            quads=0,
        ),
        filled,
        len(loops) - filled,
    )


def _ears(loop: np.ndarray, ring: np.ndarray, edges: set[tuple[int, int]]) -> np.ndarray | None:
    """(n - 2, 3) faces over a loop of n vertices, or None when every way would double an edge of the mesh.

    Greedy: the corner with the smallest angle on the hole's inner side goes first.
    """
    sides = np.roll(ring, -1, axis=0) - ring
    normal = unit(np.cross(ring - ring.mean(axis=0), sides).sum(axis=0)[None])[0]
    left = list(range(len(loop)))
    faces, fresh = [], []

    def angle(n: int) -> float:
        here, back, ahead = left[n], left[n - 1], left[(n + 1) % len(left)]
        into, out = ring[back] - ring[here], ring[ahead] - ring[here]
        turn = float(np.arctan2(np.cross(out, into) @ normal, out @ into))
        return turn if turn > 0 else turn + 2 * np.pi

    angles = [angle(n) for n in range(len(left))]
    while len(left) > 3:
        for n in np.argsort(angles, kind="stable"):
            chord = tuple(sorted((int(loop[left[n - 1]]), int(loop[left[(n + 1) % len(left)]]))))
            if chord not in edges:
                break
        else:
            edges.difference_update(fresh)
            return None
        faces.append([loop[left[n - 1]], loop[left[n]], loop[left[(n + 1) % len(left)]]])
        edges.add(chord)
        fresh.append(chord)
        del left[n], angles[n]
        n %= len(left)
        angles[n - 1], angles[n] = angle(n - 1 if n else len(left) - 1), angle(n)
    faces.append([loop[n] for n in left])
    return np.array(faces)


def drop_slivers(mesh: Mesh) -> Mesh:
    """Without parts of fewer than four faces, which enclose nothing (what a collapse leaves of a tiny part)."""
    if not len(mesh.faces):
        return mesh
    part, count = face_parts(mesh.faces, len(mesh.vertices))
    large = np.bincount(part, minlength=count) >= 4
    return mesh if large.all() or not large.any() else take_faces(mesh, large[part])
