"""The whole pipeline: what users choose, what they get, and meshes as models really make them."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analytic import CUBE, clipped, judge
from shapes import blobs, cube, gyroid, joined, moved, sheet, sphere, stripes

from blender_aigc.protocol import Fault, ModelInfo
from server.geometry.asset import ASSET_PARAMS, AssetOptions, finish
from server.geometry.clean import drop_floaters, take_faces, topology
from server.geometry.mesh import Mesh
from server.geometry.mesher import extract
from server.geometry.normals import vertex_normals

ROOT = Path(__file__).parents[2]
SMALL = AssetOptions(faces=2000, texture_px=256)


def _sound(mesh: Mesh) -> None:
    assert mesh.vertices.dtype == np.float32 and mesh.faces.dtype == np.int32
    assert np.isfinite(mesh.vertices).all() and 0 <= mesh.faces.min() and mesh.faces.max() < len(mesh.vertices)
    assert mesh.normals.shape == mesh.vertices.shape and mesh.report["faces"] == len(mesh.faces)
    assert len(np.unique(mesh.faces)) == len(mesh.vertices) == mesh.report["vertices"]
    assert mesh.corner_uvs is None or mesh.corner_uvs.shape == (len(mesh.faces), 3, 2)
    assert all(isinstance(value, (bool, int, float, str)) for value in mesh.report.values())


def test_the_parameters_are_a_models_and_become_options():
    model = ModelInfo("x", "image_to_mesh", "X", "", ASSET_PARAMS)
    assert AssetOptions.from_params(model.check_params({})) == AssetOptions()
    chosen = {"faces": 0, "texture_px": "2048", "topology": "quads", "floaters_percent": 0, "height_m": 2}
    expected = AssetOptions(faces=0, texture_px=2048, quads=True, floater_share=0.0)
    assert AssetOptions.from_params(model.check_params(chosen)) == expected
    assert AssetOptions.from_params({"faces": 3}).faces == 100
    for bad in ({"faces": -1}, {"texture_px": "1000"}, {"topology": "ngons"}, {"height_m": 0.0}, {"faces": 3_000_000}):
        with pytest.raises(Fault):
            model.check_params(bad)


def test_the_parameters_need_no_numpy():
    code = "import sys; import server.geometry.asset_params; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("field", [blobs, gyroid, clipped])
@pytest.mark.parametrize("quads", [False, True])
def test_a_field_becomes_an_asset(field, quads):
    raw = extract(field, CUBE, 64)
    mesh = finish(raw, replace(SMALL, faces=3000, texture_px=512, quads=quads), stripes)
    _sound(mesh)
    report = mesh.report
    assert 2700 < len(mesh.faces) <= 3000 and report["decimated_from"] > 5000
    assert report["watertight"] and judge(mesh).is_watertight and report["nonmanifold_edges"] == 0
    assert report["euler"] == judge(mesh).euler_number
    assert report["quads"] == mesh.quads and (mesh.quads > 600) == quads
    assert report["uv_method"] == "charts" and 0.2 < report["uv_coverage"] < 1 and report["note"] == ""
    assert report["field_queries"] == raw.report["field_queries"]  # what the mesher knew is still known
    assert mesh.base_colour.shape == (512, 512, 3) and mesh.vertex_colours is None
    np.testing.assert_array_equal(mesh.normals, vertex_normals(mesh.vertices, mesh.faces))
    centre_uv = mesh.corner_uvs.mean(axis=1)
    seen = mesh.base_colour[((1 - centre_uv[:, 1]) * 512).astype(int), (centre_uv[:, 0] * 512).astype(int)] / 255
    assert np.abs(seen - stripes(mesh.vertices[mesh.faces].mean(axis=1))).mean() < 0.03


def test_vertex_colours_of_the_dense_mesh_end_up_in_the_texture():
    raw = extract(blobs, CUBE, 64)
    raw.vertex_colours = stripes(raw.vertices).astype(np.float32)
    mesh = finish(raw, replace(SMALL, texture_px=512))
    assert (
        np.abs(mesh.base_colour.astype(int) - finish(raw, replace(SMALL, texture_px=512), stripes).base_colour).mean()
        < 6
    )


def test_without_colours_there_are_uvs_and_no_texture():
    mesh = finish(sphere(), SMALL)
    assert mesh.base_colour is None and mesh.corner_uvs is not None and "texture_px" not in mesh.report
    bare = finish(sphere(), replace(SMALL, texture_px=0))
    assert bare.corner_uvs is None
    _sound(bare)


def test_zero_faces_keeps_them_all():
    raw = sphere(24)
    mesh = finish(raw, replace(SMALL, faces=0))
    assert len(mesh.faces) == len(raw.faces) and "decimated_from" not in mesh.report


def test_a_models_own_texture_survives_when_no_face_changes():
    mesh = sheet(4)
    mesh.corner_uvs, mesh.base_colour = mesh.vertices[mesh.faces][..., :2], np.full((8, 8, 3), 7, np.uint8)
    done = finish(mesh, SMALL, stripes)
    np.testing.assert_array_equal(done.base_colour, mesh.base_colour)
    np.testing.assert_array_equal(done.corner_uvs, mesh.corner_uvs)
    light = finish(replace(mesh, faces=mesh.faces), replace(SMALL, faces=10), stripes)
    assert light.base_colour.shape == (256, 256, 3)


def test_floaters_and_holes_are_reported():
    body = sphere(48)
    torn = take_faces(body, np.arange(len(body.faces)) != 100)
    mesh = finish(joined(torn, moved(sphere(16), 0.03, (0.9, 0.9, 0.9)), moved(cube(), 0.05, (-0.9, 0, 0))), SMALL)
    assert mesh.report["removed_floaters"] == 2 and mesh.report["filled_holes"] == 1
    assert mesh.report["watertight"] and judge(mesh).body_count == 1
    both = finish(joined(torn, moved(cube(), 0.05, (-0.9, 0, 0))), replace(SMALL, floater_share=0.0, faces=0))
    assert judge(both).body_count == 2


def test_an_inside_out_mesh_is_turned():
    raw = sphere(32)
    mesh = finish(replace(raw, faces=raw.faces[:, ::-1].copy()), SMALL)
    assert judge(mesh).volume > 0 and mesh.report["turned_faces"] == len(raw.faces)


def test_an_open_sheet_stays_open():
    mesh = finish(sheet(30), replace(SMALL, faces=500), stripes)
    _sound(mesh)
    assert not mesh.report["watertight"] and mesh.report["open_holes"] == 1
    np.testing.assert_allclose(judge(mesh).area, 1, rtol=0.02)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_size_does_not_matter(scale):
    raw = moved(extract(blobs, CUBE, 64), scale)
    mesh = finish(raw, SMALL, lambda points: stripes(points / scale))
    _sound(mesh)
    assert mesh.report["watertight"] and 1900 < len(mesh.faces) <= 2000
    solid, before = judge(moved(mesh, 1 / scale)), judge(moved(raw, 1 / scale))
    assert solid.volume == pytest.approx(before.volume, rel=0.1)


def test_a_body_far_from_the_origin_stays_whole():
    raw = moved(sphere(64), 1.0, (1000, 1000, 1000))
    mesh = finish(raw, SMALL, lambda points: np.clip(points - 1000, 0, 1))
    assert mesh.report["watertight"] and judge(mesh).bounds[0] == pytest.approx([999.2] * 3, abs=0.01)


@pytest.mark.parametrize(
    ("vertices", "faces", "code"),
    [
        ([(0, 0, np.nan), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)], "bad_input"),
        ([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 7)], "bad_input"),
        ([(0, 0, 0), (1, 0, 0), (0, 1, 0)], np.zeros((0, 3)), "empty_result"),
        ([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 1), (2, 2, 2)], "empty_result"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "empty_result"),
    ],
)
def test_a_mesh_that_is_none_is_an_explained_fault(vertices, faces, code):
    with pytest.raises(Fault) as caught:
        finish(Mesh(np.array(vertices, np.float32), np.array(faces, np.int32)), SMALL, stripes)
    assert caught.value.code == code and caught.value.message.endswith(".") and caught.value.hint


@pytest.mark.parametrize("seed", range(6))
def test_rubbish_is_survived(seed):
    """Random triangles over few vertices: crowded edges, fins, repetitions, everything at once."""
    rng = np.random.default_rng(seed)
    mesh = Mesh(rng.random((30, 3)).astype(np.float32), rng.integers(0, 30, (200, 3)).astype(np.int32))
    for options in (SMALL, replace(SMALL, faces=100, quads=True), replace(SMALL, unwrap="boxes")):
        done = finish(mesh, options, stripes)
        _sound(done)
        assert done.report["nonmanifold_edges"] == 0


def test_the_same_input_gives_the_same_bytes():
    raw = extract(blobs, CUBE, 48)
    one, other = (finish(raw, replace(SMALL, quads=True), stripes) for _ in range(2))
    for key in ("vertices", "faces", "corner_uvs", "base_colour", "normals"):
        assert getattr(one, key).tobytes() == getattr(other, key).tobytes()


def test_progress_names_the_phases_and_can_end_the_work():
    phases = []
    finish(sphere(), SMALL, stripes, lambda phase, step=0, total=0: phases.append(phase))
    assert list(dict.fromkeys(phases)) == ["clean", "decimate", "unwrap", "bake"]

    class Stop(BaseException):
        pass

    def stop(phase, step=0, total=0):
        if phase == "unwrap":
            raise Stop

    with pytest.raises(Stop):
        finish(sphere(), SMALL, stripes, stop)


def test_a_million_faces():
    """Clean and normals on a mesh as dense as models make them."""
    one = sphere(192)
    many = joined(*[moved(one, 0.2, (x, y, 0)) for x in range(3) for y in range(2)], moved(sphere(9), 0.001, (0, 0, 5)))
    assert len(many.faces) > 1_000_000
    kept, dropped = drop_floaters(many, 0.01)
    assert dropped == 1 and topology(kept.faces).watertight and topology(kept.faces).euler == 12
    mesh = finish(many, AssetOptions(faces=0, texture_px=0))
    assert mesh.report["removed_floaters"] == 1 and mesh.report["watertight"] and mesh.report["euler"] == 12
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-6)


def test_it_works_with_numpy_alone():
    """Blender's own Python has neither xatlas, fast-simplification nor scipy."""
    code = """
import sys
for name in ('xatlas', 'fast_simplification', 'scipy', 'skimage', 'torch', 'trimesh', 'PIL'):
    sys.modules[name] = None  # importing it raises ImportError
import numpy as np
from server.geometry.asset import AssetOptions, finish
from server.geometry.mesher import extract
raw = extract(lambda p: 0.8 - np.linalg.norm(p, axis=1), ((-1, -1, -1), (1, 1, 1)), 48)
mesh = finish(raw, AssetOptions(faces=1000, texture_px=256, quads=True), lambda p: p * 0 + 0.5)
assert mesh.report['watertight'] and mesh.quads and mesh.base_colour.min() == 128, mesh.report
assert 'fast-simplification' in mesh.report['note'] and 'xatlas' in mesh.report['note'], mesh.report
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
