"""What the geometry of the generators promises, against formulas."""

from __future__ import annotations

import numpy as np
import pytest
from judges import areas, open_edges, volume

from blender_aigc.director.generators import generate
from blender_aigc.director.generators.shapes.cut import parted
from blender_aigc.director.generators.shapes.erosion import rain, slump
from blender_aigc.director.generators.shapes.isosurface import surface
from blender_aigc.director.generators.shapes.piece import assembled, slotted
from blender_aigc.director.generators.shapes.points import on_surface, spread
from blender_aigc.director.generators.shapes.solids import ball, box, lathe, sheet, thick, tubes


def test_a_mark_has_a_clean_border_and_its_true_area() -> None:
    """No face lies on both sides of the line, and the disc of half angle 0.5 has the area 2 pi (1 - cos 0.5)."""
    whole = ball(1.0, 24)
    cut, inside = parted(whole, np.cos(0.5) - whole.vertices[:, 2])
    part = slotted("Ball", cut, inside, ("a", "b"), closed=True)
    assert open_edges(part) == 0
    height = np.cos(0.5) - cut.vertices[cut.corners][:, 2]
    first = np.concatenate([[0], np.cumsum(cut.sizes)[:-1]])
    low, high = np.minimum.reduceat(height, first), np.maximum.reduceat(height, first)
    assert (np.minimum(-low, high) < 2e-3).all(), "a face crosses the line"
    assert areas(part)[inside].sum() == pytest.approx(2 * np.pi * (1 - np.cos(0.5)), rel=0.02)


def test_volumes_are_those_of_the_formulas() -> None:
    cases = (
        (box(1, 2, 3), 6.0),
        (box(1, 2, 3, 0.001), 6.0),
        (ball(0.5, 24), 4 / 3 * np.pi / 8),
        (lathe(np.array([(0, 0), (1, 0), (1, 2), (0, 2)]), 128), 2 * np.pi),
        (tubes(np.array([(0, 0, 0), (0, 0, 1), (0, 0, 3.0)]), 0.5, 128), 3 * np.pi / 4),
        (thick(sheet(4, 4, 2, 3), 0.1), 0.6),
    )
    for piece, expected in cases:
        part = assembled("Solid", [(piece, "a")], closed=True)
        assert open_edges(part) == 0 and volume(part) == pytest.approx(expected, rel=0.01)


def test_surface_nets_close_a_ball() -> None:
    axis = np.linspace(-1.5, 1.5, 31)
    field = np.linalg.norm(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1), axis=-1) - 1
    part = assembled("Ball", [(surface(field, np.full(3, -1.5), 0.1), "a")], closed=True)
    assert open_edges(part) == 0 and volume(part) == pytest.approx(4 / 3 * np.pi, rel=0.03)
    assert np.allclose(np.linalg.norm(part.vertices, axis=1), 1, atol=0.02)


def test_water_carries_soil_down_and_digs_no_shafts() -> None:
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:64, :64] / 64.0
    before = 20 * np.exp(-6 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)) + rng.normal(0, 0.2, (64, 64))
    after = rain(before, 3000, np.random.default_rng(3))
    middle = (slice(24, 40), slice(24, 40))
    assert after[middle].mean() < before[middle].mean() - 0.05, "the hill was not worn"
    assert after.min() > before.min() - 1.5 and after.max() < before.max() + 0.5


def test_slopes_come_to_rest() -> None:
    cliff = np.zeros((40, 40))
    cliff[:, 20:] = 10
    rest = slump(cliff, 0.9, 400)
    assert np.abs(np.diff(rest, axis=1)).max() < 1.0
    assert rest.mean() == pytest.approx(cliff.mean()), "stones were lost"


def test_points_on_a_surface_follow_the_area_and_avoid_what_is_steep() -> None:
    rng = np.random.default_rng(0)
    cube = box(1, 1, 1)
    points, normals = on_surface(cube, 6000, rng)
    shares = [(np.abs(normals - axis).max(1) < 1e-9).mean() for axis in np.vstack([np.eye(3), -np.eye(3)])]
    assert np.allclose(shares, 1 / 6, atol=0.01) and np.allclose(np.abs(points).max(1), 0.5)
    top, _ = on_surface(cube, 100, rng, 45)
    assert np.allclose(top[:, 2], 0.5)
    assert len(on_surface(cube.turned("x", 45), 100, rng, 30)[0]) == 0


def test_spread_discs_keep_apart() -> None:
    places = spread(np.random.default_rng(1), 20, 20, np.full(60, 0.6))
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(60, 1)]
    assert gaps.min() > 1.0 and np.abs(places).max() <= 10 - 0.6 + 1e-9


def test_the_sea_repeats_moves_and_grows_with_the_wind() -> None:
    def heights(**values: float) -> np.ndarray:
        return generate("water", {"detail": 0.25, "chop": 0.0, **values}).parts[0].vertices[:, 2].reshape(41, 41)

    calm, later = heights(), heights(time_s=1.5)
    assert np.allclose(calm[0], calm[-1], atol=1e-5) and np.allclose(calm[:, 0], calm[:, -1], atol=1e-5)
    assert np.abs(calm - later).max() > 0.05
    deviation = [float(heights(wind=wind).std()) for wind in (2.0, 4.0, 6.0, 8.0)]
    assert deviation == sorted(deviation)
    assert 4 * deviation[-1] == pytest.approx(0.21 * 64 / 9.81, rel=0.35), "significant height of a wind sea"


def test_sizes_asked_for_are_sizes_made() -> None:
    for generator, key, axis, asked in (
        ("chair", "seat_m", None, 0.6),
        ("table", "height_m", 2, 1.0),
        ("shelf", "width_m", 0, 2.0),
        ("rock", "size_m", None, 3.0),
        ("vase", "height_m", 2, 0.8),
        ("barrel", "height_m", 2, 1.2),
        ("ball", "diameter_m", 2, 2.0),
        ("wall", "length_m", 0, 5.0),
        ("shrub", "height_m", 2, 2.0),
        ("cloud", "width_m", 0, 80.0),
        ("terrain", "relief_m", 2, 33.0),
    ):
        size = np.ptp(generate(generator, {key: asked}).bounds(), axis=0)
        if generator == "chair":
            assert size[2] == pytest.approx(0.6 + 0.45, rel=0.05)
        else:
            assert (size.max() if axis is None else size[axis]) == pytest.approx(asked, rel=0.04), generator
