"""Cleaning and repair: parts, floaters, welding, winding, crowded edges and holes."""

from dataclasses import replace

import numpy as np
import pytest
from analytic import judge
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import cube, joined, moved, sheet, sphere

from blender_aigc.protocol import Fault
from server.geometry.clean import (
    check,
    drop_bad_faces,
    drop_floaters,
    face_parts,
    labels_of_links,
    orient,
    take_faces,
    topology,
    weld,
)
from server.geometry.mesh import Mesh
from server.geometry.normals import vertex_normals, volume
from server.geometry.repair import boundary_loops, fill_holes, split_nonmanifold


@given(st.integers(1, 60), st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=80))
@settings(max_examples=200, deadline=None)
def test_labels_are_those_of_scipy(count, links):
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    links = np.array([(a % count, b % count) for a, b in links], np.int64).reshape(-1, 2)
    label = labels_of_links(count, links[:, 0], links[:, 1])
    graph = coo_matrix((np.ones(len(links)), links.T), (count, count))
    parts, theirs = connected_components(graph, directed=False)
    assert len(np.unique(label)) == parts == len(set(zip(label.tolist(), theirs.tolist(), strict=True)))
    assert (label <= np.arange(count)).all()


def test_a_long_chain_is_one_part():
    count = 200_000
    order = np.random.default_rng(0).permutation(count)
    assert not labels_of_links(count, order[:-1], order[1:]).any()


def test_topology_knows_open_closed_crowded_and_twisted():
    assert topology(cube().faces).watertight and topology(cube().faces).euler == 2
    assert topology(sheet(4).faces).boundary_edges == 16 and topology(sheet(4).faces).euler == 1
    twisted = cube().faces.copy()
    twisted[3] = twisted[3, ::-1]
    assert topology(twisted).twisted_edges == 3 and not topology(twisted).watertight
    fan = np.array([(0, 1, 2), (1, 0, 3), (0, 1, 4)])
    assert topology(fan).nonmanifold_edges == 1


@pytest.mark.parametrize(
    "mesh",
    [
        Mesh(np.array([(0, 0, 0), (1, 0, np.nan), (0, 1, 0)], np.float32), np.array([(0, 1, 2)], np.int32)),
        Mesh(np.array([(0, 0, 0), (1, 0, np.inf), (0, 1, 0)], np.float32), np.array([(0, 1, 2)], np.int32)),
        Mesh(np.zeros((3, 3), np.float32), np.array([(0, 1, 3)], np.int32)),
        Mesh(np.zeros((3, 3), np.float32), np.array([(0, 1, -1)], np.int32)),
        Mesh(np.zeros((4, 3), np.float32), np.array([(0, 1, 2, 3)], np.int32)),
    ],
)
def test_an_invalid_mesh_is_an_explained_fault(mesh):
    with pytest.raises(Fault) as caught:
        check(mesh)
    assert caught.value.code == "bad_input" and caught.value.hint


def test_floaters_go_by_area_and_not_by_number_of_faces():
    coarse_and_large, fine_and_small = cube(), moved(sphere(48), 0.02, (3, 0, 0))
    assert len(fine_and_small.faces) > 100 * len(coarse_and_large.faces)
    both = joined(coarse_and_large, fine_and_small, moved(cube(), 0.5, (0, 3, 0)))
    assert face_parts(both.faces, len(both.vertices))[1] == 3
    kept, dropped = drop_floaters(both, 0.01)
    assert dropped == 1 and len(kept.faces) == 24 and len(kept.vertices) == 16
    assert drop_floaters(both, 0)[0] is both
    assert drop_floaters(both, 1.0)[1] == 2


def test_attributes_follow_their_faces_and_vertices():
    mesh = cube()
    mesh.vertex_colours, mesh.corner_uvs = mesh.vertices.copy(), mesh.vertices[mesh.faces][..., :2]
    part = take_faces(mesh, np.array([7, 2]))
    np.testing.assert_array_equal(part.vertices[part.faces], mesh.vertices[mesh.faces[[7, 2]]])
    np.testing.assert_array_equal(part.vertex_colours, part.vertices)
    np.testing.assert_array_equal(part.corner_uvs, mesh.corner_uvs[[7, 2]])


def test_welding_closes_a_triangle_soup():
    ball = sphere(24)
    soup = Mesh(ball.vertices[ball.faces].reshape(-1, 3), np.arange(3 * len(ball.faces), dtype=np.int32).reshape(-1, 3))
    assert not topology(soup.faces).watertight
    whole = weld(soup)
    assert topology(whole.faces).watertight and len(whole.vertices) == len(ball.vertices)
    assert volume(whole.vertices, whole.faces) == pytest.approx(volume(ball.vertices, ball.faces))


def test_bad_faces_are_dropped_and_a_closed_mesh_stays_closed():
    mesh = sphere(24)
    fin = [(mesh.faces[0, 0], mesh.faces[0, 1], len(mesh.vertices))]
    dirty = replace(
        mesh,
        vertices=np.concatenate([mesh.vertices, [(2, 0, 0)]]).astype(np.float32),
        faces=np.concatenate([mesh.faces, fin, np.array(fin)[:, ::-1], [(4, 4, 9)], mesh.faces[5:6, [1, 2, 0]]]).astype(
            "i4"
        ),
    )
    clean, dropped = drop_bad_faces(dirty)
    assert dropped == 4 and len(clean.faces) == len(mesh.faces) and topology(clean.faces).watertight


def test_a_double_sided_sheet_keeps_one_side():
    one = sheet(5)
    both = replace(one, faces=np.concatenate([one.faces, one.faces[:, ::-1]]))
    clean, dropped = drop_bad_faces(both)
    assert dropped == len(one.faces) and topology(clean.faces).boundary_edges == 20


def test_random_flips_are_undone_and_hollows_keep_facing_inwards():
    shell = joined(sphere(24), Mesh(sphere(24, 0.4).vertices, sphere(24, 0.4).faces[:, ::-1]))
    assert orient(shell) == (shell, 0)
    whole, turned = orient(replace(shell, faces=shell.faces[:, ::-1].copy()))
    assert turned == len(shell.faces) and volume(whole.vertices, whole.faces) > 0
    ball = joined(sphere(24), moved(cube(), 1, (3, 0, 0)))
    flip = np.random.default_rng(0).random(len(ball.faces)) < 0.4
    mixed = replace(ball, faces=np.where(flip[:, None], ball.faces[:, ::-1], ball.faces))
    mended, turned = orient(mixed)
    assert turned == flip.sum() and topology(mended.faces).watertight
    np.testing.assert_array_equal(mended.faces[~flip], ball.faces[~flip])
    assert judge(mended).volume == pytest.approx(judge(ball).volume)


def test_a_moebius_strip_is_left_alone_without_a_crash():
    count = 20
    strip = [(2 * n, 2 * n + 1, 2 * n + 2) for n in range(count)] + [
        (2 * n + 2, 2 * n + 1, 2 * n + 3) for n in range(count)
    ]
    faces = np.array(strip)
    ends = {2 * count: 1, 2 * count + 1: 0}
    faces = np.vectorize(lambda n: ends.get(n, n))(faces).astype(np.int32)
    mesh = Mesh(np.random.default_rng(0).random((2 * count, 3)).astype(np.float32), faces)
    assert len(orient(mesh)[0].faces) == len(faces)


# ------------------------------------------------------------------------------------------- crowded edges


def _two_cubes_on_an_edge() -> Mesh:
    return weld(joined(cube(), moved(cube(), 1, (1, 1, 0))))


def test_solids_that_share_an_edge_are_taken_apart():
    mesh = _two_cubes_on_an_edge()
    assert topology(mesh.faces).nonmanifold_edges == 1
    split, crowded = split_nonmanifold(mesh)
    assert crowded == 1 and topology(split.faces).watertight
    assert judge(split).body_count == 2  # each wedge of material on its own
    assert judge(split).volume == pytest.approx(2)


def test_an_edge_whose_ends_hang_together_elsewhere_gets_a_vertex():
    """A ring (torus) whose hole is pinched to one edge: the material joins both ends, so doubling cannot separate."""
    around, along = 8, 12
    theta, phi = np.meshgrid(
        (np.arange(around) + 0.5) * 2 * np.pi / around, np.arange(along) * 2 * np.pi / along, indexing="ij"
    )
    reach = 1 + 0.6 * np.cos(phi)
    vertices = np.stack([reach * np.cos(theta), reach * np.sin(theta), 0.6 * np.sin(phi)], axis=-1).reshape(-1, 3)
    number = np.arange(around * along).reshape(around, along)
    waist = along // 2
    number[:, waist] = np.where(np.arange(around) < around // 2, number[0, waist], number[around // 2, waist])
    vertices[number[0, waist]], vertices[number[-1, waist]] = (0, 0.4, 0), (0, -0.4, 0)
    ahead, up = np.roll(number, -1, axis=0), np.roll(number, -1, axis=1)
    both = np.roll(ahead, -1, axis=1)
    faces = np.concatenate([np.stack(t, axis=-1).reshape(-1, 3) for t in ((number, ahead, both), (number, both, up))])
    mesh, _ = drop_bad_faces(Mesh(vertices.astype(np.float32), faces.astype(np.int32)))
    before = topology(mesh.faces)
    assert before.nonmanifold_edges == 1 and not before.boundary_edges
    split, _ = split_nonmanifold(mesh)
    assert topology(split.faces).watertight and judge(split).is_watertight
    assert len(split.vertices) == len(mesh.vertices) + 1 and judge(split).euler_number == 0
    assert judge(split).volume == pytest.approx(judge(mesh).volume)


# --------------------------------------------------------------------------------------------------- holes


@pytest.mark.parametrize("holes", [1, 25, 250])
def test_missing_faces_are_filled(holes):
    mesh = sphere(40)
    gone = np.random.default_rng(holes).choice(len(mesh.faces), holes, replace=False)
    torn = take_faces(mesh, np.setdiff1d(np.arange(len(mesh.faces)), gone))
    whole, filled, left = fill_holes(torn)
    assert filled == len(boundary_loops(torn.faces)) and not left
    assert topology(whole.faces).watertight and judge(whole).is_winding_consistent
    assert judge(whole).volume == pytest.approx(judge(mesh).volume, rel=1e-3)


@pytest.mark.parametrize("samples", [32, 128])
def test_a_large_hole_is_closed_flat(samples):
    """A sphere with its cap cut off; the long loop takes the fan."""
    mesh = sphere(samples)
    mesh.vertex_colours = np.full_like(mesh.vertices, 0.25)
    torn = take_faces(mesh, mesh.vertices[mesh.faces][..., 2].max(axis=1) < 0.5)
    loop = boundary_loops(torn.faces)
    assert len(loop) == 1 and (len(loop[0]) > 200) == (samples == 128)
    whole, filled, left = fill_holes(torn)
    assert (filled, left) == (1, 0) and topology(whole.faces).watertight
    height = 0.3
    cap = np.pi * height**2 * (3 * 0.8 - height) / 3
    assert judge(whole).volume == pytest.approx(4 / 3 * np.pi * 0.8**3 - cap, rel=0.06)
    assert whole.vertex_colours.shape == whole.vertices.shape


def test_the_border_of_an_open_sheet_is_no_hole():
    torn = take_faces(sheet(12), np.setdiff1d(np.arange(288), [100, 101, 244]))
    mesh, filled, left = fill_holes(torn)
    assert left == 1 and filled == len(boundary_loops(torn.faces)) - 1
    assert topology(mesh.faces).boundary_edges == 48


def test_loops_that_meet_in_a_vertex_are_told_apart():
    mesh = sheet(8)
    centre = 4 * 9 + 4
    around = (mesh.faces == centre).any(axis=1)
    opposite = np.flatnonzero(around)[[0, 3]]
    torn = take_faces(mesh, np.setdiff1d(np.arange(len(mesh.faces)), opposite))
    loops = boundary_loops(torn.faces)
    assert all(len(np.unique(loop)) == len(loop) for loop in loops)
    assert sum(map(len, loops)) == topology(torn.faces).boundary_edges


# ------------------------------------------------------------------------------------------------- normals


def test_normals_of_a_cube_do_not_depend_on_its_diagonals():
    expected = (cube().vertices - 0.5) / np.sqrt(0.75)
    np.testing.assert_allclose(vertex_normals(cube().vertices, cube().faces), expected, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_normals_of_a_sphere_point_outward_at_any_size(scale):
    mesh = sphere(48)
    normals = vertex_normals(mesh.vertices * np.float32(scale), mesh.faces)
    assert normals.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert (np.einsum("ij,ij->i", normals, mesh.vertices) / 0.8 > 0.98).all()


def test_vertices_without_a_direction_get_one():
    vertices = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (5, 5, 5)], np.float32)
    faces = np.array([(0, 1, 2), (2, 1, 0)], np.int32)
    np.testing.assert_array_equal(vertex_normals(vertices, faces), [(0, 0, 1)] * 4)
