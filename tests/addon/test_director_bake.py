"""A bake that is cancelled or killed leaves no process and no half files, and goes on; one plan has one result."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from plans import build, plan  # noqa: E402
from scene_state import differences, scene_state  # noqa: E402

from blender_aigc.director import order  # noqa: E402
from blender_aigc.director.bake import Bake  # noqa: E402
from blender_aigc.director.build import points_of  # noqa: E402
from blender_aigc.director.fluids_in import FLUID  # noqa: E402
from blender_aigc.director.motion import apply_motion  # noqa: E402
from blender_aigc.protocol import Fault  # noqa: E402

FLAG = {"shape": "flag", "size_m": [0.4, 0, 0.27], "cloth": {"pin": "left"},
        "place": {"relation": "at", "offset_m": [0, 0, 1]}}  # fmt: skip
WIND = [{"type": "wind", "strength": "moderate"}]
FRAMES = 150


def begun(bake: Bake):
    """The child's process, once it has simulated something."""
    bake.start()
    until = time.monotonic() + 60
    while not bake.poll() and bake.done < 2 and time.monotonic() < until:
        time.sleep(0.005)
    assert bake.state == "running" and bake.done >= 2, "it should be in the middle"
    return bake._process  # noqa: SLF001


def test_cancel_in_the_middle_leaves_nothing_running_and_the_next_bake_gives_the_same(tmp_path: Path) -> None:
    built = build(plan(FLAG, frames=FRAMES, forces=WIND))
    before = scene_state()
    bake = Bake(bpy.context, built, tmp_path / "cancelled")
    child = begun(bake)
    bake.cancel()
    assert bake.state == "cancelled" and child.poll() is not None, "the child is gone"
    assert not list(bake.folder.glob("*.part*")) and not list(bake.folder.glob("*.done"))
    assert differences(before, scene_state()) == []
    again = Bake(bpy.context, built, tmp_path / "cancelled")
    assert again.folder == bake.folder
    again.wait()
    straight = Bake(bpy.context, built, tmp_path / "straight")
    straight.wait()
    found = [order.read_pc2(one.folder / order.pc2_name("flag", 0)) for one in (again, straight)]
    assert len(found[0]) == FRAMES and np.array_equal(*found), "the same plan has the same result, to the last digit"


def test_a_fluid_is_cancelled_in_the_middle_and_the_next_bake_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blender's own fluid cache is half full then, and must not be mixed with the next run's."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "fluid_trap"))
    blob = {"name": "blob", "shape": "cube", "size_m": [0.3] * 3, "liquid": {"role": "volume"}}
    found = []
    for name in ("cancelled", "straight"):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        built = build(plan(blob, frames=40, domain={"resolution": 20}))
        if name == "cancelled":
            bake = Bake(bpy.context, built, tmp_path / name)
            child = begun(bake)
            bake.cancel()
            assert child.poll() is not None and not (bake.folder / "liquid.abc").exists()
            assert not list(bake.folder.glob("*.part*"))
        bake = Bake(bpy.context, built, tmp_path / name)
        bake.wait()
        apply_motion(bpy.context, built, bake.folder)
        (surface,) = (obj for obj in built.collection.objects if FLUID in obj)
        bpy.context.scene.frame_set(14)
        found.append(points_of(surface.evaluated_get(bpy.context.evaluated_depsgraph_get()).data))
    assert len(found[0]) > 100 and np.array_equal(*found)


def test_a_result_that_cannot_be_written_is_told_so(tmp_path: Path) -> None:
    built = build(plan({"shape": "basketball", "rigid": {}, "place": {"relation": "above"}}, frames=3))
    bake = Bake(bpy.context, built, tmp_path)
    (bake.folder / order.SOLIDS).mkdir()
    with pytest.raises(Fault, match="could not write") as caught:
        bake.wait()
    assert caught.value.code == "disk_full" and "space" in caught.value.hint and bake.state == "failed"


def test_a_child_that_is_killed_is_told_with_a_way_out(tmp_path: Path) -> None:
    built = build(plan(FLAG, frames=FRAMES, forces=WIND))
    bake = Bake(bpy.context, built, tmp_path)
    begun(bake).kill()
    with pytest.raises(Fault, match="ended from outside") as caught:
        bake.wait()
    assert caught.value.code == "out_of_memory" and "lower resolution" in caught.value.hint
    assert bake.state == "failed" and not list(bake.folder.glob("*.done"))


def test_an_error_in_the_callback_does_not_leave_the_child_behind(tmp_path: Path) -> None:
    built = build(plan(FLAG, frames=FRAMES))
    bake = Bake(bpy.context, built, tmp_path)

    def stop(_bake: Bake) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bake.wait(stop)
    assert bake.state == "cancelled" and bake._process is None  # noqa: SLF001
