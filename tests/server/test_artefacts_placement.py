"""From every model's frame to the ground of Blender, by the asymmetric probe of tests/parity/frames.

A body with a nose in front, a hat on top and one arm on its left: a mirrored conversion passes every test of front and
up, but not the arm.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gltf_reader import Glb

from server.artefacts import write_glb
from server.geometry.frames import BLENDER, Frame
from server.geometry.mesh import Mesh

FIXTURE = json.loads((Path(__file__).parents[1] / "parity/frames/fixture.json").read_text(encoding="utf-8"))
FRAMES = {
    "triposr": Frame(up="+Z", front="+X"),
    "mvdream": Frame(up="+Z", front="+X"),
    "shap_e": Frame(up="+Z", front="-Y"),
    "triposg": Frame(up="+Y", front="+Z"),
}
_SIDES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


def box(centre: list[float], half: list[float]) -> Mesh:
    """A closed box with its faces counter-clockwise seen from outside."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    faces = _SIDES[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int32)
    return Mesh((np.array(centre) + signs * np.array(half)).astype(np.float32), faces)


def probe(family: str) -> list[Mesh]:
    """The toy in the native axes of `family`, one mesh a box: body, nose, hat, left arm."""
    parts = []
    for name, shape in FIXTURE["models"][family]["boxes_native"].items():
        parts.append(box(shape["center"], shape["half"]))
        parts[-1].name = name
    return parts


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed volume: negative when the faces look inwards."""
    a, b, c = (vertices[faces[:, i]].astype(float) for i in range(3))
    return float(np.einsum("fx,fx->f", a, np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("family", FRAMES)
def test_the_frames_are_those_of_the_fixture(family: str) -> None:
    expected = np.array(FIXTURE["models"][family]["native_to_blender_3x3"])
    assert (FRAMES[family].blender_from_native == expected).all()
    assert np.linalg.det(expected) == pytest.approx(1)


@pytest.mark.parametrize("family", FRAMES)
def test_the_probe_stands_in_gltf_as_it_should(tmp_path: Path, family: str) -> None:
    facts = FIXTURE["models"][family]
    low, high = np.array(facts["blender_bbox_min"]), np.array(facts["blender_bbox_max"])
    scale = 1.7 / (high[2] - low[2])
    base = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    artefact = write_glb(probe(family), tmp_path / "0.glb", None, FRAMES[family], 1.7)
    assert (artefact.meta["width_m"], artefact.meta["depth_m"], artefact.meta["height_m"]) == pytest.approx(
        tuple((high - low) * scale)
    )
    glb, everything = Glb(tmp_path / "0.glb"), []
    for index, node in enumerate(glb.doc["nodes"]):
        place = np.array(node.get("translation", (0, 0, 0)))
        points = glb.attribute("POSITION", index) + place
        everything.append(points)
        assert volume(points - place, glb.triangles(index)) > 0
        name = node["name"]
        if name in facts["tips_blender"]:
            x, y, z = (np.array(facts["tips_blender"][name]) - base) * scale
            reach = {"nose": points[:, 2].max() - -y, "hat": points[:, 1].max() - z, "left_arm": points[:, 0].max() - x}
            assert reach[name] == pytest.approx(0, abs=1e-5)
    points = np.concatenate(everything)
    assert np.allclose((points.min(0) + points.max(0))[[0, 2]], 0, atol=1e-6)
    assert (points[:, 1].min(), points[:, 1].max()) == pytest.approx((0, 1.7), abs=1e-6)


def test_normals_turn_with_the_surface(tmp_path: Path) -> None:
    for family, frame in FRAMES.items():
        nose = probe(family)[1]
        forward = np.array(FIXTURE["models"][family]["native_axes"]["forward"], np.float32)
        nose.normals = np.tile(forward, (8, 1))
        write_glb([nose], tmp_path / "0.glb", None, frame)
        assert np.allclose(Glb(tmp_path / "0.glb").attribute("NORMAL"), (0, 0, 1))


@pytest.mark.parametrize("height_m", [0.001, 1.0, 2500.0])
def test_any_native_scale_and_any_height(tmp_path: Path, height_m: float) -> None:
    for native in (1e-6, 1.0, 1e6):
        mesh = box([5 * native, -3 * native, 9 * native], [native, 2 * native, 3 * native])
        write_glb([mesh], tmp_path / "0.glb", None, BLENDER, height_m)
        points = Glb(tmp_path / "0.glb").attribute("POSITION")
        size = np.ptp(points, axis=0)
        assert size == pytest.approx(np.array([1, 3, 2]) / 3 * height_m, rel=1e-5)
        assert points.min(0)[1] == pytest.approx(0, abs=1e-6 * height_m)


def test_a_lying_card_is_scaled_by_its_largest_side(tmp_path: Path) -> None:
    vertices = np.array([[0, 0, 1], [4, 0, 1], [4, 2, 1], [0, 2, 1 + 1e-9]], np.float64)
    write_glb([Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32))], tmp_path / "0.glb", None, BLENDER, 1.5)
    assert np.ptp(Glb(tmp_path / "0.glb").attribute("POSITION"), axis=0) == pytest.approx([1.5, 0, 0.75], abs=1e-6)
