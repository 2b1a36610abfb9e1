"""What a good mesh is, in numbers. numpy only; written apart from the code that it judges."""

from __future__ import annotations

import numpy as np

from blender_aigc.director.generators.parts import Part, Parts


def starts(part: Part) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(part.sizes)[:-1]]).astype(int)


def next_corner(part: Part) -> np.ndarray:
    """For each corner, the number of the following one in its face."""
    following = np.arange(len(part.corners)) + 1
    following[starts(part) + part.sizes - 1] = starts(part)
    return following


def areas(part: Part) -> np.ndarray:
    """(F,) in square metres."""
    origin = np.repeat(part.vertices[part.corners[starts(part)]], part.sizes, axis=0).astype(float)
    points = part.vertices[part.corners] - origin
    cross = np.cross(points, points[next_corner(part)])
    return np.linalg.norm(np.add.reduceat(cross, starts(part), axis=0), axis=1) / 2


def edges(part: Part) -> np.ndarray:
    """(C, 2) every directed edge of every face."""
    return np.column_stack([part.corners, part.corners[next_corner(part)]]).astype(np.int64)


def open_edges(part: Part) -> int:
    """Directed edges without exactly one partner in the other direction."""
    directed, count = edges(part), len(part.vertices)
    forward, backward = directed[:, 0] * count + directed[:, 1], directed[:, 1] * count + directed[:, 0]
    twice = len(forward) - len(np.unique(forward))
    return twice + int((~np.isin(forward, backward)).sum())


def volume(part: Part) -> float:
    """Signed volume in cubic metres: positive when closed surfaces face outwards (divergence theorem)."""
    first = np.repeat(part.corners[starts(part)], part.sizes)
    a, b, c = (part.vertices[i].astype(float) for i in (first, part.corners, part.corners[next_corner(part)]))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def shells(part: Part) -> np.ndarray:
    """(V,) number of the connected piece that each vertex belongs to."""
    label = np.arange(len(part.vertices))
    a, b = edges(part).T
    while True:
        before = label.copy()
        np.minimum.at(label, a, label[b])
        np.minimum.at(label, b, label[a])
        label = label[label]
        if (label == before).all():
            return label


def judge(parts: Parts) -> None:
    """Raises AssertionError for anything that Blender, a renderer or a simulation would choke on."""
    assert parts.parts or parts.sky, "nothing was made"
    for part in parts.parts:
        what = part.name
        assert part.faces > 0 and len(part.vertices) > 2, what
        assert part.vertices.dtype == np.float32 and part.corners.dtype == np.int32, what
        assert np.isfinite(part.vertices).all() and np.isfinite(part.uvs).all(), what
        assert part.sizes.sum() == len(part.corners) == len(part.uvs) and part.sizes.min() >= 3, what
        assert len(part.slots) == len(part.smooth) == part.faces, what
        assert part.corners.min() >= 0 and part.corners.max() < len(part.vertices), what
        assert len(np.unique(part.corners)) == len(part.vertices), f"{what} has loose vertices"
        assert set(part.looks) <= set(parts.looks) and part.slots.max() < len(part.looks) and part.slots.min() >= 0, (
            what
        )
        directed = edges(part)
        assert (directed[:, 0] != directed[:, 1]).all(), f"{what} has an edge of one vertex"
        size = np.ptp(part.vertices, axis=0).max()
        flat = areas(part) < 1e-12 * size**2
        assert not flat.any(), f"{what} has {int(flat.sum())} faces without area"
        for name, weights in part.groups.items():
            assert weights.shape == (len(part.vertices),) and 0 <= weights.min() and weights.max() <= 1, name
            assert weights.max() > 0, f"the group {name} of {what} is empty"
        if part.colours is not None:
            assert part.colours.shape == part.vertices.shape and 0 <= part.colours.min() <= part.colours.max() <= 1
        if part.closed:
            assert open_edges(part) == 0, f"{what} is not closed: {open_edges(part)} edges"
            assert volume(part) > 0, f"{what} is inside out"
    for copies in parts.copies:
        assert copies.transforms.shape[1:] == (4, 4) and np.isfinite(copies.transforms).all()


def same(a: Parts, b: Parts) -> bool:
    """Are the arrays equal to the last bit?"""
    pairs = list(zip(a.parts, b.parts, strict=True))
    arrays = all(
        np.array_equal(getattr(one, key), getattr(other, key))
        for one, other in pairs
        for key in ("vertices", "corners", "sizes", "uvs", "slots", "smooth")
    )
    copies = all(
        np.array_equal(one.transforms, other.transforms) for one, other in zip(a.copies, b.copies, strict=True)
    )
    return arrays and copies
