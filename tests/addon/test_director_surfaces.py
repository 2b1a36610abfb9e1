"""The surface of a liquid on its way into the Alembic file. Here it is a growing pile of cubes: no fluid is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_aigc.director import surfaces  # noqa: E402

FRAMES, FPS = 6, 30
AT = (1.0, -2.0, 0.5)


@pytest.fixture
def pile(empty_file: None) -> bpy.types.Object:
    """A cube whose copies grow in number, one a frame."""
    bpy.ops.mesh.primitive_cube_add(size=0.5, location=AT)
    obj = bpy.context.object
    obj.name = obj.data.name = "Surface"  # the names that the export would like
    bpy.context.scene.render.fps, bpy.context.scene.frame_end = FPS, FRAMES
    array = obj.modifiers.new("Array", "ARRAY")
    for frame in (1, FRAMES):
        array.count = frame
        array.keyframe_insert("count", frame=frame)
    return obj


def kept(obj: bpy.types.Object) -> surfaces.Surfaces:
    found = surfaces.Surfaces(obj)
    for frame in range(1, FRAMES + 1):
        bpy.context.scene.frame_set(frame)
        found.keep(bpy.context.evaluated_depsgraph_get())
    return found


def read_back(path: Path) -> list[np.ndarray]:
    """(V, 3) in the world, frame by frame, of the only object of the file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = FPS
    bpy.ops.wm.alembic_import(filepath=str(path), set_frame_range=True, as_background_job=False)
    assert (scene.frame_start, scene.frame_end) == (1, FRAMES)
    (obj,) = bpy.data.objects
    found = []
    for frame in range(1, FRAMES + 1):
        scene.frame_set(frame)
        mesh = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        found.append(np.array([obj.matrix_world @ vertex.co for vertex in mesh.vertices]))
    return found


def test_the_file_holds_each_frame_as_it_was_when_it_was_computed(pile: bpy.types.Object, tmp_path: Path) -> None:
    found = kept(pile)
    pile.modifiers.clear()  # nothing is evaluated, let alone read, a second time
    found.export(bpy.context.scene, tmp_path / "liquid.abc")
    assert bpy.context.scene.objects[:] == [pile] and not bpy.app.handlers.frame_change_pre
    assert [path.name for path in tmp_path.iterdir()] == ["liquid.abc"]
    frames = read_back(tmp_path / "liquid.abc")
    assert [len(points) for points in frames] == [8 * number for number in range(1, FRAMES + 1)]
    for number, points in enumerate(frames, 1):
        assert points.min(0) == pytest.approx(np.array(AT) - 0.25, abs=1e-6)
        assert points.max(0) == pytest.approx(np.array(AT) + [0.5 * number - 0.25, 0.25, 0.25], abs=1e-6)


def test_what_does_not_fit_into_memory_is_read_again_and_gives_the_same_file(
    pile: bpy.types.Object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(pile).export(bpy.context.scene, tmp_path / "kept.abc")
    monkeypatch.setattr(surfaces, "_MOST_BYTES", 3 * 8 * 100)  # full in the midst
    before = len(bpy.data.meshes)
    again = kept(pile)
    assert len(bpy.data.meshes) == before, "the meshes are gone, too"
    again.export(bpy.context.scene, tmp_path / "read.abc")
    one, other = read_back(tmp_path / "kept.abc"), read_back(tmp_path / "read.abc")
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
