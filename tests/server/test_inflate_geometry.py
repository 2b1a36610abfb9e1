"""The parts that `inflate` is built from: filters against plain definitions, meshes of random shapes."""

from __future__ import annotations

import numpy as np
import pytest
from inflate_judges import edge_uses, fans_per_vertex

from blender_aigc.protocol import Fault
from server.geometry import pixels
from server.geometry.inflation import close, inflate, triangulated
from server.geometry.planar import PlanarMesh, doubled_area, fill_silhouette

RNG = np.random.default_rng(11)


def blobs(seed: int, size: int = 90, sigma: float = 3.0) -> np.ndarray:
    """Random coverage with holes, necks, islands and corner contacts."""
    noise = pixels.blur(np.random.default_rng(seed).normal(0, 1, (size, size)).astype(np.float32), sigma)
    return np.clip(0.5 + 3 * noise / noise.std(), 0, 1)


# -------------------------------------------------------------------------------------------------------------- meshes


@pytest.mark.parametrize("graded", [False, True], ids=["quads", "graded"])
@pytest.mark.parametrize("faces", [200, 1500, 12_000])
@pytest.mark.parametrize("seed", range(6))
def test_random_shapes_give_clean_manifolds(seed: int, faces: int, graded: bool) -> None:
    """Coarser, about as fine and finer than the shapes' details: nothing folded, nothing pinched, closed."""
    mesh = fill_silhouette(blobs(seed, sigma=(1.0, 3.0)[seed % 2]), faces, graded)
    triangles = triangulated(mesh)
    area = doubled_area(mesh.points, triangles)
    assert (area > 0).mean() > 0.995 and area.min() > -0.5 * area.mean()
    height = inflate(mesh, triangles)
    inner = np.ones(len(mesh.points), bool)
    inner[mesh.rim] = False
    assert (height[mesh.rim] == 0).all() and (height[inner] > 0).all(), "front and back touch"
    shell = close(mesh, triangles, height, height)
    undirected, directed = edge_uses(shell.faces)
    assert (undirected == 2).all() and (directed == 1).all()
    assert (fans_per_vertex(shell.faces) == 1).all()


def test_parts_are_told_apart() -> None:
    mesh = fill_silhouette(blobs(1), 3000)
    edges = mesh.edges()
    assert (mesh.part[edges[:, 0]] == mesh.part[edges[:, 1]]).all()
    assert mesh.part.max() >= 2
    sizes = [area_of(mesh.only(part)) for part in range(mesh.part.max() + 1)]
    assert np.isclose(sum(sizes), area_of(mesh))
    assert sizes[0] == max(sizes)


def area_of(mesh: PlanarMesh) -> float:
    return float(doubled_area(mesh.points, triangulated(mesh)).sum() / 2)


def test_the_contour_is_one_loop_per_boundary() -> None:
    """`after` visits every contour vertex exactly once per turn, along edges of the mesh."""
    mesh = fill_silhouette(blobs(2), 3000)
    assert sorted(mesh.after) == list(range(len(mesh.rim)))
    pairs = np.sort(np.stack([mesh.rim, mesh.rim[mesh.after]], axis=1), axis=1)
    assert {tuple(pair) for pair in pairs} <= {tuple(edge) for edge in mesh.edges()}


def test_too_small_for_a_mesh() -> None:
    coverage = np.zeros((50, 50), np.float32)
    with pytest.raises(Fault) as caught:
        fill_silhouette(coverage, 1000)
    assert caught.value.code == "empty_result" and caught.value.hint


def test_graded_mesh_spends_its_faces_on_the_contour() -> None:
    y, x = np.mgrid[:200, :200] + 0.5
    disc = np.clip(80.5 - np.hypot(x - 100, y - 100), 0, 1).astype(np.float32)
    spacing = {}
    for graded in (False, True):
        mesh = fill_silhouette(disc, 3000, graded)
        spacing[graded] = 2 * np.pi * 80 / len(mesh.rim)
    assert spacing[True] < 0.75 * spacing[False]


@pytest.mark.parametrize("faces", [500, 5000])
def test_an_object_cut_off_by_the_picture_ends_at_its_border(faces: int) -> None:
    coverage = np.zeros((100, 120), np.float32)
    coverage[30:, 20:100] = 1
    points = fill_silhouette(coverage, faces).points
    assert np.allclose(points.max(axis=0), [100, 100], atol=0.3)
    assert np.allclose(points.min(axis=0), [20, 30], atol=0.3)


def test_contour_vertices_are_evenly_spaced() -> None:
    y, x = np.mgrid[:200, :200] + 0.5
    disc = np.clip(80.5 - np.hypot(x - 100, y - 100), 0, 1).astype(np.float32)
    mesh = fill_silhouette(disc, 3000)
    line = mesh.points[mesh.rim]
    length = np.linalg.norm(line[mesh.after] - line, axis=1)
    assert length.max() < 2.2 * length.mean() and length.min() > 0.35 * length.mean()


# ------------------------------------------------------------------------------------------------------------- filters


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("density", [0.05, 0.5, 0.62, 0.95])
def test_components_agree_with_scipy(density: float, diagonal: bool) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy is the judge")
    mask = RNG.random((97, 131)) < density
    labels, count = pixels.components(mask, diagonal)
    theirs, their_count = ndimage.label(mask, np.ones((3, 3)) if diagonal else None)
    assert count == their_count and labels.dtype == np.int32
    assert len(np.unique(np.stack([labels[mask], theirs[mask]]), axis=1).T) == count, "the same partition"
    assert (labels[~mask] == 0).all() and (labels[mask] > 0).all()


@pytest.mark.parametrize("mask", [np.zeros((5, 7), bool), np.ones((5, 7), bool), np.ones((1, 1), bool)])
def test_components_of_plain_masks(mask: np.ndarray) -> None:
    labels, count = pixels.components(mask)
    assert count == int(mask.any()) and np.array_equal(labels, mask.astype(np.int32))


def test_components_of_a_spiral() -> None:
    """One part that winds: a label must travel all the way."""
    mask = np.zeros((41, 41), bool)
    for ring in range(0, 20, 2):
        mask[ring, ring : 41 - ring] = mask[40 - ring, ring : 41 - ring] = True
        mask[ring : 41 - ring, ring] = mask[ring : 41 - ring, 40 - ring] = True
        mask[ring + 1, ring] = False
        mask[ring + 2 : ring + 3, ring : ring + 3] = True
    labels, count = pixels.components(mask)
    assert count == 1


def test_flood_from_the_border_and_from_a_seed() -> None:
    mask = np.zeros((30, 30), bool)
    mask[5:10, :8] = True
    mask[15:20, 15:20] = True
    assert np.array_equal(pixels.touching_border(mask), mask & (np.arange(30)[:, None] < 12))
    start = np.zeros_like(mask)
    start[14, 16] = True
    assert np.array_equal(pixels.reached_from(start, mask), mask & (np.arange(30)[:, None] > 12))
    assert pixels.without_specks(mask, 30).sum() == 40


def test_dilation_and_erosion_by_definition() -> None:
    mask = RNG.random((40, 50)) < 0.05
    naive = np.zeros_like(mask)
    for row, column in zip(*np.nonzero(mask), strict=True):
        naive[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = True
    assert np.array_equal(pixels.widest(mask, 3), naive)
    assert np.array_equal(pixels.erode(~mask, 3), ~naive)


def test_shrink_is_the_mean_of_blocks_and_completes_the_last() -> None:
    image = RNG.integers(0, 256, (50, 71, 3)).astype(np.uint8)
    small = pixels.shrink(image, 4)
    assert small.shape == (13, 18, 3) and small.dtype == np.float32
    assert np.allclose(small[:12, :17], image[:48, :68].reshape(12, 4, 17, 4, 3).mean(axis=(1, 3)), atol=1e-4)
    assert np.allclose(small[12, 0], image[48:50, :4].repeat([1, 3], axis=0).mean(axis=(0, 1)), atol=1e-4)


def test_shrink_of_a_large_picture_in_bands() -> None:
    image = np.broadcast_to(np.arange(4096, dtype=np.uint16)[:, None], (4096, 3000))
    assert np.allclose(pixels.shrink(image, 4)[:, 0], np.arange(4096).reshape(-1, 4).mean(axis=1))


@pytest.mark.parametrize("size", [(13, 29), (50, 71), (1, 1)])
def test_resize_area_keeps_the_mean_of_every_box(size: tuple[int, int]) -> None:
    image = RNG.random((50, 71, 3)).astype(np.float32)
    fine = (
        image.astype(float).repeat(size[0], axis=0).repeat(size[1], axis=1)
    )  # then every box is a whole number of pixels
    boxes = fine.reshape(size[0], 50, size[1], 71, 3).mean(axis=(1, 3))
    assert np.allclose(pixels.resize_area(image, *size), boxes, atol=1e-5)


def test_pull_push_keeps_the_known_and_stays_within_it() -> None:
    colour = RNG.random((61, 47, 3)).astype(np.float32)
    weight = (RNG.random((61, 47)) < 0.02).astype(np.float32)
    filled = pixels.pull_push(np.where(weight[..., None] > 0, colour, 9.0), weight)
    known = colour[weight > 0]
    assert np.allclose(filled[weight > 0], known, atol=1e-6)
    assert (filled.min(axis=(0, 1)) >= known.min(axis=0) - 1e-5).all()
    assert (filled.max(axis=(0, 1)) <= known.max(axis=0) + 1e-5).all()


def test_blur_keeps_constants_and_has_its_width() -> None:
    assert np.allclose(pixels.blur(np.full((20, 30), 7.0, np.float32), 2.5), 7)
    point = np.zeros((61, 61), np.float32)
    point[30, 30] = 1
    spread = pixels.blur(point, 3.0)
    offset = np.arange(61) - 30
    assert np.isclose((spread.sum(axis=0) * offset**2).sum(), 9, rtol=0.04)


def test_sample_is_exact_on_planes_and_clamped() -> None:
    y, x = np.mgrid[:20, :30] + 0.5
    plane = (2 * x - 3 * y).astype(np.float32)
    px, py = RNG.uniform(0.5, 29.5, 200), RNG.uniform(0.5, 19.5, 200)
    assert np.allclose(pixels.sample(plane, px, py), 2 * px - 3 * py, atol=1e-3)
    assert np.allclose(pixels.sample(plane, np.array([-5.0]), np.array([0.5])), plane[0, 0])


def test_oklab_of_known_colours() -> None:
    """White, black, and red as Ottosson's page gives it."""
    lab = pixels.oklab(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]]))
    assert np.allclose(lab, [[1, 0, 0], [0, 0, 0], [0.628, 0.225, 0.126]], atol=2e-3)


def test_a_nearly_upright_edge_has_no_wrinkles() -> None:
    """A binary silhouette steps sideways once every 16 rows there; the contour must run straight between the steps."""
    y, x = np.mgrid[:256, :256]
    inside = (x > 40 + y // 16) & (x < 200) & (y > 20) & (y < 236)
    mesh = fill_silhouette(inside.astype(np.float32), 200_000)
    line = mesh.points[mesh.rim]
    edge = line[(line[:, 0] < 100) & (line[:, 1] > 60) & (line[:, 1] < 196)]
    straight = np.polynomial.Polynomial.fit(edge[:, 1], edge[:, 0], 1)(edge[:, 1])
    assert (edge[:, 0] - straight).std() < 0.15, "the steps of the pixels themselves have 0.3"
