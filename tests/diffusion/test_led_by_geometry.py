"""What ControlNets are shown of the objects: each view its own maps, in the conventions that they were trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Bench
from drawn import drawn, whole
from test_texture_engines import mesh

from server.diffusion.controls import parse_controls
from server.geometry.cameras import six_axes
from server.geometry.raster import Maps, Scene, render_maps
from server.geometry.triangles import Triangles
from server.texturing.view_controls import AUTO, KINDS, control_view

assert mesh  # the fixture
UNION = "union=depth:0.8, union=line:0.4@0-0.8, union=normal:0.5"


@pytest.fixture(scope="module")
def cubes() -> list[Maps]:
    """A cube from six sides, turned by half a right angle about the vertical: two of its sides from the front."""
    trimesh = pytest.importorskip("trimesh")
    made = trimesh.creation.box((1, 1, 1), trimesh.transformations.rotation_matrix(np.pi / 4, (0, 0, 1)))
    flat = np.repeat(np.asarray(made.face_normals, np.float32)[:, None], 3, axis=1)
    points = np.asarray(made.vertices, np.float32)
    triangles = Triangles(points, np.asarray(made.faces, np.int32), corner_normals=flat)
    return render_maps(Scene(triangles), six_axes(points, 64))


@pytest.mark.parametrize("view", [0, 1, 2, 3])
def test_depth_normals_and_lines_are_those_of_the_camera(cubes: list[Maps], view: int) -> None:
    """All four sides look alike: near is bright, red looks to the left, blue to the camera, the edge is a line."""
    seen = cubes[view]
    mask = seen.mask.numpy()
    depth, normal, line = (control_view(seen, kind).astype(int) for kind in ("depth", "normal", "line"))
    row = depth[32, :, 0]
    left, right = np.flatnonzero(mask[32])[[0, -1]]
    middle = (left + right) // 2
    assert row[middle] > 240 and row[left + 1] < 40 and row[right - 1] < 40 and not depth[~mask].any()
    lean = round(127.5 * 0.5**0.5)
    for column, way in ((left + 6, -1), (right - 6, 1)):
        assert np.abs(normal[32, column] - (128 - way * lean, 128, 128 + lean)).max() <= 2
    assert line[32, [middle, middle + 1]].max() > 200 and line[32, [left + 6, right - 6]].max() < 60


def test_auto_takes_a_union_for_depth_lines_and_normals(tmp_path: Path) -> None:
    units = parse_controls("auto", {"controlnet-union-promax": tmp_path}, KINDS, AUTO)
    assert {unit.kind: unit.weight for unit in units} == {"depth": 0.8, "line": 0.4, "normal": 0.5}
    assert all(unit.union for unit in units)


def test_a_union_is_told_what_each_picture_shows_and_when_it_counts(bench: Bench, mesh: Path, monkeypatch) -> None:
    """Numbers as published with ControlNet-Union: 1 depth, 3 lines, 4 normals. Every view is shown itself."""
    from diffusers import ControlNetUnionModel

    asked: list[dict] = []
    plain = ControlNetUnionModel.forward

    def noted(self, *given, **options):  # noqa: ANN001, ANN002, ANN202
        asked.append(options)
        return plain(self, *given, **options)

    monkeypatch.setattr(ControlNetUnionModel, "forward", noted)
    _, subject, cameras = whole(bench, mesh, "sdxl_sync", controls=UNION, at_once=0)
    seen = render_maps(Scene(subject.triangles), cameras)
    assert [list(one["control_type_idx"]) for one in asked] == [[1, 3, 4]] * 2
    assert [list(one["conditioning_scale"]) for one in asked] == [[0.8, 0.4, 0.5], [0.8, 0.0, 0.5]]
    for kind, pictures in zip(("depth", "line", "normal"), asked[0]["controlnet_cond"], strict=True):
        wanted = np.stack([control_view(maps, kind) for maps in seen])
        found = (pictures * 255).round().permute(0, 2, 3, 1).to(torch.uint8).numpy()
        assert np.array_equal(found[:6], wanted) and np.array_equal(found[-6:], wanted), kind


def test_guidance_and_what_to_avoid_count(bench: Bench, mesh: Path) -> None:
    usual = drawn(bench, mesh, guidance=5.0)
    for options in ({"guidance": 9.0}, {"guidance": 5.0, "negative": "red"}):
        assert np.abs(drawn(bench, mesh, **options) - usual).max() > 0, options
