"""The mesher against closed forms, against scikit-image on the whole lattice, and against bad fields."""

import numpy as np
import pytest
from analytic import CUBE, FRAMES, MESHING, PARITY, Counted, ball, clipped, density, judge, toy, union

from blender_aigc.protocol import Fault
from server.geometry.frames import Frame
from server.geometry.mesher import extract

NATIVE = {"triposr": Frame("+Z", "+X"), "shap_e": Frame("+Z", "-Y"), "triposg": Frame("+Y", "+Z")}


def test_the_fields_are_those_of_the_fixture():
    points = np.load(PARITY / "meshing" / "inputs.npz")["points"]
    expected = np.load(PARITY / "meshing" / "outputs.npz")
    np.testing.assert_allclose(union(points), expected["union_field"], atol=1e-12)
    np.testing.assert_allclose(clipped(points), expected["clipped_field"], atol=1e-12)


@pytest.mark.parametrize("samples", [33, 64, 128])
@pytest.mark.parametrize(("field", "level"), [(union, 0.0), (density, 25.0)])
def test_union_of_ball_and_box(field, level, samples):
    mesh = extract(field, CUBE, samples, level)
    expected, solid, voxel = MESHING["expected"]["union"], judge(mesh), 2 / (samples - 1)
    assert solid.is_watertight and solid.is_winding_consistent
    assert solid.euler_number == expected["euler_number"] and solid.body_count == expected["components"]
    tolerance = MESHING["tolerances"]["volume_rel_union"][str(samples)]
    if field is density:  # an exponential is not linear between samples; the surface shrinks with the voxel
        tolerance *= 4
    assert abs(solid.volume / expected["volume"] - 1) < tolerance
    np.testing.assert_allclose(solid.bounds, [expected["bbox_min"], expected["bbox_max"]], atol=0.5 * voxel)


@pytest.mark.parametrize("samples", [33, 64, 128])
def test_a_surface_that_leaves_the_volume_is_closed_on_its_faces(samples):
    solid = judge(extract(clipped, CUBE, samples))
    assert solid.is_watertight and solid.euler_number == 2
    np.testing.assert_array_equal(solid.bounds, CUBE)  # true positions: neither shrunken nor beyond
    tolerance = MESHING["tolerances"]["volume_rel_clipped"][str(samples)]
    assert abs(solid.volume / MESHING["expected"]["clipped"]["volume"] - 1) < tolerance


@pytest.mark.parametrize("samples", [2, 33, 64])
def test_a_full_volume_is_the_box_itself(samples):
    bounds = ((-1.0, 0.0, 2.0), (1.0, 3.0, 2.5))
    solid = judge(extract(lambda points: np.full(len(points), 0.5), bounds, samples))
    assert solid.is_watertight and solid.euler_number == 2
    np.testing.assert_array_equal(solid.bounds, bounds)
    assert solid.volume == pytest.approx(3.0, rel=1e-5)


@pytest.mark.parametrize("samples", [17, 65])
def test_nothing_inside_is_an_explained_fault(samples):
    with pytest.raises(Fault) as caught:
        extract(lambda points: np.full(len(points), -0.5), CUBE, samples)
    assert caught.value.code == "empty_result" and caught.value.hint


@pytest.mark.parametrize("share", [1.0, 1e-4])
def test_nan_is_an_explained_fault(share):
    def field(points):
        values = union(points)
        values[: max(1, int(share * len(points)))] = np.nan
        return values

    with pytest.raises(Fault, match="NaN") as caught:
        extract(field, CUBE, 64)
    assert caught.value.code == "bad_input"


def test_infinite_densities_are_fine():
    mesh = extract(lambda points: np.where(union(points) > 0, np.inf, -np.inf), CUBE, 48)
    assert judge(mesh).is_watertight


@pytest.mark.parametrize("family", sorted(NATIVE))
def test_frame_probe(family):
    config = FRAMES["models"][family]
    low, high = config["volume"]
    field, level = {
        "triposr": (lambda p: 25 * np.exp(40 * toy(p, family)), 25.0),
        "shap_e": (lambda p: np.tanh(4 * toy(p, family)), 0.0),
        "triposg": (lambda p: 200 * toy(p, family), 0.0),
    }[family]
    mesh = extract(field, ((low,) * 3, (high,) * 3), 96, level)
    turn = NATIVE[family].blender_from_native
    np.testing.assert_array_equal(turn, config["native_to_blender_3x3"])
    mesh.vertices = mesh.vertices @ turn.T
    solid, voxel = judge(mesh), (high - low) / 95
    np.testing.assert_allclose(solid.bounds, [config["blender_bbox_min"], config["blender_bbox_max"]], atol=voxel)
    for part, axis, side in (("nose", 1, -1), ("hat", 2, 1), ("left_arm", 0, 1)):
        tip = mesh.vertices[np.argmax(side * mesh.vertices[:, axis])]
        assert abs(tip[axis] - config["tips_blender"][part][axis]) < voxel
    assert solid.is_watertight
    assert abs(solid.volume / FRAMES["volume_of_union"] - 1) < (0.06 if family == "triposr" else 0.03)


# ------------------------------------------------------------------------------------------------- coarse to fine


@pytest.mark.parametrize("samples", [50, 64, 97, 129, 130])
def test_coarse_to_fine_gives_the_mesh_of_the_whole_lattice(samples):
    fine, whole = extract(union, CUBE, samples), extract(union, CUBE, samples, coarse_to_fine=False)
    np.testing.assert_array_equal(fine.vertices, whole.vertices)
    np.testing.assert_array_equal(fine.faces, whole.faces)
    assert whole.report["field_queries"] == samples**3


def test_no_sample_is_asked_twice_and_few_are_asked():
    field = Counted(union)
    mesh = extract(field, CUBE, 256)
    assert len(np.unique(field.positions, axis=0)) == len(field.positions) == mesh.report["field_queries"]
    assert 10 * len(field.positions) < 256**3
    assert field.positions.dtype == np.float32


def test_thin_legs_are_followed():
    """Legs of 3 voxels, far thinner than a coarse cell: found because they are connected to the seat."""

    def stool(points):
        legs = [np.hypot(points[:, 0] - x, points[:, 1] - y) for x in (-0.53, 0.53) for y in (-0.53, 0.53)]
        leg = np.minimum(0.024 - np.min(legs, axis=0), 0.85 - np.abs(points[:, 2]))
        seat = np.minimum(0.1 - np.abs(points[:, 2] - 0.7), 0.7 - np.abs(points[:, :2]).max(axis=1))
        return np.maximum(leg, seat)

    fine, whole = extract(stool, CUBE, 128), extract(stool, CUBE, 128, coarse_to_fine=False)
    assert judge(whole).bounds[0][2] == pytest.approx(-0.85, abs=0.01)
    np.testing.assert_array_equal(fine.vertices, whole.vertices)
    assert fine.report["field_queries"] < 128**3 / 10


def test_a_small_object_between_the_coarse_samples_is_still_found():
    mesh = extract(lambda points: ball(points, (0.03, 0.031, 0.032), 0.02), CUBE, 256)
    assert judge(mesh).volume == pytest.approx(4 / 3 * np.pi * 0.02**3, rel=0.1)


def test_vertices_are_those_of_scikit_image():
    from skimage.measure import marching_cubes

    samples = 48
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((samples,) * 3).astype(np.float32)
    noise = sum(np.roll(noise, shift, axis) for axis in range(3) for shift in (-1, 0, 1)) / 9
    noise[[0, -1]] = noise[:, [0, -1]] = noise[:, :, [0, -1]] = -1
    mesh = extract(lambda points: noise[tuple(np.rint(points).astype(int).T)], ((0,) * 3, (samples - 1,) * 3), samples)
    theirs, faces, _, _ = marching_cubes(noise, 0.0)
    on_edges = (np.abs(theirs - np.rint(theirs)) > 1e-5).sum(axis=1) <= 1  # theirs has vertices inside cells, too
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(mesh.vertices).query(theirs[on_edges])
    assert distance.max() < 2e-3
    assert on_edges.sum() == len(mesh.vertices)
    volume = (
        abs(float(np.einsum("ij,ij->", theirs[faces[:, 0]], np.cross(theirs[faces[:, 1]], theirs[faces[:, 2]])))) / 6
    )
    assert judge(mesh).volume == pytest.approx(volume, rel=0.05)


@pytest.mark.parametrize("samples", [3, 6, 12])
def test_pure_noise_gives_closed_manifold_surfaces(samples):
    """Every ambiguous case next to every other, also on the faces, edges and corners of the volume."""
    for seed in range(30):
        noise = np.random.default_rng(seed).standard_normal((samples,) * 3)
        noise[noise < -1] = 0.0  # values exactly at the level
        mesh = extract(lambda p, n=noise: n[tuple(np.rint(p).astype(int).T)], ((0,) * 3, (samples - 1,) * 3), samples)
        edges = np.sort(mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
        solid = judge(mesh)
        assert solid.is_watertight and solid.is_winding_consistent and solid.volume > 0
        assert len(np.unique(mesh.vertices, axis=0)) == len(mesh.vertices)


def test_distances_negative_inside_are_meshed_outward_too():
    one, other = extract(union, CUBE, 40), extract(lambda p: -union(p), CUBE, 40, inside_larger=False)
    np.testing.assert_array_equal(one.vertices, other.vertices)
    np.testing.assert_array_equal(one.faces, other.faces)


def test_progress_rises_and_an_exception_in_it_ends_the_work():
    seen = []
    extract(union, CUBE, 128, progress=lambda phase, step=0, total=0: seen.append((phase, step, total)), chunk=4096)
    steps = [step for _, step, _ in seen]
    assert steps == sorted(steps) and 900 < steps[-1] <= 1000 == seen[0][2] and len(set(steps)) > 5
    assert {phase for phase, _, _ in seen} == {"surface"}

    class Stop(BaseException):
        pass

    def stop(phase, step=0, total=0):
        if step > 300:
            raise Stop

    field = Counted(union)
    with pytest.raises(Stop):
        extract(field, CUBE, 256, progress=stop, chunk=4096)
    assert len(field.positions) < extract(union, CUBE, 256).report["field_queries"]


@pytest.mark.parametrize("bounds", [((0, 0, 0), (1, 1, 0)), ((0, 0, 0), (1, np.nan, 1))])
def test_an_impossible_volume_is_refused(bounds):
    with pytest.raises(Fault):
        extract(union, bounds, 32)
