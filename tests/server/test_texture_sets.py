"""UVs judged: what serves is kept, what does not gets new ones and a sentence."""

from __future__ import annotations

import numpy as np
import pytest
from made_meshes import SQUARE, cube, packed_sides

from blender_aigc.protocol import Fault
from server.geometry.bake import texel_faces
from server.geometry.texture_sets import overlap, texture_sets, udim_tiles


def test_own_uvs_that_serve_are_kept() -> None:
    mesh = cube(packed_sides())
    (group,), notes = texture_sets(mesh, 256)
    assert group.uv == "own" and not notes
    assert np.array_equal(group.uvs, mesh.corner_uvs)


@pytest.mark.parametrize(
    ("uvs", "words"),
    [
        (packed_sides(5), "lie over each other"),
        (packed_sides() * 0, "no area"),
        (packed_sides() * 4 - 1, "outside"),
        (np.where(np.arange(6)[:, None, None] == 3, np.nan, packed_sides()), "some of its faces have no UVs"),
    ],
)
def test_others_get_new_ones_and_a_sentence(uvs: np.ndarray, words: str) -> None:
    mesh = cube(uvs.astype(np.float32))
    (group,), notes = texture_sets(mesh, 256)
    assert group.uv == "new" and words in notes[0]
    assert overlap(group.uvs) < 0.01 and 0 <= group.uvs.min() and group.uvs.max() <= 1
    with pytest.raises(Fault, match=words):
        texture_sets(mesh, 256, "own")


def test_an_object_without_uvs_is_no_news() -> None:
    (group,), notes = texture_sets(cube(), 256)
    assert group.uv == "new" and "no UVs" in notes[0]


def test_mirrored_sides_over_each_other_are_noticed() -> None:
    uvs = packed_sides()
    uvs[4] = uvs[5][[1, 0, 3, 2]]
    assert texture_sets(cube(uvs), 256)[0][0].uv == "new"


def test_slots_that_share_their_space_get_a_set_each() -> None:
    """As in files where each material has its own picture."""
    places = np.stack([(np.array((n // 2 % 3, 0)) + 0.05 + 0.9 * SQUARE) / 3 for n in range(6)]).astype(np.float32)
    sets, notes = texture_sets(cube(places, slots=("wood", "iron")), 256)
    assert [(group.name, group.owners, group.uv) for group in sets] == [
        ("cube_wood", {0: (0,)}, "own"),
        ("cube_iron", {0: (1,)}, "own"),
    ]
    assert not notes


def test_a_slot_whose_uvs_do_not_serve_leaves_the_others_alone() -> None:
    uvs = packed_sides()
    uvs[1::2] = 0
    sets, _ = texture_sets(cube(uvs, slots=("good", "flat")), 256)
    assert {group.name: group.uv for group in sets} == {"cube_good": "own", "cube_flat": "new"}


def test_udim_tiles_with_gaps() -> None:
    uvs = packed_sides()
    uvs[3:] += (4, 2)
    mesh = cube(uvs)
    sets, notes = texture_sets(mesh, 256)
    assert [(group.name, group.tile, len(group.faces)) for group in sets] == [
        ("cube.1001", 1001, 6),
        ("cube.1025", 1025, 6),
    ]
    assert not notes and all(np.allclose(group.uvs, mesh.corner_uvs[group.faces] % 1, atol=1e-5) for group in sets)
    assert udim_tiles(packed_sides().reshape(-1, 2)[None, :3] + 0.95) is None


def test_many_faces_smaller_than_a_texel_are_no_overlap() -> None:
    """300 x 300 squares in one sheet, each of half a texel of the judge's."""
    n = 400
    y, x = np.mgrid[0:n, 0:n] / n
    square = np.stack([x, y], axis=-1).reshape(-1, 1, 2) + SQUARE[None] / n
    triangles = square[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 2).astype(np.float32)
    assert overlap(triangles, 256) < 0.01
    assert overlap(np.concatenate([triangles, triangles[: n * n // 5]]), 256) > 0.09


def test_texels_whose_centres_lie_inside_are_counted_without_reach() -> None:
    triangle = np.array([[[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]], np.float32)
    assert (texel_faces(triangle, 512, reach=0.0) >= 0).mean() == pytest.approx(0.32, abs=2e-3)
    assert (texel_faces(triangle, 512) >= 0).mean() > 0.323
