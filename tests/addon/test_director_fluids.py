"""Liquid and smoke of plans, judged by the surfaces and volumes that come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

import bmesh  # noqa: E402
from measured_fluids import Fluid, baked_fluid  # noqa: E402
from plans import baked, build, plan  # noqa: E402

from blender_aigc.director.bake import Bake  # noqa: E402
from blender_aigc.director.fluids_in import FLUID  # noqa: E402
from blender_aigc.film import control_frames, moving  # noqa: E402
from blender_aigc.plan import validate  # noqa: E402
from blender_aigc.protocol import Fault  # noqa: E402

TRAP = Path(__file__).parent / "fluid_trap"
JET = {"name": "jet", "shape": "sphere", "size_m": [0.1] * 3, "place": {"relation": "above", "target": "cup",
       "distance_m": 0.1}, "liquid": {"velocity_m_s": [0, 0, -0.5], "stop_frame": 18}}  # fmt: skip
BLOB = {"name": "blob", "shape": "cube", "size_m": [0.3] * 3}


@pytest.fixture
def fluids(empty_file: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bpy wheels abort at the first domain unless their module is made anew: see fluid_trap."""
    monkeypatch.setenv("PYTHONPATH", str(TRAP))


def surface(collection: bpy.types.Collection, frame: int) -> tuple[np.ndarray, float]:
    """World points (V, 3) of the liquid at `frame` and its volume, m3."""
    (obj,) = (obj for obj in collection.objects if obj.get(FLUID) == "liquid")
    bpy.context.scene.frame_set(frame)
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    edit = bmesh.new()
    edit.from_mesh(evaluated.data)
    edit.transform(obj.matrix_world)
    points = np.array([vertex.co[:] for vertex in edit.verts])
    volume = edit.calc_volume()
    edit.free()
    return points, volume


def test_water_poured_into_a_cup_stays_in_it_and_keeps_its_volume(fluids: None, tmp_path: Path) -> None:
    cup = {"shape": "cup", "scale": 4}
    built = baked(plan(cup, JET, frames=36, domain={"resolution": 32}), tmp_path)
    _, poured = surface(built.collection, 25)  # all of it has arrived
    for frame in (30, 36):
        points, volume = surface(built.collection, frame)
        assert volume == pytest.approx(poured, rel=0.10)
        assert np.hypot(*points[:, :2].T).max() < 0.18 and points[:, 2].min() > -0.005, "it runs through the wall"
    assert poured > 0.004
    (obj,) = (obj for obj in built.collection.objects if FLUID in obj)
    assert obj.data.materials[0].name.startswith("water")
    mesh = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    assert all(face.use_smooth for face in mesh.polygons) and not mesh.has_custom_normals, "no facets"
    assert built.objects["jet"][0].hide_render


def test_thicker_liquid_spreads_more_slowly(fluids: None, tmp_path: Path) -> None:
    wide = []
    for substance in ("water", "syrup", "slime"):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        blob = {**BLOB, "liquid": {"role": "volume", "substance": substance}}
        built = baked(plan(blob, frames=12, domain={"resolution": 24}), tmp_path / substance)
        points, _ = surface(built.collection, 12)
        wide.append(float(np.hypot(*points[:, :2].T).mean()))
    assert all(a > 1.1 * b for a, b in zip(wide, wide[1:], strict=False)), wide


def test_smoke_rises_and_comes_back_as_volumes(fluids: None, tmp_path: Path) -> None:
    smoking = {**BLOB, "shape": "sphere", "gas": {"color": "#303030"}}
    built = baked(plan(smoking, frames=6, domain={"resolution": 16}), tmp_path)
    (obj,) = (obj for obj in built.collection.objects if obj.get(FLUID) == "gas")
    assert obj.type == "VOLUME" and obj.data.is_sequence and obj.data.frame_duration >= 6
    assert Path(bpy.path.abspath(obj.data.filepath)).stat().st_size > 1000
    assert obj in moving(built.collection)
    made = control_frames(bpy.context.scene, built.collection, tmp_path / "c", 2, 6, longest_px=48)
    while not made.finished:
        made.step()
    assert made.fault is None
    tops = []
    for frame in (2, 6):
        image = bpy.data.images.load(str(tmp_path / "c" / "mask" / f"{frame:04d}.png"))
        white = np.array(image.pixels[:]).reshape(image.size[1], image.size[0], 4)[..., 0] > 0.5
        assert 10 < white.sum() < 0.9 * white.size, "the smoke, and not the ground"
        tops.append(int(np.nonzero(white.any(1))[0].max()))
    assert tops[1] > tops[0], "the mask rises with the smoke"


def blown(thing: dict, speed_m_s: float, folder: Path, frames: int, fps: int = 24) -> Fluid:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    wind = [{"type": "wind", "speed_m_s": speed_m_s, "gusts": 0}]
    data = plan(thing, forces=wind, domain={"resolution": 24})
    data["timing"]["fps"] = fps
    return baked_fluid(validate(data), folder, frames)


def test_smoke_goes_with_the_wind_and_not_faster(fluids: None, tmp_path: Path) -> None:
    smoking = {"name": "blob", "shape": "sphere", "size_m": [0.3] * 3, "gas": {}}
    calm = blown(smoking, 0.0, tmp_path / "0", 12)
    assert abs(calm.last.mean(0)[0]) < 0.05
    for speed in (1.0, 4.0):
        found = blown(smoking, speed, tmp_path / str(speed), 12)
        front = found.last[:, 0].max() - found.points[8][:, 0].max()
        assert 0.4 * speed < front / (4 / found.plan.timing.fps) < 1.1 * speed, speed
        assert found.last[:, 2].max() > found.boxes["blob"][1, 2] + 0.15, "it still rises"


def test_a_wind_pushes_a_liquid_by_the_drag_of_the_air_at_any_frame_rate(fluids: None, tmp_path: Path) -> None:
    """30 cm of water fall as without wind, and come 1/2 a t2 to the side: in a gale hardly, in a hurricane visibly."""
    water = {**BLOB, "place": {"relation": "above", "distance_m": 0.5}, "liquid": {"role": "volume"}}
    calm = blown(water, 0.0, tmp_path / "0", 8)
    for speed, fps in ((18.0, 24), (50.0, 24), (50.0, 48)):
        found = blown(water, speed, tmp_path / f"{speed}_{fps}", 8, fps)
        t = 7 / fps
        expected = 0.5 * (0.5 * 1.2 * 0.5 * 1.5 / (1000 * 0.3) * speed**2) * t**2
        shift = found.last.mean(0)[0] - found.points[1].mean(0)[0]
        assert shift == pytest.approx(expected, rel=0.35, abs=0.01), (speed, fps)
        if fps == 24:
            assert found.last.mean(0)[2] == pytest.approx(calm.last.mean(0)[2], abs=0.02)


@pytest.mark.parametrize("matter", [{"liquid": {"role": "volume"}}, {"gas": {"type": "smoke_and_fire"}}])
def test_the_same_plan_flows_in_the_same_way(matter: dict, fluids: None, tmp_path: Path) -> None:
    gusty = [{"type": "wind", "speed_m_s": 10}]
    found = []
    for number in range(2):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        wanted = validate(plan({**BLOB, **matter}, forces=gusty, domain={"resolution": 20}))
        found.append(baked_fluid(wanted, tmp_path / str(number), 8))
    for frame in found[0].frames:
        assert found[0].points[frame].shape == found[1].points[frame].shape
        assert np.array_equal(found[0].points[frame], found[1].points[frame]), frame
    assert len(found[0].last) > 20


def test_a_domain_too_large_is_refused_with_a_resolution_that_fits(fluids: None, tmp_path: Path) -> None:
    blob = {**BLOB, "liquid": {"role": "volume"}}
    built = build(plan(blob, frames=4, domain={"resolution": 512, "size_m": [5, 5, 5]}))
    bake = Bake(bpy.context, built, tmp_path)
    with pytest.raises(Fault, match="GB") as caught:
        bake.wait()
    assert caught.value.code == "out_of_memory" and any(word.strip(".").isdigit() for word in caught.value.hint.split())


@pytest.mark.skipif(bool(bpy.app.binary_path), reason="only the Python module cannot do it")
def test_blender_as_a_module_refuses_with_a_sentence_instead_of_ending(tmp_path: Path, empty_file: None) -> None:
    built = build(plan({**BLOB, "liquid": {"role": "volume"}}, frames=4))
    bake = Bake(bpy.context, built, tmp_path)
    with pytest.raises(Fault, match="Python module cannot compute liquid"):
        bake.wait()
    assert bake.state == "failed"


def test_a_cancelled_bake_goes_on_where_it_can(tmp_path: Path, empty_file: None) -> None:
    ball = {"shape": "basketball", "rigid": {}, "place": {"relation": "above"}}
    built = build(plan(ball, frames=40))
    bake = Bake(bpy.context, built, tmp_path)
    bake.start()
    bake.cancel()
    assert bake.state == "cancelled" and bake.poll()
    again = Bake(bpy.context, built, tmp_path)
    assert again.folder == bake.folder
    again.wait()
    stamp = (again.folder / "solids.npz").stat().st_mtime_ns
    third = Bake(bpy.context, built, tmp_path)
    third.wait()
    assert (third.folder / "solids.npz").stat().st_mtime_ns == stamp, "what is done is not done again"


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, empty_file: None) -> None:
    (tmp_path / "file").write_text("")
    built = build(plan({"shape": "basketball", "rigid": {}}))
    with pytest.raises(Fault) as caught:
        Bake(bpy.context, built, tmp_path / "file")
    assert caught.value.code == "disk_full"
